//! The Nth system call of each kind fails: whatever it is, the server goes on, nobody gets a wrong answer that looks
//! like a right one, and nothing is half done.
//!
//! Each deed is done once to hear which calls it makes, and then again and again, each time with one more of them
//! failing, by each error that is likely for it.
#![cfg(target_os = "linux")]

mod harness;

use harness::client::show;
use harness::fault::{Faults, ON_COMMAND, errno::*};
use harness::scripts::{children, make_executable};
use harness::{Client, Process, Server, Setup, http, noise, wait_for};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a deed may take; one that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(10);
/// More calls of one kind than any deed makes.
const CALLS_MAX: u32 = 300;

/// How a call may fail, beside being interrupted.
fn failures(call: &str) -> &'static [i32] {
    match call {
        "sendmsg" => &[ECONNRESET],
        "accept4" => &[ECONNABORTED],
        "shutdown" => &[ENOTCONN],
        "epoll_ctl" => &[ENOMEM],
        "sendfile" => &[EIO, EINVAL],
        "read" | "pread" | "preadv2" => &[EIO],
        "write" | "writev" | "pwrite" => &[ENOSPC, EPIPE],
        "openat" | "O_TMPFILE" => &[EMFILE, EACCES],
        "pipe2" | "fcntl" | "dup2" | "pidfd_open" => &[EMFILE],
        "clone" => &[EAGAIN],
        "execve" | "chdir" => &[EACCES],
        "kill" | "killpg" => &[ESRCH],
        "mkdirat" | "linkat" => &[ENOSPC, EACCES],
        "renameat" | "renameat2" => &[ENOSPC, EACCES, EXDEV, EINVAL],
        "copy_file_range" => &[EIO, ENOSPC, EXDEV],
        "unlinkat" => &[EACCES],
        "fstat" | "fstatat" | "getdents64" | "readlinkat" | "lseek" | "statfs" | "fsync" => &[EIO],
        "ftruncate" | "fchmod" | "fchown" => &[EIO],
        "inotify_add_watch" => &[ENOSPC],
        "socket" | "epoll_create1" | "inotify_init1" | "signalfd" | "socketpair" => &[EMFILE],
        "bind" | "listen" | "getrlimit" | "setrlimit" | "getsockname" => &[EINVAL],
        "setpgid" | "sigprocmask" | "sigaction" | "setsockopt" | "inotify_rm_watch" => &[EINVAL],
        "getrandom" => &[ENOSYS],
        "epoll_wait" | "waitpid" => &[],
        _ => panic!("{call}: which failures are likely?"),
    }
}

/// What a client may be told of an error.
fn statuses(call: &str, errno: i32) -> &'static [u16] {
    match errno {
        _ if call == "epoll_ctl" => &[500],
        EACCES => &[403],
        EMFILE | EAGAIN => &[503],
        ENOSPC => &[507],
        _ if PROGRAMS.contains(&call) => &[502],
        _ => &[500],
    }
}

/// Calls that are made to start a program and to hear it.
const PROGRAMS: &[&str] = &["setpgid", "sigprocmask", "preadv2", "execve", "chdir"];

/// When one of these fails there may be no answer: they are the connection's own, or come when an answer has begun.
const OF_CONNECTIONS: &[&str] =
    &["accept4", "epoll_ctl", "read", "sendfile", "sendmsg", "setsockopt", "shutdown", "write", "writev"];

/// Everything below a folder: the content of files, nothing for folders.
type Tree = BTreeMap<String, Option<Vec<u8>>>;

fn tree(root: &Path) -> Tree {
    fn add(folder: &Path, name: &str, to: &mut Tree) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{name}/{}", entry.file_name().to_str().unwrap());
            let is_folder = entry.file_type().unwrap().is_dir();
            to.insert(name.clone(), (!is_folder).then(|| fs::read(entry.path()).unwrap()));
            if is_folder {
                add(&entry.path(), &name, to);
            }
        }
    }
    let mut all = Tree::new();
    add(root, "", &mut all);
    all
}

/// How the directory server's address begins.
const DIRECTORY: &str = "127.0.0.2:";

/// Something that a client does on a connection that is then closed.
#[derive(Clone)]
struct Deed {
    name: &'static str,
    /// The listener's address begins so.
    host: &'static str,
    bytes: Vec<u8>,
}

fn deed(name: &'static str, head: &str, body: &[u8]) -> Deed {
    let head = format!("{head}\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    Deed { name, host: "127.0.0.1:", bytes: [head.as_bytes(), body].concat() }
}

/// Which call, which one of those, and how it fails.
type Fault<'a> = (&'a str, u32, i32);

/// What came of it.
struct Outcome {
    bytes: Vec<u8>,
    tree: Tree,
}

/// A server that fails on command.
struct Bench {
    server: Server,
    faults: Faults,
    idle_fds: usize,
}

const CONFIG: &str = "access_log logs/access.log;
    server { listen 127.0.0.1:0; client_max_body_size 0; cgi on; cgi_extension .sh; autoindex on;
        dav_methods PUT DELETE MKCOL COPY MOVE;
        location /up/ { upload_store html/work/up; }
        location /work/ { cgi off; } }";

impl Bench {
    fn new(http: &str) -> Self {
        let main = "error_log stderr notice; directory { server { listen 127.0.0.2:0; root html/room; } }";
        let setup = Setup::new(&format!("{http} {CONFIG}"), &[("ok.txt", b"ok"), ("room/in/a", b"a")]);
        setup.write("html/big.bin", &noise(2 << 20, 1));
        let setup = setup.main(main).before(ON_COMMAND);
        setup.write("html/cat.sh", b"#!/bin/sh\nprintf 'Content-Type: a/b\\n\\n'; exec cat\n");
        make_executable(&setup.path("html/cat.sh"));
        let faults = Faults::new(&setup.path("faults"));
        let server = setup.start();
        let mut bench = Bench { server, faults, idle_fds: 0 };
        bench.lay_out();
        bench.talk(&deed("once", "GET /ok.txt HTTP/1.1", b"")).unwrap();
        bench.idle_fds = bench.settled_fds();
        bench
    }

    /// The folder that deeds change, as it is before each.
    fn lay_out(&self) {
        let _ = fs::remove_dir_all(self.server.path("html/work"));
        for (name, content) in [("old.txt", "old"), ("tree/a", "a"), ("tree/in/b", "b"), ("up/kept", "kept")] {
            self.server.write(&format!("html/work/{name}"), content.as_bytes());
        }
    }

    /// Does it: what comes until the connection ends, however that is.
    fn talk(&self, deed: &Deed) -> Result<Vec<u8>, String> {
        let address = self.server.addresses.iter().find(|address| address.starts_with(deed.host)).unwrap();
        let mut client = Client::try_connect(address).map_err(|e| format!("connect: {e}"))?;
        let _ = client.try_send(&deed.bytes);
        let (mut all, mut piece, end) = (Vec::new(), vec![0; 64 << 10], Instant::now() + PATIENCE);
        loop {
            match client.read_some(&mut piece, end.saturating_duration_since(Instant::now())) {
                Ok(n @ 1..) => all.extend_from_slice(&piece[..n]),
                Err(e) if e.kind() == std::io::ErrorKind::TimedOut => {
                    return Err(format!("hangs after {}", show(&all)));
                }
                _ => return Ok(all),
            }
        }
    }

    /// How many descriptors are open once nobody is served.
    fn settled_fds(&self) -> usize {
        let end = Instant::now() + Duration::from_secs(2);
        loop {
            let now = self.server.process.open_fds();
            if now <= self.idle_fds || Instant::now() > end {
                return now;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Does it, with this call failing if there is one; whether it has failed.
    fn run(&self, deed: &Deed, fault: Option<Fault<'_>>) -> Result<(Outcome, bool), String> {
        self.lay_out();
        self.faults.forget();
        if let Some((call, nth, errno)) = fault {
            self.faults.arm(call, nth, errno);
        }
        let bytes = self.talk(deed)?;
        let fds = self.settled_fds();
        let fired = self.faults.disarm();
        if fds > self.idle_fds {
            return Err(format!("{} descriptors stay open", fds - self.idle_fds));
        }
        let after = self.talk(&deed_get("/ok.txt"))?;
        if http::parse(&after, false, true).ok().flatten().is_none_or(|(r, _)| r.body != b"ok") {
            return Err(format!("the next request is answered by {}", show(&after)));
        }
        Ok((Outcome { bytes, tree: tree(&self.server.path("html/work")) }, fired))
    }

    /// `None`: fewer calls were made, so none failed. `Some(None)`: a call failed, and no fault was found.
    fn try_one(&self, deed: &Deed, fault: Fault<'_>, before: &Tree, good: &Outcome) -> Option<Option<String>> {
        let (call, nth, errno) = fault;
        assert!(nth < CALLS_MAX, "{}: {call} without end", deed.name);
        let judged = match self.run(deed, Some(fault)) {
            Ok((_, false)) => return None,
            Ok((got, true)) => judge(deed, (call, errno), before, good, &got),
            Err(why) => Err(why),
        };
        Some(judged.err().map(|why| format!("{}: {call} {nth} fails with {errno}: {why}", deed.name)))
    }

    /// Lets each call of a deed fail in each way.
    fn try_all(&self, deed: &Deed) -> Vec<String> {
        self.lay_out();
        let before = tree(&self.server.path("html/work"));
        let (good, _) = self.run(deed, None).unwrap_or_else(|e| panic!("{}: {e}", deed.name));
        let mut calls = self.faults.calls();
        calls.sort();
        calls.dedup();
        let mut wrong = Vec::new();
        for call in &calls {
            let again = if call == "epoll_ctl" { None } else { Some((EINTR, 1)) }; // which does not sleep
            let failures = failures(call).iter().map(|errno| (*errno, CALLS_MAX));
            // A refused call is not made again, so that it is the last to fail.
            for (errno, most) in again.into_iter().chain(failures) {
                wrong.extend(
                    (1..=most).map_while(|nth| self.try_one(deed, (call, nth, errno), &before, &good)).flatten(),
                );
            }
            assert!(wrong.len() < 20, "{}", wrong.join("\n"));
        }
        let pid = self.server.process.pid();
        wait_for("no process left", || children(pid).is_empty().then_some(()));
        wrong
    }
}

fn deed_get(target: &str) -> Deed {
    deed("GET", &format!("GET {target} HTTP/1.1"), b"")
}

fn is_hidden(name: &str) -> bool {
    name.ends_with(".part") || name.ends_with(".gone")
}

/// Whether this may come of a call that fails so.
fn judge(deed: &Deed, failure: (&str, i32), before: &Tree, good: &Outcome, got: &Outcome) -> Result<(), String> {
    let (call, errno) = failure;
    let mut tree = got.tree.clone();
    tree.retain(|name, _| !name.contains(".gone"));
    let (is_done, is_undone) = (tree == good.tree, tree == *before);
    // What was replaced has left the place where it was; when its removal fails, it stays under its hidden name.
    if let Some(name) = got.tree.keys().find(|name| is_hidden(name) && !(is_done && name.ends_with(".gone"))) {
        return Err(format!("{name} stays behind"));
    }
    // What has been removed does not come back when the rest cannot be.
    let is_part = deed.bytes.starts_with(b"DELETE") && tree.iter().all(|(name, what)| before.get(name) == Some(what));
    if !is_done && !is_undone && !is_part {
        return Err(format!("it is half done: {:?}", tree.keys()));
    }
    if deed.host == DIRECTORY {
        return judge_session(call, errno, good, got);
    }
    let (meant, _) = http::parse(&good.bytes, false, true)?.unwrap();
    let Some((answer, _)) = http::parse(&got.bytes, false, true)? else {
        let may_be = errno != EINTR
            && failure != ("sendfile", EINVAL)
            && (OF_CONNECTIONS.contains(&call) || !got.bytes.is_empty());
        return if may_be { Ok(()) } else { Err(format!("there is no answer: {}", show(&got.bytes))) };
    };
    let allowed = match deed.name {
        "form" if errno == EACCES => &[500], // the folder is the configuration's business, not the client's
        "program" if call == "writev" => &[502],
        _ => statuses(call, errno),
    };
    match answer.status {
        _ if answer.framing == http::Framing::Close => Err(format!("an end without a sign: {answer}")),
        // Told that the program does not read any more, the server does not give it the rest.
        200 if (deed.name, call, errno) == ("program", "writev", EPIPE) && meant.body.starts_with(&answer.body) => {
            Ok(())
        }
        status if status == meant.status && is_done && answer.body == meant.body => Ok(()),
        status if errno != EINTR && allowed.contains(&status) && (is_undone || is_part) => Ok(()),
        _ => Err(format!("the answer is {answer}instead of {} or {allowed:?}; done: {is_done}", meant.status)),
    }
}

/// Each line is answered by what it should be, or by a failure; or the session ends.
fn judge_session(call: &str, errno: i32, good: &Outcome, got: &Outcome) -> Result<(), String> {
    let text = String::from_utf8_lossy(&got.bytes);
    let is_well = match errno {
        EINTR => got.bytes == good.bytes,
        _ if OF_CONNECTIONS.contains(&call) && good.bytes.starts_with(&got.bytes) => true,
        _ => SESSIONS.contains(&&*text),
    };
    if is_well { Ok(()) } else { Err(format!("answered by {}", show(&got.bytes))) }
}

/// What a session may hear when one of its lines fails.
const SESSIONS: &[&str] = &[
    "VERSION 1\r\nFAILED\r\n1\r\nin\r\n\r\nERROR\r\n",
    "VERSION 1\r\nSUCCEEDED\r\nERROR\r\n1\r\na",
    "VERSION 1\r\nSUCCEEDED\r\n1\r\na\r\n\r\nERROR\r\n",
];

fn form() -> Deed {
    let part = |name: &str, content: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=f; filename={name}\r\n\r\n{content}\r\n")
    };
    let body = [part("one", "1"), part("two", &"2".repeat(100_000)), "--b--\r\n".into()].concat();
    deed("form", "POST /up/ HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b", body.as_bytes())
}

#[track_caller]
fn check(http: &str, deeds: &[Deed]) {
    let mut bench = Bench::new(http);
    let wrong: Vec<String> = deeds.iter().flat_map(|deed| bench.try_all(deed)).collect();
    assert!(wrong.is_empty(), "{} failures were taken badly:\n{}", wrong.len(), wrong.join("\n"));
    bench.server.process.signal("QUIT");
    assert!(bench.server.process.exit().success());
}

#[test]
fn files_and_listings() {
    let big = deed_get("/big.bin");
    let deeds = [deed_get("/ok.txt"), big, deed_get("/work/tree/"), deed_get("/absent"), deed_get("/work")];
    check("open_file_cache off;", &deeds);
}

#[test]
fn files_that_are_kept() {
    check("open_file_cache_min_uses 1;", &[deed_get("/ok.txt"), deed_get("/absent")]);
}

#[test]
fn programs() {
    let body = noise(100_000, 2);
    let chunked = Deed {
        bytes: [
            b"POST /cat.sh HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n",
            &body[..],
            b"\r\n0\r\n\r\n",
        ]
        .concat(),
        ..deed("program", "", b"")
    };
    check("open_file_cache off;", &[deed_get("/cat.sh"), deed("program", "POST /cat.sh HTTP/1.1", &body), chunked]);
}

/// A server with one place for programs, and a program for which two looks are made: while it runs, and at its end.
fn one_place() -> (Server, Faults) {
    let host = "server { listen 127.0.0.1:0; cgi on; cgi_extension .sh; cgi_max_processes 1; cgi_queue 0; }";
    let setup = Setup::new(host, &[]).before(ON_COMMAND);
    setup.write("html/a.sh", b"#!/bin/sh\nsleep 0.2; printf 'Content-Type: a/b\\n\\nanswer'\n");
    make_executable(&setup.path("html/a.sh"));
    let faults = Faults::new(&setup.path("faults"));
    (setup.start(), faults)
}

#[test]
fn a_program_whose_wait_failed_kept_its_place_for_ever() {
    let (s, faults) = one_place();
    for nth in [1, 2] {
        faults.arm("waitpid", nth, EINVAL);
        assert_eq!(s.get("/a.sh").expect(200, "tried again").text(), "answer");
        assert!(faults.disarm());
        wait_for("no process left", || children(s.process.pid()).is_empty().then_some(()));
    }
    // Somebody else has reaped it: how it ended is not known.
    faults.arm("waitpid", 2, ECHILD);
    let bytes = s.exchange(b"GET /a.sh HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(!bytes.ends_with(b"0\r\n\r\n"), "it does not look whole: {}", show(&bytes));
    assert!(faults.disarm());
    assert_eq!(s.get("/a.sh").expect(200, "the next").text(), "answer");
}

#[test]
fn uploads() {
    let body = noise(100_000, 3);
    let new = deed("PUT", "PUT /work/new.txt HTTP/1.1", &body);
    let over = deed("PUT over", "PUT /work/old.txt HTTP/1.1", &body);
    check("open_file_cache off;", &[new, over, form()]);
}

#[test]
fn trees() {
    let ask = |name, head: &str| deed(name, head, b"");
    let deeds = [
        ask("DELETE file", "DELETE /work/old.txt HTTP/1.1"),
        ask("DELETE", "DELETE /work/tree/ HTTP/1.1"),
        ask("COPY", "COPY /work/tree/ HTTP/1.1\r\nDestination: /work/copy/"),
        ask("MOVE", "MOVE /work/tree/ HTTP/1.1\r\nDestination: /work/moved/"),
        ask("MOVE over", "MOVE /work/old.txt HTTP/1.1\r\nDestination: /work/tree/"),
        ask("MKCOL", "MKCOL /work/new/ HTTP/1.1"),
    ];
    check("open_file_cache off;", &deeds);
}

#[test]
fn the_directory_protocol() {
    let lines = b"VERSION 1\r\nCD in\r\nDIR\r\nGET a\r\nQUIT\r\n".to_vec();
    check("open_file_cache off;", &[Deed { name: "session", host: DIRECTORY, bytes: lines }]);
}

/// Where the configuration of a reload says which one it is.
fn version(number: usize) -> String {
    let log = number % 2;
    format!(
        "open_file_cache off; access_log logs/{log}.log;
         server {{ listen 127.0.0.1:0; location = /version {{ return 200 \"{number}\"; }} }}
         server {{ listen 127.0.0.{}:0; }}",
        2 + log
    )
}

/// The new configuration is in use as a whole and said to be, or the old one is; and the next reload succeeds.
#[test]
fn a_reload_of_which_a_call_fails() {
    let main = "error_log stderr notice;";
    let setup = Setup::new(&version(0), &[]).main(main).before(ON_COMMAND);
    let faults = Faults::new(&setup.path("faults"));
    let mut server = setup.start();
    let (good, bad) = ("reloaded: the new configuration is in use", "the old configuration stays in use");
    let mut number = 0;
    // Sends the signal, and returns whether the server says that it has the new configuration.
    let mut reload = |fault: Option<Fault<'_>>| {
        let (before, now) = (number, number + 1);
        number = now;
        server.rewrite(main, &version(now));
        let heard = server.said().len();
        faults.forget();
        if let Some((call, nth, errno)) = fault {
            faults.arm(call, nth, errno);
        }
        server.process.signal("HUP");
        let is_new = wait_for(&format!("the end of the reload with {fault:?}"), || {
            let said = &server.said()[heard..];
            (said.contains(good) || said.contains(bad)).then(|| said.contains(good))
        });
        let calls = faults.calls();
        let fired = faults.disarm();
        let expected = if is_new { now } else { before };
        assert_eq!(server.get("/version").text(), expected.to_string(), "{fault:?}: {}", &server.said()[heard..]);
        if !is_new {
            number = before;
        }
        (is_new, fired, calls)
    };
    reload(None);
    let (is_new, _, mut calls) = reload(None);
    assert!(is_new);
    calls.sort();
    calls.dedup();
    for call in &calls {
        for errno in failures(call).iter().chain(&[EINTR]) {
            for nth in 1..CALLS_MAX {
                let (_, fired, _) = reload(Some((call, nth, *errno)));
                assert!(reload(None).0, "the reload after {call} {nth} failed with {errno}");
                if !fired || *errno == EINTR {
                    break;
                }
            }
        }
    }
    server.process.signal("QUIT");
    assert!(server.process.exit().success());
}

/// It serves in spite of it, or it ends and has said why.
#[test]
fn a_start_of_which_a_call_fails() {
    let mut bench = Bench::new("");
    bench.server.process.stop();
    let (dir, config) = (bench.server.path("."), bench.server.path("webserv.conf"));
    let arguments = ["-p", dir.to_str().unwrap(), "-c", config.to_str().unwrap()].map(String::from);
    let start = || {
        let mut process = Process::start(&arguments, &dir, Some(ON_COMMAND));
        let status = wait_for("the start or the end", || {
            let status = process.exit_within(Duration::ZERO);
            (status.is_some() || process.stderr().matches("listening on").count() == 2).then_some(status)
        });
        // It may still fail to open its poller after it has said where it listens.
        let status = status.or_else(|| {
            process.signal("QUIT");
            Some(process.exit()).filter(|status| !status.success())
        });
        process.stop();
        (status, process.stderr())
    };
    bench.faults.forget();
    assert_eq!(start().0, None);
    let mut calls = bench.faults.calls();
    calls.sort();
    for (nth, call) in calls.chunk_by(|a, b| a == b).flat_map(|same| (1..).zip(same)) {
        for errno in failures(call) {
            bench.faults.arm(call, nth, *errno);
            let (status, said) = start();
            bench.faults.disarm();
            let told = status.is_none_or(|status| status.code() == Some(1) && said.contains("(os error"));
            assert!(told && !said.contains("panicked"), "{call} {nth} fails with {errno}: {status:?}, {said}");
        }
    }
}
