//! `upstream`: groups of servers, and what is wrong with them.

use super::*;
use crate::config::{Address, Balance, GatewayTarget, Upstream, UpstreamKeepalive, UpstreamServer};
use std::time::Duration;

/// The groups of `http { ... }` with these directives and a server.
fn groups(http: &str) -> Vec<Arc<Upstream>> {
    load(&format!("http {{ {http} server {{ listen 80; }} }}")).upstreams
}

/// The group of an `upstream` with these directives.
fn group(directives: &str) -> Arc<Upstream> {
    groups(&format!("upstream app {{ {directives} }}")).remove(0)
}

/// Checks rows of `http { ... }`: the directives, the marked text (its last place), and what is wrong there.
fn check(table: &[(&str, &str, &str)]) {
    for (directives, marked, expected) in table {
        let text = format!("http {{ {directives} }}");
        let column = text.rfind(marked).expect("it is there") + 1;
        assert_eq!(headlines(&text), [format!("site.conf:1:{column}: {expected}")], "{directives}");
    }
}

/// The same in `upstream app { ... }`.
fn check_inside(table: &[(&str, &str, &str)]) {
    for (directives, marked, expected) in table {
        check(&[(&format!("upstream app {{ {directives} }}"), marked, expected)]);
    }
}

fn warnings(http: &str) -> Vec<String> {
    let config = load(&format!("http {{ {http} server {{ listen 80; }} }}"));
    config.warnings.iter().map(|problem| problem.headline()).collect()
}

#[test]
fn servers_have_their_defaults() {
    let group = group(
        "server 127.0.0.1; server 127.0.0.2:81; server [::1]; server [::1]:82; server unix:/run/x.sock; \
         server unix:x.sock;",
    );
    let shown = |server: &UpstreamServer| {
        let shown = server.addresses.iter().map(|address| match address {
            Address::Inet(address) => address.to_string(),
            Address::Unix(path) => path.display().to_string(),
        });
        (server.name.clone(), shown.collect::<Vec<_>>().join(" "))
    };
    let expected = [
        ("127.0.0.1", "127.0.0.1:80"),
        ("127.0.0.2:81", "127.0.0.2:81"),
        ("[::1]", "[::1]:80"),
        ("[::1]:82", "[::1]:82"),
        ("unix:/run/x.sock", "/run/x.sock"),
        ("unix:x.sock", "/srv/x.sock"),
    ];
    let expected = expected.map(|(name, address)| (name.to_owned(), address.to_owned()));
    assert_eq!(group.servers.iter().map(shown).collect::<Vec<_>>(), expected);
    for server in &group.servers {
        let addresses = server.addresses.clone();
        assert_eq!(*server, UpstreamServer::new(&server.name, addresses));
    }
    assert_eq!((&group.name[..], &group.balance, group.is_shared), ("app", &Balance::RoundRobin, false));
    assert_eq!((group.keepalive, group.is_implicit), (UpstreamKeepalive::default(), false));
}

#[test]
fn a_name_has_all_its_addresses() {
    let group = group("server localhost:1;");
    let ports = group.servers[0].addresses.iter().all(|it| matches!(it, Address::Inet(address) if address.port() == 1));
    assert!(ports && !group.servers[0].addresses.is_empty(), "{group:?}");
}

#[test]
fn each_option_of_a_server_sets_its_value() {
    type Show = fn(&UpstreamServer) -> String;
    let table: [(&str, Show, &str); 10] = [
        ("weight=5", |s| s.weight.to_string(), "5"),
        ("max_fails=0", |s| s.max_fails.to_string(), "0"),
        ("max_fails=3", |s| s.max_fails.to_string(), "3"),
        ("fail_timeout=30s", |s| format!("{:?}", s.fail_timeout), "30s"),
        ("fail_timeout=1m", |s| format!("{:?}", s.fail_timeout), "60s"),
        ("max_conns=7", |s| s.max_conns.to_string(), "7"),
        ("max_conns=0", |s| s.max_conns.to_string(), "0"),
        ("down", |s| s.is_down.to_string(), "true"),
        ("backup", |s| s.is_backup.to_string(), "true"),
        ("weight=2 weight=3 down backup", |s| format!("{} {} {}", s.weight, s.is_down, s.is_backup), "3 true true"),
    ];
    for (options, show, expected) in table {
        let group = group(&format!("server 127.0.0.1 {options}; server 127.0.0.2;"));
        assert_eq!(show(&group.servers[0]), expected, "{options}");
        assert_eq!(group.servers[1].weight, 1, "the next server has its own");
    }
}

#[test]
fn methods() {
    let show = |balance: &Balance| match balance {
        Balance::RoundRobin => "turns".to_owned(),
        Balance::LeastConn => "least".to_owned(),
        Balance::IpHash => "address".to_owned(),
        Balance::Hash { key, consistent } => format!("hash {} {consistent}", key.as_text().is_none()),
        Balance::Random { two } => format!("random {two}"),
    };
    for (method, expected) in [
        ("", "turns"),
        ("least_conn;", "least"),
        ("ip_hash;", "address"),
        ("hash $request_uri;", "hash true false"),
        ("hash $scheme$args consistent;", "hash true true"),
        ("hash x;", "hash false false"),
        ("random;", "random false"),
        ("random two;", "random true"),
        ("random two least_conn;", "random true"),
    ] {
        for (directives, connections) in [
            (format!("{method} server 127.0.0.1;"), 32),
            (format!("server 127.0.0.1; {method}"), 32),
            (format!("keepalive 4; {method} server 127.0.0.1;"), 4),
            (format!("{method} keepalive 4; server 127.0.0.1;"), 4),
        ] {
            let group = group(&directives);
            assert_eq!((show(&group.balance), group.keepalive.connections), (expected.to_owned(), connections));
        }
    }
}

/// As in nginx, `backup` below such a method is an error, and above it is not.
#[test]
fn only_some_methods_know_backup() {
    for (method, name) in [("ip_hash;", "ip_hash"), ("hash $uri;", "hash"), ("random;", "random")] {
        let expected = format!(
            "\"{name}\" does not know backup servers, first at site.conf:1:23; leave \"backup\" out, or choose servers \
             in turns or with least_conn"
        );
        check_inside(&[(&format!("{method} server 127.0.0.1; server 127.0.0.2 backup;"), "backup", &expected)]);
        let group = group(&format!("server 127.0.0.1; server 127.0.0.2 backup; {method}"));
        assert!(group.servers[1].is_backup);
    }
    let group = group("least_conn; server 127.0.0.1; server 127.0.0.2 backup;");
    assert!(group.servers[1].is_backup);
}

#[test]
fn the_last_method_holds() {
    let text = "upstream app { ip_hash; server 127.0.0.1; least_conn; }";
    let expected = "site.conf:1:50: \"least_conn\" takes the place of \"ip_hash\", first at site.conf:1:23; a group \
                    has one way to choose a server";
    assert_eq!(warnings(text), [expected]);
    assert_eq!(groups(text)[0].balance, Balance::LeastConn);
    let text = "upstream app { ip_hash; server 127.0.0.1; ip_hash; }";
    assert_eq!((warnings(text).len(), &groups(text)[0].balance), (1, &Balance::IpHash));
}

#[test]
fn kept_connections() {
    let default = UpstreamKeepalive::default();
    let some = UpstreamKeepalive { is_local: false, ..default };
    for (directives, expected) in [
        ("", default),
        ("keepalive 16;", UpstreamKeepalive { connections: 16, ..some }),
        ("keepalive 16 local;", UpstreamKeepalive { connections: 16, ..default }),
        ("keepalive 0;", UpstreamKeepalive { connections: 0, ..some }),
        ("keepalive_requests 5;", UpstreamKeepalive { requests: 5, ..default }),
        ("keepalive_time 10m;", UpstreamKeepalive { time: Duration::from_secs(600), ..default }),
        ("keepalive_timeout 500ms;", UpstreamKeepalive { timeout: Duration::from_millis(500), ..default }),
        ("keepalive_requests 5; keepalive 1;", UpstreamKeepalive { connections: 1, requests: 5, ..some }),
    ] {
        let http = "keepalive_requests 7; keepalive_time 7s; keepalive_timeout 7s;"; // those of clients
        let groups = groups(&format!("{http} upstream app {{ server 127.0.0.1; {directives} }}"));
        assert_eq!(groups[0].keepalive, expected, "{directives}");
    }
}

#[test]
fn zones() {
    for zone in ["zone app 64k;", "zone app 32k;", "zone app 1m;"] {
        assert!(group(&format!("{zone} server 127.0.0.1;")).is_shared, "{zone}");
    }
    let two = groups("upstream a { zone z 64k; server 127.0.0.1; } upstream b { server 127.0.0.1; zone z; }");
    assert!(two.iter().all(|group| group.is_shared));
    let size = "a zone has a size from 32k to 64g";
    check_inside(&[
        ("server 127.0.0.1; zone app 4k;", "4k", size),
        ("server 127.0.0.1; zone app 65g;", "65g", size),
        (
            "server 127.0.0.1; zone app x;",
            "x;",
            "\"x\" is not a size; write bytes, or a number with k, m or g, as in 64k",
        ),
        ("server 127.0.0.1; zone \"\" 64k;", "\"\"", "this value is empty"),
        ("server 127.0.0.1; zone z;", "z;", "no directive says the size of the zone \"z\"; write zone z 64k;"),
        ("server 127.0.0.1; zone a 64k; zone b 64k;", "zone b", "\"zone\" is given twice, first at site.conf:1:41"),
    ]);
    let other = "upstream a { zone z 64k; server 127.0.0.1; } upstream b { zone z 1m; server 127.0.0.1; }";
    let taken = "limit_req_zone $uri zone=z:1m rate=1r/s; upstream a { zone z 64k; server 127.0.0.1; }";
    check(&[
        (other, "z 1m", "the zone \"z\" has another size elsewhere, first at site.conf:1:26"),
        (taken, "z 64k", "the zone \"z\" is one of limit_req_zone or limit_conn_zone"),
    ]);
}

#[test]
fn names_that_are_resolved_while_the_server_runs() {
    let zone = "zone app 64k;";
    let of = |http: &str, inside: &str| groups(&format!("{http} upstream app {{ {inside} }}")).remove(0);
    for (http, inside, ip) in [
        ("resolver 127.0.0.1;", "server app.invalid resolve;", "127.0.0.1:53"),
        ("", "resolver 127.0.0.2; server app.invalid resolve;", "127.0.0.2:53"),
        ("resolver 127.0.0.1;", "server app.invalid resolve; resolver 127.0.0.2;", "127.0.0.2:53"),
    ] {
        let group = of(http, &format!("{zone} {inside} resolver_timeout 3s;"));
        let server = &group.servers[0];
        assert_eq!((&server.resolve, &server.addresses[..]), (&Some(("app.invalid".to_owned(), 80)), &[][..]));
        assert_eq!(group.resolver.servers.iter().map(|it| it.to_string()).collect::<Vec<_>>(), [ip], "{inside}");
        assert_eq!(group.resolver.timeout, Duration::from_secs(3));
    }
    // An address needs no name server, but nginx wants one all the same.
    let group = of("resolver 127.0.0.1;", &format!("{zone} server 127.0.0.1:8 resolve; server unix:/x resolve;"));
    assert!(group.servers.iter().all(|server| server.resolve.is_none() && server.addresses.len() == 1));
    check_inside(&[
        (
            "resolver 127.0.0.1; server a:1 resolve;",
            "resolve;",
            "\"resolve\" needs a zone, so that all workers share what is known of each address; write zone app 64k; \
             into the upstream",
        ),
        (
            "zone app 64k; server a:1 resolve;",
            "resolve;",
            "\"resolve\" needs a name server; write resolver with its address into the upstream or into \"http\", as \
             in: resolver 127.0.0.1;",
        ),
    ]);
}

/// A group may stand below what names it, and case does not matter.
#[test]
fn directives_find_their_group() {
    for (pass, host, port) in [
        ("proxy_pass http://app;", "app", "80"),
        ("proxy_pass http://app/x/;", "app", "80"),
        ("proxy_pass http://APP;", "APP", "80"),
        ("fastcgi_pass app;", "app", ""),
        ("scgi_pass app;", "app", ""),
        ("uwsgi_pass app;", "app", ""),
        ("uwsgi_pass uwsgi://app;", "app", ""),
    ] {
        let server = format!("server {{ listen 80; location /p/ {{ {pass} }} }}");
        let upstream = "upstream app { server 127.0.0.1:1; server 127.0.0.1:2; }";
        for text in [format!("http {{ {server} {upstream} }}"), format!("http {{ {upstream} {server} }}")] {
            let config = load(&text);
            let gateway = settings_at(&config, "/p/").gateway.clone().expect("it passes requests on");
            let GatewayTarget::Upstream(upstream) = &gateway.target else { panic!("{pass}") };
            assert_eq!((&upstream.name[..], upstream.servers.len()), ("app", 2), "{pass}");
            assert!(config.upstreams.len() == 1 && Arc::ptr_eq(upstream, &config.upstreams[0]), "{pass}");
            assert_eq!((&gateway.host[..], &gateway.port[..]), (host, port), "{pass}");
        }
    }
    let globals = "http { upstream app { server 127.0.0.1:1; } }";
    let text = "http { server { listen 80; location / { proxy_pass http://app; } } }";
    let config = Config::from_text("site.conf", text, Path::new("/srv"), globals).expect("it is right");
    assert!(!config.upstreams[0].is_implicit);
}

#[test]
fn a_group_has_no_port() {
    for pass in ["proxy_pass http://app:8080/x;", "fastcgi_pass App:8080;"] {
        let before = "upstream app { server 127.0.0.1:1; } server { location / { ";
        let (name, start) = if pass.contains("App") { ("App", "App") } else { ("app", "http://app") };
        let expected = format!(
            "\"{name}\" is an upstream, first at site.conf:1:17, whose servers have ports of their own; leave out \
             \":8080\""
        );
        check(&[(&format!("{before}{pass} }} }}"), start, &expected)]);
    }
}

#[test]
fn groups_with_faults() {
    let server = "server 127.0.0.1;";
    let twice = "upstream app { server 127.0.0.1; } upstream App { server 127.0.0.2; }";
    check(&[
        (twice, "App", "the upstream \"App\" is defined twice, first at site.conf:1:17"),
        (
            "upstream app { }",
            "app",
            "the upstream \"app\" has no server; write one into it, as in: server 127.0.0.1:8080;",
        ),
        (
            "upstream app { server 127.0.0.1 backup; }",
            "app",
            "each server of the upstream \"app\" is a backup, and none is there that it could step in for; take \
             \"backup\" from one of them",
        ),
        (
            "upstream { server 127.0.0.1; }",
            "upstream",
            "\"upstream\" takes 1 value, not 0, as in: upstream app { server 127.0.0.1:8000; server 127.0.0.1:8001; }",
        ),
        ("upstream \"\" { server 127.0.0.1; }", "\"\"", "this value is empty"),
        (
            &format!("upstream app {{ {server} least_time header; }}"),
            "least_time",
            "\"least_time\" is not supported yet; least_conn, ip_hash, hash and random choose a server; leave it out, \
             and the servers take turns",
        ),
        (
            &format!("upstream app {{ {server} queue 10; }}"),
            "queue",
            "\"queue\" is of nginx Plus, and not here; leave it out if you can do without it",
        ),
        (
            &format!("upstream app {{ {server} kepalive 10; }}"),
            "kepalive",
            "unknown directive \"kepalive\", did you mean \"keepalive\"?",
        ),
        (
            &format!("upstream app {{ {server} }} server {{ least_conn; }}"),
            "least_conn",
            "\"least_conn\" is not allowed in \"server\"; it belongs in \"upstream\"",
        ),
        (
            &format!("upstream app {{ {server} root /x; }}"),
            "root",
            "\"root\" is not allowed in \"upstream\"; it belongs in \"http\" or in \"server\" or in \"location\"",
        ),
    ]);
}

/// A wrong group is there all the same: what names it is right.
#[test]
fn one_fault_is_told_once() {
    let found =
        headlines("http { upstream app { server 127.0.0.1 x; } server { location / { proxy_pass http://app; } } }");
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn options_with_faults() {
    let is_not = |text: &str, range: &str| format!("\"{text}\" is not a whole number from {range}");
    let no_server = "is no server; write HOST:PORT, as in 127.0.0.1:9000, or unix:FILE";
    let unknown = "accepted: weight=, max_fails=, fail_timeout=, max_conns=, backup, down, resolve";
    check_inside(&[
        ("server 127.0.0.1 weight=0;", "0;", &is_not("0", "1 to 65535")),
        ("server 127.0.0.1 weight=x;", "x;", &is_not("x", "1 to 65535")),
        ("server 127.0.0.1 weight=-1;", "-1;", &is_not("-1", "1 to 65535")),
        ("server 127.0.0.1 max_fails=x;", "x;", &is_not("x", "0 to 4294967295")),
        ("server 127.0.0.1 max_conns=x;", "x;", &is_not("x", "0 to 4294967295")),
        (
            "server 127.0.0.1 max_conns;",
            "max_conns",
            &format!("unknown option \"max_conns\", did you mean \"max_conns=\"? {unknown}"),
        ),
        ("server 127.0.0.1 bakup;", "bakup", &format!("unknown option \"bakup\", did you mean \"backup\"? {unknown}")),
        (
            "server 127.0.0.1 slow_start=30s;",
            "slow_start",
            "\"slow_start\" is of nginx Plus, and not here; leave it out",
        ),
        ("server 127.0.0.1 route=a;", "route", "\"route\" belongs to \"sticky\", which is not here; leave it out"),
        (
            "server a service=http resolve;",
            "service",
            "SRV records are not looked up; leave \"service\" out, and write the host and the port",
        ),
        ("server 127.0.0.1:0;", "127.0.0.1:0", &format!("\"127.0.0.1:0\" {no_server}")),
        ("server 127.0.0.1:70000;", "127.0.0.1:7", &format!("\"127.0.0.1:70000\" {no_server}")),
        ("server http://127.0.0.1;", "http:", &format!("\"http://127.0.0.1\" {no_server}")),
        ("server 127.0.0.1:80/x;", "127.0.0.1:80", &format!("\"127.0.0.1:80/x\" {no_server}")),
        ("server unix:;", "unix:", "this path is empty"),
        ("server 127.0.0.1; keepalive x;", "x;", &is_not("x", "0 to 4294967295")),
        (
            "server 127.0.0.1; keepalive 5 lokal;",
            "lokal",
            "unknown value \"lokal\", did you mean \"local\"? accepted: local",
        ),
        (
            "server 127.0.0.1; keepalive 5; keepalive 6;",
            "keepalive 6",
            "\"keepalive\" is given twice, first at site.conf:1:41",
        ),
        ("server 127.0.0.1; hash $uri x;", "x;", "unknown value \"x\"; accepted: consistent"),
        ("server 127.0.0.1; hash $nothing;", "$nothing", "unknown variable \"$nothing\""),
        ("server 127.0.0.1; random three;", "three", "unknown value \"three\"; accepted: two"),
        (
            "server 127.0.0.1; random two least_time;",
            "least_time",
            "unknown value \"least_time\"; accepted: least_conn",
        ),
    ]);
    let time = &headlines("http { upstream a { server 127.0.0.1 fail_timeout=x; } }")[0];
    assert!(time.starts_with("site.conf:1:51: \"x\" is not a time"), "{time}");
    let name = &headlines("http { upstream a { server no.such.name.invalid; } }")[0];
    assert!(name.starts_with("site.conf:1:28: no address of \"no.such.name.invalid\" is found: "), "{name}");
}
