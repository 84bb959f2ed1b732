//! Uploads by POST: their values, and who answers.

use super::*;
use crate::http::form_data::FormLimits;
use std::path::Path;

fn at(server: &str, path: &str) -> Arc<Settings> {
    settings_at(&load(&format!("http {{ server {{ listen 80; {server} }} }}")), path)
}

/// The folder of uploads, and whether a program answers.
fn answers(server: &str, path: &str) -> (Option<String>, bool) {
    let settings = at(server, path);
    (settings.upload_store.as_ref().map(|folder| folder.display().to_string()), settings.cgi.is_some())
}

#[test]
fn values() {
    let settings = at("", "/");
    assert!(settings.upload_store.is_none());
    assert_eq!(settings.upload_limits, FormLimits::default());
    for (directives, folder) in [
        ("upload_store up;", Some("/srv/up")),
        ("upload_store up/./in/;", Some("/srv/up/in")),
        ("upload_store /data/up;", Some("/data/up")),
        ("upload_store off;", None),
    ] {
        let found = at(directives, "/").upload_store.clone();
        assert_eq!(found.as_ref().map(|folder| &***folder), folder.map(Path::new), "{directives}");
    }
    let limits =
        "upload_max_parts 7; upload_max_file_size 2m; upload_max_fields_size 1k; upload_max_part_head_size 512;";
    let expected = FormLimits { parts_max: 7, file_bytes_max: 2 << 20, fields_bytes_max: 1024, head_bytes_max: 512 };
    assert_eq!(at(limits, "/").upload_limits, expected);
    assert_eq!(at(&format!("{limits} location /up/ {{ upload_store up; }}"), "/up/x").upload_limits, expected);
    assert!(!settings.upload_same_origin && at("upload_same_origin on;", "/").upload_same_origin);
    assert_eq!(at("upload_max_file_size 0;", "/").upload_limits.file_bytes_max, 0);
    assert_eq!(at("upload_max_fields_size 0;", "/").upload_limits.fields_bytes_max, 0);
}

#[test]
fn the_inner_level_says_who_answers_post() {
    let (store, none) = (Some("/srv/up".to_owned()), None);
    for (server, path, expected) in [
        ("upload_store up; location /in/ { }", "/in/x", (store.clone(), false)),
        ("upload_store up; location /in/ { upload_store off; }", "/in/x", (none.clone(), false)),
        ("upload_store up; location /in/ { cgi on; }", "/in/x", (none.clone(), true)),
        ("upload_store up; location /in/ { cgi_pass /bin/x; }", "/in/x", (none.clone(), true)),
        ("upload_store up; location /in/ { cgi off; }", "/in/x", (store.clone(), false)),
        ("cgi on; location /in/ { upload_store up; }", "/in/x", (store.clone(), false)),
        ("cgi on; location /in/ { upload_store off; }", "/in/x", (none.clone(), true)),
        (
            "cgi on; location /in/ { upload_store up; location /in/a/ { cgi_timeout 1s; } }",
            "/in/a/x",
            (store.clone(), false),
        ),
        ("cgi on; location /in/ { upload_store up; location /in/a/ { cgi on; } }", "/in/a/x", (none, true)),
        ("cgi off; upload_store up;", "/", (store, false)),
    ] {
        assert_eq!(answers(server, path), expected, "{server}");
    }
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    for (directives, expected) in [
        ("upload_store;", "17: \"upload_store\" takes 1 value, not 0, as in: upload_store uploads;"),
        ("upload_store \"\";", "30: this value is empty"),
        ("upload_store $up;", "30: variables are not supported in this path"),
        ("upload_store a; upload_store b;", "33: \"upload_store\" is given twice, first at site.conf:1:17"),
        (
            "cgi on; upload_store up;",
            "25: \"upload_store\" and \"cgi\" cannot both answer POST, first at site.conf:1:17",
        ),
        (
            "upload_store up; cgi on;",
            "17: \"upload_store\" and \"cgi\" cannot both answer POST, first at site.conf:1:34",
        ),
        ("upload_same_origin yes;", "36: \"yes\" is neither \"on\" nor \"off\""),
        ("upload_max_parts 0;", "34: \"0\" is not a whole number from 1 to 1000"),
        ("upload_max_parts 1001;", "34: \"1001\" is not a whole number from 1 to 1000"),
        ("upload_max_file_size big;", "38: \"big\" is not a size; write bytes, or a number with k, m or g, as in 64k"),
        ("upload_max_fields_size 1g;", "40: \"1g\" is not a size from 0 bytes to 16384k"),
        ("upload_max_part_head_size 255;", "43: \"255\" is not a size from 256 bytes to 1024k"),
    ] {
        let found = headlines(&format!("http {{ server {{ {directives} }} }}"));
        let expected = format!("site.conf:1:{expected}");
        assert_eq!(found.first(), Some(&expected), "{directives}");
    }
}

#[test]
fn the_first_extension_of_a_type_is_kept() {
    let types = "types { image/jpeg jpg jpeg; text/html html; image/jpeg jpe; }";
    let settings = at(types, "/");
    let extension = |kind: &str| settings.extensions.get(kind).map(|extension| &extension[..]);
    assert_eq!(
        (extension("image/jpeg"), extension("text/html"), extension("image/gif")),
        (Some("jpg"), Some("html"), None)
    );
    assert_eq!(at("", "/").extensions.get("image/gif").map(|extension| &extension[..]), Some("gif"));
}
