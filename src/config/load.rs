//! The sources of a configuration: a file, a text, the texts built into the program, or a directory to serve.

use super::listeners::{Listen, listeners};
use super::parse::{Parser, Statement};
use super::problem::{Errors, Fault, Files, Problem};
use super::scope::{ConfigDraft, Contexts, Scope};
use super::source::{ConfigFiles, ConfigSource};
use super::types::{Address, Config, Settings};
use super::walk;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// `config/default.conf` as shipped.
const DEFAULT_CONF: &str = include_str!("../../config/default.conf");

/// `config/mime.types` as shipped.
const MIME_TYPES: &str = include_str!("../../config/mime.types");

/// The texts inside the program, for `include`.
const EMBEDDED: &[(&str, &str)] = &[("mime.types", MIME_TYPES)];

/// The name of `-g` in messages.
const GLOBALS: &str = "-g";

impl Config {
    /// Reads a configuration from a file. Relative paths in it are relative to `prefix`, included files are relative to
    /// the directory of `path`. `globals` has more directives of the top level, those of `-g`.
    ///
    /// # Errors
    /// Up to [`Errors::MAX`] problems. After a syntax error there is only that one, because the rest cannot be read.
    pub fn load(path: &Path, prefix: &Path, globals: &str) -> Result<Config, Errors> {
        Config::load_from(&ConfigFiles::default(), path, prefix, globals)
    }

    /// The same as [`Config::load`], with files that are read in another way.
    ///
    /// # Errors
    /// The same as those of [`Config::load`].
    pub fn load_from(files: &ConfigFiles, path: &Path, prefix: &Path, globals: &str) -> Result<Config, Errors> {
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        let source = ConfigSource { files: files.clone(), embedded: &[], directory };
        let text = source.read(path);
        let text = text.map_err(|error| Errors::file(&path.to_string_lossy(), format!("cannot be read: {error}")))?;
        read(path, &text, &source, prefix, globals)
    }

    /// Reads a configuration from a text; `name` is its name in messages. `include mime.types;` means the text inside
    /// the program. All other paths, also those of included files, are relative to `prefix`.
    ///
    /// # Errors
    /// The same as those of [`Config::load`].
    pub fn from_text(name: &str, text: &str, prefix: &Path, globals: &str) -> Result<Config, Errors> {
        embedded(&ConfigFiles::default(), name, text, prefix, globals)
    }

    /// The `config/default.conf` of the build, for a start without a file.
    ///
    /// # Errors
    /// The same as those of [`Config::load`]; only `globals` can be wrong.
    pub fn built_in(files: &ConfigFiles, prefix: &Path, globals: &str) -> Result<Config, Errors> {
        embedded(files, "config/default.conf (built in)", DEFAULT_CONF, prefix, globals)
    }

    /// The configuration of `webserv DIR`: one directory on one address, with the log on the terminal.
    ///
    /// # Errors
    /// The text is fixed, so no directory and no address causes an error.
    pub fn for_directory(directory: &Path, address: SocketAddr) -> Result<Config, Errors> {
        let text = format!(
            "error_log stderr notice;\n\
             http {{ include mime.types; server {{ listen {address}; root .; index index.html index.htm; }} }}\n"
        );
        Config::from_text("webserv DIR", &text, directory, "")
    }
}

/// Reads a text that may include the texts inside the program.
fn embedded(files: &ConfigFiles, name: &str, text: &str, prefix: &Path, globals: &str) -> Result<Config, Errors> {
    let source = ConfigSource { files: files.clone(), embedded: EMBEDDED, directory: prefix.to_owned() };
    read(Path::new(name), text, &source, prefix, globals)
}

/// Parses all texts, reads the statements, and makes the listeners.
fn read(path: &Path, text: &str, source: &ConfigSource<'_>, prefix: &Path, globals: &str) -> Result<Config, Errors> {
    let mut files = Files::default();
    let statements = match statements(path, text, source, globals, &mut files) {
        Ok(statements) => statements,
        Err(fault) => return Err(Errors { problems: vec![files.problem(&fault)] }),
    };
    let mut draft = ConfigDraft {
        config: Config::default(),
        reader: source.files.clone(),
        prefix: prefix.to_owned(),
        files,
        formats: HashMap::new(),
        servers: Vec::new(),
        faults: Vec::new(),
        warnings: Vec::new(),
        routes: 0,
    };
    let defaults = Settings::default();
    let settings = Settings { root: prefix.join(&defaults.root), ..defaults };
    walk::read(&mut Scope::new(&mut draft, Contexts::MAIN, settings), &statements);
    finish(draft, path)
}

/// The statements of the command line and of the file, in this order.
fn statements(
    path: &Path,
    text: &str,
    source: &ConfigSource<'_>,
    globals: &str,
    files: &mut Files,
) -> Result<Vec<Statement>, Fault> {
    let mut parser = Parser::new(source, files);
    let mut statements = Vec::new();
    if !globals.is_empty() {
        statements = parser.text(Path::new(GLOBALS), globals)?;
        if let Some(block) = statements.iter().find_map(|statement| statement.block.as_ref()) {
            return Err(Fault::new(block.open, "no blocks in -g: only directives of the top level"));
        }
    }
    let in_file = parser.text(path, text)?;
    // A directive of the command line overrides the same directive of the file.
    let overridden = |it: &Statement| it.block.is_none() && statements.iter().any(|g| g.name.text == it.name.text);
    let kept: Vec<Statement> = in_file.into_iter().filter(|it| !overridden(it)).collect();
    statements.extend(kept);
    Ok(statements)
}

fn finish(mut draft: ConfigDraft, path: &Path) -> Result<Config, Errors> {
    for server in &mut draft.servers {
        if server.listens.is_empty() {
            let port = if draft.reader.is_root() { 80 } else { 8000 };
            let address = Address::Inet((Ipv4Addr::UNSPECIFIED, port).into());
            server.listens.push(Listen::new(address, server.place));
        }
    }
    // Servers are compared with each other only if each of them is valid.
    if draft.faults.is_empty() {
        match listeners(&draft.servers, &draft.files) {
            Ok(listeners) => draft.config.listeners = listeners,
            Err(faults) => draft.faults = faults,
        }
    }
    let problems = |mut faults: Vec<Fault>| -> Vec<Problem> {
        faults.sort_by_key(|fault| fault.place);
        faults.iter().map(|fault| draft.files.problem(fault)).collect()
    };
    if !draft.faults.is_empty() {
        let mut problems = problems(draft.faults);
        problems.truncate(Errors::MAX);
        return Err(Errors { problems });
    }
    let mut config = draft.config;
    config.warnings = problems(draft.warnings);
    if config.listeners.is_empty() {
        let message = "it has no server, so there is nothing to listen on; write http { server { listen 8080; } }";
        return Err(Errors::file(&path.to_string_lossy(), message.to_owned()));
    }
    config.texts = draft.files.into_texts();
    config.texts.retain(|(name, _)| name != GLOBALS);
    Ok(config)
}
