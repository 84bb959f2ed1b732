//! The HTTP state of one request and its response.

use super::{Client, Fresh, Limited, OnDemand, Passed, Passing, Pipe, Probed, RequestBody, Response, Slots};
use crate::config::{Gateway, Return, RewriteProgram};
use crate::http::userid::UserId;
use crate::http::{HeadLimits, Method, Request, Text};
use crate::limits::BODY_BYTES_MAX;
use crate::pattern::Captures;
use crate::route::Route;
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::Moment;

/// The phases of a request, in nginx's order and with nginx's names, and the stages that follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Stage {
    /// Not an HTTP request.
    #[default]
    Other,
    /// The head has been read. Requests are refused that are invalid by their head alone.
    PostRead,
    /// Runs the program of the server: `rewrite`, `if`, `set`, `return`.
    ServerRewrite,
    /// Finds the location by the path: nginx's FIND_CONFIG.
    FindLocation,
    /// A named location was chosen. Its rules for methods and bodies are asked.
    EnterNamed,
    /// Runs the program of the location.
    Rewrite,
    /// The path is final, unless `try_files` changes it.
    PostRewrite,
    /// Runs `limit_req` and `limit_conn`.
    PreAccess,
    /// Runs `allow`, `deny` and `auth_basic`, as `satisfy` says.
    Access,
    /// Lets the protocol read a body that no handler takes.
    PostAccess,
    /// Runs `try_files`.
    PreContent,
    /// The protocol reads a body that no handler takes, before the response.
    DiscardBody,
    /// Chooses the handler, or makes the response at once.
    Content,
    /// Waits for the handler's outcome.
    Handler,
    /// A subrequest has been answered: waits until its handlers have ended, and the request goes on.
    Returning,
    /// Moves the response into the output.
    Sending,
    /// All of the response is in the output. The protocol reads the rest of the request's body.
    Drain,
    /// Waits until the handlers have ended.
    Ending,
}

impl Stage {
    /// The "while ..." of log lines in this stage.
    pub fn doing(self) -> &'static str {
        match self {
            Stage::Other => "",
            Stage::PostRead | Stage::ServerRewrite => "looking at the request's head",
            Stage::FindLocation | Stage::EnterNamed => "finding the location",
            Stage::Rewrite | Stage::PostRewrite => "rewriting the path",
            Stage::PreAccess | Stage::Access | Stage::PostAccess => "checking access",
            Stage::DiscardBody => "reading the request's body",
            Stage::PreContent | Stage::Content => "choosing the handler",
            Stage::Handler => "waiting for the answer",
            Stage::Returning => "finishing a subrequest",
            Stage::Sending => "sending the answer",
            Stage::Drain | Stage::Ending => "finishing the request",
        }
    }
}

/// The HTTP state of one request and its response.
#[derive(Default)]
pub struct Http {
    /// The request. `None` if its head was malformed.
    pub request: Option<Rc<Request>>,
    /// The path that is answered: decoded, normalized, changed by internal redirects.
    pub path: Path,
    /// The request's body.
    pub request_body: RequestBody,
    /// The current phase or stage.
    pub stage: Stage,
    /// The request is HEAD: the response has no body.
    pub head_only: bool,
    /// Whether the connection persists after this request, as far as is known.
    pub keep_alive: bool,
    /// An error page or a program's local redirect (RFC 3875 section 6.2.2) made this a GET without a body.
    pub as_get: bool,
    /// The response is an error page. If it fails, no second error page is tried, unless `recursive_error_pages` is on.
    pub in_error_page: bool,
    /// The request came before the previous response was sent.
    pub pipelined: bool,
    /// The client has sent the right password (`auth_basic`).
    pub is_authenticated: bool,
    /// The path comes from an internal redirect, a rewrite or an error page, not from the client.
    pub internal: bool,
    /// The connection is in the list of idle connections: it leaves it only if this request takes more than one turn.
    pub is_listed: bool,
    /// The number of internal redirects and rewrites so far.
    pub redirects: u8,
    /// The status that `error_page` sets for the response, instead of the page's own.
    pub error_status: Option<u16>,
    /// The status of the response. `None` before there is a response.
    pub status: Option<u16>,
    /// The length of the whole document, when it is known.
    pub document_bytes: Option<u64>,
    /// The response, until the protocol begins to send it.
    pub response: Option<Response>,
    /// The position in the output where the response begins. Before there is a response: the end of the output when the
    /// request came.
    pub output_start: u64,
    /// The response in the output. `None` before its head is there.
    pub answered: Option<Answered>,
    /// The length of the request's head.
    pub request_head_bytes: u64,
    /// The request's number on its connection, from 1.
    pub number: u64,
    /// When the first byte of the request came. `None` for a subrequest.
    pub started: Option<Moment>,
    /// The values of the configuration's own variables.
    pub slots: Slots,
    /// What gateways have made of the request. `None` and an empty value mean the same.
    pub passed: Option<Box<Passed>>,
    /// Values that few requests need.
    pub rare: OnDemand<Rare>,
}

/// A response in the output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answered {
    /// The length of its head.
    pub head_bytes: u64,
    /// The position in the output where the response ends. `None` until all of it is there.
    pub output_end: Option<u64>,
}

/// Where the path is stored.
#[derive(Default)]
pub enum Path {
    /// The path is not known.
    #[default]
    Unknown,
    /// In the request, as sent: decoding changes nothing.
    AsSent,
    /// In this buffer.
    Made(Vec<u8>),
}

/// Values that few requests need.
pub struct Rare {
    /// The first line of a malformed head, as far as it came.
    pub bad_line: Vec<u8>,
    /// The query of an internal redirect, which replaces the request's.
    pub new_query: Option<Vec<u8>>,
    /// The path of the file that holds the body (`client_body_in_file_only`), or empty.
    pub body_file: Vec<u8>,
    /// The value of `Allow` for a 405 with an error page: it belongs to the requested resource, not to the page.
    pub allow: Option<Text>,
    /// The Location of a redirect with an error page, which has its status.
    pub location: Option<Text>,
    /// The value of `WWW-Authenticate` for a 401: what the client is asked for.
    pub challenge: Option<Text>,
    /// How many checks of the access phase have been made when a handler is asked for the next one.
    pub checks_done: u8,
    /// The status that the client gets if no later check allows the request (`satisfy any`).
    pub denied: Option<u16>,
    /// The head as sent, for log formats that use its fields.
    pub sent_head: Vec<u8>,
    /// The fields behind the body that have been made so far, as lines behind a first one.
    pub sent_trailers: Vec<u8>,
    /// A file of the requested directory was looked for (`random_index`), and there was none.
    pub random_index_tried: bool,
    /// The identifier that the response gives to the client (`userid`).
    pub userid: Option<UserId>,
    /// What limits have made of the request.
    pub limited: Limited,
    /// The client that a trusted proxy names (`set_real_ip_from`), instead of the other end of the socket.
    pub client: Option<Client>,
    /// What the configuration answers, without a handler.
    pub chosen: Option<Chosen>,
    /// The program that waits for a file to be looked at.
    pub rewriting: Option<Rewriting>,
    /// The location's own program has made the path (`rewrite ... break`): it may not begin with the location's prefix.
    pub left_prefix: bool,
    /// What was found at the path that a stage has asked about; the outer `None`: it has not asked.
    pub probed: Option<Option<Probed>>,
    /// This is a subrequest, and the request waits for it.
    pub suspended: Option<Box<Suspended>>,
    /// The stage that has asked.
    pub resume: Stage,
    /// How many paths of `try_files` have been tried.
    pub tried: usize,
}

/// An answer of the configuration.
pub enum Chosen {
    /// `return`.
    Return(Arc<Return>),
    /// `rewrite ... redirect` or `permanent`: the status and the URI.
    Redirect(u16, Vec<u8>),
}

/// A request that waits for a subrequest. The two take turns in one transaction, so that the handlers, the protocol and
/// the engine see one request at a time.
pub struct Suspended {
    /// The state of the request.
    pub http: Http,
    /// Its server and location.
    pub route: Rc<Route>,
    /// Its body, as far as it has come.
    pub body: OnDemand<Pipe, BODY_BYTES_MAX>,
    /// Its groups of the last expression: `$1`, `$2` and so on are not common to both.
    pub captures: Option<Rc<Captures>>,
    /// What the subrequest has come to.
    pub answer: SubrequestAnswer,
}

/// The answer of a subrequest.
#[derive(Default)]
pub struct SubrequestAnswer {
    /// The status. 0 until there is an answer.
    pub status: u16,
    /// The field WWW-Authenticate.
    pub challenge: Option<Vec<u8>>,
}

/// A program that has run in part.
pub struct Rewriting {
    /// The program.
    pub program: Arc<RewriteProgram>,
    /// The next step.
    pub at: usize,
    /// A step has changed the path.
    pub is_rewritten: bool,
}

impl Rare {
    const NONE: Self = Self {
        bad_line: Vec::new(),
        new_query: None,
        body_file: Vec::new(),
        allow: None,
        location: None,
        challenge: None,
        checks_done: 0,
        denied: None,
        sent_head: Vec::new(),
        sent_trailers: Vec::new(),
        random_index_tried: false,
        userid: None,
        chosen: None,
        rewriting: None,
        left_prefix: false,
        probed: None,
        suspended: None,
        resume: Stage::Other,
        tried: 0,
        limited: Limited::NOT,
        client: None,
    };
}

impl Fresh for Rare {
    const FRESH: &Self = &Self::NONE;

    fn fresh() -> Self {
        Self::NONE
    }
}

/// What is known of a request before its head is parsed.
pub struct Arrival {
    /// The request's number on its connection, from 1.
    pub number: u64,
    /// The end of the output when the request came.
    pub output_start: u64,
    /// The previous response has not been sent.
    pub pipelined: bool,
    /// The connection is in the list of idle connections.
    pub is_listed: bool,
    /// When the first byte of the request came.
    pub started: Moment,
}

impl Http {
    /// Begins a request with a valid head.
    #[inline]
    pub fn begin(&mut self, arrival: Arrival, request: Rc<Request>, limits: &HeadLimits) {
        self.arrive(arrival);
        self.head_only = request.method == Method::Head;
        self.request_body = RequestBody::of(&request, limits);
        self.keep_alive = request.keep_alive;
        self.request_head_bytes = request.head().len() as u64;
        self.request = Some(request);
    }

    /// Begins a request with a malformed head.
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
        self.is_listed = arrival.is_listed;
        self.started = Some(arrival.started);
    }

    /// The method. `None` if the head was malformed.
    pub fn method(&self) -> Option<Method> {
        self.request.as_ref().map(|request| request.method)
    }

    /// The method that handlers see: GET if the request is handled as one.
    pub fn method_now(&self) -> Option<Method> {
        match self.method() {
            Some(method) if self.as_get && !method.reads() => Some(Method::Get),
            method => method,
        }
    }

    /// Whether a file or a listing can answer: the request is GET or HEAD, or is handled as a GET.
    pub fn reads(&self) -> bool {
        let is_read = self.method().is_some_and(Method::reads);
        is_read || self.as_get
    }

    /// The request on its way to a server behind.
    pub fn passing(&self) -> Option<&Passing> {
        self.passed.as_ref()?.now.as_ref()
    }

    /// The same, to be changed.
    pub fn passing_mut(&mut self) -> Option<&mut Passing> {
        self.passed.as_mut()?.now.as_mut()
    }

    /// The directive that passes the request on, while a server behind or its name is waited for.
    pub fn gateway_now(&self) -> Option<&Gateway> {
        let passed = self.passed.as_ref()?;
        let named = || passed.named.as_ref().map(|named| &*named.gateway);
        passed.now.as_ref().map(|passing| &*passing.gateway).or_else(named)
    }

    /// What gateways have made of the request; a new, empty value if nothing was passed yet.
    pub fn passed_mut(&mut self) -> &mut Passed {
        self.passed.get_or_insert_default()
    }

    /// The path that is answered; empty before it is known.
    pub fn path(&self) -> &[u8] {
        match (&self.path, &self.request) {
            (Path::Made(path), _) => path,
            (Path::AsSent, Some(request)) => request.path(),
            (Path::AsSent | Path::Unknown, _) => b"",
        }
    }

    /// The query, after internal redirects.
    pub fn query(&self) -> Option<&[u8]> {
        self.rare.new_query.as_deref().or_else(|| self.request.as_ref().and_then(|request| request.query()))
    }

    /// Appends the name of an index file to the path.
    pub fn add_index(&mut self, name: &str) {
        self.path = Path::Made([self.path(), name.as_bytes()].concat());
    }
}
