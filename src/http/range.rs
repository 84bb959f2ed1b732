//! Byte ranges (RFC 9110 section 14).

use super::conditional::{Validators, range_still_holds};
use super::fields::Known;
use super::method::Method;
use super::number::{parse_decimal, push_decimal};
use super::octets::trim;
use super::request::Request;
use std::ops::Range;

/// The result of a Range field for a representation of known length.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RangeVerdict {
    /// Ignore the field: 200 with the whole representation.
    Whole,
    /// 206 with these parts, in the order of the request: at least one, none empty, all inside the representation.
    Satisfiable(Vec<Range<u64>>),
    /// 416 (Range Not Satisfiable).
    Unsatisfiable,
}

/// The Content-Range field's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ContentRange {
    /// `bytes START-LAST/LENGTH`: a part; `end` is exclusive.
    Part {
        /// The first byte.
        start: u64,
        /// The byte behind the last one.
        end: u64,
        /// The length of the whole representation in bytes.
        length: u64,
    },
    /// `bytes */LENGTH`, for 416.
    None {
        /// The length of the whole representation in bytes.
        length: u64,
    },
}

impl ContentRange {
    /// Appends the value.
    pub fn push(self, out: &mut Vec<u8>) {
        let length = match self {
            ContentRange::Part { start, end, length } => {
                out.extend_from_slice(b"bytes ");
                push_decimal(out, start);
                out.push(b'-');
                push_decimal(out, end - 1);
                out.push(b'/');
                length
            }
            ContentRange::None { length } => {
                out.extend_from_slice(b"bytes */");
                length
            }
        };
        push_decimal(out, length);
    }
}

/// Evaluates the Range of a request (RFC 9110 section 14.2): it applies to GET only, if it was sent once and If-Range
/// holds. `ranges_max` is `max_ranges`; 0 turns ranges off. Call it after [`super::conditional::evaluate`], and only if
/// the answer would be 200.
pub fn evaluate(
    request: &Request,
    now: &Validators<'_>,
    length: u64,
    ranges_max: usize,
    now_secs: i64,
) -> RangeVerdict {
    match request.fields.get_only(Known::Range) {
        Some(value) if request.method == Method::Get && range_still_holds(&request.fields, now, now_secs) => {
            parse(value, length, ranges_max)
        }
        _ => RangeVerdict::Whole,
    }
}

/// Parses a Range value for a representation of `length` bytes.
///
/// The whole representation is sent for another unit, for a malformed set, for more than `ranges_max` members, and for
/// parts that together are longer than the whole; nginx does so in the last two cases. Also if it is empty, as Apache
/// and Go do: a client that always asks for a range gets an empty file and no error (section 14.2 allows it).
/// Overlapping and unsorted parts stay as they were requested. A number too large for 64 bits means the end.
pub fn parse(value: &[u8], length: u64, ranges_max: usize) -> RangeVerdict {
    let Some((unit, set)) = value.split_at_checked("bytes=".len()) else { return RangeVerdict::Whole };
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return RangeVerdict::Whole;
    }
    let mut parts = Vec::new();
    let mut members = 0;
    for member in set.split(|&b| b == b',').map(trim).filter(|member| !member.is_empty()) {
        members += 1;
        match part(member, length) {
            Some(range) if members <= ranges_max => parts.extend(range),
            _ => return RangeVerdict::Whole,
        }
    }
    let sum = parts.iter().try_fold(0u64, |sum, range| sum.checked_add(range.end - range.start));
    match (sum, parts.len()) {
        _ if members == 0 || length == 0 => RangeVerdict::Whole,
        (_, 0) => RangeVerdict::Unsatisfiable,
        // A suffix of zero bytes is satisfiable, but Content-Range cannot name an empty part.
        (Some(1..), _) if sum <= Some(length) => RangeVerdict::Satisfiable(parts),
        _ => RangeVerdict::Whole,
    }
}

/// One `range-spec`. Returns None if it is malformed, Some(None) if it is outside of the representation.
fn part(spec: &[u8], length: u64) -> Option<Option<Range<u64>>> {
    let (first, last) = spec.split_at(memchr::memchr(b'-', spec)?);
    let last = &last[1..];
    if first.is_empty() {
        let suffix = saturating_decimal(last)?;
        return Some((suffix > 0).then(|| length.saturating_sub(suffix)..length));
    }
    let start = saturating_decimal(first)?;
    let end = match last {
        [] => length,
        _ => {
            let last = saturating_decimal(last).filter(|&last| last >= start)?;
            last.saturating_add(1).min(length)
        }
    };
    Some((start < length).then_some(start..end))
}

/// `1*DIGIT`; a number that is too large becomes `u64::MAX`.
fn saturating_decimal(text: &[u8]) -> Option<u64> {
    match text {
        [] => None,
        _ if text.iter().all(u8::is_ascii_digit) => Some(parse_decimal(text).unwrap_or(u64::MAX)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
