//! Pipelined requests: all are answered in order, and a client that does not read the responses costs little memory.

mod harness;

use harness::client::show;
use harness::{Client, PATIENCE, Server, Setup, host, site, wait_for};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;

const LOGGED: &str = "access_log logs/access.log combined buffer=64k flush=50ms;";
/// More than the kernel's socket buffers hold.
const HUGE_BYTES: u64 = 16 << 20;

/// A site with `ok.txt` and `huge`, a file without blocks.
fn with_huge(config: &str) -> Server {
    let s = site(config, &[("ok.txt", b"ok")]);
    File::create(s.path("html/huge")).unwrap().set_len(HUGE_BYTES).unwrap();
    s
}

/// `n` requests for a target; the last one has Connection: close.
fn batch(target: &str, n: usize) -> String {
    let kept = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
    kept.repeat(n - 1) + &format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
}

/// Sends as much as the kernel takes without blocking.
fn stuff(stream: &mut TcpStream, bytes: &[u8]) -> usize {
    stream.set_nonblocking(true).unwrap();
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.write(&bytes[sent..]) {
            Ok(n) => sent += n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => break,
            Err(e) => panic!("after {sent} bytes: {e}"),
        }
    }
    sent
}

/// Requests `n` responses at once and the close after the last one: exactly these come.
fn answers_then_close(s: &Server, target: &str, n: usize) {
    let mut client = s.connect();
    client.send(batch(target, n));
    for i in 1..=n {
        let response = client.response().expect(200, target);
        assert_eq!(response.text(), "ok", "{target}, answer {i} of {n}: {response}");
        assert_eq!(response.says_close(), i == n, "{target}, answer {i} of {n}: {response}");
    }
    client.assert_closed(&format!("after {n} answers of {target}"));
}

#[test]
fn each_number_of_pipelined_requests_is_answered_to_the_last() {
    // Earlier, the connection hung if the number was exactly the limit of a turn or of a pipe.
    // Without a log, a request ends when its response is in the output; with a log, when it was sent.
    for log in ["access_log off;", LOGGED] {
        let s = site(&format!("{log} location = /text {{ return 200 ok; }}"), &[("ok.txt", b"ok")]);
        for n in 1..=200 {
            answers_then_close(&s, "/text", n);
        }
        for n in [1, 2, 21, 22, 31, 32, 33, 43, 63, 64, 65, 66, 127, 128, 129, 199, 200] {
            answers_then_close(&s, "/ok.txt", n);
        }
    }
}

#[test]
fn each_number_of_pipelined_requests_is_logged() {
    let http = LOGGED.to_owned() + &host("location = /text { return 200 ok; }");
    let s = Setup::new(&http, &[("ok.txt", b"ok")]).start();
    let numbers = [1, 2, 20, 21, 22, 31, 32, 33, 43, 63, 64, 65, 66, 127, 128, 129, 199, 200];
    for n in numbers {
        answers_then_close(&s, "/text", n);
        answers_then_close(&s, "/ok.txt", n);
    }
    let wanted = 2 * numbers.iter().sum::<usize>();
    let count = || s.text("logs/access.log").matches('\n').count();
    wait_for("a line for each request", || (count() >= wanted).then_some(()));
    assert_eq!(count(), wanted);
}

#[test]
fn pipelined_downloads_that_nobody_reads_hold_few_descriptors() {
    // Earlier, each connection opened a file for each of its requests, up to 130.
    let s = with_huge("send_timeout 60s; open_file_cache off;");
    s.head("/huge").expect(200, "/huge");
    let before = s.process.open_fds();
    let mut clients: Vec<Client> = (0..9).map(|_| s.connect()).collect();
    for client in &mut clients {
        client.send(batch("/huge", 130));
    }
    let mut most = 0;
    for _ in 0..50 {
        s.assert_alive("downloads that nobody reads");
        most = most.max(s.process.open_fds());
    }
    let held = most - before;
    assert!(held >= 2 * clients.len(), "a socket and a file for each client at least, got {held}: a test of nothing");
    assert!(held <= 5 * clients.len() + 1, "{held} descriptors for {} clients that do not read", clients.len());
}

#[test]
fn many_downloads_that_nobody_reads_leave_descriptors_for_others() {
    let http = host("send_timeout 60s;");
    let s = Setup::new(&http, &[("ok.txt", b"ok")]).fds_max(200).connections(100).start();
    File::create(s.path("html/huge")).unwrap().set_len(HUGE_BYTES).unwrap();
    let mut clients: Vec<Client> = (0..20).map(|_| s.connect()).collect();
    for client in &mut clients {
        client.send(batch("/huge", 130));
        client.wait_some();
    }
    for _ in 0..20 {
        s.assert_alive("20 clients that do not read");
    }
    assert!(!s.said().contains("no new clients"), "{}", s.said());
}

#[test]
fn pipelined_long_heads_behind_an_answer_that_nobody_reads_hold_little_memory() {
    // Earlier, the heads of all requests with pending responses were stored: 4 to 9 MB for each connection.
    let s = with_huge("send_timeout 60s; location = /text { return 200 ok; }");
    let fields = |n: usize| (0..n).map(|i| format!("X-{i}: {}\r\n", "x".repeat(7_700))).collect::<String>();
    let long = format!("GET /text HTTP/1.1\r\nHost: h\r\n{}\r\n", fields(4));
    s.ask(&long).expect(200, "a head of 31 KB");
    let requests = "GET /huge HTTP/1.1\r\nHost: h\r\n\r\n".to_owned() + &long.repeat(64);
    let before = s.process.rss_kib();
    let connect = |_| (TcpStream::connect(&s.addresses[0]).unwrap(), 0);
    let mut clients: Vec<(TcpStream, usize)> = (0..8).map(connect).collect();
    let mut most = 0;
    for _ in 0..50 {
        for (client, sent) in &mut clients {
            *sent += stuff(client, &requests.as_bytes()[*sent..]);
        }
        s.assert_alive("long heads");
        most = most.max(s.process.rss_kib());
    }
    assert!(clients.iter().all(|(_, sent)| *sent > 3 * long.len()), "the kernel takes some heads at once");
    let each = most.saturating_sub(before) / clients.len() as u64;
    assert!(each < 1024, "each client costs {each} KiB: {before} KiB before, {most} KiB with them");
}

#[test]
fn return_444_lets_earlier_answers_leave() {
    let config = "location = /gone { return 444; } location = /text { return 200 ok; }";
    let s = with_huge(config);
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut client = s.connect();
    client.send(get("/text").repeat(3) + &get("/ok.txt") + &get("/gone") + &get("/text"));
    for i in 0..4 {
        assert_eq!(client.response().expect(200, "before /gone").text(), "ok", "answer {i}");
    }
    client.assert_closed("after return 444");
    // A response that does not fit into the kernel's buffers, alone and with more requests after it than the server
    // reads.
    for more in [0, 100, 400_000] {
        let mut client = s.connect();
        client.send(get("/huge") + &get("/gone") + &get(&format!("/text?{}", "x".repeat(more))));
        client.wait_some();
        let response = client.response().expect(200, "/huge");
        assert_eq!(response.body.len() as u64, HUGE_BYTES, "all of it, with {more} bytes behind");
        client.assert_closed("after return 444");
    }
}

#[test]
fn a_status_without_a_body_sends_none() {
    // Earlier, the text of `return 204 text` was sent, and the next response began in the middle of it.
    let config = "location = /204 { return 204 text; } location = /304 { return 304 text; } \
                  location = /text { return 200 ok; }";
    let s = site(config, &[]);
    let mut client = s.connect();
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
    client.send(get("/204") + &get("/304") + &get("/204") + &get("/text"));
    for status in [204, 304, 204] {
        client.response().expect(status, "without a body");
    }
    assert_eq!(client.response().expect(200, "/text").text(), "ok");
}

#[test]
fn sigquit_among_pipelined_requests_leaves_no_half_answers() {
    let mut s = with_huge("location = /text { return 200 ok; }");
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
    // One connection has a download in progress, the other has small responses after a download.
    let mut clients = [s.connect(), s.connect()];
    clients[0].send(get("/huge") + &get("/huge") + &get("/text"));
    clients[1].send(get("/huge") + &get("/text").repeat(10));
    for client in &mut clients {
        client.read_some(&mut [0; 1], PATIENCE).unwrap();
    }
    s.process.signal("QUIT");
    wait_for("new connections refused", || TcpStream::connect(&s.addresses[0]).err());
    for client in &mut clients {
        let all = [b"H", &client.read_to_the_end()[..]].concat();
        let mut rest = &all[..];
        let mut answers = 0;
        while !rest.is_empty() {
            let parsed = harness::http::parse(rest, false, true);
            let Ok(Some((response, used))) = parsed else { panic!("answer {answers} is cut: {}", show(rest)) };
            assert_eq!(response.status, 200, "answer {answers}: {response}");
            (rest, answers) = (&rest[used..], answers + 1);
            assert!(!response.says_close() || rest.is_empty(), "more after Connection: close: {}", show(rest));
        }
        assert!(answers >= 1, "what was under way is answered");
    }
    drop(clients); // else the server waits for more requests from them
    assert!(s.process.exit().success(), "{}", s.said());
}

#[test]
fn options_asterisk_that_expects_100_is_answered_at_once() {
    let s = site("", &[]);
    let mut client = s.connect();
    client.send("OPTIONS * HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    let response = client.any_response();
    // With 100, the server asks for the body; else the response is final, and the connection cannot continue.
    match response.status {
        100 => client.send("hello"),
        _ => assert!(response.status == 204 || response.status == 200, "{response}"),
    }
    if response.status == 100 {
        let last = client.response();
        assert!(last.status == 204 || last.status == 200, "{last}");
    }
}
