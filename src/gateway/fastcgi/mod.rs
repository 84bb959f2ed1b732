//! FastCGI 1.0 (<https://fastcgi-archives.github.io/FastCGI_Specification.html>), the side of the web server.
//!
//! Both sides write records: a header of eight bytes, content, and padding. A connection carries one request at a time
//! here, with the number 1. This server is a Responder's client: no multiplexing, no Authorizer, no Filter.

mod answer;
mod management;
mod record;
mod request;

pub use answer::FastcgiAnswer;
pub use management::{get_values, pairs, unknown_type};
pub use record::END_OF_STDIN;
pub use request::begin;

pub(super) use record::{STDIN_BYTES_MAX, padding, stdin_header};

use record::{HEADER_BYTES, Kind, header};

/// The record that asks the server to give up the request. It still sends END_REQUEST.
pub const ABORT_REQUEST: [u8; HEADER_BYTES] = header(Kind::ABORT_REQUEST, 0);

#[cfg(test)]
mod tests;
