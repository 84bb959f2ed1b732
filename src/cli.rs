//! The command line: nginx's options, `webserv DIR` to serve a directory, `webserv dir HOST` for the directory
//! protocol.

use crate::directory_client;
use std::ffi::OsString;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use webserv::check;
use webserv::config::{Config, ConfigFiles, Errors, LogTarget};
use webserv::server;
use webserv::temp_folders;
use webserv_sys::process;
use webserv_sys::signal::Signal;

/// The command to run.
#[derive(Debug, PartialEq)]
pub enum CliCommand {
    /// Start the server.
    Serve(ConfigOptions),
    /// `-t`, `-T`: check the configuration.
    Test(ConfigOptions, Dump),
    /// `-s`: send a signal to the running server.
    Send(Signal, ConfigOptions),
    /// `dir HOST[:PORT]`: connect to a server of the directory protocol.
    Dir(String),
    /// `-v`.
    Version,
    /// `-V`.
    Build,
    /// `-h`.
    Help,
}

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
    file: Option<PathBuf>,
    /// `-p`
    prefix: Option<PathBuf>,
    /// `-e`
    error_log: Option<PathBuf>,
    /// `-g`
    globals: String,
    /// `-q`
    quiet: bool,
    /// The directory to serve without a configuration.
    directory: Option<PathBuf>,
    /// `--port`, for `directory` and for the demo.
    port: Option<u16>,
    /// `--bind`, for both, too.
    bind: Option<IpAddr>,
}

/// The configuration of a start without one.
const DEFAULT_CONF: &str = "config/default.conf";

const HELP: &str = "\
Usage: webserv [OPTIONS]            start the server with a configuration
       webserv DIR [OPTIONS]        serve this directory with listings, and print a line for each request
       webserv dir HOST[:PORT]      connect to a server of the directory protocol, by default on port 1202

Options of webserv DIR and of the demo (webserv without a configuration):
      --port N                listen on port N (default: 8080; the demo also uses port N+1)
      --bind ADDR             listen on this address of the machine (default: 127.0.0.1, for this machine only;
                              0.0.0.0 or :: is all addresses, so that others can connect)

Options:
  -c, --config FILE       the configuration (default: config/default.conf, or the built-in copy of it)
  -p, --prefix DIR        relative paths in the configuration start here (default: the working directory)
  -g, --global TEXT       directives that override the configuration: -g 'error_log stderr debug;'
  -e, --error-log FILE    write the error log to this file instead of the configured one; \"stderr\": standard error
  -t, --test              check the configuration and exit
  -T, --dump              check the configuration, print it and exit
  -q, --quiet             with -t: print nothing if the configuration is right
  -s, --signal NAME       send a signal to the running server: stop, quit (finish responses first),
                          reload (the configuration), reopen (the log files)
  -v, --version           print the version
  -V, --build-info        print the version, the compiler, the pollers and the features
  -h, --help              print this help
";

/// Parses the arguments after the program's name.
///
/// # Errors
/// A message for the user: what is wrong, and what is accepted.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<CliCommand, String> {
    let mut arguments = arguments.peekable();
    let (mut source, mut test, mut signal) = (ConfigOptions::default(), None, None);
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy().into_owned();
        let (name, attached) = split(&text);
        let mut value = |what: &str| {
            let next = attached.clone().map(OsString::from).or_else(|| arguments.next());
            next.ok_or_else(|| format!("option {name} needs {what}; see webserv -h"))
        };
        match name.as_str() {
            "-c" | "--config" => source.file = Some(value("a file")?.into()),
            "-p" | "--prefix" => source.prefix = Some(value("a directory")?.into()),
            "-e" | "--error-log" => source.error_log = Some(value("a file")?.into()),
            "-g" | "--global" => source.globals = value("directives")?.to_string_lossy().into_owned(),
            "-s" | "--signal" => signal = Some(signal_named(&value("a name")?.to_string_lossy())?),
            "--port" => {
                let port = value("a number")?.to_string_lossy().into_owned();
                let parsed = port.parse().map_err(|_| format!("\"{port}\" is no port; accepted: 0 to 65535"))?;
                source.port = Some(parsed);
            }
            "--bind" => {
                let address = value("an address")?.to_string_lossy().into_owned();
                let bare = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(&address);
                let parsed = bare.parse().map_err(|_| {
                    format!(
                        "\"{address}\" is no address; accepted: 127.0.0.1, ::1, 0.0.0.0, ::, or one of this machine"
                    )
                });
                source.bind = Some(parsed?);
            }
            "-t" | "--test" => test = test.or(Some(Dump::No)),
            "-T" | "--dump" => test = Some(Dump::Yes),
            "-q" | "--quiet" => source.quiet = true,
            "-v" | "--version" => return Ok(CliCommand::Version),
            "-V" | "--build-info" => return Ok(CliCommand::Build),
            "-h" | "-?" | "--help" => return Ok(CliCommand::Help),
            _ if name.starts_with('-') => return Err(format!("unknown option {name}; see webserv -h")),
            _ if source.directory.as_deref() == Some(Path::new("dir")) && arguments.peek().is_none() => {
                return Ok(CliCommand::Dir(text));
            }
            _ if source.directory.is_some() => {
                return Err(format!("only one directory can be served, not {text} as well"));
            }
            _ => source.directory = Some(argument.into()),
        }
    }
    if (source.port.is_some() || source.bind.is_some()) && source.file.is_some() {
        return Err("--port and --bind are for webserv DIR and for the demo; in a configuration, use \"listen\"".into());
    }
    Ok(match (signal, test) {
        (Some(signal), _) => CliCommand::Send(signal, source),
        (None, Some(dump)) => CliCommand::Test(source, dump),
        (None, None) => CliCommand::Serve(source),
    })
}

/// Splits `--name=value` and `-cFILE` into name and value.
fn split(argument: &str) -> (String, Option<String>) {
    match argument.split_once('=') {
        Some((name, value)) if name.starts_with("--") => (name.into(), Some(value.into())),
        _ => match argument.char_indices().nth(2) {
            Some((at, _)) if matches!(&argument[..at], "-c" | "-p" | "-e" | "-g" | "-s") => {
                (argument[..at].into(), Some(argument[at..].into()))
            }
            _ => (argument.into(), None),
        },
    }
}

fn signal_named(name: &str) -> Result<Signal, String> {
    match name {
        "stop" => Ok(Signal::Term),
        "quit" => Ok(Signal::Quit),
        "reload" => Ok(Signal::Hup),
        "reopen" => Ok(Signal::Usr1),
        _ => Err(format!("unknown signal \"{name}\"; accepted: stop, quit, reload, reopen")),
    }
}

impl CliCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// A message for the user: why it failed.
    pub fn run(self) -> Result<(), String> {
        match self {
            CliCommand::Serve(source) => {
                let config = source.load(&ConfigFiles::default())?;
                server::run(config, Arc::new(move |files| source.load(files)))
            }
            CliCommand::Test(source, dump) => source.test(dump),
            CliCommand::Send(signal, source) => send(signal, &source.load(&ConfigFiles::default())?),
            CliCommand::Dir(host) => directory_client::run(&host),
            CliCommand::Version => print(&format!("webserv/{}\n", env!("CARGO_PKG_VERSION"))),
            CliCommand::Build => {
                let features = if cfg!(feature = "kqueue-shim") { "kqueue-shim" } else { "none" };
                let (version, commit) = (env!("CARGO_PKG_VERSION"), env!("WEBSERV_COMMIT"));
                let (built_by, pollers) = (env!("WEBSERV_RUSTC"), webserv_sys::poller::names().join(" "));
                print(&format!(
                    "webserv/{version} ({commit})\nbuilt by {built_by}\npollers: {pollers}\nfeatures: {features}\n"
                ))
            }
            CliCommand::Help => print(HELP),
        }
    }
}

impl ConfigOptions {
    /// Reads the configuration from these files, or builds the one for a directory.
    fn load(&self, files: &ConfigFiles) -> Result<Config, String> {
        let prefix = match &self.prefix {
            Some(prefix) => prefix.clone(),
            None => std::env::current_dir().map_err(|e| format!("there is no working directory: {e}"))?,
        };
        let loaded = match (&self.directory, &self.file) {
            (Some(directory), _) => self.for_directory(directory)?,
            (None, Some(file)) => Config::load_from(files, &self.place(file, files), &prefix, &self.globals),
            (None, None) => self.demo(&prefix, files)?,
        };
        let mut config = loaded.map_err(|e| e.to_string())?;
        if let Some(path) = &self.error_log {
            config.error_log.target = match path.to_str() {
                Some("stdout") => LogTarget::Stdout,
                Some("stderr") => LogTarget::Stderr,
                _ => LogTarget::standard(path).unwrap_or_else(|| LogTarget::File(prefix.join(path))),
            };
        }
        Ok(config)
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
            (None, Some(file)) => file.display().to_string(),
            (None, None) if prefix.join(DEFAULT_CONF).is_file() => DEFAULT_CONF.into(),
            (None, None) => Config::BUILT_IN.into(),
        }
    }

    fn test(&self, dump: Dump) -> Result<(), String> {
        let name = self.name();
        let not_right = |e: String| format!("{e}\nwebserv: the configuration {name} is not right");
        let config = self.load(&ConfigFiles::default()).map_err(not_right)?;
        let warnings = config.warnings.iter().map(ToString::to_string);
        let warnings = warnings.chain(server::warnings(&config)).chain(check::warnings(&config));
        warnings.filter(|_| !self.quiet).for_each(|warning| note(&warning));
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

/// Writes to standard output. A closed pipe is not an error: `head` and pagers close it early.
fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        _ => Ok(()),
    }
}

/// Writes a message to standard error. Ignores errors, since there is no other place to report them.
fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "webserv: {text}");
}

/// Sends a signal to the process in the pid file.
fn send(signal: Signal, config: &Config) -> Result<(), String> {
    let Some(path) = &config.pid else {
        return Err("the configuration has no \"pid FILE;\", so the running server cannot be found".into());
    };
    let text = std::fs::read_to_string(path)
        .map_err(|e| format!("cannot read the pid file {}: {e}; is the server running?", path.display()))?;
    let pid: i32 = text.trim().parse().map_err(|_| format!("{} contains no process id", path.display()))?;
    process::kill(pid, signal).map_err(|e| format!("cannot send {} to process {pid}: {e}", signal.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    fn parsed(line: &str) -> Result<CliCommand, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_are_nginx_s() {
        let file = |name: &str| ConfigOptions { file: Some(name.into()), ..ConfigOptions::default() };
        let rows = [
            ("", CliCommand::Serve(ConfigOptions::default())),
            ("-c a.conf", CliCommand::Serve(file("a.conf"))),
            ("-ca.conf", CliCommand::Serve(file("a.conf"))),
            ("--config=a.conf", CliCommand::Serve(file("a.conf"))),
            ("-t -q", CliCommand::Test(ConfigOptions { quiet: true, ..ConfigOptions::default() }, Dump::No)),
            ("-T", CliCommand::Test(ConfigOptions::default(), Dump::Yes)),
            ("-s reload -c a.conf", CliCommand::Send(Signal::Hup, file("a.conf"))),
            ("-v", CliCommand::Version),
            ("-V", CliCommand::Build),
            ("-h", CliCommand::Help),
            ("dir localhost:1202", CliCommand::Dir("localhost:1202".into())),
            ("dir", CliCommand::Serve(ConfigOptions { directory: Some("dir".into()), ..ConfigOptions::default() })),
            (
                "www --port 0",
                CliCommand::Serve(ConfigOptions {
                    directory: Some("www".into()),
                    port: Some(0),
                    ..ConfigOptions::default()
                }),
            ),
            (
                "--port 81 --bind=[::1]",
                CliCommand::Serve(ConfigOptions {
                    port: Some(81),
                    bind: Some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
                    ..ConfigOptions::default()
                }),
            ),
        ];
        for (line, command) in rows {
            assert_eq!(parsed(line), Ok(command), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, told) in [
            ("-x", "unknown option -x"),
            ("-c", "-c needs a file"),
            ("-s restart", "unknown signal \"restart\""),
            ("--port 80 -c x", "use \"listen\""),
            ("--bind ::1 -c x", "use \"listen\""),
            ("a --bind here", "\"here\" is no address"),
            ("a --port 70000", "\"70000\" is no port"),
            ("a b", "not b as well"),
            ("dir b c", "not b as well"),
        ] {
            let error = parsed(line).expect_err(line);
            assert!(error.contains(told), "{line}: {error}");
        }
    }
}
