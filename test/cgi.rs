//! CGI programs: their input, the handling of their output, and bodies of any size.

mod harness;

use harness::http::{self, Framing};
use harness::scripts::{both_ways, chunked, make_executable, rss_peak_kib, scripts, text, wait_pids};
use harness::{Response, Server, Setup, each, host, noise};
use std::collections::BTreeMap;

const ENVIRONMENT: &str = "cat /proc/$$/environ";

/// A complete response, followed by the end of the connection.
#[track_caller]
fn whole(bytes: &[u8]) -> Response {
    let (response, used) = http::parse(bytes, false, true).unwrap().expect("a whole response");
    assert_eq!(used, bytes.len(), "bytes after {response}");
    response
}

/// The output of [`ENVIRONMENT`].
fn variables(response: &Response) -> BTreeMap<String, String> {
    let text = response.text();
    let lines = text.split_terminator('\0').map(|line| line.split_once('=').unwrap_or_else(|| panic!("{line:?}")));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_environment_is_that_of_rfc_3875_and_nothing_else() {
    let s = scripts("server_name www.example;", &[("sub/env.sh", &text(ENVIRONMENT))]);
    let mut client = s.connect();
    client.send(concat!(
        "POST /sub/env.sh/extra%20path/x?a=b&c=%20 HTTP/1.1\r\nHost: www.example:8080\r\nContent-Length: 3\r\n",
        "Content-Type: text/x-odd; a=b\r\nAccept: */*\r\nX-Multi: 1\r\nX-Multi: 2\r\nCookie: a=1\r\nCookie: b=2\r\n",
        "Proxy: http://evil.example/\r\nProxy-Authorization: Basic eA==\r\nConnection: x-other\r\nTE: trailers\r\n",
        "Keep-Alive: 5\r\nX_Multi: 3\r\n\r\nabc",
    ));
    let response = client.response().expect(200, "POST");
    let (html, port, remote) = (s.path("html"), s.port().to_string(), client.local_port().to_string());
    let html = html.to_str().unwrap();
    let expected = [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("HOME", "/"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("SERVER_SOFTWARE", concat!("webserv/", env!("CARGO_PKG_VERSION"))),
        ("SERVER_NAME", "www.example"),
        ("SERVER_ADDR", "127.0.0.1"),
        ("SERVER_PORT", &port),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("REMOTE_HOST", "127.0.0.1"),
        ("REMOTE_PORT", &remote),
        ("REQUEST_SCHEME", "http"),
        ("REQUEST_METHOD", "POST"),
        ("REQUEST_URI", "/sub/env.sh/extra%20path/x?a=b&c=%20"),
        ("DOCUMENT_URI", "/sub/env.sh/extra path/x"),
        ("DOCUMENT_ROOT", html),
        ("SCRIPT_NAME", "/sub/env.sh"),
        ("SCRIPT_FILENAME", &format!("{html}/sub/env.sh")),
        ("PATH_INFO", "/extra path/x"),
        ("PATH_TRANSLATED", &format!("{html}/extra path/x")),
        ("QUERY_STRING", "a=b&c=%20"),
        ("CONTENT_LENGTH", "3"),
        ("CONTENT_TYPE", "text/x-odd; a=b"),
        ("REDIRECT_STATUS", "200"),
        ("HTTP_HOST", "www.example:8080"),
        ("HTTP_ACCEPT", "*/*"),
        ("HTTP_X_MULTI", "1, 2"),
        ("HTTP_COOKIE", "a=1; b=2"),
    ];
    let expected = BTreeMap::from(expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(variables(&response), expected);

    let bare = variables(&s.ask("GET /sub/env.sh HTTP/1.0\r\n\r\n"));
    assert_eq!(bare["SERVER_PROTOCOL"], "HTTP/1.0");
    assert_eq!((&bare["QUERY_STRING"][..], &bare["PATH_INFO"][..]), ("", ""), "set, and empty");
    assert_eq!(bare["SERVER_NAME"], "www.example");
    for name in ["CONTENT_LENGTH", "CONTENT_TYPE", "PATH_TRANSLATED", "HTTP_HOST"] {
        assert_eq!(bare.get(name), None, "{name}");
    }
}

#[test]
fn a_script_runs_in_its_folder_with_the_words_of_an_indexed_query() {
    let s = scripts("", &[("deep/er/a.sh", &text("pwd -P\nprintf '<%s>' \"$@\""))]);
    let folder = s.path("html/deep/er").canonicalize().unwrap();
    let rows = [
        ("GET", "", "<>"),
        ("GET", "?a+b%20c+%2B", "<a><b c><+>"),
        ("GET", "?a=b", "<>"),
        ("GET", "?-d+x", "<>"),
        ("GET", "?x+-d", "<>"),
        ("GET", "?%zz", "<>"),
        ("GET", "?$(id)+;ls", "<$(id)><;ls>"),
        ("POST", "?a+b", "<>"),
    ];
    each(rows, |(method, query, words)| {
        let request = format!("{method} /deep/er/a.sh{query} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
        let response = s.ask(&request).expect(200, &request);
        assert_eq!(response.text(), format!("{}\n{words}", folder.display()), "{request}");
    });
}

#[test]
fn every_method_reaches_the_script_and_head_gets_no_body() {
    let s = scripts("", &[("m.sh", &text("printf '%s ' \"$REQUEST_METHOD\"\ncat"))]);
    let mut client = s.connect();
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
        client.send(format!("{method} /m.sh HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"));
        assert_eq!(client.response().expect(200, method).text(), format!("{method} body"));
    }
    client.send("HEAD /m.sh HTTP/1.1\r\nHost: h\r\n\r\n");
    let head = client.response().expect(200, "HEAD");
    assert_eq!(head.must("Content-Type"), "text/plain");
    assert_eq!(client.get("/m.sh").text(), "GET ", "and the connection goes on");
}

#[test]
fn all_kinds_of_answers_of_rfc_3875() {
    let rows = [
        ("s404", "Status: 404 Gone Fishing\nContent-Type: text/plain\n\nnope", 404, "", "nope"),
        ("s201", "Status: 201\nLocation: /new\nContent-Type: text/plain\n\nmade", 201, "/new", "made"),
        ("away", "Location: http://other.example/x\n\n", 302, "http://other.example/x", "302"),
        ("s308", "Status: 308 x\nLocation: http://other.example/y\n\n", 308, "http://other.example/y", "308"),
        (
            "with",
            "Location: http://o.example/\nStatus: 303 x\nContent-Type: a/b\n\ntext",
            303,
            "http://o.example/",
            "text",
        ),
        ("crlf", "Content-Type: text/plain\r\n\r\nlines", 200, "", "lines"),
        ("only", "Status: 200 OK\n\nbare", 200, "", "bare"),
    ];
    let texts = rows.map(|(name, output, ..)| (format!("{name}.sh"), format!("printf '%s' '{output}'")));
    let s = scripts("", &texts.each_ref().map(|(name, text)| (&name[..], &text[..])));
    each(rows, |(name, _, status, location, body)| {
        let response = s.get(&format!("/{name}.sh")).expect(*status, name);
        assert_eq!(response.field("Location").unwrap_or_default(), *location, "{response}");
        assert!(response.text().contains(body), "{response}");
        assert_eq!(response.field("Status"), None, "{response}");
    });
}

#[test]
fn a_local_redirect_is_answered_inside_and_ends_somewhere() {
    let s = scripts(
        "",
        &[
            ("go.sh", "printf 'Location: /env.sh/info?q=1%%202#part\\n\\n'"),
            ("env.sh", &text(ENVIRONMENT)),
            ("raw.sh", "printf 'Location: /env.sh/?q=\\303\\251\\n\\n'"),
            ("file.sh", "printf 'Location: /ok.txt\\n\\n'"),
            ("nowhere.sh", "printf 'Location: /none.txt\\n\\n'"),
            ("coded.sh", "printf 'Location: /a/..//%%6fk.txt\\n\\n'"),
            ("out.sh", "printf 'Location: /../webserv.conf\\n\\n'"),
            ("loop.sh", "printf 'Location: /loop.sh\\n\\n'"),
        ],
    );
    let response = s.ask("POST /go.sh?old HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello").expect(200, "/go.sh");
    let seen = variables(&response);
    let named = ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"].map(|name| &seen[name][..]);
    assert_eq!(named, ["GET", "/env.sh", "/info", "q=1%202"]);
    assert_eq!(seen.get("CONTENT_LENGTH"), None);
    let raw = variables(&s.get("/raw.sh").expect(200, "/raw.sh"));
    assert_eq!(raw["QUERY_STRING"], "q=%C3%A9", "bytes that no client can send");
    assert_eq!(s.get("/file.sh").expect(200, "/file.sh").text(), "ok");
    s.get("/nowhere.sh").expect(404, "/nowhere.sh");
    s.get("/coded.sh").expect(200, "/coded.sh");
    let out = s.get("/out.sh");
    assert!((400..=502).contains(&out.status) && !out.text().contains("worker_connections"), "{out}");
    s.get("/loop.sh").expect(500, "/loop.sh");
    s.assert_alive("a loop of redirects");
}

#[test]
fn fields_are_passed_on_but_for_those_of_the_connection() {
    let output = "X-Own: 1\\nSet-Cookie: a=1\\nSet-Cookie: b=2\\nConnection: close\\nTransfer-Encoding: gzip\\n";
    let s = scripts("", &[("f.sh", &format!("printf '{output}Upgrade: x\\nContent-Type: a/b\\n\\nx'"))]);
    let mut client = s.connect();
    let response = client.get("/f.sh").expect(200, "/f.sh");
    assert_eq!(response.must("X-Own"), "1");
    assert_eq!(response.must("Content-Type"), "a/b");
    assert_eq!(response.must("Transfer-Encoding"), "chunked");
    assert_eq!((response.field("Upgrade"), response.must("Connection")), (None, "keep-alive"), "{response}");
    let cookies = response.fields.iter().filter(|(name, _)| name == "Set-Cookie").map(|(_, value)| &value[..]);
    assert_eq!(cookies.collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert_eq!(client.get("/f.sh").text(), "x");
}

#[test]
fn the_body_is_framed_by_what_is_known_of_its_length() {
    let s = scripts(
        "",
        &[
            ("right.sh", "printf 'Content-Type: a/b\\nContent-Length: 300000\\n\\n'; cat data"),
            ("open.sh", &text("cat data")),
            ("empty.sh", &text("")),
            ("long.sh", "printf 'Content-Type: a/b\\nContent-Length: 5\\n\\n12345678'"),
            ("none.sh", "printf 'Status: 204\\n\\n'"),
        ],
    );
    let data = noise(300_000, 1);
    s.write("html/data", &data);
    let mut client = s.connect();
    for (target, framing, body) in [
        ("/right.sh", Framing::Length, &data[..]),
        ("/open.sh", Framing::Chunked, &data),
        ("/empty.sh", Framing::Chunked, b""),
        ("/long.sh", Framing::Length, b"12345"),
        ("/none.sh", Framing::None, b""),
        ("/right.sh", Framing::Length, &data),
    ] {
        let response = client.get(target);
        assert_eq!(response.framing, framing, "{target}: {response}");
        assert!(response.body == body, "{target}: {response}");
    }
    let old = whole(&s.exchange(b"GET /open.sh HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    assert_eq!(old.framing, Framing::Close, "{old}");
    assert!(old.body == data, "{old}");
    let old = s.ask("GET /right.sh HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert!(old.framing == Framing::Length && old.body == data, "{old}");
}

#[test]
fn a_large_body_goes_both_ways_at_once_in_little_memory() {
    let s = scripts("", &[("upper.sh", &text("exec tr a-z A-Z"))]);
    let body = noise(20 << 20, 2);
    let upper = body.to_ascii_uppercase();
    let request = |fields: &str, body: &[u8]| {
        let head = format!("POST /upper.sh HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n\r\n");
        [head.as_bytes(), body].concat()
    };
    whole(&both_ways(&s, &request("Content-Length: 3", b"abc")));
    let before = s.process.rss_kib();
    let response = whole(&both_ways(&s, &request(&format!("Content-Length: {}", body.len()), &body)));
    assert!(response.body == upper, "by length: {response}");
    let chunks = chunked(&body, &[1, 70_000, 5, 4096, 131_072]);
    let response = whole(&both_ways(&s, &request("Transfer-Encoding: chunked", &chunks)));
    assert!(response.body == upper, "chunked: {response}");
    let growth = rss_peak_kib(&s).saturating_sub(before);
    assert!(growth < 8 << 10, "{growth} KiB more");
}

#[test]
fn a_kept_connection_goes_on_after_programs_and_pipelines_them() {
    let s = scripts("", &[("q.sh", &text("printf '%s:' \"$QUERY_STRING\"\ncat"))]);
    let mut client = s.connect();
    let mut requests = Vec::new();
    for n in 0..12 {
        requests.extend_from_slice(
            &match n % 3 {
                0 => format!("GET /q.sh?{n} HTTP/1.1\r\nHost: h\r\n\r\n"),
                1 => format!("POST /q.sh?{n} HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"),
                _ => format!(
                    "PUT /q.sh?{n} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n"
                ),
            }
            .into_bytes(),
        );
    }
    client.send(&requests);
    for n in 0..12 {
        let body = ["", "abc", "xy"][n % 3];
        assert_eq!(client.response().expect(200, &format!("request {n}")).text(), format!("{n}:{body}"));
    }
}

#[test]
fn expect_100_continue_is_met_before_the_body_comes() {
    let s = scripts("", &[("c.sh", &text("cat"))]);
    let mut client = s.connect();
    client.send("POST /c.sh HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.any_response().status, 100);
    client.send("hello");
    assert_eq!(client.response().expect(200, "POST").text(), "hello");
}

#[test]
fn twenty_programs_run_side_by_side() {
    let s = scripts("", &[("c.sh", &text("exec cat"))]);
    std::thread::scope(|scope| {
        for seed in 0..20 {
            let s = &s;
            scope.spawn(move || {
                let body = noise(300_000 + seed as usize, seed);
                let head = "POST /c.sh HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: ";
                let response =
                    whole(&both_ways(s, &[format!("{head}{}\r\n\r\n", body.len()).as_bytes(), &body].concat()));
                assert!(response.body == body, "{seed}: {response}");
            });
        }
    });
}

/// A server with the program `bin/tell`, which prints its input, and this `server` block; `DIR` stands for its folder.
fn telling(config: &str) -> Server {
    let setup = Setup::new("", &[("ok.txt", b"ok"), ("d/x.bla", b"file"), ("d/y.SH", b"echo"), ("d/z.txt", b"text")]);
    let said = "[$SCRIPT_NAME|$PATH_INFO|${SCRIPT_FILENAME##*/}|$OWN|$1]";
    setup.write("bin/tell", format!("#!/bin/sh\n{}", text(&format!("echo \"{said}\""))).as_bytes());
    make_executable(&setup.path("bin/tell"));
    let config = config.replace("DIR", setup.dir.path().to_str().unwrap());
    let Setup { dir, .. } = setup;
    let mut setup = Setup::new(&host(&config), &[]);
    setup.dir = dir;
    setup.start()
}

#[test]
fn directives_say_which_program_answers() {
    let s = telling(
        "cgi_param OWN \"v-$request_method\";
         location /pass { cgi_pass DIR/bin/tell; }
         location /slash/ { cgi_pass DIR/bin/tell; cgi_param OWN other; }
         location /d/ { cgi_pass DIR/bin/tell; cgi_extension .bla; }
         location /any/ { alias DIR/html/d/; cgi_pass DIR/bin/tell; cgi_extension .bla; cgi_path_info uri; }
         location /uri/ { cgi_pass DIR/bin/tell; cgi_path_info uri; }
         location /by/ { alias DIR/html/d/; cgi on; cgi_extension .sh .bla; cgi_interpreter .bla DIR/bin/tell; }
         location /off/ { alias DIR/html/d/; cgi off; }",
    );
    let file = s.path("html/d/x.bla");
    let by = format!("[/by/x.bla|/p|x.bla|v-GET|{}]\n", file.display());
    let rows = [
        ("/pass", 200, "[/pass||tell|v-GET|]\n"),
        ("/pass/a/b", 200, "[/pass|/a/b|tell|v-GET|]\n"),
        ("/slash/a", 200, "[/slash|/a|tell|other|]\n"),
        ("/d/x.bla", 200, "[/d/x.bla||x.bla|v-GET|]\n"),
        ("/d/x.bla/i", 200, "[/d/x.bla|/i|x.bla|v-GET|]\n"),
        ("/d/none.bla/i", 404, ""),
        ("/d/z.txt/i.bla", 404, ""),
        ("/any/none.bla/i", 200, "[/any/none.bla|/any/none.bla/i|none.bla|v-GET|]\n"),
        ("/d/z.txt", 200, "text"),
        ("/uri/a", 200, "[/uri|/uri/a|tell|v-GET|]\n"),
        ("/by/x.bla/p", 200, &by),
        ("/by/z.txt", 200, "text"),
        ("/by/none.bla", 404, ""),
        ("/by/y.SH", 403, ""),
        ("/off/x.bla", 200, "file"),
    ];
    each(rows, |(target, status, body)| {
        let response = s.get(target).expect(*status, target);
        assert!(*status != 200 || response.text() == *body, "{target}: {response}");
    });
}

#[test]
fn what_no_program_answers_takes_no_body() {
    let s = scripts("", &[("a.sh", &text("echo a"))]);
    for method in ["POST", "PUT", "DELETE"] {
        let request = format!("{method} /ok.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
        s.ask(&request).expect(405, &request);
    }
    s.assert_alive("methods that a file does not take");
}

#[test]
fn an_index_that_is_a_script_is_run_and_never_shown() {
    let s = scripts(
        "index index.sh;",
        &[("d/index.sh", &text("echo \"run $SCRIPT_NAME\"; cat")), ("e/index.sh", "secret")],
    );
    assert_eq!(s.get("/d/").expect(200, "/d/").text(), "run /d/index.sh\n");
    let posted = s.ask("POST /d/ HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody").expect(200, "POST /d/");
    assert_eq!(posted.text(), "run /d/index.sh\nbody");
    s.ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody").expect(403, "a folder without an index");
    std::fs::set_permissions(s.path("html/e/index.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    for target in ["/e/", "/e/index.sh", "/e/%69ndex.sh", "/e//index.sh", "/e/./index.sh", "/e/index.sh/"] {
        assert!(!s.get(target).expect(403, target).text().contains("secret"), "{target}");
    }
}

#[test]
fn methods_are_limited_before_a_program_is_started() {
    let s = scripts(
        "location /m/ { methods GET POST; } location /l/ { limit_except GET { deny all; } }",
        &[("m/a.sh", &text("echo x >> ran; echo $REQUEST_METHOD")), ("l/a.sh", &text("echo x >> ran"))],
    );
    let ask =
        |method: &str, target| s.ask(format!("{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"));
    let refused = ask("DELETE", "/m/a.sh").expect(405, "DELETE");
    assert_eq!(refused.must("Allow").split(", ").collect::<std::collections::BTreeSet<_>>(), ["GET", "POST"].into());
    ask("HEAD", "/m/a.sh").expect(405, "HEAD");
    ask("POST", "/l/a.sh").expect(403, "POST");
    assert_eq!((s.text("html/m/ran"), s.text("html/l/ran")), (String::new(), String::new()));
    assert_eq!(ask("POST", "/m/a.sh").expect(200, "POST").text(), "POST\n");
    ask("GET", "/l/a.sh").expect(200, "GET");
}

#[test]
fn more_programs_than_allowed_are_refused_until_one_ends() {
    let hold = text("echo $$ > pids; while [ ! -e go ]; do sleep 0.02; done; echo held");
    let s = scripts("cgi_max_processes 1; cgi_queue 0;", &[("hold.sh", &hold), ("quick.sh", &text("echo quick"))]);
    let mut first = s.connect();
    first.send_get("/hold.sh");
    wait_pids(&s);
    assert!(s.get("/quick.sh").expect(503, "/quick.sh").field("Retry-After").is_some());
    s.write("html/go", b"");
    assert_eq!(first.response().text(), "held\n");
    assert_eq!(first.get("/quick.sh").expect(200, "/quick.sh").text(), "quick\n");
}

#[test]
fn preconditions_were_evaluated_on_the_answer_of_a_program_that_names_its_length() {
    let answer = "printf 'Content-Type: text/plain\nContent-Length: 2\n\nok'";
    let s = scripts("", &[("a.sh", answer)]);
    for field in ["If-None-Match: *", "If-Match: \"x\"", "Range: bytes=0-0"] {
        let response = s.get_with("/a.sh", &format!("{field}\r\n")).expect(200, field);
        assert_eq!(response.text(), "ok", "{field}: {response}");
    }
}

#[test]
fn a_post_to_a_folder_whose_index_may_be_a_program_got_the_listing() {
    let s = scripts("index index.sh; autoindex on;", &[("folder/other.sh", "")]);
    s.ask("POST /folder/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").expect(405, "a folder");
    s.get("/folder/").expect(200, "a folder");
}

/// A bug: php-cgi looked for the script in the path itself, and ran the picture.
#[test]
fn a_picture_was_run_as_a_script() {
    let s = telling("location /p/ { alias DIR/html/d/; cgi_pass DIR/bin/tell; cgi_extension .php; }");
    each(["GET", "POST"], |method| {
        each(["/p/z.txt/x.php", "/p/z.txt/x.php/y", "/p/none.php", "/p/none/x.php"], |target| {
            let response = s.ask(format!("{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"));
            let status = if *method == "GET" { 404 } else { 405 };
            assert!(!response.expect(status, target).text().contains("[/p"), "{target}");
        });
    });
}
