//! Faults after the first byte of an answer: the client never gets a part as a whole.

use super::harness::each;
use super::harness::gateways::{ALL, Protocol, STDERR, STDOUT, end_request, record};
use super::harness::http::{self, Framing};
use super::{End, Fds, assert_logged, passing};

/// The beginning of an answer, and how it goes wrong.
type Fault = (&'static str, Vec<u8>, End);

fn faults(protocol: Protocol) -> Vec<Fault> {
    let mut rows = vec![
        ("short", protocol.part(100, b"begun"), End::Close),
        ("short by one", protocol.part(6, b"begun"), End::Close),
        ("reset", protocol.part(100, b"begun"), End::Reset),
        ("silent", protocol.part(100, b"begun"), End::Stay),
    ];
    let chunked = |name, chunks: &str, end| {
        (name, format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n{chunks}").into_bytes(), end)
    };
    let stdout = |name, rest: &[&[u8]], end| {
        (name, [&record(STDOUT, b"Status: 200\r\n\r\nbegun")[..], &rest.concat()].concat(), end)
    };
    rows.extend(match protocol {
        Protocol::Http => vec![
            chunked("no last chunk", "", End::Close),
            chunked("half a last chunk", "0\r\n", End::Close),
            chunked("half a chunk", "5\r\nhal", End::Close),
            chunked("half a size", "5", End::Close),
            chunked("a size that is none", "xyz\r\n", End::Stay),
            chunked("a negative size", "-5\r\nabcde\r\n0\r\n\r\n", End::Stay),
            chunked("a size that is too large", "fffffffffffffffff\r\n", End::Stay),
            chunked("no line end after a chunk", "3\r\nabcX0\r\n\r\n", End::Stay),
            chunked("chunks and a reset", "5\r\nabcde\r\n", End::Reset),
            chunked("chunks and silence", "5\r\nabcde\r\n", End::Stay),
            ("no length and a reset", b"HTTP/1.1 200 OK\r\n\r\nbegun".to_vec(), End::Reset),
        ],
        Protocol::Fastcgi => vec![
            stdout("no end of the request", &[], End::Close),
            stdout("half a record", &[&record(STDOUT, b"more")[..10]], End::Close),
            stdout("half a head of a record", &[&record(STDOUT, b"more")[..3]], End::Close),
            stdout("garbage between records", &[b"garbage!"], End::Stay),
            stdout("silence", &[&record(STDERR, b"why")], End::Stay),
            stdout("a reset", &[&record(STDOUT, b"more")], End::Reset),
            (
                "an end before the length",
                [protocol.part(100, b"begun"), record(STDOUT, b""), end_request(0, 0)].concat(),
                End::Stay,
            ),
        ],
        Protocol::Scgi | Protocol::Uwsgi => {
            vec![("no length and a reset", b"Status: 200\r\nContent-Type: a/b\r\n\r\nbegun".to_vec(), End::Reset)]
        }
    });
    rows
}

/// Asserts that the answer is 200, has at most a part of the body, and does not look whole to an HTTP/1.1 client. A
/// server that has not sent its first byte yet may also say 502.
fn assert_cut(bytes: &[u8], version: &str, name: &str) {
    if bytes.starts_with(b"HTTP/1.1 502 ") || bytes.starts_with(b"HTTP/1.1 504 ") {
        return;
    }
    assert!(bytes.starts_with(b"HTTP/1.1 200 "), "{name}: {}", bytes.escape_ascii());
    match http::parse(bytes, false, true) {
        Ok(None) => {}
        // HTTP/1.0 without a length: nothing can say that more is missing but a reset.
        Ok(Some((response, _))) if version == "1.0" => {
            assert_eq!(response.framing, Framing::Close, "{name}: {response}")
        }
        other => panic!("{name}: {other:?} in {}", bytes.escape_ascii()),
    }
}

#[test]
fn a_part_is_never_a_whole_answer() {
    std::thread::scope(|scope| {
        let cases = ALL.into_iter().flat_map(|protocol| ["on", "off"].map(|buffering| (protocol, buffering)));
        let threads = cases.map(|(protocol, buffering)| scope.spawn(move || cut_answers(protocol, buffering)));
        let failed = threads.collect::<Vec<_>>().into_iter().filter_map(|thread| thread.join().err()).count();
        assert_eq!(failed, 0, "cases failed, each shown above");
    });
}

fn cut_answers(protocol: Protocol, buffering: &str) {
    let (up, s) = passing(protocol, &format!("PREFIX_read_timeout 1s; PREFIX_buffering {buffering};"));
    let fds = Fds::of(&s);
    // All at once, since those that are silent take a second each.
    let mut open = Vec::new();
    for (name, bytes, end) in faults(protocol) {
        for version in ["1.1", "1.0"] {
            let target = format!("/{}-{version}", name.replace(' ', "-"));
            let mut client = s.connect();
            client.send(format!("GET {target} HTTP/{version}\r\nHost: h\r\nConnection: close\r\n\r\n"));
            let (mut peer, _) = up.asked();
            peer.send(&bytes);
            if end == End::Reset && buffering == "off" {
                // What was sent before a reset may be lost, so the client has it first, if it gets it.
                client.wait_some();
            }
            open.push((name, target, version, client, end.of(peer)));
        }
    }
    let seen: Vec<_> = open
        .iter_mut()
        .map(|(name, target, version, client, _)| (*name, target.clone(), *version, client.rest()))
        .collect();
    each(seen, |(name, target, version, bytes)| {
        assert_cut(bytes, version, &format!("{protocol:?}, buffering {buffering}, {name}"));
        assert_logged(&s, &up.address, target);
    });
    drop(open);
    fds.assert_level(&s);
}

/// Bytes behind the end of an answer are not part of it, and its connection is not used again.
#[test]
fn a_longer_body_than_it_said_ends_where_it_said() {
    for protocol in ALL {
        let (up, s) = passing(protocol, protocol.keep());
        let mut client = s.connect();
        client.get("/ok.txt");
        let fds = Fds::of(&s);
        for n in 0..3 {
            client.send_get(&format!("/{n}"));
            let (mut peer, _) = up.asked();
            let mut answer = protocol.part(4, b"body and more");
            if protocol == Protocol::Fastcgi {
                answer.extend_from_slice(&[record(STDOUT, b""), end_request(0, 0)].concat());
            }
            peer.send(answer);
            if !protocol.keeps() {
                drop(peer);
            } else {
                peer.assert_closed("it cannot carry another answer");
            }
            assert_eq!(client.response().text(), "body", "{protocol:?}");
        }
        fds.assert_level(&s);
    }
}

/// A length that is right although the end comes with it is no fault.
#[test]
fn a_whole_answer_and_the_end_are_no_fault() {
    each(ALL, |protocol| {
        for buffering in ["on", "off"] {
            let (up, s) = passing(*protocol, &format!("{} PREFIX_buffering {buffering};", protocol.keep()));
            let mut client = s.connect();
            for end in [End::Close, End::Stay] {
                client.send_get("/a");
                let (mut peer, _) = up.asked();
                peer.ok(b"whole");
                let kept = end.of(peer);
                assert_eq!(client.response().text(), "whole", "{end:?}");
                drop(kept);
            }
            assert!(!s.said().contains("[error]"), "{}", s.said());
        }
    });
}
