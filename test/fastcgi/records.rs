//! The record layer of answers: records split anywhere, padding, the three streams, and the end.

use super::harness::each;
use super::harness::gateways::{Protocol, STDERR, STDOUT, end_request, padded, record};
use super::harness::upstream::Upstream;
use super::harness::{host, noise, server};
use super::{answered, fastcgi};

const HEAD: &[u8] = b"Status: 201\r\nContent-Type: a/b\r\n\r\n";

/// An answer in records of several sizes, with padding and standard error in between.
fn mixed() -> Vec<u8> {
    [
        padded(STDOUT, &HEAD[..5], 3),
        record(STDOUT, &HEAD[5..]),
        padded(STDERR, b"odd thing", 7),
        padded(STDOUT, b"body ", 255),
        record(STDOUT, b"of "),
        padded(STDOUT, b"it", 8),
        record(STDERR, b""),
        record(STDOUT, b""),
        end_request(0, 0),
    ]
    .concat()
}

#[test]
fn records_may_be_split_anywhere() {
    let bytes = mixed();
    let (up, s) = fastcgi("");
    for at in 0..=bytes.len() {
        let mut client = s.connect();
        client.send_get("/a");
        let (mut peer, _) = up.asked();
        peer.send(&bytes[..at]);
        if at % 7 == 0 {
            // Another request takes a turn in between, so the two pieces are read apart.
            client_elsewhere(&s);
        }
        peer.send(&bytes[at..]);
        drop(peer);
        assert_eq!(client.response().expect(201, "/a").text(), "body of it", "split at {at}");
    }
}

fn client_elsewhere(s: &super::Server) {
    assert_eq!(s.get("/ok.txt").text(), "ok");
}

#[test]
fn a_record_may_come_byte_by_byte() {
    let (up, s) = fastcgi("");
    let mut client = s.connect();
    client.send_get("/a");
    let (mut peer, _) = up.asked();
    for byte in mixed() {
        peer.send([byte]);
    }
    drop(peer);
    assert_eq!(client.response().expect(201, "/a").text(), "body of it");
}

#[test]
fn standard_error_is_logged_with_its_request() {
    let (up, s) = fastcgi("");
    let lines = record(STDERR, b"PHP Warning: first\nPHP Warning: second\n");
    answered(&up, &s, [lines, mixed()].concat()).expect(201, "/a");
    for words in ["PHP Warning: first", "PHP Warning: second", "odd thing"] {
        s.wait_said(words);
    }
    let said = s.said();
    let line = said.lines().find(|line| line.contains("odd thing")).unwrap();
    assert!(line.contains("GET /a") && line.contains(&up.address), "{line}");
}

/// No text of an application makes a line of the log that looks like one of the server's.
#[test]
fn standard_error_cannot_forge_a_line() {
    let (up, s) = fastcgi("");
    let evil = b"x\n2024/01/01 00:00:00 [emerg] 1#1: forged\x1b[2J\r\nrest";
    answered(&up, &s, [record(STDERR, evil), mixed()].concat()).expect(201, "/a");
    s.wait_said("forged");
    let said = s.said();
    assert!(said.lines().all(|line| !line.starts_with("2024/01/01 00:00:00 [emerg]")), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
}

/// What an application writes to its standard error alone is no answer.
#[test]
fn standard_error_alone_is_a_bad_gateway() {
    let ends = [
        ("with the end", [record(STDOUT, b""), end_request(1, 0)].concat()),
        ("without STDOUT", end_request(255, 0)),
        ("without the end", vec![]),
    ];
    each(ends, |(name, end)| {
        let (up, s) = fastcgi("");
        answered(&up, &s, [record(STDERR, b"why it failed"), end.clone()].concat()).expect(502, name);
        s.wait_said("why it failed");
    });
}

#[test]
fn a_word_on_standard_error_can_make_an_answer_bad() {
    let (up, s) = fastcgi("fastcgi_catch_stderr \"PHP Fatal error\";");
    let fatal = record(STDERR, b"PHP Fatal error: x");
    answered(&up, &s, [fatal, mixed()].concat()).expect(502, "a caught word");
    let other = record(STDERR, b"PHP Notice: x");
    answered(&up, &s, [other, mixed()].concat()).expect(201, "another word");
}

/// The statuses of FCGI_END_REQUEST: the application's own one says nothing of the answer; the protocol's one does.
#[test]
fn the_end_of_a_request_has_two_statuses() {
    let answer = |application, protocol, with_head: bool| {
        let head = if with_head { record(STDOUT, b"Status: 200\r\nContent-Length: 2\r\n\r\nok") } else { vec![] };
        [head, record(STDOUT, b""), end_request(application, protocol)].concat()
    };
    each([(0, 0), (1, 0), (u32::MAX, 0)], |(application, protocol)| {
        let (up, s) = fastcgi("");
        assert_eq!(answered(&up, &s, answer(*application, *protocol, true)).text(), "ok");
    });
    // CANT_MPX_CONN, OVERLOADED, UNKNOWN_ROLE, and one that the specification does not have.
    each([1, 2, 3, 9], |protocol| {
        let (up, s) = fastcgi("");
        answered(&up, &s, answer(0, *protocol, false)).expect(502, "a request that was refused");
    });
}

/// A kept connection carries one request after the other; each has its end.
#[test]
fn connections_are_kept_if_told() {
    let rows = [
        ("", "keepalive 2;", 4),
        ("fastcgi_keep_conn on;", "keepalive 2;", 1),
        ("fastcgi_keep_conn on;", "keepalive 0;", 4),
    ];
    each(rows, |(directives, group, connections)| {
        let up = Upstream::unix(Protocol::Fastcgi).serve(|ask| Protocol::Fastcgi.ok(ask.what().as_bytes()));
        let upstream = format!("upstream app {{ server {}; {group} }}", up.address);
        let s = server(
            &(upstream + &host(&format!("location / {{ {} {directives} }}", Protocol::Fastcgi.pass("app")))),
            &[],
        );
        let mut client = s.connect();
        for n in 0..4 {
            assert_eq!(client.get(&format!("/{n}")).text(), format!("GET /{n}"));
        }
        assert_eq!(up.requests().len(), *connections, "{directives} {group}");
        let flags: Vec<u8> = up.asks().iter().map(|ask| ask.marks[1]).collect();
        assert_eq!(flags, [u8::from(!directives.is_empty()); 4], "FCGI_KEEP_CONN");
    });
}

/// The end of the request is the end of the answer: the connection need not close.
#[test]
fn an_answer_ends_with_its_request() {
    let (up, s) = fastcgi("fastcgi_keep_conn on;");
    let mut client = s.connect();
    client.send_get("/a");
    let (mut peer, _) = up.asked();
    peer.send(mixed());
    assert_eq!(client.response().text(), "body of it");
    drop(peer);
}

#[test]
fn long_answers_come_in_long_records() {
    let body = noise(1 << 20, 8);
    for directives in ["", "fastcgi_buffering off;"] {
        let (up, s) = fastcgi(directives);
        let mut bytes = record(STDOUT, HEAD);
        body.chunks(65_535).for_each(|piece| bytes.extend_from_slice(&padded(STDOUT, piece, 1)));
        bytes.extend_from_slice(&[record(STDOUT, b""), end_request(0, 0)].concat());
        let response = std::thread::scope(|scope| {
            scope.spawn(|| up.asked().0.send(&bytes));
            let mut client = s.connect();
            client.send_get("/a");
            client.response()
        });
        assert!(response.status == 201 && response.body == body, "{directives}: {} bytes", response.body.len());
    }
}

/// A client that is gone is nobody's: the application's connection is closed.
#[test]
fn an_application_without_a_client_is_told() {
    let (up, s) = fastcgi("");
    let mut client = s.connect();
    client.send_get("/a");
    let (mut peer, _) = up.asked();
    client.reset();
    // FCGI_ABORT_REQUEST may come before the end.
    peer.rest();
    assert_eq!(s.get("/ok.txt").text(), "ok");
}
