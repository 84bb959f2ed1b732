//! Subrequests: a request of the server to itself, before it goes on with a client's request (`auth_request`).
//!
//! The subrequest takes the place of the request in its transaction: the request's state is put aside, the subrequest
//! runs through the same stages, and where its response would be sent, the state is put back. The response's body is
//! dropped. Variables of the configuration are common to both, as in nginx.

use super::next::{Next, end_handlers};
use super::set_variable::set;
use super::{fields, redirect};
use crate::config::{Phases, SetTarget};
use crate::connection::{Http, Path, RequestBody, Response, Stage, SubrequestAnswer, Suspended};
use crate::limits::REDIRECTS_MAX;
use crate::log::Level;
use crate::route::Route;
use crate::task::Work;
use crate::vars;
use std::rc::Rc;

/// Begins a subrequest for this path, with or without a query. It is a GET without a body, with the fields of the
/// client's request.
///
/// # Errors
/// 500: subrequests inside one another do not end, or the path is not valid.
pub(super) fn begin(w: &mut Work<'_>, uri: &[u8]) -> Result<Next, u16> {
    let (path, query) = redirect::split(uri);
    let parent = &w.t.http;
    if !redirect::is_clean(path) || parent.redirects >= REDIRECTS_MAX {
        w.log(
            Level::Error,
            format_args!("the subrequest \"{}\" is refused: it is no path, or a loop", uri.escape_ascii()),
        );
        return Err(500);
    }
    let captures = w.t.http.slots.take_captures();
    let mut http = Http {
        request: parent.request.clone(),
        path: Path::Made(path.to_vec()),
        request_body: RequestBody::lost(),
        as_get: true,
        internal: true,
        redirects: parent.redirects + 1,
        output_start: parent.output_start,
        number: parent.number,
        started: parent.started,
        slots: std::mem::take(&mut w.t.http.slots),
        ..Http::default()
    };
    http.rare.new_query = Some(query);
    http.rare.client = w.t.http.rare.client;
    let server = Rc::clone(w.identity.listener.routes.to_server(&w.t.route.server));
    let rewrites = server.settings.phases.contains(Phases::SERVER_REWRITE);
    let http = std::mem::replace(&mut w.t.http, http);
    let (route, body) = (std::mem::replace(&mut w.t.route, server), std::mem::take(&mut w.t.body));
    let suspended = Suspended { http, route, body, captures, answer: SubrequestAnswer::default() };
    w.t.http.rare.suspended = Some(Box::new(suspended));
    Ok(Next::Go(if rewrites { Stage::ServerRewrite } else { Stage::FindLocation }))
}

/// Takes the response of a subrequest. The request goes on when the handlers have ended.
#[cold]
pub(super) fn answered(w: &mut Work<'_>, response: Response) -> Next {
    let (status, head) = match response {
        Response::Made(made) | Response::Switched(made) => (made.head.status, Some(made.head)),
        Response::Cached(file) => (file.head.status, Some(file.head.clone())),
        Response::NonParsed(status, _) => (status, None),
        Response::Close => (444, None),
    };
    let fields = head.as_ref().map(|head| &head.fields[..]).unwrap_or_default();
    let challenge = fields.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(b"WWW-Authenticate"));
    let challenge = challenge.map(|(_, value)| value.as_bytes().to_vec());
    if let Some(head) = &head {
        w.t.http.rare.sent_head = fields::so_far(head, ""); // for $sent_http_NAME
    }
    end_handlers(w);
    w.t.http.status = Some(status);
    if let Some(suspended) = &mut w.t.http.rare.suspended {
        suspended.answer = SubrequestAnswer { status, challenge };
    }
    Next::Go(Stage::Returning)
}

/// `auth_request_set`: the variables get what the answer says. Returns those that belong to the request itself.
fn set_variables(w: &mut Work<'_>, route: &Route) -> Vec<(SetTarget, Vec<u8>)> {
    let mut of_request = Vec::new();
    for (target, value) in route.settings.access.subrequest_sets.iter() {
        let value = vars::expand(value, &w.worker.view(w.identity, w.t, w.now));
        match target {
            SetTarget::Slot(slot) => w.t.http.slots.put(*slot, value.into()),
            SetTarget::Args | SetTarget::LimitRate => of_request.push((*target, value)),
        }
    }
    of_request
}

/// Puts the request back, when the subrequest's handlers have ended. Returns `None` before.
pub(super) fn end(w: &mut Work<'_>) -> Option<SubrequestAnswer> {
    if w.has_handlers() {
        return None;
    }
    let suspended = *w.t.http.rare.suspended.take()?;
    let of_request = set_variables(w, &suspended.route);
    w.t.reply.renew();
    w.t.program.give_back();
    w.t.failed = None;
    let slots = std::mem::take(&mut w.t.http.slots);
    (w.t.http, w.t.route, w.t.body) = (suspended.http, suspended.route, suspended.body);
    slots.restore_captures(suspended.captures);
    w.t.http.slots = slots;
    of_request.into_iter().for_each(|(target, value)| set(w, target, value));
    Some(suspended.answer)
}
