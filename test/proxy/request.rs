//! The request as it reaches the server behind: its line, its fields and its body are printed from what was parsed.

use super::harness::each;
use super::harness::gateways::Protocol;
use super::harness::upstream::Upstream;
use super::harness::{host, site};
use super::{GET, proxy, reached};

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn a_plain_request_has_the_address_as_its_host_and_ends_its_connection() {
    let (up, s) = proxy("");
    let ask = reached(&up, &s, "GET /a?b=c HTTP/1.1\r\nHost: example.org\r\nUser-Agent: x\r\nX-One: 1\r\n\r\n");
    assert_eq!(ask.line, "GET /a?b=c HTTP/1.1", "nginx since 1.29.7 speaks HTTP/1.1 by default");
    assert_eq!(ask.must("Host"), up.address);
    assert_eq!((ask.must("User-Agent"), ask.must("X-One")), ("x", "1"));
    assert_eq!(ask.must("Connection"), "close", "as nginx: only connections to a group are kept");
    assert!(ask.all("Content-Length").is_empty() && ask.all("Transfer-Encoding").is_empty(), "{ask:?}");
}

#[test]
fn an_old_version_closes() {
    let (up, s) = proxy("proxy_http_version 1.0;");
    let ask = reached(&up, &s, GET);
    assert_eq!(ask.line, "GET /a HTTP/1.0");
    assert!(ask.field("Connection").is_none_or(|value| value == "close"), "{ask:?}");
}

/// RFC 9110 section 7.6.1: fields of the connection are for this server alone.
#[test]
fn hop_by_hop_fields_are_not_passed() {
    let (up, s) = proxy("");
    let fields = "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\n\
                  Upgrade: websocket\r\nX-Kept: yes\r\n";
    let ask = reached(&up, &s, format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
    assert_eq!(ask.must("Connection"), "close");
    for name in ["Keep-Alive", "Proxy-Connection", "TE", "Upgrade"] {
        assert!(ask.all(name).is_empty(), "{name} in {ask:?}");
    }
    assert_eq!(ask.must("X-Kept"), "yes");
}

/// 100-continue is answered by this server, which has the body before the server behind is asked.
#[test]
fn an_expectation_is_met_here() {
    let (up, s) = proxy("");
    let mut client = s.connect();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_eq!(client.any_response().status, 100);
    client.send("abc");
    let (mut peer, ask) = up.asked();
    peer.ok(b"");
    assert_eq!((ask.all("Expect").len(), &ask.body[..]), (0, &b"abc"[..]));
    client.response().expect(200, "POST");
}

/// Requests, and the fields that reach the server behind.
#[test]
fn fields_are_set_replaced_and_removed() {
    let rows = [
        ("proxy_set_header Host $host;", "Host", vec!["h"]),
        ("proxy_set_header Host $http_host;", "Host", vec!["H:81"]),
        ("proxy_set_header host fixed.example;", "Host", vec!["fixed.example"]),
        ("proxy_set_header X-Twice new;", "X-Twice", vec!["new"]),
        ("proxy_set_header X-Twice \"\";", "X-Twice", vec![]),
        ("", "X-Twice", vec!["one", "two"]),
        ("proxy_set_header X-New $request_method-$arg_q;", "X-New", vec!["GET-7"]),
        ("proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;", "X-Forwarded-For", vec!["9.9.9.9, 127.0.0.1"]),
        ("proxy_set_header X-Real-IP $remote_addr;", "X-Real-IP", vec!["127.0.0.1"]),
        ("proxy_set_header Connection x;", "Connection", vec!["x"]),
        ("proxy_pass_request_headers off;", "X-Twice", vec![]),
        ("proxy_pass_request_headers off; proxy_set_header X-New 1;", "X-New", vec!["1"]),
    ];
    each(rows, |(directives, name, values)| {
        let (up, s) = proxy(directives);
        let fields = "X-Twice: one\r\nX-Twice: two\r\nX-Forwarded-For: 9.9.9.9\r\n";
        let ask = reached(&up, &s, format!("GET /a?q=7 HTTP/1.1\r\nHost: H:81\r\n{fields}\r\n"));
        assert_eq!(ask.all(name), *values, "{directives}: {ask:?}");
    });
}

/// proxy_set_header is inherited only by a level that has none (nginx's documentation).
#[test]
fn set_header_of_an_outer_level_ends_where_an_inner_one_begins() {
    let up = Upstream::tcp(Protocol::Http);
    let pass = up.pass();
    let s = site(
        &format!(
            "proxy_set_header X-Outer 1; location /in {{ {pass} proxy_set_header X-Inner 1; }} location / {{ {pass} }}"
        ),
        &[],
    );
    let inner = reached(&up, &s, "GET /in HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!((inner.all("X-Outer").len(), inner.all("X-Inner").len()), (0, 1));
    let outer = reached(&up, &s, GET);
    assert_eq!((outer.all("X-Outer").len(), outer.all("X-Inner").len()), (1, 0));
}

/// Directives and a request, and method, length and body that reach the server behind.
#[test]
fn method_and_body_may_be_others() {
    let post = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Type: a/b\r\nContent-Length: 4\r\n\r\nbody";
    let rows = [
        ("", post, "POST", Some("4"), "body"),
        ("proxy_method PUT;", post, "PUT", Some("4"), "body"),
        ("proxy_method $arg_m;", "GET /a?m=PURGE HTTP/1.1\r\nHost: h\r\n\r\n", "PURGE", None, ""),
        ("proxy_pass_request_body off; proxy_set_header Content-Length \"\";", post, "POST", None, ""),
        ("proxy_set_body new-$request_method;", post, "POST", Some("8"), "new-POST"),
        ("proxy_set_body \"\";", post, "POST", Some("0"), ""),
        ("proxy_set_body abc;", GET, "GET", Some("3"), "abc"),
        ("", "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "PUT", Some("0"), ""),
        ("", "X-TEND /a HTTP/1.1\r\nHost: h\r\n\r\n", "X-TEND", None, ""),
    ];
    each(rows, |(directives, request, method, length, body)| {
        let (up, s) = proxy(directives);
        let ask = reached(&up, &s, request);
        assert_eq!(ask.line.split(' ').next(), Some(*method), "{directives}");
        assert_eq!((ask.field("Content-Length"), ask.body.as_slice()), (*length, body.as_bytes()), "{ask:?}");
        assert!(ask.all("Transfer-Encoding").is_empty(), "{ask:?}");
    });
}

#[test]
fn a_unix_socket_and_a_group_are_named_in_the_host_field() {
    let unix = Upstream::unix(Protocol::Http);
    let s = site(&format!("location / {{ proxy_pass http://{}:/base/; }}", unix.address), &[]);
    let ask = reached(&unix, &s, GET);
    assert_eq!((ask.line.as_str(), ask.must("Host")), ("GET /base/a HTTP/1.1", "localhost"));
    let up = Upstream::tcp(Protocol::Http);
    let group = format!("upstream app.example {{ server {}; }}", up.address);
    let s = super::harness::server(&(group + &host("location / { proxy_pass http://app.example; }")), &[]);
    let ask = reached(&up, &s, GET);
    assert_eq!((ask.line.as_str(), ask.must("Host")), ("GET /a HTTP/1.1", "app.example"));
}

#[test]
fn an_address_may_come_from_variables() {
    let (one, two) = (Upstream::tcp(Protocol::Http), Upstream::unix(Protocol::Http));
    let s = site(
        &format!(
            "location /tcp {{ set $to {}; proxy_pass http://$to; }} \
             location /unix {{ set $to {}; proxy_pass http://$to:/u; }}",
            one.address, two.address
        ),
        &[],
    );
    let ask = reached(&one, &s, "GET /tcp?x HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!((ask.line.as_str(), ask.must("Host")), ("GET /tcp?x HTTP/1.1", &one.address[..]));
    // With variables, the path that is written is the whole target.
    let ask = reached(&two, &s, "GET /unix/a?x HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(ask.line, "GET /u HTTP/1.1");
}

#[test]
fn the_order_of_fields_is_kept() {
    let (up, s) = proxy("proxy_set_header X-Set 1;");
    let ask = reached(&up, &s, "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\na: 3\r\nEmpty:\r\n\r\n");
    let passed: Vec<_> = ask.fields.iter().filter(|(name, _)| name.len() == 1 || name == "Empty").cloned().collect();
    assert_eq!(passed, [pair("A", "1"), pair("B", "2"), pair("a", "3"), pair("Empty", "")]);
}

#[test]
fn a_bound_address_is_the_clients_one() {
    let (up, s) = proxy("proxy_bind 127.0.0.3;");
    let mut client = s.connect();
    client.send(GET);
    let (mut peer, _) = up.asked();
    assert_eq!(peer.wire.peer_ip(), "127.0.0.3");
    peer.ok(b"");
    client.response().expect(200, "GET");
}
