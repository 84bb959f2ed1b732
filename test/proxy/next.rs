//! `proxy_next_upstream`: when another server of the group gets the request.

use super::harness::gateways::{Ask, Protocol};
use super::harness::upstream::{Served, Upstream};
use super::harness::{Server, each, host, server};

/// What the first server of the group does. The second one answers 200.
#[derive(Clone, Copy, Debug)]
enum First {
    Refuses,
    Closes,
    Answers(&'static str),
}

struct Group {
    first: Option<Served>,
    second: Served,
    s: Server,
}

/// A group of two servers: the first has a weight of 1,000, so the first request is for it. `$upstream_status` is
/// a field.
fn group(does: First, servers: [&str; 2], directives: &str) -> Group {
    let first = Upstream::tcp(Protocol::Http);
    let address = first.address.clone();
    let first = match does {
        First::Refuses => {
            drop(first);
            None
        }
        First::Closes => Some(first.serve_closing()),
        First::Answers(answer) => Some(first.serve(move |_| answer.as_bytes().to_vec())),
    };
    let second = Upstream::tcp(Protocol::Http).serve(|ask| Protocol::Http.ok(body(ask).as_bytes()));
    let upstream = format!(
        "upstream app {{ server {address} weight=1000 {}; server {} {}; }}",
        servers[0], second.address, servers[1]
    );
    let location =
        format!("location / {{ proxy_pass http://app; add_header X-Status $upstream_status always; {directives} }}");
    let s = server(&(upstream + &host(&location)), &[]);
    Group { first, second, s }
}

fn body(ask: &Ask) -> String {
    format!("second:{}", String::from_utf8_lossy(&ask.body))
}

const POST: &str = "POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody";
const GET: &str = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const PUT: &str = "PUT /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody";
const BAD: First = First::Answers("HTTP/1.1 200 OK\r\nno field line\r\nContent-Length: 0\r\n\r\n");
const ERROR: First = First::Answers("HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nfirst");
const NOT_FOUND: First = First::Answers("HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\nfirst");
const BUSY: First = First::Answers("HTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\nfirst");
const MANY: First = First::Answers("HTTP/1.1 429 No\r\nContent-Length: 5\r\n\r\nfirst");

/// What the first server does, directives, a request; then the status, the beginning of the body, and $upstream_status.
type Row = (First, &'static str, &'static str, u16, &'static str, &'static str);

const ROWS: [Row; 23] = [
    (First::Refuses, "", GET, 200, "second:", "502, 200"),
    (First::Refuses, "", POST, 200, "second:body", "502, 200"),
    (First::Refuses, "proxy_request_buffering off;", POST, 200, "second:body", "502, 200"),
    (First::Refuses, "proxy_next_upstream off;", GET, 502, "<", "502"),
    (First::Refuses, "proxy_next_upstream timeout;", GET, 502, "<", "502"),
    (First::Refuses, "proxy_next_upstream_tries 1;", GET, 502, "<", "502"),
    (First::Refuses, "proxy_next_upstream_tries 2;", GET, 200, "second:", "502, 200"),
    (First::Closes, "", GET, 200, "second:", "502, 200"),
    (First::Closes, "", PUT, 200, "second:body", "502, 200"),
    // The first server may have done the work already.
    (First::Closes, "", POST, 502, "<", "502"),
    (First::Closes, "proxy_next_upstream error non_idempotent;", POST, 200, "second:body", "502, 200"),
    (First::Closes, "proxy_method POST;", GET, 200, "second:", "502, 200"),
    (BAD, "", GET, 502, "<", "502"),
    (BAD, "proxy_next_upstream invalid_header;", GET, 200, "second:", "502, 200"),
    (ERROR, "", GET, 500, "first", "500"),
    (ERROR, "proxy_next_upstream http_500;", GET, 200, "second:", "500, 200"),
    (ERROR, "proxy_next_upstream http_502;", GET, 500, "first", "500"),
    (ERROR, "proxy_next_upstream http_500;", POST, 500, "first", "500"),
    (ERROR, "proxy_next_upstream http_500 non_idempotent;", POST, 200, "second:body", "500, 200"),
    (NOT_FOUND, "proxy_next_upstream http_404;", GET, 200, "second:", "404, 200"),
    (BUSY, "proxy_next_upstream http_503;", GET, 200, "second:", "503, 200"),
    (MANY, "proxy_next_upstream http_429;", GET, 200, "second:", "429, 200"),
    (ERROR, "proxy_next_upstream http_500; proxy_next_upstream_tries 1;", GET, 500, "first", "500"),
];

#[test]
fn the_next_server_is_asked_after_the_failures_that_are_named() {
    each(ROWS, |(does, directives, request, status, body, statuses)| {
        let group = group(*does, ["", ""], directives);
        let response = group.s.ask(request).expect(*status, directives);
        assert!(response.text().starts_with(body), "{response}");
        let seen = response.must("X-Status").to_owned();
        assert_eq!(seen, *statuses);
        let asked = group.first.as_ref().map(|first| first.asks().len());
        assert!(asked.is_none_or(|n| n == 1), "the first was asked {asked:?} times");
        assert_eq!(group.second.asks().len(), usize::from(statuses.contains(',')));
    });
}

/// The last server's own answer is the client's, also if its status could have gone on.
#[test]
fn the_last_answer_is_passed_as_it_is() {
    let answer = "HTTP/1.1 503 No\r\nContent-Length: 6\r\nX-Of: last\r\n\r\nbehind";
    let [one, two] = [(); 2].map(|()| Upstream::tcp(Protocol::Http).serve(move |_| answer.as_bytes().to_vec()));
    let upstream = format!("upstream app {{ server {}; server {}; }}", one.address, two.address);
    let s = server(&(upstream + &host("location / { proxy_pass http://app; proxy_next_upstream http_503; }")), &[]);
    let response = s.get("/a").expect(503, "/a");
    assert_eq!((response.text().as_str(), response.must("X-Of")), ("behind", "last"));
    assert_eq!((one.asks().len(), two.asks().len()), (1, 1));
}

#[test]
fn a_server_that_failed_is_left_alone_for_a_while() {
    let group = group(First::Closes, ["", ""], "");
    for _ in 0..3 {
        assert_eq!(group.s.get("/a").text(), "second:");
    }
    assert_eq!(group.first.unwrap().asks().len(), 1, "max_fails=1 fail_timeout=10s");
    let group = self::group(First::Closes, ["max_fails=0", ""], "");
    for _ in 0..3 {
        assert_eq!(group.s.get("/a").text(), "second:");
    }
    assert_eq!(group.first.unwrap().asks().len(), 3);
}

#[test]
fn a_backup_waits_for_the_others_to_fail() {
    let up = group(First::Answers("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"), ["", "backup"], "");
    for _ in 0..3 {
        assert_eq!(up.s.get("/a").text(), "first");
    }
    assert_eq!(up.second.asks().len(), 0);
    let down = group(First::Refuses, ["", "backup"], "");
    for _ in 0..3 {
        assert_eq!(down.s.get("/a").expect(200, "/a").text(), "second:");
    }
    let marked = group(First::Closes, ["down", "backup"], "");
    assert_eq!(marked.s.get("/a").text(), "second:");
    assert_eq!(marked.first.unwrap().asks().len(), 0, "down");
}

#[test]
fn without_any_server_it_is_a_bad_gateway_at_once() {
    let group = group(First::Refuses, ["down", "down"], "");
    let response = group.s.get("/a").expect(502, "/a");
    assert_eq!(response.must("X-Status"), "502");
    group.s.wait_said("upstream");
}

#[test]
fn both_servers_take_turns() {
    let [one, two] = ["1", "2"].map(|name| Upstream::tcp(Protocol::Http).serve(|_| Protocol::Http.ok(name.as_bytes())));
    let upstream = format!("upstream app {{ server {} weight=2; server {}; }}", one.address, two.address);
    let s = server(&(upstream + &host("location / { proxy_pass http://app; }")), &[]);
    let mut client = s.connect();
    let order: String = (0..6).map(|_| client.get("/a").text()).collect();
    assert_eq!((order.matches('1').count(), order.matches('2').count()), (4, 2), "{order}");
}

/// A failure after the first byte of the answer has reached the client is no reason to begin again.
#[test]
fn nobody_is_asked_again_in_the_middle_of_an_answer() {
    let part = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nfirst";
    let group = {
        let first = Upstream::tcp(Protocol::Http);
        let second = Upstream::tcp(Protocol::Http).serve(|ask| Protocol::Http.ok(body(ask).as_bytes()));
        let upstream = format!("upstream app {{ server {} weight=9; server {}; }}", first.address, second.address);
        let s = server(&(upstream + &host("location / { proxy_pass http://app; }")), &[]);
        let mut client = s.connect();
        client.send(GET);
        let (mut peer, _) = first.asked();
        peer.send(part);
        drop(peer);
        let bytes = client.rest();
        assert!(bytes.starts_with(b"HTTP/1.1 200 ") && bytes.ends_with(b"\r\n\r\nfirst"), "{}", bytes.escape_ascii());
        (second, s)
    };
    assert_eq!(group.0.asks().len(), 0);
    group.1.wait_said("upstream");
}
