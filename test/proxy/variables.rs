//! `$upstream_` and `$proxy_` variables.

use super::harness::gateways::Protocol;
use super::harness::upstream::Upstream;
use super::harness::{Server, Setup, each, wait_for};
use super::{GET, answered, proxy};

/// A server with these locations, which logs the variables as `name=value|name=value|`.
fn logging(names: &[&str], locations: &str) -> Server {
    let format: String = names.iter().map(|name| format!("{name}=${name}|")).collect();
    let http = format!(
        "log_format all '{format}'; access_log logs/all all; server {{ listen 127.0.0.1:0; root html; {locations} }}"
    );
    Setup::new(&http, &[("file.txt", b"file")]).start()
}

/// The first line of the log, as values.
fn logged(s: &Server) -> Vec<String> {
    let line = || s.text("logs/all").split_once('\n').map(|(line, _)| line.to_owned());
    let line = wait_for("a line in the log", line);
    line.split_terminator('|').map(|pair| pair.split_once('=').unwrap().1.to_owned()).collect()
}

const NAMES: [&str; 8] = [
    "upstream_addr",
    "upstream_status",
    "upstream_response_length",
    "upstream_bytes_received",
    "upstream_bytes_sent",
    "upstream_http_x_one",
    "upstream_cookie_id",
    "upstream_trailer_x_end",
];

const TIMES: [&str; 3] = ["upstream_connect_time", "upstream_header_time", "upstream_response_time"];

#[track_caller]
fn assert_times(times: &[String]) {
    for time in times {
        let (secs, millis) = time.split_once('.').unwrap_or_else(|| panic!("{time} is no time"));
        assert!(millis.len() == 3 && secs.parse::<u64>().is_ok() && millis.parse::<u64>().is_ok(), "{time}");
    }
}

#[test]
fn an_answer_is_described() {
    let up = Upstream::tcp(Protocol::Http);
    let s = logging(&[&NAMES[..], &TIMES].concat(), &format!("location / {{ {} }}", up.pass()));
    let answer = "HTTP/1.1 201 Made\r\nX-One: 1\r\nX-One: 2\r\nSet-Cookie: id=7; Path=/\r\n\
                  Transfer-Encoding: chunked\r\n\r\n\
                  5\r\nhello\r\n0\r\nX-End: yes\r\n\r\n";
    let mut client = s.connect();
    client.send(GET);
    let (mut peer, ask) = up.asked();
    peer.send(answer);
    drop(peer);
    assert_eq!(client.response().expect(201, "GET").text(), "hello");
    let values = logged(&s);
    let (received, sent) = (answer.len().to_string(), ask.raw.len().to_string());
    assert_eq!(values[..8], [&up.address, "201", "5", &received, &sent, "1, 2", "7", "yes"]);
    assert_times(&values[8..]);
}

/// In a field of the answer itself, the time of the answer is not known, though all of it has come.
#[test]
fn an_answer_is_not_over_in_its_own_head() {
    let up = Upstream::tcp(Protocol::Http);
    let times = "add_header X-Times \"$upstream_header_time $upstream_response_time\";";
    let s = logging(&["upstream_response_time"], &format!("location / {{ {} {times} }}", up.pass()));
    let mut client = s.connect();
    client.send(GET);
    let (mut peer, _) = up.asked();
    peer.ok(b"all");
    let response = client.response().expect(200, "GET");
    let (head, whole) = response.must("X-Times").split_once(' ').unwrap();
    assert_times(&[head.to_owned()]);
    assert_eq!(whole, "-");
    assert_times(&logged(&s));
}

/// There is no server: each variable is unknown, or says that nothing came.
#[test]
fn a_failure_is_described() {
    let up = Upstream::tcp(Protocol::Http);
    let s = logging(&[&NAMES[..], &TIMES].concat(), &format!("location / {{ {} }}", up.pass()));
    let address = up.address.clone();
    let _port = up.stop_listening(); // no other test gets the port
    s.get("/").expect(502, "no server");
    let values = logged(&s);
    assert_eq!(values[..8], [&address, "502", "0", "0", "0", "-", "-", "-"]);
    assert_eq!(values[8..10], ["-", "-"], "no connection, no head");
    assert_times(&values[10..]);
}

#[test]
fn a_request_that_is_not_passed_has_no_values() {
    let s = logging(&[&NAMES[..], &TIMES, &["proxy_host", "proxy_port", "upstream_cache_status"]].concat(), "");
    s.get("/file.txt").expect(200, "a file");
    assert!(logged(&s).iter().all(|value| value == "-"), "{:?}", logged(&s));
}

/// The answer redirects to another location of this server, which passes the request on: the groups have a colon.
#[test]
fn each_server_has_its_values() {
    let (up, other) = (Upstream::tcp(Protocol::Http), Upstream::unix(Protocol::Http));
    let locations = format!("location / {{ {} }} location /next/ {{ internal; {} }}", up.pass(), other.pass());
    let s = logging(&["upstream_addr", "upstream_status", "upstream_response_length"], &locations);
    let mut client = s.connect();
    client.send(GET);
    let (mut peer, _) = up.asked();
    peer.send("HTTP/1.1 200 OK\r\nX-Accel-Redirect: /next/x\r\nContent-Length: 0\r\n\r\n");
    let (mut next, _) = other.asked();
    next.send("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc");
    client.response().expect(404, "the second server");
    let addresses = format!("{} : {}", up.address, other.address);
    assert_eq!(logged(&s), [&addresses, "200 : 404", "0 : 3"]);
}

/// What variables make, as it is written without the scheme; then `$proxy_host` and `$proxy_port`.
#[test]
fn variables_make_the_host_and_the_port() {
    let (tcp, unix) = (Upstream::tcp(Protocol::Http), Upstream::unix(Protocol::Http));
    let port = tcp.address.rsplit_once(':').unwrap().1.to_owned();
    let rows = [
        (tcp.address.clone(), &tcp, tcp.address.clone(), port.clone()),
        (format!("{}/path?query", tcp.address), &tcp, tcp.address.clone(), port.clone()),
        (unix.address.clone(), &unix, "localhost".to_owned(), String::new()),
        (format!("{}:/path", unix.address), &unix, "localhost".to_owned(), String::new()),
    ];
    for (to, up, host, port) in &rows {
        let directives = "add_header X-Target [$proxy_host][$proxy_port]; proxy_set_header X-Own $proxy_host;";
        let locations = format!("location / {{ set $to {to}; proxy_pass http://$to; {directives} }}");
        let s = logging(&["proxy_host"], &locations);
        let mut client = s.connect();
        client.send(GET);
        let (mut peer, ask) = up.asked();
        assert_eq!((ask.must("Host"), ask.must("X-Own")), (&host[..], &host[..]), "{to}");
        peer.ok(b"");
        let response = client.response().expect(200, to);
        assert_eq!(response.must("X-Target"), format!("[{host}][{port}]"), "{to}");
    }
}

#[test]
fn the_clients_address_comes_behind_those_before_it() {
    let rows = [("", "127.0.0.1"), ("X-Forwarded-For: 192.0.2.1, 192.0.2.2\r\n", "192.0.2.1, 192.0.2.2, 127.0.0.1")];
    each(rows, |(field, value)| {
        let (up, s) = proxy("add_header X-For $proxy_add_x_forwarded_for;");
        let request = format!("GET / HTTP/1.1\r\nHost: h\r\n{field}\r\n");
        let response = answered(&up, &s, &request, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(response.must("X-For"), *value);
    });
}
