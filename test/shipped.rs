//! The shipped configurations, each started on a copy of the shipped site, as after a fresh clone.

mod harness;

use harness::process::free_port;
use harness::{Client, Process, TempDir, each, wait_for};
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

/// A server with one of the shipped configurations. Each port in it is replaced by a free one.
struct Shipped {
    process: Process,
    dir: TempDir,
    ports: HashMap<&'static str, u16>,
}

/// The ports in the shipped configurations.
const PORTS: [&str; 5] = ["8080", "8081", "8082", "1202", "1203"];

/// A copy of these folders of the tree.
fn copy_of(folders: &[&str]) -> TempDir {
    let dir = TempDir::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in folders {
        let copied = Command::new("cp").arg("-R").arg(root.join(folder)).arg(dir.path()).status().unwrap();
        assert!(copied.success(), "{folder}");
    }
    dir
}

fn start(name: &str) -> Shipped {
    start_with(name, &[], &[])
}

/// The same with other values in the configuration, and with more programs in `html/cgi/`.
fn start_with(name: &str, values: &[(&str, &str)], programs: &[(&str, &str)]) -> Shipped {
    let dir = copy_of(&["config", "html"]);
    for (program, text) in programs {
        let file = dir.path().join("html/cgi").join(program);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let file = dir.path().join("config").join(name);
    let mut text = std::fs::read_to_string(&file).unwrap();
    let ports: HashMap<&'static str, u16> = PORTS.map(|port| (port, free_port())).into();
    for (old, new) in &ports {
        text = text.replace(&format!(":{old}"), &format!(":{new}"));
    }
    for (old, new) in values {
        assert!(text.contains(old), "{name}: {old}");
        text = text.replace(old, new);
    }
    std::fs::write(&file, text).unwrap();
    let mut process = Process::start(&["-c".into(), format!("config/{name}")], dir.path(), None);
    wait_listening(&mut process, &format!("127.0.0.1:{}", ports["8080"]));
    Shipped { process, dir, ports }
}

fn wait_listening(process: &mut Process, address: &str) {
    wait_for("its address", || {
        let ended = process.exit_within(Default::default());
        assert_eq!(ended, None, "{}", process.stderr());
        process.stderr().contains(&format!("listening on {address} ")).then_some(())
    });
}

impl Shipped {
    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports["8080"])
    }

    /// The status and the text for a request with this line and this host.
    fn ask(&self, line: &str, host: &str) -> (u16, String) {
        let mut client = Client::connect(&self.address());
        client.send(format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
        let response = client.response();
        (response.status, response.text())
    }
}

#[test]
fn each_shipped_configuration_starts_from_a_fresh_clone() {
    // tester.conf is a template, and scripts/tester writes its folders; fastcgi.conf is for `include`.
    let names: Vec<String> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("config"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".conf") && name != "tester.conf" && name != "fastcgi.conf")
        .collect();
    assert_eq!(names.len(), 5, "{names:?}");
    each(names, |name| {
        let shipped = start(name);
        let (status, text) = shipped.ask("GET /", "localhost");
        assert!(status == 200 && text.contains("<html"), "{name}: {status} {text}");
        let said = shipped.process.stderr();
        let is_fault = |line: &&str| line.contains("[warn]") || line.contains("[error]");
        let faults: Vec<&str> =
            said.lines().filter(is_fault).filter(|line| !line.contains("the server is root")).collect();
        assert!(faults.is_empty(), "{name}: {faults:?}");
    });
}

#[test]
fn a_page_whose_name_was_rebound_stored_files_and_ran_programs() {
    let shipped = start("default.conf");
    let stored = shipped.dir.path().join("html/files/x.txt");
    let port = shipped.ports["8080"];
    for host in
        ["rebound.example".to_owned(), format!("rebound.example:{port}"), "10.0.0.1".into(), "x.localhost".into()]
    {
        for line in ["PUT /files/x.txt", "POST /files/", "GET /cgi/env.sh", "GET /", "DELETE /files/.gitignore"] {
            let (status, text) = shipped.ask(line, &host);
            assert_eq!(status, 421, "{line} for {host}: {text}");
            let named = host.split(':').next().unwrap();
            assert!(text.contains(named) && text.contains("server_name"), "the answer says why: {text}");
        }
        assert!(!stored.exists(), "{host}");
    }
    assert!(shipped.dir.path().join("html/files/.gitignore").exists());
    let machine = Command::new("uname").arg("-n").output().unwrap().stdout;
    let machine = String::from_utf8(machine).unwrap().trim().to_owned();
    for host in ["localhost", "LOCALHOST", "127.0.0.1", &format!("127.0.0.1:{port}"), "[::1]", &machine] {
        assert_eq!(shipped.ask("PUT /files/x.txt", host).0 / 100, 2, "{host}");
        assert!(stored.exists(), "{host}");
        assert_eq!(shipped.ask("DELETE /files/x.txt", host).0, 204, "{host}");
        assert_eq!(shipped.ask("GET /cgi/env.sh", host).0, 200, "{host}");
    }
    let mut old = Client::connect(&shipped.address());
    old.send("GET / HTTP/1.0\r\n\r\n");
    old.response().expect(200, "a request without a Host field");
    assert_eq!(shipped.ask("GET /", "second.localhost").0, 200);
}

#[test]
fn an_endless_program_of_the_demo_was_no_timeout() {
    // It was ended by its limit of processor time before the timeout, and answered with 502. The test's times are
    // a tenth of the shipped ones, and the processor time stays what it is.
    let programs = [("spin.sh", "while :; do :; done\n"), ("sleep.sh", "exec sleep 3600\n")];
    let shipped = start_with("default.conf", &[("cgi_idle_timeout      10s", "cgi_idle_timeout 1s")], &programs);
    for (program, _) in programs {
        let (status, text) = shipped.ask(&format!("GET /cgi/{program}"), "localhost");
        assert_eq!(status, 504, "{program}: {text}");
        wait_for("the line in the log", || {
            let said = shipped.process.stderr();
            said.lines()
                .any(|line| line.contains(program) && line.contains("cgi_idle_timeout has passed"))
                .then_some(())
        });
    }
}

#[test]
fn the_demo_could_not_be_moved() {
    // With the file, and with the built-in copy of it; only on this machine, and on another address.
    let rows: [(&[&str], &str, &str); 3] =
        [(&["config", "html"], "", "127.0.0.1"), (&["html"], "", "127.0.0.1"), (&["html"], "127.0.0.2", "127.0.0.2")];
    each(rows, |(folders, bind, ip)| {
        let (dir, port) = (copy_of(folders), free_port());
        let mut arguments = vec!["--port".to_owned(), port.to_string()];
        if !bind.is_empty() {
            arguments.push(format!("--bind={bind}"));
        }
        let mut process = Process::start(&arguments, dir.path(), None);
        let address = format!("{ip}:{port}");
        wait_listening(&mut process, &address);
        let ask = |address: &str, target: &str, host: &str| {
            let mut client = Client::connect(address);
            client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
            client.response()
        };
        for host in ["localhost", ip] {
            ask(&address, "/", host).expect(200, host);
        }
        ask(&address, "/", "rebound.example").expect(421, "another name");
        let second = format!("http://localhost:{}/", port + 1);
        assert_eq!(ask(&address, "/redirect/port", "localhost").field("Location"), Some(&second[..]));
        assert!(ask(&format!("{ip}:{}", port + 1), "/", "localhost").text().contains("port"));
    });
}

#[test]
fn other_configurations_that_store_or_run_refused_no_name() {
    let git = "GET /git/x.git/info/refs";
    each([("example.conf", "POST /inbox"), ("gateways.conf", "POST /who"), ("programs.conf", git)], |(name, line)| {
        let shipped = start(name);
        for line in [line, &"GET /"] {
            let (status, text) = shipped.ask(line, "rebound.example");
            assert!(status == 421 && text.contains("rebound.example"), "{name}: {line}: {status} {text}");
        }
        assert_eq!(shipped.ask("GET /", "127.0.0.1").0, 200, "{name}");
    });
}

#[test]
fn the_group_of_the_shipped_gateways_takes_turns() {
    let shipped = start("gateways.conf");
    let of = |port: &str| format!("port {}, for 127.0.0.1, who asked for localhost\n", shipped.ports[port]);
    for port in ["8081", "8082", "8081"] {
        assert_eq!(shipped.ask("GET /who", "localhost"), (200, of(port)));
    }
    assert_eq!(shipped.ask("GET /media/", "localhost").0, 403, "a folder of this server, without an index");
    assert_eq!(shipped.ask("GET /no.php", "localhost").0, 404, "no script, so no FastCGI server is asked");
    assert_eq!(shipped.ask("GET /socket", "localhost").0, 502, "no application listens");
}
