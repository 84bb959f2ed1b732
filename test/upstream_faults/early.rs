//! Faults before the first byte of an answer has left: 502, or 504 if a time was over.

use super::harness::gateways::{ALL, END, Protocol, STDOUT, end_request, record};
use super::harness::upstream::Upstream;
use super::harness::{Server, each};
use super::{End, Fds, assert_logged, passing, to};

/// Bytes that are no answer, and how the connection ends after them.
type Fault = (&'static str, Vec<u8>, End);

const LINE: &str = "X-Long: 0123456789012345678901234567890123456789\r\n";

/// What a server behind of each kind can send wrong.
fn faults(protocol: Protocol) -> Vec<Fault> {
    let text = |name, text: &str, end| (name, protocol.wrap(text.as_bytes(), false), end);
    let start = if protocol == Protocol::Http { "HTTP/1.1 200 OK\r\n" } else { "Status: 200\r\n" };
    let head = |name, fields: &str| text(name, &format!("{start}{fields}\r\n\r\nbody"), End::Stay);
    let mut rows = vec![
        ("nothing", vec![], End::Close),
        ("a reset", vec![], End::Reset),
        text("half a line", "HTTP/1.1 2", End::Close),
        text("half a head", &format!("{start}Content-Type: a/b\r\n"), End::Close),
        text("half a head and a reset", start, End::Reset),
        head("a line that is no field", "no field line"),
        head("a NUL in a field", "X: a\0b"),
        head("two lengths", "Content-Length: 2\r\nContent-Length: 3"),
        head("a length that is no number", "Content-Length: four"),
        head("a negative length", "Content-Length: -1"),
        head("a length that is too large", "Content-Length: 99999999999999999999"),
        ("an endless head", protocol.wrap((start.to_owned() + &LINE.repeat(40_000)).as_bytes(), false), End::Stay),
        (
            "an endless field",
            protocol.wrap((format!("{start}X: ") + &"x".repeat(2 << 20)).as_bytes(), false),
            End::Stay,
        ),
    ];
    rows.extend(match protocol {
        Protocol::Http => http_faults(),
        Protocol::Fastcgi => fastcgi_faults(),
        Protocol::Scgi | Protocol::Uwsgi => vec![text("garbage", "\x01\x02\x03garbage\r\n\r\n", End::Stay)],
    });
    rows
}

fn http_faults() -> Vec<Fault> {
    let answer = |name, text: &str| (name, text.as_bytes().to_vec(), End::Stay);
    let both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
    vec![
        answer("garbage", "garbage\r\n\r\n"),
        answer("a future version", "HTTP/2 200 OK\r\n\r\n"),
        answer("a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"),
        answer("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"),
        answer("both framings", &format!("HTTP/1.1 200 OK\r\n{both}")),
        answer("an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nbody"),
        answer("chunked twice", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        ("a flood of 1xx", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(40_000).into_bytes(), End::Stay),
        ("1xx and the end", b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec(), End::Close),
    ]
}

fn fastcgi_faults() -> Vec<Fault> {
    let mut version = record(STDOUT, b"Status: 200\r\n\r\n");
    version[0] = 9;
    let mut other = record(STDOUT, b"Status: 200\r\n\r\n");
    other[3] = 7;
    vec![
        ("garbage", b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), End::Stay),
        ("another version", version, End::Stay),
        ("the id of another request", other, End::Stay),
        ("a type of records that only servers send", record(5, b"x"), End::Stay),
        ("the end without a head", end_request(0, 0), End::Stay),
        ("the end of STDOUT without a head", record(STDOUT, b""), End::Close),
        ("half a record", record(STDOUT, b"Status: 200\r\n\r\n")[..12].to_vec(), End::Close),
        ("an end with a short body", [record(STDOUT, b"Status: 2"), record(END, b"x")].concat(), End::Close),
        ("an overload", end_request(0, 2), End::Stay),
    ]
}

#[test]
fn what_is_no_answer_is_a_bad_gateway() {
    each(ALL, |protocol| {
        let (up, s) = passing(*protocol, "");
        let fds = Fds::of(&s);
        each(faults(*protocol), |(name, bytes, end)| {
            let target = format!("/{protocol:?}/{}", name.replace(' ', "-"));
            let mut client = s.connect();
            client.send_get(&target);
            let (mut peer, _) = up.asked();
            // The server may close before it has read all.
            let _ = peer.wire.try_send(bytes);
            let _stays = end.of(peer);
            client.response().expect(502, &target);
            assert_eq!(client.get("/ok.txt").text(), "ok", "the client's connection goes on");
            assert_logged(&s, &up.address, &target);
            up.assert_not_asked("there is no other server");
        });
        fds.assert_level(&s);
    });
}

/// A server behind that nobody is: its port, or the file of its socket, is still there.
#[test]
fn a_refused_connection_is_a_bad_gateway() {
    each(ALL, |protocol| {
        for up in [Upstream::tcp(*protocol), Upstream::unix(*protocol)] {
            let s = to(&up, "", "");
            let fds = Fds::of(&s);
            let address = up.address.clone();
            let _folder = up.stop_listening();
            for request in
                ["GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"]
            {
                s.ask(request).expect(502, request);
                assert_logged(&s, &address, &request[..7]);
            }
            fds.assert_level(&s);
        }
    });
    each(ALL, |protocol| {
        let up = Upstream::unix(*protocol);
        let s = to(&up, "", "");
        drop(up); // with the folder
        s.get("/a").expect(502, "no file of the socket");
    });
}

/// Asks with a time of one second that is over before the server behind has answered. Returns when the client has 504.
fn times_out(up: &Upstream, s: &Server, play: impl FnOnce(&Upstream)) {
    let mut client = s.connect();
    client.send_get("/slow");
    play(up);
    client.response().expect(504, "/slow");
    assert_eq!(client.get("/ok.txt").text(), "ok");
    assert_logged(s, &up.address, "/slow");
}

#[test]
fn a_connection_that_nobody_accepts_is_given_up_in_time() {
    std::thread::scope(|scope| {
        for protocol in ALL {
            scope.spawn(move || {
                let (up, s) = passing(protocol, "PREFIX_connect_timeout 1s;");
                let fds = Fds::of(&s);
                let _full = up.fill_queue();
                times_out(&up, &s, |_| {});
                fds.assert_level(&s);
            });
        }
    });
}

/// A unix socket tells at once that its queue is full (connect(2): EAGAIN).
#[test]
fn a_full_unix_socket_is_a_bad_gateway() {
    each(ALL, |protocol| {
        let up = Upstream::unix(*protocol);
        let s = to(&up, "", "");
        let _full = up.fill_queue();
        s.get("/full").expect(502, "/full");
        assert_logged(&s, &up.address, "/full");
    });
}

#[test]
fn a_silent_server_is_given_up_in_time() {
    std::thread::scope(|scope| {
        for protocol in ALL {
            for is_head_begun in [false, true] {
                scope.spawn(move || {
                    let (up, s) = passing(protocol, "PREFIX_read_timeout 1s;");
                    let fds = Fds::of(&s);
                    let mut kept = None;
                    times_out(&up, &s, |up| {
                        let (mut peer, _) = up.asked();
                        let start = if protocol == Protocol::Http { "HTTP/1.1 200 OK\r\n" } else { "Status: 200\r\n" };
                        if is_head_begun {
                            peer.send(protocol.wrap(start.as_bytes(), false));
                        }
                        kept = Some(peer);
                    });
                    kept.unwrap().assert_closed("the time is over");
                    fds.assert_level(&s);
                });
            }
        }
    });
}

/// A server behind that does not read: the body does not fit into the kernel's buffers.
#[test]
fn a_server_that_reads_nothing_is_given_up_in_time() {
    let body = vec![b'x'; 16 << 20];
    std::thread::scope(|scope| {
        for protocol in ALL {
            let body = &body;
            scope.spawn(move || {
                let (up, s) = passing(protocol, "PREFIX_send_timeout 1s; client_max_body_size 0;");
                let mut client = s.connect();
                client.send(format!("PUT /slow HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len()));
                client.send(body);
                let _unread = up.accept();
                client.response().expect(504, "/slow");
                assert_logged(&s, &up.address, "/slow");
            });
        }
    });
}
