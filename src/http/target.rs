//! Request targets (RFC 9112 section 3.2), paths made safe for the disk, and text made safe for Location and HTML.

use super::host::{self, HostError};
use super::method::Method;
use super::number::hex_digit;
use super::octets::{is_path, is_plain_path, is_unreserved, until_number_sign};
use super::span::Span;
use std::borrow::Cow;

/// The form of the request target (RFC 9112 section 3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetForm {
    /// `/path?query`.
    Origin,
    /// `http://host/path?query`; its authority overrides Host.
    Absolute,
    /// `host:port`, CONNECT only.
    Authority,
    /// `*`, OPTIONS and unknown methods only.
    Asterisk,
}

/// The parts of a target, as ranges of it.
pub(super) struct Target {
    pub form: TargetForm,
    pub https: bool,
    pub authority: Option<Span>,
    pub path: Span,
    pub query: Option<Span>,
}

/// Splits a target of any of the four forms. `path_end` is the position of the first "?" or "#", or the end. The error
/// is the rule that is broken; the answer is 400.
pub(super) fn split(method: Method, target: &[u8], path_end: usize) -> Result<Target, &'static str> {
    let no_path =
        Target { form: TargetForm::Asterisk, https: false, authority: None, path: Span::default(), query: None };
    match target {
        _ if method == Method::Connect => {
            let host = host::parse(target).map_err(HostError::reason)?;
            host.port.ok_or("CONNECT without a port (RFC 9112 section 3.2.3)")?;
            let whole = Span::new(0, target.len());
            Ok(Target { form: TargetForm::Authority, authority: Some(whole), ..no_path })
        }
        [b'/', ..] => {
            let (path, query) = (Span::new(0, path_end), query(target, path_end));
            Ok(Target { form: TargetForm::Origin, https: false, authority: None, path, query })
        }
        // An unknown method that is for the whole server is answered by 501, so this is no error of the target.
        b"*" if matches!(method, Method::Options | Method::Unknown) => Ok(no_path),
        b"*" => Err("the target * with a method other than OPTIONS (RFC 9112 section 3.2.4)"),
        _ => absolute(method, target, path_end),
    }
}

/// `http://authority/path?query`, the scheme in any case (RFC 9110 section 4.2).
fn absolute(method: Method, target: &[u8], path_end: usize) -> Result<Target, &'static str> {
    let scheme = |name: &[u8]| target.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let (start, https) = match target {
        _ if scheme(b"http://") => (7, false),
        _ if scheme(b"https://") => (8, true),
        _ => return Err("a target that is neither a path nor an http URI (RFC 9112 section 3.2)"),
    };
    let authority_len = target[start..].iter().position(|b| matches!(b, b'/' | b'?' | b'#'));
    let end = authority_len.map_or(target.len(), |len| start + len);
    let (path, query) = (Span::new(end, path_end), query(target, path_end));
    // RFC 9112 section 3.2.4: a proxy turns the asterisk form into OPTIONS of a URI without path and query.
    let asterisk = method == Method::Options && path.len() == 0 && query.is_none();
    let form = if asterisk { TargetForm::Asterisk } else { TargetForm::Absolute };
    Ok(Target { form, https, authority: Some(Span::new(start, end)), path, query })
}

/// The query behind the path, up to "#". A fragment is only for the client; it is cut off.
fn query(target: &[u8], path_end: usize) -> Option<Span> {
    let (Some(b'?'), start) = (target.get(path_end), path_end + 1) else { return None };
    let end = start + until_number_sign(&target[start..]);
    Some(Span::new(start, end))
}

/// Why a path cannot name a file; the answer is 400.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetError {
    /// The path does not begin with "/".
    NotAbsolute,
    /// A "%" without two hexadecimal digits.
    BadPercent,
    /// A NUL, encoded or not: it would end the name of the file.
    Nul,
    /// More ".." than segments before them.
    AboveRoot,
}

impl TargetError {
    /// What is wrong, for the error log.
    pub const fn reason(self) -> &'static str {
        match self {
            TargetError::NotAbsolute => "a path that does not begin with a slash (RFC 9112 section 3.2.1)",
            TargetError::BadPercent => "a % without two hexadecimal digits in the path (RFC 3986 section 2.1)",
            TargetError::Nul => "a NUL in the path",
            TargetError::AboveRoot => "a path that leads above the root by ..",
        }
    }
}

/// The path of a file: percent-decoded once, then "." and ".." are resolved and, with `merge_slashes`, runs of slashes
/// become one slash. Borrowed if nothing changes.
///
/// Decoding comes first, as in nginx: `%2F` is a slash and `%2e%2e` is "..". So the path that is checked is the path
/// that reaches the disk. A backslash is an ordinary byte. Bytes from 0x80 on are bytes of a file name: an overlong
/// UTF-8 form of "/" or "." is not a slash or a dot, and names another file. `%00` and ".." above the root are errors.
///
/// # Errors
/// See [`TargetError`].
pub fn normalize(path: &[u8], merge_slashes: bool) -> Result<Cow<'_, [u8]>, TargetError> {
    if path.first() != Some(&b'/') {
        return Err(TargetError::NotAbsolute);
    }
    if is_normal(path) { Ok(path.into()) } else { rebuild(path, merge_slashes).map(Cow::Owned) }
}

/// Nothing to decode, no NUL, no empty segment, and no segment that begins with a dot.
fn is_normal(path: &[u8]) -> bool {
    let is_odd = |at: usize| matches!(path[at..], [b'/', b'/' | b'.', ..] | [b'%' | 0, ..]);
    is_plain_path(path) || !(0..path.len()).any(is_odd)
}

fn rebuild(path: &[u8], merge_slashes: bool) -> Result<Vec<u8>, TargetError> {
    let mut out = Vec::with_capacity(path.len());
    let mut segment = 0; // where the current segment begins in `out`, behind its slash
    let mut rest = path;
    while let Some((byte, after)) = decode(rest)? {
        rest = after;
        if byte != b'/' {
            out.push(byte);
            continue;
        }
        match &out[segment..] {
            b"." => out.truncate(segment),
            b".." => pop_segment(&mut out, segment)?,
            b"" if segment > 0 && merge_slashes => {}
            _ => out.push(b'/'),
        }
        segment = out.len();
    }
    match &out[segment..] {
        b"." => out.truncate(segment),
        b".." => pop_segment(&mut out, segment)?,
        _ => {}
    }
    Ok(out)
}

/// Decodes the percent-encoding of a text, such as a part of a query, and changes nothing else.
///
/// # Errors
/// [`TargetError::BadPercent`] and [`TargetError::Nul`].
pub fn decode_text(text: &[u8]) -> Result<Vec<u8>, TargetError> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = decode(rest)? {
        rest = after;
        out.push(byte);
    }
    Ok(out)
}

/// Decodes the percent-encoding of visible ASCII from "&" on, and leaves the rest as it is: what is left encoded can
/// neither end a line nor hide another "%".
pub fn decode_visible(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        match decode(rest) {
            Ok(Some((byte @ b'&'..=b'~', after))) => {
                out.push(byte);
                rest = after;
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// The next byte, decoded, and the text behind it.
fn decode(text: &[u8]) -> Result<Option<(u8, &[u8])>, TargetError> {
    let (byte, rest) = match text {
        [] => return Ok(None),
        [b'%', high, low, rest @ ..] => match (hex_digit(*high), hex_digit(*low)) {
            (Some(high), Some(low)) => (high << 4 | low, rest),
            _ => return Err(TargetError::BadPercent),
        },
        [b'%', ..] => return Err(TargetError::BadPercent),
        [byte, rest @ ..] => (*byte, rest),
    };
    if byte == 0 { Err(TargetError::Nul) } else { Ok(Some((byte, rest))) }
}

/// Removes the ".." at `segment` and the segment before it: "/a/.." becomes "/".
fn pop_segment(out: &mut Vec<u8>, segment: usize) -> Result<(), TargetError> {
    // `segment` is 1 at the root; `out[segment - 1]` is the slash before the dots.
    let parent = memchr::memrchr(b'/', &out[..segment - 1]).ok_or(TargetError::AboveRoot)?;
    out.truncate(parent + 1);
    Ok(())
}

/// Percent-encodes a path for `Location`. It parses back to the same bytes, and has no control byte, blank, quote, "?"
/// or "#". A second slash at its start is encoded too, because "//name" would mean another host.
pub fn escape_path(path: &[u8]) -> Cow<'_, [u8]> {
    let foreign_host = path.starts_with(b"//");
    if !foreign_host && path.iter().all(|&b| is_path(b)) {
        return path.into();
    }
    let mut out = Vec::with_capacity(path.len() + path.len() / 2);
    for (i, &byte) in path.iter().enumerate() {
        push_escaped(&mut out, byte, is_path(byte) && !(foreign_host && i == 1));
    }
    out.into()
}

/// Percent-encodes the bytes from 0x80 on, which no URI has (RFC 3986 section 2), and changes nothing else. For URIs
/// of the configuration and of programs; in a request, such bytes are refused.
pub fn escape_high(uri: &[u8]) -> Cow<'_, [u8]> {
    if uri.is_ascii() {
        return uri.into();
    }
    let mut out = Vec::with_capacity(uri.len() * 2);
    for &byte in uri {
        push_escaped(&mut out, byte, byte.is_ascii());
    }
    out.into()
}

/// Percent-encodes a file name for a relative link: all bytes but RFC 3986's unreserved ones. So the link has no slash,
/// no quote and no colon (which would make the text before it a scheme).
pub fn escape_segment(name: &[u8]) -> Cow<'_, [u8]> {
    if name.iter().all(|&b| is_unreserved(b)) {
        return name.into();
    }
    let mut out = Vec::with_capacity(name.len() * 2);
    for &byte in name {
        push_escaped(&mut out, byte, is_unreserved(byte));
    }
    out.into()
}

/// Percent-encodes a part of a query: all that would end it or separate arguments, and what no URI has. Slashes and
/// colons stay, so that a path can be read.
pub fn escape_argument(text: &[u8]) -> Cow<'_, [u8]> {
    let stays = |byte: u8| is_unreserved(byte) || b"!$'()*,/:=@[]".contains(&byte);
    if text.iter().all(|&b| stays(b)) {
        return text.into();
    }
    let mut out = Vec::with_capacity(text.len() * 2);
    for &byte in text {
        push_escaped(&mut out, byte, stays(byte));
    }
    out.into()
}

fn push_escaped(out: &mut Vec<u8>, byte: u8, as_it_is: bool) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if as_it_is {
        out.push(byte);
    } else {
        out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
}

/// Escapes a text for the inside of an HTML element or of a quoted attribute.
pub fn escape_html(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = text.iter().position(|&b| html_entity(b).is_some()) else { return text.into() };
    let mut out = Vec::with_capacity(text.len() + 16);
    out.extend_from_slice(&text[..first]);
    for byte in &text[first..] {
        match html_entity(*byte) {
            Some(entity) => out.extend_from_slice(entity),
            None => out.push(*byte),
        }
    }
    out.into()
}

const fn html_entity(byte: u8) -> Option<&'static [u8]> {
    match byte {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'>' => Some(b"&gt;"),
        b'"' => Some(b"&quot;"),
        b'\'' => Some(b"&#39;"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
