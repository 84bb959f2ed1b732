use super::*;
use crate::http::seeded::Seeded;

/// `document 200 type=text/html length=3 X-A=b | 33`; what was taken stands behind the bar.
fn shown(result: &Result<ScriptHead, ScriptError>) -> String {
    match result {
        Err(error) => format!("! {} {}", error.line, error.reason),
        Ok(ScriptHead::NeedMore) => "more".to_owned(),
        Ok(ScriptHead::Done { taken, answer }) => format!("{} | {taken}", shown_answer(answer)),
    }
}

fn shown_answer(answer: &ScriptAnswer) -> String {
    let (kind, head) = match answer {
        ScriptAnswer::NonParsed(status) => return format!("non-parsed {status}"),
        ScriptAnswer::LocalRedirect(target) => return format!("local {}", target.escape_ascii()),
        ScriptAnswer::Document(head) => ("document", head),
        ScriptAnswer::ClientRedirect(head) => ("client", head),
        ScriptAnswer::ClientRedirectWithDocument(head) => ("client+document", head),
    };
    let mut out = format!("{kind} {}", head.status);
    for (name, text) in [("type", &head.content_type), ("location", &head.location)] {
        if let Some(text) = text {
            out += &format!(" {name}={}", text.as_bytes().escape_ascii());
        }
    }
    if let Some(length) = head.length {
        out += &format!(" length={length}");
    }
    for (name, value) in &head.fields {
        out += &format!(" {}={}", name.as_bytes().escape_ascii(), value.as_bytes().escape_ascii());
    }
    assert!(!head.seekable && head.etag.is_none() && head.last_modified_secs.is_none(), "not known of a program");
    out
}

/// Where the first empty line ends.
fn head_len(output: &str) -> usize {
    let ends = ["\n\n", "\n\r\n"].into_iter().filter_map(|end| output.find(end).map(|at| at + end.len()));
    ends.min().expect("an empty line")
}

fn whole(output: &[u8], limits: &ScriptHeadLimits) -> String {
    shown(&HeadScan::default().advance(output, limits))
}

/// As the bytes come: each call sees all that has come.
fn in_pieces(output: &[u8], cuts: &[usize], limits: &ScriptHeadLimits) -> String {
    let mut scan = HeadScan::default();
    for &cut in cuts {
        match scan.advance(&output[..cut], limits) {
            Ok(ScriptHead::NeedMore) => {}
            result => return shown(&result),
        }
    }
    shown(&scan.advance(output, limits))
}

/// What is an answer, and which one.
const GOOD: &[(&str, &str)] = &[
    // Section 6.2.1: document response. Status is optional, and 200 then.
    ("Content-Type: text/html\n\nbody", "document 200 type=text/html"),
    ("Content-Type: text/html\r\n\r\nbody", "document 200 type=text/html"),
    ("Content-Type: text/html\r\n\nbody", "document 200 type=text/html"),
    ("content-TYPE:text/html; charset=x \t\n\n", "document 200 type=text/html; charset=x"),
    ("Status: 404 Not Found\nContent-Type: text/plain\n\n", "document 404 type=text/plain"),
    ("Content-Type: a/b\nStatus: 404\n\n", "document 404 type=a/b"),
    ("Status: 599 \n\n", "document 599"),
    ("Status: 200\tfine: ü\n\n", "document 200"),
    // Less than the section asks for, which programs write: one field is enough, and no type is guessed.
    ("X: y\n\nbody", "document 200 X=y"),
    ("Content-Length: 3\n\nabc", "document 200 length=3"),
    ("Content-Type:\n\n", "document 200"),
    ("Connection: close\n\n", "document 200"),
    // A status line of HTTP before the fields says the status.
    ("HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n", "document 200 type=a/b"),
    ("HTTP/1.0 404\nX: y\n\n", "document 404 X=y"),
    ("HTTP/1.1 302 Found\nLocation: /a\n\n", "client 302 location=/a"),
    ("HTTP/1.1 404 Not Found\nStatus: 404\n\n", "document 404"),
    // The same value again says nothing new.
    ("Content-Type: a/b\nX: y\ncontent-type:  a/b\n\n", "document 200 type=a/b X=y"),
    ("Status: 200 OK\nStatus: 200\n\n", "document 200"),
    ("Location: /a\nLocation: /a\n\n", "local /a"),
    ("Status: 204 No Content\n\n", "document 204"),
    ("Status: 304\nETag: \"x\"\n\n", "document 304 ETag=\\\"x\\\""),
    ("Content-Type:\nStatus: 200\n\n", "document 200"),
    // Section 6.3.4: the length of the body, if the program knows it.
    ("Content-Type: a/b\nContent-Length: 3\n\nabc", "document 200 type=a/b length=3"),
    (
        "Content-Type: a/b\nContent-Length: 18446744073709551615\n\n",
        "document 200 type=a/b length=18446744073709551615",
    ),
    ("Content-Type: a/b\nContent-Length: 3\nContent-Length: 03\n\n", "document 200 type=a/b length=3"),
    // Sections 6.3.4 and 6.3.5: other fields are passed on, in order, also when they are repeated.
    (
        "Set-Cookie: a=1\nContent-Type: a/b\nSet-Cookie: b=2\nX: \n\n",
        "document 200 type=a/b Set-Cookie=a=1 Set-Cookie=b=2 X=",
    ),
    // ... but for those of the connection: the server decides how the message is framed.
    (
        "Content-Type: a/b\nConnection: close\nTransfer-Encoding: chunked\nKeep-Alive: x\nTE: x\nTrailer: x\n\
         Upgrade: x\nProxy-Connection: x\nX: y\n\n",
        "document 200 type=a/b X=y",
    ),
    // Section 6.2.2: local redirect. Its query belongs to it, a fragment does not.
    ("Location: /other/page\n\n", "local /other/page"),
    ("location:/a?b=c&d#e\r\n\r\n", "local /a?b=c&d"),
    ("Location: //host/a\n\n", "local //host/a"),
    ("Connection: close\nLocation: /a\n\n", "local /a"),
    // ... and only if nothing else is said, which would be lost.
    ("Content-Type: a/b\nLocation: /a\n\n", "client+document 302 type=a/b location=/a"),
    ("Set-Cookie: a=1\nLocation: /a#b\n\n", "client 302 location=/a#b Set-Cookie=a=1"),
    ("Location: /a\nX: y\n\n", "client 302 location=/a X=y"),
    ("Location: /a\nContent-Length: 1\n\nx", "client+document 302 location=/a length=1"),
    ("Location: /a\nStatus: 302\n\n", "client 302 location=/a"),
    // Section 6.2.3: client redirect. Nothing but the URL, and 302.
    ("Location: http://example.org/a#b\n\n", "client 302 location=http://example.org/a#b"),
    ("Location: mailto:a@example.org\n\n", "client 302 location=mailto:a@example.org"),
    ("Location: other\n\n", "client 302 location=other"),
    ("Status: 301\nLocation: https://x/\n\n", "client 301 location=https://x/"),
    ("Status: 303 See Other\nLocation: /a\n\n", "client 303 location=/a"),
    ("Location: http://x/\nSet-Cookie: a=1\n\n", "client 302 location=http://x/ Set-Cookie=a=1"),
    // Section 6.2.4: client redirect with document, which a length announces, too.
    ("Location: http://x/\nContent-Length: 0\n\n", "client+document 302 location=http://x/ length=0"),
    (
        "Status: 302 Found\nLocation: http://x/\nContent-Type: a/b\nContent-Length: 1\n\nx",
        "client+document 302 type=a/b location=http://x/ length=1",
    ),
    ("Location: http://x/\nContent-Type: a/b\n\n", "client+document 302 type=a/b location=http://x/"),
    ("Status: 308\nLocation: /x\nContent-Type: a/b\n\n", "client+document 308 type=a/b location=/x"),
    // A Location beside a status that does not redirect names what was made (RFC 9110 section 10.2.2).
    ("Status: 201 Created\nLocation: /new\n\n", "document 201 location=/new"),
    ("Status: 304\nLocation: /new\n\n", "document 304 location=/new"),
    ("Status: 200\nLocation: /new\nContent-Type: a/b\n\n", "document 200 type=a/b location=/new"),
];

/// Outputs that are refused, with line and reason.
const BAD: &[(&str, &str)] = &[
    // Section 6.2: a head has at least one field.
    ("\n", "! 1 no field"),
    ("\r\nContent-Type: a/b\n\n", "! 1 no field"),
    // Section 6.3: each field is one line `name:value`; there are no continuation lines.
    ("<html>\n", "! 1 a byte in a field name"),
    ("Traceback (most recent call last):\n", "! 1 a blank before the colon"),
    ("hello\n", "! 1 a field line without a colon"),
    ("Content-Type : a/b\n", "! 1 a blank before the colon"),
    (": a/b\n", "! 1 a field line without a name"),
    ("Content-Type: a/b;\n charset=x\n\n", "! 2 a folded field line"),
    ("Content-Type: a/b\n\tx\n", "! 2 a folded field line"),
    ("Content-Type: a/b\0\n\n", "! 1 a control byte"),
    ("Content-Type: a/b\rX: y\n\n", "! 1 a control byte"),
    ("Content-Type: a/b\r\r\n\n", "! 1 a control byte"),
    ("\r\r\n", "! 1 a byte in a field name"),
    ("Content-Type: a/b\n\x7fELF\n", "! 2 a byte in a field name"),
    // Section 6.3: no CGI field twice.
    ("Content-Type: a/b\nContent-Type: a/c\n\n", "! 2 a second"),
    ("Status: 200\nStatus: 201\n\n", "! 2 a second"),
    ("HTTP/1.1 200 OK\nStatus: 404\n\n", "! 2 a second"),
    ("Location: /a\nLocation: /b\n\n", "! 2 a second"),
    ("Content-Length: 1\nContent-Length: 2\n\n", "! 2 a second"),
    // Section 6.3.3: three digits.
    ("HTTP/2 200 OK\n\n", "! 1 a status line of HTTP"),
    ("HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\n\n", "! 1 a status line of HTTP"),
    ("HTTP/1.1 200 a\rb\n\n", "! 1 a status line of HTTP"),
    ("X: y\nHTTP/1.1 200 OK\n\n", "! 2 a status line of HTTP"),
    ("Status:\n\n", "! 1 a Status"),
    ("Status: OK\n\n", "! 1 a Status"),
    ("Status: 20\n\n", "! 1 a Status"),
    ("Status: 2000\n\n", "! 1 a Status"),
    ("Status: 200OK\n\n", "! 1 a Status"),
    ("Status: +20\n\n", "! 1 a Status"),
    ("Status: 100 Continue\n\n", "! 1 a Status"),
    ("Status: 199\n\n", "! 1 a Status"),
    ("Status: 600\n\n", "! 1 a Status"),
    // Section 6.3.2 and RFC 9110 section 8.6.
    ("Location:\n\n", "! 1 an empty Location"),
    ("Content-Length:\n", "! 1 a Content-Length"),
    ("Content-Length: -1\n", "! 1 a Content-Length"),
    ("Content-Length: 1 1\n", "! 1 a Content-Length"),
    ("Content-Length: 1, 1\n", "! 1 a Content-Length"),
    ("Content-Length: 0x10\n", "! 1 a Content-Length"),
    ("Content-Length: 18446744073709551616\n", "! 1 a Content-Length"),
];

/// Default limits, and such that most heads break one of them.
fn all_limits() -> [ScriptHeadLimits; 4] {
    let limits = |head_bytes_max, fields_max| ScriptHeadLimits { head_bytes_max, fields_max };
    [ScriptHeadLimits::default(), limits(30, 10), limits(1000, 1), limits(1, 0)]
}

#[test]
fn answers() {
    for (output, expected) in GOOD {
        let expected = format!("{expected} | {}", head_len(output));
        assert_eq!(whole(output.as_bytes(), &ScriptHeadLimits::default()), expected, "{output:?}");
    }
}

#[test]
fn what_is_no_answer() {
    for (output, expected) in BAD {
        let found = whole(output.as_bytes(), &ScriptHeadLimits::default());
        assert!(found.starts_with(expected), "{output:?}: {found}");
    }
}

#[test]
fn every_split_gives_the_same_result() {
    for (output, _) in GOOD.iter().chain(BAD) {
        let output = output.as_bytes();
        for limits in all_limits() {
            let expected = whole(output, &limits);
            for cut in 0..=output.len() {
                assert_eq!(in_pieces(output, &[cut], &limits), expected, "{} cut at {cut}", output.escape_ascii());
            }
            let every: Vec<usize> = (0..output.len()).collect();
            assert_eq!(in_pieces(output, &every, &limits), expected, "{} byte by byte", output.escape_ascii());
        }
    }
}

#[test]
fn the_body_is_not_looked_at() {
    for (output, expected) in GOOD {
        for body in [&b""[..], b"\n\n", b"\0\xff", b"Status: 500\n\n", &[b'x'; 40_000]] {
            let taken = head_len(output);
            let output = [&output.as_bytes()[..taken], body].concat();
            assert_eq!(whole(&output, &ScriptHeadLimits::default()), format!("{expected} | {taken}"));
        }
    }
}

#[test]
fn a_head_without_an_end() {
    let nothing = ScriptError { reason: "it has ended without any output", line: 1 };
    assert_eq!(HeadScan::default().ended(), nothing);
    for (output, _) in GOOD {
        for len in 1..head_len(output) {
            let (mut scan, part) = (HeadScan::default(), &output.as_bytes()[..len]);
            assert_eq!(scan.advance(part, &ScriptHeadLimits::default()), Ok(ScriptHead::NeedMore));
            let lines = part.iter().filter(|b| **b == b'\n').count();
            let error = scan.ended();
            assert!(error.reason.starts_with("it has ended within its head"));
            assert_eq!(error.line, lines + 1);
        }
    }
    let shown = HeadScan::default().ended().to_string();
    assert_eq!(shown, "line 1 of the program's output: it has ended without any output");
}

#[test]
fn limits_count_to_the_byte_and_the_field() {
    let head = b"Content-Type: a/b\nX: y\n\n";
    let limits = |head_bytes_max, fields_max| ScriptHeadLimits { head_bytes_max, fields_max };
    let good = "document 200 type=a/b X=y | 24";
    assert_eq!(whole(head, &limits(24, 2)), good);
    assert_eq!(whole(head, &limits(23, 2)), format!("! 3 {TOO_LONG}"));
    assert_eq!(whole(head, &limits(24, 1)), format!("! 2 {TOO_MANY}"));
    let endless = [b'x'; 100];
    assert_eq!(whole(&endless[..23], &limits(24, 2)), "more");
    assert_eq!(whole(&endless, &limits(24, 2)), format!("! 1 {TOO_LONG}"));
}

#[test]
fn mutations_never_panic_and_never_depend_on_the_split() {
    let mut random = Seeded(0x3875);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..20_000 {
        let (output, _) = random.pick(GOOD);
        let output = random.mutate(output.as_bytes());
        let cuts = random.cuts(output.len());
        for limits in &all_limits()[..2] {
            let expected = whole(&output, limits);
            assert_eq!(in_pieces(&output, &cuts, limits), expected, "{} at {cuts:?}", output.escape_ascii());
            if expected.starts_with('!') { bad += 1 } else { good += 1 }
        }
    }
    assert!(good > 5000 && bad > 5000, "the mutations are worth something: {good} good, {bad} bad");
}

/// Section 5: only the status line and the end of the head are looked at.
#[test]
fn a_head_that_is_not_parsed_needs_a_status_line_and_an_end() {
    let no_line = format!("! 1 {NO_STATUS_LINE}");
    let rows = [
        ("HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\nbody", "non-parsed 200 | 38"),
        ("HTTP/1.0 404\n\nbody", "non-parsed 404 | 14"),
        ("HTTP/1.1 503 \r\nno field at all\n\r\n", "non-parsed 503 | 33"),
        ("HTTP/1.1 200 fine: \u{fc}\n\n", "non-parsed 200 | 23"),
        ("HTTP/1.1 200 OK\r\nX: 1\r\n", "more"),
        ("HTTP/1.1 20", "more"),
        ("Content-Type: a/b\n\n", &no_line),
        ("\nHTTP/1.1 200 OK\n\n", &no_line),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", &no_line),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", &no_line),
        ("HTTP/1.1 600 x\n\n", &no_line),
        ("HTTP/1.1 2000 x\n\n", &no_line),
        ("HTTP/1.1  200 OK\n\n", &no_line),
        ("HTTP/1.1 200 a\rb\n\n", &no_line),
        ("HTTP/2.0 200 OK\n\n", &no_line),
        ("HTTP/0.9 200 OK\n\n", &no_line),
        ("http/1.1 200 OK\n\n", &no_line),
        (" HTTP/1.1 200 OK\n\n", &no_line),
    ];
    for (output, expected) in rows {
        let limits = ScriptHeadLimits::default();
        assert_eq!(shown(&HeadScan::non_parsed().advance(output.as_bytes(), &limits)), expected, "{output:?}");
        let mut scan = HeadScan::non_parsed();
        let ends = (1..=output.len()).map(|end| scan.advance(&output.as_bytes()[..end], &limits));
        let first = ends.into_iter().find(|result| *result != Ok(ScriptHead::NeedMore));
        assert_eq!(first.map_or("more".to_owned(), |result| shown(&result)), expected, "byte by byte: {output:?}");
    }
    let endless = format!("HTTP/1.1 200 OK\r\n{}", "X: 1\r\n".repeat(10_000));
    let result = HeadScan::non_parsed().advance(endless.as_bytes(), &ScriptHeadLimits::default());
    assert_eq!(result.map_err(|error| error.reason), Err(TOO_LONG));
}
