//! The kernel as webserv sees it.
//!
//! Every `unsafe` block and every `extern "C"` declaration of the project stands in this crate, and nothing of HTTP.
//! Functions carry the name of their man page; descriptors come in borrowed or owned ([`std::os::fd`]), out-parameters
//! are return values, `-1` is an [`Error`] that names the call. There is no policy here: no retries but after `EINTR`,
//! no logging, no limits.

#[macro_use]
mod error;
#[cfg(feature = "faults")]
pub mod fault;

pub mod changes;
pub mod clock;
pub mod file;
pub mod net;
pub mod pipe;
pub mod poller;
pub mod process;
pub mod random;
pub mod signal;

#[cfg(test)]
mod testing;

pub use clock::Moment;
pub use error::{Error, Result};
pub use poller::{Poller, Ready, Token, Watch};
