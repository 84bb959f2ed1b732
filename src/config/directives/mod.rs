//! The directives: one row each, in the table of the file for its topic.
//!
//! To add a directive, add its row, and its field in [`super::types`] with the default in `defaults.rs`.

pub(super) mod cgi;
mod connection;
mod content;
mod dav;
mod directory;
mod echo;
mod events;
mod http;
mod listen;
pub(super) mod location;
mod log;
mod main;
mod methods;
mod open_file_cache;
mod protocols;
mod response;
pub(super) mod rewrite;
mod server;
mod try_files;
pub(super) mod upload;
mod userid;

use super::lex::Word;
use super::parse::Statement;
use super::problem::{Fault, Position};
use super::scope::{Contexts, ProtocolDraft, Scope};
use super::suggest::{did_you_mean, nearest};
use super::types::{Protocol, Settings};
use std::ops::RangeInclusive;

/// No upper limit on values.
const MANY: usize = usize::MAX;

/// Changes the level that a directive is on.
pub(super) type Set = fn(&mut Scope<'_>, &Statement) -> Result<(), Fault>;

/// Reads statements into a level: [`super::walk::read`], which a block's directive gets as an argument.
pub(super) type Read = fn(&mut Scope<'_>, &[Statement]);

/// Opens the level of a block, reads the block into it, and takes over what the level has at the end.
pub(super) type Enter = fn(&mut Scope<'_>, &Statement, Read) -> Result<(), Fault>;

/// How a directive is written, and the function that reads it.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// `name value;`, at most once on a level.
    Once(Set),
    /// `name value;`, any number of times.
    Repeat(Set),
    /// `name { key value; }`, a table, any number of times.
    Table(Set),
    /// `name { directives }`, at most once on a level.
    Section(Enter),
    /// `name { directives }`, any number of times.
    Sections(Enter),
}

/// A row: one directive.
pub(super) struct Directive {
    pub name: &'static str,
    /// The levels that it may be on.
    pub contexts: Contexts,
    /// The number of values, without a block.
    pub args: RangeInclusive<usize>,
    /// A correct example, for messages.
    pub example: &'static str,
    /// The form and the function that reads it.
    pub form: Form,
}

impl Directive {
    /// Whether a block follows.
    pub fn takes_block(&self) -> bool {
        matches!(self.form, Form::Table(_) | Form::Section(_) | Form::Sections(_))
    }

    /// Whether a second one on the same level is an error.
    pub fn at_most_once(&self) -> bool {
        matches!(self.form, Form::Once(_) | Form::Section(_))
    }

    /// "exactly 1 value", for messages.
    pub fn takes(&self) -> String {
        let values = |count: usize| format!("{count} value{}", if count == 1 { "" } else { "s" });
        match (*self.args.start(), *self.args.end()) {
            (_, 0) => "no value".to_owned(),
            (least, MANY) => format!("at least {}", values(least)),
            (least, most) if least == most => values(most),
            (least, most) if least + 1 == most => format!("{least} or {}", values(most)),
            (least, most) => format!("{least} to {}", values(most)),
        }
    }
}

/// A row: one protocol beside HTTP.
pub(super) struct ProtocolRow {
    /// The name of its block.
    pub name: &'static str,
    /// The level inside the block.
    pub block: Contexts,
    /// The level inside a `server` of the block.
    pub server: Contexts,
    /// The port of an address without one.
    pub port: u16,
    /// Makes the protocol of what a `server` says; at the position is its `root`, or itself.
    pub make: fn(&mut Settings, ProtocolDraft, Position) -> Result<Protocol, Fault>,
}

/// All directives.
fn all() -> impl Iterator<Item = &'static Directive> + Clone {
    let tables = [
        main::TABLE,
        events::TABLE,
        http::TABLE,
        server::TABLE,
        location::TABLE,
        content::TABLE,
        dav::TABLE,
        upload::TABLE,
        directory::TABLE,
        echo::TABLE,
        methods::TABLE,
        rewrite::TABLE,
        try_files::TABLE,
        cgi::TABLE,
        response::TABLE,
        open_file_cache::TABLE,
        connection::TABLE,
        log::TABLE,
        userid::TABLE,
    ];
    tables.into_iter().flatten()
}

/// Whether a directive with this name may be on a level of `context`.
pub(super) fn is_known(name: &str, context: Contexts) -> bool {
    all().any(|directive| directive.name == name && directive.contexts.intersects(context))
}

/// The directive with this name. The error tells where it belongs, or which directive was probably meant.
pub(super) fn find(name: &Word, context: Contexts) -> Result<&'static Directive, Fault> {
    let text = &name.text[..];
    let Some(found) = all().find(|directive| directive.name == text) else {
        let mut meant = did_you_mean(text, all().filter(|d| d.contexts.intersects(context)).map(|d| d.name));
        if meant.is_empty() {
            // Perhaps a directive of another level was meant.
            let near = nearest(text, all().map(|d| d.name)).and_then(|near| all().find(|d| d.name == near));
            meant = near.map(|d| format!(", did you mean \"{}\"? {}", d.name, belongs(d))).unwrap_or_default();
        }
        return Err(name.fault(format!("unknown directive \"{text}\"{meant}")));
    };
    if found.contexts.intersects(context) {
        return Ok(found);
    }
    Err(name.fault(format!("\"{text}\" is not allowed {}; {}", level(context), belongs(found))))
}

/// `it belongs in "server"`. Of several levels, only those are named that are nearly always meant: not those of other
/// protocols than HTTP, and no `if`.
fn belongs(directive: &Directive) -> String {
    let rare = Contexts::PROTOCOL_BLOCK.union(Contexts::PROTOCOL_SERVER).union(Contexts::SERVER_IF);
    let https = directive.contexts - rare.union(Contexts::LOCATION_IF);
    let told = if https.is_empty() { directive.contexts } else { https };
    let levels: Vec<String> = told.iter().map(level).collect();
    format!("it belongs {}", levels.join(" or "))
}

/// `in "server"`.
fn level(context: Contexts) -> String {
    match context {
        Contexts::MAIN => "at the top level".to_owned(),
        Contexts::EVENTS => "in \"events\"".to_owned(),
        Contexts::HTTP => "in \"http\"".to_owned(),
        Contexts::SERVER => "in \"server\"".to_owned(),
        Contexts::LOCATION => "in \"location\"".to_owned(),
        Contexts::SERVER_IF => "in \"if\" of a \"server\"".to_owned(),
        Contexts::LOCATION_IF => "in \"if\" of a \"location\"".to_owned(),
        context => protocols::level(context).unwrap_or_default(),
    }
}

/// Stores a value, or returns its fault.
fn put<T>(slot: &mut T, value: Result<T, Fault>) -> Result<(), Fault> {
    *slot = value?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_directive_has_two_entries() {
        let mut names: Vec<&str> = all().map(|directive| directive.name).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn every_example_is_of_its_own_directive() {
        for directive in all() {
            assert!(directive.example.starts_with(directive.name), "{}", directive.name);
            assert_eq!(directive.example.ends_with('}'), directive.takes_block(), "{}", directive.name);
        }
    }
}
