//! Stop, quit, reload, reopen: no request in progress is lost.

mod harness;

use harness::{Client, PATIENCE, Server, Setup, host, noise, wait_for};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const MAIN: &str = "error_log stderr notice;";
const WORKERS: [&str; 2] = [MAIN, "worker_processes 2; error_log stderr notice;"];
/// More than the kernel's socket buffers hold, so that the download takes time.
const BIG: usize = 16 << 20;

/// A server with `big`, and a client that has started the download and has read its first bytes.
fn downloading(main: &str, http: &str) -> (Server, Client) {
    let s = Setup::new(http, &[("big", &noise(BIG, 1)), ("ok.txt", b"ok")]).main(main).start();
    let mut client = s.connect();
    client.send_get("/big");
    client.wait_some();
    (s, client)
}

#[test]
fn sigterm_and_sigint_stop_at_once() {
    for main in WORKERS {
        for signal in ["TERM", "INT"] {
            // A download and an idle connection are open, and do not delay the end.
            let (mut s, mut download) = downloading(main, &host(""));
            let mut idle = s.connect();
            idle.get("/ok.txt");
            let start = Instant::now();
            s.process.signal(signal);
            let status = s.process.exit();
            assert!(status.success(), "{signal}: {status}");
            assert!(start.elapsed() < Duration::from_secs(10), "{signal} took {:?}", start.elapsed());
            assert!(!s.path("webserv.pid").exists(), "{signal}: the pid file is left");
            idle.assert_closed(signal);
            assert!(download.rest().len() < BIG, "{signal}: the download cannot have been finished");
            assert!(TcpStream::connect(&s.addresses[0]).is_err(), "{signal}: somebody still listens");
        }
    }
}

#[test]
fn signals_without_a_use_ended_the_server_and_left_the_pid_file() {
    for main in WORKERS {
        let mut s = Setup::new(&host("return 200 ok;"), &[]).main(main).start();
        // Names that every shell has, and numbers as on Linux: 16 is SIGSTKFLT, and real-time signals begin at 34.
        for signal in ["USR2", "IO", "ALRM", "VTALRM", "PROF", "PWR", "16", "34", "50", "64", "PIPE", "XFSZ", "CHLD"] {
            if cfg!(target_os = "linux") || ["USR2", "ALRM", "PIPE"].contains(&signal) {
                s.process.signal(signal);
            }
        }
        assert_eq!(s.get("/").text(), "ok");
        s.process.signal("TERM");
        assert!(s.process.exit().success(), "{main}");
        assert!(!s.path("webserv.pid").exists(), "{main}: the pid file is left");
    }
}

#[test]
fn programs_start_with_the_default_action_of_every_signal() {
    if !cfg!(target_os = "linux") {
        return println!("skipped: /proc/self/status shows the signals, and only Linux has it");
    }
    let files = [("state", &b"#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; grep ^Sig /proc/self/status\n"[..])];
    let setup = Setup::new(&host("cgi on;"), &files).main("user nobody; error_log stderr notice;");
    let setup = if is_root() { setup } else { setup.main(MAIN) };
    std::fs::set_permissions(setup.path("html/state"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let s = setup.before("trap '' USR2 ALRM HUP").start();
    s.process.signal("USR2");
    let state = s.get("/state").expect(200, "/state").text();
    for set in ["SigPnd", "SigBlk", "SigIgn"] {
        let line = state.lines().find(|line| line.starts_with(set)).unwrap_or_else(|| panic!("{state}"));
        let signals = u64::from_str_radix(line.rsplit('\t').next().unwrap(), 16).unwrap();
        // The C library uses 32 and 33 and lets nobody change them, so their state is that of the tests.
        assert_eq!(signals & !(0b11 << 31), 0, "{line}");
    }
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

#[test]
fn sigquit_finishes_what_is_open() {
    for main in WORKERS {
        let (mut s, mut download) = downloading(main, &host(""));
        let mut idle = s.connect();
        idle.get("/ok.txt");
        s.process.signal("QUIT");
        wait_for("new connections refused", || TcpStream::connect(&s.addresses[0]).err());
        idle.assert_closed("an idle connection has nothing to finish");
        assert_eq!(s.process.exit_within(Duration::ZERO), None, "the download is still open");
        let response = download.response().expect(200, "/big");
        assert!(response.body == noise(BIG, 1), "{main}: the whole file: {response}");
        download.assert_closed("after the response the connection is not kept");
        assert!(s.process.exit().success());
        assert!(!s.path("webserv.pid").exists(), "the pid file is left");
    }
}

#[test]
fn sigquit_with_nothing_open_ends_at_once() {
    for main in WORKERS {
        let mut s = Setup::new(&host("return 200 ok;"), &[]).main(main).start();
        s.process.signal("QUIT");
        assert!(s.process.exit().success());
    }
}

#[test]
fn reload_brings_the_new_configuration_and_drops_nobody() {
    let with = |text: &str| host(&format!("location = /text {{ return 200 {text}; }}"));
    for main in WORKERS {
        let (s, mut download) = downloading(main, &with("old"));
        let mut kept = s.connect();
        assert_eq!(kept.get("/text").text(), "old");
        s.rewrite(main, &with("new"));
        s.process.signal("HUP");
        wait_for("the new configuration", || (s.get("/text").text() == "new").then_some(()));
        let response = download.response().expect(200, "/big");
        assert!(response.body == noise(BIG, 1), "{main}: the open download: {response}");
        assert_alive_after_reload(&s, &mut kept);
        // Connections are accepted all the time: reload repeatedly while requests are sent.
        for round in 0..5 {
            let text = format!("round{round}");
            s.rewrite(main, &with(&text));
            s.process.signal("HUP");
            wait_for("the next configuration", || {
                let response = s.get("/text").expect(200, "/text");
                (response.text() == text).then_some(())
            });
        }
        assert_eq!(s.addresses.len(), 1);
    }
}

/// A connection from before the reload stays open; nginx closes idle ones, webserv keeps them.
fn assert_alive_after_reload(s: &Server, kept: &mut Client) {
    if std::env::var_os("WEBSERV_TEST_BIN").is_none() {
        assert_eq!(kept.get("/ok.txt").text(), "ok", "a keep-alive connection survives; said: {}", s.said());
    }
}

#[test]
fn a_bad_new_configuration_is_reported_and_the_old_one_goes_on() {
    let s = Setup::new(&host("return 200 old;"), &[]).main(MAIN).start();
    let mut kept = s.connect();
    assert_eq!(kept.get("/").text(), "old");
    let bad = ["lisen 127.0.0.1:0;", "return 200 new; nonsense;", "return 200 new"];
    for body in bad {
        let before = s.said().len();
        s.rewrite(MAIN, &host(body));
        s.process.signal("HUP");
        wait_for("the mistake's place", || s.said()[before..].contains("webserv.conf:").then_some(()));
        assert_eq!(kept.get("/").text(), "old", "with {body:?}");
        assert_eq!(s.get("/").text(), "old", "with {body:?}");
    }
    s.rewrite(MAIN, &host("return 200 good;"));
    s.process.signal("HUP");
    wait_for("the good configuration", || (s.get("/").text() == "good").then_some(()));
}

#[test]
fn reload_opens_and_closes_listeners() {
    let on = |address: &str, text: &str| format!("server {{ listen {address}:0; return 200 {text}; }}\n");
    for main in WORKERS {
        let http = on("127.0.0.1", "one") + &on("127.0.0.2", "two");
        let mut s = Setup::new(&http, &[]).main(main).start();
        assert_eq!(s.addresses.len(), 2, "{:?}", s.addresses);
        let removed = s.addresses[1].clone();
        let mut kept = s.connect_to(1);
        assert_eq!(kept.get("/").text(), "two");
        s.rewrite(main, &(on("127.0.0.1", "one-again") + &on("127.0.0.3", "three")));
        s.process.signal("HUP");
        wait_for("the new configuration", || (s.get("/").text() == "one-again").then_some(()));
        wait_for("the removed listener closed", || TcpStream::connect(&removed).err());
        let mut seen = s.addresses.len();
        let added = wait_for("the added listener", || {
            let all = s.wait_listening(seen);
            seen = all.len();
            all.into_iter().rfind(|address| address.starts_with("127.0.0.3:"))
        });
        assert_eq!(Client::connect(&added).get("/").text(), "three");
    }
}

#[test]
fn sigusr1_reopens_the_logs() {
    let http = format!("access_log logs/access.log combined buffer=4k flush=50ms;\n{}", host("return 200 ok;"));
    for workers in ["", "worker_processes 2;"] {
        let main = format!("{workers} error_log logs/error.log notice;");
        let s = Setup::new(&http, &[]).main(&main).start();
        s.get("/before");
        wait_for("the line of the first request", || s.text("logs/access.log").contains("GET /before ").then_some(()));
        for name in ["access.log", "error.log"] {
            std::fs::rename(s.path(&format!("logs/{name}")), s.path(&format!("logs/{name}.1"))).unwrap();
        }
        s.get("/between");
        let renamed = || s.text("logs/access.log.1").contains("GET /between ").then_some(());
        wait_for("the line in the renamed file", renamed);
        s.process.signal("USR1");
        for name in ["access.log", "error.log"] {
            wait_for(name, || s.path(&format!("logs/{name}")).exists().then_some(()));
        }
        // Each worker reopens its files separately: send requests until the line is in the new file.
        wait_for("a line in the new file", || {
            s.get("/after");
            s.text("logs/access.log").contains("GET /after ").then_some(())
        });
        let old = s.text("logs/access.log.1");
        assert!(old.contains("GET /before ") && old.contains("GET /between "), "{old}");
        assert!(!s.text("logs/access.log").contains("GET /between "), "a line is written once");
    }
}

#[test]
fn signals_in_a_crowd() {
    // Many signals at once may be merged, but none may end the server.
    let s = Setup::new(&host("return 200 ok;"), &[]).main(MAIN).start();
    for _ in 0..10 {
        for signal in ["HUP", "USR1", "HUP"] {
            s.process.signal(signal);
        }
        s.get("/").expect(200, "between signals");
    }
    let mut s = s;
    s.process.signal("QUIT");
    assert!(s.process.exit_within(PATIENCE).is_some_and(|status| status.success()), "{}", s.said());
}
