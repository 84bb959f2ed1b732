//! Too few descriptors, too many clients, changing files, random bytes: the server continues, and sleeps when it is
//! idle.

mod harness;

use harness::{Client, PATIENCE, Random, Server, Setup, host, noise, site, wait_for};
use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

const TEXT: &str = "location = /text { return 200 hello; }";

fn plain(config: &str) -> Server {
    site(&format!("{TEXT} {config}"), &[("ok.txt", b"ok")])
}

/// Creates a file with a size and (on most file systems) without blocks.
fn sparse(s: &Server, name: &str, bytes: u64) {
    File::create(s.path(name)).unwrap().set_len(bytes).unwrap();
}

#[test]
fn out_of_descriptors_accepting_pauses_and_goes_on() {
    let s = site(TEXT, &[("ok.txt", b"ok")]);
    s.process.limit_fds(32);
    let mut first = s.connect();
    assert_eq!(first.get("/text").text(), "hello");
    // The kernel completes these connections; the server cannot accept them all.
    let mut crowd: Vec<Client> = (0..60).map(|_| s.connect()).collect();
    s.wait_said("Too many open files");
    for client in &mut crowd {
        client.send_get("/text");
    }
    // The accepted clients are served repeatedly.
    let (start, ticks) = (Instant::now(), s.process.cpu_ticks());
    while start.elapsed() < Duration::from_millis(1200) {
        assert_eq!(first.get("/text").text(), "hello", "an open client while descriptors are short");
        std::thread::sleep(Duration::from_millis(50));
    }
    let used = s.process.cpu_ticks() - ticks;
    assert!(used < 40, "{used} ticks of CPU in 1.2 s: accept is tried in a loop");
    let said = s.said().matches("Too many open files").count();
    assert!(said <= 10, "said {said} times:\n{}", s.said());
    // When clients disconnect, waiting ones are accepted; all of them are served.
    for mut client in crowd {
        let response = client.response().expect(200, "/text");
        assert_eq!(response.text(), "hello");
    }
    s.assert_alive("the lack of descriptors");
}

#[test]
fn a_file_that_cannot_be_opened_for_lack_of_descriptors_is_a_503() {
    let s = site(TEXT, &[("ok.txt", b"ok"), ("big", &noise(16 << 20, 2))]);
    s.process.limit_fds(32);
    // Downloads by clients that do not read use a socket and a file each.
    let mut crowd: Vec<Client> = (0..40).map(|_| s.connect()).collect();
    for client in &mut crowd {
        client.send_get("/big");
    }
    s.wait_said("Too many open files");
    // Each client is served, gets an error, or is accepted later: none is lost.
    for mut client in crowd {
        let response = client.response();
        assert!(matches!(response.status, 200 | 503), "{response}");
        assert!(response.status != 200 || response.body.len() == 16 << 20, "{response}");
    }
    s.assert_alive("the lack of descriptors");
}

/// All descriptors went to clients that had nothing to ask, and each file was a 503, also one in memory: the cache was
/// dropped as a whole for the next client.
#[test]
fn sixty_idle_clients_of_a_server_with_64_descriptors_do_not_turn_files_into_503() {
    let s = Setup::new(&host(TEXT), &[("ok.txt", b"ok"), ("big", &noise(1 << 20, 2))]).fds_max(64).start();
    s.wait_said("more than the limit of 64 open files permits: each worker accepts ");
    let mut crowd = Vec::new();
    for _ in 0..60 {
        let mut client = s.connect();
        assert_eq!(client.get("/text").text(), "hello");
        crowd.push(client);
        let mut other = s.connect();
        assert_eq!(other.get("/big").expect(200, "/big").body.len(), 1 << 20);
        assert_eq!(other.get("/ok.txt").expect(200, "/ok.txt").text(), "ok");
    }
    s.wait_said("connections, all that the limit of open files permits, are not enough: idle ones are closed");
    assert!(!s.said().contains("Too many open files"), "{}", s.said());
}

/// An allocation that failed ended the process, whoever needed it. Now the first failure is answered with memory that
/// was kept back, and from then on no new client comes in until there is memory again.
#[test]
fn a_server_that_runs_out_of_memory_takes_no_new_clients_and_serves_those_it_has() {
    let files: &[(&str, &[u8])] = &[("ok.txt", b"ok"), ("big", &noise(16 << 20, 2))];
    let s = Setup::new(&host(TEXT), files).before("ulimit -v 30000").start();
    let mut first = s.connect();
    first.send_get("/big");
    first.wait_some();
    // Clients that do not read their answer, and have sent more requests meanwhile, take 128 KiB each.
    let more = "GET /text HTTP/1.1\r\nHost: a\r\n\r\n".repeat(4000);
    let is_short = || s.said().contains("memory is short; no new clients for 500 ms");
    let mut crowd = Vec::new();
    while !is_short() {
        assert!(crowd.len() < 1000, "memory is never short: {}", s.said());
        let mut client = s.connect();
        client.send_get("/big");
        let _ = client.try_send(more.as_bytes());
        wait_for("an answer, or no memory", || {
            let is_answered = matches!(client.read_some(&mut [0; 99], Duration::from_millis(20)), Ok(1..));
            (is_answered || is_short()).then_some(())
        });
        crowd.push(client);
    }
    assert_eq!(first.response().expect(200, "/big").body.len(), 16 << 20);
    drop(crowd);
    assert_eq!(s.connect().get("/ok.txt").expect(200, "/ok.txt").text(), "ok");
}

#[test]
fn five_hundred_connections_and_one_thread() {
    let content = noise(20_000, 1);
    let s = site("", &[("page", &content), ("ok.txt", b"ok")]);
    let mut clients: Vec<Client> = (0..500).map(|_| s.connect()).collect();
    for client in &mut clients {
        client.send("GET /page HTTP/1.1\r\nHost: ");
    }
    for client in clients.iter_mut().rev() {
        client.send("h\r\n\r\n");
    }
    for (i, client) in clients.iter_mut().enumerate() {
        assert!(client.response().body == content, "client {i}");
    }
    for (i, client) in clients.iter_mut().enumerate().step_by(7) {
        assert_eq!(client.get("/ok.txt").text(), "ok", "client {i} again");
    }
}

#[test]
fn a_slow_client_does_not_hold_up_the_others() {
    let s = plain("");
    sparse(&s, "html/huge", 1 << 30);
    let mut slow: Vec<Client> = (0..5).map(|_| s.connect()).collect();
    for (i, client) in slow.iter_mut().enumerate() {
        client.send(if i % 2 == 0 { "GET /huge HTTP/1.1\r\nHost: h\r\n\r\n" } else { "GET /ok" });
    }
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = s.connect();
                for _ in 0..100 {
                    assert_eq!(client.get("/ok.txt").text(), "ok");
                    assert_eq!(client.get("/text").text(), "hello");
                }
            });
        }
    });
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_closes_that_connection_only() {
    for sendfile in ["on", "off"] {
        let s = plain(&format!("sendfile {sendfile};"));
        let size = 64 << 20;
        sparse(&s, "html/shrinks", size);
        let mut other = s.connect();
        other.get("/text");
        let mut client = s.connect();
        client.send_get("/shrinks");
        client.wait_some();
        File::options().write(true).open(s.path("html/shrinks")).unwrap().set_len(100_000).unwrap();
        let got = client.rest().len() as u64;
        assert!(got < size, "sendfile {sendfile}: {got} bytes of a file that has lost them");
        assert_eq!(other.get("/text").text(), "hello", "sendfile {sendfile}: another connection");
        let now = s.get("/shrinks").expect(200, "/shrinks");
        assert_eq!(now.body.len(), 100_000, "sendfile {sendfile}");
    }
}

#[test]
fn a_file_that_grows_while_it_is_sent_ends_where_its_length_said() {
    for sendfile in ["on", "off"] {
        let s = plain(&format!("sendfile {sendfile};"));
        let content = noise(16 << 20, 8);
        s.write("html/grows", &content);
        let mut client = s.connect();
        client.send_get("/grows");
        client.wait_some();
        let mut file = File::options().append(true).open(s.path("html/grows")).unwrap();
        file.write_all(&[b'x'; 100_000]).unwrap();
        assert!(client.response().body == content, "sendfile {sendfile}");
        assert_eq!(client.get("/text").text(), "hello", "sendfile {sendfile}: the next request");
    }
}

#[test]
fn garbage_never_kills_the_server() {
    let s = plain("client_header_timeout 2s;");
    // Random combinations of parts of HTTP reach more code than random bytes.
    let pieces: [&[u8]; 24] = [
        b"GET ",
        b"HEAD ",
        b"POST ",
        b"/",
        b"/ok.txt",
        b"/../",
        b"%",
        b"%2e",
        b"%00",
        b" HTTP/1.1",
        b" HTTP/1.0",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"Host: h\r\n",
        b"Content-Length: ",
        b"Transfer-Encoding: chunked\r\n",
        b"Range: bytes=",
        b"If-None-Match: ",
        b"9999999999999999999999",
        b"-",
        b",",
        b"\"",
        b": ",
    ];
    let mut random = Random(2026);
    for round in 0..200 {
        let mut bytes = Vec::new();
        for _ in 0..random.below(60) {
            if random.below(3) == 0 {
                let most = if random.below(20) == 0 { 20_000 } else { 30 };
                let n = random.below(most);
                bytes.extend(noise(n, random.next()));
            } else {
                bytes.extend_from_slice(pieces[random.below(pieces.len())]);
            }
        }
        let mut client = s.connect();
        // The server may refuse the request before it is complete.
        let _ = client.try_send(&bytes);
        client.half_close();
        let rest = client.rest();
        assert!(
            rest.is_empty() || rest.starts_with(b"HTTP/1.1 "),
            "round {round}: {} was answered by {}",
            bytes.escape_ascii(),
            rest.escape_ascii()
        );
    }
    s.assert_alive("200 streams of garbage");
}

#[test]
fn a_thousand_short_connections_leave_nothing() {
    let s = plain("open_file_cache off;");
    s.assert_alive("the start");
    let fds = s.process.open_fds();
    for i in 0..1000 {
        let mut client = s.connect();
        match i % 5 {
            // Clients that disconnect: before sending, inside the head, before the response, after one response, after
            // two.
            0 => {}
            1 => client.send("GET /ok.txt HT"),
            2 => client.send_get("/ok.txt"),
            3 => assert_eq!(client.get("/ok.txt").text(), "ok"),
            _ => {
                client.get("/absent").expect(404, "/absent");
                client.get("/text").expect(200, "/text");
            }
        }
    }
    wait_for("the descriptors of 1,000 connections", || (s.process.open_fds() <= fds).then_some(()));
    s.assert_alive("1,000 connections");
}

#[test]
fn memory_is_level_over_many_requests() {
    let s = site(TEXT, &[("ok.txt", b"ok"), ("page", &noise(30_000, 1))]);
    let rounds = |n: usize| {
        let mut client = s.connect();
        for i in 0..n {
            client.get(["/ok.txt", "/page", "/absent", "/text"][i % 4]);
        }
    };
    rounds(900);
    let before = s.process.rss_kib();
    for _ in 0..5 {
        rounds(900);
    }
    let grown = s.process.rss_kib().saturating_sub(before);
    assert!(grown < 2048, "{grown} KiB more after 4,500 requests");
}

#[test]
fn a_server_with_nothing_to_do_sleeps() {
    let s = plain("send_timeout 60s;");
    sparse(&s, "html/huge", 1 << 30);
    // Idle after a response.
    let mut idle = s.connect();
    idle.get("/ok.txt");
    // Has not sent anything.
    let _silent = s.connect();
    // Has sent half a head.
    let mut half = s.connect();
    half.send("GET /ok.txt HTTP/1.1\r\nHo");
    // Does not read.
    let mut slow = s.connect();
    slow.send_get("/huge");
    slow.wait_some();
    // Has shut down its side and does not read: EOF stays readable.
    let mut closed = s.connect();
    closed.send_get("/huge");
    closed.half_close();
    closed.wait_some();
    // Does not read, and has sent more than the server accepts.
    let mut pushy = s.connect();
    pushy.send_get("/huge");
    pushy.send("GET /ok.txt HTTP/1.1\r\nHost: h\r\n\r\n".repeat(500));
    pushy.wait_some();
    s.assert_alive("all these clients");
    // Wait until the kernel's buffers are full: from then on, no bytes can move.
    let settled = || {
        let before = s.process.cpu_ticks();
        std::thread::sleep(Duration::from_millis(200));
        (s.process.cpu_ticks() - before <= 1).then_some(())
    };
    wait_for("a moment without work (or it never sleeps)", settled);
    let before = s.process.cpu_ticks();
    std::thread::sleep(Duration::from_secs(1));
    let used = s.process.cpu_ticks() - before;
    assert!(used <= 10, "{used} ticks of CPU in a second without work");
}

#[test]
fn a_client_that_resets_is_forgotten_at_once() {
    let s = plain("open_file_cache off;");
    sparse(&s, "html/huge", 1 << 30);
    s.head("/huge").expect(200, "/huge");
    let fds = s.process.open_fds();
    for _ in 0..10 {
        let mut client = s.connect();
        client.send_get("/huge");
        let mut byte = [0];
        client.read_some(&mut byte, PATIENCE).unwrap();
        // Dropped with unread bytes, which sends a reset.
    }
    // Much earlier than any timeout.
    wait_for("ten resets noticed", || (s.process.open_fds() <= fds).then_some(()));
}
