//! Calls that the kernel, a file system or the filter of a container refuses: the server uses others instead, and each
//! answer is whole.
#![cfg(target_os = "linux")]

mod harness;

use harness::fault::{Faults, ON_COMMAND, errno::*};
use harness::scripts::make_executable;
use harness::{Response, Server, Setup, each, noise};
use std::fs;

/// What may be refused, and by which errors.
const REFUSALS: &[(&str, &[i32])] = &[
    ("sendfile", &[EINVAL, ENOSYS, EPERM, EOPNOTSUPP]),
    ("sendmsg", &[ENOSYS, EOPNOTSUPP, EPERM]),
    ("copy_file_range", &[EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM]),
    ("O_TMPFILE", &[EOPNOTSUPP, EINVAL, ENOSYS, EPERM]),
    ("linkat", &[ENOENT, EXDEV, ENOSYS, EPERM]),
    ("renameat2", &[EINVAL, ENOSYS, EPERM]),
    ("fsync", &[EINVAL, ENOSYS, EOPNOTSUPP]),
    ("statfs", &[ENOSYS, EPERM]),
    ("inotify_init1", &[ENOSYS, EPERM, EMFILE]),
    ("inotify_add_watch", &[ENOSYS, EINVAL, EPERM, ENOSPC]),
    ("inotify_rm_watch", &[ENOSYS, EPERM]),
    ("accept4", &[ENOSYS, EINVAL, EPERM]),
    ("setsockopt", &[EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ENOTTY]),
    ("pidfd_open", &[ENOSYS, EINVAL, EPERM]),
    ("signalfd", &[ENOSYS, EINVAL, EPERM]),
    ("preadv2", &[EOPNOTSUPP, EINVAL, ENOSYS, EPERM]),
    ("getrandom", &[ENOSYS, EPERM]),
    ("setrlimit", &[EPERM, EINVAL, ENOSYS]),
];

const CONFIG: &str = "server { listen 127.0.0.1:0; client_max_body_size 0; dav_methods PUT DELETE MKCOL COPY MOVE;
    dav_sync on; autoindex on; userid on; tcp_nopush on;
    location /store/ { upload_store html/store; }
    location /cgi/ { cgi on; cgi_extension .sh; } }";

struct Site {
    s: Server,
    faults: Faults,
    big: Vec<u8>,
}

/// A server that is refused each of these calls, from its start on.
fn site(call: &str, errno: i32) -> Site {
    let big = noise(300_000, 1);
    let files: [(&str, &[u8]); 6] = [
        ("small", b"small"),
        ("big", &big),
        ("old", b"old"),
        ("tree/a", &big),
        ("tree/in/b", b"b"),
        ("cgi/cat.sh", b"#!/bin/sh\nprintf 'Content-Type: a/b\\n\\n'; cat; exec 1>&-; sleep 0.04\n"),
    ];
    let setup = Setup::new(CONFIG, &files).before(&format!("ulimit -Sn 500; {ON_COMMAND}"));
    make_executable(&setup.path("html/cgi/cat.sh"));
    fs::create_dir(setup.path("html/store")).unwrap();
    let faults = Faults::new(&setup.path("faults"));
    faults.refuse(call, errno);
    Site { s: setup.start(), faults, big }
}

impl Site {
    fn ask(&self, line: &str, fields: &str, body: &[u8]) -> Response {
        let head = format!("{line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}");
        let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
        self.s.ask([head.as_bytes(), body].concat())
    }

    fn file(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.s.path("html").join(name)).ok()
    }

    /// Whatever a client may ask for.
    fn use_all(&self) {
        let (s, big) = (&self.s, &self.big);
        for _ in 0..4 {
            assert_eq!(s.get("/small").expect(200, "small").body, b"small");
            assert!(s.get("/big").expect(200, "big").body == *big, "the big file, kept or not");
        }
        assert!(s.get_with("/big", "Range: bytes=9-250000\r\n").expect(206, "a range").body == big[9..=250_000]);
        s.get("/tree/").expect(200, "a listing");
        self.change_all();
        assert_eq!(self.ask("POST /cgi/cat.sh", "", b"echo").expect(200, "a program").body, b"echo");
    }

    /// Each change is done, and nothing is left of it but its result.
    fn change_all(&self) {
        let big = &self.big;
        for _ in 0..2 {
            self.ask("PUT /new", "", big).expect(201, "PUT of a new file");
            assert!(self.file("new").unwrap() == *big);
            self.ask("DELETE /new", "", b"").expect(204, "DELETE");
        }
        self.ask("PUT /old", "", big).expect(204, "PUT over a file");
        assert!(self.file("old").unwrap() == *big);
        self.ask("PUT /old", "If-None-Match: *\r\n", b"x").expect(412, "PUT of a name that is taken");
        self.ask("COPY /tree/", "Destination: /copy/\r\n", b"").expect(201, "COPY");
        self.ask("MOVE /copy/", "Destination: /moved/\r\n", b"").expect(201, "MOVE of a folder");
        self.ask("MOVE /old", "Destination: /moved/in/c\r\n", b"").expect(201, "MOVE of a file");
        self.ask("MOVE /moved/a", "Destination: /moved/in/c\r\nOverwrite: F\r\n", b"")
            .expect(412, "MOVE to a taken name");
        let moved = ["moved/a", "moved/in/b", "moved/in/c", "tree/a", "old"].map(|name| self.file(name));
        assert!(moved == [Some(big.clone()), Some(b"b".to_vec()), Some(big.clone()), Some(big.clone()), None]);
        let form = "--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\nform\r\n--b--\r\n";
        let fields = "Content-Type: multipart/form-data; boundary=b\r\n";
        for name in ["store/x", "store/x-1"] {
            self.ask("POST /store/", fields, form.as_bytes()).expect(201, name);
            assert_eq!(self.file(name).unwrap(), b"form");
        }
        let mut names: Vec<String> = fs::read_dir(self.s.path("html"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["big", "cgi", "moved", "small", "store", "tree"], "and no hidden name");
    }
}

/// sendfile(2) that was refused gave 200 and none of the bytes; accept4(2), no answer at all; linkat(2), 403 for each
/// upload; signalfd(2), a server that no signal stops; a program was lost, or the server did not start.
#[test]
fn a_refused_call_ends_no_answer() {
    refuse_each(REFUSALS.iter().step_by(2));
}

#[test]
fn another_refused_call_ends_no_answer() {
    refuse_each(REFUSALS.iter().skip(1).step_by(2));
}

/// Two tests, since tests run at the same time.
fn refuse_each(refusals: impl Iterator<Item = &'static (&'static str, &'static [i32])>) {
    let rows = refusals.flat_map(|(call, errnos)| errnos.iter().map(|errno| (*call, *errno)));
    each(rows, |(call, errno)| {
        let mut site = site(call, *errno);
        site.use_all();
        assert!(site.faults.calls().iter().any(|made| made == call), "{call} is not made, so nothing is tested");
        site.s.process.signal("QUIT");
        assert!(site.s.process.exit().success());
    });
}

#[test]
fn a_refused_call_is_not_made_again_for_each_file() {
    // The call, and how often it is made at most: once for the file system, for the process, or for the copy of a tree.
    for (call, errno, most) in
        [("sendfile", EINVAL, 1), ("accept4", ENOSYS, 2), ("linkat", EPERM, 1), ("copy_file_range", EXDEV, 1)]
    {
        let site = site(call, errno);
        for name in ["tree/c", "tree/d"] {
            site.s.write(&format!("html/{name}"), b"more");
        }
        for _ in 0..3 {
            site.s.get("/big").expect(200, "big");
            site.ask("PUT /new", "", b"new");
        }
        site.ask("COPY /tree/", "Destination: /copy/\r\n", b"").expect(201, "COPY");
        assert_eq!(site.file("copy/d").unwrap(), b"more");
        let made = site.faults.calls().iter().filter(|made| *made == call).count();
        assert!((1..=most).contains(&made), "{call} is made {made} times");
    }
}

/// It worked until now.
#[test]
fn a_call_that_is_refused_later_ends_no_answer_either() {
    let site = site("none", 0);
    site.s.write("html/long", &noise(20 << 20, 2));
    let program = || site.ask("POST /cgi/cat.sh", "", b"echo").expect(200, "a program").body;
    assert_eq!(program(), b"echo");
    for (call, nth) in [("preadv2", 1), ("preadv2", 2), ("pidfd_open", 1), ("clone", 1)] {
        for errno in [EINVAL, ENOSYS, EPERM] {
            site.faults.arm(call, nth, errno);
            assert_eq!(program(), b"echo", "{call} {nth} {errno}");
            assert!(site.faults.disarm(), "{call} {nth} is not made");
        }
    }
    for (call, nth) in [("accept4", 1), ("sendmsg", 1), ("sendfile", 3)] {
        site.faults.arm(call, nth, EINVAL);
        assert!(site.s.get("/long").expect(200, call).body == noise(20 << 20, 2), "{call}");
        assert!(site.faults.disarm(), "{call} {nth} is not made");
    }
    assert!(site.s.said().contains("read and written instead"), "{}", site.s.said());
}
