//! Broken directives of gateways, and what is said about them.

use super::broken::check_in_server;
use super::gateway::PASSES;
use super::*;

/// The column of the text in `http { server { ... } }`, and what is wrong there.
fn check_in_location(table: &[(&str, &str, &str)]) {
    for (directives, marked, expected) in table {
        let text = format!("http {{ server {{ location /p/ {{ {directives} }} }} }}");
        let column = text.rfind(marked).expect("it is there") + 1;
        let found = headlines(&text);
        assert_eq!(found, [format!("site.conf:1:{column}: {expected}")], "{directives}");
    }
}

#[test]
fn pass() {
    let is_no_server =
        |name: &str| format!("\"{name}\" is no server; write HOST:PORT, as in 127.0.0.1:9000, or unix:FILE");
    let tls = "this server does not speak TLS with the servers behind it yet; let them listen without it, on a unix \
               socket or an address of this machine, and write http://";
    check_in_location(&[
        ("proxy_pass 127.0.0.1:1;", "127", "\"127.0.0.1:1\" does not begin with a scheme; write http://127.0.0.1:1"),
        ("proxy_pass https://127.0.0.1:1;", "https", tls),
        ("proxy_pass HTTPS://$host;", "HTTPS", tls),
        ("proxy_pass ftp$host;", "ftp", "\"ftp$host\" does not begin with a scheme; write http://ftp$host"),
        ("proxy_pass http://;", "http:", &is_no_server("")),
        ("proxy_pass http://127.0.0.1:0;", "http:", &is_no_server("127.0.0.1:0")),
        ("proxy_pass http://127.0.0.1:x/;", "http:", &is_no_server("127.0.0.1:x")),
        ("proxy_pass http://a@b/;", "http:", &is_no_server("a@b")),
        ("proxy_pass http://unix:;", "http:", "this path is empty"),
        ("proxy_pass \"\";", "\"\"", "this value is empty"),
        ("proxy_pass http://$nothing;", "http:", "unknown variable \"$nothing\""),
        ("fastcgi_pass 127.0.0.1;", "127", &is_no_server("127.0.0.1")),
        ("fastcgi_pass http://127.0.0.1:1;", "http:", &is_no_server("http://127.0.0.1:1")),
        ("scgi_pass 127.0.0.1:1/;", "127", &is_no_server("127.0.0.1:1/")),
        ("uwsgi_pass 127.0.0.1:70000;", "127", &is_no_server("127.0.0.1:70000")),
        (
            "uwsgi_pass suwsgi://127.0.0.1:1;",
            "suwsgi",
            "this server does not speak TLS with the servers behind it yet; write uwsgi://",
        ),
        (
            "fastcgi_pass 127.0.0.1:1; proxy_pass http://127.0.0.1:2;",
            "proxy_pass",
            "\"proxy_pass\" and \"fastcgi_pass\" exclude each other, first at site.conf:1:32",
        ),
        (
            "scgi_pass 127.0.0.1:1; cgi_pass /bin/x;",
            "scgi_pass",
            "\"scgi_pass\" and \"cgi_pass\" exclude each other, first at site.conf:1:55",
        ),
        (
            "cgi on; uwsgi_pass 127.0.0.1:1;",
            "uwsgi_pass",
            "\"uwsgi_pass\" and \"cgi\" exclude each other, first at site.conf:1:32",
        ),
    ]);
    let config = read("http { server { location / { proxy_pass http://127.0.0.1:1; cgi off; } } }");
    assert!(config.is_ok());
    for (family, pass) in PASSES {
        let expected = format!("17: \"{family}_pass\" is not allowed in \"server\"; it belongs in \"location\"");
        check_in_server(&[(pass, &expected)]);
    }
}

#[test]
fn there_must_be_a_prefix_that_a_path_can_replace() {
    let why = "could replace in a location with an expression, in a named location, in \"if\" and in \
               \"limit_except\"; leave it out, or change the path with \"rewrite\"";
    for (before, behind) in [
        ("location ~ x {", "}"),
        ("location @x {", "}"),
        ("location / { if ($args) {", "} }"),
        ("location / { limit_except GET {", "} }"),
        ("location = / { if ($args) {", "} }"),
    ] {
        let text =
            |path: &str| format!("http {{ server {{ {before} proxy_pass http://127.0.0.1:1{path}; {behind} }} }}");
        let column = text("").find("http://").expect("it is there") + 1;
        let found = headlines(&text("/a"));
        let expected = format!("site.conf:1:{column}: there is no prefix that the path \"/a\" {why}");
        assert_eq!(found, [expected], "{before}");
        assert!(read(&text("")).is_ok(), "{before}");
    }
}

/// The wrong values of what all families have.
#[test]
fn shared_directives() {
    let table = [
        ("bind nobody;", "nobody", "\"nobody\" is no address, as in 127.0.0.2 or [::1]:4000"),
        (
            "bind 127.0.0.2 transparent;",
            "transparent",
            "\"transparent\" needs a process with root's rights and routes of their own; leave it out, and pass the \
             client's address in a field or a parameter",
        ),
        ("bind 127.0.0.2 x;", "x;", "unknown value \"x\"; accepted: transparent"),
        ("buffering yes;", "yes", "\"yes\" is neither \"on\" nor \"off\""),
        ("request_buffering 1;", "1;", "\"1\" is neither \"on\" nor \"off\""),
        ("socket_keepalive 1;", "1;", "\"1\" is neither \"on\" nor \"off\""),
        ("intercept_errors 1;", "1;", "\"1\" is neither \"on\" nor \"off\""),
        ("force_ranges 1;", "1;", "\"1\" is neither \"on\" nor \"off\""),
        ("ignore_client_abort 1;", "1;", "\"1\" is neither \"on\" nor \"off\""),
        ("pass_request_headers 1;", "1;", "\"1\" is neither \"on\" nor \"off\""),
        ("pass_request_body 1;", "1;", "\"1\" is neither \"on\" nor \"off\""),
        ("buffers 1 8k;", "1 8k", "\"1\" is not a whole number from 2 to 1000000"),
        ("buffers 8 0;", "0;", "\"0\" is not a size from 1 bytes to 1048576k"),
        ("buffer_size 0;", "0;", "\"0\" is not a size from 1 bytes to 1048576k"),
        ("next_upstream_tries -1;", "-1", "\"-1\" is not a whole number from 0 to 1000000"),
        ("temp_path /x 4;", "4", "\"4\" is not a whole number from 1 to 3"),
        ("temp_path /$host;", "/$host", "variables are not supported in this path"),
        ("hide_header \"a b\";", "\"a b\"", "\"a b\" is no name of a field"),
        ("pass_header a:;", "a:", "\"a:\" is no name of a field"),
        ("store \"\";", "\"\"", "this value is empty"),
        ("store_access user:x;", "user", "\"user:x\" gives no access; accepted: user, group or all with :r or :rw"),
    ];
    for (family, _) in PASSES {
        for (directive, marked, expected) in table {
            check_in_location(&[(&format!("{family}_{directive}"), marked, expected)]);
        }
        for (directive, column) in [
            ("connect_timeout x;", 17),
            ("send_timeout x;", 14),
            ("read_timeout x;", 14),
            ("next_upstream_timeout x;", 23),
            ("max_temp_file_size x;", 20),
            ("temp_file_write_size x;", 22),
            ("busy_buffers_size x;", 19),
            ("limit_rate x;", 12),
            ("next_upstream x;", 15),
            ("ignore_headers x;", 16),
            ("no_cache $x;", 10),
        ] {
            let found = headlines(&format!("http {{ {family}_{directive} }}"));
            let place = format!("site.conf:1:{}: ", 8 + family.len() + column);
            assert!(found.len() == 1 && found[0].starts_with(&place), "{family}_{directive}: {found:?}");
        }
    }
}

#[test]
fn there_is_no_cache() {
    let expected = "\"proxy_cache\" is not supported yet but as \"proxy_cache off\"; answers of other servers are not \
                    kept; leave it out";
    check_in_location(&[("proxy_cache one;", "proxy_cache", expected)]);
    let found = headlines("http { fastcgi_cache_path /x keys_zone=a:1m; }");
    assert_eq!(
        found,
        ["site.conf:1:8: \"fastcgi_cache_path\" is not supported yet; answers of other servers are not kept; leave \
          it out"]
    );
}

#[test]
fn directives_of_one_family() {
    check_in_location(&[
        ("scgi_store here$uri;", "here", "\"here$uri\" does not begin with a slash; accepted: on, off, or /PATH"),
        ("fastcgi_param A b c;", "c;", "unknown value \"c\"; accepted: if_not_empty"),
        ("fastcgi_param \"\" b;", "\"\"", "this value is empty"),
        ("scgi_param A $nothing;", "$nothing", "unknown variable \"$nothing\""),
        ("fastcgi_index \"\";", "\"\"", "this value is empty"),
        (
            "fastcgi_split_path_info ^(.*)$;",
            "^(.*)",
            "this expression has 1 group, and needs two: the script, and the rest of the path",
        ),
        (
            "fastcgi_split_path_info x;",
            "x;",
            "this expression has 0 groups, and needs two: the script, and the rest of the path",
        ),
        ("fastcgi_keep_conn yes;", "yes", "\"yes\" is neither \"on\" nor \"off\""),
        ("fastcgi_catch_stderr \"\";", "\"\"", "this value is empty"),
        ("uwsgi_modifier1 256;", "256", "\"256\" is not a whole number from 0 to 255"),
        ("uwsgi_modifier2 x;", "x;", "\"x\" is not a whole number from 0 to 255"),
        (
            "uwsgi_string x;",
            "uwsgi_string",
            "\"uwsgi_string\" is not supported yet; uwsgi_modifier1 and uwsgi_param say what an application gets; \
             leave it out",
        ),
        ("proxy_set_header \"a b\" c;", "\"a b\"", "\"a b\" is no name of a field"),
        ("proxy_set_header a \"b\rc\";", "\"b", "a control character in this value"),
        ("proxy_http_version 2;", "2;", "this server does not speak HTTP/2 with the servers behind it; write 1.1"),
        ("proxy_http_version 3;", "3;", "unknown version \"3\"; accepted: 1.0, 1.1"),
        ("proxy_method \"A B\";", "\"A B", "\"A B\" is no method"),
        ("proxy_pass_trailers 1;", "1;", "\"1\" is neither \"on\" nor \"off\""),
        (
            "proxy_headers_hash_max_size x;",
            "x;",
            "\"x\" is not a size; write bytes, or a number with k, m or g, as in 64k",
        ),
    ]);
}

#[test]
fn rewriting() {
    check_in_location(&[
        ("proxy_redirect on;", "on;", "unknown value \"on\"; accepted: default, off"),
        ("proxy_redirect ~( x;", "~(", "this regular expression is not valid: unclosed group"),
        ("proxy_redirect off; proxy_redirect a b;", "proxy_redirect", "this comes on top of \"proxy_redirect off\""),
        (
            "proxy_redirect a b; proxy_redirect off;",
            "proxy_redirect",
            "\"proxy_redirect off\" comes on top of another proxy_redirect",
        ),
        (
            "proxy_redirect default; proxy_pass http://$host;",
            "default",
            "\"default\" is not known, since the URL of proxy_pass has variables; write what is replaced by what",
        ),
        ("proxy_cookie_domain on;", "on;", "unknown value \"on\"; accepted: off"),
        ("proxy_cookie_path a $nothing;", "$nothing", "unknown variable \"$nothing\""),
        (
            "proxy_cookie_path off; proxy_cookie_path a b;",
            "proxy_cookie_path",
            "this comes on top of \"proxy_cookie_path off\"",
        ),
        (
            "proxy_cookie_domain a b; proxy_cookie_domain off;",
            "proxy_cookie_domain",
            "\"proxy_cookie_domain off\" comes on top of another proxy_cookie_domain",
        ),
        (
            "proxy_cookie_flags a safe;",
            "safe",
            "unknown flag \"safe\"; accepted: secure, nosecure, httponly, nohttponly, samesite=strict, samesite=lax, \
             samesite=none, nosamesite",
        ),
    ]);
}
