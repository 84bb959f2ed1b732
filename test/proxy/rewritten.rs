//! What is rewritten in an answer: Location, Refresh, and Set-Cookie.

use super::harness::gateways::Protocol;
use super::harness::upstream::Upstream;
use super::harness::{each, site};

/// Location and path of `proxy_pass`, directives, a field of the answer, and the field that the client gets. `UP` is
/// the address of the server behind.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

const ROWS: [Row; 28] = [
    // The default takes the place of `proxy_pass` back.
    ("/one/", "/two/", "", "Location: http://UP/two/a?b", "/one/a?b"),
    ("/one/", "/two/", "", "Location: http://UP/other", "http://UP/other"),
    ("/one/", "/two/", "", "Location: http://elsewhere/two/a", "http://elsewhere/two/a"),
    ("/one/", "/two/", "", "Location: /two/a", "/two/a"),
    ("/one/", "", "", "Location: http://UP/one/a", "/one/a"),
    ("/one/", "/", "", "Location: http://UP/a", "/one/a"),
    ("/one/", "/two/", "proxy_redirect default;", "Location: http://UP/two/a", "/one/a"),
    ("/one/", "/two/", "", "Refresh: 0; url=http://UP/two/a", "0; url=/one/a"),
    ("/one/", "/two/", "proxy_redirect off;", "Location: http://UP/two/a", "http://UP/two/a"),
    // Texts, with variables on both sides.
    ("/one/", "/two/", "proxy_redirect http://UP/two/ http://$host/x/;", "Location: http://UP/two/a", "http://h/x/a"),
    ("/one/", "/two/", "proxy_redirect /two/ /x/;", "Location: /two/a", "/x/a"),
    ("/one/", "/two/", "proxy_redirect http://$proxy_host/ /;", "Location: http://UP/q", "/q"),
    ("/one/", "/two/", "proxy_redirect /a/ /1/; proxy_redirect /b/ /2/;", "Location: /b/c", "/2/c"),
    ("/one/", "/two/", "proxy_redirect /a/ /1/; proxy_redirect default;", "Location: http://UP/two/a", "/one/a"),
    // Expressions.
    ("/one/", "/two/", "proxy_redirect ~^/(\\w+)/(.*)$ /$2/$1;", "Location: /a/b", "/b/a"),
    ("/one/", "/two/", "proxy_redirect ~*^/TWO/(.*)$ /x/$1;", "Location: /two/b", "/x/b"),
    ("/one/", "/two/", "proxy_redirect ~^/none/(.*)$ /x/$1;", "Location: /two/b", "/two/b"),
    // Cookies.
    ("/one/", "/two/", "", "Set-Cookie: a=b; path=/two/", "a=b; path=/two/"),
    (
        "/one/",
        "/two/",
        "proxy_cookie_path /two/ /one/;",
        "Set-Cookie: a=b; path=/two/x; secure",
        "a=b; path=/one/x; secure",
    ),
    ("/one/", "/two/", "proxy_cookie_path /two/ /one/;", "Set-Cookie: a=/two/; Path=/three/", "a=/two/; Path=/three/"),
    ("/one/", "/two/", "proxy_cookie_path ~^/two(.*)$ $1;", "Set-Cookie: a=b; path=/two/x", "a=b; path=/x"),
    (
        "/one/",
        "/two/",
        "proxy_cookie_domain app.example $host;",
        "Set-Cookie: a=b; domain=app.example",
        "a=b; domain=h",
    ),
    ("/one/", "/two/", "proxy_cookie_domain app.example h;", "Set-Cookie: a=b; Domain=.app.example", "a=b; Domain=.h"),
    (
        "/one/",
        "/two/",
        "proxy_cookie_domain ~\\.(\\w+)$ $1;",
        "Set-Cookie: a=b; domain=app.example",
        "a=b; domain=example",
    ),
    ("/one/", "/two/", "proxy_cookie_flags a secure httponly;", "Set-Cookie: a=b", "a=b; Secure; HttpOnly"),
    ("/one/", "/two/", "proxy_cookie_flags a nosecure samesite=lax;", "Set-Cookie: a=b; Secure", "a=b; SameSite=Lax"),
    ("/one/", "/two/", "proxy_cookie_flags ~^s secure;", "Set-Cookie: x=b", "x=b"),
    (
        "/one/",
        "/two/",
        "proxy_cookie_flags ~^s secure; proxy_cookie_path / /z/;",
        "Set-Cookie: s1=b; path=/",
        "s1=b; path=/z/; Secure",
    ),
];

#[test]
fn redirects_and_cookies_are_rewritten() {
    each(ROWS, |(location, path, directives, field, wanted)| {
        let up = Upstream::tcp(Protocol::Http);
        let real = |text: &str| text.replace("UP", &up.address);
        let conf = format!("absolute_redirect off; location {location} {{ proxy_pass http://UP{path}; {directives} }}");
        let s = site(&real(&conf), &[]);
        let mut client = s.connect();
        client.send("GET /one/ HTTP/1.1\r\nHost: h\r\n\r\n");
        let (mut peer, _) = up.asked();
        peer.send(format!("HTTP/1.1 302 Found\r\n{}\r\nContent-Length: 0\r\n\r\n", real(field)));
        let response = client.response();
        let name = field.split(':').next().unwrap();
        assert_eq!((response.status, response.must(name)), (302, &real(wanted)[..]), "{directives} {field}");
    });
}

/// A path that was rewritten becomes a whole URL, as the server's own redirects do; the application's own path stays.
#[test]
fn a_rewritten_path_is_made_absolute() {
    let up = Upstream::tcp(Protocol::Http);
    let s = site(&format!("location /one/ {{ proxy_pass http://{}/two/; }}", up.address), &[]);
    let whole = format!("http://h:{}/one/a", s.port());
    for (sent, wanted) in [(format!("http://{}/two/a", up.address), whole.as_str()), ("/two/a".into(), "/two/a")] {
        let mut client = s.connect();
        client.send("GET /one/ HTTP/1.1\r\nHost: h\r\n\r\n");
        let (mut peer, _) = up.asked();
        peer.send(format!("HTTP/1.1 302 Found\r\nLocation: {sent}\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(client.response().must("Location"), wanted);
    }
}
