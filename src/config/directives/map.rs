//! `map`: a variable whose value is looked up by a text.

use super::{Contexts, Directive, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{KeyKind, Map, Source, Template};
use std::collections::HashMap;
use std::sync::Arc;

pub(super) const TABLE: &[Directive] =
    &[row("map", Contexts::HTTP, 2..=2, "map $host $name { default 0; example.org 1; }")
        .syntax("TEXT $VARIABLE")
        .without("there is no such variable")
        .help("Defines a variable whose value is looked up by a text.")
        .table(map)];

/// A map that is being read.
#[derive(Default)]
struct MapDraft {
    map: Map,
    /// The indices of values by their texts: a long map often has few values.
    values: HashMap<String, u32>,
    has_default: bool,
}

fn map(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let mut draft = MapDraft::default();
    draft.map.source = scope.template(&it.args[0])?;
    draft.map.values.push(Template::default()); // the default, which may come last
    let is = |row: &Statement, word: &str| row.args.is_empty() && row.name.text == word;
    // It holds for the keys before it, too.
    draft.map.hostnames = it.statements().iter().any(|row| is(row, "hostnames"));
    let is_volatile = it.statements().iter().any(|row| is(row, "volatile"));
    for row in it.statements().iter().filter(|row| !is(row, "hostnames") && !is(row, "volatile")) {
        let outcome = draft.row(scope, row);
        scope.note(outcome);
    }
    scope.define(&it.args[1], Source::Map(Arc::new(draft.map), is_volatile))?;
    Ok(())
}

impl MapDraft {
    fn row(&mut self, scope: &mut Scope<'_>, row: &Statement) -> Result<(), Fault> {
        let key = &row.name;
        if let Some(block) = &row.block {
            return Err(Fault::new(block.open, "no blocks inside of \"map\""));
        }
        let [value] = &row.args[..] else {
            return Err(key.fault(format!("a key of \"map\" has one value, not {}: KEY VALUE;", row.args.len())));
        };
        if key.text == "default" {
            if std::mem::replace(&mut self.has_default, true) {
                return Err(key.fault("a second default of this map"));
            }
            self.map.values[0] = scope.template(value)?;
            return Ok(());
        }
        let index = self.value(scope, value)?;
        if let Some(expression) = key.text.strip_prefix('~') {
            let (expression, ignores_case) = match expression.strip_prefix('*') {
                Some(expression) => (expression, true),
                None => (expression, false),
            };
            self.map.regexes.push((scope.regex(key, expression, ignores_case)?, index));
            return Ok(());
        }
        // A backslash before a key that would mean something else.
        let text = key.text.strip_prefix('\\').unwrap_or(&key.text);
        self.key(key, &text.to_ascii_lowercase(), index)
    }

    /// The index of a value.
    fn value(&mut self, scope: &mut Scope<'_>, word: &Word) -> Result<u32, Fault> {
        if let Some(index) = self.values.get(&word.text) {
            return Ok(*index);
        }
        let index = self.map.values.len() as u32; // the files together have fewer words
        self.map.values.push(scope.template(word)?);
        self.values.insert(word.text.clone(), index);
        Ok(index)
    }

    /// Adds a key in lower case.
    fn key(&mut self, word: &Word, text: &str, index: u32) -> Result<(), Fault> {
        let mut add = |kind, text: &str| match self.map.keys.add(kind, text.as_bytes(), index) {
            true => Ok(()),
            false => Err(word.fault(format!("the key \"{}\" is given twice", word.text))),
        };
        if !self.map.hostnames {
            return add(KeyKind::Exact, text);
        }
        let (kind, name) = match (text.strip_prefix("*."), text.strip_suffix(".*"), text.strip_prefix('.')) {
            (Some(name), _, _) => (KeyKind::Suffix, name),
            (_, Some(name), _) => (KeyKind::Prefix, name),
            (_, _, Some(name)) => {
                add(KeyKind::Exact, name)?;
                (KeyKind::Suffix, name)
            }
            _ => (KeyKind::Exact, text),
        };
        let is_empty = name.is_empty() && kind != KeyKind::Exact;
        if is_empty || name.contains('*') || name.contains("..") {
            return Err(word.fault(format!(
                "\"{}\" is no host name; a wildcard is its first or last label, as in *.example.org or www.example.*",
                word.text
            )));
        }
        add(kind, name)
    }
}
