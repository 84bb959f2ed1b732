//! What the field lines of an answer say about its body and the connection (RFC 9112 sections 6 and 9).

use super::hop_by_hop::options;
use crate::http::number::parse_decimal;

/// Framing and connection, as far as the lines have come.
#[derive(Default, Debug)]
pub(super) struct AnswerFraming {
    pub(super) length: Option<u64>,
    pub(super) is_chunked: bool,
    closes: bool,
    keeps: bool,
    /// The names of fields that Connection gives.
    named: Vec<Box<[u8]>>,
}

const BOTH: &str = "both Content-Length and Transfer-Encoding (RFC 9112 section 6.1)";

impl AnswerFraming {
    /// Takes a Content-Length line. Another one before it is an error even if it says the same, as in nginx.
    pub(super) fn content_length(&mut self, value: &[u8]) -> Result<(), &'static str> {
        if self.length.is_some() {
            return Err("a second Content-Length (RFC 9110 section 8.6)");
        }
        if self.is_chunked {
            return Err(BOTH);
        }
        let length = parse_decimal(value).ok_or("a Content-Length that is no number (RFC 9110 section 8.6)")?;
        self.length = Some(length);
        Ok(())
    }

    /// Takes a Transfer-Encoding line. This server asks for no coding, so only `chunked` may come.
    pub(super) fn transfer_encoding(&mut self, value: &[u8], is_http_1_0: bool) -> Result<(), &'static str> {
        if is_http_1_0 {
            return Err("Transfer-Encoding in an answer of HTTP/1.0 (RFC 9112 section 6.1)");
        }
        if self.is_chunked {
            return Err("a second Transfer-Encoding");
        }
        if self.length.is_some() {
            return Err(BOTH);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err("a Transfer-Encoding that is not chunked alone (RFC 9112 section 6.1)");
        }
        self.is_chunked = true;
        Ok(())
    }

    /// Takes a Connection line.
    pub(super) fn connection(&mut self, value: &[u8]) {
        for option in options(value) {
            if option.eq_ignore_ascii_case(b"close") {
                self.closes = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keeps = true;
            } else {
                self.named.push(option.into());
            }
        }
    }

    /// Whether Connection names this field.
    pub(super) fn names(&self, field: &[u8]) -> bool {
        self.named.iter().any(|named| named.eq_ignore_ascii_case(field))
    }

    /// Whether Connection names any field.
    pub(super) fn names_any(&self) -> bool {
        !self.named.is_empty()
    }

    /// Whether the server keeps the connection (RFC 9112 section 9.3).
    pub(super) fn keeps_connection(&self, is_http_1_0: bool) -> bool {
        !self.closes && (self.keeps || !is_http_1_0)
    }
}
