//! What variables are made of, for one request at one moment.

use super::current::Current;
use super::{Context, Http1};
use crate::exchange::Exchange;
use crate::route::View;
use crate::worker::Worker;
use webserv_sys::Moment;

impl Http1 {
    /// The request as `return`, `add_header`, `error_page` and the access log see it.
    pub(super) fn view<'a>(&'a self, current: &'a Current, cx: &'a Context<'_>) -> View<'a> {
        self.view_at(current, cx.exchange.as_deref(), cx.worker, cx.now)
    }

    /// The same, which leaves the worker to others.
    pub(super) fn view_at<'a>(
        &'a self,
        current: &'a Current,
        x: Option<&'a Exchange>,
        worker: &Worker,
        now: Moment,
    ) -> View<'a> {
        let taken = x.map_or(0, |x| x.sent_bytes);
        let sent = taken.min(current.output_end).saturating_sub(current.output_start);
        View {
            request: current.request.as_deref(),
            query: current.query(),
            request_line: current.request.as_ref().map_or(&current.rare.bad_line, |r| r.line()),
            path: current.path(),
            server: &current.route.server,
            settings: &current.route.settings,
            client: x.and_then(|x| x.client.address()),
            local: &self.entrance.local,
            wall: worker.date.wall(now),
            status: current.status,
            body_bytes_sent: sent.saturating_sub(current.head_bytes),
            bytes_sent: sent,
            request_bytes: current.request_head_bytes + current.body.bytes,
            elapsed: now.since(current.started),
            worker: worker.team.number(),
            connection: self.connection,
            connection_requests: current.number,
            pipelined: current.pipelined,
            sent_head: &current.rare.sent_head,
            request_body_file: &current.rare.body_file,
            userid: current.rare.userid,
        }
    }
}
