//! RFC 9110, section 14: byte ranges, single and several, unsatisfiable ones, and If-Range.
//! For the format of a row, see test/harness/conform.rs.

mod harness;

use harness::http::find;
use harness::letters::{LETTERS, MTIME_S, Row, check, letters};
use harness::{Response, Server, date, each};

const A: &str = "GET /a.txt";

/// A GET of `/a.txt` with this Range and more fields.
fn range(s: &Server, fields: &str) -> Response {
    s.get_with("/a.txt", &format!("Range: {fields}\r\n"))
}

#[test]
fn one_range() {
    let (s, tag) = letters();
    let rows = [
        ("9110 14.1.2", "bytes=0-0", 0, 0),
        ("9110 14.1.2", "bytes=0-25", 0, 25),
        ("9110 14.1.2", "bytes=5-9", 5, 9),
        ("9110 14.1.2", "bytes=25-25", 25, 25),
        ("9110 14.1.2", "bytes=25-", 25, 25),
        ("9110 14.1.2", "bytes=0-", 0, 25),
        ("9110 14.1.2", "bytes=20-26", 20, 25),
        ("9110 14.1.2", "bytes=20-18446744073709551615", 20, 25),
        ("9110 14.1.2 MUST (no overflow)", "bytes=20-18446744073709551616", 20, 25),
        ("9110 14.1.2 MUST (no overflow)", "bytes=20-99999999999999999999999999999", 20, 25),
        ("9110 14.1.2", "bytes=-1", 25, 25),
        ("9110 14.1.2", "bytes=-26", 0, 25),
        ("9110 14.1.2", "bytes=-27", 0, 25),
        ("9110 14.1.2 MUST (no overflow)", "bytes=-99999999999999999999999999999", 0, 25),
        ("9110 14.1.2", "bytes=0005-0009", 5, 9),
        ("9110 14.1 (case-insensitive)", "BYTES=1-2", 1, 2),
        ("9110 14.1 (case-insensitive)", "bYTES=1-2", 1, 2),
        ("9110 5.6.1 MUST", "bytes=1-2,", 1, 2),
        ("9110 5.6.1 MUST", "bytes=,1-2", 1, 2),
        ("9110 5.6.1 MUST", "bytes=1-2 , ,", 1, 2),
        ("9110 15.3.7.2 (one is left)", "bytes=1-2,26-", 1, 2),
        ("9110 15.3.7.2 (one is left)", "bytes=99-100,-1", 25, 25),
        ("9110 15.3.7.2 (one is left)", "bytes=-0,1-2", 1, 2),
    ];
    each(rows, |&(rule, value, first, last)| {
        let response = range(&s, value).expect(206, value);
        let when = format!("{rule}: {value}: {response}");
        harness::conform::check_lawful(&response);
        assert_eq!(response.must("Content-Range"), format!("bytes {first}-{last}/26"), "9110 14.4 MUST: {when}");
        assert_eq!(response.body, &LETTERS[first..=last], "{when}");
        assert_eq!(response.must("Content-Length"), (last - first + 1).to_string(), "9110 8.6 MUST: {when}");
        assert_eq!(response.must("ETag"), tag, "9110 15.3.7 MUST: {when}");
        assert_eq!(response.must("Content-Type"), "text/plain", "{when}");
        assert_eq!(response.must("Last-Modified"), date::imf(MTIME_S), "{when}");
    });
}

/// Values that are not ranges-specifiers (RFC 9110, section 14.1.1).
const MALFORMED: &[&str] = &[
    "",
    "bytes",
    "bytes=",
    "bytes=,",
    "bytes=-",
    "bytes=5-2",
    "bytes=a-b",
    "bytes=1-b",
    "bytes=--1",
    "bytes=1--2",
    "bytes=1-2-3",
    "bytes=+1-2",
    "bytes=0x1-2",
    "bytes=1.0-2",
    "bytes=1-2;3-4",
    "bytes=1 -2",
    "bytes=1- 2",
    "bytes:1-2",
    "bytes 1-2",
    "bytes 1-2/26",
    "bytes=1-2/26",
    "bytes =1-2",
    "1-2",
    "=1-2",
    "bytes==1-2",
    "bytes=1-2,5-3",
    "bytes=1-2,x",
    "bytes=*",
    "bytes=1-2 3-4",
    "bytes=\"1-2\"",
    "bytes=1-2, bytes=3-4",
];

#[test]
fn ranges_that_do_not_fit() {
    let (s, _) = letters();
    let unsatisfiable = [
        "bytes=26-",
        "bytes=26-26",
        "bytes=99-100",
        "bytes=-0",
        "bytes=26-,-0,30-31",
        "bytes=99999999999999999999999-",
        "bytes=18446744073709551616-18446744073709551617",
    ];
    each(unsatisfiable, |value| {
        let response = range(&s, value).expect(416, value);
        assert_eq!(response.must("Content-Range"), "bytes */26", "9110 15.5.17 SHOULD: {value}: {response}");
        assert_eq!(response.field("ETag"), None, "{value}: {response}");
        assert!(!response.says_close() || response.body.len() > 10, "{response}");
    });
    // Another unit is ignored (14.2 MUST).
    let ignored = ["chars=0-1", "byte=0-1", "bytes2=0-1", "items=0-1, 3-4", "none=", "seconds=1-", "x=bytes=0-1"];
    each(ignored, |value| {
        let response = range(&s, value).expect(200, value);
        assert_eq!(response.body, LETTERS, "9110 14.2 MUST: {value}: {response}");
        assert_eq!(response.field("Content-Range"), None, "{value}: {response}");
    });
    // Not a ranges-specifier: ignored or refused (14.2); a part would be wrong.
    each(MALFORMED, |value| {
        let response = range(&s, value);
        let whole = response.status == 200 && response.body == LETTERS;
        assert!(whole || matches!(response.status, 400 | 416), "9110 14.2: {value}: {response}");
    });
}

#[test]
fn ranges_where_they_mean_nothing() {
    let (s, _) = letters();
    let rows: &[Row] = &[
        // Range is defined for GET only (14.2 MUST).
        ("9110 14.2 MUST", "HEAD /a.txt", "Range: bytes=0-1", &[200]),
        ("9110 14.2 MUST", "HEAD /a.txt", "Range: bytes=99-", &[200]),
        ("9110 14.2 MUST", "POST /text", "Range: bytes=99-", &[200]),
        ("9110 14.2 MUST", "PUT /a.txt", "Range: bytes=0-1|Content-Length: 0", &[405]),
        ("9110 14.2 MUST", "OPTIONS /a.txt", "Range: bytes=0-1", &[200, 204]),
        ("9110 14.2 (evaluated last)", "GET /absent", "Range: bytes=0-1", &[404]),
        ("9110 14.2 (evaluated last)", "GET /dir", "Range: bytes=0-1", &[301]),
        ("9110 14.2 (evaluated last)", "GET /dir/", "Range: bytes=99-", &[403]),
        ("9110 14.1.2", "GET /empty.txt", "Range: bytes=0-0", &[416, 200]),
        ("9110 14.1.2", "GET /empty.txt", "Range: bytes=-1", &[416, 200]),
        ("9110 14.2", A, "Range: bytes=0-1|Range: bytes=2-3", &[200, 206, 400, 416]),
    ];
    check(&s, "", rows);
}

/// The parts of a multipart/byteranges body as (Content-Range, bytes).
fn parts(response: &Response) -> Vec<(String, Vec<u8>)> {
    let media_type = response.must("Content-Type");
    let boundary = media_type.strip_prefix("multipart/byteranges; boundary=").unwrap_or_else(|| panic!("{response}"));
    let boundary = boundary.trim_matches('"');
    assert_eq!(response.field("Content-Range"), None, "9110 15.3.7.2 MUST NOT: {response}");
    let mut found = Vec::new();
    let delimiter = format!("--{boundary}");
    let mut rest = &response.body[find(&response.body, delimiter.as_bytes()).unwrap_or(0)..];
    while let Some(part) = rest.strip_prefix(format!("{delimiter}\r\n").as_bytes()) {
        let head_end = find(part, b"\r\n\r\n").unwrap_or_else(|| panic!("{response}"));
        let head = String::from_utf8_lossy(&part[..head_end]).into_owned();
        let value = |name: &str| head.split("\r\n").find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        assert_eq!(value("Content-Type: ").as_deref(), Some("text/plain"), "9110 15.3.7.2 SHOULD: {response}");
        let content_range = value("Content-Range: ").unwrap_or_else(|| panic!("9110 15.3.7.2 MUST: {response}"));
        let end = find(part, format!("\r\n{delimiter}").as_bytes()).unwrap_or_else(|| panic!("{response}"));
        found.push((content_range, part[head_end + 4..end].to_vec()));
        rest = &part[end + 2..];
    }
    assert_eq!(rest, format!("{delimiter}--\r\n").as_bytes(), "2046 5.1.1: {response}");
    found
}

#[test]
fn several_ranges() {
    let (s, tag) = letters();
    let rows: [(&str, &[(usize, usize)]); 7] = [
        ("bytes=0-1,3-4", &[(0, 1), (3, 4)]),
        ("bytes=0-1, 3-4 ,\t6-7", &[(0, 1), (3, 4), (6, 7)]),
        ("bytes=0-0,-1", &[(0, 0), (25, 25)]),
        ("bytes=20-21,0-1", &[(20, 21), (0, 1)]),
        ("bytes=0-1,99-,5-", &[(0, 1), (5, 25)]),
        ("bytes=0-1,,3-4", &[(0, 1), (3, 4)]),
        ("Bytes=0-1,20-999", &[(0, 1), (20, 25)]),
    ];
    each(rows, |(value, expected)| {
        let response = range(&s, value).expect(206, value);
        harness::conform::check_lawful(&response);
        assert_eq!(response.must("ETag"), tag, "9110 15.3.7 MUST: {response}");
        let expected = expected.iter().map(|&(a, b)| (format!("bytes {a}-{b}/26"), LETTERS[a..=b].to_vec()));
        assert_eq!(parts(&response), expected.collect::<Vec<_>>(), "9110 15.3.7.2: {value}: {response}");
    });
    // Overlapping ranges may be joined, refused, or sent as requested; the bytes must be right.
    for value in ["bytes=0-5,3-9", "bytes=0-1,2-3", "bytes=0-9,0-9", "bytes=0-,0-,0-", "bytes=5-9,0-6,-3"] {
        let response = range(&s, value);
        match response.status {
            206 if response.field("Content-Range").is_none() => {
                for (content_range, bytes) in parts(&response) {
                    let at = find(LETTERS, &bytes).unwrap_or_else(|| panic!("{value}: {response}"));
                    assert_eq!(content_range, format!("bytes {at}-{}/26", at + bytes.len() - 1), "{value}: {response}");
                }
            }
            206 => assert!(find(LETTERS, &response.body).is_some(), "{value}: {response}"),
            status => assert!(matches!(status, 200 | 416), "9110 14.2: {value}: {response}"),
        }
    }
}

#[test]
fn if_range() {
    let (s, tag) = letters();
    let rows: &[Row] = &[
        ("9110 13.1.5", A, "If-Range: TAG", &[206]),
        ("9110 13.1.5", A, "If-Range: SAME", &[206]),
        ("9110 13.1.5", A, "If-Range: Sunday, 06-Nov-94 08:49:37 GMT", &[206]),
        ("9110 13.1.5", A, "If-Range: Sun Nov  6 08:49:37 1994", &[206]),
        ("9110 13.1.5 MUST", A, "If-Range: \"x\"", &[200]),
        ("9110 13.1.5 MUST (exact)", A, "If-Range: OLDER", &[200]),
        ("9110 13.1.5 MUST (exact)", A, "If-Range: NEWER", &[200]),
        ("9110 13.1.5 MUST (strong)", A, "If-Range: W/TAG", &[200]),
        ("9110 13.1.5", A, "If-Range: W/\"x\"", &[200]),
        ("9110 13.1.5", A, "If-Range: \"x\", TAG", &[200]),
        ("9110 13.1.5", A, "If-Range: TAG, \"x\"", &[200]),
        ("9110 13.1.5", A, "If-Range: *", &[200]),
        ("9110 13.1.5", A, "If-Range: nonsense", &[200]),
        ("9110 13.1.5", A, "If-Range:", &[200, 206]),
        ("9110 13.1.5", A, "If-Range: \"", &[200]),
        ("9110 14.2 MUST", "HEAD /a.txt", "If-Range: TAG", &[200]),
    ];
    let with_range: Vec<(&str, &str, String, &[u16])> =
        rows.iter().map(|(rule, line, f, st)| (*rule, *line, format!("Range: bytes=1-2|{f}"), *st)).collect();
    check(&s, &tag, &with_range.iter().map(|(r, l, f, st)| (*r, *l, f.as_str(), *st)).collect::<Vec<_>>());
    let rows: &[Row] = &[
        ("9110 13.1.5 MUST", A, "If-Range: TAG", &[200]),
        ("9110 13.1.5 MUST", A, "If-Range: \"x\"", &[200]),
        ("9110 13.1.5", A, "If-Range: TAG|Range: bytes=99-", &[416]),
        ("9110 13.1.5 MUST", A, "If-Range: \"x\"|Range: bytes=99-", &[200]),
        ("9110 13.1.5 MUST", A, "If-Range: \"x\"|Range: bytes=0-1,3-4", &[200]),
        ("9110 13.1.5", A, "If-Range: TAG|Range: bytes=0-1,3-4", &[206]),
        ("9110 14.2 MUST", A, "If-Range: TAG|Range: chars=0-1", &[200]),
    ];
    check(&s, &tag, rows);
}
