//! Preconditions (RFC 9110, section 13) and byte ranges (section 14).

mod harness;

use harness::http::find;
use harness::{Response, Server, date, each, noise, server, site};
use std::fs::File;
use std::time::{Duration, SystemTime};

/// The modification time of the test file: Sun, 06 Nov 1994 08:49:37 GMT.
const MTIME_S: u64 = 784_111_777;
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";

fn set_time(s: &Server, name: &str) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(MTIME_S);
    File::options().write(true).open(s.path(name)).unwrap().set_modified(time).unwrap();
}

/// A site with `/a.txt` (the alphabet, an old date), and the file's tag.
fn letters(config: &str) -> (Server, String) {
    let s = site(config, &[("a.txt", LETTERS), ("index.html", b"home"), ("empty", b"")]);
    set_time(&s, "html/a.txt");
    let tag = s.tag("/a.txt");
    (s, tag)
}

/// Requests `/a.txt` with each row's fields; `TAG` stands for its tag.
fn check_table(s: &Server, tag: &str, rows: &[(&str, u16)]) {
    each(rows, |(fields, status)| {
        let fields = fields.replace("TAG", tag).replace('|', "\r\n") + "\r\n";
        let response = s.get_with("/a.txt", &fields).expect(*status, &fields);
        match status {
            200 => assert_eq!(response.body, LETTERS, "{fields:?}: {response}"),
            304 => {
                assert_eq!(response.must("ETag"), tag, "RFC 9110, 15.4.5; {fields:?}: {response}");
                assert!(response.field("Date").is_some(), "{fields:?}: {response}");
            }
            412 => assert!(response.text().contains("412"), "{fields:?}: {response}"),
            _ => {}
        }
    });
}

#[test]
fn if_none_match() {
    let (s, tag) = letters("");
    let rows = [
        ("If-None-Match: TAG", 304),
        ("If-None-Match: W/TAG", 304),
        ("If-None-Match: *", 304),
        ("If-None-Match: \"other\", TAG", 304),
        ("If-None-Match: \"other\",W/\"more\" ,  W/TAG , \"last\"", 304),
        ("If-None-Match: \"with,comma\", TAG", 304),
        ("if-none-match:TAG", 304),
        ("If-None-Match: \"other\"", 200),
        ("If-None-Match: W/\"other\"", 200),
        ("If-None-Match: \"\"", 200),
        ("If-None-Match: \"TAG\"", 200),
        ("If-None-Match: nonsense", 200),
    ];
    check_table(&s, &tag, &rows);
}

#[test]
fn if_modified_since() {
    let (s, tag) = letters("");
    let row = |date: String, status| (format!("If-Modified-Since: {date}"), status);
    let rows = [
        row(date::imf(MTIME_S), 304),
        row(date::rfc850(MTIME_S), 304),
        row(date::asctime(MTIME_S), 304),
        row(date::imf(MTIME_S + 1), 304),
        row(date::imf(MTIME_S + 86400 * 365), 304),
        row(date::asctime(MTIME_S + 3600), 304),
        row(date::imf(MTIME_S - 1), 200),
        row(date::rfc850(MTIME_S - 1), 200),
        row(date::asctime(MTIME_S - 1), 200),
        row("Thu, 01 Jan 1970 00:00:00 GMT".into(), 200),
        row("yesterday".into(), 200),
        row("784111777".into(), 200),
        row("Sun, 99 Nov 2094 08:49:37 GMT".into(), 200),
        row("Sun, 06 Nov 2094 25:49:37 GMT".into(), 200),
        row("Sun, 06 Foo 2094 08:49:37 GMT".into(), 200),
        row("Sun, 06 Nov 99999999999999999999 08:49:37 GMT".into(), 200),
        row(String::new(), 200),
    ];
    let rows: Vec<(&str, u16)> = rows.iter().map(|(fields, status)| (fields.as_str(), *status)).collect();
    check_table(&s, &tag, &rows);
}

#[test]
fn if_match_and_if_unmodified_since() {
    let (s, tag) = letters("");
    let same = date::imf(MTIME_S);
    let (older, newer) = (date::imf(MTIME_S - 1), date::imf(MTIME_S + 1));
    let unmodified = |date: &str| format!("If-Unmodified-Since: {date}");
    let rows = [
        ("If-Match: TAG".to_owned(), 200),
        ("If-Match: *".to_owned(), 200),
        ("If-Match: \"other\", TAG".to_owned(), 200),
        ("If-Match: \"other\"".to_owned(), 412),
        // Strong comparison: a weak tag never matches (RFC 9110, 13.1.1).
        ("If-Match: W/TAG".to_owned(), 412),
        (unmodified(&same), 200),
        (unmodified(&newer), 200),
        (unmodified(&older), 412),
        (unmodified(&date::rfc850(MTIME_S - 1)), 412),
        (unmodified(&date::asctime(MTIME_S - 1)), 412),
        // Not a date: ignored (RFC 9110, 13.1.4; nginx answers 412).
        (unmodified("nonsense"), 200),
    ];
    let rows: Vec<(&str, u16)> = rows.iter().map(|(fields, status)| (fields.as_str(), *status)).collect();
    check_table(&s, &tag, &rows);
}

#[test]
fn preconditions_in_their_order() {
    // RFC 9110, 13.2.2. nginx evaluates all of them, dates as well as tags.
    let (s, tag) = letters("");
    let (same, older) = (date::imf(MTIME_S), date::imf(MTIME_S - 1));
    let rows = [
        (format!("If-None-Match: \"other\"|If-Modified-Since: {same}"), 200),
        (format!("If-None-Match: TAG|If-Modified-Since: {older}"), 304),
        (format!("If-Match: TAG|If-Unmodified-Since: {older}"), 200),
        (format!("If-Match: \"other\"|If-Unmodified-Since: {same}"), 412),
        ("If-Match: TAG|If-None-Match: TAG".to_owned(), 304),
        ("If-Match: \"other\"|If-None-Match: TAG".to_owned(), 412),
        (format!("If-Unmodified-Since: {older}|If-None-Match: TAG"), 412),
        ("If-None-Match: TAG|Range: bytes=0-1".to_owned(), 304),
        ("If-Match: \"other\"|Range: bytes=0-1".to_owned(), 412),
        ("If-Match: TAG|Range: bytes=0-1".to_owned(), 206),
        ("If-None-Match: TAG|Range: bytes=99-".to_owned(), 304),
    ];
    let rows: Vec<(&str, u16)> = rows.iter().map(|(fields, status)| (fields.as_str(), *status)).collect();
    check_table(&s, &tag, &rows);
}

#[test]
fn preconditions_elsewhere() {
    let (s, _) = letters("location /text { return 200 hello; }");
    let index = s.tag("/");
    s.get_with("/", &format!("If-None-Match: {index}\r\n")).expect(304, "an index file");
    // Preconditions apply only to requests that would succeed (RFC 9110, 13.2.1).
    s.get_with("/absent", "If-None-Match: *\r\n").expect(404, "If-None-Match on 404");
    s.get_with("/absent", "If-Match: *\r\n").expect(404, "If-Match on 404");
    s.get_with("/absent", "Range: bytes=0-1\r\n").expect(404, "Range on 404");
    let tag = s.tag("/a.txt");
    let mut client = s.connect();
    client.send(format!("HEAD /a.txt HTTP/1.1\r\nHost: h\r\nIf-None-Match: {tag}\r\n\r\n"));
    client.response().expect(304, "HEAD with If-None-Match");
    client.get("/a.txt").expect(200, "after a 304 the connection goes on");
}

#[test]
fn single_ranges() {
    let (s, tag) = letters("");
    let rows = [
        ("bytes=0-0", 0, 0),
        ("bytes=0-4", 0, 4),
        ("bytes=5-9", 5, 9),
        ("bytes=25-25", 25, 25),
        ("bytes=25-", 25, 25),
        ("bytes=10-", 10, 25),
        ("bytes=0-", 0, 25),
        ("bytes=0-25", 0, 25),
        ("bytes=0-26", 0, 25),
        ("bytes=20-9999", 20, 25),
        ("bytes=-1", 25, 25),
        ("bytes=-26", 0, 25),
        ("bytes=-9999", 0, 25),
        ("bytes=007-008", 7, 8),
        // Range units are case-insensitive (RFC 9110, 14.1).
        ("Bytes=1-2", 1, 2),
        // The end may be beyond any integer (RFC 9110, 14.1.2; nginx answers 416).
        ("bytes=3-99999999999999999999999", 3, 25),
        ("bytes=-99999999999999999999999", 0, 25),
        // Only one of these ranges is satisfiable.
        ("bytes=1-3,100-200", 1, 3),
    ];
    each(rows, |&(range, first, last)| {
        let response = s.get_with("/a.txt", &format!("Range: {range}\r\n")).expect(206, range);
        assert_eq!(response.must("Content-Range"), format!("bytes {first}-{last}/26"), "{range}: {response}");
        assert_eq!(response.body, &LETTERS[first..=last], "{range}: {response}");
        assert_eq!(response.must("Content-Length"), (last - first + 1).to_string(), "{range}: {response}");
        assert_eq!(response.must("Content-Type"), "text/plain", "{range}: {response}");
        assert_eq!(response.must("ETag"), tag, "{range}: {response}");
        assert_eq!(response.must("Last-Modified"), date::imf(MTIME_S), "{range}: {response}");
    });
}

#[test]
fn ranges_that_cannot_be_satisfied() {
    let (s, _) = letters("");
    for range in ["bytes=26-", "bytes=26-26", "bytes=100-200", "bytes=-0", "bytes=30-40,50-60"] {
        let response = s.get_with("/a.txt", &format!("Range: {range}\r\n")).expect(416, range);
        assert_eq!(response.must("Content-Range"), "bytes */26", "{range}: {response}");
        assert!(response.text().contains("416"), "{range}: {response}");
    }
}

#[test]
fn a_range_of_an_empty_file_was_an_error() {
    let (s, _) = letters("");
    s.write("html/empty", b"");
    for range in ["bytes=0-", "bytes=0-0", "bytes=-5", "bytes=0-1,3-4"] {
        let response = s.get_with("/empty", &format!("Range: {range}\r\n")).expect(200, range);
        assert_eq!(response.must("Content-Length"), "0", "{range}: {response}");
        assert!(response.field("Content-Range").is_none(), "{range}: {response}");
    }
    s.get_with("/empty", "Range: bytes=0-\r\nIf-None-Match: *\r\n").expect(304, "a condition comes first");
}

#[test]
fn ranges_that_are_none() {
    let (s, _) = letters("");
    // Another unit, or no unit: ignored.
    for range in ["chars=0-1", "0-1", "seconds=0-", "bytes", "byte=0-1"] {
        let response = s.get_with("/a.txt", &format!("Range: {range}\r\n")).expect(200, range);
        assert_eq!(response.body, LETTERS, "{range}: {response}");
    }
    // Malformed: RFC 9110, 14.2 allows the server to ignore or to refuse it; a part of the file would be wrong.
    let rows = [
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-2",
        "bytes=0-1;2-3",
        "bytes=--1",
        "bytes=1--2",
        "bytes=+1-2",
        "bytes=0x1-2",
        "bytes=1-2-3",
        "bytes=1 0-20",
    ];
    each(rows, |range| {
        let response = s.get_with("/a.txt", &format!("Range: {range}\r\n"));
        let whole = response.status == 200 && response.body == LETTERS;
        assert!(whole || response.status == 416, "{range}: {response}");
    });
}

/// The parts of a multipart/byteranges body: (Content-Type, Content-Range, bytes). It checks every byte of the body.
fn parts(response: &Response) -> Vec<(String, String, Vec<u8>)> {
    let boundary = response.must("Content-Type").strip_prefix("multipart/byteranges; boundary=");
    let boundary = boundary.unwrap_or_else(|| panic!("not multipart: {response}")).trim_matches('"');
    assert!((1..=70).contains(&boundary.len()), "RFC 2046, 5.1.1: {response}");
    assert_eq!(response.field("Content-Range"), None, "RFC 9110, 14.6: {response}");
    assert_eq!(response.must("Content-Length"), response.body.len().to_string(), "{response}");
    // The first delimiter may be at the start, or after an empty preamble.
    let body = response.body.strip_prefix(b"\r\n").unwrap_or(&response.body);
    let delimiter = format!("--{boundary}\r\n");
    let mut rest = body.strip_prefix(delimiter.as_bytes()).unwrap_or_else(|| panic!("no first delimiter: {response}"));
    let mut parts = Vec::new();
    loop {
        let head_end = find(rest, b"\r\n\r\n").unwrap_or_else(|| panic!("no end of a part's head: {response}"));
        let head = std::str::from_utf8(&rest[..head_end]).unwrap();
        let field = |name: &str| {
            let mut values = head.split("\r\n").filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            values.next().unwrap_or_else(|| panic!("no {name} in a part's head {head:?}: {response}")).to_owned()
        };
        let (media_type, range) = (field("Content-Type"), field("Content-Range"));
        rest = &rest[head_end + 4..];
        let end = find(rest, format!("\r\n--{boundary}").as_bytes()).unwrap_or_else(|| panic!("no end: {response}"));
        parts.push((media_type, range, rest[..end].to_vec()));
        rest = &rest[end + boundary.len() + 4..];
        match rest.strip_prefix(b"\r\n") {
            Some(more) => rest = more,
            None => {
                assert_eq!(rest, b"--\r\n", "the close delimiter: {response}");
                return parts;
            }
        }
    }
}

#[test]
fn several_ranges() {
    let (s, tag) = letters("");
    let rows: [(&str, &[(usize, usize)]); 6] = [
        ("bytes=0-1,4-5", &[(0, 1), (4, 5)]),
        ("bytes=0-1, 4-5 ,\t8-9", &[(0, 1), (4, 5), (8, 9)]),
        ("bytes=20-21,0-1", &[(20, 21), (0, 1)]),
        ("bytes=0-0,-1", &[(0, 0), (25, 25)]),
        ("bytes=0-1,100-,2-3", &[(0, 1), (2, 3)]),
        ("bytes=1-2,24-", &[(1, 2), (24, 25)]),
    ];
    each(rows, |&(range, expected)| {
        let response = s.get_with("/a.txt", &format!("Range: {range}\r\n")).expect(206, range);
        let expected: Vec<_> = expected
            .iter()
            .map(|&(a, b)| ("text/plain".to_owned(), format!("bytes {a}-{b}/26"), LETTERS[a..=b].to_vec()))
            .collect();
        assert_eq!(parts(&response), expected, "{range}: {response}");
        assert_eq!(response.must("ETag"), tag, "{range}: {response}");
    });
}

#[test]
fn ranges_of_a_large_file() {
    let content = noise(10 << 20, 7);
    for sendfile in ["on", "off"] {
        let s = site(&format!("sendfile {sendfile};"), &[("big", &content)]);
        let mut client = s.connect();
        let mut ask = |range: &str| {
            client.send(format!("GET /big HTTP/1.1\r\nHost: h\r\nRange: bytes={range}\r\n\r\n"));
            client.response().expect(206, range)
        };
        for (a, b) in [(0, 99), (4095, 4097), (65535, 1 << 20), (1, (10 << 20) - 2), ((10 << 20) - 1, (10 << 20) - 1)] {
            let response = ask(&format!("{a}-{b}"));
            assert!(response.body == content[a..=b], "{a}-{b}, sendfile {sendfile}: {response}");
        }
        let (x, y) = (3_000_000, 8_999_999);
        let response = ask(&format!("0-99,{x}-{y},-3"));
        let found: Vec<Vec<u8>> = parts(&response).into_iter().map(|part| part.2).collect();
        let expected = [&content[..100], &content[x..=y], &content[content.len() - 3..]];
        assert!(found == expected, "sendfile {sendfile}: {response}");
    }
}

#[test]
fn if_range() {
    let (s, tag) = letters("");
    for (value, status) in [
        (tag.clone(), 206),
        (date::imf(MTIME_S), 206),
        ("\"other\"".into(), 200),
        // RFC 9110, 13.1.5: strong comparison, and a date must be exactly the same.
        (format!("W/{tag}"), 200),
        (date::imf(MTIME_S - 1), 200),
        (date::imf(MTIME_S + 1), 200),
        ("nonsense".into(), 200),
    ] {
        let fields = format!("Range: bytes=1-2\r\nIf-Range: {value}\r\n");
        let response = s.get_with("/a.txt", &fields).expect(status, &fields);
        let body = if status == 206 { &LETTERS[1..3] } else { LETTERS };
        assert_eq!(response.body, body, "{fields}: {response}");
        // With If-Range, a range that cannot be satisfied any more is not an error: the client gets the whole file.
        let fields = format!("Range: bytes=100-\r\nIf-Range: {value}\r\n");
        s.get_with("/a.txt", &fields).expect(if status == 206 { 416 } else { 200 }, &fields);
    }
    // Without Range, If-Range has no effect.
    s.get_with("/a.txt", "If-Range: \"other\"\r\n").expect(200, "If-Range without Range");
}

/// Another content with the same size and time, as build systems and cp -p make it: it had the same tag, so a client
/// with the first one got 304 for ever, and a part of the second one for the rest of the first.
#[test]
fn a_content_with_the_size_and_time_of_the_one_before_is_another_one() {
    for time in [1, MTIME_S] {
        let s = site("", &[("a.txt", LETTERS)]);
        let change = |content: &[u8]| {
            std::fs::write(s.path("html/a.txt"), content).unwrap();
            let file = File::options().write(true).open(s.path("html/a.txt")).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(time)).unwrap();
        };
        change(LETTERS);
        let tag = s.tag("/a.txt");
        assert_eq!(s.get("/a.txt").field("Last-Modified").is_none(), time == 1, "every file has this time");
        change(&LETTERS.to_ascii_uppercase());
        s.get_with("/a.txt", &format!("If-None-Match: {tag}\r\n")).expect(200, "another content");
        s.get_with("/a.txt", &format!("If-None-Match: W/{tag}\r\n")).expect(200, "another content");
        s.get_with("/a.txt", &format!("If-Match: {tag}\r\n")).expect(412, "another content");
        let part = s.get_with("/a.txt", &format!("Range: bytes=5-\r\nIf-Range: {tag}\r\n")).expect(200, "no mixture");
        assert_eq!(part.body, LETTERS.to_ascii_uppercase());
    }
}

#[test]
fn the_value_that_add_header_sends_is_the_value_that_is_compared() {
    let (set, old) = (date::imf(MTIME_S + 1000), date::imf(MTIME_S));
    let dated = format!("add_header Last-Modified \"{set}\"; add_header ETag \"\";");
    // The configuration, the fields of a request with a range, the status.
    let rows = [
        ("add_header ETag '\"set\"';", "If-None-Match: \"set\"".to_owned(), 304),
        ("add_header ETag '\"set\"';", "If-None-Match: TAG".into(), 206),
        ("add_header ETag '\"set\"';", "If-Match: \"set\"".into(), 206),
        ("add_header ETag '\"set\"';", "If-Match: TAG".into(), 412),
        ("add_header ETag '\"set\"';", "If-Range: \"set\"".into(), 206),
        ("add_header ETag '\"set\"';", "If-Range: TAG".into(), 200),
        ("add_header ETag 'W/\"set\"';", "If-None-Match: \"set\"".into(), 304),
        ("add_header ETag 'W/\"set\"';", "If-Range: W/\"set\"".into(), 200),
        ("add_header ETag '\"$arg_v\"';", "If-None-Match: \"7\"".into(), 304),
        ("add_header ETag \"\";", "If-None-Match: TAG".into(), 206),
        ("add_header ETag nonsense;", "If-None-Match: nonsense".into(), 206),
        (&dated, format!("If-Modified-Since: {set}"), 304),
        (&dated, format!("If-Modified-Since: {old}"), 206),
        (&dated, format!("If-Unmodified-Since: {old}"), 412),
        (&dated, format!("If-Range: {set}"), 206),
        (&dated, format!("If-Range: {old}"), 200),
        ("add_header Last-Modified \"\";", format!("If-Modified-Since: {old}"), 206),
        ("add_header Last-Modified now;", format!("If-Modified-Since: {old}"), 206),
    ];
    let plain = site("etag mtime;", &[("a.txt", LETTERS)]);
    set_time(&plain, "html/a.txt");
    let tag = plain.tag("/a.txt");
    each(rows, |(config, fields, status)| {
        let s = site(&format!("etag mtime; {config}"), &[("a.txt", LETTERS)]);
        set_time(&s, "html/a.txt");
        let fields = format!("Range: bytes=1-2\r\n{}\r\n", fields.replace("TAG", &tag));
        // Kept from some request on.
        for _ in 0..4 {
            s.get_with("/a.txt?v=7", &fields).expect(*status, config);
        }
    });
}

#[test]
fn max_ranges() {
    let config = "location /none/ { max_ranges 0; alias html/; } location /one/ { max_ranges 1; alias html/; } \
                  location /two/ { max_ranges 2; alias html/; }";
    let (s, _) = letters(config);
    let rows = [("none", "0-1", 200), ("one", "0-1", 206), ("one", "0-1,3-4", 200), ("two", "0-1,3-4", 206)];
    for (place, range, status) in rows {
        let target = format!("/{place}/a.txt");
        let response = s.get_with(&target, &format!("Range: bytes={range}\r\n"));
        assert_eq!(response.status, status, "{target} {range}: {response}");
    }
    s.get_with("/two/a.txt", "Range: bytes=0-1,3-4,6-7\r\n").expect(200, "three of at most two");
    assert_eq!(s.get("/none/a.txt").field("Accept-Ranges"), None, "max_ranges 0");
}

#[test]
fn many_overlapping_ranges_do_not_multiply_the_file() {
    let content = noise(100_000, 3);
    let s = site("", &[("big", &content)]);
    let range = format!("Range: bytes={}\r\n", vec!["0-"; 200].join(","));
    let response = s.get_with("/big", &range);
    assert!(matches!(response.status, 200 | 206 | 416), "{response}");
    assert!(response.body.len() < 2 * content.len(), "{response}");
}

#[test]
fn range_is_defined_for_get_only() {
    // RFC 9110, 14.2 (nginx answers HEAD with 206).
    let (s, _) = letters("");
    let response = s.ask("HEAD /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\nRange: bytes=0-1\r\n\r\n");
    assert_eq!(response.status, 200, "{response}");
    assert_eq!(response.must("Content-Length"), "26", "{response}");
    assert_eq!(response.field("Content-Range"), None, "{response}");
}

#[test]
fn the_parts_carry_the_file_s_own_type() {
    let s = server(
        "types { text/x-special special; } server { listen 127.0.0.1:0; }",
        &[("a.special", b"0123456789"), ("b", b"0123456789")],
    );
    let response = s.get_with("/a.special", "Range: bytes=0-1,4-5\r\n").expect(206, "a.special");
    assert!(parts(&response).iter().all(|part| part.0 == "text/x-special"), "{response}");
}
