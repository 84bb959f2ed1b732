//! `proxy_force_ranges`: parts of answers whose server sends all of them.

use super::harness::each;
use super::{answered, proxy};

const FIELDS: &str = "Last-Modified: Mon, 28 Sep 1970 06:00:00 GMT\r\nETag: \"a-8\"\r\n";

fn get(fields: &str) -> String {
    format!("GET /a HTTP/1.1\r\nHost: h\r\n{fields}\r\n")
}

/// Fields of the request, and status, Content-Range and body of the answer.
#[test]
fn a_part_is_cut_out_of_a_whole_answer() {
    let rows = [
        ("", 200, None, "SEE-THIS"),
        ("Range: bytes=4-\r\n", 206, Some("bytes 4-7/8"), "THIS"),
        ("Range: bytes=0-2\r\n", 206, Some("bytes 0-2/8"), "SEE"),
        ("Range: bytes=2-4\r\n", 206, Some("bytes 2-4/8"), "E-T"),
        ("Range: bytes=-2\r\n", 206, Some("bytes 6-7/8"), "IS"),
        ("Range: bytes=0-100\r\n", 206, Some("bytes 0-7/8"), "SEE-THIS"),
        ("Range: bytes=0-2,4-\r\n", 200, None, "SEE-THIS"), // as in nginx: one part only
        ("Range: lines=1-2\r\n", 200, None, "SEE-THIS"),
        ("Range: bytes=4-\r\nIf-Range: \"a-8\"\r\n", 206, Some("bytes 4-7/8"), "THIS"),
        ("Range: bytes=4-\r\nIf-Range: \"b-8\"\r\n", 200, None, "SEE-THIS"),
        ("Range: bytes=4-\r\nIf-Range: Mon, 28 Sep 1970 06:00:00 GMT\r\n", 206, Some("bytes 4-7/8"), "THIS"),
        ("Range: bytes=4-\r\nIf-Range: Mon, 28 Sep 1970 06:00:01 GMT\r\n", 200, None, "SEE-THIS"),
    ];
    each(rows, |(fields, status, content_range, body)| {
        let (up, s) = proxy("proxy_force_ranges on;");
        let answer = format!("HTTP/1.1 200 OK\r\n{FIELDS}Content-Length: 8\r\n\r\nSEE-THIS");
        let response = answered(&up, &s, &get(fields), answer).expect(*status, fields);
        assert_eq!((response.text().as_str(), response.field("Content-Range")), (*body, *content_range), "{fields}");
        let accepts = response.field("Accept-Ranges");
        assert_eq!(accepts, (*status == 200).then_some("bytes"), "{fields}");
    });
}

#[test]
fn a_part_behind_the_end_is_refused() {
    let (up, s) = proxy("proxy_force_ranges on;");
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nSEE-THIS";
    let response = answered(&up, &s, &get("Range: bytes=8-\r\n"), answer).expect(416, "behind the end");
    assert_eq!(response.field("Content-Range"), Some("bytes */8"));
}

/// Directives, an answer, and the body that a request for bytes=4- gets: the whole.
#[test]
fn other_answers_stay_whole() {
    let rows = [
        ("", "200 OK\r\nAccept-Ranges: bytes\r\nContent-Length: 8\r\n\r\nSEE-THIS", 200),
        ("proxy_force_ranges on; max_ranges 0;", "200 OK\r\nContent-Length: 8\r\n\r\nSEE-THIS", 200),
        ("proxy_force_ranges on;", "200 OK\r\n\r\nSEE-THIS", 200), // no length
        ("proxy_force_ranges on;", "404 Not Found\r\nContent-Length: 8\r\n\r\nSEE-THIS", 404),
    ];
    each(rows, |(directives, answer, status)| {
        let (up, s) = proxy(directives);
        let response = answered(&up, &s, &get("Range: bytes=4-\r\n"), format!("HTTP/1.1 {answer}"));
        assert_eq!(response.expect(*status, answer).text(), "SEE-THIS");
    });
}

/// The body comes in pieces; with trailer fields the part is in chunks.
#[test]
fn a_part_is_cut_wherever_the_body_is_split() {
    for directives in ["proxy_force_ranges on;", "proxy_force_ranges on; add_trailer X-End yes;"] {
        let (up, s) = proxy(directives);
        let mut client = s.connect();
        client.send(get("Range: bytes=2-4\r\n"));
        let (mut peer, _) = up.asked();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nSE");
        peer.send("E");
        client.wait_some();
        peer.send("-");
        peer.send("T");
        assert_eq!(client.response().expect(206, directives).text(), "E-T"); // the rest is not waited for
    }
}
