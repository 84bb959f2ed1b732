//! POST with `upload_store`: stores the body, or the files of a form, as new files.

use super::next::Next;
use super::page;
use super::secret_number::secret_number;
use super::store::has_whole_document;
use super::stored_body::await_body;
use crate::connection::Stage;
use crate::http::form_data::FormData;
use crate::http::{Known, form_data, origin};
use crate::log::Level;
use crate::task::Work;
use crate::task::upload::UploadStore;
use std::rc::Rc;
use std::sync::Arc;

/// Stores the body.
pub(super) fn store_new(w: &mut Work<'_>) -> Next {
    let route = Rc::clone(&w.t.route);
    let settings = &route.settings;
    let Some(request) = w.t.http.request.clone() else { return page::refuse(w, 400) };
    let Some(folder) = settings.upload_store.as_ref().map(Arc::clone) else { return page::refuse(w, 405) };
    if settings.upload_same_origin && origin::is_foreign(&request.fields) {
        w.log(Level::Error, format_args!("upload_same_origin: the request comes from a page of another site"));
        return page::refuse(w, 403);
    }
    if !has_whole_document(w) || request.fields.has_several(Known::ContentType) {
        return page::refuse(w, 400); // with two types, the meaning of the body is ambiguous
    }
    let content_type = request.fields.get(Known::ContentType).unwrap_or_default();
    let form = match form_data::is_form_data(content_type) {
        true => match form_data::boundary(content_type) {
            Ok(boundary) => Some(Box::new(FormData::new(&boundary, settings.upload_limits))),
            Err(error) => {
                w.log(Level::Info, format_args!("the client's form is refused: {error}"));
                return page::refuse(w, 400);
            }
        },
        false => None,
    };
    if form.is_none() && w.t.http.request_body.is_longer_than(settings.upload_limits.file_bytes_max) {
        w.log(Level::Error, format_args!("the client means to send a file over upload_max_file_size"));
        return page::refuse(w, 413);
    }
    let Some(number) = secret_number(w) else { return page::refuse(w, 500) };
    await_body(w);
    w.join(Box::new(UploadStore::new(folder, form, number)));
    Next::Go(Stage::Handler)
}
