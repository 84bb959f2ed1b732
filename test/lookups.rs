//! `map` and `geo`: variables whose values are looked up.

mod harness;

use harness::{Server, each, server};

/// The value of $x for a query.
fn x(s: &Server, query: &str) -> String {
    s.get(&format!("/?{query}")).must("X-X").trim_matches(['<', '>']).to_owned()
}

fn with(blocks: &str) -> Server {
    let http = format!(
        "{blocks} server {{ listen 127.0.0.1:0; server_name here; add_header X-X \"<$x>\";
            location / {{ return 204; }} }}"
    );
    server(&http, &[])
}

#[test]
fn a_map_finds_its_value() {
    let s = with(
        "map $args $x { default none; a 1; B 2; '' empty; named \"$server_name $y $args\"; \\default word; }
        map $args $y { named deeper; }",
    );
    let rows = [
        ("a", "1"),
        ("A", "1"),
        ("b", "2"),
        ("c", "none"),
        ("", "empty"),
        ("default", "word"),
        ("named", "here deeper named"),
    ];
    each(rows, |(query, expected)| assert_eq!(x(&s, query), *expected));
}

#[test]
fn a_map_of_host_names() {
    let s = with(
        "map $args $x { *.example.com suffix; www.example.* prefix; .a.example.com both; example.com exact;
        hostnames; }",
    );
    let rows = [
        ("example.com", "exact"),
        ("EXAMPLE.com.", "exact"),
        ("b.example.com", "suffix"),
        ("a.example.com", "both"),
        ("b.a.example.com", "both"),
        ("www.example.org", "prefix"),
        ("www.example.com", "suffix"),
        ("example.org", ""),
        ("x.com", ""),
    ];
    each(rows, |(query, expected)| assert_eq!(x(&s, query), *expected));
}

#[cfg(feature = "regex")]
#[test]
fn a_map_of_expressions() {
    let s = with(
        "map $args $x { ~^a(.)$ \"group $1\"; ~^a(?<rest>.*) \"rest $rest\"; ~*^B any; \\~x tilde; ab key;
        ~empty|^$ never; default $1; }",
    );
    let rows = [
        ("ac", "group c"),
        ("acd", "rest cd"),
        ("ab", "key"),
        ("bx", "any"),
        ("BX", "any"),
        ("~x", "tilde"),
        ("z", ""),
        ("", ""),
    ];
    each(rows, |(query, expected)| assert_eq!(x(&s, query), *expected));
}

#[test]
fn networks_and_ranges() {
    let s = with(
        "geo $arg_ip $x { default none; 10.0.0.0/8 ten; 10.1.0.0/16 $inner; 2001:db8::/32 six; 10.2.0.0/16 gone;
        delete 10.2.0.0/16; 255.255.255.255 other; }",
    );
    let rows = [
        ("ip=10.0.0.1", "ten"),
        ("ip=10.1.2.3", "$inner"),
        ("ip=10.2.2.3", "ten"),
        ("ip=11.0.0.1", "none"),
        ("ip=2001:db8::7", "six"),
        ("ip=::ffff:10.0.0.1", "ten"),
        ("ip=nonsense", "other"),
        ("", "other"),
    ];
    each(rows, |(query, expected)| assert_eq!(x(&s, query), *expected));
    let s = with("geo $arg_ip $x { ranges; default none; 10.0.0.0-10.0.0.255 a; 10.0.0.7-10.0.0.9 b; }");
    let rows = [
        ("ip=10.0.0.6", "a"),
        ("ip=10.0.0.8", "b"),
        ("ip=10.0.0.10", "a"),
        ("ip=10.0.1.0", "none"),
        ("ip=::1", "none"),
    ];
    each(rows, |(query, expected)| assert_eq!(x(&s, query), *expected));
}

#[test]
fn the_clients_own_address() {
    let s = with("geo $x { 127.0.0.1 here; 192.0.2.0/24 far; proxy 127.0.0.0/8; }");
    for (fields, expected) in
        [("", "<here>"), ("X-Forwarded-For: 192.0.2.9\r\n", "<far>"), ("X-Forwarded-For: ?\r\n", "<here>")]
    {
        assert_eq!(s.get_with("/", fields).must("X-X"), expected, "{fields}");
    }
}

/// It has no IP address, and gets the value of 255.255.255.255, as in nginx.
#[test]
fn a_client_of_a_unix_socket() {
    let http = "geo $x { default some; 255.255.255.255 none; } geo $y { ranges; 0.0.0.0-255.255.255.254 a; default b; }
        server { listen unix:a.sock; add_header X-X \"$x $y\"; return 204; }";
    assert_eq!(server(http, &[]).get("/").must("X-X"), "none b");
}

/// A volatile map is looked up each time, others once in a request.
#[test]
fn a_value_is_kept_for_its_request() {
    let keys = "default other; /a first;";
    let s = server(
        &format!(
            "map $uri $kept {{ {keys} }} map $uri $fresh {{ volatile; {keys} }}
            server {{ listen 127.0.0.1:0; error_page 404 /b$kept$fresh;
                add_header X-X \"$kept $fresh\" always; }}"
        ),
        &[("bfirstfirst", b"page")],
    );
    assert_eq!(s.get("/a").must("X-X"), "first other");
    assert_eq!(s.get("/bfirstfirst").must("X-X"), "other other");
}

#[test]
fn long_lists_and_long_subjects() {
    let keys: String = (0..100_000).map(|n| format!("k{n} v{};", n % 7)).collect();
    let ranges: String =
        (0..100_000_u32).map(|n| format!("{}.{}.{}.0/24 n{n};", 1 + n / 65536, n / 256 % 256, n % 256)).collect();
    let s = with(&format!(
        "map $args $x {{ {keys} hostnames; *.far far; }} geo $arg_ip $y {{ {ranges} }}
        map $y $z {{ default \"$y\"; }} add_header X-Z $z;"
    ));
    assert_eq!((x(&s, "k99999"), x(&s, "k100000")), ("v4".to_owned(), String::new()));
    assert_eq!(x(&s, &format!("{}far", "x.".repeat(3000))), "far");
}
