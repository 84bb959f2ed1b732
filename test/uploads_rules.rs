//! Rules for PUT and DELETE: statuses, names, preconditions, 100-continue, and the methods that a location allows.

mod harness;

use harness::{Client, Response, Server, Setup, date, each, host, noise, site};
use std::path::Path;

const DAV: &str = "dav_methods PUT DELETE;";

/// A site that allows PUT and DELETE; a folder with a file, and an empty folder.
fn store(config: &str) -> Server {
    let s = site(&format!("{DAV} {config}"), &[("ok.txt", b"ok"), ("full/in.txt", b"in")]);
    std::fs::create_dir(s.path("html/empty")).unwrap();
    s
}

/// The bytes of a request; its body is framed by Content-Length.
fn request(method: &str, target: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n{fields}\r\n{body}")
}

fn put(s: &Server, target: &str, fields: &str, body: &str) -> Response {
    s.ask(request("PUT", target, fields, body))
}

fn delete(s: &Server, target: &str, fields: &str) -> Response {
    s.ask(format!("DELETE {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n"))
}

/// All paths below a folder, sorted; folders end with a slash.
fn tree(folder: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            paths.extend(tree(&path).iter().map(|below| format!("{name}/{below}")));
            paths.push(format!("{name}/"));
        } else {
            paths.push(name);
        }
    }
    paths.sort();
    paths
}

#[test]
fn what_cannot_be_a_file_is_a_409_and_changes_nothing() {
    let s = store("");
    let before = tree(s.dir.path());
    let rows = ["/", "/full", "/full/", "/empty", "/empty/", "/none/", "/none/x", "/ok.txt/", "/ok.txt/x", "/a/b/c/d"];
    each(rows, |target| {
        for body in ["", "some bytes"] {
            let mut client = s.connect();
            client.send(request("PUT", target, "", body));
            let response = client.response().expect(409, target);
            assert!(!response.says_close(), "{response}");
            assert_eq!(client.get("/ok.txt").text(), "ok", "the connection goes on after a short body");
        }
    });
    assert_eq!(tree(s.dir.path()), before);
}

#[test]
fn a_refusal_before_a_long_body_can_be_read_and_closes() {
    let s = store("client_max_body_size 0; location /one { error_page 409 /ok.txt; }");
    let before = tree(s.dir.path());
    let large = noise(4 << 20, 1);
    for target in ["/none/x", "/one/x"] {
        for chunked in [false, true] {
            let mut request = request("PUT", target, "", "").replace("Length: 0", "Length: 4194304").into_bytes();
            request.extend_from_slice(&large);
            if chunked {
                let head = format!("PUT {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n400000\r\n");
                request = [head.as_bytes(), &large, b"\r\n0\r\n\r\n"].concat();
            }
            let mut client = s.connect();
            client.send(request);
            let response = client.response().expect(409, target);
            assert_eq!(response.text() == "ok", target == "/one/x", "{response}");
            client.half_close();
            client.assert_ended(target);
        }
    }
    assert_eq!(tree(s.dir.path()), before);
}

#[test]
fn a_part_of_a_file_is_not_stored() {
    let s = store("");
    for range in ["bytes 0-1/2", "bytes */2", "nonsense"] {
        put(&s, "/x", &format!("Content-Range: {range}\r\n"), "ab").expect(400, range);
        assert!(!s.path("html/x").exists(), "{range}");
        put(&s, "/ok.txt", &format!("Content-Range: {range}\r\n"), "ab").expect(400, range);
        assert_eq!(s.text("html/ok.txt"), "ok", "{range}");
    }
}

#[test]
fn names_are_what_the_url_says() {
    let s = store("");
    let long = "n".repeat(255);
    let rows: [(&str, &[u8]); 12] = [
        ("/plain.txt", b"plain.txt"),
        ("/with%20blank", b"with blank"),
        ("/%41%62c", b"Abc"),
        ("/gr%C3%BC%C3%9Fe.txt", "grüße.txt".as_bytes()),
        ("/%E6%97%A5%E6%9C%AC", "日本".as_bytes()),
        ("/odd%ff%fe", b"odd\xff\xfe"),
        ("/a%5Cb", b"a\\b"),
        ("/%0aline", b"\nline"),
        ("/query?x=1", b"query"),
        ("/...", b"..."),
        ("/full%2Ffrom.txt", b"full/from.txt"),
        (&format!("/{long}"), long.as_bytes()),
    ];
    each(rows, |(target, name)| {
        use std::os::unix::ffi::OsStrExt;
        let path = s.path("html").join(std::ffi::OsStr::from_bytes(name));
        let mut client = s.connect();
        for (body, status) in [("first", 201), ("again", 204)] {
            client.send(request("PUT", target, "", body));
            client.response().expect(status, target);
            assert_eq!(std::fs::read(&path).unwrap(), body.as_bytes());
            assert_eq!(client.get(target).text(), body);
        }
        delete(&s, target, "").expect(204, target);
        assert!(!path.exists());
    });
    assert_eq!(put(&s, &format!("/{long}n"), "", "x").status, 409, "a name that the file system has no room for");
    assert_eq!(tree(&s.path("html")), ["empty/", "full/", "full/in.txt", "ok.txt"]);
}

#[test]
fn dot_segments_stay_below_the_root() {
    let s = store("location /i { alias store/; } location /up/ { alias store/; }");
    s.write("store/in/x", b"old");
    s.write("secret", b"secret");
    let outside = || -> Vec<String> {
        let all = tree(s.dir.path()).into_iter();
        all.filter(|path| !path.starts_with("html/") && !path.starts_with("store/")).collect()
    };
    let before = outside();
    let rows = [
        ("/../x", 400),
        ("/%2e%2e/x", 400),
        ("/..%2fx", 400),
        ("/full/../../x", 400),
        ("/full/%2e./%2E%2e/x", 400),
        ("/../secret", 400),
        ("/..", 400),
        ("/i../secret", 404),
        ("/i..%2fsecret", 404),
        ("/i../x", 404),
        ("/i..", 404),
        ("/up/../../secret", 400),
        ("/x%00.txt", 400),
        ("*", 400),
    ];
    each(rows, |(target, status)| {
        put(&s, target, "", "evil").expect(*status, target);
        delete(&s, target, "").expect(*status, target);
        assert_eq!(s.text("secret"), "secret");
        assert_eq!(outside(), before);
    });
    // Inside the root, dot segments are resolved.
    let rows = [
        ("/full/../x", "html/x"),
        ("/./full/./y", "html/full/y"),
        ("/full//z", "html/full/z"),
        ("/up/a.txt", "store/a.txt"),
        ("/up/in/../b.txt", "store/b.txt"),
        ("/up/../c.txt", "html/c.txt"),
        ("/i/d.txt", "store/d.txt"),
    ];
    each(rows, |(target, path)| {
        put(&s, target, "", "mine").expect(201, target);
        assert_eq!(s.text(path), "mine");
        delete(&s, target, "").expect(204, target);
        assert!(!s.path(path).exists());
    });
    assert_eq!(outside(), before);
}

#[test]
fn what_is_logged_of_a_refused_name_is_one_line() {
    let s = store("");
    put(&s, "/no%0A2026%20forged%0Aline/x", "", "x").expect(409, "PUT");
    delete(&s, "/no%0A2026%20forged%0Aline", "").expect(404, "DELETE");
    s.wait_said("is not stored");
    s.wait_said("is not removed");
    assert!(s.said().lines().all(|line| !line.starts_with("2026 forged")), "{}", s.said());
}

/// A PUT of an existing file, of a missing one, and a DELETE of both, each with these fields.
#[test]
fn preconditions_hold_for_put_and_delete() {
    let s = store("");
    put(&s, "/there", "", "old").expect(201, "/there");
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(784_111_777);
    let [before, modified, after] = [784_111_776, 784_111_777, date::now() + 86_400].map(date::imf);
    // Fields, then the statuses for the existing file and for the missing one. TAG stands for the file's entity tag.
    let rows: [(String, u16, u16); 14] = [
        (String::new(), 204, 201),
        ("If-Match: TAG\r\n".into(), 204, 412),
        ("If-Match: \"other\", TAG\r\n".into(), 204, 412),
        ("If-Match: W/TAG\r\n".into(), 412, 412),
        ("If-Match: \"other\"\r\n".into(), 412, 412),
        ("If-Match: *\r\n".into(), 204, 412),
        ("If-None-Match: *\r\n".into(), 412, 201),
        ("If-None-Match: TAG\r\n".into(), 412, 201),
        ("If-None-Match: \"other\"\r\n".into(), 204, 201),
        (format!("If-Unmodified-Since: {modified}\r\n"), 204, 201),
        (format!("If-Unmodified-Since: {after}\r\n"), 204, 201),
        (format!("If-Unmodified-Since: {before}\r\n"), 412, 201),
        (format!("If-Match: TAG\r\nIf-Unmodified-Since: {before}\r\n"), 204, 412),
        (format!("If-Modified-Since: {modified}\r\n"), 204, 201),
    ];
    each(rows, |(fields, existing, missing)| {
        // Returns the fields with the tag of the file that is there now.
        let restore = || {
            s.write("html/there", b"old");
            let file = std::fs::File::options().write(true).open(s.path("html/there")).unwrap();
            file.set_modified(time).unwrap();
            fields.replace("TAG", &s.tag("/there"))
        };
        let _ = std::fs::remove_file(s.path("html/missing"));
        let fields = restore();
        put(&s, "/there", &fields, "new").expect(*existing, "PUT /there");
        assert_eq!(s.text("html/there"), if *existing == 412 { "old" } else { "new" });
        put(&s, "/missing", &fields, "new").expect(*missing, "PUT /missing");
        assert_eq!(s.path("html/missing").exists(), *missing == 201);
        let _ = std::fs::remove_file(s.path("html/missing"));
        let fields = restore();
        delete(&s, "/there", &fields).expect(*existing, "DELETE /there");
        assert_eq!(s.path("html/there").exists(), *existing == 412);
        delete(&s, "/missing", &fields).expect(404, "DELETE /missing");
    });
}

/// Both uploads have the same size and are of the same second: they had the same entity tag, and the third one removed
/// the second.
#[test]
fn a_put_for_a_version_that_somebody_has_replaced_is_refused() {
    let s = store("");
    put(&s, "/x", "", "one").expect(201, "/x");
    let mine = s.tag("/x");
    put(&s, "/x", "", "two").expect(204, "/x");
    for fields in [format!("If-Match: {mine}\r\n"), format!("If-Match: W/{mine}\r\n")] {
        put(&s, "/x", &fields, "new").expect(412, &fields);
        delete(&s, "/x", &fields).expect(412, &fields);
    }
    assert_eq!(s.text("html/x"), "two");
    put(&s, "/x", &format!("If-Match: {}\r\n", s.tag("/x")), "new").expect(204, "the tag of what is there");
    assert_eq!(s.text("html/x"), "new");
}

/// The configured tag is the same for all uploads.
#[test]
fn a_tag_of_the_configuration_does_not_let_a_put_replace_an_upload() {
    let s = store("add_header ETag '\"set\"';");
    put(&s, "/x", "", "one").expect(201, "/x");
    assert_eq!(s.get("/x").must("ETag"), "\"set\"");
    put(&s, "/x", "If-Match: \"set\"\r\n", "two").expect(412, "If-Match");
    assert_eq!(s.text("html/x"), "one");
}

#[test]
fn delete_removes_files_and_folders() {
    let s = store("location /linked/ { }");
    std::os::unix::fs::symlink("ok.txt", s.path("html/link")).unwrap();
    std::os::unix::fs::symlink("nowhere", s.path("html/broken")).unwrap();
    put(&s, "/x", "", "x").expect(201, "/x");
    let rows = [
        ("/x", 204),
        ("/x", 404),
        ("/none/x", 404),
        ("/ok.txt/", 404),
        ("/ok.txt/x", 404),
        ("/full", 409),
        ("/empty", 409),
        ("/empty/", 204),
        ("/empty/", 404),
        ("/empty", 404),
        ("/full/", 204),
        ("/full/in.txt", 404),
        ("/link", 204), // the link, not its target
        ("/broken", 204),
        ("/broken", 404),
    ];
    let mut client = s.connect();
    for (target, status) in rows {
        client.send(request("DELETE", target, "", ""));
        let response = client.response().expect(status, target);
        assert!(!response.says_close(), "{response}");
    }
    assert_eq!(tree(&s.path("html")), ["ok.txt"]);
}

#[test]
fn a_delete_with_a_body_removed_the_file() {
    let s = site(DAV, &[("a", b"a"), ("d/b", b"b")]);
    let mut client = s.connect();
    for framing in ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"] {
        for target in ["/a", "/d/", "/missing"] {
            client.send(format!("DELETE {target} HTTP/1.1\r\nHost: h\r\n{framing}"));
            client.response().expect(415, target);
        }
    }
    assert_eq!((s.text("html/a"), s.text("html/d/b")), ("a".into(), "b".into()));
    delete(&s, "/a", "Content-Length: 0\r\n").expect(204, "an empty body");
}

#[test]
fn the_folder_of_a_root_or_an_alias_is_never_removed() {
    let s = site(&format!("{DAV} location /up/ {{ alias store/; }} location = /one {{ alias one.txt; }}"), &[]);
    s.write("store/x", b"x");
    s.write("one.txt", b"one");
    for (target, status) in [("/up/x", 204), ("/up/", 403), ("/", 403), ("/one", 204)] {
        delete(&s, target, "").expect(status, target);
    }
    assert!(s.path("html").exists() && s.path("store").exists() && !s.path("one.txt").exists());
}

#[test]
fn a_link_is_replaced_and_what_it_leads_to_stays() {
    let s = store("");
    s.write("outside", b"outside");
    std::os::unix::fs::symlink("../outside", s.path("html/link")).unwrap();
    put(&s, "/link", "", "mine").expect(204, "/link");
    assert_eq!((s.text("outside"), s.text("html/link")), ("outside".into(), "mine".into()));
    assert!(!s.path("html/link").is_symlink());
}

#[test]
fn expect_100_continue_is_told_to_go_on_only_when_the_body_is_wanted() {
    let s = store("client_max_body_size 1k; location /read/ { dav_methods off; }");
    let expecting = |target: &str, length: usize, more: &str| {
        format!("PUT {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n{more}\r\n")
    };
    for (target, status) in [("/x", 201), ("/x", 204)] {
        let mut client = s.connect();
        client.send(expecting(target, 5, ""));
        assert_eq!(client.any_response().status, 100);
        client.send("hello");
        client.any_response().expect(status, target);
        assert_eq!(client.get("/x").text(), "hello");
    }
    let rows = [
        ("/x", 1025, "", 413),
        ("/read/x", 5, "", 405),
        ("/none/x", 5, "", 409),
        ("/full/", 5, "", 409),
        ("/full", 5, "", 409),
        ("/ok.txt", 5, "If-None-Match: *\r\n", 412),
        ("/none", 5, "If-Match: *\r\n", 412),
        ("/x", 5, "Content-Range: bytes 0-4/5\r\n", 400),
    ];
    each(rows, |(target, length, more, status)| {
        let mut client = s.connect();
        client.send(expecting(target, *length, more));
        let response = client.any_response().expect(*status, target);
        // The body may follow or not, so the next bytes on this connection are unknown.
        assert!(response.says_close(), "{response}");
        client.half_close();
        client.assert_ended(target);
    });
    // A client that does not wait needs no 100.
    let mut client = s.connect();
    client.send(expecting("/x", 5, "") + "again");
    client.any_response().expect(204, "/x");
    assert_eq!(client.get("/x").text(), "again");
    // A client of HTTP/1.0 does not know 100 (RFC 9110 section 10.1.1).
    let mut client = s.connect();
    client.send(expecting("/old", 5, "").replace("HTTP/1.1", "HTTP/1.0") + "hello");
    client.any_response().expect(201, "/old");
    client.assert_ended("HTTP/1.0");
    // Chunked, and pipelined after another request.
    let mut client = s.connect();
    let head = "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n";
    client.send(["GET /ok.txt HTTP/1.1\r\nHost: h\r\n\r\n", head].concat());
    assert_eq!(client.any_response().text(), "ok");
    assert_eq!(client.any_response().status, 100);
    client.send("2\r\nby\r\n0\r\n\r\n");
    client.any_response().expect(204, "/x");
    assert_eq!(client.get("/x").text(), "by");
}

#[test]
fn a_location_takes_the_methods_that_it_names() {
    let config = "location /none/ { } location /both/ { dav_methods PUT DELETE; } \
                  location /put/ { dav_methods PUT; } location /delete/ { dav_methods DELETE; \
                  location /delete/off/ { dav_methods off; } }";
    let files: harness::Files<'_> = &[
        ("ok.txt", b"ok"),
        ("none/x", b"old"),
        ("both/x", b"old"),
        ("put/x", b"old"),
        ("delete/x", b"old"),
        ("delete/off/x", b"old"),
    ];
    let rows = [
        ("/none/x", "GET, HEAD, OPTIONS"),
        ("/delete/off/x", "GET, HEAD, OPTIONS"),
        ("/both/x", "GET, HEAD, PUT, DELETE, OPTIONS"),
        ("/put/x", "GET, HEAD, PUT, OPTIONS"),
        ("/delete/x", "GET, HEAD, DELETE, OPTIONS"),
    ];
    let s = Setup::new(&host(config), files).start();
    each(rows, |(target, allow)| {
        let mut client: Client = s.connect();
        let path = format!("html{target}");
        for method in ["PUT", "DELETE", "POST"] {
            client.send(request(method, target, "", if method == "DELETE" { "" } else { "new" }));
            let response = client.response();
            if allow.split(", ").any(|one| one == method) {
                assert_eq!(response.status, 204, "{method} {target}");
            } else {
                assert_eq!(response.status, 405, "{method} {target}");
                assert_eq!(response.must("Allow"), *allow, "{method} {target}");
            }
        }
        let expected = match (allow.contains("PUT"), allow.contains("DELETE")) {
            (_, true) => None,
            (true, false) => Some("new"),
            (false, false) => Some("old"),
        };
        assert_eq!(s.path(&path).exists().then(|| s.text(&path)).as_deref(), expected, "{target}");
        client.send(request("OPTIONS", target, "", ""));
        assert_eq!(client.response().expect(204, target).must("Allow"), *allow);
    });
}

#[test]
fn http_1_0_stores_too() {
    let s = store("");
    let mut client = s.connect();
    client.send("PUT /x HTTP/1.0\r\nContent-Length: 3\r\n\r\nold");
    let response = client.response().expect(201, "/x");
    assert!(response.says_close(), "{response}");
    client.assert_ended("HTTP/1.0");
    assert_eq!(s.text("html/x"), "old");
    // RFC 1945 section 7.2.2: without a length, the end of the body is unknown.
    s.ask("PUT /x HTTP/1.0\r\n\r\nnew").expect(400, "no length");
    assert_eq!(s.text("html/x"), "old");
    s.ask("PUT /x HTTP/1.1\r\nHost: h\r\n\r\n").expect(204, "HTTP/1.1 without a length: no bytes (9112 6.3)");
    assert_eq!(s.text("html/x"), "");
}

#[test]
fn uploads_went_through_links_that_downloads_refused() {
    let s = site("dav_methods PUT DELETE; disable_symlinks on;", &[("real/a.txt", b"old")]);
    std::os::unix::fs::symlink(s.path("html/real"), s.path("html/link")).unwrap();
    for request in ["GET", "DELETE", "PUT"] {
        let response = s.ask(format!("{request} /link/a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"));
        response.expect(403, request);
    }
    assert_eq!(s.text("html/real/a.txt"), "old");
    s.ask("PUT /real/b.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nnew").expect(201, "without a link");
}
