//! POST with `upload_store`: bodies that become files, their names, allowed senders, and refused requests.

mod harness;

#[cfg(target_os = "linux")]
use harness::fault::{Faults, ON_COMMAND, errno};
use harness::{Random, Response, Server, Setup, each, host, noise, site, wait_for};

/// A site whose `/up/` stores uploads.
fn store(config: &str) -> Server {
    let body = format!("location /up/ {{ upload_store html/up; {config} }}");
    site(&body, &[("ok.txt", b"ok"), ("up/old.txt", b"old")])
}

/// The bytes of a POST.
fn post(target: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    [format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n{fields}\r\n").as_bytes(), body].concat()
}

/// A form with one file; its Content-Disposition has these parameters after its name.
fn form(target: &str, parameters: &str, content: &str) -> Vec<u8> {
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=f{parameters}\r\nContent-Type: image/png\r\n\r\n{content}\r\n--b--"
    );
    post(target, "Content-Type: multipart/form-data; boundary=b\r\n", body.as_bytes())
}

/// The names in the store, sorted, with hidden names.
fn names(s: &Server) -> Vec<String> {
    let entries = std::fs::read_dir(s.path("html/up")).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The file name in the response, without JSON's escapes.
fn stored_name(response: &Response) -> String {
    let text = response.text();
    text.split_once("\"name\":\"").and_then(|(_, rest)| rest.split_once("\",")).expect("a name").0.to_owned()
}

#[test]
fn a_body_becomes_a_file_with_a_name_of_its_own() {
    let s = store("client_max_body_size 0;");
    let mut client = s.connect();
    let mut seen = Vec::new();
    for size in [0, 1, 1000, 100 << 10, 5 << 20] {
        for chunked in [false, true] {
            let body = noise(size, 1);
            let request = match chunked {
                false => post("/up/", "", &body),
                true => {
                    let head = "POST /up/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
                    let chunk = format!("{size:x}\r\n");
                    let (start, end): (&[u8], &[u8]) =
                        if size > 0 { (chunk.as_bytes(), b"\r\n0\r\n\r\n") } else { (b"", b"0\r\n\r\n") };
                    [head.as_bytes(), start, &body, end].concat()
                }
            };
            client.send(request);
            let response = client.response().expect(201, &format!("{size} bytes, chunked {chunked}"));
            let name = stored_name(&response);
            assert_eq!(response.must("Location"), format!("/up/{name}"));
            assert!(name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
            assert!(client.get(response.must("Location")).body == body, "{size} bytes come back");
            assert!(response.text().contains(&format!("\"bytes\":{size},")), "{response}");
            assert!(!seen.contains(&name), "{name} twice");
            seen.push(name);
        }
    }
    assert_eq!(names(&s).len(), seen.len() + 1);
}

/// Undoes the shifts and factors of splitmix64.
fn unmixed(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 31 ^ bits >> 62).wrapping_mul(0x3196_42b2_d24d_8ec3);
    bits = (bits ^ bits >> 27 ^ bits >> 54).wrapping_mul(0x96de_1b17_3f11_9089);
    bits ^ bits >> 30 ^ bits >> 60
}

/// The names once were such a mix of two keys and the numbers of the connection and the request. Two uploads of one's
/// own gave the keys, and so the names of all other uploads.
#[test]
fn names_of_uploads_give_nothing_away_of_other_names() {
    assert_eq!(unmixed(Random(5_u64.wrapping_sub(0x9e37_79b9_7f4a_7c15)).next()), 5);
    let http = format!(
        "log_format id $request_id; access_log logs/access.log id; {}",
        host("location /up/ { upload_store html/up; }")
    );
    let s = Setup::new(&http, &[("up/old.txt", b"old")]).start();
    let mut client = s.connect();
    let mut key = |request: u64| {
        client.send(post("/up/", "", b"x"));
        let name = stored_name(&client.response().expect(201, "an upload"));
        let (high, low) = name.split_at(16);
        let [high, low] = [high, low].map(|half| u64::from_str_radix(half, 16).unwrap());
        (name, unmixed(unmixed(low) ^ high) ^ request)
    };
    let ((first, key_1), (second, key_2)) = (key(1), key(2));
    assert_ne!(key_1, key_2, "{first} and {second} are made with the same key");
    let ids =
        wait_for("two lines", || std::fs::read_to_string(s.path("logs/access.log")).ok().filter(|t| t.len() == 66));
    assert!(!ids.contains(&first) && !ids.contains(&second), "the log tells names: {ids}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_kernel_without_getrandom_is_no_reason_for_names_that_can_be_guessed() {
    let setup = Setup::new(&host("location /up/ { upload_store html/up; }"), &[("up/old.txt", b"old")]);
    let setup = setup.before(ON_COMMAND);
    let faults = Faults::new(&setup.path("faults"));
    let s = setup.start();
    faults.arm("getrandom", 1, errno::ENOSYS);
    let name = stored_name(&s.ask(post("/up/", "Connection: close\r\n", b"x")).expect(201, "an upload"));
    assert!(faults.disarm(), "getrandom was not called");
    assert!(name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
    let calls = faults.calls();
    let at = calls.iter().position(|call| call == "getrandom").expect("it was called");
    assert_eq!(calls[at + 1..at + 3], ["openat", "read"], "/dev/urandom instead");
}

#[test]
fn the_extension_is_the_first_that_the_type_has() {
    let s = store("types { image/jpeg jpg jpeg; text/html html htm; text/x-evil evil; }");
    let rows = [
        ("image/jpeg", ".jpg"),
        ("IMAGE/JPEG; q=1", ".jpg"),
        ("text/html;charset=utf-8", ".html"),
        ("text/x-evil", ".evil"),
        ("application/x-www-form-urlencoded", ""),
        ("image/../../x", ""),
        ("multipart/mixed; boundary=b", ""),
        ("", ""),
    ];
    each(rows, |(kind, extension)| {
        let response = s.ask(post("/up/", &format!("Content-Type: {kind}\r\n"), b"x")).expect(201, kind);
        assert_eq!(&stored_name(&response)[32..], *extension);
    });
}

/// (the client's name for the file, its name in the store)
#[test]
fn a_name_never_leads_elsewhere_and_nothing_is_hidden() {
    let long = "x".repeat(300);
    let rows = [
        ("; filename=\"a.txt\"", "a.txt"),
        ("; filename=a.txt", "a.txt"),
        ("; filename=\"../../etc/passwd\"", "passwd"),
        ("; filename=\"/etc/passwd\"", "passwd"),
        ("; filename=\"C:\\\\dir\\\\evil.exe\"", "evil.exe"),
        ("; filename=\"C:\\dir\\evil.exe\"", "evil.exe"),
        ("; filename=\".htaccess\"", "htaccess"),
        ("; filename=\"..\"", "file.png"),
        ("; filename=\".\"", "file.png"),
        ("; filename=\"\"", "file.png"),
        ("; filename=\"dir/\"", "file.png"),
        ("; filename=\"%22quoted%22.txt\"", "\\\"quoted\\\".txt"),
        ("; filename=\"\\\"quoted\\\".txt\"", "\\\"quoted\\\".txt"),
        ("; filename=\"a%0D%0Ab\"", "a__b"),
        ("; filename=\"100%.txt\"", "100%.txt"),
        ("; filename=\"a%2Fb%00\"", "a%2Fb%00"),
        ("; filename=\"caf\u{e9}.txt\"", "caf\u{e9}.txt"),
        ("; filename*=UTF-8''%e2%82%ac.txt", "\u{20ac}.txt"),
        ("; filename=\"a.txt\"; filename*=UTF-8''..%2Fb%00.txt", "a.txt"),
        ("; filename=\"a.txt\"; filename*=UTF-8''..%2Fb.txt", "b.txt"),
        ("; filename=\" .a .\"", "a ."),
        ("; filename=\"<script>alert(1)</script>\"", "script>"),
        (&format!("; filename=\"{long}.tar.gz\""), &format!("{}.gz", &long[..197])),
    ];
    each(rows, |(parameters, name)| {
        let s = store("types { image/png png; }");
        let response = s.ask(form("/up/", parameters, "x")).expect(201, parameters);
        assert_eq!(stored_name(&response), *name);
        let name = name.replace("\\\"", "\"");
        assert_eq!(std::fs::read(s.path(&format!("html/up/{name}"))).unwrap(), b"x");
        assert_eq!(names(&s).len(), 2, "{:?}", names(&s));
        assert_eq!(s.get(response.must("Location")).text(), "x");
    });
}

#[test]
fn what_is_stored_is_never_overwritten() {
    let s = store("");
    for expected in ["old-1.txt", "old-2.txt", "old-3.txt"] {
        let response = s.ask(form("/up/", "; filename=old.txt", expected)).expect(201, expected);
        assert_eq!(stored_name(&response), expected);
    }
    assert_eq!(s.get("/up/old.txt").text(), "old");
    assert_eq!(s.get("/up/old-2.txt").text(), "old-2.txt");
    // The name of a symbolic link is taken, wherever the link leads.
    std::os::unix::fs::symlink("/nonexistent/x", s.path("html/up/link")).unwrap();
    assert_eq!(stored_name(&s.ask(form("/up/", "; filename=link", "x")).expect(201, "link")), "link-1");
    // Many uploads at once: each gets another name.
    let stored: Vec<String> = std::thread::scope(|scope| {
        let one = |i: usize| stored_name(&s.ask(form("/up/", "; filename=same", &i.to_string())).expect(201, "same"));
        let all: Vec<_> = (0..30).map(|i| scope.spawn(move || one(i))).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut contents: Vec<usize> =
        stored.iter().map(|name| s.get(&format!("/up/{name}")).text().parse().unwrap()).collect();
    contents.sort();
    assert_eq!(contents, (0..30).collect::<Vec<_>>());
}

#[test]
fn the_answer_is_a_page_or_json_as_the_client_likes() {
    let s = store("");
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let rows = [
        (browser, true),
        ("text/html", true),
        ("application/json", false),
        ("*/*", false),
        ("text/html;q=0.5, application/json", false),
        ("image/png", false),
    ];
    each(rows, |(accept, is_page)| {
        let response = s.ask(post("/up/", &format!("Accept: {accept}\r\n"), b"x")).expect(201, accept);
        let kind = if *is_page { "text/html; charset=utf-8" } else { "application/json" };
        assert_eq!(response.must("Content-Type"), kind);
        assert!(response.text().starts_with(if *is_page { "<!DOCTYPE html>" } else { "{\"files\":[" }), "{response}");
        assert!(response.text().contains(response.must("Location")), "{response}");
    });
    s.ask(post("/up/", "", b"x")).expect(201, "no Accept").must("Location");
}

#[test]
fn a_file_that_is_not_served_has_no_url() {
    let s = site(
        "location /in/ { upload_store private; } location /see/ { alias shown/; } \
         location /up/ { upload_store shown; }",
        &[("ok.txt", b"ok")],
    );
    for name in ["private", "shown"] {
        std::fs::create_dir(s.path(name)).unwrap();
    }
    let response = s.ask(form("/in/", "; filename=a", "x")).expect(201, "private");
    assert!(response.field("Location").is_none() && !response.text().contains("url"), "{response}");
    assert_eq!(std::fs::read(s.path("private/a")).unwrap(), b"x");
    let response = s.ask(form("/up/", "; filename=a", "x")).expect(201, "shown");
    assert_eq!(response.must("Location"), "/see/a");
    assert_eq!(s.get("/see/a").text(), "x");
}

#[test]
fn other_methods_are_as_without_a_store_and_other_places_take_no_post() {
    let s = site(
        "location /up/ { upload_store html/up; dav_methods PUT; } \
         location /only/ { upload_store html/up; methods GET HEAD; }",
        &[("ok.txt", b"ok"), ("up/old.txt", b"old"), ("only/x", b"x")],
    );
    assert_eq!(s.get("/up/old.txt").text(), "old");
    let options = s.ask("OPTIONS /up/ HTTP/1.1\r\nHost: h\r\n\r\n").expect(204, "OPTIONS");
    assert_eq!(options.must("Allow"), "GET, HEAD, POST, PUT, OPTIONS");
    s.ask("DELETE /up/old.txt HTTP/1.1\r\nHost: h\r\n\r\n").expect(405, "DELETE");
    s.ask(post("/up/old.txt", "", b"x")).expect(201, "any path of the location");
    assert_eq!(s.get("/up/old.txt").text(), "old");
    s.ask(post("/ok.txt", "", b"x")).expect(405, "elsewhere");
    assert_eq!(s.ask(post("/only/", "", b"x")).expect(405, "methods").must("Allow"), "GET, HEAD");
}

#[test]
fn what_cannot_be_stored_is_refused_and_leaves_nothing() {
    let s = store("upload_max_file_size 10;");
    let rows: [(&str, Vec<u8>, u16); 7] = [
        ("a part of a file", post("/up/", "Content-Range: bytes 0-4/9\r\n", b"hello"), 400),
        ("HTTP/1.0 without a length", b"POST /up/ HTTP/1.0\r\n\r\nhello".to_vec(), 400),
        ("two types", post("/up/", "Content-Type: text/plain\r\nContent-Type: text/html\r\n", b"hello"), 400),
        ("too large", post("/up/", "", b"hello world"), 413),
        (
            "too large, in chunks",
            b"POST /up/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n"
                .to_vec(),
            413,
        ),
        (
            "a broken chunk",
            b"POST /up/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX".to_vec(),
            400,
        ),
        ("as large as may be", post("/up/", "", b"hello worl"), 201),
    ];
    each(rows, |(what, request, status)| {
        let before = names(&s);
        s.ask(request).expect(*status, what);
        assert!(*status == 201 || names(&s) == before, "{:?}", names(&s));
    });
    let s = site("location /up/ { upload_store nowhere; }", &[("ok.txt", b"ok")]);
    for request in [post("/up/", "", b"x"), form("/up/", "; filename=a", "x")] {
        s.ask(request).expect(500, "the folder is not there");
    }
    s.wait_said("is not stored in");
    assert!(s.said().contains("upload_store") && s.said().contains("nowhere"), "{}", s.said());
    s.assert_alive("a folder that is not there");
}

#[test]
fn expect_100_continue_is_told_to_go_on_only_when_the_body_is_wanted() {
    let s = store("client_max_body_size 1000;");
    let ask = |fields: &str| {
        let mut client = s.connect();
        client.send(format!("POST /up/ HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n{fields}\r\n"));
        let response = client.any_response();
        (client, response)
    };
    let (mut client, response) = ask("Content-Length: 5\r\n");
    response.expect(100, "a body");
    client.send("hello");
    client.response().expect(201, "a body");
    let (mut client, response) = ask("Content-Length: 5\r\nContent-Type: multipart/form-data; boundary=b\r\n");
    response.expect(100, "a form");
    client.send("--b--");
    client.response().expect(200, "an empty form");
    for (fields, status) in [
        ("Content-Length: 1001\r\n", 413),
        ("Content-Length: 5\r\nContent-Type: multipart/form-data\r\n", 400),
        ("Content-Length: 5\r\nContent-Range: bytes 0-4/5\r\n", 400),
    ] {
        ask(fields).1.expect(status, fields);
    }
    std::fs::rename(s.path("html/up"), s.path("html/gone")).unwrap();
    ask("Content-Length: 5\r\n").1.expect(500, "no folder");
}

#[test]
fn a_server_without_descriptors_answers_503_and_recovers() {
    let s = site("location /up/ { upload_store html/up; }", &[("ok.txt", b"ok"), ("up/old.txt", b"old")]);
    s.process.limit_fds(32);
    let mut client = s.connect();
    assert_eq!(client.get("/ok.txt").text(), "ok");
    // Idle connections use all descriptors.
    let mut others: Vec<_> = (0..40).map(|_| s.connect()).collect();
    s.wait_said("Too many open files");
    client.send(post("/up/", "", b"x"));
    client.response().expect(503, "no descriptor is left");
    assert_eq!(names(&s), ["old.txt"]);
    others.clear();
    wait_for("descriptors are free again", || {
        let mut client = s.connect();
        client.send(post("/up/", "", b"x"));
        (client.response().status == 201).then_some(())
    });
}

#[test]
fn the_inner_level_says_whether_a_program_or_a_store_answers() {
    let s = site(
        "cgi on; cgi_extension .sh; location /up/ { upload_store html/up; } \
         location /out/ { upload_store html/up; location /out/run/ { cgi on; } }",
        &[("ok.txt", b"ok"), ("up/old.txt", b"old")],
    );
    // An uploaded program is sent as text, also if the server level has `cgi on`.
    let response = s.ask(form("/up/", "; filename=evil.sh", "#!/bin/sh\necho")).expect(201, "a program");
    let got = s.get(response.must("Location")).expect(200, "not run");
    assert_eq!(got.text(), "#!/bin/sh\necho");
    s.ask(post("/out/x", "", b"x")).expect(201, "the store");
    s.ask(post("/out/run/x", "", b"x")).expect(405, "no program is there, and nothing is stored");
}

#[test]
fn pages_of_other_sites_store_nothing_if_so_configured() {
    for (config, status) in [("upload_same_origin on;", 403), ("", 201)] {
        let s = store(config);
        for fields in ["Sec-Fetch-Site: cross-site\r\n", "Origin: http://else.example\r\n", "Origin: null\r\n"] {
            s.ask(post("/up/", fields, b"x")).expect(status, fields);
        }
        assert_eq!(names(&s).len(), if status == 403 { 1 } else { 4 }, "{:?}", names(&s));
        for fields in ["", "Sec-Fetch-Site: same-origin\r\n", "Origin: http://h\r\n"] {
            s.ask(post("/up/", fields, b"x")).expect(201, fields);
        }
    }
}
