//! `max_fails` and `fail_timeout`: a server that fails is left alone for a while.

use super::harness::gateways::Protocol;
use super::harness::upstream::{Served, Upstream};
use super::harness::{Client, server, wait_for};
use super::{answers, http, named, nobody, with};

/// The number of servers that each of some requests has asked.
fn asked(client: &mut Client, count: usize) -> Vec<usize> {
    (0..count).map(|_| client.get("/x").must("X-Addr").split(", ").count()).collect()
}

#[test]
fn a_server_that_fails_often_is_left_alone() {
    let b = named("b");
    for (options, expected) in [
        ("", &[2, 1, 1, 1, 1, 1, 1, 1][..]),
        ("max_fails=1 fail_timeout=1h", &[2, 1, 1, 1, 1, 1, 1, 1]),
        ("max_fails=2 fail_timeout=1h", &[2, 2, 1, 1, 1, 1]),
        ("max_fails=3 fail_timeout=1h", &[2, 2, 2, 1, 1, 1]),
    ] {
        // The second server is tried in the turn of the first one, so the first one's turn is next again.
        let directives = format!("server A {options} weight=100; server B weight=1;");
        let s = server(&http(&directives, &[&nobody(), &b.address]), &[]);
        assert_eq!(asked(&mut s.connect(), expected.len()), expected, "{options}");
    }
}

#[test]
fn a_server_without_max_fails_is_always_asked() {
    let b = named("b");
    let s = server(&http("server A max_fails=0; server B;", &[&nobody(), &b.address]), &[]);
    let asked = asked(&mut s.connect(), 20);
    assert!(asked.iter().filter(|count| **count == 2).count() >= 5, "{asked:?}");
}

/// A group of one server has no other one to step in: it is asked each time.
#[test]
fn the_only_server_is_always_asked() {
    let address = nobody();
    let s = server(&http("server A fail_timeout=1h;", &[&address]), &[]);
    let mut client = s.connect();
    for _ in 0..3 {
        client.get("/x").expect(502, "nobody listens");
    }
    let a = Upstream::again(Protocol::Http, &address).serve(|_| Protocol::Http.ok(b"a"));
    assert_eq!(answers(&mut client, 3), "aaa");
    drop(a);
}

/// After `fail_timeout`, one request finds out whether the server is back, and then it has its turns again.
#[test]
fn a_server_comes_back() {
    let (address, b) = (nobody(), named("b"));
    let s = server(&http("server A fail_timeout=1s; server B;", &[&address, &b.address]), &[]);
    let mut client = s.connect();
    assert_eq!(answers(&mut client, 4), "bbbb");
    let a = Upstream::again(Protocol::Http, &address).serve(|_| Protocol::Http.ok(b"a"));
    wait_for("the server that is back", || (client.get("/x").text() == "a").then_some(()));
    let all = answers(&mut client, 10);
    assert!(all.matches('a').count() >= 4, "{all}");
    drop(a);
}

/// The status comes with all of the answer: the server had been given back before it was judged.
#[test]
fn a_status_that_counts_as_a_failure_counts_also_in_a_whole_answer() {
    let failing: fn() -> Served =
        || Upstream::tcp(Protocol::Http).serve(|_| Protocol::Http.answer(500, "Content-Length: 2\r\n", b"no"));
    let (a, b) = (failing(), named("b"));
    let text = http("server A fail_timeout=1h; server B;", &[&a.address, &b.address]);
    let s = server(&text.replace("proxy_pass", "proxy_next_upstream http_500; proxy_pass"), &[]);
    assert_eq!(asked(&mut s.connect(), 6), [2, 1, 1, 1, 1, 1]);
    assert_eq!(a.requests().iter().sum::<usize>(), 1);
}

#[test]
fn without_any_server_it_is_a_bad_gateway() {
    let addresses = [nobody(), nobody()];
    let addresses = addresses.each_ref().map(|address| &address[..]);
    let s = server(&http("server A fail_timeout=1h; server B fail_timeout=1h;", &addresses), &[]);
    let mut client = s.connect();
    assert_eq!(
        client.get("/x").expect(502, "the first").must("X-Addr"),
        with("A, B", &addresses).replace("A,", &format!("{},", addresses[0]))
    );
    assert_eq!(client.get("/x").expect(502, "nobody is asked").must("X-Addr"), "app");
    s.wait_said("\"app\" has no live upstreams");
}
