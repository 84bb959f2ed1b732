//! Fields that the configuration adds: trailers, what a level inherits, `expires` with variables.

mod harness;

use harness::{Server, Setup, date, each, host, noise};
use std::time::Duration;

/// The whole answer to a GET, as text.
fn raw(s: &Server, target: &str, version: &str) -> String {
    let request = format!("GET {target} HTTP/{version}\r\nHost: name\r\nConnection: close\r\n\r\n");
    String::from_utf8_lossy(&s.exchange(request.as_bytes())).into_owned()
}

#[test]
fn trailers_follow_the_body() {
    let http = host(
        "add_trailer X-Var $host; add_trailer X-Always $status always; add_trailer X-Empty $arg_empty;
         add_trailer X-Head $sent_http_accept_ranges; add_trailer X-Var second; add_trailer X-Sent $sent_trailer_x_var;
         location /text { return 200 hello; } location /empty { return 200; } location /none { return 204; }
         location /whole { chunked_transfer_encoding off; root html; }",
    );
    let files: [(&str, &[u8]); 3] = [("a.txt", b"alpha"), ("nothing", b""), ("whole", b"whole")];
    let s = Setup::new(&http, &files).start();
    let all = "X-Var: name\r\nX-Always: 200\r\nX-Head: bytes\r\nX-Var: second\r\nX-Sent: name, second\r\n\r\n";
    // The third answer for a file comes from the cache.
    for _ in 0..3 {
        let answer = raw(&s, "/a.txt", "1.1");
        assert!(answer.ends_with(&format!("\r\n\r\n5\r\nalpha\r\n0\r\n{all}")), "{answer}");
        assert!(
            answer.contains("\r\nTransfer-Encoding: chunked\r\n") && !answer.contains("Content-Length"),
            "{answer}"
        );
        assert!(raw(&s, "/nothing", "1.1").ends_with(&format!("\r\n\r\n0\r\n{all}")));
    }
    let plain = all.replace("X-Head: bytes\r\n", "");
    each(["/text", "/empty"], |target| {
        let body = if *target == "/text" { "5\r\nhello\r\n" } else { "" };
        let answer = raw(&s, target, "1.1");
        assert!(answer.ends_with(&format!("\r\n\r\n{body}0\r\n{plain}")), "{answer}");
    });
    let answer = raw(&s, "/absent", "1.1");
    assert!(answer.ends_with("\r\n0\r\nX-Always: 404\r\n\r\n") && answer.starts_with("HTTP/1.1 404"), "{answer}");
    // Without chunks there is no place for them.
    for answer in [raw(&s, "/a.txt", "1.0"), raw(&s, "/whole", "1.1"), raw(&s, "/none", "1.1")] {
        assert!(!answer.contains("X-Always"), "{answer}");
    }
    let range = s.get_with("/a.txt", "Range: bytes=0-0,2-2\r\n").expect(206, "two ranges");
    assert!(range.field("Content-Length").is_some(), "{range:?}");
    assert!(s.head("/a.txt").field("Content-Length").is_some());
    // One range, and the connection goes on behind it.
    let mut client = s.connect();
    client.send("GET /a.txt HTTP/1.1\r\nHost: name\r\nRange: bytes=1-2\r\n\r\n");
    assert_eq!(client.response().expect(206, "a range").body, b"lp");
    client.send("GET /a.txt HTTP/1.1\r\nHost: name\r\n\r\n");
    assert_eq!(client.response().body, b"alpha");
}

#[test]
fn trailers_of_a_long_file_come_after_all_of_it() {
    let http = host("add_trailer X-End $body_bytes_sent; open_file_cache off;");
    let content = noise(3_000_000, 7);
    let s = Setup::new(&http, &[("long", &content)]).start();
    let mut client = s.connect();
    for _ in 0..2 {
        client.send("GET /long HTTP/1.1\r\nHost: name\r\n\r\n");
        assert!(client.response().body == content);
    }
}

#[test]
fn a_field_may_name_other_fields_of_the_response() {
    let http = host(
        "location / { add_header Link a; add_header link b; add_header X-Link $sent_http_link;
                      add_header X-Type $sent_http_content_type; add_header Content-Length 0; return 204; }
         location /text { add_header X-Type $sent_http_content_type; default_type a/b; return 200 x; }",
    );
    let s = Setup::new(&http, &[]).start();
    let answer = s.get("/").expect(204, "/");
    assert_eq!((answer.field("X-Link"), answer.field("Content-Length")), (Some("a, b"), None));
    assert_eq!(s.get("/text").field("X-Type"), Some("a/b"));
}

#[test]
fn expires_with_variables_and_at_a_time_of_the_day() {
    let http = host(
        "expires $arg_e; location / { return 200; } location /m { expires modified $arg_e; return 200; }
         location /d { expires @0h; return 200; }",
    );
    let s = Setup::new(&http, &[]).start();
    let control = |target: &str| s.get(target).field("Cache-Control").map(String::from);
    let rows = [
        ("/?e=30d", Some("max-age=2592000")),
        ("/?e=-1", Some("no-cache")),
        ("/?e=max", Some("max-age=315360000")),
        ("/?e=epoch", Some("no-cache")),
        ("/?e=off", None),
        ("/?e=soon", None),
        ("/", None),
        ("/m?e=1h", Some("max-age=3600")),
        ("/m?e=max", None),
    ];
    each(rows, |(target, expected)| assert_eq!(control(target).as_deref(), *expected, "{target}"));
    let answer = s.get("/d");
    let age: u64 = answer.must("Cache-Control").strip_prefix("max-age=").expect("an age").parse().expect("a number");
    let end = Duration::from_secs(date::now() + age).as_secs();
    assert!((1..=86_400).contains(&age) && answer.must("Expires").ends_with("00:00:00 GMT"), "{age} {end} {answer:?}");
}

#[test]
fn texts_get_the_charset() {
    let http = host(
        "charset utf-8; error_page 410 /sorry.html;
         location /off { charset off; } location /css/ { charset_types text/css; } location /moved { return 301 /; }
         location /gone { return 410; } location /text { return 200 x; } location /list/ { autoindex on; }
         location /own { add_header Content-Type text/html; return 200 x; }",
    );
    let files: [(&str, &[u8]); 7] = [
        ("a.html", b"alpha"),
        ("off.html", b"off"),
        ("css/a.css", b"a {}"),
        ("a.css", b"a {}"),
        ("a.png", b"png"),
        ("list/x", b""),
        ("sorry.html", b"sorry"),
    ];
    let s = Setup::new(&http, &files).start();
    let rows = [
        ("/a.html", "text/html; charset=utf-8"),
        ("/off.html", "text/html"),
        ("/css/a.css", "text/css; charset=utf-8"),
        ("/a.css", "text/css"),
        ("/a.png", "image/png"),
        ("/moved", "text/html"),
        ("/gone", "text/html; charset=utf-8"),
        ("/absent", "text/html; charset=utf-8"),
        ("/text", "text/plain; charset=utf-8"),
        ("/list/", "text/html; charset=utf-8"),
        ("/own", "text/html"),
    ];
    // The third answer for a file comes from the cache.
    for _ in 0..3 {
        each(rows, |(target, expected)| assert_eq!(s.get(target).field("Content-Type"), Some(*expected), "{target}"));
    }
    let several = s.get_with("/a.html", "Range: bytes=0-0,2-2\r\n").expect(206, "two ranges").text();
    assert_eq!(several.matches("Content-Type: text/html; charset=utf-8\r\n").count(), 2, "{several}");
}

#[test]
fn clients_are_distributed_and_foreign_links_are_seen() {
    let http = "split_clients $arg_c $part { 50% one; * two; } split_clients $arg_c $all { 100% all; }".to_owned()
        + &host(
            "server_name own.example; location / { return 200 $part-$all; }
             location /r { valid_referers server_names *.example.org; return 200 <$invalid_referer>; }",
        );
    let s = Setup::new(&http, &[]).start();
    let parts: Vec<String> = (0..200).map(|c| s.get(&format!("/?c={c}")).text()).collect();
    let ones = parts.iter().filter(|part| *part == "one-all").count();
    assert!(
        parts.iter().all(|part| ["one-all", "two-all"].contains(&&part[..])) && (50..150).contains(&ones),
        "{ones}"
    );
    assert_eq!(s.get("/?c=7").text(), parts[7], "the same text has the same part");
    let rows = [
        ("", "<1>"),
        ("Referer: http://own.example/x\r\n", "<>"),
        ("Referer: https://a.example.org/\r\n", "<>"),
        ("Referer: http://other.example/\r\n", "<1>"),
    ];
    each(rows, |(fields, expected)| assert_eq!(s.get_with("/r", fields).text(), *expected, "{fields}"));
}

#[cfg(feature = "secure_link")]
#[test]
fn links_are_checked() {
    let http = host(
        "location /new { secure_link $arg_h,$arg_e; secure_link_md5 abc;
                         return 200 <$secure_link|$secure_link_expires>; }
         location /plain { secure_link $arg_h; secure_link_md5 $arg_t; return 200 <$secure_link>; }
         location /old { secure_link_secret c; return 200 <$secure_link>; } location / { return 200 <$secure_link>; }",
    );
    let s = Setup::new(&http, &[]).start();
    let (hash, hex) = ("kAFQmDzST7DWlj99KOF_cg", "900150983cd24fb0d6963f7d28e17f72"); // of "abc", RFC 1321
    let rows = [
        (format!("/new?h={hash}&e=4102444800"), "<1|4102444800>"),
        (format!("/new?h={hash}&e=1"), "<0|1>"),
        (format!("/new?h={hash}&e=0"), "<|>"),
        (format!("/new?h={hash}"), "<|>"),
        (format!("/new?h=k{}&e=4102444800", &hash[..21]), "<|4102444800>"),
        (format!("/plain?h={hash}==&t=abc"), "<1>"),
        (format!("/plain?h={hash}&t=abd"), "<>"),
        (format!("/old/{hex}/ab"), "<ab>"),
        (format!("/old/{hex}/ac"), "<>"),
        (format!("/old/{hex}"), "<>"),
        ("/".to_owned(), "<>"),
    ];
    each(rows, |(target, expected)| assert_eq!(s.get(target).text(), *expected, "{target}"));
}
