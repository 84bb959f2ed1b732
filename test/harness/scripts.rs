//! CGI programs for the tests, and the state of processes in /proc (Linux).

use super::{PATIENCE, Server, Setup, host, wait_for};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A server with `cgi on` for `.sh`, these directives, and these scripts: name below `html`, and commands for `sh`.
pub fn scripts(config: &str, scripts: &[(&str, &str)]) -> Server {
    let config = host(&format!("cgi on; cgi_extension .sh; client_max_body_size 0; {config}"));
    let setup = Setup::new(&config, &[("ok.txt", b"ok")]);
    for (name, text) in scripts {
        setup.write(&format!("html/{name}"), format!("#!/bin/sh\n{text}\n").as_bytes());
        make_executable(&setup.path(&format!("html/{name}")));
    }
    setup.start()
}

/// A script that starts a plain text answer and continues with these commands.
pub fn text(rest: &str) -> String {
    format!("printf 'Content-Type: text/plain\\n\\n'\n{rest}")
}

/// Makes a file executable.
pub fn make_executable(path: &Path) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

/// Sends all bytes and reads at the same time, until the server closes.
pub fn both_ways(server: &Server, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(&server.addresses[0]).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let mut sender = stream.try_clone().unwrap();
    std::thread::scope(|scope| {
        // The server may close before it has read all; then its response is what the test needs.
        scope.spawn(move || drop(sender.write_all(request)));
        let mut out = Vec::new();
        stream.read_to_end(&mut out).unwrap_or_else(|e| panic!("after {} bytes: {e}", out.len()));
        out
    })
}

/// The body in chunks of these sizes, which repeat.
pub fn chunked(body: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + body.len() / 100);
    let (mut rest, mut sizes) = (body, sizes.iter().cycle());
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
        rest = after;
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

/// The maximum of the server's resident memory so far, in KiB.
pub fn rss_peak_kib(server: &Server) -> u64 {
    let value = status(server.process.pid(), "VmHWM").unwrap();
    value.split_whitespace().next().unwrap().parse().unwrap()
}

/// A line of /proc/PID/status; `None` if there is no such process.
pub fn status(pid: u32, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.map(|value| value.trim().to_owned())
}

/// State, parent and group of a process, from /proc/PID/stat.
pub fn stat(pid: u32) -> Option<(char, u32, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit(')').next()?.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// The processes with this parent, zombies included.
pub fn children(parent: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|(_, its_parent, _)| its_parent == parent)).collect()
}

/// Waits until a process has ended. (If its parent has ended, it may stay a zombie until init reaps it.)
pub fn wait_gone(pid: u32, what: &str) {
    wait_for(&format!("the end of {what} ({pid})"), || {
        stat(pid).is_none_or(|s| matches!(s.0, 'Z' | 'X')).then_some(())
    });
}

/// The pids that a script has written to `html/pids`.
pub fn wait_pids(server: &Server) -> Vec<u32> {
    wait_for("a script's word", || {
        let text = server.text("html/pids");
        text.ends_with('\n').then(|| text.split_whitespace().map(|pid| pid.parse().unwrap()).collect())
    })
}
