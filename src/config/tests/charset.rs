//! The charset of texts.

use super::*;
use crate::config::Charset;

fn in_server(directives: &str) -> Charset {
    settings_at(&load(&format!("http {{ server {{ listen 80; {directives} }} }}")), "/").charset.clone()
}

/// The message, with its column.
fn fault(directives: &str) -> String {
    let found = headlines(&format!("http {{ {directives} server {{ listen 80; }} }}"));
    assert_eq!(found.len(), 1, "{directives}: {found:?}");
    found[0].splitn(3, ':').nth(2).unwrap().to_owned()
}

#[test]
fn names_and_types() {
    let utf8 = Charset { name: Some("utf-8".into()), ..Charset::default() };
    let both = Charset { source: Some("UTF-8".into()), ..utf8.clone() };
    let types = |types: &[&str]| Some(types.iter().map(|name| name.to_string()).collect());
    let all = "charset utf-8; charset_types text/css; charset_types a/b *;";
    let table = [
        ("", Charset::default()),
        ("charset utf-8;", utf8.clone()),
        ("charset off;", Charset::default()),
        ("charset utf-8; source_charset UTF-8;", both),
        ("source_charset koi8-r;", Charset { source: Some("koi8-r".into()), ..Charset::default() }),
        ("charset utf-8; override_charset off;", utf8.clone()),
        (all, Charset { types: types(&["text/css", "a/b", "*"]), ..utf8 }),
    ];
    for (directives, expected) in table {
        assert_eq!(in_server(directives), expected, "{directives}");
    }
    let config = load("http { override_charset on; server { listen 80; } }");
    assert!(config.warnings[0].message.contains("not supported yet"));
    let convert = "conversion from koi8-r to utf-8 is not supported yet: files are sent as they are, so \"charset\" \
                   must name their own";
    let table = [
        ("charset $x;", "16: variables are not supported in a charset's name"),
        ("charset \"a b\";", "16: \"a b\" is no charset, as in utf-8"),
        ("charset_types html;", "22: \"html\" is no media type, as in text/css"),
        ("override_charset yes;", "25: \"yes\" is neither \"on\" nor \"off\""),
        ("charset utf-8; source_charset koi8-r;", &format!("23: {convert}")),
        ("source_charset koi8-r; server { charset utf-8; }", &format!("40: {convert}")),
    ];
    for (directives, expected) in table {
        assert_eq!(fault(directives), expected, "{directives}");
    }
}

#[test]
fn maps_are_read_and_not_used() {
    load(
        "http { charset_map koi8-r utf-8 { 80 E282AC; 95 E280A2; } charset_map windows-1251 koi8-r { 82 C2; } \
         server { listen 80; } }",
    );
    let table = [
        ("charset_map a a { }", "22: a charset_map leads to another charset"),
        ("charset_map a b { 80; }", "26: a row has two codes in hexadecimal, as in: C0 D18E;"),
        ("charset_map a b { 80 C2A0; }", "29: \"C2A0\" is no character of b in hexadecimal"),
        ("charset_map a utf-8 { 80 xy; }", "33: \"xy\" is no character of utf-8 in hexadecimal"),
        ("charset_map a utf-8 { 180 C2; }", "30: \"180\" is no character of a in hexadecimal"),
    ];
    for (directives, expected) in table {
        assert_eq!(fault(directives), expected, "{directives}");
    }
}
