//! The error log: one line per event, written with one call.

use super::Level;
use crate::config::{Config, ErrorLog as Settings, LogTarget};
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

/// Where the server writes what happens to it. Each worker has its own; they append to the same file.
pub struct ErrorLog {
    settings: Settings,
    sink: Sink,
    /// The files of `error_log` inside `http`, as [`Config::error_logs`] numbers them.
    others: Vec<Sink>,
    worker: usize,
    text: String,
}

enum Sink {
    Stderr,
    File(std::fs::File),
    Memory(Vec<String>),
}

/// What one line tells. [`fmt::Display`] gives it without time and level.
pub struct Line<'a> {
    /// Which of the configuration's other files it goes to; `None`: the main one.
    pub file: Option<usize>,
    /// The exchange's number and generation.
    pub exchange: Option<(u32, u32)>,
    /// The task's kind and descriptor.
    pub task: Option<(&'static str, Option<i32>)>,
    /// What happened.
    pub what: fmt::Arguments<'a>,
    /// What the task was doing; empty: not said.
    pub doing: &'a str,
    /// Client, server and request.
    pub subject: Option<&'a dyn fmt::Display>,
}

impl<'a> Line<'a> {
    /// A line of the server itself, outside any task.
    pub fn plain(what: fmt::Arguments<'a>) -> Self {
        Self { file: None, exchange: None, task: None, what, doing: "", subject: None }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((index, generation)) = self.exchange {
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
    /// Opens the logs that the configuration names, for the worker with this number.
    ///
    /// # Errors
    /// Which file cannot be opened, and why.
    pub fn open(config: &Config, worker: usize) -> Result<Self, String> {
        let sink = Sink::open(&config.error_log.target)?;
        let others = config.error_logs.iter().map(Sink::open).collect::<Result<_, String>>()?;
        Ok(Self { settings: config.error_log.clone(), sink, others, worker, text: String::new() })
    }

    /// A log that only remembers its lines: for tests.
    pub fn in_memory(level: Level) -> Self {
        let settings = Settings { target: LogTarget::Stderr, level };
        Self { settings, sink: Sink::Memory(Vec::new()), others: Vec::new(), worker: 0, text: String::new() }
    }

    /// The lines of a log made by [`ErrorLog::in_memory`].
    pub fn lines(&self) -> &[String] {
        match &self.sink {
            Sink::Memory(lines) => lines,
            _ => &[],
        }
    }

    /// Lines less serious than this are not written, unless a location says otherwise.
    pub fn level(&self) -> Level {
        self.settings.level
    }

    /// Opens the files again: after a rename, or with new settings. On an error the old ones stay.
    ///
    /// # Errors
    /// Those of [`ErrorLog::open`].
    pub fn reopen(&mut self, config: &Config) -> Result<(), String> {
        *self = Self::open(config, self.worker)?;
        Ok(())
    }

    /// Writes a line. A log that cannot be written must not stop the server, so a failure is lost.
    pub fn write(&mut self, level: Level, line: &Line<'_>) {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let _ = write!(text, "{} [{level}] w{} {line}", super::time::stamp(webserv_sys::clock::wall()), self.worker);
        make_one_line(&mut text);
        let sink = line.file.and_then(|file| self.others.get_mut(file)).unwrap_or(&mut self.sink);
        match sink {
            Sink::Memory(lines) => lines.push(text.clone()),
            Sink::Stderr => {
                text.push('\n');
                let _ = io::stderr().write_all(text.as_bytes());
            }
            Sink::File(file) => {
                text.push('\n');
                let _ = file.write_all(text.as_bytes());
            }
        }
        self.text = text;
    }
}

impl Sink {
    fn open(target: &LogTarget) -> Result<Self, String> {
        match target {
            LogTarget::Stderr => Ok(Sink::Stderr),
            LogTarget::File(path) => {
                let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
                opened.map(Sink::File).map_err(|e| format!("cannot open the error log {}: {e}", path.display()))
            }
        }
    }
}

/// What a client sent cannot begin a line of its own in the log.
fn make_one_line(text: &mut String) {
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        let clean = text.chars().flat_map(|c| {
            let escaped = (c.is_control()).then(|| c.escape_default().to_string());
            escaped.unwrap_or_else(|| c.to_string()).chars().collect::<Vec<_>>()
        });
        *text = clean.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_who_what_and_for_whom() {
        let line = Line {
            file: None,
            exchange: Some((7, 2)),
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
    fn a_client_cannot_write_lines_of_its_own() {
        let mut log = ErrorLog::in_memory(Level::Info);
        log.write(Level::Info, &Line::plain(format_args!("GET /\r\n2026 [emerg] fake \x1b[31m")));
        assert_eq!(log.lines().len(), 1);
        assert!(log.lines()[0].ends_with(r"[info] w0 GET /\r\n2026 [emerg] fake \u{1b}[31m"), "{}", log.lines()[0]);
    }
}
