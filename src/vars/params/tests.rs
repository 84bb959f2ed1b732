use super::*;
use crate::config::Address;
use crate::vars::expand_variable;
use crate::vars::test_request::TestRequest;

const LINE: &str = "GET /p/a.php/b?c=d HTTP/1.1";

/// The request with these fields, which comes to a location with these directives.
fn request(location: &str, directives: &str, line: &str, fields: &str) -> TestRequest {
    let config =
        format!("http {{ server {{ listen 80; server_name first.example; location {location} {{ {directives} }} }} }}");
    let inet = |text: &str| Address::Inet(text.parse().expect("an address"));
    let client = inet("192.0.2.7:40000");
    TestRequest::new(&config, &format!("{line}\r\n{fields}\r\n"), Some(&client), inet("127.0.0.1:8080"))
}

/// `NAME=value`, all in one text.
fn shown(directives: &str, fields: &str) -> String {
    let request = request("/p/", &format!("fastcgi_pass 127.0.0.1:1; {directives}"), LINE, fields);
    let view = request.view();
    let gateway = view.settings().gateway.as_ref().expect("a gateway");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut all = Params::default();
    all.set(&gateway.rules, &view);
    all.iter().map(|(name, value)| format!("{}={}", text(name), text(value))).collect::<Vec<_>>().join(" ")
}

#[test]
fn configured_parameters_are_in_their_order() {
    let table = [
        ("", "HTTP_HOST=h"),
        ("fastcgi_param B x; fastcgi_param A $args;", "B=x A=c=d HTTP_HOST=h"),
        ("fastcgi_param A $request_method$uri;", "A=GET/p/a.php/b HTTP_HOST=h"),
        ("fastcgi_param A x; fastcgi_param A y;", "A=x A=y HTTP_HOST=h"),
        ("fastcgi_param A \"\"; fastcgi_param B \"\" if_not_empty;", "A= HTTP_HOST=h"),
        ("fastcgi_param A $https; fastcgi_param B $https if_not_empty;", "A= HTTP_HOST=h"),
        ("fastcgi_param HTTP_HOST x;", "HTTP_HOST=x"),
        ("fastcgi_param HTTP_HOST \"\";", ""),
        ("fastcgi_param HTTP_HOST $https;", "HTTP_HOST="),
        ("fastcgi_param HTTP_HOST $https if_not_empty;", ""),
    ];
    for (directives, expected) in table {
        assert_eq!(shown(directives, "Host: h\r\n"), expected, "{directives}");
    }
}

#[test]
fn fields_of_the_request_follow() {
    let table = [
        ("", "Host: H:8080\r\nX-a: 1\r\n", "HTTP_HOST=h:8080 HTTP_X_A=1"),
        ("", "Host: h\r\nX-A: 1\r\nB: 2\r\nx-a: 3\r\n", "HTTP_HOST=h HTTP_X_A=1, 3 HTTP_B=2"),
        ("", "Host: h\r\nCookie: a=1\r\nCookie: b=2\r\n", "HTTP_HOST=h HTTP_COOKIE=a=1; b=2"),
        ("", "Host: h\r\nProxy: evil\r\nProxy-Authorization: x\r\n", "HTTP_HOST=h HTTP_PROXY_AUTHORIZATION=x"),
        ("", "Host: h\r\nX_A: 1\r\n", "HTTP_HOST=h"),
        (
            "",
            "Host: h\r\nContent-Type: t\r\nContent-Length: 3\r\n",
            "HTTP_HOST=h HTTP_CONTENT_TYPE=t HTTP_CONTENT_LENGTH=3",
        ),
        ("", "Host: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n", "HTTP_HOST=h HTTP_CONNECTION=Upgrade HTTP_UPGRADE=x"),
        ("fastcgi_param HTTP_X_A y;", "Host: h\r\nX-A: 1\r\nx-a: 2\r\n", "HTTP_X_A=y HTTP_HOST=h"),
        ("fastcgi_param HTTP_x_a \"\";", "Host: h\r\nX-A: 1\r\nB: 2\r\n", "HTTP_HOST=h HTTP_B=2"),
        ("fastcgi_param X_A y;", "Host: h\r\nX-A: 1\r\n", "X_A=y HTTP_HOST=h HTTP_X_A=1"),
        ("fastcgi_pass_request_headers off;", "Host: h\r\nX-A: 1\r\n", "HTTP_HOST=h"),
    ];
    for (directives, fields, expected) in table {
        assert_eq!(shown(directives, fields), expected, "{directives} {fields:?}");
    }
}

#[test]
fn a_request_without_host_is_for_the_first_name_of_the_server() {
    let request = request("/p/", "scgi_pass 127.0.0.1:1;", "GET /p/ HTTP/1.0", "");
    let view = request.view();
    let gateway = view.settings().gateway.as_ref().expect("a gateway");
    let mut all = Params::default();
    for _ in 0..2 {
        all.set(&gateway.rules, &view); // nothing stays of what was set before
        assert!(all.iter().eq([(&b"HTTP_HOST"[..], &b"first.example"[..])]));
    }
}

/// `(directives, path, $fastcgi_script_name, $fastcgi_path_info)`
#[test]
fn script_and_path_info() {
    let split = "fastcgi_split_path_info ^(.+?\\.php)(/.*)$;";
    let index = "fastcgi_index index.php;";
    let table = [
        ("".to_owned(), "/p/a.php/b", "/p/a.php/b", ""),
        (index.to_owned(), "/p/", "/p/index.php", ""),
        (index.to_owned(), "/p/a", "/p/a", ""),
        (split.to_owned(), "/p/a.php/b.php/c", "/p/a.php", "/b.php/c"),
        (split.to_owned(), "/p/a.php", "/p/a.php", ""),
        (format!("{split} {index}"), "/p/a/", "/p/a/index.php", ""),
        ("fastcgi_split_path_info ^(/p/)?(x)?;".to_owned(), "/p/y", "/p/", ""),
        (format!("{index} fastcgi_split_path_info ^(/p/)(.*)$;"), "/p/x", "/p/index.php", "x"),
    ];
    for (directives, path, script, rest) in table {
        let directives = format!("fastcgi_pass 127.0.0.1:1; {directives}");
        let request = request("/p/", &directives, &format!("GET {path} HTTP/1.1"), "Host: h\r\n");
        let found = values(&request, ["fastcgi_script_name", "fastcgi_path_info"]);
        assert_eq!(found, [script, rest], "{directives} {path}");
    }
    let request = request("/p/", "", LINE, "Host: h\r\n");
    assert_eq!(values(&request, ["fastcgi_script_name", "fastcgi_path_info"]), ["/p/a.php/b", ""]);
}

#[test]
fn what_is_known_of_the_server_behind() {
    let names = ["proxy_host", "proxy_port", "proxy_add_x_forwarded_for"];
    let fields = "Host: h\r\nX-Forwarded-For: a, b\r\nX-Forwarded-For: c\r\n";
    for (directives, fields, expected) in [
        ("proxy_pass http://127.0.0.1:8000/x;", "Host: h\r\n", ["127.0.0.1:8000", "8000", "192.0.2.7"]),
        ("proxy_pass http://unix:/x;", fields, ["localhost", "", "a, b, c, 192.0.2.7"]),
        ("", fields, ["", "", "a, b, c, 192.0.2.7"]),
    ] {
        assert_eq!(values(&request("/p/", directives, LINE, fields), names), expected, "{directives}");
    }
}

/// The values of these variables.
fn values<const N: usize>(request: &TestRequest, names: [&str; N]) -> [String; N] {
    names.map(|name| {
        let variable = crate::config::Variable::parse(name).expect("a variable of the server");
        String::from_utf8(expand_variable(&variable, &request.view())).expect("a text")
    })
}
