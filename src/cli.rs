//! The command line: nginx's options, `webserv DIR` to serve a directory, `webserv dir HOST` for the directory
//! protocol.

use crate::config_options::{ConfigOptions, Dump};
use crate::directory_client;
use crate::terminal::print;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use webserv::build_info;
use webserv::config::{Config, ConfigFiles, lint, manual};
use webserv::server;
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
    /// `--help NAME`: what is known of one directive.
    HelpOn(String),
    /// `--directives`: all directives.
    Directives,
    /// `--directives=markdown`: docs/directives.md.
    DirectivesPage,
    /// `--lint=markdown`: docs/lint.md.
    LintPage,
}

/// Why a command failed.
#[derive(Debug)]
pub struct CommandFailure {
    /// For the user, without the program's name.
    pub message: String,
    /// The exit status.
    pub status: u8,
}

impl From<String> for CommandFailure {
    fn from(message: String) -> Self {
        CommandFailure { message, status: 1 }
    }
}

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
  -e, --error-log FILE    the error log if the configuration names none; \"stderr\": standard error
  -t, --test              check the configuration and exit
  -T, --dump              check the configuration, print it and exit
      --lint=off          with -t: only errors; do not look for what is legal and wrong
  -q, --quiet             with -t: print nothing if the configuration is right
  -s, --signal NAME       send a signal to the running server: stop, quit (finish responses first),
                          reload (the configuration), reopen (the log files)
  -v, --version           print the version
  -V, --build-info        print the version, the compiler, the pollers, the features and nginx's modules that are here
      --directives        print all directives of configurations, one line each
      --help NAME         print what there is to know of one directive
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
        let is_last = attached.is_none() && arguments.peek().is_none();
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
            "--help" if !is_last => {
                return Ok(CliCommand::HelpOn(value("a directive")?.to_string_lossy().into_owned()));
            }
            "-h" | "-?" | "--help" => return Ok(CliCommand::Help),
            "--directives" => {
                return match attached.as_deref() {
                    None => Ok(CliCommand::Directives),
                    Some("markdown") => Ok(CliCommand::DirectivesPage),
                    Some(form) => Err(format!("unknown form \"{form}\"; accepted: --directives=markdown")),
                };
            }
            "--lint" if attached.as_deref() == Some("off") => source.no_lint = true,
            "--lint" if attached.as_deref() == Some("markdown") => return Ok(CliCommand::LintPage),
            "--lint" => return Err("--lint takes a value: --lint=off or --lint=markdown".into()),
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
    pub fn run(self) -> Result<(), CommandFailure> {
        let outcome = match self {
            CliCommand::Serve(source) => {
                let config = source.load(&ConfigFiles::default())?;
                server::run(config, Arc::new(move |files| source.load_again(files)))
            }
            CliCommand::Test(source, dump) => source.test(dump),
            CliCommand::Send(signal, source) => send(signal, &source.load(&ConfigFiles::default())?),
            CliCommand::Dir(host) => directory_client::run(&host),
            CliCommand::Version => print(&format!("webserv/{}\n", env!("CARGO_PKG_VERSION"))),
            CliCommand::Build => print(&build_info::text()),
            CliCommand::HelpOn(name) => {
                let told = manual::one(&name).map_err(|message| CommandFailure { message, status: 2 })?;
                print(&told)
            }
            CliCommand::Directives => print(&manual::list()),
            CliCommand::DirectivesPage => print(&manual::markdown()),
            CliCommand::LintPage => print(&lint::markdown()),
            CliCommand::Help => print(HELP),
        };
        outcome.map_err(CommandFailure::from)
    }
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
    use std::net::{IpAddr, Ipv6Addr};

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
            ("--help", CliCommand::Help),
            ("--help listen", CliCommand::HelpOn("listen".into())),
            ("--help=listen", CliCommand::HelpOn("listen".into())),
            ("--directives", CliCommand::Directives),
            ("--directives=markdown", CliCommand::DirectivesPage),
            ("--lint=markdown", CliCommand::LintPage),
            ("-t --lint=off", CliCommand::Test(ConfigOptions { no_lint: true, ..ConfigOptions::default() }, Dump::No)),
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
            ("--directives=html", "accepted: --directives=markdown"),
            ("--lint=on", "--lint=off"),
            ("--lint", "--lint=off"),
            ("a b", "not b as well"),
            ("dir b c", "not b as well"),
        ] {
            let error = parsed(line).expect_err(line);
            assert!(error.contains(told), "{line}: {error}");
        }
    }
}
