//! The error log and the access logs.

use super::{Contexts, Directive, MANY, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{AccessLog, ErrorLogDirective, Escape, Level, LogTarget, Template, TemplatePart, Variable};
use std::sync::Arc;
use std::time::Duration;

/// The name of the format that needs no `log_format`.
const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \
                        \"$http_referer\" \"$http_user_agent\"";

/// The buffer's size if there is `flush=` but no `buffer=`. With neither of them, each line is written at once.
const BUFFER_BYTES: usize = 64 << 10;

/// The default of `flush=`.
const FLUSH: Duration = Duration::from_secs(1);

pub(super) const TABLE: &[Directive] = &[
    row("error_log", Contexts::MAIN.union(Contexts::REQUEST), 1..=2, "error_log logs/error.log warn;")
        .syntax("FILE|stdout|stderr [LEVEL]")
        .default("stderr error")
        .differs("nginx's default is the file logs/error.log")
        .help("Where errors are logged, and the least serious level that is.")
        .once(error_log),
    row("access_log", Contexts::REQUEST.union(Contexts::LOCATION_IF), 1..=MANY, "access_log logs/access.log combined;")
        .syntax("off|FILE|stdout|stderr [FORMAT] [buffer=SIZE] [flush=TIME]")
        .default("off")
        .differs("nginx writes logs/access.log without it")
        .help("The file that gets a line for each request.")
        .repeat(access_log),
    row("log_format", Contexts::HTTP, 2..=MANY, "log_format short '$remote_addr $request $status';")
        .syntax("NAME [escape=default|json|none] TEXT ...")
        .without("combined")
        .help("A format for access_log, made of text and variables.")
        .repeat(log_format),
];

/// `error_log FILE|stdout|stderr [LEVEL];`
fn error_log(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let target = target(scope, &it.args[0])?;
    let level = match it.args.get(1) {
        Some(word) => word.choice("log level", &Level::ALL.map(|level| (level.name(), level)))?,
        None => Level::Error,
    };
    scope.settings.error_level = level;
    let config = &mut scope.draft.config;
    config.is_debugged |= level >= Level::Debug;
    if scope.context == Contexts::MAIN {
        config.error_log = ErrorLogDirective { target, level };
    } else if target == config.error_log.target {
        scope.settings.error_log = None;
    } else {
        let target = shared(&mut config.error_logs, Arc::new(target));
        scope.settings.error_log = Some(target);
    }
    Ok(())
}

/// `access_log off;` or `access_log FILE|stdout|stderr [FORMAT [buffer=SIZE] [flush=TIME]];`
fn access_log(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    if scope.first {
        scope.settings.access_logs.clear();
    }
    if it.args[0].text == "off" {
        return match it.args.get(1) {
            Some(word) => Err(word.fault("\"access_log off\" takes nothing more")),
            None => Ok(()),
        };
    }
    let target = target(scope, &it.args[0])?;
    let same_file = scope.draft.config.access_logs.iter().find(|other| *other.target == target);
    let target = same_file.map_or_else(|| Arc::new(target), |other| Arc::clone(&other.target));
    let (format, has_sent_fields) = (combined(), false);
    let mut log = AccessLog { target, format, has_sent_fields, buffer_bytes: 0, flush: FLUSH };
    for (index, word) in it.args.iter().enumerate().skip(1) {
        if let Some(size) = word.option("buffer") {
            log.buffer_bytes = size.buffer(1..=64 << 20)?;
        } else if let Some(time) = word.option("flush") {
            log.flush = time.time()?;
            let has_buffer = it.args.iter().any(|word| word.option("buffer").is_some());
            log.buffer_bytes = if has_buffer { log.buffer_bytes } else { BUFFER_BYTES };
        } else if word.option("if").is_some() || word.text.starts_with("gzip") {
            return Err(word.fault(format!("\"{}\" is not supported; accepted: a format, buffer=, flush=", word.text)));
        } else if index == 1 && !word.text.contains('=') {
            log.format = self::format(scope, word)?;
            let is_sent_field = |part: &TemplatePart| matches!(part.variable, Variable::SentHttp(_));
            log.has_sent_fields = log.format.parts.iter().any(is_sent_field);
        } else {
            let message = format!("unknown option \"{}\"; accepted after the format: buffer=, flush=", word.text);
            return Err(word.fault(message));
        }
    }
    let logs = &mut scope.draft.config.access_logs;
    let differs = |other: &AccessLog| (other.buffer_bytes, other.flush) != (log.buffer_bytes, log.flush);
    if logs.iter().any(|other| other.target == log.target && differs(other)) {
        return Err(it.args[0].fault("this log stands elsewhere with another buffer= or flush="));
    }
    let log = shared(logs, Arc::new(log));
    shared(&mut scope.settings.access_logs, log);
    Ok(())
}

/// `log_format NAME [escape=default|json|none] TEXT ...;`
fn log_format(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let (name, mut texts) = (&it.args[0], &it.args[1..]);
    if name.text == "combined" || scope.draft.formats.contains_key(&name.text) {
        return Err(name.fault(format!("the log format \"{}\" exists already", name.text)));
    }
    let mut template = Template::default();
    if let Some(escape) = texts[0].option("escape") {
        let choices = [("default", Escape::Default), ("json", Escape::Json), ("none", Escape::None)];
        template.escape = escape.choice("way to escape", &choices)?;
        texts = &texts[1..];
    }
    for word in texts {
        template.append(scope.template(word)?);
    }
    if template.as_text().is_some() {
        return Err(name.fault(format!("the log format \"{}\" has no variables", name.text)));
    }
    scope.draft.formats.insert(name.text.clone(), Arc::new(template));
    Ok(())
}

/// The file of a log, or a standard stream.
fn target(scope: &Scope<'_>, word: &Word) -> Result<LogTarget, Fault> {
    match &word.text[..] {
        "stdout" => Ok(LogTarget::Stdout),
        "stderr" => Ok(LogTarget::Stderr),
        text if text.starts_with("syslog:") || text.starts_with("memory:") => {
            Err(word.fault(format!("\"{text}\" is not supported; accepted: a file, \"stdout\" or \"stderr\"")))
        }
        _ => scope.path(word).map(|path| LogTarget::standard(&path).unwrap_or(LogTarget::File(path))),
    }
}

fn format(scope: &Scope<'_>, word: &Word) -> Result<Arc<Template>, Fault> {
    if word.text == "combined" {
        return Ok(combined());
    }
    let formats = &scope.draft.formats;
    formats.get(&word.text).cloned().ok_or_else(|| {
        let mut names: Vec<&str> = formats.keys().map(String::as_str).chain(["combined"]).collect();
        names.sort();
        word.unknown("log format", &names)
    })
}

fn combined() -> Arc<Template> {
    Arc::new(Template::parse(COMBINED).unwrap_or_default())
}

/// The item of the list that equals `item`; adds `item` if there is no such item.
fn shared<T: PartialEq>(list: &mut Vec<Arc<T>>, item: Arc<T>) -> Arc<T> {
    if let Some(known) = list.iter().find(|known| **known == item) {
        return Arc::clone(known);
    }
    list.push(Arc::clone(&item));
    item
}
