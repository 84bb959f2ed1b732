//! The access log, byte by byte, and the contents of the error log.

mod harness;

use harness::{PATIENCE, Server, Setup, date, each, host, noise, wait_for};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Waits until a file has at least `n` lines; returns them.
fn lines(s: &Server, name: &str, n: usize) -> Vec<String> {
    wait_for(&format!("{n} lines in {name}"), || {
        let text = s.text(name);
        (text.matches('\n').count() >= n).then(|| text.lines().map(String::from).collect())
    })
}

/// A server with `a.txt` that writes `logs/access.log` in the format `own`.
fn own(format: &str) -> Server {
    let http = format!("log_format own {format}; access_log logs/access.log own buffer=4k flush=50ms;");
    Setup::new(&(http + &host("")), &[("a.txt", b"alpha")]).start()
}

#[test]
fn combined() {
    let http = "access_log logs/access.log combined buffer=4k flush=50ms;".to_owned()
        + &host("location = /text { return 200 hello; } location = /gone { return 444; }");
    let s = Setup::new(&http, &[("a.txt", b"alpha")]).start();
    let before = date::now();
    let absent = s.get("/absent").body.len();
    s.get_with("/a.txt?q=1", "Referer: http://ref.example/x?y\r\nUser-Agent: an agent/1.0 (x; y)\r\n");
    s.head("/a.txt");
    s.get("/text");
    s.get_with("/a.txt", "If-None-Match: *\r\n").expect(304, "/a.txt");
    let range = s.get_with("/a.txt", "Range: bytes=1-2\r\n").expect(206, "/a.txt");
    let bad = s.ask("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n").expect(400, "a space in the target").body.len();
    s.exchange(b"GET /gone HTTP/1.0\r\n\r\n");
    let found = lines(&s, "logs/access.log", 8);
    let expected = [
        format!("\"GET /absent HTTP/1.1\" 404 {absent} \"-\" \"-\""),
        "\"GET /a.txt?q=1 HTTP/1.1\" 200 5 \"http://ref.example/x?y\" \"an agent/1.0 (x; y)\"".into(),
        "\"HEAD /a.txt HTTP/1.1\" 200 0 \"-\" \"-\"".into(),
        "\"GET /text HTTP/1.1\" 200 5 \"-\" \"-\"".into(),
        "\"GET /a.txt HTTP/1.1\" 304 0 \"-\" \"-\"".into(),
        format!("\"GET /a.txt HTTP/1.1\" 206 {} \"-\" \"-\"", range.body.len()),
        format!("\"GET /a b HTTP/1.1\" 400 {bad} \"-\" \"-\""),
        "\"GET /gone HTTP/1.0\" 444 0 \"-\" \"-\"".into(),
    ];
    let times: Vec<String> = (before - 1..=date::now() + 1).map(date::log).collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (line, expected) in found.iter().zip(expected) {
        let rest = line.strip_prefix("127.0.0.1 - - [").unwrap_or_else(|| panic!("{line}"));
        let (time, rest) = rest.split_once(" +0000] ").unwrap_or_else(|| panic!("{line}"));
        assert!(times.iter().any(|t| t == time), "{time} is not one of {times:?}");
        assert_eq!(rest, expected);
    }
}

#[test]
fn combined_is_the_default_format() {
    let s = Setup::new(&("access_log logs/access.log;".to_owned() + &host("return 200 ok;")), &[]).start();
    s.get("/x");
    let found = lines(&s, "logs/access.log", 1);
    assert!(found[0].ends_with("\"GET /x HTTP/1.1\" 200 2 \"-\" \"-\""), "{found:?}");
}

#[test]
fn own_formats() {
    let s = own("'$remote_addr|$remote_port|$request_method|$uri|$args|$status|$body_bytes_sent|$bytes_sent|'\n\
                 '$request_length|$connection_requests|$host|$http_x_a|$sent_http_content_type|$server_port|'\n\
                 \"$scheme|$request_time|$msec|$time_iso8601|$request_id\"");
    let mut client = s.connect();
    let port = client.local_port();
    let request = "GET /%61.txt?q=%20 HTTP/1.1\r\nHost: Name.example:1\r\nX-A: some thing\r\n\r\n";
    client.send(request);
    client.response();
    client.send("GET /absent HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    let last = client.rest();
    let found = lines(&s, "logs/access.log", 2);
    let first: Vec<&str> = found[0].split('|').collect();
    let expected = ["127.0.0.1", &port.to_string(), "GET", "/a.txt", "q=%20", "200", "5"];
    assert_eq!(first[..7], expected, "{found:?}");
    let (length, own_port) = (request.len().to_string(), s.port().to_string());
    let expected = [&length, "1", "name.example", "some thing", "text/plain", &own_port, "http"];
    assert_eq!(first[8..15], expected, "{found:?}");
    let is_time = |text: &str| {
        text.split_once('.')
            .is_some_and(|(s, ms)| s.parse::<u64>().is_ok() && ms.len() == 3 && ms.parse::<u64>().is_ok())
    };
    assert!(is_time(first[15]) && is_time(first[16]), "{found:?}");
    let now = first[16].split('.').next().unwrap().parse::<u64>().unwrap();
    assert!(now.abs_diff(date::now()) < 60, "$msec: {found:?}");
    assert!(first[17].len() == 25 && first[17].ends_with("+00:00") && &first[17][10..11] == "T", "{found:?}");
    assert!(first[18].len() == 32 && first[18].bytes().all(|b| b.is_ascii_hexdigit()), "{found:?}");
    // The exact line of the second request on the same connection.
    let second: Vec<&str> = found[1].split('|').collect();
    assert_eq!(second[7], last.len().to_string(), "$bytes_sent: {found:?}");
    assert_eq!(second[9], "2", "$connection_requests: {found:?}");
    assert_eq!(second[11], "-", "a field that is not there: {found:?}");
    assert_ne!(second[18], first[18], "$request_id: {found:?}");
}

#[test]
fn nobody_writes_a_line_of_their_own_into_the_log() {
    let value = b"a\"b\\c\td\x80\xffe";
    let ask = |s: &Server| {
        let head = [b"GET /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-A: ", &value[..], b"\r\n\r\n"].concat();
        s.ask(head).expect(200, "odd bytes in a field");
        let raw = wait_for("a line", || std::fs::read(s.path("logs/access.log")).ok().filter(|b| b.ends_with(b"\n")));
        raw[..raw.len() - 1].to_vec()
    };
    let show = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let rows: [(&str, &[u8]); 3] = [
        ("'<$http_x_a|$http_absent>'", b"<a\\x22b\\x5Cc\\x09d\\x80\\xFFe|->"),
        ("escape=none '<$http_x_a|$http_absent>'", b"<a\"b\\c\td\x80\xffe|>"),
        ("escape=json '<$http_x_a|$http_absent>'", b"<a\\\"b\\\\c\\td\\u0080\\u00FFe|>"),
    ];
    each(rows, |(format, expected)| assert_eq!(show(&ask(&own(format))), show(expected), "{format}"));
    // No log contains the raw bytes that make the request invalid.
    let http = "access_log logs/access.log combined buffer=4k flush=50ms;".to_owned() + &host("");
    let s = Setup::new(&http, &[]).main("error_log stderr debug;").start();
    s.exchange(b"GET /\x1b[31mred HTTP/1.1\r\nHost: h\r\n\r\n");
    s.exchange(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: \x1b\x07\r\n\r\n");
    lines(&s, "logs/access.log", 2);
    for text in [s.text("logs/access.log"), s.said()] {
        assert!(!text.contains(['\x1b', '\x07']), "{}", text.escape_debug());
    }
}

#[test]
fn lines_are_kept_in_a_buffer_and_lost_never() {
    // Only the end of the server writes this buffer.
    let http = "access_log logs/access.log combined buffer=1m flush=1h;".to_owned() + &host("return 200 ok;");
    for signal in ["TERM", "QUIT"] {
        let mut s = Setup::new(&http, &[]).start();
        for i in 0..10 {
            s.get(&format!("/{i}"));
        }
        assert_eq!(s.text("logs/access.log"), "", "written before its time");
        s.process.signal(signal);
        assert!(s.process.exit().success());
        let text = s.text("logs/access.log");
        assert_eq!(text.matches("GET /").count(), 10, "after SIG{signal}: {text}");
    }
    // A full buffer is written before its time.
    let http = "access_log logs/access.log combined buffer=1k flush=1h;".to_owned() + &host("return 200 ok;");
    let s = Setup::new(&http, &[]).start();
    wait_for("a full buffer written out", || {
        s.get("/x");
        s.text("logs/access.log").contains("GET /x ").then_some(())
    });
}

#[test]
#[cfg(target_os = "linux")] // only Linux has /dev/full
fn a_log_on_a_full_disk_is_told_of_once_and_costs_no_request() {
    // The first buffer is written after its time, the others when they are full, and the last one at the end.
    let http = "access_log /dev/full combined buffer=1k flush=10ms;".to_owned() + &host("return 200 ok;");
    let mut s = Setup::new(&http, &[]).start();
    s.get("/first").expect(200, "/first");
    s.wait_said("cannot write the log /dev/full: No space left on device");
    for _ in 0..50 {
        s.get("/more").expect(200, "/more");
    }
    s.process.signal("TERM");
    assert!(s.process.exit().success());
    s.process.stop();
    assert_eq!(said_with(&s, "/dev/full").len(), 1, "{}", s.said());
}

#[test]
fn a_thousand_lines_are_a_thousand_whole_lines() {
    for main in ["error_log stderr notice;", "worker_processes 2; error_log stderr notice;"] {
        let http = "log_format own '<$uri $status>'; access_log logs/access.log own buffer=512 flush=50ms;".to_owned()
            + &host("return 200 ok;");
        let s = Setup::new(&http, &[]).main(main).start();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let s = &s;
                scope.spawn(move || {
                    let mut client = s.connect();
                    for i in 0..250 {
                        client.get(&format!("/{thread}-{i}"));
                    }
                });
            }
        });
        let found: HashSet<String> = lines(&s, "logs/access.log", 1000).into_iter().collect();
        let expected = (0..4).flat_map(|t| (0..250).map(move |i| format!("</{t}-{i} 200>")));
        let missing: Vec<String> = expected.filter(|line| !found.contains(line)).collect();
        assert!(missing.is_empty() && found.len() == 1000, "{main}: {} lines, missing {missing:?}", found.len());
    }
}

#[test]
fn which_requests_are_written_where() {
    let config = "location /off/ { access_log off; return 200 x; } \
                  location /both/ { access_log logs/one.log own buffer=4k flush=50ms; \
                  access_log logs/two.log own buffer=4k flush=50ms; return 200 x; } location / { return 200 x; }";
    let http = "log_format own '$uri'; access_log logs/outer.log own buffer=4k flush=50ms;".to_owned() + &host(config);
    let s = Setup::new(&http, &[]).start();
    for target in ["/off/1", "/both/1", "/outer", "/off/2"] {
        s.get(target).expect(200, target);
    }
    assert_eq!(lines(&s, "logs/one.log", 1), ["/both/1"]);
    assert_eq!(lines(&s, "logs/two.log", 1), ["/both/1"]);
    assert_eq!(lines(&s, "logs/outer.log", 1), ["/outer"]);
}

/// The lines of the error log with this text.
fn said_with(s: &Server, text: &str) -> Vec<String> {
    s.said().lines().filter(|line| line.contains(text)).map(String::from).collect()
}

#[test]
fn one_line_tells_all_about_a_missing_file() {
    let http = "server { listen 127.0.0.1:0; server_name named.example; }";
    let s = Setup::new(http, &[]).start();
    s.get("/absent-file?q").expect(404, "/absent-file");
    s.wait_said("absent-file");
    let found = said_with(&s, "absent-file");
    assert_eq!(found.len(), 1, "{found:#?}");
    let line = &found[0];
    for part in [
        "[error]",
        "FileRead",
        "openat",
        "html/absent-file",
        "No such file or directory",
        "client: 127.0.0.1",
        "server: named.example",
        "request: \"GET /absent-file?q HTTP/1.1\"",
    ] {
        assert!(line.contains(part), "{part:?} is not in {line}");
    }
    let (day, clock) = (line.get(..10).unwrap_or(""), line.get(11..19).unwrap_or(""));
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    assert!(day.matches('/').count() == 2 && digits(day) == 8, "the date: {line}");
    assert!(clock.matches(':').count() == 2 && digits(clock) == 6, "the time: {line}");
}

#[test]
fn levels() {
    // The lines for a missing file and a bad request at each level.
    let rows = [("crit", false, false), ("error", true, false), ("notice", true, false), ("info", true, true)];
    each(rows, |&(level, missing, bad)| {
        // The main level logs the addresses; the http level is tested.
        let http = format!("error_log stderr {level};\n{}", host(""));
        let s = Setup::new(&http, &[("ok.txt", b"ok")]).start();
        s.get("/absent-file").expect(404, "/absent-file");
        s.ask("GET /x HTTP/1.1\r\nHost: h\r\nbad name: x\r\n\r\n").expect(400, "a space in a name");
        s.process.signal("TERM");
        let mut s = s;
        s.process.exit();
        s.process.stop();
        assert_eq!(!said_with(&s, "absent-file").is_empty(), missing, "{level}: {}", s.said());
        assert_eq!(!said_with(&s, "[info]").is_empty(), bad, "{level}: {}", s.said());
        assert_eq!(said_with(&s, "[debug]").len(), 0, "{level}: {}", s.said());
    });
}

#[test]
fn the_last_line_was_written_at_every_level() {
    let mut s = Setup::new(&host(""), &[]).main("error_log stderr notice;").start();
    s.rewrite("error_log stderr crit;", &host(""));
    s.process.signal("HUP");
    wait_for("a request whose error is not logged", || {
        let before = said_with(&s, "absent-file").len();
        s.get("/absent-file").expect(404, "/absent-file");
        (said_with(&s, "absent-file").len() == before).then_some(())
    });
    s.process.signal("TERM");
    s.process.exit();
    s.process.stop();
    assert!(!s.said().contains("stopped"), "{}", s.said());
}

#[test]
fn a_location_may_have_its_own_level() {
    let s = Setup::new(&host("location /quiet/ { error_log stderr crit; }"), &[]).start();
    s.get("/quiet/absent").expect(404, "/quiet/absent");
    s.get("/loud-absent").expect(404, "/loud-absent");
    s.wait_said("loud-absent");
    assert_eq!(said_with(&s, "/quiet/absent").len(), 0, "{}", s.said());
}

#[test]
fn a_client_that_leaves_is_no_error() {
    let s = Setup::new(&host(""), &[("big", &noise(8 << 20, 1)), ("ok.txt", b"ok")]).start();
    for _ in 0..5 {
        let mut client = s.connect();
        client.send_get("/big");
        client.wait_some();
    }
    s.assert_alive("clients that left");
    assert_eq!(said_with(&s, "[error]").len() + said_with(&s, "[alert]").len(), 0, "{}", s.said());
}

#[test]
fn debug_lets_one_follow_a_request_from_accept_to_close() {
    let s = Setup::new(&host(""), &[("a.txt", b"alpha")]).main("error_log stderr debug;").start();
    s.get("/a.txt").expect(200, "/a.txt");
    let names = ["Accept", "ClientRead", "Http1", "FileRead", "ClientWrite"];
    for name in names {
        s.wait_said(name);
    }
    let debug = said_with(&s, "[debug]");
    // Each kind of task has lines, and they start in the order of the tasks.
    let first = names.map(|name| debug.iter().position(|line| line.contains(name)));
    assert!(first.iter().all(Option::is_some) && first[0] < first[1] && first[1] < first[4], "{first:?} in {debug:#?}");
}

#[test]
fn a_request_without_an_answer_counts_no_bytes() {
    // Bytes of the previous response on the same connection were counted for this one.
    let http = "log_format own '$request_method $uri $status $body_bytes_sent $bytes_sent $connection_requests'; \
                access_log logs/access.log own buffer=4k flush=50ms;"
        .to_owned()
        + &host("location = /gone { return 444; }");
    let s = Setup::new(&http, &[("a.txt", b"alpha")]).main("error_log stderr debug;").start();
    let half = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc");
    let mut gone = s.connect();
    gone.get("/a.txt").expect(200, "/a.txt");
    gone.send_get("/gone");
    gone.assert_closed("return 444");
    // A client that closes with unread bytes sends a reset.
    let mut reset = s.connect();
    reset.send_get("/a.txt");
    reset.read_some(&mut [0; 1], PATIENCE).unwrap();
    reset.send(half("/reset"));
    s.wait_said("GET /reset");
    drop(reset);
    let found = lines(&s, "logs/access.log", 4);
    let (complete, rest): (Vec<&String>, Vec<&String>) = found.iter().partition(|line| line.starts_with("GET /a.txt"));
    assert_eq!(rest, ["GET /gone 444 0 0 2", "GET /reset 499 0 0 2"], "{found:#?}");
    assert_eq!(complete.len(), 2, "{found:#?}");
    for line in complete {
        let numbers: Vec<u64> = line.split(' ').skip(3).map(|n| n.parse().unwrap()).collect();
        assert!(numbers[0] == 5 && numbers[1] > 5 && numbers[2] == 1, "{line}");
    }
}

#[test]
fn a_value_that_is_empty_is_not_one_that_is_missing() {
    let format = "log_format own '[$uri] [$empty] [$http_x] [$args]'; access_log logs/access.log own;";
    let s = Setup::new(&(format.to_owned() + &host("set $empty \"\"; return 204;")), &[]).start();
    s.get("/x");
    s.ask("GET /../x HTTP/1.1\r\nHost: h\r\n\r\n").expect(400, "a path that leads out");
    s.ask("GET /x\r\n\r\n").expect(400, "no request");
    assert_eq!(lines(&s, "logs/access.log", 3), ["[/x] [] [-] [-]", "[] [] [-] [-]", "[-] [] [-] [-]"]);
}

#[test]
fn the_time_of_a_request_begins_with_its_first_byte() {
    let s = own("'$request_uri $request_time'");
    let wait = Duration::from_millis(300);
    let mut client = s.connect();
    std::thread::sleep(wait);
    // (target, true if the request comes in two parts with a pause between them)
    for (n, (target, slow)) in [("/a.txt?1", false), ("/a.txt?2", true), ("/a.txt?3", false)].into_iter().enumerate() {
        std::thread::sleep(wait); // before the first byte, so not counted
        let start = Instant::now();
        let (first, rest) = ("GET /", format!("{} HTTP/1.1\r\nHost: h\r\n\r\n", &target[1..]));
        if slow {
            client.send(first);
            std::thread::sleep(wait);
            client.send(rest);
        } else {
            client.send(first.to_owned() + &rest);
        }
        client.response().expect(200, target);
        let found = lines(&s, "logs/access.log", n + 1);
        let most = start.elapsed();
        let line = &found[n];
        let time = line.strip_prefix(target).and_then(|rest| rest.trim().parse::<f64>().ok());
        let time = Duration::from_secs_f64(time.unwrap_or_else(|| panic!("{line}")));
        assert!(time <= most, "{line}: it took {most:?} to the line in the log");
        // On a busy machine the server may see the first byte late, but hardly by half of the pause.
        assert!(!slow || time >= wait / 2, "{line}: its head alone took {wait:?}");
    }
}

#[test]
fn pipelined_requests_are_marked() {
    let s = own("'$request_uri $pipe'");
    let mut client = s.connect();
    let get = |n: u32| format!("GET /a.txt?{n} HTTP/1.1\r\nHost: h\r\n\r\n");
    client.send(get(1) + &get(2) + &get(3));
    for _ in 0..3 {
        client.response();
    }
    client.get("/a.txt?4");
    let expected = ["/a.txt?1 .", "/a.txt?2 p", "/a.txt?3 p", "/a.txt?4 ."];
    assert_eq!(lines(&s, "logs/access.log", 4), expected);
}

#[test]
fn a_download_across_a_reload_is_logged_where_it_began() {
    let log = |name: &str, mark: &str| format!("access_log logs/{name}.log {mark} buffer=4k flush=50ms;");
    let format = |name: &str| format!("log_format {name} '{name} $uri $status';");
    let location = |name: &str, more: &str| format!("location = /{name} {{ alias html/big; {} }}", more);
    let formats = ["old", "new", "other"].map(format).concat();
    let (kept, changed, left) = (log("kept", "old"), log("changed", "old"), log("left", "old"));
    let body = |[a, b, c]: [&str; 3]| host(&(location("kept", a) + &location("changed", b) + &location("left", c)));
    let before = formats.clone() + &log("outer", "other") + &body([&kept, &changed, &left]);
    // Another log gets the first number; one stays, one has another format, one is removed.
    let first = log("first", "new");
    let after = formats + &body([&(first.clone() + &kept), &log("changed", "new"), &first]);
    let s = Setup::new(&before, &[("big", &noise(16 << 20, 1))]).start();
    let names = ["/kept", "/changed", "/left"];
    let mut clients = names.map(|name| {
        let mut client = s.connect();
        client.send_get(name);
        client.wait_some();
        client
    });
    s.rewrite("error_log stderr notice;", &after);
    s.process.signal("HUP");
    s.wait_said("reloaded");
    for client in &mut clients {
        assert_eq!(client.response().expect(200, "across the reload").body.len(), 16 << 20);
    }
    drop(clients);
    for name in ["kept", "changed"] {
        assert_eq!(lines(&s, &format!("logs/{name}.log"), 1), [format!("old /{name} 200")], "in its own log");
    }
    // A request after the reload is in the new files, and they contain nothing else.
    s.get("/left").expect(200, "/left");
    assert_eq!(lines(&s, "logs/first.log", 1), ["new /left 200"], "lines of others");
    let old = s.text("logs/left.log");
    assert!(old.is_empty() || old == "old /left 200\n", "{old}");
}
