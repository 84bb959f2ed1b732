//! The sources of a configuration: a file, a text, the texts built into the program, or a directory to serve.

use super::built_in::{DEFAULT_CONF, INCLUDED};
use super::directives;
use super::lint;
use super::listeners::{Listen, listeners};
use super::parse::{Parser, Statement};
use super::problem::{Errors, Fault, Files, Problem, Review};
use super::scope::{ConfigDraft, Contexts, Scope};
use super::source::{ConfigFiles, ConfigSource};
use super::types::{Address, Config, Settings};
use super::variables::VariableDrafts;
use super::walk;
use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

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
        let (text, source) = on_disk(files, path)?;
        read(path, &text, &source, prefix, globals)
    }

    /// Reads a configuration from a text; `name` is its name in messages. `include mime.types;` and its kind mean
    /// the texts inside the program. All other paths, also those of included files, are relative to `prefix`.
    ///
    /// # Errors
    /// The same as those of [`Config::load`].
    pub fn from_text(name: &str, text: &str, prefix: &Path, globals: &str) -> Result<Config, Errors> {
        embedded(&ConfigFiles::default(), name, text, prefix, globals)
    }

    /// The name of the configuration that is part of the program, in messages.
    pub const BUILT_IN: &str = "config/default.conf (built in)";

    /// The `config/default.conf` of the build, for a start without a file.
    ///
    /// # Errors
    /// The same as those of [`Config::load`]; only `globals` can be wrong.
    pub fn built_in(files: &ConfigFiles, prefix: &Path, globals: &str) -> Result<Config, Errors> {
        embedded(files, Config::BUILT_IN, DEFAULT_CONF, prefix, globals)
    }

    /// The demo, moved to another address: `file`, or without it the built-in configuration, in which this address
    /// replaces 127.0.0.1:8080, and its port plus 1 replaces 8081.
    ///
    /// # Errors
    /// Those of [`Config::load`]; and the file has no such address.
    pub fn demo_at(
        files: &ConfigFiles,
        file: Option<&Path>,
        address: SocketAddr,
        prefix: &Path,
        globals: &str,
    ) -> Result<Config, Errors> {
        let Some(path) = file else {
            return embedded(files, Config::BUILT_IN, &moved(DEFAULT_CONF, address), prefix, globals);
        };
        let (text, source) = on_disk(files, path)?;
        if !text.contains(DEMO_ADDRESS) {
            let message = format!("it does not listen on {DEMO_ADDRESS}, so change the port in it");
            return Err(Errors::file(&path.to_string_lossy(), message));
        }
        read(path, &moved(&text, address), &source, prefix, globals)
    }

    /// The configuration of `webserv DIR`: one directory on one address, with listings, and a line on standard output
    /// for each request.
    ///
    /// On an address of the loopback, only names of this machine are answered: by a name of their own that leads here,
    /// the page of another site could read the directory. Other addresses are for everybody, under any name.
    ///
    /// # Errors
    /// The text is fixed, so no directory and no address causes an error.
    pub fn for_directory(directory: &Path, address: SocketAddr) -> Result<Config, Errors> {
        let (names, others) = match address.ip().is_loopback() {
            true => (
                format!("server_name {};", known_names(address)),
                format!(
                    "server {{ listen {address} default_server; server_name _; default_type text/plain;\n\
                     return 421 \"This server answers for localhost only, not for $host. webserv DIR --bind ADDR takes \
                     an address for others.\\n\"; }}\n"
                ),
            ),
            false => (String::new(), String::new()),
        };
        let text = format!(
            "error_log stderr notice;\n\
             http {{\n\
             log_format line '$time_local $remote_addr \"$request\" $status $body_bytes_sent';\n\
             access_log stdout line;\n\
             server {{ listen {address}; {names} root .; index index.html index.htm; autoindex on; }}\n{others}}}\n"
        );
        Config::from_text("webserv DIR", &text, directory, "")
    }
}

/// The address of the demo's first server in `config/default.conf`.
const DEMO_ADDRESS: &str = "127.0.0.1:8080";

/// The demo's configuration with another address.
fn moved(text: &str, address: SocketAddr) -> String {
    let second = SocketAddr::new(address.ip(), address.port().saturating_add(1));
    text.replace(DEMO_ADDRESS, &address.to_string())
        .replace("127.0.0.1:8081", &second.to_string())
        .replace("$host:8081", &format!("$host:{}", second.port()))
        .replace("localhost  127.0.0.1  [::1]  $hostname  \"\"", &known_names(address))
}

/// The names of this machine at this address, for `server_name`. "" is for requests without a Host field.
fn known_names(address: SocketAddr) -> String {
    let ip = match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    };
    let own = if ["127.0.0.1", "[::1]"].contains(&&ip[..]) { "" } else { &ip };
    format!("localhost 127.0.0.1 [::1] {own} $hostname \"\"")
}

/// The text of a file, and where its included files are.
fn on_disk(files: &ConfigFiles, path: &Path) -> Result<(String, ConfigSource<'static>), Errors> {
    let directory = path.parent().unwrap_or(Path::new("")).to_owned();
    let source = ConfigSource { files: files.clone(), embedded: INCLUDED, disk_first: true, directory };
    let text = source.read(path);
    let text = text.map_err(|error| Errors::file(&path.to_string_lossy(), format!("cannot be read: {error}")))?;
    Ok((text, source))
}

/// Reads a text that may include the texts inside the program.
fn embedded(files: &ConfigFiles, name: &str, text: &str, prefix: &Path, globals: &str) -> Result<Config, Errors> {
    let (files, directory) = (files.clone(), prefix.to_owned());
    let source = ConfigSource { files, embedded: INCLUDED, disk_first: false, directory };
    read(Path::new(name), text, &source, prefix, globals)
}

/// Parses all texts, reads the statements, and makes the listeners.
fn read(path: &Path, text: &str, source: &ConfigSource<'_>, prefix: &Path, globals: &str) -> Result<Config, Errors> {
    let mut files = Files::default();
    let statements = match statements(path, text, source, globals, &mut files) {
        Ok(statements) => statements,
        Err(fault) => return Err(Errors { problems: vec![files.problem(&fault)], more: 0, findings: Vec::new() }),
    };
    let review = match source.files.has_lint() {
        true => lint::review(&statements, &files, prefix),
        false => Review::default(),
    };
    let mut draft = ConfigDraft {
        config: Config::default(),
        reader: source.files.clone(),
        prefix: prefix.to_owned(),
        files,
        formats: HashMap::new(),
        zones_used: Vec::new(),
        upstreams: HashMap::new(),
        upstream_zones: Vec::new(),
        servers: Vec::new(),
        variables: VariableDrafts::default(),
        faults: Vec::new(),
        faults_left_out: 0,
        warnings: Vec::new(),
        levels: 0,
        routes: 0,
    };
    let defaults = Settings::default();
    let settings = Settings { root: prefix.join(&defaults.root), ..defaults };
    walk::read(&mut Scope::new(&mut draft, Contexts::MAIN, settings), &statements);
    let has_http = statements.iter().any(|it| it.name.text == "http" && it.block.is_some());
    match finish(draft, path, has_http) {
        Ok(config) => Ok(Config { review, ..config }),
        Err(errors) => Err(Errors { findings: review.findings, ..errors }),
    }
}

/// The statements of the command line and of the file.
fn statements(
    path: &Path,
    text: &str,
    source: &ConfigSource<'_>,
    globals: &str,
    files: &mut Files,
) -> Result<Vec<Statement>, Fault> {
    let mut parser = Parser::new(source, files);
    let given = if globals.is_empty() { Vec::new() } else { parser.text(Path::new(GLOBALS), globals)? };
    Ok(merged(given, parser.text(path, text)?))
}

/// The statements of the command line, then those of the file. A plain directive of the command line overrides the same
/// directive of the file. A block that may stand once (`events`, `http`) is merged with the one of the file in the same
/// way; other blocks, as `server` in `http`, are added.
fn merged(given: Vec<Statement>, mut in_file: Vec<Statement>) -> Vec<Statement> {
    let is_given = |it: &Statement| given.iter().any(|g| g.block.is_none() && g.name.text == it.name.text);
    in_file.retain(|it| it.block.is_some() || !is_given(it));
    let mut all = Vec::with_capacity(given.len() + in_file.len());
    for mut statement in given {
        let stands_once = directives::find(&statement.name, Contexts::MAIN).is_ok_and(|found| found.at_most_once());
        let is_same = |it: &Statement| it.block.is_some() && it.name.text == statement.name.text;
        let same = in_file.iter().position(is_same).filter(|_| stands_once);
        if let (Some(block), Some(at)) = (&mut statement.block, same) {
            let of_file = in_file.remove(at).block.map(|block| block.statements);
            block.statements = merged(std::mem::take(&mut block.statements), of_file.unwrap_or_default());
        }
        all.push(statement);
    }
    all.extend(in_file);
    all
}

fn finish(mut draft: ConfigDraft, path: &Path, has_http: bool) -> Result<Config, Errors> {
    for server in &mut draft.servers {
        if server.listens.is_empty() {
            let port = if draft.reader.is_root() { 80 } else { 8000 };
            let address = Address::Inet((Ipv4Addr::UNSPECIFIED, port).into());
            server.listens.push(Listen::new(address, server.place));
        }
    }
    match std::mem::take(&mut draft.variables).finish() {
        Ok(variables) => draft.config.variables = variables,
        Err(mut faults) => draft.faults.append(&mut faults),
    }
    directives::limits::check(&mut draft);
    directives::upstream::check(&mut draft);
    // Servers are compared with each other only if each of them is valid.
    if draft.faults.is_empty() {
        match listeners(&draft.servers, &draft.files, &mut draft.warnings) {
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
        let more = problems.len().saturating_sub(Errors::MAX) + draft.faults_left_out;
        problems.truncate(Errors::MAX);
        return Err(Errors { problems, more, findings: Vec::new() });
    }
    let mut config = draft.config;
    config.warnings = problems(draft.warnings);
    if config.listeners.is_empty() {
        let message = "it has no server, so there is nothing to listen on; write http { server { listen 8080; } }";
        let mut none = Errors::file(&path.to_string_lossy(), message.to_owned());
        if !has_http {
            return Err(none);
        }
        config.warnings.append(&mut none.problems); // a folder of servers that is included may be empty as yet
    }
    config.texts = draft.files.into_texts();
    let mut names = HashSet::new(); // a file may be included more than once
    config.texts.retain(|(name, _)| name != GLOBALS && names.insert(name.clone()));
    Ok(config)
}
