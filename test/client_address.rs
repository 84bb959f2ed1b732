//! Whose address is the client's: the PROXY protocol on `listen`, and `set_real_ip_from`.

mod harness;

use harness::{Client, Server, Setup, each, server};

const V4: &[u8] = b"PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n";

/// A header of version 2 with these addresses and TLVs.
fn block(version_command: u8, family_transport: u8, rest: &[u8]) -> Vec<u8> {
    let length = (rest.len() as u16).to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[version_command, family_transport][..], &length, rest].concat()
}

/// The addresses of `V4` in version 2.
const ENDS: [u8; 12] = [192, 0, 2, 1, 192, 0, 2, 2, 0, 123, 22, 46];

/// Answers with the addresses that it knows.
fn behind_proxy(more: &str) -> Server {
    let http = format!(
        "server {{ listen 127.0.0.1:0 proxy_protocol; {more}
            location / {{ return 200 \"$remote_addr $proxy_protocol_addr:$proxy_protocol_port \
                $proxy_protocol_server_addr:$proxy_protocol_server_port $proxy_protocol_tlv_alpn\"; }} }}"
    );
    Setup::new(&http, &[]).main("error_log stderr info;").start()
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_header_comes_before_the_first_request() {
    let s = behind_proxy("");
    let known = "127.0.0.1 192.0.2.1:123 192.0.2.2:5678 ";
    let with_tlv = block(0x21, 0x11, &[&ENDS[..], &[1, 0, 2, b'h', b'2']].concat());
    let rows: [(&[u8], &str); 6] = [
        (V4, known),
        (&block(0x21, 0x11, &ENDS), known),
        (&with_tlv, &format!("{known}h2")),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1 : : "),
        (&block(0x20, 0, &[]), "127.0.0.1 : : "),
        (&block(0x21, 0x31, &[0; 216]), "127.0.0.1 : : "),
    ];
    each(rows, |(header, expected)| {
        let mut client = s.connect();
        client.send([header, GET].concat());
        assert_eq!(client.response().text(), *expected);
        client.send(GET);
        assert_eq!(client.response().text(), *expected, "the header stands once, before the first request");
    });
}

#[test]
fn a_header_may_come_in_pieces() {
    let s = behind_proxy("");
    for header in [V4.to_vec(), block(0x21, 0x11, &ENDS)] {
        let mut client = s.connect();
        for byte in header.iter().chain(GET) {
            client.send([*byte]);
        }
        assert_eq!(client.response().text(), "127.0.0.1 192.0.2.1:123 192.0.2.2:5678 ");
    }
}

#[test]
fn a_connection_without_a_valid_header_is_closed() {
    let s = behind_proxy("");
    let rows: [(&[u8], &str); 4] = [
        (GET, "there is no PROXY protocol header: closed"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", "the line of the PROXY protocol is malformed: closed"),
        (&[b"PROXY UNKNOWN ", &[b'x'; 200][..]].concat(), "the line of the PROXY protocol is too long: closed"),
        (&block(0x21, 0x11, &ENDS[..4]), "the header of the PROXY protocol is too short for its addresses: closed"),
    ];
    each(rows, |(bytes, why)| {
        let mut client = s.connect();
        client.send(bytes);
        client.assert_ended(why);
        s.wait_said(why);
    });
    let mut cut = s.connect();
    cut.send(&V4[..9]);
    cut.half_close();
    cut.assert_ended("after a half of a header");
    s.wait_said("closed in the middle of the PROXY protocol's header");
    s.assert_alive_behind_proxy();
}

#[test]
fn a_header_that_does_not_come_is_waited_for_as_long_as_for_a_head() {
    let s = behind_proxy("client_header_timeout 200ms;");
    for part in [&V4[..0], &V4[..9]] {
        let mut client = s.connect();
        client.send(part);
        client.assert_ended("after client_header_timeout");
    }
    s.wait_said("no header of the PROXY protocol has come in time: closed");
}

trait AssertAlive {
    fn assert_alive_behind_proxy(&self);
}

impl AssertAlive for Server {
    fn assert_alive_behind_proxy(&self) {
        let mut client = self.connect();
        client.send([V4, GET].concat());
        client.response().expect(200, "/");
    }
}

/// The client's address as the server sees it.
fn seen(s: &Server, target: &str, fields: &str) -> String {
    s.get_with(target, fields).must("X-Seen").to_owned()
}

#[test]
fn the_address_that_a_trusted_proxy_names() {
    let http = "add_header X-Seen \"$remote_addr!$remote_port!$realip_remote_addr\" always;
        server { listen 127.0.0.1:0;
            set_real_ip_from 127.0.0.0/8; set_real_ip_from 10.0.0.0/8;
            location /forwarded { real_ip_header X-Forwarded-For; }
            location /recursive { real_ip_header x-forwarded-for; real_ip_recursive on; }
            location /own { real_ip_header X-Own; }
            location /others { set_real_ip_from 192.0.2.0/24; }
            location /proxied { real_ip_header proxy_protocol; }
        }";
    let s = server(http, &[]);
    let rows = [
        ("/", "X-Real-IP: 192.0.2.7\r\n", "192.0.2.7!!127.0.0.1"),
        ("/", "X-Real-IP: 192.0.2.7:80\r\n", "192.0.2.7!80!127.0.0.1"),
        ("/", "X-Real-IP: 2001:db8::1\r\n", "2001:db8::1!!127.0.0.1"),
        ("/forwarded", "X-Forwarded-For: 192.0.2.7, 10.0.0.1\r\n", "10.0.0.1!!127.0.0.1"),
        ("/recursive", "X-Forwarded-For: 192.0.2.7, 10.0.0.1\r\n", "192.0.2.7!!127.0.0.1"),
        ("/recursive", "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 10.0.0.1\r\n", "192.0.2.7!!127.0.0.1"),
        ("/own", "x-own: 192.0.2.7\r\n", "192.0.2.7!!127.0.0.1"),
        // The server's own settings come first, and the location's only if they have changed nothing.
        ("/own", "X-Own: 192.0.2.7\r\nX-Real-IP: 192.0.2.8\r\n", "192.0.2.8!!127.0.0.1"),
    ];
    each(rows, |(target, fields, expected)| assert_eq!(seen(&s, target, fields), *expected));
    for (target, fields) in [("/", ""), ("/", "X-Real-IP: nobody\r\n"), ("/proxied", ""), ("/own", "")] {
        let seen = seen(&s, target, fields);
        assert!(seen.starts_with("127.0.0.1!") && seen.ends_with("!127.0.0.1"), "{target} {fields}: {seen}");
    }
}

/// The connection stays the proxy's: each request has a client of its own.
#[test]
fn each_request_of_a_connection_has_its_client() {
    let http = "log_format seen \"$remote_addr\"; access_log logs/seen.log seen;
        server { listen 127.0.0.1:0; set_real_ip_from localhost; error_log logs/error.log;
            location /none { } location / { return 204; } }";
    let s = server(http, &[]);
    let mut client: Client = s.connect();
    for ip in ["192.0.2.1", "192.0.2.2", ""] {
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nX-Real-IP: {ip}\r\n\r\n"));
        client.response().expect(204, "/");
    }
    client.send("GET /none HTTP/1.1\r\nHost: a\r\nX-Real-IP: 192.0.2.9\r\nConnection: close\r\n\r\n");
    client.response().expect(404, "/none");
    harness::wait_for("four lines", || (s.text("logs/seen.log").lines().count() == 4).then_some(()));
    assert_eq!(s.text("logs/seen.log"), "192.0.2.1\n192.0.2.2\n127.0.0.1\n192.0.2.9\n");
    harness::wait_for("the file that is missing", || {
        s.text("logs/error.log").contains("client: 192.0.2.9").then_some(())
    });
}

#[test]
fn a_client_of_a_unix_socket() {
    let http = "add_header X-Seen $remote_addr always;
        server { listen unix:a.sock; location /a { set_real_ip_from unix:; }
            location /b { set_real_ip_from 127.0.0.1; } }";
    let s = server(http, &[]);
    for (target, expected) in [("/a", "192.0.2.1"), ("/b", "unix:")] {
        assert_eq!(seen(&s, target, "X-Real-IP: 192.0.2.1\r\n"), expected, "{target}");
    }
}
