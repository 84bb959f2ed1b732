//! `map`, `geo`, the directives of the client's address, `stub_status`.

use super::*;
use crate::config::{Network, Networks, Phases, RealIp, RealIpHeader};
use crate::http::Known;

/// The column and the message of the only fault.
fn fault(directives: &str) -> String {
    let found = headlines(&format!("http {{ {directives} server {{ listen 80; }} }}"));
    assert_eq!(found.len(), 1, "{directives}: {found:?}");
    found[0].strip_prefix("site.conf:1:").unwrap_or(&found[0]).to_owned()
}

fn warnings(directives: &str) -> Vec<String> {
    let config = load(&format!("http {{ {directives} server {{ listen 80; }} }}"));
    config.warnings.iter().map(|warning| warning.headline()).collect()
}

#[test]
fn maps_that_are_wrong() {
    let rows = [
        ("map $args x { a 1; }", "18: \"x\" is no variable's name, as in $name"),
        ("map $args $args { a 1; }", "18: \"$args\" is a variable of the server and cannot be set; use another name"),
        ("map $nothing $x { a 1; }", "12: unknown variable \"$nothing\""),
        ("map $args $x { a; }", "23: a key of \"map\" has one value, not 0: KEY VALUE;"),
        ("map $args $x { a 1 2; }", "23: a key of \"map\" has one value, not 2: KEY VALUE;"),
        ("map $args $x { a { } }", "25: no blocks inside of \"map\""),
        ("map $args $x { default 1; default 2; }", "34: a second default of this map"),
        ("map $args $x { a 1; A 2; }", "28: the key \"A\" is given twice"),
        ("map $args $x { a $1$y; }", "25: unknown variable \"$y\""),
        ("map $args $x { hostnames; .a.b 1; a.b 2; }", "42: the key \"a.b\" is given twice"),
        (
            "map $args $x { hostnames; a*.b 1; }",
            "34: \"a*.b\" is no host name; a wildcard is its first or last label, as in *.example.org or \
             www.example.*",
        ),
        ("map $x $x { a 1; }", "12: the value of \"$x\" is made of itself"),
        ("map $y $x { a 1; } map $args $y { a $x; }", "12: the value of \"$y\" is made of itself"),
    ];
    for (directives, expected) in rows {
        assert_eq!(fault(directives), expected, "{directives}");
    }
    #[cfg(feature = "regex")]
    assert_eq!(
        fault("map $args $x { ~(?!a) 1; }"),
        "24: look-ahead is not supported; match what is excluded in a \
        location or \"if\" of its own that stands before"
    );
    let chain: String = (0..40).map(|n| format!("map $v{} $v{n} {{ a 1; }} ", n + 1)).collect();
    let chain = format!("{chain} map $args $v40 {{ a 1; }}");
    assert!(fault(&chain).ends_with("is made in more than 32 steps"), "{}", fault(&chain));
}

#[test]
fn geos_that_are_wrong() {
    let no_network = "accepted: as in 192.0.2.1, 192.0.2.0/24, 2001:db8::/32, unix:";
    let rows = [
        ("geo x { }", "12: \"x\" is no variable's name, as in $name".to_owned()),
        ("geo a$args $x { }", "12: \"a$args\" is no variable's name, as in $name".into()),
        (
            "geo $x { 10.0.0.0/33 a; }",
            "17: \"10.0.0.0/33\" has no number of bits behind \"/\": 0 to 32 for IPv4, 0 to 128 for IPv6".into(),
        ),
        ("geo $x { nowhere a; }", format!("17: \"nowhere\" is no address or network; {no_network}")),
        ("geo $x { unix: a; }", "17: \"geo\" looks up IP addresses only".into()),
        ("geo $x { 10.0.0.1; }", "17: an address of \"geo\" has one value, not 0: 192.0.2.0/24 VALUE;".into()),
        ("geo $x { a { } }", "19: no blocks inside of \"geo\"".into()),
        ("geo $x { default a; ranges; }", "28: \"ranges\" must stand before all addresses".into()),
        (
            "geo $x { ranges; 10.0.0.0/8 a; }",
            "25: \"10.0.0.0/8\" is no range; accepted: as in 192.0.2.0-192.0.2.255".into(),
        ),
        (
            "geo $x { ranges; 10.0.0.2-10.0.0.1 a; }",
            "25: \"10.0.0.2-10.0.0.1\" is no range; accepted: as in 192.0.2.0-192.0.2.255".into(),
        ),
        (
            "geo $x { ranges; 10.0.0.0-10.0.0.9 a; 10.0.0.5-10.0.0.12 b; }",
            "46: the range \"10.0.0.5-10.0.0.12\" overlaps 10.0.0.0-10.0.0.9".into(),
        ),
        ("geo $x { proxy nowhere; }", format!("23: \"nowhere\" is no address or network; {no_network}")),
    ];
    for (directives, expected) in rows {
        assert_eq!(fault(directives), expected, "{directives}");
    }
    let doubtful = [
        ("geo $x { 10.0.0.1/8 a; }", "the low bits of \"10.0.0.1/8\" mean nothing: it is 10.0.0.0-10.255.255.255"),
        ("geo $x { 10.0.0.1 a; 10.0.0.1/32 b; }", "\"10.0.0.1/32\" had another value before; the last one holds"),
        ("geo $x { default a; default b; }", "\"default\" had another value before; the last one holds"),
        ("geo $x { delete 10.0.0.1; }", "\"10.0.0.1\" has no value that could be deleted"),
        ("geo $x { ranges; delete 10.0.0.1-10.0.0.2; }", "\"10.0.0.1-10.0.0.2\" has no value that could be deleted"),
    ];
    for (directives, expected) in doubtful {
        let found = warnings(directives);
        assert!(found.len() == 1 && found[0].ends_with(expected), "{directives}: {found:?}");
    }
    assert_eq!(
        warnings("geo $x { ranges; default a; 10.0.0.0-10.0.0.9 a; } geo $args $y { proxy ::/0; volatile; }"),
        [""; 0]
    );
}

fn real_ip(directives: &str) -> RealIp {
    settings_at(&load(&format!("http {{ server {{ listen 80; {directives} }} }}")), "/").real_ip.clone()
}

fn networks(all: &[&str]) -> Arc<Networks> {
    let mut networks = Networks::default();
    all.iter().for_each(|text| networks.add(Network::parse(text).expect(text).0));
    Arc::new(networks)
}

#[test]
fn whose_word_is_taken_for_the_clients_address() {
    let default = RealIp::default();
    let rows = [
        ("", default.clone()),
        (
            "set_real_ip_from 10.0.0.0/8; set_real_ip_from ::1; set_real_ip_from unix:;",
            RealIp { from: networks(&["10.0.0.0/8", "::1", "unix:"]), ..default.clone() },
        ),
        ("real_ip_recursive on;", RealIp { recursive: true, ..default.clone() }),
        (
            "real_ip_header X-Forwarded-For;",
            RealIp { header: RealIpHeader::List(Known::XForwardedFor), ..default.clone() },
        ),
        ("real_ip_header proxy_protocol;", RealIp { header: RealIpHeader::ProxyProtocol, ..default.clone() }),
        ("real_ip_header CF-IP;", RealIp { header: RealIpHeader::Field("CF-IP".into()), ..default.clone() }),
        (
            "set_real_ip_from 10.0.0.1; location / { set_real_ip_from 10.0.0.2; }",
            RealIp { from: networks(&["10.0.0.2"]), ..default.clone() },
        ),
    ];
    for (directives, expected) in rows {
        assert_eq!(real_ip(directives), expected, "{directives}");
    }
    let named = real_ip("set_real_ip_from localhost;");
    assert!(named.from.contain_ip([127, 0, 0, 1].into()) || named.from.contain_ip("::1".parse().unwrap()));
    let wrong = [
        (
            "set_real_ip_from 10.0.0.0/8/9;",
            "25: \"10.0.0.0/8/9\" has no number of bits behind \"/\": 0 to 32 for IPv4, 0 to 128 for IPv6",
        ),
        (
            "set_real_ip_from 10.0.0;",
            "25: \"10.0.0\" is no address or network; accepted: as in 192.0.2.1, 192.0.2.0/24, 2001:db8::/32, unix:",
        ),
        ("real_ip_recursive yes;", "26: \"yes\" is neither \"on\" nor \"off\""),
        ("real_ip_header 'a b';", "23: \"a b\" is no field name; accepted: as in X-Real-IP, or proxy_protocol"),
    ];
    for (directives, expected) in wrong {
        assert_eq!(fault(directives), expected, "{directives}");
    }
    let missing = fault("set_real_ip_from no.such.name.invalid;");
    assert!(missing.starts_with("25: no address of \"no.such.name.invalid\" is found: "), "{missing}");
}

#[test]
fn the_status_page() {
    let config = load(
        "http { server { listen 80; location /a { stub_status; location /a/b { } } location /c { stub_status on; } } }",
    );
    let at = |path: &str| settings_at(&config, path);
    assert!(at("/a").stub_status && at("/c").stub_status && at("/a").phases.contains(Phases::PRE_CONTENT));
    assert!(!at("/").stub_status && !at("/a/b").stub_status);
    assert_eq!(
        fault("stub_status;"),
        "8: \"stub_status\" is not allowed in \"http\"; it belongs in \"server\" or in \"location\""
    );
}

#[test]
fn the_proxy_protocol_on_an_address() {
    let config = load(
        "http { server { listen 80 proxy_protocol; listen 81; }
                server { listen 81 proxy_protocol; server_name b; listen 82; } }",
    );
    let shown: Vec<bool> = config.listeners.iter().map(|listener| listener.proxy_protocol).collect();
    assert_eq!(shown, [true, true, false], "one server of an address speaks for it");
    let wrong = headlines("echo { server { listen 7 proxy_protocol; } }");
    assert_eq!(wrong, ["site.conf:1:26: only HTTP is spoken behind the PROXY protocol"]);
    for (name, is_known) in [("alpn", true), ("ssl_cn", true), ("0xea", true), ("nothing", false)] {
        let found = headlines(&format!("http {{ server {{ listen 80; return 200 $proxy_protocol_tlv_{name}; }} }}"));
        assert_eq!(found.is_empty(), is_known, "{name}: {found:?}");
    }
}
