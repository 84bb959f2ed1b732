//! Links from other sites, and the distribution of clients.

use super::*;
use crate::config::{RefererName, Source, Template, ValidReferers};

/// The message, with its column.
fn fault(http: &str) -> String {
    let found = headlines(&format!("http {{ {http} server {{ listen 80; }} }}"));
    assert_eq!(found.len(), 1, "{http}: {found:?}");
    found[0].splitn(3, ':').nth(2).unwrap().to_owned()
}

#[test]
fn valid_referers() {
    let config = load(
        "http { server { listen 80; valid_referers none blocked; valid_referers server_names Example.org *.a.b/C;
           location /a { valid_referers x.*; } location /b { } } }",
    );
    let name = |host: &str, path: &str| RefererName { host: host.into(), path: path.into() };
    let names = vec![name("example.org", ""), name("*.a.b", "/C")];
    let outer = ValidReferers { none: true, blocked: true, server_names: true, names, regexes: Vec::new() };
    let found = |path: &str| settings_at(&config, path).links.valid_referers.as_deref().cloned();
    assert_eq!((found("/b"), found("/")), (Some(outer.clone()), Some(outer)));
    assert_eq!(found("/a"), Some(ValidReferers { names: vec![name("x.*", "")], ..ValidReferers::default() }));
    let told = |value: &str| fault(&format!("server {{ valid_referers {value}; }}"));
    let no_host = "is no host, as in example.org, *.example.org or www.example.*";
    assert_eq!(told("/x"), format!("32: \"/x\" {no_host}"));
    assert_eq!(told("a*.b"), format!("32: \"a*.b\" {no_host}"));
    assert!(told("http://a/").starts_with("32: \"http://a/\" is no host: write it without a scheme"));
}

#[test]
fn split_clients() {
    let config = load("http { split_clients $uri $v { 0.5% a; 99% b; * c; } server { listen 80; return 200 $v; } }");
    let variable = &config.variables[0];
    let Source::Split(split) = &variable.source else { panic!("{variable:?}") };
    let all = u64::from(u32::MAX);
    let ends = [all * 50 / 10_000, all * 50 / 10_000 + all * 9_900 / 10_000].map(|end| end as u32);
    assert_eq!(split.parts, [(ends[0], "a".to_owned()), (ends[1], "b".to_owned())]);
    let text = Template { escape: crate::config::Escape::None, ..Template::parse("$uri").unwrap() };
    assert_eq!((&split.rest[..], &split.text), ("c", &text));
    let part = |text: &str| format!("\"{text}\" is no part, as in 50%, 0.5% or *");
    let table = [
        ("split_clients x $v { 50 a; }", format!("29: {}", part("50"))),
        ("split_clients x $v { 0% a; }", format!("29: {}", part("0%"))),
        ("split_clients x $v { 0.005% a; }", format!("29: {}", part("0.005%"))),
        ("split_clients x $v { 60% a; 50% b; }", "36: the parts are more than 100 %".to_owned()),
        ("split_clients x $v { 60%; }", "29: a row has a part and a value, as in: 50% .one;".to_owned()),
        ("split_clients x v { 60% a; }", "24: \"v\" is no variable's name, as in $name".to_owned()),
    ];
    for (text, told) in table {
        assert_eq!(fault(text), told, "{text}");
    }
}

#[cfg(feature = "secure_link")]
#[test]
fn secure_links() {
    let config = load(
        "http { server { listen 80; location /a { secure_link $arg_h; secure_link_md5 $uri;
           location /a/in { } } location /s { secure_link_secret word; location /s/in { secure_link x; } } } }",
    );
    let links = |path: &str| settings_at(&config, path).links.clone();
    let text = |text: &str| Template { escape: crate::config::Escape::None, ..Template::parse(text).unwrap() };
    assert_eq!(links("/a/in").secure.as_deref(), Some(&text("$arg_h")));
    assert_eq!((links("/a/in").md5.as_deref(), links("/a").secret), (Some(&text("$uri")), None));
    assert_eq!(links("/s").secret.as_deref(), Some("word"));
    assert_eq!(links("/s/in").secret, None, "the new form replaces the old one");
    for (first, second) in [("secure_link x", "secure_link_secret w"), ("secure_link_secret w", "secure_link_md5 x")] {
        let told = fault(&format!("server {{ location / {{ {first}; {second}; }} }}"));
        assert!(told.contains("it cannot stand beside \"secure_link"), "{told}");
    }
    assert!(fault("server { secure_link $urii; }").ends_with("unknown variable \"$urii\", did you mean \"$uri\"?"));
    assert!(fault("server { secure_link_md5 $urii; }").contains("unknown variable"));
    assert!(fault("server { location / { secure_link_secret \"\"; } }").ends_with("this value is empty"));
}
