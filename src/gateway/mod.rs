//! What is said to the servers behind this one, and what they and CGI programs say: FastCGI, SCGI, uwsgi, HTTP/1.1 and
//! the output of programs as pure functions between bytes and values. No sockets, no configuration.
//!
//! A request goes out as a head, made at once, and a body that is framed piece by piece ([`BodyFraming`]). An answer is
//! decoded as it comes, whatever the pieces are ([`AnswerDecoder`]).

pub mod answer_decoder;
pub mod body_framing;
mod body_left;
pub mod cgi_answer;
mod cgi_head;
pub mod fastcgi;
pub mod http1;
#[cfg(test)]
mod played;
mod repeated;
pub mod scgi;
pub mod uwsgi;

pub use answer_decoder::AnswerDecoder;
pub use body_framing::BodyFraming;

use crate::http::cgi::ScriptHeadLimits;
use crate::http::{Name, ReplyHead, Text};
use std::borrow::Cow;

/// What a decoder must know of the request.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Asked {
    /// The method is HEAD: the answer has no body.
    pub is_head: bool,
    /// The server was asked to keep the connection.
    pub keeps_connection: bool,
    /// The request asks for another protocol (Upgrade).
    pub upgrades: bool,
    /// How large the head of the answer may be.
    pub limits: ScriptHeadLimits,
}

/// What a decoder has found.
#[derive(PartialEq, Debug)]
pub enum Decoded<'a> {
    /// All bytes are used up, and there is nothing to tell.
    More,
    /// An interim response (1xx but 101): other heads follow.
    Interim(u16, Box<ReplyHead>),
    /// The head of the answer. Comes once, before any data.
    Head(Box<ReplyHead>),
    /// Bytes of the body, never empty.
    Data(&'a [u8]),
    /// Bytes that the server behind has written to its standard error, never empty.
    Stderr(&'a [u8]),
    /// The fields behind the body.
    Trailers(Vec<(Name, Text)>),
    /// The answer is complete.
    End {
        /// The connection can carry another request.
        is_reusable: bool,
    },
    /// 101: from here on, the bytes belong to another protocol, both ways. They follow as [`Decoded::Data`].
    Switch(Box<ReplyHead>),
    /// An nph- program has written this head, with this status (RFC 3875 section 5). What follows is
    /// [`Decoded::Data`].
    NonParsed(u16, Vec<u8>),
    /// A program redirects the client, and has no body for it (RFC 3875 section 6.2.3). What follows has no use.
    Redirect(Box<ReplyHead>),
    /// A program names the path and query whose resource is the answer (RFC 3875 section 6.2.2). What follows has no
    /// use.
    LocalRedirect(Vec<u8>),
}

/// Why an answer is bad. The text is for the error log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewayFault {
    /// What is wrong, and where it is said that it must not be.
    pub reason: Cow<'static, str>,
}

impl From<&'static str> for GatewayFault {
    fn from(reason: &'static str) -> Self {
        Self { reason: Cow::Borrowed(reason) }
    }
}
