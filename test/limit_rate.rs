//! `limit_rate`. What is too fast would be seen by a response that is complete too early: the least times are sure.

mod harness;

use harness::scripts::{make_executable, text};
use harness::{Client, Server, Setup, each, host, noise, wait_for};
use std::time::{Duration, Instant};

/// The rate of most tests, and a length that takes half a second with it: the first second's bytes go at once.
const RATE: usize = 20 << 10;
const LENGTH: usize = RATE + RATE / 2;
const LEAST: Duration = Duration::from_millis(490);

fn paced(body: &str) -> Server {
    let main = "error_log stderr debug;";
    let (short, long) = (noise(LENGTH, 1), noise(5 * LENGTH, 2));
    let setup = Setup::new(&host(body), &[("short", &short), ("long", &long), ("a.txt", b"a")]);
    let script = text(&format!("head -c {LENGTH} short"));
    setup.write("html/a.sh", format!("#!/bin/sh\n{script}\n").as_bytes());
    make_executable(&setup.path("html/a.sh"));
    setup.main(main).start()
}

/// The turns of the protocol: few, because it sleeps in the pauses.
fn assert_no_spin(s: &Server) {
    let turns = s.said().matches("Http1").count();
    assert!(turns < 200, "{turns} turns");
}

#[test]
fn a_response_takes_its_time_in_whatever_way_it_is_sent() {
    let rows = [
        ("from the cache or a read", "", "GET /short HTTP/1.1\r\n", 200, 0..LENGTH),
        ("again", "", "GET /short HTTP/1.1\r\n", 200, 0..LENGTH),
        ("uncached", "open_file_cache off;", "GET /short HTTP/1.1\r\n", 200, 0..LENGTH),
        ("read in pieces", "sendfile off;", "GET /short HTTP/1.1\r\n", 200, 0..LENGTH),
        ("HTTP/1.0", "", "GET /short HTTP/1.0\r\n", 200, 0..LENGTH),
    ];
    let content = noise(LENGTH, 1);
    each(rows, |(name, config, request, status, range)| {
        let s = paced(&format!("limit_rate {RATE}; {config}"));
        for _ in 0..3 {
            let (start, mut client) = (Instant::now(), s.connect());
            client.send(format!("{request}Host: h\r\n\r\n"));
            let response = client.response().expect(*status, name);
            assert!(start.elapsed() >= LEAST, "{name}: {:?}", start.elapsed());
            assert!(response.body == content[range.clone()], "{name}");
        }
        assert_no_spin(&s);
    });
}

#[test]
fn a_file_that_is_sent_by_sendfile_takes_its_time() {
    let s = paced(&format!("limit_rate {}; limit_rate_after {};", 2 * RATE, 5 * LENGTH - 3 * RATE));
    for _ in 0..3 {
        let (start, mut client) = (Instant::now(), s.connect());
        let response = client.get("/long");
        assert!(start.elapsed() >= LEAST, "{:?}", start.elapsed());
        assert!(response.body == noise(5 * LENGTH, 2));
    }
    assert_no_spin(&s);
}

#[test]
fn a_program_and_a_range_take_their_time() {
    let s = paced(&format!("limit_rate {RATE}; cgi on; cgi_extension .sh; limit_rate_after 0;"));
    let (start, mut client) = (Instant::now(), s.connect());
    assert!(client.get("/a.sh").body == noise(LENGTH, 1), "chunked");
    assert!(start.elapsed() >= LEAST, "{:?}", start.elapsed());
    let (start, mut client) = (Instant::now(), s.connect());
    client.send("GET /a.sh HTTP/1.0\r\n\r\n");
    assert!(client.response().body == noise(LENGTH, 1), "until the close");
    assert!(start.elapsed() >= LEAST, "{:?}", start.elapsed());
    let start = Instant::now();
    let part = s.get_with("/long", &format!("Range: bytes=7-{}\r\n", LENGTH + 6));
    assert!(part.status == 206 && part.body == noise(5 * LENGTH, 2)[7..LENGTH + 7]);
    assert!(start.elapsed() >= LEAST, "{:?}", start.elapsed());
    let several = s.get_with("/long", &format!("Range: bytes=0-9,20000-{}\r\n", 20_000 + LENGTH));
    assert!(several.status == 206 && several.must("Content-Type").starts_with("multipart/byteranges"));
    assert!(several.body.windows(100).any(|part| *part == noise(5 * LENGTH, 2)[20_000..20_100]));
}

/// The whole pause is longer than send_timeout, which is for a client that does not receive.
#[test]
fn a_pause_is_not_the_clients_fault() {
    let s = paced(&format!("limit_rate {RATE}; send_timeout 100ms; reset_timedout_connection on;"));
    assert_eq!(s.get("/short").body.len(), LENGTH);
}

#[test]
fn responses_behind_a_slow_one_are_right() {
    let s = paced(&format!("location /short {{ limit_rate {RATE}; }}"));
    let mut client = s.connect();
    let gets = |targets: &[&str]| -> String {
        targets.iter().map(|target| format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")).collect()
    };
    let start = Instant::now();
    client.send(gets(&["/a.txt", "/short", "/a.txt", "/short", "/long", "/a.txt"]));
    assert_eq!(client.response().text(), "a");
    assert!(client.response().body == noise(LENGTH, 1));
    assert_eq!(client.response().text(), "a");
    assert!(client.response().body == noise(LENGTH, 1));
    assert!(client.response().body == noise(5 * LENGTH, 2));
    assert_eq!(client.response().text(), "a");
    assert!(start.elapsed() >= 2 * LEAST, "each has its own pace: {:?}", start.elapsed());
    assert_eq!(client.get("/a.txt").text(), "a", "the connection goes on");
    client.send("HEAD /short HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(client.response().must("Content-Length"), LENGTH.to_string());
}

/// With one byte per second, a response that is limited would not come in this test's life.
#[test]
fn what_is_not_limited_comes_at_once() {
    let s = paced(
        "location /short { limit_rate $arg_r; limit_rate_after $arg_a; }
         location /long { limit_rate 1; limit_rate_after 1m; }
         location /a.txt { limit_rate 0; add_header X-Rate $limit_rate; }",
    );
    for target in
        ["/short", "/short?r=0", "/short?r=&a=9", "/short?r=1&a=1m", "/short?r=1&a=50k", "/short?r=1g", "/long"]
    {
        assert!(s.get(target).body.len() >= LENGTH, "{target}");
    }
    assert_eq!(s.get("/a.txt").must("X-Rate"), "0");
    assert_eq!(s.get("/short?r=fast").body.len(), LENGTH);
    s.wait_said("is not a size");
    let start = Instant::now();
    assert_eq!(s.get(&format!("/short?r={RATE}")).body.len(), LENGTH);
    assert!(start.elapsed() >= LEAST, "{:?}", start.elapsed());
}

#[test]
fn a_rate_may_be_set_for_a_request() {
    let s = paced(&format!(
        "limit_rate 1; set $limit_rate $arg_r; add_header X-Rate $limit_rate;
         location /long {{ limit_rate 0; if ($arg_slow) {{ limit_rate {RATE}; }} limit_rate_after {}; }}",
        4 * LENGTH
    ));
    let start = Instant::now();
    let response = s.get(&format!("/short?r={RATE}"));
    assert!(start.elapsed() >= LEAST, "{:?}", start.elapsed());
    assert_eq!((response.body.len(), response.must("X-Rate")), (LENGTH, &*RATE.to_string()));
    assert_eq!(s.get("/short?r=0").must("X-Rate"), "0");
    assert_eq!(s.get("/long?r=0").body.len(), 5 * LENGTH);
    let start = Instant::now();
    assert_eq!(s.get("/long?slow=1&r=x").body.len(), 5 * LENGTH);
    assert!(start.elapsed() >= LEAST, "{:?}", start.elapsed());
    s.wait_said("set $limit_rate: ");
}

#[test]
fn a_client_that_leaves_in_a_pause_is_noticed() {
    let s = paced("limit_rate 10k; access_log logs/access.log;");
    let mut client = s.connect();
    client.send_get("/short");
    client.wait_some();
    drop(client); // what has come is not read: the kernel resets the connection
    wait_for("the end", || s.text("logs/access.log").contains("\"GET /short HTTP/1.1\" 200 ").then_some(()));
    assert_eq!(s.get("/a.txt").text(), "a");
}

#[test]
fn a_server_that_drains_finishes_a_slow_response() {
    let mut s = paced(&format!("limit_rate {RATE};"));
    let mut client: Client = s.connect();
    client.send_get("/short");
    client.wait_some();
    s.process.signal("QUIT");
    assert!(client.response().body == noise(LENGTH, 1));
    s.process.exit();
}
