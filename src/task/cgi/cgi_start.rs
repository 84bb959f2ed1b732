//! CgiStart: finds the program for a request, waits for a place, starts it, and adds the tasks for its pipes and exit.

use super::places::{call_next, end_left, forget_place, note_place};
use super::{CgiErrors, CgiRead, CgiWrite, ProcessExit, not_started};
use crate::config::{Cgi, Settings};
use crate::connection::{Connection, Http, Outcome, ProgramClock, StoredBody, Transaction};
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want, Work};
use crate::http::{Framing, Method};
use crate::log::Level;
use crate::route::{self, Script};
use crate::task::Context;
use crate::vars::{self, Invocation};
use crate::worker::{QueueFull, Worker};
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use webserv_sys::process::{self, Spawn};
use webserv_sys::{Error, Watch, file, pipe};

/// Starts one program, when its body is there and a place is free.
pub struct CgiStart {
    /// The request's body, if it is stored. Otherwise it comes through the transaction.
    stored: Option<StoredBody>,
    needed_body: NeededBody,
    stage: Stage,
}

/// How much of the request's body must have come before the program starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NeededBody {
    /// Nothing.
    AsItComes,
    /// All of it. It is stored only if it is too long for the transaction's pipe.
    Whole,
    /// All of it, and it must be stored, for its length or its file name.
    Stored,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Looks for the program.
    Fresh,
    /// Waits until the body is whole.
    AwaitsBody,
    /// Waits for a place among the programs.
    Queued,
    /// The program has been started, or there is another outcome.
    Over,
}

impl CgiStart {
    /// Starts the program for this transaction, with a stored body, or with the body in the transaction. For
    /// [`NeededBody::Stored`], only checks whether there is a program, which then needs the body first.
    pub fn new(stored: Option<StoredBody>, needed_body: NeededBody) -> Self {
        Self { stored, needed_body, stage: Stage::Fresh }
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(mut w) = cx.work() else { return Flow::Done };
        // After a wait the program is looked for again: what was checked before may have been replaced.
        let (settings, script) = match look(&mut w) {
            Ok(Some(found)) => found,
            // Another handler would find an empty body, since this one is in a file; PUT would store that.
            Ok(None) if self.stored_file().is_some() => {
                w.log(Level::Error, format_args!("the program has disappeared while the request's body came"));
                return self.end(Some(Outcome::status(503)), cx);
            }
            Ok(None) => return self.end(Some(Outcome::Declined), cx),
            Err(status) => return self.end(Some(Outcome::status(status)), cx),
        };
        let Some(cgi) = &settings.cgi else { return self.end(Some(Outcome::Declined), cx) };
        if !w.t.body.is_ended() {
            match self.needed_body {
                NeededBody::AsItComes => {}
                NeededBody::Whole if fits(w.t) => {
                    self.stage = Stage::AwaitsBody;
                    w.t.body.release();
                    return Flow::Progress;
                }
                NeededBody::Whole => return self.end(Some(Outcome::NeedsBody), cx),
                NeededBody::Stored => {}
            }
        }
        if self.needed_body == NeededBody::Stored {
            return self.end(Some(Outcome::NeedsBody), cx);
        }
        if !cx.worker.programs.has_place(cx.token(), cgi.processes_max) {
            return self.wait(cgi, cx);
        }
        let Some(mut w) = cx.work() else { return Flow::Done };
        let outcome = self.launch(cgi, &script, &mut w);
        self.end(outcome, cx)
    }

    /// The file with the body, if it is in one: only a program finds it there.
    fn stored_file(&self) -> Option<&OwnedFd> {
        self.stored.as_ref().and_then(|stored| stored.file.as_ref())
    }

    /// Starts the program. Returns the outcome if that fails.
    fn launch(&self, cgi: &Cgi, script: &Script, w: &mut Work<'_, Worker>) -> Option<Outcome> {
        let mut started = self.start(cgi, script, w);
        if let Err(error) = started
            && w.worker.files.relieve(error)
        {
            started = self.start(cgi, script, w);
        }
        let error = started.err()?;
        let status = match error {
            e if e.is_exhaustion() || e.would_block() => 503, // EAGAIN from clone(2): too many processes
            e if e.is_forbidden() => 403,
            _ => 502, // the file exists, but its interpreter does not, or it is no program
        };
        let why = not_started::why(error, script);
        let file = String::from_utf8_lossy(&script.file);
        w.log(Level::Error, format_args!("the program \"{file}\" cannot be started: {why}"));
        Some(Outcome::status(status))
    }

    /// Ends the work of this task, with an outcome if no program answers.
    fn end(&mut self, outcome: Option<Outcome>, cx: &mut Context<'_>) -> Flow {
        let t = cx.transaction();
        t.program.place = None;
        if outcome.is_some() {
            t.reply.outcome = outcome;
        }
        self.leave(cx);
        self.stage = Stage::Over;
        Flow::Done
    }

    /// Leaves the queue. If another request may start its program now, calls it.
    fn leave(&mut self, cx: &mut Context<'_>) {
        if self.stage == Stage::Queued {
            cx.worker.programs.leave(cx.token());
            call_next(cx);
        }
    }

    /// All places are taken: waits for one.
    fn wait(&mut self, cgi: &Cgi, cx: &mut Context<'_>) -> Flow {
        if self.stage == Stage::Queued {
            return Flow::Progress;
        }
        let running = cx.worker.programs.running();
        match cx.worker.programs.wait(cx.token(), cgi.processes_max, cgi.queue.requests_max) {
            Ok(None) => {}
            Ok(Some(left)) => cx.notify(left, Notice::Evict),
            Err(QueueFull) => {
                let waiting = cx.worker.programs.waiting();
                cx.log(
                    Level::Error,
                    format_args!("{running} programs run (cgi_max_processes) and {waiting} requests wait (cgi_queue)"),
                );
                return self.end(Some(Outcome::status(503)), cx);
            }
        }
        cx.log(Level::Info, format_args!("{running} programs run already (cgi_max_processes): the request waits"));
        self.stage = Stage::Queued;
        cx.wake_after(cgi.queue.timeout);
        note_place(cx);
        end_left(cx);
        Flow::Progress
    }

    /// Refuses a request that waits.
    fn refuse(&mut self, level: Level, why: &str, cx: &mut Context<'_>) -> Flow {
        let running = cx.worker.programs.running();
        cx.log(level, format_args!("{running} programs run (cgi_max_processes), and {why}"));
        self.end(Some(Outcome::status(503)), cx)
    }

    /// Makes the pipes, starts the process, and adds the tasks for them.
    fn start(&self, cgi: &Cgi, script: &Script, w: &mut Work<'_, Worker>) -> Result<(), Error> {
        let (child_stdin, stdin) = self.stdin(&w.t.http)?.unzip();
        let (stdout, child_stdout) = pipe::pipe_from_child()?;
        let (stderr, child_stderr) = pipe::pipe_from_child()?;
        let query = w.t.http.query().unwrap_or_default();
        let mut arguments = script.arguments.clone();
        arguments.extend(vars::query_arguments(w.t.http.method().unwrap_or(Method::Get), query));
        let pid = w.worker.children.spawn(&Spawn {
            program: &script.program,
            arguments: &arguments,
            environment: &self.environment(script, query, w),
            directory: Some(&script.directory),
            stdin: self.stored_file().or(child_stdin.as_ref()).map(AsFd::as_fd),
            stdout: child_stdout.as_fd(),
            stderr: child_stderr.as_fd(),
            own_group: true,
            limits: &cgi.rlimits,
        })?;
        if !process::LIMITS_PROGRAMS && !cgi.rlimits.is_empty() {
            w.log(
                Level::Error,
                format_args!("cgi_rlimit works only on Linux: the program (pid {pid}) runs without limits"),
            );
        }
        let place = w.worker.programs.take_place();
        // An earlier program of the request may have left its end here.
        (w.t.program.given_up, w.t.program.exit, w.t.program.output_ended) = (None, None, false);
        w.t.program.clock = ProgramClock::start(cgi.timeout, cgi.idle_timeout, w.now);
        w.t.program.is_fed = stdin.is_some();
        w.join(Box::new(ProcessExit::new(pid, cgi.idle_timeout, w.worker.children.clone(), place)));
        w.join(Box::new(CgiRead::new(stdout, script.is_nph())));
        w.join(Box::new(CgiErrors::new(stderr, cgi.idle_timeout)));
        if let Some(stdin) = stdin {
            w.join(Box::new(CgiWrite::new(stdin)));
            w.t.body.release();
        }
        Ok(())
    }

    /// A pipe for a body that comes through the transaction. A stored body is read from its file. Without a body, the
    /// program gets the server's standard input, which is empty.
    fn stdin(&self, http: &Http) -> Result<Option<(OwnedFd, OwnedFd)>, Error> {
        if let Some(file) = self.stored_file() {
            file::rewind(file.as_fd())?;
            return Ok(None);
        }
        let has_body = http.request.as_ref().is_some_and(|request| request.has_body());
        if has_body && !http.as_get { pipe::pipe_to_child().map(Some) } else { Ok(None) }
    }

    fn environment(&self, script: &Script, query: &[u8], w: &Work<'_, Worker>) -> Vec<CString> {
        let http = &w.t.http;
        let view = w.worker.view(w.identity, w.t, w.now);
        let body_bytes = match http.request.as_ref().map(|request| request.framing) {
            Some(Framing::Length(bytes)) => Some(bytes),
            _ => self.stored.as_ref().map(|stored| stored.bytes),
        };
        let method = http.request.as_ref().map_or(&b"GET"[..], |request| request.method_text());
        vars::environment(&Invocation {
            view: &view,
            script,
            method: if http.as_get { b"GET" } else { method },
            query,
            body_bytes: body_bytes.filter(|_| !http.as_get),
            tls: false,
        })
    }
}

/// Looks for the program of this request, with the settings that hold for it.
///
/// # Errors
/// The status of a refusal: the program must not run, or cannot be looked at.
fn look(w: &mut Work<'_, Worker>) -> Result<Option<(Arc<Settings>, Script)>, u16> {
    let settings = Arc::clone(&w.t.route.settings);
    match route::find_script(&settings, w.t.http.path()) {
        Ok(Some(script)) if may_run(&script, w) => Ok(Some((settings, script))),
        Ok(Some(_)) => Err(403),
        Ok(None) => Ok(None),
        Err(error) => {
            let path = String::from_utf8_lossy(w.t.http.path()).into_owned();
            w.log(Level::Error, format_args!("{error}: the program \"{path}\" cannot be started"));
            Err(if error.is_forbidden() { 403 } else { 500 })
        }
    }
}

/// Whether the rest of the body fits into the transaction's pipe.
fn fits(t: &Transaction) -> bool {
    let room = t.body.room();
    room > 0 && t.http.request_body.announced_bytes() <= room as u64
}

/// Whether the script's own location lets it run: the request's location is chosen for the whole path, with PATH_INFO.
fn may_run(script: &Script, w: &mut Work<'_, Worker>) -> bool {
    let name = &script.script_name;
    let is_file_of = |cgi: &Arc<Cgi>| cgi.pass.is_none() || !cgi.extensions.is_empty();
    let is_file_of_path = w.t.route.settings.cgi.as_ref().is_some_and(is_file_of);
    let method = if w.t.http.as_get { Method::Get } else { w.t.http.method().unwrap_or(Method::Get) };
    if !is_file_of_path || w.t.route.may_run(name, w.t.http.path(), method) {
        return true;
    }
    let own = w.t.route.server.locations.name(name).to_string();
    let name = String::from_utf8_lossy(name);
    w.log(Level::Error, format_args!("the program \"{name}\" is not started: {own} does not allow it"));
    false
}

impl Task<Worker> for CgiStart {
    fn kind(&self) -> &'static str {
        "CgiStart"
    }

    fn doing(&self) -> &'static str {
        "starting the program"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        match (self.stage, transaction) {
            (Stage::Fresh, _) => Want::Kernel,
            (Stage::AwaitsBody, Some(t)) if t.body.is_ended() || !fits(t) => Want::Kernel,
            (Stage::AwaitsBody | Stage::Queued | Stage::Over, _) => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        Ok(match event {
            Event::Ready | Event::Hangup => self.run(cx),
            Event::Deadline if self.stage == Stage::Queued => {
                self.refuse(Level::Error, "none ended in time (cgi_queue)", cx)
            }
            Event::Deadline => Flow::Progress,
            Event::Cancel => {
                self.leave(cx);
                forget_place(cx);
                Flow::Done
            }
        })
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        Ok(match notice {
            Notice::Place if self.stage == Stage::Queued => self.run(cx),
            Notice::Evict if self.stage == Stage::Queued => {
                self.refuse(Level::Info, "the client has closed: a new request waits in its place", cx)
            }
            _ => Flow::Progress,
        })
    }
}
