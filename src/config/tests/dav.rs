//! What may be stored and removed, and cookies that know a visitor again.

use super::*;
use crate::config::{DavMethods, Userid, UseridMode};
use crate::http::userid::{Lifetime, SameSite};

fn in_location(directives: &str) -> Arc<Settings> {
    settings_at(&load(&format!("http {{ server {{ listen 80; location /a {{ {directives} }} }} }}")), "/a")
}

/// The message, without the place.
fn fault(directives: &str) -> String {
    let found = headlines(&format!("http {{ server {{ location /a {{ {directives} }} }} }}"));
    assert_eq!(found.len(), 1, "{directives}: {found:?}");
    found[0].splitn(4, ':').nth(3).unwrap().trim_start().to_owned()
}

#[test]
fn dav_methods() {
    let table = [
        ("", DavMethods::empty()),
        ("dav_methods off;", DavMethods::empty()),
        ("dav_methods PUT DELETE;", DavMethods::PUT | DavMethods::DELETE),
        ("dav_methods PUT DELETE MKCOL COPY MOVE;", DavMethods::all()),
    ];
    for (directive, expected) in table {
        assert_eq!(in_location(directive).dav.methods, expected, "{directive}");
    }
    let accepted = "accepted: off, PUT, DELETE, MKCOL, COPY, MOVE";
    let message = format!("unknown method that stores or removes files \"LOCK\"; {accepted}");
    assert_eq!(fault("dav_methods LOCK;"), message);
}

#[test]
fn dav_access() {
    let table = [
        ("", None),
        ("dav_access user:rw;", Some(0o600)),
        ("dav_access group:rw;", Some(0o660)),
        ("dav_access user:rw group:rw all:r;", Some(0o664)),
        ("dav_access all:rw group:r;", Some(0o646)),
    ];
    for (directive, expected) in table {
        assert_eq!(in_location(directive).dav.access, expected, "{directive}");
    }
    for wrong in ["rw", "user", "user:", "user:x", "user:w", "other:r", "user:RW"] {
        let message = format!("\"{wrong}\" gives no access; accepted: user, group or all with :r or :rw");
        assert_eq!(fault(&format!("dav_access {wrong};")), message);
    }
}

#[test]
fn the_rest_of_dav() {
    let settings = in_location("create_full_put_path on; min_delete_depth 3;");
    assert!(settings.dav.full_put_path && settings.dav.min_delete_depth == 3);
    let settings = in_location("");
    assert!(!settings.dav.full_put_path && settings.dav.min_delete_depth == 0);
    assert_eq!(fault("create_full_put_path yes;"), "\"yes\" is neither \"on\" nor \"off\"");
    assert_eq!(fault("min_delete_depth -1;"), "\"-1\" is not a whole number from 0 to 1000000");
}

#[test]
fn userid() {
    let settings = in_location("");
    let cookie = &settings.userid.cookie;
    assert_eq!((settings.userid.mode, &*cookie.name, &*cookie.path), (UseridMode::Off, "uid", "/"));
    assert_eq!((cookie.lifetime, cookie.domain.as_deref()), (Lifetime::Session, None));
    let all = "userid on; userid_name id; userid_domain example.org; userid_path /shop; userid_expires 1d; \
               userid_flags secure httponly samesite=strict;";
    let settings = in_location(all);
    let cookie = &settings.userid.cookie;
    assert_eq!((settings.userid.mode, &*cookie.name, &*cookie.path), (UseridMode::On, "id", "/shop"));
    assert_eq!((cookie.lifetime, cookie.domain.as_deref()), (Lifetime::Secs(86_400), Some("example.org")));
    assert_eq!((cookie.secure, cookie.http_only, cookie.same_site), (true, true, Some(SameSite::Strict)));
    assert_eq!(in_location("userid log; userid_expires max;").userid.cookie.lifetime, Lifetime::Max);
    assert_eq!(in_location("userid_domain none;").userid.cookie.domain, None);
    let settings = in_location("userid v1; userid_mark z; userid_service 7; userid_p3p CP;");
    let Userid { mode, cookie, service, p3p, reset } = &settings.userid;
    assert_eq!((*mode, cookie.mark, *service, p3p.as_deref()), (UseridMode::V1, Some(b'z'), Some(7), Some("CP")));
    assert!(reset.is_some() && in_location("userid log;").userid.reset.is_none());
    let none = in_location("userid_mark off; userid_p3p none;").userid.clone();
    assert_eq!((none.cookie.mark, none.p3p), (None, None));
    let inner = load("http { userid_flags secure; server { listen 80; location /a { userid_flags off; } } }");
    assert!(settings_at(&inner, "/").userid.cookie.secure && !settings_at(&inner, "/a").userid.cookie.secure);
}

#[test]
fn userid_faults() {
    let flags = "accepted: off, secure, httponly, samesite=strict, samesite=lax, samesite=none";
    let table = [
        ("userid v2;", "unknown value \"v2\", did you mean \"v1\"? accepted: off, log, on, v1".to_owned()),
        ("userid_mark xy;", "\"xy\" is no mark; accepted: a letter, a digit, \"=\", or off".into()),
        ("userid_mark +;", "\"+\" is no mark; accepted: a letter, a digit, \"=\", or off".into()),
        ("userid_service 127.0.0.1;", "\"127.0.0.1\" is not a whole number from 0 to 4294967295".into()),
        ("userid_p3p \"\";", "this value is empty".into()),
        ("userid_name \"a b\";", "\"a b\" is no cookie's name: letters, digits and hyphens make one".into()),
        ("userid_name \"\";", "this value is empty".into()),
        ("userid_path \"/;x\";", "a \";\" would end this part of the cookie".into()),
        ("userid_domain $host;", "variables are not supported here".into()),
        ("userid_domain \"a\nb\";", "a control character in this value".into()),
        ("userid_expires 500ms;", "a cookie is kept for a second at least, or: off".into()),
        ("userid_flags samesite;", format!("unknown flag \"samesite\"; {flags}")),
        ("userid_flags off secure;", "\"off\" stands alone".into()),
    ];
    for (directive, expected) in table {
        assert_eq!(fault(directive), expected, "{directive}");
    }
}
