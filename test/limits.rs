//! A limit acts where it is meant to, and in no state beside it: times, sizes, and work that is not done.

mod harness;

use harness::fault::{Faults, ON_COMMAND};
use harness::scripts::{scripts, text};
use harness::{Client, PATIENCE, Server, Setup, host, noise, site, wait_for};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than the short limits of these tests.
const LONG: Duration = Duration::from_millis(700);

/// More than the kernel's socket buffers hold.
const HUGE_BYTES: usize = 16 << 20;

#[test]
fn the_time_of_a_body_does_not_run_while_a_program_thinks() {
    let s = scripts("client_body_timeout 200ms;", &[("a.sh", &format!("sleep 0.7\n{}", text("cat")))]);
    for framing in ["Content-Length: 4\r\n\r\nbody", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"] {
        let mut client = s.connect();
        client.send(format!("POST /a.sh HTTP/1.1\r\nHost: h\r\n{framing}"));
        assert_eq!(client.response().expect(200, framing).text(), "body");
        assert_eq!(client.get("/ok.txt").text(), "ok");
    }
}

#[test]
fn the_time_of_the_head_does_not_run_while_the_body_comes() {
    let config = "client_header_timeout 200ms; keepalive_timeout 200ms; send_timeout 200ms; dav_methods PUT;";
    let s = site(config, &[]);
    let mut client = s.connect();
    client.send("PUT /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
    std::thread::sleep(LONG);
    client.send("dy");
    client.response().expect(201, "a body that took longer than the head may");
    assert_eq!(s.get("/a.txt").text(), "body");
}

#[test]
fn no_time_of_the_client_runs_while_the_answer_is_made() {
    let config = "client_header_timeout 200ms; keepalive_timeout 200ms; send_timeout 200ms; client_body_timeout 200ms;";
    let slow = text("echo one; sleep 0.7; echo two");
    let s = scripts(config, &[("a.sh", &format!("sleep 0.7\n{slow}"))]);
    assert_eq!(s.connect().get("/a.sh").expect(200, "a program that thinks").text(), "one\ntwo\n");
}

#[test]
fn the_time_between_requests_does_not_run_while_an_answer_leaves() {
    let content = noise(HUGE_BYTES, 1);
    let s = site("keepalive_timeout 200ms; client_header_timeout 200ms; send_timeout 60s;", &[("huge", &content)]);
    let mut client = s.connect();
    client.send_get("/huge");
    client.wait_some();
    std::thread::sleep(LONG);
    assert!(client.response().expect(200, "a slow reader").body == content);
}

#[test]
fn the_time_to_send_begins_again_with_what_is_taken() {
    let content = noise(HUGE_BYTES, 2);
    let s = site("send_timeout 2s; open_file_cache off;", &[("huge", &content)]);
    let mut client = s.connect();
    client.send("GET /huge HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    let (mut got, mut piece) = (Vec::new(), vec![0; 1 << 20]);
    // Twice as long as nothing at all might take.
    for _ in 0..16 {
        std::thread::sleep(Duration::from_millis(250));
        let wanted = got.len() + (1 << 20);
        while got.len() < wanted {
            match client.read_some(&mut piece, PATIENCE).unwrap() {
                0 => break,
                n => got.extend_from_slice(&piece[..n]),
            }
        }
    }
    got.extend(client.read_to_the_end());
    assert!(got.ends_with(&content), "{} bytes", got.len());
}

#[test]
fn a_body_that_nobody_wants_and_that_comes_after_the_answer_is_no_request() {
    let s = site("location = /text { return 200 text; }", &[("ok.txt", b"ok"), ("a.txt", b"a")]);
    let decoy = "GET /decoy HTTP/1.1\r\nHost: h\r\n\r\n";
    let long = decoy.repeat(3000);
    for body in [decoy, &long] {
        let fields = format!("Content-Length: {}\r\nExpect: 100-continue\r\n", body.len());
        for (target, status) in [("/text", 200), ("/a.txt", 200), ("/absent", 404)] {
            let mut client = s.connect();
            client.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
            let first = client.any_response().expect(status, target);
            let (one, two) = body.as_bytes().split_at(body.len() / 2);
            client.send(one);
            let _ = client.try_send(two);
            let _ = client.try_send(b"GET /ok.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
            assert!(first.says_close(), "{target} {fields}: {first}");
            client.assert_closed(target);
        }
    }
    assert!(!s.said().contains("decoy"), "{}", s.said());
}

/// The line of a socket in the kernel's table, from this port to that one: what it has sent and what it has received
/// that is not taken yet (proc_net_tcp(5)).
fn queues(from: u16, to: u16) -> Option<(usize, usize)> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let line = table.lines().find(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[1].ends_with(&format!(":{from:04X}")) && fields[2].ends_with(&format!(":{to:04X}"))
    })?;
    let (sends, receives) = line.split_whitespace().nth(4)?.split_once(':')?;
    Some((usize::from_str_radix(sends, 16).ok()?, usize::from_str_radix(receives, 16).ok()?))
}

#[test]
fn a_server_whose_answers_are_not_read_stops_reading() {
    let text = "x".repeat(4000); // some 60 such answers fill the output
    let s = site(&format!("send_timeout 60s; location = /text {{ return 200 {text}; }}"), &[]);
    File::create(s.path("html/huge")).unwrap().set_len(HUGE_BYTES as u64).unwrap();
    let long = format!("GET /text HTTP/1.1\r\nHost: h\r\nX-Long: {}\r\n\r\n", "x".repeat(7_700));
    let requests = "GET /huge HTTP/1.1\r\nHost: h\r\n\r\n".to_owned() + &long.repeat(4000);
    let mut stream = TcpStream::connect(&s.addresses[0]).unwrap();
    stream.set_nonblocking(true).unwrap();
    let ports = (stream.local_addr().unwrap().port(), s.port());
    let (mut sent, mut last, mut same) = (0, None, 0);
    // It stops when the sender cannot send, and bytes wait on both sides, for twenty looks.
    wait_for("the server to stop reading", || {
        match stream.write(&requests.as_bytes()[sent..]) {
            Ok(n) => sent += n,
            Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
        }
        let (unsent, unread) = (queues(ports.0, ports.1)?.0, queues(ports.1, ports.0)?.1);
        let now = Some((sent, unsent, unread));
        let is_begun = sent > unsent + unread + (64 << 10);
        same = if now == last && unread > 0 && is_begun { same + 1 } else { 0 };
        last = now;
        (same == 20).then_some(())
    });
    let (sent, unsent, unread) = last.unwrap();
    assert!(sent < requests.len(), "it has read everything");
    let taken = sent - unsent - unread;
    // The heads of the answers that the output holds, and what the input holds.
    assert!(taken <= 1 << 20, "{taken} bytes were taken of {sent}");
}

/// A server that counts its calls, and serves `huge`.
fn counting(config: &str) -> (Server, Faults) {
    let setup = Setup::new(&host(config), &[("ok.txt", b"ok")]).before(ON_COMMAND);
    let faults = Faults::new(&setup.path("faults"));
    File::create(setup.path("html/huge")).unwrap().set_len(HUGE_BYTES as u64).unwrap();
    (setup.start(), faults)
}

/// Asserts that the server, once it rests, makes no more calls.
fn assert_rests(faults: &Faults, when: &str) {
    let pause = || std::thread::sleep(Duration::from_millis(300));
    wait_for(&format!("rest: {when}"), || {
        let before = faults.count();
        assert!(before > 0, "the calls are not counted: a test of nothing");
        pause();
        (faults.count() <= before + 2).then_some(())
    });
    faults.forget();
    pause();
    assert!(faults.count() <= 5, "{when}: {:?}", faults.calls());
}

/// What a client does before it is waited for.
type Does = fn(&mut Client);

#[test]
fn whoever_is_waited_for_costs_no_calls() {
    let config = "client_max_body_size 1k; lingering_time 60s; lingering_timeout 60s; send_timeout 60s;
                  open_file_cache off;";
    let rows: [(&str, Does); 5] = [
        ("lingering", |client| {
            client.send("POST /ok.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nsome");
            client.response().expect(413, "too long a body");
        }),
        ("lingering, and the client has closed its side", |client| {
            client.send("POST /ok.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nsome");
            client.response().expect(413, "too long a body");
            client.half_close();
        }),
        ("an answer that is not read", |client| client.send_get("/huge")),
        ("an answer that is not read, and the client has closed its side", |client| {
            client.send_get("/huge");
            client.half_close();
        }),
        ("more requests than are taken", |client| {
            client.send_get("/huge");
            let _ = client.try_send("GET /ok.txt HTTP/1.1\r\nHost: h\r\n\r\n".repeat(8000).as_bytes());
        }),
    ];
    for (when, does) in rows {
        let (s, faults) = counting(config);
        let mut client = s.connect();
        does(&mut client);
        assert_rests(&faults, when);
        s.assert_alive(when);
    }
}
