//! Configuration of responses: added fields, expiry, compressed copies, redirects and conditions.

mod harness;

use harness::{Response, Server, date, each, server, site};
use std::fs::File;
use std::time::{Duration, SystemTime};

/// The modification time of some test files: Sun, 06 Nov 1994 08:49:37 GMT.
const MTIME_S: u64 = 784_111_777;

/// Sets the modification time of a file, in seconds since 1970.
fn set_time(s: &Server, name: &str, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    File::options().write(true).open(s.path(name)).unwrap().set_modified(time).unwrap();
}

/// All values of a field.
fn values<'a>(response: &'a Response, name: &str) -> Vec<&'a str> {
    let named = response.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str()).collect()
}

#[test]
fn add_header_by_status() {
    let config = "add_header X-Plain plain; add_header X-Plain second; add_header X-Always always always; \
                  location /204 { return 204; } location /301 { return 301 /to; } location /303 { return 303 /to; } \
                  location /400 { return 400; } location /410 { return 410 text; } location /500 { return 500; } \
                  location /own/ { add_header X-Own own; }";
    let s = site(config, &[("a.txt", b"alpha"), ("own/a.txt", b"alpha")]);
    let rows = [
        ("/a.txt", "", 200, true),
        ("/a.txt", "Range: bytes=1-2\r\n", 206, true),
        ("/a.txt", "If-None-Match: *\r\n", 304, true),
        ("/204", "", 204, true),
        ("/301", "", 301, true),
        ("/303", "", 303, true),
        ("/400", "", 400, false),
        ("/absent", "", 404, false),
        ("/410", "", 410, false),
        ("/a.txt", "If-Match: \"x\"\r\n", 412, false),
        ("/a.txt", "Range: bytes=9-\r\n", 416, false),
        ("/500", "", 500, false),
        ("/%ff/%0", "", 400, false),
    ];
    each(rows, |&(target, fields, status, plain)| {
        let response = s.get_with(target, fields).expect(status, target);
        assert_eq!(values(&response, "X-Plain").is_empty(), !plain, "{target} {fields:?}: {response}");
        assert!(!plain || values(&response, "X-Plain") == ["plain", "second"], "in order: {response}");
        assert_eq!(response.must("X-Always"), "always", "{target} {fields:?}: {response}");
    });
    let bad = s.ask("GET /x HTTP/1.1\r\nBad Field: x\r\nHost: h\r\n\r\n").expect(400, "a space in a name");
    assert_eq!(bad.must("X-Always"), "always", "{bad}");
    // A level with its own fields inherits none.
    let own = s.get("/own/a.txt");
    assert!(own.must("X-Own") == "own" && own.field("X-Always").is_none(), "{own}");
    let head = s.head("/a.txt").expect(200, "HEAD");
    assert_eq!(values(&head, "X-Plain"), ["plain", "second"], "{head}");
}

#[test]
fn add_header_with_variables() {
    let config = "add_header X-Uri <$uri> always; add_header X-Arg $arg_a always; add_header X-Status $status always; \
                  add_header X-Host \"$host, $request_method\" always;";
    let s = site(config, &[("a.txt", b"alpha")]);
    let response = s.get("/a%2etxt?a=one+two").expect(200, "/a.txt");
    let got = ["X-Uri", "X-Arg", "X-Status", "X-Host"].map(|name| response.must(name));
    assert_eq!(got, ["</a.txt>", "one+two", "200", "localhost, GET"], "{response}");
    let response = s.get("/absent").expect(404, "/absent");
    assert_eq!(response.must("X-Status"), "404", "{response}");
    assert_eq!(response.field("X-Arg"), None, "an empty value adds nothing: {response}");
}

#[test]
fn add_header_cannot_be_used_to_split_a_response() {
    let config = "add_header X-Uri $uri always; add_header X-Field $http_x_in always; add_header X-Last last always;";
    let s = site(config, &[("a.txt", b"alpha")]);
    for bytes in ["%0d%0aX-Injected:%20yes", "%0aX-Injected:%20yes", "%0dX-Injected:%20yes", "%0d%0a%0d%0aHTTP/1.1"] {
        let target = format!("/a.txt{bytes}");
        let mut client = s.connect();
        let response = client.get(&target);
        // The field is left out.
        assert!(response.field("X-Injected").is_none(), "{target}: {response}");
        assert!(response.field("X-Uri").is_none() || response.status == 400, "{target}: {response}");
        assert_eq!(response.must("X-Last"), "last", "{target}: {response}");
        if !response.says_close() {
            assert_eq!(client.get("/a.txt").expect(200, "the next request").text(), "alpha");
        }
    }
    let response = s.get_with("/a.txt", "X-In: a\tb\u{e9}\r\n").expect(200, "odd bytes");
    assert!(response.field("X-Field").is_some(), "these are allowed: {response}");
}

#[test]
fn add_header_takes_the_place_of_what_the_server_says_once() {
    let rows = [
        ("add_header Server own always;", "Server", vec!["own"]),
        ("add_header server \"\" always;", "Server", vec![]),
        ("add_header Content-Type text/x-own;", "Content-Type", vec!["text/x-own"]),
        ("add_header content-type \"text/x-own; charset=utf-8\";", "Content-Type", vec!["text/x-own; charset=utf-8"]),
        ("add_header ETag '\"own\"';", "ETag", vec!["\"own\""]),
        ("add_header ETag \"\";", "ETag", vec![]),
        ("add_header Last-Modified \"\";", "Last-Modified", vec![]),
        ("add_header Accept-Ranges none;", "Accept-Ranges", vec!["none"]),
        ("expires 1h; add_header Expires 0;", "Expires", vec!["0"]),
    ];
    let config: String = rows
        .iter()
        .enumerate()
        .map(|(i, (text, ..))| format!("location = /{i} {{ alias html/a.txt; {text} }}"))
        .collect();
    let s = site(&config, &[("a.txt", b"alpha")]);
    each(rows.iter().enumerate(), |(i, (text, name, expected))| {
        let response = s.get(&format!("/{i}")).expect(200, text);
        assert_eq!(&values(&response, name), expected, "{text}: {response}");
        assert_eq!(response.text(), "alpha", "{text}");
    });
}

#[test]
fn expires() {
    let week_s = 7 * 86_400;
    let rows = [
        ("off", None, None),
        ("epoch", Some("Thu, 01 Jan 1970 00:00:01 GMT".to_owned()), Some("no-cache")),
        ("max", Some("Thu, 31 Dec 2037 23:55:55 GMT".to_owned()), Some("max-age=315360000")),
        ("modified 1w", Some(date::imf(MTIME_S + week_s)), Some("no-cache")),
        ("modified -1h", Some(date::imf(MTIME_S - 3600)), Some("no-cache")),
    ];
    let config: String = rows
        .iter()
        .enumerate()
        .map(|(i, row)| format!("location = /{i} {{ alias html/a.txt; expires {}; }}", row.0))
        .collect();
    let s = site(&config, &[("a.txt", b"alpha")]);
    set_time(&s, "html/a.txt", MTIME_S);
    each(rows.iter().enumerate(), |(i, (form, expires, control))| {
        let response = s.get(&format!("/{i}")).expect(200, form);
        let got = (response.field("Expires"), response.field("Cache-Control"));
        assert_eq!(got, (expires.as_deref(), *control), "expires {form}: {response}");
    });
    let nothing = s.get("/a.txt");
    assert!(nothing.field("Expires").is_none() && nothing.field("Cache-Control").is_none(), "{nothing}");
}

#[test]
fn expires_from_now() {
    let rows = [
        ("1h", 3600, "max-age=3600"),
        ("+30d", 30 * 86_400, "max-age=2592000"),
        ("120", 120, "max-age=120"),
        ("1h30m", 5400, "max-age=5400"),
        ("0", 0, "max-age=0"),
        ("-1", -1, "no-cache"),
        ("-1h", -3600, "no-cache"),
    ];
    let config: String = rows
        .iter()
        .enumerate()
        .map(|(i, row)| format!("location = /{i} {{ alias html/a.txt; expires {}; }}", row.0))
        .collect();
    let s = site(&config, &[("a.txt", b"alpha")]);
    each(rows.iter().enumerate(), |(i, (form, seconds, control))| {
        let target = format!("/{i}");
        for (fields, status) in [("", 200), ("Range: bytes=0-1\r\n", 206), ("If-None-Match: *\r\n", 304)] {
            let before = date::now();
            let response = s.get_with(&target, fields).expect(status, form);
            let mut possible = (before..=date::now()).map(|now| date::imf(now.checked_add_signed(*seconds).unwrap()));
            let expires = response.must("Expires");
            assert!(possible.any(|time| time == expires), "expires {form}, asked at {before}: {response}");
            assert_eq!(response.must("Cache-Control"), *control, "expires {form}: {response}");
        }
    });
}

#[test]
fn expires_is_not_said_of_errors() {
    let config = "expires 1h; add_header Cache-Control public always; location /gone { return 410; } \
                  location /old { return 301 /new; }";
    let s = site(config, &[("a.txt", b"alpha")]);
    for (target, status) in [("/absent", 404), ("/gone", 410)] {
        let response = s.get(target).expect(status, target);
        assert!(response.field("Expires").is_none(), "{response}");
        assert_eq!(values(&response, "Cache-Control"), ["public"], "{response}");
    }
    let response = s.get("/a.txt");
    assert_eq!(values(&response, "Cache-Control"), ["max-age=3600", "public"], "{response}");
    assert!(s.get("/old").expect(301, "/old").field("Expires").is_some());
}

const PLAIN: &[u8] = b"the plain text, longer than the other";
const ZIPPED: &[u8] = b"\x1f\x8bnot really";

/// A site with files that have the names of compressed copies.
fn zipped(config: &str) -> Server {
    let files: [(&str, &[u8]); 7] = [
        ("a.txt", PLAIN),
        ("a.txt.gz", ZIPPED),
        ("index.html", PLAIN),
        ("index.html.gz", ZIPPED),
        ("alone.txt", PLAIN),
        ("dir.txt", PLAIN),
        ("dir.txt.gz/x", b"x"),
    ];
    site(config, &files)
}

/// Asserts that this is the compressed copy, or the plain file.
#[track_caller]
fn assert_coding(response: &Response, compressed: bool, what: &str) {
    let expected = if compressed { (Some("gzip"), ZIPPED) } else { (None, PLAIN) };
    assert_eq!((response.field("Content-Encoding"), &response.body[..]), expected, "{what}: {response}");
}

#[test]
fn gzip_static_by_accept_encoding() {
    let on = zipped("gzip_static on;");
    let always = zipped("gzip_static always;");
    let off = zipped("");
    let rows = [
        ("", false),
        ("Accept-Encoding: gzip\r\n", true),
        ("Accept-Encoding: GZip\r\n", true),
        ("Accept-Encoding: deflate, gzip;q=0.5, br\r\n", true),
        ("Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n", true),
        ("Accept-Encoding: *\r\n", true),
        ("Accept-Encoding: gzip;q=0\r\n", false),
        ("Accept-Encoding: gzip;q=0.000, *\r\n", false),
        ("Accept-Encoding: *;q=0\r\n", false),
        ("Accept-Encoding: identity, br\r\n", false),
        ("Accept-Encoding:\r\n", false),
        ("Accept-Encoding: gzipped\r\n", false),
    ];
    each(rows, |&(fields, taken)| {
        for (target, media_type) in [("/a.txt", "text/plain"), ("/", "text/html")] {
            let response = on.get_with(target, fields).expect(200, fields);
            assert_coding(&response, taken, fields);
            assert_eq!(response.must("Content-Type"), media_type, "of the plain file: {response}");
            assert_eq!(response.must("Vary"), "Accept-Encoding", "{fields:?}: {response}");
            assert_coding(&always.get_with(target, fields).expect(200, fields), true, fields);
            let response = off.get_with(target, fields).expect(200, fields);
            assert_coding(&response, false, fields);
            assert_eq!(response.field("Vary"), None, "{response}");
        }
    });
}

#[test]
fn gzip_static_without_a_copy() {
    for config in ["gzip_static on;", "gzip_static always;"] {
        let s = zipped(config);
        for target in ["/alone.txt", "/dir.txt"] {
            let response = s.get_with(target, "Accept-Encoding: gzip\r\n").expect(200, target);
            assert_coding(&response, false, target);
        }
        s.get_with("/absent", "Accept-Encoding: gzip\r\n").expect(404, "/absent");
    }
    // Another client may get a copy that is created later, so Vary is needed here, too.
    let s = zipped("gzip_static on;");
    assert_eq!(s.get("/alone.txt").must("Vary"), "Accept-Encoding");
}

#[test]
fn gzip_static_always_needs_no_plain_file() {
    // nginx's documentation recommends this: the disk has only the compressed file.
    let s = site("gzip_static always;", &[("b.txt.gz", ZIPPED)]);
    assert_coding(&s.get("/b.txt").expect(200, "/b.txt"), true, "/b.txt");
}

#[test]
fn a_compressed_copy_is_a_resource_of_its_own() {
    let s = zipped("gzip_static on;");
    let gzip = "Accept-Encoding: gzip\r\n";
    s.tag("/a.txt");
    let (copy, plain) = (s.get_with("/a.txt", gzip), s.get("/a.txt"));
    let (copy_tag, plain_tag) = (copy.must("ETag"), plain.must("ETag"));
    assert_ne!(copy_tag, plain_tag, "RFC 9110, 8.8.3: a tag is of one representation");
    let part = s.get_with("/a.txt", &format!("{gzip}Range: bytes=2-5\r\n")).expect(206, "a range of the copy");
    assert_eq!((&part.body[..], part.must("Content-Encoding")), (&ZIPPED[2..6], "gzip"), "{part}");
    assert_eq!(part.must("Content-Range"), format!("bytes 2-5/{}", ZIPPED.len()), "{part}");
    assert_eq!(part.must("Vary"), "Accept-Encoding", "{part}");
    let beyond = format!("Range: bytes={}-\r\n", ZIPPED.len());
    let none = s.get_with("/a.txt", &(gzip.to_owned() + &beyond)).expect(416, "beyond the copy, not the plain file");
    assert_eq!(none.must("Content-Range"), format!("bytes */{}", ZIPPED.len()), "{none}");
    s.get_with("/a.txt", &beyond).expect(206, "within the plain file");
    let rows = [(copy_tag, gzip, 304), (plain_tag, gzip, 200), (copy_tag, "", 200), (plain_tag, "", 304)];
    each(rows, |(tag, fields, status)| {
        let response = s.get_with("/a.txt", &format!("{fields}If-None-Match: {tag}\r\n")).expect(*status, tag);
        assert_eq!(response.must("Vary"), "Accept-Encoding", "RFC 9110, 15.4.5: {response}");
    });
    let mut client = s.connect();
    client.send(format!("HEAD /a.txt HTTP/1.1\r\nHost: h\r\n{gzip}\r\n"));
    let head = client.response().expect(200, "HEAD");
    assert_eq!(head.must("Content-Length"), ZIPPED.len().to_string(), "{head}");
    // A request for the copy itself gets it as a plain file.
    let named = s.get("/a.txt.gz").expect(200, "/a.txt.gz");
    assert!(named.body == ZIPPED && named.field("Content-Encoding").is_none(), "{named}");
}

#[test]
fn the_wording_of_redirects() {
    let locations = "location = /here { return 301 /there?a=b; } location = /away { return 302 http://x.example/; }";
    // (settings, version and fields, Location; NAME and PORT stand for the server's)
    let asked = "HTTP/1.1\r\nHost: asked.example";
    let rows = [
        ("", asked, "http://asked.example:PORT"),
        ("", "HTTP/1.1\r\nHost: asked.example:99", "http://asked.example:PORT"),
        ("", "HTTP/1.0", "http://127.0.0.1:PORT"),
        ("server_name named.example;", "HTTP/1.0", "http://named.example:PORT"),
        ("server_name named.example;", asked, "http://asked.example:PORT"),
        ("absolute_redirect off;", asked, ""),
        ("absolute_redirect off; server_name_in_redirect on; server_name named.example;", asked, ""),
        ("port_in_redirect off;", asked, "http://asked.example"),
        ("port_in_redirect off;", "HTTP/1.0", "http://127.0.0.1"),
        ("server_name_in_redirect on; server_name named.example other.example;", asked, "http://named.example:PORT"),
        ("server_name_in_redirect on; port_in_redirect off; server_name a.example;", asked, "http://a.example"),
        ("server_name_in_redirect on;", asked, "http://asked.example:PORT"),
    ];
    each(rows, |&(config, asked, start)| {
        let s = site(&format!("{config} {locations}"), &[("dir/x", b"x")]);
        let start = start.replace("PORT", &s.port().to_string());
        let rows = [("/dir", "/dir/"), ("/dir?q=1", "/dir/?q=1"), ("/here", "/there?a=b")];
        for (target, path) in rows {
            let response = s.ask(format!("GET {target} {asked}\r\n\r\n")).expect(301, target);
            assert_eq!(response.must("Location"), format!("{start}{path}"), "{config} {asked:?}: {response}");
        }
        let away = s.ask(format!("GET /away {asked}\r\n\r\n")).expect(302, "/away");
        assert_eq!(away.must("Location"), "http://x.example/", "{config}");
    });
}

#[test]
fn a_redirect_never_names_the_address_that_stands_for_all() {
    // Earlier, HTTP/1.0 without Host was redirected to http://0.0.0.0:PORT/dir/.
    let s = server("server { listen 0.0.0.0:0; location = /here { return 301 /there; } }", &[("dir/x", b"x")]);
    let address = format!("127.0.0.1:{}", s.port());
    for (target, path) in [("/dir", "/dir/"), ("/here", "/there")] {
        let mut client = harness::Client::connect(&address);
        client.send(format!("GET {target} HTTP/1.0\r\n\r\n"));
        let response = client.response().expect(301, target);
        let possible = [path.to_owned(), format!("http://{address}{path}")];
        assert!(possible.iter().any(|p| p == response.must("Location")), "{target}: {response}");
        let mut client = harness::Client::connect(&address);
        client.send(format!("GET {target} HTTP/1.1\r\nHost: h.example\r\n\r\n"));
        assert_eq!(client.response().must("Location"), format!("http://h.example:{}{path}", s.port()), "{target}");
    }
}

#[test]
fn if_modified_since() {
    // (mode, the client's date minus the file's in seconds, status)
    let rows = [
        ("exact", 0, 304),
        ("exact", 1, 200),
        ("exact", -1, 200),
        ("before", 0, 304),
        ("before", 1, 304),
        ("before", -1, 200),
        ("off", 0, 200),
        ("off", 1, 200),
        ("off", -1, 200),
    ];
    each(rows, |&(mode, seconds, status)| {
        let s = site(&format!("if_modified_since {mode};"), &[("a.txt", b"alpha")]);
        set_time(&s, "html/a.txt", MTIME_S);
        s.tag("/a.txt");
        let since = date::imf(MTIME_S.checked_add_signed(seconds).unwrap());
        let response = s.get_with("/a.txt", &format!("If-Modified-Since: {since}\r\n")).expect(status, mode);
        // If the request has a tag and a date, only the tag counts (RFC 9110, 13.1.3).
        let tag = response.must("ETag").to_owned();
        let both = format!("If-Modified-Since: {since}\r\nIf-None-Match: ");
        s.get_with("/a.txt", &format!("{both}{tag}\r\n")).expect(304, mode);
        s.get_with("/a.txt", &format!("{both}\"other\"\r\n")).expect(200, mode);
    });
}

#[test]
fn merge_slashes() {
    let locations = "location = /one/x { return 200 merged; } location = /one//x { return 200 two; } \
                     location = //one/x { return 200 first; }";
    let rows = [
        ("", "/one/x", "merged"),
        ("", "/one//x", "merged"),
        ("", "//one///x", "merged"),
        ("merge_slashes off;", "/one/x", "merged"),
        ("merge_slashes off;", "/one//x", "two"),
        ("merge_slashes off;", "//one/x", "first"),
        ("merge_slashes off;", "/one/./x", "merged"),
    ];
    each(rows, |&(config, target, text)| {
        let s = site(&format!("{config} {locations}"), &[]);
        let response = s.get(target).expect(200, target);
        assert_eq!(response.text(), text, "{config} {target}");
    });
    let s = site("merge_slashes off;", &[("a.txt", b"alpha")]);
    assert_eq!(s.get("//a.txt").expect(200, "//a.txt").text(), "alpha", "the file system merges them all the same");
    for target in ["//../a.txt", "/..//a.txt", "//..//..//webserv.conf", "/x//../../webserv.conf"] {
        let response = s.get(target);
        assert!(!response.text().contains("worker_connections"), "{target}: {response}");
    }
}
