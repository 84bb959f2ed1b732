//! The phases of a request.

use super::next::Next;
use super::{access, choose, limits, outcome, page, real_ip, rewrite, status, try_files};
use crate::config::{Phases, Settings};
use crate::connection::{Path, RequestBody, Stage, Transaction};
use crate::http::{Method, TargetForm, target};
use crate::log::Level;
use crate::task::Work;
use std::borrow::Cow;
use std::rc::Rc;

/// Runs the phases. Returns `Next::Go` with a stage of the wire format, or `Next::Wait`.
pub fn run(w: &mut Work<'_>) -> Next {
    loop {
        let next = match w.t.http.stage {
            Stage::PostRead => post_read(w),
            Stage::ServerRewrite => server_rewrite(w),
            Stage::FindLocation => find_location(w),
            Stage::EnterNamed => enter(w),
            Stage::Rewrite => rewrite::location(w),
            Stage::PostRewrite => Next::Go(Stage::PreAccess),
            Stage::PreAccess if w.t.settings().phases.contains(Phases::PRE_ACCESS) => pre_access(w),
            Stage::PreAccess => Next::Go(Stage::Access),
            Stage::Access => access::access(w),
            Stage::PostAccess => Next::Go(Stage::PreContent),
            Stage::PreContent => pre_content(w),
            Stage::Content => choose::content(w),
            Stage::Handler => outcome::take(w),
            Stage::Returning => access::returning(w),
            stage @ (Stage::Other | Stage::DiscardBody | Stage::Sending | Stage::Drain | Stage::Ending) => {
                return Next::Go(stage);
            }
        };
        match next {
            Next::Go(stage) => w.t.http.stage = stage,
            Next::Wait => return Next::Wait,
        }
    }
}

/// Refuses requests by their head alone.
fn post_read(w: &mut Work<'_>) -> Next {
    let Some(request) = &w.t.http.request else { return page::refuse(w, 400) };
    match request.method {
        Method::Connect => {
            w.t.http.keep_alive = false; // what follows may belong to the tunnel
            w.t.http.request_body = RequestBody::lost();
            page::refuse(w, 405)
        }
        // Refused everywhere: it would show a page's script the cookies and passwords that the client sends.
        Method::Trace => {
            w.t.http.keep_alive = false; // as nginx
            page::refuse(w, 405)
        }
        _ if request.https => page::refuse(w, 421),
        _ if w.t.settings().phases.intersects(Phases::POST_READ | Phases::SERVER_REWRITE) => {
            real_ip::apply(w);
            Next::Go(Stage::ServerRewrite)
        }
        _ => Next::Go(Stage::FindLocation),
    }
}

/// Handlers that take all requests of a location.
fn pre_content(w: &mut Work<'_>) -> Next {
    if w.t.settings().stub_status {
        return status::stub_status(w);
    }
    try_files::try_files(w)
}

/// What comes before the checks of access.
fn pre_access(w: &mut Work<'_>) -> Next {
    real_ip::apply(w);
    limits::pre_access(w)
}

/// Runs the program of the server.
fn server_rewrite(w: &mut Work<'_>) -> Next {
    if matches!(w.t.http.path, Path::Unknown) {
        let Some(request) = w.t.http.request.as_ref().filter(|it| it.form != TargetForm::Asterisk) else {
            return Next::Go(Stage::FindLocation);
        };
        w.t.http.path = match target::normalize(request.path(), w.t.settings().merge_slashes) {
            Ok(Cow::Borrowed(_)) => Path::AsSent,
            Ok(Cow::Owned(path)) => Path::Made(path),
            Err(error) => {
                w.log(Level::Info, format_args!("refused: {}", error.reason()));
                return page::refuse(w, 400);
            }
        };
    }
    rewrite::server(w)
}

/// Finds the location for the path.
fn find_location(w: &mut Work<'_>) -> Next {
    if !matches!(w.t.http.path, Path::Unknown) {
        return find_again(w);
    }
    let Some(request) = &w.t.http.request else { return page::refuse(w, 400) };
    if request.form != TargetForm::Asterisk {
        let path = match target::normalize(request.path(), w.t.settings().merge_slashes) {
            Ok(path) => path,
            Err(error) => {
                w.log(Level::Info, format_args!("refused: {}", error.reason()));
                return page::refuse(w, 400);
            }
        };
        let route = Rc::clone(w.identity.listener.routes.to_path(&w.t.route.server, &path));
        w.t.http.path = match path {
            Cow::Borrowed(_) => Path::AsSent,
            Cow::Owned(path) => Path::Made(path),
        };
        w.t.route = route;
    }
    enter(w)
}

/// Finds the location of a path that was made: by an internal redirect, or by the program of the server.
#[cold]
fn find_again(w: &mut Work<'_>) -> Next {
    let route = w.identity.listener.routes.to_path(&w.t.route.server, w.t.http.path());
    w.t.route = Rc::clone(route);
    enter(w)
}

/// Enters the location that was found, if it takes the request.
fn enter(w: &mut Work<'_>) -> Next {
    match admit(w.t) {
        // In most cases the phases before the content phase have nothing to do.
        Ok(()) if w.t.settings().phases.is_empty() && w.t.http.request_body.is_finished() => Next::Go(Stage::Content),
        Ok(()) => Next::Go(Stage::Rewrite),
        Err(refused) => refuse(w, refused),
    }
}

/// Why the location refuses a request.
enum NotAdmitted {
    NotImplemented,
    ByMethods,
    BodyTooLong,
    /// The location is `internal`, and the client asks for it.
    Internal,
}

#[cold]
fn refuse(w: &mut Work<'_>, why: NotAdmitted) -> Next {
    match why {
        NotAdmitted::NotImplemented => page::refuse(w, 501),
        NotAdmitted::ByMethods => page::refuse(w, 405),
        NotAdmitted::BodyTooLong => {
            w.log(Level::Error, format_args!("the client means to send a body over client_max_body_size"));
            page::refuse(w, 413)
        }
        NotAdmitted::Internal => {
            w.log(Level::Error, format_args!("the location is internal, and the client asks for it"));
            page::refuse(w, 404)
        }
    }
}

/// Whether `methods` names this method, which the server has no name for.
fn has_extension(settings: &Settings, method: &[u8]) -> bool {
    settings.extension_methods.iter().any(|name| name.as_bytes() == method)
}

/// Whether the location takes the request.
fn admit(t: &Transaction) -> Result<(), NotAdmitted> {
    let Transaction { http, route, .. } = t;
    let (settings, Some(request)) = (&route.settings, &http.request) else { return Ok(()) };
    let asks_server = request.form == TargetForm::Asterisk;
    if http.as_get {
        return Ok(()); // an error page, or the page that a program has named
    }
    if settings.internal && !http.internal {
        return Err(NotAdmitted::Internal);
    }
    if request.method == Method::Unknown && (asks_server || !choose::may_have_program(settings)) {
        return Err(NotAdmitted::NotImplemented);
    }
    if !asks_server
        && settings.methods.is_some_and(|methods| !methods.contains(request.method))
        && !(request.method == Method::Unknown && has_extension(settings, request.method_text()))
    {
        return Err(NotAdmitted::ByMethods);
    }
    if http.request_body.is_longer_than(settings.client_max_body_size) {
        return Err(NotAdmitted::BodyTooLong);
    }
    Ok(())
}
