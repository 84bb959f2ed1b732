//! The printed head of a kept file is stored and sent again. Only the date may be different.

use super::harness::{Response, Server, each, site};
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
        let kept = site(settings, &[("a.txt", b"0123456789")]);
        let fresh = site(&format!("{settings} open_file_cache off;"), &[("a.txt", b"0123456789")]);
        let time = std::fs::metadata(kept.path("html/a.txt")).unwrap().modified().unwrap();
        let file = std::fs::File::options().write(true).open(fresh.path("html/a.txt")).unwrap();
        file.set_modified(time).unwrap();
        let mut client = kept.connect();
        warm(&kept, &mut client, "/a.txt", "html/a.txt");
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
