//! Where the command line says that the configuration comes from, how it is read, and `-t`.

use crate::terminal::{note, print};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use webserv::check;
use webserv::config::{Config, ConfigFiles, ErrorLogDirective, Errors, LogTarget, Problem};
use webserv::server;
use webserv::temp_folders;

/// Whether to print the configuration after the check.
#[derive(Debug, PartialEq, Clone, Copy)]
pub enum Dump {
    /// `-t`
    No,
    /// `-T`
    Yes,
}

/// Where the configuration comes from.
#[derive(Debug, PartialEq, Clone, Default)]
pub struct ConfigOptions {
    /// `-c`
    pub file: Option<PathBuf>,
    /// `-p`
    pub prefix: Option<PathBuf>,
    /// `-e`
    pub error_log: Option<PathBuf>,
    /// `-g`
    pub globals: String,
    /// `-q`
    pub quiet: bool,
    /// `--lint=off`
    pub no_lint: bool,
    /// The directory to serve without a configuration.
    pub directory: Option<PathBuf>,
    /// `--port`, for `directory` and for the demo.
    pub port: Option<u16>,
    /// `--bind`, for both, too.
    pub bind: Option<IpAddr>,
}

/// The configuration of a start without one.
const DEFAULT_CONF: &str = "config/default.conf";

impl ConfigOptions {
    /// Reads the configuration from these files, or builds the one for a directory.
    ///
    /// # Errors
    /// A message for the user: all problems of the configuration.
    pub fn load(&self, files: &ConfigFiles) -> Result<Config, String> {
        self.read(files)?.map_err(|e| e.to_string())
    }

    /// The configuration, or all its problems. The outer error is a message for the user: there is nothing to read.
    fn read(&self, files: &ConfigFiles) -> Result<Result<Config, Errors>, String> {
        let prefix = match &self.prefix {
            Some(prefix) => prefix.clone(),
            None => std::env::current_dir().map_err(|e| format!("there is no working directory: {e}"))?,
        };
        let mut loaded = match (&self.directory, &self.file) {
            (Some(directory), _) => self.for_directory(directory)?,
            (None, Some(file)) => Config::load_from(files, &self.place(file, files), &prefix, &self.globals),
            (None, None) => self.demo(&prefix, files)?,
        };
        // As in nginx, `-e` stands for the default, and not for a log that the configuration names.
        let names_none = |config: &&mut Config| config.error_logs == Config::default().error_logs;
        if let (Some(path), Some(config)) = (&self.error_log, loaded.as_mut().ok().filter(names_none)) {
            let target = match path.to_str() {
                Some("stdout") => LogTarget::Stdout,
                Some("stderr") => LogTarget::Stderr,
                _ => LogTarget::standard(path).unwrap_or_else(|| LogTarget::File(prefix.join(path))),
            };
            config.error_logs = vec![ErrorLogDirective { target, ..ErrorLogDirective::default() }];
        }
        Ok(loaded)
    }

    /// Reads the configuration for a reload. The file may be half written just now: a server that answers would
    /// stop to listen.
    ///
    /// # Errors
    /// Those of [`ConfigOptions::load`]; and the configuration has no server any more.
    pub fn load_again(&self, files: &ConfigFiles) -> Result<Config, String> {
        let config = self.load(files)?;
        let nothing = || format!("the configuration {}: it has no server, so the old one stays", self.name());
        if config.listeners.is_empty() { Err(nothing()) } else { Ok(config) }
    }

    /// `-c` is relative to the prefix, as in nginx. If it does not exist there, it is relative to the working
    /// directory.
    fn place(&self, file: &Path, files: &ConfigFiles) -> PathBuf {
        match &self.prefix {
            Some(prefix) if files.exists(&prefix.join(file)) || !files.exists(file) => prefix.join(file),
            _ => file.to_owned(),
        }
    }

    fn for_directory(&self, directory: &Path) -> Result<Result<Config, Errors>, String> {
        let at = std::fs::canonicalize(directory)
            .map_err(|e| format!("cannot serve the directory {}: {e}", directory.display()))?;
        if !at.is_dir() {
            return Err(format!("cannot serve {}: it is not a directory", directory.display()));
        }
        Ok(Config::for_directory(&at, self.address()))
    }

    /// The address of `--bind` and `--port`.
    fn address(&self) -> SocketAddr {
        let ip = self.bind.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        SocketAddr::new(ip, self.port.unwrap_or(8080))
    }

    /// config/default.conf, or the built-in copy of it. The copy serves the shipped site, which is not built in.
    fn demo(&self, prefix: &Path, files: &ConfigFiles) -> Result<Result<Config, Errors>, String> {
        let file = prefix.join(DEFAULT_CONF);
        let file = files.is_file(&file).then_some(&*file);
        if file.is_none() && !prefix.join("html").is_dir() {
            let here = prefix.display();
            return Err(format!(
                "no configuration is given, and {here} has neither {DEFAULT_CONF} nor html/, the demo's site.\n\
                 webserv DIR serves a directory, webserv -c FILE starts with a configuration.\n\
                 For the demo, start webserv in a clone of its repository, or with -p CLONE"
            ));
        }
        if matches!(self.port, Some(0 | u16::MAX)) {
            return Err("the demo needs two ports, N and N+1: --port 1 to 65534".into());
        }
        let moves = self.port.is_some() || self.bind.is_some();
        Ok(match (moves, file) {
            (true, _) => Config::demo_at(files, file, self.address(), prefix, &self.globals),
            (false, Some(file)) => Config::load_from(files, file, prefix, &self.globals),
            (false, None) => Config::built_in(files, prefix, &self.globals),
        })
    }

    /// The configuration's name in messages.
    fn name(&self) -> String {
        let prefix = self.prefix.as_deref().unwrap_or(Path::new(""));
        match (&self.directory, &self.file) {
            (Some(directory), _) => format!("of webserv {}", directory.display()),
            (None, Some(file)) => format!("file {}", self.place(file, &ConfigFiles::default()).display()),
            (None, None) if prefix.join(DEFAULT_CONF).is_file() => DEFAULT_CONF.into(),
            (None, None) => Config::BUILT_IN.into(),
        }
    }

    /// `-t`, `-T`: checks the configuration, and prints warnings, the outcome and what else is asked for.
    ///
    /// # Errors
    /// A message for the user: why the server would not start.
    pub fn test(&self, dump: Dump) -> Result<(), String> {
        let name = self.name();
        // Programs that read what nginx says look for "test failed" and "test is successful".
        let not_right = |e: String| format!("{e}\nwebserv: the configuration {name} test failed");
        let files = ConfigFiles::default().with_lint(!self.no_lint && !self.quiet);
        let config = self.read(&files).map_err(not_right)?.map_err(|errors| {
            let findings = errors.findings.iter().map(|finding| format!("\nwebserv: {finding}"));
            not_right(errors.to_string() + &findings.collect::<String>())
        })?;
        if !self.quiet {
            warn_of(&config);
        }
        if !config.without_effect.is_empty() && !self.quiet {
            note(&format!("accepted without an effect here: {}", config.without_effect.join(", ")));
        }
        let account = server::account(&config).unwrap_or(None); // not root: the files are looked at with own rights
        check::start_would_succeed(&config, account.as_ref()).map_err(not_right)?;
        temp_folders::check(&config, account.as_ref()).map_err(not_right)?;
        if !self.quiet {
            note(&format!("the configuration {name} is right: syntax is ok, test is successful"));
        }
        if dump == Dump::Yes {
            for (name, text) in &config.texts {
                print(&format!("# configuration file {name}:\n{text}\n"))?;
            }
        }
        Ok(())
    }
}

/// Prints what is found, what is missing, and the other warnings, each place once.
fn warn_of(config: &Config) {
    let mut findings = config.review.findings.clone();
    let mut others: Vec<String> = server::warnings(config).into_iter().collect();
    for missing in check::missing(config) {
        let found = config.review.of_folder(&missing.path, &missing.what);
        if found.is_empty() {
            others.push(missing.to_string());
        }
        for finding in found {
            // Two servers may have the root of the level around them.
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    findings.iter().for_each(|finding| note(&finding.to_string()));
    let is_told = |warning: &&Problem| config.review.findings.iter().any(|finding| finding.problem.is_at(warning));
    config.warnings.iter().filter(|warning| !is_told(warning)).for_each(|warning| note(&warning.to_string()));
    others.iter().for_each(|warning| note(warning));
}
