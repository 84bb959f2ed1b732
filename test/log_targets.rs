//! Where log lines can go besides a plain file: standard output and standard error, as a pipe, a socket, or a file.

mod harness;

use harness::{CONNECTIONS, Client, Setup, configuration, each, host, process::program, wait_for};
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

/// The lines for two requests: one that is answered, and one for a file that does not exist.
const LINES: &str = "/ok.txt 200\n/absent 404\n";

/// Starts the server with this access log and this standard output, sends both requests, and returns the process. It
/// has the standard output's only writing end.
fn serve(setup: &Setup, log: &str, stdout: impl Into<Stdio>) -> Child {
    let http = format!("log_format own '$uri $status'; access_log {log} own; {}", host(""));
    setup.write("webserv.conf", configuration("error_log logs/error.log notice;", CONNECTIONS, &http).as_bytes());
    let dir = setup.dir.path().to_str().unwrap();
    let mut command = Command::new(program());
    command.args(["-p", dir, "-c", "webserv.conf"]).current_dir(dir).stdin(Stdio::null()).stderr(Stdio::null());
    let process = command.stdout(stdout).spawn().unwrap();
    let address = wait_for("the address", || {
        let said = std::fs::read_to_string(setup.path("logs/error.log")).ok()?;
        let (address, _) = said.split_once("listening on ")?.1.split_once(' ')?;
        Some(address.to_owned())
    });
    Client::connect(&address).get("/ok.txt").expect(200, "/ok.txt");
    Client::connect(&address).get("/absent").expect(404, "/absent");
    process
}

fn end(mut process: Child) {
    Command::new("sh").args(["-c", &format!("kill -TERM {}", process.id())]).status().unwrap();
    let status = wait_for("its end", || process.try_wait().unwrap());
    assert!(status.success(), "{status}");
}

/// Reads as many bytes as the lines have. No line is written later than that, since there is no buffer.
fn read_lines(mut from: impl Read) -> String {
    let mut bytes = vec![0; LINES.len()];
    from.read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn standard_output_that_is_a_socket_or_a_pipe_or_a_file_was_no_log() {
    let files: &[(&str, &[u8])] = &[("ok.txt", b"ok")];
    each(["stdout", "/dev/stdout", "/proc/self/fd/1", "logs/linked.log"], |log| {
        let new = || {
            let setup = Setup::new("", files);
            std::os::unix::fs::symlink("/dev/stdout", setup.path("logs/linked.log")).unwrap();
            setup
        };
        let (ours, theirs) = UnixStream::pair().unwrap();
        let process = serve(&new(), log, OwnedFd::from(theirs));
        assert_eq!(read_lines(ours), LINES, "{log}: a socket");
        end(process);

        let (ours, theirs) = std::io::pipe().unwrap();
        let process = serve(&new(), log, theirs);
        assert_eq!(read_lines(ours), LINES, "{log}: a pipe");
        end(process);

        let setup = new();
        let process = serve(&setup, log, File::create(setup.path("out.log")).unwrap());
        let read = || std::fs::read_to_string(setup.path("out.log")).ok().filter(|text| text.len() >= LINES.len());
        assert_eq!(wait_for("both lines", read), LINES, "{log}: a file");
        end(process);
    });
}

#[test]
fn standard_error_is_a_log_by_each_of_its_names() {
    each(["stderr", "/dev/stderr", "/dev/fd/2", "logs/linked.log"], |log| {
        let http = format!("access_log {log} combined; error_log {log}; {}", host(""));
        let setup = Setup::new(&http, &[]);
        std::os::unix::fs::symlink("/dev/stderr", setup.path("logs/linked.log")).unwrap();
        let s = setup.start();
        s.get("/absent").expect(404, "/absent");
        s.wait_said("\"GET /absent HTTP/1.1\" 404 ");
        s.wait_said("No such file or directory");
    });
}

#[test]
fn a_line_waited_for_others_without_buffer() {
    let s = Setup::new(&format!("access_log logs/access.log; {}", host("return 200 ok;")), &[]).start();
    let mut client = s.connect();
    for n in 1..=3 {
        client.get("/x");
        // The line is written when the last byte of the response has been: no timer is waited for.
        wait_for("its line", || (s.text("logs/access.log").lines().count() == n).then_some(()));
    }
    let debug = Setup::new(&format!("access_log logs/access.log; {}", host("return 200 ok;")), &[]);
    let s = debug.main("error_log stderr debug;").start();
    s.get("/x");
    wait_for("its line", || (s.text("logs/access.log").lines().count() == 1).then_some(()));
    assert!(!s.said().contains("flushing the access logs"), "{}", s.said());
}

#[test]
fn a_torn_line_got_the_next_one_at_its_end_when_the_log_was_opened_again() {
    let setup = Setup::new(&format!("log_format own '$uri'; access_log logs/a.log own; {}", host("")), &[]);
    let s = setup.start();
    s.get("/first");
    wait_for("the first line", || (s.text("logs/a.log") == "/first\n").then_some(()));
    // What a full disk leaves: the first bytes of a line.
    s.write("logs/other.log", b"/first\n/tor");
    std::fs::rename(s.path("logs/other.log"), s.path("logs/a.log")).unwrap();
    s.process.signal("USR1");
    s.wait_said("SIGUSR1");
    s.get("/next");
    wait_for("the next line", || s.text("logs/a.log").ends_with("/next\n").then_some(()));
    assert_eq!(s.text("logs/a.log"), "/first\n/tor\n/next\n");
    // A new file after a rotation begins with a whole line.
    std::fs::rename(s.path("logs/a.log"), s.path("logs/a.log.1")).unwrap();
    s.process.signal("USR1");
    wait_for("the new file", || s.path("logs/a.log").exists().then_some(()));
    s.get("/new");
    wait_for("its line", || (!s.text("logs/a.log").is_empty()).then_some(()));
    wait_for("its line", || (s.text("logs/a.log") == "/new\n").then_some(()));
}
