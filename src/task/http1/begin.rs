//! From bytes to a request: the head is parsed, the virtual server found, and what can be refused at once is.

use super::body::RequestBody;
use super::current::{Arrival, Current, Path};
use super::{Context, Http1, Step};
use crate::config::Settings;
use crate::connection::{Connection, Phase, Pipe};
use crate::http::{HeadError, HeadLimits, Method, Request, TargetForm, head, target};
use crate::log::Level;
use crate::route::{self, Route};
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::Moment;

impl Http1 {
    /// Looks for a request at the front of the input.
    pub(super) fn begin(&mut self, cx: &mut Context<'_>) -> Step {
        let now = cx.now;
        let Context { connection: Some(x), worker, .. } = cx else { return Step::Wait };
        if x.input.is_empty() && !x.input.is_ended() {
            return Step::Wait;
        }
        let limits = self.listener.limits;
        let was_started = self.is_head_started();
        let started = if was_started { self.since } else { now };
        let bytes = x.input.contiguous();
        self.seen = bytes.len() as u32; // far below 4 GiB: a pipe is bounded
        let mut scan = self.scan.take().or_else(|| worker.scans.pop()).unwrap_or_default();
        let result = head::request(bytes, &mut scan, &limits);
        let is_started = scan.is_started();
        match result {
            Ok(None) => self.scan = Some(scan),
            _ => worker.give_back(scan),
        }
        match result {
            Ok(Some((request, used))) => {
                x.input.consume_into(used as u64, &mut worker.buffers);
                self.seen = 0;
                x.output.draw_on_empty(&mut x.input, &mut worker.pipes);
                self.head_complete(request, &limits, started, cx)
            }
            Ok(None) if x.input.is_ended() => {
                // Half a request is no request (RFC 9112 section 8).
                x.phase = Phase::Closing;
                Step::Wait
            }
            Ok(None) => {
                if is_started != was_started {
                    self.since = now;
                }
                Step::Wait
            }
            Err(error) => self.bad_head(error, started, cx),
        }
    }

    /// A whole head has come.
    fn head_complete(
        &mut self,
        request: Rc<Request>,
        limits: &HeadLimits,
        started: Moment,
        cx: &mut Context<'_>,
    ) -> Step {
        let still_ours = self.follow_reload(cx);
        let route = Route::to_server(route::server(&self.listener.configured.hosts, request.host()));
        cx.connection().request = Some(Rc::clone(&request) as _);
        let arrival = self.arrival(route, started, cx);
        let mut current = Box::new(Current::new(arrival, request, limits));
        current.keep_alive &= still_ours;
        match self.check(&mut current, cx) {
            Ok(()) if current.feeds => self.ask(current, cx),
            Ok(()) => self.skip_body(current, cx),
            Err(status) => {
                apply(&current.route.settings, cx.connection());
                self.refuse(current, status, cx)
            }
        }
    }

    /// After a reload the next request is answered by the new configuration, if it still listens at this address.
    fn follow_reload(&mut self, cx: &mut Context<'_>) -> bool {
        if Arc::ptr_eq(&self.listener.config, &cx.worker.config) {
            return true;
        }
        let Some(listener) = cx.worker.listener_now(&self.listener) else { return false };
        self.listener = listener;
        true
    }

    /// What the head alone can be refused for; finds the location.
    fn check(&mut self, current: &mut Current, cx: &mut Context<'_>) -> Result<(), u16> {
        let Some(request) = current.request.clone() else { return Err(400) };
        match (request.method, request.form) {
            (Method::Unknown, _) => return Err(501),
            (Method::Connect, _) => {
                current.keep_alive = false; // what follows may be meant for the tunnel
                current.body = RequestBody::lost();
                return Err(405);
            }
            _ if request.https => return Err(421),
            (_, TargetForm::Asterisk) => {}
            _ => find_location(current, &request, cx)?,
        }
        let settings = &current.route.settings;
        apply(settings, cx.connection());
        if request.form != TargetForm::Asterisk {
            if settings.methods.is_some_and(|methods| !methods.contains(request.method)) {
                return Err(405);
            }
            if settings.limit_except.is_some_and(|methods| !methods.contains(request.method)) {
                cx.log(Level::Error, format_args!("{} is denied by limit_except", request.method.name()));
                return Err(403);
            }
        }
        if current.body.is_longer_than(settings.client_max_body_size) {
            cx.log(Level::Error, format_args!("the client means to send a body over client_max_body_size"));
            return Err(413);
        }
        current.feeds = !current.body.is_finished() && takes_body(request.method, settings);
        if current.feeds {
            *cx.connection().body = Pipe::new(settings.client_body_buffer_size);
        }
        if request.expect_continue && current.feeds {
            current.owes_continue = true; // until the handler knows that it wants the body
        } else if request.expect_continue {
            // No handler of this location wants a body, so it is not asked for. It may come all the same, or not.
            current.keep_alive = false;
            current.body.give_up();
        }
        Ok(())
    }

    /// The head cannot be understood, so neither can what follows it.
    fn bad_head(&mut self, error: HeadError, started: Moment, cx: &mut Context<'_>) -> Step {
        self.seen = 0;
        let server = Arc::clone(&self.listener.configured.hosts.servers[0]);
        apply(&server.settings, cx.connection());
        cx.log(Level::Info, format_args!("refused: {}; it begins \"{}\"", error.reason, error.line.escape_ascii()));
        let arrival = self.arrival(Route::to_server(&server), started, cx);
        self.refuse(Box::new(Current::bad(arrival, &error.line, error.method)), error.status, cx)
    }

    /// Refuses a request whose head has not come as a whole.
    pub(super) fn refuse_head(&mut self, status: u16, cx: &mut Context<'_>) -> Step {
        let route = Route::to_server(&self.listener.configured.hosts.servers[0]);
        let arrival = self.arrival(route, self.since, cx);
        self.scan = None;
        let line = cx.connection().input.contiguous().split(|b| *b == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let current = Current::bad(arrival, line, Method::Unknown);
        self.refuse(Box::new(current), status, cx)
    }

    /// One more request has come.
    fn arrival(&mut self, route: Route, started: Moment, cx: &mut Context<'_>) -> Arrival {
        self.served = self.served.saturating_add(1);
        let x = cx.connection();
        Arrival {
            route,
            number: self.served.into(),
            output_start: x.output_end(),
            pipelined: !x.output.is_empty(),
            started,
        }
    }
}

/// Whether a handler of this place takes the request's body.
fn takes_body(method: Method, settings: &Settings) -> bool {
    let stores = match method {
        Method::Put => settings.dav.methods.allow(method),
        Method::Post => settings.upload_store.is_some(),
        _ => false,
    };
    settings.return_.is_none() && (stores || settings.cgi.is_some())
}

/// Which location the path leads to.
fn find_location(current: &mut Current, request: &Request, cx: &mut Context<'_>) -> Result<(), u16> {
    let path = match target::normalize(request.path(), current.route.settings.merge_slashes) {
        Ok(path) => path,
        Err(error) => {
            apply(&current.route.settings, cx.connection());
            cx.log(Level::Info, format_args!("refused: {}", error.reason()));
            return Err(400);
        }
    };
    current.route.lead_to(&path);
    current.path = match path {
        Cow::Borrowed(_) => Path::AsSent,
        Cow::Owned(path) => Path::Made(path),
    };
    Ok(())
}

/// These settings hold for the connection from now on. Mostly they do already.
pub(super) fn apply(settings: &Arc<Settings>, x: &mut Connection) {
    if !Arc::ptr_eq(&x.settings, settings) {
        x.settings = Arc::clone(settings);
    }
}
