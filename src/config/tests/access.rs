//! Who gets what is here: addresses, passwords, methods.

use super::*;
use crate::config::{Access, AddressRule, Phases, Satisfy};
use crate::http::Method;
use std::time::Duration;

fn at(server: &str, path: &str) -> Arc<Settings> {
    settings_at(&load(&format!("http {{ server {{ listen 80; {server} }} }}")), path)
}

/// The message, without the place.
fn fault(directives: &str) -> String {
    let found = headlines(&format!("http {{ server {{ location /p/ {{ {directives} }} }} }}"));
    assert_eq!(found.len(), 1, "{directives}: {found:?}");
    found[0].splitn(4, ':').nth(3).unwrap().trim_start().to_owned()
}

fn rule(access: &Access, address: &str) -> Option<AddressRule> {
    access.rules.as_ref()?.of(address.parse().expect("an address"))
}

#[test]
fn addresses() {
    use AddressRule::{Allow, Deny};
    for (directives, address, expected) in [
        ("", "10.0.0.1", None),
        ("deny all;", "10.0.0.1", Some(Deny)),
        ("deny all;", "::1", Some(Deny)),
        ("allow 10.0.0.1; deny all;", "10.0.0.1", Some(Allow)),
        ("allow 10.0.0.1; deny all;", "10.0.0.2", Some(Deny)),
        ("deny 10.0.0.0/8;", "11.0.0.0", None),
        ("deny 0.0.0.0/0;", "255.255.255.255", Some(Deny)),
        ("deny 10.9.9.9/8;", "10.0.0.1", Some(Deny)),
        ("allow 2001:db8::/32; deny all;", "2001:db8::1", Some(Allow)),
        ("allow ::1; deny all;", "::2", Some(Deny)),
        ("deny ::/0;", "127.0.0.1", None),
    ] {
        let settings = at(directives, "/");
        assert_eq!(rule(&settings.access, address), expected, "{directives} {address}");
        assert_eq!(settings.phases.contains(Phases::ACCESS), !directives.is_empty(), "{directives}");
    }
    assert_eq!(at("deny unix:;", "/").access.rules.as_ref().and_then(|rules| rules.of_unix()), Some(Deny));
    for (directive, told) in [
        ("deny 10.0.0.0/33;", "\"10.0.0.0/33\": the number of bits behind \"/\" is from 0 to 32"),
        ("deny ::/129;", "from 0 to 128"),
        ("deny 10.0.0.0/+8;", "from 0 to 32"),
        ("allow localhost;", "\"localhost\" is no address; write \"all\", \"unix:\", an address, or a network"),
        ("allow 10.0.0;", "\"10.0.0\" is no address"),
        ("allow unix:/run/a;", "\"unix:/run/a\" is no address"),
        ("allow all all;", "\"allow\" takes 1 value, not 2"),
    ] {
        assert!(fault(directive).contains(told), "{directive}: {}", fault(directive));
    }
    let config = load("http { server { listen 80; deny 10.0.0.1/8; } }");
    let warning = config.warnings[0].headline();
    assert!(warning.starts_with("site.conf:1:33: the bits of \"10.0.0.1/8\""), "{warning}");
}

#[test]
fn a_level_with_a_rule_inherits_none() {
    let server = "allow 10.0.0.0/8; deny all; location /a/ { } location /b/ { allow 11.0.0.0/8; } location /c/ { deny \
                  unix:; location /c/d/ { etag off; } }";
    for (path, address, expected) in [
        ("/a/", "10.0.0.1", Some(AddressRule::Allow)),
        ("/a/", "11.0.0.1", Some(AddressRule::Deny)),
        ("/b/", "10.0.0.1", None),
        ("/b/", "11.0.0.1", Some(AddressRule::Allow)),
        ("/c/", "11.0.0.1", None),
        ("/c/d/", "11.0.0.1", None),
    ] {
        assert_eq!(rule(&at(server, path).access, address), expected, "{path} {address}");
    }
}

#[test]
fn passwords() {
    let settings = at(
        "auth_basic \"the site of $host\"; auth_basic_user_file users; satisfy any; auth_delay 2s; \
         location /open/ { auth_basic off; } location /other/ { auth_basic_user_file /etc/$host; }",
        "/",
    );
    let access = &settings.access;
    assert!(access.realm.as_ref().is_some_and(|realm| realm.as_text().is_none()));
    let file = access.user_file.as_ref().expect("it is there");
    assert_eq!((file.path.as_text(), &*file.prefix), (Some("/srv/users"), Path::new("/srv")));
    assert_eq!((access.satisfy, access.auth_delay), (Satisfy::Any, Duration::from_secs(2)));
    assert!(settings.phases.contains(Phases::ACCESS));
    let server = "auth_basic a; auth_basic_user_file b; location /open/ { auth_basic off; } location /in/ { }";
    assert!(!at(server, "/open/").phases.contains(Phases::ACCESS), "nothing is asked there");
    assert!(at(server, "/in/").phases.contains(Phases::ACCESS));
    for (directive, told) in [
        ("satisfy both;", "unknown value \"both\"; accepted: all, any"),
        ("auth_basic;", "\"auth_basic\" takes 1 value, not 0"),
        ("auth_basic a; auth_basic b;", "\"auth_basic\" is given twice"),
        ("auth_basic $nothing;", "unknown variable \"$nothing\""),
        ("auth_basic_user_file \"\";", "this path is empty"),
        ("auth_delay soon;", "\"soon\" is not a time"),
    ] {
        assert!(fault(directive).contains(told), "{directive}: {}", fault(directive));
    }
    let config = load("http { server { listen 80; location / { auth_basic a; } } }");
    assert!(config.warnings[0].headline().contains("asks for no password"), "{:?}", config.warnings);
}

#[test]
fn limit_except() {
    let limit = |directive: &str| at(&format!("location /p/ {{ {directive} }}"), "/p/").limit_except.clone();
    for (directive, methods, closed) in [
        ("limit_except GET { deny all; }", "GET, HEAD", true),
        ("limit_except get propfind { deny all; }", "GET, HEAD, PROPFIND", true),
        ("limit_except HEAD { deny all; }", "HEAD", true),
        ("limit_except POST { deny all; allow all; }", "POST", true),
        ("limit_except GET { allow all; deny all; }", "GET, HEAD", false),
        ("limit_except GET { allow 10.0.0.0/8; deny all; }", "GET, HEAD", false),
        ("limit_except GET { }", "GET, HEAD", false),
        ("deny all; limit_except GET { }", "GET, HEAD", true), // what is around it holds inside, too
    ] {
        let found = limit(directive).expect(directive);
        assert_eq!((&found.methods.allow()[..], found.access.is_closed()), (methods, closed), "{directive}");
    }
    let twice = "\"limit_except\" is given twice, first at site.conf:1:32";
    for (directive, expected) in [
        ("limit_except GET { } limit_except PUT { deny all; }", twice),
        ("limit_except GET { root /x; }", "\"root\" is not allowed in \"limit_except\"; it belongs in"),
        ("limit_except GET { deny 1.2.3; }", "\"1.2.3\" is no address"),
        ("limit_except GET { deny all { } }", "\"deny\" takes no block"),
        ("limit_except GET;", "\"limit_except\" needs a block, as in: limit_except GET { deny all; }"),
        ("limit_except FOO { deny all; }", "unknown method \"FOO\""),
    ] {
        assert!(fault(directive).contains(expected), "{directive}: {}", fault(directive));
    }
    let server =
        "location /a/ { auth_basic_user_file f; limit_except GET { auth_basic x; } location /a/b/ { etag off; } }";
    let (outer, inner) = (at(server, "/a/"), at(server, "/a/b/"));
    assert!(outer.access_for(Method::Get).is_open() && outer.access_for(Method::Head).is_open());
    assert!(!outer.access_for(Method::Put).is_open() && !outer.access_for(Method::Unknown).is_open());
    assert!(outer.phases.contains(Phases::ACCESS));
    assert!(inner.limit_except.is_none() && !inner.phases.contains(Phases::ACCESS), "as in nginx, it is not inherited");
}
