//! Runs the programs of a server and of a location: `rewrite`, `if`, `set`, `break`, `return`.

use super::next::Next;
use super::{choose, page, redirect, root, set_variable::set, try_files};
use crate::config::{FileTest, Rewrite, RewriteProgram, RewriteStep, RewriteThen, Test};
use crate::connection::{Chosen, Path, Probed, Rewriting, Stage};
use crate::http::target;
use crate::log::Level;
use crate::task::Work;
use crate::vars;
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::file::FileKind;

/// How a program ended.
enum Ran {
    /// All steps have run, or `break`; the request goes on.
    Through,
    /// The path was rewritten, and `break` keeps the request in its location.
    Kept,
    /// The path was rewritten: its location is looked for.
    Rewritten,
    /// A `return` or a redirect answers.
    Answered,
    /// A file has to be looked at first.
    Asks(Next),
}

/// The program of the server, before a location is chosen.
pub(super) fn server(w: &mut Work<'_>) -> Next {
    if !w.t.http.internal
        && let Some(host) = w.t.http.request.as_ref().and_then(|request| request.host())
        && let Some(regex) = w.identity.listener.configured.hosts.regex(host)
    {
        vars::matches(&w.worker.view(w.identity, w.t, w.now), regex, host);
    }
    match start(w) {
        Ran::Through | Ran::Kept | Ran::Rewritten => checked(w, Stage::FindLocation),
        Ran::Answered => choose::begin_content(w),
        Ran::Asks(next) => next,
    }
}

/// The program of the location.
pub(super) fn location(w: &mut Work<'_>) -> Next {
    if let Some(location) = &w.t.route.location
        && let Some(regex) = location.regex.as_ref().filter(|regex| regex.pattern.groups() > 0)
        && w.t.http.rare.rewriting.is_none()
    {
        vars::matches(&w.worker.view(w.identity, w.t, w.now), regex, w.t.http.path());
    }
    match start(w) {
        Ran::Through => checked(w, Stage::PostRewrite),
        Ran::Kept => {
            w.t.http.rare.left_prefix = true;
            checked(w, Stage::PostRewrite)
        }
        Ran::Rewritten => redirect::again(w).unwrap_or_else(|status| page::refuse(w, status)),
        Ran::Answered => choose::begin_content(w),
        Ran::Asks(next) => next,
    }
}

/// Goes on, if the path that a program has made is one.
fn checked(w: &mut Work<'_>, stage: Stage) -> Next {
    match &w.t.http.path {
        Path::Made(path) if !redirect::is_clean(path) => {
            let path = path.escape_ascii().to_string();
            w.log(Level::Error, format_args!("rewrite: \"{path}\" is no path"));
            page::refuse(w, 404)
        }
        _ => Next::Go(stage),
    }
}

/// Runs the program of the current level from its start, or goes on where it waited for a file.
fn start(w: &mut Work<'_>) -> Ran {
    let rewriting = match w.t.http.rare.rewriting.take() {
        Some(rewriting) => rewriting,
        // As in nginx, the block of `limit_except` is a place of its own, without a program.
        None if is_excepted(w) => return Ran::Through,
        None => match &w.t.route.settings.program {
            Some(program) => Rewriting { program: Arc::clone(program), at: 0, is_rewritten: false },
            None => return Ran::Through,
        },
    };
    run(w, rewriting)
}

/// Whether `limit_except` has other rules for this method.
fn is_excepted(w: &Work<'_>) -> bool {
    let limit = w.t.settings().limit_except.as_ref();
    limit.is_some_and(|limit| w.t.http.method_now().is_some_and(|method| !limit.methods.contains(method)))
}

fn run(w: &mut Work<'_>, mut state: Rewriting) -> Ran {
    let program: Arc<RewriteProgram> = Arc::clone(&state.program);
    while let Some(step) = program.steps.get(state.at) {
        state.at += 1;
        match step {
            RewriteStep::Set(target, value) => {
                let value = vars::expand(value, &w.worker.view(w.identity, w.t, w.now));
                set(w, *target, value);
            }
            RewriteStep::If(Test::File { path, asks, negated }, skip) => {
                let Some(probed) = w.t.http.rare.probed.take() else {
                    root::resolve(w); // the path may begin with $document_root
                    let path = vars::expand(path, &w.worker.view(w.identity, w.t, w.now));
                    state.at -= 1;
                    w.t.http.rare.rewriting = Some(state);
                    return Ran::Asks(try_files::look_for(w, path));
                };
                if is_there(probed, *asks) == *negated {
                    state.at += skip;
                }
            }
            RewriteStep::If(test, skip) => {
                if !holds(w, test) {
                    state.at += skip;
                }
            }
            RewriteStep::Enter(route) => w.t.route = Rc::clone(w.identity.listener.routes.to_branch(*route)),
            RewriteStep::Rewrite(rewrite) => match apply(w, rewrite) {
                None => {}
                Some(RewriteThen::Continue) => state.is_rewritten = true,
                Some(RewriteThen::Last) => return Ran::Rewritten,
                Some(RewriteThen::Break) => return Ran::Kept,
                Some(RewriteThen::Redirect(_)) => return Ran::Answered,
            },
            RewriteStep::Return(answer) => {
                w.t.http.rare.chosen = Some(Chosen::Return(Arc::clone(answer)));
                return Ran::Answered;
            }
            RewriteStep::Break if state.is_rewritten => return Ran::Kept,
            RewriteStep::Break => return Ran::Through,
        }
    }
    if state.is_rewritten { Ran::Rewritten } else { Ran::Through }
}

/// Whether a test that needs no file holds.
fn holds(w: &Work<'_>, test: &Test) -> bool {
    let view = w.worker.view(w.identity, w.t, w.now);
    match test {
        Test::Truth(text) => !matches!(&vars::expand(text, &view)[..], b"" | b"0"),
        Test::Equal { left, right, negated } => (vars::expand(left, &view) == vars::expand(right, &view)) != *negated,
        Test::Match { subject, regex, negated } => {
            let subject = vars::expand(subject, &view);
            vars::matches(&view, regex, &subject) != *negated
        }
        Test::File { .. } => false, // `run` asks for the file
    }
}

/// Whether what is at a path is what was asked for. As in nginx, a file is anything that is no directory.
fn is_there(probed: Option<Probed>, asks: FileTest) -> bool {
    probed.is_some_and(|probed| match asks {
        FileTest::Exists => true,
        FileTest::File => probed.kind == FileKind::File,
        FileTest::Directory => probed.kind == FileKind::Directory,
        FileTest::Executable => probed.is_executable,
    })
}

/// Applies one `rewrite`. Returns what follows if its expression matches the path.
fn apply(w: &mut Work<'_>, rewrite: &Rewrite) -> Option<RewriteThen> {
    let view = w.worker.view(w.identity, w.t, w.now);
    if !vars::matches(&view, &rewrite.regex, w.t.http.path()) {
        return None;
    }
    let redirects = matches!(rewrite.then, RewriteThen::Redirect(_));
    let (mut uri, mark) = vars::expand_uri(&rewrite.target, &view, redirects);
    if w.t.settings().rewrite_log {
        let (from, to) = (w.t.http.path().escape_ascii().to_string(), uri.escape_ascii());
        w.log(Level::Notice, format_args!("rewrite \"{}\": \"{from}\" -> \"{to}\"", rewrite.regex.pattern.as_str()));
    }
    let query = w.t.http.query().unwrap_or_default();
    if rewrite.keeps_args && !query.is_empty() && (redirects || mark.is_some()) {
        uri.push(if mark.is_some() { b'&' } else { b'?' });
        uri.extend_from_slice(query);
    }
    if let RewriteThen::Redirect(status) = rewrite.then {
        w.t.http.rare.chosen = Some(Chosen::Redirect(status, uri));
        return Some(rewrite.then);
    }
    if mark.is_some() || !rewrite.keeps_args {
        let query = mark.map_or(&b""[..], |mark| &uri[mark + 1..]);
        w.t.http.rare.new_query = Some(target::escape_high(query).into_owned());
    }
    uri.truncate(mark.unwrap_or(uri.len()));
    w.t.http.path = Path::Made(uri);
    w.t.http.internal = true;
    Some(rewrite.then)
}
