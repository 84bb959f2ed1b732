//! What nginx has and this server does not: refused by name, or accepted without an effect.

use super::super::directives::{Directive, all};
use super::super::manual;
use super::super::scope::Contexts;
use super::{headlines, load, read};

#[test]
fn refused_by_name() {
    let text = "load_module x.so;\nhttp {\n gzip on;\n upstream u { server 127.0.0.1; sticky; }\n server {\n  \
                listen 80;\n  ssl_protocols TLSv1.3;\n  lsten 1;\n  location / { more_set_headers x; image_filter \
                off; }\n }\n}\nstream { server { listen 1; } }\ngroup x;\n";
    let found = headlines(text);
    let expected = [
        "site.conf:1:1: \"load_module\" is not supported yet; all parts of the server are in the program; leave it \
         out",
        "site.conf:3:2: \"gzip\" is not supported yet; gzip_static sends files that are compressed already; else leave \
         it out",
        "site.conf:4:33: \"sticky\" is not supported yet; least_conn, ip_hash, hash and random choose a server; leave \
         it out, and the servers take turns",
        "site.conf:7:3: \"ssl_protocols\" is not supported yet; TLS ends in front of this server: let hitch, stunnel \
         or a load balancer do it, and listen without ssl",
        "site.conf:8:3: unknown directive \"lsten\", did you mean \"listen\"?",
        "site.conf:9:16: \"more_set_headers\" is of a third-party module of nginx (headers-more), which is not here; \
         add_header sets fields, server_tokens off hides the version",
        "site.conf:9:36: \"image_filter\" is not supported yet; files are sent as they are; change them, or let a \
         program answer (cgi_pass)",
        "site.conf:12:1: \"stream\" is not supported yet; this server speaks HTTP; use another program for it",
        "site.conf:13:1: there is no directive \"group\"; write the group behind the user: user USER GROUP;",
    ];
    // A directive that has arrived since is not refused any more.
    let is_here = |line: &str| line.split('"').nth(1).is_some_and(manual::has);
    assert_eq!(found, expected.into_iter().filter(|line| !is_here(line)).collect::<Vec<_>>());
}

/// A block that is refused is read all the same, if its level is known.
#[test]
fn problems_inside_refused_blocks_are_shown() {
    let rows = [
        ("http { server { listen 80; location / { } location / { rot x; } } }", &["1:52", "1:56"][..]),
        ("http { server { listen 80; location == /x { rot x; location /y { idex z; } } } }", &["1:37", "1:45", "1:66"]),
        ("http { sever { listen 99999; location / { rot x; } } }", &["1:8", "1:23", "1:43"]),
        ("server { listen 99999; }", &["1:1", "1:17"]),
        ("http { location / { alias x; rot y; } }", &["1:8", "1:30"]),
        ("http { } http { rot y; server { rot z; } }", &["1:10", "1:17", "1:33"]),
        ("evnts { use slect; }", &["1:1", "1:13"]),
        ("echo { sever { echo_by x; } }", &["1:8", "1:24"]),
        ("http { server { listen 80; lication / { rot y; } } }", &["1:28", "1:41"]),
        ("http { upstream x { rot y; } }", &["1:17", "1:21"]),
        ("http { upstram x { server 127.0.0.1 y; } }", &["1:8", "1:37"]),
        ("http { bogus { rot y; } }", &["1:8"]),
    ];
    for (text, places) in rows {
        let found: Vec<String> =
            headlines(text).iter().map(|line| line.trim_start_matches("site.conf:").to_owned()).collect();
        let found: Vec<&str> = found.iter().map(|line| line.split(": ").next().unwrap_or("")).collect();
        assert_eq!(found, places, "{text}: {:?}", headlines(text));
    }
}

#[test]
fn accepted_without_an_effect() {
    let config = load(
        "pcre_jit on; worker_cpu_affinity 01 10; events { accept_mutex off; } http { types_hash_max_size 2048; \
         aio threads=x; gzip_disable msie6; proxy_temp_path /tmp/p 1 2; server { listen 80; types_hash_max_size 1k; \
         directio off; output_buffers 2 32k; } }",
    );
    let names = ["pcre_jit", "worker_cpu_affinity", "accept_mutex", "types_hash_max_size", "aio", "gzip_disable"];
    assert_eq!(config.without_effect, [&names[..], &["directio", "output_buffers"]].concat());
    assert!(config.warnings.is_empty());
    for (text, place) in [
        ("pcre_jit yes;", "1:10"),
        ("thread_pool;", "1:1"),
        ("http { types_hash_max_size big; }", "1:28"),
        ("http { aio thread; }", "1:12"),
        ("http { directio on; }", "1:17"),
        ("http { output_buffers 0 1k; }", "1:23"),
        ("http { proxy_temp_path /x 4; }", "1:27"),
        ("accept_mutex on;", "1:1"),
        ("timer_resolution x;", "1:18"),
        ("debug_points x;", "1:14"),
    ] {
        let found = headlines(text);
        assert!(found[0].starts_with(&format!("site.conf:{place}: ")), "{text}: {found:?}");
    }
}

/// Each directive refuses a wrong number of values. (A line of one is read where the directive may stand.)
#[test]
fn each_directive_counts_its_values() {
    for Directive { name, args, contexts, .. } in all().filter(|it| !it.takes_block()) {
        let level = if *contexts == Contexts::UPSTREAM { "upstream u {" } else { "" };
        if let Some(wrong) = args.start().checked_sub(1).filter(|_| *args.start() > 0) {
            let end = if level.is_empty() { "" } else { "}" };
            let errors =
                read(&format!("http {{ {level} {name}{} ; {end} }}", " x".repeat(wrong))).expect_err("too few values");
            let told = errors.to_string();
            assert!(told.contains(" takes ") || told.contains(" not allowed "), "{name}: {told}");
        }
    }
}
