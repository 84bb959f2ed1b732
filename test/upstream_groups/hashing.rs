//! `hash`, `ip_hash` and `random`: a key stays with its server.

use super::harness::{each, server};
use super::{answers, group, http, named, nobody};
use std::collections::BTreeMap;

/// A key always goes to the same server, and the keys are spread over all servers.
#[test]
fn a_key_stays_with_its_server() {
    each(["hash $arg_k;", "hash $arg_k consistent;", "hash $uri$arg_k consistent;"], |method| {
        let group = group(&format!("{method} server A; server B; server C;"));
        let mut client = group.s.connect();
        let mut first = BTreeMap::new();
        for _ in 0..3 {
            for key in 0..30 {
                let name = client.get(&format!("/x?k={key}")).text();
                assert_eq!(*first.entry(key).or_insert_with(|| name.clone()), name, "key {key}");
            }
        }
        for name in ["a", "b", "c"] {
            assert!(first.values().any(|it| it == name), "{name}: {first:?}");
        }
    });
}

/// With `consistent`, only the keys of the server that has gone move.
#[test]
fn few_keys_move_when_a_server_goes() {
    let moved = |method: &str| {
        let ups = ["a", "b", "c"].map(named);
        let addresses = ups.each_ref().map(|up| &up.address[..]);
        let of = |directives: &str| {
            let s = server(&http(&format!("{method} {directives}"), &addresses), &[]);
            let mut client = s.connect();
            (0..60).map(|key| client.get(&format!("/x?k={key}")).text()).collect::<Vec<_>>()
        };
        let (all, fewer) = (of("server A; server B; server C;"), of("server A; server C;"));
        all.iter().zip(&fewer).filter(|(before, after)| *before != "b" && before != after).count()
    };
    assert_eq!(moved("hash $arg_k consistent;"), 0);
    assert!(moved("hash $arg_k;") > 0);
}

/// An empty key goes round.
#[test]
fn without_a_key_the_servers_take_turns() {
    each(["hash $arg_k;", "hash $arg_k consistent;"], |method| {
        let group = group(&format!("{method} server A; server B; server C;"));
        assert_eq!(answers(&mut group.s.connect(), 6), "abcabc");
    });
}

/// The first three bytes of an IPv4 address say the server.
#[test]
fn clients_of_one_network_have_one_server() {
    let ups = ["a", "b", "c"].map(named);
    let addresses = ups.each_ref().map(|up| &up.address[..]);
    let text = http("ip_hash; server A; server B; server C;", &addresses);
    let s = server(&format!("set_real_ip_from 127.0.0.1; real_ip_header X-Ip;\n{text}"), &[]);
    let of = |ip: &str| s.get_with("/x", &format!("X-Ip: {ip}\r\n")).text();
    let mut seen = BTreeMap::new();
    for third in 0..20 {
        let names = [1, 7, 254].map(|last| of(&format!("192.0.{third}.{last}")));
        assert!(names.iter().all(|name| *name == names[0]), "192.0.{third}: {names:?}");
        *seen.entry(names[0].clone()).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert_eq!(of("2001:db8::1"), of("2001:db8::1"));
}

/// A server that cannot be used gives its keys to others for that time.
#[test]
fn a_key_of_a_failed_server_goes_to_another_one() {
    each(["hash $arg_k;", "hash $arg_k consistent;", "ip_hash;", "random;", "random two;"], |method| {
        let ups = ["b", "c"].map(named);
        let addresses = [&nobody()[..], &ups[0].address, &ups[1].address];
        let s = server(&http(&format!("{method} server A fail_timeout=1h; server B; server C down;"), &addresses), &[]);
        let mut client = s.connect();
        for key in 0..20 {
            assert_eq!(client.get(&format!("/x?k={key}")).expect(200, "a key").text(), "b");
        }
    });
}

#[test]
fn random_servers() {
    each(["random;", "random two;", "random two least_conn;"], |method| {
        let group = group(&format!("{method} server A; server B; server C;"));
        let all = answers(&mut group.s.connect(), 100);
        assert!(["a", "b", "c"].iter().all(|name| all.contains(name)), "{all}");
        assert!(!all.starts_with("abcabcabcabcabcabcabcabc"), "{all}");
    });
    let group = group("random; server A weight=50; server B; server C down;");
    let all = answers(&mut group.s.connect(), 100);
    assert!(all.matches('a').count() > all.matches('b').count() && !all.contains('c'), "{all}");
}
