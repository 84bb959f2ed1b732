//! Counts the user instructions of the pure parts of a request with callgrind; the counts are the same in every run.
//!
//!     cargo bench --bench instructions
//!
//! Each part runs a number of times, and twice as often in another process: the difference is the cost of the part,
//! without process start and preparation. Without valgrind, the table has nanoseconds, which vary.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use webserv::ages::Ages;
use webserv::config::{Address, Config, Template};
use webserv::connection::{self, Answered, Arrival, Client, Identity, SpareTransactions, Transactions};
use webserv::date_cache::DateCache;
use webserv::http::HeadLimits;
use webserv::http::head::{self, Scan};
use webserv::http::print::{BodyEnd, Frame, Persistence, response_head};
use webserv::http::reply::{ReplyHead, Text};
use webserv::http::request::Request;
use webserv::http::{date, etag, target};
use webserv::route::{self, ListenerState, Routes};
use webserv::stats::Stats;
use webserv::vars::{self, View};
use webserv_sys::Moment;

const SHORT: &[u8] = b"GET /1k.txt HTTP/1.1\r\nHost: 127.0.0.1:34567\r\n\r\n";

const CURL: &[u8] = b"GET /static/style.css HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: curl/8.5.0\r\n\
    Accept: */*\r\n\r\n";

const FIREFOX: &[u8] = b"GET /static/style.css HTTP/1.1\r\nHost: www.example.org\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/css,*/*;q=0.1\r\nAccept-Language: en-GB,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
    Connection: keep-alive\r\nReferer: http://www.example.org/\r\nCookie: session=0123456789abcdef\r\n\
    Sec-Fetch-Dest: style\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Site: same-origin\r\n\
    If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";

const CHROMIUM: &[u8] = b"GET /static/photographs/2026/november/22.jpeg?v=1795314909 HTTP/1.1\r\n\
    Host: www.example.org\r\n\
    Connection: keep-alive\r\nsec-ch-ua-platform: \"Linux\"\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \
    (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
    sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\nsec-ch-ua-mobile: ?0\r\n\
    Accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8\r\n\
    Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n\
    Referer: http://www.example.org/articles/2026/\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; width=1920\r\n\r\n";

const CONFIG: &str = "http {
    server { listen 127.0.0.1:8080; server_name example.com *.example.com; root /srv/com; }
    server {
        listen 127.0.0.1:8080;
        server_name example.org www.example.org;
        root /srv/org;
        location = /        { return 204; }
        location /cgi/      { return 204; }
        location /files/    { client_max_body_size 32m; }
        location /static/   { alias /srv/static/; }
    }
}";

const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \
    \"$http_referer\" \"$http_user_agent\"";

const EVERYTHING: &str = "$remote_addr:$remote_port $server_addr:$server_port $server_name $host $scheme \
    $time_iso8601 $msec $request_time $request_method $request_uri $uri$is_args$args $server_protocol \
    $status $body_bytes_sent $bytes_sent $request_length $connection $connection_requests $pipe $request_id \
    \"$http_referer\" \"$http_user_agent\" \"$http_accept_language\" \"$http_sec_fetch_site\" \
    $cookie_session $arg_q $sent_http_content_type $document_root";

/// The name in the table, and a function that runs the part a number of times.
type Part = (&'static str, fn(u32));

const PARTS: &[Part] = &[
    ("request head, 1 field, 47 bytes", |times| parse(SHORT, times)),
    ("request head, 3 fields, 94 bytes", |times| parse(CURL, times)),
    ("request head, 12 fields, 463 bytes", |times| parse(FIREFOX, times)),
    ("request head, 14 fields, 685 bytes", |times| parse(CHROMIUM, times)),
    ("its path made safe", normalize),
    ("server, location and file of a path", find),
    ("response head of a file", print),
    ("access log line, combined", |times| log(COMBINED, CURL, times)),
    ("access log line, combined, of a browser", |times| log(COMBINED, FIREFOX, times)),
    ("map of 100,000 keys", |times| look_up(&map(), "example-77777.org", times)),
    ("map of 100,000 keys, by wildcard", |times| look_up(&map(), "www.far.example.org", times)),
    ("map of 100,000 keys, none fits", |times| look_up(&map(), "www.example.net", times)),
    ("geo of 100,000 networks", |times| look_up(&geo(), "www.example.org", times)),
    ("access log line, 30 variables", |times| log(EVERYTHING, FIREFOX, times)),
];

/// The repetitions for counts. Enough that differences between processes (seeds of hash maps) disappear in rounding.
const COUNTED: u32 = 20_000;

/// The repetitions for times.
const TIMED: u32 = 1_000_000;

fn parse(bytes: &[u8], times: u32) {
    let (mut scan, limits) = (Scan::default(), HeadLimits::default());
    for _ in 0..times {
        let parsed = head::request(black_box(bytes), &mut scan, &limits);
        let (request, _) = parsed.expect("the head is valid").expect("the head is whole");
        scan.recycle(black_box(request));
    }
}

fn request(bytes: &[u8]) -> Rc<Request> {
    let parsed = head::request(bytes, &mut Scan::default(), &HeadLimits::default());
    parsed.expect("the head is valid").expect("the head is whole").0
}

fn normalize(times: u32) {
    let request = request(CURL);
    for _ in 0..times {
        let path = target::normalize(black_box(request.path()), true);
        assert!(black_box(&path).is_ok());
    }
}

fn find(times: u32) {
    let config = Config::from_text("bench.conf", CONFIG, Path::new("."), "").expect("the configuration is valid");
    let (routes, request) = (Routes::new(Arc::new(config)), request(CURL));
    let hosts = &routes.config().listeners[0].hosts;
    for _ in 0..times {
        let request = black_box(&request);
        let server = hosts.find(request.host().unwrap_or_default());
        let path = target::normalize(request.path(), server.settings.merge_slashes).expect("the path is valid");
        let route = Rc::clone(routes.to_path(server, &path));
        let file = route::file_path(&route.settings, &path);
        assert_eq!(black_box(file).as_deref(), Some(&b"/srv/static/style.css"[..]));
    }
}

fn print(times: u32) {
    let (length, modified_secs, now_secs) = (1024, 784_111_777, 1_795_314_909);
    let head = ReplyHead {
        length: Some(length),
        content_type: Some(Text::shared(Arc::from("text/css")).expect("a field value")),
        last_modified_secs: Some(modified_secs),
        etag: Some(etag::of_file(false, modified_secs, length, etag::mixed(&[12, 34]))),
        seekable: true,
        ..ReplyHead::new(200)
    };
    // A worker caches formatted dates.
    let (date, last_modified) = (date::format(now_secs), date::format(modified_secs));
    let frame = Frame {
        server: "webserv",
        date: &date,
        last_modified: Some(last_modified),
        body: BodyEnd::Length(length),
        connection: Persistence::KeepAlive { timeout_secs: None },
        content_range: None,
    };
    let mut out = Vec::new();
    for _ in 0..times {
        out.clear();
        response_head(&mut out, black_box(&head), black_box(&frame));
        assert!(black_box(&out).ends_with(b"\r\n\r\n"));
    }
}

/// The line of a request that has been answered.
fn log(format: &str, head: &[u8], times: u32) {
    let config = Config::from_text("bench.conf", CONFIG, Path::new("."), "").expect("the configuration is valid");
    let routes = Rc::new(Routes::new(Arc::new(config)));
    let (configured, request) = (routes.config().listeners[0].clone(), request(head));
    let address = |text: &str| Address::Inet(text.parse().expect("an address"));
    let (format, local) = (Template::parse(format).expect("a format"), address("10.0.0.1:8080"));
    let route = Rc::clone(routes.to_server(&configured.hosts.servers[0]));
    let listener = Rc::new(ListenerState::new(routes, configured, local));
    let identity = Identity::new(listener, 1, Client::from(&address("192.168.1.23:54321")));
    let now = Moment::now();
    let (mut all, mut spare) = (Transactions::default(), SpareTransactions::default());
    let transaction = all.begin(&mut spare, route, None);
    let arrival = Arrival { number: 1, output_start: 0, pipelined: false, is_listed: false, started: now };
    transaction.http.begin(arrival, request, &HeadLimits::default());
    transaction.http.path = connection::Path::AsSent;
    transaction.http.status = Some(200);
    transaction.http.answered = Some(Answered { head_bytes: 250, output_end: Some(1274) });
    transaction.http.rare.sent_head = b"HTTP/1.1 200 OK\r\nServer: webserv\r\nContent-Type: text/css\r\n\r\n".to_vec();
    let date = DateCache::default();
    let now = now.after(Duration::from_millis(1));
    let stats = Stats::default();
    let ages = Ages::default();
    let view = View {
        identity: &identity,
        transaction,
        date: &date,
        stats: &stats,
        ages: &ages,
        worker: 0,
        now,
        sent_bytes: 1274,
    };
    let mut out = Vec::new();
    for _ in 0..times {
        out.clear();
        vars::push_log_line(&mut out, black_box(&format), black_box(&view));
        assert!(black_box(&out).ends_with(b"\n"));
    }
}

/// A map of host names, which is looked up each time.
fn map() -> String {
    let keys: String = (0..100_000).map(|n| format!("example-{n}.org v{n};")).collect();
    format!("map $host $x {{ volatile; hostnames; default none; *.example.org far; {keys} }}")
}

/// A table of networks, in which the client's address is looked up each time.
fn geo() -> String {
    let network = |n: u32| format!("{}.{}.{}.0/24 v{n};", 192 + n / 65536, n / 256 % 256, n % 256);
    let networks: String = (0..100_000).map(network).collect();
    format!("geo $x {{ volatile; default none; {networks} }}")
}

/// The value of `$x` for a request with this host.
fn look_up(block: &str, host: &str, times: u32) {
    let text = format!("http {{ {block} server {{ listen 127.0.0.1:8080; return 200 $x; }} }}");
    let config = Config::from_text("bench.conf", &text, Path::new("."), "").expect("the configuration is valid");
    let routes = Rc::new(Routes::new(Arc::new(config)));
    let configured = routes.config().listeners[0].clone();
    let request = request(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
    let route = Rc::clone(routes.to_server(&configured.hosts.servers[0]));
    let answer = route.settings.return_.clone().and_then(|it| it.text.clone()).expect("it has a text");
    let local = configured.address.clone();
    let listener = Rc::new(ListenerState::new(routes, configured, local));
    let client = Address::Inet("192.168.1.23:54321".parse().expect("an address"));
    let identity = Identity::new(listener, 1, Client::from(&client));
    let (mut all, mut spare, now) = (Transactions::default(), SpareTransactions::default(), Moment::now());
    let transaction = all.begin(&mut spare, route, None);
    let arrival = Arrival { number: 1, output_start: 0, pipelined: false, is_listed: false, started: now };
    transaction.http.begin(arrival, request, &HeadLimits::default());
    let (date, stats) = (DateCache::default(), Stats::default());
    let ages = Ages::default();
    let view = View {
        identity: &identity,
        transaction,
        date: &date,
        stats: &stats,
        ages: &ages,
        worker: 0,
        now,
        sent_bytes: 0,
    };
    for _ in 0..times {
        assert!(!black_box(vars::expand(black_box(&answer), &view)).is_empty());
    }
}

/// The number of instructions of a process that runs a part this often. `None` without valgrind.
fn instructions(part: usize, times: u32) -> Option<u64> {
    let itself = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(itself);
    let run = match command.arg(part.to_string()).arg(times.to_string()).stdout(Stdio::null()).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        run => run.expect("valgrind starts"),
    };
    let said = String::from_utf8_lossy(&run.stderr);
    let count = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    assert!(run.status.success() && count.is_some(), "callgrind has counted nothing:\n{said}");
    count
}

/// The instructions of one run of the part, from the difference of both processes.
fn instructions_each(part: usize) -> Option<u64> {
    let (once, twice) = (instructions(part, COUNTED)?, instructions(part, 2 * COUNTED)?);
    let more = twice.checked_sub(once).expect("twice as often costs more");
    Some((more + u64::from(COUNTED) / 2) / u64::from(COUNTED))
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u32> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    if let [part, times] = numbers[..] {
        return PARTS[part as usize].1(times);
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        // For `cargo test --benches`, which only checks that it works.
        return PARTS.iter().for_each(|(_, run)| run(2));
    }
    println!("{:<40} {:>16}", "", "instructions");
    for (part, (name, run)) in PARTS.iter().enumerate() {
        if let Some(count) = instructions_each(part) {
            println!("{name:<40} {count:>16}");
        } else {
            let start = Instant::now();
            run(TIMED);
            let nanos = start.elapsed().as_nanos() / u128::from(TIMED);
            println!("{name:<40} {nanos:>13} ns (no valgrind here to count instructions)");
        }
    }
}
