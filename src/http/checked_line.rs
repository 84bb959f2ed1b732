//! A field line that a parser has checked, and its texts as values.

use super::fields::{Known, LineParts, split_line};
use super::reply::{Name, Text};

/// A field line that keeps the rules: its texts need no second check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckedLine<'a> {
    /// The line up to the end of the value.
    text: &'a [u8],
    parts: LineParts,
}

impl<'a> CheckedLine<'a> {
    /// The field line at the start of `text`. Returns `None` if the line is incomplete or breaks a rule; then
    /// [`line_fault`](super::fields::line_fault) tells which rule.
    #[inline]
    pub(crate) fn at_start(text: &'a [u8]) -> Option<Self> {
        let parts = split_line(text)?;
        Some(Self { text: &text[..parts.value_end], parts })
    }

    /// The line with its end, LF or CRLF, has this number of bytes.
    pub(crate) fn len(self) -> usize {
        self.parts.line_len
    }

    /// The name as a number, if it is one of the common names.
    pub(crate) fn known(self) -> Option<Known> {
        self.parts.known
    }

    /// The name as it was sent.
    pub(crate) fn name_text(self) -> &'a [u8] {
        &self.text[..self.parts.name_len]
    }

    /// The value without blanks around it.
    pub(crate) fn value_text(self) -> &'a [u8] {
        &self.text[self.parts.value_start..]
    }

    /// A copy of the name.
    pub(crate) fn name(self) -> Name {
        Name::checked(self.name_text(), self.parts.known)
    }

    /// A copy of the value.
    pub(crate) fn value(self) -> Text {
        Text::checked(self.value_text())
    }
}
