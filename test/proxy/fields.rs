//! The fields and the status of an answer, as the client gets them.

use super::harness::gateways::Protocol;
use super::harness::http::Framing;
use super::harness::upstream::Upstream;
use super::harness::{each, site};
use super::{GET, answered, proxy};

#[test]
fn the_fields_of_the_answer_are_passed_and_those_of_the_servers_are_this_ones() {
    let (up, s) = proxy("");
    let fields = "Content-Type: text/css; a=b\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\nETag: \"x\"\r\n\
                  X-One: 1\r\nX-One: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nVary: A\r\nX-Empty:\r\n\
                  Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nServer: behind\r\nContent-Language: de\r\n\
                  Link: </x>; rel=y\r\n";
    let response = answered(&up, &s, GET, format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok"));
    let all = |name: &str| -> Vec<String> {
        let of = response.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        of.map(|(_, value)| value.clone()).collect()
    };
    assert_eq!((response.text(), response.framing), ("ok".into(), Framing::Length));
    assert_eq!(all("Content-Type"), ["text/css; a=b"]);
    assert_eq!(
        (all("ETag"), all("Last-Modified")),
        (vec!["\"x\"".into()], vec!["Mon, 01 Jan 2024 00:00:00 GMT".into()])
    );
    assert_eq!((all("X-One"), all("Set-Cookie")), (vec!["1".into(), "2".into()], vec!["a=1".into(), "b=2".into()]));
    assert_eq!((all("Content-Language"), all("Link")), (vec!["de".into()], vec!["</x>; rel=y".into()]));
    assert_eq!((all("Date").len(), all("Server").len()), (1, 1), "{response}");
    assert_ne!(all("Server"), ["behind"], "hidden unless it is passed");
    assert_ne!(all("Date"), ["Mon, 01 Jan 2024 00:00:00 GMT"]);
}

/// Directives, a field of the answer, and whether the client gets it.
#[test]
fn fields_are_hidden_and_passed_as_configured() {
    let rows = [
        ("", "X-Pad: 1", false),
        ("", "X-Accel-Expires: 1", false),
        ("", "X-Accel-Buffering: no", false),
        ("", "X-Accel-Limit-Rate: off", false),
        ("", "X-Accel-Charset: utf-8", false),
        ("", "X-Powered-By: PHP", true),
        ("proxy_hide_header X-Powered-By;", "x-powered-by: PHP", false),
        ("proxy_hide_header x-powered-by; proxy_hide_header X-B;", "X-Powered-By: PHP", false),
        ("proxy_pass_header X-Pad;", "X-Pad: 1", true),
        ("proxy_pass_header Server;", "Server: behind", true),
        ("proxy_pass_header Date;", "Date: Mon, 01 Jan 2024 00:00:00 GMT", true),
        ("proxy_pass_header X-Accel-Buffering;", "X-Accel-Buffering: no", true),
        ("proxy_hide_header Set-Cookie;", "Set-Cookie: a=b", false),
        ("proxy_hide_header ETag;", "ETag: \"x\"", false),
    ];
    each(rows, |(directives, field, is_passed)| {
        let (up, s) = proxy(directives);
        let response = answered(&up, &s, GET, format!("HTTP/1.1 200 OK\r\n{field}\r\nContent-Length: 0\r\n\r\n"));
        let (name, value) = field.split_once(": ").unwrap();
        assert_eq!(response.field(name) == Some(value), *is_passed, "{directives}: {response}");
    });
}

/// RFC 9110 section 7.6.1: what belongs to the connection behind is not passed.
#[test]
fn hop_by_hop_fields_of_an_answer_are_not_passed() {
    let (up, s) = proxy("");
    let fields = "Connection: keep-alive\r\nKeep-Alive: timeout=99\r\nContent-Length: 0\r\n";
    let response = answered(&up, &s, GET, format!("HTTP/1.1 200 OK\r\n{fields}\r\n"));
    assert_eq!(response.field("Keep-Alive"), None, "{response}");
    let chunked = "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let response = answered(&up, &s, GET, format!("HTTP/1.1 200 OK\r\n{chunked}"));
    assert_eq!((response.text(), response.framing), ("ok".into(), Framing::Chunked));
    assert!(!response.says_close(), "the connection behind has ended, and not the client's");
}

#[test]
fn a_status_is_passed_with_its_body() {
    let (up, s) = proxy("");
    for status in [200, 201, 202, 206, 299, 301, 303, 307, 308, 400, 401, 403, 404, 418, 451, 500, 502, 503, 504, 599] {
        let fields = "Content-Length: 4\r\nContent-Type: a/b\r\nX-Field: 1\r\n";
        let response = answered(&up, &s, GET, format!("HTTP/1.1 {status} Some Words\r\n{fields}\r\nbody"));
        assert_eq!((response.status, response.text().as_str()), (status, "body"), "{response}");
        assert_eq!((response.must("X-Field"), response.must("Content-Type")), ("1", "a/b"));
    }
}

/// The reason phrase is optional behind, and passed on if it is there.
#[test]
fn the_reason_phrase_is_passed_on() {
    let (up, s) = proxy("");
    let rows = [
        ("HTTP/1.1 200", 200, "OK"),
        ("HTTP/1.1 200 ", 200, "OK"),
        ("HTTP/1.0 200 OK", 200, "OK"),
        ("HTTP/1.1 200 Fine by me", 200, "Fine by me"),
        ("HTTP/1.1 404 Nicht da: \u{fc}", 404, "Nicht da: \u{fc}"),
        ("HTTP/1.1 299 Odd", 299, "Odd"),
    ];
    each(rows, |(line, status, phrase)| {
        let response = answered(&up, &s, GET, format!("{line}\r\nContent-Length: 2\r\n\r\nok"));
        assert_eq!((response.status, response.text().as_str()), (*status, "ok"), "{line}");
        assert_eq!(response.reason, *phrase, "{line}");
    });
}

/// A page of this server, or another status, has the usual phrase.
#[test]
fn the_phrase_goes_with_its_answer() {
    let rows = [
        ("proxy_intercept_errors on; error_page 404 /ok.txt;", 404, "Not Found"),
        ("proxy_intercept_errors on; error_page 404 =200 /ok.txt;", 200, "OK"),
        ("", 404, "My Words"),
    ];
    each(rows, |(directives, status, phrase)| {
        let up = Upstream::tcp(Protocol::Http);
        let conf = format!("location / {{ {} {directives} }} location = /ok.txt {{ }}", up.pass());
        let s = site(&conf, &[("ok.txt", b"ok")]);
        let response = answered(&up, &s, GET, "HTTP/1.1 404 My Words\r\nContent-Length: 2\r\n\r\nno");
        assert_eq!((response.status, &response.reason[..]), (*status, *phrase), "{directives}");
    });
}

/// RFC 9110 sections 9.3.2, 15.3.5 and 15.4.5: these have no body, whatever their fields say.
#[test]
fn answers_without_a_body_end_at_their_head() {
    let (up, s) = proxy("");
    let head = "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n";
    let rows = [
        (head, "200 OK\r\nContent-Length: 1234", Some("1234")),
        (head, "200 OK\r\nTransfer-Encoding: chunked", None),
        (head, "200 OK\r\nX: 1", None),
        (head, "404 No\r\nContent-Length: 5", Some("5")),
        (GET, "204 None\r\nX: 1", None),
        (GET, "304 Same\r\nETag: \"x\"", None),
    ];
    for (request, answer, length) in rows {
        let mut client = s.connect();
        client.send(request);
        let (mut peer, ask) = up.asked();
        assert_eq!(ask.line.split(' ').next(), request.split(' ').next());
        peer.send(format!("HTTP/1.1 {answer}\r\n\r\n"));
        let response = client.response();
        assert_eq!(
            (response.framing, response.field("Content-Length")),
            (Framing::None, length),
            "{answer}: {response}"
        );
        // The client's connection goes on, also while the one behind is open.
        client.send(GET);
        let mut peer = up.accept_again(peer);
        peer.ask();
        peer.ok(b"next");
        assert_eq!(client.response().text(), "next", "{answer}");
    }
}

#[test]
fn a_head_may_come_in_any_pieces() {
    let (up, s) = proxy("");
    let answer =
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
    let mut client = s.connect();
    client.send(GET);
    let (mut peer, _) = up.asked();
    for byte in answer {
        peer.send([*byte]);
    }
    assert_eq!(client.response().text(), "abcd");
}

/// Interim answers come before the final one (RFC 9110 section 15.2); HTTP/1.0 has none.
#[test]
fn interim_answers_are_no_answer() {
    let (up, s) = proxy("");
    for interim in ["100 Continue\r\n", "102 Processing\r\n", "103 Early Hints\r\nLink: </a.css>; rel=preload\r\n"] {
        for version in ["1.1", "1.0"] {
            let mut client = s.connect();
            client.send(format!("GET /a HTTP/{version}\r\nHost: h\r\nConnection: close\r\n\r\n"));
            let (mut peer, _) = up.asked();
            peer.send(format!("HTTP/1.1 {interim}\r\nHTTP/1.1 200 OK\r\nX-Final: 1\r\nContent-Length: 2\r\n\r\nok"));
            let first = client.any_response();
            assert!(first.status == 200 || version == "1.1", "HTTP/{version} {interim}: {first}");
            let last = if first.status == 200 { first } else { client.any_response() };
            assert_eq!((last.status, last.text().as_str(), last.must("X-Final")), (200, "ok", "1"), "{interim}");
            assert_eq!(last.field("Link"), None, "the interim answer's fields are its own: {last}");
        }
    }
}

#[test]
fn added_fields_and_expires_apply_to_answers_of_others() {
    let (up, s) = proxy("add_header X-Added $upstream_status; expires 1h;");
    let response = answered(&up, &s, GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((response.must("X-Added"), response.must("Cache-Control")), ("200", "max-age=3600"));
}
