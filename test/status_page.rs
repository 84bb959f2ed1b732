//! `stub_status` and the variables with the same numbers.

mod harness;

use harness::{Server, Setup, wait_for};

fn start(workers: usize) -> Server {
    let http = "server { listen 127.0.0.1:0; add_header X-Now \
        \"$connections_active $connections_reading $connections_writing $connections_waiting\";
        location / { return 204; } location /status { stub_status; location /status/inner { } } }";
    Setup::new(http, &[("big", b"x")]).main(&format!("error_log stderr notice; worker_processes {workers};")).start()
}

/// Active, accepted, handled, requests, reading, writing, waiting.
fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn the_page_has_nginxs_format() {
    let s = start(1);
    let mut client = s.connect();
    let page = client.get("/status").expect(200, "/status");
    assert_eq!(page.must("Content-Type"), "text/plain");
    let expected =
        "Active connections: 1 \nserver accepts handled requests\n 1 1 1 \nReading: 0 Writing: 1 Waiting: 0 \n";
    assert_eq!(page.text(), expected);
    assert_eq!(page.must("X-Now"), "1 0 1 0");
    let again = client.get("/status").text();
    assert_eq!(numbers(&again), [1, 1, 1, 2, 0, 1, 0]);
    s.head("/status").expect(200, "HEAD /status");
    s.ask("POST /status HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").expect(405, "POST");
    s.get("/status/inner").expect(404, "a location inside has not the page");
}

#[test]
fn connections_read_write_and_wait() {
    let s = start(1);
    let mut asks = s.connect();
    let mut now = |expected: [u64; 4], what: &str| {
        wait_for(what, || {
            let all = numbers(&asks.get("/status").text());
            ([all[0], all[4], all[5], all[6]] == expected).then_some(())
        });
    };
    now([1, 0, 1, 0], "alone");
    let mut other = s.connect();
    now([2, 0, 1, 1], "a client that has sent nothing waits");
    other.send("GET / HTTP/1.1\r\n");
    now([2, 1, 1, 0], "a part of a head is read");
    other.send("Host: a\r\n\r\n");
    other.response().expect(204, "/");
    now([2, 0, 1, 1], "it has its answer");
    let mut third = s.connect();
    third.send("GE");
    now([3, 1, 1, 1], "three");
    drop(third);
    now([2, 0, 1, 1], "one left in the middle of a head");
    drop(other);
    now([1, 0, 1, 0], "alone again");
}

#[test]
fn the_numbers_of_all_workers_are_added() {
    let s = start(3);
    for n in 1..=30 {
        s.get("/").expect(204, "/");
        let all = numbers(&s.get("/status").text());
        assert_eq!((all[1], all[3]), (2 * n, 2 * n), "accepted, requests");
    }
}
