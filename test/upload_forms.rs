//! POST of multipart/form-data: every byte arrives, for all splits; all files of a form appear, or none.

mod harness;

use harness::{Client, Random, Response, Server, each, noise, site, wait_for};

const BOUNDARY: &str = "----B0undary";

/// A site whose `/up/` stores uploads.
fn store(config: &str) -> Server {
    let body = format!("client_max_body_size 0; location /up/ {{ upload_store html/up; {config} }}");
    site(&body, &[("ok.txt", b"ok"), ("up/old.txt", b"old")])
}

/// One part with these parameters in its Content-Disposition.
fn part(parameters: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {parameters}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    part(&format!("name=\"f\"; filename=\"{name}\""), content)
}

/// A complete form.
fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], format!("--{BOUNDARY}--\r\n").as_bytes()].concat()
}

fn head(framing: &str) -> String {
    format!(
        "POST /up/ HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n{framing}\r\n\r\n"
    )
}

/// A request with this body.
fn post(body: &[u8]) -> Vec<u8> {
    [head(&format!("Content-Length: {}", body.len())).as_bytes(), body].concat()
}

/// A request with this body in chunks of these sizes, which repeat.
fn post_chunked(body: &[u8], sizes: &[usize]) -> Vec<u8> {
    let (mut request, mut rest, mut round) = (head("Transfer-Encoding: chunked").into_bytes(), body, 0);
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(sizes[round % sizes.len()].min(rest.len()));
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(&[chunk, b"\r\n"].concat());
        (rest, round) = (after, round + 1);
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

/// The names in the store, sorted, with `old.txt` and hidden names.
fn names(s: &Server) -> Vec<String> {
    let entries = std::fs::read_dir(s.path("html/up")).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn remove(s: &Server, name: &str) {
    std::fs::remove_file(s.path(&format!("html/up/{name}"))).unwrap();
}

#[track_caller]
fn assert_stored(s: &Server, name: &str, content: &[u8]) {
    let stored = std::fs::read(s.path(&format!("html/up/{name}"))).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(stored == content, "{name}: {} bytes instead of {}, or other ones", stored.len(), content.len());
}

#[track_caller]
fn assert_nothing_new(s: &Server, when: &str) {
    wait_for(&format!("{when}: nothing is left in {:?}", names(s)), || (names(s) == ["old.txt"]).then_some(()));
}

/// The values of a member in the JSON response, in order.
fn members(response: &Response, name: &str) -> Vec<String> {
    let (text, member) = (response.text(), format!("\"{name}\":"));
    let values = text.split(&member).skip(1);
    values.map(|rest| rest.trim_start_matches('"').split(['"', ',', '}']).next().unwrap().to_owned()).collect()
}

#[test]
fn files_and_fields_are_stored_and_reported() {
    let s = store("");
    let body =
        form(&[part("name=\"title\"", b"A\r\nB"), file("a.txt", b"hello"), file("b.bin", b""), part("name=z", b"")]);
    let response = s.ask(post(&body)).expect(201, "the form");
    assert_eq!(response.must("Content-Type"), "application/json");
    assert_eq!(
        response.text(),
        "{\"files\":[\n{\"field\":\"f\",\"name\":\"a.txt\",\"url\":\"/up/a.txt\",\"bytes\":5,\"type\":\"\"},\n\
         {\"field\":\"f\",\"name\":\"b.bin\",\"url\":\"/up/b.bin\",\"bytes\":0,\"type\":\"\"}],\n\
         \"fields\":[\n{\"name\":\"title\",\"value\":\"A\\u000d\\u000aB\"},\n{\"name\":\"z\",\"value\":\"\"}]}\n"
    );
    assert!(response.field("Location").is_none(), "several files have no one place: {response}");
    assert_stored(&s, "a.txt", b"hello");
    assert_stored(&s, "b.bin", b"");
    assert_eq!(s.get("/up/a.txt").text(), "hello");
    let one = s.ask(post(&form(&[file("c d.txt", b"x")]))).expect(201, "one file");
    assert_eq!(one.must("Location"), "/up/c%20d.txt");
    assert_eq!(s.get(one.must("Location")).text(), "x");
    let none = s.ask(post(&form(&[part("name=a", b"1")]))).expect(200, "nothing was made");
    assert_eq!((members(&none, "name"), members(&none, "bytes")), (vec!["a".to_owned()], vec![]));
    s.ask(post(&form(&[]))).expect(200, "a form without parts");
    // A file input without a selected file.
    s.ask(post(&form(&[file("", b"")]))).expect(200, "no file");
    assert_eq!(names(&s), ["a.txt", "b.bin", "c d.txt", "old.txt"]);
}

#[test]
fn preamble_epilogue_and_padding_are_no_content() {
    let s = store("");
    let rows: [(&str, &str, &str); 7] = [
        ("", "", ""),
        ("preamble\r\n", "", ""),
        ("\r\n", "\t ", ""),
        ("a\r\nb\r\n\r\n", "", "epilogue\r\n--"),
        ("--not it\r\n", " ", "\r\n"),
        ("------B0undaryX\r\n", "", "------B0undary\r\nno head"),
        ("", "", "without a line end"),
    ];
    each(rows.iter().enumerate(), |(i, (preamble, padding, epilogue))| {
        let body = format!(
            "{preamble}--{BOUNDARY}{padding}\r\nContent-Disposition: form-data; name=f; filename=\"{i}\"\r\n\r\n{i}\r\n\
             --{BOUNDARY}--{epilogue}"
        );
        s.ask(post(body.as_bytes())).expect(201, &body);
        assert_stored(&s, &i.to_string(), i.to_string().as_bytes());
    });
}

#[test]
fn what_is_no_form_is_a_400_and_stores_nothing() {
    let s = store("");
    let good = file("a.txt", b"x");
    let good = String::from_utf8(good).unwrap();
    let rows = [
        "".to_owned(),
        "no boundary".to_owned(),
        good.clone(),
        format!("{good}--{BOUNDARY}"),
        format!("{good}--{BOUNDARY}\r\n"),
        format!("{good}--{BOUNDARY}-"),
        format!("{good}--{BOUNDARY}\r\n\r\n--{BOUNDARY}--"),
        format!("{good}--{BOUNDARY} x\r\n--{BOUNDARY}--"),
        format!("{}--{BOUNDARY}--", good.replace("\r\n", "\n")),
        format!("{}--{BOUNDARY}--", good.replace("\r\n\r\n", "\n\r\n")),
        format!("{}--{BOUNDARY}--", good.replace("name=\"f\"; ", "")),
        format!("{}--{BOUNDARY}--", good.replace("form-data", "attachment")),
        format!("{}--{BOUNDARY}--", good.replace("Content-Disposition:", "Content-Disposition :")),
        format!("{}--{BOUNDARY}--", good.replace("Content-Disposition", "X")),
        format!("{}--{BOUNDARY}--", good.replace("a.txt", "a\0.txt")),
        format!("{good}{}--{BOUNDARY}--", good.replace("\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n")),
    ];
    each(rows, |body| {
        for request in [post(body.as_bytes()), post_chunked(body.as_bytes(), &[7])] {
            s.ask(request).expect(400, body);
            assert_nothing_new(&s, body);
        }
    });
    let types = ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a"];
    each(types, |kind| {
        let request =
            format!("POST /up/ HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\nContent-Length: 7\r\n\r\n--a--\r\n");
        s.ask(request).expect(400, kind);
    });
    s.assert_alive("bad forms");
}

#[test]
fn a_form_that_comes_byte_by_byte() {
    let s = store("");
    let content = format!("x\r\n--{BOUNDARY}x\r\n\r\n-");
    let body = form(&[part("name=a", b"1"), file("slow.txt", content.as_bytes())]);
    for request in [post(&body), post_chunked(&body, &[1])] {
        let (mut client, mut witness) = (s.connect(), s.connect());
        for (i, byte) in request.iter().enumerate() {
            client.send([*byte]);
            if i % 16 == 0 {
                assert_eq!(witness.get("/ok.txt").text(), "ok");
            }
        }
        client.response().expect(201, "byte by byte");
        assert_stored(&s, "slow.txt", content.as_bytes());
        remove(&s, "slow.txt");
        assert_eq!(client.get("/ok.txt").text(), "ok", "the connection goes on");
    }
}

/// One connection for each position where the body can be split. The second parts are sent after the server has read
/// all first parts: before it answers another client, it reads what came earlier.
#[test]
fn forms_split_at_every_place() {
    let s = store("");
    let body = |at: usize| form(&[file(&format!("{at:03}.txt"), b"one\r\n--two"), part("name=a", b"")]);
    let start = head("Content-Length: 0").len();
    let parts = body(0).len();
    let mut witness = s.connect();
    let mut clients: Vec<Client> = (0..=parts).map(|_| s.connect()).collect();
    let request = |at: usize| post(&body(at));
    for (at, client) in clients.iter_mut().enumerate() {
        client.send(&request(at)[..start + at]);
    }
    assert_eq!(witness.get("/ok.txt").text(), "ok");
    for (at, client) in clients.iter_mut().enumerate() {
        client.send(&request(at)[start + at..]);
    }
    for (at, client) in clients.iter_mut().enumerate() {
        client.response().expect(201, &format!("split after {at} bytes"));
        assert_stored(&s, &format!("{at:03}.txt"), b"one\r\n--two");
        assert_eq!(client.get("/ok.txt").text(), "ok", "the connection goes on");
    }
}

/// From 1 to 2^`bits`; small numbers are as frequent as large ones.
fn random_size(random: &mut Random, bits: usize) -> usize {
    let most = 1 << random.below(bits);
    1 + random.below(most)
}

/// Content from the bytes of a boundary, in parts and chunks of random sizes.
#[test]
fn look_alikes_in_random_pieces_arrive_byte_for_byte() {
    let s = store("");
    let delimiter = format!("\r\n--{BOUNDARY}");
    let mut random = Random(7578);
    for round in 0..60 {
        let mut content = Vec::new();
        while content.len() < 20_000 {
            match random.below(4) {
                0 => content.extend_from_slice(&delimiter.as_bytes()[..random.below(delimiter.len())]),
                1 => content
                    .extend_from_slice(format!("{delimiter}{}", ["x", "-x", "\rx", "0"][random.below(4)]).as_bytes()),
                2 => content.extend_from_slice(&b"\r\r\n\n-"[..random.below(6)]),
                _ => content.extend_from_slice(&noise(random.below(300), random.next())),
            }
        }
        let body = form(&[file("x", &content), file("y", &content[content.len() / 2..])]);
        let sizes: Vec<usize> = (0..20).map(|_| random_size(&mut random, 13)).collect();
        let request = if round % 2 == 0 { post(&body) } else { post_chunked(&body, &sizes) };
        let (mut client, mut rest) = (s.connect(), &request[..]);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(random_size(&mut random, 14).min(rest.len()));
            client.send(piece);
            rest = after;
        }
        client.response().expect(201, &format!("round {round}"));
        assert_stored(&s, "x", &content);
        assert_stored(&s, "y", &content[content.len() / 2..]);
        remove(&s, "x");
        remove(&s, "y");
    }
}

#[test]
fn a_file_of_100_mb_takes_little_memory() {
    let s = store("");
    s.ask(post(&form(&[file("warm", &noise(1 << 20, 1))]))).expect(201, "a small one first");
    let before_kib = s.process.rss_kib();
    let (block, blocks) = (noise(1 << 20, 2), 100);
    let frame = String::from_utf8(form(&[file("big", b"|")])).unwrap();
    let (start, end) = frame.split_once('|').unwrap();
    let mut client = s.connect();
    client.send(head(&format!("Content-Length: {}", start.len() + end.len() + (blocks << 20))));
    client.send(start);
    let mut most_kib = 0;
    for _ in 0..blocks {
        client.send(&block);
        most_kib = most_kib.max(s.process.rss_kib());
    }
    client.send(end);
    client.response().expect(201, "100 MB");
    let stored = std::fs::read(s.path("html/up/big")).unwrap();
    assert!(stored.len() == blocks << 20 && stored.chunks(1 << 20).all(|piece| piece == block));
    assert!(most_kib < before_kib + (4 << 10), "{before_kib} KiB before, {most_kib} KiB at most");
}

#[test]
fn limits_are_a_413_and_store_nothing() {
    let s = store(
        "upload_max_parts 3; upload_max_file_size 1000; upload_max_fields_size 50; upload_max_part_head_size 256;",
    );
    let (field, long) = (|bytes: usize| part("name=a", &noise(bytes, 1)), "x".repeat(300));
    let rows: [(&str, Vec<Vec<u8>>, u16); 9] = [
        ("a file that fits", vec![file("a", &noise(1000, 1))], 201),
        ("one byte more", vec![file("a", &noise(1001, 1))], 413),
        ("each file for itself", vec![file("a", &noise(1000, 1)), file("b", &noise(1000, 1))], 201),
        ("the second one is too large", vec![file("a", b""), file("b", &noise(1001, 1))], 413),
        ("fields that fit", vec![field(24), field(24)], 200),
        ("fields that do not", vec![file("a", b"x"), field(24), field(25)], 413),
        ("three parts", vec![file("a", b""), file("b", b""), file("c", b"")], 201),
        ("four", vec![file("a", b""), file("b", b""), file("c", b""), file("d", b"")], 413),
        ("a head", vec![file(&long, b"")], 413),
    ];
    each(rows, |(what, parts, status)| {
        s.ask(post(&form(parts))).expect(*status, what);
        for name in names(&s).iter().filter(|name| *status == 201 && *name != "old.txt") {
            remove(&s, name);
        }
        assert_nothing_new(&s, what);
    });
    let s = site("client_max_body_size 1k; upload_store html;", &[("ok.txt", b"ok")]);
    s.ask(post(&form(&[file("a", &noise(2000, 1))])).replace_target("/")).expect(413, "client_max_body_size");
    s.ask(post_chunked(&form(&[file("a", &noise(2000, 1))]), &[100]).replace_target("/")).expect(413, "in chunks");
    assert_eq!(std::fs::read_dir(s.path("html")).unwrap().count(), 1);
}

/// The same request for another target.
trait ReplaceTarget {
    fn replace_target(self, target: &str) -> Vec<u8>;
}

impl ReplaceTarget for Vec<u8> {
    fn replace_target(self, target: &str) -> Vec<u8> {
        [format!("POST {target}").as_bytes(), &self["POST /up/".len()..]].concat()
    }
}

#[test]
fn a_client_that_vanishes_leaves_nothing() {
    let s = store("client_body_timeout 300ms;");
    s.write("html/big", &noise(1 << 20, 1));
    let body = form(&[file("a", &noise(100_000, 1)), part("name=f", b"x"), file("b", &noise(100_000, 2))]);
    let rows = [(post(&body), 0.4), (post(&body), 0.9), (post(&body), 1.0), (post_chunked(&body, &[7000]), 0.7)];
    for (row, (request, share)) in rows.iter().enumerate() {
        let sent = ((request.len() as f64 * share) as usize).min(request.len() - 1);
        let (when, part) = (format!("row {row}, {sent} bytes sent"), &request[..sent]);
        // The client shuts down its side.
        let mut client = s.connect();
        client.send(part);
        client.half_close();
        client.response().expect(400, &when);
        assert_nothing_new(&s, &format!("FIN, {when}"));
        // The client sends nothing more.
        let mut client = s.connect();
        client.send(part);
        client.response().expect(408, &when);
        assert_nothing_new(&s, &format!("408, {when}"));
        // The client resets the connection, with an unread response to an earlier request.
        let mut client = s.connect();
        client.send(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
        client.wait_some();
        client.send(part);
        drop(client);
        assert_nothing_new(&s, &format!("reset, {when}"));
    }
    s.assert_alive("vanished clients");
}

#[test]
fn the_end_of_the_server_leaves_nothing_or_all() {
    let request = post(&form(&[file("a", &noise(300_000, 1)), file("b", b"b")]));
    for (signal, finishes) in [("TERM", false), ("QUIT", true)] {
        let mut s = store("");
        let mut client = s.connect();
        client.send(&request[..150_000]);
        wait_for("the upload has begun", || (names(&s).len() > 1).then_some(()));
        s.process.signal(signal);
        if finishes {
            s.wait_until_refused(); // it has seen the signal
            client.send(&request[150_000..]);
            client.response().expect(201, signal);
        }
        assert!(s.process.exit().success(), "{signal}");
        assert_eq!(names(&s), if finishes { vec!["a", "b", "old.txt"] } else { vec!["old.txt"] }, "{signal}");
    }
}

#[test]
fn nothing_is_seen_before_all_is_there() {
    let s = store("dav_sync on;");
    let body = form(&[file("a", b"whole"), file("b", &noise(200_000, 1))]);
    let (mut client, mut reader, request) = (s.connect(), s.connect(), post(&body));
    client.send(&request[..request.len() - 1]);
    wait_for("both have come", || (names(&s).len() == 3).then_some(()));
    assert!(names(&s).iter().all(|name| name.starts_with('.') || name == "old.txt"), "{:?}", names(&s));
    assert_eq!((reader.get("/up/a").status, reader.get("/up/b").status), (404, 404));
    client.send(&request[request.len() - 1..]);
    client.response().expect(201, "the last byte");
    assert_eq!((reader.get("/up/a").text(), reader.get("/up/b").body.len()), ("whole".to_owned(), 200_000));
    assert_eq!(names(&s), ["a", "b", "old.txt"]);
}
