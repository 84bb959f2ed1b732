//! Operations of an administrator on a running server, and their failures.

mod harness;

use harness::process::{Process, free_port, program, said, webserv};
use harness::{CONNECTIONS, Client, Server, Setup, configuration, each, host, noise, wait_for, wait_refused};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const MAIN: &str = "error_log stderr notice;";
const WORKERS: [&str; 2] = [MAIN, "worker_processes 2; error_log stderr notice;"];
/// More than the kernel's socket buffers hold, so that the download takes time.
const BIG: usize = 16 << 20;

/// Connects until the worker with this number accepts; the server must log at level debug.
fn client_of(s: &Server, worker: usize) -> Client {
    wait_for("a connection to this worker", || {
        let client = s.connect();
        let accepted = format!("accepted 127.0.0.1:{} ", client.local_port());
        let by = wait_for("its acceptance", || {
            let said = s.said();
            Some(said.lines().find(|line| line.contains(&accepted))?.contains(&format!(" w{worker} ")))
        });
        by.then_some(client)
    })
}

/// Two workers; the second one has a client that reads `/big` slowly.
fn with_a_slow_client_of_the_second_worker() -> (Server, Client) {
    let main = "worker_processes 2; error_log stderr debug;";
    let s = Setup::new(&host(""), &[("big", &noise(BIG, 1))]).main(main).start();
    let mut client = client_of(&s, 1);
    client.send_get("/big");
    client.wait_some();
    (s, client)
}

#[test]
fn sigterm_after_sigquit_was_not_heard_once_the_first_worker_was_idle() {
    for signal in ["TERM", "INT"] {
        let (mut s, _client) = with_a_slow_client_of_the_second_worker();
        s.process.signal("QUIT");
        wait_refused(&s);
        assert_eq!(s.process.exit_within(Duration::ZERO), None, "the download is still open");
        s.process.signal(signal);
        assert!(s.process.exit().success(), "{signal}: {}", s.said());
    }
}

#[test]
fn the_last_worker_to_finish_ends_the_server() {
    let (mut s, mut client) = with_a_slow_client_of_the_second_worker();
    s.process.signal("QUIT");
    wait_refused(&s);
    let response = client.response().expect(200, "/big");
    assert!(response.body == noise(BIG, 1), "{response}");
    assert!(s.process.exit().success());
    assert!(!s.said().contains("worker 1 has ended"), "it is no surprise: {}", s.said());
}

#[test]
fn a_wildcard_address_and_a_specific_one_of_the_same_port_did_not_start() {
    for main in WORKERS {
        let port = free_port();
        let wild = format!("server {{ listen {port}; return 200 wild; }}");
        let specific = format!("server {{ listen 127.0.0.1:{port}; return 200 specific; }}");
        for http in [wild.clone() + &specific, specific + &wild] {
            let _s = Setup::new(&http, &[]).main(main).start();
            let ask = |ip: &str| Client::connect(&format!("{ip}:{port}")).get("/").text();
            assert_eq!((ask("127.0.0.1"), ask("127.0.0.2")), ("specific".into(), "wild".into()), "{http}");
        }
        // With a shared port, it is still noticed that another program listens.
        let other = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let setup = Setup::new(&(wild + &format!("server {{ listen 127.0.0.1:{port}; }}")), &[]).main(main);
        setup.write("webserv.conf", setup.config().as_bytes());
        let refused = webserv(setup.dir.path(), &[]);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(said(&refused).contains("another program listens there"), "{}", said(&refused));
        drop(other);
    }
}

#[test]
fn reuseport_did_not_let_a_second_process_listen() {
    let port = free_port();
    let one = |name: &str, option: &str| {
        let http = format!("server {{ listen 127.0.0.1:{port} {option}; return 200 {name}; }}");
        Setup::new(&http, &[]).main(MAIN)
    };
    let _a = one("a", "reuseport").start();
    let _b = one("b", "reuseport").start();
    let ask = || Client::connect(&format!("127.0.0.1:{port}")).get("/").text();
    for name in ["a", "b"] {
        wait_for("an answer of each process", || (ask() == name).then_some(()));
    }
    // Without `reuseport`, both refuse to share.
    let c = one("c", "");
    c.write("webserv.conf", c.config().as_bytes());
    let refused = webserv(c.dir.path(), &[]);
    assert!(said(&refused).contains("another program listens there"), "{}", said(&refused));
}

/// The number of sockets of this port that listen.
fn listening(port: u16) -> usize {
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let address = format!("0100007F:{port:04X} 00000000:0000 0A ");
    sockets.lines().filter(|line| line.contains(&address)).count()
}

/// As on systems whose SO_REUSEPORT gives all connections to one socket: only one worker had clients there.
#[test]
fn with_one_socket_for_all_workers_each_of_them_accepts() {
    let main = "worker_processes 2; error_log stderr debug;";
    for (option, sockets) in [("", 2), ("reuseport=off", 1)] {
        let http = format!("server {{ listen 127.0.0.1:0 {option}; return 200 ok; }}");
        let s = Setup::new(&http, &[]).main(main).connections(8).start();
        assert_eq!(listening(s.port()), sockets, "{option}");
        if sockets == 2 {
            continue;
        }
        // Twice as many as one worker takes, and none of them idle.
        let begin = |_| {
            let mut client = s.connect();
            client.send("GET / HTTP/1.1\r\nHost: a\r\n"); // an idle one would be closed for the next one
            client
        };
        let clients: Vec<Client> = (0..16).map(begin).collect();
        for worker in ["w0", "w1"] {
            wait_for(worker, || {
                let said = s.said();
                let accepted = said.lines().filter(|line| line.contains("accepted 127.0.0.1:"));
                (accepted.filter(|line| line.contains(&format!(" {worker} "))).count() >= 8).then_some(())
            });
        }
        for mut client in clients {
            client.send("\r\n");
            client.response().expect(200, "/");
        }
        for _ in 0..50 {
            s.connect().get("/").expect(200, "/"); // both workers are woken, and one comes too late
        }
        let said = s.said();
        assert!(!said.contains("[error]") && !said.contains("[crit]"), "{said}");
    }
}

#[test]
fn another_user_with_two_workers_could_not_open_the_logs() {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return println!("skipped: only root can become another user");
    }
    let http = format!("access_log logs/access.log combined buffer=1;\n{}", host("return 200 ok;"));
    let main = "user nobody; worker_processes 2; error_log logs/error.log notice;";
    let mut s = Setup::new(&http, &[]).main(main).start();
    let has = |name: &str, text: &str| s.text(name).contains(text).then_some(());
    let nobody = std::fs::metadata(format!("/proc/{}", s.process.serving_pid())).unwrap().uid();
    assert_ne!(nobody, 0, "the server is root still");
    for name in ["logs/access.log", "logs/error.log"] {
        assert_eq!(std::fs::metadata(s.path(name)).unwrap().uid(), nobody, "{name} has another owner");
    }
    s.get("/before");
    wait_for("a line", || has("logs/access.log", "/before"));
    // As logrotate does: the new file exists, with the right owner, before the signal.
    std::fs::rename(s.path("logs/access.log"), s.path("logs/access.log.1")).unwrap();
    s.write("logs/access.log", b"");
    std::os::unix::fs::chown(s.path("logs/access.log"), Some(nobody), None).unwrap();
    for (signal, target) in [("USR1", "/reopened"), ("HUP", "/reloaded")] {
        s.process.signal(signal);
        wait_for(target, || {
            s.get(target);
            has("logs/access.log", target)
        });
    }
    s.process.signal("TERM");
    assert!(s.process.exit().success());
    assert!(!s.path("webserv.pid").exists(), "the pid file is left");
}

#[test]
fn an_old_server_removed_the_pid_file_and_socket_of_the_new_one() {
    for main in WORKERS {
        let setup = Setup::new("", &[("big", &noise(BIG, 1)), ("ok.txt", b"ok")]).main(main);
        let socket = setup.path("s.sock");
        let address = format!("unix:{}", socket.display());
        let config = configuration(main, CONNECTIONS, &format!("server {{ listen {address}; }}"));
        setup.write("webserv.conf", config.as_bytes());
        let dir = setup.dir.path();
        let arguments = ["-p", dir.to_str().unwrap(), "-c", "webserv.conf"].map(String::from);
        let pid_is = |process: &Process| {
            let text = std::fs::read_to_string(setup.path("webserv.pid")).ok()?;
            (text == format!("{}\n", process.pid())).then_some(())
        };
        let start = || {
            let process = Process::start(&arguments, dir, None);
            wait_for("the pid file", || pid_is(&process));
            process
        };
        let mut old = start();
        let mut download = Client::connect(&address);
        download.send_get("/big");
        download.wait_some();
        old.signal("QUIT");
        wait_for("the old socket gone", || (!socket.exists()).then_some(()));
        let mut new = start();
        download.response().expect(200, "/big");
        assert!(old.exit().success(), "{}", old.stderr());
        assert!(pid_is(&new).is_some(), "{main}: the pid file is gone");
        assert_eq!(Client::connect(&address).get("/ok.txt").text(), "ok");
        new.signal("TERM");
        assert!(new.exit().success());
        assert!(!socket.exists() && !setup.path("webserv.pid").exists(), "{main}: something is left");
    }
}

/// Kills the daemon with the pid in this file if the test fails before it does so.
struct Daemon<'a>(&'a Path);

impl Daemon<'_> {
    fn pid(&self) -> Option<u32> {
        std::fs::read_to_string(self.0).ok()?.trim().parse().ok()
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = Command::new("sh").args(["-c", &format!("kill -KILL {pid}")]).status();
        }
    }
}

/// True if the process has ended. In a container it may stay a zombie, since process 1 may not reap it.
fn is_gone(pid: u32) -> Option<()> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    matches!(state, None | Some('Z' | 'X')).then_some(())
}

#[test]
fn a_daemon_is_told_by_name_from_start_to_end() {
    for name in ["stop", "quit"] {
        let main = "daemon on; worker_processes 2; error_log logs/error.log notice;";
        let setup = Setup::new("", &[]);
        let (dir, pid_file, socket) = (setup.dir.path(), setup.path("webserv.pid"), setup.path("s.sock"));
        let address = format!("unix:{}", socket.display());
        let with = |text: &str| format!("server {{ listen {address}; return 200 {text}; }}");
        setup.write("webserv.conf", configuration(main, CONNECTIONS, &with("one")).as_bytes());
        let daemon = Daemon(&pid_file);
        let started = webserv(dir, &[]);
        assert_eq!((started.status.code(), said(&started).as_str()), (Some(0), ""));
        // It accepts connections when the command has ended.
        let pid = daemon.pid().expect("the pid file is there");
        assert_eq!(Client::connect(&address).get("/").text(), "one");
        let second = webserv(dir, &[]);
        assert_eq!(second.status.code(), Some(1), "a second one: {}", said(&second));
        assert!(said(&second).contains("Address already in use"), "{}", said(&second));
        assert_eq!(daemon.pid(), Some(pid), "the second one has left the pid file alone");
        setup.write("webserv.conf", configuration(main, CONNECTIONS, &with("two")).as_bytes());
        let tell = |name: &str| {
            let told = webserv(dir, &["-s", name]);
            assert_eq!((told.status.code(), said(&told).as_str()), (Some(0), ""), "-s {name}");
        };
        tell("reload");
        wait_for("the new configuration", || (Client::connect(&address).get("/").text() == "two").then_some(()));
        std::fs::rename(setup.path("logs/error.log"), setup.path("logs/error.log.1")).unwrap();
        tell("reopen");
        wait_for("the new log", || setup.path("logs/error.log").exists().then_some(()));
        tell(name);
        wait_for("its end", || is_gone(pid));
        assert!(!pid_file.exists() && !socket.exists(), "-s {name}: something is left");
        assert_eq!(webserv(dir, &["-s", name]).status.code(), Some(1), "nobody is there to be told");
    }
}

#[test]
fn a_daemon_that_could_not_start_exited_with_0_and_said_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("listen {};", taken.local_addr().unwrap());
    let rows = [
        ("pid /nonexistent/x;", "listen 127.0.0.1:0;", "/nonexistent/x"),
        ("user no-such-user;", "listen 127.0.0.1:0;", "no-such-user"),
        ("error_log absent/error.log;", "listen 127.0.0.1:0;", "absent/error.log"),
        ("", "listen 127.0.0.1:0; access_log absent/access.log;", "absent/access.log"),
        ("", &taken, "Address already in use"),
    ];
    each(rows, |(main, body, told)| {
        let setup = Setup::new("", &[]);
        let config = format!("daemon on; {main} events {{}} http {{ server {{ {body} }} }}");
        setup.write("webserv.conf", config.as_bytes());
        let output = webserv(setup.dir.path(), &[]);
        assert_eq!(output.status.code(), Some(1), "{config}: {}", said(&output));
        assert!(said(&output).contains(told), "{config}: {}", said(&output));
    });
}

#[test]
fn a_server_without_a_name_was_named_in_the_log_all_the_same() {
    let s = Setup::new(&host(""), &[]).start();
    s.get("/absent-file").expect(404, "/absent-file");
    s.wait_said("absent-file");
    s.wait_said(", client: 127.0.0.1, request: \"GET /absent-file HTTP/1.1\"");
}

#[test]
fn a_log_on_a_full_disk_does_not_stop_the_server() {
    for buffer in ["buffer=1", "buffer=4k flush=1ms"] {
        let logs = format!("access_log /dev/full combined {buffer}; error_log /dev/full info;\n");
        let mut s = Setup::new(&(logs + &host("")), &[("ok.txt", b"ok")]).start();
        let mut kept = s.connect();
        for signal in ["USR1", "HUP"] {
            for _ in 0..20 {
                kept.get("/ok.txt").expect(200, "/ok.txt");
                kept.get("/absent").expect(404, "/absent");
            }
            s.process.signal(signal);
            s.wait_said(signal);
            s.assert_alive(signal);
        }
        s.process.signal("TERM");
        assert!(s.process.exit().success());
    }
}

#[test]
fn a_log_that_nobody_reads_does_not_stop_the_server() {
    let setup = Setup::new("", &[("ok.txt", b"ok")]);
    let http = format!("access_log stderr combined buffer=1; {}", host(""));
    setup.write("webserv.conf", configuration("error_log stderr info;", CONNECTIONS, &http).as_bytes());
    let dir = setup.dir.path().to_str().unwrap();
    let mut command = Command::new(program());
    command.args(["-p", dir, "-c", "webserv.conf"]).current_dir(dir).stderr(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut said = BufReader::new(server.stderr.take().unwrap()).lines();
    let listening = said.find_map(|line| line.unwrap().split("listening on ").nth(1).map(String::from));
    let address = listening.unwrap().split(' ').next().unwrap().to_owned();
    drop(said); // writes fail with EPIPE from now on
    for _ in 0..20 {
        let mut client = Client::connect(&address);
        client.get("/absent").expect(404, "/absent");
        client.get("/ok.txt").expect(200, "/ok.txt");
    }
    Command::new("sh").args(["-c", &format!("kill -TERM {}", server.id())]).status().unwrap();
    let status = wait_for("its end", || server.try_wait().unwrap());
    assert!(status.success(), "{status}");
}

#[test]
fn output_that_nobody_reads_is_no_panic() {
    let setup = Setup::new("", &[]);
    for arguments in [&["-h"][..], &["-V"], &["-T"], &["-c", "/nonexistent"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(program());
        command.args(arguments).current_dir(setup.dir.path());
        let command = command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let code = command.status().unwrap().code();
        assert_eq!(code, Some(i32::from(arguments[0] == "-c")), "{arguments:?}");
    }
}
