//! What stands in the way is not just absent: the status for each error, at every place where a file is opened, and the
//! line in the log for each refusal.

mod harness;

use harness::{Files, Response, Server, Setup, each, host, site};
use std::fs;
use std::os::unix::fs::symlink;

fn ask(s: &Server, method: &str, target: &str, fields: &str) -> Response {
    s.ask(format!("{method} {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n"))
}

/// A site where all is allowed, with things that are in the way.
fn odd(config: &str) -> Server {
    let config = format!("dav_methods PUT DELETE MKCOL COPY MOVE; client_max_body_size 0; {config}");
    let files: Files<'_> =
        &[("ok.txt", b"ok"), ("in/b.txt", b"b"), ("index/index.html/x", b"x"), ("loop/x", b"x"), ("none/x", b"x")];
    let s = site(&config, files);
    symlink("nowhere", s.path("html/dangling")).unwrap();
    symlink("circle", s.path("html/circle")).unwrap();
    symlink("index.html", s.path("html/loop/index.html")).unwrap();
    symlink("nowhere", s.path("html/none/index.html")).unwrap();
    s
}

/// A name that is longer than any file's.
fn long() -> String {
    "x".repeat(300)
}

#[test]
fn what_stands_where_a_file_is_read() {
    let (s, listing) = (odd(""), odd("autoindex on;"));
    let long = long();
    let deep = "x/".repeat(2100);
    // (target, status, and where directories are listed)
    let rows = [
        ("index/", 403, 200),
        ("loop/", 403, 403),
        ("none/", 403, 200),
        ("index/index.html", 301, 301),
        ("loop/index.html", 403, 403),
        ("none/index.html", 404, 404),
        ("dangling", 404, 404),
        ("circle", 403, 403),
        ("circle/", 403, 403),
        ("circle/x", 403, 403),
        ("ok.txt/", 404, 404),
        ("ok.txt/x", 404, 404),
        (&long, 404, 404),
        (&deep, 404, 404),
    ];
    each(rows, |(target, status, listed)| {
        s.get(&format!("/{target}")).expect(*status, target);
        listing.get(&format!("/{target}")).expect(*listed, target);
    });
    listing.get(&format!("/{long}/")).expect(404, "a long name of a directory");
}

#[test]
fn what_stands_where_something_is_made() {
    let long = long();
    let to = |name: &str| format!("Destination: /{name}\r\n");
    let none = String::new();
    let empty = || "Content-Length: 0\r\n".to_owned();
    // (method, name, fields, status, a name and what is in it then)
    let rows = [
        ("PUT", "dangling", empty(), 201, "dangling", Some("")),
        ("PUT", "circle", empty(), 403, "circle", None),
        ("PUT", "ok.txt/x", empty(), 409, "ok.txt", Some("ok")),
        ("PUT", "absent/x", empty(), 409, "absent", None),
        ("PUT", "in", empty(), 409, "in/b.txt", Some("b")),
        ("PUT", &long, empty(), 409, &long, None),
        ("MKCOL", &long, none.clone(), 409, &long, None),
        ("MKCOL", "dangling", none.clone(), 405, "dangling", None),
        ("MKCOL", "circle", none.clone(), 405, "circle", None),
        ("MKCOL", "ok.txt", none.clone(), 405, "ok.txt", Some("ok")),
        ("MKCOL", "absent/x", none.clone(), 409, "absent", None),
        ("COPY", "in/", to("dangling"), 204, "dangling/b.txt", Some("b")),
        ("COPY", "ok.txt", to("dangling"), 204, "dangling", Some("ok")),
        ("COPY", "ok.txt", to("circle"), 204, "circle", Some("ok")),
        ("COPY", "dangling", to("new"), 404, "new", None),
        ("COPY", "circle", to("new"), 403, "new", None),
        ("COPY", "ok.txt", to(&long), 409, "ok.txt", Some("ok")),
        ("COPY", "ok.txt", to("absent/x"), 409, "absent", None),
        ("MOVE", "ok.txt", to(&long), 409, "ok.txt", Some("ok")),
        ("DELETE", &long, none.clone(), 404, &long, None),
        ("DELETE", "circle/", none.clone(), 404, "circle", None),
        ("DELETE", "circle", none.clone(), 204, "circle", None),
        ("DELETE", "dangling", none, 204, "dangling", None),
    ];
    each(rows, |(method, name, fields, status, then, content)| {
        let s = odd("");
        ask(&s, method, &format!("/{name}"), fields).expect(*status, &format!("{method} {name} {fields}"));
        let found = fs::read(s.path("html").join(then)).ok();
        assert_eq!(found.as_deref(), content.map(str::as_bytes), "{method} {name} {fields}: {then}");
        assert!(!s.path("html/nowhere").exists(), "{method} {name}: the link was followed");
        assert_eq!(s.path("html/circle").is_symlink(), !(*then == "circle" && *status == 204), "{method} {name}");
    });
}

/// (what is sent, the status, the level and the words)
#[test]
fn the_line_in_the_log_for_each_refusal() {
    let config = "client_max_body_size 10; client_body_timeout 200ms; client_header_timeout 200ms;
                  keepalive_timeout 200ms; location /get/ { limit_except GET { deny all; } }";
    let s = Setup::new(&format!("error_log stderr info; {}", host(config)), &[("ok.txt", b"ok")]).start();
    let rows = [
        (
            "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n",
            413,
            "[error]",
            "Http1 the client means to send a body over client_max_body_size while finding the location, \
             client: 127.0.0.1, request: \"POST /1 HTTP/1.1\"",
        ),
        (
            "POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n",
            413,
            "[error]",
            "Http1 the client's body is over client_max_body_size while reading the request's body, \
             client: 127.0.0.1, request: \"POST /2 HTTP/1.1\"",
        ),
        (
            "PUT /get/3 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx",
            403,
            "[error]",
            "Http1 access forbidden by rule while checking access, \
             client: 127.0.0.1, request: \"PUT /get/3 HTTP/1.1\"",
        ),
        (
            "GET /4 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nx",
            408,
            "[info]",
            "Http1 client_body_timeout has passed while reading the request's body, \
             client: 127.0.0.1, request: \"GET /4 HTTP/1.1\"",
        ),
        (
            "GET /5 HTTP/1.1\r\nHo",
            408,
            "[info]",
            "Http1 client_header_timeout has passed while reading the request's head, client: 127.0.0.1",
        ),
    ];
    each(rows, |(request, status, level, words)| {
        s.ask(request).expect(*status, request);
        s.wait_said(&format!("{words}\n"));
        let said = s.said();
        let lines: Vec<&str> = said.lines().filter(|line| line.ends_with(words)).collect();
        assert!(lines.iter().all(|line| line.contains(&format!(" {level} w0 x"))), "{lines:#?}");
    });
    let mut idle = s.connect();
    idle.get("/ok.txt").expect(200, "/ok.txt");
    idle.assert_closed("after keepalive_timeout");
    s.wait_said("idle for too long: closed");
}
