//! Walking the blocks: each level begins with what the level around it says and changes that.

use super::directives::{self, Contexts, Directive, Form};
use super::lex::Word;
use super::listeners::{Listen, ServerDraft};
use super::parse::Statement;
use super::problem::{Errors, Fault, Files, Position};
use super::types::{Config, Locations, Settings, Template};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What has been read so far, of all levels.
pub(super) struct ConfigDraft {
    /// The finished parts.
    pub config: Config,
    /// What relative paths are relative to.
    pub prefix: PathBuf,
    /// The texts, for messages that name a second place.
    pub files: Files,
    /// `log_format`s by name.
    pub formats: HashMap<String, Arc<Template>>,
    /// The `server`s in order.
    pub servers: Vec<ServerDraft>,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// What is odd.
    pub warnings: Vec<Fault>,
}

/// One level: the file itself or a block with directives. A directive changes it.
pub(super) struct Scope<'a> {
    pub draft: &'a mut ConfigDraft,
    /// Which kind of level this is; one flag.
    pub context: Contexts,
    /// What the level around it says, changed by what was read here.
    pub settings: Settings,
    /// Is the directive being read the first of its name on this level? Lists are inherited only if a level has none of
    /// its own, so the first one empties them.
    pub first: bool,
    /// The directives that were read here, and where the first of each name stands.
    pub seen: HashMap<&'static str, Position>,
    /// `listen`s, of a server.
    pub listens: Vec<Listen>,
    /// `server_name`s, of a server.
    pub names: Vec<Word>,
    /// Which location this is.
    pub location: Option<directives::location::Head>,
    /// The locations directly inside.
    pub locations: Locations,
    /// Where the locations inside stand, by how they are written.
    pub location_places: HashMap<String, Position>,
    /// Named locations that `error_page` refers to from here or from inside.
    pub named_uses: Vec<Word>,
    /// What the `cgi` directives say, also while no program answers.
    pub cgi: directives::cgi::CgiDraft,
    /// What is said of servers of the directory protocol.
    pub directory: directives::directory::DirectoryDraft,
}

impl<'a> Scope<'a> {
    /// A level with what `settings` says.
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

    /// A level inside this one. All is inherited but `return` and `limit_except`.
    pub fn inside(&mut self, context: Contexts) -> Scope<'_> {
        let settings = Settings { return_: None, limit_except: None, ..self.settings.clone() };
        let (cgi, directory) = (self.cgi.clone(), self.directory.clone());
        Scope { cgi, directory, ..Scope::new(self.draft, context, settings) }
    }

    /// Reads a level's statements: first the plain ones, then the sections, so that what stands below an inner block
    /// holds inside it too.
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

    /// Keeps a fault for the report.
    pub fn note(&mut self, outcome: Result<(), Fault>) {
        if let Err(fault) = outcome {
            // Twice as many as are shown, since those of sections come late and are sorted in.
            if self.draft.faults.len() < 2 * Errors::MAX {
                self.draft.faults.push(fault);
            }
        }
    }

    /// Says that something is odd.
    pub fn warn(&mut self, word: &Word, message: String) {
        self.draft.warnings.push(word.fault(message));
    }

    /// The place of a word that stood earlier, for a message.
    pub fn first_at(&self, place: Position) -> String {
        format!("first at {}", self.draft.files.name(place))
    }

    /// A path, relative to the prefix.
    pub fn path(&self, word: &Word) -> Result<PathBuf, Fault> {
        match &word.text[..] {
            "" => Err(word.fault("this path is empty")),
            text if text.contains('$') => Err(word.fault("variables are not supported in this path")),
            "." => Ok(self.draft.prefix.clone()),
            text => Ok(self.draft.prefix.join(text)),
        }
    }

    /// Is the statement's directive known, allowed here, and of the right form?
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

/// Does a line of the statement begin with a directive's name? Then the `;` of the line before it was forgotten, which
/// for directives with many values would otherwise go unnoticed.
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
