//! No request makes a turn of its task long: whatever it asks for, the server makes a bounded number of system calls
//! before it asks the kernel again whether other clients have something to do.
#![cfg(target_os = "linux")]

mod harness;

use harness::fault::{Faults, ON_COMMAND};
use harness::scripts::make_executable;
use harness::{Response, Server, Setup, host, wait_for};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// The most calls between two waits: CALLS_PER_TURN in src/limits.rs.
const CALLS_MAX: u32 = 256;
/// The most turns between two waits, if none of them is long: TURNS_PER_ROUND.
const TURNS_MAX: u32 = 1024;

const CONFIG: &str = "client_max_body_size 0; autoindex on; open_file_cache_min_uses 1;
    dav_methods PUT DELETE MKCOL COPY MOVE; create_full_put_path on; large_client_header_buffers 4 16k;
    location /up/ { upload_store html/up; }
    location /synced/ { alias html/; upload_store html/up; dav_sync on; }
    location /strict/ { alias html/; disable_symlinks if_not_owner; index a b c d; }
    location /chunks/ { alias html/; sendfile_max_chunk 4k; open_file_cache off; }
    location = /noisy.sh { cgi on; }
    location /scripts/ { alias html/; cgi on; }";

/// A server that counts its calls.
struct Bench {
    s: Server,
    faults: Faults,
}

impl Bench {
    fn new() -> Self {
        let setup = Setup::new(&host(CONFIG), &[("ok.txt", b"ok"), ("up/taken", b"taken")]).before(ON_COMMAND);
        let faults = Faults::new(&setup.path("faults"));
        Self { s: setup.start(), faults }
    }

    /// Asks, and checks the status and how many calls were made in the longest round.
    #[track_caller]
    fn ask(&self, what: &str, status: u16, request: impl AsRef<[u8]>) -> Response {
        self.faults.forget();
        let response = self.s.ask(request).expect(status, what);
        self.judge(what, CALLS_MAX);
        response
    }

    #[track_caller]
    fn judge(&self, what: &str, most: u32) {
        let longest = self.faults.longest_round();
        println!("{what}: {longest} calls in one round, {} in all", self.faults.count());
        assert!((1..=most).contains(&longest), "{what}: {longest} calls in one round");
    }

    fn get(&self, what: &str, status: u16, path: &str) {
        self.ask(what, status, format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.s.path(&format!("html/{name}"))
    }

    fn names(&self, folder: &str) -> usize {
        fs::read_dir(self.path(folder)).unwrap().count()
    }
}

fn request(method: &str, target: &str, fields: &str, body: &str) -> String {
    format!(
        "{method} {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n{fields}\r\n{body}",
        body.len()
    )
}

fn put(target: &str) -> String {
    request("PUT", target, "", "x")
}

/// A form of 99 files of one byte, which `name` names.
fn form(target: &str, name: impl Fn(usize) -> String, end: &str) -> String {
    let part = |i| format!("--b\r\nContent-Disposition: form-data; name=f; filename={}\r\n\r\nx\r\n", name(i));
    let body = (0..99).map(part).collect::<String>() + end;
    request("POST", target, "Content-Type: multipart/form-data; boundary=b\r\n", &body)
}

/// Makes a path of `levels` directories with these names and a file `f` in the last one.
fn plant(root: &Path, name: &str, levels: usize) -> String {
    let below = vec![name; levels].join("/");
    fs::create_dir_all(root.join(&below)).unwrap();
    fs::write(root.join(&below).join("f"), "deep").unwrap();
    below
}

#[test]
fn a_put_that_made_thousands_of_directories_in_one_turn() {
    let b = Bench::new();
    b.ask("a deep PUT", 201, put(&format!("/put/{}/f", ["a"; 40].join("/"))));
    b.ask("a PUT that is too deep", 403, put(&format!("/deep/{}/f", ["a"; 4000].join("/"))));
    assert!(!b.path("deep").exists(), "a part of the path was made");
    // Directories that are there are not counted.
    let there = plant(&b.path("old"), "d", 200);
    b.ask("a PUT into a deep directory", 201, put(&format!("/old/{there}/new")));
}

#[test]
fn forms_of_many_files() {
    let b = Bench::new();
    b.ask("99 files", 201, form("/up/", |i| format!("f{i}"), "--b--"));
    assert_eq!(b.names("up"), 100);
    b.ask("99 files whose name is taken", 201, form("/up/", |_| "taken".into(), "--b--"));
    b.ask("99 files on the disk", 201, form("/synced/", |i| format!("g{i}"), "--b--"));
    assert_eq!(b.names("up"), 298);
    assert_eq!(fs::read(b.path("up/taken")).unwrap(), b"taken");
    b.ask("a form without its end", 400, form("/up/", |i| format!("h{i}"), ""));
    assert_eq!(b.names("up"), 298, "something is left");
    // The client leaves when its files are on the disk.
    b.faults.forget();
    let mut client = b.s.connect();
    let whole = form("/up/", |i| format!("i{i}"), "");
    let head_end = whole.find("\r\n\r\n").unwrap() + 4;
    client.send(whole[..head_end].replace("Content-Length: ", "Content-Length: 9"));
    client.send(&whole[head_end..]);
    wait_for("the last file", || (b.names("up") == 298 + 99).then_some(()));
    drop(client);
    wait_for("the files to go", || (b.names("up") == 298).then_some(()));
    b.judge("a client that leaves", CALLS_MAX);
}

#[test]
fn trees() {
    let b = Bench::new();
    plant(&b.path("tree/deep"), "a", 50);
    (0..300).for_each(|i| b.s.write(&format!("html/tree/wide/{i}"), b"x"));
    (0..300).for_each(|i| b.s.write(&format!("html/tree/dirs/{i}/f"), b"x"));
    b.ask("COPY", 201, request("COPY", "/tree/", "Destination: /copy/\r\n", ""));
    assert_eq!(b.names("copy/dirs") + b.names("copy/wide"), 600);
    b.ask("COPY over", 204, request("COPY", "/tree/", "Destination: /copy/\r\n", ""));
    b.ask("MOVE", 201, request("MOVE", "/copy/", "Destination: /moved/\r\n", ""));
    b.ask("DELETE", 204, request("DELETE", "/moved/", "", ""));
    plant(&b.path("deeper"), "a", 300);
    let (from, to) = (format!("/deeper/{}/", ["a"; 45].join("/")), format!("/tree/deep/{}/new/", ["a"; 45].join("/")));
    b.ask("COPY of too deep a tree", 403, request("COPY", &from, &format!("Destination: {to}\r\n"), ""));
    let far = format!("Destination: /deeper/{}/new/\r\n", ["a"; 200].join("/"));
    b.ask("COPY into a directory that is too deep", 403, request("COPY", "/tree/wide/", &far, ""));
    b.ask("DELETE of a deep tree", 204, request("DELETE", "/deeper/", "", ""));
}

#[test]
fn files_behind_long_paths() {
    let b = Bench::new();
    let deep = plant(&b.path(""), "d", 1000);
    b.get("a deep file", 200, &format!("/{deep}/f"));
    b.get("the same again", 200, &format!("/{deep}/f"));
    b.get("a deep listing", 200, &format!("/{deep}/"));
    symlink(".", b.path("loop")).unwrap();
    b.get("many links", 200, &format!("/{}/ok.txt", ["loop"; 30].join("/")));
    b.get("too many links", 403, &format!("/{}/ok.txt", ["loop"; 600].join("/")));
    b.get("links that are checked", 200, &format!("/strict/{}/ok.txt", ["loop"; 40].join("/")));
    b.get("too many links that are checked", 403, &format!("/strict/{}/ok.txt", ["loop"; 600].join("/")));
    b.get("a listing with four index files", 200, &format!("/strict/{}/", ["loop"; 40].join("/")));
    b.get("a listing far below", 403, &format!("/strict/{deep}/"));
    b.get("a script far below", 403, &format!("/scripts/{deep}/absent"));
}

#[test]
fn many_of_something() {
    let b = Bench::new();
    fs::create_dir(b.path("many")).unwrap();
    (0..1000).for_each(|i| b.s.write(&format!("html/many/{i}"), b"x"));
    (0..1000).for_each(|i| symlink("0", b.path(&format!("many/l{i}"))).unwrap());
    b.get("a long listing", 200, "/many/");
    fs::write(b.path("long"), vec![b'x'; 8 << 20]).unwrap();
    b.get("a file in small chunks", 200, "/chunks/long");
    let ranges: Vec<String> = (0..400).map(|i| format!("{}-{}", i * 20_000, i * 20_000 + 9)).collect();
    b.get("a file that is kept", 200, "/long");
    b.faults.forget();
    b.s.ask(request("GET", "/long", &format!("Range: bytes={}\r\n", ranges.join(",")), "")).expect(206, "ranges");
    b.judge("many ranges", TURNS_MAX); // each turn sends two
    b.faults.forget();
    let mut client = b.s.connect();
    let absent: String = (0..900).map(|i| format!("GET /absent/{i} HTTP/1.1\r\nHost: h\r\n\r\n")).collect();
    client.send(absent);
    (0..900).for_each(|_| _ = client.response().expect(404, "one of many"));
    b.judge("many requests at once", 5 * TURNS_MAX);
    b.s.write("html/noisy.sh", b"#!/bin/sh\nyes | head -c 20000 >&2; printf 'Content-Type: a/b\\n\\nx'\n");
    make_executable(&b.path("noisy.sh"));
    b.get("a noisy program", 200, "/noisy.sh");
}

#[test]
fn many_kept_files_that_go_at_once() {
    let b = Bench::new();
    (0..500).for_each(|i| b.s.write(&format!("html/kept/{i}"), b"x"));
    let mut client = b.s.connect();
    (0..500).for_each(|i| _ = client.get(&format!("/kept/{i}")).expect(200, "kept"));
    fs::rename(b.path("kept"), b.path("gone")).unwrap();
    b.get("the first request after it", 404, "/kept/0");
    b.s.assert_alive("many kept files that go at once");
    b.judge("many kept files that go at once", CALLS_MAX);
}
