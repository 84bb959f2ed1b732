//! Directory: the task for the directory protocol (docs/directory.md), as Http1 is for HTTP/1.1.
//!
//! It has no descriptor. It parses lines from the input, follows the table in [`crate::directory::states`], and uses
//! the same handlers as HTTP: FileRead finds directories and files, DirRead lists. A [`Stage`] is the work for one
//! line; the next line begins after it.

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
use crate::task::{Context, give_up_place, leave, update_idle_list};
use crate::worker::{IdleMark, Worker};
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use webserv_sys::{Moment, Watch};

/// How long a connection lingers before it is closed.
const LINGER: Duration = Duration::from_secs(5);

/// One session.
pub struct Directory {
    /// The server's settings and users, at the time of the connection or of the last login.
    server: Arc<DirectoryServer>,
    state: State,
    /// The current directory of the session, below the root.
    path: String,
    lines: Lines,
    /// Bytes of the input that have been parsed and are not a complete line.
    seen: u64,
    stage: Stage,
    /// The row of the table for the current line.
    rule: Option<&'static Rule>,
    /// When the session began to wait for the next line, or to check the password.
    since: Moment,
    /// Wrong passwords in a row.
    failures: u32,
    /// The connection's place in the list of idle connections.
    idle: IdleMark,
    /// The last answer has been sent; the connection lingers.
    lingers: bool,
}

/// The work for the current line.
enum Stage {
    /// Waits for the next line.
    Prompt,
    /// Checks a password, a part per round.
    Checking(Box<Check>),
    /// The password is wrong; the client is told at this time.
    Wrong(Moment),
    /// Waits for FileRead, or for DirRead.
    Asking,
    /// Waits for FileRead. If it finds the directory, that becomes the session's.
    Entering(String),
    /// Sends a body: the bytes before it, and how many bytes are left, if that is known.
    Sending(Vec<u8>, Option<u64>),
}

impl Directory {
    /// A session with a client that was accepted in the round of `now`. The caller sets the first deadline, at `now`
    /// plus `timeout` of the server.
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

    /// Does one step. Returns whether another may be possible at once.
    fn step(&mut self, cx: &mut Context<'_>) -> bool {
        match self.stage {
            Stage::Prompt => self.begin(cx),
            Stage::Checking(_) | Stage::Wrong(_) => false,
            Stage::Asking | Stage::Entering(_) => self.take_answer(cx),
            Stage::Sending(..) => self.send(cx),
        }
    }

    /// Parses the next line.
    fn begin(&mut self, cx: &mut Context<'_>) -> bool {
        if !end_transaction(cx) {
            return false; // the handlers of the last line have not ended
        }
        let x = cx.connection();
        let ended = x.input.is_ended();
        let (used, request) = self.lines.next(x.input.contiguous(), ended);
        x.input.consume(used as u64);
        self.seen = x.input.len();
        match request {
            Some(request) => self.execute(request, cx),
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

    /// Does what the table says for this request.
    fn execute(&mut self, request: DirectoryRequest, cx: &mut Context<'_>) {
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

    /// Starts FileRead. Its result will be in the reply. With `slash` "/", it finds only directories.
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
            random_index: false,
            settings,
        })));
        self.stage = Stage::Asking;
    }

    /// Takes the result of a handler.
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

    /// Moves bytes that have come. The count and the first bytes enter the output together, and leave in one call.
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
            *phase = Phase::Closed; // not a clean end: the client must see that the file is incomplete
        }
        false
    }

    /// Ends the handlers and answers the line.
    fn finish(&mut self, outcome: (DirectoryAnswer, State), cx: &mut Context<'_>) {
        end_handlers(cx);
        self.answer(outcome, None, cx);
    }

    /// A handler has failed. If no byte of its answer was sent, the client gets an error. Otherwise the connection is
    /// closed: the client must see that the answer is incomplete.
    fn handler_failed(&mut self, cx: &mut Context<'_>) {
        let Some(rule) = self.rule else { return };
        match &self.stage {
            Stage::Asking | Stage::Entering(_) => self.finish(rule.failed, cx),
            Stage::Sending(before, _) if !before.is_empty() => self.finish(rule.failed, cx),
            Stage::Sending(..) => cx.connection().phase = Phase::Closed,
            Stage::Prompt | Stage::Checking(_) | Stage::Wrong(_) => {}
        }
    }

    /// Answers the current line and enters the next state.
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
            // The body is in the output already.
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

    /// Ends the connection after the output has been sent. If bytes of the client may be unread, close(2) would make
    /// the kernel send a reset, and the client could lose the answers: then the connection lingers.
    fn close(&mut self, cx: &mut Context<'_>) {
        let x = cx.connection();
        let nothing_to_lose = x.input.is_ended() || (x.input.is_empty() && x.output.is_empty());
        x.phase = if nothing_to_lose { Phase::Closing } else { Phase::Lingering };
        x.input.clear();
    }

    fn set_deadline(&self, cx: &mut Context<'_>) {
        match (cx.connection().phase, &self.stage) {
            (Phase::Lingering, _) if self.lingers => {} // run() has set it
            (Phase::Open, Stage::Prompt) => cx.wake_at(self.since.after(self.server.timeout)),
            (Phase::Open, Stage::Checking(_)) => cx.wake_at(cx.now),
            (Phase::Open, Stage::Wrong(until)) => cx.wake_at(*until),
            _ => cx.no_deadline(), // ClientWrite has a deadline
        }
    }

    fn deadline(&mut self, cx: &mut Context<'_>) {
        match (cx.connection().phase, &self.stage) {
            (Phase::Lingering, _) => cx.connection().phase = Phase::Closed,
            (Phase::Open, Stage::Prompt) if cx.connection().output.is_empty() => {
                cx.log(Level::Info, format_args!("no line from the client for too long: closed"));
                cx.connection().phase = Phase::Closed;
            }
            (Phase::Open, Stage::Prompt) => self.since = cx.now, // not idle: the client still receives
            (Phase::Open, Stage::Checking(_)) => self.check_on(cx),
            (Phase::Open, Stage::Wrong(_)) => {
                let (answer, next) = self.rule.map_or((DirectoryAnswer::Nothing, State::End), |rule| rule.failed);
                let next = if self.failures < LOGIN_FAILURES_MAX { next } else { State::End };
                self.answer((answer, next), None, cx);
            }
            _ => {}
        }
    }

    /// Whether the connection can be closed without losing a line.
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

/// Ends the handlers of a line and drops the rest of their reply.
fn end_handlers(cx: &mut Context<'_>) {
    if let Some(mut work) = cx.work() {
        work.cancel_handlers();
        work.t.reply.renew();
    }
}

/// Ends the transaction of a line that has been answered. Returns false while handlers have not ended.
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
                leave(&mut self.idle, cx);
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
