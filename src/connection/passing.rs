//! A request on its way to a server behind this one, and what has come of it.

use super::Pipe;
use crate::balance::Tried;
use crate::config::{Gateway, GatewayRules, Upstream, UpstreamKeepalive};
use crate::http::ReplyHead;
use crate::upstreams::{MadeUpstream, Peer};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use webserv_sys::Moment;

/// A request that is passed to a server behind.
pub struct Passing {
    /// The directive that passes it, with the rules of its family.
    pub gateway: Arc<Gateway>,
    /// The servers that may get it.
    pub servers: Servers,
    /// The body is sent in chunks, since its length is not known.
    pub is_chunked: bool,
    /// The request asks for another protocol (Upgrade in RFC 9110 section 7.8).
    pub asks_upgrade: bool,
    /// The server behind may keep the connection open for other requests.
    pub keeps: bool,
    /// The answer leaves in few calls (`_buffering`); otherwise each part of it leaves at once.
    pub is_buffered: bool,
    /// An answer that the client takes too slowly goes into a file (`_buffering`), and has not gone yet.
    pub may_spool: bool,
    /// `_limit_rate` in bytes per second; 0: no limit. `None` while it is not known: the head of the answer is needed.
    pub read_rate: Option<u64>,
    /// The bytes of the answer's body that the client gets; `None`: all.
    pub part: Option<Range<u64>>,
    /// Another copy of the answer's body, for the file that `_store` makes of it.
    pub copy: Option<Box<Pipe>>,
    /// The servers that have been asked.
    pub tried: Tried,
    /// The server that is asked now, until its answer is complete.
    pub peer: Option<Peer>,
    /// The connection has carried other requests before.
    pub is_kept: bool,
    /// When the first server was chosen.
    pub began: Moment,
    /// When the server behind last took or sent bytes.
    pub progress_at: Moment,
    /// The request is not completely sent.
    pub is_sending: bool,
    /// Bytes of the request have been sent on this connection.
    pub anything_sent: bool,
}

/// 0 if the answer is not read at a limited rate. As in nginx, one without buffering never is.
pub fn unlimited(rules: &GatewayRules) -> Option<u64> {
    let is_limited = rules.buffering && rules.limit_rate.is_some();
    (!is_limited).then_some(0)
}

impl Passing {
    /// A request that has not been passed to a server yet.
    pub fn new(gateway: &Arc<Gateway>, servers: Servers, now: Moment) -> Self {
        let rules = &gateway.rules;
        Self {
            gateway: Arc::clone(gateway),
            servers,
            is_chunked: false,
            asks_upgrade: false,
            keeps: false,
            is_buffered: rules.buffering,
            may_spool: rules.buffering && rules.max_temp_file_size > 0,
            read_rate: unlimited(rules),
            part: None,
            copy: None,
            tried: Tried::default(),
            peer: None,
            is_kept: false,
            began: now,
            progress_at: now,
            is_sending: false,
            anything_sent: false,
        }
    }

    /// What the client gets of these bytes, which begin at this position of the answer's body; and whether more comes.
    pub fn wanted<'d>(&self, at: u64, data: &'d [u8]) -> (&'d [u8], bool) {
        let Some(part) = &self.part else { return (data, true) };
        let offset = |position: u64| position.saturating_sub(at).min(data.len() as u64) as usize;
        (&data[offset(part.start)..offset(part.end)], part.end > at + data.len() as u64)
    }
}

/// The servers that may get a request.
pub enum Servers {
    /// A group of the configuration, or an address in it.
    Group(Arc<Upstream>),
    /// The addresses of a target that was made of variables.
    Made(MadeUpstream),
}

impl Servers {
    /// How connections to them are kept. `None`: not at all.
    pub fn keepalive(&self) -> Option<&UpstreamKeepalive> {
        match self {
            Servers::Group(upstream) => Some(&upstream.keepalive).filter(|rules| rules.connections > 0),
            Servers::Made(_) => None,
        }
    }
}

/// The body that is passed on with a request. It stays until the request ends, since another server may have to get it.
#[derive(Default)]
pub enum PassedBody {
    /// Nothing.
    #[default]
    Empty,
    /// In memory.
    Memory(Rc<[u8]>),
    /// In a file, from its beginning, with its length in bytes.
    File(Rc<OwnedFd>, u64),
    /// It comes from the client, through the transaction's pipe: it can be sent once.
    Stream,
}

impl PassedBody {
    /// Whether there is no body.
    pub fn is_empty(&self) -> bool {
        matches!(self, PassedBody::Empty)
    }
}

/// One server that was asked, for the `$upstream_` variables.
pub struct Attempt {
    /// Its address, as nginx prints it; the name of the group, if no server could be chosen.
    pub name: Arc<str>,
    /// The first of another group: the request was redirected inside the server.
    pub begins_group: bool,
    /// A kept connection was used, and had ended: the server has not failed.
    pub was_stale: bool,
    /// When it was chosen.
    pub began: Moment,
    /// How long the connection took.
    pub connected: Option<Duration>,
    /// How long the head of the answer took.
    pub head: Option<Duration>,
    /// How long the whole answer took.
    pub ended: Option<Duration>,
    /// The status of the answer; 502 or 504 for a failure; 0 before the answer.
    pub status: u16,
    /// Bytes of the answer's body.
    pub body_bytes: u64,
    /// Bytes that were received.
    pub received_bytes: u64,
    /// Bytes that were sent.
    pub sent_bytes: u64,
}

impl Attempt {
    /// An attempt that begins now.
    pub fn new(name: Arc<str>, begins_group: bool, now: Moment) -> Self {
        Self {
            name,
            begins_group,
            was_stale: false,
            began: now,
            connected: None,
            head: None,
            ended: None,
            status: 0,
            body_bytes: 0,
            received_bytes: 0,
            sent_bytes: 0,
        }
    }
}

/// A server that variables name, and whose addresses are not known yet.
pub struct NamedServer {
    /// The directive that passes the request.
    pub gateway: Arc<Gateway>,
    /// The host and perhaps the port, as they are written.
    pub authority: String,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path and query that variables have made, with all of the URL.
    pub uri: Option<Vec<u8>>,
}

/// What gateways have made of a request.
#[derive(Default)]
pub struct Passed {
    /// The request, while a server behind may answer it.
    pub now: Option<Passing>,
    /// Its head as it is sent to a server behind; also the end of its body, if it has none.
    pub head: Vec<u8>,
    /// What it is passed to, while the addresses of the host are looked for.
    pub named: Option<Box<NamedServer>>,
    /// Its body.
    pub body: PassedBody,
    /// `$proxy_host` and `$proxy_port`, if variables have made the target.
    pub made_target: Option<Box<(String, String)>>,
    /// The servers that were asked so far, in order.
    pub attempts: Vec<Attempt>,
    /// The fields of the last answer, as lines behind a first one.
    pub answer_head: Vec<u8>,
    /// The fields behind the body of the last answer, as lines behind a first one.
    pub answer_trailers: Vec<u8>,
    /// Interim responses of the server behind (103), which the protocol has not taken yet.
    pub interim: Vec<ReplyHead>,
    /// A redirect of the server behind (X-Accel-Redirect) made this request: fields that its response keeps.
    pub kept_fields: Vec<(crate::http::Name, crate::http::Text)>,
}

impl Passed {
    /// Whether a server was asked.
    pub fn is_used(&self) -> bool {
        !self.attempts.is_empty()
    }

    /// Makes this a new value. Some of its memory stays, for the next request.
    pub fn renew(&mut self) {
        let Passed { now, head, named, body, made_target, attempts, .. } = self;
        let Passed { answer_head, answer_trailers, interim, kept_fields, .. } = self;
        (*now, *named, *body, *made_target) = (None, None, PassedBody::Empty, None);
        head.clear();
        attempts.clear();
        (*answer_head, *answer_trailers, *interim, *kept_fields) = Default::default();
    }

    /// The server that is being asked.
    pub fn attempt(&mut self) -> Option<&mut Attempt> {
        self.attempts.last_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Address, Config};

    fn passing(part: Option<Range<u64>>) -> Passing {
        let text = "http { server { location / { proxy_pass http://127.0.0.1:1; } } }";
        let config = Config::from_text("test", text, std::path::Path::new("/"), "").unwrap_or_else(|e| panic!("{e}"));
        let place = config.listeners[0].hosts.servers[0].locations.find(b"/").expect("a location");
        let gateway = place.settings.gateway.clone().expect("it passes requests on");
        let servers = Servers::Made(MadeUpstream::new("", Vec::<Address>::new()));
        Passing { part, ..Passing::new(&gateway, servers, Moment::now()) }
    }

    /// However a body is split, the client gets its part, and the end is known with the last byte of it.
    #[test]
    fn a_part_is_cut_out_of_any_pieces() {
        let body = b"0123456789";
        for (start, end) in [(0, 10), (0, 1), (3, 7), (9, 10), (4, 5)] {
            let passing = passing(Some(start..end));
            for piece in 1..=10 {
                let (mut found, mut ended_at) = (Vec::new(), None);
                for (number, bytes) in body.chunks(piece).enumerate() {
                    let at = (number * piece) as u64;
                    let (wanted, more) = passing.wanted(at, bytes);
                    found.extend_from_slice(wanted);
                    if !more && ended_at.is_none() {
                        ended_at = Some(at + bytes.len() as u64);
                    }
                }
                assert_eq!(found, body[start as usize..end as usize], "{start}..{end} in pieces of {piece}");
                assert!(ended_at.is_some_and(|at| at >= end && at < end + piece as u64), "{start}..{end} by {piece}");
            }
        }
        assert_eq!(passing(None).wanted(5, b"abc"), (&b"abc"[..], true));
    }
}
