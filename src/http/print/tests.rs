use super::*;
use crate::http::date;
use crate::http::fields::split_line;
use crate::http::reply::{Name, Text};

const DATE: &[u8; 29] = b"Sun, 06 Nov 1994 08:49:37 GMT";

fn frame(body: BodyEnd) -> Frame<'static> {
    let connection = Persistence::KeepAlive { timeout_secs: None };
    Frame { server: "webserv", date: DATE, last_modified: None, body, connection, content_range: None }
}

fn print(head: &ReplyHead, frame: &Frame<'_>) -> String {
    let mut out = Vec::new();
    let last_modified = head.last_modified_secs.map(date::format);
    response_head(&mut out, head, &Frame { last_modified, ..*frame });
    String::from_utf8(out).unwrap()
}

/// A head with everything.
fn full(status: u16) -> ReplyHead {
    ReplyHead {
        status,
        reason: None,
        length: Some(1024),
        content_type: Some(Text::from_static("text/html")),
        last_modified_secs: Some(784_111_777),
        etag: Some(Text::from_static("\"2ebcffa1-400\"")),
        location: None,
        seekable: true,
        fields: vec![(Name::from_static("X-A"), Text::from_static("b"))],
    }
}

/// The order of nginx.
#[test]
fn a_file_s_head_whole() {
    let expected = "HTTP/1.1 200 OK\r\n\
        Server: webserv\r\n\
        Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
        Content-Type: text/html\r\n\
        Content-Length: 1024\r\n\
        Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
        Connection: keep-alive\r\n\
        ETag: \"2ebcffa1-400\"\r\n\
        Accept-Ranges: bytes\r\n\
        X-A: b\r\n\r\n";
    assert_eq!(print(&full(200), &frame(BodyEnd::Length(1024))), expected);
}

#[test]
fn small_heads_whole() {
    let redirect = ReplyHead { location: Some(Text::from_static("/a/")), ..ReplyHead::new(301) };
    let close = Frame { server: "", connection: Persistence::Close, ..frame(BodyEnd::Chunked) };
    let expected = "HTTP/1.1 301 Moved Permanently\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
        Location: /a/\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    assert_eq!(print(&redirect, &close), expected);
    let unsaid = Frame { connection: Persistence::Unsaid, ..close };
    assert_eq!(print(&ReplyHead::new(599), &unsaid).lines().next(), Some("HTTP/1.1 599 "));
}

/// RFC 9110 section 8.6, RFC 9112 section 6.1, RFC 9110 section 15.4.5.
#[test]
fn statuses_without_a_body_are_not_framed() {
    for status in [100, 101, 103, 204, 304] {
        for body in [BodyEnd::Length(1024), BodyEnd::Length(0), BodyEnd::Chunked, BodyEnd::Close] {
            let text = print(&full(status), &frame(body));
            for name in ["Content-Length", "Transfer-Encoding", "Content-Type", "Accept-Ranges"] {
                assert!(!text.contains(name), "{text}");
            }
            assert!(text.contains("ETag: ") && text.contains("Date: "), "{text}");
        }
    }
    assert!(CONTINUE.starts_with(b"HTTP/1.1 100 ") && CONTINUE.ends_with(b"\r\n\r\n"));
}

#[test]
fn a_body_ends_in_one_way() {
    for (body, length, chunked) in [(BodyEnd::Length(0), 1, 0), (BodyEnd::Chunked, 0, 1), (BodyEnd::Close, 0, 0)] {
        let text = print(&full(200), &frame(body));
        assert_eq!(text.matches("\r\nContent-Length: ").count(), length);
        assert_eq!(text.matches("\r\nTransfer-Encoding: chunked\r\n").count(), chunked);
    }
}

/// RFC 9110 sections 15.3.7 and 15.5.17.
#[test]
fn ranges() {
    let part = ContentRange::Part { start: 0, end: 10, length: 1024 };
    let text = print(&full(206), &Frame { content_range: Some(part), ..frame(BodyEnd::Length(10)) });
    assert!(text.contains("\r\nContent-Range: bytes 0-9/1024\r\n") && !text.contains("Accept-Ranges"), "{text}");
    let none = ContentRange::None { length: 1024 };
    let text = print(&full(416), &Frame { content_range: Some(none), ..frame(BodyEnd::Length(10)) });
    assert!(text.contains("\r\nContent-Range: bytes */1024\r\n"), "{text}");
}

#[test]
fn keep_alive_may_say_for_how_long() {
    let connection = Persistence::KeepAlive { timeout_secs: Some(65) };
    let text = print(&full(200), &Frame { connection, ..frame(BodyEnd::Length(1)) });
    assert!(text.contains("\r\nConnection: keep-alive\r\nKeep-Alive: timeout=65\r\n"), "{text}");
}

/// A script cannot frame its response a second time.
#[test]
fn fields_that_frame_are_left_out() {
    let names = ["content-length", "TRANSFER-ENCODING", "Connection", "keep-alive", "Proxy-Connection"];
    let mut head = full(200);
    head.fields = names.map(|name| (Name::from_static(name), Text::from_static("evil"))).into();
    head.fields.push((Name::from_static("X-Good"), Text::from_static("good")));
    let text = print(&head, &frame(BodyEnd::Length(1)));
    assert!(!text.contains("evil") && text.contains("\r\nX-Good: good\r\n"), "{text}");
}

/// What a handler says takes the place of what the server would say.
#[test]
fn a_date_stands_once() {
    let mut head = full(200);
    head.fields.push((Name::from_static("date"), Text::from_static("theirs")));
    let text = print(&head, &frame(BodyEnd::Length(1)));
    assert!(text.contains("\r\ndate: theirs\r\n") && !text.contains("Date: "), "{text}");
}

/// One reservation: nothing grows while the head is written, whatever it holds.
#[test]
fn the_reservation_is_enough() {
    let long = "x".repeat(3000);
    let mut head = full(200);
    head.last_modified_secs = Some(i64::MAX);
    head.location = Some(Text::new(long.as_bytes()).unwrap());
    for i in 0..50 {
        head.fields.push((Name::new(format!("X-{i}").as_bytes()).unwrap(), Text::new(long.as_bytes()).unwrap()));
    }
    for status in [100, 200, 416, 511] {
        head.status = status;
        let connection = Persistence::KeepAlive { timeout_secs: Some(u64::MAX) };
        let content_range = Some(ContentRange::Part { start: u64::MAX - 1, end: u64::MAX, length: u64::MAX });
        let frame = Frame { server: &long, connection, content_range, ..frame(BodyEnd::Length(u64::MAX)) };
        let mut out = Vec::new();
        response_head(&mut out, &head, &frame);
        let reserved = Vec::<u8>::with_capacity(FIXED_BYTES_MAX + frame.server.len() + texts_len(&head));
        assert!(out.len() <= reserved.capacity(), "{} in {}", out.len(), reserved.capacity());
        assert_eq!(out.capacity(), reserved.capacity());
    }
}

/// parse(print(x)) = x: each line of a printed head is a valid field line, and the values come back.
#[test]
fn printed_lines_are_field_lines() {
    let text = print(&full(200), &frame(BodyEnd::Length(1024)));
    let (_, mut rest) = text.split_once("\r\n").unwrap();
    let mut fields = Vec::new();
    while let Some(parts) = split_line(rest.as_bytes()) {
        fields.push((&rest[..parts.name_len], &rest[parts.value_start..parts.value_end]));
        rest = &rest[parts.line_len..];
    }
    assert_eq!(rest, "\r\n");
    let value = |name| fields.iter().find(|field| field.0 == name).map(|field| field.1);
    assert_eq!(value("Content-Length"), Some("1024"));
    assert_eq!(date::parse(value("Last-Modified").unwrap().as_bytes(), 0), full(200).last_modified_secs);
    assert_eq!(value("ETag").map(str::as_bytes), full(200).etag.as_ref().map(Text::as_bytes));
    assert_eq!(value("X-A"), Some("b"));
}

#[test]
fn a_head_that_was_printed_is_sent_again_with_another_date() {
    let frame = frame(BodyEnd::Length(1024));
    let head = print(&full(200), &frame);
    let printed = Printed::new(head.as_bytes()).unwrap();
    for date in [b"Thu, 01 Jan 1970 00:00:00 GMT", DATE] {
        let mut out = b"before".to_vec();
        printed.push(&mut out, date);
        let expected = format!("before{}", print(&full(200), &Frame { date, ..frame }));
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

/// The first one is the server's own: no field before it can hold a line end.
#[test]
fn a_head_without_a_whole_date_is_not_kept() {
    for head in ["", "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", "HTTP/1.1 200 OK\r\nDate: Thu, 01"] {
        assert!(Printed::new(head.as_bytes()).is_none(), "{head}");
    }
}

/// An interim response says nothing of the connection, and has no field of this server.
#[test]
fn an_interim_head() {
    let fields = [("Link", "</a>; rel=preload"), ("Content-Length", "5"), ("Connection", "close"), ("Link", "</b>")];
    let mut head = ReplyHead { location: Some(Text::from_static("/x")), ..ReplyHead::new(103) };
    for (name, value) in fields {
        head.fields.push((Name::from_static(name), Text::from_static(value)));
    }
    let mut out = Vec::new();
    interim_head(&mut out, &head);
    let expected = "HTTP/1.1 103 Early Hints\r\nLocation: /x\r\nLink: </a>; rel=preload\r\nLink: </b>\r\n\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}
