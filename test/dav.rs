//! MKCOL, COPY, MOVE and DELETE of folders: their answers; and a folder never appears or disappears in part.

mod harness;

use harness::{Response, Server, Setup, each, host, noise, site, wait_for};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

const DAV: &str = "dav_methods PUT DELETE MKCOL COPY MOVE; client_max_body_size 0;";

/// A site that allows all methods: a file, a folder with files and folders in it, an empty folder.
fn store(config: &str) -> Server {
    let s = site(&format!("{DAV} {config}"), &[]);
    plant(&s);
    s
}

/// The site's original files.
fn plant(s: &Server) {
    std::fs::remove_dir_all(s.path("html")).unwrap();
    for (name, content) in
        [("ok.txt", "ok"), ("full/in.txt", "in"), ("full/deep/er/leaf", "leaf"), ("full/.hidden", "h")]
    {
        s.write(&format!("html/{name}"), content.as_bytes());
    }
    std::fs::create_dir(s.path("html/empty")).unwrap();
}

fn ask(s: &Server, method: &str, target: &str, fields: &str) -> Response {
    s.ask(format!("{method} {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n"))
}

/// All paths below a folder, sorted; folders end with a slash.
fn tree(folder: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() {
            paths.extend(tree(&path).iter().map(|below| format!("{name}/{below}")));
            paths.push(format!("{name}/"));
        } else {
            paths.push(name);
        }
    }
    paths.sort();
    paths
}

fn html(s: &Server) -> Vec<String> {
    tree(&s.path("html"))
}

#[test]
fn mkcol_makes_one_folder() {
    let s = store("location /read/ { dav_methods off; }");
    let rows = [
        ("/new/", "", 201),
        ("/new/", "", 405),
        ("/new", "", 405),
        ("/without-slash", "", 201),
        ("/new/with%20blank/", "", 201),
        ("/none/x/", "", 409),
        ("/ok.txt", "", 405),
        ("/ok.txt/", "", 405),
        ("/ok.txt/x/", "", 409),
        ("/", "", 405),
        ("/../x/", "", 400),
        ("/read/x/", "", 405),
        ("/cond/", "If-None-Match: *\r\n", 201),
        ("/cond/", "If-None-Match: *\r\n", 412),
        ("/cond2/", "If-Match: *\r\n", 412),
        ("/length/", "Content-Length: 0\r\n", 201),
    ];
    for (target, fields, status) in rows {
        let response = ask(&s, "MKCOL", target, fields).expect(status, target);
        if status == 405 && target != "/read/x/" {
            assert_eq!(response.must("Allow"), "GET, HEAD, PUT, DELETE, OPTIONS, MKCOL, COPY, MOVE");
        }
        if status == 201 {
            assert!(response.must("Location").ends_with(target), "{response}");
        }
    }
    let mut client = s.connect();
    for framing in ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"] {
        client.send(format!("MKCOL /body/ HTTP/1.1\r\nHost: h\r\n{framing}"));
        client.response().expect(415, framing);
    }
    assert_eq!(client.get("/ok.txt").text(), "ok");
    for name in ["new", "without-slash", "new/with blank", "cond", "length"] {
        assert!(s.path("html").join(name).is_dir(), "{name}");
    }
    assert!(!s.path("html/body").exists() && !s.path("html/cond2").exists());
}

/// Each row is one COPY or MOVE: source, Destination, more fields, status, and the new paths.
#[test]
fn copies_and_moves_by_the_table() {
    type Row = (&'static str, &'static str, &'static str, u16, &'static [&'static str]);
    let deep: &[&str] = &["new/", "new/.hidden", "new/deep/", "new/deep/er/", "new/deep/er/leaf", "new/in.txt"];
    let rows: [Row; 36] = [
        ("/ok.txt", "/new.txt", "", 201, &["new.txt"]),
        ("/ok.txt", "http://h/new.txt", "", 201, &["new.txt"]),
        ("/ok.txt", "/empty/with%20blank", "", 201, &["empty/with blank"]),
        ("/ok.txt", "/full/in.txt", "", 204, &[]),
        ("/ok.txt", "/full/in.txt", "Overwrite: T\r\n", 204, &[]),
        ("/ok.txt", "/full/in.txt", "Overwrite: F\r\n", 412, &[]),
        ("/ok.txt", "/new.txt", "Overwrite: F\r\n", 201, &["new.txt"]),
        ("/ok.txt", "/empty", "", 204, &["empty"]),
        ("/ok.txt", "/empty/", "", 204, &["empty"]),
        ("/ok.txt", "/full/", "Overwrite: F\r\n", 412, &[]),
        ("/ok.txt", "/new/", "", 409, &[]),
        ("/ok.txt", "/none/new.txt", "", 409, &[]),
        ("/ok.txt", "/ok.txt", "", 403, &[]),
        ("/ok.txt", "/ok.txt/x", "", 403, &[]),
        ("/ok.txt", "/", "", 403, &[]),
        ("/ok.txt", "http://other/new.txt", "", 502, &[]),
        ("/ok.txt", "/../new.txt", "", 400, &[]),
        ("/ok.txt", "/%2e%2e/new.txt", "", 400, &[]),
        ("/ok.txt", "/new.txt", "Depth: 1\r\n", 400, &[]),
        ("/ok.txt", "/new.txt", "Depth: 0\r\n", 201, &["new.txt"]),
        ("/ok.txt", "/new.txt", "Overwrite: maybe\r\n", 400, &[]),
        ("/ok.txt", "/new.txt", "Content-Length: 1\r\n", 415, &[]),
        ("/ok.txt", "/new.txt", "If-Match: \"other\"\r\n", 412, &[]),
        ("/ok.txt", "/new.txt", "If-Match: *\r\n", 201, &["new.txt"]),
        ("/ok.txt", "/new.txt", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 412, &[]),
        ("/none", "/new.txt", "", 404, &[]),
        ("/ok.txt/", "/new.txt", "", 404, &[]),
        ("/full/", "/new/", "", 201, deep),
        ("/full/", "/new", "", 201, deep),
        ("/full", "/new", "", 201, deep),
        ("/full/", "/empty/", "Overwrite: F\r\n", 412, &[]),
        ("/full/", "/full/deep/new/", "", 403, &[]),
        ("/full/deep/", "/full/", "", 403, &[]),
        ("/full/", "/full", "", 403, &[]),
        ("/", "/new/", "", 403, &[]),
        ("/full/", "/none/new/", "", 409, &[]),
    ];
    let s = store("");
    each(rows, |(target, destination, fields, status, new)| {
        for method in ["COPY", "MOVE"] {
            plant(&s);
            let before = html(&s);
            let name = target.trim_matches('/').to_owned();
            let fields = format!("Destination: {destination}\r\n{fields}");
            ask(&s, method, target, &fields).expect(*status, &format!("{method} {target} {fields}"));
            let gone = |path: &String| {
                method == "MOVE" && *status < 300 && (*path == name || path.starts_with(&(name.clone() + "/")))
            };
            let replaced = |path: &String| new.contains(&"empty") && path.starts_with("empty/");
            let mut expected: Vec<String> = before.into_iter().filter(|path| !gone(path) && !replaced(path)).collect();
            expected.extend(new.iter().map(|path| path.to_string()));
            expected.sort();
            assert_eq!(html(&s), expected, "{method}");
        }
    });
    plant(&s);
    ask(&s, "COPY", "/ok.txt", "").expect(400, "no Destination");
}

#[test]
fn what_is_replaced_is_replaced_as_a_whole() {
    for method in ["COPY", "MOVE"] {
        let s = store("");
        s.write("html/target/old/1", b"1");
        s.write("html/target/in.txt", b"old");
        ask(&s, method, "/full/", "Destination: /target/\r\n").expect(204, method);
        let expected = [".hidden", "deep/", "deep/er/", "deep/er/leaf", "in.txt"];
        assert_eq!(tree(&s.path("html/target")), expected, "{method}: nothing of the old one, nothing hidden");
        assert_eq!(s.text("html/target/in.txt"), "in");
        assert_eq!(s.path("html/full").exists(), method == "COPY");
        // A folder replaces a file.
        ask(&s, method, "/target/", "Destination: /ok.txt\r\n").expect(204, method);
        assert_eq!(tree(&s.path("html/ok.txt")), expected, "{method}");
    }
}

#[test]
fn depth_0_copies_the_folder_alone_and_nothing_else_has_it() {
    let s = store("");
    ask(&s, "COPY", "/full/", "Destination: /new/\r\nDepth: 0\r\n").expect(201, "COPY");
    assert_eq!(tree(&s.path("html/new")), [] as [&str; 0]);
    ask(&s, "MOVE", "/full/", "Destination: /other/\r\nDepth: 0\r\n").expect(400, "MOVE");
    for depth in ["0", "1", "2", ""] {
        ask(&s, "DELETE", "/full/", &format!("Depth: {depth}\r\n")).expect(400, depth);
    }
    assert!(s.path("html/full/deep/er/leaf").exists());
    ask(&s, "DELETE", "/ok.txt", "Depth: 1\r\n").expect(400, "nor a file");
    ask(&s, "DELETE", "/ok.txt", "Depth: 0\r\n").expect(204, "a file has no depth");
    ask(&s, "DELETE", "/full/#part", "").expect(400, "a fragment");
    ask(&s, "DELETE", "/full/", "Depth: Infinity\r\n").expect(204, "DELETE");
    assert_eq!(html(&s), ["empty/", "new/"]);
}

#[test]
fn the_destinations_location_has_a_say() {
    let s = store(
        "location /read/ { dav_methods off; } location /put/ { dav_methods PUT COPY; limit_except COPY { deny all; } } \
         location /no/ { methods GET; } location /i { alias store/; }",
    );
    for folder in ["html/read", "html/put", "html/no", "store"] {
        std::fs::create_dir(s.path(folder)).unwrap();
    }
    s.write("html/put/x", b"x");
    let rows = [
        ("COPY", "/ok.txt", "/read/x", 403),
        ("MOVE", "/ok.txt", "/read/x", 403),
        ("MOVE", "/ok.txt", "/put/y", 403),
        ("COPY", "/ok.txt", "/put/y", 201),
        ("COPY", "/ok.txt", "/no/x", 403),
        ("COPY", "/put/x", "/x", 201),
        ("MOVE", "/put/x", "/y", 403), // refused by limit_except
        ("COPY", "/ok.txt", "/i/x", 201),
        ("COPY", "/ok.txt", "/i../x", 403),
        ("COPY", "/ok.txt", "/i/", 403),
        ("MOVE", "/i/", "/x/", 403),
        ("MOVE", "/i/x", "/z", 201),
    ];
    for (method, target, destination, status) in rows {
        let fields = format!("Destination: {destination}\r\n");
        ask(&s, method, target, &fields).expect(status, &format!("{method} {target} {destination}"));
    }
    assert!(s.path("html/z").exists() && !s.path("store/x").exists() && !s.path("x").exists());
}

#[test]
fn a_destination_with_the_port_of_the_server_was_on_another_host() {
    let s = site(DAV, &[("a", b"a")]);
    let port = s.port();
    for (host, destination, status) in [
        ("h".to_owned(), format!("http://h:{port}/b"), 201),
        (format!("h:{port}"), "http://h/b".to_owned(), 204),
        (format!("h:{port}"), format!("http://h:{port}/b"), 204),
        ("h".to_owned(), "http://h:1/b".to_owned(), 502),
        ("h:1".to_owned(), "http://h/b".to_owned(), 502),
        ("h".to_owned(), format!("http://other:{port}/b"), 502),
    ] {
        let request = format!("COPY /a HTTP/1.1\r\nHost: {host}\r\nDestination: {destination}\r\n\r\n");
        s.ask(request).expect(status, &format!("{host} {destination}"));
    }
}

#[test]
fn links_are_neither_followed_nor_copied_out_of_a_folder() {
    let s = store("location /strict/ { disable_symlinks on; }");
    s.write("outside/secret", b"secret");
    s.write("html/strict/a", b"a");
    symlink("../../outside", s.path("html/full/link")).unwrap();
    symlink("../outside/secret", s.path("html/link")).unwrap();
    symlink("../../outside", s.path("html/strict/link")).unwrap();

    ask(&s, "COPY", "/full/", "Destination: /copy/\r\n").expect(201, "a link in it");
    assert_eq!(tree(&s.path("html/copy")), [".hidden", "deep/", "deep/er/", "deep/er/leaf", "in.txt"]);
    s.wait_said("1 links or special files");

    ask(&s, "MOVE", "/link", "Destination: /moved\r\n").expect(201, "the link itself");
    assert!(s.path("html/moved").is_symlink());
    for (method, target, destination) in [
        ("COPY", "/strict/link/secret", "/x"),
        ("MOVE", "/strict/link/secret", "/x"),
        ("COPY", "/strict/a", "/strict/link/a"),
        ("MOVE", "/strict/a", "/strict/link/a"),
        ("COPY", "/strict/link", "/x"),
    ] {
        ask(&s, method, target, &format!("Destination: {destination}\r\n")).expect(403, target);
    }
    ask(&s, "MKCOL", "/strict/link/new/", "").expect(403, "MKCOL");
    ask(&s, "DELETE", "/strict/link/secret", "").expect(403, "DELETE");
    ask(&s, "DELETE", "/full/", "").expect(204, "a folder with a link in it");
    ask(&s, "DELETE", "/strict/", "").expect(204, "a folder with a link in it");
    assert_eq!(tree(&s.path("outside")), ["secret"]);
    assert_eq!(s.text("outside/secret"), "secret");
}

#[test]
fn permissions_are_kept_or_as_dav_access_says() {
    let s = store(
        "location /kept/ { } location /set/ { dav_access user:rw group:rw all:r; create_full_put_path on; } \
         location /none/ { create_full_put_path off; }",
    );
    for folder in ["html/kept", "html/set"] {
        std::fs::create_dir(s.path(folder)).unwrap();
    }
    let mode = |name: &str| std::fs::metadata(s.path(name)).unwrap().permissions().mode() & 0o7777;
    let put = |target: &str, status| {
        let request = format!("PUT {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
        s.ask(request).expect(status, target);
    };
    s.write("html/kept/x", b"old");
    for bits in [0o600, 0o640, 0o666, 0o755] {
        std::fs::set_permissions(s.path("html/kept/x"), PermissionsExt::from_mode(bits)).unwrap();
        put("/kept/x", 204);
        assert_eq!(mode("html/kept/x"), bits, "what is replaced keeps its permissions");
        ask(&s, "COPY", "/kept/x", "Destination: /kept/y\r\nOverwrite: T\r\n");
        assert_eq!(mode("html/kept/y") & 0o700, bits & 0o700);
    }
    put("/set/x", 201);
    put("/set/a/b/c/x", 201);
    ask(&s, "MKCOL", "/set/d/", "").expect(201, "/set/d/");
    assert_eq!((mode("html/set/x"), mode("html/set/d")), (0o664, 0o775));
    assert_eq!(mode("html/set/a/b/c/x"), 0o664);
    put("/set/x/y", 409);
    put("/none/a/x", 409);
    assert!(!s.path("html/none").exists());
}

#[test]
fn min_delete_depth_counts_names() {
    let s = store("min_delete_depth 3;");
    for (target, status) in
        [("/ok.txt", 409), ("/full/", 409), ("/full/in.txt", 409), ("/full/deep/er/leaf", 204), ("/full/deep/er/", 204)]
    {
        ask(&s, "DELETE", target, "").expect(status, target);
    }
}

/// A folder with more files than one turn handles.
fn many(s: &Server, name: &str, count: usize) {
    for i in 0..count {
        s.write(&format!("html/{name}/{}/{i}", i % 7), b"some bytes");
    }
}

#[test]
fn of_many_clients_that_create_one_file_one_gets_201() {
    let main = "worker_processes 2; error_log stderr notice;";
    let s = Setup::new(&host(DAV), &[("ok.txt", b"ok"), ("source", b"source")]).main(main).start();
    for round in 0..20 {
        let target = format!("/new{round}");
        let create = |i: usize| match i % 2 {
            0 => format!("PUT {target} HTTP/1.1\r\nHost: h\r\nIf-None-Match: *\r\nContent-Length: 1\r\n\r\n{}", i % 10),
            _ => format!("COPY /source HTTP/1.1\r\nHost: h\r\nDestination: {target}\r\nOverwrite: F\r\n\r\n"),
        };
        let mut clients: Vec<_> = (0..10).map(|_| s.connect()).collect();
        for (i, client) in clients.iter_mut().enumerate() {
            client.send(create(i));
        }
        let mut statuses: Vec<u16> = clients.iter_mut().map(|client| client.response().status).collect();
        statuses.sort();
        assert_eq!((statuses[0], &statuses[1..]), (201, &[412; 9][..]), "round {round}");
    }
    assert_eq!(html(&s).len(), 22, "{:?}", html(&s));
}

#[test]
fn a_condition_is_looked_at_again_when_the_body_is_complete() {
    let s = store("");
    let tag = s.tag("/ok.txt");
    let body = noise(100_000, 1);
    for (target, field) in [("/ok.txt", format!("If-Match: {tag}")), ("/new", "If-None-Match: *".to_owned())] {
        let mut slow = s.connect();
        slow.send(format!("PUT {target} HTTP/1.1\r\nHost: h\r\n{field}\r\nContent-Length: 100000\r\n\r\n"));
        slow.send(&body[..50_000]);
        s.assert_alive("half of it");
        s.ask(format!("PUT {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nfaster"));
        slow.send(&body[50_000..]);
        slow.response().expect(412, &field);
        assert_eq!(s.get(target).text(), "faster");
    }
}

#[test]
fn a_large_folder_does_not_hold_up_others_and_is_gone_at_once() {
    let s = store("");
    many(&s, "large", 800);
    let before = tree(&s.path("html/large"));
    let mut client = s.connect();
    client.send("COPY /large/ HTTP/1.1\r\nHost: h\r\nDestination: /copy/\r\n\r\n");
    let mut other = s.connect();
    loop {
        // At any time, either all of it or nothing is visible.
        let there = s.path("html/copy/6/797").exists();
        if s.path("html/copy").exists() || there {
            assert_eq!(tree(&s.path("html/copy")), before);
            break;
        }
        assert_eq!(other.get("/ok.txt").text(), "ok");
    }
    client.response().expect(201, "COPY");
    client.send("DELETE /large/ HTTP/1.1\r\nHost: h\r\n\r\n");
    client.response().expect(204, "DELETE");
    assert_eq!(html(&s).iter().filter(|name| !name.starts_with("copy")).count(), 8, "{:?}", html(&s));
}

#[test]
fn a_client_that_leaves_leaves_no_half_of_a_copy() {
    let s = store("");
    many(&s, "large", 800);
    let before = html(&s);
    for _ in 0..3 {
        let mut client = s.connect();
        // The answer to the first request stays unread, so closing sends a reset, which ends the connection.
        client.send(
            "GET /ok.txt HTTP/1.1\r\nHost: h\r\n\r\nCOPY /large/ HTTP/1.1\r\nHost: h\r\nDestination: /copy/\r\n\r\n",
        );
        let names = || {
            let names = std::fs::read_dir(s.path("html")).unwrap().map(|e| e.unwrap().file_name());
            names.map(|name| name.to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        let is_under_way = || names().iter().any(|name| name.ends_with(".part"));
        let has_begun = || is_under_way() || names().iter().any(|name| name == "copy");
        wait_for("the copy has begun", || has_begun().then_some(()));
        drop(client);
        wait_for("the copy is whole or gone", || (!is_under_way()).then_some(()));
        s.assert_alive("a client that has left");
        ask(&s, "DELETE", "/copy/", "");
        assert_eq!(html(&s), before);
    }
}

#[test]
fn the_end_of_the_server_leaves_no_half_of_a_copy_or_removal() {
    for request in [
        "COPY /large/ HTTP/1.1\r\nHost: h\r\nDestination: /copy/\r\n\r\n",
        "DELETE /large/ HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        let mut s = store("");
        many(&s, "large", 800);
        let mut client = s.connect();
        client.send(request);
        wait_for("it has begun", || {
            let hidden = std::fs::read_dir(s.path("html")).unwrap().map(|e| e.unwrap().file_name());
            let begun = hidden.filter(|name| name.to_string_lossy().starts_with('.')).count() > 0;
            (begun || s.path("html/copy").exists() || !s.path("html/large").exists()).then_some(())
        });
        s.process.signal("TERM");
        assert!(s.process.exit().success());
        let left: Vec<String> = html(&s).into_iter().filter(|name| name.starts_with('.')).collect();
        assert_eq!(left, [] as [&str; 0]);
    }
}

#[test]
fn without_a_descriptor_nothing_changes_and_it_works_again_later() {
    let s = site(DAV, &[("ok.txt", b"ok"), ("full/in.txt", b"in")]);
    s.process.limit_fds(32);
    let mut first = s.connect();
    assert_eq!(first.get("/ok.txt").text(), "ok");
    // The kernel completes these connections; the server cannot accept them all.
    let crowd: Vec<_> = (0..60).map(|_| s.connect()).collect();
    s.wait_said("Too many open files");
    let before = html(&s);
    for request in [
        "PUT /new HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx",
        "MKCOL /new/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "DELETE /ok.txt HTTP/1.1\r\nHost: h\r\n\r\n",
        "DELETE /full/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "COPY /full/ HTTP/1.1\r\nHost: h\r\nDestination: /new/\r\n\r\n",
        "MOVE /ok.txt HTTP/1.1\r\nHost: h\r\nDestination: /new\r\n\r\n",
    ] {
        first.send(request);
        assert_eq!(first.response().expect(503, request).must("Retry-After"), "1");
        assert_eq!(html(&s), before, "{request}");
    }
    drop(crowd);
    wait_for("descriptors are free again", || {
        first.send("COPY /full/ HTTP/1.1\r\nHost: h\r\nDestination: /new/\r\n\r\n");
        (first.response().status == 201).then_some(())
    });
    assert_eq!(tree(&s.path("html/new")), ["in.txt"]);
}
