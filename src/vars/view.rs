//! The values of variables.

use crate::ages::Ages;
use crate::config::{Server, Settings, Size};
use crate::connection::{Identity, Limited, Slots, Transaction};
use crate::date_cache::DateCache;
use crate::http::basic::Credentials;
use crate::http::userid::UserId;
use crate::http::{Known, Request, TargetForm};
use crate::stats::{ConnectionTotals, Stats};
use std::time::Duration;
use webserv_sys::Moment;
use webserv_sys::clock::Wall;
use webserv_sys::net::Address;

/// One request at one moment. Values that are not known yet are empty.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The connection's listener, number and client.
    pub identity: &'a Identity,
    /// The request and its response.
    pub transaction: &'a Transaction,
    /// The time of day.
    pub date: &'a DateCache,
    /// How many connections and requests there are.
    pub stats: &'a Stats,
    /// How old connections are.
    pub ages: &'a Ages,
    /// The worker's number.
    pub worker: usize,
    /// The time of this round of the loop.
    pub now: Moment,
    /// Bytes sent on the connection so far.
    pub sent_bytes: u64,
}

impl<'a> View<'a> {
    /// The request. `None` if its head was malformed.
    #[inline]
    pub fn request(&self) -> Option<&'a Request> {
        self.transaction.http.request.as_deref()
    }

    /// The query, after internal redirects.
    pub fn query(&self) -> Option<&'a [u8]> {
        self.transaction.http.query()
    }

    /// The request line; as far as it came, if the head was malformed.
    pub fn request_line(&self) -> &'a [u8] {
        self.request().map_or(&self.transaction.http.rare.bad_line, Request::line)
    }

    /// The decoded, normalized path, after internal redirects.
    pub fn path(&self) -> &'a [u8] {
        self.transaction.http.path()
    }

    /// The virtual server.
    pub fn server(&self) -> &'a Server {
        &self.transaction.route.server
    }

    /// The settings of the location.
    pub fn settings(&self) -> &'a Settings {
        self.transaction.settings()
    }

    /// The values of the configuration's own variables.
    pub fn slots(&self) -> &'a Slots {
        &self.transaction.http.slots
    }

    /// The client's address: that of `real_ip_header`, or of the other end of the socket.
    pub fn client(&self) -> Option<Address> {
        self.transaction.client(self.identity).address()
    }

    /// The local address of the connection.
    pub fn local(&self) -> &'a Address {
        &self.identity.listener.local
    }

    /// How many connections and requests there are now.
    pub fn totals(&self) -> ConnectionTotals {
        self.stats.totals(self.transaction.http.is_listed)
    }

    /// The time of day.
    pub fn wall(&self) -> Wall {
        self.date.wall(self.now)
    }

    /// A number that no other request has: 128 bits. `None` if there are no random bytes to make it of.
    pub fn request_id(&self) -> Option<u128> {
        super::request_id(self.worker, self.identity.number, self.transaction.http.number)
    }

    /// The connection's serial number.
    pub fn connection(&self) -> u64 {
        self.identity.number
    }

    /// The request's number on its connection, from 1.
    pub fn connection_requests(&self) -> u64 {
        self.transaction.http.number
    }

    /// The response's status: in an error page the one that it is for; 0 before there is a response.
    pub fn status(&self) -> u16 {
        let http = &self.transaction.http;
        http.status.or(http.error_status).unwrap_or(0)
    }

    /// The method; GET if the request is handled as one.
    pub fn method(&self) -> &'a [u8] {
        match self.request() {
            Some(request) if self.transaction.http.as_get && !request.method.reads() => b"GET",
            Some(request) => request.method_text(),
            None => b"",
        }
    }

    /// The target as sent; of an absolute one, what follows the host.
    pub fn request_uri(&self) -> &'a [u8] {
        let Some(request) = self.request() else { return b"" };
        let target = request.target();
        if request.form != TargetForm::Absolute {
            return target;
        }
        let host = memchr::memmem::find(target, b"://").map_or(0, |scheme| scheme + 3);
        memchr::memchr2(b'/', b'?', &target[host..]).map_or(b"/", |path| &target[host + path..])
    }

    /// Bytes of the response's body that have been sent.
    pub fn body_bytes_sent(&self) -> u64 {
        let head_bytes = self.transaction.http.answered.map_or(0, |answered| answered.head_bytes);
        self.bytes_sent().saturating_sub(head_bytes)
    }

    /// Whether the whole response has been sent.
    pub fn is_complete(&self) -> bool {
        let end = self.transaction.http.answered.and_then(|answered| answered.output_end);
        end.is_some_and(|end| self.sent_bytes >= end)
    }

    /// Bytes of the whole response that have been sent.
    pub fn bytes_sent(&self) -> u64 {
        let http = &self.transaction.http;
        let end = http.answered.and_then(|answered| answered.output_end);
        let sent = end.map_or(self.sent_bytes, |end| self.sent_bytes.min(end));
        sent.saturating_sub(http.output_start)
    }

    /// The head of the response as sent. Empty unless an access log uses its fields.
    pub fn sent_head(&self) -> &'a [u8] {
        &self.transaction.http.rare.sent_head
    }

    /// The fields behind the body that have been made so far, as lines behind a first one.
    pub fn sent_trailers(&self) -> &'a [u8] {
        &self.transaction.http.rare.sent_trailers
    }

    /// The identifier that the response gives to the client.
    pub fn userid(&self) -> Option<UserId> {
        self.transaction.http.rare.userid
    }

    /// What limits have made of the request.
    pub fn limited(&self) -> &'a Limited {
        &self.transaction.http.rare.limited
    }

    /// What was set as this response's rate, or else a fixed `limit_rate`. One with variables is 0 until the response
    /// begins: its variables may depend on this one.
    pub fn limit_rate(&self) -> u64 {
        match (self.limited().rate, &self.settings().limits.rate.rate) {
            (Some(bytes), _) => bytes,
            (None, Some(Size::Fixed(bytes))) => *bytes,
            (None, Some(Size::Made(_)) | None) => 0,
        }
    }

    /// What the client sends to prove who it is (`auth_basic`), whether or not it was asked for it.
    pub fn credentials(&self) -> Option<Credentials> {
        self.request()?.fields.get(Known::Authorization).and_then(Credentials::parse)
    }

    /// Whether the client has sent the right password.
    pub fn is_authenticated(&self) -> bool {
        self.transaction.http.is_authenticated
    }

    /// Bytes of the request that have been read.
    pub fn request_bytes(&self) -> u64 {
        self.transaction.http.request_head_bytes + self.transaction.http.request_body.bytes
    }

    /// The time since the first byte of the request.
    pub fn elapsed(&self) -> Duration {
        self.transaction.http.started.map_or(Duration::ZERO, |started| self.now.since(started))
    }

    /// Whether the request came before the previous response was sent.
    pub fn is_pipelined(&self) -> bool {
        self.transaction.http.pipelined
    }

    /// The path of the file with the request's body (`client_body_in_file_only`).
    pub fn request_body_file(&self) -> &'a [u8] {
        &self.transaction.http.rare.body_file
    }
}
