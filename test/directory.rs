//! The directory protocol: every line in every state, and lines that try to misuse the server.

mod harness;

use harness::client::show;
use harness::lines::Session;
use harness::{Files, Server, Setup, each, noise};
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, Instant};
use webserv::directory::states::{Action, DirectoryAnswer, Input, Rule, State, TABLE};

/// The password of "guest" is "guest".
const USERS: &[u8] = b"guest:$5$abcdefgh$osWA07JwAHeKYaCM2OP806Wc/laToNFtqYGGdRhSew2\n";
const FILES: Files<'_> = &[("a.txt", b"hello\n"), ("empty", b""), ("sub/deep.txt", b"deep\n"), ("two words", b"2\n")];

/// A server without users at the first address, and one with users at the second.
fn servers(files: Files<'_>) -> Server {
    let main = "error_log stderr notice; directory { root html; server { listen 127.0.0.1:0; }
                server { listen 127.0.0.2:0; users users; } }";
    let setup = Setup::new("", files).main(main);
    setup.write("users", USERS);
    setup.start()
}

fn version_0(s: &Server) -> Session {
    Session::connect(&s.addresses[0])
}

fn version_1(s: &Server) -> Session {
    let mut session = version_0(s);
    session.expect(&[("VERSION 1", "VERSION 1")]);
    session
}

/// Brings a session into this state, in a directory that was then removed, so that `DIR` fails.
fn session_in(state: State, s: &Server, fails: bool) -> Session {
    let mut session = match state {
        State::Plain => version_0(s),
        State::Locked | State::Login | State::Transfer | State::End => Session::connect(&s.addresses[1]),
    };
    if matches!(state, State::Login | State::Transfer) {
        session.expect(&[("VERSION 1", "VERSION 1")]);
    }
    if state == State::Transfer {
        session.expect(&[("LOGIN guest guest", "SUCCEEDED")]);
    }
    if fails && matches!(state, State::Plain | State::Transfer) {
        fs::create_dir(s.path("html/gone")).unwrap();
        assert!(["OK", "SUCCEEDED"].contains(&session.ask("CD gone").as_str()));
        fs::remove_dir(s.path("html/gone")).unwrap();
    }
    session
}

/// Lines for an input. With `fails`, the action of its row fails.
fn lines(input: Input, fails: bool) -> &'static [&'static str] {
    match (input, fails) {
        (Input::Version0, _) => &["VERSION 0", "version 00"],
        (Input::Version1, _) => &["VERSION 1", "version  7"],
        (Input::Login, false) => &["LOGIN guest guest", " login guest  guest "],
        (Input::Login, true) => &["LOGIN guest Guest"],
        (Input::Logout, _) => &["LOGOUT"],
        (Input::Cd, false) => &["CD sub", "cd /sub/../sub/."],
        (Input::Cd, true) => &["CD nothing", "CD /a.txt", "CD /../sub"],
        (Input::Pwd, _) => &["PWD", "pwd"],
        (Input::Dir, _) => &["DIR", "dir "],
        (Input::Get, false) => &["GET a.txt", "GET sub/../a.txt", "get /a.txt"],
        (Input::Get, true) => &["GET nothing", "GET /sub", "GET /a.txt/"],
        (Input::Quit, _) => &["QUIT", "quit"],
        (Input::Mistake, _) => &["", "HELO", "CD", "PWD x", "LOGIN guest", "VERSION one", "CD \u{e4}", "CD a\tb"],
    }
}

/// Reads the answer that the table specifies.
#[track_caller]
fn check_answer(answer: DirectoryAnswer, path: &str, session: &mut Session) {
    let names = ["sub", "a.txt", "empty", "two words"];
    match answer {
        DirectoryAnswer::Nothing => {}
        DirectoryAnswer::Line(line) => assert_eq!(session.line(), line),
        DirectoryAnswer::Mistake => {
            let line = session.line();
            assert!(line.starts_with("ERROR ") && line.len() > 10, "{line}");
        }
        DirectoryAnswer::Path => assert_eq!(session.line(), path),
        DirectoryAnswer::Names => assert_eq!(session.list(), names),
        DirectoryAnswer::NoNames => assert_eq!(session.list(), ["ERROR"]),
        DirectoryAnswer::CountAndNames => {
            assert_eq!(session.line(), "4");
            assert_eq!(session.list(), names);
        }
        DirectoryAnswer::CountAndBytes => {
            assert_eq!(session.line(), "6");
            assert_eq!(session.bytes(6), b"hello\n");
        }
    }
}

/// Checks the state of a session by the answers to two lines, which the table specifies.
#[track_caller]
fn check_state(state: State, path: &str, session: &mut Session) {
    let probes = [(Input::Pwd, "PWD"), (Input::Version0, "VERSION 0")];
    let mut now = state;
    for (input, line) in probes {
        let Some(rule) = now.rule(input) else { break };
        session.send(line);
        check_answer(rule.done.0, path, session);
        now = rule.done.1;
    }
    if now == State::End {
        session.assert_end("the end");
    }
}

#[test]
fn every_line_in_every_state_does_what_the_table_says() {
    let s = servers(FILES);
    let mut rows: Vec<(Rule, bool, &str)> = Vec::new();
    for rule in TABLE {
        let outcomes: &[bool] = if rule.action == Action::Nothing { &[false] } else { &[false, true] };
        for fails in outcomes {
            rows.extend(lines(rule.input, *fails).iter().map(|line| (rule, *fails, *line)));
        }
    }
    assert!(rows.len() > TABLE.len(), "{} rows", rows.len());
    each(rows, |(rule, fails, line)| {
        let leaves = *fails && rule.input == Input::Dir;
        let mut session = session_in(rule.state, &s, leaves);
        session.send(line);
        let (answer, next) = if *fails { rule.failed } else { rule.done };
        let before = if leaves { "/gone" } else { "/" };
        check_answer(answer, before, &mut session);
        let moved = rule.action == Action::Enter && !fails;
        check_state(next, if moved { "/sub" } else { before }, &mut session);
    });
}

#[test]
fn each_session_has_its_own_directory() {
    let s = servers(&[("one/1", b""), ("two/2", b"")]);
    let (mut a, mut b, mut c) = (version_1(&s), version_0(&s), version_1(&s));
    a.expect(&[("CD one", "SUCCEEDED")]);
    b.expect(&[("CD two", "OK")]);
    a.expect(&[("PWD", "/one")]);
    b.expect(&[("PWD", "/two")]);
    c.expect(&[("PWD", "/")]);
    assert_eq!((a.ask("DIR"), a.list()), ("1".into(), vec!["1".to_owned()]));
    b.send("DIR");
    assert_eq!(b.list(), ["2"]);
    assert_eq!((c.ask("DIR"), c.list()), ("2".into(), vec!["one".to_owned(), "two".to_owned()]));
}

/// All bytes that a session receives, until the server closes.
fn told(address: &str, bytes: &[u8], piece: usize) -> Vec<u8> {
    let mut client = harness::Client::connect(address);
    for piece in bytes.chunks(piece) {
        client.send(piece);
    }
    client.half_close();
    client.rest()
}

#[test]
fn lines_may_come_in_any_pieces_and_with_any_end() {
    let s = servers(FILES);
    let answers = b"VERSION 1\r\n/\r\nSUCCEEDED\r\n5\r\ndeep\n1\r\ndeep.txt\r\n\r\n/sub\r\n";
    for stream in [
        &b"VERSION 1\r\nPWD\r\nCD sub\r\nGET deep.txt\r\nDIR\r\nPWD\r\n"[..],
        b"version 1\npwd\ncd sub\nget deep.txt\ndir\npwd\n",
        b"VERSION 1\n PWD \r\nCD   sub\nGET deep.txt  \r\nDIR\nPWD\r\nQUIT\r\nPWD\r\n",
    ] {
        for piece in [1, 3, 1000] {
            let told = told(&s.addresses[0], stream, piece);
            assert_eq!(told.escape_ascii().to_string(), answers.escape_ascii().to_string(), "by {piece}");
        }
    }
}

#[test]
fn what_is_no_line_has_an_answer_and_never_hangs() {
    let s = servers(FILES);
    let long = [b"CD ", &[b'x'; 1022][..], b"\nPWD\n"].concat();
    let endless = [b'x'; 300_000];
    let rows: &[(&[u8], &str)] = &[
        (b"PW", "ERROR this line has no end\r\n"),
        (b"PWD\nPWD\r", "/\r\nERROR this line has no end\r\n"),
        (b"", ""),
        (b"\0\n", "ERROR a line has printable ASCII only\r\n"),
        (b"PWD\r\r\n", "ERROR a line has printable ASCII only\r\n"),
        (b"GET \xe2\x98\x83\nPWD\n", "ERROR a line has printable ASCII only\r\n/\r\n"),
        (&long, "ERROR this line is longer than 1024 bytes\r\n/\r\n"),
        (&endless, "ERROR this line is longer than 1024 bytes\r\n"),
    ];
    each(rows, |(bytes, answer)| {
        for piece in [1000, 1 << 20] {
            assert_eq!(show(&told(&s.addresses[0], bytes, piece)), show(answer.as_bytes()));
        }
    });
    // A browser's request consists of wrong lines; with users required, the connection ends.
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert!(told(&s.addresses[0], request, 1000).starts_with(b"ERROR version 0 has no such verb"));
    let refused = "ERROR version 0 is not spoken here: say VERSION 1 first\r\n";
    assert_eq!(show(&told(&s.addresses[1], request, 1000)), show(refused.as_bytes()));
}

#[test]
fn pipelined_lines_are_answered_in_order_as_fast_as_the_client_takes_them() {
    let big = noise(300_000, 7);
    let s = servers(&[("big", &big), ("a.txt", b"hello\n")]);
    let mut reader = version_1(&s);
    let rounds = 400;
    // 480 KB of lines and 120 MB of answers; neither fits into the server's buffers.
    let lines = "PWD\r\nGET big\r\nGET a.txt\r\nCD nothing\r\n".repeat(rounds) + &"GET nothing\r\n".repeat(30_000);
    let mut sender = reader.client.second();
    let sending = std::thread::spawn(move || sender.send(lines));
    for round in 0..rounds {
        assert_eq!((reader.line(), reader.line()), ("/".into(), "300000".into()), "round {round}");
        assert!(reader.bytes(300_000) == big, "round {round}");
        assert_eq!((reader.line(), reader.bytes(6)), ("6".into(), b"hello\n".to_vec()), "round {round}");
        assert_eq!(reader.line(), "FAILED", "round {round}");
    }
    for _ in 0..30_000 {
        assert_eq!(reader.line(), "ERROR");
    }
    sending.join().unwrap();
    assert!(s.process.rss_kib() < 100_000, "{} KiB", s.process.rss_kib());
}

#[test]
fn lists_have_what_can_be_asked_for_and_nothing_else() {
    let s = servers(FILES);
    fs::create_dir(s.path("html/odd")).unwrap();
    let shown = ["a", "a b", "ERROR", "back\\slash", "~", "x\"y'", "#1", "-"];
    let hidden = [" a", "a ", "a  b", "new\nline", "cr\r", "tab\t", "\u{e4}", ".hidden", "...", "del\u{7f}"];
    for name in shown.iter().chain(&hidden) {
        fs::write(s.path("html/odd").join(name), name.as_bytes()).unwrap();
    }
    symlink("a", s.path("html/odd/link")).unwrap();
    assert!(Command::new("mkfifo").arg(s.path("html/odd/fifo")).status().unwrap().success());
    let mut sorted = shown;
    sorted.sort();
    let mut session = version_1(&s);
    session.expect(&[("CD odd", "SUCCEEDED"), ("DIR", "8")]);
    assert_eq!(session.list(), sorted);
    for name in shown {
        assert_eq!(session.ask(&format!("GET {name}")), name.len().to_string());
        assert_eq!(session.bytes(name.len()), name.as_bytes());
    }
    session.expect(&[("CD ..", "SUCCEEDED"), ("CD sub", "SUCCEEDED"), ("PWD", "/sub")]);
    fs::remove_file(s.path("html/sub/deep.txt")).unwrap();
    assert_eq!((session.ask("DIR"), session.list()), ("0".into(), Vec::<String>::new()));
}

#[test]
fn nothing_outside_of_the_root_is_reached_and_nothing_but_files() {
    let s = servers(FILES);
    s.write("secret/s.txt", b"secret");
    let outside = s.path("secret");
    for (target, link) in [
        (outside.as_path(), "out"),
        ("../secret".as_ref(), "relative"),
        (outside.join("s.txt").as_path(), "file"),
        ("a.txt".as_ref(), "inside"),
        ("/".as_ref(), "top"),
    ] {
        symlink(target, s.path("html").join(link)).unwrap();
    }
    assert!(Command::new("mkfifo").arg(s.path("html/fifo")).status().unwrap().success());
    s.write("html/.htpasswd", b"hidden");
    let mut session = version_1(&s);
    for name in ["..", "../secret", "/..", "sub/../../secret", "out", "relative", "top", "top/etc", "a.txt"] {
        session.expect(&[(&format!("CD {name}"), "FAILED"), ("PWD", "/")]);
    }
    for name in [
        "../secret/s.txt",
        "/../secret/s.txt",
        "out/s.txt",
        "relative/s.txt",
        "file",
        "inside",
        "top/etc/passwd",
        "/etc/passwd",
        "fifo",
        "sub",
        "/",
        ".",
        "a.txt/",
        ".htpasswd",
        "sub/../.htpasswd",
    ] {
        session.expect(&[(&format!("GET {name}"), "ERROR")]);
    }
    let long = "x/".repeat(500);
    session.expect(&[(&format!("CD {long}"), "FAILED"), (&format!("GET {long}y"), "ERROR"), ("PWD", "/")]);
    session.expect(&[("GET /a.txt", "6")]);
}

#[test]
fn a_file_that_shrinks_ends_the_connection_without_a_clean_end() {
    let s = servers(&[("empty", b""), ("small", b"x")]);
    const HUGE: u64 = 64 << 20;
    let file = File::create(s.path("html/huge")).unwrap();
    file.set_len(HUGE).unwrap();
    let mut session = version_1(&s);
    session.expect(&[("GET empty", "0"), ("GET small", "1")]);
    assert_eq!(session.bytes(1), b"x");
    session.send("GET huge\r\nPWD");
    assert_eq!(session.line(), HUGE.to_string());
    assert_eq!(session.bytes(1000).len(), 1000);
    file.set_len(1000).unwrap();
    let got = session.bytes(HUGE as usize).len() as u64;
    assert!(got < HUGE - 1000, "{got}");
    session.assert_end("after less than was promised, and without the next answer");
}

#[test]
fn wrong_passwords_take_their_time_and_the_third_one_is_the_last() {
    let s = servers(FILES);
    let start = Instant::now();
    let mut session = session_in(State::Login, &s, false);
    session.expect(&[
        ("LOGIN guest wrong", "FAILED"),
        ("LOGIN nobody guest", "FAILED"),
        ("LOGIN guest guest", "SUCCEEDED"),
    ]);
    session.expect(&[("PWD", "/"), ("CD sub", "SUCCEEDED")]);
    session.send("LOGOUT");
    session.expect(&[("PWD", "ERROR say LOGIN first")]);
    session.expect(&[("LOGIN guest guest", "SUCCEEDED"), ("PWD", "/")]);
    session.send("LOGOUT");
    // A successful login resets the count. Lines after the last failure are not read.
    let long = "x".repeat(900);
    session.send(&format!("LOGIN guest {long}\r\nLOGIN root root\r\nLOGIN Guest guest\r\nLOGIN guest guest\r\nDIR"));
    assert_eq!([session.line(), session.line(), session.line()], ["FAILED"; 3]);
    session.assert_end("after the third failure");
    // Five failures: each is answered a second after its line, not earlier.
    assert!(start.elapsed() >= Duration::from_secs(5), "{:?}", start.elapsed());
    s.wait_said("no such user with this password");
    assert!(!s.said().contains("wrong") && !s.said().contains(&long), "a password is in the log:\n{}", s.said());
}

#[test]
fn who_says_nothing_is_left_and_half_a_line_is_nothing() {
    let main = "error_log stderr info; directory { timeout 300ms; server { listen 127.0.0.1:0; root html; } }";
    let s = Setup::new("", FILES).main(main).start();
    let mut silent = version_1(&s);
    silent.assert_end("without a word");
    s.wait_said("no line from the client for too long");
    // One byte at a time: each byte is in time, but the line is not.
    let mut slow = version_1(&s);
    let ended = (0..900).any(|_| {
        let refused = slow.client.try_send(b"x").is_err();
        let heard = slow.client.read_some(&mut [0], Duration::from_millis(20));
        refused || heard.is_ok_and(|count| count == 0)
    });
    assert!(ended, "900 bytes of a line that has no end");
}
