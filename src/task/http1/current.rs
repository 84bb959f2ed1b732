//! One request on its way through the protocol.

use super::body::RequestBody;
use crate::http::{Limits, Method, Request};
use crate::route::Route;
use std::rc::Rc;
use std::time::Instant;

/// The request that is being answered.
pub(super) struct Current {
    /// `None`: its head was bad.
    pub request: Option<Rc<Request>>,
    /// What came of the request line, when the head was bad.
    pub bad_line: Box<[u8]>,
    /// HEAD: the answer has no body.
    pub head_only: bool,
    pub route: Route,
    /// The path that is looked for: decoded, normalized, and changed by internal redirects.
    pub path: Vec<u8>,
    pub body: RequestBody,
    pub stage: Stage,
    /// The client may send another request after this one, as far as is known.
    pub keep_alive: bool,
    /// The answer must have this status: an error page is being fetched for it.
    pub error_status: Option<u16>,
    /// An error page is being fetched: no second one is, if that fails too.
    pub in_error_page: bool,
    /// Internal redirects so far.
    pub redirects: u8,
    /// The status that was sent; 0: none yet.
    pub status: u16,
    /// Bytes of the answer's head; 0: it has not been made.
    pub head_bytes: u64,
    /// The head as sent, kept when a log format asks for its fields.
    pub sent_head: Vec<u8>,
    /// Where the answer begins and ends among all bytes of the output.
    pub output_start: u64,
    pub output_end: u64,
    /// Bytes of the request's head.
    pub request_head_bytes: u64,
    /// The request's number on its connection, from 1.
    pub number: u64,
    pub pipelined: bool,
    pub started: Instant,
}

/// How far it has come.
pub(super) enum Stage {
    /// Its body is read, and thrown away: no one wants it.
    RequestBody,
    /// A worker has been asked.
    Waiting,
    /// The answer's body is on its way.
    Sending(Transfer),
    /// The whole answer is in the output.
    Sent,
}

/// An answer's body, as the wire shows it.
pub(super) struct Transfer {
    /// The head, until the first bytes of the body are there to leave with it.
    pub head: Vec<u8>,
    /// Bytes of the present piece that have not come yet.
    pub left: u64,
    /// The pieces after it, the next one last.
    pub rest: Vec<Piece>,
}

/// A piece of a body: some bytes of our own, then some of the document.
pub(super) struct Piece {
    pub heading: Vec<u8>,
    pub bytes: u64,
}

impl Current {
    pub fn new(request: Request, limits: &Limits, route: Route, number: u64, started: Instant) -> Self {
        Self {
            bad_line: Box::default(),
            head_only: request.method == Method::Head,
            path: Vec::new(),
            body: RequestBody::of(&request, limits),
            stage: Stage::RequestBody,
            keep_alive: request.keep_alive,
            error_status: None,
            in_error_page: false,
            redirects: 0,
            status: 0,
            head_bytes: 0,
            sent_head: Vec::new(),
            output_start: 0,
            output_end: u64::MAX,
            request_head_bytes: request.head().len() as u64,
            number,
            pipelined: false,
            started,
            request: Some(Rc::new(request)),
            route,
        }
    }

    /// A request whose head could not be understood.
    pub fn bad(line: Box<[u8]>, method: Method, route: Route, number: u64, started: Instant) -> Self {
        Self {
            request: None,
            request_head_bytes: line.len() as u64,
            bad_line: line,
            head_only: method == Method::Head,
            route,
            path: Vec::new(),
            body: RequestBody::lost(),
            stage: Stage::RequestBody,
            keep_alive: false,
            error_status: None,
            in_error_page: false,
            redirects: 0,
            status: 0,
            head_bytes: 0,
            sent_head: Vec::new(),
            output_start: 0,
            output_end: u64::MAX,
            number,
            pipelined: false,
            started,
        }
    }
}
