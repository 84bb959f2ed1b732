//! Broken configurations and what is said about them.

use super::*;
use crate::config::EtagForm;

/// The text, and the first line of the message without the file's name.
type Row = (&'static str, &'static str);

pub(super) fn check(table: &[Row]) {
    for (text, expected) in table {
        let found = headlines(text);
        let expected = format!("site.conf:{expected}");
        assert_eq!(found.first(), Some(&expected), "in:\n{text}\nall: {found:#?}");
    }
}

/// Wraps directives in a server, at line 1, column 17.
pub(super) fn in_server(directives: &str) -> String {
    format!("http {{ server {{ {directives} }} }}")
}

pub(super) fn check_in_server(table: &[(&str, &str)]) {
    for (directives, expected) in table {
        let text = in_server(directives);
        let found = headlines(&text);
        let expected = format!("site.conf:1:{expected}");
        assert_eq!(found.first(), Some(&expected), "in:\n{text}\nall: {found:#?}");
    }
}

#[test]
fn grammar() {
    check(&[
        ("http {", "1:6: missing \"}\": this block is never closed"),
        ("http {\n server {\n }\n", "1:6: missing \"}\": this block is never closed"),
        ("http { }\n}", "2:1: unexpected \"}\": no block is open here"),
        ("daemon off", "1:8: missing \";\" after \"off\""),
        ("http { server { listen 80 } }", "1:24: missing \";\" after \"80\""),
        ("daemon off;;", "1:12: unexpected \";\": nothing stands before it"),
        ("{ }", "1:1: unexpected \"{\": the block's name is missing before it"),
        ("pid \"run", "1:5: this quote is never closed"),
        ("pid 'run;\n\n", "1:5: this quote is never closed"),
        ("pid \"run\"x;", "1:10: \"x\" right after a closing quote; a space is missing"),
        ("pid a\0b;", "1:6: a zero byte; this is no text file"),
        ("include;", "1:1: \"include\" takes 1 value, not 0, as in: include mime.types;"),
        (
            "http { include nothing-of-this-name; }",
            "1:16: cannot read \"/srv/nothing-of-this-name\": No such file or directory (os error 2)",
        ),
        (
            "http { server {\n    listen 80\n    root html;\n} }",
            "2:12: missing \";\" after \"80\" (\"root\" on the next line is a directive; quote it if not)",
        ),
        (
            "http { server {\n    index a.html\n    location / { }\n} }",
            "2:11: missing \";\" after \"a.html\" (\"location\" on the next line is a directive; quote it if not)",
        ),
    ]);
}

#[test]
fn directives_in_the_wrong_place() {
    check(&[
        ("lisen 80;", "1:1: unknown directive \"lisen\", did you mean \"listen\"? it belongs in \"server\""),
        ("http { server {\n    lisen 8080;\n} }", "2:5: unknown directive \"lisen\", did you mean \"listen\"?"),
        ("http { sever { } }", "1:8: unknown directive \"sever\", did you mean \"server\"?"),
        ("frobnicate;", "1:1: unknown directive \"frobnicate\""),
        ("Daemon on;", "1:1: unknown directive \"Daemon\", did you mean \"daemon\"?"),
        ("server { }", "1:1: \"server\" is not allowed at the top level; it belongs in \"http\""),
        ("listen 80;", "1:1: \"listen\" is not allowed at the top level; it belongs in \"server\""),
        ("http { listen 80; }", "1:8: \"listen\" is not allowed in \"http\"; it belongs in \"server\""),
        ("events { daemon on; }", "1:10: \"daemon\" is not allowed in \"events\"; it belongs at the top level"),
        ("use epoll;", "1:1: \"use\" is not allowed at the top level; it belongs in \"events\""),
        (
            "root html;",
            "1:1: \"root\" is not allowed at the top level; it belongs in \"http\" or in \"server\" or in \"location\"",
        ),
        (
            "http { server { location / { listen 80; } } }",
            "1:30: \"listen\" is not allowed in \"location\"; it belongs in \"server\"",
        ),
        (
            "http { return 404; }",
            "1:8: \"return\" is not allowed in \"http\"; it belongs in \"server\" or in \"location\"",
        ),
        ("http { }\nhttp { }", "2:1: \"http\" is given twice, first at site.conf:1:1"),
        ("pid a;\n  pid b;", "2:3: \"pid\" is given twice, first at site.conf:1:1"),
        ("http;", "1:1: \"http\" needs a block, as in: http { server { listen 8080; } }"),
        ("daemon on { }", "1:11: \"daemon\" takes no block, as in: daemon off;"),
        ("http server { }", "1:1: \"http\" takes no value, not 1, as in: http { server { listen 8080; } }"),
        ("daemon;", "1:1: \"daemon\" takes 1 value, not 0, as in: daemon off;"),
        ("user a b c;", "1:1: \"user\" takes 1 or 2 values, not 3, as in: user nobody;"),
        (
            "http { log_format x; }",
            "1:8: \"log_format\" takes at least 2 values, not 1, as in: log_format short '$remote_addr $request \
             $status';",
        ),
    ]);
}

#[test]
fn values() {
    check(&[
        ("daemon maybe;", "1:8: \"maybe\" is neither \"on\" nor \"off\""),
        ("worker_processes 0;", "1:18: \"0\" is neither a number from 1 to 1024 nor \"auto\""),
        ("worker_processes many;", "1:18: \"many\" is neither a number from 1 to 1024 nor \"auto\""),
        ("user \"\";", "1:6: this name is empty"),
        ("user no-such-user;", "1:6: there is no user \"no-such-user\""),
        ("user nobody no-such-group;", "1:13: there is no group \"no-such-group\""),
        ("pid \"\";", "1:5: this path is empty"),
        ("events { worker_connections 0; }", "1:29: \"0\" is not a whole number from 1 to 10000000"),
        ("events { multi_accept yes; }", "1:23: \"yes\" is neither \"on\" nor \"off\""),
        (
            "error_log stderr warning;",
            "1:18: unknown log level \"warning\"; accepted: emerg, alert, crit, error, warn, notice, info, debug",
        ),
        (
            "error_log stderr nitice;",
            "1:18: unknown log level \"nitice\", did you mean \"notice\"? accepted: emerg, alert, crit, error, \
             warn, notice, info, debug",
        ),
    ]);
    check_in_server(&[
        ("sendfile true;", "26: \"true\" is neither \"on\" nor \"off\""),
        (
            "keepalive_timeout 5 parsecs;",
            "37: \"parsecs\" is not a time; write seconds, or numbers with ms, s, m, h, d, w, M or y, as in 90s \
             or 1h30m",
        ),
        ("send_timeout 99999999999y;", "30: the time \"99999999999y\" is too long; the most is 100y"),
        ("client_max_body_size 1kb;", "38: \"1kb\" is not a size; write bytes, or a number with k, m or g, as in 64k"),
        ("client_max_body_size 99999999999g;", "38: the size \"99999999999g\" is too large"),
        ("client_header_buffer_size 0;", "43: \"0\" is not a size from 64 bytes to 16384k"),
        (
            "large_client_header_buffers 4;",
            "17: \"large_client_header_buffers\" takes 2 values, not 1, as in: large_client_header_buffers 4 8k;",
        ),
        ("large_client_header_buffers 0 8k;", "45: \"0\" is not a whole number from 1 to 1024"),
        ("keepalive_requests -1;", "36: \"-1\" is not a whole number"),
        ("open_file_cache on;", "33: unknown value \"on\"; accepted: off, max=N, inactive=TIME"),
        ("open_file_cache max=0;", "37: \"0\" is not a whole number from 1 to 10000000"),
        (
            "open_file_cache max=5 inactive=x;",
            "48: \"x\" is not a time; write seconds, or numbers with ms, s, m, h, d, w, M or y, as in 90s or 1h30m",
        ),
        (
            "open_file_cache inactive=5s;",
            "17: \"open_file_cache\" needs a number of files, as in: open_file_cache max=1024;",
        ),
        (
            "open_file_cache_valid soon;",
            "39: \"soon\" is not a time; write seconds, or numbers with ms, s, m, h, d, w, M or y, as in 90s or 1h30m",
        ),
        ("open_file_cache_min_uses 0;", "42: \"0\" is not a whole number from 1 to 1000000000"),
        ("open_file_cache_errors yes;", "40: \"yes\" is neither \"on\" nor \"off\""),
        ("open_file_cache_bytes 1m each=5;", "42: unknown value \"each=5\"; accepted: file=SIZE"),
        ("open_file_cache_bytes 1m file=1m;", "47: \"1m\" is not a size from 0 bytes to 128k"),
        ("max_ranges few;", "28: \"few\" is not a whole number from 0 to 1000000"),
        ("disable_symlinks owner;", "34: unknown value \"owner\"; accepted: off, on, if_not_owner"),
        ("root $document_root;", "22: the root cannot be made of itself; use another variable"),
        ("index \"\";", "23: this value is empty"),
        ("index $urii;", "23: unknown variable \"$urii\", did you mean \"$uri\"?"),
        ("location /a { empty_gif on; }", "31: \"empty_gif\" takes no value, not 1, as in: empty_gif;"),
        ("default_type html;", "30: \"html\" is no media type, as in text/html"),
        ("default_type \"text/html\\r\\nX: y\";", "30: a control character in this value"),
        ("types { text/html; }", "25: \"text/html\" has no extensions, as in: text/html html htm;"),
        ("types { html text/html; }", "25: \"html\" is no media type, as in text/html"),
        ("types { text/html .html; }", "35: \".html\" is no extension; write it without dots"),
        ("types { text/html { } }", "35: no blocks inside of \"types\""),
    ]);
}

#[test]
fn locations() {
    let invalid = "this regular expression is not valid";
    let rows = [
        ("location ~ a) { }", format!("28: {invalid}: unopened group")),
        ("location ~*a) { }", format!("26: {invalid}: unopened group")),
        (
            "location ~ ^/(?!x) { }",
            "30: look-ahead is not supported; match what is excluded in a location or \"if\" of its own that stands \
             before"
                .into(),
        ),
        ("location ~ { }", "26: this regular expression is empty".into()),
        (
            "location ~ a { location /b { } }",
            "41: inside of location \"~ a\" only regular expressions can match".into(),
        ),
        ("location == /x { }", "26: \"==\" is no way to match a location; accepted: =, ^~, ~, ~*".into()),
        ("location /x { } location ^~ /x { }", "45: location \"/x\" is given twice, first at site.conf:1:26".into()),
        ("location = /x { } location =/x { }", "44: location \"= /x\" is given twice, first at site.conf:1:28".into()),
        ("location @x { } location @x { }", "42: location \"@x\" is given twice, first at site.conf:1:26".into()),
        ("location /a { location /b { } }", "40: location \"/b\" is outside of location \"/a\" around it".into()),
        ("location = /a { location /a/b { } }", "42: no location can be inside of the exact location \"= /a\"".into()),
        ("location @a { location /b { } }", "40: no location can be inside of the named location \"@a\"".into()),
        ("location /a { location @b { } }", "40: the named location \"@b\" belongs directly in \"server\"".into()),
        ("alias /x;", "17: \"alias\" is not allowed in \"server\"; it belongs in \"location\"".into()),
        (
            "location /a { root x; alias y; }",
            "39: \"alias\" and \"root\" exclude each other, first at site.conf:1:31".into(),
        ),
        (
            "location /a { alias y; root x; }",
            "40: \"root\" and \"alias\" exclude each other, first at site.conf:1:31".into(),
        ),
        ("location @a { alias y; }", "31: \"alias\" has no path to replace in a named location; use \"root\"".into()),
    ];
    check_in_server(&rows.iter().map(|(text, expected)| (*text, &expected[..])).collect::<Vec<_>>());
}

#[test]
fn answers_and_logs() {
    check_in_server(&[
        ("error_page 404;", "17: \"error_page\" takes at least 2 values, not 1, as in: error_page 404 /404.html;"),
        ("error_page = /x;", "17: \"error_page\" needs a status before its page, as in: error_page 404 /404.html;"),
        ("error_page 299 /x;", "28: \"299\" is no status with an error page; accepted: 300 to 599"),
        ("error_page 404 600 /x;", "32: \"600\" is no status with an error page; accepted: 300 to 599"),
        ("error_page 499 /x;", "28: 499 has no error page: the client is gone"),
        ("error_page 404 =99 /x;", "32: \"99\" is no status to answer with; accepted: 200 to 599"),
        ("error_page 404 /x$fo;", "32: unknown variable \"$fo\""),
        ("return 999;", "24: \"999\" is no status to answer with; accepted: 200 to 599"),
        ("return home;", "24: \"home\" is neither a status nor a URL, as in: return 404; return https://x/;"),
        ("return 301 \"http://x/\\r\\nSet-Cookie: a\";", "28: a control character in this value"),
        ("return 200 $urii;", "28: unknown variable \"$urii\", did you mean \"$uri\"?"),
        ("return 200 \"costs 5$\";", "28: \"$\" must be followed by a variable's name"),
        ("access_log off main;", "32: \"access_log off\" takes nothing more"),
        (
            "access_log a.log comined;",
            "34: unknown log format \"comined\", did you mean \"combined\"? accepted: combined",
        ),
        (
            "access_log a.log combined bufer=1k;",
            "43: unknown option \"bufer=1k\"; accepted after the format: buffer=, flush=, if=",
        ),
        ("access_log a.log combined buffer=0;", "50: \"0\" is not a size from 1 bytes to 65536k"),
        (
            "access_log a; location / { access_log a combined flush=5s; }",
            "55: this log stands elsewhere with another buffer= or flush=",
        ),
        (
            "error_log a.log loud;",
            "33: unknown log level \"loud\"; accepted: emerg, alert, crit, error, warn, notice, info, debug",
        ),
    ]);
    check(&[
        ("http { log_format a $urii; }", "1:21: unknown variable \"$urii\", did you mean \"$uri\"?"),
        (
            "http { log_format a escape=html $uri; }",
            "1:28: unknown way to escape \"html\"; accepted: default, json, none",
        ),
        ("http { log_format combined $uri; }", "1:19: the log format \"combined\" exists already"),
    ]);
}

#[test]
fn the_whole_message() {
    let errors = read("events { }\nhttp {\n  server {\n    lisen 8080;\n  }\n}\n").unwrap_err();
    let expected = "site.conf:4:5: unknown directive \"lisen\", did you mean \"listen\"?\n    lisen 8080;\n    ^^^^^";
    assert_eq!(errors.to_string(), expected);
}

#[test]
fn several_problems_in_the_order_of_the_file() {
    let text =
        "http {\n server {\n  lisen 1;\n  location / { rot x; }\n  listen 99999;\n }\n gzipp on;\n}\ndaemon x;\n";
    let lines: Vec<String> =
        headlines(text).iter().map(|line| line.split(' ').next().unwrap_or("").to_owned()).collect();
    assert_eq!(lines, ["site.conf:3:3:", "site.conf:4:16:", "site.conf:5:10:", "site.conf:7:2:", "site.conf:9:8:"]);
    let many = "daemon x;\n".repeat(50);
    let errors = read(&many).unwrap_err();
    assert_eq!(errors.problems.len(), Errors::MAX);
    assert!(errors.to_string().ends_with(&format!("\nwebserv: and {} more problems", 50 - Errors::MAX)), "{errors}");
}

#[test]
fn a_configuration_that_listens_nowhere() {
    let message = "site.conf: it has no server, so there is nothing to listen on; write \
                   http { server { listen 8080; } }";
    // Also what an editor leaves for a moment while it writes.
    for text in ["", "events { }", "# nothing\n"] {
        assert_eq!(headlines(text), [message], "{text}");
    }
    // A folder of servers that is included may be empty: nginx starts, too.
    let warnings = load("http { include none/*.conf; }").warnings;
    assert_eq!(warnings.iter().map(|warning| warning.headline()).collect::<Vec<_>>(), [message]);
}

#[test]
fn methods_of_this_platform() {
    let have = webserv_sys::poller::names();
    for name in have {
        let text = format!("events {{ use {name}; }} http {{ server {{ listen 80; }} }}");
        assert_eq!(load(&text).events.poller, Some(*name));
    }
    let found = headlines("events { use slect; }");
    let have = have.join(", ");
    assert_eq!(
        found,
        [format!("site.conf:1:14: unknown method \"slect\", did you mean \"select\"? this platform has {have}")]
    );
    assert!(
        headlines("events { use iocp; }")[0].ends_with(&format!("unknown method \"iocp\"; this platform has {have}"))
    );
}

#[test]
fn the_command_lines_directives() {
    let with = |globals: &str| {
        let config =
            Config::from_text("site.conf", "pid a; http { server { listen 80; } }", Path::new("/srv"), globals);
        config.map_err(|errors| errors.problems[0].headline())
    };
    assert!(with("daemon on; worker_processes 3;").is_ok_and(|config| config.daemon && config.workers == 3));
    assert_eq!(with("daemon on").unwrap_err(), "-g:1:8: missing \";\" after \"on\"");
    // A block is merged with the same block of the file, and a server is added.
    let given = "events { worker_connections 7; } http { etag off; server { listen 81; } }";
    let config = with(given).unwrap();
    let etags = config.listeners.iter().map(|listener| listener.hosts.servers[0].settings.etag).collect::<Vec<_>>();
    assert_eq!((config.events.worker_connections, etags), (7, vec![EtagForm::Off; 2]));
    let text = "events { worker_connections 8; } http { etag on; access_log a; access_log b; server { listen 80; } }";
    let given = "events { worker_connections 7; } http { etag off; access_log c; }";
    let config = Config::from_text("site.conf", text, Path::new("/srv"), given).unwrap();
    let settings = settings_at(&config, "/");
    assert_eq!((config.events.worker_connections, settings.etag, settings.access_logs.len()), (7, EtagForm::Off, 1));
    assert_eq!(with("http { lisen 1; }").unwrap_err().split(':').next(), Some("-g"));
    let pid = with("pid b;").expect("the command line wins over the file").pid;
    assert_eq!(pid.as_deref(), Some(Path::new("/srv/b")));
}

#[test]
fn programs_and_tried_files() {
    check_in_server(&[
        ("rewrite ^/a;", "17: \"rewrite\" takes 2 or 3 values, not 1, as in: rewrite ^/old/(.*)$ /new/$1 last;"),
        ("rewrite (a /b;", "25: this regular expression is not valid: unclosed group"),
        (
            "rewrite a /b lst;",
            "30: unknown flag \"lst\", did you mean \"last\"? accepted: last, break, redirect, permanent",
        ),
        ("set a b;", "21: \"a\" is no variable's name, as in $name"),
        ("set $uri b;", "21: \"$uri\" is a variable of the server and cannot be set; use another name"),
        ("set $a $b;", "24: unknown variable \"$b\""),
        ("set $abcd 1; return 200 $abce;", "41: unknown variable \"$abce\", did you mean \"$abcd\"?"),
        ("if $a { }", "20: a test stands in parentheses, as in: if ($request_method = POST) { return 405; }"),
        ("if ($uri = a { }", "28: the \")\" at the end of the test is missing"),
        ("if () { }", "20: this test is empty, as in: if ($request_method = POST) { return 405; }"),
        ("if ($uri == a) { }", "26: \"==\" is no operator; write \"=\""),
        ("if ($uri is a) { }", "26: unknown operator \"is\"; accepted: =, !=, ~, ~*, !~, !~*"),
        (
            "if ($uri = a b) { }",
            "21: a test has a variable, an operator and one value; put a value with spaces in quotes",
        ),
        ("if (-f) { }", "21: \"-f\" is followed by one path"),
        (
            "if (uri = a) { }",
            "21: \"uri\" is no test: it begins with a variable, or with -f, -d, -e or -x, as in (-f $request_filename)",
        ),
        (
            "if ($uri) { root x; }",
            "29: \"root\" is not allowed in \"if\" of a \"server\"; it belongs in \"http\" or in \"server\" or in \
             \"location\"",
        ),
        ("try_files /a;", "17: \"try_files\" takes at least 2 values, not 1, as in: try_files $uri $uri/ =404;"),
        ("try_files $uri =99;", "32: \"99\" is no status to answer with; accepted: 200 to 599"),
    ]);
}
