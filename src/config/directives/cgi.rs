//! Programs that answer requests: which programs, for which URLs, with which environment and limits.

use super::{Contexts, Directive, MANY, add, put, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{CgiParam, CgiPass, PathInfo};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use webserv_sys::process::Resource;

/// More processes than one worker can handle.
const PROCESSES_MAX: usize = 100_000;

/// More requests than one worker has connections.
const QUEUE_MAX: usize = 1_000_000;

pub(super) const TABLE: &[Directive] = &[
    row("cgi", Contexts::REQUEST, 1..=1, "cgi on;")
        .syntax("on|off")
        .default("off")
        .own()
        .help("Runs the file that the path names as a CGI program.")
        .once(cgi),
    row("cgi_pass", Contexts::LOCATION, 1..=1, "cgi_pass /usr/lib/git-core/git-http-backend;")
        .syntax("PROGRAM")
        .without("no program answers")
        .own()
        .help("The CGI program that answers all requests of this location.")
        .once(cgi_pass),
    row("cgi_extension", Contexts::REQUEST, 1..=MANY, "cgi_extension .py .pl;")
        .syntax(".EXTENSION ...")
        .without("every file is a program")
        .own()
        .help("The endings of the files that are programs; others are sent as files.")
        .repeat(cgi_extension),
    row("cgi_interpreter", Contexts::REQUEST, 2..=2, "cgi_interpreter .py /usr/bin/python3;")
        .syntax(".EXTENSION PROGRAM")
        .without("the kernel starts the file itself")
        .own()
        .help("The program that runs the files with this ending.")
        .repeat(cgi_interpreter),
    row("cgi_param", Contexts::REQUEST, 2..=2, "cgi_param GIT_PROJECT_ROOT /srv/git;")
        .syntax("NAME VALUE")
        .without("the environment of RFC 3875")
        .own()
        .help("A further variable in the environment of programs.")
        .repeat(cgi_param),
    row("cgi_timeout", Contexts::REQUEST, 1..=1, "cgi_timeout 60s;")
        .syntax("TIME")
        .default("60s")
        .own()
        .help("How long the server waits for a program in all.")
        .once(|scope, it| put(&mut scope.cgi.cgi.timeout, patience(&it.args[0]))),
    row("cgi_idle_timeout", Contexts::REQUEST, 1..=1, "cgi_idle_timeout 30s;")
        .syntax("TIME")
        .default("30s")
        .own()
        .help("How long a program may neither read nor write.")
        .once(|scope, it| put(&mut scope.cgi.cgi.idle_timeout, patience(&it.args[0]))),
    row("cgi_path_info", Contexts::REQUEST, 1..=1, "cgi_path_info on;")
        .syntax("on|uri")
        .default("on")
        .own()
        .help("PATH_INFO is the rest of the path behind the program, or the whole path.")
        .once(|scope, it| {
            let choices = [("on", PathInfo::Rest), ("uri", PathInfo::Uri)];
            put(&mut scope.cgi.cgi.path_info, it.args[0].choice("value", &choices))
        }),
    row("cgi_request_buffering", Contexts::REQUEST, 1..=1, "cgi_request_buffering off;")
        .syntax("on|off")
        .default("on")
        .own()
        .help("Starts a program only when the whole body of the request has come.")
        .once(|scope, it| put(&mut scope.cgi.cgi.request_buffering, it.args[0].flag())),
    row("cgi_intercept_errors", Contexts::REQUEST, 1..=1, "cgi_intercept_errors on;")
        .syntax("on|off")
        .default("off")
        .own()
        .help("Sends the error_page of a program's status in place of its answer.")
        .once(|scope, it| put(&mut scope.cgi.cgi.intercept_errors, it.args[0].flag())),
    row("cgi_hide_header", Contexts::REQUEST, 1..=1, "cgi_hide_header X-Powered-By;")
        .syntax("NAME")
        .without("no field is hidden")
        .own()
        .help("A field of programs' answers that the client does not get.")
        .repeat(|scope, it| {
            let name = it.args[0].field_name()?.to_ascii_lowercase();
            add(scope.first, &mut scope.cgi.hide, name);
            Ok(())
        }),
    row("cgi_pass_header", Contexts::REQUEST, 1..=1, "cgi_pass_header X-Powered-By;")
        .syntax("NAME")
        .without("cgi_hide_header holds")
        .own()
        .help("A field that the client gets although cgi_hide_header of an outer level names it.")
        .repeat(|scope, it| {
            let name = it.args[0].field_name()?.to_ascii_lowercase();
            add(scope.first, &mut scope.cgi.pass, name);
            Ok(())
        }),
    row("cgi_max_processes", Contexts::REQUEST, 1..=1, "cgi_max_processes 64;")
        .syntax("NUMBER")
        .default("64")
        .own()
        .help("The number of programs that one worker runs at once.")
        .once(|scope, it| put(&mut scope.cgi.cgi.processes_max, it.args[0].count(1..=PROCESSES_MAX))),
    row("cgi_queue", Contexts::REQUEST, 1..=2, "cgi_queue 256 timeout=60s;")
        .syntax("NUMBER [timeout=TIME]")
        .default("256 timeout=60s")
        .own()
        .help("How many requests wait for a place among the programs, and how long.")
        .once(cgi_queue),
    row("cgi_rlimit", Contexts::REQUEST, 2..=2, "cgi_rlimit cpu 10s;")
        .syntax("cpu|as|nofile|fsize|core|nproc VALUE")
        .without("the limits of the server")
        .own()
        .help("A resource limit of programs (setrlimit(2)).")
        .repeat(cgi_rlimit),
];

/// Called after all plain directives of a level: stores the result in the level's settings.
pub(in crate::config) fn settle(scope: &mut Scope<'_>) {
    if scope.seen.keys().any(|name| name.starts_with("cgi")) {
        scope.cgi.cgi.working_directory = std::env::current_dir().unwrap_or_default();
        let hidden = scope.cgi.hide.iter().filter(|name| !scope.cgi.pass.contains(name));
        scope.cgi.cgi.hidden = hidden.cloned().collect();
        scope.settings.cgi = scope.cgi.on.then(|| Arc::new(scope.cgi.cgi.clone()));
    }
}

/// Turns programs off on this level, and on the levels inside that do not turn them on again.
pub(super) fn turn_off(scope: &mut Scope<'_>) {
    scope.cgi.on = false;
    scope.settings.cgi = None;
}

/// `cgi on|off;`: the file in the URL is the program.
fn cgi(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    not_beside(scope, it, "cgi_pass")?;
    scope.cgi.on = it.args[0].flag()?;
    scope.cgi.cgi.pass = None;
    Ok(())
}

/// `cgi_pass PROGRAM;`: this program answers.
fn cgi_pass(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    not_beside(scope, it, "cgi")?;
    let program = program(scope, &it.args[0])?;
    let path = scope.location.as_ref().map_or("", |head| &head.path[..]);
    let prefix_bytes = if path.starts_with('/') { path.len() } else { 0 };
    scope.cgi.on = true;
    scope.cgi.cgi.pass = Some(CgiPass { program, prefix_bytes });
    Ok(())
}

/// `cgi` and `cgi_pass` exclude each other on one level.
fn not_beside(scope: &Scope<'_>, it: &Statement, other: &str) -> Result<(), Fault> {
    match scope.seen.get(other) {
        None => Ok(()),
        Some(first) => {
            let (name, first) = (&it.name.text, scope.first_at(*first));
            Err(it.name.fault(format!("\"{name}\" and \"{other}\" exclude each other, {first}")))
        }
    }
}

/// The absolute path of a program.
fn program(scope: &Scope<'_>, word: &Word) -> Result<PathBuf, Fault> {
    let text = word.plain()?;
    if text.ends_with('/') {
        return Err(word.fault(format!("\"{text}\" is a folder, not a program")));
    }
    std::path::absolute(scope.path(word)?).map_err(|error| word.fault(format!("\"{text}\" cannot be found: {error}")))
}

/// `cgi_extension .EXT ...;`
fn cgi_extension(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    if scope.first {
        scope.cgi.cgi.extensions.clear();
    }
    for word in &it.args {
        let extension = extension(word)?;
        if scope.cgi.cgi.extensions.contains(&extension) {
            return Err(word.fault(format!("the extension \"{}\" is given twice", word.text)));
        }
        scope.cgi.cgi.extensions.push(extension);
    }
    Ok(())
}

/// `cgi_interpreter .EXT PROGRAM;`
fn cgi_interpreter(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let (first, second) = (&it.args[0], &it.args[1]);
    let extension = extension(first)?;
    if !second.text.contains('/') {
        let message =
            format!("\"{}\" is not looked up in PATH; write where it is, as in /usr/bin/python3", second.text);
        return Err(second.fault(message));
    }
    let program = program(scope, second)?;
    if scope.first {
        scope.cgi.cgi.interpreters.clear();
    }
    let interpreters = &mut scope.cgi.cgi.interpreters;
    if interpreters.iter().any(|(known, _)| *known == extension) {
        return Err(first.fault(format!("\"{}\" has an interpreter already", first.text)));
    }
    interpreters.push((extension, program));
    Ok(())
}

/// An extension such as `.py`, in lower case.
fn extension(word: &Word) -> Result<String, Fault> {
    let text = word.plain()?;
    match text.strip_prefix('.') {
        Some(rest) if !rest.is_empty() && !text.contains(['/', '$', ' ']) => Ok(text.to_ascii_lowercase()),
        _ => Err(word.fault(format!("\"{text}\" is no extension; write it with its dot, as in .py"))),
    }
}

/// `cgi_param NAME VALUE;`
fn cgi_param(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let (name, value) = (&it.args[0], &it.args[1]);
    let text = name.plain()?;
    let in_name = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if text.starts_with(|c: char| c.is_ascii_digit()) || !text.bytes().all(in_name) {
        let message = format!("\"{text}\" is no variable of an environment: letters, digits and underscores make one");
        return Err(name.fault(message));
    }
    let param = CgiParam { name: text.to_owned(), value: scope.template(value)? };
    if scope.first {
        scope.cgi.cgi.params.clear();
    }
    scope.cgi.cgi.params.push(param);
    Ok(())
}

/// A time that is not zero.
fn patience(word: &Word) -> Result<Duration, Fault> {
    match word.time()? {
        Duration::ZERO => Err(word.fault("this time must be longer than 0")),
        time => Ok(time),
    }
}

/// `cgi_queue NUMBER [timeout=TIME];`
fn cgi_queue(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let queue = &mut scope.cgi.cgi.queue;
    queue.requests_max = it.args[0].count(0..=QUEUE_MAX)?;
    if let Some(word) = it.args.get(1) {
        queue.timeout = patience(&word.option("timeout").ok_or_else(|| word.unknown("value", &["timeout=TIME"]))?)?;
    }
    Ok(())
}

/// `cgi_rlimit NAME VALUE;`
fn cgi_rlimit(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let (name, value) = (&it.args[0], &it.args[1]);
    let choices = [
        ("cpu", Resource::Cpu),
        ("as", Resource::AddressSpace),
        ("nofile", Resource::OpenFiles),
        ("fsize", Resource::FileSize),
        ("core", Resource::Core),
        ("nproc", Resource::Processes),
    ];
    let resource = name.choice("resource", &choices)?;
    let limit = match resource {
        Resource::Cpu => match value.time()? {
            time if time >= Duration::from_secs(1) && time.subsec_nanos() == 0 => time.as_secs(),
            _ => return Err(value.fault(format!("\"{}\" is no number of whole seconds from 1 on", value.text))),
        },
        Resource::OpenFiles => value.number(3..=1 << 30)?, // three are the standard streams
        Resource::Processes => value.number(1..=1 << 30)?,
        Resource::AddressSpace | Resource::FileSize | Resource::Core => value.size()?,
    };
    if scope.first {
        scope.cgi.cgi.rlimits.clear();
    }
    let rlimits = &mut scope.cgi.cgi.rlimits;
    if rlimits.iter().any(|(known, _)| *known == resource) {
        return Err(name.fault(format!("\"{}\" is limited already", name.text)));
    }
    rlimits.push((resource, limit));
    Ok(())
}
