//! The request of SCGI (<https://python.ca/scgi/protocol.txt>). The answer has the form of CGI: see
//! [`CgiAnswer`](super::cgi_answer::CgiAnswer).

use super::GatewayFault;
use crate::http::number::push_decimal;

/// Appends the head of a request: a netstring of names and values, each with a NUL behind it. The body follows as it
/// is. `CONTENT_LENGTH` and `SCGI` are written from what this function knows; parameters with these names are left
/// out.
///
/// # Errors
/// If a name or a value has a NUL, which would begin another parameter. Then nothing is appended.
pub fn head(
    params: impl IntoIterator<Item = (impl AsRef<[u8]>, impl AsRef<[u8]>)>,
    body_bytes: u64,
    out: &mut Vec<u8>,
) -> Result<(), GatewayFault> {
    let start = out.len();
    out.extend_from_slice(b"CONTENT_LENGTH\0");
    push_decimal(out, body_bytes);
    out.extend_from_slice(b"\0SCGI\x001\0");
    let mut nuls = 4;
    for (name, value) in params {
        let (name, value) = (name.as_ref(), value.as_ref());
        if matches!(name, b"CONTENT_LENGTH" | b"SCGI") {
            continue;
        }
        for text in [name, value] {
            out.extend_from_slice(text);
            out.push(0);
        }
        nuls += 2;
    }
    if memchr::memchr_iter(0, &out[start..]).count() != nuls {
        out.truncate(start);
        return Err("an SCGI parameter has a NUL".into());
    }
    let mut length = Vec::with_capacity(8);
    push_decimal(&mut length, (out.len() - start) as u64);
    length.push(b':');
    out.splice(start..start, length);
    out.push(b',');
    Ok(())
}

#[cfg(test)]
mod tests;
