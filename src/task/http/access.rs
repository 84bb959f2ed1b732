//! The access phase: `allow` and `deny`, `auth_basic`, and how `satisfy` puts their verdicts together.
//!
//! The checks run in nginx's order, as a list. A check that needs more than memory asks a handler and pauses the list,
//! which goes on with the handler's verdict. Each location that a request comes to is asked anew, also the one of an
//! error page.

use super::next::Next;
use super::{page, subrequest};
use crate::config::{Access, AddressRule, Phases, Satisfy};
use crate::connection::{AccessVerdict, Client, Stage, Transaction};
use crate::http::{Known, Method, Text, basic};
use crate::log::Level;
use crate::task::Work;
use crate::task::auth::{AuthCheck, AuthDelay};
use crate::vars;
use std::borrow::Cow;
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

/// A check of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Check {
    /// `allow`, `deny`
    Address,
    /// `auth_basic`
    Password,
    /// `auth_request`
    Subrequest,
}

/// What a check has come to.
enum Answer {
    Verdict(AccessVerdict),
    /// A handler has been asked.
    Asked,
}

/// The checks in their order.
const CHECKS: [Check; 3] = [Check::Address, Check::Password, Check::Subrequest];

/// Runs the access phase. As in nginx, a subrequest is not checked: the client's own request is.
pub(super) fn access(w: &mut Work<'_>) -> Next {
    if !w.t.settings().phases.contains(Phases::ACCESS) || w.t.http.rare.suspended.is_some() {
        return passed(w);
    }
    check(w, 0, None)
}

/// Goes on with the verdict of a handler.
pub(super) fn resume(w: &mut Work<'_>, verdict: AccessVerdict) -> Next {
    let at = usize::from(w.t.http.rare.checks_done);
    let denied = w.t.http.rare.denied;
    if CHECKS.get(at) == Some(&Check::Password) {
        note_password(w, verdict);
    }
    match fold(w, verdict, denied) {
        Folded::GoOn(denied) => check(w, at + 1, denied),
        Folded::Over(next) => next,
    }
}

/// Runs the checks from this one on. `denied`: the status that the client gets if no later check allows the request.
fn check(w: &mut Work<'_>, first: usize, mut denied: Option<u16>) -> Next {
    let route = Rc::clone(&w.t.route);
    let access = route.settings.access_for(method(w.t));
    for (at, check) in CHECKS.iter().enumerate().skip(first) {
        let answer = match check {
            Check::Address => Answer::Verdict(by_address(w, access)),
            Check::Password => by_password(w, access),
            Check::Subrequest => match &access.subrequest {
                None => Answer::Verdict(AccessVerdict::Unknown),
                Some(uri) => return by_subrequest(w, uri, at, denied),
            },
        };
        match answer {
            Answer::Asked => {
                (w.t.http.rare.checks_done, w.t.http.rare.denied) = (at as u8, denied);
                return Next::Go(Stage::Handler);
            }
            Answer::Verdict(verdict) => match fold(w, verdict, denied) {
                Folded::GoOn(status) => denied = status,
                Folded::Over(next) => return next,
            },
        }
    }
    match denied {
        None => passed(w),
        Some(status) => {
            if status == 403 {
                w.log(Level::Error, format_args!("access forbidden by rule"));
            }
            refuse(w, status)
        }
    }
}

/// What follows from a verdict.
enum Folded {
    /// The other checks are asked. The client gets the status if none of them allows the request.
    GoOn(Option<u16>),
    Over(Next),
}

/// `satisfy`: puts a verdict to the ones before it.
fn fold(w: &mut Work<'_>, verdict: AccessVerdict, denied: Option<u16>) -> Folded {
    let any = w.t.settings().access_for(method(w.t)).satisfy == Satisfy::Any;
    match verdict {
        AccessVerdict::Allow if any => Folded::Over(passed(w)),
        AccessVerdict::Allow | AccessVerdict::Unknown => Folded::GoOn(denied),
        // 401 tells the client what it can do, so it wins.
        AccessVerdict::Deny(status @ (401 | 403)) if any => {
            Folded::GoOn(denied.filter(|it| *it == 401).or(Some(status)))
        }
        AccessVerdict::Deny(status) => Folded::Over(refuse(w, status)),
    }
}

/// The request goes on.
fn passed(w: &mut Work<'_>) -> Next {
    if w.t.http.rare.challenge.is_some() {
        w.t.http.rare.challenge = None;
    }
    Next::Go(Stage::PostAccess)
}

fn refuse(w: &mut Work<'_>, status: u16) -> Next {
    let delay = w.t.settings().access_for(method(w.t)).auth_delay;
    if status != 401 || delay.is_zero() {
        return page::refuse(w, status);
    }
    w.log(Level::Info, format_args!("delaying unauthorized request"));
    w.join(Box::new(AuthDelay::new(delay)));
    Next::Go(Stage::Handler)
}

/// The method whose rules hold. An error page and a program's redirect are fetched by GET.
fn method(t: &Transaction) -> Method {
    let http = &t.http;
    match http.method() {
        Some(method) if !http.as_get => method,
        _ => Method::Get,
    }
}

/// The address that `allow` and `deny` look at.
fn client_address(w: &Work<'_>) -> Client {
    w.t.client(w.identity)
}

/// `allow`, `deny`
fn by_address(w: &mut Work<'_>, access: &Access) -> AccessVerdict {
    let rule = access.rules.as_ref().and_then(|rules| match client_address(w) {
        Client::Inet(ip, _) => rules.of(ip),
        Client::Unix => rules.of_unix(),
        Client::Unknown => None,
    });
    match rule {
        None => AccessVerdict::Unknown,
        Some(AddressRule::Allow) => AccessVerdict::Allow,
        Some(AddressRule::Deny) => {
            if access.satisfy == Satisfy::All {
                w.log(Level::Error, format_args!("access forbidden by rule"));
            }
            AccessVerdict::Deny(403)
        }
    }
}

/// `auth_basic`
fn by_password(w: &mut Work<'_>, access: &Access) -> Answer {
    let (Some(_), Some(user_file)) = (&access.realm, &access.user_file) else {
        return Answer::Verdict(AccessVerdict::Unknown);
    };
    if realm(w, access).as_ref() == b"off" {
        return Answer::Verdict(AccessVerdict::Unknown);
    }
    let request = w.t.http.request.clone();
    let field = request.as_ref().and_then(|request| request.fields.get(Known::Authorization));
    let path = match user_file.path.as_text() {
        Some(path) => Cow::Borrowed(path.as_bytes()),
        None => Cow::Owned(vars::expand(&user_file.path, &w.worker.view(w.identity, w.t, w.now))),
    };
    if user_file.path.as_text().is_none() && path.split(|b| *b == b'/').any(|name| name == b"..") {
        w.log(Level::Error, format_args!("the file of users \"{}\" is refused: \"..\" in it", path.escape_ascii()));
        return Answer::Verdict(AccessVerdict::Deny(403));
    }
    let path = match path.first() {
        Some(b'/') => path,
        _ => Cow::Owned([user_file.prefix.as_os_str().as_bytes(), b"/", &path].concat()),
    };
    if field.is_some_and(|field| w.worker.logins.know(&path, field, w.now)) {
        note_password(w, AccessVerdict::Allow);
        return Answer::Verdict(AccessVerdict::Allow);
    }
    match field.filter(|field| basic::Credentials::parse(field).is_some()) {
        Some(field) => {
            w.join(Box::new(AuthCheck::new(path.into_owned(), field.to_vec())));
            Answer::Asked
        }
        None => {
            w.log(Level::Info, format_args!("no user/password was provided for basic authentication"));
            note_password(w, AccessVerdict::Deny(401));
            Answer::Verdict(AccessVerdict::Deny(401))
        }
    }
}

/// What `auth_basic` has come to: programs learn the user's name, or the client learns what to send.
fn note_password(w: &mut Work<'_>, verdict: AccessVerdict) {
    match verdict {
        AccessVerdict::Allow => w.t.http.is_authenticated = true,
        AccessVerdict::Deny(401) => {
            let route = Rc::clone(&w.t.route);
            let realm = realm(w, route.settings.access_for(method(w.t)));
            w.t.http.rare.challenge = basic::challenge(&realm).or_else(|| basic::challenge(b""));
        }
        AccessVerdict::Deny(_) | AccessVerdict::Unknown => {}
    }
}

/// `auth_request`: asks the server itself.
fn by_subrequest(w: &mut Work<'_>, uri: &str, at: usize, denied: Option<u16>) -> Next {
    (w.t.http.rare.checks_done, w.t.http.rare.denied) = (at as u8, denied);
    subrequest::begin(w, uri.as_bytes()).unwrap_or_else(|status| page::refuse(w, status))
}

/// Goes on after the subrequest, when its handlers have ended.
pub(super) fn returning(w: &mut Work<'_>) -> Next {
    let Some(answer) = subrequest::end(w) else { return Next::Wait };
    let verdict = match answer.status {
        200..=299 => AccessVerdict::Allow,
        status @ (401 | 403) => AccessVerdict::Deny(status),
        status => {
            w.log(Level::Error, format_args!("auth_request: the subrequest was answered with {status}"));
            AccessVerdict::Deny(500)
        }
    };
    if verdict == AccessVerdict::Deny(401) {
        w.t.http.rare.challenge = answer.challenge.and_then(|value| Text::from_vec(value).ok());
    }
    resume(w, verdict)
}

fn realm<'a>(w: &Work<'_>, access: &'a Access) -> Cow<'a, [u8]> {
    match &access.realm {
        None => Cow::Borrowed(b"off"),
        Some(realm) => match realm.as_text() {
            Some(text) => Cow::Borrowed(text.as_bytes()),
            None => Cow::Owned(vars::expand(realm, &w.worker.view(w.identity, w.t, w.now))),
        },
    }
}
