//! ProxyProtocol: Http1 behind a proxy that sends a header of the PROXY protocol before the client's bytes
//! (`listen ... proxy_protocol`).
//!
//! It reads the header, and then is the connection's Http1. Other connections know nothing of it. As for a request's
//! head, the time is limited by `client_header_timeout`.

use super::Http1;
use crate::connection::{Connection, Phase};
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::http::proxy_protocol::{self, Parsed};
use crate::log::Level;
use crate::task::Context;
use crate::worker::Worker;
use webserv_sys::{Moment, Watch};

/// One connection of the proxy.
pub struct ProxyProtocol {
    http1: Http1,
    /// The whole header has come: the rest belongs to `http1`.
    is_read: bool,
    /// The number of bytes at the front of the input that are a part of the header.
    seen: u64,
}

impl ProxyProtocol {
    /// Reads a header on a connection that was accepted in the round of `now`. The caller sets the first deadline, at
    /// `now` plus `client_header_timeout`.
    pub fn new(now: Moment) -> Self {
        Self { http1: Http1::new(now), is_read: false, seen: 0 }
    }

    /// Looks for the header at the front of the input.
    fn read(&mut self, cx: &mut Context<'_>) {
        let Context { connection: Some(x), worker, .. } = cx else { return };
        if x.phase != Phase::Open || x.input.is_empty() && !x.input.is_ended() {
            return;
        }
        let bytes = x.input.contiguous();
        worker.stats.note_reading(self.seen > 0, !bytes.is_empty());
        self.seen = bytes.len() as u64;
        match proxy_protocol::parse(bytes) {
            Ok(Some(Parsed { proxied, used })) => {
                x.input.consume_into(used as u64, &mut worker.buffers);
                if let Some(proxied) = proxied {
                    x.identity.set_proxied(proxied);
                }
                worker.stats.note_reading(true, false);
                self.is_read = true;
            }
            Ok(None) if x.input.is_ended() && self.seen > 0 => {
                self.give_up("the client has closed in the middle of the PROXY protocol's header", cx);
            }
            Ok(None) if x.input.is_ended() => x.phase = Phase::Closed,
            Ok(None) => {}
            Err(fault) => self.give_up(fault, cx),
        }
    }

    fn give_up(&mut self, why: &str, cx: &mut Context<'_>) {
        cx.log(Level::Info, format_args!("{why}: closed"));
        cx.connection().phase = Phase::Closed;
    }

    /// Whether there is work before the header has been read.
    fn wants_header(&self, x: &Connection) -> bool {
        let has_more = x.input.len() > self.seen || x.input.is_ended();
        x.phase == Phase::Open && (has_more || self.http1.enters_idle_list(x))
    }
}

impl Task<Worker> for ProxyProtocol {
    fn kind(&self) -> &'static str {
        if self.is_read { self.http1.kind() } else { "ProxyProtocol" }
    }

    fn doing(&self) -> &'static str {
        if self.is_read { self.http1.doing() } else { "reading the PROXY protocol's header" }
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, seen: Seen<'_>) -> Want {
        match seen.connection {
            Some(x) if !self.is_read && self.wants_header(x) => Want::Turn,
            _ if self.is_read => self.http1.wants(seen),
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup if !self.is_read => self.read(cx),
            Event::Deadline if !self.is_read => self.give_up("no header of the PROXY protocol has come in time", cx),
            Event::Cancel => {
                cx.worker.stats.note_reading(!self.is_read && self.seen > 0, false);
                return self.http1.handle(event, cx);
            }
            _ => {}
        }
        if self.is_read {
            return self.http1.handle(event, cx);
        }
        self.http1.refresh_idle_list(cx);
        Ok(Flow::Progress)
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        self.http1.notice(notice, cx)
    }
}
