//! Responses without files: `return`, `error_page`, the built-in pages, `server_tokens`.

mod harness;

use harness::{each, noise, server, site};

#[test]
fn return_with_a_text() {
    let config = "location /text { return 200 hello; } location /quoted { return 200 \"two words\\n\"; } \
                  location /typed { default_type application/json; return 200 '{\"a\":1}'; } \
                  location /teapot { return 418 short; } location /not-found { return 404 gone-away; } \
                  location /empty { return 200; } location /none { return 204; }";
    let s = site(config, &[]);
    let rows = [
        ("/text", 200, "hello", "text/plain"),
        ("/quoted", 200, "two words\n", "text/plain"),
        ("/typed", 200, "{\"a\":1}", "application/json"),
        ("/teapot", 418, "short", "text/plain"),
        ("/not-found", 404, "gone-away", "text/plain"),
    ];
    each(rows, |&(target, status, text, media_type)| {
        let response = s.get(target).expect(status, target);
        assert_eq!((response.text().as_str(), response.must("Content-Type")), (text, media_type), "{target}");
        assert_eq!(response.must("Content-Length"), text.len().to_string(), "{target}");
    });
    let empty = s.get("/empty").expect(200, "/empty");
    assert!(empty.body.is_empty() && empty.field("Content-Length") == Some("0"), "{empty}");
    // 204 has neither a body nor a length (RFC 9110, 8.6): the reader fails if it has.
    let mut client = s.connect();
    client.get("/none").expect(204, "/none");
    assert_eq!(client.get("/text").text(), "hello", "after 204 the connection goes on");
}

#[test]
fn return_with_a_redirect() {
    let config = "location /a { return 301 /new/place; } location /b { return 302 https://other.example/x; } \
                  location /c { return http://only.example/; } location /d { return 303 /see; } \
                  location /e { return 307 /temporary; } location /f { return 308 https://for.example$request_uri; }";
    let s = site(config, &[]);
    let here = format!("http://localhost:{}", s.port());
    let rows = [
        ("/a", 301, format!("{here}/new/place")),
        ("/b", 302, "https://other.example/x".into()),
        ("/c", 302, "http://only.example/".into()),
        ("/d", 303, format!("{here}/see")),
        ("/e", 307, format!("{here}/temporary")),
        ("/f/g?h=%20i", 308, "https://for.example/f/g?h=%20i".into()),
    ];
    each(rows, |(target, status, location)| {
        let response = s.get(target).expect(*status, target);
        assert_eq!(response.must("Location"), location, "{target}: {response}");
    });
}

/// A request with such bytes is refused, so no program and no log gets them from the configuration either.
#[test]
fn raw_bytes_of_uris_are_percent_encoded_everywhere() {
    let config = "location /a { return 301 /\u{e9}?q=\u{e9}; } location /b/ { return 302 https://other.example$uri; } \
                  location = /page { return 200 \"$args\"; } location /c { error_page 404 =200 /page?q=\u{e9}; } \
                  location /d { error_page 404 https://other.example/\u{e9}; }";
    let s = site(config, &[]);
    let here = format!("http://localhost:{}", s.port());
    let rows = [
        ("/a", format!("{here}/%C3%A9?q=%C3%A9")),
        ("/b/%c3%a9", "https://other.example/b/%C3%A9".into()),
        ("/d", "https://other.example/%C3%A9".into()),
    ];
    each(rows, |(target, location)| assert_eq!(s.get(target).must("Location"), location, "{target}"));
    assert_eq!(s.get("/c").expect(200, "/c").text(), "q=%C3%A9");
    for target in ["/\u{e9}", "/?q=\u{e9}", "http://h/?q=\u{e9}"] {
        s.get(target).expect(400, target);
    }
}

#[test]
fn return_444_closes_without_a_byte() {
    let s = site("location /444 { return 444; }", &[("ok.txt", b"ok")]);
    let mut client = s.connect();
    client.get("/ok.txt").expect(200, "/ok.txt");
    client.send_get("/444");
    client.assert_closed("return 444");
}

#[test]
fn variables() {
    let rows = [
        ("$request_method", "GET"),
        ("$request_uri", "/v/%41?a=1&b=two&a=3"),
        ("$uri", "/v/A"),
        ("$document_uri", "/v/A"),
        ("$args", "a=1&b=two&a=3"),
        ("$query_string", "a=1&b=two&a=3"),
        ("$is_args", "?"),
        ("$arg_b", "two"),
        ("$arg_a", "1"),
        ("$arg_none", ""),
        ("$host", "asked.example"),
        ("$http_host", "Asked.Example:8080"),
        ("$http_x_some_thing", "value"),
        ("$http_absent", ""),
        ("$cookie_one", "1"),
        ("$cookie_two", "2"),
        ("$scheme", "http"),
        ("$server_name", "configured"),
        ("$server_protocol", "HTTP/1.1"),
        ("$server_addr", "127.0.0.1"),
        ("$remote_addr", "127.0.0.1"),
        ("$request", "GET /v/%41?a=1&b=two&a=3 HTTP/1.1"),
        ("${uri}x", "/v/Ax"),
    ];
    let template = rows.map(|row| row.0).join("|");
    let s = server(
        &format!(
            "server {{ listen 127.0.0.1:0; server_name configured; location /v {{ return 200 \"{template}\"; }} \
             location /port {{ return 200 $server_port; }} }}"
        ),
        &[],
    );
    let request = "GET /v/%41?a=1&b=two&a=3 HTTP/1.1\r\nHost: Asked.Example:8080\r\nX-Some-Thing: value\r\n\
                   Cookie: one=1; two=2\r\nConnection: close\r\n\r\n";
    let response = s.ask(request).expect(200, request);
    let text = response.text();
    let values: Vec<&str> = text.split('|').collect();
    assert_eq!(values.len(), rows.len(), "{text}");
    for ((name, expected), value) in rows.into_iter().zip(values) {
        assert_eq!(value, expected, "{name}");
    }
    assert_eq!(s.get("/port").text(), s.port().to_string());
}

#[test]
fn a_variable_cannot_split_a_header() {
    // nginx inserts $uri without escaping (its documentation warns of this).
    let s = site("location / { return 302 /to$uri; } location /host { return 302 http://$arg_x/; }", &[]);
    for target in ["/a%0d%0aX-Injected:%20yes", "/a%0aX-Injected:%20yes", "/a%0d%0a%0d%0abody"] {
        let response = s.get(target);
        assert!(response.field("X-Injected").is_none(), "{target}: {response}");
        assert!(!response.text().contains("body\n"), "{target}: {response}");
    }
}

#[test]
fn built_in_pages_name_their_status() {
    let codes = [
        // Without 408: nginx closes without sending a byte.
        400, 401, 402, 403, 404, 405, 406, 409, 410, 411, 412, 413, 414, 415, 416, 421, 429, 500, 501, 502, 503, 504,
        505, 507,
    ];
    let config: String = codes.iter().map(|code| format!("location /{code} {{ return {code}; }}")).collect();
    let s = site(&config, &[]);
    each(codes, |code| {
        let target = format!("/{code}");
        let response = s.get(&target).expect(*code, &target);
        assert!(!response.reason.is_empty(), "{response}");
        // The text of the page may differ from the reason phrase, as in nginx's "401 Authorization Required".
        assert!(response.text().contains(&format!("{code} ")), "{target}: {response}");
        assert_eq!(response.must("Content-Type"), "text/html", "{target}: {response}");
    });
}

#[test]
fn server_tokens() {
    let s = site("location /off/ { server_tokens off; }", &[]);
    let on = s.get("/absent").expect(404, "/absent");
    assert!(on.must("Server").contains('/') && on.text().contains(on.must("Server")), "{on}");
    let off = s.get("/off/absent").expect(404, "/off/absent");
    let name = on.must("Server").split('/').next().unwrap();
    assert_eq!(off.must("Server"), name, "{off}");
    assert!(off.text().contains(name) && !off.text().contains(on.must("Server")), "{off}");
}

#[test]
fn error_pages() {
    let config = "error_page 404 /custom.html; error_page 403 410 /shared.html; \
                  location /set/ { error_page 404 =200 /custom.html; } \
                  location /from/ { error_page 404 = /made; } \
                  location = /made { return 202 made; } \
                  location /url/ { error_page 404 http://other.example/x; } \
                  location /url301/ { error_page 404 =301 https://other.example/x; } \
                  location /named/ { error_page 404 @fallback; } \
                  location /named200/ { error_page 404 = @fallback; } \
                  location @fallback { return 200 fallback; } \
                  location /loop/ { error_page 404 /loop/absent; } \
                  location /missing/ { error_page 404 /no-such-page.html; } \
                  location /own/ { error_page 404 /own.html; } \
                  location /gone { return 410; }";
    let s =
        site(config, &[("custom.html", b"custom"), ("shared.html", b"shared"), ("own.html", b"own"), ("dir/x", b"x")]);
    let rows = [
        ("/absent", 404, "custom"),
        ("/dir/", 403, "shared"),
        ("/gone", 410, "shared"),
        ("/set/absent", 200, "custom"),
        ("/from/absent", 202, "made"),
        ("/named/absent", 404, "fallback"),
        ("/named200/absent", 200, "fallback"),
        ("/own/absent", 404, "own"),
    ];
    each(rows, |&(target, status, text)| {
        let response = s.get(target).expect(status, target);
        assert_eq!(response.text(), text, "{target}: {response}");
        let mut client = s.connect();
        client.send(format!("HEAD {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
        let head = client.response().expect(status, target);
        assert_eq!(head.must("Content-Length"), text.len().to_string(), "HEAD {target}: {head}");
        assert_eq!(client.get("/custom.html").text(), "custom", "after HEAD {target}");
    });
    each([("/url/x", 302, "http://other.example/x"), ("/url301/x", 301, "https://other.example/x")], |row| {
        let response = s.get(row.0).expect(row.1, row.0);
        assert_eq!(response.must("Location"), row.2, "{response}");
    });
    // If the error page itself is missing, the built-in page is sent; there is no loop.
    for target in ["/loop/absent", "/missing/absent"] {
        let response = s.get(target).expect(404, target);
        assert!(response.text().contains("404 Not Found"), "{target}: {response}");
    }
}

#[test]
fn an_error_page_for_a_bad_request() {
    let s = site("error_page 400 /400.html; error_page 414 /414.html;", &[("400.html", b"bad"), ("414.html", b"long")]);
    let response = s.ask("GET /x HTTP/1.1\r\nBad Field: x\r\nHost: h\r\n\r\n").expect(400, "a space in a field name");
    assert!(response.text() == "bad" && response.says_close(), "{response}");
    let response = s.get(&format!("/{}", "x".repeat(9000))).expect(414, "a long target");
    assert!(response.text() == "long" && response.says_close(), "{response}");
}

#[test]
fn an_error_page_may_be_large_and_conditional_fields_do_not_touch_it() {
    let page = noise(300_000, 4);
    let s = site("error_page 404 /big.html;", &[("big.html", &page)]);
    let tag = s.tag("/big.html");
    let fields = format!("If-None-Match: {tag}\r\nRange: bytes=0-1\r\n");
    for fields in ["", fields.as_str()] {
        let response = s.get_with("/absent", fields).expect(404, fields);
        assert!(response.body == page, "with {fields:?}: {response}");
    }
}

#[test]
fn an_error_page_that_redirects_keeps_its_own_status() {
    // It was sent as a 404 with Location, which clients do not follow.
    let codes = [301, 302, 303, 307, 308];
    let config: String = codes
        .iter()
        .map(|code| {
            format!(
                "location /{code}/ {{ error_page 404 @f{code}; }} location @f{code} \
                 {{ return {code} /home?c={code}; }} \
                 location /path{code}/ {{ error_page 404 /to{code}; }} location = /to{code} \
                 {{ return {code} /home?c={code}; }}"
            )
        })
        .collect();
    let s = site(&config, &[]);
    each(codes, |code| {
        for start in ["", "path"] {
            let target = format!("/{start}{code}/absent");
            let response = s.get(&target).expect(*code, &target);
            let expected = format!("http://localhost:{}/home?c={code}", s.port());
            assert_eq!(response.must("Location"), expected, "{target}: {response}");
            assert!(response.text().contains(&code.to_string()), "{target}: {response}");
        }
    });
}

#[test]
fn a_missing_error_page_does_not_hide_the_error() {
    // `=200` with a missing page gave a 200 without a body.
    let config = "location /set/ { error_page 404 =200 /missing.html; } \
                  location /from/ { error_page 404 = /missing.html; } \
                  location /created/ { error_page 404 =201 /missing.html; } \
                  location /named/ { error_page 404 =200 @missing; } location @missing { } \
                  location /other/ { error_page 404 =503 /missing.html; }";
    let s = site(config, &[]);
    let rows = [("/set/x", 404), ("/from/x", 404), ("/created/x", 404), ("/named/x", 404), ("/other/x", 503)];
    each(rows, |&(target, status)| {
        let response = s.get(target).expect(status, target);
        assert!(response.text().contains(&format!("{status} ")), "the built-in page: {response}");
    });
}

#[test]
fn an_error_page_with_another_status_for_a_bad_head() {
    let bad = ["GET /x HTTP/1.1\r\nBad Field: x\r\nHost: h\r\n\r\n", "GET /x HTTP/1.1\r\n\r\n", "NONSENSE\r\n\r\n"];
    for answer in ["=200", "=", ""] {
        let s = site(&format!("error_page 400 {answer} /e.html;"), &[("e.html", b"sorry")]);
        each(bad, |request| {
            let status = if answer.is_empty() { 400 } else { 200 };
            let response = s.ask(request).expect(status, request);
            assert!(response.text() == "sorry" && response.says_close(), "error_page 400 {answer}: {response}");
        });
    }
}

#[test]
fn preconditions_and_ranges_do_not_touch_error_pages() {
    let pages = "error_page 412 /e.html; location /kept/ { error_page 404 /e.html; } \
                 location /set/ { error_page 404 =200 /e.html; } location /from/ { error_page 404 = /e.html; }";
    let s = site(pages, &[("e.html", b"error page"), ("a.txt", b"alpha")]);
    let tag = s.tag("/e.html");
    let none = "If-Match: \"other\"\r\n".to_owned();
    let fields = [
        none.clone(),
        "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n".into(),
        format!("If-None-Match: {tag}\r\n"),
        "If-None-Match: *\r\n".into(),
        "If-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT\r\n".into(),
        "Range: bytes=0-1\r\n".into(),
        "Range: bytes=1000-\r\n".into(),
        format!("Range: bytes=0-1\r\nIf-Range: {tag}\r\n"),
    ];
    each(fields, |fields| {
        for (target, status) in [("/kept/x", 404), ("/set/x", 200), ("/from/x", 200)] {
            let response = s.get_with(target, fields).expect(status, target);
            assert_eq!(response.text(), "error page", "{target} with {fields:?}: {response}");
            assert_eq!(response.field("Content-Range"), None, "{target} with {fields:?}: {response}");
        }
    });
    let response = s.get_with("/a.txt", &none).expect(412, &none);
    assert_eq!(response.text(), "error page", "{response}");
}

#[test]
fn what_a_status_must_say_is_said_with_an_error_page_too() {
    let pages = "error_page 405 416 /e.html; location /named/ { alias html/; error_page 405 416 @named; } \
                 location @named { return 200 named; } location /missing/ { alias html/; error_page 405 416 /absent; } \
                 location /get/ { alias html/; methods GET; error_page 405 416 /e.html; }";
    let s = site(pages, &[("e.html", b"an error page that is long"), ("a.txt", b"alpha")]);
    let files = "GET, HEAD, OPTIONS";
    let rows = [
        ("/a.txt", "an error page that is long", files),
        ("/named/a.txt", "named", files),
        ("/missing/a.txt", "", files),
        ("/get/a.txt", "an error page that is long", "GET"), // the page's location refuses the method
    ];
    each(rows, |&(target, text, allow)| {
        for method in ["POST", "DELETE", "PUT", "PATCH"] {
            let request = format!("{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
            let response = s.ask(&request).expect(405, &request);
            assert_eq!(response.must("Allow"), allow, "RFC 9110, 15.5.6: {response}");
            assert!(response.text() == text || text.is_empty(), "{method} {target}: {response}");
        }
        let response = s.get_with(target, "Range: bytes=5-\r\n").expect(416, target);
        // The length is that of the requested file, not that of the error page.
        assert_eq!(response.must("Content-Range"), "bytes */5", "RFC 9110, 15.5.17; {target}: {response}");
        assert!(response.text() == text || text.is_empty(), "{target}: {response}");
    });
}
