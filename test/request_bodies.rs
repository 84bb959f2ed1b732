//! Request bodies for programs: in memory up to `client_body_buffer_size`, else in files of `client_body_temp_path`,
//! with a name if `client_body_in_file_only` is set.

mod harness;

use harness::scripts::{both_ways, chunked, scripts, text};
use harness::{Server, each, http, noise, site, wait_for};

/// A program that prints the length of the body, then the body.
const ECHO: &str = "printf 'Content-Type: text/plain\\n\\n'; printf '%s:' \"$CONTENT_LENGTH\"; cat";

fn names(s: &Server) -> Vec<String> {
    let entries = std::fs::read_dir(s.path("temp")).unwrap();
    entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// A server that stores bodies in `temp`.
fn server(config: &str, script: &str) -> Server {
    scripts(&format!("client_body_temp_path temp 1 2; {config}"), &[("x.sh", script)])
}

/// A client may wait for the answer before it goes on, or never come to an end.
#[test]
fn a_chunked_body_that_nobody_wants_is_refused_before_all_of_it_has_come() {
    let s = site("location /no/ { return 403; } client_max_body_size 0;", OK);
    let head = |method: &str, target: &str| {
        format!("{method} {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    };
    let rows = [("POST", "/ok.txt", 405), ("PUT", "/new", 405), ("POST", "/no/", 403)];
    each(rows, |(method, target, status)| {
        let mut client = s.connect();
        for begun in ["", "5\r\nhe"] {
            client.send(head(method, target));
            client.send(begun);
            client.response().expect(*status, "a body that has begun");
            client.send(if begun.is_empty() { "5\r\nhello\r\n0\r\n\r\n" } else { "llo\r\n0\r\n\r\n" });
        }
        // The rest was short, so the connection goes on.
        client.get("/ok.txt").expect(200, "the next request");
        client.send(head(method, target));
        client.response().expect(*status, target);
        let _ = client.try_send(b"5\r\nhelloX");
        client.assert_closed("a broken chunk behind the answer");
    });
    // The answer does not wait for a long body either, and the connection ends with it.
    let mut client = s.connect();
    client.send(head("POST", "/ok.txt") + "20000\r\nsome");
    let response = client.response().expect(405, "a long body");
    assert!(response.says_close(), "{response}");
    s.assert_alive("bodies that nobody wants");
}

const OK: harness::Files<'_> = &[("ok.txt", b"ok")];

fn post(body: &[u8]) -> Vec<u8> {
    [
        format!("POST /x.sh HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len())
            .as_bytes(),
        body,
    ]
    .concat()
}

fn post_chunked(body: &[u8], sizes: &[usize]) -> Vec<u8> {
    let head = b"POST /x.sh HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    [&head[..], &chunked(body, sizes)].concat()
}

/// Sends and reads at the same time; returns the complete response.
fn echo(s: &Server, request: &[u8]) -> harness::Response {
    http::parse(&both_ways(s, request), false, true).unwrap().expect("a whole response").0
}

/// Without a folder for files, only bodies that fit into memory are accepted.
#[test]
fn what_fits_into_the_buffer_needs_no_file() {
    for (config, buffer_bytes) in
        [("", 128 << 10), ("client_body_buffer_size 20k;", 20 << 10), ("client_body_buffer_size 1m;", 1 << 20)]
    {
        let s = scripts(&format!("client_body_temp_path nowhere; {config}"), &[("x.sh", ECHO)]);
        std::fs::remove_dir(s.path("nowhere")).unwrap();
        each([(0, 200), (1, 200), (buffer_bytes - 1, 200), (buffer_bytes * 2, 500)], |&(size, status)| {
            let body = noise(size, 1);
            let response = echo(&s, &post_chunked(&body, &[10_000])).expect(status, &format!("{config} {size} bytes"));
            let whole = [format!("{size}:").as_bytes(), &body].concat();
            assert!(status != 200 || response.body == whole, "{response}");
        });
        s.wait_said("see client_body_temp_path");
    }
}

#[test]
fn a_longer_one_comes_from_a_file_without_a_name() {
    let s = server("client_body_buffer_size 64;", ECHO);
    for sizes in [&[1][..], &[64], &[63, 2], &[50_000]] {
        for size in [63, 64, 65, 1000, 300_000] {
            let body = noise(size.min(sizes[0] * 20_000), 2);
            let response = echo(&s, &post_chunked(&body, sizes)).expect(200, &format!("{size} bytes in {sizes:?}"));
            assert!(response.body == [format!("{}:", body.len()).as_bytes(), &body].concat(), "{size} in {sizes:?}");
        }
    }
    assert!(names(&s).is_empty(), "{:?}", names(&s));
}

#[test]
fn a_small_buffer_is_only_slower() {
    let s = server("client_body_buffer_size 100; location /put/ { dav_methods PUT; }", ECHO);
    std::fs::create_dir(s.path("html/put")).unwrap();
    let body = noise(100_000, 3);
    let put = [format!("PUT /put/a HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), &body]
        .concat();
    s.ask(put).expect(201, "PUT");
    let stored = std::fs::read(s.path("html/put/a")).unwrap();
    assert!(
        stored == body,
        "{} bytes, different at {:?}",
        stored.len(),
        stored.iter().zip(&body).position(|(a, b)| a != b)
    );
    let response = echo(&s, &post(&body)).expect(200, "a program");
    assert!(response.body == [&b"100000:"[..], &body].concat());
}

#[test]
fn a_file_that_was_put_where_programs_may_run_lost_its_beginning() {
    let s = server("location /put/ { dav_methods PUT; }", ECHO);
    std::fs::create_dir(s.path("html/put")).unwrap();
    for size in [1, 1000, 300_000] {
        let body = noise(size, 4);
        let head = format!("PUT /put/{size} HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n");
        s.ask([head.as_bytes(), &body].concat()).expect(201, "PUT");
        assert!(std::fs::read(s.path(&format!("html/put/{size}"))).unwrap() == body, "{size} bytes");
    }
}

#[test]
fn client_body_in_file_only_gives_a_program_the_name_of_its_body() {
    let script = text("cat \"$BODY_FILE\"; printf ':'; cat; printf ':%s' \"$BODY_FILE\"");
    for (mode, stays) in [("on", true), ("clean", false)] {
        let config = format!("client_body_in_file_only {mode}; cgi_param BODY_FILE $request_body_file;");
        let s = server(&config, &script);
        for (i, request) in [post(b"hello"), post_chunked(b"hello", &[2])].iter().enumerate() {
            let response = echo(&s, request).expect(200, mode);
            let text = response.text();
            let path = text.strip_prefix("hello:hello:").unwrap_or_else(|| panic!("{text}"));
            assert!(path.starts_with(s.path("temp").to_str().unwrap()), "{path}");
            if stays {
                assert_eq!(std::fs::read(path).unwrap(), b"hello");
                assert_eq!(names(&s).len(), i + 1);
            } else {
                wait_for("the file goes", || names(&s).is_empty().then_some(()));
            }
        }
        // A request without a body has no file.
        let before = names(&s).len();
        assert_eq!(s.get("/x.sh").expect(200, "GET").text(), "::");
        assert_eq!(names(&s).len(), before);
    }
    let s = server("cgi_param BODY_FILE $request_body_file;", &text("printf '%s' \"$BODY_FILE\""));
    assert_eq!(s.ask(post(b"hello")).expect(200, "off").text(), "");
}

#[test]
fn a_body_that_does_not_come_whole_leaves_no_file() {
    for mode in ["on", "clean"] {
        let s = server(&format!("client_body_timeout 300ms; client_body_in_file_only {mode};"), ECHO);
        let request = post(&noise(500_000, 4));
        let part = &request[..400_000];
        let mut client = s.connect();
        client.send(part);
        wait_for("the file is there", || (names(&s).len() == 1).then_some(()));
        client.half_close();
        client.response().expect(400, "FIN");
        assert!(names(&s).is_empty(), "FIN: {:?}", names(&s));
        let mut client = s.connect();
        client.send(part);
        client.response().expect(408, "silence");
        assert!(names(&s).is_empty(), "silence: {:?}", names(&s));
        let mut client = s.connect();
        client.send(b"GET /ok.txt HTTP/1.1\r\nHost: h\r\n\r\n"); // the response stays unread, so closing sends a reset
        client.send(part);
        wait_for("the file is there", || (names(&s).len() == 1).then_some(()));
        drop(client);
        wait_for("a reset leaves nothing", || names(&s).is_empty().then_some(()));
    }
}

/// The body was in a file for the program, so an empty file was stored in its place, with 201.
#[test]
fn an_upload_was_stored_empty_when_its_program_disappeared() {
    let body = "x".repeat(200_000);
    let rows = [
        ("Content-Length: 200001", body.clone(), "x"),
        ("Transfer-Encoding: chunked", format!("{:x}\r\n{body}\r\n", body.len()), "0\r\n\r\n"),
    ];
    each(rows, |(field, begin, rest)| {
        let s = server("dav_methods PUT;", ECHO);
        let mut client = s.connect();
        client.send(format!("PUT /x.sh HTTP/1.1\r\nHost: h\r\n{field}\r\n\r\n{begin}"));
        wait_for("the stored body", || {
            let fds = std::fs::read_dir(format!("/proc/{}/fd", s.process.pid())).unwrap();
            let mut files = fds.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
            files.any(|file| file.starts_with(s.path("temp"))).then_some(())
        });
        std::fs::remove_file(s.path("html/x.sh")).unwrap();
        client.send(rest);
        client.response().expect(503, field);
        s.wait_said("has disappeared while the request's body came");
        let left = std::fs::read_dir(s.path("html")).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(left.collect::<Vec<_>>(), ["ok.txt"], "{field}: nothing is stored");
    });
}
