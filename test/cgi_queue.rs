//! The places for programs: `cgi_max_processes`, the requests that wait for one (`cgi_queue`), and clients that hold
//! one for nothing.

mod harness;

use harness::scripts::{children, scripts, stat, text};
use harness::{Client, Server, wait_for};

/// A script that waits for the file `go` before it answers.
fn hold() -> String {
    format!("while [ ! -e go ]; do sleep 0.02; done\n{}", text("echo held"))
}

/// A script that notes its query in `order`.
fn note() -> String {
    text("echo \"$QUERY_STRING\" >> order; echo noted")
}

/// Sends a GET and waits until the server has handled it: until it says this number of times that a request waits.
fn send_and_wait(s: &Server, target: &str, waiting: usize) -> Client {
    let mut client = s.connect();
    client.send_get(target);
    wait_waiting(s, waiting);
    client
}

fn wait_waiting(s: &Server, times: usize) {
    wait_for("a request in the queue", || {
        (s.said().matches("run already (cgi_max_processes): the request waits").count() >= times).then_some(())
    });
}

/// Waits until this number of programs run.
fn wait_programs(s: &Server, number: usize) -> Vec<u32> {
    wait_for("the programs", || Some(children(s.process.pid())).filter(|pids| pids.len() == number))
}

#[test]
fn a_burst_was_refused() {
    let s = scripts("cgi_max_processes 2; error_log stderr info;", &[("a.sh", &text("echo ok"))]);
    let mut clients: Vec<Client> = (0..40).map(|_| s.connect()).collect();
    for client in &mut clients {
        client.send_get("/a.sh");
    }
    for client in &mut clients {
        assert_eq!(client.response().expect(200, "/a.sh").text(), "ok\n");
    }
}

#[test]
fn requests_wait_in_the_order_in_which_they_came() {
    let s = scripts("cgi_max_processes 1; error_log stderr info;", &[("hold.sh", &hold()), ("note.sh", &note())]);
    let mut first = s.connect();
    first.send_get("/hold.sh");
    wait_programs(&s, 1);
    let mut clients: Vec<Client> = (1..=8).map(|n| send_and_wait(&s, &format!("/note.sh?{n}"), n)).collect();
    let leaves = clients.remove(4); // number 5
    drop(leaves);
    s.write("html/go", b"");
    assert_eq!(first.response().text(), "held\n");
    for client in &mut clients {
        assert_eq!(client.response().expect(200, "/note.sh").text(), "noted\n");
    }
    let order = s.text("html/order");
    assert_eq!(order.replace("5\n", ""), "1\n2\n3\n4\n6\n7\n8\n", "{order}");
}

/// A client that resets its connection gives its place in the queue back.
#[test]
fn a_full_queue_refuses_until_a_client_leaves_it() {
    let s = scripts(
        "cgi_max_processes 1; cgi_queue 1; error_log stderr info;",
        &[("hold.sh", &hold()), ("note.sh", &note())],
    );
    let mut first = s.connect();
    first.send_get("/hold.sh");
    wait_programs(&s, 1);
    let mut second = s.connect();
    // The unread answer makes the kernel reset the connection.
    second.send("GET /ok.txt HTTP/1.1\r\nHost: h\r\n\r\nGET /note.sh?second HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_waiting(&s, 1);
    assert!(s.get("/note.sh?third").expect(503, "a full queue").field("Retry-After").is_some());
    s.wait_said("1 programs run (cgi_max_processes) and 1 requests wait (cgi_queue)");
    drop(second);
    let mut fourth = wait_for("a place in the queue", || {
        let mut client = s.connect();
        let before = s.said().matches("the request waits").count();
        client.send_get("/note.sh?fourth");
        let refused = || s.said().matches("requests wait (cgi_queue)").count();
        let seen = refused();
        wait_for("the request", || {
            (s.said().matches("the request waits").count() > before || refused() > seen).then_some(())
        });
        (s.said().matches("the request waits").count() > before).then_some(client)
    });
    s.write("html/go", b"");
    assert_eq!(first.response().text(), "held\n");
    assert_eq!(fourth.response().expect(200, "the fourth").text(), "noted\n");
    assert_eq!(s.text("html/order"), "fourth\n");
}

#[test]
fn a_request_does_not_wait_longer_than_its_time() {
    let s = scripts("cgi_max_processes 1; cgi_queue 9 timeout=300ms;", &[("hold.sh", &hold()), ("note.sh", &note())]);
    let mut first = s.connect();
    first.send_get("/hold.sh");
    wait_programs(&s, 1);
    let mut client = s.connect();
    assert!(client.get("/note.sh").expect(503, "in vain").field("Retry-After").is_some());
    s.wait_said("1 programs run (cgi_max_processes), and none ended in time (cgi_queue)");
    assert_eq!(client.get("/ok.txt").text(), "ok", "the connection goes on");
    s.write("html/go", b"");
    assert_eq!(first.response().text(), "held\n");
    assert_eq!(client.get("/note.sh").expect(200, "now").text(), "noted\n");
}

/// The body of a request that waits has come. The client's timeouts do not count, and the program gets all of it.
#[test]
fn a_request_with_a_body_waits_with_it() {
    for (field, body) in [("Content-Length: 5", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")] {
        let s = scripts(
            "cgi_max_processes 1; client_body_timeout 300ms; error_log stderr info;",
            &[("hold.sh", &hold()), ("cat.sh", &text("cat"))],
        );
        let mut first = s.connect();
        first.send_get("/hold.sh");
        wait_programs(&s, 1);
        let mut client = s.connect();
        client.send(format!("POST /cat.sh HTTP/1.1\r\nHost: h\r\n{field}\r\n\r\n{body}"));
        wait_waiting(&s, 1);
        std::thread::sleep(std::time::Duration::from_millis(700));
        s.write("html/go", b"");
        assert_eq!(first.response().text(), "held\n");
        assert_eq!(client.response().expect(200, field).text(), "hello");
    }
}

/// With `cgi_request_buffering off`, a client that waits for 100 (Continue) is not asked for its body in the queue, and
/// its time does not pass.
#[test]
fn a_client_that_is_not_asked_for_its_body_has_no_time_limit() {
    let s = scripts(
        "cgi_max_processes 1; client_body_timeout 300ms; cgi_request_buffering off; error_log stderr info;",
        &[("hold.sh", &hold()), ("cat.sh", &text("cat"))],
    );
    let mut first = s.connect();
    first.send_get("/hold.sh");
    wait_programs(&s, 1);
    let mut client = s.connect();
    client.send("POST /cat.sh HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    wait_waiting(&s, 1);
    std::thread::sleep(std::time::Duration::from_millis(700));
    s.write("html/go", b"");
    assert_eq!(first.response().text(), "held\n");
    assert_eq!(client.any_response().status, 100);
    client.send("hello");
    assert_eq!(client.response().expect(200, "/cat.sh").text(), "hello");
}

#[test]
fn slow_bodies_took_the_places_of_all_programs() {
    let s = scripts(
        "cgi_max_processes 2; cgi_queue 0; client_body_buffer_size 1k;",
        &[("cat.sh", &text("cat")), ("a.sh", &text("echo ok"))],
    );
    let long = "x".repeat(3000);
    let mut slow: Vec<(Client, &str, String)> = Vec::new();
    for _ in 0..2 {
        let rows =
            [("Content-Length: 6", "slow", "er"), ("Transfer-Encoding: chunked", "6\r\nslow", "er\r\n0\r\n\r\n")];
        for (field, begin, rest) in rows {
            let mut client = s.connect();
            client.send(format!("POST /cat.sh HTTP/1.1\r\nHost: h\r\n{field}\r\n\r\n{begin}"));
            slow.push((client, rest, "slower".to_owned()));
        }
        let mut client = s.connect();
        client.send(format!("POST /cat.sh HTTP/1.1\r\nHost: h\r\nContent-Length: 3002\r\n\r\n{long}"));
        slow.push((client, "er", format!("{long}er")));
    }
    for _ in 0..10 {
        assert_eq!(s.get("/a.sh").expect(200, "while bodies come slowly").text(), "ok\n");
    }
    assert!(children(s.process.pid()).is_empty(), "no program has been started for a body that has not come");
    for (mut client, rest, whole) in slow {
        client.send(rest);
        assert_eq!(client.response().expect(200, "a slow body").text(), whole);
    }
}

#[test]
fn impatient_clients_took_the_places_of_all_programs() {
    let deaf = "trap '' TERM; sleep 600";
    let s = scripts(
        "cgi_max_processes 3; cgi_queue 3 timeout=20s;",
        &[("slow.sh", "sleep 600"), ("deaf.sh", deaf), ("a.sh", &text("echo ok"))],
    );
    for target in ["/slow.sh", "/slow.sh", "/deaf.sh"] {
        let mut client = s.connect();
        client.send_get(target);
        drop(client); // a FIN, and a reset only when the server writes
    }
    let pids = wait_programs(&s, 3);
    for _ in 0..3 {
        assert_eq!(s.get("/a.sh").expect(200, "while programs without clients run").text(), "ok\n");
    }
    assert!(pids.iter().any(|pid| stat(*pid).is_none_or(|stat| stat.0 == 'Z')), "one gave its place");
}

#[test]
fn a_client_that_closes_its_side_is_answered_where_it_costs_nothing() {
    let s = scripts(
        "cgi_max_processes 2; error_log stderr info;",
        &[
            ("hold.sh", &hold()),
            ("a.sh", &text("echo ok")),
            ("begun.sh", &text("echo begun; while [ ! -e go ]; do sleep 0.02; done")),
        ],
    );
    let half_closed = |target: &str| {
        let mut client = s.connect();
        client.send_get(target);
        client.half_close();
        client
    };
    let mut silent = half_closed("/hold.sh");
    wait_programs(&s, 1);
    let mut begun = half_closed("/begun.sh");
    begun.wait_some();
    // No place is free: the silent program is ended for the next request. The other one has answered, and goes on.
    assert_eq!(s.get("/a.sh").expect(200, "a new request").text(), "ok\n");
    assert!(silent.response().expect(503, "the silent one").field("Retry-After").is_some());
    s.wait_said("the client has closed and the program (pid ");
    s.wait_said("(SIGTERM) of the server: its client has closed, and another request waits for its place");
    let mut silent = half_closed("/hold.sh");
    wait_programs(&s, 2);
    s.write("html/go", b"");
    assert_eq!(begun.response().expect(200, "it has answered").text(), "begun\n");
    assert_eq!(silent.response().expect(200, "nothing waits").text(), "held\n");
}

/// The program was ended for the place when its client closed after the other request had begun to wait.
#[test]
fn a_fin_that_comes_later_frees_a_place_for_a_request_that_waits() {
    let s =
        scripts("cgi_max_processes 1; error_log stderr info;", &[("slow.sh", "sleep 600"), ("a.sh", &text("echo ok"))]);
    let mut first = s.connect();
    first.send_get("/slow.sh");
    wait_programs(&s, 1);
    let mut second = send_and_wait(&s, "/a.sh", 1);
    first.half_close();
    assert_eq!(second.response().expect(200, "/a.sh").text(), "ok\n");
    first.response().expect(503, "the one that has closed");
}

#[test]
fn a_full_queue_takes_a_new_request_for_one_whose_client_has_closed() {
    let s = scripts(
        "cgi_max_processes 1; cgi_queue 2; error_log stderr info;",
        &[("hold.sh", &hold()), ("note.sh", &note())],
    );
    let mut first = s.connect();
    first.send_get("/hold.sh");
    wait_programs(&s, 1);
    let mut second = send_and_wait(&s, "/note.sh?second", 1);
    let mut third = s.connect();
    third.send_get("/note.sh?third");
    third.half_close();
    wait_waiting(&s, 2);
    let mut fourth = send_and_wait(&s, "/note.sh?fourth", 3);
    third.response().expect(503, "its client has closed");
    s.write("html/go", b"");
    assert_eq!(first.response().text(), "held\n");
    assert_eq!(second.response().expect(200, "second").text(), "noted\n");
    assert_eq!(fourth.response().expect(200, "fourth").text(), "noted\n");
    assert_eq!(s.text("html/order"), "second\nfourth\n");
}

/// While a long body is held in memory, it is read in another way, which did not tell that the client had closed.
#[test]
fn a_client_that_closed_after_a_long_body_kept_its_place_in_the_queue() {
    let s = scripts(
        "cgi_max_processes 1; cgi_queue 1; client_body_buffer_size 2m; error_log stderr info;",
        &[("hold.sh", &hold()), ("note.sh", &note())],
    );
    let mut first = s.connect();
    first.send_get("/hold.sh");
    wait_programs(&s, 1);
    let mut second = s.connect();
    let body = "x".repeat(1 << 20);
    second.send(format!("POST /note.sh?second HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    wait_waiting(&s, 1);
    second.half_close();
    let mut third = send_and_wait(&s, "/note.sh?third", 2);
    second.response().expect(503, "its client has closed");
    s.write("html/go", b"");
    assert_eq!(first.response().text(), "held\n");
    assert_eq!(third.response().expect(200, "third").text(), "noted\n");
}
