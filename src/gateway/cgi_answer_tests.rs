use super::*;
use crate::gateway::AnswerDecoder;
use crate::gateway::played::{mutated, told_of};
use crate::http::cgi::ScriptHeadLimits;

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

/// What programs write.
const OF_PROGRAMS: &[(&str, &str)] = &[
    ("Content-Type: a/b\r\n\r\nbody", "[200 Content-Type=a/b]\"body\"eof."),
    ("Content-Type: a/b\n\n", "[200 Content-Type=a/b]eof."),
    ("Content-Length: 3\n\nbody", "[200 length=3]\"bod\"."),
    ("Content-Length: 5\n\nbody", "[200 length=5]\"body\"eof! the answer ended before its Content-Length"),
    // The protocol drops the body that the client must not get.
    ("Status: 204\n\nbody", "[204]\"body\"eof."),
    // Fields stay as they are.
    ("ETag: 1\netag: 2\nX: y\n\n", "[200 ETag=1 etag=2 X=y]eof."),
    // The three redirects.
    ("Location: /a?b#c\n\nbody", "-> /a?b"),
    ("Location: http://x/\n\nbody", "-> [302 Location=http://x/]"),
    ("Location: /a\nContent-Type: a/b\n\nx", "[302 Content-Type=a/b Location=/a]\"x\"eof."),
    ("", "eof! line 1 of the program's output: it has ended without any output (0 bytes)"),
    (
        "X: y\n",
        "eof! line 2 of the program's output: it has ended within its head, before an empty line (RFC 3875 section \
         6.2) (5 bytes)",
    ),
    ("\n", "! line 1 of the program's output: no field before the first empty line (RFC 3875 section 6.2)"),
];

#[test]
fn the_output_of_programs_is_decoded_however_it_is_split() {
    for (output, expected) in OF_PROGRAMS {
        assert_eq!(told_of(|| AnswerDecoder::program(false), output.as_bytes()), *expected, "{output:?}");
    }
}

#[test]
fn the_head_of_a_non_parsed_answer_stays_as_it_is() {
    for (output, expected) in [
        (
            "HTTP/1.1 404 No\nContent-Length: 1\n\nbody",
            "[nph 404 \"HTTP/1.1 404 No\\nContent-Length: 1\\n\\n\"]\"body\"eof.",
        ),
        ("HTTP/1.0 200\r\n\r\n", "[nph 200 \"HTTP/1.0 200\\r\\n\\r\\n\"]eof."),
    ] {
        assert_eq!(told_of(|| AnswerDecoder::program(true), output.as_bytes()), expected, "{output:?}");
    }
    let told = told_of(|| AnswerDecoder::program(true), b"X: y\n\n");
    assert!(told.starts_with("! line 1 of the program's output: no HTTP/1.0 or 1.1"), "{told}");
}

#[test]
fn mutations_never_panic_and_never_depend_on_the_split() {
    let answers: Vec<&[u8]> = ANSWERS.iter().map(|(answer, _)| answer.as_bytes()).collect();
    let (good, bad) = mutated(|| AnswerDecoder::cgi(GET), &answers, 0x5c91, 20_000);
    assert!(good > 4000 && bad > 4000, "{good} good, {bad} bad");
    let outputs: Vec<&[u8]> = OF_PROGRAMS.iter().map(|(output, _)| output.as_bytes()).collect();
    let (good, bad) = mutated(|| AnswerDecoder::program(false), &outputs, 0xc91, 20_000);
    assert!(good > 4000 && bad > 4000, "{good} good, {bad} bad");
}
