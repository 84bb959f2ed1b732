//! `try_files`: the first path that is there answers, or else the last value.

use super::next::Next;
use super::respond::respond;
use super::{cached, choose, page, redirect, root};
use crate::config::{Otherwise, TriedFile};
use crate::connection::{Path, Probed, Response, Stage};
use crate::log::Level;
use crate::task::Work;
use crate::task::file::FileProbe;
use crate::vars;
use std::sync::Arc;
use webserv_sys::file::FileKind;

/// Looks at a path; the current stage gets the answer in `rare.probed`.
pub(super) fn look_for(w: &mut Work<'_>, path: Vec<u8>) -> Next {
    let links = w.t.settings().disable_symlinks;
    w.t.http.rare.resume = w.t.http.stage;
    w.join(Box::new(FileProbe::new(path, links)));
    Next::Go(Stage::Handler)
}

/// Tries the next path, or goes on after an answer.
pub(super) fn try_files(w: &mut Work<'_>) -> Next {
    let Some(tried) = w.t.route.settings.try_files.as_ref().map(Arc::clone) else { return choose::begin_content(w) };
    root::resolve(w);
    loop {
        let at = w.t.http.rare.tried;
        let Some(file) = tried.files.get(at) else {
            w.t.http.rare.tried = 0;
            return otherwise(w, &tried.otherwise);
        };
        let path = vars::expand(&file.path, &w.worker.view(w.identity, w.t, w.now));
        let found = match w.t.http.rare.probed.take() {
            Some(probed) => fits(probed, file),
            None if !file.is_directory && path == w.t.http.path() && cached::has_file(w) => true,
            None => match disk_path(w, &path) {
                Some(disk) => return look_for(w, disk),
                None => false,
            },
        };
        if found {
            w.t.http.rare.tried = 0;
            if path != w.t.http.path() {
                w.t.http.path = Path::Made(path);
            }
            return choose::begin_content(w);
        }
        w.t.http.rare.tried = at + 1;
    }
}

/// The file of a path. `None`, and a line in the log, if the path leads out of the root: variables may hold anything.
fn disk_path(w: &mut Work<'_>, path: &[u8]) -> Option<Vec<u8>> {
    let disk = redirect::is_clean(path).then(|| w.t.route.file_path(path)).flatten();
    if disk.is_none() {
        w.log(Level::Error, format_args!("try_files: \"{}\" is no path of this location", path.escape_ascii()));
    }
    disk
}

/// Whether what is there is what the path asks for.
fn fits(probed: Option<Probed>, file: &TriedFile) -> bool {
    let wanted = if file.is_directory { FileKind::Directory } else { FileKind::File };
    probed.is_some_and(|probed| probed.kind == wanted)
}

/// None of the paths is there.
fn otherwise(w: &mut Work<'_>, otherwise: &Otherwise) -> Next {
    let next = match otherwise {
        Otherwise::Status(444) => {
            w.t.http.status = Some(444);
            return respond(w, Response::Close);
        }
        Otherwise::Status(status) => Err(*status),
        Otherwise::Named(name) => redirect::to_named(w, name),
        Otherwise::Path(path) => {
            let uri = vars::expand(path, &w.worker.view(w.identity, w.t, w.now));
            match uri.first() {
                Some(b'@') => redirect::to_named(w, &String::from_utf8_lossy(&uri)),
                _ => redirect::to_uri(w, &uri),
            }
        }
    };
    next.unwrap_or_else(|status| page::refuse(w, status))
}
