//! One request on its way through the protocol.

use super::body::RequestBody;
use crate::connection::{Fresh, OnDemand};
use crate::http::userid::UserId;
use crate::http::{HeadLimits, Method, Request, Text};
use crate::route::Route;
use std::rc::Rc;
use webserv_sys::Moment;

/// The request that is being answered.
pub(super) struct Current {
    /// `None`: its head was bad.
    pub request: Option<Rc<Request>>,
    /// HEAD: the answer has no body.
    pub head_only: bool,
    pub route: Route,
    /// The path that is looked for: decoded, normalized, and changed by internal redirects.
    pub path: Path,
    pub body: RequestBody,
    /// A handler takes the body; without one it is thrown away.
    pub feeds: bool,
    /// The client waits for a 100 before it sends the body (RFC 9110 section 10.1.1), and has not got it.
    pub owes_continue: bool,
    pub stage: Stage,
    /// The client may send another request after this one, as far as is known.
    pub keep_alive: bool,
    /// A program has redirected it: it is a GET now, without a body.
    pub as_get: bool,
    /// An error page is being fetched: no second one is, if that fails too.
    pub in_error_page: bool,
    /// The error page is to be sent with this status, not its own.
    pub error_status: Option<u16>,
    /// Internal redirects so far.
    pub redirects: u8,
    /// How long the whole document is, once it is known.
    pub document_bytes: Option<u64>,
    /// The status that was sent; 0: none yet.
    pub status: u16,
    /// Bytes of the answer's head; 0: it has not been made.
    pub head_bytes: u64,
    /// Where the answer begins and ends among all bytes of the output.
    pub output_start: u64,
    pub output_end: u64,
    /// Bytes of the request's head.
    pub request_head_bytes: u64,
    /// The request's number on its connection, from 1.
    pub number: u64,
    /// It came before the answer to the one before it had left.
    pub pipelined: bool,
    /// When its first byte came.
    pub started: Moment,
    pub rare: OnDemand<Rare>,
    /// The one behind it, while it is leaving.
    pub next: Option<Box<Current>>,
}

/// Where the path is to be found.
pub(super) enum Path {
    /// It is not known yet, or there is none.
    Unknown,
    /// In the request: nothing had to be decoded.
    AsSent,
    /// Here.
    Made(Vec<u8>),
}

/// What is known of few requests.
pub(super) struct Rare {
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

/// How far it has come.
pub(super) enum Stage {
    /// Its body is read, and thrown away: no one wants it.
    RequestBody,
    /// A handler has been asked.
    Waiting,
    /// The answer's body is on its way.
    Sending(Transfer),
    /// The whole answer is in the output.
    Sent,
}

/// An answer's body, as the wire shows it.
pub(super) struct Transfer {
    /// What goes before the body's next bytes, and leaves with them: at first the head.
    pub before: Vec<u8>,
    pub framing: ReplyFraming,
}

/// How the client finds the body's end.
pub(super) enum ReplyFraming {
    /// By the length that it was told.
    Pieces {
        /// Bytes of the present piece that have not come yet.
        left: u64,
        /// The pieces after it, the next one last.
        rest: Vec<Piece>,
    },
    /// By the last chunk (RFC 9112 section 7.1).
    Chunked,
    /// By the connection's end: HTTP/1.0.
    UntilClose,
}

/// A piece of a body: some bytes of our own, then some of the document.
pub(super) struct Piece {
    pub heading: Vec<u8>,
    pub bytes: u64,
}

/// What is known of a request before its head is looked at.
pub(super) struct Arrival {
    pub route: Route,
    pub number: u64,
    /// Bytes of output that are before its answer: all that ever entered.
    pub output_start: u64,
    pub pipelined: bool,
    pub started: Moment,
}

impl Current {
    /// A request with a good head.
    pub fn new(arrival: Arrival, request: Rc<Request>, limits: &HeadLimits) -> Self {
        Self {
            head_only: request.method == Method::Head,
            body: RequestBody::of(&request, limits),
            keep_alive: request.keep_alive,
            request_head_bytes: request.head().len() as u64,
            request: Some(request),
            ..Self::arrived(arrival)
        }
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

    /// An index file has been found in the folder: as if the client had asked for it.
    pub fn add_index(&mut self, name: &str) {
        self.path = Path::Made([self.path(), name.as_bytes()].concat());
    }

    /// The query in force.
    pub fn query(&self) -> Option<&[u8]> {
        self.rare.new_query.as_deref().or_else(|| self.request.as_ref().and_then(|request| request.query()))
    }

    /// A request whose head could not be understood.
    pub fn bad(arrival: Arrival, line: &[u8], method: Method) -> Self {
        let mut current = Self::arrived(arrival);
        current.request_head_bytes = line.len() as u64;
        current.head_only = method == Method::Head;
        current.rare.bad_line = line.to_vec();
        current
    }

    fn arrived(arrival: Arrival) -> Self {
        Self {
            request: None,
            request_head_bytes: 0,
            head_only: false,
            route: arrival.route,
            path: Path::Unknown,
            body: RequestBody::lost(),
            feeds: false,
            owes_continue: false,
            stage: Stage::RequestBody,
            keep_alive: false,
            as_get: false,
            in_error_page: false,
            error_status: None,
            redirects: 0,
            document_bytes: None,
            status: 0,
            head_bytes: 0,
            output_start: arrival.output_start,
            output_end: u64::MAX,
            number: arrival.number,
            pipelined: arrival.pipelined,
            started: arrival.started,
            rare: OnDemand::default(),
            next: None,
        }
    }
}
