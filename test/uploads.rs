//! PUT: every byte arrives, for all ways of sending; a file appears complete or not at all, whatever the client does.

mod harness;

use harness::{Client, Random, Server, each, noise, site, wait_for};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

const DAV: &str = "dav_methods PUT DELETE;";

/// A site that allows PUT and DELETE.
fn store(config: &str) -> Server {
    site(&format!("{DAV} {config}"), &[("ok.txt", b"ok")])
}

/// The head of a PUT, without the framing fields.
fn head(target: &str, fields: &str) -> String {
    format!("PUT {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n")
}

/// A PUT with Content-Length.
fn put(target: &str, body: &[u8]) -> Vec<u8> {
    [head(target, &format!("Content-Length: {}\r\n", body.len())).as_bytes(), body].concat()
}

/// A PUT in chunks of this size.
fn put_chunked(target: &str, body: &[u8], chunk_bytes: usize) -> Vec<u8> {
    let mut request = head(target, "Transfer-Encoding: chunked\r\n").into_bytes();
    for chunk in body.chunks(chunk_bytes) {
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

/// The names below `html`, sorted: stored files, and files that should not be there.
fn names(s: &Server) -> Vec<String> {
    let entries = std::fs::read_dir(s.path("html")).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[track_caller]
fn assert_stored(s: &Server, name: &str, body: &[u8]) {
    let stored = std::fs::read(s.path(&format!("html/{name}"))).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(stored.len(), body.len(), "{name}");
    assert!(stored == body, "{name} has other bytes than were sent");
}

/// Checks that nothing of an upload is there: neither the file nor a temporary one.
#[track_caller]
fn assert_nothing_left(s: &Server, when: &str) {
    wait_for(&format!("{when}: nothing is left in {:?}", names(s)), || (names(s) == ["ok.txt"]).then_some(()));
}

/// The sizes of the files below `html` that the server has open. A file that is being stored has no name yet, so only
/// its descriptor shows it.
fn open_sizes(s: &Server) -> Vec<u64> {
    let fds = std::fs::read_dir(format!("/proc/{}/fd", s.process.pid())).unwrap();
    let below = |path: &std::path::PathBuf| std::fs::read_link(path).is_ok_and(|to| to.starts_with(s.path("html")));
    let files = fds.map(|entry| entry.unwrap().path()).filter(below);
    files.filter_map(|path| std::fs::metadata(path).ok()).filter(|m| m.is_file()).map(|m| m.len()).collect()
}

/// Waits until the server writes to a file without a name.
fn wait_begun(s: &Server) {
    wait_for("the upload has begun", || (!open_sizes(s).is_empty()).then_some(()));
}

#[test]
fn bodies_of_any_size_arrive_byte_for_byte() {
    for (sync, sizes) in [("off", [0, 1, 100 << 10, 30 << 20]), ("on", [0, 1, 30_000, 100 << 10])] {
        let s = store(&format!("client_max_body_size 0; dav_sync {sync};"));
        let mut client = s.connect();
        for size in sizes {
            let (target, mut body) = (format!("/{size}.bin"), noise(size, 1));
            client.send(put(&target, &body));
            let response = client.response().expect(201, &target);
            assert!(response.body.is_empty() && !response.says_close(), "{response}");
            assert_stored(&s, &target, &body);
            body.reverse();
            client.send(put_chunked(&target, &body, 50_000));
            client.response().expect(204, &target);
            assert_stored(&s, &target, &body);
            assert!(client.get(&target).body == body, "{target} comes back as it is on the disk");
        }
        assert_eq!(names(&s).len(), 5, "{:?}", names(&s));
    }
}

#[test]
fn chunks_of_any_size_arrive_byte_for_byte() {
    let s = store("client_max_body_size 0;");
    let rows =
        [(1, 1), (2, 1), (1000, 1), (20_000, 1), (100_000, 3), (300_000, 4095), (1 << 20, 32_768), (65_536, 65_536)];
    each(rows, |&(size, chunk_bytes)| {
        let (body, target) = (noise(size, 5), format!("/{size}-{chunk_bytes}"));
        let mut client = s.connect();
        client.send(put_chunked(&target, &body, chunk_bytes));
        client.response().expect(201, &target);
        assert_stored(&s, &target, &body);
        assert_eq!(client.get("/ok.txt").text(), "ok", "the connection goes on");
    });
}

/// Splits into pieces of 1 byte to 64 KiB; small ones are as frequent as large ones.
fn pieces<'a>(mut bytes: &'a [u8], random: &mut Random) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let most = 1 << random.below(17);
        let (piece, rest) = bytes.split_at((1 + random.below(most)).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

#[test]
fn chunks_of_random_sizes_in_random_pieces_arrive_byte_for_byte() {
    let s = store("client_max_body_size 0;");
    let mut random = Random(7);
    for round in 0..20 {
        let body = noise(random.below(200_000), round);
        let mut request = head("/x", "Transfer-Encoding: chunked\r\n").into_bytes();
        for chunk in pieces(&body, &mut random) {
            // Digits in either case, leading zeros, extensions: the size is the same for all.
            let line = [format!("{:X}\r\n", chunk.len()), format!("000{:x};a=\"b\"\r\n", chunk.len())];
            request.extend_from_slice(line[random.below(2)].as_bytes());
            request.extend_from_slice(chunk);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"0\r\nA-Trailer: t\r\n\r\n");
        let mut client = s.connect();
        for piece in pieces(&request, &mut random) {
            client.send(piece);
        }
        client.response();
        assert_stored(&s, "x", &body);
        assert_eq!(client.get("/x").body, body, "round {round}");
    }
}

/// One connection for each position where the bytes can be split. The second parts are sent after the server has read
/// all first parts: before it answers another client, it reads what came earlier.
#[test]
fn short_bodies_split_at_every_boundary() {
    let s = store("");
    let mut witness = s.connect();
    let requests: [fn(&str) -> Vec<u8>; 2] = [|t| put(t, b"hello, world"), |t| put_chunked(t, b"hello, world", 5)];
    for (kind, request) in requests.into_iter().enumerate() {
        let target = |at: usize| format!("/{kind}-{at:03}");
        let parts = request(&target(0)).len() + 1;
        let mut clients: Vec<Client> = (0..parts).map(|_| s.connect()).collect();
        for (at, client) in clients.iter_mut().enumerate() {
            client.send(&request(&target(at))[..at]);
        }
        assert_eq!(witness.get("/ok.txt").text(), "ok");
        for (at, client) in clients.iter_mut().enumerate() {
            client.send(&request(&target(at))[at..]);
        }
        for (at, client) in clients.iter_mut().enumerate() {
            client.response().expect(201, &target(at));
            assert_stored(&s, &target(at), b"hello, world");
            assert_eq!(client.get("/ok.txt").text(), "ok", "the connection goes on");
        }
    }
}

#[test]
fn a_request_that_comes_byte_by_byte() {
    let s = store("");
    let (mut client, mut witness) = (s.connect(), s.connect());
    for byte in put_chunked("/x", b"slowly", 2) {
        client.send([byte]);
        assert_eq!(witness.get("/ok.txt").text(), "ok");
    }
    client.response().expect(201, "/x");
    assert_stored(&s, "x", b"slowly");
}

#[test]
fn pipelined_uploads_are_stored_and_answered_in_order() {
    let s = store("");
    let bodies: Vec<Vec<u8>> = (0..40).map(|i| noise(i * 997, i as u64)).collect();
    let mut requests = Vec::new();
    for (i, body) in bodies.iter().enumerate() {
        let target = format!("/{}", i % 30);
        requests.extend(if i % 2 == 0 { put(&target, body) } else { put_chunked(&target, body, 1 + i * 100) });
        requests.extend_from_slice(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes());
        if i % 3 == 0 {
            requests.extend_from_slice(format!("DELETE {target} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes());
        }
    }
    let mut client = s.connect();
    client.send(&requests);
    for (i, body) in bodies.iter().enumerate() {
        let replaces = i >= 30 && (i - 30) % 3 != 0;
        client.response().expect(if replaces { 204 } else { 201 }, &format!("PUT {i}"));
        let back = client.response().expect(200, &format!("GET {i}"));
        assert!(back.body == *body, "GET {i}: {back}");
        if i % 3 == 0 {
            client.response().expect(204, &format!("DELETE {i}"));
        }
    }
    assert_eq!(client.get("/ok.txt").text(), "ok");
}

#[test]
fn until_the_last_byte_the_old_file_is_there() {
    let s = store("client_max_body_size 0;");
    let (old, new) = (noise(1000, 1), noise(300_000, 2));
    let (mut client, mut reader) = (s.connect(), s.connect());
    for (expected, status) in [(None, 201), (Some(&old), 204)] {
        if let Some(old) = expected {
            s.write("html/x", old);
        }
        let request = put("/x", &new);
        client.send(&request[..200_000]);
        wait_for("the upload is half written", || open_sizes(&s).iter().any(|size| *size > 1000).then_some(()));
        let meanwhile = reader.get("/x");
        assert_eq!(meanwhile.status, if expected.is_some() { 200 } else { 404 }, "{meanwhile}");
        assert!(expected.is_none_or(|old| meanwhile.body == *old), "{meanwhile}");
        client.send(&request[200_000..]);
        client.response().expect(status, "/x");
        assert!(reader.get("/x").body == new);
        std::fs::remove_file(s.path("html/x")).unwrap();
    }
    assert_nothing_left(&s, "all is removed");
}

#[test]
fn twenty_at_a_time_on_one_name_and_readers_see_whole_files_only() {
    let main = "worker_processes 2; error_log stderr notice;";
    let config = harness::host(&format!("{DAV} client_max_body_size 0; keepalive_requests 1000000;"));
    let s = harness::Setup::new(&config, &[("ok.txt", b"ok")]).main(main).start();
    let mut random = Random(3);
    let bodies: Vec<Vec<u8>> = (0..20).map(|i| noise(1 + i + random.below(300_000), i as u64)).collect();
    let by_size: HashMap<usize, &Vec<u8>> = bodies.iter().map(|body| (body.len(), body)).collect();
    let whole = |body: &[u8]| by_size.get(&body.len()).is_some_and(|one| *one == body);
    s.ask(put("/one", &bodies[0])).expect(201, "/one");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = || {
            let (mut client, mut reads) = (s.connect(), 0);
            while !done.load(Ordering::Relaxed) || reads == 0 {
                let response = client.get("/one").expect(200, "GET /one");
                assert!(whole(&response.body), "a reader saw what nobody has sent: {} bytes", response.body.len());
                reads += 1;
            }
        };
        let readers = [scope.spawn(reader), scope.spawn(reader)];
        let writers: Vec<_> = bodies.iter().map(|body| scope.spawn(|| write_again_and_again(&s, body))).collect();
        let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok), "a writer failed");
        assert!(readers.into_iter().all(|reader| reader.join().is_ok()), "a reader failed");
    });
    assert!(whole(&std::fs::read(s.path("html/one")).unwrap()));
    assert_eq!(names(&s), ["ok.txt", "one"]);
}

fn write_again_and_again(s: &Server, body: &[u8]) {
    let mut client = s.connect();
    for round in 0..5 {
        client.send(if round % 2 == 0 { put("/one", body) } else { put_chunked("/one", body, 10_000) });
        client.response().expect(204, "PUT /one");
    }
}

#[test]
fn a_client_that_vanishes_leaves_nothing() {
    let s = store("client_body_timeout 300ms; client_max_body_size 0;");
    s.write("html/big", &noise(1 << 20, 1));
    let requests = [put("/x", &noise(300_000, 1)), put_chunked("/x", &noise(300_000, 1), 7000)];
    for (kind, request) in requests.iter().enumerate() {
        for sent in [request.len() / 2, request.len() - 1] {
            let when = format!("request {kind}, {sent} bytes sent");
            let part = &request[..sent];
            // The client shuts down its side.
            let mut client = s.connect();
            client.send(part);
            client.half_close();
            client.response().expect(400, &when);
            client.assert_ended(&when);
            assert_eq!(names(&s), ["big", "ok.txt"], "FIN, {when}");
            // The client sends nothing more.
            let mut client = s.connect();
            client.send(part);
            let response = client.response().expect(408, &when);
            assert!(response.says_close(), "{response}");
            assert_eq!(names(&s), ["big", "ok.txt"], "408, {when}");
            // The client resets the connection, with an unread response to an earlier request.
            let mut client = s.connect();
            client.send(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
            client.wait_some();
            client.send(part);
            drop(client);
            wait_for("a reset leaves nothing", || (names(&s) == ["big", "ok.txt"]).then_some(()));
        }
    }
    s.assert_alive("vanished clients");
}

/// The kernel collects many bytes of a long body before it wakes the server, but those of a slow client do not wait
/// long.
#[test]
fn a_fast_upload_that_becomes_slow_or_ends_is_not_waited_for() {
    let s = store("client_max_body_size 0;");
    let body = noise(8 << 20, 21);
    let head = head("/long", &format!("Content-Length: {}\r\n", body.len()));
    let begin = || {
        let mut client = s.connect();
        client.send(&head);
        client.send(&body[..4 << 20]);
        client
    };
    let mut client = begin();
    let mut sent = 4 << 20;
    for bytes in [1, 1000, 100_000, 1, 1_000_000, 1] {
        client.send(&body[sent..sent + bytes]);
        sent += bytes;
        wait_for(&format!("{sent} bytes are written"), || open_sizes(&s).contains(&(sent as u64)).then_some(()));
    }
    client.send(&body[sent..]);
    client.response().expect(201, "the slow one");
    assert_stored(&s, "long", &body);
    std::fs::remove_file(s.path("html/long")).unwrap();

    let mut client = begin();
    client.half_close();
    client.response().expect(400, "one half of a body");
    assert_nothing_left(&s, "an end in the middle");
    drop(begin());
    assert_nothing_left(&s, "a client that left");
}

#[test]
fn a_reset_in_the_middle_of_a_file_takes_it_away() {
    let s = store("client_max_body_size 0; open_file_cache off;");
    s.assert_alive("the start");
    let fds = s.process.open_fds();
    for target in ["/x", "/ok.txt"] {
        let mut client = s.connect();
        // The response to the first request stays unread in the client's socket, so closing it sends a reset.
        client.send(b"GET /ok.txt HTTP/1.1\r\nHost: h\r\n\r\n");
        client.send(&put(target, &noise(300_000, 1))[..150_000]);
        wait_begun(&s);
        drop(client);
        assert_nothing_left(&s, "a reset");
        assert_stored(&s, "ok.txt", b"ok");
    }
    wait_for("the descriptors are closed", || (s.process.open_fds() <= fds).then_some(()));
}

#[test]
fn the_end_of_the_server_leaves_nothing() {
    for (signal, finishes) in [("TERM", false), ("INT", false), ("QUIT", true)] {
        let mut s = store("client_max_body_size 0;");
        let (mut client, request) = (s.connect(), put("/x", &noise(300_000, 1)));
        client.send(&request[..150_000]);
        wait_begun(&s);
        s.process.signal(signal);
        if finishes {
            s.wait_until_refused(); // it has seen the signal
            client.send(&request[150_000..]);
            assert!(client.response().expect(201, signal).says_close());
            assert_stored(&s, "x", &noise(300_000, 1));
            std::fs::remove_file(s.path("html/x")).unwrap();
        }
        assert!(s.process.exit().success(), "{signal}");
        assert_eq!(names(&s), ["ok.txt"], "{signal}");
    }
}

/// Only on file systems with files without a name (O_TMPFILE): on others, a hidden file stays.
#[test]
fn not_even_kill_9_leaves_something() {
    for target in ["/new", "/ok.txt"] {
        let mut s = store("client_max_body_size 0;");
        let mut client = s.connect();
        client.send(&put(target, &noise(300_000, 1))[..150_000]);
        wait_begun(&s);
        let is_hidden = names(&s).len() > 1;
        s.process.signal("KILL");
        s.process.exit();
        assert!(is_hidden || names(&s) == ["ok.txt"], "{:?}", names(&s));
        assert_stored(&s, "ok.txt", b"ok");
    }
}

#[test]
fn a_broken_chunk_stores_nothing() {
    let s = store("");
    let rows = [
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r\nx\r\n",
        "5\r\nhello\r\n-1\r\n",
        "5\r\nhello\r\n0x1\r\n",
        "5\r\nhello\r\n\r\n",
        "5\r\nhello\r\n0\r\nno trailer\r\n\r\n",
        "5\r\nhello\r\nffffffffffffffff0\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
    ];
    each(rows, |row| {
        for before in [0, 100_000] {
            let whole = put_chunked("/x", &noise(before, 1), 5000);
            let good = whole.strip_suffix(b"0\r\n\r\n").unwrap();
            let mut client = s.connect();
            client.send(good);
            if before > 0 {
                wait_begun(&s);
            }
            client.send(row);
            let response = client.response().expect(400, row);
            assert!(response.says_close(), "{response}");
            client.assert_ended(row);
            assert_eq!(names(&s), ["ok.txt"], "{before} bytes before {row:?}");
        }
    });
}

#[test]
fn a_body_over_the_limit_stores_nothing_and_its_client_can_read_why() {
    let s = store("client_max_body_size 300k;");
    let (most, over) = (noise(300 << 10, 1), noise((300 << 10) + 1, 2));
    s.ask(put("/most", &most)).expect(201, "as much as is allowed");
    s.ask(put_chunked("/most", &most, 999)).expect(204, "as much as is allowed, in chunks");
    s.ask(b"DELETE /most HTTP/1.1\r\nHost: h\r\n\r\n").expect(204, "/most");
    let large = noise(4 << 20, 3);
    let announced = |bytes: u64| head("/x", &format!("Content-Length: {bytes}\r\n")).into_bytes();
    let rows: [(&str, Vec<u8>); 6] = [
        ("announced, nothing sent", announced(307_201)),
        ("announced, far too much", announced(1 << 40)),
        ("announced, one byte too many", put("/x", &over)),
        ("announced, the client goes on sending", put("/x", &large)),
        ("counted, one byte too many", put_chunked("/x", &over, 1000)),
        ("counted, the client goes on sending", put_chunked("/x", &large, 10_000)),
    ];
    for (what, request) in rows {
        let mut client = s.connect();
        let (first, rest) = request.split_at(if what.starts_with("counted") { 200_000 } else { 0 });
        if !first.is_empty() {
            client.send(first);
            wait_begun(&s); // up to this point, all of them are the same
        }
        client.send(rest);
        let response = client.response().expect(413, what);
        assert!(response.says_close(), "{what}: {response}");
        client.half_close();
        client.assert_ended(what);
        assert_eq!(names(&s), ["ok.txt"], "{what}");
    }
}

#[test]
fn memory_stays_level_while_200_mb_come() {
    let s = store("client_max_body_size 0;");
    let piece = noise(1 << 20, 1);
    for (pieces, chunked) in [(200, false), (50, true)] {
        s.ask(put("/warm", &piece));
        let (mut client, before, mut most) = (s.connect(), s.process.rss_kib(), 0);
        client.send(match chunked {
            false => head("/x", &format!("Content-Length: {}\r\n", pieces * piece.len())),
            true => head("/x", "Transfer-Encoding: chunked\r\n"),
        });
        for _ in 0..pieces {
            client.send(if chunked { format!("{:x}\r\n", piece.len()) } else { String::new() });
            client.send(&piece);
            client.send(if chunked { "\r\n" } else { "" });
            most = most.max(s.process.rss_kib());
        }
        client.send(if chunked { "0\r\n\r\n" } else { "" });
        let response = client.response();
        assert!(matches!(response.status, 201 | 204), "{response}");
        assert!(most < before + 8192, "{before} KiB before, up to {most} KiB while a body is stored");
        let stored = std::fs::read(s.path("html/x")).unwrap();
        assert_eq!(stored.len(), pieces * piece.len());
        assert!(stored.chunks(piece.len()).all(|one| one == piece), "chunked {chunked}: other bytes than were sent");
    }
}
