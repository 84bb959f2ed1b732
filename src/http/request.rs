//! A request's head as a value.

use super::fields::{Fields, Known};
use super::framing::Framing;
use super::host::{self, HostError};
use super::method::Method;
use super::span::Span;
use super::target::TargetForm;
use super::version::Version;

/// A valid request head. It owns its bytes; every text in it is a range of them.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method; for [`Method::Unknown`] only [`Request::method_text`] says which one.
    pub method: Method,
    /// The version of the request line.
    pub version: Version,
    /// The form of the target.
    pub form: TargetForm,
    /// The target is an absolute URI with the scheme `https`. On a connection without TLS the answer is 421 (RFC 9110
    /// sections 7.4 and 15.5.20).
    pub https: bool,
    /// The field lines.
    pub fields: Fields,
    /// How the end of the body is found.
    pub framing: Framing,
    /// The client allows the connection to stay open, by its version and Connection (RFC 9112 section 9.3).
    pub keep_alive: bool,
    /// The client waits for a 100 before it sends the body (RFC 9110 section 10.1.1). Always false in HTTP/1.0 and
    /// without a body.
    pub expect_continue: bool,
    /// The client offers to change the protocol: there is an Upgrade field, and Connection names it (RFC 9110 section
    /// 7.8).
    pub upgrade: bool,
    pub(super) line_len: u32,
    pub(super) target: Span,
    pub(super) path: Span,
    pub(super) query: Option<Span>,
    pub(super) host: Option<Span>,
    pub(super) port: Option<u16>,
    /// The length of the head in bytes, as it was sent; `fields.bytes` may be longer by a lower-case copy of the host.
    pub(super) head_len: u32,
}

impl Request {
    /// An empty request, with memory for a head.
    pub(super) fn blank() -> Request {
        Request {
            method: Method::Unknown,
            version: Version::HTTP_1_1,
            form: TargetForm::Origin,
            https: false,
            fields: Fields::with_room(),
            framing: Framing::None,
            keep_alive: false,
            expect_continue: false,
            upgrade: false,
            line_len: 0,
            target: Span::default(),
            path: Span::default(),
            query: None,
            host: None,
            port: None,
            head_len: 0,
        }
    }

    /// Clears the fields that not every head sets, and keeps the memory.
    pub(super) fn clear(&mut self) {
        (self.method, self.line_len, self.host, self.port) = (Method::Unknown, 0, None, None);
        self.fields.clear();
    }

    /// The head as it was sent, from the request line to the empty line.
    pub fn head(&self) -> &[u8] {
        &self.fields.bytes[..self.head_len as usize]
    }

    /// The request line as it was sent, without its line end: nginx's `$request`.
    pub fn line(&self) -> &[u8] {
        &self.fields.bytes[..self.line_len as usize]
    }

    /// Whether the head announces a body of at least one byte, or of unknown length.
    pub fn has_body(&self) -> bool {
        !matches!(self.framing, Framing::None | Framing::Length(0))
    }

    /// The method as it was sent.
    pub fn method_text(&self) -> &[u8] {
        &self.fields.bytes[..self.target.start as usize - 1]
    }

    /// The target as it was sent, any form, with its query and fragment: nginx's `$request_uri`.
    pub fn target(&self) -> &[u8] {
        self.target.of(&self.fields.bytes)
    }

    /// The path as it was sent, without query and fragment; give it to [`super::target::normalize`]. It is "/" if an
    /// absolute target has no path, and empty in the authority and asterisk forms.
    pub fn path(&self) -> &[u8] {
        match (self.path.len(), self.form) {
            (0, TargetForm::Absolute) => b"/",
            _ => self.path.of(&self.fields.bytes),
        }
    }

    /// The text behind "?", not decoded. `Some(b"")` if there is nothing behind the "?".
    pub fn query(&self) -> Option<&[u8]> {
        self.query.map(|query| query.of(&self.fields.bytes))
    }

    /// The host of the request, from the target or from Host: lower-case, valid, never empty, without port and trailing
    /// dot. An IPv6 address keeps its brackets.
    pub fn host(&self) -> Option<&[u8]> {
        self.host.map(|host| host.of(&self.fields.bytes))
    }

    /// The port beside the host.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Finds and checks the host (RFC 9110 section 7.2, RFC 9112 sections 3.2 and 3.3): the authority of the target if
    /// it has one, otherwise Host. Host must be valid even if the target has an authority. Only then, or for the target
    /// `*`, may it be empty: an http URI has a host (RFC 9110 section 4.2.1).
    pub(super) fn find_host(&mut self, authority: Option<Span>) -> Result<(), &'static str> {
        if self.fields.has_several(Known::Host) {
            return Err("more than one Host field (RFC 9112 section 3.2)");
        }
        match self.fields.span(Known::Host) {
            None if self.version >= Version::HTTP_1_1 => {
                return Err("no Host field in HTTP/1.1 (RFC 9112 section 3.2)");
            }
            None => {}
            Some(empty) if empty.len() == 0 && (authority.is_some() || self.form == TargetForm::Asterisk) => {}
            Some(field) => self.take_host(field)?,
        }
        match authority {
            Some(authority) => self.take_host(authority),
            None => Ok(()),
        }
    }

    /// Stores a host. If it has capitals, a lower-case copy goes behind the head.
    #[inline(always)]
    fn take_host(&mut self, span: Span) -> Result<(), &'static str> {
        let host = host::parse(span.of(&self.fields.bytes)).map_err(HostError::reason)?;
        let (start, len, has_capitals) = (span.start as usize, host.name.len(), host.has_capitals);
        self.port = host.port;
        let start = if has_capitals { self.fields.push_lower_case(start..start + len) } else { start };
        self.host = Some(Span::new(start, start + len));
        Ok(())
    }
}

/// Shows the request line, for logs.
impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.line().escape_ascii())
    }
}
