//! Directives of connections and of the process: right and wrong values.

use super::super::types::{FieldNames, Keepalive, OldBrowsers};
use super::broken::check;
use super::{load, settings_at};
use std::time::Duration;

#[test]
fn how_long_a_connection_is_used() {
    let rows = [
        ("", 1000, None, OldBrowsers::empty(), 1000),
        ("keepalive_requests 7;", 7, None, OldBrowsers::empty(), 7),
        ("keepalive_time 1h; keepalive_requests 7;", 7, Some(3600), OldBrowsers::empty(), 0),
        ("keepalive_disable msie6 safari;", 1000, None, OldBrowsers::all(), 0),
        ("keepalive_disable none;", 1000, None, OldBrowsers::empty(), 1000),
    ];
    for (text, requests, time, disable, unless) in rows {
        let config = load(&format!("http {{ server {{ listen 80; location /x {{ {text} }} }} }}"));
        let settings = settings_at(&config, "/x");
        let time = time.map(Duration::from_secs);
        let expected = Keepalive { unasked: unless, requests, time, disable, ..Keepalive::default() };
        assert_eq!(settings.keepalive, expected, "{text}");
        assert_eq!(config.ages, time.map(crate::ages::AgeRule::up_to), "{text}");
        // A level inside goes by its own rules.
        let inside = format!("http {{ server {{ listen 80; {text} location /x {{ keepalive_disable none; }} }} }}");
        assert_eq!(settings_at(&load(&inside), "/x").keepalive.disable, OldBrowsers::empty(), "{text}");
    }
}

#[test]
fn names_of_fields_and_name_servers() {
    let config = load(
        "worker_rlimit_nofile 5000; worker_shutdown_timeout 10s;
         http { underscores_in_headers on; ignore_invalid_headers off; resolver_timeout 5s;
         resolver 127.0.0.1 10.0.0.1:5353 [::1] [::1]:54 localhost:55 valid=30s ipv6=off; server { listen 80; } }",
    );
    let settings = settings_at(&config, "/");
    assert_eq!(settings.field_names, FieldNames { underscores: true, all: true });
    assert_eq!((config.rlimit_nofile, config.shutdown_timeout), (Some(5000), Some(Duration::from_secs(10))));
    assert_eq!(settings.resolver.timeout, Duration::from_secs(5));
    let resolver = &settings.resolver;
    let servers = ["127.0.0.1:53", "10.0.0.1:5353", "[::1]:53", "[::1]:54"].map(|text| text.parse().expect("valid"));
    assert_eq!(resolver.servers[..4], servers);
    let named = &resolver.servers[4..];
    assert!(!named.is_empty() && named.iter().all(|it| it.ip().is_loopback() && it.port() == 55), "{named:?}");
    assert_eq!((resolver.valid, resolver.ipv4, resolver.ipv6), (Some(Duration::from_secs(30)), true, false));
}

#[test]
fn wrong_values() {
    let no_server = |text: &str| format!("\"{text}\" is no address of a name server, as in 127.0.0.1 or [::1]:5353");
    let servers = ["300.0.0.1", "127.0.0.1:0", "127.0.0.1:x", "[::1", "[::1]x", "a/b", "[127.0.0.1]"];
    let rows = servers.map(|server| (format!("http {{ resolver {server}; }}"), format!("1:17: {}", no_server(server))));
    for (text, expected) in rows {
        assert_eq!(super::headlines(&text).first(), Some(&format!("site.conf:{expected}")), "{text}");
    }
    let missing = super::headlines("http { resolver no.such.name.invalid; }");
    assert!(missing[0].starts_with("site.conf:1:17: no address of \"no.such.name.invalid\" is found: "), "{missing:?}");
    check(&[
        ("worker_rlimit_nofile 3;", "1:22: \"3\" is not a whole number from 16 to 1073741824"),
        (
            "worker_shutdown_timeout soon;",
            "1:25: \"soon\" is not a time; write seconds, or numbers with ms, s, m, h, d, w, M or y, as in 90s or \
             1h30m",
        ),
        ("http { keepalive_time; }", "1:8: \"keepalive_time\" takes 1 value, not 0, as in: keepalive_time 1h;"),
        (
            "http { keepalive_disable msie; }",
            "1:26: unknown browser \"msie\", did you mean \"msie6\"? accepted: none, msie6, safari",
        ),
        ("http { underscores_in_headers yes; }", "1:31: \"yes\" is neither \"on\" nor \"off\""),
        ("http { ignore_invalid_headers 1; }", "1:31: \"1\" is neither \"on\" nor \"off\""),
        (
            "http { resolver valid=5s; }",
            "1:8: \"resolver\" needs the address of a name server, as in: resolver 127.0.0.1;",
        ),
        (
            "http { resolver ::1 vaild=5s; }",
            "1:17: \"::1\" is no address of a name server, as in 127.0.0.1 or [::1]:5353",
        ),
        (
            "http { resolver 127.0.0.1 vaild=5s; }",
            "1:27: unknown option \"vaild=5s\"; accepted: valid=30s, ipv4=off, ipv6=off",
        ),
        (
            "http { resolver 127.0.0.1 ipv4=off ipv6=off; }",
            "1:8: with ipv4=off and ipv6=off no address is left to look for",
        ),
        (
            "http { resolver_timeout -1; }",
            "1:25: \"-1\" is not a time; write seconds, or numbers with ms, s, m, h, d, w, M \
          or y, as in 90s or 1h30m",
        ),
    ]);
}
