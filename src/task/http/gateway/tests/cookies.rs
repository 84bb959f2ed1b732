//! Set-Cookie of a server behind.

use super::super::cookies::rewrite;
use super::{answer, values, with_request};
use crate::config::Gateway;
use crate::http::seeded::Seeded;
use crate::task::Work;
use std::sync::Arc;

fn rewritten(directives: &str, cookies: Vec<String>) -> Vec<String> {
    let request = "GET /p?to=/made/ HTTP/1.1";
    let act = move |w: &mut Work<'_>, gateway: &Arc<Gateway>| {
        let fields: Vec<(&str, &str)> = cookies.iter().map(|cookie| ("Set-Cookie", &cookie[..])).collect();
        let mut head = answer(200, &fields);
        rewrite(w, &gateway.rules.proxy, &mut head);
        values(&head, "Set-Cookie")
    };
    with_request(directives, request, act).0
}

/// Directives, a cookie of the server behind, and the one that the client gets.
#[test]
fn rules_change_what_they_name() {
    let rows = [
        ("", "a=b; path=/x", "a=b; path=/x"),
        ("proxy_cookie_path /x/ /y/;", "a=b; Path=/x/z", "a=b; Path=/y/z"),
        ("proxy_cookie_path /x/ $arg_to;", "a=b; Path=/x/z", "a=b; Path=/made/z"),
        ("proxy_cookie_path /x/ /y/;", "a=b; path=/z/x/", "a=b; path=/z/x/"),
        ("proxy_cookie_path /x/ /y/;", "path=/x/; path=/x/", "path=/x/; path=/y/"),
        ("proxy_cookie_path /x /1; proxy_cookie_path / /2;", "a=b;path=/x;path=/y", "a=b;path=/1;path=/2y"),
        ("proxy_cookie_path ~*^/X(.*) $1;", "a=b; path=/x/y", "a=b; path=/y"),
        ("proxy_cookie_domain a.example b.example;", "a=b; domain=A.Example", "a=b; domain=b.example"),
        ("proxy_cookie_domain a.example b.example;", "a=b; domain=.a.example", "a=b; domain=.b.example"),
        ("proxy_cookie_domain .a.example .b.example;", "a=b; domain=a.example", "a=b; domain=b.example"),
        ("proxy_cookie_domain a.example b.example;", "a=b; domain=x.a.example", "a=b; domain=x.a.example"),
        ("proxy_cookie_flags a secure httponly samesite=strict;", "a=b", "a=b; Secure; HttpOnly; SameSite=Strict"),
        ("proxy_cookie_flags a secure;", "a=b; SECURE", "a=b; Secure"),
        ("proxy_cookie_flags a nosecure nohttponly nosamesite;", "a=b; secure; HttpOnly; SameSite=Lax; x", "a=b; x"),
        ("proxy_cookie_flags a secure;", "ab=c", "ab=c"),
        ("proxy_cookie_flags ~ secure; proxy_cookie_flags a httponly;", "a=b", "a=b; Secure"), // the first one counts
        ("proxy_cookie_flags secure nosecure;", "secure=1; secure", "secure=1"),
    ];
    for (directives, cookie, expected) in rows {
        assert_eq!(rewritten(directives, vec![cookie.to_owned()]), [expected], "{directives} {cookie}");
    }
}

/// What no rule names stays as it is, byte for byte, whatever it is.
#[test]
fn other_cookies_stay() {
    let mut random = Seeded(7);
    let words = ["a", "=", ";", " ", "path", "domain", "/x", "\"", ",", "secure", "\t", "=;", "Path="];
    let cookies: Vec<String> =
        (0..500).map(|_| (0..random.below(9)).map(|_| words[random.below(words.len())]).collect()).collect();
    let rules = "proxy_cookie_path /none/ /y/; proxy_cookie_domain none.example b; proxy_cookie_flags none secure;";
    assert_eq!(rewritten(rules, cookies.clone()), cookies);
}
