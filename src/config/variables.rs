//! The variables that a configuration defines: each name gets a slot when it is first mentioned, wherever it is defined.

use super::lex::Word;
use super::problem::{Fault, Position};
use super::scope::Scope;
use super::suggest::did_you_mean;
use super::template;
use super::types::{Escape, Regex, Source, Template, UserVariable, Variable};
use crate::pattern::Pattern;
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

impl Scope<'_> {
    /// A text with variables, also with those that the configuration defines. The values are inserted as they are.
    pub fn template(&mut self, word: &Word) -> Result<Template, Fault> {
        let variables = &mut self.draft.variables;
        let template = Template::parse_with(&word.text, |name| variables.slot(name, word.place).map(Variable::Slot));
        let template = template.map_err(|message| word.fault(message))?;
        Ok(Template { escape: Escape::None, ..template })
    }

    /// Defines a variable: `$name` is the word. Returns its slot.
    pub fn define(&mut self, word: &Word, source: Source) -> Result<u16, Fault> {
        let name = self.variable_name(word)?.to_owned();
        self.define_named(&name, word, source)
    }

    /// The name of the variable that a directive defines.
    pub fn variable_name<'a>(&self, word: &'a Word) -> Result<&'a str, Fault> {
        let name = word.text.strip_prefix('$').filter(|name| !name.is_empty());
        let name = name.filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        name.ok_or_else(|| word.fault(format!("\"{}\" is no variable's name, as in $name", word.text)))
    }

    /// Defines a variable with this name. A variable that is stored to may be defined more than once.
    fn define_named(&mut self, name: &str, word: &Word, source: Source) -> Result<u16, Fault> {
        if Variable::parse(name).is_some() {
            return Err(
                word.fault(format!("\"${name}\" is a variable of the server and cannot be set; use another name"))
            );
        }
        let variables = &mut self.draft.variables;
        let slot = variables.slot(name, word.place);
        let slot = slot.ok_or_else(|| word.fault(format!("more than {} variables", u16::MAX)))?;
        let draft = &mut variables.drafts[usize::from(slot)];
        if draft.source.is_none() || !matches!(source, Source::Stored) {
            draft.source = Some(source);
        }
        Ok(slot)
    }

    /// A regular expression. Its named groups define variables.
    pub fn regex(&mut self, word: &Word, text: &str, ignores_case: bool) -> Result<Regex, Fault> {
        let pattern = Pattern::new(text, ignores_case).map_err(|error| {
            let mut place = word.place;
            // With quotes or escapes the columns differ from those of the text; then the whole word is marked.
            let shown = place.width == word.text.chars().count() && !word.quoted;
            if let Some(at) = error.at.filter(|_| shown) {
                let before = word.text.len() - text.len();
                place.column += word.text[..before].chars().count() + at;
                place.width = 1;
            }
            Fault::new(place, error.message)
        })?;
        let mut names = Vec::new();
        for (group, name) in pattern.names() {
            names.push((group, self.define_named(&name, word, Source::Stored)?));
        }
        Ok(Regex { pattern, names })
    }
}
