//! Static files: every byte, the right fields, the right path, and no file outside of the root.

mod harness;

use harness::http::{Framing, find};
use harness::{Setup, date, host, noise, server, site, wait_for};
use std::fs::File;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

/// RFC 9110's example: Sun, 06 Nov 1994 08:49:37 GMT.
const EXAMPLE_S: u64 = 784_111_777;

#[test]
fn every_size_byte_for_byte() {
    let sizes = [0, 1, 2, 1023, 1024, 1025, 4096, 65535, 65536, 65537, 100 << 10, 1 << 20, 10 << 20];
    for sendfile in ["on", "off"] {
        let s = site(&format!("sendfile {sendfile};"), &[]);
        let mut client = s.connect();
        for size in sizes {
            let content = noise(size, size as u64);
            s.write(&format!("html/{size}.bin"), &content);
            let response = client.get(&format!("/{size}.bin"));
            assert_eq!(response.status, 200, "{size} bytes, sendfile {sendfile}: {response}");
            assert_eq!(response.framing, Framing::Length, "{response}");
            assert_eq!(response.must("Content-Length"), size.to_string());
            assert!(response.body == content, "{size} bytes, sendfile {sendfile}: other bytes came: {response}");
        }
    }
}

#[test]
fn names_with_spaces_utf8_and_percent_signs() {
    let rows = [
        ("with space.txt", "/with%20space.txt"),
        ("grüße.txt", "/gr%C3%BC%C3%9Fe.txt"),
        ("grüße.txt", "/gr%c3%bc%c3%9fe.txt"),
        ("100%.txt", "/100%25.txt"),
        ("%41.txt", "/%2541.txt"),
        ("a+b.txt", "/a+b.txt"),
        ("q?m.txt", "/q%3Fm.txt"),
        ("h#sh.txt", "/h%23sh.txt"),
        ("A.txt", "/%41.txt"),
        ("semi;colon=x,y.txt", "/semi;colon=x,y.txt"),
        ("...three.txt", "/...three.txt"),
        ("dots..txt", "/dots..txt"),
        (".hidden", "/.hidden"),
        ("back\\slash.txt", "/back%5Cslash.txt"),
        ("sub/dir/deep.txt", "/sub/dir/deep.txt"),
        ("sub/dir/deep.txt", "/sub%2Fdir%2Fdeep.txt"),
    ];
    let s = site("", &[]);
    for (name, _) in rows {
        s.write(&format!("html/{name}"), name.as_bytes());
    }
    for (name, target) in rows {
        let response = s.get(target).expect(200, target);
        assert_eq!(response.text(), name, "{target}: {response}");
    }
}

#[test]
fn media_types_by_extension() {
    let types = "types { text/html html htm; text/css css; application/gzip gz; image/x-many many more; } \
                 default_type application/x-default;";
    let rows = [
        ("a.html", "text/html"),
        ("a.htm", "text/html"),
        ("A.HTML", "text/html"),
        ("a.css", "text/css"),
        ("a.tar.gz", "application/gzip"),
        ("a.more", "image/x-many"),
        ("a.unknown", "application/x-default"),
        ("noextension", "application/x-default"),
        ("a.", "application/x-default"),
        (".html", "application/x-default"),
        ("dir.css/file", "application/x-default"),
    ];
    let s = server(&format!("{types} {}", host("location /plain/ { types {} default_type text/plain; }")), &[]);
    s.write("html/plain/a.html", b"x");
    for (name, _) in rows {
        s.write(&format!("html/{name}"), b"x");
    }
    for (name, media_type) in rows {
        let response = s.get(&format!("/{name}"));
        assert_eq!(response.must("Content-Type"), media_type, "{name}: {response}");
    }
    assert_eq!(s.get("/plain/a.html").must("Content-Type"), "text/plain");
}

#[test]
fn html_has_its_type_without_any_configuration() {
    let s = site("", &[("a.html", b"x"), ("a.jpg", b"x"), ("a.nothing", b"x")]);
    assert_eq!(s.get("/a.html").must("Content-Type"), "text/html");
    assert_eq!(s.get("/a.jpg").must("Content-Type"), "image/jpeg");
    assert_eq!(s.get("/a.nothing").must("Content-Type"), "text/plain");
}

#[test]
fn index_files() {
    let s = site(
        "index first.html second.html /fallback.html; location /default/ { index index.html; }",
        &[
            ("both/first.html", b"first"),
            ("both/second.html", b"second"),
            ("one/second.html", b"second"),
            ("none/other.html", b"other"),
            ("fallback.html", b"fallback"),
            ("default/index.html", b"default"),
            ("default/empty/x", b"x"),
        ],
    );
    for (target, body) in [
        ("/both/", "first"),
        ("/both/?a=b", "first"),
        ("/one/", "second"),
        ("/none/", "fallback"),
        ("/", "fallback"),
        ("/default/", "default"),
    ] {
        let response = s.get(target).expect(200, target);
        assert_eq!(response.text(), body, "{target}: {response}");
    }
    s.get("/default/empty/").expect(403, "/default/empty/");
    s.get("/default/absent/").expect(404, "/default/absent/");
}

#[test]
fn index_html_is_the_default_index() {
    let s = site("", &[("index.html", b"<p>home")]);
    let response = s.get("/").expect(200, "/");
    assert_eq!((response.text().as_str(), response.must("Content-Type")), ("<p>home", "text/html"));
}

#[test]
fn a_directory_without_its_slash_is_redirected() {
    let s = site("", &[("dir/x", b"x"), ("with space/x", b"x"), ("grün/x", b"x")]);
    for (target, place) in [
        ("/dir", "/dir/"),
        ("/dir?a=b&c", "/dir/?a=b&c"),
        ("/x/../dir", "/dir/"),
        ("/with%20space", "/with%20space/"),
        ("/gr%C3%BCn", "/gr%C3%BCn/"),
    ] {
        let response = s.get(target).expect(301, target);
        let location = format!("http://localhost:{}{place}", s.port());
        assert_eq!(response.must("Location"), location, "{target}: {response}");
        assert!(response.text().contains("301"), "{target}: {response}");
    }
}

#[test]
fn what_is_not_there_or_not_to_be_read() {
    let s = site("", &[("a.txt", b"a"), ("dir/x", b"x")]);
    let long = format!("/{}", "n".repeat(300));
    for (target, status) in [
        ("/absent", 404),
        ("/absent/", 404),
        ("/absent/x", 404),
        ("/a.txt/", 404),
        ("/a.txt/b", 404),
        ("/dir/", 403),
        (long.as_str(), 404),
    ] {
        let response = s.get(target).expect(status, target);
        assert!(response.text().contains(&status.to_string()), "the page names its status: {response}");
        assert_eq!(response.must("Content-Type"), "text/html", "{target}: {response}");
        assert_eq!(response.field("ETag"), None, "{target}: {response}");
        assert_eq!(response.field("Last-Modified"), None, "{target}: {response}");
    }
}

#[test]
fn an_unreadable_file_is_403() {
    use std::os::unix::fs::PermissionsExt;
    let s = site("", &[("secret.txt", b"secret")]);
    let path = s.path("html/secret.txt");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
    // root can read everything: then the mode has no effect, for this test and for the server.
    let status = if File::open(&path).is_ok() { 200 } else { 403 };
    s.get("/secret.txt").expect(status, "/secret.txt");
}

#[test]
fn a_fifo_is_not_a_file_and_does_not_block() {
    let s = site("", &[("ok.txt", b"ok")]);
    let made = std::process::Command::new("mkfifo").arg(s.path("html/fifo")).status().unwrap();
    assert!(made.success());
    for _ in 0..3 {
        s.get("/fifo").expect(404, "/fifo");
    }
    s.assert_alive("a fifo was asked for");
}

#[test]
fn aliases() {
    let config = "location /pics/ { alias other/; } location = /one { alias other/x.txt; } \
                  location /noslash { alias other/; }";
    let s = Setup::new(&host(config), &[("pics/x.txt", b"wrong")]);
    s.write("other/x.txt", b"right");
    s.write("other/sub/index.html", b"index");
    s.write("secret.txt", b"secret");
    let s = s.start();
    for (target, body) in
        [("/pics/x.txt", "right"), ("/one", "right"), ("/pics/sub/", "index"), ("/noslash/x.txt", "right")]
    {
        let response = s.get(target).expect(200, target);
        assert_eq!(response.text(), body, "{target}: {response}");
    }
    s.get("/pics/absent").expect(404, "/pics/absent");
    let redirect = s.get("/pics/sub").expect(301, "/pics/sub");
    assert_eq!(redirect.must("Location"), format!("http://localhost:{}/pics/sub/", s.port()));
    // An alias with a slash for a location without one is a common mistake; it must not give access to the parent
    // directory.
    let response = s.get("/noslash../secret.txt");
    assert!(!response.text().contains("secret") || response.status >= 400, "{response}");
}

#[test]
fn the_best_location_wins() {
    let answer = |name: &str| format!("{{ return 200 {name}; }}");
    let config = [
        format!("location / {}", answer("root")),
        format!("location = / {}", answer("exact-root")),
        format!("location /a {}", answer("a")),
        format!("location /a/b/ {}", answer("a-b")),
        format!("location ^~ /a/b/c/ {}", answer("a-b-c")),
        format!("location = /a/b/exact {}", answer("exact")),
        format!("location \"/sp ace/\" {}", answer("space")),
        format!(
            "location /outer/ {{ location /outer/inner/ {} location = /outer/x {} return 200 outer; }}",
            answer("inner"),
            answer("inner-exact")
        ),
    ];
    let s = site(&config.concat(), &[]);
    for (target, name) in [
        ("/", "exact-root"),
        ("/?q", "exact-root"),
        ("/x", "root"),
        ("/a", "a"),
        ("/abc", "a"),
        ("/a/b", "a"),
        ("/a/b/", "a-b"),
        ("/a/b/exact", "exact"),
        ("/a/b/exact/", "a-b"),
        ("/a/b/exact?q", "exact"),
        ("/a/b/c/d", "a-b-c"),
        ("/a/b/c/../exact", "exact"),
        ("/%61/b/", "a-b"),
        ("/A/b/", "root"),
        ("/sp%20ace/x", "space"),
        ("/outer/", "outer"),
        ("/outer/inner/x", "inner"),
        ("/outer/x", "inner-exact"),
    ] {
        let response = s.get(target).expect(200, target);
        assert_eq!(response.text(), name, "{target}: {response}");
    }
}

#[test]
fn settings_are_inherited_and_overridden() {
    let config = "root one; location /two/ { root .; } location /deep/ { location /deep/er/ { root three; } }";
    let s = Setup::new(&host(config), &[]);
    s.write("one/a", b"one");
    s.write("one/deep/a", b"one-deep");
    s.write("two/a", b"two");
    s.write("three/deep/er/a", b"three");
    let s = s.start();
    for (target, body) in [("/a", "one"), ("/two/a", "two"), ("/deep/a", "one-deep"), ("/deep/er/a", "three")] {
        assert_eq!(s.get(target).expect(200, target).text(), body, "{target}");
    }
}

#[test]
fn no_path_leaves_the_root() {
    let s = Setup::new(&host(""), &[("a.txt", b"inside"), ("a/b/c.txt", b"deep")]);
    s.write("secret.txt", b"secret");
    s.write("html-other/x.txt", b"secret");
    let s = s.start();
    for target in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2E%2E%2Fsecret.txt",
        "/..%2fsecret.txt",
        "/.%2e/secret.txt",
        "/a/../../secret.txt",
        "/a/b/../../../secret.txt",
        "/a/%2e%2e/%2e%2e/secret.txt",
        "/./../secret.txt",
        "//../secret.txt",
        "///..//secret.txt",
        "/..",
        "/../html-other/x.txt",
        "/a/..%00/secret.txt",
        "/a.txt%00.html",
        "/%00",
        "/../../../../../../../../../../etc/passwd",
    ] {
        let response = s.get(target).expect(400, target);
        assert!(find(&response.body, b"secret").is_none(), "{target}: {response}");
    }
    // After one decoding these are not dot segments: names that do not exist.
    for target in ["/..%5csecret.txt", "/%252e%252e/secret.txt", "/..;/secret.txt", "/%c0%ae%c0%ae/secret.txt"] {
        let response = s.get(target).expect(404, target);
        assert!(find(&response.body, b"secret").is_none(), "{target}: {response}");
    }
}

#[test]
fn dot_segments_and_doubled_slashes_inside_the_root() {
    let s = site("", &[("a.txt", b"a"), ("d/e/f.txt", b"f"), ("d/index.html", b"index of d")]);
    for (target, body) in [
        ("/./a.txt", "a"),
        ("/d/../a.txt", "a"),
        ("/d/e/../../a.txt", "a"),
        ("/d/%2e%2e/a.txt", "a"),
        ("/absent/../a.txt", "a"),
        ("//a.txt", "a"),
        ("/d//e///f.txt", "f"),
        ("/d/./e/./f.txt", "f"),
        ("/d/e/..", "index of d"),
        ("/d/e/../", "index of d"),
        ("/d/.", "index of d"),
        ("/a.txt?/../../x", "a"),
        ("/a.txt?", "a"),
        ("/a.txt#fragment", "a"),
    ] {
        let response = s.get(target).expect(200, target);
        assert_eq!(response.text(), body, "{target}: {response}");
    }
}

#[test]
fn symlinks_are_followed_unless_disabled() {
    let config = "location /on/ { disable_symlinks on; } location /owner/ { disable_symlinks if_not_owner; }";
    let s = site(config, &[("on/real.txt", b"inside"), ("owner/real.txt", b"inside"), ("free/real.txt", b"inside")]);
    s.write("outside/x.txt", b"outside");
    for place in ["on", "owner", "free"] {
        symlink("real.txt", s.path(&format!("html/{place}/near"))).unwrap();
        symlink(s.path("outside/x.txt"), s.path(&format!("html/{place}/far"))).unwrap();
        symlink(s.path("outside"), s.path(&format!("html/{place}/dir"))).unwrap();
        symlink("nowhere", s.path(&format!("html/{place}/broken"))).unwrap();
    }
    for (name, body) in [("near", "inside"), ("far", "outside"), ("dir/x.txt", "outside")] {
        for place in ["free", "owner"] {
            let target = format!("/{place}/{name}");
            assert_eq!(s.get(&target).expect(200, &target).text(), body, "{target}");
        }
        let target = format!("/on/{name}");
        let response = s.get(&target);
        assert!(response.status == 403 && !response.text().contains(body), "{target}: {response}");
    }
    s.get("/free/broken").expect(404, "/free/broken");
    s.get("/on/real.txt").expect(200, "/on/real.txt");
}

#[test]
fn the_fields_of_a_file() {
    let s = site("location /plain/ { etag off; }", &[("a.txt", b"12345"), ("plain/a.txt", b"x")]);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(EXAMPLE_S);
    File::options().write(true).open(s.path("html/a.txt")).unwrap().set_modified(time).unwrap();
    s.tag("/a.txt");
    let before = date::now();
    let response = s.get("/a.txt").expect(200, "/a.txt");
    // The server may use the same time for up to a second.
    let dates: Vec<String> = (before - 1..=date::now() + 1).map(date::imf).collect();
    assert!(dates.iter().any(|d| d == response.must("Date")), "Date is not one of {dates:?}: {response}");
    assert_eq!(response.must("Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT", "{response}");
    assert_eq!(response.must("Content-Length"), "5", "{response}");
    assert_eq!(response.must("Accept-Ranges"), "bytes", "{response}");
    assert!(!response.must("Server").is_empty(), "{response}");
    if std::env::var_os("WEBSERV_TEST_BIN").is_none() {
        assert!(response.must("Server").starts_with("webserv/"), "{response}");
    }
    let etag = response.must("ETag");
    assert!(etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'), "strong and quoted: {response}");
    let plain = s.get("/plain/a.txt").expect(200, "/plain/a.txt");
    assert_eq!(plain.field("ETag"), None, "{plain}");
    assert!(plain.field("Last-Modified").is_some(), "{plain}");
}

#[test]
fn the_etag_changes_with_the_file() {
    let s = site("", &[("a.txt", b"12345")]);
    let touch = |seconds| {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        File::options().write(true).open(s.path("html/a.txt")).unwrap().set_modified(time).unwrap();
    };
    let etag = || s.tag("/a.txt");
    touch(EXAMPLE_S);
    let first = etag();
    assert_eq!(etag(), first, "the same file has the same tag");
    touch(EXAMPLE_S + 1);
    assert_ne!(etag(), first, "another time");
    s.write("html/a.txt", b"123456");
    touch(EXAMPLE_S);
    assert_ne!(etag(), first, "another size");
    s.write("html/a.txt", b"54321");
    touch(EXAMPLE_S);
    assert_ne!(etag(), first, "another content, with time and size as at first");
}

#[test]
fn a_changed_file_is_served_as_it_is_now() {
    let s = site("", &[("a.txt", b"old")]);
    let mut client = s.connect();
    assert_eq!(client.get("/a.txt").text(), "old");
    s.write("html/a.txt", b"newer");
    let fresh = || (client.get("/a.txt").text() == "newer").then_some(());
    wait_for("the new content", fresh);
    std::fs::remove_file(s.path("html/a.txt")).unwrap();
    wait_for("404 for the removed file", || (client.get("/a.txt").status == 404).then_some(()));
}

#[test]
fn head_is_get_without_the_body() {
    let s = site(
        "location /text { return 200 hello; } location /moved { return 301 /x; }",
        &[("a.txt", b"12345"), ("empty", b""), ("dir/x", b"x"), ("index.html", b"home"), ("big", &noise(1 << 20, 1))],
    );
    for target in ["/a.txt", "/empty", "/dir", "/dir/", "/", "/big", "/absent", "/text", "/moved"] {
        let (get, mut client) = (s.get(target), s.connect());
        client.send(format!("HEAD {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let head = client.response();
        let compared = |r: &harness::Response| {
            let fields = r.fields.iter().filter(|(name, _)| name != "Date" && name != "Connection");
            (r.status, fields.cloned().collect::<Vec<_>>())
        };
        assert_eq!(compared(&head), compared(&get), "{target}");
        assert_eq!(head.must("Content-Length"), get.body.len().to_string(), "{target}: {head}");
        // If the server sent a body, it would be read as the next response.
        client.get("/a.txt").expect(200, "after HEAD");
    }
}

#[test]
fn an_alias_made_a_folder_of_a_path_without_a_slash() {
    let s = site(
        "location /static { alias files/; } location /other/ { alias files/; } location = /list { alias files/; \
         autoindex on; } location /far/ { root elsewhere; } location /none/ { }",
        &[("ok.txt", b"ok")],
    );
    s.write("files/a.txt", b"a");
    s.write("files/index.html", b"index");
    for (target, location) in [
        ("/static", "/static/"),
        ("/static?a=b", "/static/?a=b"),
        ("/other", "/other/"),
        ("/list", "/list/"),
        ("/far", "/far/"),
    ] {
        let response = s.get(target).expect(301, target);
        let to = response.must("Location");
        assert!(to.ends_with(&format!("{}{location}", s.port())), "{target}: {to}");
    }
    for target in ["/static/", "/other/"] {
        assert_eq!(s.get(target).text(), "index", "{target}");
    }
    for (target, status) in [("/none", 404), ("/missing", 404), ("/other/missing", 404), ("/static/missing", 404)] {
        s.get(target).expect(status, target);
    }
}

#[test]
fn a_listing_is_the_argument_of_a_function() {
    let s = site("autoindex on; autoindex_format jsonp; index none;", &[("dir/a.txt", b"a")]);
    let call = s.get("/dir/?x=1&callback=my.list").expect(200, "jsonp");
    assert_eq!(call.must("Content-Type"), "application/javascript");
    assert!(call.text().starts_with("/* callback */\r\nmy.list([\n{ \"name\":\"a.txt\""), "{call}");
    assert!(call.text().ends_with("}\n]);\n"), "{call}");
    for target in ["/dir/", "/dir/?callback="] {
        let plain = s.get(target).expect(200, target);
        assert_eq!(plain.must("Content-Type"), "application/json", "{target}");
    }
    s.get("/dir/?callback=alert(1)").expect(400, "another script");
}
