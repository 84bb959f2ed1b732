//! Reloads: what changes, what cannot change, and what stays if the reload fails.

mod harness;

use harness::process::{free_port, said, webserv};
use harness::{CONNECTIONS, Client, Setup, configuration, host, noise, site, wait_for, wait_refused};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const MAIN: &str = "error_log stderr notice;";
const WORKERS: [&str; 2] = [MAIN, "worker_processes 2; error_log stderr notice;"];
/// More than the kernel's socket buffers hold, so that the download takes time.
const BIG: usize = 16 << 20;

/// How many sockets listen on a port, as the kernel has it (proc_net_tcp(5)).
fn listeners(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let listens = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[1].ends_with(&format!(":{port:04X}")) && fields[3] == "0A"
    };
    table.lines().skip(1).filter(listens).count()
}

#[test]
fn a_reload_from_a_wildcard_to_a_specific_address_was_refused() {
    for main in WORKERS {
        let port = free_port();
        let on = |address: &str| format!("server {{ listen {address}; return 200 {address}; }}");
        let (wild, specific) = (port.to_string(), format!("127.0.0.1:{port}"));
        let s = Setup::new(&on(&wild), &[]).main(main).start();
        // From the wildcard to the address, to both, and back. A listener that closes resets connections that it has
        // not accepted: so wait until the kernel has only the sockets of the new configuration.
        for addresses in [vec![&specific], vec![&specific, &wild], vec![&wild]] {
            let http: String = addresses.iter().map(|address| on(address)).collect();
            s.rewrite(main, &http);
            let before = s.said().len();
            s.process.signal("HUP");
            wait_for("the reload", || s.said()[before..].contains("is in use").then_some(()));
            let workers = if main == MAIN { 1 } else { 2 };
            let all_closed = || (listeners(port) == addresses.len() * workers).then_some(());
            wait_for("the old listeners closed", all_closed);
            let ask = || Client::try_connect(&specific).ok().map(|mut client| client.get("/").text());
            assert_eq!(wait_for("a listener", ask), *addresses[0]);
            let elsewhere = || Client::try_connect(&format!("127.0.0.2:{port}")).is_ok();
            assert_eq!(elsewhere(), addresses.contains(&&wild), "{addresses:?}");
        }
        assert!(!s.said().contains("cannot listen"), "{}", s.said());
    }
}

#[test]
fn a_reload_whose_log_could_not_be_opened_was_in_force_all_the_same() {
    let with = |log: &str, text: &str| format!("{log}\n{}", host(&format!("return 200 {text};")));
    for main in WORKERS {
        let s = Setup::new(&with("access_log logs/a.log combined buffer=1;", "old"), &[]).main(main).start();
        for log in ["access_log", "error_log"] {
            let before = s.said().len();
            let more = "server { listen 127.0.0.3:0; }";
            s.rewrite(main, &(with(&format!("{log} absent/x.log;"), "new") + more));
            s.process.signal("HUP");
            let refused = || s.said()[before..].contains("the old configuration stays in use").then_some(());
            wait_for("the refusal", refused);
            let now = s.said()[before..].to_owned();
            assert!(now.contains("absent/x.log") && !now.contains("127.0.0.3"), "{now}");
            assert_eq!(s.get(&format!("/{log}")).text(), "old");
            let line = format!("GET /{log} ");
            wait_for("a line in the old log", || s.text("logs/a.log").contains(&line).then_some(()));
        }
    }
}

#[test]
fn a_request_from_before_a_reload_was_logged_elsewhere() {
    let with = |logs: &str| format!("{logs}\n{}", host(""));
    let log = |name: &str| format!("access_log logs/{name}.log combined buffer=1;");
    for main in WORKERS {
        let files: &[(&str, &[u8])] = &[("big", &noise(BIG, 1)), ("ok.txt", b"ok")];
        let s = Setup::new(&with(&(log("a") + &log("b"))), files).main(main).start();
        let mut download = s.connect();
        download.send_get("/big");
        download.wait_some();
        s.rewrite(main, &with(&(log("b") + &log("c"))));
        s.process.signal("HUP");
        wait_for("the new configuration", || {
            s.get("/ok.txt");
            s.text("logs/c.log").contains("/ok.txt").then_some(())
        });
        download.response().expect(200, "/big");
        for name in ["a", "b"] {
            wait_for(name, || s.text(&format!("logs/{name}.log")).contains("GET /big ").then_some(()));
        }
        assert!(!s.text("logs/c.log").contains("/big"), "{main}: {}", s.text("logs/c.log"));
    }
}

#[test]
fn a_half_written_configuration_took_the_site_down() {
    for main in WORKERS {
        let s = Setup::new(&host("return 200 ok;"), &[]).main(main).start();
        for text in ["", "error_log stderr notice;\n", "http { }\n"] {
            let before = s.said().len();
            s.write("webserv.conf", text.as_bytes());
            s.process.signal("HUP");
            wait_for("the refusal", || s.said()[before..].contains("it has no server").then_some(()));
            assert_eq!(s.get("/").text(), "ok");
        }
        s.write("webserv.conf", b"");
        let new = webserv(s.dir.path(), &[]);
        assert_eq!(new.status.code(), Some(1), "{}", said(&new));
    }
}

#[test]
fn the_sockets_of_a_reload_were_left_behind() {
    for main in WORKERS {
        let mut s = site("return 200 ok;", &[]);
        let (first, second) = (s.path("1.sock"), s.path("2.sock"));
        let on = |path: &Path| host("return 200 ok;") + &format!("server {{ listen unix:{}; }}", path.display());
        for (here, gone) in [(&first, &second), (&second, &first)] {
            s.rewrite(main, &on(here));
            s.process.signal("HUP");
            wait_for("the sockets changed", || (here.exists() && !gone.exists()).then_some(()));
        }
        let mode = std::fs::metadata(&second).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o666, "a server in front, of another user, could not connect");
        s.process.signal("TERM");
        assert!(s.process.exit().success());
        assert!(!second.exists(), "{main}: a socket is left");
    }
}

#[test]
fn sighup_opened_new_listeners_while_draining() {
    for main in WORKERS {
        let mut s = Setup::new(&host(""), &[("big", &noise(BIG, 1))]).main(main).start();
        let mut download = s.connect();
        download.send_get("/big");
        download.wait_some();
        s.process.signal("QUIT");
        wait_refused(&s);
        s.rewrite(main, &(host("") + "server { listen 127.0.0.4:0; }"));
        s.process.signal("HUP");
        s.wait_said("not reloaded");
        download.response().expect(200, "/big");
        assert!(s.process.exit().success());
        assert!(!s.said().contains("127.0.0.4"), "{}", s.said());
    }
}

#[test]
fn a_reload_did_not_say_what_it_cannot_change() {
    let on = |option: &str| format!("server {{ listen [::1]:0 {option}; return 200 ok; }}");
    let s = Setup::new(&on(""), &[]).main(MAIN).start();
    let main = "worker_processes 2; user nobody; daemon on; error_log stderr notice;";
    let text = configuration(main, CONNECTIONS, &on("ipv6only=off backlog=7")).replace("webserv.pid", "other.pid");
    s.write("webserv.conf", text.replace("events {", "events { try_first off;").as_bytes());
    // Several reloads: the comparison is with the configuration at the start, not with the last one.
    for _ in 0..2 {
        let before = s.said().len();
        s.process.signal("HUP");
        wait_for("the end of the reload", || s.said()[before..].contains("is in use").then_some(()));
        for name in ["worker_processes", "user", "daemon", "pid", "try_first", "ipv6only="] {
            let told = format!("\"{name}\"");
            let line = s.said()[before..].lines().find(|line| line.contains(&told)).map(String::from);
            let line = line.unwrap_or_else(|| panic!("nothing of {name}: {}", s.said()));
            assert!(line.contains("[warn]") && line.contains("restart the server"), "{line}");
        }
        assert!(!s.said().contains("backlog"), "it is changed, so there is nothing to be said: {}", s.said());
    }
}
