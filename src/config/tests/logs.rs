//! The logs: conditions, paths with variables, syslog.

use super::*;
use crate::config::{Address, Level, LogTarget, OpenLogFileCache, Syslog, Template};
use std::time::Duration;

fn in_server(directives: &str) -> Arc<Settings> {
    settings_at(&load(&format!("http {{ server {{ listen 80; {directives} }} }}")), "/")
}

/// The column of the fault and its message.
fn fault(directives: &str) -> String {
    let found = headlines(&format!("http {{ server {{ {directives} }} }}"));
    assert_eq!(found.len(), 1, "{directives}: {found:?}");
    found[0].splitn(3, ':').nth(2).unwrap().to_owned()
}

#[test]
fn conditions_and_paths_of_access_logs() {
    let text = |text: &str| Template { escape: crate::config::Escape::None, ..Template::parse(text).unwrap() };
    let settings = in_server("access_log a.log combined if=$arg_a$arg_b; access_log /d/$host.log; access_log l/$host;");
    let [fixed, absolute, relative] = &settings.access_logs[..] else { panic!("three logs") };
    assert_eq!((&fixed.condition, &fixed.path), (&Some(text("$arg_a$arg_b")), &None));
    assert_eq!((&absolute.condition, &absolute.path), (&None, &Some(text("/d/$host.log"))));
    assert_eq!(relative.path, Some(text("/srv/l/$host")));
    let config = load("http { server { listen 80; access_log /d/$host.log; } }");
    assert!(config.access_logs.is_empty(), "it is opened for a request");
    let has_sent = in_server("access_log a.log combined if=$sent_http_x;").access_logs[0].has_sent_fields;
    assert!(has_sent, "a condition may need the response's head");
    let table = [
        (
            "access_log a.log combined gzip;",
            "43: \"gzip\" is not supported yet: write the log without it, and \
          compress it when it is rotated",
        ),
        (
            "access_log a.log combined gzip=9;",
            "43: \"gzip\" is not supported yet: write the log without it, and \
          compress it when it is rotated",
        ),
        ("access_log a.log combined if=$nonsense;", "46: unknown variable \"$nonsense\""),
        ("access_log /d/$host combined buffer=4k;", "46: a log whose path has variables is written without a buffer"),
        (
            "access_log a.log combined nonsense;",
            "43: unknown option \"nonsense\"; accepted after the format: buffer=, flush=, if=",
        ),
        (
            "access_log memory:1m;",
            "28: a log in memory is not supported: name a file in a memory file system, as in \
          /dev/shm/error.log debug",
        ),
    ];
    for (directive, told) in table {
        assert_eq!(fault(directive), told, "{directive}");
    }
}

#[test]
fn open_log_file_cache() {
    let secs = Duration::from_secs;
    let default = OpenLogFileCache::default();
    let all = OpenLogFileCache { paths_max: 7, inactive: secs(20), uses_min: 2, valid: secs(60) };
    let table = [
        ("", default),
        ("open_log_file_cache off;", default),
        ("open_log_file_cache max=3;", OpenLogFileCache { paths_max: 3, ..default }),
        ("open_log_file_cache max=7 inactive=20s min_uses=2 valid=1m;", all),
    ];
    for (directive, expected) in table {
        assert_eq!(in_server(directive).log_rules.open_file_cache, expected, "{directive}");
    }
    assert_eq!(
        fault("open_log_file_cache valid=1m;"),
        "17: \"open_log_file_cache\" needs the number of files, as in max=1000"
    );
    assert!(fault("open_log_file_cache max=1 on;").starts_with("43: unknown value \"on\""));
    let config = load("http { open_log_file_cache max=3; server { listen 80; open_log_file_cache max=9; } }");
    assert_eq!(config.log_paths_max, 9);
}

#[test]
fn switches_of_logs() {
    let settings = in_server("");
    assert!(settings.log_rules.not_found && !settings.log_rules.subrequest);
    let settings = in_server("log_not_found off; log_subrequest on;");
    assert!(!settings.log_rules.not_found && settings.log_rules.subrequest);
    assert_eq!(fault("log_not_found never;"), "31: \"never\" is neither \"on\" nor \"off\"");
    assert_eq!(fault("log_subrequest never;"), "32: \"never\" is neither \"on\" nor \"off\"");
}

#[test]
fn syslog() {
    let read = |text: &str| match &*in_server(&format!("access_log {text};")).access_logs[0].target {
        LogTarget::Syslog(syslog) => Syslog::clone(syslog),
        other => panic!("{other}"),
    };
    let at = |ip: &str| Syslog::new(Address::Inet(ip.parse().unwrap()));
    assert_eq!(read("syslog:server=192.0.2.1"), at("192.0.2.1:514"));
    assert_eq!(read("syslog:server=localhost:5140"), at("127.0.0.1:5140"));
    assert_eq!(read("syslog:server=[::1]"), at("[::1]:514"));
    assert_eq!(read("syslog:server=[::1]:9"), at("[::1]:9"));
    assert_eq!(read("syslog:server=unix:/dev/log"), Syslog::new(Address::Unix("/dev/log".into())));
    let all = read("syslog:severity=alert,server=192.0.2.1,facility=user,tag=SITE_1,nohostname");
    let expected = Syslog {
        facility: 1,
        severity: Level::Alert,
        tag: "SITE_1".into(),
        has_hostname: false,
        ..at("192.0.2.1:514")
    };
    assert_eq!((all.priority(Level::Error), all), (11, expected));
    let config = load("error_log syslog:server=192.0.2.1 warn; http { server { listen 80; } }");
    assert_eq!(config.error_logs[0].level, Level::Warn);
    let no_address = "is no address of a syslog daemon; accepted: 192.0.2.1:514, [::1]:514, localhost, unix:/dev/log \
                      (names are not looked up)";
    let table = [
        ("syslog:", "\"syslog:\" needs the daemon's address, as in syslog:server=127.0.0.1:514".to_owned()),
        ("syslog:server=logs.example.org", format!("\"logs.example.org\" {no_address}")),
        ("syslog:server=192.0.2.1:x", format!("\"192.0.2.1:x\" {no_address}")),
        ("syslog:server=192.0.2.1:0", format!("\"192.0.2.1:0\" {no_address}")),
        ("syslog:server=[::1]9", format!("\"[::1]9\" {no_address}")),
        ("syslog:server=unix:", "this path is empty".to_owned()),
        ("syslog:server=192.0.2.1,tag=a-b", "a tag has 1 to 32 letters, digits and \"_\"".to_owned()),
        (
            "syslog:server=192.0.2.1,tag=a,tag=b",
            "\"tag\" is given twice in \"syslog:server=192.0.2.1,tag=a,tag=b\"".to_owned(),
        ),
        (
            "syslog:server=192.0.2.1 combined buffer=4k",
            "each line for syslog is sent at once, without a buffer".to_owned(),
        ),
    ];
    for (text, told) in table {
        let found = fault(&format!("access_log {text};"));
        assert!(found.ends_with(&told), "{text}: {found}");
    }
    let known = fault("access_log syslog:server=192.0.2.1,facility=local9;");
    assert!(known.starts_with("28: unknown facility \"local9\", did you mean \"local"), "{known}");
    let known = fault("error_log syslog:server=192.0.2.1,nonsense=1;");
    assert!(known.starts_with("27: unknown option of syslog \"nonsense\""), "{known}");
}
