//! `limit_req` and `limit_conn`. The rates are so low that what has been counted once stays counted during a test.

mod harness;

use harness::scripts::{make_executable, text};
use harness::{Client, Response, Server, Setup, host, noise, wait_for};

const MAIN: &str = "error_log stderr info;";

const TWO_WORKERS: &str = "worker_processes 2; error_log stderr info;";

/// More than the kernel's socket buffers hold, so that a client that does not read keeps its request unanswered.
const BIG: usize = 16 << 20;

/// A server with these zones and this `server` block. The access log has the status, and what the limits have decided.
fn limited(main: &str, zones: &str, body: &str) -> Server {
    let big = noise(BIG, 1);
    let setup = Setup::new(&configured(zones, body), &[("a.txt", b"a"), ("b/b.txt", b"b"), ("big", &big)]);
    setup.write(
        "html/hold.sh",
        format!("#!/bin/sh\ntouch begun\nwhile [ ! -e go ]; do sleep 0.02; done\n{}", text("echo held")).as_bytes(),
    );
    make_executable(&setup.path("html/hold.sh"));
    setup.main(main).start()
}

fn configured(zones: &str, body: &str) -> String {
    let log = "log_format limits '$request_uri $status req=$limit_req_status conn=$limit_conn_status';\n\
               access_log logs/access.log limits;";
    let body = format!(
        "add_header X-Req $limit_req_status always; add_header X-Conn $limit_conn_status always;\n\
         location /hold.sh {{ cgi on; }} {body}"
    );
    format!("{log}\n{zones}\n{}", host(&body))
}

fn wait_logged(s: &Server, line: &str) {
    wait_for(line, || s.text("logs/access.log").lines().any(|logged| logged == line).then_some(()));
}

fn statuses(s: &Server, targets: &[&str]) -> Vec<u16> {
    targets.iter().map(|target| s.get(target).status).collect()
}

fn decided<'r>(response: &'r Response, field: &str) -> (u16, Option<&'r str>) {
    (response.status, response.field(field))
}

/// Sends a request with a new key each time, until one of them comes so early after the other of its key that it is
/// delayed. (The machine may stop for a while between the two.)
fn delayed(s: &Server, send: impl Fn(&mut Client, &str)) -> (Client, String) {
    let mut number = 0;
    wait_for("a delayed request", || {
        number += 1;
        let (target, before) = (format!("/a.txt?k={number}"), s.said().matches("delaying request").count());
        s.get(&target).expect(200, "the first of its key");
        let mut client = s.connect();
        send(&mut client, &target);
        let is_answered = || s.text("logs/access.log").matches(&format!("{target} ")).count() == 2;
        wait_for("a decision", || {
            (s.said().matches("delaying request").count() > before || is_answered()).then_some(())
        });
        (!is_answered()).then_some((client, target))
    })
}

#[test]
fn a_request_over_the_rate_is_refused() {
    let zones = "limit_req_zone $arg_k zone=one:1m rate=1r/m;";
    let s =
        limited(MAIN, zones, "limit_req zone=one; location /b/ { limit_req_status 429; limit_req_log_level info; }");
    assert_eq!(decided(&s.get("/a.txt?k=1"), "X-Req"), (200, Some("PASSED")));
    assert_eq!(decided(&s.get("/a.txt?k=1"), "X-Req"), (503, Some("REJECTED")));
    s.wait_said("[error]");
    s.wait_said("by zone \"one\"");
    assert_eq!(s.get("/a.txt?k=2").status, 200, "another key");
    assert_eq!(s.get("/b/b.txt?k=1").status, 429, "the same zone, elsewhere");
    for _ in 0..3 {
        assert_eq!(decided(&s.get("/a.txt"), "X-Req"), (200, None), "no key, no limit");
    }
    wait_logged(&s, "/a.txt?k=1 503 req=REJECTED conn=-");
    wait_logged(&s, "/a.txt 200 req=- conn=-");
    // The connection goes on after a refusal.
    let mut client = s.connect();
    assert_eq!(client.get("/a.txt?k=1").status, 503);
    assert_eq!(client.get("/a.txt?k=3").text(), "a");
}

#[test]
fn a_burst_passes_at_once_with_nodelay() {
    let s = limited(MAIN, "limit_req_zone $arg_k zone=one:1m rate=1r/m;", "limit_req zone=one burst=3 nodelay;");
    assert_eq!(statuses(&s, &["/a.txt?k=1"; 6]), [200, 200, 200, 200, 503, 503]);
    let s = limited(MAIN, "limit_req_zone $arg_k zone=one:1m rate=1r/m;", "limit_req zone=one burst=3 delay=3;");
    assert_eq!(statuses(&s, &["/a.txt?k=1"; 6]), [200, 200, 200, 200, 503, 503]);
}

#[test]
fn a_request_that_one_limit_refuses_counts_for_none() {
    let zones = "limit_req_zone $arg_a zone=a:1m rate=1r/m; limit_req_zone $arg_b zone=b:1m rate=1r/m;";
    let s = limited(MAIN, zones, "limit_req zone=a burst=1 nodelay; limit_req zone=b;");
    assert_eq!(statuses(&s, &["/a.txt?b=1", "/a.txt?a=1&b=1", "/a.txt?a=1&b=1"]), [200, 503, 503]);
    assert_eq!(statuses(&s, &["/a.txt?a=1", "/a.txt?a=1", "/a.txt?a=1"]), [200, 200, 503]);
    assert_eq!(statuses(&s, &["/a.txt?a=2&b=2", "/a.txt?a=2&b=2", "/a.txt?a=2", "/a.txt?a=2"]), [200, 503, 200, 503]);
}

#[test]
fn a_level_inherits_limits_only_if_it_has_none_of_its_own() {
    let zones = "limit_req_zone $arg_k zone=one:1m rate=1r/m; limit_req_zone $arg_k zone=two:1m rate=1r/m;
                 limit_req zone=one;";
    let s = limited(MAIN, zones, "location /b/ { limit_req zone=two burst=1 nodelay; }");
    assert_eq!(statuses(&s, &["/a.txt?k=1", "/a.txt?k=1"]), [200, 503]);
    assert_eq!(statuses(&s, &["/b/b.txt?k=1", "/b/b.txt?k=1", "/b/b.txt?k=1"]), [200, 200, 503]);
}

#[test]
fn an_internal_redirect_counts_no_second_time() {
    let zones = "limit_req_zone $arg_k zone=one:1m rate=1r/m;";
    let body =
        "error_page 503 /b/b.txt; error_page 404 /a.txt; limit_req zone=one; location /b/ { limit_req zone=one; }";
    let s = limited(MAIN, zones, body);
    assert_eq!(decided(&s.get("/a.txt?k=1"), "X-Req"), (200, Some("PASSED")));
    let page = s.get("/a.txt?k=1");
    assert_eq!((page.status, page.text(), page.field("X-Req")), (503, "b".to_owned(), Some("REJECTED")));
    let page = s.get("/absent?k=2");
    assert_eq!((page.status, page.text(), page.field("X-Req")), (404, "a".to_owned(), Some("PASSED")));
}

#[test]
fn a_dry_run_only_says_what_would_be() {
    let zones = "limit_req_zone $arg_k zone=one:1m rate=1r/m; limit_conn_zone $arg_k zone=conn:1m;";
    let s = limited(MAIN, zones, "limit_req_dry_run on; limit_req zone=one burst=1;");
    for decision in ["PASSED", "DELAYED_DRY_RUN", "REJECTED_DRY_RUN", "REJECTED_DRY_RUN"] {
        assert_eq!(decided(&s.get("/a.txt?k=1"), "X-Req"), (200, Some(decision)));
    }
    s.wait_said("delaying request, dry run, excess: ");
    s.wait_said("limiting requests, dry run, excess: ");
    wait_logged(&s, "/a.txt?k=1 200 req=DELAYED_DRY_RUN conn=-");
}

#[test]
fn a_delayed_request_is_answered_later() {
    let s = limited(MAIN, "limit_req_zone $arg_k zone=one:1m rate=60r/m;", "limit_req zone=one burst=9;");
    let (mut client, target) = delayed(&s, Client::send_get);
    assert_eq!(s.get("/a.txt").status, 200, "others do not wait");
    assert_eq!(decided(&client.response(), "X-Req"), (200, Some("DELAYED")));
    wait_logged(&s, &format!("{target} 200 req=DELAYED conn=-"));
    assert_eq!(client.get("/b/b.txt").text(), "b", "the connection goes on");
}

#[test]
fn requests_behind_a_delayed_one_stay_in_order() {
    let s = limited(MAIN, "limit_req_zone $arg_k zone=one:1m rate=20r/s;", "limit_req zone=one burst=99;");
    let mut client = s.connect();
    let targets: Vec<String> =
        (0..10).map(|n| if n % 2 == 0 { "/a.txt?k=1" } else { "/b/b.txt?k=1" }.to_owned()).collect();
    let all: String = targets.iter().map(|target| format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")).collect();
    client.send(all);
    for target in &targets {
        let expected = if target.starts_with("/a") { "a" } else { "b" };
        assert_eq!(client.response().expect(200, target).text(), expected);
    }
}

/// The client's time for a body that nobody reads yet does not pass.
#[test]
fn a_delayed_request_with_a_body_has_its_time() {
    let zones = "limit_req_zone $arg_k zone=one:1m rate=60r/m;";
    let s = limited(MAIN, zones, "limit_req zone=one burst=9; client_body_timeout 100ms;");
    let (mut client, _) = delayed(&s, |client, target| {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"));
    });
    assert_eq!(decided(&client.response(), "X-Req"), (200, Some("DELAYED")));
}

#[test]
fn a_client_that_leaves_while_its_request_is_delayed_is_not_waited_for() {
    let zones = "limit_req_zone $arg_k zone=one:1m rate=1r/m;";
    let s = limited(MAIN, zones, "limit_req zone=one burst=9;");
    s.get("/a.txt?k=1").expect(200, "the first");
    let mut client = s.connect();
    client.send_get("/a.txt?k=1");
    s.wait_said("delaying request, excess: ");
    drop(client);
    wait_logged(&s, "/a.txt?k=1 499 req=DELAYED conn=-");
    s.wait_said("the client closed while its request was delayed");
}

#[test]
fn a_zone_is_shared_by_all_workers() {
    let s = limited(TWO_WORKERS, "limit_req_zone $arg_k zone=one:1m rate=1r/m;", "limit_req zone=one;");
    let mut clients: Vec<Client> = (0..32).map(|_| s.connect()).collect();
    clients.iter_mut().for_each(|client| client.send_get("/a.txt?k=1"));
    let passed = clients.iter_mut().map(|client| client.response().status).filter(|status| *status == 200);
    assert_eq!(passed.count(), 1);
}

#[test]
fn a_zone_outlives_a_reload_that_does_not_change_its_key_or_size() {
    for main in [MAIN, TWO_WORKERS] {
        let s = limited(main, "limit_req_zone $arg_k zone=one:1m rate=1r/m;", "limit_req zone=one;");
        assert_eq!(statuses(&s, &["/a.txt?k=1"; 2]), [200, 503]);
        let rows = [
            ("$arg_k zone=one:1m rate=1r/m", "", 503),
            ("$arg_k zone=one:1m rate=2r/m", "burst=1 nodelay", 200),
            ("$arg_k zone=one:1m rate=2r/m", "burst=1 nodelay", 503),
            ("$arg_k zone=one:2m rate=1r/m", "", 200),
            ("$arg_k$arg_x zone=one:2m rate=1r/m", "", 200),
            ("$arg_k$arg_x zone=one:2m rate=1r/m", "", 503),
        ];
        for (zone, options, status) in rows {
            let limit = format!("limit_req zone=one {options};");
            s.rewrite(main, &configured(&format!("limit_req_zone {zone};"), &limit));
            let before = s.said().matches("is in use").count();
            s.process.signal("HUP");
            wait_for("the reload", || (s.said().matches("is in use").count() > before).then_some(()));
            let ask = || {
                // Another worker may follow the reload later, and a connection is answered by the rules that it finds.
                let mut client = s.connect();
                client.get("/b/b.txt");
                client.get("/a.txt?k=1").status
            };
            if main == MAIN {
                assert_eq!(ask(), status, "{zone} {options}");
            }
        }
    }
}

#[test]
fn a_key_has_as_many_requests_at_a_time_as_it_may() {
    let s = limited(
        MAIN,
        "limit_conn_zone $arg_k zone=conn:1m;",
        "limit_conn conn 2; location /b/ { limit_conn conn 3; limit_conn_status 429; limit_conn_log_level info; }
         location /dry/ { alias html/; limit_conn conn 1; limit_conn_dry_run on; }",
    );
    let mut held: Vec<Client> = (0..2).map(|_| s.connect()).collect();
    held.iter_mut().for_each(|client| client.send_get("/hold.sh?k=1"));
    wait_for("both programs", || (harness::scripts::children(s.process.pid()).len() == 2).then_some(()));
    assert_eq!(decided(&s.get("/a.txt?k=1"), "X-Conn"), (503, Some("REJECTED")));
    s.wait_said("limiting connections by zone \"conn\"");
    assert_eq!(decided(&s.get("/a.txt?k=2"), "X-Conn"), (200, Some("PASSED")), "another key");
    assert_eq!(decided(&s.get("/a.txt"), "X-Conn"), (200, None), "no key, no limit");
    assert_eq!(decided(&s.get("/b/b.txt?k=1"), "X-Conn"), (200, Some("PASSED")), "a third place here");
    assert_eq!(decided(&s.get("/dry/a.txt?k=1"), "X-Conn"), (200, Some("REJECTED_DRY_RUN")));
    s.wait_said("limiting connections, dry run, by zone \"conn\"");
    s.write("html/go", b"");
    for client in &mut held {
        assert_eq!(client.response().text(), "held\n");
    }
    assert_eq!(s.get("/a.txt?k=1").status, 200, "the connections are open, but have no request");
    wait_logged(&s, "/hold.sh?k=1 200 req=- conn=PASSED");
}

/// The place is held until the last byte has left, also if no log needs that time, and given back when the client goes.
#[test]
fn a_place_is_held_as_long_as_the_response_is_sent() {
    for (main, log) in [("error_log stderr notice;", "access_log off;"), (MAIN, "")] {
        let s = limited(main, "limit_conn_zone $server_port zone=conn:1m;", &format!("{log} limit_conn conn 1;"));
        for _ in 0..3 {
            let mut reader = s.connect();
            reader.send_get("/big");
            reader.wait_some();
            assert_eq!(s.get("/a.txt").status, 503);
            drop(reader);
            wait_for("the place", || (s.get("/a.txt").status == 200).then_some(()));
        }
        let mut reader = s.connect();
        reader.send_get("/big");
        assert_eq!(reader.response().body.len(), BIG);
        wait_for("the place", || (s.get("/a.txt").status == 200).then_some(()));
    }
}

/// However a request ends, its place is free for the next one.
#[test]
fn a_place_is_given_back_after_every_kind_of_end() {
    let s = limited(
        MAIN,
        "limit_conn_zone $server_port zone=conn:1m;",
        "limit_conn conn 1; client_max_body_size 10;
         location /drop { return 444; } location /moved { return 301 /a.txt; } error_page 404 /b/b.txt;
         location /shut.sh { cgi on; }",
    );
    let requests = [
        "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n",
        "HEAD /a.txt HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /absent HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /drop HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /moved HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /shut.sh HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\nGET /b/b.txt HTTP/1.1\r\nHost: h\r\n\r\n",
    ];
    for request in requests {
        let mut client = s.connect();
        client.send(request);
        client.half_close();
        client.rest();
        wait_for(request, || (s.get("/a.txt").status == 200).then_some(()));
    }
    // A program that is cancelled because its client resets the connection.
    let mut client = s.connect();
    client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\nGET /hold.sh HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for("the program", || s.path("html/begun").exists().then_some(()));
    assert_eq!(s.get("/b/b.txt").status, 503);
    drop(client); // the unread answer makes the kernel reset the connection
    wait_for("the place", || (s.get("/b/b.txt").status == 200).then_some(()));
}

/// The place of the first is given back when its response has left, and the second waits for that.
#[test]
fn pipelined_requests_need_one_place() {
    let s = limited(MAIN, "limit_conn_zone $server_port zone=conn:1m;", "limit_conn conn 1;");
    let mut client = s.connect();
    client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n".repeat(5));
    for _ in 0..5 {
        assert_eq!(decided(&client.response(), "X-Conn"), (200, Some("PASSED")));
    }
    let (mut holder, mut client) = (s.connect(), s.connect());
    holder.send_get("/big");
    holder.wait_some();
    client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n".repeat(5));
    for _ in 0..5 {
        assert_eq!(decided(&client.response(), "X-Conn"), (503, Some("REJECTED")));
    }
}

#[test]
fn several_limits_of_one_request_are_given_back_together() {
    let s = limited(
        MAIN,
        "limit_conn_zone $arg_a zone=a:1m; limit_conn_zone $arg_b zone=b:1m;",
        "limit_conn a 1; limit_conn b 1;",
    );
    let mut held = s.connect();
    held.send_get("/hold.sh?b=1");
    wait_for("the program", || s.path("html/begun").exists().then_some(()));
    assert_eq!(s.get("/a.txt?a=1&b=1").status, 503, "refused by b");
    assert_eq!(s.get("/a.txt?a=1").status, 200, "so its place of a is free");
    s.write("html/go", b"");
    held.response().expect(200, "/hold.sh");
    assert_eq!(s.get("/a.txt?a=1&b=1").status, 200);
}

#[test]
fn places_are_shared_by_all_workers() {
    let s = limited(TWO_WORKERS, "limit_conn_zone $server_port zone=conn:1m;", "limit_conn conn 3;");
    let mut clients: Vec<Client> = (0..24).map(|_| s.connect()).collect();
    clients.iter_mut().for_each(|client| client.send_get("/big"));
    clients.iter_mut().for_each(Client::wait_some);
    let refused = wait_for("all decisions", || {
        let refused = s.said().matches("limiting connections by zone").count();
        (refused >= 21).then_some(refused)
    });
    assert_eq!(refused, 21);
}
