use super::*;
use crate::http::HeadLimits;
use crate::http::head::{Scan, request};

const SECS: i64 = 784_111_777;
const AT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const NOW: i64 = 1_700_000_000;

fn fields(lines: &[&str]) -> Fields {
    let head =
        format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", lines.iter().map(|l| format!("{l}\r\n")).collect::<String>());
    request(head.as_bytes(), &mut Scan::default(), &HeadLimits::default()).unwrap().unwrap().0.fields.clone()
}

fn status(method: Method, lines: &[&str], now: Validators<'_>, exists: bool) -> u16 {
    match evaluate(method, &fields(lines), &now, exists, NOW) {
        Verdict::Proceed => 200,
        Verdict::NotModified => 304,
        Verdict::PreconditionFailed => 412,
    }
}

/// For GET and for PUT of something that has the tag "a" and was last modified at `AT`.
#[test]
fn one_condition() {
    let now = Validators { etag: Some(b"\"a\""), last_modified_secs: Some(SECS) };
    let table: &[(&str, &str, u16, u16)] = &[
        ("13.1.1: the tag", "If-Match: \"a\"", 200, 200),
        ("13.1.1: another", "If-Match: \"b\"", 412, 412),
        ("13.1.1: one of several", "If-Match: \"b\", \"a\"", 200, 200),
        ("13.1.1: anything", "If-Match: *", 200, 200),
        ("13.1.1: strong comparison", "If-Match: W/\"a\"", 412, 412),
        ("13.1.1: nothing", "If-Match:", 412, 412),
        ("13.1.1: no tag", "If-Match: a", 412, 412),
        ("13.1.1: not a tag's case", "If-Match: \"A\"", 412, 412),
        ("13.1.2: the tag", "If-None-Match: \"a\"", 304, 412),
        ("13.1.2: another", "If-None-Match: \"b\"", 200, 200),
        ("13.1.2: one of several", "If-None-Match: \"b\",W/\"a\"", 304, 412),
        ("13.1.2: weak comparison", "If-None-Match: W/\"a\"", 304, 412),
        ("13.1.2: anything", "If-None-Match: *", 304, 412),
        ("13.1.2: a quoted star is a tag", "If-None-Match: \"*\"", 200, 200),
        ("13.1.2: no tag", "If-None-Match: a", 200, 200),
        ("13.1.2: a star in a list", "If-None-Match: *, \"b\"", 200, 200),
        ("13.1.3: at the time", &format!("If-Modified-Since: {AT}"), 304, 200),
        ("13.1.3: later", &format!("If-Modified-Since: {AFTER}"), 304, 200),
        ("13.1.3: earlier", &format!("If-Modified-Since: {BEFORE}"), 200, 200),
        ("13.1.3: the RFC 850 form", "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", 304, 200),
        ("13.1.3: the asctime form", "If-Modified-Since: Sun Nov  6 08:49:37 1994", 304, 200),
        ("13.1.3: no date", "If-Modified-Since: yesterday", 200, 200),
        ("13.1.3: another zone", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 CET", 200, 200),
        ("13.1.4: at the time", &format!("If-Unmodified-Since: {AT}"), 200, 200),
        ("13.1.4: later", &format!("If-Unmodified-Since: {AFTER}"), 200, 200),
        ("13.1.4: earlier", &format!("If-Unmodified-Since: {BEFORE}"), 412, 412),
        ("13.1.4: no date", "If-Unmodified-Since: 0", 200, 200),
        ("13.1.5: not a precondition", "If-Range: \"b\"", 200, 200),
    ];
    for (rule, line, get, put) in table {
        assert_eq!(status(Method::Get, &[line], now, true), *get, "GET, {rule}: {line}");
        assert_eq!(status(Method::Head, &[line], now, true), *get, "HEAD, {rule}: {line}");
        assert_eq!(status(Method::Put, &[line], now, true), *put, "PUT, {rule}: {line}");
        assert_eq!(status(Method::Options, &[line], now, true), 200, "13.2.1: OPTIONS has no conditions");
    }
}

/// RFC 9110 section 13.2.2: which one counts when there are several.
#[test]
fn the_order() {
    let now = Validators { etag: Some(b"\"a\""), last_modified_secs: Some(SECS) };
    let (since, since_before) = (&*format!("If-Modified-Since: {AT}"), &*format!("If-Modified-Since: {BEFORE}"));
    let unmodified_before = &*format!("If-Unmodified-Since: {BEFORE}");
    let table: &[(&str, &[&str], u16)] = &[
        ("1: If-Match before If-Unmodified-Since", &["If-Match: \"a\"", unmodified_before], 200),
        ("1: If-Match before If-None-Match", &["If-None-Match: \"a\"", "If-Match: \"b\""], 412),
        ("1, then 3", &["If-None-Match: \"a\"", "If-Match: \"a\""], 304),
        ("2: If-Unmodified-Since before If-None-Match", &["If-None-Match: \"a\"", unmodified_before], 412),
        ("2: and before If-Modified-Since", &[since, unmodified_before], 412),
        ("3: If-None-Match before If-Modified-Since", &["If-None-Match: \"b\"", since], 200),
        ("3: also the other way", &["If-None-Match: \"a\"", since_before], 304),
        ("3: even if it is malformed", &["If-None-Match: b", since], 200),
        ("5.3: tags in two lines are one list", &["If-None-Match: \"b\"", "If-None-Match: \"a\""], 304),
        ("13.1.3: two dates are none", &[since, since], 200),
        ("13.1.4: two dates are none", &[unmodified_before, unmodified_before], 200),
    ];
    for (rule, lines, expected) in table {
        assert_eq!(status(Method::Get, lines, now, true), *expected, "{rule}");
    }
}

#[test]
fn without_validators_or_without_anything() {
    let since = &*format!("If-Modified-Since: {AFTER}");
    let unmodified = &*format!("If-Unmodified-Since: {BEFORE}");
    let none = Validators::default();
    let now = Validators { etag: Some(b"\"a\""), last_modified_secs: Some(SECS) };
    let weak = Validators { etag: Some(b"W/\"a\""), ..now };
    let table: &[(&str, &str, Validators<'_>, bool, u16)] = &[
        ("13.1.1: no tag to match", "If-Match: \"a\"", none, true, 412),
        ("13.1.1: but something", "If-Match: *", none, true, 200),
        ("13.1.1: nothing", "If-Match: *", now, false, 412),
        ("13.1.1: nothing", "If-Match: \"a\"", now, false, 412),
        ("13.1.1: a weak tag never matches strongly", "If-Match: W/\"a\"", weak, true, 412),
        ("13.1.2: no tag", "If-None-Match: \"a\"", none, true, 200),
        ("13.1.2: something", "If-None-Match: *", none, true, 412),
        ("13.1.2: nothing", "If-None-Match: *", now, false, 200),
        ("13.1.2: nothing", "If-None-Match: \"a\"", now, false, 200),
        ("13.1.2: weak and strong", "If-None-Match: \"a\"", weak, true, 412),
        ("13.1.3: no date", since, none, true, 200),
        ("13.1.4: no date", unmodified, none, true, 200),
        ("13.1.4: nothing", unmodified, now, false, 200),
    ];
    for (rule, line, validators, exists, expected) in table {
        assert_eq!(status(Method::Put, &[line], *validators, *exists), *expected, "{rule}: {line}");
    }
    assert_eq!(status(Method::Get, &[since], none, true), 200);
}

/// RFC 9110 section 13.1.5.
#[test]
fn if_range() {
    let now = Validators { etag: Some(b"\"a\""), last_modified_secs: Some(SECS) };
    let weak = Validators { etag: Some(b"W/\"a\""), last_modified_secs: None };
    let table: &[(&[&str], Validators<'_>, bool)] = &[
        (&[], now, true),
        (&["If-Range: \"a\""], now, true),
        (&["If-Range: \"b\""], now, false),
        (&["If-Range: W/\"a\""], now, false),
        (&["If-Range: W/\"a\""], weak, false),
        (&["If-Range: \"a\""], weak, false),
        (&["If-Range: \"a\", \"b\""], now, false),
        (&["If-Range: *"], now, false),
        (&["If-Range:"], now, false),
        (&["If-Range: Sun, 06 Nov 1994 08:49:37 GMT"], now, true),
        (&["If-Range: Sunday, 06-Nov-94 08:49:37 GMT"], now, true),
        (&["If-Range: Sun, 06 Nov 1994 08:49:38 GMT"], now, false), // later is not exact
        (&["If-Range: Sun, 06 Nov 1994 08:49:36 GMT"], now, false),
        (&["If-Range: Sun, 06 Nov 1994 08:49:37 GMT"], weak, false),
        (&["If-Range: \"a\"", "If-Range: \"a\""], now, false),
    ];
    for (lines, validators, expected) in table {
        assert_eq!(range_still_holds(&fields(lines), validators, NOW), *expected, "{lines:?}");
    }
}

/// RFC 9110 sections 8.8.2.1 and 8.8.2.2.
#[test]
fn a_date_is_sent_when_its_second_is_over_and_is_strong_then() {
    for (modified_secs, sent) in
        [(SECS - 1, Some(SECS - 1)), (SECS, None), (SECS + 1, Some(SECS)), (i64::MIN, Some(i64::MIN))]
    {
        assert_eq!(sent_date(modified_secs, SECS), sent, "{modified_secs}");
    }
    let now = Validators { etag: None, last_modified_secs: Some(SECS) };
    let line = fields(&["If-Range: Sun, 06 Nov 1994 08:49:37 GMT"]);
    for (now_secs, holds) in [(SECS, false), (SECS + 1, true)] {
        assert_eq!(range_still_holds(&line, &now, now_secs), holds, "{now_secs}");
    }
}
