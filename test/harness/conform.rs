//! Tables of conformance tests. Each row names its rule ("9112 3.2 MUST": RFC, section, level), the bytes to send, and
//! the allowed statuses. If the RFC leaves several choices and this server has made one, the row says "house".
//!
//! Each row is followed by a valid request in the same write. The answer to it shows how the server has framed the
//! row's message: after a broken message there must be no such answer.

use super::client::show;
use super::{Client, Response, Server, date, each, site};

/// The request after each row; its response is the file `next.txt`.
pub const NEXT: &str = "GET /next.txt HTTP/1.1\r\nHost: h\r\n\r\n";

/// Rule, bytes (see [`latin1`]), and the allowed statuses, the best one first.
pub type Row<'a> = (&'a str, &'a str, &'a [u16]);

/// The site of the tables: `/a.txt` ("alpha"), `/text` (a response without a file) and `next.txt`.
pub fn bench(config: &str) -> Server {
    let locations = "location = /text { return 200 text; } location = /gone { return 410; } \
                     location = /none { return 204; } location = /moved { return 301 /a.txt; }";
    // A server that hangs is a failure; short timeouts make it a quick one.
    let limits = "client_header_timeout 2s; client_body_timeout 2s; keepalive_timeout 2s;";
    let files: super::Files<'_> = &[("a.txt", b"alpha"), ("next.txt", b"next"), ("dir/index.html", b"<p>index")];
    site(&format!("{limits} {locations} {config}"), files)
}

/// Each character up to U+00FF stands for one byte, so that a table can contain bytes that are not UTF-8.
pub fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or_else(|_| panic!("{c:?} is no byte"))).collect()
}

/// Checks that hold for every response (the reader has checked its syntax and framing).
#[track_caller]
pub fn check_lawful(response: &Response) {
    assert!(response.field("Server").is_some(), "9110 10.2.4 MAY (house): Server: {response}");
    if response.status >= 200 {
        let (sent, now) = (response.must("Date"), date::now());
        let recent = (now - 10..=now + 1).any(|second| date::imf(second) == sent);
        assert!(recent, "9110 6.6.1 MUST: Date in IMF-fixdate, now {}: {response}", date::imf(now));
    }
    match response.status {
        405 => assert!(response.field("Allow").is_some(), "9110 15.5.6 MUST: Allow: {response}"),
        301 | 302 | 303 | 307 | 308 => assert!(response.field("Location").is_some(), "9110 15.4: {response}"),
        416 => assert!(response.field("Content-Range").is_some(), "9110 15.5.17: {response}"),
        // After a message that cannot be parsed, its end is not known, so the server must close (9112 2.2, 9.3).
        400 | 414 | 431 | 505 => assert!(response.says_close(), "9112 9.6 MUST: {response}"),
        204 | 304 => assert!(response.body.is_empty(), "{response}"),
        _ => {}
    }
}

/// Sends a row's bytes and the request after it, and reads the first response.
#[track_caller]
fn ask(s: &Server, (rule, text, statuses): &Row<'_>) -> (Client, Response) {
    let mut client = s.connect();
    client.send([&latin1(text), NEXT.as_bytes()].concat());
    let response = client.response();
    let right = statuses.contains(&response.status);
    assert!(right, "{rule}: {}: expected {statuses:?}, got {response}", show(&latin1(text)));
    check_lawful(&response);
    (client, response)
}

/// Checks that the connection ends here, without a reset, and that the request after the row gets no response.
#[track_caller]
fn assert_over(mut client: Client, (rule, text, _): &Row<'_>, response: &Response) {
    let when = format!("{rule}: {}: after {response}", show(&latin1(text)));
    assert!(response.says_close(), "9112 9.6 MUST: says close: {when}");
    client.assert_ended(&when);
}

/// Checks that the connection continues: the response to the request after the row comes next.
#[track_caller]
fn assert_next(mut client: Client, (rule, text, _): &Row<'_>, response: &Response) {
    let when = format!("{rule}: {}: after {response}", show(&latin1(text)));
    assert!(!response.says_close(), "{when}: says that it closes");
    let next = client.response();
    assert_eq!(next.text(), "next", "{when}: the request behind it: {next}");
}

/// Each row is refused, the connection is closed without a reset, and nothing after the row is read as a request.
#[track_caller]
pub fn refused(s: &Server, rows: &[Row<'_>]) {
    each(rows, |row| {
        let (client, response) = ask(s, row);
        assert_over(client, row, &response);
    });
}

/// Each row is a complete message; its response has one of its statuses, and the connection continues.
#[track_caller]
pub fn kept(s: &Server, rows: &[Row<'_>]) {
    each(rows, |row| {
        let (client, response) = ask(s, row);
        assert_next(client, row, &response);
    });
}

/// Each row is a complete message; the server may close after it, if it says so, or continue with the next one.
#[track_caller]
pub fn judged(s: &Server, rows: &[Row<'_>]) {
    each(rows, |row| {
        let (client, response) = ask(s, row);
        if response.says_close() {
            assert_over(client, row, &response);
        } else {
            assert_next(client, row, &response);
        }
    });
}

/// The same as [`kept`], and the response to each row is the content of `/a.txt`.
#[track_caller]
pub fn served(s: &Server, rows: &[(&str, &str)]) {
    each(rows, |(rule, text)| {
        let row: Row<'_> = (rule, text, &[200]);
        let (client, response) = ask(s, &row);
        assert_eq!(response.text(), "alpha", "{rule}: {}: {response}", show(&latin1(text)));
        assert_next(client, &row, &response);
    });
}

/// Rows from a part of a request: `build` inserts it into a complete request.
pub fn build<'a>(rows: &[Row<'a>], build: impl Fn(&str) -> String) -> Vec<(&'a str, String, &'a [u16])> {
    rows.iter().map(|&(rule, part, statuses)| (rule, build(part), statuses)).collect()
}

/// Rows in the type that the checks take.
pub fn borrow<'a>(rows: &'a [(&'a str, String, &'a [u16])]) -> Vec<Row<'a>> {
    rows.iter().map(|(rule, text, statuses)| (*rule, text.as_str(), *statuses)).collect()
}
