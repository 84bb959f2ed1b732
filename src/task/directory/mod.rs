//! Directory: the protocol pump of the directory protocol (docs/directory.md), as Http1 is that of HTTP/1.1.
//!
//! It has no descriptor. It takes lines out of the input, obeys the table of [`crate::directory::states`], and lets the
//! same handlers answer that serve HTTP: FileRead finds directories and files, DirRead lists. What is done for a line
//! is a [`Stage`]; when it is over, the next line is looked at.

mod login;

use crate::config::DirectoryServer;
use crate::connection::{self, Connection, Outcome, Phase, Pipe, Transaction};
use crate::directory::{Action, DirectoryAnswer, DirectoryRequest, Input, Lines, Mistake, Rule, State, path};
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::http::listing::Format;
use crate::limits::{LOGIN_FAILURES_MAX, STEPS_PER_TURN};
use crate::log::Level;
use crate::password::Check;
use crate::task::file::{DirRead, FileRead, FileRequest};
use crate::task::{Context, give_up_place, update_idle_list};
use crate::worker::{IdleMark, Worker};
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use webserv_sys::{Moment, Watch};

/// How long a connection that we have ended may take to end on the other side, before it is simply closed.
const LINGER: Duration = Duration::from_secs(5);

/// One session.
pub struct Directory {
    /// The settings and the users of the server: those of the time when the client connected, or last logged in.
    server: Arc<DirectoryServer>,
    state: State,
    /// The session's own directory, below the root.
    path: String,
    lines: Lines,
    /// Bytes of the input that are looked at already, and are no whole line.
    seen: u64,
    stage: Stage,
    /// The row that the present line has in the table.
    rule: Option<&'static Rule>,
    /// Since when the next line is waited for, or the password is checked.
    since: Moment,
    /// Wrong passwords in a row.
    failures: u32,
    /// Its place among the idle connections.
    idle: IdleMark,
    /// The last answer has left, and the client's time to close runs.
    lingers: bool,
}

/// What is done for a line.
enum Stage {
    /// The next line may come.
    Prompt,
    /// The password is checked, piece by piece.
    Checking(Box<Check>),
    /// It was wrong, which is told at this time.
    Wrong(Moment),
    /// FileRead looks for a file or a directory, or DirRead reads the names in one.
    Asking,
    /// As long as that, and then it is the session's directory.
    Entering(String),
    /// Bytes go over into the output: what stands before them, and how many are still to come, if that is known.
    Sending(Vec<u8>, Option<u64>),
}

impl Directory {
    /// A session with a client that was accepted for this server, in the round of
    /// `now`. It must be told of its first deadline, the server's `timeout` later.
    pub fn new(server: Arc<DirectoryServer>, now: Moment) -> Self {
        let state = State::first(server.users.is_some());
        let (path, lines, stage) = ("/".to_owned(), Lines::default(), Stage::Prompt);
        let (seen, rule, since, failures, lingers) = (0, None, now, 0, false);
        let idle = IdleMark::default();
        Self { server, state, path, lines, seen, stage, rule, since, failures, idle, lingers }
    }

    fn run(&mut self, cx: &mut Context<'_>) {
        if cx.work().is_some_and(|work| work.t.failed.take().is_some()) {
            self.handler_failed(cx);
        }
        for _ in 0..STEPS_PER_TURN {
            let x = cx.connection();
            if x.phase != Phase::Open || x.output.room() == 0 || !self.step(cx) {
                break;
            }
        }
        let x = cx.connection();
        if x.phase == Phase::Lingering && x.output.is_empty() && !self.lingers {
            self.lingers = true;
            return cx.wake_after(LINGER);
        }
        self.set_deadline(cx);
        let is_idle = self.is_idle(cx.connection());
        if self.idle.is_stale(is_idle, cx.now) {
            update_idle_list(&mut self.idle, is_idle, cx);
        }
    }

    /// Whether more may be possible at once.
    fn step(&mut self, cx: &mut Context<'_>) -> bool {
        match self.stage {
            Stage::Prompt => self.begin(cx),
            Stage::Checking(_) | Stage::Wrong(_) => false,
            Stage::Asking | Stage::Entering(_) => self.take_answer(cx),
            Stage::Sending(..) => self.send(cx),
        }
    }

    /// Looks for the next line.
    fn begin(&mut self, cx: &mut Context<'_>) -> bool {
        if !end_transaction(cx) {
            return false; // the one before it
        }
        let x = cx.connection();
        let ended = x.input.is_ended();
        let (used, request) = self.lines.next(x.input.contiguous(), ended);
        x.input.consume(used as u64);
        self.seen = x.input.len();
        match request {
            Some(request) => self.obey(request, cx),
            None if used > 0 => {}
            None => {
                if ended {
                    self.close(cx);
                }
                return false;
            }
        }
        true
    }

    /// Does what the table says.
    fn obey(&mut self, request: DirectoryRequest, cx: &mut Context<'_>) {
        let Some(rule) = self.state.rule(request.input()) else { return self.close(cx) };
        self.rule = Some(rule);
        let Context { connection: Some(x), worker, .. } = cx else { return };
        let (route, subject) = (Rc::clone(&x.route), Rc::new(request.to_string()));
        x.transactions.begin(&mut worker.transactions, route, Some(subject));
        match (rule.action, request) {
            (Action::CheckPassword, DirectoryRequest::Login { name, password }) => self.check(&name, &password, cx),
            (Action::Enter, DirectoryRequest::Cd(name)) => match path::resolve(&self.path, &name) {
                Some(path) => {
                    self.look_for(&path, "/", cx);
                    self.stage = Stage::Entering(path);
                }
                None => self.answer(rule.failed, None, cx),
            },
            (Action::List, _) => self.look_for(&self.path.clone(), "/", cx),
            (Action::Send, DirectoryRequest::Get(name)) => match path::resolve(&self.path, &name) {
                Some(path) => self.look_for(&path, if name.ends_with('/') { "/" } else { "" }, cx),
                None => self.answer(rule.failed, None, cx),
            },
            (_, DirectoryRequest::Mistake(mistake)) => self.answer(rule.done, Some(mistake), cx),
            (_, _) => self.answer(rule.done, None, cx),
        }
    }

    /// Sends FileRead out; what it finds will be in the reply. With a slash at the end it looks for directories only.
    fn look_for(&mut self, path: &str, slash: &str, cx: &mut Context<'_>) {
        let settings = Arc::clone(&self.server.settings);
        let below = if path == "/" { "" } else { path };
        let path_on_disk = [settings.root.as_os_str().as_bytes(), below.as_bytes(), slash.as_bytes()].concat();
        let (url_path, indexes, gzip) = (path.as_bytes().to_vec(), Vec::new(), false);
        cx.join(Box::new(FileRead::new(FileRequest {
            path: path_on_disk,
            url_path,
            indexes,
            gzip,
            keeps: false,
            settings,
        })));
        self.stage = Stage::Asking;
    }

    /// A handler has answered.
    fn take_answer(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(rule) = self.rule else { return false };
        let Some(outcome) = cx.work().and_then(|work| work.t.reply.outcome.take()) else { return false };
        match (rule.action, outcome) {
            (Action::Enter, Outcome::Directory(_)) => {
                if let Stage::Entering(path) = std::mem::replace(&mut self.stage, Stage::Prompt) {
                    self.path = path;
                }
                self.finish(rule.done, cx);
            }
            (Action::List, Outcome::Directory(directory)) => {
                end_handlers(cx);
                let format = Format::Lines { counted: rule.done.0 == DirectoryAnswer::CountAndNames };
                let settings = Arc::clone(&self.server.settings);
                cx.join(Box::new(DirRead::new(directory, self.path.clone().into_bytes(), settings, format)));
            }
            (Action::List, Outcome::Answer(connection::Answer::Document(_))) => {
                self.stage = Stage::Sending(Vec::new(), None)
            }
            (Action::Send, Outcome::Answer(connection::Answer::Document(head))) => {
                let length = head.length.unwrap_or(0);
                if length > 0 {
                    cx.transaction().reply.wanted.push_back(0..length);
                }
                self.stage = Stage::Sending(format!("{length}\r\n").into_bytes(), Some(length));
            }
            _ => self.finish(rule.failed, cx),
        }
        true
    }

    /// Moves what has come. The count and the first bytes enter the output together, so that they leave in one call.
    fn send(&mut self, cx: &mut Context<'_>) -> bool {
        let (Stage::Sending(before, left), Some(rule)) = (&mut self.stage, self.rule) else { return false };
        let Connection { transactions, output, phase, .. } = cx.connection();
        let Some(t) = transactions.current_mut() else { return false };
        while output.room() > 0
            && let Some(segment) = t.reply.body.take(left.unwrap_or(u64::MAX))
        {
            *left = left.map(|left| left - segment.len());
            output.push_bytes(std::mem::take(before));
            output.push(segment);
        }
        let ended = t.reply.body.is_ended() && t.reply.body.is_empty();
        if *left == Some(0) || (ended && left.is_none()) {
            output.push_bytes(std::mem::take(before));
            self.finish(rule.done, cx);
            return true;
        }
        if ended {
            *phase = Phase::Closed; // without a clean end: it is less than was promised
        }
        false
    }

    /// Nothing more is wanted of the handlers, and the line is answered.
    fn finish(&mut self, outcome: (DirectoryAnswer, State), cx: &mut Context<'_>) {
        end_handlers(cx);
        self.answer(outcome, None, cx);
    }

    /// A handler has died. Before a byte has left the client can be told, later only be left: it must not take what it
    /// has for the whole.
    fn handler_failed(&mut self, cx: &mut Context<'_>) {
        let Some(rule) = self.rule else { return };
        match &self.stage {
            Stage::Asking | Stage::Entering(_) => self.finish(rule.failed, cx),
            Stage::Sending(before, _) if !before.is_empty() => self.finish(rule.failed, cx),
            Stage::Sending(..) => cx.connection().phase = Phase::Closed,
            Stage::Prompt | Stage::Checking(_) | Stage::Wrong(_) => {}
        }
    }

    /// Answers the present line and goes over to a state.
    fn answer(&mut self, (answer, next): (DirectoryAnswer, State), mistake: Option<Mistake>, cx: &mut Context<'_>) {
        cx.doing("answering the line");
        cx.log(Level::Info, format_args!("answered: {answer}"));
        let output = &mut cx.connection().output;
        match (answer, mistake) {
            (DirectoryAnswer::Line(line), _) => push_line(output, line),
            (DirectoryAnswer::Mistake, Some(mistake)) => push_line(output, &format!("ERROR {mistake}")),
            (DirectoryAnswer::Mistake, None) => push_line(output, "ERROR"),
            (DirectoryAnswer::Path, _) => push_line(output, &self.path),
            (DirectoryAnswer::NoNames, _) => push_line(output, "ERROR\r\n"),
            // What these announce is in the output already.
            (
                DirectoryAnswer::Nothing
                | DirectoryAnswer::Names
                | DirectoryAnswer::CountAndNames
                | DirectoryAnswer::CountAndBytes,
                _,
            ) => {}
        }
        if self.rule.take().is_some_and(|rule| rule.input == Input::Logout) {
            self.path = "/".to_owned();
        }
        end_transaction(cx);
        self.state = next.or_skip_login(self.server.users.is_some());
        (self.stage, self.since) = (Stage::Prompt, cx.now);
        if self.state == State::End || cx.worker.draining {
            self.close(cx);
        }
    }

    /// Ends the connection when the output has left. Closing while bytes of the client are unread would make the kernel
    /// send a reset, and the client could lose the answers: if that may be, it lingers.
    fn close(&mut self, cx: &mut Context<'_>) {
        let x = cx.connection();
        let nothing_to_lose = x.input.is_ended() || (x.input.is_empty() && x.output.is_empty());
        x.phase = if nothing_to_lose { Phase::Closing } else { Phase::Lingering };
        x.input.clear();
    }

    fn set_deadline(&self, cx: &mut Context<'_>) {
        match (cx.connection().phase, &self.stage) {
            (Phase::Lingering, _) if self.lingers => {} // set when it began
            (Phase::Open, Stage::Prompt) => cx.wake_at(self.since.after(self.server.timeout)),
            (Phase::Open, Stage::Checking(_)) => cx.wake_at(cx.now),
            (Phase::Open, Stage::Wrong(until)) => cx.wake_at(*until),
            _ => cx.no_deadline(), // the rest is the handlers', and ClientWrite's
        }
    }

    fn deadline(&mut self, cx: &mut Context<'_>) {
        match (cx.connection().phase, &self.stage) {
            (Phase::Lingering, _) => cx.connection().phase = Phase::Closed,
            (Phase::Open, Stage::Prompt) if cx.connection().output.is_empty() => {
                cx.log(Level::Info, format_args!("no line for too long: closed"));
                cx.connection().phase = Phase::Closed;
            }
            (Phase::Open, Stage::Prompt) => self.since = cx.now, // it still takes the last answer: it is not idle
            (Phase::Open, Stage::Checking(_)) => self.check_on(cx),
            (Phase::Open, Stage::Wrong(_)) => {
                let (answer, next) = self.rule.map_or((DirectoryAnswer::Nothing, State::End), |rule| rule.failed);
                let next = if self.failures < LOGIN_FAILURES_MAX { next } else { State::End };
                self.answer((answer, next), None, cx);
            }
            _ => {}
        }
    }

    /// Whether its client could be left without losing anything.
    fn is_idle(&self, x: &Connection) -> bool {
        x.phase == Phase::Open && matches!(self.stage, Stage::Prompt) && x.input.is_empty()
    }

    fn wants_turn(&self, x: &Connection, t: Option<&Transaction>) -> bool {
        let enters_idle_list = !self.idle.is_set() && self.is_idle(x) && x.output.is_empty();
        if enters_idle_list || t.is_some_and(|t| t.failed.is_some()) {
            return true;
        }
        match (x.phase, &self.stage) {
            (Phase::Lingering, _) => x.output.is_empty() && !self.lingers,
            (Phase::Closing | Phase::Closed, _) => false,
            (Phase::Open, _) if x.output.room() == 0 => false,
            (Phase::Open, Stage::Prompt) if t.is_some() => t.is_some_and(|t| t.handlers.is_empty()),
            (Phase::Open, Stage::Prompt) => x.input.len() > self.seen || x.input.is_ended(),
            (Phase::Open, Stage::Checking(_) | Stage::Wrong(_)) => false,
            (Phase::Open, Stage::Asking | Stage::Entering(_)) => t.is_some_and(|t| t.reply.outcome.is_some()),
            (Phase::Open, Stage::Sending(_, left)) => {
                *left == Some(0) || t.is_some_and(|t| !t.reply.body.is_empty() || t.reply.body.is_ended())
            }
        }
    }
}

fn push_line(output: &mut Pipe, line: &str) {
    output.push_bytes([line.as_bytes(), b"\r\n"].concat());
}

/// The handlers' part is over: what they still have is not wanted.
fn end_handlers(cx: &mut Context<'_>) {
    if let Some(mut work) = cx.work() {
        work.cancel_handlers();
        work.t.reply.give_back();
    }
}

/// Ends the transaction of a line that has been answered. Returns false if its handlers have yet to leave.
fn end_transaction(cx: &mut Context<'_>) -> bool {
    let Some(work) = cx.work() else { return true };
    let (id, has_handlers) = (work.t.id(), work.has_handlers());
    if !has_handlers && let Some(t) = cx.connection().transactions.end(id) {
        cx.worker.transactions.give(t);
    }
    !has_handlers
}

impl Task<Worker> for Directory {
    fn kind(&self) -> &'static str {
        "Directory"
    }

    fn doing(&self) -> &'static str {
        match self.stage {
            Stage::Prompt => "waiting for a line",
            Stage::Checking(_) | Stage::Wrong(_) => "checking the password",
            Stage::Asking | Stage::Entering(_) => "waiting for the answer",
            Stage::Sending(..) => "sending the answer",
        }
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, seen: Seen<'_>) -> Want {
        match seen.connection {
            Some(x) if self.wants_turn(x, seen.transaction) => Want::Turn,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => self.run(cx),
            Event::Deadline => {
                self.deadline(cx);
                self.run(cx);
            }
            Event::Cancel => {
                update_idle_list(&mut self.idle, false, cx);
                return Ok(Flow::Done);
            }
        }
        Ok(Flow::Progress)
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match notice {
            Notice::Drain if cx.connection().phase == Phase::Open && matches!(self.stage, Stage::Prompt) => {
                self.close(cx);
            }
            Notice::Evict => {
                let is_idle = self.is_idle(cx.connection());
                give_up_place(&mut self.idle, is_idle, cx);
            }
            _ => {}
        }
        Ok(Flow::Progress)
    }
}

#[cfg(test)]
mod tests;
