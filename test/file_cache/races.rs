//! Concurrent writers and readers: no answer is older than its request.

use super::harness::{Client, Random, Response, Server, Setup, host, wait_for};
use super::{flip, overwrite, replace, warm};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The way in which a writer replaces a version.
const WAYS: [fn(&Path, &[u8]); 4] = [
    |path, content| OpenOptions::new().write(true).open(path).unwrap().write_all(content).unwrap(),
    replace,
    |path, content| {
        let new = path.with_extension(format!("{:x}", content.as_ptr() as usize));
        fs::write(&new, content).unwrap();
        fs::remove_file(path).unwrap();
        fs::rename(&new, path).unwrap();
    },
    |path, content| {
        // The directory is a symbolic link, whose target is changed.
        let link = path.parent().unwrap();
        let name = if fs::read_link(link).unwrap() == Path::new("v1") { "v2" } else { "v1" };
        replace(&link.with_file_name(name).join("a.txt"), content);
        flip(link, name);
    },
];

/// The number of copies of the version's name in a file.
const PIECES: usize = 40;

fn version(number: u64) -> Vec<u8> {
    format!("{number:08}").repeat(PIECES).into_bytes()
}

/// The state that writers and readers share.
#[derive(Default)]
struct Story {
    /// The last version that was begun, and the last one that was complete.
    begun: AtomicU64,
    done: AtomicU64,
    over: AtomicBool,
}

impl Story {
    /// Writes one version after another, each in a way that the seed chooses.
    fn write(&self, path: &Path, random: &mut Random) {
        for _ in 0..12 {
            let number = self.begun.load(Ordering::SeqCst) + 1;
            self.begun.store(number, Ordering::SeqCst);
            WAYS[random.below(WAYS.len())](path, &version(number));
            self.done.store(number, Ordering::SeqCst);
            pause(random);
        }
        self.over.store(true, Ordering::SeqCst);
    }

    /// Sends a request in a way that the seed chooses: on an open connection, on a new one, with a delayed end of the
    /// head, or two at once. Then checks that the response is a version that was valid when the request was complete,
    /// or later.
    fn read(&self, s: &Server, random: &mut Random) {
        const GET: &str = "GET /d/a.txt HTTP/1.1\r\nHost: h\r\n\r\n";
        let mut client = s.connect();
        while !self.over.load(Ordering::SeqCst) {
            let way = random.below(4);
            if way == 0 {
                client = s.connect();
            }
            let (early, late) = GET.split_at(if way == 2 { random.below(GET.len()) } else { 0 });
            let answers = if way == 3 { 2 } else { 1 };
            client.send(early);
            if way == 2 {
                pause(random);
            }
            let done = self.done.load(Ordering::SeqCst);
            client.send(late.repeat(answers));
            for _ in 0..answers {
                self.check(&client.response(), done);
            }
        }
    }

    fn check(&self, response: &Response, done: u64) {
        let begun = self.begun.load(Ordering::SeqCst);
        let alone = begun == done; // no writer was active from the request to the answer
        if response.status == 404 && !alone {
            return; // between remove and rename
        }
        assert_eq!(response.status, 200, "version {done} is there: {response}");
        let text = response.text();
        assert!(text.len() == 8 * PIECES, "{} bytes", text.len());
        for at in 0..PIECES {
            let found: u64 = text[8 * at..8 * at + 8].parse().unwrap();
            assert!((done..=begun).contains(&found), "version {found} came; {done} was complete, {begun} begun");
        }
    }
}

/// Lets other threads run, for a time that the seed chooses.
fn pause(random: &mut Random) {
    for _ in 0..random.below(200) {
        std::hint::spin_loop();
    }
    if random.below(3) == 0 {
        std::thread::yield_now();
    }
}

#[test]
fn no_answer_is_older_than_its_request() {
    for main in ["worker_processes 1;", "worker_processes 2;"] {
        let setup = Setup::new(&host("open_file_cache_min_uses 1;"), &[("v1/a.txt", &version(0)), ("v2/a.txt", b"")]);
        symlink("v1", setup.path("html/d")).unwrap();
        let s = setup.main(&format!("{main} error_log stderr notice;")).start();
        let path = s.path("html/d/a.txt");
        for seed in 0..50 {
            fs::write(&path, version(0)).unwrap();
            let story = Story::default();
            std::thread::scope(|scope| {
                let (story, s) = (&story, &s);
                for n in 1..4 {
                    scope.spawn(move || story.read(s, &mut Random(seed * 10 + n)));
                }
                story.write(&path, &mut Random(seed * 10));
            });
        }
    }
}

/// More clients are ready than one epoll_wait returns, and the event of the change comes after them in the kernel's
/// list: the loop reads the request before any wait has reported the change.
#[test]
fn a_change_that_no_wait_has_told_of_is_seen() {
    const READY_MAX: usize = 1024;
    if std::env::var("WEBSERV_TEST_POLLER").is_ok_and(|name| name == "select") {
        return println!("skipped: select(2) holds no more descriptors than that");
    }
    let config = host("open_file_cache_min_uses 1;");
    let files: &[(&str, &[u8])] = &[("a.txt", &version(0)), ("ok.txt", b"ok")];
    let s = Setup::new(&config, files).connections(2 * READY_MAX as u32).start();
    let mut client = s.connect();
    let mut others = Vec::new();
    for _ in 0..READY_MAX + 50 {
        let Ok(other) = Client::try_connect(&s.addresses[0]) else {
            return println!("skipped: the limit of descriptors is below {READY_MAX}");
        };
        others.push(other);
    }
    for number in 1..=3 {
        others.iter_mut().for_each(|client| assert_eq!(client.get("/ok.txt").status, 200));
        warm(&s, &mut client, "/a.txt", "html/a.txt");
        s.process.signal("STOP");
        wait_for("the server to stand still", || (s.process.state() == 'T').then_some(()));
        client.send("GET /a.txt HTTP/1.1\r\n");
        others.iter_mut().for_each(|client| client.send_get("/ok.txt"));
        overwrite(&s.path("html/a.txt"), &version(number));
        client.send("Host: h\r\n\r\n");
        s.process.signal("CONT");
        let response = client.response();
        assert!(response.body == version(number), "after change {number}: {}", response.text());
        others.iter_mut().for_each(|client| assert_eq!(client.response().status, 200));
    }
}
