//! Fixed faults: each test is named after the effect of the fault.

mod harness;

use harness::{each, server, site};

/// A refused CONNECT may be followed by bytes for the tunnel. They may come from an attacker, so the server must not
/// read them as requests (RFC 9931, "Guidance for HTTP CONNECT").
#[test]
fn bytes_after_a_refused_connect_were_read_as_a_request() {
    let s = site("", &[("ok.txt", b"ok")]);
    let mut client = s.connect();
    client.send("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\nGET /ok.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    let response = client.any_response();
    assert_eq!(response.status, 405, "{response}");
    assert!(response.says_close(), "{response}");
    client.assert_closed("after a refused CONNECT");
}

/// Clients do not follow Location in a 404.
#[test]
fn a_redirect_by_an_error_page_kept_the_error_s_status() {
    let config = "location /text { error_page 404 /moved; return 404; } location = /moved { return 302 /there; } \
                  location /named { error_page 404 @moved; return 404; } location @moved { return 301 /there; } \
                  location /directory { error_page 404 /dir; return 404; }";
    let s = site(config, &[("dir/a.txt", b"a")]);
    each(
        [("/text", 302, "/there"), ("/named", 301, "/there"), ("/directory", 301, "/dir/")],
        |&(target, status, to)| {
            let response = s.get(target).expect(status, target);
            assert_eq!(response.must("Location"), format!("http://localhost:{}{to}", s.port()), "{target}: {response}");
        },
    );
}

#[test]
fn an_error_page_saw_the_query_of_the_request() {
    let config = "error_page 404 /page?why=gone; error_page 410 /page?$arg_a; \
                  location /404 { return 404; } location /410 { return 410; } \
                  location = /page { return 200 \"$args|$arg_why|$is_args\"; }";
    let s = site(config, &[]);
    each(
        [("/404?a=b", 404, "why=gone|gone|?"), ("/410?a=b", 410, "b||?"), ("/410", 410, "||")],
        |&(target, status, text)| {
            assert_eq!(s.get(target).expect(status, target).text(), text, "{target}");
        },
    );
}

/// `index` continues with the path of the file, which may be in another location.
#[test]
fn uri_was_the_directory_s_after_its_index_was_found() {
    let s = site("index first.html index.html; add_header X-Uri $uri;", &[("dir/index.html", b"i")]);
    each([("/dir/", "/dir/index.html"), ("/dir/index.html", "/dir/index.html")], |&(target, uri)| {
        let response = s.get(target).expect(200, target);
        assert_eq!(response.must("X-Uri"), uri, "{target}: {response}");
    });
}

/// Lines with the same name form one list (RFC 9110, section 5.3); for cookies, see RFC 9113, section 8.2.3.
#[test]
fn of_repeated_fields_a_variable_had_the_first_only() {
    let config = "location / { return 200 \"$http_x_forwarded_for|$http_cookie|$cookie_b\"; }";
    let s = site(config, &[]);
    let fields = "X-Forwarded-For: 1.1.1.1\r\nCookie: a=1\r\nX-Forwarded-For: 2.2.2.2\r\nCookie: b=2\r\n";
    assert_eq!(s.get_with("/", fields).text(), "1.1.1.1, 2.2.2.2|a=1; b=2|2");
}

/// `.a.example` is short for `a.example *.a.example`, and the server's name is the first of these.
#[test]
fn server_name_began_with_a_dot() {
    let config = "server { listen 127.0.0.1:0; server_name .a.example; location / { return 200 $server_name; } }";
    let s = server(config, &[]);
    each(["a.example", "b.a.example"], |host| {
        let response = s.ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(response.text(), "a.example", "{host}: {response}");
    });
}
