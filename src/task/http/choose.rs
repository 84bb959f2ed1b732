//! Chooses the handler: the content phase.

use super::cached::{from_cache, keeps, takes_gzip};
use super::next::Next;
use super::respond::{respond, whole};
use super::store::{await_body, secret_number, store};
use super::{dav, page, upload};
use crate::config::{BodyInFile, Settings};
use crate::connection::{BodySink, Response, Stage, StoredBody};
use crate::http::listing::Format;
use crate::http::{Framing, Method, ReplyHead, Request, TargetForm, Text};
use crate::log::Level;
use crate::route;
use crate::task::Work;
use crate::task::cgi::{CgiStart, NeededBody};
use crate::task::file::{BodyFile, BodySpool, DirRead, FileRead, FileRequest};
use crate::vars;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

/// Whether a handler of this location takes the request's body.
pub(super) fn takes_body(method: Method, settings: &Settings) -> bool {
    let stores = match method {
        Method::Put => settings.dav.methods.allow(method),
        Method::Post => settings.upload_store.is_some(),
        _ => false,
    };
    settings.return_.is_none() && (stores || settings.cgi.is_some())
}

/// Whether a program of this location may answer, which may know other methods than the server does.
pub(super) fn may_have_program(settings: &Settings) -> bool {
    settings.cgi.is_some() && settings.return_.as_ref().is_none_or(|answer| answer.adds_slash)
}

/// Runs the content phase at the location that was found.
pub(super) fn content(w: &mut Work<'_>) -> Next {
    let (settings, http) = (w.t.settings(), &w.t.http);
    let is_asterisk = |request: &Rc<Request>| request.form == TargetForm::Asterisk;
    let asks_server = || !http.internal && http.request.as_ref().is_some_and(is_asterisk);
    if settings.return_.is_some() && !asks_server() {
        return answer_return(w);
    }
    if settings.cgi.is_some() && !asks_server() && route::script_may_answer(settings, http.path()) {
        return start_program(w, None);
    }
    without_program(w)
}

/// The content phase without a CGI program. After an internal redirect only GET handlers are tried: the method belonged
/// to the first path.
pub(super) fn without_program(w: &mut Work<'_>) -> Next {
    let method = match w.t.http.method() {
        Some(method) if !method.reads() && !w.t.http.internal => method,
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
        _ if may_have_program_index(&route.settings, w.t.http.path()) => find_file(w),
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
    let index_path = |name: &str| [path, name.as_bytes()].concat();
    let elsewhere = |name: &String| {
        let index = index_path(name);
        (name.clone(), !route.also_answers(&index) || route::script_may_answer(settings, &index))
    };
    let is_read = w.t.http.internal || w.t.http.method().is_none_or(Method::reads);
    let fits = |name: &&String| is_read || route::script_may_answer(settings, &index_path(name));
    let indexes = match path.last() {
        Some(b'/') => settings.index.iter().filter(fits).map(elsewhere).collect(),
        _ => Vec::new(),
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
        keeps: keeps(w.t),
        settings: Arc::clone(settings),
    };
    w.join(Box::new(FileRead::new(wanted)));
    Next::Go(Stage::Handler)
}

/// Stores all of the body before the program gets it.
pub(super) fn spool(w: &mut Work<'_>) -> Next {
    let Some(number) = secret_number(w) else { return page::refuse(w, 500) };
    let settings = w.t.settings();
    let in_file = settings.client_body_in_file_only != BodyInFile::Off;
    let spool = BodySpool::new(&settings.client_body_temp_path, number, in_file);
    w.join(Box::new(spool));
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
    if let Some(stored) = stored.as_ref().filter(|stored| !stored.path.is_empty()) {
        w.t.http.rare.body_file = stored.path.clone();
        if settings.client_body_in_file_only == BodyInFile::Clean {
            w.join(Box::new(BodyFile::new(stored.path.clone())));
        }
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

/// Lists a directory.
pub(super) fn list(w: &mut Work<'_>, directory: OwnedFd) -> Next {
    let settings = Arc::clone(&w.t.route.settings);
    let preferred = || w.t.http.request.as_ref().map_or(Format::Html, |request| Format::preferred(&request.fields));
    let format = settings.autoindex.format.unwrap_or_else(preferred);
    let url_path = w.t.http.path().to_vec();
    w.join(Box::new(DirRead::new(directory, url_path, settings, format)));
    Next::Go(Stage::Handler)
}

/// `return`: answers from the configuration.
fn answer_return(w: &mut Work<'_>) -> Next {
    let route = Rc::clone(&w.t.route);
    let Some(answer) = &route.settings.return_ else { return without_program(w) };
    if answer.adds_slash {
        return page::add_slash(w);
    }
    if answer.code == 444 {
        w.t.http.status = Some(444);
        return respond(w, Response::Close);
    }
    let Some(text) = &answer.text else { return page::refuse(w, answer.code) };
    let text = vars::expand(text, &w.worker.view(w.identity, w.t, w.now));
    let mut head = ReplyHead::new(answer.code);
    if matches!(answer.code, 301 | 302 | 303 | 307 | 308) {
        w.t.http.error_status = None; // the error's status would make the redirect invalid
        return match Text::from_vec(text) {
            Ok(location) => {
                head.location = Some(location);
                page::page(w, head)
            }
            Err(error) => {
                w.log(Level::Error, format_args!("the URL of \"return\" cannot be sent: {error}"));
                page::refuse(w, 500)
            }
        };
    }
    head.status = w.t.http.error_status.unwrap_or(answer.code);
    let media_type = route::media_type(w.t.settings(), w.t.http.path()).clone();
    head.content_type = Text::shared(media_type).ok();
    whole(w, head, text)
}

/// Whether the index file of the requested directory may be a program. Programs take more methods than files do.
fn may_have_program_index(settings: &Settings, path: &[u8]) -> bool {
    let is_program = |name: &String| route::script_may_answer(settings, &[path, name.as_bytes()].concat());
    path.ends_with(b"/") && settings.index.iter().any(is_program)
}
