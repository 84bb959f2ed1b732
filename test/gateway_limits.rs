//! What gateways take of the machine: descriptors and memory stay level, and nobody waits for a client that is slow or
//! gone.

mod harness;

use harness::gateways::{ALL, Protocol};
use harness::scripts::rss_peak_kib;
use harness::upstream::{Fds, Peer, Served, Upstream};
use harness::{Client, Server, each, host, noise, server, wait_for};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A server that passes requests to this address by a group; "PREFIX" stands for the family.
fn passing(protocol: Protocol, address: &str, directives: &str) -> Server {
    passing_to("app", protocol, address, directives)
}

/// As [`passing`], to the group `app` or to the address itself.
fn passing_to(to: &str, protocol: Protocol, address: &str, directives: &str) -> Server {
    let directives = directives.replace("PREFIX", protocol.prefix());
    let location = format!("location / {{ {} {directives} }} location = /ok.txt {{ }}", protocol.pass(to));
    let upstream = format!(
        "keepalive_requests 100000; upstream app {{ server {address}; keepalive 8; keepalive_requests 1000000; }}"
    );
    server(&(upstream + &host(&location)), &[("ok.txt", b"ok")])
}

fn serve(protocol: Protocol) -> Served {
    Upstream::tcp(protocol).serve(move |ask| protocol.ok(ask.what().as_bytes()))
}

/// Asks this number of times, on one connection of the client or on one each. Every fifth request has a body.
fn ask_times(s: &Server, count: usize, is_client_kept: bool) {
    let mut client = s.connect();
    let body = noise(20_000, 14);
    for n in 0..count {
        if !is_client_kept {
            client = s.connect();
        }
        let method = if n % 5 == 0 { "POST" } else { "GET" };
        let bytes = if method == "POST" { &body[..n * 97 % body.len()] } else { b"" };
        client.send(format!("{method} /{n} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", bytes.len()));
        client.send(bytes);
        assert_eq!(client.response().expect(200, method).text(), format!("{method} /{n}"));
    }
}

/// 1,500 requests by each way to a server behind: the last 1,000 change neither descriptors nor memory.
#[test]
fn a_thousand_requests_leave_nothing_behind() {
    const WAYS: [(Protocol, bool); 6] = [
        (Protocol::Http, true),
        (Protocol::Http, false),
        (Protocol::Fastcgi, true),
        (Protocol::Fastcgi, false),
        (Protocol::Scgi, false),
        (Protocol::Uwsgi, false),
    ];
    std::thread::scope(|scope| {
        for (protocol, is_kept) in WAYS {
            scope.spawn(move || {
                let up = serve(protocol);
                let s = match is_kept {
                    true => passing(protocol, &up.address, protocol.keep()),
                    false if protocol == Protocol::Http => {
                        passing_to(&up.address, protocol, &up.address, "proxy_http_version 1.0;")
                    }
                    false => passing_to(&up.address, protocol, &up.address, ""),
                };
                ask_times(&s, 250, true);
                ask_times(&s, 250, false);
                let (fds, rss_kib) = (Fds::of(&s), s.process.rss_kib());
                ask_times(&s, 500, true);
                ask_times(&s, 500, false);
                fds.assert_level(&s);
                let more = s.process.rss_kib().saturating_sub(rss_kib);
                assert!(more < 256, "{protocol:?}, kept: {is_kept}: {more} KiB more");
                let wanted = if is_kept { 1 } else { 1500 };
                assert_eq!(up.requests().len(), wanted, "connections of {protocol:?}, kept: {is_kept}");
            });
        }
    });
}

const LARGE: usize = 24 << 20;

/// A head and a body of [`LARGE`] bytes as a whole answer.
fn large(protocol: Protocol) -> (Vec<u8>, Vec<u8>) {
    let body = noise(LARGE, 11);
    (protocol.ok(&body), body)
}

/// The server behind gets rid of its answer, and is free, before the client has read it. What does not fit into memory
/// is in a file.
#[test]
fn a_slow_client_does_not_hold_a_fast_server() {
    each(ALL, |protocol| {
        let up = Upstream::tcp(*protocol);
        let s = passing(*protocol, &up.address, "");
        let (answer, body) = large(*protocol);
        let fds = Fds::of(&s);
        let before = s.process.rss_kib();
        let mut client = s.connect();
        client.send_get("/large");
        let (mut peer, _) = up.asked();
        peer.send(&answer);
        end(*protocol, peer);
        let more = rss_peak_kib(&s).saturating_sub(before);
        assert!(more < 8 << 10, "{more} KiB more");
        assert!(client.response().body == body, "the answer is whole");
        drop(client);
        fds.assert_level(&s);
    });
}

/// How many clients read nothing, and how many bytes each of them has asked for.
const SLOW: usize = 100;
const EACH: usize = 1 << 20;

/// The lengths of the files without a name that the server has open, but for its standard error.
fn nameless_files(s: &Server) -> Vec<u64> {
    let all = std::fs::read_dir(format!("/proc/{}/fd", s.process.pid())).unwrap().map(|entry| entry.unwrap().path());
    let is_nameless = |path: &PathBuf| {
        let to = std::fs::read_link(path).unwrap_or_default();
        to.to_string_lossy().ends_with("(deleted)") && !path.ends_with("2")
    };
    let nameless = all.filter(is_nameless);
    nameless.map(|path| path.metadata().unwrap().len()).collect()
}

/// A server behind is rid of its answers, and its connections are closed, while a hundred clients read nothing: each
/// answer waits in one file. The server has two descriptors a client, and they and the files are gone in the end.
#[test]
fn many_slow_clients_do_not_hold_a_fast_server() {
    each(ALL, |protocol| {
        let up = Upstream::tcp(*protocol);
        let closes = if *protocol == Protocol::Http { "proxy_http_version 1.0;" } else { "" };
        let location = format!("location / {{ {} {closes} }} location = /ok.txt {{ }}", up.pass());
        // The kernel is not to take much of an answer.
        let listener = host(&location).replace("127.0.0.1:0", "127.0.0.1:0 sndbuf=16k");
        let s = server(&listener, &[("ok.txt", b"ok")]);
        let (body, fds, before_kib) = (noise(EACH, 13), Fds::of(&s), s.process.rss_kib());
        let answer = protocol.ok(&body);
        let one = |_| {
            let mut client = s.connect();
            client.send_get("/large");
            let (mut peer, _) = up.asked();
            peer.send(&answer);
            peer.wire.half_close();
            peer.assert_closed("the answer is whole");
            client
        };
        let mut clients: Vec<Client> = (0..SLOW).map(one).collect();
        assert_eq!(s.process.open_fds(), fds.count + 2 * SLOW, "a socket and a file for each client");
        let files = nameless_files(&s);
        assert_eq!(files.len(), SLOW);
        assert!(files.iter().all(|bytes| (EACH as u64 / 2..=EACH as u64).contains(bytes)), "{files:?}");
        let more_kib = rss_peak_kib(&s).saturating_sub(before_kib);
        assert!(more_kib < 16 << 10, "{more_kib} KiB more for {SLOW} clients");
        for client in &mut clients {
            assert!(client.response().body == body, "the answer is whole");
        }
        drop(clients);
        fds.assert_level(&s);
        assert!(nameless_files(&s).is_empty());
    });
}

/// The connection of the server behind ends, or is free for another request.
fn end(protocol: Protocol, mut peer: Peer) {
    if protocol == Protocol::Http {
        return; // its length says that it is whole
    }
    peer.wire.half_close();
    peer.assert_closed("the answer is whole");
}

/// Without a file, the server behind waits when memory is full.
#[test]
fn without_a_file_a_slow_client_holds_the_server() {
    let rows = ["PREFIX_buffering off;", "PREFIX_max_temp_file_size 0;"];
    each(ALL.into_iter().flat_map(|protocol| rows.map(|row| (protocol, row))), |(protocol, directives)| {
        let up = Upstream::tcp(*protocol);
        let s = passing(*protocol, &up.address, directives);
        let (answer, body) = large(*protocol);
        s.get("/ok.txt");
        let (before, sent) = (s.process.rss_kib(), AtomicUsize::new(0));
        let mut client = s.connect();
        client.send_get("/large");
        let (mut peer, _) = up.asked();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for piece in answer.chunks(64 << 10) {
                    peer.send(piece);
                    sent.fetch_add(piece.len(), Ordering::Relaxed);
                }
                drop(peer);
            });
            wait_held(&sent);
            assert!(sent.load(Ordering::Relaxed) < answer.len(), "nobody can have taken all");
            assert!(client.response().body == body, "the answer is whole");
        });
        let more = rss_peak_kib(&s).saturating_sub(before);
        assert!(more < 8 << 10, "{more} KiB more");
    });
}

/// Waits until a number has not grown for a while.
fn wait_held(sent: &AtomicUsize) {
    let mut last = (usize::MAX, Instant::now());
    wait_for("the server behind being held up", || {
        let now = sent.load(Ordering::Relaxed);
        if now != last.0 {
            last = (now, Instant::now());
        }
        (now > 0 && last.1.elapsed() > Duration::from_millis(200)).then_some(())
    });
}

/// A slow server behind does not make this one hold a client's body in memory.
#[test]
fn a_large_body_is_not_held_in_memory() {
    let body = noise(LARGE, 12);
    let rows = ["", "PREFIX_request_buffering off;"];
    each(ALL.into_iter().flat_map(|protocol| rows.map(|row| (protocol, row))), |(protocol, directives)| {
        let up = Upstream::tcp(*protocol);
        let s = passing(*protocol, &up.address, &format!("client_max_body_size 0; {directives}"));
        s.get("/ok.txt");
        let before = s.process.rss_kib();
        let mut client = s.connect();
        let mut writer = client.second();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                writer.send(format!("PUT /large HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len()));
                writer.send(&body);
            });
            let mut peer = up.accept();
            let (mut came, mut piece) = (0, vec![0; 256 << 10]);
            while came < body.len() {
                came += peer.wire.read_some(&mut piece, harness::PATIENCE).expect("the request");
            }
            peer.ok(b"taken");
            peer.wire.half_close();
            assert_eq!(client.response().text(), "taken");
        });
        let more = rss_peak_kib(&s).saturating_sub(before);
        assert!(more < 8 << 10, "{protocol:?} {directives}: {more} KiB more");
    });
}

/// A client that resets its connection, before the answer or in it, at the server behind of each protocol.
#[test]
fn a_client_that_is_gone_frees_the_server_behind() {
    each(ALL, |protocol| {
        for directives in ["", "PREFIX_buffering off;"] {
            let up = Upstream::tcp(*protocol);
            let s = passing(*protocol, &up.address, directives);
            let fds = Fds::of(&s);
            for is_begun in [false, true] {
                let mut client = s.connect();
                client.send_get("/a");
                let (mut peer, _) = up.asked();
                if is_begun {
                    peer.send(protocol.part(1000, b"begun"));
                    if !directives.is_empty() {
                        client.wait_some();
                    }
                }
                client.reset();
                peer.rest();
            }
            fds.assert_level(&s);
        }
    });
}

/// With `ignore_client_abort on`, the server behind may finish.
#[test]
fn a_client_that_is_gone_may_be_ignored() {
    each(ALL, |protocol| {
        let up = Upstream::tcp(*protocol);
        let s = passing(*protocol, &up.address, "PREFIX_ignore_client_abort on;");
        let fds = Fds::of(&s);
        let mut client = s.connect();
        client.send_get("/a");
        let (mut peer, _) = up.asked();
        client.reset();
        // Another request has its turn after the reset: so the server knows of the reset.
        for _ in 0..3 {
            assert_eq!(s.get("/ok.txt").text(), "ok");
        }
        assert!(!peer.wire.has_some(), "the connection is not closed");
        peer.ok(b"done");
        drop(peer);
        fds.assert_level(&s);
    });
}

/// Kept connections do not keep a server that is to end.
#[test]
fn kept_connections_end_with_the_server() {
    for signal in ["TERM", "QUIT"] {
        each([Protocol::Http, Protocol::Fastcgi], |protocol| {
            let up = Upstream::tcp(*protocol);
            let mut s = passing(*protocol, &up.address, protocol.keep());
            let mut client = s.connect();
            client.send_get("/a");
            let (mut peer, _) = up.asked();
            peer.ok(b"ok");
            client.response().expect(200, "/a");
            s.process.signal(signal);
            peer.assert_closed(signal);
            assert!(s.process.exit().success(), "{signal}");
        });
    }
}

/// A request that is on its way when the server is to end has its answer.
#[test]
fn a_graceful_end_waits_for_answers() {
    each(ALL, |protocol| {
        let up = Upstream::tcp(*protocol);
        let mut s = passing(*protocol, &up.address, protocol.keep());
        let mut client: Client = s.connect();
        client.send_get("/a");
        let (mut peer, _) = up.asked();
        s.process.signal("QUIT");
        s.wait_said("QUIT");
        peer.ok(b"at last");
        drop(peer);
        assert_eq!(client.response().text(), "at last");
        assert!(s.process.exit().success());
    });
}

/// After a reload, requests go where the new configuration says; those that are on their way stay.
#[test]
fn a_reload_changes_the_server_behind() {
    each(ALL, |protocol| {
        let (old, new) = (Upstream::tcp(*protocol), serve(*protocol));
        let s = passing(*protocol, &old.address, protocol.keep());
        let mut waiting = s.connect();
        waiting.send_get("/old");
        let (mut peer, _) = old.asked();
        let config = s.text("webserv.conf").replace(&old.address, &new.address);
        s.write("webserv.conf", config.as_bytes());
        s.process.signal("HUP");
        wait_for("an answer of the new one", || (s.get("/new").text() == "GET /new").then_some(()));
        peer.ok(b"old");
        drop(peer);
        assert_eq!(waiting.response().text(), "old");
    });
}
