//! `userid`: a client without an identifier gets one in a cookie.

use crate::config::{Userid, UseridMode};
use crate::http::userid::UserId;
use crate::http::{Name, ReplyHead, Text};
use crate::log::Level;
use crate::task::Work;
use crate::vars;
use std::net::SocketAddr;
use std::rc::Rc;
use webserv_sys::net::Address;

/// Adds Set-Cookie to a response that gives an identifier: the client has none, has one without the mark of
/// `userid_mark`, or gets another one since `$uid_reset` says so.
pub(super) fn add(w: &mut Work<'_>, head: &mut ReplyHead, now_secs: i64) {
    if !w.t.settings().userid.mode.gives() {
        return;
    }
    let route = Rc::clone(&w.t.route);
    let userid = &route.settings.userid;
    let Some(request) = &w.t.http.request else { return };
    let sent = UserId::find(&request.fields, &userid.cookie.name);
    let kept = sent.filter(|sent| !is_reset(w, userid, sent.id));
    let id = match kept {
        Some(sent) if userid.cookie.is_marked(&sent) => return,
        Some(sent) => sent.id,
        None => match new(w, userid, now_secs) {
            Some(id) => id,
            None => return, // no identifier is better than one that can be guessed
        },
    };
    if let Ok(cookie) = Text::from_vec(userid.cookie.set(id, now_secs)) {
        head.fields.push((const { Name::from_static("Set-Cookie") }, cookie));
        w.t.http.rare.userid = Some(id);
        if let Some(Ok(p3p)) = userid.p3p.as_ref().map(|value| Text::new(value.as_bytes())) {
            head.fields.push((const { Name::from_static("P3P") }, p3p));
        }
    }
}

/// Whether `$uid_reset` says that this client gets another identifier. "log" also says so in the error log.
fn is_reset(w: &mut Work<'_>, userid: &Userid, id: UserId) -> bool {
    let Some(slot) = userid.reset else { return false };
    let value = vars::value(&w.worker.view(w.identity, w.t, w.now), slot).to_vec();
    if value == b"log" {
        w.log(Level::Notice, format_args!("userid cookie \"{}={id}\" was reset", userid.cookie.name));
    }
    !matches!(&*value, b"" | b"0")
}

/// A new identifier. Returns None if there are no random bytes.
fn new(w: &mut Work<'_>, userid: &Userid, now_secs: i64) -> Option<UserId> {
    let random = w.worker.random.draw().ok()?;
    if userid.mode == UseridMode::V1 {
        return Some(UserId::version_1(userid.service.unwrap_or(0), now_secs, random));
    }
    let server = match (userid.service, &w.identity.listener.local) {
        (Some(service), _) => service.to_be_bytes(),
        (None, Address::Inet(SocketAddr::V4(local))) => local.ip().octets(),
        (None, Address::Inet(SocketAddr::V6(local))) => *local.ip().octets().last_chunk().unwrap_or(&[0; 4]),
        (None, Address::Unix(_)) => [0; 4],
    };
    Some(UserId::new(server, now_secs, random))
}
