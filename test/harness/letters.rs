//! The file for the tests of preconditions and ranges (rfc9110_conditional.rs, rfc9110_ranges.rs), and their rows.

use super::conform::check_lawful;
use super::{Response, Server, date, each, site};
use std::fs::File;
use std::time::{Duration, SystemTime};

/// The modification time of `/a.txt`: Sun, 06 Nov 1994 08:49:37 GMT.
pub const MTIME_S: u64 = 784_111_777;
pub const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";

/// `/a.txt` with the alphabet and an old date, and locations where preconditions and ranges have no effect.
pub fn letters() -> (Server, String) {
    let places = "location = /text { return 200 text; } location = /moved { return 301 /a.txt; }";
    let s = site(places, &[("a.txt", LETTERS), ("dir/x", b"x"), ("next.txt", b"next"), ("empty.txt", b"")]);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(MTIME_S);
    File::options().write(true).open(s.path("html/a.txt")).unwrap().set_modified(time).unwrap();
    let tag = s.tag("/a.txt");
    (s, tag)
}

/// Rule, request line without the version, field lines separated by `|`, the allowed statuses. In the fields, TAG
/// stands for the file's tag, SAME for its date, OLDER and NEWER for one second earlier and later.
pub type Row<'a> = (&'a str, &'a str, &'a str, &'a [u16]);

/// The fields of a row, in the form that is sent.
pub fn filled(fields: &str, tag: &str) -> String {
    let dates = [("SAME", MTIME_S), ("OLDER", MTIME_S - 1), ("NEWER", MTIME_S + 1)];
    let fields = dates.iter().fold(fields.to_owned(), |text, (name, s)| text.replace(name, &date::imf(*s)));
    fields.replace("TAG", tag).replace('|', "\r\n")
}

/// Sends each row to the site of `/a.txt`: the status must be an allowed one, and the connection must continue.
#[track_caller]
pub fn check(s: &Server, tag: &str, rows: &[Row<'_>]) {
    each(rows, |(rule, line, fields, statuses)| {
        let fields = filled(fields, tag);
        let mut client = s.connect();
        client.send(format!("{line} HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n"));
        let response = client.response();
        let when = format!("{rule}: {line}, {fields:?}");
        assert!(statuses.contains(&response.status), "{when}: expected {statuses:?}, got {response}");
        check_lawful(&response);
        match response.status {
            200 if *line == "GET /a.txt" => assert_eq!(response.body, LETTERS, "{when}: {response}"),
            304 => check_304(&response, tag),
            412 => assert_eq!(response.field("ETag").unwrap_or(tag), tag, "{when}: {response}"),
            _ => {}
        }
        if !response.says_close() {
            assert_eq!(client.get("/next.txt").text(), "next", "{when}: the request after it");
        }
    });
}

/// The fields of a 304 (15.4.5): the validators as in a 200, and no other fields of the content.
#[track_caller]
fn check_304(response: &Response, tag: &str) {
    assert_eq!(response.must("ETag"), tag, "9110 15.4.5 MUST: {response}");
    assert!(response.field("Date").is_some(), "9110 15.4.5 MUST: {response}");
    let modified = response.field("Last-Modified").unwrap_or("Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(modified, date::imf(MTIME_S), "9110 15.4.5: {response}");
    assert_eq!(response.field("Content-Length").unwrap_or("26"), "26", "9110 8.6 MUST NOT: {response}");
    for name in ["Content-Type", "Content-Range", "Content-Encoding", "Transfer-Encoding"] {
        assert_eq!(response.field(name), None, "9110 15.4.5 SHOULD NOT: {response}");
    }
}
