//! The variables that a configuration defines: each name gets a slot where it is mentioned first.

use super::problem::{Fault, Position};
use super::suggest::did_you_mean;
use super::template;
use super::types::{Source, UserVariable};
use std::collections::HashMap;

/// The names so far.
#[derive(Default)]
pub(super) struct VariableDrafts {
    slots: HashMap<String, u16>,
    drafts: Vec<Draft>,
}

/// A variable that has been mentioned.
struct Draft {
    name: String,
    /// Where it is mentioned first.
    place: Position,
    /// What defines it.
    source: Option<Source>,
}

impl VariableDrafts {
    /// The slot of a variable that is used or defined at this place. Returns `None` if there are too many.
    pub fn slot(&mut self, name: &str, place: Position) -> Option<u16> {
        if let Some(slot) = self.slots.get(name) {
            return Some(*slot);
        }
        let slot = u16::try_from(self.drafts.len()).ok()?;
        self.slots.insert(name.to_owned(), slot);
        self.drafts.push(Draft { name: name.to_owned(), place, source: None });
        Some(slot)
    }

    /// Defines a variable at this place. One that is stored to may be defined more than once.
    pub fn define(&mut self, name: &str, place: Position, source: Source) -> Option<u16> {
        let slot = self.slot(name, place)?;
        let draft = &mut self.drafts[usize::from(slot)];
        if draft.source.is_none() || !matches!(source, Source::Stored) {
            draft.source = Some(source);
        }
        Some(slot)
    }

    /// Finishes: all variables, or the faults of those that nothing defines.
    pub fn finish(self) -> Result<Vec<UserVariable>, Vec<Fault>> {
        let defined = self.drafts.iter().filter(|draft| draft.source.is_some()).map(|draft| &draft.name[..]);
        let known: Vec<&str> = defined.chain(template::names().map(|name| name as &str)).collect();
        let faults: Vec<Fault> = self
            .drafts
            .iter()
            .filter(|draft| draft.source.is_none())
            .map(|draft| {
                let meant = did_you_mean(&draft.name, known.iter().copied());
                let meant = meant.replace("mean \"", "mean \"$");
                Fault::new(draft.place, format!("unknown variable \"${}\"{meant}", draft.name))
            })
            .collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let variable = |draft: Draft| Some(UserVariable { name: draft.name, source: draft.source? });
        Ok(self.drafts.into_iter().filter_map(variable).collect())
    }
}
