//! What a location protects stays protected, also if a client names a directory without its slash, or a directory
//! around it: the location of what is read, stored, moved or removed has the say, not only that of the path as sent.

mod harness;

use harness::{Response, Server, each, scripts, site};
use std::os::unix::fs::symlink;

/// `/tree/` may be changed. Below it are a directory that nobody may read, one whose files are programs, a file that is
/// protected alone, and a directory that may be changed, too.
const RULES: &str = "
    location /tree/ { dav_methods PUT DELETE MKCOL COPY MOVE; }
    location /tree/private/ { return 403; }
    location /tree/cgi/ { dav_methods off; cgi on; cgi_extension .sh; }
    location = /tree/deep/x/fixed { return 403; }
    location /tree/own/ { dav_methods PUT DELETE MKCOL COPY MOVE; client_max_body_size 5; }
    location /tree/links/ { dav_methods COPY MOVE; disable_symlinks on; }
    location /tree/far/ { dav_methods COPY MOVE; root elsewhere; }
    location /store/ { alias files/; dav_methods MKCOL COPY MOVE DELETE PUT; }
    location /store/private/ { return 403; }";

const FILES: harness::Files<'_> = &[
    ("tree/private/secret", b"secret"),
    ("tree/cgi/good.sh", b"#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\ngood'\n"),
    ("tree/deep/x/fixed", b"fixed"),
    ("tree/deep/other", b"other"),
    ("tree/evil/good.sh", b"#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nevil'\n"),
    ("tree/free/a", b"a"),
    ("tree/own/b", b"b"),
    ("tree/links/c", b"c"),
    ("tree/far/d", b"d"),
    ("tree/file", b"file"),
];

fn protected(config: &str) -> Server {
    let s = site(&format!("client_max_body_size 0; {config} {RULES}"), FILES);
    for name in ["cgi/good.sh", "evil/good.sh"] {
        scripts::make_executable(&s.path(&format!("html/tree/{name}")));
    }
    s.write("files/private/secret", b"secret");
    s.write("files/a/b", b"b");
    s
}

fn ask(s: &Server, method: &str, target: &str, fields: &str) -> Response {
    s.ask(format!("{method} {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n"))
}

fn put(s: &Server, target: &str) -> Response {
    s.ask(format!("PUT {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"))
}

/// Nothing that the locations protect has changed, and no copy of it can be read.
fn assert_protected(s: &Server, what: &str) {
    let secret = ["html/tree/private/secret", "files/private/secret"].map(|name| s.text(name));
    assert_eq!(secret, ["secret", "secret"], "{what}");
    assert_eq!(s.text("html/tree/deep/x/fixed"), "fixed", "{what}");
    assert_eq!(s.get("/tree/cgi/good.sh").text(), "good", "{what}");
    for path in ["/tree/leak/secret", "/store/leak/secret", "/tree/leak/x/fixed", "/tree/leak/deep/x/fixed"] {
        s.get(path).expect(404, what);
    }
}

#[test]
fn a_directory_without_its_slash_was_judged_by_another_location() {
    let rows = [
        ("COPY", "/tree/private", "/tree/leak", "location /tree/private/"),
        ("COPY", "/tree/private", "/tree/leak/", "location /tree/private/"),
        ("COPY", "/tree/%70rivate", "/tree/leak", "location /tree/private/"),
        ("COPY", "/tree/free/../private", "/tree/leak", "location /tree/private/"),
        ("COPY", "/tree//private", "/tree/leak", "location /tree/private/"),
        ("MOVE", "/tree/private", "/tree/leak", "location /tree/private/"),
        ("COPY", "/store/private", "/store/leak", "location /store/private/"),
        ("MOVE", "/tree/evil", "/tree/cgi", "location /tree/cgi/"),
        ("COPY", "/tree/evil/", "/tree/cgi", "location /tree/cgi/"),
        ("COPY", "/tree/evil/", "/tree//%63gi", "location /tree/cgi/"),
        ("COPY", "/tree/file", "/tree/cgi", "location /tree/cgi/"),
        ("MOVE", "/tree/file", "/tree/private", "location /tree/private/"),
        ("COPY", "/tree/cgi", "/tree/leak", "location /tree/cgi/"),
        ("COPY", "/tree/links", "/tree/leak", "location /tree/links/"), // it would be opened by other rules
        ("COPY", "/tree/far", "/tree/leak", "location /tree/far/"),     // its URL means another directory
    ];
    let s = protected("");
    each(rows, |(method, target, destination, location)| {
        for more in ["", "Overwrite: T\r\n", "Depth: infinity\r\n", "If-Match: *\r\n"] {
            let fields = format!("Destination: {destination}\r\n{more}");
            ask(&s, method, target, &fields).expect(403, target);
            assert_protected(&s, &format!("{method} {target} {destination}"));
        }
        let said = s.said();
        assert!(said.contains(&format!("{method} ")) && said.contains(location), "{location}: {said}");
    });
    ask(&s, "COPY", "/tree/private", "Destination: /tree/leak\r\nDepth: 0\r\n").expect(403, "Depth: 0");
    // A directory whose own location allows the method is no exception.
    ask(&s, "COPY", "/tree/own", "Destination: /tree/copy\r\n").expect(201, "COPY /tree/own");
    assert_eq!(s.get("/tree/copy/b").text(), "b");
}

#[test]
fn a_tree_was_taken_along_with_what_another_location_protects_in_it() {
    let rows = [
        ("DELETE", "/tree/deep/", "", "location = /tree/deep/x/fixed"),
        ("DELETE", "/tree/deep/x/", "", "location = /tree/deep/x/fixed"),
        ("DELETE", "/tree/", "", "location /tree/cgi/"),
        ("COPY", "/tree/deep/", "/tree/leak/", "location = /tree/deep/x/fixed"),
        ("COPY", "/tree/deep", "/tree/leak", "location = /tree/deep/x/fixed"),
        ("COPY", "/tree/deep/x", "/tree/leak/x", "location = /tree/deep/x/fixed"),
        ("MOVE", "/tree/deep/", "/tree/leak/", "location = /tree/deep/x/fixed"),
        ("COPY", "/tree/free/", "/tree/deep/", "location = /tree/deep/x/fixed"),
        ("MOVE", "/tree/free/", "/tree/deep/", "location = /tree/deep/x/fixed"),
        ("MOVE", "/tree/file", "/tree/deep", "location = /tree/deep/x/fixed"),
        ("MOVE", "/tree/file", "/tree/deep/x/", "location = /tree/deep/x/fixed"),
    ];
    let s = protected("");
    each(rows, |(method, target, destination, location)| {
        let to = if destination.is_empty() { String::new() } else { format!("Destination: {destination}\r\n") };
        ask(&s, method, target, &to).expect(403, target);
        assert_protected(&s, &format!("{method} {target} {destination}"));
        let said = s.said();
        assert!(said.contains(&format!("{method} ")) && said.contains(location), "{location}: {said}");
    });
    let to = "Destination: /tree/empty/\r\nDepth: 0\r\n";
    ask(&s, "COPY", "/tree/deep/", to).expect(201, "a copy without the files");
    ask(&s, "COPY", "/tree/free/", "Destination: /tree/copy/\r\n").expect(201, "COPY");
    ask(&s, "MOVE", "/tree/copy", "Destination: /tree/moved\r\n").expect(201, "MOVE");
    ask(&s, "DELETE", "/tree/moved/", "").expect(204, "DELETE");
    ask(&s, "DELETE", "/tree/own/", "").expect(204, "the directory of a location that allows it");
}

#[test]
fn an_exact_location_allowed_to_remove_what_its_server_protects() {
    let s =
        site("location = /a/ { dav_methods DELETE MOVE COPY; } location /b/ { dav_methods COPY; }", &[("a/x", b"x")]);
    for (method, to) in [("DELETE", ""), ("MOVE", "Destination: /b/a/\r\n"), ("COPY", "Destination: /b/a/\r\n")] {
        ask(&s, method, "/a/", to).expect(403, method);
        assert_eq!(s.text("html/a/x"), "x", "{method}");
    }
    s.wait_said("DELETE is refused: the server outside of its locations has its own rules in \"/a/\"");
}

#[test]
fn a_new_file_took_the_name_of_a_directory_with_a_location_of_its_own() {
    let s = site(
        "dav_methods PUT MKCOL; location /cgi/ { dav_methods off; cgi on; cgi_extension .sh; } \
         location /no/ { return 403; } location /yes/ { } location /far/ { alias far/; } location = /one { }",
        &[],
    );
    for (target, status) in
        [("/cgi", 403), ("/no", 403), ("/yes", 403), ("/yes/x", 201), ("/ye", 201), ("/one", 201), ("/ok.sh", 201)]
    {
        let made = if target == "/yes/x" { std::fs::create_dir_all(s.path("html/yes")) } else { Ok(()) };
        made.unwrap();
        put(&s, target).expect(status, target);
    }
    for (target, status) in [("/cgi", 403), ("/no", 403), ("/far", 403), ("/new", 201), ("/new/x", 201)] {
        ask(&s, "MKCOL", target, "").expect(status, target);
    }
    assert!(!s.path("html/cgi").exists() && !s.path("html/no").exists() && !s.path("html/far").exists());
}

#[test]
fn a_destination_is_refused_where_return_or_a_program_would_answer() {
    let s = protected(
        "location /run/ { dav_methods PUT COPY MOVE; cgi on; cgi_extension .sh; } \
                       location /back/ { dav_methods COPY MOVE; return 204; }",
    );
    for folder in ["html/run", "html/back"] {
        std::fs::create_dir(s.path(folder)).unwrap();
    }
    for (method, target, destination, status) in [
        ("COPY", "/tree/evil/good.sh", "/run/x.sh", 403),
        ("MOVE", "/tree/evil/good.sh", "/run/x.sh", 403),
        ("COPY", "/tree/evil/", "/run/evil/", 403),
        ("COPY", "/tree/evil/", "/run/evil", 403),
        ("COPY", "/tree/file", "/back/x", 403),
        ("COPY", "/tree/file", "/run/x.txt", 201),
    ] {
        let to = format!("Destination: {destination}\r\n");
        ask(&s, method, target, &to).expect(status, &format!("{method} {target} {destination}"));
    }
    s.wait_said("location /run/ runs programs");
    assert_protected(&s, "programs");
}

#[test]
fn a_link_to_a_protected_directory_was_moved_as_a_file() {
    let s = protected("");
    s.write("outside/secret", b"secret");
    std::fs::remove_dir_all(s.path("html/tree/private")).unwrap();
    symlink("../../outside", s.path("html/tree/private")).unwrap();
    for (method, to) in
        [("MOVE", "Destination: /tree/leak\r\n"), ("COPY", "Destination: /tree/leak\r\n"), ("DELETE", "")]
    {
        ask(&s, method, "/tree/private", to).expect(403, method);
        assert!(s.path("html/tree/private").is_symlink(), "{method}");
    }
    assert_protected(&s, "a link");
}

#[test]
fn two_slashes_in_a_path_do_not_lead_around_a_location() {
    let s = protected("merge_slashes off;");
    for target in ["/tree//private/secret", "//tree/private/secret", "/tree//cgi/good.sh", "/store//private/secret"] {
        s.get(target).expect(404, target);
    }
    s.get("/tree//free//a").expect(200, "two slashes in one location");
    for (method, target, destination, status) in [
        ("COPY", "/tree//private", "/tree/leak", 403),
        ("COPY", "/tree//private/", "/tree/leak", 404),
        ("COPY", "/tree//deep", "/tree/leak", 403),
        ("COPY", "/tree//deep/", "/tree/leak", 403),
        ("COPY", "/tree//deep//", "/tree/leak", 404),
        ("COPY", "/tree/evil/", "/tree//cgi", 403),
        ("COPY", "/tree/evil/", "/tree//cgi//", 403),
        ("COPY", "/tree/evil/good.sh", "/tree//cgi/good.sh", 403),
        ("DELETE", "/tree//deep/", "", 403),
        ("DELETE", "/tree//private/secret", "", 404),
        ("DELETE", "/tree//", "", 404),
        ("MKCOL", "/tree//cgi/new", "", 404),
    ] {
        let to = if destination.is_empty() { String::new() } else { format!("Destination: {destination}\r\n") };
        ask(&s, method, target, &to).expect(status, &format!("{method} {target} {destination}"));
        assert_protected(&s, target);
    }
    put(&s, "/tree//cgi/new.sh").expect(404, "PUT");
    put(&s, "/tree//cgi").expect(403, "PUT");
}

#[test]
fn a_program_with_a_location_of_its_own_was_started_by_a_longer_path() {
    let s = harness::scripts::scripts(
        "location = /secret.sh { return 403; } location = /get.sh { methods GET; } location /plain/ { cgi off; } \
         location /all.sh/admin/ { }",
        &[("secret.sh", ""), ("get.sh", ""), ("plain/x.sh", ""), ("all.sh", "")]
            .map(|(name, _)| (name, "printf 'Content-Type: text/plain\\n\\nran'")),
    );
    for (method, target, status) in [
        ("GET", "/secret.sh", 403),
        ("GET", "/secret.sh/", 403),
        ("GET", "/secret.sh/more", 403),
        ("GET", "/get.sh/more", 200),
        ("POST", "/get.sh/more", 403),
        ("GET", "/all.sh/admin/x", 200),
        ("GET", "/all.sh/x", 200),
    ] {
        ask(&s, method, target, "").expect(status, &format!("{method} {target}"));
    }
    s.wait_said("the program \"/secret.sh\" is not started: location = /secret.sh does not allow it");
}
