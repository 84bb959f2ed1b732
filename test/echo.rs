//! The echo protocol: bytes and lines, clients that read late, leave early or say nothing, and the end of the server.

mod harness;

use harness::process::{said, webserv};
use harness::scripts::rss_peak_kib;
use harness::{Client, PATIENCE, Server, Setup, noise, wait_for};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// More than the server and the kernel hold for a client that does not read.
const MUCH: usize = 24 << 20;

/// What is written at once.
const PART: usize = 64 << 10;

/// A server that sends bytes back, and one that sends lines back, with this in the block around them.
fn server(body: &str) -> Server {
    Setup::new("", &[]).main(&main(body)).start()
}

fn main(body: &str) -> String {
    format!(
        "error_log stderr info; echo {{ {body} server {{ listen 127.0.0.1:0; }}
         server {{ listen 127.0.0.2:0; echo_by lines; }} }}"
    )
}

/// Reads as many bytes as were sent, and nothing else.
#[track_caller]
fn expect(client: &mut Client, sent: &[u8]) {
    let (mut got, mut part) = (Vec::new(), [0; 4096]);
    while got.len() < sent.len() {
        let count = client.read_some(&mut part, PATIENCE).expect("an echo");
        assert_ne!(count, 0, "closed after {} bytes of {}", got.len(), sent.len());
        got.extend_from_slice(&part[..count]);
    }
    assert_eq!(got, sent);
}

/// Nothing has come back when the server has had its time for it: another client has had a whole echo meanwhile.
fn assert_silent(client: &mut Client, s: &Server) {
    let mut other = s.connect_to(0);
    other.send("other");
    expect(&mut other, b"other");
    assert!(client.read_some(&mut [0; 1], Duration::from_millis(1)).is_err());
}

#[test]
fn bytes_come_back_as_they_come_and_lines_when_they_are_whole() {
    let s = server("");
    let (mut bytes, mut lines) = (s.connect_to(0), s.connect_to(1));
    bytes.send("no line");
    expect(&mut bytes, b"no line");
    lines.send("one\ntwo\nhal");
    expect(&mut lines, b"one\ntwo\n");
    assert_silent(&mut lines, &s);
    lines.send("f\n");
    expect(&mut lines, b"half\n");
    for client in [&mut bytes, &mut lines] {
        client.send("the rest");
        client.half_close();
        assert_eq!(client.rest(), b"the rest");
    }
}

/// A line that is longer than the server reads ahead comes back in parts; all of it comes back.
#[test]
fn no_line_is_too_long() {
    let s = server("");
    let mut client = s.connect_to(1);
    let mut line = vec![b'x'; 1 << 20];
    line.push(b'\n');
    let mut writer = client.second();
    let sent = line.clone();
    let writing = std::thread::spawn(move || writer.send(sent));
    expect(&mut client, &line);
    writing.join().expect("the server reads on");
}

/// Its output fills, then its input, then the kernel's buffers: the server stops to read, and goes on when it reads.
#[test]
fn a_client_that_does_not_read_is_not_read_from() {
    let s = server("");
    let mut client = s.connect_to(0);
    let (mut writer, sent) = (client.second(), noise(MUCH, 7));
    let bytes = sent.clone();
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let writing = std::thread::spawn(move || {
        for part in bytes.chunks(PART) {
            writer.send(part);
            count.fetch_add(part.len(), Ordering::Relaxed);
        }
    });
    let mut before = 0;
    wait_for("a writer that waits", || {
        let now = written.load(Ordering::Relaxed);
        (std::mem::replace(&mut before, now) == now && now > 0).then_some(())
    });
    assert!(!writing.is_finished(), "{MUCH} bytes were taken in, with no reader");
    let mut others: Vec<Client> = (0..50).map(|_| s.connect_to(0)).collect();
    others.iter_mut().for_each(|other| other.send("others are served"));
    others.iter_mut().for_each(|other| expect(other, b"others are served"));
    expect(&mut client, &sent);
    writing.join().expect("all of it was read in the end");
    let peak_kib = rss_peak_kib(&s);
    assert!(peak_kib < 16 << 10, "{peak_kib} KiB with one client's {MUCH} bytes");
}

#[test]
fn a_client_that_says_nothing_is_left_and_one_that_has_left_is_forgotten() {
    let s = server("timeout 1s;");
    let (silent, mut busy) = (s.connect_to(0), s.connect_to(1));
    busy.send("x\n");
    expect(&mut busy, b"x\n");
    for mut client in [silent, busy] {
        client.assert_closed("after a second without bytes");
    }
    s.wait_said("no bytes for too long: closed");
    let fds = s.process.open_fds();
    drop((0..100).map(|_| s.connect_to(0)).collect::<Vec<_>>());
    wait_for("their descriptors being closed", || (s.process.open_fds() <= fds).then_some(()));
}

#[test]
fn who_echoes_nothing_makes_room_for_a_new_client() {
    let setup = Setup::new("", &[]).main(&main("timeout 60s;")).connections(10);
    let s = setup.start();
    let mut idle: Vec<Client> = (0..10).map(|_| s.connect_to(0)).collect();
    for client in &mut idle {
        client.send("x");
        expect(client, b"x");
    }
    let mut new = s.connect_to(0);
    new.send("new");
    expect(&mut new, b"new");
    s.wait_said("idle: closed to make room for a new client");
    let closed = |client: &mut Client| matches!(client.read_some(&mut [0; 1], Duration::from_millis(1)), Ok(0));
    wait_for("one that is closed", || idle.iter_mut().any(closed).then_some(()));
}

#[test]
fn at_the_end_what_was_read_comes_back_before_the_connection_ends() {
    let s = server("");
    let (mut whole, mut half) = (s.connect_to(1), s.connect_to(1));
    whole.send("whole\n");
    expect(&mut whole, b"whole\n");
    half.send("a\nb");
    expect(&mut half, b"a\n");
    s.process.signal("QUIT");
    whole.assert_ended("it had its echo");
    assert_eq!(half.rest(), b"b");
}

#[test]
fn the_example_of_the_first_page_is_right() {
    let page = include_str!("../README.md");
    let example = page.lines().find(|line| line.starts_with("    echo {")).expect("an example");
    let setup = Setup::new("", &[]);
    setup.write("webserv.conf", example.as_bytes());
    let output = webserv(setup.dir.path(), &["-t"]);
    assert!(output.status.success(), "{example}\n{}", said(&output));
}

#[test]
fn a_reload_may_change_what_an_address_speaks() {
    let s = server("");
    let mut old = s.connect_to(1);
    old.send("accepted\n"); // what waits at the old socket is reset
    expect(&mut old, b"accepted\n");
    let at = |listener: usize| s.addresses[listener].clone();
    let text =
        format!("error_log stderr info; echo {{ server {{ listen {}; }} server {{ listen {}; }} }}", at(0), at(1));
    s.rewrite(&text, "");
    s.process.signal("HUP");
    wait_for("bytes where there were lines", || {
        let mut new = s.connect_to(1);
        new.send("no line");
        let mut got = [0; 7];
        let came = new.read_some(&mut got, Duration::from_millis(200));
        (came.is_ok() && got == *b"no line").then_some(())
    });
    s.wait_said(&format!("no longer listening on {}", at(0)));
    old.send("still ");
    assert_silent(&mut old, &s);
    old.send("lines\n");
    expect(&mut old, b"still lines\n");
}
