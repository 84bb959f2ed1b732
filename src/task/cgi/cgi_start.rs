//! CgiStart: finds the program for a request, starts it, and adds the tasks for its pipes and its exit.

use super::{CgiErrors, CgiRead, CgiWrite, ProcessExit, not_started};
use crate::config::{self, Cgi};
use crate::connection::{Connection, Http, Outcome, ProgramClock, StoredBody};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want, Work};
use crate::http::cgi::HeadScan;
use crate::http::{Framing, Method};
use crate::log::Level;
use crate::route::{self, Script};
use crate::task::Context;
use crate::vars::{self, Invocation};
use crate::worker::Worker;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use webserv_sys::process::{self, Spawn};
use webserv_sys::{Error, Watch, file, pipe};

/// Starts one program.
pub struct CgiStart {
    /// The request's body, if all of it has come. Otherwise it comes through the transaction.
    stored: Option<StoredBody>,
    /// The body must be complete before the program starts, for its length or its file name.
    needs_body: bool,
    done: bool,
}

impl CgiStart {
    /// Starts the program for this transaction, with a stored body or with the body that is still coming. With
    /// `needs_body`, only checks whether there is a program, which then needs the body first.
    pub fn new(stored: Option<StoredBody>, needs_body: bool) -> Self {
        Self { stored, needs_body, done: false }
    }

    /// Returns `None` if the program has been started.
    fn run(&mut self, w: &mut Work<'_, Worker>) -> Option<Outcome> {
        let settings = Arc::clone(&w.t.route.settings);
        let Some(cgi) = &settings.cgi else { return Some(Outcome::Declined) };
        let script = match route::find_script(&settings, w.t.http.path()) {
            Ok(Some(script)) => script,
            Ok(None) => return Some(Outcome::Declined),
            Err(error) => {
                let status = if error.is_forbidden() { 403 } else { 500 };
                let path = w.t.http.path().to_vec();
                return Some(refused(error, &path, status, w));
            }
        };
        if !may_run(cgi, &script, w) {
            return Some(Outcome::status(403));
        }
        if w.worker.programs_running >= cgi.processes_max {
            let most = cgi.processes_max;
            w.log(Level::Error, format_args!("{most} programs are running already: cgi_max_processes"));
            return Some(Outcome::status(503));
        }
        if self.needs_body {
            return Some(Outcome::NeedsBody);
        }
        let mut started = self.start(cgi, &script, w);
        if let Err(error) = started
            && w.worker.files.relieve(error)
        {
            started = self.start(cgi, &script, w);
        }
        match started {
            Ok(()) => None,
            Err(error) => {
                let status = match error {
                    e if e.is_exhaustion() || e.would_block() => 503, // EAGAIN from clone(2): too many processes
                    e if e.is_forbidden() => 403,
                    _ => 502, // the file exists, but its interpreter does not, or it is no program
                };
                let why = not_started::why(error, &script);
                let file = String::from_utf8_lossy(&script.file);
                w.log(Level::Error, format_args!("the program \"{file}\" cannot be started: {why}"));
                Some(Outcome::status(status))
            }
        }
    }

    /// Makes the pipes, starts the process, and adds the tasks for them.
    fn start(&self, cgi: &Cgi, script: &Script, w: &mut Work<'_, Worker>) -> Result<(), Error> {
        let (child_stdin, stdin) = self.stdin(&w.t.http)?.unzip();
        let (stdout, child_stdout) = pipe::pipe_from_child()?;
        let (stderr, child_stderr) = pipe::pipe_from_child()?;
        let file = self.stored.as_ref().and_then(|stored| stored.file.as_ref());
        let query = w.t.http.query().unwrap_or_default();
        let mut arguments = script.arguments.clone();
        arguments.extend(vars::query_arguments(w.t.http.method().unwrap_or(Method::Get), query));
        let pid = process::spawn(&Spawn {
            program: &script.program,
            arguments: &arguments,
            environment: &self.environment(script, query, w),
            directory: Some(&script.directory),
            stdin: file.or(child_stdin.as_ref()).map(AsFd::as_fd),
            stdout: child_stdout.as_fd(),
            stderr: child_stderr.as_fd(),
            own_group: true,
            limits: &limits(cgi),
        })?;
        if !process::LIMITS_PROGRAMS && !cgi.rlimits.is_empty() {
            w.log(
                Level::Error,
                format_args!("cgi_rlimit works only on Linux: the program (pid {pid}) runs without limits"),
            );
        }
        w.worker.programs_running += 1;
        w.t.program.failed = false;
        w.t.program.clock = ProgramClock::start(cgi.timeout, cgi.idle_timeout, w.now);
        w.t.program.is_fed = stdin.is_some();
        w.join(Box::new(ProcessExit::new(pid, cgi.idle_timeout)));
        let head = if script.is_nph() { HeadScan::non_parsed() } else { HeadScan::default() };
        w.join(Box::new(CgiRead::new(stdout, head)));
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
        if let Some(file) = self.stored.as_ref().and_then(|stored| stored.file.as_ref()) {
            file::rewind(file.as_fd())?;
            return Ok(None);
        }
        let has_body = http.request.as_ref().is_some_and(|request| request.has_body());
        if has_body && !is_get(http) { pipe::pipe_to_child().map(Some) } else { Ok(None) }
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
            method: if is_get(http) { b"GET" } else { method },
            query,
            body_bytes: body_bytes.filter(|_| !is_get(http)),
            tls: false,
        })
    }
}

/// Whether the program sees a GET without a body: after a program's redirect, and for an error page.
fn is_get(http: &Http) -> bool {
    http.as_get || http.in_error_page
}

/// Whether the script's own location lets it run: the request's location is chosen for the whole path, with PATH_INFO.
fn may_run(cgi: &Cgi, script: &Script, w: &mut Work<'_, Worker>) -> bool {
    let name = &script.script_name;
    let is_file_of_path = cgi.pass.is_none() || !cgi.extensions.is_empty();
    let method = if is_get(&w.t.http) { Method::Get } else { w.t.http.method().unwrap_or(Method::Get) };
    if !is_file_of_path || w.t.route.may_run(name, w.t.http.path(), method) {
        return true;
    }
    let own = w.t.route.server.locations.name(name).to_string();
    let name = String::from_utf8_lossy(name);
    w.log(Level::Error, format_args!("the program \"{name}\" is not started: {own} does not allow it"));
    false
}

fn refused(error: Error, what: &[u8], status: u16, w: &mut Work<'_, Worker>) -> Outcome {
    let what = String::from_utf8_lossy(what);
    w.log(Level::Error, format_args!("{error}: the program \"{what}\" cannot be started"));
    Outcome::status(status)
}

/// The limits of `cgi_rlimit`.
fn limits(cgi: &Cgi) -> Vec<(process::Resource, u64)> {
    let resource = |resource| match resource {
        config::Resource::Cpu => process::Resource::Cpu,
        config::Resource::AddressSpace => process::Resource::AddressSpace,
        config::Resource::OpenFiles => process::Resource::OpenFiles,
        config::Resource::FileSize => process::Resource::FileSize,
        config::Resource::Core => process::Resource::Core,
        config::Resource::Processes => process::Resource::Processes,
    };
    cgi.rlimits.iter().map(|rlimit| (resource(rlimit.resource), rlimit.limit)).collect()
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

    fn wants(&self, _: Seen<'_>) -> Want {
        if self.done { Want::Nothing } else { Want::Kernel }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if !matches!(event, Event::Ready | Event::Hangup) {
            return Ok(if event == Event::Cancel { Flow::Done } else { Flow::Progress });
        }
        self.done = true;
        if let Some(mut w) = cx.work()
            && let Some(outcome) = self.run(&mut w)
        {
            w.t.reply.outcome = Some(outcome);
        }
        Ok(Flow::Done)
    }
}
