//! What a program says in its head reaches the client: nothing is lost, changed or said a second time.

mod harness;

use harness::scripts::{scripts, text};
use harness::{Response, Server, each};

/// A server with these directives and a script that prints this head and "body".
fn says(config: &str, head: &str) -> Server {
    scripts(config, &[("a.sh", &format!("printf '%s\\n' '{head}' '' body"))])
}

/// All values of a field.
fn values<'a>(response: &'a Response, name: &str) -> Vec<&'a str> {
    response.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| &value[..]).collect()
}

/// A bug: with `Location: /x` every other field was dropped, because the server answered for /x itself.
#[test]
fn a_cookie_beside_a_location_was_lost() {
    let heads = [
        "Set-Cookie: a=1\nLocation: /ok.txt",
        "Location: /ok.txt\nSet-Cookie: a=1\nContent-Type: text/plain",
        "Location: /ok.txt\nContent-Length: 5\nSet-Cookie: a=1",
        "Status: 302 Found\nSet-Cookie: a=1\nLocation: /ok.txt",
        "HTTP/1.1 302 Found\nSet-Cookie: a=1\nLocation: /ok.txt",
    ];
    each(heads, |head| {
        let response = says("", head).get("/a.sh").expect(302, head);
        assert_eq!((response.must("Location"), response.must("Set-Cookie")), ("/ok.txt", "a=1"), "{response}");
    });
    let alone = says("", "Location: /ok.txt").get("/a.sh").expect(200, "a Location alone");
    assert_eq!(alone.text(), "ok");
}

/// The words behind a status are the client's, too.
#[test]
fn the_reason_phrase_is_passed_on() {
    let heads = [("Status: 404 My Words", "My Words"), ("Status: 404", "Not Found"), ("HTTP/1.1 404 Words", "Words")];
    each(heads, |(head, phrase)| assert_eq!(says("", head).get("/a.sh").expect(404, head).reason, *phrase));
}

/// A bug: `/home` became `http://HOST:PORT/home`, with the port that the server listens on.
#[test]
fn a_location_of_a_program_was_rewritten() {
    let config = "server_name_in_redirect on; server_name own.example; location /own { return 301 /there; }";
    each(["/home", "/home?a#b", "//other/x", "home", "http://h/x"], |location| {
        each(["301", "302 Found", "303", "307", "308"], |status| {
            let s = says(config, &format!("Status: {status}\nLocation: {location}\nX-Own: 1"));
            let response = s.get("/a.sh").expect(status[..3].parse().unwrap(), location);
            assert_eq!((response.must("Location"), response.must("X-Own")), (&location[..], "1"), "{response}");
            let own = s.get("/own").expect(301, "return");
            assert!(own.must("Location").starts_with("http://own.example:"), "{own}");
        });
    });
}

/// The pages of `error_page` are for the server's own answers.
#[test]
fn a_redirect_of_a_program_was_replaced_by_an_error_page() {
    let s = says("error_page 302 /ok.txt;", "Status: 302\nLocation: /home\nSet-Cookie: a=1");
    let response = s.get("/a.sh").expect(302, "/a.sh");
    assert_eq!((response.must("Location"), response.must("Set-Cookie")), ("/home", "a=1"));
}

/// `cgi_intercept_errors`: the program's status stays, with the configured page.
#[test]
fn an_error_page_takes_the_place_of_an_answer_if_that_is_asked_for() {
    let on = "cgi_intercept_errors on;";
    let rows = [
        ("error_page 404 /ok.txt;", "Status: 404\nX-A: 1", 404, "ok", None),
        ("error_page 404 =200 /ok.txt;", "Status: 404\nX-A: 1\nContent-Length: 5", 200, "ok", None),
        ("error_page 302 /ok.txt;", "Status: 302\nLocation: /home", 302, "ok", None),
        ("error_page 302 =200 /ok.txt;", "Location: http://h/\nX-A: 1\nContent-Type: a/b", 200, "ok", None),
        ("error_page 404 /ok.txt;", "Status: 403\nX-A: 1", 403, "body\n", Some("1")),
        ("", "Status: 404\nX-A: 1", 404, "body\n", Some("1")),
        // The page may be the program's own: it is not replaced once more.
        ("error_page 404 /a.sh;", "Status: 404\nX-A: 1", 404, "body\n", Some("1")),
        // Only what is asked for is intercepted.
        ("error_page 404 /ok.txt; cgi_intercept_errors off;", "Status: 404\nX-A: 1", 404, "body\n", Some("1")),
    ];
    each(rows, |(config, head, status, body, field)| {
        let on = if config.contains("cgi_intercept_errors") { "" } else { on };
        let s = says(&format!("{on} {config}"), head);
        let response = s.get("/a.sh").expect(*status, config);
        assert_eq!((response.text().as_str(), response.field("X-A")), (*body, *field), "{response}");
        s.get("/ok.txt").expect(200, "another request");
    });
    let s = says(&format!("{on} error_page 401 /ok.txt;"), "Status: 401\nWWW-Authenticate: Basic realm=\"a\"");
    let response = s.get("/a.sh").expect(401, "a challenge");
    assert_eq!((response.must("WWW-Authenticate"), response.text().as_str()), ("Basic realm=\"a\"", "ok"));
}

/// `cgi_hide_header` and `cgi_pass_header`.
#[test]
fn hidden_fields_of_a_program_do_not_reach_the_client() {
    let head = "X-A: 1\nX-B: 2\nx-a: 3";
    let rows = [
        ("", vec!["1", "3"], vec!["2"]),
        ("cgi_hide_header X-A;", vec![], vec!["2"]),
        ("cgi_hide_header x-b; cgi_hide_header X-A;", vec![], vec![]),
        ("cgi_hide_header X-A; cgi_hide_header X-B; cgi_pass_header x-a;", vec!["1", "3"], vec![]),
    ];
    each(rows, |(config, a, b)| {
        each(["", "\nContent-Length: 5", "\nLocation: http://h/"], |more| {
            let response = says(config, &format!("{head}{more}")).get("/a.sh");
            assert_eq!((values(&response, "X-A"), values(&response, "X-B")), (a.clone(), b.clone()), "{response}");
        });
    });
    let response = says("cgi_hide_header Content-Type;", "Content-Type: text/html").get("/a.sh").expect(200, "");
    assert_eq!(response.field("Content-Type"), None, "{response}");
}

/// A bug: the server's own values followed those of the program, or replaced them.
#[test]
fn what_a_program_had_said_once_was_said_twice() {
    let rows = [
        ("Status: 503", "Retry-After: 120"),
        ("Status: 405", "Allow: GET, BREW"),
        ("Status: 416", "Content-Range: bytes */100"),
        ("Status: 206", "Content-Range: bytes 0-4/100"),
        ("Status: 200", "Server: theirs"),
        ("Status: 200", "Date: Sun, 06 Nov 1994 08:49:37 GMT"),
        ("Status: 200", "Cache-Control: private"),
        ("Status: 200", "Expires: 0"),
        ("Status: 200", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"),
        ("Status: 200", "ETag: \"x\""),
        ("Status: 200", "Accept-Ranges: none"),
        ("Status: 201", "Location: /new"),
    ];
    each(rows, |(status, field)| {
        let (name, value) = field.split_once(": ").unwrap();
        each(["", "\nContent-Length: 5", "\nContent-Type: text/plain\nContent-Length: 5"], |more| {
            let response = says("", &format!("{status}\n{field}{more}")).get("/a.sh");
            assert_eq!(format!("Status: {}", response.status), *status, "{response}");
            assert_eq!(values(&response, name), [value], "{response}");
            assert_eq!((values(&response, "Date").len(), values(&response, "Server").len()), (1, 1), "{response}");
        });
    });
    let response = says("", "Status: 416\nContent-Length: 5").get("/a.sh").expect(416, "of a program");
    assert_eq!(response.field("Content-Range"), None, "5 is the length of the page, not of what was asked for");
    let response = says("", "Date: yesterday\nX: y").get("/a.sh").expect(200, "a date that is none");
    assert!(response.must("Date").ends_with(" GMT"), "{response}");
    assert_eq!(values(&response, "Date").len(), 1);
}

#[test]
fn a_directive_replaces_what_a_program_has_said() {
    let rows = [
        ("expires 1h;", "Cache-Control: private", vec!["max-age=3600"]),
        ("expires epoch;", "Expires: 0", vec!["Thu, 01 Jan 1970 00:00:01 GMT"]),
        ("expires off;", "Cache-Control: private", vec!["private"]),
        ("add_header Server own;", "Server: theirs", vec!["own"]),
        ("add_header Server \"\";", "Server: theirs", vec![]),
        ("add_header X-Frame-Options DENY;", "x-frame-options: SAMEORIGIN", vec!["DENY"]),
        ("add_header Access-Control-Allow-Origin *;", "Access-Control-Allow-Origin: http://h", vec!["*"]),
        ("add_header ETag '\"own\"';", "ETag: \"theirs\"", vec!["\"own\""]),
        ("add_header Cache-Control public;", "Cache-Control: max-age=1", vec!["max-age=1", "public"]),
        ("add_header X-Own own;", "X-Own: theirs", vec!["theirs", "own"]),
        ("server_tokens off;", "Server: theirs", vec!["theirs"]),
    ];
    each(rows, |(config, field, expected)| {
        let name = field.split(':').next().unwrap();
        let response = says(config, &format!("Content-Type: text/plain\n{field}")).get("/a.sh").expect(200, config);
        assert_eq!(values(&response, name), *expected, "{response}");
    });
}

/// A bug: these heads were 502. RFC 3875 and other servers accept them.
#[test]
fn a_head_that_says_enough_was_refused() {
    let rows = [
        ("X-Own: 1", 200, None),
        ("Content-Length: 5", 200, None),
        ("Content-Type:", 200, None),
        ("Status: 404", 404, None),
        ("HTTP/1.1 200 OK\nContent-Type: text/x", 200, Some("text/x")),
        ("HTTP/1.0 404 Not Found\r\nX-Own: 1\r", 404, None),
        ("Content-Type: text/x\nContent-Type: text/x", 200, Some("text/x")),
        ("Status: 403\nStatus: 403 Forbidden", 403, None),
    ];
    let config = "default_type text/html; add_header X-Content-Type-Options nosniff;";
    each(rows, |(head, status, media_type)| {
        let response = says(config, head).get("/a.sh").expect(*status, head);
        assert_eq!((response.field("Content-Type"), response.text().trim_end()), (*media_type, "body"), "{response}");
    });
}

#[test]
fn a_program_as_an_error_page_keeps_its_fields() {
    let s = scripts("error_page 404 /page.sh;", &[("page.sh", &text("echo page"))]);
    let response = s.get("/none.txt").expect(404, "/none.txt");
    assert_eq!((response.must("Content-Type"), &response.text()[..]), ("text/plain", "page\n"));
}
