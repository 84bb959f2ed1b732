//! What inner levels take from outer ones.

use super::*;
use crate::config::Level;
use crate::config::{ErrorLogDirective, ErrorPageStatus, EtagForm, LogTarget, Template};
use std::path::PathBuf;
use std::time::Duration;

/// Shows one setting of what holds at a path.
type Show = fn(&Settings) -> String;

fn pages(settings: &Settings) -> String {
    let codes = settings.error_pages.iter().flat_map(|page| page.codes.iter().map(u16::to_string));
    codes.collect::<Vec<_>>().join(" ")
}

/// `(http's, server's, location's directives; what is shown; in the server, in the location)`
#[test]
fn levels() {
    let root: Show = |s| s.root.display().to_string();
    let index: Show = |s| s.index.iter().filter_map(Template::as_text).collect::<Vec<_>>().join(" ");
    let types: Show = |s| {
        let mut list: Vec<&str> = s.types.keys().map(String::as_str).collect();
        list.sort();
        if list.len() > 100 { "built-in".into() } else { list.join(" ") }
    };
    let returns: Show = |s| s.return_.as_ref().map_or("none".into(), |r| r.code.to_string());
    let keepalive: Show = |s| format!("{:?} {:?}", s.keepalive.timeout, s.keepalive.header);
    let logs: Show = |s| {
        let targets = s.access_logs.iter().map(|log| log.target.to_string());
        targets.collect::<Vec<_>>().join(" ")
    };
    let level: Show = |s| s.error_level.to_string();
    let alias: Show =
        |s| s.alias.as_ref().map_or("none".into(), |a| format!("{} {}", a.path.display(), a.prefix_bytes));
    let sendfile: Show = |s| s.sendfile.to_string();
    let table: [(&str, &str, &str, Show, &str, &str); 21] = [
        ("", "", "", root, "/srv/html", "/srv/html"),
        ("root a;", "", "", root, "/srv/a", "/srv/a"),
        ("root a;", "root /b/;", "", root, "/b", "/b"),
        ("root a;", "root b;", "root .;", root, "/srv/b", "/srv"),
        ("", "", "", index, "index.html", "index.html"),
        ("index a b;", "", "index c;", index, "a b", "c"),
        ("index a;", "index b; index c d;", "", index, "b c d", "b c d"),
        ("", "", "", types, "built-in", "built-in"),
        ("types { a/a a; }", "", "types { b/b B; }", types, "a", "b"),
        ("types { a/a a; }", "types { b/b b; } types { c/c c; }", "types { }", types, "b c", ""),
        ("error_page 404 /x;", "", "", pages, "404", "404"),
        ("error_page 404 /x;", "error_page 500 /y; error_page 403 /z;", "error_page 402 /w;", pages, "500 403", "402"),
        ("", "return 404;", "", returns, "404", "none"),
        ("", "", "return 404;", returns, "none", "404"),
        ("keepalive_timeout 5 3;", "", "keepalive_timeout 0;", keepalive, "5s Some(3s)", "0ns None"),
        ("access_log a;", "access_log b; access_log c;", "access_log off;", logs, "/srv/b /srv/c", ""),
        ("access_log a;", "", "access_log b; access_log a;", logs, "/srv/a", "/srv/b /srv/a"),
        ("error_log stderr info;", "", "error_log stderr crit;", level, "info", "crit"),
        ("", "", "alias x/;", alias, "none", "/srv/x/ 5"),
        ("sendfile off;", "", "sendfile on;", sendfile, "false", "true"),
        ("", "sendfile off;", "", sendfile, "false", "false"),
    ];
    for (http, server, location, show, in_server, in_location) in table {
        // Directives before and after the inner block must come to the same.
        for text in [
            format!("http {{ {http} server {{ listen 80; {server} location /loc/ {{ {location} }} }} }}"),
            format!("http {{ server {{ location /loc/ {{ {location} }} listen 80; {server} }} {http} }}"),
        ] {
            let config = load(&text);
            assert_eq!(show(&settings_at(&config, "/")), in_server, "server in {text}");
            assert_eq!(show(&settings_at(&config, "/loc/x")), in_location, "location in {text}");
        }
    }
}

#[test]
fn locations_inside_locations() {
    let config = load(
        "http { server { listen 80; location /a/ { alias x/; etag off; return 403;
           location /a/b/ { tcp_nopush on; location = /a/b/c { root y; } } } } }",
    );
    let inner = settings_at(&config, "/a/b/1");
    assert!(inner.tcp_nopush && inner.etag == EtagForm::Off);
    assert!(inner.return_.is_none());
    assert_eq!(inner.alias.as_ref().map(|alias| alias.prefix_bytes), Some(3), "an alias is inherited with its prefix");
    let exact = settings_at(&config, "/a/b/c");
    assert!(exact.tcp_nopush && exact.etag == EtagForm::Off);
    assert_eq!((exact.alias.clone(), exact.root.clone()), (None, PathBuf::from("/srv/y")), "a root ends an alias");
    assert_eq!(settings_at(&config, "/a/x").return_.as_ref().map(|r| r.code), Some(403));
}

#[test]
fn servers_share_nothing() {
    let config = load(
        "http { error_page 404 = /x; server { listen 80; server_name a; error_page 500 =503 @p; location @p { } \
         etag off; }
           server { listen 80; server_name b; } }",
    );
    let [a, b] = servers(&config) else { panic!("two servers") };
    assert_eq!((a.settings.etag, b.settings.etag), (EtagForm::Off, EtagForm::On));
    assert_eq!((pages(&a.settings), pages(&b.settings)), ("500".to_owned(), "404".to_owned()));
    assert_eq!(a.settings.error_pages[0].answer, ErrorPageStatus::Set(503));
    assert_eq!(b.settings.error_pages[0].answer, ErrorPageStatus::FromPage);
    assert!(a.locations.named.contains_key("@p"));
}

#[test]
fn error_logs_of_inner_levels() {
    let config = load(
        "error_log main.log warn; http { server { listen 80; error_log own.log; location /a { error_log \
         main.log debug; error_log main.log crit; } } } error_log stderr notice;",
    );
    let log = |name: &str, level| {
        let target = if name == "stderr" { LogTarget::Stderr } else { LogTarget::File(Path::new("/srv").join(name)) };
        ErrorLogDirective { target, level }
    };
    assert_eq!(config.error_logs, [log("main.log", Level::Warn), log("stderr", Level::Notice)]);
    assert_eq!(config.inner_error_logs, ["own.log", "main.log"].map(|name| log(name, Level::Error).target));
    let (server, location) = (settings_at(&config, "/"), settings_at(&config, "/a"));
    let own = |settings: &Settings| settings.error_logs.as_ref().map(|logs| logs.to_vec());
    assert_eq!((own(&server), server.error_level), (Some(vec![log("own.log", Level::Error)]), Level::Error));
    let both = vec![log("main.log", Level::Debug), log("main.log", Level::Crit)];
    assert_eq!((own(&location), location.error_level), (Some(both), Level::Debug));
    let config = load("error_log a warn; error_log b crit; http { server { listen 80; } }");
    let server = settings_at(&config, "/");
    assert_eq!((own(&server), server.error_level), (None, Level::Warn), "the least serious level of all");
    // The main level's level holds inside, wherever it stands.
    let config = load("http { server { listen 80; } }\nerror_log stderr info;");
    assert_eq!(settings_at(&config, "/").error_level, Level::Info);
}

#[test]
fn defaults_are_those_of_the_settings() {
    let config = load("http { server { listen 80; } }");
    let expected = Settings { root: PathBuf::from("/srv/html"), ..Settings::default() };
    assert_eq!(settings_at(&config, "/").root, expected.root);
    assert_eq!(expected.keepalive.timeout, Duration::from_secs(75));
    assert_eq!(expected.large_client_header_buffers, (4, 8192));
    assert_eq!((config.workers, config.daemon, config.events), (1, false, crate::config::Events::default()));
}
