//! The error log and the access logs.

use super::syslog::syslog;
use super::{Contexts, Directive, MANY, put, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{
    AccessLog, ErrorLogDirective, Escape, Level, Literal, LogTarget, OpenLogFileCache, Template,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The name of the format that needs no `log_format`.
const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \
                        \"$http_referer\" \"$http_user_agent\"";

/// The buffer's size if there is `flush=` but no `buffer=`. With neither of them, each line is written at once.
const BUFFER_BYTES: usize = 64 << 10;

/// The default of `flush=`.
const FLUSH: Duration = Duration::from_secs(1);

/// The largest `max=` of `open_log_file_cache`: each of these files is open, in each worker.
const LOG_PATHS_MAX: usize = 100_000;

pub(super) const TABLE: &[Directive] = &[
    row("error_log", Contexts::MAIN.union(Contexts::REQUEST), 1..=2, "error_log logs/error.log warn;")
        .syntax("FILE|stdout|stderr|syslog:server=ADDR[,facility=NAME][,tag=TEXT][,nohostname] [LEVEL]")
        .default("stderr error")
        .differs("nginx's default is the file logs/error.log; memory: is not supported")
        .help("Where errors are logged, and the least serious level that is; several are several logs.")
        .repeat(error_log),
    row("access_log", Contexts::REQUEST.union(Contexts::LOCATION_IF), 1..=MANY, "access_log logs/access.log combined;")
        .syntax("off|FILE|stdout|stderr|syslog:server=ADDR[,...] [FORMAT] [buffer=SIZE] [flush=TIME] [if=CONDITION]")
        .default("off")
        .differs("nginx writes logs/access.log without it; gzip is not supported yet")
        .help("The file that gets a line for each request; its path may have variables.")
        .repeat(access_log),
    row("log_format", Contexts::HTTP, 2..=MANY, "log_format short '$remote_addr $request $status';")
        .syntax("NAME [escape=default|json|none] TEXT ...")
        .without("combined")
        .help("A format for access_log, made of text and variables.")
        .repeat(log_format),
    row(
        "open_log_file_cache",
        Contexts::REQUEST,
        1..=4,
        "open_log_file_cache max=1000 inactive=20s min_uses=2 valid=1m;",
    )
    .syntax("off|max=NUMBER [inactive=TIME] [min_uses=NUMBER] [valid=TIME]")
    .default("off")
    .help("How many access logs whose paths have variables stay open between two lines.")
    .once(open_log_file_cache),
    row("log_not_found", Contexts::REQUEST, 1..=1, "log_not_found off;")
        .syntax("on|off")
        .default("on")
        .help("Logs in the error log that a file does not exist.")
        .once(|scope, it| put(&mut scope.settings.log_rules.not_found, it.args[0].flag())),
    row("log_subrequest", Contexts::REQUEST, 1..=1, "log_subrequest on;")
        .syntax("on|off")
        .default("off")
        .help("Writes a line also for requests that the server makes to itself.")
        .once(|scope, it| put(&mut scope.settings.log_rules.subrequest, it.args[0].flag())),
];

/// `error_log FILE|stdout|stderr|syslog:... [LEVEL];`
fn error_log(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let target = target(scope, &it.args[0])?;
    let level = match it.args.get(1) {
        Some(word) => word.choice("log level", &Level::ALL.map(|level| (level.name(), level)))?,
        None => Level::Error,
    };
    let config = &mut scope.draft.config;
    config.is_debugged |= level >= Level::Debug;
    let is_main = scope.context == Contexts::MAIN;
    let mut logs = match &scope.settings.error_logs {
        _ if scope.first => Vec::new(),
        Some(own) if !is_main => own.to_vec(),
        _ => config.error_logs.clone(),
    };
    logs.push(ErrorLogDirective { target: target.clone(), level });
    scope.settings.error_level = logs.iter().map(|log| log.level).max().unwrap_or(level);
    if is_main {
        config.error_logs = logs;
    } else if logs == config.error_logs {
        scope.settings.error_logs = None;
    } else {
        if !config.inner_error_logs.contains(&target) {
            config.inner_error_logs.push(target);
        }
        scope.settings.error_logs = Some(Arc::new(logs));
    }
    Ok(())
}

/// `access_log off;` or `access_log TARGET [FORMAT [buffer=SIZE] [flush=TIME] [if=CONDITION]];`
fn access_log(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    if scope.first {
        scope.settings.access_logs.clear();
    }
    let place = &it.args[0];
    if place.text == "off" {
        return match it.args.get(1) {
            Some(word) => Err(word.fault("\"access_log off\" takes nothing more")),
            None => Ok(()),
        };
    }
    let path = path_with_variables(scope, place)?;
    let target = match path {
        Some(_) => LogTarget::File(PathBuf::from(&place.text)),
        None => target(scope, place)?,
    };
    let same_file = scope.draft.config.access_logs.iter().find(|other| *other.target == target);
    let target = same_file.map_or_else(|| Arc::new(target), |other| Arc::clone(&other.target));
    let (format, has_sent_fields) = (combined(), false);
    let (buffer_bytes, condition) = (0, None);
    let mut log = AccessLog { target, format, has_sent_fields, buffer_bytes, flush: FLUSH, condition, path };
    for (index, word) in it.args.iter().enumerate().skip(1) {
        read_option(scope, &mut log, word, index == 1, it)?;
    }
    let templates = [Some(&*log.format), log.condition.as_ref(), log.path.as_ref()];
    log.has_sent_fields = templates.into_iter().flatten().any(Template::may_use_response);
    let logs = &mut scope.draft.config.access_logs;
    let differs = |other: &AccessLog| (other.buffer_bytes, other.flush) != (log.buffer_bytes, log.flush);
    if logs.iter().any(|other| other.target == log.target && differs(other)) {
        return Err(place.fault("this log stands elsewhere with another buffer= or flush="));
    }
    let log = match log.path {
        None => shared(logs, Arc::new(log)),
        Some(_) => Arc::new(log),
    };
    scope.settings.access_logs.push(log);
    Ok(())
}

/// A word behind the target: the format, which may stand `first`, or an option.
fn read_option(
    scope: &mut Scope<'_>,
    log: &mut AccessLog,
    word: &Word,
    first: bool,
    it: &Statement,
) -> Result<(), Fault> {
    if let Some(size) = word.option("buffer") {
        log.buffer_bytes = size.buffer(1..=64 << 20)?;
    } else if let Some(time) = word.option("flush") {
        log.flush = time.time()?;
        let has_buffer = it.args.iter().any(|word| word.option("buffer").is_some());
        log.buffer_bytes = if has_buffer { log.buffer_bytes } else { BUFFER_BYTES };
    } else if let Some(condition) = word.option("if") {
        log.condition = Some(scope.template(&condition)?);
    } else if word.text == "gzip" || word.text.starts_with("gzip=") {
        return Err(
            word.fault("\"gzip\" is not supported yet: write the log without it, and compress it when it is rotated")
        );
    } else if first && !word.text.contains('=') {
        log.format = format(scope, word)?;
    } else {
        let message = format!("unknown option \"{}\"; accepted after the format: buffer=, flush=, if=", word.text);
        return Err(word.fault(message));
    }
    if log.buffer_bytes > 0 && log.path.is_some() {
        return Err(word.fault("a log whose path has variables is written without a buffer"));
    }
    if log.buffer_bytes > 0 && matches!(*log.target, LogTarget::Syslog(_)) {
        return Err(word.fault("each line for syslog is sent at once, without a buffer"));
    }
    Ok(())
}

/// The path of an access log if it has variables. A relative one is relative to the prefix.
fn path_with_variables(scope: &mut Scope<'_>, word: &Word) -> Result<Option<Template>, Fault> {
    if !word.text.contains('$') || word.text.starts_with("syslog:") {
        return Ok(None);
    }
    let path = scope.template(word)?;
    if path.as_text().is_some() || path.leading_text().is_empty() || path.leading_text().starts_with('/') {
        return Ok(Some(path));
    }
    let prefix = Literal::new(format!("{}/", scope.draft.prefix.display()));
    let mut whole = Template { rest: prefix, escape: path.escape, ..Template::default() };
    whole.append(path);
    Ok(Some(whole))
}

/// `open_log_file_cache off;` or `open_log_file_cache max=N [inactive=TIME] [min_uses=N] [valid=TIME];`
fn open_log_file_cache(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let mut cache = OpenLogFileCache::default();
    for word in &it.args {
        if let Some(paths) = word.option("max") {
            cache.paths_max = paths.count(1..=LOG_PATHS_MAX)?;
        } else if let Some(time) = word.option("inactive") {
            cache.inactive = time.time()?;
        } else if let Some(uses) = word.option("min_uses") {
            cache.uses_min = uses.number(1..=u64::MAX)?;
        } else if let Some(time) = word.option("valid") {
            cache.valid = time.time()?;
        } else if word.text != "off" || it.args.len() > 1 {
            return Err(word.unknown("value", &["off", "max=1000", "inactive=20s", "min_uses=2", "valid=1m"]));
        }
    }
    if cache.paths_max == 0 && it.args[0].text != "off" {
        return Err(it.name.fault("\"open_log_file_cache\" needs the number of files, as in max=1000"));
    }
    let config = &mut scope.draft.config;
    config.log_paths_max = config.log_paths_max.max(cache.paths_max);
    scope.settings.log_rules.open_file_cache = cache;
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
        scope.warn(name, format!("the log format \"{}\" has no variables, so all its lines are the same", name.text));
    }
    scope.draft.formats.insert(name.text.clone(), Arc::new(template));
    Ok(())
}

/// The file of a log, a standard stream, or a daemon.
fn target(scope: &Scope<'_>, word: &Word) -> Result<LogTarget, Fault> {
    match &word.text[..] {
        "stdout" => Ok(LogTarget::Stdout),
        "stderr" => Ok(LogTarget::Stderr),
        text if text.starts_with("syslog:") => syslog(scope, word).map(|syslog| LogTarget::Syslog(Box::new(syslog))),
        text if text.starts_with("memory:") => Err(word.fault(
            "a log in memory is not supported: name a file in a memory file system, as in /dev/shm/error.log debug",
        )),
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
