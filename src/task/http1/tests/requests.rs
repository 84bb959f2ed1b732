//! Random requests with the expected responses.

use super::played::{self, Act};
use crate::http::seeded::Seeded;

/// The file at /file.
pub const FILE: &[u8] = b"The bytes of a file.";

/// The error page for 404.
pub const SORRY: &[u8] = b"Sorry.";

/// The text of /text before and after a reload.
pub const TEXTS: [&[u8]; 2] = [b"old", b"new"];

/// Whether the connection persists after a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keeps {
    Yes,
    No,
    /// It depends on the order of events.
    Maybe,
}

/// The expected body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    Is(Vec<u8>),
    /// One of [`TEXTS`].
    Text,
    /// A page that shows the status.
    Page,
    /// A listing that shows this name.
    Names(&'static str),
}

/// The expected response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expected {
    pub status: u16,
    pub body: Body,
    pub keeps: Keeps,
    /// The body is cut, and the client can see that. If no byte of the response was sent, a page with this status is
    /// correct instead. (A response to HEAD is not cut: it has no body.)
    pub cut: Option<u16>,
}

/// A request and the expected response.
#[derive(Clone, Debug)]
pub struct Request {
    pub bytes: Vec<u8>,
    pub head_bytes: usize,
    pub head_only: bool,
    pub expects_continue: bool,
    /// The acts of its played handlers, in order.
    pub acts: Vec<Act>,
    pub expected: Expected,
}

fn expected(status: u16, body: Body, keeps: Keeps) -> Expected {
    Expected { status, body, keeps, cut: None }
}

fn page(status: u16, keeps: Keeps) -> Expected {
    expected(status, Body::Page, keeps)
}

/// The parts of a request.
struct Plan {
    method: &'static str,
    path: &'static str,
    field: &'static str,
    body_fields: String,
    /// The body as it is sent.
    body: Vec<u8>,
    /// HTTP/1.0.
    old: bool,
    acts: Vec<Act>,
    expected: Expected,
}

impl Plan {
    fn get(path: &'static str, expected: Expected) -> Self {
        let (body_fields, body) = Default::default();
        Self { method: "GET", path, field: "", body_fields, body, old: false, acts: Vec::new(), expected }
    }

    fn played(acts: Vec<Act>, expected: Expected) -> Self {
        Self { acts, ..Self::get("/played/x", expected) }
    }

    /// A request without a played handler.
    fn real(random: &mut Seeded) -> Self {
        let file = |from: usize, to: usize| Body::Is(FILE[from..to].to_vec());
        match random.below(12) {
            0..=2 => Self::get("/text", expected(200, Body::Text, Keeps::Yes)),
            3 => Self::get("/moved", page(301, Keeps::Yes)),
            4 => Self::get("/missing", expected(404, Body::Is(SORRY.to_vec()), Keeps::Yes)),
            5 => Self::get("/folder", page(301, Keeps::Yes)),
            6 | 7 => Self::get("/file", expected(200, file(0, FILE.len()), Keeps::Yes)),
            8 => Self { field: "Range: bytes=4-8\r\n", ..Self::get("/file", expected(206, file(4, 9), Keeps::Yes)) },
            9 => Self { field: "Range: bytes=99-\r\n", ..Self::get("/file", page(416, Keeps::Yes)) },
            10 => Self { field: "bad field\r\n", ..Self::get("/text", page(400, Keeps::No)) },
            _ => Self::get("/drop", expected(444, Body::Is(Vec::new()), Keeps::No)),
        }
    }

    /// A request with a played handler.
    fn with_handler(random: &mut Seeded, number: u64) -> Self {
        let bytes = 1 + random.below(40);
        let body = |count| Body::Is(played::bytes(number, count));
        let good = |act, count| Self::played(vec![act], expected(200, body(count), Keeps::Yes));
        let cut = |act, count, status| {
            Self::played(vec![act], Expected { cut: Some(status), ..expected(200, body(count), Keeps::Yes) })
        };
        let is_file = || expected(200, Body::Is(FILE.to_vec()), Keeps::Yes);
        match random.below(20) {
            0 => good(Act::Whole(bytes), bytes),
            1 => good(Act::Length { bytes, given: bytes }, bytes),
            2 => good(Act::Stream(bytes), bytes),
            3 => good(Act::Length { bytes, given: bytes + 1 + random.below(20) }, bytes),
            4 => cut(Act::Length { bytes: bytes + 7, given: bytes }, bytes + 7, 502),
            5 => cut(Act::FailsLate { after: random.below(bytes), length: Some(bytes) }, bytes, 502),
            6 => cut(Act::FailsLate { after: random.below(bytes), length: None }, bytes, 502),
            7 => Self::played(vec![Act::NonParsed(bytes)], expected(200, body(bytes), Keeps::No)),
            8 => Self::played(vec![Act::FailsHere], page(500, Keeps::No)),
            9 => Self::played(vec![Act::FailsThere], page(502, Keeps::Yes)),
            10 => Self::played(vec![Act::SaysFailed], page(504, Keeps::Yes)),
            11 => good(Act::Stalls(bytes), bytes),
            12 => Self::played(vec![Act::TimesOut], page(504, Keeps::Yes)),
            13 => Self::played(vec![Act::Declined, Act::Stream(bytes)], expected(200, body(bytes), Keeps::Yes)),
            14 => Self::played(vec![Act::Directory], expected(200, Body::Names("listed"), Keeps::Yes)),
            15 => Self::played(vec![Act::AddSlash], page(301, Keeps::Yes)),
            16 => Self::played(vec![Act::ToPath], is_file()),
            17 => Self::played(vec![Act::ToTarget], is_file()),
            18 => Self::played(vec![Act::Page(404)], expected(404, Body::Is(SORRY.to_vec()), Keeps::Yes)),
            _ => Self::played(vec![Act::Page(503)], page(503, Keeps::Yes)),
        }
    }

    /// A played handler whose response is longer than some pipes.
    fn long(random: &mut Seeded, number: u64) -> Self {
        let bytes = 100_000 + random.below(300_000);
        let act = match random.below(3) {
            0 => Act::Whole(bytes),
            1 => Act::Length { bytes, given: bytes },
            _ => Act::Stream(bytes),
        };
        Self::played(vec![act], expected(200, Body::Is(played::bytes(number, bytes)), Keeps::Yes))
    }

    /// A request with this body.
    fn with_body(random: &mut Seeded, number: u64, body: &[u8]) -> Self {
        let echo = expected(200, Body::Is(body.to_vec()), Keeps::Yes);
        let program = |acts, expected| Self { path: "/program/x", method: "POST", ..Self::played(acts, expected) };
        let bytes = random.below(40);
        match random.below(8) {
            0 => Self { method: "POST", ..Self::get("/text", expected(200, Body::Text, Keeps::Yes)) },
            1 => Self { method: "POST", ..Self::get("/file", page(405, Keeps::Yes)) },
            2 => program(vec![Act::EchoStream], echo),
            3 => program(vec![Act::NeedsBody, Act::Stored, Act::Echo], echo),
            4 => program(vec![Act::ToTarget], expected(200, Body::Is(FILE.to_vec()), Keeps::Maybe)),
            5 => program(vec![Act::Whole(bytes)], expected(200, Body::Is(played::bytes(number, bytes)), Keeps::Maybe)),
            6 => program(vec![Act::FailsThere], page(502, Keeps::Maybe)),
            _ => program(vec![Act::Echo], echo),
        }
    }

    /// Adds the body with its framing.
    fn frame(&mut self, random: &mut Seeded, body: &[u8], old: bool) {
        if old || random.below(2) == 0 {
            self.body_fields = format!("Content-Length: {}\r\n", body.len());
            self.body = body.to_vec();
        } else {
            self.body_fields = "Transfer-Encoding: chunked\r\n".to_owned();
            self.body = chunked(random, body);
        }
        if !old && !self.body.is_empty() && random.below(3) == 0 {
            self.body_fields.push_str("Expect: 100-continue\r\n");
        }
    }

    /// Decides whether the connection persists; `asked` says if the client asks for that.
    fn decide_persistence(&mut self, asked: bool) {
        let is_stream = self.acts.iter().any(|act| {
            matches!(act, Act::Stream(_) | Act::EchoStream | Act::Directory | Act::FailsLate { length: None, .. })
        });
        self.expected.keeps = match self.expected.keeps {
            Keeps::Yes | Keeps::Maybe if !asked => Keeps::No,
            Keeps::Yes if self.body_fields.contains("100-continue") => Keeps::Maybe,
            Keeps::Yes if self.old && is_stream => {
                if self.method == "HEAD" {
                    Keeps::Maybe
                } else {
                    Keeps::No
                }
            }
            decided => decided,
        };
    }
}

/// A body as random chunks.
fn chunked(random: &mut Seeded, mut rest: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !rest.is_empty() {
        let (chunk, left) = rest.split_at(1 + random.below(rest.len()));
        bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
        rest = left;
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

impl Request {
    /// A random request; `number` is its number on the connection.
    pub fn by_chance(random: &mut Seeded, number: u64) -> Self {
        if random.below(60) == 0 {
            Self::of(Plan::long(random, number), "")
        } else {
            Self::short_by_chance(random, number)
        }
    }

    /// A random request with a short response.
    pub fn short_by_chance(random: &mut Seeded, number: u64) -> Self {
        let old = random.below(12) == 0;
        let closes = random.below(16) == 0;
        let keeps = !closes && (!old || random.below(2) == 0);
        let connection = match (old, keeps) {
            (true, true) => "Connection: keep-alive\r\n",
            (false, false) => "Connection: close\r\n",
            _ => "",
        };
        let mut plan = match random.below(4) {
            0 => {
                let length = random.below(40);
                let body = random.text(b"0123456789abcdef\r\n", length);
                let mut plan = Plan::with_body(random, number, &body);
                plan.frame(random, &body, old);
                plan
            }
            1 => Plan::real(random),
            _ => Plan::with_handler(random, number),
        };
        if plan.method == "GET" && plan.field.is_empty() && random.below(6) == 0 {
            plan.method = "HEAD";
        }
        plan.old = old;
        plan.decide_persistence(keeps);
        Self::of(plan, connection)
    }

    fn of(plan: Plan, connection: &str) -> Self {
        let Plan { method, path, field, body_fields, body, old, acts, expected } = plan;
        let version = if old { "1.0" } else { "1.1" };
        let head = format!("{method} {path} HTTP/{version}\r\nHost: h\r\n{field}{connection}{body_fields}\r\n");
        let head_bytes = head.len();
        let expects_continue = body_fields.contains("100-continue");
        let bytes = [head.as_bytes(), &body].concat();
        Self { bytes, head_bytes, head_only: method == "HEAD", expects_continue, acts, expected }
    }

    /// A short request without a handler.
    pub fn short() -> Self {
        Self::of(Plan::get("/text", expected(200, Body::Text, Keeps::Yes)), "")
    }

    /// A HEAD request without a handler.
    pub fn head() -> Self {
        Self::of(Plan { method: "HEAD", ..Plan::get("/text", expected(200, Body::Text, Keeps::Yes)) }, "")
    }

    /// A request whose body is sent back while it arrives.
    pub fn echo() -> Self {
        let body = b"twelve bytes".to_vec();
        let expected = expected(200, Body::Is(body.clone()), Keeps::Yes);
        let plan = Plan::played(vec![Act::EchoStream], expected);
        let body_fields = "Content-Length: 12\r\n".to_owned();
        Self::of(Plan { method: "POST", path: "/program/x", body, body_fields, ..plan }, "")
    }

    /// A request with a handler that fails in a response of this number of bytes. It must be the second request.
    pub fn failing(act: Act, bytes: usize) -> Self {
        let whole = expected(200, Body::Is(played::bytes(2, bytes)), Keeps::Yes);
        Self::of(Plan::played(vec![act], Expected { cut: Some(502), ..whole }), "")
    }
}
