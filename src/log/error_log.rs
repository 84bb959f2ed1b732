//! The error log: one line per event, written with one call to each log that takes it.

use super::files::LogFile;
use super::{Level, LogFiles};
use crate::config::{Config, ErrorLogDirective, LogTarget};
use crate::http::deceptive::is_deceptive;
use crate::local_time;
use std::fmt::{self, Write as _};
use std::sync::Arc;

/// The error log. Each worker has its own value; all append to the same files.
pub struct ErrorLog {
    level: Level,
    /// The logs of the main level. Empty: lines are only remembered, for tests.
    main: Vec<ErrorLogDirective>,
    memory: Vec<String>,
    /// All logs, also those of `error_log` inside `http`.
    sinks: Vec<(LogTarget, Arc<LogFile>)>,
    /// The number of the worker; `None` in the master process.
    worker: Option<usize>,
    /// Some log of the configuration is at level debug.
    is_debugged: bool,
    text: String,
}

/// One line. [`fmt::Display`] shows it without time and level.
pub struct Line<'a> {
    /// The logs that the line is for. `None`, or a log that is not open: those of the main level.
    pub logs: Option<&'a [ErrorLogDirective]>,
    /// The number and the generation of the connection.
    pub connection: Option<(u32, u32)>,
    /// The kind and the descriptor of the task.
    pub task: Option<(&'static str, Option<i32>)>,
    /// What happened.
    pub what: fmt::Arguments<'a>,
    /// What the task was doing; empty: not shown.
    pub doing: &'a str,
    /// The client, the server and the request.
    pub subject: Option<&'a dyn fmt::Display>,
}

impl<'a> Line<'a> {
    /// A line of the server itself, not of a task.
    pub fn plain(what: fmt::Arguments<'a>) -> Self {
        Self { logs: None, connection: None, task: None, what, doing: "", subject: None }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((index, generation)) = self.connection {
            write!(f, "x{index}.{generation} ")?;
        }
        match self.task {
            Some((kind, Some(fd))) => write!(f, "{kind} fd={fd} ")?,
            Some((kind, None)) => write!(f, "{kind} ")?,
            None => {}
        }
        f.write_fmt(self.what)?;
        if !self.doing.is_empty() {
            write!(f, " while {}", self.doing)?;
        }
        match self.subject {
            Some(subject) => write!(f, ", {subject}"),
            None => Ok(()),
        }
    }
}

impl ErrorLog {
    /// The error log of the worker with this number; its files are open.
    pub fn new(config: &Config, files: &LogFiles, worker: usize) -> Self {
        let mut log = Self { worker: Some(worker), ..Self::in_memory(Level::Error) };
        log.replace(config, files);
        log
    }

    /// The error log of the master process.
    pub fn of_master(config: &Config, files: &LogFiles) -> Self {
        let mut log = Self { worker: None, ..Self::in_memory(Level::Error) };
        log.replace(config, files);
        log
    }

    /// A log that only remembers its lines, for tests.
    pub fn in_memory(level: Level) -> Self {
        Self {
            level,
            main: Vec::new(),
            memory: Vec::new(),
            sinks: Vec::new(),
            worker: Some(0),
            is_debugged: true,
            text: String::new(),
        }
    }

    /// The lines of a log made by [`ErrorLog::in_memory`].
    pub fn lines(&self) -> &[String] {
        &self.memory
    }

    /// The least serious level that is written, unless a location has another.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Whether lines at level debug are worth a look at who would have them: mostly no log of the configuration is at
    /// that level. (A log that only remembers takes all that it is given.)
    #[inline]
    pub fn is_debugged(&self) -> bool {
        self.is_debugged
    }

    /// Replaces the settings and the files by those of this configuration; the files are open.
    pub fn replace(&mut self, config: &Config, files: &LogFiles) {
        self.main = config.error_logs.clone();
        self.level = self.main.iter().map(|log| log.level).max().unwrap_or(Level::Error);
        self.is_debugged = config.is_debugged;
        let targets = self.main.iter().map(|log| &log.target);
        self.sinks = targets.map(|t| (t.clone(), files.file(t).unwrap_or_else(LogFile::stderr))).collect();
        let inner = |target: &LogTarget| Some((target.clone(), files.file(target)?));
        self.sinks.extend(config.inner_error_logs.iter().filter_map(inner));
    }

    /// Writes a line about the server itself, if the level of the main log asks for it.
    pub fn announce(&mut self, level: Level, what: fmt::Arguments<'_>) {
        if level <= self.level() {
            self.write(level, &Line::plain(what));
        }
    }

    /// Writes a line to each of its logs that takes this level; two `error_log`s with one file make two lines, as in
    /// nginx. A log that only remembers takes every level.
    pub fn write(&mut self, level: Level, line: &Line<'_>) {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let _ = write!(text, "{} [{level}] ", local_time::stamp(webserv_sys::clock::wall()));
        let _ = match self.worker {
            Some(worker) => write!(text, "w{worker} {line}"),
            None => write!(text, "master {line}"),
        };
        make_one_line(&mut text);
        match self.main.is_empty() {
            true => self.memory.push(text.clone()),
            false => {
                text.push('\n');
                self.write_to(line.logs.unwrap_or(&self.main), level, text.as_bytes());
            }
        }
        self.text = text;
    }

    fn write_to(&self, logs: &[ErrorLogDirective], level: Level, text: &[u8]) {
        let mut is_gone = false;
        for log in logs.iter().filter(|log| level <= log.level) {
            match self.sinks.iter().find(|(target, _)| *target == log.target) {
                Some((_, sink)) => self.write_into(sink, level, text),
                None => is_gone = true,
            }
        }
        if is_gone {
            let mains = self.sinks.iter().take(self.main.len());
            mains.for_each(|(_, sink)| self.write_into(sink, level, text));
        }
    }

    /// Writes a line into one log. That a daemon gets no lines any more is told by a file. If a file cannot be written,
    /// there is no other place to report it.
    fn write_into(&self, sink: &Arc<LogFile>, level: Level, text: &[u8]) {
        let Some(trouble) = sink.write(level, text).filter(|_| sink.is_daemon()) else { return };
        let told = format!("{} [{}] {trouble}\n", local_time::stamp(webserv_sys::clock::wall()), Level::Alert);
        let file = self.sinks.iter().map(|(_, sink)| sink).find(|sink| !sink.is_daemon());
        let _ = file.cloned().unwrap_or_else(LogFile::stderr).write(Level::Alert, told.as_bytes());
    }
}

/// A client's text cannot begin a new line in the log, nor tell the terminal that shows it what to do.
fn make_one_line(text: &mut String) {
    if text.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        return;
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match is_deceptive(character) {
            true => clean.extend(character.escape_default()),
            false => clean.push(character),
        }
    }
    *text = clean;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_who_what_and_for_whom() {
        let line = Line {
            logs: None,
            connection: Some((7, 2)),
            task: Some(("CgiRead", Some(9))),
            what: format_args!("read: ECONNRESET"),
            doing: "reading the script's header",
            subject: Some(&"client: 127.0.0.1"),
        };
        let told = "x7.2 CgiRead fd=9 read: ECONNRESET while reading the script's header, client: 127.0.0.1";
        assert_eq!(line.to_string(), told);
        assert_eq!(Line::plain(format_args!("started")).to_string(), "started");
    }

    #[test]
    fn a_line_for_a_log_that_is_gone_goes_to_the_main_one() {
        let path = |name: &str| std::env::temp_dir().join(format!("webserv-error-{name}-{}", std::process::id()));
        let target = |name: &str| LogTarget::File(path(name));
        let mut config = Config { inner_error_logs: vec![target("a"), target("b")], ..Config::default() };
        config.error_logs[0].target = target("main");
        let open = |config: &Config| LogFiles::open(config).expect("opens");
        let mut log = ErrorLog::new(&config, &open(&config), 0);
        let write = |log: &mut ErrorLog, what: &str, name: &str| {
            let logs = [ErrorLogDirective { target: target(name), level: Level::Error }];
            log.write(Level::Error, &Line { logs: Some(&logs), ..Line::plain(format_args!("{what}")) });
        };
        write(&mut log, "1", "b");
        config.inner_error_logs = vec![target("b")];
        log.replace(&config, &open(&config));
        write(&mut log, "2", "b");
        write(&mut log, "3", "a");
        let told = ["main", "a", "b"].map(|name| {
            let text = std::fs::read_to_string(path(name)).expect("the log is there");
            std::fs::remove_file(path(name)).expect("removed");
            let last = |line: &str| line.rsplit(' ').next().map(String::from);
            text.lines().filter_map(last).collect::<Vec<_>>().join(" ")
        });
        assert_eq!(told, ["3", "", "1 2"]);
    }

    #[test]
    fn one_log_at_level_debug_is_enough_for_a_closer_look() {
        let of = |text: &str| {
            let config = Config::from_text("test.conf", text, std::path::Path::new("."), "").expect("it is valid");
            let files = LogFiles::open(&config).expect("opens");
            ErrorLog::new(&config, &files, 0).is_debugged()
        };
        let at = |main: &str, location: &str| {
            of(&format!("{main} http {{ server {{ listen 127.0.0.1:1; location / {{ {location} }} }} }}"))
        };
        let (info, debug) = ("error_log stderr info;", "error_log stderr debug;");
        assert!(!at("", "") && !at(info, "") && !at("", info));
        assert!(at(debug, "") && at("", debug) && at(debug, info));
    }

    #[test]
    fn a_client_cannot_write_lines_of_its_own() {
        let mut log = ErrorLog::in_memory(Level::Info);
        log.write(Level::Info, &Line::plain(format_args!("GET /\r\n2026 [emerg] fake \x1b[31m")));
        assert_eq!(log.lines().len(), 1);
        assert!(log.lines()[0].ends_with(r"[info] w0 GET /\r\n2026 [emerg] fake \u{1b}[31m"), "{}", log.lines()[0]);
    }

    #[test]
    fn c1_controls_and_turned_text_reached_the_terminal() {
        let mut log = ErrorLog::in_memory(Level::Info);
        log.write(Level::Info, &Line::plain(format_args!("/\u{9b}31m \u{202e}txt.exe\u{2028} é")));
        assert!(log.lines()[0].ends_with(r"w0 /\u{9b}31m \u{202e}txt.exe\u{2028} é"), "{}", log.lines()[0]);
    }
}
