//! Byte ranges (RFC 9110 section 14).

use super::number::push_decimal;
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
