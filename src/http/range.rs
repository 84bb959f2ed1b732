//! Byte ranges (RFC 9110 section 14).

use super::conditional::{Validators, range_still_holds};
use super::fields::Known;
use super::method::Method;
use super::number::{parse_decimal, push_decimal};
use super::octets::trim;
use super::request::Request;
use std::ops::Range;

/// What a Range field means for a representation of known length.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RangeVerdict {
    /// No range counts: 200 with everything.
    Whole,
    /// 206 with these parts, in the order asked for; one or more, none empty, all inside the length.
    Satisfiable(Vec<Range<u64>>),
    /// 416.
    Unsatisfiable,
}

/// The Content-Range field's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ContentRange {
    /// `bytes START-LAST/LENGTH`: a part, `end` exclusive.
    Part {
        /// First byte.
        start: u64,
        /// One past the last byte.
        end: u64,
        /// Of the whole representation.
        length: u64,
    },
    /// `bytes */LENGTH`, for 416.
    None {
        /// Of the whole representation.
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

/// What a request's Range comes to (RFC 9110 section 14.2): it counts for GET only, if sent once, and if If-Range
/// holds. `ranges_max` is `max_ranges`; 0 turns ranges off. To be asked after [`super::conditional::evaluate`] and
/// only if the answer would be 200.
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

/// Reads a Range value against a representation of `length` bytes.
///
/// Another unit, a malformed set, more than `ranges_max` members or parts that together are longer than the whole:
/// the whole is sent, as nginx does in the last two cases. Overlapping and unsorted parts are kept as asked for.
/// Numbers too large for 64 bits mean the end.
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
        _ if members == 0 => RangeVerdict::Whole,
        (_, 0) => RangeVerdict::Unsatisfiable,
        // A suffix of nothing is satisfiable, but an empty part has no Content-Range.
        (Some(1..), _) if sum <= Some(length) => RangeVerdict::Satisfiable(parts),
        _ => RangeVerdict::Whole,
    }
}

/// One `range-spec`: `None` if malformed, `Some(None)` if it lies outside.
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

/// `1*DIGIT`; what is too large is `u64::MAX`.
fn saturating_decimal(text: &[u8]) -> Option<u64> {
    match text {
        [] => None,
        _ if text.iter().all(u8::is_ascii_digit) => Some(parse_decimal(text).unwrap_or(u64::MAX)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
