//! HTTP/1.1 as pure functions: bytes to values and back. No I/O, no configuration, no clock.
//!
//! Reading: [`head`] parses the head of a request into a [`Request`], [`chunked`] decodes its body, [`form_data`]
//! splits an uploaded form into its parts, [`cgi`] parses the head of a program's output.
//! Deciding: [`target`] makes the path safe, [`conditional`] and [`range`] compare the request with a file.
//! Writing: [`reply`] is a response's head as a value, [`mod@print`] turns it into bytes.
//!
//! A section without a document belongs to RFC 9110 (semantics) or RFC 9112 (syntax).

pub mod accept;
pub mod base64;
pub mod basic;
pub mod cgi;
pub(crate) mod checked_line;
pub mod chunked;
pub mod conditional;
pub mod date;
pub mod dav;
pub mod deceptive;
pub mod error_page;
pub mod etag;
pub mod fields;
pub mod file_name;
pub mod form_data;
pub mod forwarded;
mod framing;
pub mod head;
pub mod host;
pub mod listing;
pub mod method;
pub mod multipart;
pub mod number;
pub mod octets;
pub mod origin;
pub mod parameters;
pub mod print;
pub mod proxy_protocol;
pub mod range;
pub mod reply;
pub mod request;
mod rules;
#[cfg(test)]
pub(crate) mod seeded;
mod span;
pub mod status;
pub mod stored;
pub mod target;
pub mod userid;
mod version;

pub use fields::{Fields, Known};
pub use framing::Framing;
pub use head::{HeadError, Scan};
pub use method::Method;
pub use reply::{Name, Reason, ReplyHead, Text};
pub use request::Request;
pub use rules::HeadLimits;
pub use target::TargetForm;
pub use version::Version;
