//! What variables are made of, for one request at one moment.

use super::current::Current;
use super::{Context, Http1};
use crate::config::{Server, Settings};
use crate::connection::Connection;
use crate::http::Request;
use crate::http::userid::UserId;
use crate::vars::View;
use crate::worker::DateCache;
use std::time::Duration;
use webserv_sys::Moment;
use webserv_sys::clock::Wall;
use webserv_sys::net::Address;

/// The request as `return`, `add_header`, `error_page` and the access log see it.
pub(super) struct CurrentView<'a> {
    pub protocol: &'a Http1,
    pub current: &'a Current,
    pub connection: Option<&'a Connection>,
    pub date: &'a DateCache,
    /// The worker's number.
    pub worker: usize,
    pub now: Moment,
}

impl Http1 {
    /// This request as it is seen now.
    pub(super) fn view<'a>(&'a self, current: &'a Current, cx: &'a Context<'_>) -> CurrentView<'a> {
        CurrentView {
            protocol: self,
            current,
            connection: cx.connection.as_deref(),
            date: &cx.worker.date,
            worker: cx.worker.team.number(),
            now: cx.now,
        }
    }
}

impl View for CurrentView<'_> {
    fn request(&self) -> Option<&Request> {
        self.current.request.as_deref()
    }

    fn query(&self) -> Option<&[u8]> {
        self.current.query()
    }

    fn request_line(&self) -> &[u8] {
        self.current.request.as_ref().map_or(&self.current.rare.bad_line, |request| request.line())
    }

    fn path(&self) -> &[u8] {
        self.current.path()
    }

    fn server(&self) -> &Server {
        &self.current.route.server
    }

    fn settings(&self) -> &Settings {
        &self.current.route.settings
    }

    fn client(&self) -> Option<Address> {
        self.connection.and_then(|x| x.client.address())
    }

    fn local(&self) -> &Address {
        &self.protocol.listener.local
    }

    fn wall(&self) -> Wall {
        self.date.wall(self.now)
    }

    fn worker(&self) -> usize {
        self.worker
    }

    fn connection(&self) -> u64 {
        self.protocol.number
    }

    fn connection_requests(&self) -> u64 {
        self.current.number
    }

    fn status(&self) -> u16 {
        self.current.status
    }

    fn body_bytes_sent(&self) -> u64 {
        self.bytes_sent().saturating_sub(self.current.head_bytes)
    }

    fn bytes_sent(&self) -> u64 {
        let taken = self.connection.map_or(0, |x| x.sent_bytes);
        taken.min(self.current.output_end).saturating_sub(self.current.output_start)
    }

    fn sent_head(&self) -> &[u8] {
        &self.current.rare.sent_head
    }

    fn userid(&self) -> Option<UserId> {
        self.current.rare.userid
    }

    fn request_bytes(&self) -> u64 {
        self.current.request_head_bytes + self.current.body.bytes
    }

    fn elapsed(&self) -> Duration {
        self.now.since(self.current.started)
    }

    fn is_pipelined(&self) -> bool {
        self.current.pipelined
    }

    fn request_body_file(&self) -> &[u8] {
        &self.current.rare.body_file
    }
}
