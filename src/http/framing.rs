//! What the field lines of a request say about its body and its connection (RFC 9112 sections 6 and 9, RFC 9110
//! sections 7.2 and 10.1.1). A head that two recipients could understand differently is an error, because that is how
//! request smuggling works.

use super::fields::{Fields, Known};
use super::number::parse_decimal;
use super::octets::{all_token, trim};
use super::rules::BrokenRule;
use super::version::Version;

/// How the end of the request's body is found (RFC 9112 section 6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// No body.
    None,
    /// `Content-Length`, in bytes; may be 0.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// How the end of the body is found (RFC 9112 section 6.3).
pub(super) fn body(fields: &Fields, version: Version) -> Result<Framing, BrokenRule> {
    match (fields.has(Known::TransferEncoding), fields.has(Known::ContentLength)) {
        (false, false) => return Ok(Framing::None),
        (false, true) => return content_length(fields),
        (true, _) => {}
    }
    if version < Version::HTTP_1_1 {
        return Err(BrokenRule::bad("Transfer-Encoding in HTTP/1.0 (RFC 9112 section 6.1)"));
    }
    if fields.has(Known::ContentLength) {
        return Err(BrokenRule::bad("Transfer-Encoding beside Content-Length (RFC 9112 section 6.1)"));
    }
    transfer_encoding(fields)
}

/// Parses Content-Length: digits only. The same value several times, in one line or in several, counts once (RFC 9110
/// section 8.6).
fn content_length(fields: &Fields) -> Result<Framing, BrokenRule> {
    let mut length = None;
    for member in fields.get_all(Known::ContentLength).flat_map(|value| value.split(|&b| b == b',')) {
        match (parse_decimal(trim(member)), length) {
            (None, _) => return Err(BrokenRule::bad("a Content-Length that is not a number (RFC 9110 section 8.6)")),
            (Some(new), Some(old)) if new != old => {
                return Err(BrokenRule::bad("Content-Lengths that differ (RFC 9110 section 8.6)"));
            }
            (new, _) => length = new,
        }
    }
    Ok(length.map_or(Framing::None, Framing::Length))
}

/// Parses Transfer-Encoding: `chunked` must be there once and last. Another coding before it is not implemented: 501.
/// Without `chunked` at the end the length of the body is unknown: 400, also for an unknown coding. Empty members are
/// errors.
fn transfer_encoding(fields: &Fields) -> Result<Framing, BrokenRule> {
    let mut unknown = false;
    let mut chunked = false;
    for member in fields.get_all(Known::TransferEncoding).flat_map(|value| value.split(|&b| b == b',')).map(trim) {
        if chunked {
            return Err(BrokenRule::bad("chunked is not the last transfer coding (RFC 9112 section 6.3)"));
        }
        chunked = member.eq_ignore_ascii_case(b"chunked");
        unknown |= !chunked;
        let name = member.split(|&b| b == b';').next().map_or(member, trim);
        if !all_token(name) {
            return Err(BrokenRule::bad("a malformed Transfer-Encoding (RFC 9112 section 6.1)"));
        }
        if !chunked && name.eq_ignore_ascii_case(b"chunked") {
            return Err(BrokenRule::bad("the chunked coding with a parameter (RFC 9112 section 7)"));
        }
    }
    match (chunked, unknown) {
        (false, _) => Err(BrokenRule::bad("chunked is not the last transfer coding (RFC 9112 section 6.3)")),
        (true, true) => Err(BrokenRule { status: 501, reason: "an unknown transfer coding (RFC 9112 section 6.1)" }),
        (true, false) => Ok(Framing::Chunked),
    }
}

/// What Connection says.
pub(super) struct ConnectionOptions {
    pub keep_alive: bool,
    pub upgrade: bool,
}

/// RFC 9112 section 9.3: `close` decides; otherwise HTTP/1.1 keeps the connection, and HTTP/1.0 only with `keep-alive`.
pub(super) fn connection(fields: &Fields, version: Version) -> ConnectionOptions {
    let (mut close, mut keep_alive, mut upgrade) = (false, version >= Version::HTTP_1_1, false);
    if !fields.has(Known::Connection) {
        return ConnectionOptions { keep_alive, upgrade };
    }
    for value in fields.get_all(Known::Connection) {
        for option in value.split(|&b| b == b',').map(trim) {
            close |= option.eq_ignore_ascii_case(b"close");
            keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }
    // RFC 9110 section 7.8: Upgrade in an HTTP/1.0 request is ignored.
    let upgrade = upgrade && fields.has(Known::Upgrade) && version >= Version::HTTP_1_1;
    ConnectionOptions { keep_alive: keep_alive && !close, upgrade }
}

/// True if the client waits for a 100 (Continue). `100-continue` is the only expectation that RFC 9110 section 10.1.1
/// defines, and HTTP/1.0 has none. Without a body the client has nothing to wait for.
pub(super) fn expect_continue(fields: &Fields, version: Version, framing: Framing) -> Result<bool, BrokenRule> {
    if !fields.has(Known::Expect) || version < Version::HTTP_1_1 {
        return Ok(false);
    }
    let mut members = fields.members(Known::Expect);
    if !members.all(|member| member.eq_ignore_ascii_case(b"100-continue")) {
        return Err(BrokenRule { status: 417, reason: "an unknown expectation (RFC 9110 section 10.1.1)" });
    }
    let asked = fields.members(Known::Expect).next().is_some();
    Ok(asked && !matches!(framing, Framing::None | Framing::Length(0)))
}

#[cfg(test)]
mod tests;
