//! Field lines of a head or of a trailer section: the bytes once, an index into them, and a lookup that is free for
//! the fields that a request lacks.

use super::octets::{all_token, is_blank, is_field_value, is_token, plain_len, trim};
use super::rules::HeadLimits;
use super::span::Span;

use std::ops::Range;

mod known;

pub use known::Known;

/// Where a field line's parts stand: the line in the bytes of its head, the others in the line.
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
    /// As it was sent.
    pub name: &'a [u8],
    /// Without the blanks around it. No control bytes but HTAB.
    pub value: &'a [u8],
    /// The name's meaning, if it is one of the common ones.
    pub known: Option<Known>,
}

/// The field lines of a message, in the order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// The whole head as it was sent (the request line too), or the trailer lines.
    pub(super) bytes: Vec<u8>,
    pub(super) index: Index,
}

/// Where the field lines are. They are noted as they come; the bytes are copied when the head is complete.
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

    /// No field line at all.
    pub fn is_empty(&self) -> bool {
        self.index.lines.is_empty()
    }

    /// At least one line of this name.
    #[inline]
    pub fn has(&self, known: Known) -> bool {
        self.index.present & known.bit() != 0
    }

    /// At least one line of one of these names.
    #[inline]
    pub fn has_any(&self, known: &[Known]) -> bool {
        known.iter().any(|&known| self.has(known))
    }

    /// Two or more lines of this name.
    #[inline]
    pub fn has_several(&self, known: Known) -> bool {
        self.index.doubled & known.bit() != 0
    }

    /// The value of the first line of this name.
    #[inline]
    pub fn get(&self, known: Known) -> Option<&[u8]> {
        self.get_all(known).next()
    }

    /// The value of the only line of this name: `None` if there are several, which for a field that is no list makes
    /// the value invalid (RFC 9110 section 5.3).
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

    /// The value of the first line whose name is this, in any case.
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

    /// The members of a comma-separated list that may span lines, without the empty ones (RFC 9110 section 5.6.1).
    /// Quoted strings are not looked into: right for lists of tokens.
    pub fn members(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.get_all(known).flat_map(|value| value.split(|&b| b == b',').map(trim)).filter(|member| !member.is_empty())
    }

    /// Room for a browser's head.
    pub(super) fn with_room() -> Fields {
        let index = Index { lines: Vec::with_capacity(16), ..Index::default() };
        Fields { bytes: Vec::with_capacity(1024), index }
    }

    /// What the next head finds here: memory, and nothing in it.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.index.lines.clear();
        (self.index.present, self.index.doubled) = (0, 0);
    }

    /// How much memory it holds.
    pub(super) fn capacity_bytes(&self) -> usize {
        self.bytes.capacity() + self.index.lines.capacity() * size_of::<Line>()
    }

    /// A lower-case copy of some bytes, behind the head; returns where it begins.
    #[cold]
    pub(super) fn push_lower_case(&mut self, range: Range<usize>) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_within(range);
        self.bytes[start..].make_ascii_lowercase();
        start
    }

    /// Where the first line of this name has its value.
    pub(super) fn span(&self, known: Known) -> Option<Span> {
        self.index.lines.iter().find(|line| line.known == Some(known)).map(|line| line.value())
    }
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Notes the whole and good lines that stand at `from`, up to the empty line or to one that needs another look
    /// (it is broken, over a limit, or not complete); returns where that begins. Places count from `start`.
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

    /// Notes a line that begins `base` bytes after the start of the head.
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

/// Where name and value stand in one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct LineParts {
    pub known: Option<Known>,
    pub name_len: usize,
    pub value_start: usize,
    pub value_end: usize,
    /// With the line end, a LF or CRLF.
    pub line_len: usize,
}

/// Splits the field line that `text` begins with (RFC 9112 section 5). `None` if it is not complete or breaks a rule,
/// which [`line_fault`] knows.
#[inline(always)] // one call per line, and the parts stay in registers
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
        (start, end) = trimmed(&after[..len]); // more than one blank before it
    }
    let base = name_len + 1;
    let line_len = base + len + line_end_len;
    Some(LineParts { known, name_len, value_start: base + start, value_end: base + end, line_len })
}

/// The length of a value that `plain_len` stops in or behind, and of its line end.
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

/// Where a value begins and ends without the blanks around it.
#[inline(never)]
fn trimmed(value: &[u8]) -> (usize, usize) {
    let end = value.iter().rposition(|&byte| !is_blank(byte)).map_or(0, |last| last + 1);
    let start = value[..end].iter().position(|&byte| !is_blank(byte)).unwrap_or(0);
    (start, end)
}

/// The rule that a line (with or without its end) breaks, if [`split_line`] does not take it.
#[cold]
pub(super) fn line_fault(line: &[u8]) -> &'static str {
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
