//! Chooses the handler: the content phase.

use super::cached::{from_cache, keeps, takes_gzip};
use super::next::Next;
use super::respond::{respond, whole};
use super::store::store;
use super::stored_body::{await_body, note_body_file};
use super::{dav, folder, gateway, page, root, upload};
use crate::config::{BodyInFile, Gateway, Return, Settings};
use crate::connection::{BodySink, Chosen, Response, Stage, StoredBody, Transaction};
use crate::http::{Framing, Method, ReplyHead, Request, TargetForm, Text};
use crate::log::Level;
use crate::route;
use crate::task::Work;
use crate::task::cgi::{CgiStart, NeededBody};
use crate::task::file::{FileRead, FileRequest};
use crate::vars;
use std::rc::Rc;
use std::sync::Arc;

/// Whether a handler of this location takes the request's body.
pub(super) fn takes_body(method: Method, settings: &Settings) -> bool {
    let stores = match method {
        Method::Put => settings.dav.methods.allow(method),
        Method::Post => settings.upload_store.is_some(),
        _ => false,
    };
    let passes = |gateway: &Arc<Gateway>| gateway.rules.pass_request_body && gateway.rules.proxy.body.is_none();
    stores || settings.cgi.is_some() || settings.gateway.as_ref().is_some_and(passes)
}

/// Decides where the request's body goes, when the location is final. A body that no handler takes is read before the
/// content phase.
pub(super) fn begin_content(w: &mut Work<'_>) -> Next {
    root::resolve(w);
    if lacks_body(w.t) {
        w.log(Level::Error, format_args!("the request's body was read before this location got the request"));
        return page::refuse(w, 500);
    }
    if w.t.http.request_body.is_finished() || may_be_taken_later(w) {
        return Next::Go(Stage::Content);
    }
    let Transaction { http, route, body, .. } = &mut *w.t;
    let Some(request) = &http.request else { return Next::Go(Stage::Content) };
    let request_body = &mut http.request_body;
    if http.rare.chosen.is_none() && !http.as_get && takes_body(request.method, &route.settings) {
        if request_body.sink == BodySink::Discard {
            request_body.sink = BodySink::Handler;
            request_body.owes_continue = request.expect_continue; // until a handler wants the body
            body.set_bound(route.settings.client_body_buffer_size);
            body.hold();
        }
        return Next::Go(Stage::Content);
    }
    if request_body.sink == BodySink::Handler {
        request_body.sink = BodySink::Discard;
        body.abandon();
    }
    if request.expect_continue {
        // No handler of this location takes a body, so 100 is not sent. The client may send the body anyway, or not.
        request_body.give_up();
        http.keep_alive = false;
    }
    Next::Go(if http.request_body.is_finished() { Stage::Content } else { Stage::DiscardBody })
}

/// Whether a handler of this location would take the body, and a part of it was dropped, or is not waited for.
fn lacks_body(t: &Transaction) -> bool {
    let (http, body) = (&t.http, &t.http.request_body);
    let Some(request) = http.request.as_ref().filter(|request| request.has_body()) else { return false };
    let is_touched = body.bytes > 0 || body.is_finished() && !body.is_whole();
    let takes = || http.rare.chosen.is_none() && !http.as_get && takes_body(request.method, t.settings());
    body.sink == BodySink::Discard && is_touched && takes()
}

/// Whether the body may be for another location, and so is not dropped yet: the one of a named error page, or that of
/// the program that is the directory's index.
fn may_be_taken_later(w: &Work<'_>) -> bool {
    let http = &w.t.http;
    let takes = || http.method_now().is_some_and(|method| takes_body(method, w.t.settings()));
    let has_named = || w.t.settings().error_pages.iter().any(|page| page.uri.leading_text().starts_with('@'));
    http.rare.chosen.is_none()
        && !http.in_error_page
        && !takes()
        && (has_named() || folder::may_have_program_index(w, &w.t.route))
}

/// Whether a program of this location, or a server behind, may answer: it may know other methods than this server does.
pub(super) fn may_have_program(settings: &Settings) -> bool {
    (settings.cgi.is_some() || settings.gateway.is_some())
        && settings.return_.as_ref().is_none_or(|answer| answer.adds_slash)
}

/// Runs the content phase at the location that was found.
pub(super) fn content(w: &mut Work<'_>) -> Next {
    let (settings, http) = (w.t.settings(), &w.t.http);
    let is_asterisk = |request: &Rc<Request>| request.form == TargetForm::Asterisk;
    let asks_server = || !http.internal && http.request.as_ref().is_some_and(is_asterisk);
    if http.rare.chosen.is_some() && !asks_server() {
        return answer_chosen(w);
    }
    if settings.return_.as_ref().is_some_and(|answer| answer.adds_slash) && !asks_server() {
        return page::add_slash(w);
    }
    if settings.gateway.is_some() && !asks_server() {
        return gateway::begin(w);
    }
    if settings.cgi.is_some() && !asks_server() && route::script_may_answer(settings, http.path()) {
        return start_program(w, None);
    }
    without_program(w)
}

/// The content phase without a CGI program.
pub(super) fn without_program(w: &mut Work<'_>) -> Next {
    let method = match w.t.http.method_now() {
        Some(method) if !method.reads() => method,
        _ => return find_file(w),
    };
    let route = Rc::clone(&w.t.route);
    let may_change = route.settings.dav.methods.allow(method);
    match method {
        Method::Put if may_change => store(w),
        Method::Post if route.settings.upload_store.is_some() => upload::store_new(w),
        Method::Delete if may_change => dav::remove(w),
        Method::Mkcol if may_change => dav::make_collection(w),
        Method::Copy | Method::Move if may_change => dav::copy_or_move(w),
        _ if folder::may_have_program_index(w, &route) => find_file(w),
        _ => page::not_taken(w),
    }
}

/// Answers with a file or a directory's index file: from the cache, or FileRead looks for it.
fn find_file(w: &mut Work<'_>) -> Next {
    if let Some(next) = from_cache(w) {
        return next;
    }
    let route = Rc::clone(&w.t.route);
    let (settings, path) = (&route.settings, w.t.http.path());
    if settings.empty_gif {
        return folder::empty_gif(w);
    }
    let (indexes, is_fixed) = match path.last() {
        Some(b'/') => folder::indexes(w, &route, path),
        _ => (Vec::new(), true),
    };
    let Some(mut file) = route.file_path(path) else {
        w.log(Level::Error, format_args!("the path leads out of its location: by \"..\" or by several slashes"));
        return page::refuse(w, 404);
    };
    if file.ends_with(b"/") && !path.ends_with(b"/") {
        file.push(b'.'); // an alias added the slash: the client is redirected to the URL of the directory
    }
    let wanted = FileRequest {
        path: file,
        url_path: path.to_vec(),
        indexes,
        gzip: takes_gzip(w.t),
        keeps: is_fixed && keeps(w.t),
        random_index: settings.autoindex.random && !w.t.http.rare.random_index_tried,
        settings: Arc::clone(settings),
    };
    w.join(Box::new(FileRead::new(wanted)));
    Next::Go(Stage::Handler)
}

/// Starts the program for this path if there is one, with the stored body or with the body that is still coming.
///
/// All of the body is read first, unless `cgi_request_buffering` is off. It is stored if its length is not known, or if
/// it has to be in a file.
pub(super) fn start_program(w: &mut Work<'_>, stored: Option<StoredBody>) -> Next {
    await_body(w);
    let settings = Arc::clone(&w.t.route.settings);
    let in_file = settings.client_body_in_file_only != BodyInFile::Off;
    if let Some(stored) = &stored {
        note_body_file(w, stored);
    }
    let buffers = settings.cgi.as_ref().is_some_and(|cgi| cgi.request_buffering);
    let is_chunked = w.t.http.request.as_ref().is_some_and(|request| request.framing == Framing::Chunked);
    let feeds = w.t.http.request_body.sink == BodySink::Handler;
    let waits_for = match () {
        () if !feeds || stored.is_some() => NeededBody::AsItComes,
        () if in_file || is_chunked && buffers => NeededBody::Stored,
        () if buffers => NeededBody::Whole,
        () => NeededBody::AsItComes,
    };
    w.join(Box::new(CgiStart::new(stored, waits_for)));
    Next::Go(Stage::Handler)
}

/// Answers with what the configuration says: `return`, or a rewrite that redirects the client.
fn answer_chosen(w: &mut Work<'_>) -> Next {
    match w.t.http.rare.chosen.take() {
        Some(Chosen::Return(answer)) => answer_return(w, &answer),
        Some(Chosen::Redirect(status, uri)) => send_to(w, status, uri, "rewrite"),
        None => without_program(w),
    }
}

/// `return`.
fn answer_return(w: &mut Work<'_>, answer: &Return) -> Next {
    if answer.code == 444 {
        w.t.http.status = Some(444);
        return respond(w, Response::Close);
    }
    let Some(text) = &answer.text else { return answer_code(w, answer.code) };
    w.t.http.status = Some(w.t.http.error_status.unwrap_or(answer.code)); // for $status in the text
    let text = vars::expand(text, &w.worker.view(w.identity, w.t, w.now));
    if matches!(answer.code, 301 | 302 | 303 | 307 | 308) {
        return send_to(w, answer.code, text, "return");
    }
    let mut head = ReplyHead::new(w.t.http.error_status.unwrap_or(answer.code));
    let media_type = route::media_type(w.t.settings(), w.t.http.path()).clone();
    head.content_type = Text::shared(media_type).ok();
    whole(w, head, text)
}

/// `return CODE;`. As an error page, a code that is an error is the new status, and another code gives no body.
fn answer_code(w: &mut Work<'_>, code: u16) -> Next {
    match (code, w.t.http.error_status) {
        (..300, Some(status)) => whole(w, ReplyHead::new(status), Vec::new()),
        _ => {
            w.t.http.error_status = None;
            page::refuse(w, code)
        }
    }
}

/// Redirects the client to this URI.
fn send_to(w: &mut Work<'_>, status: u16, uri: Vec<u8>, directive: &str) -> Next {
    w.t.http.error_status = None; // the error's status would make the redirect invalid
    match Text::from_vec(uri) {
        Ok(location) => page::page(w, ReplyHead { location: Some(location), ..ReplyHead::new(status) }),
        Err(error) => {
            w.log(Level::Error, format_args!("the URI of \"{directive}\" cannot be sent: {error}"));
            page::refuse(w, 500)
        }
    }
}
