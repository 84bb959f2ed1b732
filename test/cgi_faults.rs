//! Faults of programs and clients: the server does not stall, leaves no process, and sends no incomplete answer as
//! complete.

mod harness;

use harness::http;
use harness::scripts::{
    both_ways, children, make_executable, rss_peak_kib, scripts, stat, status, text, wait_gone, wait_pids,
};
use harness::{Server, each, noise, site, wait_for};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A script that writes its pid and that of a child to `pids`.
const TELL_PIDS: &str = "sleep 60 & echo $$ $! > pids.new; mv pids.new pids";
const GET: &[u8] = b"GET /a.sh HTTP/1.1\r\nHost: h\r\n\r\n";

/// Requests /a.sh and closes with an unread byte of the answer, so that the kernel resets the connection.
fn ask_and_leave(s: &Server) {
    let mut stream = TcpStream::connect(&s.addresses[0]).unwrap();
    stream.write_all(GET).unwrap();
    stream.read_exact(&mut [0]).unwrap();
}

/// A POST with this body, as the last request of its connection.
fn post(target: &str, body: &[u8]) -> Vec<u8> {
    let fields = format!("Host: h\r\nConnection: close\r\nContent-Length: {}", body.len());
    [format!("POST {target} HTTP/1.1\r\n{fields}\r\n\r\n").as_bytes(), body].concat()
}

#[test]
fn what_is_no_head_is_a_bad_gateway() {
    let long = "while :; do echo 'X-Long: 0123456789012345678901234567890123456789'; done";
    let rows = [
        ("nothing", ""),
        ("failed", "exit 3"),
        ("killed", "kill -9 $$"),
        ("closed", "exec >&-"),
        ("garbage", "head -c 1000 /dev/zero"),
        ("words", "echo hello world; echo"),
        ("half", "printf 'Content-Type: text/plain\\n'"),
        ("cut", "printf 'Content-Ty'"),
        ("blank", "printf '\\n\\ntext'"),
        ("status", "printf 'Status: OK\\nContent-Type: a/b\\n\\n'"),
        ("early", "printf 'Status: 100\\n\\n'"),
        ("length", "printf 'Content-Type: a/b\\nContent-Length: -1\\n\\nx'"),
        ("twice", "printf 'Status: 200\\nStatus: 404\\n\\nx'"),
        ("split", "printf 'Content-Type: a\\rb\\n\\nx'"),
        ("types", "printf 'Content-Type: a/b\\nContent-Type: a/c\\n\\nx'"),
        ("wire", "printf 'HTTP/2 200 OK\\nContent-Type: a/b\\n\\nx'"),
        ("endless", long),
        ("flood", "exec cat /dev/zero"),
    ];
    let named = rows.map(|(name, text)| (format!("{name}.sh"), text));
    let s = scripts("", &named.each_ref().map(|(name, text)| (&name[..], *text)));
    each(rows, |(name, _)| {
        let mut client = s.connect();
        client.get(&format!("/{name}.sh")).expect(502, name);
        assert_eq!(client.get("/ok.txt").text(), "ok", "after {name}");
    });
    wait_for("no process left", || children(s.process.pid()).is_empty().then_some(()));
}

#[test]
fn an_answer_cut_short_never_looks_whole() {
    let s = scripts(
        "cgi_idle_timeout 300ms;",
        &[
            ("killed.sh", &text("echo begun; kill -9 $$")),
            ("short.sh", "printf 'Content-Type: a/b\\nContent-Length: 10\\n\\nbegun'"),
            ("stuck.sh", &text("echo begun; sleep 60")),
        ],
    );
    each(["killed", "short", "stuck"], |name| {
        for version in ["1.1", "1.0"] {
            let bytes = s.exchange(format!("GET /{name}.sh HTTP/{version}\r\nHost: h\r\n\r\n").as_bytes());
            let told = http::find(&bytes, b" 502 ").is_some() || http::find(&bytes, b" 504 ").is_some();
            let whole = http::parse(&bytes, false, true);
            let by_close = matches!(&whole, Ok(Some((response, _))) if response.framing == http::Framing::Close);
            assert!(told || by_close || matches!(whole, Ok(None)), "{name}: {whole:?} in {}", bytes.escape_ascii());
        }
    });
    wait_for("no process left", || children(s.process.pid()).is_empty().then_some(()));
}

#[test]
fn patience_ends_with_504() {
    let drip = "printf 'Status: 200\\n'; while :; do printf 'X-A: 1\\n'; sleep 0.05; done";
    let s = scripts(
        "location /idle/ { cgi_idle_timeout 300ms; } location /whole/ { cgi_timeout 500ms; }",
        &[("idle/a.sh", "sleep 60"), ("idle/half.sh", "printf 'Status: 200\\n'; sleep 60"), ("whole/a.sh", drip)],
    );
    each([("/idle/a.sh", 300), ("/idle/half.sh", 300), ("/whole/a.sh", 500)], |(target, ms)| {
        let start = Instant::now();
        s.get(target).expect(504, target);
        assert!(start.elapsed() >= Duration::from_millis(*ms), "{target}: too early");
    });
    s.wait_said("cgi_idle_timeout has passed");
    s.wait_said("cgi_timeout has passed");
    wait_for("no process left", || children(s.process.pid()).is_empty().then_some(()));
}

#[test]
fn a_program_that_was_too_slow_is_ended_while_its_client_stays() {
    // The keep-alive timeout would be an hour, but it does not apply without an answer.
    let s =
        scripts("cgi_idle_timeout 1h; cgi_timeout 300ms;", &[("a.sh", "sleep 3600"), ("b.sh", "echo no; sleep 3600")]);
    let mut client = s.connect();
    client.get("/a.sh").expect(504, "no head in time");
    client.get("/b.sh").expect(502, "no head at all");
    wait_for("no process left", || children(s.process.pid()).is_empty().then_some(()));
    assert_eq!(client.get("/ok.txt").text(), "ok", "on the same connection");
}

#[test]
fn a_slow_client_is_not_a_slow_program() {
    let s = scripts(
        "cgi_idle_timeout 250ms; cgi_request_buffering off;",
        &[("a.sh", &format!("read line\n{}", text("echo \"got $line\"")))],
    );
    let mut client = s.connect();
    client.send("POST /a.sh HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nhe");
    std::thread::sleep(Duration::from_millis(700)); // longer than the program may be silent
    client.send("llo\n");
    assert_eq!(client.response().expect(200, "a slow upload").text(), "got hello\n");
}

#[test]
fn a_program_that_cannot_be_started_says_why() {
    let s = scripts(
        "cgi_interpreter .sh2 /none/interpreter; cgi_extension .sh2;",
        &[("plain.sh", "echo"), ("bad.sh", "echo"), ("x.sh2", "echo"), ("folder.sh/in.txt", "text")],
    );
    let mode = |bits| std::os::unix::fs::PermissionsExt::from_mode(bits);
    std::fs::set_permissions(s.path("html/plain.sh"), mode(0o644)).unwrap();
    s.write("html/bad.sh", b"#!/none/such/interpreter\n");
    make_executable(&s.path("html/bad.sh"));
    let rows = [("/none.sh", 404), ("/plain.sh", 403), ("/bad.sh", 502), ("/x.sh2", 502), ("/none.sh/info", 404)];
    each(rows, |(target, status)| {
        let mut client = s.connect();
        client.get(target).expect(*status, target);
        assert_eq!(client.get("/ok.txt").text(), "ok", "after {target}");
    });
    s.wait_said("cannot be started");
    s.wait_said("bad interpreter \"/none/such/interpreter\" in its first line");
    s.wait_said("/x.sh2\" cannot be started: execve: No such file or directory (os error 2): \"/none/interpreter\"");
}

/// A bug: the message said that the script, which was there, was not found.
#[test]
fn a_script_with_crlf_line_ends_was_said_to_be_missing() {
    let s = scripts("", &[("crlf.sh", ""), ("text.sh", "")]);
    s.write("html/crlf.sh", b"#!/bin/sh\r\necho\r\n");
    s.write("html/text.sh", b"echo hello\n");
    each(["/crlf.sh", "/text.sh"], |target| drop(s.get(target).expect(502, target)));
    s.wait_said("bad interpreter \"/bin/sh\\r\" in its first line; save the script with LF line ends, not CRLF");
    s.wait_said("it has no first line as #!/bin/sh, and is no binary");
}

#[test]
fn what_ended_a_program_is_named() {
    let rows = [
        ("cpu", "while :; do :; done", "(SIGXCPU): it has used its processor time (cgi_rlimit cpu)"),
        ("file", "cat /dev/zero > large", "as shells do after SIGXFSZ: a file has become too large (cgi_rlimit fsize)"),
        ("abort", "kill -ABRT $$", "(SIGABRT): a fault of the program"),
        ("kill", "kill -KILL $$", "(SIGKILL), which the server has not sent"),
        ("child", "sh -c 'kill -TERM $$'", "exited with 143, as shells do after SIGTERM"),
    ];
    let named = rows.map(|(name, text, _)| (format!("{name}.sh"), text));
    let s = scripts(
        "cgi_rlimit cpu 1s; cgi_rlimit fsize 1m; cgi_rlimit core 0;",
        &named.each_ref().map(|(name, text)| (&name[..], *text)),
    );
    each(rows, |(name, _, said)| {
        s.get(&format!("/{name}.sh")).expect(502, name);
        s.wait_said(said);
    });
    let slow = scripts("cgi_timeout 1s;", &[("slow.sh", "exec sleep 1000")]);
    slow.get("/slow.sh").expect(504, "/slow.sh");
    slow.wait_said("was ended by signal 15 (SIGTERM) of the server: it was too slow");
}

#[test]
fn standard_error_is_logged_line_by_line_with_its_request() {
    let long = "head -c 9000 /dev/zero | tr '\\0' x >&2";
    let whole = format!("echo 'first odd thing' >&2; printf 'unended thing' >&2\n{}", text(""));
    let s =
        scripts("", &[("err.sh", &whole), ("long.sh", &text(long)), ("fail.sh", "echo 'why it failed' >&2; exit 1")]);
    s.get("/err.sh?q").expect(200, "/err.sh");
    s.get("/fail.sh").expect(502, "/fail.sh");
    s.get("/long.sh").expect(200, "/long.sh");
    for (words, request) in [
        ("first odd thing", "GET /err.sh?q"),
        ("unended thing", "GET /err.sh?q"),
        ("why it failed", "GET /fail.sh"),
        ("xxxx", "GET /long.sh"),
    ] {
        s.wait_said(words);
        let said = s.said();
        let line = said.lines().find(|line| line.contains(words)).unwrap();
        assert!(line.contains(request), "{line}");
    }
    assert!(s.said().lines().all(|line| line.len() < 4000), "lines are cut");
}

#[test]
fn a_program_whose_client_has_gone_is_ended_with_all_that_it_started() {
    let quiet = format!("{TELL_PIDS}\n{}", text("echo x; wait"));
    let busy = format!("{TELL_PIDS}\n{}", text("while :; do echo x; sleep 0.02; done"));
    let half = format!("trap '' TERM\n{TELL_PIDS}\ntrap - TERM\n{}", text("echo x; wait"));
    let deaf = format!("trap '' TERM\n{TELL_PIDS}\n{}", text("echo x; while :; do sleep 1; done"));
    for (name, script) in [("quiet", quiet), ("busy", busy), ("half", half), ("deaf", deaf)] {
        let s = scripts("", &[("a.sh", &script)]);
        ask_and_leave(&s);
        for pid in wait_pids(&s) {
            wait_gone(pid, name);
        }
        if name == "deaf" {
            s.wait_said("ended by signal 9");
        }
        s.assert_alive(name);
    }
}

#[test]
fn a_client_that_closes_in_order_is_noticed_when_the_program_speaks() {
    let s = scripts("", &[("a.sh", &format!("{TELL_PIDS}\n{}", text("while :; do echo x; sleep 0.02; done")))]);
    let mut client = s.connect();
    client.send(GET);
    client.wait_some();
    drop(client);
    for pid in wait_pids(&s) {
        wait_gone(pid, "a program without a listener");
    }
}

#[test]
fn two_hundred_runs_leave_nothing_behind() {
    let s = scripts(
        "open_file_cache off;",
        &[("a.sh", &text("cat")), ("b.sh", "exit 1"), ("c.sh", "printf 'Status: 204\\n\\n'")],
    );
    let mut client = s.connect();
    assert_eq!(client.get("/ok.txt").text(), "ok");
    let before = s.process.open_fds();
    for n in 0..200 {
        let (target, status) = [("/a.sh", 200), ("/b.sh", 502), ("/c.sh", 204), ("/none.sh", 404)][n % 4];
        client.send(format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"));
        let got = client.response().status;
        assert!(got == status || status == 404 && got == 405, "{target}: {got}");
    }
    wait_for("no zombie", || children(s.process.pid()).is_empty().then_some(()));
    wait_for("no descriptor more", || (s.process.open_fds() <= before).then_some(()));
}

#[test]
fn a_child_has_three_descriptors_a_group_of_its_own_and_plain_signals() {
    let s = site("location /sleep { cgi_pass /bin/sleep; }", &[("ok.txt", b"ok")]);
    let mut client = s.connect();
    client.send_get("/sleep?60");
    let named_sleep = |pid: &u32| status(*pid, "Name").is_some_and(|name| name == "sleep");
    let pid = wait_for("the program", || children(s.process.pid()).into_iter().find(named_sleep));
    let mut fds: Vec<_> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|fd| (fd.file_name().into_string().unwrap(), std::fs::read_link(fd.path()).unwrap()))
        .collect();
    fds.sort();
    assert_eq!(fds.iter().map(|(number, _)| &number[..]).collect::<Vec<_>>(), ["0", "1", "2"], "{fds:?}");
    let kinds: Vec<_> = fds.iter().map(|(_, target)| target.to_str().unwrap().split(':').next().unwrap()).collect();
    assert_eq!(kinds, ["/dev/null", "pipe", "pipe"], "a GET has no body");
    assert_eq!(stat(pid).unwrap().2, pid, "the leader of its group");
    for name in ["SigBlk", "SigIgn"] {
        let mask = u64::from_str_radix(&status(pid, name).unwrap(), 16).unwrap();
        assert_eq!(mask & 0x7fff_ffff, 0, "{name}: those above 31 are the C library's own, which it ignores");
    }
}

#[test]
fn a_program_may_answer_before_it_has_read_all() {
    let early = text("head -c 1000000 /dev/zero; wc -c");
    let s = scripts("cgi_request_buffering off;", &[("a.sh", &early)]);
    let body = noise(2 << 20, 3);
    let request = post("/a.sh", &body);
    let (first, rest) = request.split_at(request.len() - body.len() + 10);
    let mut client = s.connect();
    client.send(first);
    client.wait_some(); // the client sends the rest only after the answer has begun
    client.send(rest);
    let response = client.response().expect(200, "POST");
    assert_eq!(String::from_utf8_lossy(&response.body[1_000_000..]).trim(), (2 << 20).to_string());
}

#[test]
fn a_body_that_nobody_reads_costs_no_memory() {
    let slow = text("echo $$ > pids; while [ ! -e go ]; do sleep 0.02; done; wc -c");
    let s = scripts("cgi_request_buffering off;", &[("slow.sh", &slow)]);
    s.get("/ok.txt");
    let (before, sent) = (s.process.rss_kib(), AtomicUsize::new(0));
    let request = post("/slow.sh", &noise(20 << 20, 4));
    let stream = TcpStream::connect(&s.addresses[0]).unwrap();
    std::thread::scope(|scope| {
        let (sent, mut sender) = (&sent, stream.try_clone().unwrap());
        scope.spawn(move || {
            for piece in request.chunks(64 << 10) {
                sender.write_all(piece).unwrap();
                sent.fetch_add(piece.len(), Ordering::Relaxed);
            }
        });
        wait_pids(&s);
        let mut last = (0, Instant::now());
        wait_for("the client being held up", || {
            let now = sent.load(Ordering::Relaxed);
            if now != last.0 {
                last = (now, Instant::now());
            }
            (last.1.elapsed() > Duration::from_millis(200)).then_some(())
        });
        s.write("html/go", b"");
        let mut answer = Vec::new();
        (&stream).read_to_end(&mut answer).unwrap();
        let (response, _) = http::parse(&answer, false, true).unwrap().unwrap();
        assert_eq!(response.text().trim(), (20 << 20).to_string());
    });
    let growth = rss_peak_kib(&s).saturating_sub(before);
    assert!(growth < 8 << 10, "{growth} KiB more");
}

#[test]
fn a_body_that_is_not_wanted_does_not_cost_the_answer() {
    let s = scripts(
        "",
        &[
            ("never.sh", &text("echo answered")),
            ("shut.sh", &format!("exec <&-\n{}", text("sleep 0.1; echo answered"))),
            ("some.sh", &text("head -c 100000 | tail -c 1 > /dev/null; echo answered")),
        ],
    );
    each(["never", "shut", "some"], |name| {
        let bytes = both_ways(&s, &post(&format!("/{name}.sh"), &noise(20 << 20, 5)));
        let (response, used) = http::parse(&bytes, false, true).unwrap().expect("a whole answer");
        assert_eq!((response.status, &response.text()[..], used), (200, "answered\n", bytes.len()), "{name}");
    });
    let mut client = s.connect();
    client.send("POST /never.sh HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nunread");
    assert_eq!(client.response().text(), "answered\n");
    assert_eq!(client.get("/never.sh").text(), "answered\n", "a short body is passed over");
}

#[test]
fn the_servers_end_leaves_no_orphan() {
    for signal in ["TERM", "INT"] {
        let mut s = scripts("", &[("a.sh", &format!("trap '' TERM\n{TELL_PIDS}\n{}", text("echo x; wait")))]);
        let mut client = s.connect();
        client.send(GET);
        client.wait_some();
        let pids = wait_pids(&s);
        s.process.signal(signal);
        s.process.exit();
        for pid in pids {
            wait_gone(pid, signal);
        }
    }
}

#[test]
fn a_graceful_end_lets_the_program_finish() {
    let hold = text("echo $$ > pids; while [ ! -e go ]; do sleep 0.02; done; echo finished");
    let mut s = scripts("", &[("a.sh", &hold)]);
    let mut client = s.connect();
    client.send(GET);
    let pids = wait_pids(&s);
    s.process.signal("QUIT");
    s.wait_said("SIGQUIT");
    s.write("html/go", b"");
    assert_eq!(client.response().expect(200, "GET").text(), "finished\n");
    assert!(s.process.exit().success());
    wait_gone(pids[0], "the program");
}

#[test]
fn a_program_was_killed_while_it_finished_its_work_after_the_answer() {
    let work = "sleep 0.3; echo done > saved";
    let programs: [(&str, String); 3] = [
        ("redirect.sh", format!("printf 'Location: http://h/\\n\\n'; {work}1")),
        ("length.sh", format!("printf 'Content-Type: text/plain\\nContent-Length: 2\\n\\nok'; {work}2")),
        ("local.sh", format!("printf 'Location: /ok.txt\\n\\n'; {work}3")),
    ];
    let files: Vec<(&str, &str)> = programs.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let s = scripts("", &files);
    for (name, _) in &files {
        s.get(&format!("/{name}"));
    }
    for number in 1..=3 {
        let saved = s.path(&format!("html/saved{number}"));
        wait_for("the program's work", || saved.exists().then_some(()));
    }
}
