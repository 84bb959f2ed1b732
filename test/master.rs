//! `user`: a master process stays root, and opens what its worker process may not.

mod harness;

use harness::fault::{self, Faults};
use harness::process::{Process, said, webserv};
use harness::{CONNECTIONS, Client, Setup, configuration, host, noise, wait_for, wait_refused};
use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

const MAIN: &str = "user nobody; error_log stderr notice;";
/// More than the kernel's socket buffers hold, so that the download takes time.
const BIG: usize = 16 << 20;

/// True if the tests run as root. Otherwise it says that this one is skipped.
fn is_root() -> bool {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !is_root {
        println!("skipped: only root can become another user");
    }
    is_root
}

fn owner(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).uid()
}

/// The worker process of this master process, which has no other children.
fn worker(master: u32) -> Option<u32> {
    fs::read_to_string(format!("/proc/{master}/task/{master}/children")).ok()?.trim().parse().ok()
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status().unwrap().success());
}

/// Only root can read or change this file from now on.
fn for_root_only(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// A port below 1024 of an address that no other test uses.
fn low_port() -> String {
    wait_for("a free low port", || {
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos();
        let address = format!("127.{}.{}.{}:{}", 64 + clock % 60, clock / 60 % 250, std::process::id() % 250, 900);
        TcpListener::bind(&address).ok().map(|_| address)
    })
}

#[test]
fn what_root_opened_was_lost_with_root() {
    if !is_root() {
        return;
    }
    for workers in ["", "worker_processes 2;"] {
        let main = format!("{workers} user nobody; error_log logs/error.log notice;");
        let with = |text: &str| {
            format!(
                "access_log logs/access.log combined buffer=1; include sites/*.conf; {}",
                host(&format!("return 200 {text};"))
            )
        };
        let setup = Setup::new(&with("one"), &[]).main(&main);
        setup.write("sites/a.conf", b"log_format unused $uri;");
        let mut s = setup.start();
        // The configuration is root's, in a folder of root's.
        for (name, mode) in [("webserv.conf", 0o600), ("sites/a.conf", 0o600), ("sites", 0o700), ("logs", 0o755)] {
            fs::set_permissions(s.path(name), Permissions::from_mode(mode)).unwrap();
        }
        let pid = s.process.pid();
        let worker = worker(pid).expect("it has a worker process");
        let nobody = owner(Path::new(&format!("/proc/{worker}")));
        assert!(nobody != 0 && owner(Path::new(&format!("/proc/{pid}"))) == 0, "the worker process is not root");
        assert_eq!(s.text("webserv.pid"), format!("{pid}\n"), "the pid file names the master process");
        let mut kept = s.connect();
        assert_eq!(kept.get("/before").text(), "one");

        let low = low_port();
        let more = format!("{} server {{ listen {low}; return 200 low; }}", with("two"));
        s.rewrite(&main, &more);
        s.write("sites/b.conf", b"server { listen 127.0.0.9:0; return 200 b; access_log logs/b.log; }");
        s.process.signal("HUP");
        wait_for("the new configuration", || (s.get("/").text() == "two").then_some(()));
        assert_eq!(kept.get("/kept").text(), "two", "the connection is still open");
        assert_eq!(Client::connect(&low).get("/").text(), "low");

        for name in ["logs/access.log", "logs/error.log"] {
            fs::rename(s.path(name), s.path(&format!("{name}.1"))).unwrap();
        }
        s.process.signal("USR1");
        wait_for("a line in the new log", || {
            s.get("/rotated");
            s.text("logs/access.log").contains("/rotated").then_some(())
        });
        for name in ["logs/access.log", "logs/error.log", "logs/b.log"] {
            assert_eq!(owner(&s.path(name)), nobody, "{name}");
        }
        assert!(s.text("logs/access.log.1").contains("/kept"));

        // A configuration without the address: nobody listens there any more.
        s.rewrite(&main, &with("three"));
        s.process.signal("HUP");
        wait_for("the third configuration", || (s.get("/").text() == "three").then_some(()));
        wait_for("the low port closed", || std::net::TcpStream::connect(&low).err());
        s.rewrite(&main, "nonsense;");
        s.process.signal("HUP");
        s.wait_said("nonsense");
        s.wait_said("the old configuration stays in use");
        assert_eq!(kept.get("/").text(), "three");
        s.process.signal("TERM");
        assert!(s.process.exit().success(), "{}", s.said());
        assert!(!s.path("webserv.pid").exists(), "the pid file is left");
    }
}

#[test]
fn the_users_of_the_directory_protocol_are_read_by_root() {
    if !is_root() {
        return;
    }
    let main = format!("{MAIN} directory {{ server {{ listen 127.0.0.1:0; root html; users users; }} }}");
    let setup = Setup::new("", &[]).main(&main);
    setup.write("users", b"guest:$5$abcdefgh$osWA07JwAHeKYaCM2OP806Wc/laToNFtqYGGdRhSew2\n");
    for_root_only(&setup.path("users"));
    let s = setup.start();
    for_root_only(&s.path("webserv.conf"));
    s.process.signal("HUP");
    s.wait_said("the new configuration is in use");
}

#[test]
fn a_crash_of_the_worker_process_starts_another_one() {
    if !is_root() {
        return;
    }
    let mut s = Setup::new(&host("return 200 one;"), &[]).main(MAIN).start();
    let (pid, address) = (s.process.pid(), s.addresses[0].clone());
    s.rewrite(MAIN, &host("return 200 two;"));
    s.process.signal("HUP");
    wait_for("the new configuration", || (s.get("/").text() == "two").then_some(()));
    let mut last = worker(pid).expect("a worker process");
    for crash in 1..=5 {
        signal(last, "ABRT");
        last = wait_for("another worker process", || worker(pid).filter(|now| *now != last));
        // The sockets are open all the time: a client only waits.
        assert_eq!(Client::connect(&address).get("/").text(), "two", "after crash {crash}");
    }
    s.wait_said(&format!("worker process {last} as user nobody"));
    signal(last, "KILL");
    assert_eq!(s.process.exit().code(), Some(1));
    s.wait_said("was ended by SIGKILL; this was crash 6 within a minute, so the server ends");
    assert!(!s.path("webserv.pid").exists(), "the pid file is left");
}

#[test]
fn what_the_worker_process_refuses_the_master_process_does_not_use_either() {
    if !is_root() {
        return;
    }
    let s = Setup::new(&host("return 200 one;"), &[("in/x", b"")]).main(MAIN).start();
    let pid = s.process.pid();
    let folder = s.path("html");
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    // Root finds the folder, and the user does not.
    let directory = |listen: &str| format!("{MAIN} directory {{ server {{ listen {listen}; root html/in; }} }}");
    let low = low_port();
    s.rewrite(&directory(&low), &host("return 200 two;"));
    s.process.signal("HUP");
    s.wait_said("cannot be served");
    s.wait_said("the old configuration stays in use");
    assert_eq!(s.get("/").text(), "one");
    wait_for("nobody listening", || std::net::TcpStream::connect(&low).err());
    let first = worker(pid).expect("a worker process");
    signal(first, "ABRT");
    wait_for("another worker process", || worker(pid).filter(|now| *now != first));
    assert_eq!(s.get("/").text(), "one", "the new worker process has the configuration of the old one");
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    s.process.signal("HUP");
    wait_for("the new configuration", || (s.get("/").text() == "two").then_some(()));
    drop(std::net::TcpStream::connect(&low).expect("the directory protocol"));
}

#[test]
fn the_worker_process_does_not_outlive_the_master_process() {
    if !is_root() {
        return;
    }
    let mut s = Setup::new(&host(""), &[("big", &noise(BIG, 1))]).main(MAIN).start();
    let mut download = s.connect();
    download.send_get("/big");
    download.wait_some();
    s.process.signal("KILL");
    s.process.exit();
    wait_refused(&s);
    assert!(download.response().expect(200, "/big").body == noise(BIG, 1), "open responses are finished");
    s.wait_said("the master process has ended");
}

#[test]
fn sigquit_finishes_what_the_worker_process_has_begun() {
    if !is_root() {
        return;
    }
    let mut s = Setup::new(&host(""), &[("big", &noise(BIG, 1))]).main(MAIN).start();
    let mut download = s.connect();
    download.send_get("/big");
    download.wait_some();
    s.process.signal("QUIT");
    wait_refused(&s);
    s.process.signal("HUP");
    s.wait_said("not reloaded: the server is shutting down");
    assert!(download.response().expect(200, "/big").body == noise(BIG, 1));
    assert!(s.process.exit().success(), "{}", s.said());
    assert!(!s.path("webserv.pid").exists(), "the pid file is left");
}

#[test]
fn signals_for_the_master_process_do_nothing_in_the_worker_process() {
    if !is_root() {
        return;
    }
    let s = Setup::new(&host("return 200 ok;"), &[]).main(MAIN).start();
    let (pid, worker) = (s.process.pid(), worker(s.process.pid()).expect("a worker process"));
    for name in ["HUP", "USR1"] {
        signal(worker, name);
        s.wait_said(&format!("ignored: SIG{name} is for the master process, {pid}"));
    }
    assert_eq!(s.get("/").text(), "ok");
    // Somebody who ends the worker process ends the server.
    signal(worker, "TERM");
    let mut s = s;
    assert!(s.process.exit().success());
}

#[test]
fn root_does_not_follow_the_user_to_a_log() {
    if !is_root() {
        return;
    }
    let http = format!("access_log logs/access.log combined buffer=1; {}", host("return 200 ok;"));
    let setup = Setup::new(&http, &[]).main(MAIN);
    setup.write("secret", b"root's");
    for_root_only(&setup.path("secret"));
    chown(setup.path("logs"), Some(65534), None).unwrap();
    setup.write("webserv.conf", setup.config().as_bytes());
    // The user of the worker process can write in this folder, also while the server runs.
    let plant = |dir: &Path| {
        let _ = fs::remove_file(dir.join("logs/access.log"));
        symlink(dir.join("secret"), dir.join("logs/access.log")).unwrap();
    };
    plant(setup.dir.path());
    let refused = webserv(setup.dir.path(), &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("root does not open it, because user nobody can change the path"),
        "{}",
        said(&refused)
    );
    fs::remove_file(setup.path("logs/access.log")).unwrap();

    let s = setup.start();
    plant(s.dir.path());
    for name in ["USR1", "HUP"] {
        let before = s.said().len();
        s.process.signal(name);
        wait_for("the refusal", || s.said()[before..].contains("root does not open it").then_some(()));
        s.get("/after");
    }
    assert_eq!((s.text("secret").as_str(), owner(&s.path("secret"))), ("root's", 0));
    // Without the link the user's own file is taken.
    fs::remove_file(s.path("logs/access.log")).unwrap();
    s.process.signal("USR1");
    wait_for("a line", || {
        s.get("/own");
        s.text("logs/access.log").contains("/own").then_some(())
    });
    assert_eq!(owner(&s.path("logs/access.log")), 65534);
}

#[test]
fn logs_that_are_the_standard_streams_survive_reload_and_reopening() {
    if !is_root() {
        return;
    }
    let http = format!("access_log /dev/stdout combined buffer=1; error_log /dev/stderr; {}", host("return 200 ok;"));
    let s = Setup::new(&http, &[]).main(MAIN).start();
    for (name, target) in [("USR1", "/reopened"), ("HUP", "/reloaded")] {
        s.process.signal(name);
        s.wait_said(&format!("SIG{name} received"));
        wait_for(target, || {
            s.get(target);
            s.process.stdout().contains(target).then_some(())
        });
    }
    s.wait_said("the new configuration is in use");
    assert!(!s.said().contains("[emerg]"), "{}", s.said());
}

#[test]
fn a_daemon_with_a_user_starts_reloads_and_stops() {
    if !is_root() {
        return;
    }
    let setup = Setup::new("", &[]);
    let socket = setup.path("s.sock");
    let address = format!("unix:{}", socket.display());
    let main = "daemon on; user nobody; error_log logs/error.log notice;";
    let write = |text: &str| {
        let http = format!("server {{ listen {address}; return 200 {text}; }}");
        setup.write("webserv.conf", configuration(main, CONNECTIONS, &http).as_bytes());
        for_root_only(&setup.path("webserv.conf"));
    };
    write("one");
    let run = |arguments: &[&str]| {
        let output = webserv(setup.dir.path(), arguments);
        assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), ""), "{arguments:?}");
    };
    run(&[]);
    let pid: u32 = fs::read_to_string(setup.path("webserv.pid")).unwrap().trim().parse().unwrap();
    assert_eq!(Client::connect(&address).get("/").text(), "one");
    write("two");
    run(&["-s", "reload"]);
    wait_for("the new configuration", || (Client::connect(&address).get("/").text() == "two").then_some(()));
    for process in [pid, worker(pid).expect("a worker process")] {
        for stream in 0..3 {
            let to = fs::read_link(format!("/proc/{process}/fd/{stream}")).unwrap();
            assert_eq!(to, Path::new("/dev/null"), "stream {stream} of {process}");
        }
    }
    run(&["-s", "stop"]);
    wait_for("its end", || (!setup.path("webserv.pid").exists()).then_some(()));
    wait_for("the socket removed", || (!socket.exists()).then_some(()));
}

#[test]
fn a_worker_process_that_cannot_start_ends_the_server() {
    if !is_root() {
        return;
    }
    let rows = [
        ("setuid", MAIN, "setuid"),
        ("epoll_create1", MAIN, "cannot watch descriptors"),
        ("setuid", "daemon on; user nobody;", "setuid"),
    ];
    for (call, main, told) in rows {
        let setup = Setup::new(&host(""), &[]).main(main);
        setup.write("webserv.conf", setup.config().as_bytes());
        Faults::new(&setup.path("faults")).arm(call, 1, 1);
        let arguments = ["-p", setup.dir.path().to_str().unwrap(), "-c", "webserv.conf"].map(String::from);
        let mut process = Process::start(&arguments, setup.dir.path(), Some(fault::ON_COMMAND));
        assert_eq!(process.exit().code(), Some(1), "{call}: {}", process.stderr());
        process.stop();
        assert!(process.stderr().contains(told), "{call}: {}", process.stderr());
        assert!(!setup.path("webserv.pid").exists(), "{call}: the pid file is left");
    }
}

#[test]
fn a_reload_that_met_a_crash_was_lost() {
    if !is_root() {
        return;
    }
    let s = Setup::new(&host("return 200 one;"), &[]).main(MAIN).start();
    let pid = s.process.pid();
    let first = worker(pid).expect("a worker process");
    s.rewrite(MAIN, &host("return 200 two;"));
    // Both signals are pending when the master process goes on, and SIGHUP has the lower number.
    s.process.signal("STOP");
    signal(first, "ABRT");
    s.process.signal("HUP");
    s.process.signal("CONT");
    wait_for("the new configuration", || (s.get("/").text() == "two").then_some(()));
    assert!(!s.said().contains("stays in use"), "{}", s.said());
}

#[test]
fn a_slow_worker_process_is_waited_for_until_the_server_ends() {
    if !is_root() {
        return;
    }
    let mut s = Setup::new(&host("return 200 one;"), &[]).main(MAIN).start();
    let slow = worker(s.process.pid()).expect("a worker process");
    s.rewrite(MAIN, &host("return 200 two;"));
    signal(slow, "STOP");
    s.process.signal("HUP");
    s.wait_said("SIGHUP received");
    s.process.signal("TERM");
    s.wait_said("SIGTERM received");
    signal(slow, "CONT");
    assert!(s.process.exit().success(), "{}", s.said());
}

#[test]
fn a_worker_that_ends_ends_its_process_and_all_sockets_are_answered() {
    if !is_root() {
        return;
    }
    let main = format!("worker_processes 8; {MAIN}");
    // Any of the workers may make the first call. If it is the first worker, the process does not come to its start.
    let s = wait_for("another worker than the first one to fail", || {
        let setup = Setup::new(&host("return 200 ok;"), &[]).main(&main).before(fault::ON_COMMAND);
        Faults::new(&setup.path("faults")).arm("epoll_create1", 1, 24);
        let s = setup.start();
        let said =
            wait_for("the failed call", || Some(s.said()).filter(|said| said.contains("cannot watch descriptors")));
        (!said.contains("w0 cannot watch descriptors")).then_some(s)
    });
    s.wait_said("has ended; the process ends");
    s.wait_said("another one is started");
    for _ in 0..64 {
        assert_eq!(s.connect().get("/").text(), "ok");
    }
}

#[test]
fn temporary_folders_are_the_users_and_root_is_not_led_to_others() {
    if !is_root() {
        return;
    }
    let setup = Setup::new(&host("client_body_temp_path tmp/bodies;"), &[]).main(MAIN);
    setup.write("webserv.conf", setup.config().as_bytes());
    let refused = |told: &str| {
        for arguments in [&["-t"][..], &[]] {
            let output = webserv(setup.dir.path(), arguments);
            if arguments.is_empty() || told.contains("cannot write") {
                assert_eq!(output.status.code(), Some(1), "{arguments:?}");
                assert!(said(&output).contains(told), "{told}: {}", said(&output));
            }
        }
    };
    // The user can change the way to the folder, so root does not follow it.
    fs::create_dir(setup.path("rooted")).unwrap();
    fs::set_permissions(setup.path("rooted"), Permissions::from_mode(0o755)).unwrap();
    chown(setup.dir.path(), Some(65534), None).unwrap();
    symlink("rooted", setup.path("tmp")).unwrap();
    refused("root does not make it, because user nobody can change the path");
    assert!(!setup.path("rooted/bodies").exists());
    fs::remove_file(setup.path("tmp")).unwrap();
    // A folder that root made for itself is found at the start, and not with the first large body.
    fs::create_dir_all(setup.path("tmp/bodies")).unwrap();
    fs::set_permissions(setup.path("tmp/bodies"), Permissions::from_mode(0o700)).unwrap();
    refused("user nobody cannot write in it; change its owner, or remove it");
    fs::remove_dir(setup.path("tmp/bodies")).unwrap();
    chown(setup.dir.path(), Some(0), None).unwrap();
    let s = setup.start();
    assert_eq!(owner(&s.path("tmp/bodies")), 65534);
}

#[test]
fn the_worker_process_could_write_the_pid_file() {
    if !is_root() {
        return;
    }
    let s = Setup::new(&host("return 200 ok;"), &[]).main(MAIN).start();
    let worker = worker(s.process.pid()).expect("a worker process");
    let open: Vec<_> = fs::read_dir(format!("/proc/{worker}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter(|path| path.ends_with("webserv.pid"))
        .collect();
    assert!(open.is_empty() && s.path("webserv.pid").exists(), "{open:?}");
}

#[test]
fn a_test_of_the_configuration_took_a_log_that_the_start_refuses() {
    if !is_root() {
        return;
    }
    let setup = Setup::new(&format!("access_log logs/access.log; {}", host("")), &[]).main(MAIN);
    chown(setup.path("logs"), Some(65534), None).unwrap();
    setup.write("logs/access.log", b"");
    for_root_only(&setup.path("logs/access.log"));
    setup.write("webserv.conf", setup.config().as_bytes());
    let output = webserv(setup.dir.path(), &["-t"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("because user nobody can change the path"), "{}", said(&output));
    fs::remove_file(setup.path("logs/access.log")).unwrap();
    assert_eq!(webserv(setup.dir.path(), &["-t"]).status.code(), Some(0));
}

#[test]
fn the_shipped_logrotate_file_loses_no_line() {
    if !is_root() {
        return;
    }
    let http = format!("access_log logs/access.log combined buffer=1; {}", host("return 200 ok;"));
    let s = Setup::new(&http, &[]).main("user nobody; error_log logs/error.log notice;").start();
    let shipped = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/webserv.logrotate")).unwrap();
    let (logs, pid_file) = (s.path("logs"), s.path("webserv.pid"));
    let file = shipped.replace("/var/log/webserv", logs.to_str().unwrap());
    let file = file.replace("/run/webserv.pid", pid_file.to_str().unwrap());
    s.write("rotate.conf", file.as_bytes());
    let script = file.split("postrotate\n").nth(1).and_then(|rest| rest.split("endscript").next()).unwrap();
    let (config, state) = (s.path("rotate.conf"), s.path("rotate.state"));
    let mut sent = 0;
    for round in 1..=3 {
        for _ in 0..5 {
            sent += 1;
            s.get(&format!("/line-{sent}."));
        }
        let rotated = Command::new("logrotate").arg("-f").arg("-s").arg(&state).arg(&config).status();
        match rotated {
            Ok(status) => assert!(status.success()),
            Err(_) => {
                // logrotate(8) is not installed: the same by hand.
                for name in ["access.log", "error.log"] {
                    for number in (1..round).rev() {
                        let (from, to) = (format!("{name}.{number}"), format!("{name}.{}", number + 1));
                        fs::rename(logs.join(from), logs.join(to)).unwrap();
                    }
                    fs::rename(logs.join(name), logs.join(format!("{name}.1"))).unwrap();
                }
                assert!(Command::new("sh").args(["-c", script]).status().unwrap().success());
            }
        }
        wait_for("the new log", || logs.join("access.log").exists().then_some(()));
    }
    s.get("/last.");
    wait_for("the last line", || {
        let all = Command::new("sh")
            .args(["-c", "cat access.log access.log.?; zcat access.log.?.gz 2>&-"])
            .current_dir(&logs)
            .output();
        let all = String::from_utf8_lossy(&all.unwrap().stdout).into_owned();
        (1..=sent).map(|n| format!("/line-{n}.")).chain(["/last.".into()]).all(|line| all.contains(&line)).then_some(())
    });
}

#[test]
fn the_shipped_unit_of_systemd_is_right() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/webserv.service");
    let text = fs::read_to_string(&unit).unwrap();
    for line in ["ExecReload=/bin/kill -HUP $MAINPID", "KillMode=mixed", "KillSignal=SIGQUIT"] {
        assert!(text.lines().any(|has| has == line), "{line}");
    }
    // The program is not installed where the unit says, so a copy names one that exists.
    let setup = Setup::new("", &[]);
    let copy = setup.path("webserv.service");
    fs::write(&copy, text.replace("/usr/local/bin/webserv", "/bin/sh")).unwrap();
    match Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&copy).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => println!("skipped in part: systemd-analyze is not installed"),
    }
}
