//! How the body of a request is framed for a server.

use super::fastcgi::{END_OF_STDIN, STDIN_BYTES_MAX, padding, stdin_header};
use crate::connection::{Pipe, Segment};
use crate::http::chunked::{CHUNK_END, LAST_CHUNK, push_chunk_start};

/// How the body of a request is framed. Its bytes are not copied, and a range of a file stays one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyFraming {
    /// As it is: SCGI, uwsgi, and HTTP with a Content-Length.
    Plain,
    /// Chunks of HTTP/1.1, for a body whose length is not known before its end.
    Chunked,
    /// STDIN records of FastCGI.
    Fastcgi,
}

impl BodyFraming {
    /// Adds a piece of the body. FastCGI cuts it into records of 32 KiB, so a long piece becomes many segments.
    pub fn push(self, segment: Segment, out: &mut Pipe) {
        match self {
            _ if segment.is_empty() => {} // an empty chunk or record would end the body
            BodyFraming::Plain => out.push(segment),
            BodyFraming::Chunked => {
                let mut start = Vec::with_capacity(20);
                push_chunk_start(&mut start, segment.len());
                out.push_copy(&start);
                out.push(segment);
                out.push_copy(CHUNK_END);
            }
            BodyFraming::Fastcgi => push_records(segment, out),
        }
    }

    /// Adds the end of the body.
    pub fn end(self, out: &mut Pipe) {
        match self {
            BodyFraming::Plain => {}
            BodyFraming::Chunked => out.push_copy(LAST_CHUNK),
            BodyFraming::Fastcgi => out.push_copy(&END_OF_STDIN),
        }
    }
}

fn push_records(mut segment: Segment, out: &mut Pipe) {
    while segment.len() > STDIN_BYTES_MAX {
        push_record(segment.split_front(STDIN_BYTES_MAX), out);
    }
    push_record(segment, out);
}

fn push_record(content: Segment, out: &mut Pipe) {
    let padding = &[0; 8][..padding(content.len())];
    out.push_copy(&stdin_header(content.len()));
    out.push(content);
    if !padding.is_empty() {
        out.push_copy(padding);
    }
}

#[cfg(test)]
mod tests;
