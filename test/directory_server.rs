//! The directory protocol in the server: together with HTTP, many sessions, reload, quit; and its client.

mod harness;

use harness::lines::Session;
use harness::process::program;
use harness::{Client, Files, PATIENCE, Server, Setup, configuration, each, host, noise, wait_for};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use webserv_sys::process::raise_fd_limit;

/// The password of "guest" is "guest", that of "ann" is "secret".
const GUEST: &str = "guest:$5$abcdefgh$osWA07JwAHeKYaCM2OP806Wc/laToNFtqYGGdRhSew2\n";
const ANN: &str = "ann:$5$1$vueEAED27RXDXui5Slf6moKg90Mvb.kZZHunGxDnhN/\n";
const FILES: Files<'_> = &[("a.txt", b"hello\n"), ("sub/deep.txt", b"deep\n")];

/// A `directory` block with one server with this content.
fn directory(body: &str) -> String {
    format!("error_log stderr notice; directory {{ server {{ listen 127.0.0.1:0; {body} }} }}")
}

fn server(body: &str, files: Files<'_>) -> Server {
    Setup::new("", files).main(&directory(body)).start()
}

fn version_1(s: &Server) -> Session {
    let mut session = Session::connect(&s.addresses[0]);
    session.expect(&[("VERSION 1", "VERSION 1")]);
    session
}

#[test]
fn a_thousand_sessions_at_once_each_in_its_own_directory() {
    raise_fd_limit(4000).expect("a test of 1,000 connections needs as many descriptors");
    let main = directory("root html; timeout 300s;");
    let setup = Setup::new("", &[]).main(&main).connections(1100);
    let names: Vec<String> = (0..1000).map(|i| format!("d{}", i % 97)).collect();
    names.iter().for_each(|name| setup.write(&format!("html/{name}/of-{name}"), name.as_bytes()));
    let s = setup.start();
    let mut sessions: Vec<Session> = names.iter().map(|_| version_1(&s)).collect();
    for (session, name) in sessions.iter_mut().zip(&names) {
        session.send(&format!("CD {name}\r\nPWD\r\nDIR\r\nGET of-{name}"));
    }
    for (session, name) in sessions.iter_mut().zip(&names) {
        assert_eq!((session.line(), session.line()), ("SUCCEEDED".into(), format!("/{name}")));
        assert_eq!((session.line(), session.list()), ("1".into(), vec![format!("of-{name}")]));
        assert_eq!((session.line(), session.bytes(name.len())), (name.len().to_string(), name.as_bytes().to_vec()));
    }
    // All sessions are still open, and have only their sockets open.
    for (session, name) in sessions.iter_mut().zip(&names).rev() {
        session.expect(&[("PWD", &format!("/{name}"))]);
    }
    assert!(s.process.open_fds() < 1050, "{} descriptors", s.process.open_fds());
}

#[test]
fn both_protocols_in_one_process_with_two_workers() {
    let main = "worker_processes 2; error_log stderr info; directory { server { listen 127.0.0.1:0; root html; } }";
    let site = "server { listen 127.0.0.2:0; root html; }";
    let s = Setup::new(site, FILES).main(main).start();
    let mut workers = HashSet::new();
    wait_for("sessions in both workers", || {
        let mut session = version_1(&s);
        session.expect(&[("CD sub", "SUCCEEDED"), ("GET deep.txt", "5")]);
        assert_eq!(session.bytes(5), b"deep\n");
        let mut client = s.connect_to(1);
        assert_eq!(client.get("/a.txt").body, b"hello\n");
        assert_eq!(client.get("/sub/deep.txt").body, b"deep\n");
        let said = s.said();
        let lines = said.lines().filter(|line| line.contains("Directory answered"));
        workers.extend(lines.filter_map(|line| line.split(" w").nth(1)?.chars().next()));
        (workers.len() == 2).then_some(())
    });
    // Each protocol treats requests of the other as errors.
    let mut client = s.connect_to(0);
    client.send("GET /a.txt HTTP/1.1\r\n\r\n");
    client.half_close();
    assert!(client.rest().starts_with(b"ERROR version 0 has no such verb"));
    let mut client = s.connect_to(1);
    client.send("VERSION 1\r\n\r\n");
    assert_eq!(client.response().status, 400);
}

#[test]
fn a_reload_leaves_open_sessions_where_they_are() {
    let s = Setup::new("", &[("old.txt", b"old")]).main(&directory("root html; users users;"));
    s.write("users", (GUEST.to_owned() + ANN).as_bytes());
    s.write("new/new.txt", b"newer");
    let s = s.start();
    let (mut inside, mut outside) = (version_1(&s), version_1(&s));
    inside.expect(&[("LOGIN ann secret", "SUCCEEDED"), ("GET old.txt", "3")]);
    assert_eq!(inside.bytes(3), b"old");

    s.write("users", GUEST.as_bytes());
    let main = directory("root new; users users;");
    s.write("webserv.conf", configuration(&main, 100, "").as_bytes());
    s.process.signal("HUP");
    let fresh = || {
        let mut session = version_1(&s);
        session.expect(&[("LOGIN guest guest", "SUCCEEDED")]);
        (session.ask("GET new.txt") == "5").then_some(session)
    };
    let mut fresh = wait_for("the new configuration", fresh);
    assert_eq!(fresh.bytes(5), b"newer");
    // A session that is logged in stays so, with its old root; a new login reads the new file.
    inside.expect(&[("GET new.txt", "ERROR"), ("GET old.txt", "3")]);
    assert_eq!(inside.bytes(3), b"old");
    inside.send("LOGOUT");
    inside.expect(&[("LOGIN ann secret", "FAILED"), ("LOGIN guest guest", "SUCCEEDED"), ("GET new.txt", "5")]);
    outside.expect(&[("LOGIN ann secret", "FAILED"), ("LOGIN guest guest", "SUCCEEDED"), ("GET new.txt", "5")]);

    // A reload with an error changes nothing.
    s.write("users", b"guest:guest\n");
    s.process.signal("HUP");
    s.wait_said("the password's hash is not right");
    fresh.expect(&[("PWD", "/")]);
    version_1(&s).expect(&[("LOGIN guest guest", "SUCCEEDED")]);
}

#[test]
fn a_graceful_end_finishes_answers_and_closes_idle_sessions() {
    let big = noise(16 << 20, 3);
    let mut s = server("root html;", &[("big", &big)]);
    let names: Vec<String> = (0..2000).map(|i| format!("{i:04}-{}", "x".repeat(200))).collect();
    names.iter().for_each(|name| s.write(&format!("html/many/{name}"), b""));
    let (mut idle, mut busy, mut lister) = (version_1(&s), version_1(&s), version_1(&s));
    busy.send(&"GET big\r\n".repeat(5));
    assert_eq!(busy.line(), big.len().to_string());
    assert!(busy.bytes(1000) == big[..1000]);
    // 25 MB of lists: one of them is being sent.
    lister.expect(&[("CD many", "SUCCEEDED")]);
    lister.send(&"DIR\r\n".repeat(60));
    assert!(lister.line() == "2000" && lister.list() == names);
    s.process.signal("QUIT");
    idle.assert_end("at the prompt");
    // The server finishes the current answers. It also processes lines whose answers are already buffered, but no
    // others.
    assert!(busy.bytes(big.len() - 1000) == big[1000..], "the answer is finished");
    let mut whole = 1;
    while let Some(line) = busy.next_line() {
        assert_eq!(line, big.len().to_string());
        assert!(busy.bytes(big.len()) == big, "answer {whole}");
        whole += 1;
    }
    assert!(whole < 5, "all are answered");
    let mut whole = 1;
    while let Some(line) = lister.next_line() {
        assert!(line == "2000" && lister.list() == names, "list {whole}");
        whole += 1;
    }
    assert!(whole < 60, "all lists are written");
    drop(lister);
    drop((idle, busy));
    assert!(s.process.exit().success());
}

#[test]
fn idle_sessions_make_room_for_new_clients() {
    let s = Setup::new("", FILES).main(&directory("root html;")).connections(3).start();
    let mut idle: Vec<Session> = (0..3).map(|_| version_1(&s)).collect();
    version_1(&s).expect(&[("PWD", "/")]);
    idle.remove(0).assert_end("the one that was idle for longest");
    idle.iter_mut().for_each(|session| session.expect(&[("PWD", "/")]));
}

#[test]
fn a_long_list_comes_piece_by_piece() {
    let s = server("root html;", &[]);
    let names: Vec<String> = (0..4000).map(|i| format!("{i:04}-{}", "x".repeat(100))).collect();
    names.iter().for_each(|name| s.write(&format!("html/{name}"), b""));
    let mut session = version_1(&s);
    session.send("DIR\r\nPWD\r\nDIR");
    assert!(session.line() == "4000" && session.list() == names);
    assert_eq!(session.line(), "/");
    assert!(session.line() == "4000" && session.list() == names);
}

/// Runs `webserv dir HOST` in a directory, with these commands.
fn client(host: &str, dir: &Path, commands: &str) -> Output {
    let mut command = Command::new(program());
    command.args(["dir", host]).current_dir(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The client may end before it has read all of them.
    let _ = child.stdin.take().unwrap().write_all(commands.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn the_client_works_in_a_pipe() {
    let setup = Setup::new("", FILES).main(
        "error_log stderr notice; directory { root html; server { listen 127.0.0.1:0; }
         server { listen 127.0.0.2:0; users users; } }",
    );
    setup.write("users", GUEST.as_bytes());
    let s = setup.start();
    s.write("here/kept.txt", b"mine");
    let here = s.path("here");
    let copy_and_keep = "get a.txt\nget sub/deep.txt\nget a.txt > kept.txt\n";
    let rows: &[(usize, &str, &str, &str)] = &[
        (0, "dir\nquit\ndir\n", "sub\na.txt\n", ""),
        (0, "DIR\ncd sub\npwd\ndir\ncd ..\npwd", "sub\na.txt\n/sub\ndeep.txt\n/\n", ""),
        (0, "\n  get   a.txt  >  -\n", "hello\n", ""),
        (0, "cd nothing\n", "", "there is no such directory"),
        (0, "get nothing\npwd\n", "/\n", "1 of 2 commands failed"),
        (0, "fetch a.txt\n", "", "\"fetch a.txt\" is no command"),
        (0, copy_and_keep, "", "cannot create the file kept.txt"),
        (1, "dir\n", "", "ERROR say LOGIN first"),
        (1, "login guest guest\npwd\nlogout\npwd\n", "/\n", "ERROR say LOGIN first"),
        (1, "login guest wrong\n", "", "no such user with this password"),
        (1, "login guest\n", "", "\"login guest\" is no command"),
    ];
    each(rows, |(listener, commands, shown, complaint)| {
        let output = client(&s.addresses[*listener], &here, commands);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout), *shown, "{said}");
        assert_eq!(output.status.success(), complaint.is_empty(), "{said}");
        assert!(said.contains(complaint), "{said}");
    });
    assert_eq!((s.text("here/a.txt"), s.text("here/deep.txt")), ("hello\n".to_owned(), "deep\n".to_owned()));
    assert_eq!(s.text("here/kept.txt"), "mine");
    let output = client(&s.addresses[0], &here, "get a.txt > second.txt\n");
    let saved = format!("saved a.txt as {} (6 bytes)", here.join("second.txt").display());
    assert!(String::from_utf8_lossy(&output.stderr).contains(&saved), "{output:?}");
    let output = client("127.0.0.1:1", &here, "");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot connect to 127.0.0.1 port 1"), "{output:?}");
}

/// The client on a terminal, which script(1) provides.
struct OnTerminal {
    script: std::process::Child,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl OnTerminal {
    fn start(host: &str, dir: &Path) -> Self {
        let mut command = Command::new("script");
        command.args(["-qec", &format!("{} dir {host}", program()), "/dev/null"]).current_dir(dir);
        let mut script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut from, shown) = (script.stdout.take().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let to = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = from.read(&mut piece) {
                to.lock().unwrap().extend_from_slice(&piece[..n]);
            }
        });
        Self { script, shown }
    }

    /// Waits until the screen ends with this text, and types a line.
    fn answer(&mut self, prompt: &str, line: &str) {
        wait_for(prompt, || self.screen().ends_with(prompt).then_some(()));
        self.script.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).replace('\r', "")
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "script(1) has other options there")]
fn on_a_terminal_the_password_was_shown_and_folders_looked_like_files() {
    let setup = Setup::new("", FILES).main(&directory("root html; users users;"));
    setup.write("users", GUEST.as_bytes());
    let s = setup.start();
    s.write("here/kept.txt", b"mine");
    let (host, here) = (&s.addresses[0], s.path("here").canonicalize().unwrap());
    let mut terminal = OnTerminal::start(host, &here);
    terminal.answer(&format!("{host}> "), "login guest");
    terminal.answer("password of guest: ", "guest");
    terminal.answer(&format!("{host}:/> "), "dir");
    terminal.answer(&format!("a.txt\n{host}:/> "), "cd sub");
    terminal.answer(&format!("{host}:/sub> "), "get deep.txt");
    terminal.answer(&format!("bytes)\n{host}:/sub> "), "get deep.txt > kept.txt");
    terminal.answer(&format!("FILE\n{host}:/sub> "), "quit");
    let status = wait_for("its end", || terminal.script.try_wait().unwrap());
    let screen = terminal.screen();
    assert!(status.success(), "{status}: {screen}");
    assert!(screen.contains(&format!("password of guest: \n{host}:/> dir\nsub/\na.txt\n{host}:/> ")), "{screen}");
    let saved = format!("saved deep.txt as {}/deep.txt (5 bytes)", here.display());
    assert!(screen.contains(&saved) && screen.contains("cannot create the file kept.txt"), "{screen}");
    assert_eq!(s.text("here/deep.txt"), "deep\n");
}

/// A fake server that answers each line with the next of these texts, and then closes.
fn play(answers: &'static [&'static str]) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let thread = std::thread::spawn(move || {
        let stream = listener.accept().unwrap().0;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut reader = BufReader::new(stream);
        let mut heard = Vec::new();
        for answer in answers {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            heard.push(line.trim_end().to_owned());
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
        }
        heard
    });
    (address, thread)
}

#[test]
fn the_client_speaks_version_0_to_who_knows_no_other_and_trusts_nobody() {
    let dir = harness::TempDir::new();
    let (address, thread) = play(&["ERROR\r\n", "a\r\nb\r\n\r\n", "OK\r\n", "/sub\r\n"]);
    let output = client(&address, dir.path(), "dir\ncd sub\npwd\n");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a\nb\n/sub\n");
    assert_eq!(thread.join().unwrap(), ["VERSION 1", "DIR", "CD sub", "PWD"]);

    let rows: &[(&'static [&'static str], &str, &str, &str)] = &[
        (&["VERSION 1\r\n", "1\r\n\x1b[2Jx\r\n\r\n"], "dir\n", "?[2Jx\n", ""),
        (&["VERSION 1\r\n", "many\r\n"], "dir\n", "", "instead of a number"),
        (&["VERSION 1\r\n", "10\r\nabc"], "get x\n", "", "closed the connection after 3 of 10 bytes"),
        (&["VERSION 1\r\n", "10"], "get x\n", "", "the server has closed the connection"),
        (&[""], "dir\n", "", "the server has closed the connection"),
    ];
    for (answers, commands, shown, complaint) in rows {
        let (address, thread) = play(answers);
        let output = client(&address, dir.path(), commands);
        thread.join().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), *shown);
        assert!(String::from_utf8_lossy(&output.stderr).contains(complaint), "{output:?}");
        assert!(!dir.path().join("x").exists(), "a part of a file is left");
    }
    let long: &'static str = Box::leak("x".repeat(100_000).into_boxed_str());
    let (address, thread) = play(Box::leak(Box::new([long])));
    let output = client(&address, dir.path(), "");
    assert!(String::from_utf8_lossy(&output.stderr).contains("the server's line has no end"), "{output:?}");
    drop(thread.join());
}

#[test]
fn http_goes_on_while_passwords_are_checked() {
    let s = Setup::new(&host("").replace("127.0.0.1", "127.0.0.2"), &[("ok.txt", b"ok")]);
    s.write("users", GUEST.as_bytes());
    let s = s.main(&directory("root html; users users;")).start();
    let mut sessions: Vec<Session> = (0..20).map(|_| version_1(&s)).collect();
    sessions.iter_mut().for_each(|session| session.send("LOGIN guest guest\r\nPWD"));
    let mut client: Client = s.connect_to(1);
    for _ in 0..20 {
        assert_eq!(client.get("/ok.txt").body, b"ok");
    }
    for session in &mut sessions {
        assert_eq!((session.line(), session.line()), ("SUCCEEDED".into(), "/".into()));
    }
}
