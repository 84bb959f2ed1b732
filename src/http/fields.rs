//! The field lines of a head or of a trailer section: the bytes, stored once, and an index of their lines. Looking up a
//! field that a request does not have costs one test of a bit.

use super::octets::{all_token, is_blank, is_field_value, is_token, plain_len, trim};
use super::rules::HeadLimits;
use super::span::Span;

use std::ops::Range;

mod known;

pub use known::Known;

/// Where a field line and its parts are. `start` counts from the start of the head, the other positions from `start`.
#[derive(Clone, Copy, Debug)]
struct Line {
    start: u32,
    name_len: u32,
    value_start: u32,
    value_end: u32,
    known: Option<Known>,
}

impl Line {
    fn name(self) -> Span {
        Span { start: self.start, end: self.start + self.name_len }
    }

    fn value(self) -> Span {
        Span { start: self.start + self.value_start, end: self.start + self.value_end }
    }
}

/// One field line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field<'a> {
    /// The name as it was sent.
    pub name: &'a [u8],
    /// The value without blanks around it. Its only control byte is HTAB.
    pub value: &'a [u8],
    /// The name as a number, if it is one of the common names.
    pub known: Option<Known>,
}

/// The field lines of a message, in the order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// The whole head as it was sent, its request line included; or the trailer lines.
    pub(super) bytes: Vec<u8>,
    pub(super) index: Index,
}

/// Where the field lines are. Lines are added as they arrive; the bytes are copied when the head is complete.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    lines: Vec<Line>,
    present: u64,
    doubled: u64,
}

impl Fields {
    /// The number of field lines.
    pub fn len(&self) -> usize {
        self.index.lines.len()
    }

    /// True if there is no field line.
    pub fn is_empty(&self) -> bool {
        self.index.lines.is_empty()
    }

    /// True if there is at least one line of this name.
    #[inline]
    pub fn has(&self, known: Known) -> bool {
        self.index.present & known.bit() != 0
    }

    /// True if there is at least one line of one of these names.
    #[inline]
    pub fn has_any(&self, known: &[Known]) -> bool {
        known.iter().any(|&known| self.has(known))
    }

    /// True if there are two or more lines of this name.
    #[inline]
    pub fn has_several(&self, known: Known) -> bool {
        self.index.doubled & known.bit() != 0
    }

    /// The value of the first line of this name.
    #[inline]
    pub fn get(&self, known: Known) -> Option<&[u8]> {
        self.get_all(known).next()
    }

    /// The value of the only line of this name. Returns None if there are several: for a field that is not a list, that
    /// makes the value invalid (RFC 9110 section 5.3).
    pub fn get_only(&self, known: Known) -> Option<&[u8]> {
        if self.has_several(known) { None } else { self.get(known) }
    }

    /// The values of all lines of this name, in order.
    pub fn get_all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        let count_max = match (self.has(known), self.has_several(known)) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => usize::MAX,
        };
        let lines = self.index.lines.iter().filter(move |line| line.known == Some(known));
        lines.take(count_max).map(|line| line.value().of(&self.bytes))
    }

    /// The value of the first line with this name; upper and lower case are equal.
    pub fn get_by_name(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    /// All lines in order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.index.lines.iter().map(|line| Field {
            name: line.name().of(&self.bytes),
            value: line.value().of(&self.bytes),
            known: line.known,
        })
    }

    /// The members of a comma-separated list, over all lines of this name, without empty members (RFC 9110 section
    /// 5.6.1). It does not look into quoted strings, so use it for lists of tokens.
    pub fn members(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.get_all(known).flat_map(|value| value.split(|&b| b == b',').map(trim)).filter(|member| !member.is_empty())
    }

    /// Empty fields with memory for the head of a usual browser.
    pub(super) fn with_room() -> Fields {
        let index = Index { lines: Vec::with_capacity(16), ..Index::default() };
        Fields { bytes: Vec::with_capacity(1024), index }
    }

    /// Removes all lines and keeps the memory for the next head.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.index.lines.clear();
        (self.index.present, self.index.doubled) = (0, 0);
    }

    /// Bytes of memory that are allocated.
    pub(super) fn capacity_bytes(&self) -> usize {
        self.bytes.capacity() + self.index.lines.capacity() * size_of::<Line>()
    }

    /// Appends a lower-case copy of some bytes behind the head; returns its start.
    #[cold]
    pub(super) fn push_lower_case(&mut self, range: Range<usize>) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_within(range);
        self.bytes[start..].make_ascii_lowercase();
        start
    }

    /// Where the value of the first line of this name is.
    pub(super) fn span(&self, known: Known) -> Option<Span> {
        self.index.lines.iter().find(|line| line.known == Some(known)).map(|line| line.value())
    }
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Adds the complete and valid lines from `from` on. It stops at the empty line, and at a line that is broken, over
    /// a limit or incomplete; returns where that line begins. The positions in the index count from `start`.
    #[inline(never)]
    pub(super) fn push_lines(&mut self, text: &[u8], from: usize, start: usize, limits: &HeadLimits) -> usize {
        let mut rest = &text[from..];
        while matches!(rest, [b'!'..=b'~', ..])
            && let Some(parts) = split_line(rest)
            && parts.line_len <= limits.line_bytes_max
            && self.lines.len() < limits.fields_max
        {
            self.push(text.len() - rest.len() - start, parts);
            rest = &rest[parts.line_len..];
        }
        text.len() - rest.len()
    }

    /// Adds a line that begins `base` bytes after the start of the head.
    #[inline]
    pub(super) fn push(&mut self, base: usize, parts: LineParts) {
        if let Some(known) = parts.known {
            self.doubled |= self.present & known.bit();
            self.present |= known.bit();
        }
        let LineParts { known, name_len, value_start, value_end, .. } = parts;
        let [start, name_len, value_start, value_end] = [base, name_len, value_start, value_end].map(|n| n as u32);
        self.lines.push(Line { start, name_len, value_start, value_end, known });
    }
}

/// Where the name and the value are in one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct LineParts {
    pub known: Option<Known>,
    pub name_len: usize,
    pub value_start: usize,
    pub value_end: usize,
    /// The length of the line with its end, LF or CRLF.
    pub line_len: usize,
}

/// Splits the field line at the start of `text` (RFC 9112 section 5). Returns None if the line is incomplete or breaks
/// a rule; [`line_fault`] tells which rule.
#[inline(always)] // one call per line; inlined, the parts stay in registers
pub(super) fn split_line(text: &[u8]) -> Option<LineParts> {
    let (name_len, known) = known::name_of(text);
    if name_len == 0 || (known.is_none() && !all_token(&text[..name_len])) {
        return None;
    }
    let after = &text[name_len + 1..];
    let mut len = plain_len(after);
    let mut line_end_len = 2;
    if after[len..].first_chunk() != Some(b"\r\n") {
        (len, line_end_len) = uncommon_end(after, len)?;
    }
    let (mut start, mut end) = (usize::from(after[0] == b' '), len);
    if let Some(value) = after.get(start..len)
        && let (Some(first), Some(last)) = (value.first(), value.last())
        && (*first <= b' ' || *last <= b' ')
    {
        (start, end) = trimmed(&after[..len]); // more than one blank before the value
    }
    let base = name_len + 1;
    let line_len = base + len + line_end_len;
    Some(LineParts { known, name_len, value_start: base + start, value_end: base + end, line_len })
}

/// The length of a value in which `plain_len` stops, or behind which it stops, and the length of its line end.
#[inline(never)]
fn uncommon_end(text: &[u8], mut len: usize) -> Option<(usize, usize)> {
    loop {
        len += match text[len..] {
            [b'\n', ..] => return Some((len, 1)),
            [b'\r', b'\n', ..] => return Some((len, 2)),
            [byte, ..] if is_field_value(byte) => 1,
            _ => return None,
        };
        len += plain_len(&text[len..]);
    }
}

/// The start and the end of a value without the blanks around it.
#[inline(never)]
fn trimmed(value: &[u8]) -> (usize, usize) {
    let end = value.iter().rposition(|&byte| !is_blank(byte)).map_or(0, |last| last + 1);
    let start = value[..end].iter().position(|&byte| !is_blank(byte)).unwrap_or(0);
    (start, end)
}

/// The rule that a line breaks (with or without its end) when [`split_line`] does not accept it.
#[cold]
pub(crate) fn line_fault(line: &[u8]) -> &'static str {
    let name_len = line.iter().position(|&b| !is_token(b)).unwrap_or(line.len());
    match line.get(name_len) {
        Some(b' ' | b'\t') if name_len == 0 => "a folded field line (RFC 9112 section 5.2)",
        Some(b' ' | b'\t') => "a blank before the colon of a field line (RFC 9112 section 5.1)",
        Some(b':') if name_len == 0 => "a field line without a name (RFC 9112 section 5)",
        Some(b':') => "a control byte in a field value (RFC 9110 section 5.5)",
        None | Some(b'\r' | b'\n') if name_len > 0 => "a field line without a colon (RFC 9112 section 5)",
        _ => "a byte in a field name that is not of a token (RFC 9110 section 5.1)",
    }
}

#[cfg(test)]
mod tests;
