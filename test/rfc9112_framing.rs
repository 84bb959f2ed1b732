//! RFC 9112, sections 6 and 7: the end of a message by Content-Length and by chunks, and invalid framing.
//! For the format of a row, see test/harness/conform.rs.
//!
//! Head and content are sent in one write. Invalid content is refused even if the handler does not need it: the server
//! must not answer with success to a message without a valid end.

mod harness;

use harness::conform::{NEXT, Row, bench, borrow, build, judged, kept, refused, served};
use harness::each;

/// A GET of the file with these field lines and this content, separated by an empty line.
fn get(part: &str) -> String {
    format!("GET /a.txt HTTP/1.1\r\nHost: h\r\n{part}")
}

/// A POST to a location that answers any method.
fn post(part: &str) -> String {
    format!("POST /text HTTP/1.1\r\nHost: h\r\n{part}")
}

/// A POST to a file, which is not allowed.
fn post_file(part: &str) -> String {
    format!("POST /a.txt HTTP/1.1\r\nHost: h\r\n{part}")
}

/// Chunked content after `before`.
fn chunked(before: fn(&str) -> String, content: &str) -> String {
    before(&format!("Transfer-Encoding: chunked\r\n\r\n{content}"))
}

#[test]
fn content_by_its_length() {
    let s = bench("");
    let good = [
        ("9112 6.3 MUST", "Content-Length: 5\r\n\r\nhello"),
        ("9112 6.3 MUST", "Content-Length:5\r\n\r\nhello"),
        ("9112 6.3 MUST", "content-length: \t 5 \t \r\n\r\nhello"),
        ("9112 6.3 MUST", "Content-Length: 0\r\n\r\n"),
        ("9112 6.3 MUST", "Content-Length: 00\r\n\r\n"),
        ("9110 8.6 (1*DIGIT)", "Content-Length: 00000000000000000000000005\r\n\r\nhello"),
        ("9112 6.3 MUST", "Content-Length: 2\r\n\r\n\r\n"),
        ("9112 6.3 MUST", "Content-Length: 35\r\n\r\nGET /gone HTTP/1.1\r\nHost: h\r\n\r\n1234"),
        ("9112 6.3 (no length: no content)", "\r\n"),
        ("9112 6.3 (no length: no content)", "Content-Type: text/plain\r\n\r\n"),
    ];
    let rows = good.map(|(rule, part)| (rule, get(part)));
    served(&s, &rows.each_ref().map(|(rule, text)| (*rule, text.as_str())));
    let rows = good.map(|(rule, part)| (rule, post(part), &[200u16, 411][..]));
    kept(&s, &borrow(&rows));
    let rows = good.map(|(rule, part)| (rule, post_file(part), &[405u16][..]));
    judged(&s, &borrow(&rows));
    // The same length twice: treated as one, or an error (9110 8.6 MUST).
    let rows: &[Row] = &[
        ("9110 8.6 MUST", "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", &[200, 400]),
        ("9110 8.6 MUST", "Content-Length: 5, 5\r\n\r\nhello", &[200, 400]),
        ("9110 8.6 MUST", "Content-Length: 5,5,5\r\n\r\nhello", &[200, 400]),
        ("9110 8.6 MUST", "Content-Length: 5\r\nContent-Length: 05\r\n\r\nhello", &[200, 400]),
        ("9110 8.6 MUST", "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", &[200, 400]),
        // A list may have empty members (9110 5.6.1.2), but Content-Length is not a list: 400 is also right.
        ("9110 8.6", "Content-Length: 5,\r\n\r\nhello", &[400, 200]),
        ("9110 8.6", "Content-Length: ,5\r\n\r\nhello", &[400, 200]),
    ];
    judged(&s, &borrow(&build(rows, get)));
    // The method does not change the framing (9112 6: for every method).
    let methods = ["HEAD", "DELETE", "OPTIONS", "PUT", "PATCH", "TRACE", "PROPFIND", "FOO"];
    each(methods, |method| {
        let request = format!("{method} /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{NEXT}", NEXT.len());
        judged(&s, &[("9112 6 MUST", &request, &[200, 204, 405, 501, 400])]);
    });
}

#[test]
fn lengths_that_are_none() {
    let huge = format!("Content-Length: {}", "9".repeat(400));
    let rows: &[Row] = &[
        ("9112 6.3 MUST", "Content-Length: 5\r\nContent-Length: 6", &[400]),
        ("9112 6.3 MUST", "Content-Length: 6\r\nX: y\r\ncontent-length: 5", &[400]),
        ("9112 6.3 MUST", "Content-Length: 5, 6", &[400]),
        ("9112 6.3 MUST", "Content-Length: 5,6", &[400]),
        ("9112 6.3 MUST", "Content-Length: 5, 5, 6", &[400]),
        ("9112 6.3 MUST", "Content-Length: 5\r\nContent-Length:", &[400]),
        ("9112 6.3 MUST", "Content-Length: 5\r\nContent-Length: x", &[400]),
        ("9112 6.3 MUST", "Content-Length: 0\r\nContent-Length: 5", &[400]),
        ("9112 6.3 MUST", "Content-Length: 5\r\nContent-Length: 5\r\nContent-Length: 6", &[400]),
        ("9112 6.3 MUST", "Content-Length:", &[400]),
        ("9112 6.3 MUST", "Content-Length: \t", &[400]),
        ("9112 6.3 MUST", "Content-Length: five", &[400]),
        ("9112 6.3 MUST", "Content-Length: +5", &[400]),
        ("9112 6.3 MUST", "Content-Length: -5", &[400]),
        ("9112 6.3 MUST", "Content-Length: -0", &[400]),
        ("9112 6.3 MUST", "Content-Length: 0x5", &[400]),
        ("9112 6.3 MUST", "Content-Length: 5h", &[400]),
        ("9112 6.3 MUST", "Content-Length: 0o5", &[400]),
        ("9112 6.3 MUST", "Content-Length: 1e1", &[400]),
        ("9112 6.3 MUST", "Content-Length: 5.0", &[400]),
        ("9112 6.3 MUST", "Content-Length: 1_0", &[400]),
        ("9112 6.3 MUST", "Content-Length: 5 5", &[400]),
        ("9112 6.3 MUST", "Content-Length: 5\t0", &[400]),
        ("9112 6.3 MUST", "Content-Length: 5;", &[400]),
        ("9112 6.3 MUST", "Content-Length: 5;a=b", &[400]),
        ("9112 6.3 MUST", "Content-Length: \"5\"", &[400]),
        ("9112 6.3 MUST", "Content-Length: =5", &[400]),
        ("9112 6.3 MUST", "Content-Length: 5\0", &[400]),
        ("9112 6.3 MUST", "Content-Length: 5\u{b}", &[400]),
        ("9112 6.3 MUST", "Content-Length: \u{c}5", &[400]),
        ("9112 6.3 MUST", "Content-Length: 5\u{a0}", &[400]),
        ("9112 6.3 MUST", "Content-Length: \u{b2}", &[400]),
        ("9112 6.3 MUST", "Content-Length: NaN", &[400]),
        ("9112 5.1 MUST", "Content-Length : 5", &[400]),
        ("9112 5.1 MUST", "Content-Length\t: 5", &[400]),
        ("9112 5.2 MUST", "Content-Length:\r\n 5", &[400]),
        ("9112 5.2 MUST", "Content-Length: 5\r\n 5", &[400]),
        ("9110 5.1", "Content-Length\0: 5", &[400]),
        ("9110 8.6 MUST (no overflow)", "Content-Length: 18446744073709551616", &[400, 413]),
        ("9110 8.6 MUST (no overflow)", "Content-Length: 18446744073709551621", &[400, 413]),
        ("9110 8.6 MUST (no overflow)", "Content-Length: 4294967301000000000000005", &[400, 413]),
        ("9110 8.6 MUST (no overflow)", &huge, &[400, 413]),
        ("9110 15.5.14", "Content-Length: 18446744073709551615", &[413, 400]),
        ("9110 15.5.14", "Content-Length: 9223372036854775808", &[413, 400]),
    ];
    let s = bench("");
    for method in [get, post, post_file] {
        refused(&s, &borrow(&build(rows, |part| method(&format!("{part}\r\n\r\n")))));
    }
    refused(&s, &[("9112 6.3 MUST", "GET /a.txt HTTP/1.0\r\nContent-Length: x\r\n\r\n", &[400])]);
    refused(&s, &[("9112 6.3 MUST", "HEAD /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", &[400])]);
}

#[test]
fn transfer_codings() {
    let s = bench("");
    let good = [
        ("9112 7.1 MUST", "Transfer-Encoding: chunked"),
        ("9112 7 (case-insensitive)", "Transfer-Encoding: Chunked"),
        ("9112 7 (case-insensitive)", "tRANSFER-eNCODING: CHUNKED"),
        ("9112 5 (OWS)", "Transfer-Encoding:chunked"),
        ("9112 5 (OWS)", "Transfer-Encoding: \t chunked \t "),
    ];
    let good = good.map(|(rule, part)| (rule, get(&format!("{part}\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))));
    served(&s, &good.each_ref().map(|(rule, text)| (*rule, text.as_str())));
    let rows: &[Row] = &[
        // chunked is not the final coding: 400, then close.
        ("9112 6.3 MUST", "Transfer-Encoding: chunked, gzip", &[400]),
        ("9112 6.3 MUST", "Transfer-Encoding: chunked, identity", &[400]),
        ("9112 6.3 MUST", "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip", &[400]),
        ("9112 6.3 MUST", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", &[400]),
        ("9112 6.3 MUST (6.1 SHOULD 501)", "Transfer-Encoding: gzip", &[400, 501]),
        ("9112 6.3 MUST (6.1 SHOULD 501)", "Transfer-Encoding: identity", &[400, 501]),
        ("9112 6.3 MUST (6.1 SHOULD 501)", "Transfer-Encoding: xchunked", &[400, 501]),
        ("9112 6.3 MUST (6.1 SHOULD 501)", "Transfer-Encoding: chunke", &[400, 501]),
        ("9112 6.3 MUST (6.1 SHOULD 501)", "Transfer-Encoding: chunked-x", &[400, 501]),
        ("9112 6.3 MUST (6.1 SHOULD 501)", "Transfer-Encoding: \"chunked\"", &[400, 501]),
        ("9112 6.3 MUST (6.1 SHOULD 501)", "Transfer-Encoding: 'chunked'", &[400, 501]),
        ("9112 6.3 MUST", "Transfer-Encoding: chunked chunked", &[400, 501]),
        ("9112 6.3 MUST", "Transfer-Encoding: x chunked", &[400, 501]),
        ("9112 6.3 MUST", "Transfer-Encoding:", &[400, 501]),
        ("9112 6.3 MUST", "Transfer-Encoding: \t", &[400, 501]),
        ("9112 6.3 MUST", "Transfer-Encoding: ,", &[400, 501]),
        // Unknown codings before chunked.
        ("9112 6.1 SHOULD", "Transfer-Encoding: gzip, chunked", &[501, 400]),
        ("9112 6.1 SHOULD", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", &[501, 400]),
        ("9112 6.1 SHOULD", "Transfer-Encoding: identity, chunked", &[501, 400]),
        ("9112 6.1 SHOULD", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked", &[501, 400]),
        // chunked is applied once (6.1 MUST NOT) and has no parameters (7.1: treated as an error).
        ("9112 6.1 MUST NOT", "Transfer-Encoding: chunked, chunked", &[400, 501]),
        ("9112 6.1 MUST NOT", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", &[400, 501]),
        ("9112 7.1 SHOULD", "Transfer-Encoding: chunked;a=b", &[400, 501]),
        ("9112 7.1 SHOULD", "Transfer-Encoding: chunked; q=1", &[400, 501]),
        ("9112 6.1 (house)", "Transfer-Encoding: chunked,", &[400, 501]),
        ("9112 6.1 (house)", "Transfer-Encoding: , chunked", &[400, 501]),
        ("9112 6.1 (house)", "Transfer-Encoding: chunked\r\nTransfer-Encoding:", &[400, 501]),
        // Variants that proxies and servers have interpreted in different ways.
        ("9110 5.5", "Transfer-Encoding: \u{b}chunked", &[400]),
        ("9110 5.5", "Transfer-Encoding: chunked\u{b}", &[400]),
        ("9110 5.5", "Transfer-Encoding: \u{c}chunked", &[400]),
        ("9110 5.5", "Transfer-Encoding: chunked\0", &[400]),
        ("9110 5.5", "Transfer-Encoding: chunked\u{7f}", &[400]),
        ("9110 5.5", "Transfer-Encoding: \u{a0}chunked", &[400, 501]),
        ("9110 5.5", "Transfer-Encoding: chunked\u{ff}", &[400, 501]),
        ("9112 5.1 MUST", "Transfer-Encoding : chunked", &[400]),
        ("9112 5.1 MUST", "Transfer-Encoding\t: chunked", &[400]),
        ("9112 5.2 MUST", "Transfer-Encoding:\r\n chunked", &[400]),
        ("9112 5.2 MUST", "Transfer-Encoding: gzip,\r\n\tchunked", &[400]),
        ("9112 5.2 MUST", " Transfer-Encoding: chunked", &[400]),
        ("9112 5.2 MUST", "X: y\r\n Transfer-Encoding: chunked", &[400]),
        ("9112 2.2 MUST", "X: y\rTransfer-Encoding: chunked", &[400]),
        ("9110 5.1", "Transfer-Encoding\0: chunked", &[400]),
    ];
    let whole = |part: &str| format!("{part}\r\n\r\n0\r\n\r\n");
    refused(&s, &borrow(&build(rows, |part| get(&whole(part)))));
    refused(&s, &borrow(&build(rows, |part| post(&whole(part)))));
}

#[test]
fn length_and_coding_together() {
    // 6.1: the server MAY accept or refuse it; this one refuses (house), and MUST close.
    let rows: &[Row] = &[
        ("9112 6.1 MUST", "Content-Length: 5\r\nTransfer-Encoding: chunked", &[400]),
        ("9112 6.1 MUST", "Transfer-Encoding: chunked\r\nContent-Length: 5", &[400]),
        ("9112 6.1 MUST", "Content-Length: 0\r\nTransfer-Encoding: chunked", &[400]),
        ("9112 6.1 MUST", "Transfer-Encoding: chunked\r\nX: y\r\nContent-Length: 0", &[400]),
        ("9112 6.1 MUST", "Content-Length: 5\r\nTransfer-Encoding: CHUNKED", &[400]),
        ("9112 6.1 MUST", "Content-Length: 5\r\nTransfer-Encoding: identity", &[400, 501]),
        ("9112 6.1 MUST", "Content-Length: 5\r\nTransfer-Encoding: gzip", &[400, 501]),
        ("9112 6.1 MUST", "Content-Length: 5\r\nTransfer-Encoding: gzip, chunked", &[400, 501]),
        ("9112 6.1 MUST", "Content-Length: 5\r\nTransfer-Encoding:", &[400, 501]),
        ("9112 6.1 MUST", "Content-Length: 5\r\nTransfer-Encoding: xchunked", &[400, 501]),
        ("9112 6.1 MUST", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x", &[400, 501]),
        ("9112 6.1 MUST", "Content-Length: 5\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", &[400]),
        ("9112 6.1 MUST", "Content-Length: x\r\nTransfer-Encoding: chunked", &[400]),
        ("9112 6.1 MUST", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive", &[400]),
    ];
    let s = bench("");
    let whole = |part: &str| format!("{part}\r\n\r\n0\r\n\r\n");
    refused(&s, &borrow(&build(rows, |part| get(&whole(part)))));
    refused(&s, &borrow(&build(rows, |part| post(&whole(part)))));
    // 6.1: in HTTP/1.0 the framing is always faulty, and the connection is closed.
    let rows: &[Row] = &[
        ("9112 6.1 MUST", "Transfer-Encoding: chunked", &[400]),
        ("9112 6.1 MUST", "Transfer-Encoding: chunked\r\nConnection: keep-alive", &[400]),
        ("9112 6.1 MUST", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\nConnection: keep-alive", &[400]),
        ("9112 6.1 MUST", "Transfer-Encoding: identity\r\nConnection: keep-alive", &[400, 501]),
    ];
    refused(&s, &borrow(&build(rows, |part| format!("POST /text HTTP/1.0\r\nHost: h\r\n{}", whole(part)))));
    // TE is another field, and so is a field with another name.
    let rows: &[(&str, &str)] = &[
        ("9110 10.1.4", &get("TE: trailers\r\nConnection: TE\r\n\r\n")),
        ("9110 10.1.4", &get("TE: chunked, gzip;q=0.5\r\nContent-Length: 5\r\n\r\nhello")),
        ("9110 5.1", &get("Transfer-Encodin: chunked\r\nContent-Length: 5\r\n\r\nhello")),
        ("9110 5.1", &get("XTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello")),
        ("9110 5.1", &get("X-Content-Length: 7\r\nContent-Length: 5\r\n\r\nhello")),
    ];
    served(&s, rows);
    judged(&s, &[("9110 5.1", &get("Content_Length: 7\r\nTransfer_Encoding: x\r\n\r\n"), &[200, 400])]);
}

#[test]
fn chunks() {
    let digits = format!("{}5\r\nhello\r\n0\r\n\r\n", "0".repeat(14));
    let many = format!("{}0\r\n\r\n", "1\r\nx\r\n".repeat(2000));
    let large = format!("186A0\r\n{}\r\n0\r\n\r\n", "x".repeat(100_000));
    let good = [
        "0\r\n\r\n",
        "00\r\n\r\n",
        "0000000000000000\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "05\r\nhello\r\n00\r\n\r\n",
        "a\r\n0123456789\r\n0\r\n\r\n",
        "A\r\n0123456789\r\n0\r\n\r\n",
        "1\r\nh\r\n4\r\nello\r\n0\r\n\r\n",
        // Data may contain any bytes.
        "2\r\n\r\n\r\n0\r\n\r\n",
        "5\r\n0\r\n\r\n\r\n0\r\n\r\n",
        "1a\r\nGET /gone HTTP/1.1\r\nX: y\r\n\r\n0\r\n\r\n",
        // Extensions are ignored (7.1.1 MUST).
        "5;a\r\nhello\r\n0\r\n\r\n",
        "5;a=b\r\nhello\r\n0;last\r\n\r\n",
        "5;a;b=c;d\r\nhello\r\n0\r\n\r\n",
        "5;a=\"b\"\r\nhello\r\n0\r\n\r\n",
        "5;a=\"\"\r\nhello\r\n0\r\n\r\n",
        "5;a=\"b c;d=e\tf\"\r\nhello\r\n0\r\n\r\n",
        "5;a=\"\\\"b\\\\\";c\r\nhello\r\n0\r\n\r\n",
        "5;a=\"\u{fc}\u{80}\"\r\nhello\r\n0\r\n\r\n",
        // The grammar allows BWS here: parsed and removed (9110 5.6.3 MUST).
        "5 ;a\r\nhello\r\n0\r\n\r\n",
        "5 \t; \ta \t= \tb\r\nhello\r\n0\r\n\r\n",
        // Trailers.
        "0\r\nX: y\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: y\r\nX-Empty:\r\nContent-MD5: \t x \t \r\n\r\n",
        &digits,
        &many,
        &large,
    ];
    let s = bench("");
    let rows = good.map(|content| ("9112 7.1 MUST", chunked(get, content)));
    served(&s, &rows.each_ref().map(|(rule, text)| (*rule, text.as_str())));
    let rows = good.map(|content| ("9112 7.1 MUST", chunked(post, content), &[200u16][..]));
    kept(&s, &borrow(&rows));
    let rows = good.map(|content| ("9112 7.1 MUST", chunked(post_file, content), &[405u16][..]));
    judged(&s, &borrow(&rows));
    let rows: &[Row] = &[
        ("9112 7.1 (1*HEXDIG)", "000000000000000000000000000000005\r\nhello\r\n0\r\n\r\n", &[200, 400]),
        // Fields for framing or routing are not allowed in a trailer: dropped, without effect (9110 6.5.1 MUST NOT).
        ("9110 6.5.1 MUST NOT", "0\r\nContent-Length: 50\r\n\r\n", &[200, 400]),
        ("9110 6.5.1 MUST NOT", "0\r\nTransfer-Encoding: chunked\r\n\r\n", &[200, 400]),
        ("9110 6.5.1 MUST NOT", "0\r\nHost: other\r\n\r\n", &[200, 400]),
        ("9110 6.5.1 MUST NOT", "0\r\nRange: bytes=0-1\r\n\r\n", &[200, 400]),
        ("9110 6.5.1 MUST NOT", "0\r\nIf-None-Match: *\r\n\r\n", &[200, 400]),
        ("9110 6.5.1 MUST NOT", "0\r\nExpect: nothing\r\n\r\n", &[200, 400]),
        ("9110 6.5.1 MUST NOT", "0\r\nConnection: close\r\n\r\n", &[200, 400]),
    ];
    judged(&s, &borrow(&build(rows, |content| chunked(get, content))));
}

/// Chunked content that the grammar of 7.1 does not allow.
const BROKEN_CHUNKS: &[&str] = &[
    // Sizes.
    "\r\nhello\r\n0\r\n\r\n",
    "x\r\nhello\r\n0\r\n\r\n",
    "g\r\nhello\r\n0\r\n\r\n",
    "5g\r\nhello\r\n0\r\n\r\n",
    "-5\r\nhello\r\n0\r\n\r\n",
    "-0\r\n\r\n",
    "+5\r\nhello\r\n0\r\n\r\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "5h\r\nhello\r\n0\r\n\r\n",
    "5.0\r\nhello\r\n0\r\n\r\n",
    "0_5\r\nhello\r\n0\r\n\r\n",
    "\"5\"\r\nhello\r\n0\r\n\r\n",
    "5,5\r\nhello\r\n0\r\n\r\n",
    "5 5\r\nhello\r\n0\r\n\r\n",
    "\u{0}5\r\nhello\r\n0\r\n\r\n",
    "5\0\r\nhello\r\n0\r\n\r\n",
    "\u{b2}\r\nhello\r\n0\r\n\r\n",
    "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "100000000000000000000000000000005\r\nhello\r\n0\r\n\r\n",
    "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n",
    // Whitespace where the grammar has none.
    " 5\r\nhello\r\n0\r\n\r\n",
    "\t5\r\nhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    "5\t\r\nhello\r\n0\r\n\r\n",
    "5\u{b}\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\r\n 0\r\n\r\n",
    "5\r\nhello\r\n0 \r\n\r\n",
    "\r\n5\r\nhello\r\n0\r\n\r\n",
    // Line ends.
    "5\nhello\r\n0\r\n\r\n",
    "5\rhello\r\n0\r\n\r\n",
    "5\r\r\nhello\r\n0\r\n\r\n",
    "5\n\rhello\r\n0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5\r\nhello\r0\r\n\r\n",
    "5\r\nhello0\r\n\r\n",
    "5\r\nhello\r\n\r\n0\r\n\r\n",
    "5\r\nhello\r\n0\n\r\n",
    "5\r\nhello\r\n0\r\n\n",
    "5\r\nhello\r\n0\n\n",
    "0\r\rX",
    "0\r\n\rX",
    // Data longer or shorter than its size.
    "5\r\nhello!\r\n0\r\n\r\n",
    "5\r\nhell\r\n0\r\n\r\n",
    "5\r\nhelloworld\r\n0\r\n\r\n",
    // The last chunk is missing: the next line is not a size.
    "5\r\nhello\r\n",
    // Extensions.
    "5;\r\nhello\r\n0\r\n\r\n",
    "5; \r\nhello\r\n0\r\n\r\n",
    "5;;a\r\nhello\r\n0\r\n\r\n",
    "5;a;\r\nhello\r\n0\r\n\r\n",
    "5;=b\r\nhello\r\n0\r\n\r\n",
    "5;a=\r\nhello\r\n0\r\n\r\n",
    "5;a b\r\nhello\r\n0\r\n\r\n",
    "5;a=b c\r\nhello\r\n0\r\n\r\n",
    "5;a=b=c\r\nhello\r\n0\r\n\r\n",
    "5;a=\"b\r\nhello\r\n0\r\n\r\n",
    "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n",
    "5;a=\"b\\\r\nhello\r\n0\r\n\r\n",
    "5;a=b\"\r\nhello\r\n0\r\n\r\n",
    "5;a(b)\r\nhello\r\n0\r\n\r\n",
    "5;a\0\r\nhello\r\n0\r\n\r\n",
    "5;a=\"\0\"\r\nhello\r\n0\r\n\r\n",
    "5;a=\"\u{7f}\"\r\nhello\r\n0\r\n\r\n",
    "5;a\nhello\r\n0\r\n\r\n",
    "5;a\rb\r\nhello\r\n0\r\n\r\n",
    "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
    "5 a\r\nhello\r\n0\r\n\r\n",
    "5:a\r\nhello\r\n0\r\n\r\n",
    // Trailers are field lines, and end in CR LF.
    "0\r\nX\r\n\r\n",
    "0\r\nX : y\r\n\r\n",
    "0\r\n: y\r\n\r\n",
    "0\r\nX: y\r\n z\r\n\r\n",
    "0\r\n X: y\r\n\r\n",
    "0\r\nX: a\0b\r\n\r\n",
    "0\r\nX: a\rb\r\n\r\n",
    "0\r\nX: y\n\r\n",
    "0\r\nX: y\r\n\n",
    "0\r\nGET /a.txt HTTP/1.1\r\n\r\n",
];

#[test]
fn broken_chunks() {
    let s = bench("");
    for method in [get, post, post_file] {
        let rows =
            BROKEN_CHUNKS.iter().map(|content| ("9112 7.1, 2.2 (house)", chunked(method, content), &[400u16][..]));
        refused(&s, &borrow(&rows.collect::<Vec<_>>()));
    }
    // Sizes that fit into 64 bits but not into memory; extensions and trailers without an end (7.1.1, 9110 5.4).
    let extension = format!("5;a={}\r\nhello\r\n0\r\n\r\n", "b".repeat(300_000));
    let trailer = format!("0\r\nX: {}\r\n\r\n", "y".repeat(300_000));
    let trailers = format!("0\r\n{}\r\n", "X: y\r\n".repeat(20_000));
    let rows: &[Row] = &[
        ("9112 7.1 MUST", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", &[413, 400]),
        ("9112 7.1 MUST", "8000000000000000\r\nhello\r\n0\r\n\r\n", &[413, 400]),
        ("9112 7.1 MUST", "7fffffffffffffff\r\nhello\r\n0\r\n\r\n", &[413, 400]),
        ("9112 7.1 MUST", "5\r\nhello\r\nfffffffffffffffe\r\nhello\r\n0\r\n\r\n", &[413, 400]),
    ];
    for method in [get, post] {
        refused(&s, &borrow(&build(rows, |content| chunked(method, content))));
    }
    // Longer than one read: the response may have been sent before the fault is read, so 200 with a close is right,
    // too.
    let long: &[Row] = &[
        ("9112 7.1.1", &extension, &[400, 413, 431, 200]),
        ("9110 5.4 MUST", &trailer, &[400, 413, 431, 200]),
        ("9110 5.4 MUST", &trailers, &[400, 413, 431, 200]),
    ];
    each(long, |(rule, content, statuses)| {
        let mut client = s.connect();
        client.send(chunked(post, content) + NEXT);
        let response = client.response();
        assert!(statuses.contains(&response.status), "{rule}: {response}");
        client.assert_ended(rule);
    });
}
