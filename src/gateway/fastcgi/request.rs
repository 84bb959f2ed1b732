//! The start of a request: BEGIN_REQUEST and the parameters (FastCGI sections 5.1 and 5.2).

use super::record::{CONTENT_BYTES_MAX, HEADER_BYTES, Kind, header, padding};
use crate::gateway::GatewayFault;

/// The role Responder: one request, one answer.
const RESPONDER: u8 = 1;

/// The flag in BEGIN_REQUEST: the server keeps the connection.
const KEEP_CONN: u8 = 1;

/// Appends the start of a request: everything but its body. The body follows in STDIN records, see
/// [`BodyFraming`](crate::gateway::BodyFraming).
///
/// Parameters that do not fit into one record become several. A pair of name and value is cut only if it alone is too
/// long, because PHP parses each record by itself.
///
/// # Errors
/// If a name or a value has 2 GiB or more. Then nothing is appended.
pub fn begin(
    keep_conn: bool,
    params: impl IntoIterator<Item = (impl AsRef<[u8]>, impl AsRef<[u8]>)>,
    out: &mut Vec<u8>,
) -> Result<(), GatewayFault> {
    let start = out.len();
    out.extend_from_slice(&header(Kind::BEGIN_REQUEST, 8));
    out.extend_from_slice(&[0, RESPONDER, if keep_conn { KEEP_CONN } else { 0 }, 0, 0, 0, 0, 0]);
    let mut records = ParamsRecords::begin(out);
    for (name, value) in params {
        if let Err(fault) = records.push(name.as_ref(), value.as_ref()) {
            out.truncate(start);
            return Err(fault);
        }
    }
    records.end();
    Ok(())
}

/// PARAMS records that are being written.
struct ParamsRecords<'a> {
    out: &'a mut Vec<u8>,
    /// Where the content of the record begins that is being written.
    content_start: usize,
}

impl<'a> ParamsRecords<'a> {
    fn begin(out: &'a mut Vec<u8>) -> Self {
        out.extend_from_slice(&header(Kind::PARAMS, 0));
        let content_start = out.len();
        Self { out, content_start }
    }

    fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), GatewayFault> {
        let (Some(name_len), Some(value_len)) = (Length::of(name), Length::of(value)) else {
            return Err("a FastCGI parameter of 2 GiB or more".into());
        };
        let parts = [name_len.as_bytes(), value_len.as_bytes(), name, value];
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if len <= self.room() {
            self.out.reserve(len);
            match (name.len(), value.len()) {
                (0..128, 0..128) => self.out.extend_from_slice(&[name.len() as u8, value.len() as u8]),
                _ => parts[..2].iter().for_each(|length| self.out.extend_from_slice(length)),
            }
            self.out.extend_from_slice(name);
            self.out.extend_from_slice(value);
            return Ok(());
        }
        if self.room() < CONTENT_BYTES_MAX {
            self.next_record();
        }
        for mut part in parts {
            while part.len() > self.room() {
                let (front, rest) = part.split_at(self.room());
                self.out.extend_from_slice(front);
                self.next_record();
                part = rest;
            }
            self.out.extend_from_slice(part);
        }
        Ok(())
    }

    fn room(&self) -> usize {
        CONTENT_BYTES_MAX - (self.out.len() - self.content_start)
    }

    /// Completes the record, and begins another.
    fn next_record(&mut self) {
        let content = self.out.len() - self.content_start;
        let header_start = self.content_start - HEADER_BYTES;
        self.out[header_start..self.content_start].copy_from_slice(&header(Kind::PARAMS, content as u16));
        let end = self.out.len() + padding(content as u64);
        self.out.resize(end, 0);
        self.out.extend_from_slice(&header(Kind::PARAMS, 0));
        self.content_start = self.out.len();
    }

    /// Completes the last record. A record without content ends the parameters.
    fn end(mut self) {
        if self.out.len() > self.content_start {
            self.next_record();
        }
    }
}

/// A length as it stands before names and values: one byte, or four with the highest bit set (section 3.4).
struct Length {
    bytes: [u8; 4],
    is_long: bool,
}

impl Length {
    fn of(text: &[u8]) -> Option<Length> {
        let len = u32::try_from(text.len()).ok().filter(|len| len >> 31 == 0)?;
        Some(if len < 128 {
            Length { bytes: [len as u8, 0, 0, 0], is_long: false }
        } else {
            Length { bytes: (len | 1 << 31).to_be_bytes(), is_long: true }
        })
    }

    fn as_bytes(&self) -> &[u8] {
        if self.is_long { &self.bytes } else { &self.bytes[..1] }
    }
}
