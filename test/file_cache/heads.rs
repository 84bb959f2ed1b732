//! The printed head of a kept file is stored and sent again. Only the date may be different.

use super::harness::{Response, Server, each, site, wait_for};
use super::warm;

/// The fields that do not depend on the time or the client.
fn fields(response: &Response) -> Vec<(String, String)> {
    let is_fixed = |name: &str| !["Date", "Set-Cookie", "X-Connection"].contains(&name);
    response.fields.iter().filter(|(name, _)| is_fixed(name)).cloned().collect()
}

fn ask(s: &Server, request: &str, again: usize) -> Vec<Response> {
    let mut client = s.connect();
    let is_last = |r: &Response| r.says_close() || r.fields.iter().all(|(name, _)| name != "Connection");
    let mut all = Vec::new();
    for _ in 0..again {
        client.send(request);
        all.push(client.any_response());
        if all.last().is_some_and(is_last) {
            break;
        }
    }
    all
}

#[test]
fn a_kept_head_is_that_of_the_file_whatever_the_settings_add() {
    let settings = [
        "",
        "server_tokens off;",
        "keepalive_timeout 65 30;",
        "keepalive_requests 3;",
        "max_ranges 0;",
        "expires 1h;",
        "expires epoch;",
        "userid on;",
        "add_header X-Connection $connection;",
        "add_header X-Path $uri; default_type a/b;",
    ];
    each(settings, |settings| {
        // "etag mtime", since they are two files.
        let kept = site(&format!("{settings} etag mtime;"), &[("a.txt", b"0123456789")]);
        let fresh = site(&format!("{settings} etag mtime; open_file_cache off;"), &[("a.txt", b"0123456789")]);
        let time = std::fs::metadata(kept.path("html/a.txt")).unwrap().modified().unwrap();
        let file = std::fs::File::options().write(true).open(fresh.path("html/a.txt")).unwrap();
        file.set_modified(time).unwrap();
        let mut client = kept.connect();
        warm(&kept, &mut client, "/a.txt", "html/a.txt");
        assert_eq!(kept.tag("/a.txt"), fresh.tag("/a.txt"), "{settings}");
        for request in [
            "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
            "GET /a.txt HTTP/1.0\r\n\r\n",
            "GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "GET /a.txt HTTP/1.1\r\nHost: h\r\nRange: bytes=2-3\r\n\r\n",
        ] {
            let (of_kept, of_fresh) = (ask(&kept, request, 4), ask(&fresh, request, 4));
            assert_eq!(of_kept.len(), of_fresh.len(), "{settings} {request}");
            for (one, other) in of_kept.iter().zip(&of_fresh) {
                assert_eq!((one.status, fields(one)), (other.status, fields(other)), "{settings} {request}");
                assert_eq!(one.body, other.body, "{settings} {request}");
            }
        }
    });
}

/// Each client has its own cookie and number.
#[test]
fn what_is_said_to_one_client_is_not_kept_for_another() {
    let s = site("userid on; add_header X-Connection $connection;", &[("a.txt", b"a")]);
    let mut said: Vec<(String, String)> = (0..5)
        .map(|_| {
            let answer = s.connect().get("/a.txt");
            (answer.must("Set-Cookie").to_owned(), answer.must("X-Connection").to_owned())
        })
        .collect();
    said.sort();
    said.dedup();
    assert_eq!(said.len(), 5, "{said:?}");
}

/// Until the file's time has passed, its Last-Modified is the current time: RFC 9110 section 8.8.2.1.
#[test]
fn a_file_from_the_future_has_no_kept_head() {
    let s = site("", &[("a.txt", b"a")]);
    let file = std::fs::File::options().write(true).open(s.path("html/a.txt")).unwrap();
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(1000)).unwrap();
    let mut client = s.connect();
    for _ in 0..5 {
        let answer = client.get("/a.txt");
        assert_eq!(answer.must("Last-Modified"), answer.must("Date"));
    }
}

/// It was the date of the second in which the file may change once more: a later request with it got a stale 304.
#[test]
fn a_second_that_is_not_over_is_no_date_also_of_a_kept_file() {
    let s = site("", &[("a.txt", b"a")]);
    let mut client = s.connect();
    warm(&s, &mut client, "/a.txt", "html/a.txt");
    let file = std::fs::File::options().write(true).open(s.path("html/a.txt")).unwrap();
    file.set_modified(std::time::SystemTime::now()).unwrap();
    let later = wait_for("Last-Modified", || {
        let answer = client.get("/a.txt");
        assert_ne!(answer.field("Last-Modified"), answer.field("Date"), "{answer}");
        answer.field("Last-Modified").is_some().then_some(answer)
    });
    assert!(later.must("ETag").starts_with('"'), "{later}");
}
