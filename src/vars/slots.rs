//! The values of variables that the configuration defines.

use super::View;
use crate::config::Regex;
use std::rc::Rc;

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
