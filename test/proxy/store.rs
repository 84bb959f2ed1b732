//! `proxy_store`: an answer becomes a file, and only a whole one.

use super::harness::gateways::Protocol;
use super::harness::upstream::Upstream;
use super::harness::{Server, each, site, wait_for};
use super::{GET, answered, proxy};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

fn names(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(names(&entry.path()).iter().map(|inner| format!("{name}/{inner}"))),
            false => found.push(name),
        }
    }
    found.sort();
    found
}

/// The names below `html` but for the site's own file.
#[track_caller]
fn stored(s: &Server) -> Vec<String> {
    let mut all = names(&s.path("html"));
    all.retain(|name| name != "ok.txt");
    all
}

#[test]
fn an_answer_is_stored_where_the_request_looks_for_it() {
    let (up, s) = proxy("proxy_store on;");
    let get = "GET /new/folder/a.txt HTTP/1.1\r\nHost: h\r\n\r\n";
    for body in ["hello".to_owned(), "x".repeat(3 << 20), String::new()] {
        let length = body.len();
        let fields = "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT";
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\nContent-Length: {length}\r\n\r\n{body}");
        assert_eq!(answered(&up, &s, get, answer).expect(200, get).body.len(), length);
        let is_there = || (s.text("html/new/folder/a.txt").len() == length).then_some(());
        wait_for("the file", is_there);
        assert!(s.text("html/new/folder/a.txt") == body);
        let there = std::fs::metadata(s.path("html/new/folder/a.txt")).unwrap();
        assert_eq!((there.permissions().mode() & 0o777, there.mtime()), (0o600, 1_704_067_200));
    }
    assert_eq!(stored(&s), ["new/folder/a.txt"], "no temporary file is left");
}

/// An answer with chunks, or whose end is that of the connection.
#[test]
fn an_answer_without_a_length_is_stored_when_it_is_whole() {
    let rows = ["Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "Connection: close\r\n\r\nhello"];
    each(rows, |answer| {
        let (up, s) = proxy("proxy_store on; proxy_store_access user:rw group:rw all:r;");
        answered(&up, &s, GET, format!("HTTP/1.1 200 OK\r\n{answer}")).expect(200, answer);
        wait_for("the file", || (s.text("html/a") == "hello").then_some(()));
        let mode = std::fs::metadata(s.path("html/a")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o664, "{answer}");
    });
}

/// A request, and an answer that is no whole document.
#[test]
fn other_answers_are_not_stored() {
    let rows = [
        (GET, "404 Not Found\r\nContent-Length: 5\r\n\r\nhello"),
        (GET, "206 Partial Content\r\nContent-Range: bytes 0-4/9\r\nContent-Length: 5\r\n\r\nhello"),
        (GET, "200 OK\r\nContent-Length: 9\r\n\r\nhello"),
        (GET, "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        ("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n", "200 OK\r\nContent-Length: 5\r\n\r\n"),
        ("GET /a/ HTTP/1.1\r\nHost: h\r\n\r\n", "200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        (
            "GET /.0123456789abcdef0123456789abcdef.part HTTP/1.1\r\nHost: h\r\n\r\n",
            "200 OK\r\nContent-Length: 5\r\n\r\nhello",
        ),
    ];
    each(rows, |(request, answer)| {
        let (up, s) = proxy("proxy_store on;");
        let mut client = s.connect();
        client.send(request);
        let (mut peer, _) = up.asked();
        peer.send(format!("HTTP/1.1 {answer}"));
        drop(peer);
        client.half_close();
        client.rest(); // the request is over
        assert_eq!(stored(&s), [""; 0], "{answer}");
    });
}

/// A path with variables, a request, and the file; `None`: nothing is stored.
#[test]
fn a_path_may_have_variables() {
    let rows = [
        ("$uri", "/a.txt", Some("a.txt")),
        ("/$arg_name", "/a.txt?name=b/c", Some("b/c")),
        ("/$arg_name", "/a.txt?name=../c", None),
        ("/$arg_name/", "/a.txt?name=c", None),
        ("/$arg_name", "/a.txt", None),
    ];
    each(rows, |(path, target, file)| {
        let up = Upstream::tcp(Protocol::Http);
        let s = site(&format!("location / {{ {} proxy_store $document_root{path}; }}", up.pass()), &[]);
        let get = format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        let mut client = s.connect();
        client.send(get);
        let (mut peer, _) = up.asked();
        peer.ok(b"hello");
        client.rest();
        assert_eq!(stored(&s), Vec::from_iter(file.map(str::to_owned)), "{path} {target}");
    });
}

/// Where a folder has the file's name, the client gets the answer all the same, and the log says what is wrong.
#[test]
fn what_cannot_be_stored_is_passed_on() {
    let (up, s) = proxy("proxy_store on;");
    std::fs::create_dir_all(s.path("html/a/b")).unwrap();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n{}", "x".repeat(2_000_000));
    assert_eq!(answered(&up, &s, GET, answer).expect(200, "a folder").body.len(), 2_000_000);
    s.wait_said("the answer is not stored as ");
    assert_eq!(stored(&s), [""; 0]);
}

/// The block that nginx's documentation has: a mirror of files, fetched when they are missing.
#[test]
fn a_missing_file_is_fetched_once() {
    let up = Upstream::tcp(Protocol::Http);
    let conf = format!(
        "location / {{ error_page 404 = /fetch$uri; }} \
         location /fetch/ {{ internal; {} proxy_store on; alias html/; }}",
        up.pass()
    );
    let s = site(&conf, &[]);
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(answered(&up, &s, GET, answer).expect(200, "the first").text(), "hello");
    wait_for("the file", || (s.text("html/a") == "hello").then_some(()));
    assert_eq!(s.get("/a").expect(200, "the second").text(), "hello");
    up.assert_not_asked("the file is there");
}
