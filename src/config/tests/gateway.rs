//! Gateways: who answers, and the values of the directives of the four families.

use super::*;
use crate::config::{
    Address, Gateway, GatewayProtocol, GatewayRules, GatewayTarget, IgnoredFields, NextUpstream, PassUri, ProxyVersion,
    RewriteFrom, Size, Template,
};
use std::time::Duration;

/// What the location `/p/x` passes requests to.
pub(super) fn gateway_in(location: &str, directives: &str) -> Arc<Gateway> {
    let config = load(&format!("http {{ server {{ listen 80; location {location} {{ {directives} }} }} }}"));
    let locations = &servers(&config)[0].locations;
    let found = locations.named.get("@x").or_else(|| locations.find(b"/p/x")).expect("the location");
    found.settings.gateway.clone().unwrap_or_else(|| panic!("nothing is passed on: {directives}"))
}

/// The `_pass` directive of each family.
pub(super) const PASSES: [(&str, &str); 4] = [
    ("proxy", "proxy_pass http://127.0.0.1:1;"),
    ("fastcgi", "fastcgi_pass 127.0.0.1:1;"),
    ("scgi", "scgi_pass 127.0.0.1:1;"),
    ("uwsgi", "uwsgi_pass 127.0.0.1:1;"),
];

/// The rules of a family with these directives, before and behind the `_pass` directive.
fn rules(pass: &str, directives: &str) -> GatewayRules {
    let before = gateway_in("/p/", &format!("{directives} {pass}")).rules.clone();
    let behind = gateway_in("/p/", &format!("{pass} {directives}")).rules.clone();
    assert_eq!(format!("{before:?}"), format!("{behind:?}"), "the order of lines does not matter: {directives}");
    GatewayRules::clone(&behind)
}

fn proxy(directives: &str) -> GatewayRules {
    rules(PASSES[0].1, directives)
}

pub(super) fn text(template: &Template) -> &str {
    template.as_text().expect("a text without variables")
}

/// `~x` for an expression.
fn from(from: &RewriteFrom) -> String {
    match from {
        RewriteFrom::Text(template) => text(template).to_owned(),
        RewriteFrom::Regex(regex) => format!("~{}", regex.pattern.as_str()),
    }
}

#[test]
fn who_answers() {
    let uri = |path: &str, prefix_bytes| Some(PassUri { path: path.to_owned(), prefix_bytes });
    let table = [
        ("/p/", "proxy_pass http://127.0.0.1;", "127.0.0.1:80", ("127.0.0.1", "80"), None),
        ("/p/", "proxy_pass http://127.0.0.1:8000;", "127.0.0.1:8000", ("127.0.0.1:8000", "8000"), None),
        ("/p/", "proxy_pass HTTP://127.0.0.1:80/;", "127.0.0.1:80", ("127.0.0.1", "80"), uri("/", 3)),
        ("/p", "proxy_pass http://[::1]:81/a/b?c=d;", "[::1]:81", ("[::1]:81", "81"), uri("/a/b?c=d", 2)),
        ("^~ /p/", "proxy_pass http://[::1]/a;", "[::1]:80", ("[::1]", "80"), uri("/a", 3)),
        ("= /p/x", "proxy_pass http://127.0.0.1?a=b;", "127.0.0.1:80", ("127.0.0.1", "80"), uri("/?a=b", 4)),
        ("/p/", "proxy_pass http://unix:/run/x.sock;", "/run/x.sock", ("localhost", ""), None),
        ("/p/", "proxy_pass http://unix:x.sock:/a;", "/srv/x.sock", ("localhost", ""), uri("/a", 3)),
        ("~ ^/p", "proxy_pass http://unix:/run/x.sock:;", "/run/x.sock", ("localhost", ""), None),
        ("@x", "proxy_pass http://127.0.0.1:8000;", "127.0.0.1:8000", ("127.0.0.1:8000", "8000"), None),
        ("/p/", "fastcgi_pass unix:/run/php.sock;", "/run/php.sock", ("unix:/run/php.sock", ""), None),
        ("~ \\.php|x$", "fastcgi_pass 127.0.0.1:9000;", "127.0.0.1:9000", ("127.0.0.1:9000", ""), None),
        ("/p/", "scgi_pass [::1]:4000;", "[::1]:4000", ("[::1]:4000", ""), None),
        ("/p/", "uwsgi_pass uwsgi://127.0.0.1:3031;", "127.0.0.1:3031", ("127.0.0.1:3031", ""), None),
        ("/p/", "uwsgi_pass unix:///tmp/app.sock;", "///tmp/app.sock", ("unix:///tmp/app.sock", ""), None),
    ];
    for (location, directive, address, (host, port), uri) in table {
        let gateway = gateway_in(location, directive);
        let GatewayTarget::Upstream(upstream) = &gateway.target else { panic!("{directive}: {:?}", gateway.target) };
        let shown = upstream.servers[0].addresses.iter().map(|address| match address {
            Address::Inet(address) => address.to_string(),
            Address::Unix(path) => path.display().to_string(),
        });
        assert_eq!(shown.collect::<Vec<_>>(), [address], "{directive}");
        assert_eq!((&gateway.host[..], &gateway.port[..]), (host, port), "{directive}");
        assert_eq!(gateway.uri, uri, "{directive}");
        assert_eq!(gateway.protocol.prefix(), directive.split('_').next().unwrap_or_default());
    }
}

#[test]
fn a_target_may_have_variables() {
    for directive in [
        "proxy_pass http://$host:81/x;",
        "proxy_pass $scheme://unix:/run/$host;",
        "proxy_pass http:/$uri;",
        "fastcgi_pass $host:9000;",
        "scgi_pass unix:/run/$host.sock;",
        "uwsgi_pass uwsgi://$host;",
    ] {
        let gateway = gateway_in("~ ^/p/", directive);
        let GatewayTarget::Made(made) = &gateway.target else { panic!("{directive}: {:?}", gateway.target) };
        assert!(made.as_text().is_none());
        assert_eq!((&gateway.host[..], &gateway.port[..], &gateway.uri), ("", "", &None), "{directive}");
        assert!(gateway.rules.proxy.redirects.is_empty(), "there is no default");
    }
}

#[test]
fn a_server_that_is_named_twice_is_one() {
    let config = load(
        "http { server { listen 80; location /a { proxy_pass http://127.0.0.1:1/x; } \
         location /b { proxy_pass http://127.0.0.1:1; } location /c { proxy_pass http://127.0.0.1:2; } } }",
    );
    assert_eq!(config.upstreams.iter().map(|it| &it.name[..]).collect::<Vec<_>>(), ["127.0.0.1:1", "127.0.0.1:2"]);
    assert!(config.upstreams.iter().all(|upstream| upstream.is_implicit));
}

/// The values that the four families share.
#[test]
fn each_shared_directive_sets_its_value() {
    type Show = fn(&GatewayRules) -> String;
    let bind: Show = |r| r.bind.as_ref().map_or("off".to_owned(), |it| format!("{:?}", it.as_text()));
    let table: [(&str, Show, &str); 38] = [
        ("bind 127.0.0.2;", bind, "Some(\"127.0.0.2\")"),
        ("bind [::1]:70;", bind, "Some(\"[::1]:70\")"),
        ("bind $remote_addr;", bind, "None"),
        ("bind off;", bind, "off"),
        ("connect_timeout 5s;", |r| format!("{:?}", r.connect_timeout), "5s"),
        ("send_timeout 6;", |r| format!("{:?}", r.send_timeout), "6s"),
        ("read_timeout 1h;", |r| format!("{:?}", r.read_timeout), "3600s"),
        ("socket_keepalive on;", |r| r.socket_keepalive.to_string(), "true"),
        ("next_upstream_tries 3;", |r| r.next_upstream_tries.to_string(), "3"),
        ("next_upstream_timeout 7s;", |r| format!("{:?}", r.next_upstream_timeout), "7s"),
        ("pass_request_headers off;", |r| r.pass_request_headers.to_string(), "false"),
        ("pass_request_body off;", |r| r.pass_request_body.to_string(), "false"),
        ("request_buffering off;", |r| r.request_buffering.to_string(), "false"),
        ("ignore_client_abort on;", |r| r.ignore_client_abort.to_string(), "true"),
        ("buffering off;", |r| r.buffering.to_string(), "false"),
        ("buffer_size 16k;", |r| r.buffer_size.to_string(), "16384"),
        ("buffers 4 1m;", |r| format!("{:?}", r.buffers), "(4, 1048576)"),
        ("busy_buffers_size 16k;", |_| String::new(), ""),
        ("max_temp_file_size 0;", |r| r.max_temp_file_size.to_string(), "0"),
        ("temp_file_write_size 16k;", |_| String::new(), ""),
        ("temp_path tmp 1 2;", |r| format!("{:?}", r.temp_path), "Some(\"/srv/tmp\")"),
        ("limit_rate 1k;", |r| format!("{:?}", r.limit_rate), "Some(Fixed(1024))"),
        ("limit_rate $arg_x;", |r| matches!(r.limit_rate, Some(Size::Made(_))).to_string(), "true"),
        ("limit_rate 0;", |r| format!("{:?}", r.limit_rate), "None"),
        ("intercept_errors on;", |r| r.intercept_errors.to_string(), "true"),
        ("force_ranges on;", |r| r.force_ranges.to_string(), "true"),
        ("hide_header X-A;", |r| r.hidden.contains(&"x-a".to_owned()).to_string(), "true"),
        ("pass_header X-Accel-Charset;", |r| r.hidden.contains(&"x-accel-charset".to_owned()).to_string(), "false"),
        ("store off;", |r| format!("{:?}", r.store), "None"),
        ("store_access all:r;", |r| format!("{:?}", r.store), "None"),
        ("store on;", |r| format!("{:?}", r.store.as_ref().map(|s| (s.path.is_some(), s.mode))), "Some((false, 384))"),
        ("cache off;", |_| String::new(), ""),
        ("cache_bypass $http_upgrade $arg_x;", |_| String::new(), ""),
        ("no_cache $http_upgrade;", |_| String::new(), ""),
        ("next_upstream off;", |r| format!("{:?}", r.next_upstream), "NextUpstream(OFF)"),
        ("next_upstream error off;", |r| format!("{:?}", r.next_upstream), "NextUpstream(OFF)"),
        ("next_upstream http_404;", |r| format!("{:?}", r.next_upstream), "NextUpstream(HTTP_404)"),
        ("ignore_headers vary Expires;", |r| format!("{:?}", r.ignored), "IgnoredFields(EXPIRES | VARY)"),
    ];
    for (family, pass) in PASSES {
        for (directive, show, expected) in table {
            assert_eq!(show(&rules(pass, &format!("{family}_{directive}"))), expected, "{family}_{directive}");
        }
    }
}

#[test]
fn directives_that_add_up() {
    let rules = proxy(
        "proxy_ignore_headers Expires; proxy_ignore_headers Vary; proxy_next_upstream error; \
         proxy_next_upstream http_502 non_idempotent; proxy_store /d$uri; proxy_store_access user:rw all:r;",
    );
    assert_eq!(rules.ignored, IgnoredFields::EXPIRES | IgnoredFields::VARY);
    let expected = NextUpstream::ERROR | NextUpstream::HTTP_502 | NextUpstream::NON_IDEMPOTENT;
    assert_eq!(rules.next_upstream, expected);
    let store = rules.store.expect("answers are stored");
    assert!(store.path.is_some() && store.mode == 0o604, "{store:?}");
}

#[test]
fn which_fields_are_hidden() {
    let accel = "x-accel-expires x-accel-redirect x-accel-limit-rate x-accel-buffering x-accel-charset";
    for ((family, pass), own) in PASSES.into_iter().zip(["date server x-pad ", "status ", "status ", ""]) {
        assert_eq!(rules(pass, "").hidden.join(" "), format!("{own}{accel}"), "{family}");
    }
    let hidden = |directives: &str| proxy(directives).hidden.join(" ");
    let without_server = format!("date x-pad {accel}");
    assert_eq!(hidden("proxy_pass_header Server;"), without_server);
    assert_eq!(
        hidden("proxy_hide_header X-A; proxy_hide_header Date; proxy_hide_header x-a; proxy_pass_header SERVER;"),
        { format!("{without_server} x-a x-a") }
    );
    assert_eq!(hidden("proxy_hide_header X-A; proxy_pass_header X-A;"), format!("date server x-pad {accel}"));
}

#[test]
fn params() {
    let shown = |pass: &str, directives: &str| {
        let rules = rules(pass, directives);
        let param = |param: &crate::config::GatewayParam| {
            format!("{}={}{}", param.name, text(&param.value), if param.if_not_empty { "?" } else { "" })
        };
        rules.params.iter().map(param).collect::<Vec<_>>().join(" ")
    };
    for (family, pass) in &PASSES[1..] {
        let directives = format!(
            "{family}_param B x; {family}_param A \"\"; {family}_param B y if_not_empty; {family}_param \"A b\" -;"
        );
        assert_eq!(shown(pass, &directives), "B=x A= B=y? A b=-", "{family}");
    }
    let directives = "proxy_set_header Host a; proxy_set_header Accept-Encoding \"\"; proxy_set_header X-B \"c d\";";
    assert_eq!(shown(PASSES[0].1, directives), "Host=a? Accept-Encoding=? X-B=c d?", "an empty field is not sent");
}

#[test]
fn fastcgi_and_uwsgi_have_directives_of_their_own() {
    let fastcgi = rules(
        PASSES[1].1,
        "fastcgi_index index.php; fastcgi_split_path_info ^(.+\\.php)(/.*)$; fastcgi_keep_conn on; \
         fastcgi_catch_stderr \"PHP Fatal\"; fastcgi_catch_stderr x; fastcgi_send_lowat 1k;",
    )
    .fastcgi;
    assert_eq!((fastcgi.index.as_deref(), fastcgi.keep_conn), (Some("index.php"), true));
    assert_eq!(fastcgi.split_path_info.expect("an expression").pattern.as_str(), "^(.+\\.php)(/.*)$");
    assert_eq!(fastcgi.catch_stderr, ["PHP Fatal", "x"]);
    assert_eq!(rules(PASSES[3].1, "uwsgi_modifier1 9; uwsgi_modifier2 255;").uwsgi_modifiers, (9, 255));
}

#[test]
fn how_an_http_server_is_asked() {
    let rules = proxy("proxy_http_version 1.0; proxy_method POST; proxy_set_body $args; proxy_pass_trailers on;").proxy;
    assert_eq!((rules.version, rules.pass_trailers), (ProxyVersion::Http10, true));
    assert_eq!(
        (rules.method.as_ref().map(text), rules.body.as_ref().and_then(Template::as_text)),
        (Some("POST"), None)
    );
    assert!(rules.body.is_some());
    assert_eq!(proxy("proxy_http_version 1.1;").proxy.version, ProxyVersion::Http11);
}

#[test]
fn what_becomes_of_redirects() {
    let redirects = |location: &str, directives: &str| {
        let gateway = gateway_in(location, directives);
        let pair = |it: &crate::config::ProxyRedirect| format!("{} -> {}", from(&it.from), text(&it.to));
        gateway.rules.proxy.redirects.iter().map(pair).collect::<Vec<_>>().join(", ")
    };
    let own = "proxy_pass http://127.0.0.1:1/a/;";
    let table = [
        ("/p/", "", "http://127.0.0.1:1/a/ -> /p/"),
        ("/p/", "proxy_redirect default;", "http://127.0.0.1:1/a/ -> /p/"),
        ("/p/", "proxy_redirect off;", ""),
        (
            "/p/",
            "proxy_redirect http://a/ /b/; proxy_redirect default;",
            "http://a/ -> /b/, http://127.0.0.1:1/a/ -> /p/",
        ),
        ("/p/", "proxy_redirect ~^http://a/(.*) /b/; proxy_redirect ~*^x$ y;", "~^http://a/(.*) -> /b/, ~^x$ -> y"),
    ];
    for (location, directives, expected) in table {
        assert_eq!(redirects(location, &format!("{own} {directives}")), expected, "{directives}");
        assert_eq!(redirects(location, &format!("{directives} {own}")), expected, "{directives}");
    }
    assert_eq!(redirects("/p/", "proxy_pass http://127.0.0.1:1;"), "http://127.0.0.1:1/ -> /");
    assert_eq!(redirects("~ /p/", "proxy_pass http://127.0.0.1:1;"), "http://127.0.0.1:1/ -> /");
}

#[test]
fn what_becomes_of_cookies() {
    let rewrites = |directives: &str| {
        let rules = proxy(directives).proxy;
        let pair = |it: &crate::config::CookieRewrite| format!("{} -> {}", from(&it.from), text(&it.to));
        let all: Vec<String> = rules.cookie_domains.iter().chain(&rules.cookie_paths).map(pair).collect();
        all.join(", ")
    };
    for (directives, expected) in [
        ("proxy_cookie_domain off; proxy_cookie_path off;", ""),
        ("proxy_cookie_domain localhost example.org;", "localhost -> example.org"),
        ("proxy_cookie_domain .a .b; proxy_cookie_domain ~x y;", "a -> b, ~x -> y"),
        ("proxy_cookie_path /a/ /; proxy_cookie_path ~*^/b /c;", "/a/ -> /, ~^/b -> /c"),
    ] {
        assert_eq!(rewrites(directives), expected, "{directives}");
    }
    let rules = proxy("proxy_cookie_flags one secure SameSite=Lax; proxy_cookie_flags ~ nohttponly; ").proxy;
    let flags = |it: &crate::config::CookieFlags| {
        format!("{} {}", from(&it.cookie), it.flags.iter().map(text).collect::<Vec<_>>().join(" "))
    };
    let flags: Vec<String> = rules.cookie_flags.iter().map(flags).collect();
    assert_eq!(flags, ["one secure SameSite=Lax", "~ nohttponly"]);
    let gateway = gateway_in("/p/", "proxy_pass http://127.0.0.1:1; proxy_cookie_flags a $arg_b;");
    assert!(gateway.rules.proxy.cookie_flags[0].flags[0].as_text().is_none());
}

#[test]
fn times_have_defaults() {
    for protocol in GatewayProtocol::ALL {
        let rules = GatewayRules::of(protocol);
        let minute = Duration::from_secs(60);
        assert_eq!((rules.connect_timeout, rules.send_timeout, rules.read_timeout), (minute, minute, minute));
    }
}
