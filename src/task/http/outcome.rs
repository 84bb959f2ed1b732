//! Continues a request after its handler has a result.

use super::next::{Next, end_handlers};
use super::respond::{respond, whole};
use super::stored_body::spool;
use super::{access, choose, document, failed, folder, gateway, page, redirect};
use crate::connection::{Answer, Outcome, Response, To};
use crate::route;
use crate::task::Work;

/// Takes the result of the handler. Returns `Next::Wait` if it has none yet.
pub(super) fn take(w: &mut Work<'_>) -> Next {
    if let Some(failure) = w.t.failed.take() {
        return if w.t.http.passing().is_some() { gateway::failed(w, failure) } else { failed(w, failure) };
    }
    let Some(outcome) = w.t.reply.outcome.take() else { return Next::Wait };
    match outcome {
        Outcome::Answer(Answer::Document(head)) => {
            let source = w.t.reply.source.take();
            if let Some(index) = w.t.reply.index.take() {
                w.t.http.add_index(&index);
            }
            return document::document(w, head, source);
        }
        Outcome::Answer(Answer::NonParsed(status, head)) => {
            w.t.http.status = Some(status);
            return respond(w, Response::NonParsed(status, head));
        }
        Outcome::Resolved(result) => return gateway::resolved(w, result),
        Outcome::Passed(head) => return gateway::answered(w, *head),
        Outcome::Switched(head) => return gateway::switched(w, *head),
        _ => end_handlers(w),
    }
    match outcome {
        Outcome::Answer(Answer::Page(head)) if head.status == 404 && lacks_slash(w) => page::add_slash(w),
        Outcome::Answer(Answer::Page(head)) => page::page(w, head),
        Outcome::Answer(Answer::Redirect(head)) => gateway::redirected(w, head),
        Outcome::Answer(Answer::Whole(head, body)) => whole(w, head, body),
        Outcome::Answer(Answer::Document(_) | Answer::NonParsed(..)) => Next::Wait, // see above
        Outcome::Resolved(_) | Outcome::Passed(_) | Outcome::Switched(_) => Next::Wait, // see above
        Outcome::Declined => choose::without_program(w),
        Outcome::Directory(_) if !w.t.http.reads() => page::not_taken(w),
        Outcome::Directory(directory) => folder::list(w, directory),
        Outcome::AddSlash => page::add_slash(w),
        Outcome::NeedsBody => spool(w),
        Outcome::Stored(stored) if w.t.settings().gateway.is_some() => gateway::stored(w, stored),
        Outcome::Stored(stored) => choose::start_program(w, Some(stored)),
        Outcome::Checked(verdict) => access::resume(w, verdict),
        Outcome::Redirect(To::Path(path)) => {
            redirect::to_path(w, path).unwrap_or_else(|status| page::refuse(w, status))
        }
        Outcome::Redirect(To::Target(target)) => {
            redirect::to_target(w, &target).unwrap_or_else(|status| page::refuse(w, status))
        }
        Outcome::Probed(probed) => {
            w.t.http.rare.probed = Some(probed);
            Next::Go(w.t.http.rare.resume)
        }
    }
}

/// Whether the missing file has the name of a location, without the slash at its end, whose files are in another
/// directory: "/static" with `location /static/ { alias /d/; }`.
fn lacks_slash(w: &Work<'_>) -> bool {
    let (route, path) = (&w.t.route, w.t.http.path());
    if !w.t.http.reads() || w.t.http.in_error_page || path.ends_with(b"/") {
        return false;
    }
    let directory = route::as_directory(path);
    let there = w.identity.listener.routes.to_path(&route.server, &directory);
    let is_named = there.location.as_ref().is_some_and(|location| location.path == directory);
    let here = route.file_path(path).map(|file| [&file, &b"/"[..]].concat());
    is_named && there.file_path(&directory) != here
}
