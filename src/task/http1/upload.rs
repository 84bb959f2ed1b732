//! POST where `upload_store` says so: the body becomes a new file, or a form's files do.

use super::current::{Current, Stage};
use super::{Context, Http1, Step};
use crate::http::{Framing, Known, Request, Version, form_data, origin};
use crate::log::Level;
use crate::task::upload::{NewUpload, UploadStore};
use crate::vars;
use std::rc::Rc;
use std::sync::Arc;

impl Http1 {
    /// Stores the body.
    pub(super) fn store_new(&mut self, mut current: Box<Current>, request: Rc<Request>, cx: &mut Context<'_>) -> Step {
        let settings = &current.route.settings;
        let Some(folder) = settings.upload_store.as_ref().map(Arc::clone) else { return self.refuse(current, 405, cx) };
        if settings.upload_same_origin && origin::is_foreign(&request.fields) {
            cx.log(Level::Error, format_args!("upload_same_origin: a page of another site sent this"));
            return self.refuse(current, 403, cx);
        }
        let no_length = request.framing == Framing::None && request.version == Version::HTTP_1_0;
        let is_part = request.fields.has(Known::ContentRange);
        if no_length || is_part || request.fields.has_several(Known::ContentType) {
            return self.refuse(current, 400, cx); // as for PUT; and two types would be two ways to read it
        }
        let content_type = request.fields.get(Known::ContentType).unwrap_or_default();
        let boundary = match form_data::is_form_data(content_type) {
            true => match form_data::boundary(content_type) {
                Ok(boundary) => Some(boundary),
                Err(error) => {
                    cx.log(Level::Info, format_args!("the client's form is refused: {error}"));
                    return self.refuse(current, 400, cx);
                }
            },
            false => None,
        };
        let max = settings.upload_limits.file_bytes_max;
        if boundary.is_none() && current.body.is_longer_than(max) {
            cx.log(Level::Error, format_args!("the client means to send a file over upload_max_file_size"));
            return self.refuse(current, 413, cx);
        }
        if current.body.is_whole() {
            cx.connection().body.end(); // an empty file
        }
        cx.connection().body.hold();
        let number = vars::request_id(cx.worker.team.number(), self.number, current.number);
        let route = Rc::clone(&current.route);
        cx.join(Box::new(UploadStore::new(NewUpload { folder, request, route, boundary, number })));
        current.stage = Stage::Waiting;
        self.wait(current)
    }
}
