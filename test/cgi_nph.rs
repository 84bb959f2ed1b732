//! Non-parsed header scripts (RFC 3875 section 5): they write the whole response, and the server passes it on.

mod harness;

use harness::scripts::{children, make_executable, scripts};
use harness::{Setup, each, host, http, wait_for};

/// A script that writes these lines, each with CR LF.
fn lines(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("printf '%s\\r\\n' '{line}'\n")).collect()
}

#[test]
fn its_bytes_are_the_answer_and_the_connection_ends() {
    let plain = lines(&["HTTP/1.1 200 Fine: \"odd\"", "x-own:  1", "Content-Length: 4", "", "ab"]);
    let told = "printf \"$SERVER_PROTOCOL 203 told\\n\\n\"; cat";
    let bare = "printf 'HTTP/1.0 404\\nno field\\n\\nnot here'";
    let chunks =
        lines(&["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Trailer: X-T", "", "3", "abc", "0", "X-T: 1", ""]);
    let s = scripts(
        "add_header X-Added no; cgi_param SOFT $server_name;",
        &[("nph-a.sh", &plain), ("nph-told.sh", told), ("d/nph-bare.sh", bare), ("nph-chunks.sh", &chunks)],
    );
    let rows = [
        ("GET /nph-a.sh HTTP/1.1", "HTTP/1.1 200 Fine: \"odd\"\r\nx-own:  1\r\nContent-Length: 4\r\n\r\nab\r\n"),
        ("GET /nph-told.sh HTTP/1.1", "HTTP/1.1 203 told\n\n"),
        ("GET /nph-told.sh/info HTTP/1.0", "HTTP/1.0 203 told\n\n"),
        ("GET /d/nph-bare.sh HTTP/1.1", "HTTP/1.0 404\nno field\n\nnot here"),
        (
            "GET /nph-chunks.sh HTTP/1.1",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
        ),
    ];
    each(rows, |(line, expected)| {
        let got = s.exchange(format!("{line}\r\nHost: h\r\nConnection: keep-alive\r\n\r\n").as_bytes());
        assert_eq!(got.escape_ascii().to_string(), expected.as_bytes().escape_ascii().to_string(), "{line}");
    });
    let post = "POST /nph-told.sh HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
    assert_eq!(s.exchange(post.as_bytes()), b"HTTP/1.1 203 told\n\nbody");
}

#[test]
fn no_second_answer_follows_it() {
    let s = scripts("", &[("nph-a.sh", &lines(&["HTTP/1.1 200 OK", "Content-Length: 2", "", "ab"]))]);
    let two = "GET /nph-a.sh HTTP/1.1\r\nHost: h\r\n\r\nGET /ok.txt HTTP/1.1\r\nHost: h\r\n\r\n";
    let got = s.exchange(two.as_bytes());
    assert_eq!(got.escape_ascii().to_string(), "HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nab\\r\\n");
    // The response before it is complete.
    let two = "GET /ok.txt HTTP/1.1\r\nHost: h\r\n\r\nGET /nph-a.sh HTTP/1.1\r\nHost: h\r\n\r\n";
    let got = s.exchange(two.as_bytes());
    let (first, used) = http::parse(&got, false, false).unwrap().expect("a whole response");
    assert_eq!((first.text(), &got[used..][..15]), ("ok".to_owned(), &b"HTTP/1.1 200 OK"[..]));
}

#[test]
fn where_no_body_may_be_none_is_sent() {
    let text = |status: &str| {
        format!("printf 'HTTP/1.1 {status} x\\r\\nContent-Length: 4\\r\\n\\r\\nbody'; echo done > ended{status}")
    };
    let s = scripts("", &[("nph-200.sh", &text("200")), ("nph-204.sh", &text("204")), ("nph-304.sh", &text("304"))]);
    each([("HEAD", 200), ("GET", 204), ("GET", 304)], |(method, status)| {
        let got = s.exchange(format!("{method} /nph-{status}.sh HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes());
        let expected = format!("HTTP/1.1 {status} x\\r\\nContent-Length: 4\\r\\n\\r\\n");
        assert_eq!(got.escape_ascii().to_string(), expected);
        let ended = s.path(&format!("html/ended{status}"));
        wait_for("the script's own end", || ended.exists().then_some(()));
    });
}

#[test]
fn what_is_no_response_is_a_bad_gateway() {
    let rows = [
        ("cgi", "printf 'Content-Type: text/plain\\n\\ntext'"),
        ("nothing", ""),
        ("half", "printf 'HTTP/1.1 200 OK\\r\\nX: 1\\r\\n'"),
        ("line", "printf 'HTTP/1.1 200 OK'"),
        ("interim", "printf 'HTTP/1.1 100 Continue\\r\\n\\r\\nHTTP/1.1 200 OK\\r\\n\\r\\n'"),
        ("upgrade", "printf 'HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n'"),
        ("version", "printf 'HTTP/3 200\\r\\n\\r\\n'"),
        ("status", "printf 'HTTP/1.1 20 OK\\r\\n\\r\\n'"),
        (
            "endless",
            "printf 'HTTP/1.1 200 OK\\r\\n'; while :; do echo 'X: 0123456789012345678901234567890123456789'; done",
        ),
        ("flood", "exec cat /dev/zero"),
    ];
    let named = rows.map(|(name, text)| (format!("nph-{name}.sh"), text));
    let s = scripts("", &named.each_ref().map(|(name, text)| (&name[..], *text)));
    each(rows, |(name, _)| {
        let mut client = s.connect();
        client.get(&format!("/nph-{name}.sh")).expect(502, name);
        assert_eq!(client.get("/ok.txt").text(), "ok", "after {name}: nothing of it has left");
    });
    wait_for("no process left", || children(s.process.pid()).is_empty().then_some(()));
}

#[test]
fn its_status_and_its_bytes_are_logged() {
    let log = "log_format nph '$status $bytes_sent $body_bytes_sent $sent_http_x_own';";
    let script = "#!/bin/sh\nprintf 'HTTP/1.1 418 tea\\r\\nX-Own: pot\\r\\n\\r\\n12345'\n";
    let setup = Setup::new(&(log.to_owned() + &host("access_log logs/nph.log nph; cgi on;")), &[]);
    setup.write("html/nph-a.sh", script.as_bytes());
    make_executable(&setup.path("html/nph-a.sh"));
    let s = setup.start();
    s.exchange(b"GET /nph-a.sh HTTP/1.1\r\nHost: h\r\n\r\n");
    let line = wait_for("the access log's line", || {
        let text = s.text("logs/nph.log");
        text.ends_with('\n').then_some(text)
    });
    assert_eq!(line, "418 37 5 pot\n");
}
