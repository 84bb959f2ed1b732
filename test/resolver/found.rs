//! Names that have addresses: what is asked, how long an answer holds, and which server gets the request.

use super::harness::gateways::Protocol;
use super::harness::name_server::{A, AAAA, CUT_OFF, NameServer, Question, a, aaaa, cname};
use super::harness::upstream::Upstream;
use super::harness::{Client, Server, each, site, wait_for};
use super::{passing, serve};

#[test]
fn a_name_is_asked_for_once() {
    let (ns, up, s) = passing("");
    let mut client = s.connect();
    client.send_get("/App.Example.");
    ns.answer_both("app.example", &[a(60, 1)]);
    assert_eq!(serve(&up), "App.Example.", "the server behind gets the name as it is written");
    let response = client.response().expect(200, "the first");
    assert_eq!(response.must("X-To"), up.address);
    for host in ["/app.example", "/APP.EXAMPLE"] {
        client.send_get(host);
        serve(&up);
        client.response().expect(200, host);
    }
    ns.assert_not_asked("the answer is known");
    client.send_get("/other.example");
    ns.answer_both("other.example", &[a(60, 1)]);
    serve(&up);
    client.response().expect(200, "another name");
}

/// Sends requests for /a until a question comes. Returns it, while a request waits.
#[track_caller]
fn asked_again(ns: &NameServer, up: &Upstream, client: &mut Client) -> Question {
    wait_for("another question", || {
        client.send_get("/a");
        let asked = wait_for("a question or a request", || match up.accepted() {
            Some(mut peer) => {
                peer.ask();
                peer.ok(b"well");
                Some(None)
            }
            None => ns.asked_within_1_ms().map(Some),
        });
        if asked.is_none() {
            client.response().expect(200, "while the answer holds");
        }
        asked
    })
}

#[test]
fn an_answer_holds_as_long_as_it_says_or_as_valid_says() {
    each([("", 1), ("valid=1s", 3600)], |(options, ttl)| {
        let (ns, up, s) = passing(options);
        let mut client = s.connect();
        client.send_get("/a");
        ns.answer_both("a", &[a(*ttl, 1)]);
        serve(&up);
        client.response().expect(200, "the first");
        let again = asked_again(&ns, &up, &mut client);
        assert_eq!((&again.name[..], again.from.ip()), ("a", ns.address().ip()));
    });
}

#[test]
fn an_answer_without_time_is_used_once() {
    let (ns, up, s) = passing("");
    for _ in 0..2 {
        let mut client = s.connect();
        client.send_get("/a");
        ns.answer_both("a", &[a(0, 1)]);
        serve(&up);
        client.response().expect(200, "/a");
    }
    let (ns, up, s) = passing("valid=1h");
    let mut client = s.connect();
    client.send_get("/a");
    ns.answer_both("a", &[a(0, 1)]);
    serve(&up);
    client.response().expect(200, "/a");
    client.send_get("/a");
    serve(&up);
    client.response().expect(200, "valid says longer");
    ns.assert_not_asked("valid says longer");
}

#[test]
fn each_round_of_questions_has_a_port_and_ids_of_its_own() {
    let (ns, up, s) = passing("");
    let mut ports = Vec::new();
    let mut ids = Vec::new();
    for number in 0..4 {
        let mut client = s.connect();
        client.send_get(&format!("/host{number}"));
        let both = ns.asked_both(&format!("host{number}"));
        assert_eq!(both[0].from, both[1].from);
        ports.push(both[0].from.port());
        ids.extend(both.iter().map(|question| question.message[..2].to_vec()));
        ns.answer(&both[1], &[]);
        ns.answer(&both[0], &[a(60, 1)]);
        serve(&up);
        client.response().expect(200, "in the other order");
    }
    for values in [ports.into_iter().map(|port| port.to_be_bytes().to_vec()).collect(), ids] {
        let mut values: Vec<Vec<u8>> = values;
        values.sort();
        values.dedup();
        assert!(values.len() >= 3, "they are guessed: {values:?}");
    }
}

#[test]
fn one_kind_of_address_may_be_off() {
    each([("ipv6=off", A), ("ipv4=off", AAAA)], |(options, kind)| {
        let (ns, up, s) = passing(options);
        let mut client = s.connect();
        client.send_get("/a");
        let asked = ns.asked();
        assert_eq!(asked.kind, *kind);
        let record = if *kind == A { a(60, 1) } else { aaaa(60, "::ffff:127.0.0.1") };
        ns.answer(&asked, &[record]);
        serve(&up);
        client.response().expect(200, options);
        ns.assert_not_asked(options);
    });
}

#[test]
fn addresses_of_both_kinds_are_used() {
    let (ns, up, s) = passing("");
    let mut client = s.connect();
    client.send_get("/a");
    let [ipv4, ipv6] = ns.asked_both("a");
    ns.answer(&ipv6, &[aaaa(60, "::ffff:127.0.0.1")]);
    ns.answer(&ipv4, &[a(60, 9)]); // nobody listens there
    serve(&up);
    let port = up.address.rsplit(':').next().expect("a port");
    let tried = format!("127.0.0.9:{port}, [::ffff:127.0.0.1]:{port}");
    assert_eq!(client.response().expect(200, "/a").must("X-To"), tried, "IPv4 comes first");
}

#[test]
fn the_addresses_take_turns() {
    let (ns, up, s) = passing("");
    let port = up.address.rsplit(':').next().expect("a port");
    let mut firsts = Vec::new();
    for number in 0..2 {
        let mut client = s.connect();
        client.send_get("/a");
        if number == 0 {
            ns.answer_both("a", &[a(60, 1), a(60, 9)]);
        }
        serve(&up);
        firsts.push(client.response().expect(200, "/a").must("X-To").to_owned());
    }
    firsts.sort();
    assert_eq!(firsts, [up.address.clone(), format!("127.0.0.9:{port}, {}", up.address)]);
}

#[test]
fn aliases_are_followed() {
    let (ns, up, s) = passing("");
    let mut client = s.connect();
    client.send_get("/a");
    let both = ns.asked_both("a");
    both.iter().for_each(|question| ns.answer(question, &[cname(60, "b.example")]));
    let both = ns.asked_both("b.example");
    both.iter().for_each(|question| ns.answer(question, &[cname(60, "c.example")]));
    ns.answer_both("c.example", &[a(60, 1)]);
    assert_eq!(serve(&up), "a");
    client.response().expect(200, "/a");
}

#[test]
fn an_alias_may_come_with_its_addresses() {
    let (ns, up, s) = passing("");
    let mut client = s.connect();
    client.send_get("/a");
    let [ipv4, ipv6] = ns.asked_both("a");
    let mut answer = ipv4.answer(0, &[cname(60, "b"), a(60, 1)]);
    let owner = answer.len() - 16;
    assert_eq!(answer[owner..owner + 2], *b"\xc0\x0c");
    answer[owner + 1] = (ipv4.message.len() + 12) as u8; // the second record is about "b"
    ns.send(&ipv4, &answer);
    ns.answer(&ipv6, &[]);
    serve(&up);
    client.response().expect(200, "/a");
}

#[test]
fn an_answer_that_is_cut_off_is_asked_for_over_tcp() {
    let (ns, up, s) = passing("");
    let mut client = s.connect();
    client.send_get("/a");
    let both = ns.asked_both("a");
    both.iter().for_each(|question| ns.send(question, &question.answer(CUT_OFF, &[a(60, 9)])));
    let (mut wire, both) = ns.asked_by_tcp(2);
    let [ipv4, ipv6] = [(&both[0], a(60, 1)), (&both[1], aaaa(60, "::1"))].map(|(to, it)| to.framed(&[it]));
    let all = [ipv4, ipv6].concat();
    for piece in [&all[..1], &all[1..2], &all[2..30], &all[30..]] {
        wire.send(piece);
    }
    serve(&up);
    assert_eq!(client.response().expect(200, "/a").must("X-To"), up.address);
    wire.assert_ended("the answers have come");
}

#[test]
fn addresses_are_not_looked_up() {
    let up = Upstream::tcp(Protocol::Http);
    let ns = NameServer::new();
    let port = up.address.rsplit(':').next().expect("a port").to_owned();
    let location = "location ~ ^/(?<name>.*)$ { proxy_pass http://$name; }";
    let s = site(&format!("resolver {}; {location}", ns.address()), &[]);
    for host in [up.address.clone(), format!("[::ffff:127.0.0.1]:{port}")] {
        let mut client = s.connect();
        client.send_get(&format!("/{host}"));
        serve_any(&up);
        client.response().expect(200, &host);
    }
    ns.assert_not_asked("no name is unknown");
}

fn serve_any(up: &Upstream) {
    let (mut peer, _) = up.asked();
    peer.ok(b"");
}

#[test]
fn all_families_pass_by_name() {
    for protocol in super::harness::gateways::ALL {
        let (up, ns) = (Upstream::tcp(protocol), NameServer::new());
        let port = up.address.rsplit(':').next().expect("a port").to_owned();
        let pass = protocol.pass(&format!("$arg_to:{port}"));
        let s: Server = site(&format!("location / {{ resolver {} ipv6=off; {pass} }}", ns.address()), &[]);
        let mut client = s.connect();
        client.send_get("/?to=app.example");
        ns.answer(&ns.asked(), &[a(60, 1)]);
        serve_any(&up);
        client.response().expect(200, protocol.prefix());
    }
}
