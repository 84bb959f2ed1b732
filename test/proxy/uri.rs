//! The target of the request that reaches the server behind, with and without a path in `proxy_pass`.

use super::harness::gateways::Protocol;
use super::harness::upstream::Upstream;
use super::harness::{each, site};
use super::reached;

/// A location's head, the path in `proxy_pass`, more directives; the client's target, and the one that is sent.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

const ROWS: [Row; 25] = [
    // Without a path, the target is passed as the client has sent it.
    ("/", "", "", "/", "/"),
    ("/", "", "", "/a/b?c=d&e", "/a/b?c=d&e"),
    ("/", "", "", "/a?", "/a?"),
    ("/", "", "", "/%41%2fb%20c", "/%41%2fb%20c"),
    ("/", "", "", "/x//y/../z", "/x//y/../z"),
    ("/", "", "", "http://h/abs?x", "/abs?x"),
    ("/pre/", "", "", "/pre/a", "/pre/a"),
    ("~ ^/re/", "", "", "/re/%7e", "/re/%7e"),
    // With a path, it replaces the location's prefix in the normalized path.
    ("/pre/", "/", "", "/pre/a/b", "/a/b"),
    ("/pre/", "/new/", "", "/pre/a?b", "/new/a?b"),
    ("/pre/", "/new", "", "/pre/a", "/newa"),
    ("/pre", "/new/", "", "/pre/a", "/new//a"),
    ("/pre/", "/new/", "", "/pre/", "/new/"),
    ("/pre/", "/new/", "", "/x/../pre//a/./b", "/new/a/b"),
    ("/pre/", "/n/", "", "/pre/%41%20%3f%25%23", "/n/A%20%3F%25%23"),
    ("/pre/", "/n/", "", "/pre/a?%41%20", "/n/a?%41%20"),
    ("/pre/", "/n/?q=1", "", "/pre/a", "/n/?q=1a"),
    ("= /one", "/two", "", "/one?x", "/two?x"),
    // With variables, the path is what is written.
    ("/pre/", "/v$arg_p", "", "/pre/a?p=1", "/v1"),
    ("/pre/", "$request_uri", "", "/pre/%41?p", "/pre/%41?p"),
    ("/pre/", "/v$uri$is_args$args", "", "/pre/a?b", "/v/pre/a?b"),
    ("~ ^/re/(.*)$", "/x/$1", "", "/re/ab", "/x/ab"),
    // A rewritten path is sent, and the path in proxy_pass is not used.
    ("/pre/", "", "rewrite ^/pre/(.*)$ /w/$1 break;", "/pre/a?b", "/w/a?b"),
    ("/pre/", "/new/", "rewrite ^/pre/(.*)$ /w/$1 break;", "/pre/a?b", "/w/a?b"),
    ("/pre/", "", "rewrite ^/pre/(.*)$ /w/$1? break;", "/pre/a%20b?b", "/w/a%20b"),
];

#[test]
fn the_path_is_passed_replaced_or_made() {
    each(ROWS, |(location, path, directives, target, sent)| {
        let up = Upstream::tcp(Protocol::Http);
        let s = site(&format!("location {location} {{ {directives} proxy_pass http://{}{path}; }}", up.address), &[]);
        let ask = reached(&up, &s, format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert_eq!(ask.line, format!("GET {sent} HTTP/1.1"), "location {location}, path {path:?}");
    });
}

/// A space or a control character in the path that is made would end the request line early.
#[test]
fn no_encoded_character_becomes_a_request_line_of_its_own() {
    let rows = [
        ("/v$uri", "/pre/a%20HTTP/1.1%0d%0aX:%201"),
        ("/v/$arg_x", "/pre/?x=a%20b%0d%0aX:1"),
        ("/n/", "/pre/a%0d%0aX:%201%0d%0a"),
    ];
    each(rows, |(path, target)| {
        let up = Upstream::tcp(Protocol::Http);
        let s = site(&format!("location /pre/ {{ proxy_pass http://{}{path}; }}", up.address), &[]);
        let mut client = s.connect();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        // Either it is refused, or one well-formed request with the fields that were sent reaches the server behind.
        if let Some(mut peer) = up.accept_unless_answered(&mut client) {
            let ask = peer.ask();
            assert!(ask.all("X").is_empty(), "{ask:?}");
            peer.ok(b"");
            client.response();
            assert!(peer.rest().is_empty(), "{target}: a second request");
        }
    });
}
