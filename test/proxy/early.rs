//! 103 (Early Hints, RFC 8297) of a server behind: `early_hints`.

use super::harness::each;
use super::{GET, answered, proxy};

const HINTS: &str = "HTTP/1.1 103 \r\nLink: </a.css>; rel=preload\r\nLink: </b.js>; rel=preload\r\nX-Pad: 1\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nX-Final: 1\r\nContent-Length: 2\r\n\r\nok";

/// The hints come before the server behind has its answer, and are no part of it.
#[test]
fn hints_come_before_the_answer() {
    let (up, s) = proxy("early_hints $arg_none $http_sec_fetch_mode;");
    let mut client = s.connect();
    client.send("GET /a HTTP/1.1\r\nHost: h\r\nSec-Fetch-Mode: navigate\r\n\r\n");
    let (mut peer, _) = up.asked();
    for _ in 0..2 {
        peer.send(HINTS);
        let hints = client.any_response();
        assert_eq!((hints.status, &hints.reason[..]), (103, "Early Hints"));
        let names: Vec<&str> = hints.fields.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(names, ["Link", "Link"], "X-Pad is hidden, and this server adds nothing: {hints}");
    }
    peer.send(ANSWER);
    let last = client.any_response().expect(200, "the answer");
    assert_eq!((last.text().as_str(), last.must("X-Final"), last.field("Link")), ("ok", "1", None));
}

/// All in one piece, in order; other interim responses stay here.
#[test]
fn hints_and_answer_may_come_together() {
    let (up, s) = proxy("early_hints 1;");
    let mut client = s.connect();
    client.send(GET);
    let (mut peer, _) = up.asked();
    peer.send([HINTS, "HTTP/1.1 102 Processing\r\n\r\n", HINTS, ANSWER].concat());
    let statuses: Vec<u16> = (0..3).map(|_| client.any_response().status).collect();
    assert_eq!(statuses, [103, 103, 200]);
    client.send(GET);
    let mut again = up.accept();
    again.ask();
    again.send(ANSWER);
    assert_eq!(client.any_response().status, 200, "the connection goes on");
}

/// Directives and a request: the client gets the answer alone.
#[test]
fn hints_may_be_unwanted() {
    let old = "GET /a HTTP/1.0\r\nHost: h\r\n\r\n";
    let rows = [("", GET), ("early_hints 0;", GET), ("early_hints \"\" 0 $arg_x;", GET), ("early_hints 1;", old)];
    each(rows, |(directives, request)| {
        let (up, s) = proxy(directives);
        let mut client = s.connect();
        client.send(request);
        let (mut peer, _) = up.asked();
        peer.send([HINTS, ANSWER].concat());
        assert_eq!(client.any_response().status, 200, "{directives}");
    });
}

/// Hints are no answer: what follows them decides.
#[test]
fn an_error_may_follow_hints() {
    let (up, s) = proxy("early_hints 1;");
    answered(&up, &s, GET, HINTS).expect(502, "the connection ends behind the hints");
}

/// The answer of a subrequest is nobody's, and so are its hints.
#[test]
fn hints_of_a_subrequest_are_dropped() {
    let (up, s) = proxy("early_hints 1; auth_request /auth;");
    let mut client = s.connect();
    client.send(GET);
    let (mut auth, _) = up.asked();
    auth.send([HINTS, "HTTP/1.1 204 No Content\r\n\r\n"].concat());
    let (mut peer, _) = up.asked();
    peer.send(ANSWER);
    assert_eq!(client.any_response().status, 200);
}
