//! Management records: questions about the server, which belong to no request (FastCGI section 4).

use super::record::{Kind, header, padding};
use crate::gateway::GatewayFault;

/// A name of a GET_VALUES record has at most this many bytes here: then its length is one byte.
const NAME_BYTES_MAX: usize = 127;

/// The record that asks for these values, for example `FCGI_MAX_CONNS`. The server answers with GET_VALUES_RESULT.
///
/// # Errors
/// If a name has more than 127 bytes, or all of them together do not fit into a record.
pub fn get_values(names: &[&str]) -> Result<Vec<u8>, GatewayFault> {
    let mut content = Vec::new();
    for name in names {
        if name.len() > NAME_BYTES_MAX {
            return Err("a name of more than 127 bytes in GET_VALUES".into());
        }
        content.extend_from_slice(&[name.len() as u8, 0]);
        content.extend_from_slice(name.as_bytes());
    }
    let len = u16::try_from(content.len()).map_err(|_| GatewayFault::from("too many names for a GET_VALUES record"))?;
    let mut record = header(Kind::GET_VALUES, len).to_vec();
    record.append(&mut content);
    record.resize(record.len() + padding(u64::from(len)), 0);
    Ok(record)
}

/// The pairs of name and value in the content of a GET_VALUES_RESULT record. The last item is `None` if the content
/// is malformed.
pub fn pairs(content: &[u8]) -> impl Iterator<Item = Option<(&[u8], &[u8])>> {
    let mut rest = content;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let pair = pair(&mut rest);
        if pair.is_none() {
            rest = &[];
        }
        Some(pair)
    })
}

fn pair<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (name_len, value_len) = (length(rest)?, length(rest)?);
    Some((rest.split_off(..name_len)?, rest.split_off(..value_len)?))
}

/// A length of one byte, or of four if the highest bit is set.
fn length(rest: &mut &[u8]) -> Option<usize> {
    match **rest {
        [len @ 0..128, ref behind @ ..] => {
            *rest = behind;
            Some(usize::from(len))
        }
        [a, b, c, d, ref behind @ ..] => {
            *rest = behind;
            Some(u32::from_be_bytes([a & 0x7f, b, c, d]) as usize)
        }
        _ => None,
    }
}

/// The type that the server does not know, from the content of an UNKNOWN_TYPE record.
pub fn unknown_type(content: &[u8]) -> Option<u8> {
    content.first().copied().filter(|_| content.len() == 8)
}
