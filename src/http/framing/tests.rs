//! Through whole heads: what matters is that the rules hold there.

use crate::http::head::{HeadError, Scan, request};
use crate::http::{Framing, HeadLimits, Request};
use std::rc::Rc;

fn parse(version: &str, lines: &str) -> Result<Rc<Request>, HeadError> {
    let head = format!("POST / HTTP/{version}\r\nHost: a\r\n{lines}\r\n");
    let (request, taken) = request(head.as_bytes(), &mut Scan::default(), &HeadLimits::default())?.unwrap();
    assert_eq!(taken, head.len());
    Ok(request)
}

/// RFC 9112 section 6, RFC 9110 section 8.6.
#[test]
fn body_lengths() {
    let table: &[(&str, &str, Result<Framing, u16>)] = &[
        ("9112 6.3 rule 7: nothing", "", Ok(Framing::None)),
        ("9110 8.6: a number", "Content-Length: 5\r\n", Ok(Framing::Length(5))),
        ("9110 8.6: zero", "Content-Length: 0\r\n", Ok(Framing::Length(0))),
        ("9110 8.6: leading zeros are digits", "Content-Length: 0005\r\n", Ok(Framing::Length(5))),
        ("9110 8.6: the largest", "Content-Length: 18446744073709551615\r\n", Ok(Framing::Length(u64::MAX))),
        ("9110 8.6: one more", "Content-Length: 18446744073709551616\r\n", Err(400)),
        ("9110 8.6: far more", "Content-Length: 99999999999999999999999\r\n", Err(400)),
        ("9110 8.6: a sign", "Content-Length: +1\r\n", Err(400)),
        ("9110 8.6: a minus", "Content-Length: -1\r\n", Err(400)),
        ("9110 8.6: hexadecimal", "Content-Length: 0x10\r\n", Err(400)),
        ("9110 8.6: empty", "Content-Length:\r\n", Err(400)),
        ("9110 8.6: a blank inside", "Content-Length: 1 2\r\n", Err(400)),
        ("9110 8.6: a fraction", "Content-Length: 1.0\r\n", Err(400)),
        ("9110 8.6: a semicolon", "Content-Length: 1;\r\n", Err(400)),
        ("9110 8.6: other digits", "Content-Length: \u{661}\r\n", Err(400)),
        ("9110 8.6: equal lines", "Content-Length: 5\r\nContent-Length: 5\r\n", Ok(Framing::Length(5))),
        ("9110 8.6: equal members", "Content-Length: 5, 5\r\n", Ok(Framing::Length(5))),
        ("9110 8.6: lines differ", "Content-Length: 5\r\nContent-Length: 6\r\n", Err(400)),
        ("9110 8.6: members differ", "Content-Length: 5, 6\r\n", Err(400)),
        ("9110 8.6: an empty member", "Content-Length: 5,\r\n", Err(400)),
        ("9110 8.6: one line is bad", "Content-Length: 5\r\nContent-Length: x\r\n", Err(400)),
        ("9112 7.1: chunked", "Transfer-Encoding: chunked\r\n", Ok(Framing::Chunked)),
        ("9112 7: names have no case", "Transfer-Encoding: ChunKed\r\n", Ok(Framing::Chunked)),
        ("9112 6.1: with a length", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Err(400)),
        ("9112 6.1: with a length after it", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Err(400)),
        ("9112 6.1: twice in a line", "Transfer-Encoding: chunked, chunked\r\n", Err(400)),
        ("9112 6.1: twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Err(400)),
        ("9112 6.3: not the last", "Transfer-Encoding: chunked, gzip\r\n", Err(400)),
        ("9112 6.3: not there", "Transfer-Encoding: gzip\r\n", Err(400)),
        ("9112 6.3: identity is no coding", "Transfer-Encoding: identity\r\n", Err(400)),
        ("9112 6.1: unknown", "Transfer-Encoding: gzip, chunked\r\n", Err(501)),
        ("9112 6.1: unknown, in two lines", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", Err(501)),
        ("9112 6.1: unknown, parameters", "Transfer-Encoding: x;y=z, chunked\r\n", Err(501)),
        ("9112 6.1: identity is no coding", "Transfer-Encoding: identity, chunked\r\n", Err(501)),
        ("9112 7: chunked has no parameters", "Transfer-Encoding: chunked;x=y\r\n", Err(400)),
        ("9112 7: chunked has no parameters", "Transfer-Encoding: chunked ; x, chunked\r\n", Err(400)),
        ("9112 6.1: empty", "Transfer-Encoding:\r\n", Err(400)),
        ("9112 6.1: an empty member last", "Transfer-Encoding: chunked,\r\n", Err(400)),
        ("9112 6.1: an empty member first", "Transfer-Encoding: , chunked\r\n", Err(400)),
        ("9112 6.1: not a token", "Transfer-Encoding: \"chunked\"\r\n", Err(400)),
        ("9112 6.1: not a token", "Transfer-Encoding: x y, chunked\r\n", Err(400)),
        ("9112 6.1: almost", "Transfer-Encoding: xchunked\r\n", Err(400)),
        ("9112 6.1: almost", "Transfer-Encoding: chunked1\r\n", Err(400)),
        ("9110 5.5: vertical tab", "Transfer-Encoding: \u{b}chunked\r\n", Err(400)),
    ];
    for (rule, lines, expected) in table {
        assert_eq!(parse("1.1", lines).map(|r| r.framing).map_err(|e| e.status), *expected, "{rule}: {lines:?}");
    }
    assert_eq!(parse("1.0", "Transfer-Encoding: chunked\r\n").unwrap_err().status, 400, "9112 6.1");
    assert_eq!(parse("1.0", "Content-Length: 5\r\n").unwrap().framing, Framing::Length(5));
}

/// RFC 9112 section 9.3.
#[test]
fn persistence() {
    let table: &[(&str, &str, bool)] = &[
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: CLOSE\r\n", false),
        ("1.1", "Connection: keep-alive, close\r\n", false),
        ("1.1", "Connection: close\r\nConnection: keep-alive\r\n", false),
        ("1.1", "Connection: x,,\tclose ,y\r\n", false),
        ("1.1", "Connection: closed\r\n", true),
        ("1.1", "Connection: x-close\r\n", true),
        ("1.1", "X: close\r\n", true),
        ("1.0", "", false),
        ("1.0", "Connection: keep-alive\r\n", true),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
        ("1.0", "Keep-Alive: timeout=5\r\n", false),
        ("1.2", "", true),
    ];
    for (version, lines, expected) in table {
        assert_eq!(parse(version, lines).unwrap().keep_alive, *expected, "{version} {lines:?}");
    }
}

/// RFC 9110 section 7.8.
#[test]
fn upgrades() {
    let both = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n";
    assert!(parse("1.1", both).unwrap().upgrade);
    assert!(!parse("1.0", both).unwrap().upgrade);
    assert!(!parse("1.1", "Upgrade: websocket\r\n").unwrap().upgrade);
    assert!(!parse("1.1", "Connection: upgrade\r\n").unwrap().upgrade);
}

/// RFC 9110 section 10.1.1: whether a 100 is awaited, or the error.
#[test]
fn expectations() {
    let table: &[(&str, &str, Result<bool, u16>)] = &[
        ("1.1", "Content-Length: 1\r\nExpect: 100-continue\r\n", Ok(true)),
        ("1.1", "Transfer-Encoding: chunked\r\nExpect: 100-Continue\r\n", Ok(true)),
        ("1.1", "Expect: 100-continue\r\n", Ok(false)),
        ("1.1", "Content-Length: 0\r\nExpect: 100-continue\r\n", Ok(false)),
        ("1.0", "Content-Length: 1\r\nExpect: 100-continue\r\n", Ok(false)),
        ("1.0", "Content-Length: 1\r\nExpect: a miracle\r\n", Ok(false)),
        ("1.1", "Content-Length: 1\r\nExpect: a miracle\r\n", Err(417)),
        ("1.1", "Content-Length: 1\r\nExpect: 100-continue, x\r\n", Err(417)),
        ("1.1", "Content-Length: 1\r\nExpect: 200-ok\r\n", Err(417)),
        ("1.1", "Content-Length: 1\r\nExpect:\r\n", Ok(false)),
    ];
    for (version, lines, expected) in table {
        let result = parse(version, lines).map(|r| r.expect_continue).map_err(|e| e.status);
        assert_eq!(result, *expected, "{version} {lines:?}");
    }
}
