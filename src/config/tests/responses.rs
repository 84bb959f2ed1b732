//! What responses get beside their content, and how connections end.

use super::*;
use crate::config::{
    Autoindex, EtagForm, GzipStatic, IfModifiedSince, Lingering, LingeringClose, OpenFileCache, Redirects,
};
use crate::http::listing::Format;
use std::time::Duration;

fn in_server(directives: &str) -> Arc<Settings> {
    settings_at(&load(&format!("http {{ server {{ listen 80; {directives} }} }}")), "/")
}

/// The message, without the place.
fn fault(directives: &str) -> String {
    let found = headlines(&format!("http {{ server {{ {directives} }} }}"));
    assert_eq!(found.len(), 1, "{directives}: {found:?}");
    found[0].splitn(4, ':').nth(3).unwrap().trim_start().to_owned()
}

#[test]
fn lingering() {
    let secs = Duration::from_secs;
    let table = [
        ("", LingeringClose::On, 30, 5),
        ("lingering_close off;", LingeringClose::Off, 30, 5),
        ("lingering_close on; lingering_time 1m;", LingeringClose::On, 60, 5),
        ("lingering_close always; lingering_timeout 7;", LingeringClose::Always, 30, 7),
    ];
    for (directives, mode, time, timeout) in table {
        let expected = Lingering { mode, time: secs(time), timeout: secs(timeout) };
        assert_eq!(in_server(directives).lingering, expected, "{directives}");
    }
    assert_eq!(fault("lingering_close never;"), "unknown value \"never\"; accepted: off, on, always");
    let inner = load("http { lingering_time 1s; server { listen 80; location /a { lingering_timeout 2s; } } }");
    let expected = Lingering { mode: LingeringClose::On, time: secs(1), timeout: secs(2) };
    assert_eq!(settings_at(&inner, "/a").lingering, expected, "each of the three is inherited by itself");
}

#[test]
fn open_file_cache() {
    let (secs, default) = (Duration::from_secs, OpenFileCache::default());
    let table = [
        ("", default),
        ("open_file_cache off;", OpenFileCache { files_max: 0, ..default }),
        ("open_file_cache max=7;", OpenFileCache { files_max: 7, ..default }),
        ("open_file_cache inactive=5s max=7;", OpenFileCache { files_max: 7, inactive: secs(5), ..default }),
        ("open_file_cache_valid 1m30s;", OpenFileCache { valid: secs(90), ..default }),
        ("open_file_cache_min_uses 1;", OpenFileCache { min_uses: 1, ..default }),
        ("open_file_cache_errors on;", OpenFileCache { errors: true, ..default }),
        ("open_file_cache_bytes 1m;", OpenFileCache { bytes_max: 1 << 20, ..default }),
        ("open_file_cache_bytes 0 file=8k;", OpenFileCache { bytes_max: 0, file_bytes_max: 8 << 10, ..default }),
    ];
    for (directives, expected) in table {
        assert_eq!(in_server(directives).open_file_cache, expected, "{directives}");
    }
    for (directives, on) in [("", true), ("open_file_cache off;", false), ("open_file_cache_valid 0;", false)] {
        assert_eq!(in_server(directives).open_file_cache.is_on(), on, "{directives}");
    }
    let inner =
        load("http { open_file_cache max=9; server { listen 80; location /a { open_file_cache_errors on; } } }");
    let expected = OpenFileCache { files_max: 9, errors: true, ..default };
    assert_eq!(settings_at(&inner, "/a").open_file_cache, expected, "each of them is inherited by itself");
}

#[test]
fn switches() {
    type Show = fn(&Settings) -> bool;
    let table: [(&str, Show, bool); 4] = [
        ("random_index", |s| s.autoindex.random, false),
        ("chunked_transfer_encoding", |s| s.chunked_transfer_encoding, true),
        ("reset_timedout_connection", |s| s.reset_timedout_connection, false),
        ("merge_slashes", |s| s.merge_slashes, true),
    ];
    for (name, show, default) in table {
        assert_eq!(show(&in_server("")), default, "{name}");
        assert!(show(&in_server(&format!("{name} on;"))), "{name}");
        assert!(!show(&in_server(&format!("{name} off;"))), "{name}");
        assert_eq!(fault(&format!("{name} yes;")), "\"yes\" is neither \"on\" nor \"off\"");
    }
    let message = "\"merge_slashes\" is not allowed in \"location\"; it belongs in \"http\" or in \"server\"";
    assert_eq!(fault("location /a { merge_slashes off; }"), message);
}

#[test]
fn redirects() {
    let table = [
        ("", (true, true, false)),
        ("absolute_redirect off;", (false, true, false)),
        ("port_in_redirect off;", (true, false, false)),
        ("server_name_in_redirect on;", (true, true, true)),
        ("absolute_redirect on; port_in_redirect on; server_name_in_redirect off;", (true, true, false)),
    ];
    for (directives, (absolute, port, server_name)) in table {
        assert_eq!(in_server(directives).redirects, Redirects { absolute, port, server_name }, "{directives}");
    }
}

#[test]
fn listings() {
    let table = [
        ("", (false, true, false, Some(Format::Html))),
        ("autoindex on;", (true, true, false, Some(Format::Html))),
        ("autoindex off; autoindex_exact_size off;", (false, false, false, Some(Format::Html))),
        ("autoindex_localtime on; autoindex_format html;", (false, true, true, Some(Format::Html))),
        ("autoindex on; autoindex_format json;", (true, true, false, Some(Format::Json))),
        ("autoindex_format xml;", (false, true, false, Some(Format::Xml))),
        ("autoindex_format jsonp;", (false, true, false, Some(Format::Jsonp))),
        ("autoindex_format auto;", (false, true, false, None)),
    ];
    for (directives, (on, exact_size, localtime, format)) in table {
        let expected = Autoindex { on, exact_size, localtime, format, random: false };
        assert_eq!(in_server(directives).autoindex, expected, "{directives}");
    }
    for name in ["autoindex", "autoindex_exact_size", "autoindex_localtime"] {
        assert_eq!(fault(&format!("{name} yes;")), "\"yes\" is neither \"on\" nor \"off\"");
    }
    assert_eq!(
        fault("autoindex_format jsonq;"),
        "unknown value \"jsonq\", did you mean \"json\"? accepted: html, json, jsonp, xml, auto"
    );
    let inner = load("http { autoindex on; server { listen 80; location /a { autoindex_format json; } } }");
    let autoindex = settings_at(&inner, "/a").autoindex;
    assert_eq!((autoindex.on, autoindex.format), (true, Some(Format::Json)), "each of the four is inherited by itself");
}

#[test]
fn choices() {
    let gzip = [("off", GzipStatic::Off), ("on", GzipStatic::On), ("always", GzipStatic::Always)];
    for (text, expected) in gzip {
        assert_eq!(in_server(&format!("gzip_static {text};")).gzip_static, expected);
    }
    assert_eq!(in_server("").gzip_static, GzipStatic::Off);
    assert_eq!(fault("gzip_static yes;"), "unknown value \"yes\"; accepted: off, on, always");
    for (value, form) in [("on", EtagForm::On), ("off", EtagForm::Off), ("mtime", EtagForm::Mtime)] {
        assert_eq!(in_server(&format!("etag {value};")).etag, form, "{value}");
    }
    assert_eq!(in_server("").etag, EtagForm::On);
    assert_eq!(fault("etag weak;"), "unknown value \"weak\"; accepted: on, off, mtime");
    let since = [("off", IfModifiedSince::Off), ("exact", IfModifiedSince::Exact), ("before", IfModifiedSince::Before)];
    for (text, expected) in since {
        assert_eq!(in_server(&format!("if_modified_since {text};")).if_modified_since, expected);
    }
    assert_eq!(in_server("").if_modified_since, IfModifiedSince::Before);
    assert_eq!(fault("if_modified_since on;"), "unknown value \"on\"; accepted: off, exact, before");
}
