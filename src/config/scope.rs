//! Reads the blocks: each level starts with the settings of the level around it and changes them.

use super::directives::{self, Contexts, Directive, Form};
use super::lex::Word;
use super::listeners::{Listen, ServerDraft};
use super::parse::Statement;
use super::problem::{Errors, Fault, Files, Position};
use super::types::{Config, Locations, Settings, Template};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The configuration as far as it has been read.
pub(super) struct ConfigDraft {
    /// The finished parts.
    pub config: Config,
    /// The directory that relative paths start from.
    pub prefix: PathBuf,
    /// The texts, for messages that name a second position.
    pub files: Files,
    /// The `log_format`s by name.
    pub formats: HashMap<String, Arc<Template>>,
    /// The `server`s in the order of the files.
    pub servers: Vec<ServerDraft>,
    /// The faults so far.
    pub faults: Vec<Fault>,
    /// The warnings so far.
    pub warnings: Vec<Fault>,
}

/// One level: the file itself, or a block with directives. A directive changes it.
pub(super) struct Scope<'a> {
    pub draft: &'a mut ConfigDraft,
    /// The kind of this level; one flag.
    pub context: Contexts,
    /// The settings: those of the level around it, changed by the directives of this level.
    pub settings: Settings,
    /// Whether the current directive is the first of its name on this level. A level inherits a list only if it adds
    /// nothing to it, so the first directive empties the list.
    pub first: bool,
    /// The directives of this level, with the position of the first one of each name.
    pub seen: HashMap<&'static str, Position>,
    /// The `listen`s of a server.
    pub listens: Vec<Listen>,
    /// The `server_name`s of a server.
    pub names: Vec<Word>,
    /// The head of this location.
    pub location: Option<directives::location::Head>,
    /// The locations directly inside.
    pub locations: Locations,
    /// The positions of the locations inside, by how they are written.
    pub location_places: HashMap<String, Position>,
    /// The named locations that an `error_page` of this level or below refers to.
    pub named_uses: Vec<Word>,
    /// The settings of `cgi`, also while no program answers here.
    pub cgi: directives::cgi::CgiDraft,
    /// The settings for servers of the directory protocol.
    pub directory: directives::directory::DirectoryDraft,
}

impl<'a> Scope<'a> {
    /// A level with these settings.
    pub fn new(draft: &'a mut ConfigDraft, context: Contexts, settings: Settings) -> Self {
        Scope {
            draft,
            context,
            settings,
            first: true,
            seen: HashMap::new(),
            listens: Vec::new(),
            names: Vec::new(),
            location: None,
            locations: Locations::default(),
            location_places: HashMap::new(),
            named_uses: Vec::new(),
            cgi: directives::cgi::CgiDraft::default(),
            directory: directives::directory::DirectoryDraft::default(),
        }
    }

    /// A level inside this one. It inherits everything but `return` and `limit_except`.
    pub fn inside(&mut self, context: Contexts) -> Scope<'_> {
        let settings = Settings { return_: None, limit_except: None, ..self.settings.clone() };
        let (cgi, directory) = (self.cgi.clone(), self.directory.clone());
        Scope { cgi, directory, ..Scope::new(self.draft, context, settings) }
    }

    /// Reads the statements of a level: first the plain ones, then the blocks, so that a directive below a block also
    /// applies inside the block.
    pub fn read(&mut self, statements: &[Statement]) {
        let mut sections = Vec::new();
        for statement in statements {
            let outcome = self.admit(statement).and_then(|directive| {
                self.first = !self.seen.contains_key(directive.name);
                self.seen.entry(directive.name).or_insert(statement.name.place);
                match directive.form {
                    Form::Once(set) | Form::Repeat(set) | Form::Table(set) => set(self, statement)?,
                    Form::Section(enter) | Form::Sections(enter) => sections.push((enter, statement)),
                }
                Ok(())
            });
            self.note(outcome);
        }
        directives::cgi::settle(self);
        let outcome = directives::upload::settle(self);
        self.note(outcome);
        for (enter, statement) in sections {
            let outcome = enter(self, statement);
            self.note(outcome);
        }
    }

    /// Adds a fault to the report.
    pub fn note(&mut self, outcome: Result<(), Fault>) {
        if let Err(fault) = outcome {
            // Keep twice as many as are shown: faults of blocks come late and are sorted in.
            if self.draft.faults.len() < 2 * Errors::MAX {
                self.draft.faults.push(fault);
            }
        }
    }

    /// Adds a warning.
    pub fn warn(&mut self, word: &Word, message: String) {
        self.draft.warnings.push(word.fault(message));
    }

    /// The position of an earlier word, for a message.
    pub fn first_at(&self, place: Position) -> String {
        format!("first at {}", self.draft.files.name(place))
    }

    /// A path; a relative one is relative to the prefix.
    pub fn path(&self, word: &Word) -> Result<PathBuf, Fault> {
        match &word.text[..] {
            "" => Err(word.fault("this path is empty")),
            text if text.contains('$') => Err(word.fault("variables are not supported in this path")),
            "." => Ok(self.draft.prefix.clone()),
            text => Ok(self.draft.prefix.join(text)),
        }
    }

    /// Checks that the statement's directive is known, allowed here, and has the right form.
    fn admit(&self, statement: &Statement) -> Result<&'static Directive, Fault> {
        let name = &statement.name;
        let directive = directives::find(name, self.context)?;
        missing_semicolon(statement, self.context)?;
        match (&statement.block, directive.takes_block()) {
            (Some(block), false) => {
                return Err(Fault::new(
                    block.open,
                    format!("\"{}\" takes no block, as in: {}", name.text, directive.example),
                ));
            }
            (None, true) => {
                return Err(name.fault(format!("\"{}\" needs a block, as in: {}", name.text, directive.example)));
            }
            _ => {}
        }
        if !directive.args.contains(&statement.args.len()) {
            let takes = directive.takes();
            let given = statement.args.len();
            let message = format!("\"{}\" takes {takes}, not {given}, as in: {}", name.text, directive.example);
            return Err(name.fault(message));
        }
        match self.seen.get(directive.name) {
            Some(first) if directive.at_most_once() => {
                Err(name.fault(format!("\"{}\" is given twice, {}", name.text, self.first_at(*first))))
            }
            _ => Ok(directive),
        }
    }
}

/// The fault of a line of the statement that begins with a directive's name: the `;` of the line before is missing. A
/// directive with many values would otherwise take the next directive as values.
fn missing_semicolon(statement: &Statement, context: Contexts) -> Result<(), Fault> {
    let mut last = &statement.name;
    for word in &statement.args {
        if word.place.line > last.place.line && !word.quoted && directives::is_known(&word.text, context) {
            let (before, name) = (&last.text, &word.text);
            let message = format!(
                "missing \";\" after \"{before}\" (\"{name}\" on the next line is a directive; quote it if not)"
            );
            return Err(last.fault(message));
        }
        last = word;
    }
    Ok(())
}
