//! CgiStart: finds the program for a request, starts it, and leaves the rest to the tasks of its pipes.

use super::{CgiErrors, CgiRead, CgiWrite, ProcessExit};
use crate::config::{self, Address, Cgi, Server, Settings};
use crate::connection::{Answer, Connection, Marks};
use crate::engine::{Event, Flow, Task, TaskError, Want};
use crate::http::cgi::HeadScan;
use crate::http::{Framing, ReplyHead, Request};
use crate::log::Level;
use crate::route::{self, Invocation, Route, Script, View};
use crate::task::Context;
use crate::worker::{ListenerState, Worker};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::clock::{self, Wall};
use webserv_sys::process::{self, Spawn};
use webserv_sys::{Error, Watch, file, pipe};

/// What a program is asked.
pub struct Question {
    /// The request.
    pub request: Rc<Request>,
    /// Where it has led.
    pub route: Route,
    /// The path, decoded and normalized.
    pub path: Vec<u8>,
    /// The query in force.
    pub query: Option<Vec<u8>>,
    /// The request was redirected by a program or is for an error page: a GET without a body.
    pub as_get: bool,
    /// The length of the body, if it is known.
    pub body_bytes: Option<u64>,
    /// The body itself, if it has been stored; otherwise it comes through the connection.
    pub body_file: Option<OwnedFd>,
    /// That file's name, if it has one.
    pub body_path: Vec<u8>,
    /// All of the body is to come before the program starts: so that it can be told how long that is, or where.
    pub needs_length: bool,
    /// Where the client has come in.
    pub listener: Rc<ListenerState>,
    /// The connection's serial number, and the request's on it.
    pub numbers: (u64, u64),
}

/// Starts one program.
pub struct CgiStart {
    question: Question,
    done: bool,
}

impl CgiStart {
    /// Will start the program that answers this.
    pub fn new(question: Question) -> Self {
        Self { question, done: false }
    }

    /// `None`: the program has been started, and will answer.
    fn run(&mut self, cx: &mut Context<'_>) -> Option<Answer> {
        let settings = Arc::clone(&self.question.route.settings);
        let Some(cgi) = &settings.cgi else { return Some(Answer::Declined) };
        let script = match route::find_script(&settings, &self.question.path) {
            Ok(Some(script)) => script,
            Ok(None) => return Some(Answer::Declined),
            Err(error) => {
                let status = if error.is_forbidden() { 403 } else { 500 };
                return Some(self.refused(error, &self.question.path, status, cx));
            }
        };
        if cx.worker.programs_running >= cgi.processes_max {
            let most = cgi.processes_max;
            cx.log(Level::Error, format_args!("{most} programs are running already: cgi_max_processes"));
            return Some(Answer::Page(ReplyHead::new(503)));
        }
        if self.question.needs_length {
            return Some(Answer::NeedsLength);
        }
        match self.start(cgi, &script, cx) {
            Ok(()) => None,
            Err(error) => {
                let status = match error {
                    e if e.is_exhaustion() || e.would_block() => 503, // EAGAIN of clone: there are too many processes
                    e if e.is_forbidden() => 403,
                    _ => 502, // it is there: its interpreter is not, or it is no program
                };
                Some(self.refused(error, &script.file, status, cx))
            }
        }
    }

    fn refused(&self, error: Error, what: &[u8], status: u16, cx: &mut Context<'_>) -> Answer {
        let what = String::from_utf8_lossy(what);
        cx.log(Level::Error, format_args!("{error}: the program \"{what}\" cannot be started"));
        Answer::Page(ReplyHead::new(status))
    }

    /// The pipes, one process, and the tasks that see to them.
    fn start(&self, cgi: &Cgi, script: &Script, cx: &mut Context<'_>) -> Result<(), Error> {
        let (child_stdin, stdin) = self.stdin()?.unzip();
        let (stdout, child_stdout) = pipe::pipe_from_child()?;
        let (stderr, child_stderr) = pipe::pipe_from_child()?;
        let question = &self.question;
        let query = question.query.as_deref().unwrap_or_default();
        let mut arguments = script.arguments.clone();
        arguments.extend(route::query_arguments(question.request.method, query));
        let pid = process::spawn(&Spawn {
            program: &script.program,
            arguments: &arguments,
            environment: &self.environment(script, query, cx),
            directory: Some(&script.directory),
            stdin: question.body_file.as_ref().or(child_stdin.as_ref()).map(AsFd::as_fd),
            stdout: child_stdout.as_fd(),
            stderr: child_stderr.as_fd(),
            own_group: true,
            limits: &limits(cgi),
        })?;
        if !process::LIMITS_PROGRAMS && !cgi.rlimits.is_empty() {
            cx.log(
                Level::Error,
                format_args!("the program (pid {pid}) runs without its cgi_rlimit: on Linux it has one"),
            );
        }
        cx.worker.programs_running += 1;
        cx.connection().marks.remove(Marks::PROGRAM_FAILED);
        cx.join(Box::new(ProcessExit::new(pid, cgi.idle_timeout)));
        let head = if script.is_nph() { HeadScan::non_parsed() } else { HeadScan::default() };
        cx.join(Box::new(CgiRead::new(stdout, head, cgi.idle_timeout, cx.now.after(cgi.timeout))));
        cx.join(Box::new(CgiErrors::new(stderr, cgi.idle_timeout)));
        if let Some(stdin) = stdin {
            cx.join(Box::new(CgiWrite::new(stdin)));
            cx.connection().body.release();
        }
        Ok(())
    }

    /// A pipe for the body, if it comes through the connection. A stored one is read from its beginning. Without any
    /// the program gets our own standard input, which is empty.
    fn stdin(&self) -> Result<Option<(OwnedFd, OwnedFd)>, Error> {
        let question = &self.question;
        if let Some(file) = &question.body_file {
            file::rewind(file.as_fd())?;
            return Ok(None);
        }
        let is_empty = matches!(question.request.framing, Framing::None | Framing::Length(0));
        if is_empty || question.as_get { Ok(None) } else { pipe::pipe_to_child().map(Some) }
    }

    fn environment(&self, script: &Script, query: &[u8], cx: &mut Context<'_>) -> Vec<std::ffi::CString> {
        let question = &self.question;
        let view = Asked { question, connection: cx.connection.as_deref(), worker: cx.worker.team.number() };
        route::environment(&Invocation {
            view: &view,
            script,
            method: if question.as_get { b"GET" } else { question.request.method_text() },
            query,
            body_bytes: question.body_bytes.filter(|_| !question.as_get),
            tls: false,
        })
    }
}

/// What is asked, as the variables of `cgi_param` see it.
struct Asked<'a> {
    question: &'a Question,
    connection: Option<&'a Connection>,
    worker: usize,
}

impl View for Asked<'_> {
    fn request(&self) -> Option<&Request> {
        Some(&self.question.request)
    }

    fn query(&self) -> Option<&[u8]> {
        self.question.query.as_deref()
    }

    fn request_line(&self) -> &[u8] {
        self.question.request.line()
    }

    fn path(&self) -> &[u8] {
        &self.question.path
    }

    fn server(&self) -> &Server {
        &self.question.route.server
    }

    fn settings(&self) -> &Settings {
        &self.question.route.settings
    }

    fn client(&self) -> Option<Address> {
        self.connection.and_then(|x| x.client.address())
    }

    fn local(&self) -> &Address {
        &self.question.listener.local
    }

    fn wall(&self) -> Wall {
        clock::wall()
    }

    fn worker(&self) -> usize {
        self.worker
    }

    fn connection(&self) -> u64 {
        self.question.numbers.0
    }

    fn connection_requests(&self) -> u64 {
        self.question.numbers.1
    }

    fn request_body_file(&self) -> &[u8] {
        &self.question.body_path
    }
}

/// `cgi_rlimit`.
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

    fn wants(&self, _: Option<&Connection>) -> Want {
        if self.done { Want::Nothing } else { Want::Kernel }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if !matches!(event, Event::Ready | Event::Hangup) {
            return Ok(if event == Event::Cancel { Flow::Done } else { Flow::Progress });
        }
        self.done = true;
        if let Some(answer) = self.run(cx) {
            cx.connection().reply.answer = Some(answer);
        }
        Ok(Flow::Done)
    }
}
