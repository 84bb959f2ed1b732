//! The decoders of all protocols as one type.

use super::cgi_answer::CgiAnswer;
use super::fastcgi::FastcgiAnswer;
use super::http1::Http1Answer;
use super::{Asked, Decoded, GatewayFault};

/// Decodes one answer, as its bytes come.
pub enum AnswerDecoder {
    /// CGI programs, SCGI and uwsgi.
    Cgi(Box<CgiAnswer>),
    /// FastCGI.
    Fastcgi(Box<FastcgiAnswer>),
    /// HTTP/1.1.
    Http1(Box<Http1Answer>),
}

impl AnswerDecoder {
    /// The decoder for HTTP/1.1.
    pub fn http1(asked: Asked) -> Self {
        Self::Http1(Box::new(Http1Answer::new(asked)))
    }

    /// The decoder for FastCGI.
    pub fn fastcgi(asked: Asked) -> Self {
        Self::Fastcgi(Box::new(FastcgiAnswer::new(asked)))
    }

    /// The decoder for SCGI and uwsgi.
    pub fn cgi(asked: Asked) -> Self {
        Self::Cgi(Box::new(CgiAnswer::of_server(asked)))
    }

    /// The decoder for a CGI program. `non_parsed`: it is an nph- script.
    pub fn program(non_parsed: bool) -> Self {
        Self::Cgi(Box::new(CgiAnswer::of_program(non_parsed)))
    }

    /// Begins with the answer to another request on the same connection.
    pub fn begin_again(&mut self, asked: Asked) {
        match self {
            Self::Cgi(decoder) => **decoder = CgiAnswer::of_server(asked),
            Self::Fastcgi(decoder) => **decoder = FastcgiAnswer::new(asked),
            Self::Http1(decoder) => **decoder = Http1Answer::new(asked),
        }
    }

    /// Decodes the next bytes, and advances `bytes` over those that it has used. It tells one thing at a time:
    ///
    /// - After [`Decoded::More`], all bytes are used up. Call it again when others have come.
    /// - After [`Decoded::End`], the bytes that are left do not belong to the answer. Do not call it again.
    /// - After [`Decoded::Redirect`] and [`Decoded::LocalRedirect`], do not call it again either.
    /// - After anything else call it again, also if no bytes are left.
    ///
    /// `room` is the most bytes of one [`Decoded::Data`], and must not be 0.
    ///
    /// # Errors
    /// If the answer is malformed. What has been told before stands, but the answer is not complete. Do not call it
    /// again.
    pub fn feed<'a>(&mut self, bytes: &mut &'a [u8], room: usize) -> Result<Decoded<'a>, GatewayFault> {
        match self {
            Self::Cgi(decoder) => decoder.feed(bytes, room),
            Self::Fastcgi(decoder) => decoder.feed(bytes, room),
            Self::Http1(decoder) => decoder.feed(bytes, room),
        }
    }

    /// The server has closed the connection, and [`AnswerDecoder::feed`] has used up all bytes. Returns
    /// [`Decoded::End`] if the answer may end here.
    ///
    /// # Errors
    /// If the answer is not complete.
    pub fn eof(&mut self) -> Result<Decoded<'static>, GatewayFault> {
        match self {
            Self::Cgi(decoder) => decoder.eof(),
            Self::Fastcgi(decoder) => decoder.eof(),
            Self::Http1(decoder) => decoder.eof(),
        }
    }
}
