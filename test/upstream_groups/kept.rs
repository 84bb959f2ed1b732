//! `keepalive`: which requests share a connection. (How long it lives is in `proxy/reuse.rs`.)

use super::harness::gateways::Protocol;
use super::harness::upstream::Upstream;
use super::harness::{each, host, server};

/// The group's directives, and the connections of requests to /a, /b, /a, /b.
const ROWS: [(&str, usize); 5] = [
    ("", 2), // nginx's default is 32 local
    ("keepalive 8;", 1),
    ("keepalive 8 local;", 2),
    ("keepalive 0;", 4),
    ("keepalive 8; keepalive_requests 1;", 4),
];

fn connections(protocol: Protocol, directives: &str) -> usize {
    let up = Upstream::tcp(protocol).serve(move |_| protocol.ok(b"x"));
    let pass = format!("{} {}", protocol.pass("app"), protocol.keep());
    let locations = format!("location /a {{ {pass} }} location /b {{ {pass} }}");
    let s = server(&format!("upstream app {{ server {}; {directives} }}\n{}", up.address, host(&locations)), &[]);
    let mut client = s.connect();
    for path in ["/a", "/b", "/a", "/b"] {
        assert_eq!(client.get(path).expect(200, path).text(), "x");
    }
    up.requests().len()
}

#[test]
fn local_connections_are_of_one_location() {
    for protocol in [Protocol::Http, Protocol::Fastcgi] {
        each(ROWS, |(directives, expected)| {
            assert_eq!(connections(protocol, directives), *expected, "{protocol:?}");
        });
    }
}

/// A connection to one server is not used for another one.
#[test]
fn each_server_has_its_own_connections() {
    let group = super::group("keepalive 8; server A; server B;");
    assert_eq!(super::answers(&mut group.s.connect(), 6), "ababab");
    assert_eq!(group.ups.iter().map(|up| up.requests()).collect::<Vec<_>>(), [vec![3], vec![3], vec![]]);
}

/// Two groups with the same server do not share connections: each has limits of its own.
#[test]
fn groups_do_not_share_connections() {
    let up = super::named("x");
    let upstream = |name: &str| format!("upstream {name} {{ server {}; keepalive 8; }}\n", up.address);
    let hosts = host("location /a { proxy_pass http://one; } location /b { proxy_pass http://two; }");
    let s = server(&(upstream("one") + &upstream("two") + &hosts), &[]);
    let mut client = s.connect();
    for path in ["/a", "/b", "/a", "/b"] {
        client.get(path).expect(200, path);
    }
    assert_eq!(up.requests(), [2, 2]);
}
