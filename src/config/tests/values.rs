//! What right configurations come to.

use super::*;
use crate::config::{AccessLog, Address, Escape, Literal, LogTarget, Return, Template, TemplatePart, Variable};
use crate::http::Known;
use std::time::Duration;

fn listening(directives: &str) -> Vec<String> {
    let config = load(&format!("http {{ server {{ {directives} }} }}"));
    let show = |address: &Address| match address {
        Address::Inet(address) => address.to_string(),
        Address::Unix(path) => path.display().to_string(),
    };
    config.listeners.iter().map(|listener| show(&listener.address)).collect()
}

#[test]
fn addresses() {
    let table = [
        ("listen 8080;", "0.0.0.0:8080"),
        ("listen *:8080;", "0.0.0.0:8080"),
        ("listen *;", "0.0.0.0:80"),
        ("listen 127.0.0.1;", "127.0.0.1:80"),
        ("listen 127.0.0.1:0;", "127.0.0.1:0"),
        ("listen localhost:81;", "127.0.0.1:81"),
        ("listen [::1]:8080;", "[::1]:8080"),
        ("listen [::];", "[::]:80"),
        ("listen unix:/run/x.sock;", "/run/x.sock"),
        ("listen unix:x.sock;", "/srv/x.sock"),
    ];
    for (directives, expected) in table {
        assert_eq!(listening(directives), [expected], "{directives}");
    }
    let default = listening("");
    assert!(default == ["0.0.0.0:80"] || default == ["0.0.0.0:8000"], "{default:?}");
    assert_eq!(listening("listen 81; listen 127.0.0.1:82;"), ["0.0.0.0:81", "127.0.0.1:82"]);
}

#[test]
fn options_of_listen() {
    let config = load(
        "http { server { listen 80; server_name a; listen 81 reuseport backlog=7; listen 83 reuseport=off; }
                server { listen 80 default_server backlog=9; server_name b; listen [::]:80 ipv6only=off; } }"
            .replace("listen [::]:80", "listen [::]:82")
            .as_str(),
    );
    let shown: Vec<_> = config.listeners.iter().map(|l| (l.backlog, l.reuseport, l.one_socket, l.ipv6only)).collect();
    let expected =
        [(9, false, false, true), (7, true, false, true), (511, false, true, true), (511, false, false, false)];
    assert_eq!(shown, expected);
    let names: Vec<&str> = servers(&config).iter().map(|server| server.name()).collect();
    assert_eq!(names, ["b", "a"], "the default server is the first");
    assert_eq!(config.listeners[0].hosts.find(b"a").name(), "a");
    assert_eq!(config.listeners[0].hosts.find(b"nobody").name(), "b");
}

/// The kernel refuses the second of these sockets unless both are shared.
#[test]
fn a_wildcard_beside_a_specific_address_shares_its_port() {
    let shared = |directives: &str| -> Vec<bool> {
        let config = load(&format!("http {{ server {{ {directives} }} }}"));
        config.listeners.iter().map(|listener| listener.overlaps).collect()
    };
    assert_eq!(shared("listen 80; listen 127.0.0.1:80; listen 127.0.0.1:81;"), [true, true, false]);
    assert_eq!(shared("listen 127.0.0.1:80; listen 127.0.0.2:80;"), [false, false]);
    assert_eq!(shared("listen [::1]:80; listen [::]:80; listen 127.0.0.1:80;"), [true, true, false]);
    assert_eq!(shared("listen [::]:80 ipv6only=off; listen 127.0.0.1:80;"), [true, true]);
    assert_eq!(shared("listen *:0; listen 127.0.0.1:0;"), [false, false]);
}

#[test]
fn names_are_found() {
    let config = load(
        "http { server { listen 80; } server { listen 80; server_name Example.ORG .wild.org www.*; }
                server { listen 80; server_name zero \"zero.*\"; } }",
    );
    let find = |host: &str| config.listeners[0].hosts.find(host.as_bytes()).name().to_owned();
    let table = [
        ("example.org", "example.org"),
        ("wild.org", "example.org"),
        ("a.wild.org", "example.org"),
        ("www.anything", "example.org"),
        ("zero", "zero"),
        ("zero.x", "zero"),
        ("nobody", ""),
        ("", ""),
    ];
    for (host, expected) in table {
        assert_eq!(find(host), expected, "{host}");
    }
    assert_eq!(servers(&config)[1].place, "site.conf:1");
}

#[test]
fn locations_are_read() {
    let config = load(
        "http { server { listen 80; location / { } location = / { } location ^~ /x/ { } location =/glued { }
                location ^~/y { } location @named { } } }",
    );
    let locations = &servers(&config)[0].locations;
    let mut exact: Vec<&[u8]> = locations.exact.keys().map(Vec::as_slice).collect();
    exact.sort();
    assert_eq!(exact, [&b"/"[..], b"/glued"]);
    let prefixes: Vec<_> = locations.prefixes.iter().map(|l| (&l.path[..], l.no_regex)).collect();
    assert_eq!(prefixes, [(&b"/"[..], false), (b"/x/", true), (b"/y", true)]);
    assert_eq!(locations.named.keys().collect::<Vec<_>>(), ["@named"]);
}

/// nginx's rule for its `_pass` directives.
#[test]
fn a_location_that_passes_everything_on_is_reached_without_its_slash() {
    let exact = |locations: &str| {
        let config = load(&format!("http {{ server {{ listen 80; {locations} }} }}"));
        let locations = servers(&config)[0].locations.clone();
        let inner = locations.prefixes.iter().flat_map(|location| location.inner.exact.values());
        let redirects = locations.exact.values().chain(inner);
        let adds = redirects.filter(|l| l.settings.return_.as_ref().is_some_and(|answer| answer.adds_slash));
        adds.map(|l| String::from_utf8(l.path.clone()).unwrap()).collect::<Vec<_>>()
    };
    for (locations, expected) in [
        ("location /app/ { cgi_pass /p; }", vec!["/app"]),
        ("location ^~ /app/ { cgi_pass /p; cgi_extension .x; }", vec!["/app"]),
        ("location /app { cgi_pass /p; }", vec![]),
        ("location / { cgi_pass /p; }", vec![]),
        ("location = /app/ { cgi_pass /p; }", vec![]),
        ("location /app/ { cgi on; }", vec![]),
        ("location /app/ { cgi_pass /p; return 403; }", vec![]),
        ("location /app/ { cgi_pass /p; } location = /app { }", vec![]),
        ("location = /app { } location /app/ { cgi_pass /p; }", vec![]),
        ("location /app/ { cgi_pass /p; } location /app { }", vec![]),
        ("location /app/ { cgi_pass /p; location /app/in/ { } }", vec!["/app"]),
        ("location /out/ { location /out/app/ { cgi_pass /p; } }", vec!["/out/app"]),
        ("location /app { location /app/ { cgi_pass /p; } }", vec!["/app"]),
    ] {
        assert_eq!(exact(locations), expected, "{locations}");
    }
}

#[test]
fn returns() {
    let text = |text: &str| Some(Template { escape: Escape::None, ..Template::parse(text).unwrap() });
    let table = [
        ("return 404;", 404, None),
        ("return 444;", 444, None),
        ("return 200 \"a\\nb\";", 200, text("a\nb")),
        ("return 200 \"\";", 200, text("")),
        ("return 301 /x;", 301, text("/x")),
        ("return 308 https://x$request_uri;", 308, text("https://x$request_uri")),
        ("return http://x/;", 302, text("http://x/")),
        ("return $scheme://x/;", 302, text("$scheme://x/")),
    ];
    for (directive, code, text) in table {
        let config = load(&format!("http {{ server {{ listen 80; {directive} }} }}"));
        assert_eq!(
            settings_at(&config, "/").return_,
            Some(Arc::new(Return { code, text, adds_slash: false })),
            "{directive}"
        );
    }
}

#[test]
fn logs() {
    let config = load(
        "http { log_format short escape=json '$remote_addr ' \"$status\"; server { listen 80;
                access_log a.log; access_log b.log short buffer=4k flush=5s; access_log stderr short;
                access_log stdout; access_log /dev/stdout; access_log c.log short flush=5s; } }",
    );
    let logs = &config.access_logs;
    let mut in_order = settings_at(&config, "/").access_logs.clone();
    assert_eq!(in_order.remove(4), logs[3], "stdout twice makes two lines, as in nginx");
    assert_eq!((&in_order, logs.len()), (logs, 5));
    assert_eq!(*logs[0].target, LogTarget::File("/srv/a.log".into()));
    assert_eq!(logs[0].buffer_bytes, 0, "each line is written at once");
    assert!(logs[0].format.parts.iter().any(|part| part.variable == Variable::HttpKnown(Known::UserAgent)));
    let AccessLog { format, buffer_bytes, flush, .. } = &*logs[1];
    assert_eq!((*buffer_bytes, *flush, format.escape), (4096, Duration::from_secs(5), Escape::Json));
    let part = |before: &str, variable| TemplatePart { before: Literal::new(before.into()), variable };
    assert_eq!(format.parts, [part("", Variable::RemoteAddr), part(" ", Variable::Status)]);
    assert_eq!(format.rest.as_str(), "");
    assert_eq!((&*logs[2].target, &*logs[3].target), (&LogTarget::Stderr, &LogTarget::Stdout));
    assert_eq!((logs[4].buffer_bytes, logs[4].flush), (65536, Duration::from_secs(5)));
}

#[test]
fn logs_of_one_file_have_one_target() {
    let config = load(
        "http { log_format short '$uri'; server { listen 80; access_log a.log; access_log a.log short; access_log b.log;
                location /x { access_log a.log; } } }",
    );
    let targets = config.access_logs.iter().map(|log| Arc::as_ptr(&log.target)).collect::<Vec<_>>();
    assert!(targets.len() == 3 && targets[0] == targets[1] && targets[0] != targets[2], "{:?}", config.access_logs);
    assert!(Arc::ptr_eq(&settings_at(&config, "/x").access_logs[0], &config.access_logs[0]));
}

#[test]
fn warnings() {
    let said = |text: &str| -> Vec<String> { load(text).warnings.iter().map(|problem| problem.headline()).collect() };
    assert_eq!(said("http { server { listen 80; } }"), [""; 0]);
    assert_eq!(
        said("http { types { a/a x; b/b x; } server { listen 80; server_name http://x; location /a%20b { } } }"),
        [
            "site.conf:1:27: \"x\" was \"a/a\" before; the last one holds",
            "site.conf:1:64: \"http://x\" matches no host: a server's name has no scheme, port or path",
            "site.conf:1:83: a location is compared with the decoded path: write the character, not %XX",
        ]
    );
}

#[test]
fn warnings_of_files() {
    let said = |text: &str| -> Vec<String> {
        let config = load(&format!("http {{ server {{ listen 80; {text} }} }}"));
        config.warnings.iter().map(|problem| problem.headline().replace("site.conf:1:", "")).collect()
    };
    let table = [
        ("location /a/ { alias b/; }", ""),
        ("location /a { alias b; }", ""),
        ("location = /a { alias b/c; }", ""),
        ("location /a { alias b/; }", "48: an alias and its location \"/a\" end both with \"/\" or both without"),
        ("location /a/ { alias b; }", "49: an alias and its location \"/a/\" end both with \"/\" or both without"),
        ("server_name a B b;", "44: the name \"b\" is given twice, first at 42"),
        ("server_name $host;", "40: \"$host\" matches no host: of variables, only $hostname has a meaning here"),
        (
            "location ~ a { } location ~ a { }",
            "56: location \"~ a\" is given twice, first at 39; this one never answers",
        ),
        ("location ~ a { } location ~* a { }", ""),
        ("error_page 404 @gone;", "43: this server has no location \"@gone\": what is sent there gets 500"),
        ("try_files $uri @no;", "43: this server has no location \"@no\": what is sent there gets 500"),
        ("try_files $uri = 404;", "43: \"=\" is looked up as a file here: only the last value is a status or a name"),
        ("index a /b;", ""),
        ("index /a b;", "34: \"/a\" is absolute: it always answers, and the names after it never"),
    ];
    for (text, expected) in table {
        assert_eq!(said(text).concat(), expected, "{text}");
    }
}

#[test]
fn of_two_servers_with_one_name_the_first_in_the_file_has_it() {
    let table = [
        ("listen 80; server_name a b;", "listen 80; server_name c b;", "b", "3:35", "\"b\"", "2:35"),
        ("listen 80; server_name A;", "listen 80 default_server; server_name a;", "a", "3:48", "\"a\"", "2:33"),
        ("listen 80; server_name .x.y;", "listen 80; server_name *.x.y;", "b.x.y", "3:33", "\"*.x.y\"", "2:33"),
        ("listen 80;", "listen *:80;", "", "3:1", "\"\"", "2:1"),
    ];
    for (first, second, host, place, name, first_place) in table {
        let config = load(&format!("http {{\nserver {{ {first} }}\nserver {{ {second} }}\n}}"));
        let said = config.warnings.iter().map(|problem| problem.headline()).collect::<Vec<_>>().concat();
        let what = format!("site.conf:{place}: conflicting server name {name} on 0.0.0.0:80 is ignored, first at");
        assert!(said.starts_with(&format!("{what} site.conf:{first_place}")), "{said}");
        assert_eq!(config.listeners[0].hosts.find(host.as_bytes()).place, "site.conf:2", "{first} {second}");
    }
}

#[test]
fn shipped_files() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    for name in ["default.conf", "example.conf", "programs.conf"] {
        let config = Config::load(&shipped.join(name), Path::new("."), "").unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(config.warnings, []);
        assert!(config.access_logs.is_empty(), "{name} writes nothing");
        assert_eq!(config.error_logs[0].target, LogTarget::Stderr);
        let types = &settings_at(&config, "/").types;
        assert!(types.len() > 130, "{}", types.len());
        for (extension, expected) in [("html", "text/html"), ("mjs", "text/javascript"), ("woff2", "font/woff2")] {
            assert_eq!(types.get(extension).map(|name| &name[..]), Some(expected));
        }
    }
    let config = Config::built_in(&crate::config::ConfigFiles::default(), Path::new("."), "daemon on;").unwrap();
    assert!(config.daemon);
    assert_eq!(config.listeners[0].address, Address::Inet(([127, 0, 0, 1], 8080).into()));
    assert_eq!(settings_at(&config, "/").root, Path::new("./html"));
}

#[test]
fn one_directory() {
    // On the loopback, only names of this machine are answered.
    for (address, others) in [("127.0.0.1:8080", Some(421)), ("[::1]:0", Some(421)), ("0.0.0.0:0", None)] {
        // No character of the directory's name has a meaning.
        let directory = Path::new("/srv/a $b; {\"c'\\");
        let config = Config::for_directory(directory, address.parse().unwrap()).unwrap();
        assert_eq!(config.listeners[0].address, Address::Inet(address.parse().unwrap()));
        let hosts = &config.listeners[0].hosts;
        let settings = &hosts.find(b"localhost").settings;
        assert_eq!((&*settings.root, settings.autoindex.on, settings.return_.is_none()), (directory, true, true));
        let returned = hosts.find(b"rebound.example").settings.return_.as_ref().map(|answer| answer.code);
        assert_eq!(returned, others);
        assert_eq!(settings.types.get("css").map(|name| &name[..]), Some("text/css"));
    }
}
