//! `open_file_cache`: a kept file is never stale. If a change was complete before a request was sent, the answer has
//! it.

mod harness;
#[path = "file_cache/heads.rs"]
mod heads;
#[path = "file_cache/races.rs"]
mod races;

use harness::{Client, Response, Server, Setup, each, host, site, wait_for};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

/// True if the server watches this file or directory: then it keeps an answer that depends on it (Linux, proc(5)).
fn is_watched(s: &Server, path: &Path) -> bool {
    let inode = format!("ino:{:x}", fs::metadata(path).unwrap().ino());
    watches(s).iter().any(|line| line.split(' ').any(|word| word == inode))
}

/// One line for each file or directory that the server watches.
fn watches(s: &Server) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{}/fdinfo", s.process.serving_pid())).unwrap();
    let texts = entries.filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok());
    let texts: Vec<String> = texts.collect();
    texts.iter().flat_map(|text| text.lines()).filter(|l| l.starts_with("inotify wd:")).map(String::from).collect()
}

/// Requests the file until it is kept.
#[track_caller]
fn warm(s: &Server, client: &mut Client, target: &str, file: &str) -> Response {
    s.tag(target);
    let mut last = None;
    for _ in 0..3 {
        last = Some(client.get(target));
    }
    if cfg!(target_os = "linux") {
        assert!(is_watched(s, &s.path(file)), "{target} is not kept after three requests: {:?}", watches(s));
    }
    last.unwrap()
}

/// Writes a new file and renames it over this one.
fn replace(path: &Path, content: &[u8]) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(new, path).unwrap();
}

/// Changes the target of a symbolic link in one step, as deployments do.
fn flip(link: &Path, target: &str) {
    let new = link.with_extension("new");
    symlink(target, &new).unwrap();
    fs::rename(new, link).unwrap();
}

/// Content of the same size, and the same time, so that neither shows the change.
fn overwrite(path: &Path, content: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    let meta = file.metadata().unwrap();
    assert_eq!(meta.len(), content.len() as u64);
    file.write_all(content).unwrap();
    file.set_times(fs::FileTimes::new().set_modified(meta.modified().unwrap())).unwrap();
}

struct Row {
    what: &'static str,
    /// Directives for the server block.
    config: &'static str,
    /// The files to create in `html` before the start; their content is "old".
    file: &'static str,
    target: &'static str,
    change: fn(&Server),
    status: u16,
    body: &'static str,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.what)
    }
}

const PLAIN: Row =
    Row { what: "", config: "", file: "a.txt", target: "/a.txt", change: |_| {}, status: 200, body: "new" };

/// Changes of the file itself.
fn of_the_file() -> Vec<Row> {
    vec![
        Row { what: "overwritten, the time set back", change: |s| overwrite(&s.path("html/a.txt"), b"new"), ..PLAIN },
        Row { what: "replaced", change: |s| replace(&s.path("html/a.txt"), b"new"), ..PLAIN },
        Row { what: "truncated and written", change: |s| s.write("html/a.txt", b"new"), ..PLAIN },
        Row {
            what: "appended to",
            change: |s| {
                let mut file = OpenOptions::new().append(true).open(s.path("html/a.txt")).unwrap();
                file.write_all(b"er").unwrap();
            },
            body: "older",
            ..PLAIN
        },
        Row { what: "emptied", change: |s| drop(File::create(s.path("html/a.txt")).unwrap()), body: "", ..PLAIN },
        Row {
            what: "written by another of its names",
            change: |s| {
                fs::hard_link(s.path("html/a.txt"), s.path("another.txt")).unwrap();
                overwrite(&s.path("another.txt"), b"new");
            },
            ..PLAIN
        },
        Row {
            what: "removed",
            change: |s| fs::remove_file(s.path("html/a.txt")).unwrap(),
            status: 404,
            body: "",
            ..PLAIN
        },
        Row {
            what: "a large file, which is kept open",
            config: "open_file_cache_bytes 2 file=2;",
            change: |s| replace(&s.path("html/a.txt"), b"new"),
            ..PLAIN
        },
        Row {
            what: "a large file that is overwritten",
            config: "open_file_cache_bytes 0;",
            change: |s| overwrite(&s.path("html/a.txt"), b"new"),
            ..PLAIN
        },
    ]
}

/// Changes of the path to the file, and changes by the server.
fn of_its_path() -> Vec<Row> {
    vec![
        Row {
            what: "in a directory that is another now",
            file: "d/e/a.txt",
            target: "/d/e/a.txt",
            change: |s| {
                s.write("html/d2/e/a.txt", b"new");
                fs::rename(s.path("html/d"), s.path("html/d3")).unwrap();
                fs::rename(s.path("html/d2"), s.path("html/d")).unwrap();
            },
            ..PLAIN
        },
        Row {
            what: "the root is another directory now",
            change: |s| {
                s.write("html2/a.txt", b"new");
                fs::rename(s.path("html"), s.path("html3")).unwrap();
                fs::rename(s.path("html2"), s.path("html")).unwrap();
            },
            ..PLAIN
        },
        Row { what: "stored by PUT", config: "dav_methods PUT;", change: |s| put(s, "/a.txt", "new", 204), ..PLAIN },
        Row {
            what: "removed by DELETE",
            config: "dav_methods DELETE;",
            change: |s| drop(s.ask("DELETE /a.txt HTTP/1.1\r\nHost: h\r\n\r\n").expect(204, "DELETE")),
            status: 404,
            body: "",
            ..PLAIN
        },
        Row {
            what: "an index file with an earlier name",
            config: "index first.html second.html;",
            file: "d/second.html",
            target: "/d/",
            change: |s| s.write("html/d/first.html", b"new"),
            ..PLAIN
        },
        Row {
            what: "an index file with an earlier name by PUT",
            config: "index first.html second.html; dav_methods PUT;",
            file: "d/second.html",
            target: "/d/",
            change: |s| put(s, "/d/first.html", "new", 201),
            ..PLAIN
        },
        Row {
            what: "the whole file is gone, and its compressed copy is not asked for",
            config: "gzip_static on;",
            change: |s| {
                fs::rename(s.path("html/a.txt"), s.path("html/a.txt.gz")).unwrap();
            },
            status: 404,
            body: "",
            ..PLAIN
        },
    ]
}

fn put(s: &Server, target: &str, body: &str, status: u16) {
    let head = format!("PUT {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len());
    s.ask(head + body).expect(status, "PUT");
}

/// Checks the content of the file, also after it is kept again.
#[track_caller]
fn assert_now(client: &mut Client, target: &str, status: u16, body: &str) {
    for time in 0..4 {
        let response = client.get(target);
        assert_eq!(response.status, status, "request {time}: {response}");
        if status == 200 {
            assert_eq!(response.text(), body, "request {time}");
        }
    }
}

#[test]
fn a_change_is_seen_by_the_next_request() {
    each(of_the_file().into_iter().chain(of_its_path()), |row| {
        let s = site(row.config, &[(row.file, b"old"), ("ok.txt", b"ok")]);
        let mut client = s.connect();
        let before = warm(&s, &mut client, row.target, &format!("html/{}", row.file));
        assert_eq!((before.status, before.text().as_str()), (200, "old"));
        (row.change)(&s);
        assert_now(&mut client, row.target, row.status, row.body);
    });
}

#[test]
fn symbolic_links_that_are_flipped() {
    // Symbolic links: the file, a directory on the path, the root, a link to a link, a link that goes up and down
    // again.
    type Row = (&'static str, &'static str, fn(&Setup), fn(&Server));
    let rows: [Row; 5] = [
        (
            "the file",
            "/a.txt",
            |s| symlink("../v1/a.txt", s.path("html/a.txt")).unwrap(),
            |s| {
                flip(&s.path("html/a.txt"), "../v2/a.txt");
            },
        ),
        (
            "a directory",
            "/d/a.txt",
            |s| symlink("../v1", s.path("html/d")).unwrap(),
            |s| {
                flip(&s.path("html/d"), "../v2");
            },
        ),
        (
            "absolute",
            "/d/a.txt",
            |s| symlink(s.path("v1"), s.path("html/d")).unwrap(),
            |s| {
                let v2 = s.path("v2");
                flip(&s.path("html/d"), v2.to_str().unwrap());
            },
        ),
        (
            "behind another",
            "/d/a.txt",
            |s| {
                symlink("current", s.path("html/d")).unwrap();
                symlink("../v1", s.path("html/current")).unwrap();
            },
            |s| flip(&s.path("html/current"), "../v2"),
        ),
        (
            "its target",
            "/d/a.txt",
            |s| symlink("../v1", s.path("html/d")).unwrap(),
            |s| {
                fs::rename(s.path("v1"), s.path("v0")).unwrap();
                fs::rename(s.path("v2"), s.path("v1")).unwrap();
            },
        ),
    ];
    for (what, target, prepare, change) in rows {
        let setup = Setup::new(&host(""), &[("ok.txt", b"ok")]);
        setup.write("v1/a.txt", b"old");
        setup.write("v2/a.txt", b"new");
        prepare(&setup);
        let s = setup.start();
        let mut client = s.connect();
        assert_eq!(warm(&s, &mut client, target, "v1/a.txt").text(), "old", "{what}");
        change(&s);
        assert_now(&mut client, target, 200, "new");
    }
}

#[test]
fn a_link_is_refused_at_once_where_links_are_not_followed() {
    let s = site("disable_symlinks on;", &[("d/a.txt", b"old")]);
    // The path of the temporary directory must not contain symbolic links.
    let mut client = s.connect();
    if client.get("/d/a.txt").status == 403 {
        return println!("skipped: the temporary directory lies behind a link");
    }
    warm(&s, &mut client, "/d/a.txt", "html/d/a.txt");
    fs::rename(s.path("html/d"), s.path("html/real")).unwrap();
    symlink("real", s.path("html/d")).unwrap();
    assert_now(&mut client, "/d/a.txt", 403, "");
}

#[test]
fn permissions_count_at_once() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return println!("skipped: root makes the files that another user may not read");
    }
    for (what, path, mode) in [("the file", "html/d/a.txt", 0o600), ("its directory", "html/d", 0o700)] {
        let main = "user nobody; error_log stderr notice;";
        let s = Setup::new(&host(""), &[("d/a.txt", b"old")]).main(main).start();
        let mut client = s.connect();
        warm(&s, &mut client, "/d/a.txt", "html/d/a.txt");
        let before = fs::metadata(s.path(path)).unwrap().permissions();
        fs::set_permissions(s.path(path), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(client.get("/d/a.txt").status, 403, "{what}");
        fs::set_permissions(s.path(path), before).unwrap();
        assert_now(&mut client, "/d/a.txt", 200, "old");
    }
}

#[test]
fn that_there_is_no_file_is_kept_only_if_asked_for_and_no_longer_than_it_is_true() {
    type Row = (&'static str, &'static str, fn(&Server));
    let rows: [Row; 5] = [
        ("made", "/new.txt", |s| s.write("html/new.txt", b"new")),
        ("moved", "/new.txt", |s| fs::rename(s.path("html/d/other.txt"), s.path("html/new.txt")).unwrap()),
        ("PUT", "/new.txt", |s| put(s, "/new.txt", "new", 201)),
        ("its directory made", "/x/y/new.txt", |s| s.write("html/x/y/new.txt", b"new")),
        ("the target of a link", "/dangling", |s| s.write("html/nowhere", b"new")),
    ];
    for errors in ["on", "off"] {
        for (what, target, change) in rows {
            let s = site(&format!("open_file_cache_errors {errors}; dav_methods PUT;"), &[("d/other.txt", b"new")]);
            symlink("nowhere", s.path("html/dangling")).unwrap();
            let mut client = s.connect();
            for _ in 0..3 {
                assert_eq!(client.get(target).status, 404, "{what}");
            }
            if cfg!(target_os = "linux") {
                assert_eq!(is_watched(&s, &s.path("html")), errors == "on", "{what}: {:?}", watches(&s));
            }
            change(&s);
            assert_now(&mut client, target, 200, "new");
            let lines = || s.said().matches("No such file").count();
            wait_for("a line for each, kept or not", || (lines() == 3).then_some(()));
        }
    }
}

#[test]
fn what_is_kept_answers_as_the_file_itself() {
    let content: Vec<u8> = (0..10_000u32).flat_map(|n| n.to_le_bytes()).collect();
    for config in ["", "open_file_cache_bytes 0;", "open_file_cache off;"] {
        let s = site(&format!("{config} location /typed/ {{ alias html/; default_type a/b; }}"), &[("a", &content)]);
        let mut client = s.connect();
        let etag = s.tag("/a");
        let first = client.get("/a");
        for _ in 0..4 {
            let again = client.get("/a");
            let names = |r: &Response| r.fields.iter().filter(|f| f.0 != "Date").cloned().collect::<Vec<_>>();
            assert_eq!((again.status, names(&again)), (200, names(&first)), "{config}");
            assert!(again.body == content, "{config}");
            client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
            let head = client.response();
            assert_eq!((head.status, names(&head)), (200, names(&first)), "{config}");
            let typed = client.get("/typed/a");
            assert_eq!(typed.must("Content-Type"), "a/b", "{config}: each place has types of its own");
            for (field, status, body) in [
                (format!("If-None-Match: {etag}"), 304, &content[..0]),
                ("Range: bytes=7-19".into(), 206, &content[7..20]),
                ("Range: bytes=-1".into(), 206, &content[39_999..]),
                ("Range: bytes=40000-".into(), 416, &content[..0]),
                (format!("If-Match: {etag}"), 200, &content[..]),
                ("If-Match: \"no\"".into(), 412, &content[..0]),
            ] {
                client.send(format!("GET /a HTTP/1.1\r\nHost: h\r\n{field}\r\n\r\n"));
                let response = client.response();
                assert_eq!(response.status, status, "{config} {field}");
                assert!(status >= 400 || response.body == body, "{config} {field}");
            }
            client.send("GET /a HTTP/1.1\r\nHost: h\r\nRange: bytes=0-0,39999-39999\r\n\r\n");
            let parts = client.response();
            assert!(parts.status == 206 && parts.text().contains("bytes 39999-39999/40000"), "{config}");
            client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(client.response().status, 405, "{config}");
        }
    }
}

/// Hundreds of ranges of one kept file: more than fit into the pipes.
#[test]
fn many_parts_of_a_kept_file() {
    let content = harness::noise(60_000, 1);
    for config in ["", "open_file_cache_bytes 0;"] {
        let s = site(config, &[("a", &content)]);
        let mut client = s.connect();
        warm(&s, &mut client, "/a", "html/a");
        let ranges: Vec<String> = (0..700).map(|n| format!("{}-{}", n * 80, n * 80 + 3)).collect();
        client.send(format!("GET /a HTTP/1.1\r\nHost: h\r\nRange: bytes={}\r\n\r\n", ranges.join(",")));
        let response = client.response();
        assert_eq!(response.status, 206);
        let part = |n: usize| [b"\r\n\r\n".as_slice(), &content[n * 80..n * 80 + 4], b"\r\n--"].concat();
        for n in [0, 255, 256, 512, 699] {
            assert!(harness::http::find(&response.body, &part(n)).is_some(), "{config}: part {n}");
        }
    }
}

/// A client that has had an answer, and the number of descriptors then: a server that has only said that it listens may
/// still open some for its loop.
fn first_answer(s: &Server) -> (Client, usize) {
    let mut client = s.connect();
    client.get("/absent").expect(404, "/absent");
    (client, s.process.open_fds())
}

#[test]
fn limits_hold_and_everything_is_given_back() {
    let names: Vec<String> = (0..60).map(|n| format!("{n}.txt")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
    let config = "open_file_cache_min_uses 1; open_file_cache_bytes 0;";
    let s = site(&format!("open_file_cache max=10 inactive=1h; {config}"), &files);
    let (mut client, before) = first_answer(&s);
    for round in 0..3 {
        for name in &names {
            assert_eq!(client.get(&format!("/{name}")).text(), *name, "round {round}");
        }
    }
    let fds = s.process.open_fds() - before;
    assert!((10..=11).contains(&fds), "{fds} descriptors: ten files, inotify");
    let watched = names.iter().filter(|name| is_watched(&s, &s.path(&format!("html/{name}")))).count();
    assert_eq!(watched, 10);

    // None of them is asked for a second time within the patience of this one.
    let s = site(&format!("open_file_cache max=10 inactive=1s; {config}"), &files);
    let (mut client, before) = first_answer(&s);
    for name in &names[..10] {
        assert_eq!(client.get(&format!("/{name}")).text(), *name);
    }
    wait_for("idle files to be closed", || (s.process.open_fds() <= before + 1).then_some(()));
    wait_for("nothing to be watched", || watches(&s).is_empty().then_some(()));
    assert_eq!(client.get("/7.txt").text(), "7.txt");
}

#[test]
fn kept_files_make_room_for_clients() {
    let names: Vec<String> = (0..40).map(|n| format!("{n}.txt")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
    let config = host("open_file_cache_min_uses 1; open_file_cache_bytes 0;");
    let s = Setup::new(&config, &files).fds_max(64).connections(50).start();
    let mut client = s.connect();
    for name in &names {
        assert_eq!(client.get(&format!("/{name}")).text(), *name);
    }
    assert!(s.process.open_fds() > 45, "the files are not kept: a test of nothing");
    let mut clients: Vec<Client> = (0..30).map(|_| s.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/7.txt").text(), "7.txt");
    }
    assert!(!s.said().contains("no new clients"), "{}", s.said());
}

/// If there are more events than the kernel queues, events are lost: then no kept file is valid any more.
#[test]
fn a_change_among_too_many_is_seen() {
    let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap_or_default();
    let most: usize = most.trim().parse().unwrap_or(usize::MAX);
    if most > 100_000 {
        return println!("skipped: the kernel keeps too much news, or says nothing of it");
    }
    let s = site("", &[("a.txt", b"a"), ("b.txt", b"b"), ("c.txt", b"old")]);
    let mut client = s.connect();
    for name in ["a.txt", "b.txt", "c.txt"] {
        warm(&s, &mut client, &format!("/{name}"), &format!("html/{name}"));
    }
    s.process.signal("STOP");
    let mut files = ["html/a.txt", "html/b.txt"].map(|name| File::create(s.path(name)).unwrap());
    for _ in 0..most / 2 + 1 {
        files.iter_mut().for_each(|file| file.write_all(b"x").unwrap());
    }
    overwrite(&s.path("html/c.txt"), b"new");
    s.process.signal("CONT");
    assert_now(&mut client, "/c.txt", 200, "new");
    assert_eq!(client.get("/a.txt").body.len(), most / 2 + 1);
}

#[test]
fn a_reload_and_reopened_logs_begin_anew() {
    let http = |kind: &str| host(&format!("default_type {kind};"));
    let s = Setup::new(&http("old/type"), &[("a", b"old")]).start();
    let mut client = s.connect();
    assert_eq!(warm(&s, &mut client, "/a", "html/a").must("Content-Type"), "old/type");
    s.process.signal("USR1");
    wait_for("nothing to be kept", || watches(&s).is_empty().then_some(()));
    assert_eq!(warm(&s, &mut client, "/a", "html/a").must("Content-Type"), "old/type");
    s.rewrite("error_log stderr notice;", &http("new/type"));
    s.process.signal("HUP");
    wait_for("the new type", || (client.get("/a").must("Content-Type") == "new/type").then_some(()));
    assert_eq!(warm(&s, &mut client, "/a", "html/a").must("Content-Type"), "new/type");
}
