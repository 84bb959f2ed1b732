//! Safe functions for the system calls that webserv uses.
//!
//! Every `unsafe` block and every `extern "C"` declaration of the project is in this crate. It contains no HTTP.
//! Functions have the name of their man page. They take borrowed descriptors and return owned ones ([`std::os::fd`]),
//! return out-parameters as values, and turn `-1` into an [`Error`] that names the call. There is no policy here: no
//! retries except after `EINTR`, no logging, no limits.

#[macro_use]
mod error;
#[cfg(feature = "faults")]
pub mod fault;

pub mod changes;
pub mod clock;
#[cfg(feature = "crypt")]
pub mod crypt;
pub mod file;
pub mod memory;
pub mod net;
pub mod pipe;
pub mod poller;
pub mod process;
pub mod random;
pub mod signal;
pub mod terminal;

#[cfg(test)]
mod testing;

pub use clock::Moment;
pub use error::{Error, Result};
pub use poller::{Poller, Ready, Token, Watch};
