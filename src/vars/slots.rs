//! The values of variables that the configuration defines.

use super::View;
use crate::config::Regex;
use crate::connection::Value;
use std::ops::Deref;
use std::rc::Rc;

/// A value of a variable, as bytes.
pub enum SlotText<'v> {
    /// A text of the configuration.
    Fixed(&'v [u8]),
    /// A text that was made for the request.
    Made(Value),
}

impl Deref for SlotText<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            SlotText::Fixed(text) => text,
            SlotText::Made(text) => text,
        }
    }
}

/// Whether the expression matches. If it does, its groups are the new `$1`, `$2` and so on, and its named groups are
/// stored in their variables.
pub fn matches(view: &View<'_>, regex: &Regex, subject: &[u8]) -> bool {
    if regex.pattern.groups() == 0 {
        let is_match = regex.pattern.is_match(subject);
        if is_match {
            view.slots().forget_captures();
        }
        return is_match;
    }
    let Some(captures) = regex.pattern.captures(subject) else { return false };
    for (group, slot) in &regex.names {
        view.slots().put(*slot, Rc::from(captures.get(*group)));
    }
    view.slots().set_captures(captures);
    true
}
