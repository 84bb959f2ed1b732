//! DELETE, MKCOL, COPY and MOVE (RFC 4918 section 9): what their heads alone can be refused for, and the tasks that do
//! them.

use super::current::{Current, Stage};
use super::{Context, Http1, Step};
use crate::config::Settings;
use crate::http::dav::{self, Depth};
use crate::http::{Framing, Method, Request};
use crate::log::Level;
use crate::route;
use crate::task::dav::{CopyMove, DirCreate, Removal, TreeCopy, TreeDelete};
use crate::vars;
use std::rc::Rc;
use std::sync::Arc;

impl Http1 {
    /// DELETE.
    pub(super) fn remove(&mut self, mut current: Box<Current>, request: Rc<Request>, cx: &mut Context<'_>) -> Step {
        let settings = &current.route.settings;
        let Some(path) = route::file_path(settings, current.path()) else { return self.refuse(current, 404, cx) };
        let Some(depth) = dav::depth(&request.fields).filter(|depth| *depth != Depth::One) else {
            cx.log(Level::Error, format_args!("a Depth that DELETE has not (RFC 4918 section 9.6)"));
            return self.refuse(current, 400, cx);
        };
        if request.target().contains(&b'#') {
            cx.log(Level::Error, format_args!("a fragment in the target: it may have meant less than all of it"));
            return self.refuse(current, 400, cx);
        }
        let names = current.path().split(|b| *b == b'/').filter(|name| !name.is_empty()).count();
        if names < settings.dav.min_delete_depth {
            cx.log(Level::Error, format_args!("min_delete_depth: too few names in the path for it to be removed"));
            return self.refuse(current, 409, cx);
        }
        // Without a slash it is a file that an alias names, or it is not removed anyway.
        if path.ends_with(b"/") && is_root(settings, &path) {
            cx.log(Level::Error, format_args!("the directory of \"root\" or \"alias\" itself is not removed"));
            return self.refuse(current, 403, cx);
        }
        let number = vars::request_id(cx.worker.team.number(), self.number, current.number);
        let links = settings.disable_symlinks;
        cx.join(Box::new(TreeDelete::new(Removal { path, request, depth, links, number })));
        current.stage = Stage::Waiting;
        self.wait(current)
    }

    /// MKCOL.
    pub(super) fn make_collection(
        &mut self,
        mut current: Box<Current>,
        request: Rc<Request>,
        cx: &mut Context<'_>,
    ) -> Step {
        if has_body(&request) {
            return self.refuse(current, 415, cx); // RFC 4918 section 9.3: we know no body that it could have
        }
        let settings = &current.route.settings;
        let Some(path) = route::file_path(settings, current.path()) else { return self.refuse(current, 404, cx) };
        cx.join(Box::new(DirCreate::new(path, request, settings.disable_symlinks, settings.dav.access)));
        current.stage = Stage::Waiting;
        self.wait(current)
    }

    /// COPY and MOVE.
    pub(super) fn transport(&mut self, mut current: Box<Current>, request: Rc<Request>, cx: &mut Context<'_>) -> Step {
        match self.ends(&current, request, cx) {
            Ok(transport) => {
                cx.join(Box::new(TreeCopy::new(transport)));
                current.stage = Stage::Waiting;
                self.wait(current)
            }
            Err(status) => self.refuse(current, status, cx),
        }
    }

    /// What is to be copied or moved, from where to where; or the status of the refusal.
    fn ends(&self, current: &Current, request: Rc<Request>, cx: &mut Context<'_>) -> Result<CopyMove, u16> {
        if has_body(&request) {
            return Err(415); // RFC 4918 section 8.4
        }
        let method = request.method;
        let (Some(depth), Some(overwrites)) = (dav::depth(&request.fields), dav::overwrite(&request.fields)) else {
            cx.log(Level::Error, format_args!("a Depth or Overwrite that is none (RFC 4918 section 10)"));
            return Err(400);
        };
        if depth == Depth::One {
            cx.log(Level::Error, format_args!("Depth: 1 with {} (RFC 4918 section 9.8.3)", method.name()));
            return Err(400);
        }
        let here = &current.route.settings;
        let to_path = dav::destination(&request, here.merge_slashes).map_err(|error| {
            cx.log(Level::Error, format_args!("refused: {}", error.reason()));
            error.status()
        })?;
        let there = Arc::clone(&self.listener.routes.to_path(&current.route.server, &to_path).settings);
        if !allows(&there, method) {
            cx.log(Level::Error, format_args!("the location of the Destination does not take {}", method.name()));
            return Err(403);
        }
        let from = route::file_path(here, current.path()).ok_or(404_u16)?;
        let to = route::file_path(&there, &to_path).ok_or(403_u16)?;
        if is_root(&there, &to) || is_root(here, &from) {
            cx.log(Level::Error, format_args!("the directory of \"root\" or \"alias\" itself stays as it is"));
            return Err(403);
        }
        if contain(&from, &to) || contain(&to, &from) {
            cx.log(Level::Error, format_args!("what is to be copied or moved and its Destination contain each other"));
            return Err(403);
        }
        let number = vars::request_id(cx.worker.team.number(), self.number, current.number);
        let (from_links, to_links, sync) = (here.disable_symlinks, there.disable_symlinks, there.dav.sync);
        let moves = method == Method::Move;
        drop(to_path);
        Ok(CopyMove { from, to, from_links, to_links, request, moves, overwrites, depth, number, sync })
    }
}

/// The path is what `root` or `alias` says: all files of the location lie below it.
fn is_root(settings: &Settings, path: &[u8]) -> bool {
    trimmed(path) == trimmed(route::document_root(settings))
}

/// Whether a location lets a method change its files, as if it had been asked itself.
fn allows(settings: &Settings, method: Method) -> bool {
    settings.dav.methods.allow(method)
        && settings.methods.is_none_or(|methods| methods.contains(method))
        && settings.limit_except.is_none_or(|methods| methods.contains(method))
}

fn has_body(request: &Request) -> bool {
    !matches!(request.framing, Framing::None | Framing::Length(0))
}

/// Without slashes at its end: an alias and a path may bring one each.
fn trimmed(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|b| *b != b'/').map_or(0, |last| last + 1);
    &path[..end]
}

/// The path `inner` is `outer` or leads through it.
fn contain(outer: &[u8], inner: &[u8]) -> bool {
    let outer = trimmed(outer);
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}
