//! The variables that a configuration defines: each name gets a slot where it is mentioned first.

use super::problem::{Fault, Position};
use super::suggest::did_you_mean;
use super::template;
use super::types::{Source, UserVariable};
use std::collections::HashMap;

/// How many variables the value of a variable may be made of, one after the other.
const STEPS_MAX: usize = 32;

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

    /// The faults of variables whose values are made of themselves, or in too many steps.
    fn circles(&self) -> Vec<Fault> {
        let (mut steps, mut faults) = (vec![None; self.drafts.len()], Vec::new());
        for slot in 0..self.drafts.len() {
            let mut path = Vec::new();
            if let Err(fault) = self.steps(slot, &mut path, &mut steps) {
                faults.push(fault);
                path.iter().for_each(|slot| steps[*slot] = Some(0)); // one message is enough
            }
        }
        faults
    }

    /// In how many steps the value of a variable is made. `path` leads to it, and `steps` has what is known already.
    fn steps(&self, slot: usize, path: &mut Vec<usize>, steps: &mut [Option<usize>]) -> Result<usize, Fault> {
        if let Some(known) = steps[slot] {
            return Ok(known);
        }
        let draft = &self.drafts[slot];
        let fault =
            |what: &str| Err(Fault::new(draft.place, format!("the value of \"${}\" is made {what}", draft.name)));
        if path.contains(&slot) {
            return fault("of itself");
        }
        path.push(slot);
        let mut most = 0;
        for part in draft.source.as_ref().map_or(Vec::new(), Source::slots) {
            if path.len() == STEPS_MAX {
                return fault(&format!("in more than {STEPS_MAX} steps"));
            }
            most = most.max(self.steps(part.into(), path, steps)?);
        }
        if most >= STEPS_MAX {
            return fault(&format!("in more than {STEPS_MAX} steps"));
        }
        path.pop();
        steps[slot] = Some(most + 1);
        Ok(most + 1)
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
        let faults = self.circles();
        if !faults.is_empty() {
            return Err(faults);
        }
        let variable = |draft: Draft| Some(UserVariable { name: draft.name, source: draft.source? });
        Ok(self.drafts.into_iter().filter_map(variable).collect())
    }
}
