//! The rewrite phase: `set`, `if`, `rewrite`, `return`, `try_files`, named locations, and expressions with groups.

mod harness;

use harness::{Server, each, server};

const FILES: &[(&str, &[u8])] = &[
    ("html/index.html", b"index"),
    ("html/a.txt", b"a"),
    ("html/down", b"down"),
    ("html/dir/index.html", b"dir index"),
    ("html/shot.png", b"shot"),
    ("html/sites/one/x", b"one"),
    ("secret", b"secret"),
];

/// A server with these directives, and its answers: `(target, status, body or Location)`.
fn answers(config: &str, rows: &[(&str, u16, &str)]) -> Server {
    let config = format!("server {{ listen 127.0.0.1:0; root html/html; {config} }}");
    let s = server(&config, FILES);
    each(rows, |(target, status, expected)| {
        let mut client = s.connect();
        let response = client.get(target).expect(*status, target);
        match response.field("Location") {
            Some(location) => assert!(location.ends_with(expected), "{target}: {location}"),
            None if response.status < 300 => assert_eq!(response.text(), *expected, "{target}"),
            None => assert!(expected.is_empty(), "{target}"),
        }
    });
    s
}

#[test]
fn groups_of_locations_are_variables() {
    answers(
        r#"location ~ ^/n/(\d+)/(?<rest>.*)$ { return 200 "$1 $2 $rest"; }
           location ~ ^/al/(.+)$ { alias html/html/$1; }
           location ~* \.PNG$ { }
           location /site/ { root html/html/sites/$arg_name; rewrite ^/site/(.*)$ /$1 break; }"#,
        &[
            ("/n/12/x/y", 200, "12 x/y x/y"),
            ("/n/x/y", 404, ""),
            ("/al/a.txt", 200, "a"),
            ("/al/..%2f..%2fsecret", 400, ""),
            ("/shot.png", 200, "shot"),
            ("/site/x?name=one", 200, "one"),
            ("/site/x?name=two", 404, ""),
            ("/site/secret?name=../..", 404, ""),
            ("/site/secret?name=..", 404, ""),
        ],
    );
}

#[test]
fn rewrites() {
    answers(
        r#"rewrite ^/server/(.*)$ /got/$1;
           location /old/ { rewrite ^/old/(.*)$ /new/$1 permanent; }
           location /found/ { rewrite ^/found/(.*)$ /new/$1? redirect; }
           location /url/ { rewrite ^/url/(.*)$ https://example.org/$1; }
           location /last/ { rewrite ^/last/(.*)$ /got/$1 last; return 500; }
           location /break/ { rewrite ^/break/(.*)$ /$1 break; return 500; }
           location /on/ { rewrite ^/on/(.*)$ /on2/$1; rewrite ^/on2/(.*)$ /got/$1; }
           location /query/ { rewrite ^/query/(.*)$ /got/?x=$1; }
           location /noquery/ { rewrite ^/noquery/(.*)$ /got/?x=$1? last; }
           location /got/ { return 200 "$uri $args"; }
           location /loop { rewrite ^ /loop2 last; }
           location /loop2 { rewrite ^ /loop last; }
           location /none { rewrite ^ none last; }
           location /up { rewrite ^ /x/../../$arg_p last; }"#,
        &[
            ("/server/x?y", 200, "/got/x y"),
            ("/old/a%20b?q=1", 301, "/new/a%20b?q=1"),
            ("/found/x?q=1", 302, "/new/x"),
            ("/url/x?q", 302, "https://example.org/x?q"),
            ("/last/x?q", 200, "/got/x q"),
            ("/break/a.txt", 200, "a"),
            ("/on/x", 200, "/got/x "),
            ("/query/a%26b?q", 200, "/got/ x=a%26b&q"),
            ("/noquery/x?q", 200, "/got/ x=x"),
            ("/loop", 500, ""),
            ("/none", 404, ""),
            ("/up?p=secret", 404, ""),
        ],
    );
}

#[test]
fn a_program_runs_in_the_order_of_the_file() {
    answers(
        r#"set $a server;
           location / { set $a "$a-1"; if ($arg_x) { set $a "$a-2"; } set $a "$a-3"; return 200 $a; }
           location /args { set $args new=1; return 200 $args; }
           location /order { if ($arg_x = 1) { return 200 first; } return 200 second; }
           location /break { set $b 1; break; set $b 2; error_page 404 /b; }
           location = /b { return 200 "b=$b"; }"#,
        &[
            ("/", 200, "server-1-3"),
            ("/?x=1", 200, "server-1-2-3"),
            ("/?x=0", 200, "server-1-3"),
            ("/args?old", 200, "new=1"),
            ("/order?x=1", 200, "first"),
            ("/order?x=11", 200, "second"),
        ],
    );
}

#[test]
fn tests_of_if() {
    answers(
        r#"location /t {
             if ($arg_e = yes) { return 200 equal; }
             if ($arg_n != "") { return 200 notempty; }
             if ($arg_m ~ "^(a+)b{2}$") { return 200 "match $1"; }
             if ($arg_i ~* ^UP$) { return 200 icase; }
             if ( $arg_neg !~ ^x ) { set $neg 1; }
             if ($arg_q = 'a b') { return 200 quoted; }
             if (-f $document_root$arg_f) { return 200 file; }
             if (-d $document_root$arg_f) { return 200 directory; }
             if (!-e $document_root$arg_f) { return 200 missing; }
             if (-x $document_root/dir) { return 200 executable; }
           }"#,
        &[
            ("/t?e=yes", 200, "equal"),
            ("/t?n=1", 200, "notempty"),
            ("/t?m=aabb", 200, "match aa"),
            ("/t?i=up", 200, "icase"),
            ("/t?f=/a.txt", 200, "file"),
            ("/t?f=/dir", 200, "directory"),
            ("/t?f=/nothing", 200, "missing"),
        ],
    );
}

#[test]
fn an_if_in_a_location_changes_its_settings() {
    let s = answers(
        r#"location /if { add_header X outer; root html/html;
           if ($arg_a) { add_header X inner; root html; } rewrite ^ /a.txt break; }"#,
        &[("/if", 200, "a"), ("/if?a=1", 404, "")],
    );
    let mut client = s.connect();
    assert_eq!(client.get("/if").expect(200, "/if").must("X"), "outer");
}

#[test]
fn the_first_file_that_is_there_answers() {
    answers(
        r#"location / { try_files $uri $uri/ /index.html; }
           location /code { try_files $uri =410; }
           location /named { try_files $uri @fallback; }
           location /query { try_files $uri /got?$args; }
           location /noquery { try_files $uri /got; }
           location = /got { return 200 "got $args"; }
           location /var { try_files /$arg_f =404; }
           location /down { try_files /down $uri; }
           location /self { try_files $uri /self; }
           location @fallback { return 200 "fallback $uri"; }"#,
        &[
            ("/a.txt", 200, "a"),
            ("/dir/", 200, "dir index"),
            ("/dir", 301, "/dir/"),
            ("/deep/link", 200, "index"),
            ("/code", 410, ""),
            ("/named/x", 200, "fallback /named/x"),
            ("/query?a=1", 200, "got a=1"),
            ("/noquery?a=1", 200, "got "),
            ("/var?f=a.txt", 200, "a"),
            ("/var?f=../secret", 404, ""),
            ("/var?f=dir", 404, ""),
            ("/down", 200, "down"),
            ("/self", 500, ""),
        ],
    );
}

/// nginx: `internal` locations answer for redirects, rewrites and error pages, and not for a client.
#[test]
fn internal_locations() {
    answers(
        r#"location /int/ { internal; try_files /a.txt =500; }
           location /to { rewrite ^ /int/x last; }
           location /page { error_page 404 =200 /int/y; }
           location /try { try_files $uri /int/z; }"#,
        &[("/int/x", 404, ""), ("/to", 200, "a"), ("/page", 200, "a"), ("/try", 200, "a")],
    );
}

#[test]
fn error_pages_by_name_keep_the_method_and_by_path_do_not() {
    let s = answers(
        r#"location /path { error_page 404 =200 /say; }
           location /named { error_page 404 =200 @say; }
           location = /say { return 200 "$request_method"; }
           location @say { return 200 "$request_method $uri"; }
           location /twice { error_page 404 /missing1; }
           location /missing1 { error_page 404 =200 /a.txt; }
           location /rec { recursive_error_pages on; error_page 404 /rec2; }
           location /rec2 { recursive_error_pages on; error_page 404 =200 /a.txt; }"#,
        &[("/path", 200, "GET"), ("/named/x", 200, "GET /named/x"), ("/twice", 404, ""), ("/rec", 200, "a")],
    );
    let mut client = s.connect();
    client.send("DELETE /named/y HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(client.response().status, 405);
}

#[test]
fn what_a_redirect_is_made_of_is_encoded_as_a_url() {
    answers(
        r#"location /arg { rewrite ^ $arg_r? redirect; }
           location /uri { rewrite ^ http://example.com$uri redirect; }
           location /asked { rewrite ^ http://example.com$request_uri? redirect; }
           location /group { rewrite ^(.*) http://example.com$1?from=$1 redirect; }
           location /inside { rewrite ^(.*) $1?c=$1; return 200 "$uri $args"; }"#,
        &[
            ("/arg?r=http%3A%2F%2Fexample.com%2F%3Ffrom%3Dblah", 302, "http://example.com/?from=blah"),
            ("/arg?r=http%3A%2F%2Fexample.com%0D%0Asplit", 302, "http://example.com%0D%0Asplit"),
            ("/uri/a%20%3Fb?c", 302, "http://example.com/uri/a%20%3Fb?c"),
            ("/asked/a%20%3Fb?c", 302, "http://example.com/asked/a%20%3Fb?c"),
            ("/group/a%26b", 302, "http://example.com/group/a&b?from=/group/a%26b"),
            ("/inside/%25?a=b", 200, "/inside/% c=/inside/%25&a=b"),
        ],
    );
}

#[test]
fn a_return_as_an_error_page() {
    let s = answers(
        r#"location /400/ { error_page 404 /forbidden; }
           location /empty { error_page 405 /nothing; return 405; }
           location /moved { error_page 302 /text; return 302 /there; }
           location = /forbidden { return 403; }
           location = /nothing { return 200; }
           location = /text { return 200 text; }"#,
        &[("/400/x", 403, ""), ("/empty", 405, ""), ("/moved", 302, "/there")],
    );
    let mut client = s.connect();
    assert_eq!(client.get("/empty").text(), "");
    assert_eq!(client.get("/moved").text(), "text");
}

#[test]
fn a_servers_return_comes_before_its_locations() {
    let s = answers(
        r#"if ($host = "www.example.org") { return 301 https://example.org$request_uri; }
           location / { try_files $uri =404; }"#,
        &[("/a.txt", 200, "a")],
    );
    let mut client = s.connect();
    client.send("POST /x?y HTTP/1.1\r\nHost: www.example.org\r\nContent-Length: 3\r\n\r\nabc");
    client.send("GET /a.txt HTTP/1.1\r\nHost: y\r\n\r\n");
    let response = client.response().expect(301, "POST");
    assert_eq!(response.must("Location"), "https://example.org/x?y");
    assert_eq!(client.response().expect(200, "the next request").text(), "a");
}

/// The server's name is an expression, and its group a variable.
#[test]
fn groups_of_a_servers_name_are_variables() {
    let config = r#"server { listen 127.0.0.1:0; return 200 default; }
        server { listen 127.0.0.1:0; server_name ~^(?<sub>[a-z]+)\.example\.(org|com)$; return 200 "$sub $2"; }
        server { listen 127.0.0.1:0; server_name www.example.org; return 200 exact; }"#;
    let s = server(config, &[]);
    for (host, expected) in
        [("shop.example.com", "shop com"), ("WWW.example.org", "exact"), ("x1.example.org", "default")]
    {
        let mut client = s.connect_to(0);
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(client.response().expect(200, host).text(), expected, "{host}");
    }
}

#[test]
fn variables_of_the_request() {
    let s = answers(
        r#"location /v {
             return 200 "$content_type,$content_length,$request_port,$is_request_port,$https,$nginx_version";
           }
           location /root { root html/../html/html; return 200 "$realpath_root"; }
           location /to { rewrite ^ $arg_r? redirect; }"#,
        &[
            ("/v", 200, ",,,,,1.29.0"),
            ("/to?r=http%3A%2F%2Fexample.org%2F%3Fa", 302, "http://example.org/?a"),
            ("/to?r=http%3A%2F%2Fx%0D%0ASet-Cookie:a", 302, "http://x%0D%0ASet-Cookie:a"),
        ],
    );
    let mut client = s.connect();
    let root = client.get("/root").expect(200, "/root").text();
    assert!(root.ends_with("/html/html") && !root.contains(".."), "{root}");
    client.send("POST /v HTTP/1.1\r\nHost: x:81\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nxx");
    assert_eq!(client.response().expect(200, "POST").text(), "a/b,2,81,:,,1.29.0");
}

/// An error page that fails led to itself, until the stack was full.
#[test]
fn error_pages_that_lead_to_themselves_end() {
    let s = answers(
        r#"recursive_error_pages on; error_page 500 @missing; error_page 404 /err/$arg_l/e.html;
           location = /x { return 500; }
           location /own { error_page 500 /500.html; return 500; }
           location = /500.html { error_page 500 /500.html; return 500; }"#,
        &[("/x", 500, ""), ("/nope?l=..", 500, ""), ("/own", 500, "")],
    );
    assert_eq!(s.connect().get("/a.txt").expect(200, "the server lives").text(), "a");
}

/// `rewrite ... break` and rewrites of a server left the root, if a variable had dots.
#[test]
fn a_rewritten_path_has_no_dots() {
    answers(
        r#"rewrite ^/img(.*)$ /dir/$1;
           location /dl { rewrite ^/dl /dir/$arg_f break; }
           location /seam/ { rewrite ^/seam/(.*)-(.*)$ /$1$2 break; }
           location /w { rewrite ^/w(.*)$ $1 break; }"#,
        &[
            ("/dl?f=index.html", 200, "dir index"),
            ("/dl?f=../../secret", 404, ""),
            ("/seam/.-./secret", 404, ""),
            ("/img../a.txt", 404, ""),
            ("/w-x/a.txt", 404, ""),
        ],
    );
}

/// A question mark in a group is a character of the path.
#[test]
fn only_the_configuration_begins_the_query() {
    answers(
        r#"location /rp/ { rewrite ^/rp/(.*)$ /pp/$1; } location /rq/ { rewrite ^/rq/(.*)$ /pp/?x=$1; }
           location /pp/ { return 200 "$uri,$args"; }"#,
        &[("/rp/a%3Fb?c", 200, "/pp/a?b,c"), ("/rq/a%3Fb?c", 200, "/pp/,x=a%3Fb&c")],
    );
}

#[test]
fn roots_with_variables_and_tried_files() {
    answers(
        r#"location /v { root html/html/$arg_d; try_files /index.html =404; }
           location ~ ^/r/(.*)/ { root html/html/$1; try_files /x =404; }
           location /close { try_files /no =444; }"#,
        &[("/v?d=dir", 200, "dir index"), ("/v?d=none", 404, ""), ("/r/sites/one/", 200, "one")],
    );
}

#[test]
fn variables_in_error_pages_and_of_absolute_targets() {
    let s = answers(
        r#"error_page 404 /e; location = /e { internal; return 200 "$status $request_method"; }
           location = /s { return 201 "$status"; }
           location /u { return 200 "$request_uri $arg_a $cookie_b"; }
           location /in/ { internal; location /in/x { return 200 reached; } }"#,
        &[("/s", 201, "201"), ("/in/x", 404, "")],
    );
    let mut client = s.connect();
    assert_eq!(client.get("/none").expect(404, "/none").text(), "404 GET");
    client.send("GET http://x/u?A=1 HTTP/1.1\r\nHost: x\r\nCookie: B=2\r\n\r\n");
    assert_eq!(client.response().expect(200, "absolute").text(), "/u?A=1 1 2");
}

/// `limit_except` holds before `return` and `rewrite`, and in named locations; so does `methods`.
#[test]
fn nothing_leads_around_limit_except() {
    let s = answers(
        r#"dav_methods PUT DELETE;
           location /le { limit_except GET { deny all; } return 200 got; }
           location /lr { limit_except GET { deny all; } rewrite ^ /a.txt last; }
           location /del/ { dav_methods off; error_page 405 = @store; }
           location @store { limit_except GET { deny all; } }
           location /put/ { dav_methods off; error_page 405 = @get; }
           location @get { methods GET; }
           location /priv/ { if ($cookie_x != secret) { return 403; } }
           location /int/ { internal; }"#,
        &[("/le", 200, "got"), ("/lr", 200, "a")],
    );
    for (request, status) in [
        ("POST /le", 403),
        ("POST /lr", 403),
        ("DELETE /del/x", 403),
        ("PUT /put/x", 405),
        ("COPY /a.txt HTTP/1.1\r\nDestination: /priv/x", 405),
    ] {
        let mut client = s.connect();
        let line = if request.contains("HTTP") { request.to_owned() } else { format!("{request} HTTP/1.1") };
        client.send(format!("{line}\r\nHost: x\r\nContent-Length: 0\r\n\r\n"));
        client.response().expect(status, request);
    }
    let copies = answers(
        r#"dav_methods COPY; location /int/ { internal; }
           location /priv/ { if ($cookie_x != secret) { return 403; } }"#,
        &[],
    );
    for to in ["/priv/x", "/int/x"] {
        let mut client = copies.connect();
        client.send(format!("COPY /a.txt HTTP/1.1\r\nHost: x\r\nDestination: {to}\r\n\r\n"));
        client.response().expect(403, to);
    }
}

/// A body that was dropped was taken for an empty one, and a client that waited for 100 was never answered.
#[test]
fn a_body_that_is_gone_is_not_stored_as_empty() {
    let s = answers(
        r#"location /up/ { error_page 405 = @store; } location @store { dav_methods PUT; create_full_put_path on; }
           location /up2/ { error_page 405 = @inner; } location @inner { error_page 405 = @store; }"#,
        &[],
    );
    for (expect, status) in [("", 201), ("Expect: 100-continue\r\n", 201)] {
        let mut client = s.connect();
        client.send(format!("PUT /up/new HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n{expect}\r\nabc"));
        let response = client.any_response();
        let response = if response.status == 100 { client.any_response() } else { response };
        assert!([status, 204].contains(&response.status), "{expect} {}", response.status);
        let mut client = s.connect();
        assert_eq!(client.get("/up/new").expect(200, "stored").text(), "abc", "{expect}");
    }
}
