//! CgiStart: finds the program that a request means, starts it, and leaves the rest to those who serve its pipes.

use super::{CgiErrors, CgiRead, CgiWrite, Context, ProcessExit};
use crate::config::Cgi;
use crate::engine::{Event, Flow, Task, TaskError, Want};
use crate::exchange::{Answer, Exchange};
use crate::http::{ReplyHead, Request};
use crate::log::Level;
use crate::route::environment::{self, Invocation};
use crate::route::script::{self, Script};
use crate::route::{Route, View};
use crate::worker::Worker;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::net::Address;
use webserv_sys::process::{self, Spawn};
use webserv_sys::{Error, Watch, clock, pipe};

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
    /// The request has been redirected inside: the program sees a GET without a body.
    pub redirected: bool,
    /// The length of the body, if it is known.
    pub body_bytes: Option<u64>,
    /// Our own address.
    pub local: Rc<Address>,
    /// The connection's serial number, the request's on it, and its own.
    pub numbers: (u64, u64, u128),
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
        let Some(cgi) = &settings.cgi else { return Some(Answer::NoProgram) };
        let script = match script::find(&settings, &self.question.path) {
            Ok(Some(script)) => script,
            Ok(None) => return Some(Answer::NoProgram),
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
        match self.start(cgi, &script, cx) {
            Ok(()) => None,
            Err(error) => {
                let status = match error {
                    e if e.is_exhaustion() => 503,
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

    /// Three pipes, one process, and the tasks that see to them.
    fn start(&self, cgi: &Cgi, script: &Script, cx: &mut Context<'_>) -> Result<(), Error> {
        let (child_stdin, stdin) = pipe::pipe_to_child()?;
        let (stdout, child_stdout) = pipe::pipe_from_child()?;
        let (stderr, child_stderr) = pipe::pipe_from_child()?;
        let question = &self.question;
        let query = question.query.as_deref().unwrap_or_default();
        let mut arguments = script.arguments.clone();
        arguments.extend(environment::query_arguments(question.request.method, query));
        let pid = process::spawn(&Spawn {
            program: &script.program,
            arguments: &arguments,
            environment: &self.environment(script, query, cx),
            directory: Some(&script.directory),
            stdin: child_stdin.as_fd(),
            stdout: child_stdout.as_fd(),
            stderr: child_stderr.as_fd(),
            own_group: true,
        })?;
        cx.worker.programs_running += 1;
        cx.join(Box::new(ProcessExit::new(pid)));
        cx.join(Box::new(CgiRead::new(stdout, cgi.idle_timeout, cx.now + cgi.timeout)));
        cx.join(Box::new(CgiErrors::new(stderr)));
        if !question.redirected {
            cx.join(Box::new(CgiWrite::new(stdin)));
        }
        Ok(())
    }

    fn environment(&self, script: &Script, query: &[u8], cx: &mut Context<'_>) -> Vec<std::ffi::CString> {
        let question = &self.question;
        let x = cx.exchange.as_deref();
        let (connection, connection_requests, request_id) = question.numbers;
        let view = View {
            request: Some(&question.request),
            query: question.query.as_deref(),
            request_line: question.request.line(),
            path: &question.path,
            server: &question.route.server,
            settings: &question.route.settings,
            client: x.and_then(|x| x.subject.client.as_ref()),
            local: &question.local,
            wall: clock::wall(),
            status: 0,
            body_bytes_sent: 0,
            bytes_sent: 0,
            request_bytes: 0,
            elapsed: std::time::Duration::ZERO,
            connection,
            connection_requests,
            pipelined: false,
            sent_head: &[],
            request_id,
        };
        environment::environment(&Invocation {
            view: &view,
            script,
            method: if question.redirected { b"GET" } else { question.request.method_text() },
            query,
            body_bytes: question.body_bytes.filter(|_| !question.redirected),
            tls: false,
        })
    }
}

impl Task<Worker> for CgiStart {
    fn kind(&self) -> &'static str {
        "CgiStart"
    }

    fn doing(&self) -> &'static str {
        "starting the program"
    }

    fn watch(&self) -> Watch<'_> {
        Watch::Always
    }

    fn wants(&self, _: Option<&Exchange>) -> Want {
        if self.done { Want::Nothing } else { Want::Kernel }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if !matches!(event, Event::Ready | Event::Hangup) {
            return Ok(if event == Event::Cancel { Flow::Done } else { Flow::Progress });
        }
        self.done = true;
        if let Some(answer) = self.run(cx) {
            cx.exchange().reply.answer = Some(answer);
        }
        Ok(Flow::Done)
    }
}
