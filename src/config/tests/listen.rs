//! `listen` and `server_name`: what is wrong, and what servers of one address have to do with each other.

use super::broken::{check, check_in_server, in_server};
use super::{headlines, load, servers};
use webserv_sys::net::SocketOptions;

#[test]
fn listen() {
    let accepted = "accepted: as in 127.0.0.1:8080, 8080, *:8080, [::1]:8080, localhost:8080, unix:/path";
    let rows = [
        ("listen 65536;", "24: \"65536\" is no port; accepted: 0 to 65535".to_owned()),
        ("listen 127.0.0.1:99999;", "24: \"99999\" is no port; accepted: 0 to 65535".into()),
        ("listen 127.0.0.1:;", "24: \"\" is no port; accepted: 0 to 65535".into()),
        ("listen [::1]:http;", "24: \"http\" is no port; accepted: 0 to 65535".into()),
        ("listen [::1;", "24: \"\" is no port; accepted: 0 to 65535".into()),
        ("listen 127.0.0.256:80;", format!("24: \"127.0.0.256\" is no address; {accepted}")),
        ("listen example.org:80;", format!("24: \"example.org\" is no address; {accepted}")),
        ("listen [1.2.3.4]:80;", format!("24: \"[1.2.3.4]:80\" is no address; {accepted}")),
        ("listen ::1;", "24: an IPv6 address stands in brackets, did you mean \"[::1]\"?".into()),
        ("listen unix:;", "24: \"unix:\" without a path, as in unix:/run/webserv.sock".into()),
        (
            "listen 80 defualt_server;",
            "27: unknown option \"defualt_server\", did you mean \"default_server\"? \
         accepted: default_server, reuseport, reuseport=off, backlog=511, ipv6only=on, proxy_protocol, \
         sndbuf=32k, rcvbuf=32k, \
         deferred, fastopen=16, so_keepalive=on, bind, mode=660, owner=USER, group=GROUP"
                .into(),
        ),
        (
            "listen 443 ssl;",
            "28: the option \"ssl\" is not supported yet; TLS ends in front of this server: let hitch, \
             stunnel or a load \
         balancer do it, and listen without ssl"
                .into(),
        ),
        (
            "listen 80 http2;",
            "27: the option \"http2\" is not supported yet; clients speak HTTP/1.1 with this server; \
         leave it out"
                .into(),
        ),
        (
            "listen 80 setfib=1;",
            "27: the option \"setfib\" is not supported yet; it chooses a routing table \
         of FreeBSD; \
         leave it out"
                .into(),
        ),
        ("listen 80 default default_server;", "35: \"default_server\" comes on top of the same option".into()),
        ("listen 80 sndbuf=0;", "34: \"0\" is not a size from 1 bytes to 1048576k".into()),
        (
            "listen 80 rcvbuf=big;",
            "34: \"big\" is not a size; write bytes, or a number with k, m or g, as in \
         64k"
            .into(),
        ),
        ("listen 80 fastopen=x;", "36: \"x\" is not a whole number from 1 to 2147483647".into()),
        ("listen 80 so_keepalive=yes;", "40: \"yes\" is not \"on\", \"off\" or times as in 30m:10:5".into()),
        ("listen 80 so_keepalive=::;", "40: give a time or a number of probes, as in so_keepalive=30m::10".into()),
        ("listen 80 so_keepalive=1y::;", "40: \"1y\" is no time from 1 to 32767 seconds".into()),
        ("listen 80 so_keepalive=::128;", "40: \"128\" is not a whole number from 1 to 127".into()),
        ("listen 81-80;", "24: \"81-80\" is no range of 1 to 1024 ports, as in 8080-8090".into()),
        ("listen 1-2000;", "24: \"1-2000\" is no range of 1 to 1024 ports, as in 8080-8090".into()),
        ("listen 80-99999;", "24: \"99999\" is no port; accepted: 0 to 65535".into()),
        ("listen 80-82; listen 81;", "38: this server listens on 0.0.0.0:81 already, first at site.conf:1:24".into()),
        ("listen 80 backlog=0;", "35: \"0\" is not a whole number from 1 to 2147483647".into()),
        ("listen 80 backlog=1 backlog=2;", "37: \"backlog=2\" comes on top of the same option".into()),
        ("listen 80 reuseport=no;", "37: \"no\" is neither \"on\" nor \"off\"".into()),
        ("listen 80 reuseport reuseport=off;", "37: \"reuseport=off\" comes on top of the same option".into()),
        ("listen 80 ipv6only=on;", "27: \"ipv6only\" says nothing about 0.0.0.0:80, which is no IPv6 address".into()),
        ("listen [::]:80 ipv6only=yes;", "41: \"yes\" is neither \"on\" nor \"off\"".into()),
        ("listen 80; listen *:80;", "35: this server listens on 0.0.0.0:80 already, first at site.conf:1:24".into()),
    ];
    check_in_server(&rows.iter().map(|(text, expected)| (*text, &expected[..])).collect::<Vec<_>>());
}

/// `mode=`, `owner=`, `group=`: the file of a unix socket.
#[test]
fn the_file_of_a_socket() {
    check_in_server(&[
        ("listen 80 mode=660;", "27: \"mode\" says nothing about 0.0.0.0:80, which is no unix socket"),
        ("listen unix:/a mode=rw;", "37: \"rw\" is no mode; write octal digits, as in 660"),
        ("listen unix:/a mode=1777;", "37: \"1777\" is no mode; write octal digits, as in 660"),
        ("listen unix:/a mode=6x;", "37: \"6x\" is no mode; write octal digits, as in 660"),
        ("listen unix:/a owner=no-such-user;", "38: there is no user \"no-such-user\""),
        ("listen unix:/a group=no-such-group;", "38: there is no group \"no-such-group\""),
    ]);
}

#[test]
fn a_socket_with_a_long_path() {
    let long = format!("unix:/{}", "x".repeat(103));
    let found = headlines(&in_server(&format!("listen {long};")));
    assert_eq!(found, ["site.conf:1:24: the socket's path is longer than 103 bytes"]);
}

#[test]
fn servers_against_each_other() {
    check(&[
        (
            "http {\n server { listen unix:/a mode=660; server_name a; }\n server { listen unix:/a mode=666; \
             server_name b; }\n}",
            "3:26: another mode=, owner= or group= for unix:/a, first at site.conf:2:26",
        ),
        (
            "http {\n server { listen 80 sndbuf=1k; server_name a; }\n server { listen 80 sndbuf=2k; \
             server_name b; }\n}",
            "3:21: other options of the socket for 0.0.0.0:80, first at site.conf:2:21",
        ),
        (
            "http {\n server { listen 80 default_server; server_name a; }\n server { listen 80 default_server; \
             server_name b; }\n}",
            "3:21: a second default_server for 0.0.0.0:80, first at site.conf:2:21",
        ),
        (
            "http {\n server { listen 80 backlog=5; server_name a; }\n server { listen 80 backlog=6; \
             server_name b; }\n}",
            "3:21: another backlog= for 0.0.0.0:80: it is 5, first at site.conf:2:21",
        ),
        (
            "http {\n server { listen [::]:80 ipv6only=on; server_name a; }\n server { listen [::]:80 \
             ipv6only=off; server_name b; }\n}",
            "3:26: another ipv6only= for [::]:80, first at site.conf:2:26",
        ),
        (
            "http {\n server { listen 80 reuseport; server_name a; }\n server { listen 80 reuseport=off; \
             server_name b; }\n}",
            "3:21: another reuseport= for 0.0.0.0:80, first at site.conf:2:21",
        ),
        (
            "http {\n server { listen 80; listen [::]:80 ipv6only=off; }\n}",
            "2:29: [::]:80 with ipv6only=off covers 0.0.0.0:80 of site.conf:2:18",
        ),
    ]);
    check_in_server(&[
        ("server_name ~^(www;", "29: this regular expression is not valid: unclosed group"),
        (
            "server_name w*.example;",
            "29: \"w*.example\" is no server name; a wildcard is the first or the last label, as in \
             *.example.org or www.example.*",
        ),
        (
            "server_name *;",
            "29: \"*\" is no server name; a wildcard is the first or the last label, as in *.example.org or \
             www.example.*",
        ),
    ]);
}

/// The warnings of a configuration that is right.
fn warned(text: &str) -> Vec<String> {
    load(text).warnings.iter().map(|warning| warning.headline()).collect()
}

/// As in nginx: the first server of the file gets the name, and the others are told.
#[test]
fn a_name_of_two_servers_is_a_warning() {
    let rows = [
        (
            "http {\n server { listen 80; server_name a b; }\n server { listen 80; server_name c b; }\n}",
            "3:36: conflicting server name \"b\" on 0.0.0.0:80 is ignored, first at site.conf:2:36",
        ),
        (
            "http {\n server { listen 80; server_name A; }\n server { listen 80 default_server; server_name a b; }\n}",
            "3:49: conflicting server name \"a\" on 0.0.0.0:80 is ignored, first at site.conf:2:34",
        ),
        (
            "http {\n server { listen 80; server_name .x.y; }\n server { listen 80; server_name *.x.y; }\n}",
            "3:34: conflicting server name \"*.x.y\" on 0.0.0.0:80 is ignored, first at site.conf:2:34",
        ),
        (
            "http {\n server { listen 80; server_name *.x.y; }\n server { listen 80; server_name .x.y; }\n}",
            "3:34: conflicting server name \".x.y\" on 0.0.0.0:80 is ignored, first at site.conf:2:34",
        ),
        (
            "http {\n server { listen 80; }\n server { listen *:80; }\n}",
            "3:2: conflicting server name \"\" on 0.0.0.0:80 is ignored, first at site.conf:2:2; give each of them a \
             server_name",
        ),
    ];
    for (text, warning) in rows {
        assert_eq!(warned(text), [format!("site.conf:{warning}")], "{text}");
    }
    // Whichever is the default server, the first one of the file has the name.
    let config = load(rows[1].0);
    let place = |name: &str| config.listeners[0].hosts.find(name.as_bytes()).place.clone();
    assert_eq!(
        (place("a"), place("b"), place("other")),
        ("site.conf:2".into(), "site.conf:3".into(), "site.conf:3".into())
    );
    let config = load(rows[3].0);
    let place = |name: &str| config.listeners[0].hosts.find(name.as_bytes()).place.clone();
    assert_eq!((place("a.x.y"), place("x.y")), ("site.conf:2".into(), "site.conf:3".into()));
    let text = "http { server { listen 80; server_name a B b; } }";
    assert_eq!(warned(text), ["site.conf:1:44: the name \"b\" is given twice, first at site.conf:1:42"]);
    assert_eq!(servers(&load(text))[0].names, ["a", "b"]);
}

#[test]
fn ports_and_options_of_the_socket() {
    let config = load(
        "http { server { listen 127.0.0.1:8080-8082 default deferred sndbuf=8k rcvbuf=16k fastopen=3 bind \
         so_keepalive=2m:5s:; listen [::1]:80-80 so_keepalive=off; listen 90; } }",
    );
    let shown: Vec<_> = config.listeners.iter().map(|listener| listener.address.to_string()).collect();
    assert_eq!(shown, ["127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:8082", "[::1]:80", "0.0.0.0:90"]);
    let socket = SocketOptions {
        send_buffer: Some(8 << 10),
        receive_buffer: Some(16 << 10),
        deferred: true,
        fastopen: Some(3),
        keepalive: Some(true),
        keepalive_idle_secs: Some(120),
        keepalive_interval_secs: Some(5),
        keepalive_probes: None,
    };
    assert_eq!((&config.listeners[0].socket, &config.listeners[2].socket), (&socket, &socket));
    assert_eq!(config.listeners[3].socket.keepalive, Some(false));
    assert_eq!(config.listeners[4].socket, SocketOptions::default());
}
