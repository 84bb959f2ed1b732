//! Round robin: weights, servers that are down, and backups.

use super::harness::{each, server};
use super::{answers, group, http, named, nobody};

/// The order is nginx's: a server with a high weight does not get its requests in a row.
#[test]
fn servers_take_turns_by_weight() {
    let rows = [
        ("server A; server B; server C;", "abcabcabc"),
        ("server A weight=2; server B;", "abaaba"),
        ("server A weight=5; server B; server C;", "aabacaaaabacaa"),
        ("server A weight=3; server B weight=2;", "ababaababa"),
        ("server A; server B weight=2; server C weight=3;", "cbacbccbacbc"),
        ("server A; server B down; server C;", "acacac"),
        ("server A down; server B weight=9 down; server C;", "ccc"),
        ("server A; server A; server B;", "aabaab"),
        ("server A;", "aaa"),
        ("keepalive 0; server A; server B;", "abab"),
    ];
    each(rows, |(directives, expected)| {
        let group = group(directives);
        assert_eq!(answers(&mut group.s.connect(), expected.len()), *expected);
    });
}

/// Each address of a name is a server of its own. (A test cannot give a name two addresses, so the name has one.)
#[test]
fn a_server_may_be_named() {
    let (a, b) = (named("a"), named("b"));
    let name = |address: &str| address.replace("127.0.0.1", "localhost");
    let s = server(&http("server A; server B;", &[&name(&a.address), &b.address]), &[]);
    let all = answers(&mut s.connect(), 8);
    assert!(all.contains('a') && all.contains('b'), "{all}");
}

#[test]
fn backups_wait_until_no_other_server_is_left() {
    let rows = [
        ("server A; server B backup; server C backup;", "aaaa"),
        ("server A down; server B backup; server C backup;", "bcbc"),
        ("server A down; server B backup down; server C backup;", "cccc"),
        ("least_conn; server A down; server B backup; server C backup;", "bcbc"),
    ];
    each(rows, |(directives, expected)| {
        let group = group(directives);
        assert_eq!(answers(&mut group.s.connect(), expected.len()), *expected);
    });
    let (b, c) = (named("b"), named("c"));
    let directives = "server A fail_timeout=1h; server B backup; server C backup weight=2;";
    let s = server(&http(directives, &[&nobody(), &b.address, &c.address]), &[]);
    assert_eq!(answers(&mut s.connect(), 6), "cbccbc");
}

/// `$upstream_addr` has all servers that were asked, and a group is found by variables, too.
#[test]
fn a_group_may_be_named_by_variables() {
    let (a, b) = (named("a"), named("b"));
    let text = http("server A; server B;", &[&a.address, &b.address]);
    let s = server(&text.replace("http://app", "http://$arg_to"), &[]);
    let mut client = s.connect();
    for (to, name, address) in [("app", "a", &a.address), ("APP", "b", &b.address), ("app", "a", &a.address)] {
        let response = client.get(&format!("/?to={to}"));
        assert_eq!((&response.text()[..], response.must("X-Addr")), (name, &address[..]));
    }
    assert_eq!(client.get("/?to=app:80").status, 502, "a group has no port");
}
