//! Tests of the harness: it ends all processes that it starts, also when a test panics; its reader of HTTP detects
//! errors.

mod harness;

use harness::http::{Framing, parse};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

#[test]
fn a_panicking_test_leaves_no_process_and_no_directory() {
    let mut left: Option<(u32, PathBuf)> = None;
    let result = catch_unwind(AssertUnwindSafe(|| {
        let server = harness::site("", &[("a.txt", b"a")]);
        left = Some((server.process.pid(), server.dir.path().to_owned()));
        panic!("on purpose: this panic is part of the test");
    }));
    assert!(result.is_err());
    let (pid, dir) = left.expect("the server had started");
    // Signal 0 only checks that the process exists.
    let kill = std::process::Command::new("sh").args(["-c", &format!("kill -0 {pid} 2>&1")]).output().unwrap();
    assert!(!kill.status.success(), "process {pid} is still there");
    assert!(!dir.exists(), "{} is still there", dir.display());
}

/// Bytes, answer to HEAD, ended; then: framing, body, number of bytes left.
type Row = (&'static [u8], bool, bool, Framing, &'static [u8], usize);

#[test]
fn the_reader_takes_each_framing() {
    let rows: [Row; 7] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP", false, false, Framing::Length, b"ab", 4),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHTTP", true, false, Framing::None, b"", 4),
        (b"HTTP/1.1 304 Not Modified\r\n\r\nHTTP", false, false, Framing::None, b"", 4),
        (b"HTTP/1.1 204 No Content\r\n\r\n", false, false, Framing::None, b"", 0),
        (b"HTTP/1.1 200 OK\r\n\r\nall", false, true, Framing::Close, b"all", 0),
        (b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, false, Framing::Chunked, b"", 0),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\nHTTP",
            false,
            false,
            Framing::Chunked,
            b"abc",
            4,
        ),
    ];
    for (bytes, head, ended, framing, body, left) in rows {
        let (response, used) = parse(bytes, head, ended).unwrap().unwrap();
        assert_eq!((response.framing, &response.body[..]), (framing, body), "{}", bytes.escape_ascii());
        assert_eq!(bytes.len() - used, left, "{}", bytes.escape_ascii());
    }
}

#[test]
fn the_reader_waits_for_what_is_missing() {
    let whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    for end in 0..whole.len() {
        assert!(parse(&whole[..end], false, false).unwrap().is_none(), "whole after {end} bytes");
    }
    assert!(parse(whole, false, false).unwrap().is_some());
}

#[test]
fn the_reader_refuses_what_a_server_may_not_send() {
    for head in [
        "HTTP/1.1 200OK",
        "HTTP/1.1 200",
        "HTTP/1.1 20 OK",
        "HTTP/2 200 OK",
        "HTTP/1.1 200 OK\r\nno colon",
        "HTTP/1.1 200 OK\r\nspace : x",
        "HTTP/1.1 200 OK\r\nA: b\nB: c",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked",
        "HTTP/1.1 204 No Content\r\nContent-Length: 0",
    ] {
        assert!(parse(format!("{head}\r\n\r\n").as_bytes(), false, true).is_err(), "{head:?}");
    }
}
