//! Who answers a request: the location itself, or a handler.

use super::begin::apply;
use super::current::{Current, Path, Stage};
use super::head::allowed;
use super::kept::{keeps, takes_gzip};
use super::{Context, Http1, Step};
use crate::config::{BodyInFile, Return, Settings};
use crate::connection::Phase;
use crate::connection::limits::{REDIRECTS_MAX, STORED_BYTES_MAX};
use crate::http::listing::Format;
use crate::http::{Framing, Known, Method, Name, ReplyHead, Request, TargetForm, Text, Version, target};
use crate::log::Level;
use crate::route::{self, Route};
use crate::task::cgi::{CgiStart, Question};
use crate::task::file::{BodyFile, BodySpool, DirRead, FileRead, FileWrite, Upload, Wanted};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

impl Http1 {
    /// The request is complete: it is answered.
    pub(super) fn ask(&mut self, current: Box<Current>, cx: &mut Context<'_>) -> Step {
        let Some(request) = &current.request else { return self.refuse(current, 400, cx) };
        let settings = &current.route.settings;
        if settings.return_.is_some() && request.form != TargetForm::Asterisk {
            return self.ask_here(current, cx);
        }
        if settings.cgi.is_some() && !matches!(request.method, Method::Trace | Method::Options) {
            return self.ask_program(current, cx);
        }
        self.ask_without_program(current, cx)
    }

    /// No program answers. After a redirect inside only a file can: the method was for who has sent us here.
    pub(super) fn ask_without_program(&mut self, current: Box<Current>, cx: &mut Context<'_>) -> Step {
        let request = match &current.request {
            Some(request) if current.redirects == 0 && !request.method.reads() => Rc::clone(request),
            _ => return self.ask_for_file(current, cx),
        };
        let may_change = current.route.settings.dav.methods.allow(request.method);
        match request.method {
            Method::Put if may_change => self.store(current, request, cx),
            Method::Post if current.route.settings.upload_store.is_some() => self.store_new(current, request, cx),
            Method::Delete if may_change => self.remove(current, request, cx),
            Method::Mkcol if may_change => self.make_collection(current, request, cx),
            Method::Copy | Method::Move if may_change => self.transport(current, request, cx),
            Method::Options => {
                let allow = (const { Name::from_static("Allow") }, allowed(&current));
                let head = ReplyHead { fields: vec![allow], ..ReplyHead::new(204) };
                self.send_whole(current, head, Vec::new(), cx)
            }
            _ if may_have_program_index(&current) => self.ask_for_file(current, cx),
            _ => self.refuse(current, 405, cx),
        }
    }

    /// Asks for another path instead, within the server.
    pub(super) fn redirect(&mut self, mut current: Box<Current>, path: Vec<u8>, cx: &mut Context<'_>) -> Step {
        current.redirects += 1;
        if current.redirects > REDIRECTS_MAX {
            cx.log(
                Level::Error,
                format_args!("more than {REDIRECTS_MAX} internal redirects: a loop in the configuration"),
            );
            return self.refuse(current, 500, cx);
        }
        current.route = Route::to_path(&current.route.server, &path);
        current.path = Path::Made(path);
        self.ask_here(current, cx)
    }

    /// A program's Location on this server: the request goes on as a GET without a body (RFC 3875 section 6.2.2).
    pub(super) fn local_redirect(&mut self, mut current: Box<Current>, target: &[u8], cx: &mut Context<'_>) -> Step {
        let mark = target.iter().position(|b| *b == b'?');
        current.rare.new_query = Some(mark.map(|mark| target[mark + 1..].to_vec()).unwrap_or_default());
        (current.as_get, current.feeds) = (true, false);
        cx.connection().body.abandon();
        let path = &target[..mark.unwrap_or(target.len())];
        match target::normalize(path, current.route.settings.merge_slashes) {
            Ok(path) => {
                let path = path.into_owned();
                self.redirect(current, path, cx)
            }
            Err(error) => {
                cx.log(Level::Error, format_args!("the program's Location: {}", error.reason()));
                self.refuse(current, 502, cx)
            }
        }
    }

    /// Asks the location that the request has been led to.
    pub(super) fn ask_here(&mut self, current: Box<Current>, cx: &mut Context<'_>) -> Step {
        match current.route.settings.return_.clone() {
            Some(answer) => self.answer_return(current, &answer, cx),
            None if current.route.settings.cgi.is_some() => self.ask_program(current, cx),
            None => self.ask_for_file(current, cx),
        }
    }

    pub(super) fn ask_for_file(&mut self, current: Box<Current>, cx: &mut Context<'_>) -> Step {
        let mut current = match self.answer_from_cache(current, cx) {
            Ok(step) => return step,
            Err(current) => current,
        };
        let (route, path) = (&current.route, current.path());
        let elsewhere = |name: &String| {
            let index = [path, name.as_bytes()].concat();
            (name.clone(), !route.also_answers(&index) || route::script_may_answer(&route.settings, &index))
        };
        let is_read = current.method().is_none_or(Method::reads) || current.redirects > 0;
        let fits =
            |name: &&String| is_read || route::script_may_answer(&route.settings, &[path, name.as_bytes()].concat());
        let indexes = match path.last() {
            Some(b'/') => route.settings.index.iter().filter(fits).map(elsewhere).collect(),
            _ => Vec::new(),
        };
        let Some(file) = route::file_path(&route.settings, path) else {
            cx.log(Level::Error, format_args!("a path that leads out of its alias; does its location lack a slash?"));
            return self.refuse(current, 404, cx);
        };
        let wanted = Wanted {
            path: file,
            url_path: path.to_vec(),
            indexes,
            gzip: takes_gzip(&current),
            keeps: keeps(&current),
            settings: Arc::clone(&route.settings),
        };
        cx.join(Box::new(FileRead::new(wanted)));
        current.stage = Stage::Waiting;
        self.wait(current)
    }

    /// A program answers, if there is one for this path. Of a body that comes in chunks nobody knows the length: all of
    /// it must come first, unless `cgi_request_buffering` is off. So it must if it is to be in a file.
    fn ask_program(&mut self, current: Box<Current>, cx: &mut Context<'_>) -> Step {
        let body = &mut cx.connection().body;
        if current.body.is_whole() {
            body.end();
        }
        body.hold(); // until it is known that there is a program, and that it runs
        self.start_program(current, None, None, cx)
    }

    /// A program gets the body when all of it has come.
    pub(super) fn spool(&mut self, mut current: Box<Current>, cx: &mut Context<'_>) -> Step {
        let number = route::request_id(cx.worker.team.number(), self.number, current.number);
        let settings = &current.route.settings;
        let in_file = settings.client_body_in_file_only != BodyInFile::Off;
        cx.join(Box::new(BodySpool::new(&settings.client_body_temp_path, number, in_file)));
        current.stage = Stage::Waiting;
        self.wait(current)
    }

    /// Starts the program with a body that has been stored, or with the one that comes.
    pub(super) fn start_program(
        &mut self,
        mut current: Box<Current>,
        stored: Option<(OwnedFd, Vec<u8>)>,
        stored_bytes: Option<u64>,
        cx: &mut Context<'_>,
    ) -> Step {
        let Some(request) = current.request.clone() else { return self.ask_for_file(current, cx) };
        let (body_file, body_path) = stored.unzip();
        current.rare.body_file = body_path.unwrap_or_default();
        if !current.rare.body_file.is_empty() && current.route.settings.client_body_in_file_only == BodyInFile::Clean {
            cx.join(Box::new(BodyFile::new(current.rare.body_file.clone())));
        }
        let settings = &current.route.settings;
        let buffers = settings.cgi.as_ref().is_some_and(|cgi| cgi.request_buffering);
        let in_file = settings.client_body_in_file_only != BodyInFile::Off;
        let waits = stored_bytes.is_none() && (in_file || request.framing == Framing::Chunked && buffers);
        cx.join(Box::new(CgiStart::new(Question {
            body_bytes: match request.framing {
                Framing::Length(bytes) => Some(bytes),
                Framing::None | Framing::Chunked => stored_bytes,
            },
            needs_length: waits && current.feeds,
            body_file,
            body_path: current.rare.body_file.clone(),
            request,
            route: current.route.clone(),
            path: current.path().to_vec(),
            query: current.query().map(<[u8]>::to_vec),
            as_get: current.as_get || current.in_error_page,
            listener: Rc::clone(&self.listener),
            numbers: (self.number, current.number),
        })));
        current.stage = Stage::Waiting;
        self.wait(current)
    }

    /// The names in a directory.
    pub(super) fn list(&mut self, mut current: Box<Current>, directory: OwnedFd, cx: &mut Context<'_>) -> Step {
        let settings = Arc::clone(&current.route.settings);
        let preferred = || current.request.as_ref().map_or(Format::Html, |r| Format::preferred(&r.fields));
        let format = settings.autoindex.format.unwrap_or_else(preferred);
        cx.join(Box::new(DirRead::new(directory, current.path().to_vec(), settings, format)));
        current.stage = Stage::Waiting;
        self.wait(current)
    }

    /// PUT: the body becomes a file.
    fn store(&mut self, mut current: Box<Current>, request: Rc<Request>, cx: &mut Context<'_>) -> Step {
        if request.fields.has(Known::ContentRange) {
            return self.refuse(current, 400, cx); // a part of a file is not stored: RFC 9110 section 14.5
        }
        if request.framing == Framing::None && request.version == Version::HTTP_1_0 {
            // RFC 1945 section 7.2.2: it has forgotten to say how long its body is. An empty file would lose the rest.
            return self.refuse(current, 400, cx);
        }
        let Some(path) = route::file_path(&current.route.settings, current.path()) else {
            return self.refuse(current, 404, cx);
        };
        cx.connection().body.widen(STORED_BYTES_MAX); // a part of it may have come while a program was looked for
        if current.body.is_whole() {
            cx.connection().body.end(); // an empty file
        }
        cx.connection().body.hold();
        let number = route::request_id(cx.worker.team.number(), self.number, current.number);
        let Settings { disable_symlinks: links, dav, .. } = *current.route.settings;
        let upload = Upload { path, request, number, links, dav };
        cx.join(Box::new(FileWrite::new(upload)));
        current.stage = Stage::Waiting;
        self.wait(current)
    }

    /// `return`: the configuration has the answer.
    fn answer_return(&mut self, mut current: Box<Current>, answer: &Return, cx: &mut Context<'_>) -> Step {
        if answer.code == 444 {
            current.status = 444;
            match cx.connection().output.is_empty() {
                true => cx.connection().phase = Phase::Closing,
                false => {
                    // Answers before this one still leave, and no reset may overtake them.
                    apply(&current.route.settings, cx.connection());
                    self.close(true, cx);
                }
            }
            return self.wait(current);
        }
        let Some(text) = &answer.text else { return self.refuse(current, answer.code, cx) };
        let text = route::expand(text, &self.view(&current, cx));
        let mut head = ReplyHead::new(answer.code);
        if matches!(answer.code, 301 | 302 | 303 | 307 | 308) {
            current.error_status = None; // a redirect with another status would be none
            return match Text::from_vec(text) {
                Ok(location) => {
                    head.location = Some(location);
                    self.page(current, head, cx)
                }
                Err(error) => {
                    cx.log(Level::Error, format_args!("the URL of \"return\" cannot be sent: {error}"));
                    self.refuse(current, 500, cx)
                }
            };
        }
        head.status = current.error_status.unwrap_or(answer.code);
        let media_type = route::media_type(&current.route.settings, current.path()).clone();
        head.content_type = Text::shared(media_type).ok();
        self.send_whole(current, head, text, cx)
    }
}

/// The index file of the folder that is asked for may be a program: that takes other methods than a file does.
fn may_have_program_index(current: &Current) -> bool {
    let (settings, path) = (&current.route.settings, current.path());
    let is_program = |name: &String| route::script_may_answer(settings, &[path, name.as_bytes()].concat());
    path.ends_with(b"/") && settings.index.iter().any(is_program)
}
