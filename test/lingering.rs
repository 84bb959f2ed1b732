//! The end of connections: a client never loses a response because the server closes too early, and no client can delay
//! the server.

mod harness;

use harness::client::show;
use harness::http::{find, parse};
use harness::{Client, PATIENCE, Response, Server, Setup, each, host, noise, site, wait_for};
use std::io::ErrorKind;
use std::time::{Duration, Instant};

/// More than the kernel's socket buffers hold, so that the download takes time.
const BIG: usize = 16 << 20;
/// Much shorter than a download by a slow client.
const SHORT: &str = "lingering_time 100ms; lingering_timeout 100ms;";

/// Checks that these bytes are exactly these responses.
#[track_caller]
fn responses(mut bytes: &[u8]) -> Vec<Response> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        match parse(bytes, false, true) {
            Ok(Some((response, used))) => {
                all.push(response);
                bytes = &bytes[used..];
            }
            other => panic!("{other:?} after {} responses: {}", all.len(), show(bytes)),
        }
    }
    all
}

#[test]
fn a_slow_download_is_not_cut_by_the_lingering_time() {
    let content = noise(BIG, 1);
    for sendfile in ["on", "off"] {
        let config = format!("sendfile {sendfile}; location = /last {{ alias html/big; keepalive_requests 1; }}");
        let s = site(&format!("{SHORT} {config}"), &[("big", &content)]);
        let rows = [
            ("a stray CRLF", "GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n\r\n", 1),
            (
                "a body and Expect",
                "GET /big HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
                1,
            ),
            ("a bad request", "GET /big HTTP/1.1\r\nHost: h\r\n\r\nNONSENSE\r\n\r\n", 2),
            ("keepalive_requests", "GET /last HTTP/1.1\r\nHost: h\r\n\r\nGET /big HTTP/1.1\r\nHost: h\r\n\r\n", 1),
        ];
        let mut clients = rows.map(|(_, request, _)| {
            let mut client = s.connect();
            client.send(request);
            client.wait_some();
            client
        });
        // The lingering time passes several times while the clients read little or nothing.
        let end = Instant::now() + Duration::from_millis(400);
        let mut got = rows.map(|_| Vec::new());
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
            for (client, got) in clients.iter_mut().zip(&mut got) {
                got.extend(client.read_more());
            }
        }
        for ((client, mut got), (what, _, answers)) in clients.iter_mut().zip(got).zip(rows) {
            got.extend(client.read_to_the_end());
            let all = responses(&got);
            assert_eq!(all.len(), answers, "{what}, sendfile {sendfile}: {} bytes", got.len());
            assert!(all[0].status == 200 && all[0].body == content, "{what}, sendfile {sendfile}: {}", all[0]);
            assert!(answers == 1 || all[1].status == 400, "{what}, sendfile {sendfile}: {}", all[1]);
        }
    }
}

#[test]
fn bytes_that_come_late_do_not_cut_the_last_download() {
    // The bytes came when the answer was in the output but not sent yet: the close was a reset, and the end was lost.
    let content = noise(BIG, 4);
    let s = site(SHORT, &[("big", &content)]);
    let late = ["\r\n".to_owned(), "GET /big HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), "x".repeat(300_000)];
    let mut clients: Vec<Client> = late.iter().map(|_| s.connect()).collect();
    for (client, late) in clients.iter_mut().zip(&late) {
        client.send("GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        client.wait_some();
        client.send(late);
    }
    for (client, late) in clients.iter_mut().zip(&late) {
        let mut got = client.read_more();
        got.extend(client.read_to_the_end());
        let all = responses(&got);
        assert!(all.len() == 1 && all[0].body == content, "{} late bytes: {}", late.len(), all[0]);
    }
}

/// The number of open sockets of the server. (Its other descriptors may be opened after it starts to listen.)
fn sockets(s: &Server) -> usize {
    let links = std::fs::read_dir(format!("/proc/{}/fd", s.process.pid())).expect("/proc/PID/fd");
    // Skip a socket that is closed in the meantime.
    let targets = links.filter_map(|link| std::fs::read_link(link.unwrap().path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

/// A part of a POST whose body is over the limit.
const TOO_LARGE: &str = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\nabc";

/// The head of the response to [`TOO_LARGE`].
#[track_caller]
fn assert_413(bytes: &[u8]) {
    let all = responses(bytes);
    assert!(all.len() == 1 && all[0].status == 413 && all[0].says_close(), "{}", show(bytes));
}

#[test]
fn lingering_close_says_who_is_waited_for() {
    // (the directive, a request, true if the connection stays open until the client closes)
    let whole = "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let rows = [
        ("off", TOO_LARGE, false),
        ("on", TOO_LARGE, true),
        ("always", TOO_LARGE, true),
        ("off", whole, false),
        ("on", whole, false),
        ("always", whole, true),
    ];
    each(rows, |&(mode, request, lingers)| {
        let config =
            format!("lingering_close {mode}; lingering_time 60s; lingering_timeout 60s; client_max_body_size 1k;");
        let s = site(&config, &[]);
        let before = sockets(&s);
        let mut client = s.connect();
        client.send(request);
        assert!(!client.rest().is_empty(), "{mode}: no answer");
        // The stream is at its end; is the descriptor still open?
        if lingers {
            assert_eq!(sockets(&s), before + 1, "{mode}: should linger after {request:?}");
            client.send("what the client still had to say");
            client.half_close();
        }
        wait_for(&format!("{mode}: the close after {request:?}"), || (sockets(&s) == before).then_some(()));
    });
}

#[test]
fn lingering_waits_for_a_silent_client_no_longer_than_its_timeout() {
    let s = site("lingering_time 60s; lingering_timeout 200ms; client_max_body_size 1k;", &[("ok.txt", b"ok")]);
    let before = sockets(&s);
    let start = Instant::now();
    let mut client = s.connect();
    client.send(TOO_LARGE);
    assert_413(&client.read_to_the_end());
    wait_for("the close", || (sockets(&s) == before).then_some(()));
    assert!(start.elapsed() >= Duration::from_millis(200), "closed after {:?} already", start.elapsed());
}

#[test]
fn lingering_ends_for_a_client_that_never_stops_sending() {
    let s = site("lingering_time 300ms; lingering_timeout 10s; client_max_body_size 1k;", &[("ok.txt", b"ok")]);
    let mut client = s.connect();
    client.send(TOO_LARGE);
    assert_413(&client.read_to_the_end());
    let start = Instant::now();
    // Bytes come all the time; the server's limit must be shorter than the test's.
    wait_for("the close", || {
        std::thread::sleep(Duration::from_millis(10));
        client.try_send(b"more").err()
    });
    assert!(start.elapsed() >= Duration::from_millis(100), "not waited for: {:?}", start.elapsed());
    s.assert_alive("a client that never stops");
}

#[test]
fn sigquit_while_a_connection_lingers_costs_no_answer() {
    for mode in ["on", "always"] {
        let config = format!("lingering_close {mode}; client_max_body_size 1k;");
        let mut s = site(&config, &[("ok.txt", b"ok")]);
        let mut client = s.connect();
        client.send(TOO_LARGE);
        client.wait_some();
        s.process.signal("QUIT");
        wait_for("new connections refused", || Client::try_connect(&s.addresses[0]).err());
        // The client sends the rest of its data, and then reads.
        for _ in 0..10 {
            client.try_send(&[b'x'; 1000]).unwrap_or_else(|e| panic!("{mode}: a lingering connection was closed: {e}"));
        }
        let mut got = client.read_more();
        got.extend(client.read_to_the_end());
        assert_413(&got);
        drop(client);
        assert!(s.process.exit().success(), "{}", s.said());
    }
}

#[test]
fn a_body_that_stops_is_told_once_and_not_waited_for_again() {
    let s = site("client_body_timeout 900ms; lingering_time 60s; lingering_timeout 60s;", &[("ok.txt", b"ok")]);
    let bodies = ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"];
    let start = Instant::now();
    let mut clients = bodies.map(|_| s.connect());
    for (client, body) in clients.iter_mut().zip(bodies) {
        client.send(format!("GET /x HTTP/1.1\r\nHost: h\r\n{body}"));
    }
    for (client, body) in clients.iter_mut().zip(bodies) {
        client.wait_some();
        let told = start.elapsed();
        assert!(told >= Duration::from_millis(900), "{body:?}: told after {told:?} already");
        // The end comes with the response: there is no second timeout between them.
        let got = client.read_more();
        let end = client.read_some(&mut [0; 100], Duration::from_millis(800));
        assert!(matches!(end, Ok(0)), "{body:?}: after {} came {end:?}", show(&got));
        let all = responses(&got);
        assert!(all.len() == 1 && all[0].status == 408 && all[0].says_close(), "{body:?}: {}", show(&got));
    }
    s.assert_alive("bodies that stopped");
}

#[test]
fn a_client_that_is_too_slow_gets_a_reset_if_that_is_wanted() {
    for (flag, reset) in [("on", true), ("off", false)] {
        let content = noise(BIG, 3);
        let s = site(&format!("reset_timedout_connection {flag}; send_timeout 200ms;"), &[("big", &content)]);
        let before = sockets(&s);
        let mut client = s.connect();
        client.send_get("/big");
        client.wait_some();
        wait_for("the connection given up", || (sockets(&s) == before).then_some(()));
        // With or without the bytes that were in the kernel, the end must be as the directive says.
        let mut piece = vec![0; 256 << 10];
        let mut bytes = client.read_more().len();
        let end = loop {
            match client.read_some(&mut piece, PATIENCE) {
                Ok(0) => break Ok(()),
                Ok(n) => bytes += n,
                Err(e) => break Err(e.kind()),
            }
        };
        assert!(bytes < content.len(), "{flag}: nothing was given up");
        let expected = if reset { Err(ErrorKind::ConnectionReset) } else { Ok(()) };
        assert_eq!(end, expected, "reset_timedout_connection {flag}, after {bytes} bytes");
    }
}

/// A server for 20 connections with `big` and `ok.txt`.
fn small() -> Server {
    let files: [(&str, &[u8]); 2] = [("ok.txt", b"ok"), ("big", &noise(BIG, 2))];
    Setup::new(&host("send_timeout 60s; keepalive_timeout 60s;"), &files).connections(20).start()
}

/// A client that has read a response and keeps its connection open.
fn idle(s: &Server) -> Client {
    let mut client = s.connect();
    client.get("/ok.txt").expect(200, "/ok.txt");
    client
}

#[test]
fn idle_connections_make_room_for_new_clients() {
    let s = small();
    let mut kept: Vec<Client> = (0..20).map(|_| idle(&s)).collect();
    // The maximum number of connections, and no client waits: all stay open.
    for client in &mut kept {
        assert_eq!(client.get("/ok.txt").text(), "ok");
    }
    // They stayed for the whole keepalive_timeout, and new clients waited as long.
    let start = Instant::now();
    for _ in 0..5 {
        s.assert_alive("20 idle connections");
    }
    assert!(start.elapsed() < Duration::from_secs(10), "new clients waited for {:?}", start.elapsed());
    s.wait_said("worker_connections");
}

#[test]
fn a_crowd_ends_no_connection_that_is_in_use() {
    let s = small();
    let mut downloads: Vec<Client> = (0..8).map(|_| s.connect()).collect();
    for client in &mut downloads {
        client.send_get("/big");
        client.wait_some();
    }
    // Half a head on a connection that was idle before, and half a body.
    let halves = ["GET /ok.txt HTTP/1.1\r\nHo", "POST /absent HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab"];
    let mut halfway: Vec<Client> = halves.iter().map(|_| idle(&s)).collect();
    for (client, half) in halfway.iter_mut().zip(halves) {
        client.send(half);
    }
    let _kept: Vec<Client> = (0..10).map(|_| idle(&s)).collect();
    for _ in 0..5 {
        s.assert_alive("a crowd");
    }
    let rests = ["st: h\r\n\r\n", "cd"];
    for ((client, rest), status) in halfway.iter_mut().zip(rests).zip([200, 405]) {
        client.send(rest);
        client.response().expect(status, "begun before the crowd came");
    }
    for client in &mut downloads {
        let response = client.response().expect(200, "/big");
        assert_eq!(response.body.len(), BIG, "the whole file");
    }
}

#[test]
fn a_crowd_of_downloads_lets_new_clients_wait_their_turn() {
    let s = small();
    let mut downloads: Vec<Client> = (0..20).map(|_| s.connect()).collect();
    for client in &mut downloads {
        client.send_get("/big");
        client.wait_some();
    }
    let mut waiting = s.connect();
    waiting.send_get("/ok.txt");
    s.wait_said("worker_connections");
    drop(downloads.pop());
    assert_eq!(waiting.response().expect(200, "/ok.txt").text(), "ok");
    for client in &mut downloads {
        assert_eq!(client.response().body.len(), BIG, "the whole file");
    }
}

#[test]
fn a_reset_does_not_eat_the_answer_of_a_client_that_sends_on() {
    // The body is much larger than the part that the server reads; all of it is sent before the response is made.
    let s = site("client_max_body_size 1k;", &[]);
    let mut client = s.connect();
    client.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n");
    client.send(vec![b'x'; 4_000_000]);
    let got = client.read_to_the_end();
    assert_413(&got);
    assert!(find(&got, b"413").is_some());
}
