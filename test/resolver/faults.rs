//! Names without addresses, and name servers that are silent, wrong, or imitated: what the client gets, and what the
//! log says.

use super::harness::name_server::{CUT_OFF, NameServer, a};
use super::harness::{Random, each, site, wait_for};
use super::{passing, passing_with, serve};
use std::net::UdpSocket;

#[test]
fn without_an_address_the_status_is_502() {
    // The RCODEs for IPv4 and IPv6.
    let rows = [
        (0, 0, "3: Host not found"),
        (3, 3, "3: Host not found"),
        (2, 2, "2: Server failure"),
        (0, 2, "2: Server failure"),
        (1, 1, "1: Format error"),
        (5, 5, "5: Operation refused"),
    ];
    each(rows, |(first, second, why)| {
        let (ns, up, s) = passing("");
        let mut client = s.connect();
        for time in ["first", "second"] {
            client.send_get("/a.example");
            let [ipv4, ipv6] = ns.asked_both("a.example");
            ns.send(&ipv4, &ipv4.answer(*first, &[]));
            ns.send(&ipv6, &ipv6.answer(*second, &[]));
            client.response().expect(502, time);
        }
        up.assert_not_asked(why);
        let line = format!("\"a.example\" could not be resolved ({why}) while");
        wait_for(&line, || (s.said().matches(&line).count() == 2).then_some(()));
    });
}

#[test]
fn variables_know_the_host_that_has_no_address() {
    let ns = NameServer::new();
    let location = "add_header X-Said \"$proxy_host $proxy_port,$upstream_addr.\" always; proxy_pass http://$arg_to/;";
    let s = site(&format!("location / {{ resolver {} ipv6=off; {location} }}", ns.address()), &[]);
    let mut client = s.connect();
    client.send_get("/?to=a.example:81");
    let asked = ns.asked();
    ns.send(&asked, &asked.answer(3, &[]));
    assert_eq!(client.response().expect(502, "no such name").must("X-Said"), "a.example:81 81,.");
}

#[test]
fn names_that_cannot_be_are_not_asked_for() {
    let (ns, _, s) = passing("");
    for host in ["a..b", ".a", &"x".repeat(64)] {
        s.get(&format!("/{host}")).expect(502, host);
        s.wait_said(&format!("\"{host}\" could not be resolved (3: Host not found)"));
    }
    ns.assert_not_asked("they are no names");
}

#[test]
fn what_the_text_lacks_is_said() {
    let ns = NameServer::new();
    let rows = [
        ("", "proxy_pass http://$arg_to:81;", "a", 502, "no resolver defined to resolve \"a\""),
        ("resolver NS;", "proxy_pass http://$arg_to;", "a:0", 500, "invalid port in upstream \"a:0\""),
        ("resolver NS;", "proxy_pass http://$arg_to;", "[::1", 500, "invalid host in upstream \"[::1\""),
        ("resolver NS;", "proxy_pass http://$arg_to;", ":81", 500, "no host in upstream \":81\""),
        ("resolver NS;", "fastcgi_pass $arg_to;", "a", 500, "no port in upstream \"a\""),
    ];
    each(rows, |(resolver, pass, to, status, line)| {
        let resolver = resolver.replace("NS", &ns.address().to_string());
        let s = site(&format!("location / {{ {resolver} {pass} }}"), &[]);
        s.get(&format!("/?to={to}")).expect(*status, to);
        s.wait_said(line);
    });
    ns.assert_not_asked("no text was a host");
}

#[test]
fn a_name_server_may_be_silent() {
    let (ns, _, s) = passing("; resolver_timeout 100ms");
    let mut client = s.connect();
    client.send_get("/a");
    ns.asked_both("a");
    client.response().expect(502, "/a");
    s.wait_said("\"a\" could not be resolved (110: Operation timed out)");
    client.send_get("/a");
    ns.answer_both("a", &[a(60, 9)]); // the question is asked anew
}

#[test]
fn the_next_name_server_is_asked_after_a_silent_one() {
    let (silent, ns) = (NameServer::new(), NameServer::new());
    let (up, s) = passing_with(&format!("{} {}", silent.address(), ns.address()), "");
    let mut client = s.connect();
    client.send_get("/a");
    let late = silent.asked_both("a");
    ns.answer_both("a", &[a(60, 1)]); // some seconds later
    late.iter().for_each(|question| silent.answer(question, &[a(60, 9)]));
    serve(&up);
    assert_eq!(client.response().expect(200, "/a").must("X-To"), up.address);
    client.send_get("/b");
    ns.answer_both("b", &[a(60, 1)]); // the name servers take turns
    serve(&up);
    client.response().expect(200, "/b");
}

#[test]
fn one_kind_without_an_answer_does_not_matter_for_long() {
    let (ns, up, s) = passing("");
    let mut client = s.connect();
    client.send_get("/a");
    let [ipv4, _] = ns.asked_both("a");
    ns.answer(&ipv4, &[a(60, 1)]);
    serve(&up);
    client.response().expect(200, "/a");
}

#[test]
fn a_name_server_that_refuses_is_passed_over_at_once() {
    let gone = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let ns = NameServer::new();
    let (up, s) = passing_with(&format!("{gone} {}", ns.address()), "ipv6=off");
    let mut client = s.connect();
    client.send_get("/a");
    ns.answer(&ns.asked(), &[a(60, 1)]);
    serve(&up);
    client.response().expect(200, "/a");
    s.wait_said(&format!("the name server {gone}, asked for \"a\""));
    for rcode in [1, 4, 5] {
        let first = NameServer::new();
        let (up, s) = passing_with(&format!("{} {}", first.address(), ns.address()), "ipv6=off");
        let mut client = s.connect();
        client.send_get("/a");
        let question = first.asked();
        first.send(&question, &question.answer(rcode, &[]));
        ns.answer(&ns.asked(), &[a(60, 1)]);
        serve(&up);
        client.response().expect(200, "/a");
    }
}

#[test]
fn no_name_server_is_there() {
    let gone = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let (_, s) = passing_with(&gone.to_string(), "; resolver_timeout 200ms");
    s.get("/a").expect(502, "/a");
    s.wait_said("\"a\" could not be resolved (110: Operation timed out)");
    assert!(s.said().matches(&format!("the name server {gone}, asked for \"a\"")).count() < 5, "{}", s.said());
    s.assert_alive("it");
}

#[test]
fn messages_that_answer_another_question_are_not_used() {
    let (ns, up, s) = passing("ipv6=off");
    let mut client = s.connect();
    client.send_get("/a");
    let asked = ns.asked();
    let evil = [a(60, 9)];
    let mut other_id = asked.answer(0, &evil);
    other_id[0] ^= 1;
    let mut other_name = asked.answer(0, &evil);
    other_name[13] ^= 1;
    let mut other_kind = asked.answer(0, &evil);
    other_kind[16] ^= 1;
    for message in [&other_id[..], &other_name, &other_kind, &asked.message, b"", &asked.message[..11], &[0; 600]] {
        ns.send(&asked, message);
    }
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a port");
    stranger.send_to(&asked.answer(0, &evil), asked.from).expect("send");
    ns.answer(&asked, &[a(60, 1)]);
    serve(&up);
    assert_eq!(client.response().expect(200, "/a").must("X-To"), up.address);
}

#[test]
fn a_broken_answer_is_not_used_and_is_logged() {
    let (ns, up, s) = passing("ipv6=off");
    let mut client = s.connect();
    client.send_get("/a");
    let asked = ns.asked();
    ns.send(&asked, &asked.answer(0, &[(1, 60, vec![127])]));
    ns.answer(&asked, &[a(60, 1)]);
    serve(&up);
    client.response().expect(200, "/a");
    s.wait_said(&format!("the name server {} is not used: an A record without 4 bytes", ns.address()));
}

#[test]
fn a_guesser_is_left_behind() {
    let (ns, up, s) = passing("ipv6=off");
    let mut client = s.connect();
    client.send_get("/a");
    let asked = ns.asked();
    for number in 0..16 {
        let mut guess = asked.answer(0, &[a(60, 9)]);
        guess[1] ^= number + 1;
        ns.send(&asked, &guess);
    }
    let again = ns.asked();
    assert_ne!(again.from, asked.from);
    ns.answer(&again, &[a(60, 1)]);
    serve(&up);
    assert_eq!(client.response().expect(200, "/a").must("X-To"), up.address);
}

#[test]
fn garbage_does_no_harm() {
    let (ns, _, s) = passing("ipv6=off; resolver_timeout 1s");
    let mut random = Random(15);
    for number in 0..8 {
        let mut client = s.connect();
        client.send_get(&format!("/host{number}"));
        let asked = ns.asked();
        let right = asked.answer(0, &[a(60, 9), (5, 60, vec![0xc0, 0x0c]), a(60, 9)]);
        for _ in 0..15 {
            let mut message = right.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(message.len());
                message[at] = random.next() as u8;
            }
            message.truncate(message.len() - random.below(20));
            ns.send(&asked, &message);
        }
        client.response().expect(502, "/a"); // or the address 127.0.0.9, where nobody listens
        while ns.asked_within_1_ms().is_some() {}
    }
    s.assert_alive("garbage");
}

/// Each name that is being asked for needs a descriptor, so there is a limit.
#[test]
fn too_many_names() {
    let (ns, _, s) = passing("ipv6=off");
    let mut clients = Vec::new();
    for number in 0..256 {
        let mut client = s.connect();
        client.send_get(&format!("/host{number}"));
        ns.asked();
        clients.push(client);
    }
    s.get("/other").expect(502, "one more");
    s.wait_said("\"other\" could not be resolved (too many names are being asked for)");
    clients.pop();
    wait_for("the next name is asked for", || {
        let mut client = s.connect();
        client.send_get("/other");
        ns.asked_unless_answered(&mut client)
    });
    ns.assert_not_asked("all others wait");
}

#[test]
fn tcp_may_fail() {
    let (ns, up, s) = passing("ipv6=off");
    let mut client = s.connect();
    client.send_get("/a");
    let asked = ns.asked();
    ns.send(&asked, &asked.answer(CUT_OFF, &[]));
    let (wire, _) = ns.asked_by_tcp(1);
    drop(wire);
    s.wait_said("it closed the connection without an answer");
    ns.answer(&ns.asked(), &[a(60, 1)]); // a second later, over UDP
    serve(&up);
    client.response().expect(200, "/a");
}
