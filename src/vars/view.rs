//! What variables are made of.

use crate::config::{Server, Settings};
use crate::http::Request;
use crate::http::userid::UserId;
use std::time::Duration;
use webserv_sys::clock::Wall;
use webserv_sys::net::Address;

/// One request at one moment. It is asked for what the variables of a text need and for nothing else. What is not known
/// yet is empty, as all is that is said here of a response.
pub trait View {
    /// The request, unless its head was bad.
    fn request(&self) -> Option<&Request>;
    /// The query in force: it changes with internal redirects.
    fn query(&self) -> Option<&[u8]>;
    /// The request line, as far as it was understood.
    fn request_line(&self) -> &[u8];
    /// The path, decoded and normalized; it changes with internal redirects.
    fn path(&self) -> &[u8];
    /// The server that answers.
    fn server(&self) -> &Server;
    /// The settings in force.
    fn settings(&self) -> &Settings;
    /// The client's address.
    fn client(&self) -> Option<Address>;
    /// Our own address.
    fn local(&self) -> &Address;
    /// Time of day.
    fn wall(&self) -> Wall;
    /// The worker's number.
    fn worker(&self) -> usize;
    /// The connection's serial number.
    fn connection(&self) -> u64;
    /// The request's number on its connection, from 1.
    fn connection_requests(&self) -> u64;

    /// The response's status; 0: none yet.
    fn status(&self) -> u16 {
        0
    }

    /// Bytes of the response's body that have been sent.
    fn body_bytes_sent(&self) -> u64 {
        0
    }

    /// Bytes of the whole response that have been sent.
    fn bytes_sent(&self) -> u64 {
        0
    }

    /// The head of the response as sent.
    fn sent_head(&self) -> &[u8] {
        b""
    }

    /// The identifier that the client is given with this response.
    fn userid(&self) -> Option<UserId> {
        None
    }

    /// Bytes of the request that have been read.
    fn request_bytes(&self) -> u64 {
        0
    }

    /// How long ago the first byte of the request came.
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    /// The request came before the answer to the one before it had left.
    fn is_pipelined(&self) -> bool {
        false
    }

    /// The file that the request's body is stored in, by `client_body_in_file_only`.
    fn request_body_file(&self) -> &[u8] {
        b""
    }
}
