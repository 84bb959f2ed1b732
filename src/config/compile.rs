//! Compiles what directives say: texts with variables, definitions of variables, regular expressions.

use super::lex::Word;
use super::problem::Fault;
use super::scope::Scope;
use super::types::{Escape, GatewayVariable, Phases, Regex, Source, Template, TemplatePart, Variable, VariableRoot};
use crate::ages::AgeRule;
use crate::pattern::Pattern;
use std::path::PathBuf;
use std::sync::Arc;

impl Scope<'_> {
    /// A text with variables, also with those that the configuration defines. The values are inserted as they are.
    pub fn template(&mut self, word: &Word) -> Result<Template, Fault> {
        let variables = &mut self.draft.variables;
        let template = Template::parse_with(&word.text, |name| variables.slot(name, word.place).map(Variable::Slot));
        let template = template.map_err(|message| word.fault(message))?;
        if template.parts.iter().any(|part| part.variable == Variable::ConnectionTime) {
            let ages = &mut self.draft.config.ages;
            *ages = Some(ages.map_or(AgeRule::EXACT, |ages| ages.and(AgeRule::EXACT)));
        }
        let is_of_answer = |part: &TemplatePart| {
            matches!(
                part.variable,
                Variable::Gateway(GatewayVariable::UpstreamHttp(_) | GatewayVariable::UpstreamCookie(_))
            )
        };
        self.draft.config.keeps_answer_heads |= template.parts.iter().any(is_of_answer);
        Ok(Template { escape: Escape::None, ..template })
    }

    /// The path of `root` or `alias`. One with variables is kept in the settings, and replaces what is returned here.
    pub fn root_path(&mut self, word: &Word, is_alias: bool) -> Result<PathBuf, Fault> {
        self.settings.variable_root = None;
        self.settings.phases -= Phases::VARIABLE_ROOT;
        if word.text.is_empty() && !is_alias {
            return Ok(self.draft.prefix.clone()); // as in nginx
        }
        if !word.text.contains('$') {
            return self.path(word);
        }
        if word.text.contains("$document_root") || word.text.contains("$realpath_root") {
            return Err(word.fault("the root cannot be made of itself; use another variable"));
        }
        let (text, prefix) = (self.template(word)?, self.draft.prefix.clone());
        self.settings.variable_root = Some(Arc::new(VariableRoot { text, prefix, is_alias }));
        self.settings.phases |= Phases::VARIABLE_ROOT;
        Ok(PathBuf::from("/dev/null")) // until the variables are known, nothing is below it
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

    /// Defines a variable with this name.
    fn define_named(&mut self, name: &str, word: &Word, source: Source) -> Result<u16, Fault> {
        if Variable::parse(name).is_some() {
            return Err(
                word.fault(format!("\"${name}\" is a variable of the server and cannot be set; use another name"))
            );
        }
        let slot = self.draft.variables.define(name, word.place, source);
        slot.ok_or_else(|| word.fault(format!("more than {} variables", u16::MAX)))
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
