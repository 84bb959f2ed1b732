use super::*;
use crate::config::Address;
use crate::route::find_script;
use crate::vars::test_request::TestRequest;

/// A request and its configuration.
struct Case<'a> {
    /// Directives of the server.
    server: &'a str,
    /// Directives of `location /git/`, which all requests here use.
    location: &'a str,
    /// The request line; then the fields.
    line: &'a str,
    fields: &'a str,
    client: Option<Address>,
    local: Address,
    body_bytes: Option<u64>,
    /// Replaces the request's query.
    query: Option<&'a [u8]>,
    tls: bool,
}

fn inet(text: &str) -> Address {
    Address::Inet(text.parse().unwrap())
}

impl Default for Case<'_> {
    fn default() -> Self {
        Case {
            server: "server_name first.example second.example;",
            location: "",
            line: "GET /git/repo%20x/info?a=b&c HTTP/1.1",
            fields: "Host: Example.org:8080\r\n",
            client: Some(inet("192.0.2.7:40000")),
            local: inet("127.0.0.1:8080"),
            body_bytes: None,
            query: None,
            tls: false,
        }
    }
}

impl Case<'_> {
    fn environment(&self) -> Vec<String> {
        let (server, location) = (self.server, self.location);
        let text = format!(
            "http {{ server {{ listen 80; root /srv/www; {server}
               location /git/ {{ cgi_pass /usr/lib/git-http-backend; {location} }}
               location /files/ {{ root /data; }} }} }}"
        );
        let head = format!("{}\r\n{}\r\n", self.line, self.fields);
        let arrived = TestRequest::new(&text, &head, self.client.as_ref(), self.local.clone());
        let view = arrived.view();
        let request = view.request().expect("a request");
        let script = find_script(view.settings(), view.path()).unwrap().unwrap();
        let run = Invocation {
            view: &view,
            script: &script,
            method: request.method_text(),
            query: self.query.or(request.query()).unwrap_or_default(),
            body_bytes: self.body_bytes,
            tls: self.tls,
        };
        environment(&run).into_iter().map(|line| line.into_string().unwrap()).collect()
    }

    /// The value of one variable.
    fn value(&self, name: &str) -> Option<String> {
        let mut lines = self.environment().into_iter();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
    }
}

/// Each meta-variable of RFC 3875 section 4.1, the others that programs expect, and nothing else.
#[test]
fn the_whole_environment() {
    let expected = [
        "DOCUMENT_ROOT=/srv/www",
        "DOCUMENT_URI=/git/repo x/info",
        "GATEWAY_INTERFACE=CGI/1.1",
        "HOME=/",
        "HTTP_HOST=Example.org:8080",
        "PATH=/usr/local/bin:/usr/bin:/bin",
        "PATH_INFO=/repo x/info",
        "PATH_TRANSLATED=/srv/www/repo x/info",
        "QUERY_STRING=a=b&c",
        "REDIRECT_STATUS=200",
        "REMOTE_ADDR=192.0.2.7",
        "REMOTE_HOST=192.0.2.7",
        "REMOTE_PORT=40000",
        "REQUEST_METHOD=GET",
        "REQUEST_SCHEME=http",
        "REQUEST_URI=/git/repo%20x/info?a=b&c",
        "SCRIPT_FILENAME=/usr/lib/git-http-backend",
        "SCRIPT_NAME=/git",
        "SERVER_ADDR=127.0.0.1",
        "SERVER_NAME=example.org",
        "SERVER_PORT=8080",
        "SERVER_PROTOCOL=HTTP/1.1",
        concat!("SERVER_SOFTWARE=webserv/", env!("CARGO_PKG_VERSION")),
    ];
    assert_eq!(Case::default().environment(), expected);
}

/// `(request line, fields, variable, value)`; sections are those of RFC 3875.
#[test]
fn variables_of_the_request() {
    let get = "GET /git/x HTTP/1.1";
    let host = "Host: h\r\n";
    let table: &[(&str, &str, &str, Option<&str>)] = &[
        // 4.1.3: as sent by the client.
        (get, "Host: h\r\nContent-Type: text/plain; a=\"b\"\r\n", "CONTENT_TYPE", Some("text/plain; a=\"b\"")),
        (get, host, "CONTENT_TYPE", None),
        (get, host, "CONTENT_LENGTH", None),
        // 4.1.5, 4.1.6: decoded, and mapped to a file like a URL's path. Not set without PATH_INFO.
        ("GET /git/a%2Fb/%41 HTTP/1.1", host, "PATH_INFO", Some("/a/b/A")),
        ("GET /git/files/a HTTP/1.1", host, "PATH_TRANSLATED", Some("/data/files/a")),
        // 4.1.7: always set, never decoded.
        (get, host, "QUERY_STRING", Some("")),
        ("GET /git/x? HTTP/1.1", host, "QUERY_STRING", Some("")),
        ("GET /git/x?%41+%00 HTTP/1.1", host, "QUERY_STRING", Some("%41+%00")),
        // 4.1.12: the method as sent.
        ("PATCH /git/x HTTP/1.1", host, "REQUEST_METHOD", Some("PATCH")),
        ("brew /git/x HTTP/1.1", host, "REQUEST_METHOD", Some("brew")),
        // 4.1.14: the requested host, or the server's name.
        (get, "Host: [::1]:80\r\n", "SERVER_NAME", Some("[::1]")),
        ("GET /git/x HTTP/1.0", "", "SERVER_NAME", Some("first.example")),
        ("GET /git/x HTTP/1.0", "", "HTTP_HOST", None),
        // 4.1.16: the version of the request.
        ("GET /git/x HTTP/1.0", "", "SERVER_PROTOCOL", Some("HTTP/1.0")),
        // The authority of an absolute target is used (RFC 9112 section 3.2.2).
        ("GET http://Other:81/git/x?q HTTP/1.1", host, "HTTP_HOST", Some("other:81")),
        ("GET http://other/git/x HTTP/1.1", "Host: h:9\r\n", "HTTP_HOST", Some("other")),
        ("GET http://other:81/git/x?q HTTP/1.1", host, "SERVER_NAME", Some("other")),
        ("GET http://other:81/git/x?q HTTP/1.1", host, "REQUEST_URI", Some("/git/x?q")),
        ("GET /git//x?q HTTP/1.1", host, "REQUEST_URI", Some("/git//x?q")),
        ("GET /git//x?q HTTP/1.1", host, "DOCUMENT_URI", Some("/git/x")),
    ];
    for &(line, fields, name, expected) in table {
        let case = Case { line, fields, ..Case::default() };
        assert_eq!(case.value(name).as_deref(), expected, "{name} of {line}");
    }
}

/// Section 4.1.18, and fields that must not be passed on.
#[test]
fn fields_of_the_request() {
    let table: &[(&str, &str, Option<&str>)] = &[
        ("User-Agent: a b\r\n", "HTTP_USER_AGENT", Some("a b")),
        ("x-1-y: z\r\n", "HTTP_X_1_Y", Some("z")),
        ("X:\r\n", "HTTP_X", Some("")),
        ("Accept: a/b\r\nX: y\r\naccept: c/d\r\n", "HTTP_ACCEPT", Some("a/b, c/d")),
        ("Cookie: a=1\r\nCookie: b=2; c=3\r\n", "HTTP_COOKIE", Some("a=1; b=2; c=3")),
        ("Authorization: Basic eA==\r\n", "HTTP_AUTHORIZATION", Some("Basic eA==")),
        // Fields with a variable of their own.
        ("Content-Type: a/b\r\n", "HTTP_CONTENT_TYPE", None),
        ("Content-Length: 0\r\n", "HTTP_CONTENT_LENGTH", None),
        // A client must not choose the proxy of the program.
        ("Proxy: http://evil/\r\n", "HTTP_PROXY", None),
        ("pRoXy: http://evil/\r\n", "HTTP_PROXY", None),
        ("Proxy-Authorization: x\r\n", "HTTP_PROXY_AUTHORIZATION", None),
        ("Proxy-Connection: x\r\n", "HTTP_PROXY_CONNECTION", None),
        ("Proxy-Whatever: x\r\n", "HTTP_PROXY_WHATEVER", None),
        // Fields of the connection.
        ("Connection: keep-alive\r\n", "HTTP_CONNECTION", None),
        ("Keep-Alive: 5\r\n", "HTTP_KEEP_ALIVE", None),
        ("TE: trailers\r\n", "HTTP_TE", None),
        ("Trailer: X\r\n", "HTTP_TRAILER", None),
        ("Transfer-Encoding: chunked\r\n", "HTTP_TRANSFER_ENCODING", None),
        ("Upgrade: h2c\r\n", "HTTP_UPGRADE", None),
        // X_Y would look like X-Y.
        ("X_Y: forged\r\n", "HTTP_X_Y", None),
        ("X-Y: real\r\nX_Y: forged\r\n", "HTTP_X_Y", Some("real")),
        ("X_Y: forged\r\nX-Y: real\r\n", "HTTP_X_Y", Some("real")),
        ("Content_Length: 5\r\n", "HTTP_CONTENT_LENGTH", None),
        ("X!: y\r\n", "HTTP_X!", None),
    ];
    for &(fields, name, expected) in table {
        let all = format!("Host: h\r\n{fields}");
        let case = Case { line: "POST /git/x HTTP/1.1", fields: &all, ..Case::default() };
        assert_eq!(case.value(name).as_deref(), expected, "{fields}");
        let names: Vec<String> = case.environment().iter().map(|line| line.split('=').next().unwrap().into()).collect();
        let set: std::collections::HashSet<&String> = names.iter().collect();
        assert_eq!(set.len(), names.len(), "no variable is set twice: {names:?}");
    }
}

#[test]
fn addresses_and_what_is_known_of_the_body() {
    let local = Address::Unix("/run/web.sock".into());
    let client = Some(Address::Unix("".into()));
    let unix = Case { client, local, line: "GET /git/x HTTP/1.0", fields: "", server: "", ..Case::default() };
    let v6 = Case {
        client: Some(inet("[2001:db8::1]:5")),
        local: inet("[::1]:443"),
        line: "POST /git/x HTTP/1.0",
        fields: "Content-Length: 12\r\n",
        server: "server_name .example.org;",
        body_bytes: Some(12),
        tls: true,
        ..Case::default()
    };
    let table = [
        (&unix, "REMOTE_ADDR", Some("unix:")),
        (&unix, "REMOTE_PORT", Some("")),
        (&unix, "SERVER_PORT", Some("80")),
        (&unix, "SERVER_NAME", Some("localhost")),
        (&unix, "HTTPS", None),
        (&v6, "REMOTE_ADDR", Some("2001:db8::1")),
        (&v6, "SERVER_ADDR", Some("::1")),
        (&v6, "SERVER_NAME", Some("[::1]")),
        (&v6, "SERVER_PORT", Some("443")),
        (&v6, "HTTPS", Some("on")),
        (&v6, "REQUEST_SCHEME", Some("https")),
        (&v6, "CONTENT_LENGTH", Some("12")),
    ];
    for (case, name, expected) in table {
        assert_eq!(case.value(name).as_deref(), expected, "{name}");
    }
}

#[test]
fn parameters_of_the_configuration() {
    let table = [
        ("cgi_param GIT_PROJECT_ROOT /srv/git;", "GIT_PROJECT_ROOT", Some("/srv/git")),
        ("cgi_param A \"<$uri$is_args$args>\";", "A", Some("</git/repo x/info?a=b&c>")),
        ("cgi_param SCRIPT_FILENAME /elsewhere;", "SCRIPT_FILENAME", Some("/elsewhere")),
        ("cgi_param HTTP_HOST x;", "HTTP_HOST", Some("x")),
        ("cgi_param HOME /srv/home; cgi_param PATH /opt/bin;", "HOME", Some("/srv/home")),
        ("cgi_param HOME /srv/home; cgi_param PATH /opt/bin;", "PATH", Some("/opt/bin")),
        ("cgi_param A 1; cgi_param A 2;", "A", Some("2")),
        ("cgi_param A \"\";", "A", Some("")),
        ("cgi_path_info uri;", "PATH_INFO", Some("/git/repo x/info")),
        ("cgi_path_info uri;", "PATH_TRANSLATED", Some("/srv/www/git/repo x/info")),
        ("cgi_path_info uri; cgi_extension .php;", "SCRIPT_FILENAME", Some("/srv/www/git/x.php")),
        ("cgi_path_info uri; cgi_extension .php;", "SCRIPT_NAME", Some("/git/x.php")),
        ("cgi_path_info uri; cgi_extension .php;", "PATH_INFO", Some("/git/x.php")),
    ];
    for (location, name, expected) in table {
        let line = if location.contains(".php") { "GET /git/x.php HTTP/1.1" } else { Case::default().line };
        let case = Case { location, line, ..Case::default() };
        assert_eq!(case.value(name).as_deref(), expected, "{location} {name}");
    }
}

#[test]
fn a_value_that_cannot_be_told_is_left_out() {
    let case = Case { query: Some(b"a\0b"), ..Case::default() };
    assert_eq!(case.value("QUERY_STRING"), None);
    assert_eq!(case.environment().len(), Case::default().environment().len() - 1);
}

/// Section 4.4.
#[test]
fn arguments_of_an_indexed_query() {
    let table: &[(&str, &[&str])] = &[
        ("", &[]),
        ("a", &["a"]),
        ("a+b", &["a", "b"]),
        ("a%20b+c%2Bd", &["a b", "c+d"]),
        ("a%3Db", &["a=b"]),
        ("a++b", &["a", "", "b"]),
        ("a;rm+$HOME+`x`", &["a;rm", "$HOME", "`x`"]),
        ("a=b", &[]),
        ("a+b=c", &[]),
        ("a%", &[]),
        ("a+%0", &[]),
        ("a+%00", &[]),
        ("-s", &[]),
        ("a+-s", &[]),
        ("a+%2Ds", &[]),
        ("%2d", &[]),
    ];
    for (query, expected) in table {
        for method in [Method::Get, Method::Head] {
            let found = query_arguments(method, query.as_bytes());
            let found: Vec<&str> = found.iter().map(|word| word.to_str().unwrap()).collect();
            assert_eq!(found, *expected, "{query}");
        }
        assert!(query_arguments(Method::Post, query.as_bytes()).is_empty());
    }
}
