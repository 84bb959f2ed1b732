use super::*;
use crate::gateway::AnswerDecoder;
use crate::gateway::played::{mutated, told_of};
use crate::http::cgi::ScriptHeadLimits;
use crate::http::seeded::Seeded;
use std::borrow::Cow;

/// A name and its value.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// A strict reader of SCGI: the parameters and where the body begins.
fn read(request: &[u8]) -> (Vec<Pair<'_>>, usize) {
    let colon = request.iter().position(|b| *b == b':').expect("a length");
    let length: usize = std::str::from_utf8(&request[..colon]).unwrap().parse().unwrap();
    assert_ne!(request[0], b'0', "no leading zero");
    let (params, rest) = request[colon + 1..].split_at(length);
    assert_eq!(rest[0], b',');
    let mut texts: Vec<&[u8]> = params.split(|b| *b == 0).collect();
    assert_eq!(texts.pop(), Some(&b""[..]), "each text ends with a NUL");
    (texts.chunks(2).map(|pair| (pair[0], pair[1])).collect(), colon + 1 + length + 1)
}

#[test]
fn the_request_of_the_specification() {
    let mut out = b"before".to_vec();
    let params = [("REQUEST_METHOD", "POST"), ("SCGI", "2"), ("CONTENT_LENGTH", "0"), ("REQUEST_URI", "/deepthought")];
    head(params, 27, &mut out).unwrap();
    let expected = "before70:CONTENT_LENGTH\x0027\0SCGI\x001\0REQUEST_METHOD\0POST\0REQUEST_URI\0/deepthought\0,";
    assert_eq!(out.escape_ascii().to_string(), expected.as_bytes().escape_ascii().to_string());
}

#[test]
fn a_nul_begins_no_other_parameter() {
    for (name, value) in [("A\0B", "c"), ("A", "\0"), ("A", "b\0HTTPS\0on")] {
        let mut out = b"before".to_vec();
        assert!(head([(name, value)], 0, &mut out).is_err());
        assert_eq!(out, b"before");
    }
}

#[test]
fn what_is_written_is_read_again() {
    let mut random = Seeded(0x5c61);
    for _ in 0..500 {
        let mut text = |most| {
            let len = random.below(most);
            Cow::from(random.text(b"ABC_=:,0\n\xff", len))
        };
        let params: Vec<[Cow<[u8]>; 2]> = (0..5).map(|_| [text(9), text(300)]).collect();
        let (body_bytes, mut out) = (random.next(), Vec::new());
        head(params.iter().map(|[name, value]| (name, value)), body_bytes, &mut out).unwrap();
        let (read, taken) = read(&out);
        assert_eq!(taken, out.len());
        assert_eq!(read[0], (&b"CONTENT_LENGTH"[..], body_bytes.to_string().as_bytes()));
        assert_eq!(read[1], (&b"SCGI"[..], &b"1"[..]));
        assert_eq!(read[2..], params.iter().map(|[name, value]| (&**name, &**value)).collect::<Vec<_>>());
    }
}

const GET: Asked = Asked {
    is_head: false,
    keeps_connection: true,
    upgrades: false,
    limits: ScriptHeadLimits { head_bytes_max: 300, fields_max: 10 },
};

/// Answers to GET.
const ANSWERS: &[(&str, &str)] = &[
    ("Content-Type: a/b\r\n\r\nbody", "[200 Content-Type=a/b]\"body\"eof."),
    ("Content-Type: a/b\n\n", "[200 Content-Type=a/b]eof."),
    ("Status: 404 Not Found\nX: y\n\nbody", "[404 X=y]\"body\"eof."),
    ("Content-Length: 4\n\nbody", "[200 length=4]\"body\"."),
    ("Content-Length: 0\n\n", "[200 length=0]."),
    // What is too long is dropped, what is too short is a fault.
    ("Content-Length: 3\n\nbody", "[200 length=3]\"bod\"."),
    ("Content-Length: 0\n\nbody", "[200 length=0]."),
    ("Content-Length: 5\n\nbody", "[200 length=5]\"body\"eof! the answer ended before its Content-Length"),
    ("Content-Length: 5\n\n", "[200 length=5]eof! the answer ended before its Content-Length"),
    // uwsgi servers begin with a status line.
    ("HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\nx", "[200 Content-Type=a/b]\"x\"eof."),
    ("HTTP/1.0 503 Busy\nStatus: 200\n\n", "[503]eof."),
    // These have no body.
    ("Status: 204\n\nbody", "[204]."),
    ("Status: 304\nContent-Length: 9\n\n", "[304 length=9]."),
    // A Location is always the client's.
    ("Location: /a?b#c\n\n", "[302 Location=/a?b#c]eof."),
    ("Location: /a\nContent-Type: a/b\n\nx", "[302 Content-Type=a/b Location=/a]\"x\"eof."),
    ("Status: 301\nLocation: http://x/\n\n", "[301 Location=http://x/]eof."),
    ("Status: 201\nLocation: /a\n\n", "[201 Location=/a]eof."),
    // Of fields that stand once the first counts; others may be repeated.
    ("Status: 201\nStatus: 202\nLocation: /a\nLocation: /b\n\n", "[201 Location=/a]eof."),
    ("Content-Type: a/b\nContent-Type: a/c\nDate: x\nDate: y\n\n", "[200 Content-Type=a/b Date=x]eof."),
    ("ETag: 1\netag: 2\nX-Accel-Redirect: /a\nX-Accel-Redirect: /b\n\n", "[200 ETag=1 X-Accel-Redirect=/a]eof."),
    ("Set-Cookie: a=1\nSet-Cookie: b=2\nX: y\nX: y\n\n", "[200 Set-Cookie=a=1 Set-Cookie=b=2 X=y X=y]eof."),
    // nginx takes a head without fields.
    ("\n", "[200]eof."),
    ("\r\n\r\n", "[200]\"\\r\\n\"eof."),
    // What belongs to the connection is not passed on.
    ("Connection: close\nTransfer-Encoding: chunked\nX: y\n\n0\r\n", "[200 X=y]\"0\\r\\n\"eof."),
];

/// Answers that are refused.
const REFUSED: &[(&str, &str)] = &[
    ("", "eof! the answer ended before its first byte"),
    ("Content-Type: a/b\r\n", "eof! the answer ended within its head"),
    ("Content-Type: a/b", "eof! the answer ended within its head"),
    ("X: y\nBAD\n\n", "! line 2 of the answer: a field line without a colon"),
    ("Traceback (most recent call last):\n", "! line 1 of the answer: a blank before the colon"),
    ("Content-Length: 1\nContent-Length: 2\n\n", "! line 2 of the answer: a second"),
    ("Content-Length: -1\n\n", "! line 1 of the answer: a Content-Length that is no number"),
    ("Status: 99\n\n", "! line 1 of the answer: a Status"),
    ("HTTP/1.1 100 Continue\n\nX: y\n\n", "! line 1 of the answer: a status line"),
    ("1:\n2:\n3:\n4:\n5:\n6:\n7:\n8:\n9:\n10:\n11:\n\n", "! line 11 of the answer: too many fields"),
];

#[test]
fn answers_are_decoded_however_they_are_split() {
    for (answer, expected) in ANSWERS {
        assert_eq!(told_of(|| AnswerDecoder::cgi(GET), answer.as_bytes()), *expected, "{answer:?}");
    }
}

#[test]
fn what_is_no_answer_is_refused_however_it_is_split() {
    for (answer, expected) in REFUSED {
        let told = told_of(|| AnswerDecoder::cgi(GET), answer.as_bytes());
        assert!(told.starts_with(expected), "{answer:?}: {told}");
    }
}

#[test]
fn a_head_has_a_limit() {
    for (len, is_good) in [(200, true), (295, true), (296, false), (5000, false)] {
        let answer = format!("X: {}\n\n", "y".repeat(len));
        let told = told_of(|| AnswerDecoder::cgi(GET), answer.as_bytes());
        let is_refused = told.contains(" of the answer: its head is over the limit");
        assert_eq!((told.ends_with("eof."), is_refused), (is_good, !is_good), "{len}: {told}");
    }
}

#[test]
fn an_answer_to_head_ends_with_its_head() {
    let head = Asked { is_head: true, ..GET };
    for body in ["", "body"] {
        let answer = format!("Content-Length: 9\n\n{body}");
        assert_eq!(told_of(|| AnswerDecoder::cgi(head), answer.as_bytes()), "[200 length=9].");
    }
}

#[test]
fn mutations_never_panic_and_never_depend_on_the_split() {
    let answers: Vec<&[u8]> = ANSWERS.iter().map(|(answer, _)| answer.as_bytes()).collect();
    let (good, bad) = mutated(|| AnswerDecoder::cgi(GET), &answers, 0x5c91, 20_000);
    assert!(good > 4000 && bad > 4000, "{good} good, {bad} bad");
}
