//! Fields with which the server behind directs this one (X-Accel-*), and answers that are replaced by error pages.

use super::harness::gateways::Protocol;
use super::harness::upstream::Upstream;
use super::harness::{Server, each, site};
use super::{GET, answered, proxy};

fn accel(directives: &str) -> (Upstream, Server) {
    let up = Upstream::tcp(Protocol::Http);
    let conf = format!(
        "location / {{ {} {directives} }} location /files/ {{ internal; }} \
         location @named {{ return 200 named:$request_method:$uri; }} location /plain/ {{ }} \
         location /args {{ return 200 $uri?$args; }}",
        up.pass()
    );
    let files: [(&str, &[u8]); 2] = [("files/secret.txt", b"secret"), ("plain/p.css", b"plain")];
    let s = site(&conf, &files);
    (up, s)
}

/// An answer's X-Accel-Redirect, and status and body that the client gets.
#[test]
fn the_server_behind_can_choose_a_file() {
    let rows = [
        ("/files/secret.txt", 200, "secret"),
        ("/plain/p.css", 200, "plain"),
        ("/files/none.txt", 404, ""),
        ("@named", 200, "named:GET:/a"),
        ("/args/x?y=z", 200, "/args/x?y=z"),
        ("/files/%73ecret.txt", 200, "secret"),
        ("/files/../files/secret.txt", 404, ""),
        ("/../../etc/passwd", 404, ""),
    ];
    each(rows, |(to, status, body)| {
        let (up, s) = accel("");
        let answer = format!("HTTP/1.1 200 OK\r\nX-Accel-Redirect: {to}\r\nContent-Length: 5\r\n\r\nother");
        let response = answered(&up, &s, GET, answer).expect(*status, to);
        assert!(*status == 404 || response.text() == *body, "{to}: {response}");
        assert_eq!(response.field("X-Accel-Redirect"), None);
    });
}

#[test]
fn some_fields_of_the_first_answer_stay() {
    let (up, s) = accel("");
    let fields = "X-Accel-Redirect: /files/secret.txt\r\nContent-Type: a/b\r\nSet-Cookie: a=b\r\nETag: \"other\"\r\n\
                  Content-Disposition: attachment\r\nCache-Control: no-cache\r\nX-Other: 1\r\nContent-Length: 0\r\n";
    let response = answered(&up, &s, GET, format!("HTTP/1.1 200 OK\r\n{fields}\r\n"));
    assert_eq!((response.must("Content-Type"), response.must("Set-Cookie")), ("a/b", "a=b"));
    assert_eq!((response.must("Content-Disposition"), response.must("Cache-Control")), ("attachment", "no-cache"));
    assert_eq!((response.field("X-Other"), response.must("Content-Length")), (None, "6"));
    assert_ne!(response.must("ETag"), "\"other\"", "the file's own");
}

#[test]
fn a_redirect_may_be_ignored_or_not_meant() {
    let answer = "HTTP/1.1 200 OK\r\nX-Accel-Redirect: /files/secret.txt\r\nContent-Length: 5\r\n\r\nother";
    let (up, s) = accel("proxy_ignore_headers X-Accel-Redirect;");
    assert_eq!(answered(&up, &s, GET, answer).text(), "other");
    // The method of a redirected POST is GET, as nginx has it.
    let (up, s) = accel("");
    let post = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(answered(&up, &s, post, answer).text(), "secret");
    let head = answered(&up, &s, "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n", answer.trim_end_matches("other"));
    assert_eq!(head.must("Content-Length"), "6");
}

/// The file is not for clients that ask for it themselves.
#[test]
fn an_internal_location_stays_internal() {
    let (_up, s) = accel("");
    s.get("/files/secret.txt").expect(404, "/files/secret.txt");
}

/// A redirect to the same location would go round forever.
#[test]
fn a_circle_of_redirects_ends() {
    let up = Upstream::tcp(Protocol::Http);
    let served = up.serve(|_| b"HTTP/1.1 200 OK\r\nX-Accel-Redirect: /again\r\nContent-Length: 0\r\n\r\n".to_vec());
    let s = site(&format!("location / {{ {} }}", served.pass()), &[]);
    s.get("/a").expect(500, "a circle");
    assert!(served.asks().len() <= 11, "{}", served.asks().len());
}

/// With `X-Accel-Buffering: no`, each piece of the body is passed when it comes. (With buffering it may be, too.)
#[test]
fn pieces_pass_without_buffering() {
    for (directives, field) in [("", "X-Accel-Buffering: no\r\n"), ("proxy_buffering off;", "")] {
        let (up, s) = proxy(directives);
        let mut client = s.connect();
        client.send(GET);
        let (mut peer, _) = up.asked();
        peer.send(format!("HTTP/1.1 200 OK\r\n{field}Content-Length: 6\r\n\r\n"));
        let head = client.until(b"\r\n\r\n");
        assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", head.escape_ascii());
        for piece in ["ab", "cd", "ef"] {
            peer.send(piece);
            assert_eq!(client.exactly(2), piece.as_bytes());
        }
    }
}

/// 4 KiB at 1 KiB a second take at least 2 seconds, whatever the machine; without the field it is not paced.
#[test]
fn a_rate_may_come_with_the_answer() {
    let (up, s) = proxy("");
    let start = std::time::Instant::now();
    let answer =
        format!("HTTP/1.1 200 OK\r\nX-Accel-Limit-Rate: 1024\r\nContent-Length: 4096\r\n\r\n{}", "x".repeat(4096));
    assert_eq!(answered(&up, &s, GET, answer).body.len(), 4096);
    assert!(start.elapsed().as_secs() >= 2, "paced");
}

/// Directives, a status of the server behind, and status and body that the client gets.
#[test]
fn error_pages_replace_answers_only_if_told() {
    let rows = [
        ("error_page 404 /plain/p.css;", 404, 404, "behind"),
        ("proxy_intercept_errors on; error_page 404 /plain/p.css;", 404, 404, "plain"),
        ("proxy_intercept_errors on; error_page 404 =200 /plain/p.css;", 404, 200, "plain"),
        ("proxy_intercept_errors on; error_page 404 = @named;", 404, 200, "named:GET:/a"),
        ("proxy_intercept_errors on; error_page 404 /plain/p.css;", 500, 500, "behind"),
        ("proxy_intercept_errors on; error_page 302 = @named;", 302, 200, "named:GET:/a"),
        ("proxy_intercept_errors on;", 404, 404, "behind"),
        ("proxy_intercept_errors on; error_page 503 = @named;", 503, 200, "named:GET:/a"),
    ];
    each(rows, |(directives, status, wanted, body)| {
        let (up, s) = accel(directives);
        let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 6\r\nX-Of: behind\r\n\r\nbehind");
        let response = answered(&up, &s, GET, answer).expect(*wanted, directives);
        assert_eq!(response.text(), *body, "{directives}");
        assert_eq!(response.field("X-Of").is_some(), *body == "behind", "{response}");
    });
}

/// RFC 9110 section 11.6.1: the challenge belongs to the status, also if another page comes with it.
#[test]
fn a_challenge_stays_with_a_replaced_401() {
    let (up, s) = accel("proxy_intercept_errors on; error_page 401 /plain/p.css;");
    let answer = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
    let response = answered(&up, &s, GET, answer).expect(401, "GET");
    assert_eq!((response.must("WWW-Authenticate"), response.text().as_str()), ("Basic realm=\"x\"", "plain"));
}

/// A server that cannot be reached has an error page without being told.
#[test]
fn a_failure_has_the_error_page_of_its_status() {
    let (up, s) = accel("error_page 502 =503 /plain/p.css;");
    drop(up);
    assert_eq!(s.get("/a").expect(503, "/a").text(), "plain");
}
