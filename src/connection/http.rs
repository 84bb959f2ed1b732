//! What HTTP knows of one request and its response.

use super::{Fresh, OnDemand, RequestBody, Response};
use crate::http::userid::UserId;
use crate::http::{HeadLimits, Method, Request, Text};
use std::rc::Rc;
use webserv_sys::Moment;

/// The phases of a request, in nginx's order and by nginx's names, and what follows them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Stage {
    /// The request is not one of HTTP.
    #[default]
    Other,
    /// The head has been read: what it alone can be refused for.
    PostRead,
    /// `rewrite` and its kind in `server`. (Empty so far.)
    ServerRewrite,
    /// The location is found by the path: nginx's FIND_CONFIG.
    FindLocation,
    /// `rewrite` and its kind in the location. (Empty so far.)
    Rewrite,
    /// A path that has been rewritten leads to another location. (Empty so far.)
    PostRewrite,
    /// `limit_conn`, `limit_req`. (Empty so far.)
    PreAccess,
    /// `allow`, `deny`, `auth_basic`. (Empty so far.)
    Access,
    /// `satisfy`. (Empty so far.)
    PostAccess,
    /// A body that no handler takes is read by the protocol before the request is answered.
    DiscardBody,
    /// `try_files`. (Empty so far.)
    PreContent,
    /// The handler is chosen and asked, or the answer made at once.
    Content,
    /// A handler has been asked.
    Handler,
    /// The answer is passed to the client.
    Sending,
    /// The whole answer is in the output, and the rest of the request's body is read by the protocol.
    Drain,
    /// Handlers that are not needed any more leave.
    Ending,
}

impl Stage {
    /// What is done in it, for the log's "while ...".
    pub fn doing(self) -> &'static str {
        match self {
            Stage::Other => "",
            Stage::PostRead | Stage::ServerRewrite => "looking at the request's head",
            Stage::FindLocation => "finding the location",
            Stage::Rewrite | Stage::PostRewrite => "rewriting the path",
            Stage::PreAccess | Stage::Access | Stage::PostAccess => "checking access",
            Stage::DiscardBody => "reading the request's body",
            Stage::PreContent | Stage::Content => "choosing the handler",
            Stage::Handler => "waiting for the answer",
            Stage::Sending => "sending the answer",
            Stage::Drain | Stage::Ending => "finishing the request",
        }
    }
}

/// One request and its response, as HTTP sees them.
#[derive(Default)]
pub struct Http {
    /// `None` if the head was bad.
    pub request: Option<Rc<Request>>,
    /// The path that is looked for: decoded, normalized, and changed by internal redirects.
    pub path: Path,
    /// The request's body.
    pub request_body: RequestBody,
    /// How far the request has come.
    pub stage: Stage,
    /// HEAD: the answer has no body.
    pub head_only: bool,
    /// The client may send another request after this one, as far as is known.
    pub keep_alive: bool,
    /// A program has redirected it: it is a GET now, without a body.
    pub as_get: bool,
    /// An error page is being fetched: no second one is, if that fails too.
    pub in_error_page: bool,
    /// It came before the answer to the one before it had left.
    pub pipelined: bool,
    /// An internal redirect or an error page has led it to where it is.
    pub internal: bool,
    /// Internal redirects so far.
    pub redirects: u8,
    /// The error page is sent with this status, not with its own.
    pub error_status: Option<u16>,
    /// The status that was sent. `None` while there is no answer.
    pub status: Option<u16>,
    /// How long the whole document is, once it is known.
    pub document_bytes: Option<u64>,
    /// The answer, between the handler and the wire.
    pub response: Option<Response>,
    /// Where the answer begins among all bytes of the output. While there is no answer: where the output ended when the
    /// request came.
    pub output_start: u64,
    /// The answer as it stands in the output. `None` while there is none.
    pub answered: Option<Answered>,
    /// Bytes of the request's head.
    pub request_head_bytes: u64,
    /// The request's number on its connection, from 1.
    pub number: u64,
    /// When its first byte came. `None` for a request that no client has sent.
    pub started: Option<Moment>,
    /// What is known of few requests.
    pub rare: OnDemand<Rare>,
}

/// How much of an answer is in the output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answered {
    /// Bytes of its head.
    pub head_bytes: u64,
    /// Where it ends among all bytes of the output. `None` while not all of it is there.
    pub output_end: Option<u64>,
}

/// Where the path is to be found.
#[derive(Default)]
pub enum Path {
    /// It is not known yet, or there is none.
    #[default]
    Unknown,
    /// In the request: nothing had to be decoded.
    AsSent,
    /// Here.
    Made(Vec<u8>),
}

/// What is known of few requests.
pub struct Rare {
    /// What came of the request line, when the head was bad.
    pub bad_line: Vec<u8>,
    /// The query that an internal redirect has put in place of the request's.
    pub new_query: Option<Vec<u8>>,
    /// The file that the body is stored in, if that has a name.
    pub body_file: Vec<u8>,
    /// For a 405 that gets an error page: what may be done with what was asked for, not with the page.
    pub allow: Option<Text>,
    /// The head as sent, kept when a log format asks for its fields.
    pub sent_head: Vec<u8>,
    /// The identifier that the client is given with the answer.
    pub userid: Option<UserId>,
}

impl Rare {
    const NONE: Self = Self {
        bad_line: Vec::new(),
        new_query: None,
        body_file: Vec::new(),
        allow: None,
        sent_head: Vec::new(),
        userid: None,
    };
}

impl Fresh for Rare {
    const FRESH: &Self = &Self::NONE;

    fn fresh() -> Self {
        Self::NONE
    }
}

/// What is known of a request before its head is looked at.
pub struct Arrival {
    /// The request's number on its connection, from 1.
    pub number: u64,
    /// Bytes of output that are before its answer: all that ever entered.
    pub output_start: u64,
    /// The answer to the request before it has not left.
    pub pipelined: bool,
    /// When its first byte came.
    pub started: Moment,
}

impl Http {
    /// A request with a good head has come.
    #[inline]
    pub fn begin(&mut self, arrival: Arrival, request: Rc<Request>, limits: &HeadLimits) {
        self.arrive(arrival);
        self.head_only = request.method == Method::Head;
        self.request_body = RequestBody::of(&request, limits);
        self.keep_alive = request.keep_alive;
        self.request_head_bytes = request.head().len() as u64;
        self.request = Some(request);
    }

    /// A request has come whose head could not be understood.
    pub fn begin_bad(&mut self, arrival: Arrival, line: &[u8], method: Method) {
        self.arrive(arrival);
        self.head_only = method == Method::Head;
        self.request_head_bytes = line.len() as u64;
        self.rare.bad_line = line.to_vec();
    }

    #[inline]
    fn arrive(&mut self, arrival: Arrival) {
        self.stage = Stage::PostRead;
        self.number = arrival.number;
        self.output_start = arrival.output_start;
        self.pipelined = arrival.pipelined;
        self.started = Some(arrival.started);
    }

    /// The method; `None` if the head was bad.
    pub fn method(&self) -> Option<Method> {
        self.request.as_ref().map(|request| request.method)
    }

    /// A file or a listing is an answer to it: it is a GET or HEAD, or counts as one by now.
    pub fn reads(&self) -> bool {
        let is_read = self.method().is_some_and(Method::reads);
        is_read || self.as_get || self.in_error_page
    }

    /// The path that is looked for; empty while it is not known.
    pub fn path(&self) -> &[u8] {
        match (&self.path, &self.request) {
            (Path::Made(path), _) => path,
            (Path::AsSent, Some(request)) => request.path(),
            (Path::AsSent | Path::Unknown, _) => b"",
        }
    }

    /// The query in force.
    pub fn query(&self) -> Option<&[u8]> {
        self.rare.new_query.as_deref().or_else(|| self.request.as_ref().and_then(|request| request.query()))
    }

    /// An index file has been found in the folder: as if the client had asked for it.
    pub fn add_index(&mut self, name: &str) {
        self.path = Path::Made([self.path(), name.as_bytes()].concat());
    }
}
