//! Answers of HTTP/1.1 as they are decoded.

use crate::gateway::played::{mutated, told, told_of};
use crate::gateway::{AnswerDecoder, Asked};
use crate::http::cgi::ScriptHeadLimits;

const GET: Asked = Asked {
    is_head: false,
    keeps_connection: true,
    upgrades: false,
    limits: ScriptHeadLimits { head_bytes_max: 300, fields_max: 10 },
};

const HEAD: Asked = Asked { is_head: true, ..GET };

const UPGRADE: Asked = Asked { upgrades: true, ..GET };

/// Answers to GET, with `\n` for CRLF in heads. `+` at the end: the connection is used again.
const ANSWERS: &[(&str, &str)] = &[
    // Section 6.3: where the body ends.
    ("HTTP/1.1 200 OK\nContent-Length: 4\n\nbody", "[200 length=4]\"body\"+"),
    ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", "[200 length=0]+"),
    ("HTTP/1.1 200 OK\n\nbody", "[200]\"body\"eof."),
    ("HTTP/1.1 200 OK\n\n", "[200]eof."),
    ("HTTP/1.1 204 No Content\n\n", "[204]+"),
    ("HTTP/1.1 304 Not Modified\nContent-Length: 9\nETag: \"x\"\n\n", "[304 length=9 ETag=\\\"x\\\"]+"),
    ("HTTP/1.1 304 x\nTransfer-Encoding: chunked\n\n", "[304]+"),
    ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4\nbody\n0\n\n", "[200]\"body\"+"),
    ("HTTP/1.1 200 OK\nTransfer-Encoding: CHUNKED\n\n1;a=b\nx\n2\nyz\n0\n\n", "[200]\"xyz\"+"),
    ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\n\n", "[200]+"),
    // Section 7.1.2: trailers, without those that frame or route.
    (
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X\n\n1\nx\n0\nX: y\nContent-Length: 3\nZ: \n\n",
        "[200]\"x\"{X=y Z=}+",
    ),
    // Section 4: the status line.
    ("HTTP/1.1 200\nContent-Length: 0\n\n", "[200 length=0]+"),
    ("HTTP/1.1 200 \nContent-Length: 0\n\n", "[200 length=0]+"),
    ("HTTP/1.1 599 \u{fc} x\nContent-Length: 0\n\n", "[599 length=0]+"),
    ("HTTP/1.9 200 OK\nContent-Length: 0\n\n", "[200 length=0]+"),
    // Section 9.3: whether the connection is kept.
    ("HTTP/1.1 200 OK\nConnection: close\nContent-Length: 0\n\n", "[200 length=0]."),
    ("HTTP/1.1 200 OK\nConnection: x, Close\nContent-Length: 1\n\nx", "[200 length=1]\"x\"."),
    ("HTTP/1.0 200 OK\nContent-Length: 1\n\nx", "[200 length=1]\"x\"."),
    ("HTTP/1.0 200 OK\nConnection: Keep-Alive\nContent-Length: 1\n\nx", "[200 length=1]\"x\"+"),
    ("HTTP/1.0 200 OK\nConnection: keep-alive, close\nContent-Length: 1\n\nx", "[200 length=1]\"x\"."),
    ("HTTP/1.1 200 OK\nConnection: closed\nContent-Length: 0\n\n", "[200 length=0]+"),
    // Fields: in order, without those of the connection.
    (
        "HTTP/1.1 200 OK\nDate: d\nServer: s\nContent-Type: a/b; c=d\nX:  y \t\nSet-Cookie: a\nSet-Cookie: b\nVary:\n\
         Content-Length: 0\n\n",
        "[200 Content-Type=a/b; c=d length=0 Date=d Server=s X=y Set-Cookie=a Set-Cookie=b Vary=]+",
    ),
    (
        "HTTP/1.1 302 x\nLocation: /a#b\nKeep-Alive: x\nTE: x\nTrailer: x\nUpgrade: x\nProxy-Connection: x\n\
         Content-Length: 0\n\n",
        "[302 Location=/a#b length=0]+",
    ),
    ("HTTP/1.1 200 OK\nA: 1\nConnection: a, B\nB: 2\nC: 3\nContent-Length: 0\n\n", "[200 length=0 C=3]+"),
    // Of fields that stand once the first counts.
    (
        "HTTP/1.1 200 OK\nContent-Length: 0\nExpires: foo\nexpires: bar\nETag: 1\nETag: 2\nContent-Type:\n\
         Content-Type: a/b\nContent-Type: a/c\nLast-Modified: x\nLast-Modified: y\n\n",
        "[200 Content-Type=a/b length=0 Expires=foo ETag=1 Last-Modified=x]+",
    ),
    ("HTTP/1.1 201 x\nLocation: /a\nLocation: /b\nContent-Length: 0\n\n", "[201 Location=/a length=0]+"),
    // RFC 9110 section 15.2: interim responses.
    ("HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nContent-Length: 1\n\nx", "(100)[200 length=1]\"x\"+"),
    ("HTTP/1.1 103 \nLink: a\nContent-Length: 3\n\nHTTP/1.1 102 x\n\nHTTP/1.1 204 x\n\n", "(103 Link=a)(102)[204]+"),
];

/// Answers that are refused, from the part that can still be told.
const REFUSED: &[(&str, &str)] = &[
    ("", "eof! the answer ended before its first byte"),
    ("HTT", "eof! the answer ended within its head"),
    ("HTTP/1.1 200 OK\nX: y\n", "eof! the answer ended within its head"),
    ("HTTP/1.1 100 x\n\n", "(100)eof! the answer ended behind an interim response"),
    ("HTTP/1.1 100 x\n\nHTTP", "(100)eof! the answer ended within its head"),
    // No status line, as HTTP/0.9 answers.
    ("<html>", "! the answer does not begin with a status line"),
    ("\nHTTP/1.1 200 OK\n\n", "! the answer does not begin with a status line"),
    ("http/1.1 200 OK\n\n", "! the answer does not begin with a status line"),
    ("HTTP/2 200\n\n", "! line 1 of the answer: a status line without a version"),
    ("HTTP/2.0 200 OK\n\n", "! line 1 of the answer: a status line without a version"),
    ("HTTP/1.10 200 OK\n\n", "! line 1 of the answer: a status line without a version"),
    ("HTTP/1.1\n\n", "! line 1 of the answer: a status line without a version"),
    ("HTTP/1.1  200 OK\n\n", "! line 1 of the answer: a status line without a status"),
    ("HTTP/1.1 20 OK\n\n", "! line 1 of the answer: a status line without a status"),
    ("HTTP/1.1 2000 OK\n\n", "! line 1 of the answer: a status line without a status"),
    ("HTTP/1.1 099 OK\n\n", "! line 1 of the answer: a status line without a status"),
    ("HTTP/1.1 600 OK\n\n", "! line 1 of the answer: a status line without a status"),
    ("HTTP/1.1 200-OK\n\n", "! line 1 of the answer: a status line without a status"),
    ("HTTP/1.1 +20 OK\n\n", "! line 1 of the answer: a status line without a status"),
    ("HTTP/1.1 200 O\0K\n\n", "! line 1 of the answer: a control byte"),
    // Section 5: fields.
    ("HTTP/1.1 200 OK\nX: y\n z\n\n", "! line 3 of the answer: a folded field line"),
    ("HTTP/1.1 200 OK\nX : y\n\n", "! line 2 of the answer: a blank before the colon"),
    ("HTTP/1.1 200 OK\nX\n\n", "! line 2 of the answer: a field line without a colon"),
    ("HTTP/1.1 200 OK\n: y\n\n", "! line 2 of the answer: a field line without a name"),
    ("HTTP/1.1 200 OK\nX: a\rb\n\n", "! line 2 of the answer: a control byte"),
    ("HTTP/1.1 200 OK\nHTTP/1.1 200 OK\n\n", "! line 2 of the answer: a byte in a field name"),
    ("HTTP/1.1 200 OK\n1:\n2:\n3:\n4:\n5:\n6:\n7:\n8:\n9:\n10:\n11:\n\n", "! line 12 of the answer: too many fields"),
    // Section 6: framing that two recipients could understand differently.
    ("HTTP/1.1 200 OK\nContent-Length: foo\n\n", "! line 2 of the answer: a Content-Length that is no number"),
    ("HTTP/1.1 200 OK\nContent-Length:\n\n", "! line 2 of the answer: a Content-Length that is no number"),
    ("HTTP/1.1 200 OK\nContent-Length: 1, 1\n\n", "! line 2 of the answer: a Content-Length that is no number"),
    ("HTTP/1.1 200 OK\nContent-Length: 18446744073709551616\n\n", "! line 2 of the answer: a Content-Length that"),
    ("HTTP/1.1 200 OK\nContent-Length: 0\nContent-Length: 0\n\n", "! line 3 of the answer: a second Content-Length"),
    ("HTTP/1.1 200 OK\nContent-Length: 0\nContent-Length: 1\n\n", "! line 3 of the answer: a second Content-Length"),
    ("HTTP/1.1 200 OK\nContent-Length: 0\nTransfer-Encoding: chunked\n\n", "! line 3 of the answer: both"),
    ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nContent-Length: 0\n\n", "! line 3 of the answer: both"),
    ("HTTP/1.1 200 OK\nTransfer-Encoding: foo\n\n", "! line 2 of the answer: a Transfer-Encoding that is not chunked"),
    ("HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\n", "! line 2 of the answer: a Transfer-Encoding that"),
    ("HTTP/1.1 200 OK\nTransfer-Encoding:\n\n", "! line 2 of the answer: a Transfer-Encoding that is not chunked"),
    (
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n",
        "! line 3 of the answer: a second Transfer-Encoding",
    ),
    ("HTTP/1.0 200 OK\nTransfer-Encoding: chunked\n\n", "! line 2 of the answer: Transfer-Encoding in an answer"),
    // An end that is missing.
    ("HTTP/1.1 200 OK\nContent-Length: 9\n\nbody", "[200 length=9]\"body\"eof! the answer ended before its Content-"),
    ("HTTP/1.1 200 OK\nContent-Length: 9\n\n", "[200 length=9]eof! the answer ended before its Content-Length"),
    ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", "[200]eof! the answer ended before its last chunk"),
    ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4\nbo", "[200]\"bo\"eof! the answer ended before its last chunk"),
    ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\nx\n0\nX: y\n", "[200]\"x\"eof! the answer ended before"),
    ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\nx\nz", "[200]\"x\"! a malformed chunked body: "),
    ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nx\n0\n\n", "[200]\"x\\r\"! a malformed chunked body: "),
    ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nx", "[200]! a malformed chunked body: "),
    // Interim responses that must not be.
    ("HTTP/1.0 100 Continue\n\n", "! an interim response of HTTP/1.0"),
    ("HTTP/1.1 101 x\nUpgrade: a\n\n", "! a 101 that was not asked for"),
];

/// The answer with CRLF.
fn bytes(answer: &str) -> Vec<u8> {
    answer.replace('\n', "\r\n").into_bytes()
}

#[test]
fn answers_are_decoded_however_they_are_split() {
    for (answer, expected) in ANSWERS {
        assert_eq!(told_of(|| AnswerDecoder::http1(GET), &bytes(answer)), *expected, "{answer:?}");
        let once = Asked { keeps_connection: false, ..GET };
        assert_eq!(told_of(|| AnswerDecoder::http1(once), &bytes(answer)), expected.replace('+', "."), "{answer:?}");
        // A bare LF ends a line of a head, but not of a chunked body.
        if !answer.contains("chunked\n") && !answer.contains("CHUNKED\n") {
            assert_eq!(told_of(|| AnswerDecoder::http1(GET), answer.as_bytes()), *expected, "{answer:?}");
        }
    }
}

#[test]
fn what_is_no_answer_is_refused_however_it_is_split() {
    for (answer, expected) in REFUSED {
        let found = told_of(|| AnswerDecoder::http1(GET), &bytes(answer));
        assert!(found.starts_with(expected), "{answer:?}: {found}");
    }
}

#[test]
fn an_answer_to_head_ends_with_its_head() {
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\nContent-Length: 9\n\n", "[200 length=9]+"),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", "[200]+"),
        ("HTTP/1.1 200 OK\n\n", "[200]+"),
        ("HTTP/1.1 200 OK\nConnection: close\n\n", "[200]."),
    ] {
        assert_eq!(told_of(|| AnswerDecoder::http1(HEAD), &bytes(answer)), expected, "{answer:?}");
    }
}

#[test]
fn bytes_behind_the_end_spoil_the_connection() {
    for (asked, answer, expected) in [
        (GET, "HTTP/1.1 200 OK\nContent-Length: 8\n\nSEE-THIS-BUT-NOT-THIS\n", "[200 length=8]\"SEE-THIS\"."),
        (GET, "HTTP/1.1 200 OK\nContent-Length: 0\n\nNOT-THIS", "[200 length=0]."),
        (GET, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\n\nx", "[200]."),
        (GET, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\nX: y\n\nx", "[200]{X=y}."),
        (GET, "HTTP/1.1 204 OK\n\nx", "[204]."),
        (HEAD, "HTTP/1.1 200 OK\nContent-Length: 4\n\nbody", "[200 length=4]."),
    ] {
        assert_eq!(told(AnswerDecoder::http1(asked), &[&bytes(answer)], 999), expected, "{answer:?}");
    }
}

#[test]
fn another_protocol_follows_a_101() {
    let head = "HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket\nContent-Length: 3\nX: y\n\n";
    let told = |answer: &str| told_of(|| AnswerDecoder::http1(UPGRADE), &bytes(answer));
    assert_eq!(told(&format!("{head}any bytes")), "<101 Upgrade=websocket X=y>\"any bytes\"eof.");
    assert_eq!(told(head), "<101 Upgrade=websocket X=y>eof.");
    assert_eq!(told("HTTP/1.1 200 OK\nUpgrade: x\nContent-Length: 0\n\n"), "[200 length=0]+");
    assert_eq!(told("HTTP/1.0 101 x\n\n"), "! an interim response of HTTP/1.0 (RFC 9110 section 15.2)");
}

#[test]
fn interim_responses_have_a_limit() {
    let interim = |count| bytes(&("HTTP/1.1 103 x\n\n".repeat(count) + "HTTP/1.1 204 x\n\n"));
    let told = |count| told(AnswerDecoder::http1(GET), &[&interim(count)], 999);
    assert_eq!(told(16), "(103)".repeat(16) + "[204]+");
    assert_eq!(told(17), "(103)".repeat(16) + "! more than 16 interim responses");
}

#[test]
fn a_head_has_a_limit() {
    let start = "HTTP/1.1 200 OK\r\nX: ";
    for (len, is_good) in [(200, true), (276, true), (277, false), (5000, false)] {
        let answer = format!("{start}{}\r\n\r\n", "y".repeat(len));
        let found = told_of(|| AnswerDecoder::http1(GET), answer.as_bytes());
        let is_refused = found.starts_with('!') && found.contains(" of the answer: its head is over the limit");
        assert_eq!((found.ends_with("eof."), is_refused), (is_good, !is_good), "{len}: {found}");
    }
    // Trailers have the limits of heads.
    let start = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\n";
    for trailers in [format!("X: {}\n\n", "y".repeat(400)), "X: y\n".repeat(11)] {
        let found = told_of(|| AnswerDecoder::http1(GET), &bytes(&format!("{start}{trailers}")));
        assert!(found.starts_with("[200]! a malformed chunked body: "), "{found}");
    }
}

#[test]
fn mutations_never_panic_and_never_depend_on_the_split() {
    let answers: Vec<Vec<u8>> = ANSWERS.iter().map(|(answer, _)| bytes(answer)).collect();
    let answers: Vec<&[u8]> = answers.iter().map(|answer| &answer[..]).collect();
    let (good, bad) = mutated(|| AnswerDecoder::http1(GET), &answers, 0x9191, 20_000);
    assert!(good > 3000 && bad > 3000, "{good} good, {bad} bad");
}
