//! Prints the head of a request (RFC 9112 sections 3 and 5). Every text is checked, wherever it comes from: none can
//! end its line early.

use crate::gateway::GatewayFault;
use crate::http::number::push_decimal;
use crate::http::octets::{all_field_value, all_token, plain_len, target_len};
use crate::http::{Known, Version};

/// Prints one head.
pub struct RequestPrinter<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> RequestPrinter<'a> {
    /// Appends the request line. A version above 1.0 is printed as 1.1.
    ///
    /// # Errors
    /// If the method is not a token, or the target is empty or has a byte that is not visible ASCII: blanks and
    /// others must be percent-encoded.
    pub fn begin(method: &[u8], target: &[u8], version: Version, out: &'a mut Vec<u8>) -> Result<Self, GatewayFault> {
        if !all_token(method) {
            return Err("the method of the request is not a token (RFC 9110 section 9.1)".into());
        }
        if target.is_empty() || target_len(target) != target.len() {
            return Err("the target of the request is empty or has a byte that is not visible ASCII".into());
        }
        let version: &[u8] = if version > Version::HTTP_1_0 { b" HTTP/1.1\r\n" } else { b" HTTP/1.0\r\n" };
        for text in [method, b" ", target, version] {
            out.extend_from_slice(text);
        }
        Ok(Self { out })
    }

    /// Appends a field line.
    ///
    /// # Errors
    /// If the name is not a token, or the value has a control byte.
    pub fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), GatewayFault> {
        if Known::parse(name).is_none() && !all_token(name) {
            return Err("the name of a field of the request is not a token (RFC 9110 section 5.1)".into());
        }
        if plain_len(value) != value.len() && !all_field_value(value) {
            return Err("a field of the request has a control byte in its value (RFC 9110 section 5.5)".into());
        }
        for text in [name, b": ", value, b"\r\n"] {
            self.out.extend_from_slice(text);
        }
        Ok(())
    }

    /// Appends the length of the body: its framing is [`BodyFraming::Plain`](crate::gateway::BodyFraming::Plain).
    pub fn content_length(&mut self, bytes: u64) {
        self.out.extend_from_slice(b"Content-Length: ");
        push_decimal(self.out, bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// Appends that the framing of the body is [`BodyFraming::Chunked`](crate::gateway::BodyFraming::Chunked). Not for
    /// HTTP/1.0.
    pub fn chunked(&mut self) {
        self.out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }

    /// Appends the empty line. The body follows.
    pub fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }
}
