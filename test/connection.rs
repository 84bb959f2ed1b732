//! The life of a connection: keep-alive, close, pipelining, split requests, timeouts, clients that disconnect.

mod harness;

use harness::client::show;
use harness::{Client, PATIENCE, Server, each, noise, site, wait_for};
use std::fs::File;
use std::time::{Duration, Instant};

/// A site with `a.txt` ("alpha") and these settings.
fn alpha(config: &str) -> Server {
    site(config, &[("a.txt", b"alpha"), ("ok.txt", b"ok")])
}

/// Creates a file with a size and (on most file systems) without blocks.
fn sparse(s: &Server, name: &str, bytes: u64) {
    File::create(s.path(name)).unwrap().set_len(bytes).unwrap();
}

#[test]
fn kept_or_closed_by_version_and_connection_field() {
    let s = alpha("");
    let rows = [
        ("HTTP/1.1", "", true),
        ("HTTP/1.1", "Connection: keep-alive\r\n", true),
        ("HTTP/1.1", "Connection: close\r\n", false),
        ("HTTP/1.1", "Connection: Close\r\n", false),
        ("HTTP/1.1", "connection:close\r\n", false),
        ("HTTP/1.1", "Connection: x-other, close\r\n", false),
        ("HTTP/1.1", "Connection: x-other\r\n", true),
        ("HTTP/1.0", "", false),
        ("HTTP/1.0", "Connection: close\r\n", false),
        ("HTTP/1.0", "Connection: keep-alive\r\n", true),
        ("HTTP/1.0", "Connection: Keep-Alive\r\n", true),
    ];
    each(rows, |(version, fields, kept)| {
        let mut client = s.connect();
        client.send(format!("GET /a.txt {version}\r\nHost: h\r\n{fields}\r\n"));
        let response = client.response().expect(200, fields);
        assert_eq!(response.text(), "alpha", "{version} {fields:?}: {response}");
        if *kept {
            assert!(!response.says_close(), "{version} {fields:?}: {response}");
            if *version == "HTTP/1.0" {
                let told = response.must("Connection").eq_ignore_ascii_case("keep-alive");
                assert!(told, "a 1.0 client must be told: {response}");
            }
            assert_eq!(client.get("/a.txt").text(), "alpha", "{version} {fields:?}: the second request");
        } else {
            assert!(response.says_close(), "RFC 9112, 9.6; {version} {fields:?}: {response}");
            client.assert_closed(fields);
        }
    });
}

#[test]
fn an_error_page_does_not_end_a_connection() {
    let s = alpha("location /text { return 200 text; } location /gone { return 410; }");
    let mut client = s.connect();
    for (target, status) in [("/absent", 404), ("/a.txt", 200), ("/gone", 410), ("/text", 200), ("/", 403)] {
        let response = client.get(target).expect(status, target);
        assert!(!response.says_close(), "{target}: {response}");
    }
}

#[test]
fn a_hundred_pipelined_requests_in_order() {
    let sizes = [0, 1, 100, 1024, 5000, 70_000];
    let s = site("", &[]);
    for size in sizes {
        s.write(&format!("html/{size}"), &noise(size, size as u64));
    }
    let wanted: Vec<Option<usize>> = (0..100).map(|i| (i % 7 < 6).then(|| sizes[i % 7])).collect();
    let target = |size: &Option<usize>| size.map_or("/absent".to_owned(), |n| format!("/{n}"));
    let line = |size: &Option<usize>| format!("GET {} HTTP/1.1\r\nHost: h\r\n\r\n", target(size));
    let mut client = s.connect();
    client.send(wanted.iter().map(line).collect::<String>());
    for (i, size) in wanted.iter().enumerate() {
        let response = client.response();
        let Some(size) = *size else {
            assert_eq!(response.status, 404, "response {i}: {response}");
            continue;
        };
        assert!(response.body == noise(size, size as u64), "response {i}, expected {size} bytes: {response}");
    }
    assert_eq!(client.get("/1").body.len(), 1, "and the connection goes on");
}

#[test]
fn pipelined_requests_end_with_the_one_that_closes() {
    let s = alpha("");
    let mut client = s.connect();
    client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    client.send("GET /ok.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(client.response().text(), "alpha");
    assert_eq!(client.response().text(), "ok");
    client.assert_closed("after Connection: close nothing is answered");
}

#[test]
fn a_request_split_at_every_byte() {
    let s = alpha("");
    let one = "GET /a.txt HTTP/1.1\r\nHost: localhost\r\nX-Some: thing\r\n\r\n";
    let two = one.repeat(2);
    // Send all first halves, let the server read them, then send all second halves.
    let mut clients: Vec<Client> = (1..two.len()).map(|_| s.connect()).collect();
    for (i, client) in clients.iter_mut().enumerate() {
        client.send(&two[..i + 1]);
    }
    std::thread::sleep(Duration::from_millis(50));
    for (i, client) in clients.iter_mut().enumerate() {
        client.send(&two[i + 1..]);
        for _ in 0..2 {
            let response = client.response().expect(200, &format!("split after {} bytes", i + 1));
            assert_eq!(response.text(), "alpha", "split after {} bytes: {response}", i + 1);
        }
    }
}

#[test]
fn a_request_byte_by_byte() {
    let s = alpha("");
    let mut client = s.connect();
    for byte in b"\r\nGET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n" {
        client.send([*byte]);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(client.response().text(), "alpha");
    assert_eq!(client.get("/ok.txt").text(), "ok");
}

#[test]
fn a_client_that_half_closes_gets_its_responses() {
    let big = noise(10 << 20, 5);
    let s = site("", &[("a.txt", b"alpha"), ("big", &big)]);
    let request = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut client = s.connect();
    client.send(request("/a.txt"));
    client.half_close();
    assert_eq!(client.response().text(), "alpha");
    client.assert_closed("nothing more can come");
    // Several requests, the last one for a large file; all are sent before the first response.
    let mut client = s.connect();
    client.send(request("/a.txt") + &request("/absent") + &request("/big"));
    client.half_close();
    assert_eq!(client.response().text(), "alpha");
    assert_eq!(client.response().status, 404);
    assert!(client.response().body == big, "all of the large file");
    client.assert_closed("nothing more can come");
    // An incomplete request may be refused, but never served.
    let mut client = s.connect();
    client.send("GET /a.txt HTTP/1.1\r\nHos");
    client.half_close();
    let rest = client.rest();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 400 "), "{}", show(&rest));
}

#[test]
fn keepalive_requests() {
    let s = alpha("keepalive_requests 3;");
    let mut client = s.connect();
    for i in 1..=3 {
        let response = client.get("/a.txt");
        assert_eq!(response.says_close(), i == 3, "request {i}: {response}");
    }
    client.assert_closed("after the third request");
}

#[test]
fn keepalive_timeout_zero_closes_after_each_response() {
    let s = alpha("keepalive_timeout 0;");
    let mut client = s.connect();
    let response = client.get("/a.txt");
    assert!(response.says_close(), "{response}");
    client.assert_closed("keepalive_timeout 0");
}

#[test]
fn an_idle_connection_is_closed_without_a_byte() {
    let s = alpha("keepalive_timeout 300ms;");
    let mut client = s.connect();
    let start = Instant::now();
    assert_eq!(client.get("/a.txt").text(), "alpha");
    client.assert_closed("idle");
    assert!(start.elapsed() >= Duration::from_millis(300), "closed after {:?} already", start.elapsed());
}

#[test]
fn keepalive_timeout_tells_the_client() {
    let s = alpha("keepalive_timeout 65s 30s;");
    let response = s.connect().get("/a.txt");
    assert_eq!(response.must("Keep-Alive"), "timeout=30", "{response}");
}

/// Before the close comes nothing or a 408.
fn assert_timed_out(client: &mut Client, what: &str) {
    let rest = client.rest();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408 "), "{what}: {}", show(&rest));
}

#[test]
fn half_a_head_does_not_hold_a_connection() {
    let s = alpha("client_header_timeout 300ms;");
    for begin in ["", "G", "GET /a.txt HTTP/1.1\r\n", "GET /a.txt HTTP/1.1\r\nHost: h\r\nX: "] {
        let mut client = s.connect();
        let start = Instant::now();
        client.send(begin);
        assert_timed_out(&mut client, begin);
        assert!(start.elapsed() >= Duration::from_millis(300), "{begin:?}: after {:?} already", start.elapsed());
    }
    s.assert_alive("timeouts");
}

#[test]
fn the_head_s_time_is_for_the_whole_of_it() {
    let s = alpha("client_header_timeout 300ms;");
    let mut client = s.connect();
    client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\nX-Drip: ");
    // A byte every 20 ms without end; the server's timeout must be shorter than the test's.
    let end = Instant::now() + PATIENCE;
    let mut byte = [0; 512];
    loop {
        assert!(Instant::now() < end, "a client that drips bytes holds its connection");
        let sent = client.try_send(b"x");
        let got = client.read_some(&mut byte, Duration::from_millis(20));
        if sent.is_err() || !got.is_err_and(|e| e.kind() == std::io::ErrorKind::TimedOut) {
            break;
        }
    }
    s.assert_alive("a client that drips bytes");
}

#[test]
fn the_time_of_the_head_does_not_run_during_the_response() {
    let s = site("client_header_timeout 200ms; send_timeout 10s;", &[]);
    let content = noise(12 << 20, 9);
    s.write("html/big", &content);
    let mut client = s.connect();
    client.send_get("/big");
    // Longer than the timeout of the head, with most of the file still to come.
    std::thread::sleep(Duration::from_millis(400));
    assert!(client.response().body == content);
}

#[test]
fn a_slow_reader_gets_everything() {
    let content = noise(10 << 20, 11);
    for sendfile in ["on", "off"] {
        let s = site(&format!("sendfile {sendfile}; send_timeout 5s;"), &[("big", &content)]);
        let mut client = s.connect();
        client.send("GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        let mut got = Vec::new();
        let mut piece = vec![0; 40_000];
        loop {
            match client.read_some(&mut piece, PATIENCE).unwrap() {
                0 => break,
                n => got.extend_from_slice(&piece[..n]),
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(got.ends_with(&content), "sendfile {sendfile}: {} bytes", got.len());
    }
}

#[test]
fn clients_that_never_read_are_closed_and_cost_no_memory() {
    for sendfile in ["on", "off"] {
        let s = alpha(&format!("sendfile {sendfile}; send_timeout 300ms; open_file_cache off;"));
        sparse(&s, "html/huge", 1 << 30);
        s.head("/huge").expect(200, "/huge");
        let (fds, rss) = (s.process.open_fds(), s.process.rss_kib());
        let mut clients: Vec<Client> = (0..10).map(|_| s.connect()).collect();
        for client in &mut clients {
            client.send("GET /huge HTTP/1.1\r\nHost: h\r\n\r\n");
        }
        let mut most = 0;
        wait_for("the connections closed by send_timeout", || {
            most = most.max(s.process.rss_kib());
            (s.process.open_fds() <= fds).then_some(())
        });
        assert!(most < rss + (16 << 10), "sendfile {sendfile}: memory grew from {rss} to {most} KiB");
        s.assert_alive("clients that never read");
    }
}

#[test]
fn pipelined_requests_whose_responses_are_not_read_cost_no_memory() {
    let s = site("send_timeout 60s;", &[("ok.txt", b"ok"), ("page", &noise(100_000, 1))]);
    s.get("/page").expect(200, "/page");
    let rss = s.process.rss_kib();
    let requests = "GET /page HTTP/1.1\r\nHost: h\r\n\r\n".repeat(2000);
    let mut client = s.connect();
    client.send(&requests);
    s.assert_alive("200 MB of responses that nobody reads");
    let grown = s.process.rss_kib().saturating_sub(rss);
    assert!(grown < 16 << 10, "memory grew by {grown} KiB");
    for i in 0..50 {
        assert_eq!(client.response().body.len(), 100_000, "response {i}");
    }
}

#[test]
fn a_client_that_vanishes_leaves_nothing_behind() {
    let s = alpha("open_file_cache off;");
    sparse(&s, "html/huge", 1 << 30);
    s.head("/huge").expect(200, "/huge");
    let fds = s.process.open_fds();
    for i in 0..20 {
        let mut client = s.connect();
        client.send("GET /huge HTTP/1.1\r\nHost: h\r\n\r\n");
        let mut piece = [0; 4096];
        client.read_some(&mut piece, PATIENCE).unwrap();
        // Every second client shuts down its side first; closing with unread data sends a reset.
        if i % 2 == 0 {
            client.half_close();
        }
    }
    wait_for("the descriptors of vanished clients", || (s.process.open_fds() <= fds).then_some(()));
    s.assert_alive("vanished clients");
}

#[test]
fn bodies_that_nobody_wants_are_skipped() {
    let s = alpha("location /text { return 200 text; }");
    let long = "x".repeat(100_000);
    let rows = [
        ("Content-Length: 5\r\n", "hello".to_owned()),
        ("Content-Length: 0\r\n", String::new()),
        ("Content-Length: 100000\r\n", long.clone()),
        ("Transfer-Encoding: chunked\r\n", "0\r\n\r\n".to_owned()),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n".to_owned()),
        ("Transfer-Encoding: Chunked\r\n", "5;ext=1\r\nhello\r\n00\r\nTrailer: x\r\n\r\n".to_owned()),
        ("Transfer-Encoding: chunked\r\n", format!("186a0\r\n{long}\r\n0\r\n\r\n")),
        // A body that looks like a request must not be read as one.
        ("Content-Length: 36\r\n", "GET /absent HTTP/1.1\r\nHost: h\r\n\r\nabc".to_owned()),
    ];
    each(rows, |(fields, body)| {
        for target in ["/a.txt", "/text", "/absent"] {
            let mut client = s.connect();
            client.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n{body}"));
            client.send("GET /ok.txt HTTP/1.1\r\nHost: h\r\n\r\n");
            let status = client.response().status;
            assert_eq!(status, if target == "/absent" { 404 } else { 200 }, "{target} with {fields:?}");
            let next = client.response();
            assert_eq!(next.text(), "ok", "{target} with {fields:?}, the request after it: {next}");
        }
    });
}
