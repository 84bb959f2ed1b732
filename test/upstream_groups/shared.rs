//! `zone`: all workers share what is known of the servers, and a reload keeps it.

use super::harness::{Server, Setup, wait_for};
use super::{http, named, nobody};

const MAIN: &str = "worker_processes 2; error_log stderr notice;";

/// The names of the servers that answer requests of new connections, which may come to any worker.
fn names(s: &Server, count: usize) -> String {
    (0..count).map(|_| s.get("/x").text()).collect()
}

/// How many of some requests have asked two servers, since the first one has failed.
fn failed(s: &Server, count: usize) -> usize {
    (0..count).filter(|_| s.get("/x").must("X-Addr").contains(", ")).count()
}

/// Replaces the configuration, and waits until the new one is in use.
fn reload(s: &Server, http: &str) {
    s.rewrite(MAIN, http);
    let before = s.said().len();
    s.process.signal("HUP");
    wait_for("the reload", || s.said()[before..].contains("is in use").then_some(()));
}

#[test]
fn workers_share_the_turns() {
    let ups = ["a", "b"].map(named);
    let addresses = ups.each_ref().map(|up| &up.address[..]);
    let s = Setup::new(&http("zone app 64k; server A; server B;", &addresses), &[]).main(MAIN).start();
    assert_eq!(names(&s, 40), "ab".repeat(20));
}

#[test]
fn workers_share_failures() {
    let (b, address) = (named("b"), nobody());
    let text = http("zone app 64k; server A fail_timeout=1h; server B;", &[&address, &b.address]);
    let s = Setup::new(&text, &[]).main(MAIN).start();
    assert_eq!(failed(&s, 40), 1);
}

/// With the same zone and servers, what is known stays; without, it begins anew.
#[test]
fn a_reload_keeps_what_a_zone_knows() {
    let (b, address) = (named("b"), nobody());
    let text = |directives: &str| http(directives, &[&address, &b.address]);
    let (servers, other) = ("server A fail_timeout=1h; server B;", "server A fail_timeout=2h; server B;");
    let (zone, other) = (text(&format!("zone app 64k; {servers}")), text(&format!("zone app 64k; {other}")));
    let s = Setup::new(&zone, &[]).main(MAIN).start();
    assert_eq!(failed(&s, 20), 1);
    reload(&s, &zone);
    assert_eq!(failed(&s, 20), 0, "it is known that it has failed");
    reload(&s, &format!("{zone}\n# the same with another host\nserver {{ listen 127.0.0.2:0; }}"));
    assert_eq!(failed(&s, 20), 0);
    reload(&s, &other);
    assert_eq!(failed(&s, 20), 1, "other servers");
    reload(&s, &text(servers));
    assert!((1..=2).contains(&failed(&s, 20)), "each worker finds it out");
}
