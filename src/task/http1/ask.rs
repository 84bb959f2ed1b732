//! Who answers a request: the location itself, or a worker.

use super::current::{Current, Stage};
use super::head::ALLOW;
use super::{Context, Http1, Step};
use crate::config::{GzipStatic, Return};
use crate::exchange::Phase;
use crate::exchange::limits::REDIRECTS_MAX;
use crate::http::{Form, Method, Name, ReplyHead, Request, Text, accept};
use crate::log::Level;
use crate::route::{self, Route};
use crate::task::{FileRead, Wanted};
use std::rc::Rc;
use std::sync::Arc;

impl Http1 {
    /// The request is complete: it is answered.
    pub(super) fn ask(&mut self, current: Box<Current>, cx: &mut Context<'_>) -> Step {
        let Some(request) = &current.request else { return self.refuse(current, 400, cx) };
        if let Some(answer) = &current.route.settings.return_
            && request.form != Form::Asterisk
        {
            let answer = answer.clone();
            return self.answer_return(current, &answer, cx);
        }
        match request.method {
            Method::Get | Method::Head => self.ask_for_file(current, cx),
            Method::Options => {
                let head =
                    ReplyHead { fields: vec![(const { Name::from_static("Allow") }, ALLOW)], ..ReplyHead::new(204) };
                self.send_whole(current, head, Vec::new(), cx)
            }
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
        current.path = path;
        self.ask_here(current, cx)
    }

    /// Asks the location that the request has been led to.
    pub(super) fn ask_here(&mut self, current: Box<Current>, cx: &mut Context<'_>) -> Step {
        match current.route.settings.return_.clone() {
            Some(answer) => self.answer_return(current, &answer, cx),
            None => self.ask_for_file(current, cx),
        }
    }

    fn ask_for_file(&mut self, mut current: Box<Current>, cx: &mut Context<'_>) -> Step {
        let (route, path) = (&current.route, &current.path);
        let elsewhere = |name: &String| (name.clone(), !route.also_answers(&[path, name.as_bytes()].concat()));
        let indexes = match path.last() {
            Some(b'/') => route.settings.index.iter().map(elsewhere).collect(),
            _ => Vec::new(),
        };
        let Some(file) = route::file_path(&route.settings, path) else {
            cx.log(Level::Error, format_args!("a path that leads out of its alias; does its location lack a slash?"));
            return self.refuse(current, 404, cx);
        };
        let takes_gzip = |request: &Rc<Request>| accept::accepts_coding(&request.fields, b"gzip");
        let wanted = Wanted {
            path: file,
            url_path: path.clone(),
            indexes,
            gzip: match route.settings.gzip_static {
                GzipStatic::Off => false,
                GzipStatic::On => current.request.as_ref().is_some_and(takes_gzip),
                GzipStatic::Always => true,
            },
            settings: Arc::clone(&route.settings),
        };
        cx.join(Box::new(FileRead::new(wanted)));
        current.stage = Stage::Waiting;
        self.wait(current)
    }

    /// `return`: the configuration has the answer.
    fn answer_return(&mut self, mut current: Box<Current>, answer: &Return, cx: &mut Context<'_>) -> Step {
        if answer.code == 444 {
            current.status = 444;
            match cx.exchange().output.is_empty() {
                true => cx.exchange().phase = Phase::Closing,
                false => {
                    // Answers before this one still leave, and no reset may overtake them.
                    self.lingering = current.route.settings.lingering;
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
        let media_type = route::media_type(&current.route.settings, &current.path).clone();
        head.content_type = Text::shared(media_type).ok();
        self.send_whole(current, head, text, cx)
    }
}
