//! Children and files.

use super::*;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Starts a child that runs until its standard input is closed.
fn spawn() -> Child {
    Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

fn pid(child: &Child) -> Pid {
    child.id() as Pid
}

/// Ends the child and waits for its end, without reaping it.
fn end(child: &mut Child) {
    drop(child.stdin.take());
    // SAFETY: a siginfo_t is plain data, and waitid fills one.
    let result = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        libc::waitid(libc::P_PID, child.id() as _, &mut info, libc::WEXITED | libc::WNOWAIT)
    };
    assert_eq!(result, 0);
}

/// Waits until `token` fires and the child can be reaped, which may be later: an exit may be told early. Reaps it.
#[track_caller]
fn reap(poller: &mut dyn Poller, child: &mut Child, token: Token) -> ExitStatus {
    loop {
        assert_eq!(fired(poller), [Ready { token, hangup: false }]);
        if let Some(status) = child.try_wait().unwrap() {
            poller.disarm(Watch::Exit(pid(child))).unwrap();
            return status;
        }
    }
}

/// The exit was told once, before waitpid(2) saw it, and then never again. (The stand-in for kqueue(2) tells every
/// second and third of these early.)
#[test]
fn the_end_of_a_child_fires() {
    each(|poller| {
        for _ in 0..3 {
            let mut child = spawn();
            poller.arm(Watch::Exit(pid(&child)), token(1)).unwrap();
            if poller.name() == "epoll" {
                assert_quiet(poller); // never early
            }
            poller.arm(Watch::Exit(pid(&child)), token(2)).unwrap();
            drop(child.stdin.take());
            assert!(reap(poller, &mut child, token(2)).success(), "the poller has not reaped it");
            assert_quiet(poller);
        }
    });
}

#[test]
fn a_child_that_has_ended_already_fires_at_once() {
    each(|poller| {
        let mut child = spawn();
        end(&mut child);
        poller.arm(Watch::Exit(pid(&child)), token(1)).unwrap();
        assert_eq!(fired(poller), [Ready { token: token(1), hangup: false }]);
        poller.disarm(Watch::Exit(pid(&child))).unwrap();
        assert_quiet(poller);
        assert!(child.wait().unwrap().success(), "the poller has not reaped it");
    });
}

#[test]
fn a_child_that_was_reaped_already_fires_at_once() {
    each(|poller| {
        let mut child = spawn();
        assert!(child.wait().unwrap().success());
        poller.arm(Watch::Exit(pid(&child)), token(1)).unwrap();
        assert_eq!(tokens(poller), [token(1)]);
        poller.disarm(Watch::Exit(pid(&child))).unwrap();
        assert_quiet(poller);
    });
}

#[test]
fn a_child_that_nobody_watches_any_more_ends_in_silence() {
    each(|poller| {
        for wait_between in [false, true, true, true] {
            let mut child = spawn();
            poller.arm(Watch::Exit(pid(&child)), token(1)).unwrap();
            if wait_between {
                poller.wait(Some(Duration::ZERO), &mut Vec::new()).unwrap();
            }
            poller.disarm(Watch::Exit(pid(&child))).unwrap();
            end(&mut child);
            assert_quiet(poller);
            child.wait().unwrap();
        }
    });
}

#[test]
fn many_children_end_at_once() {
    each(|poller| {
        let mut children: Vec<Child> = (0..40).map(|_| spawn()).collect();
        for (index, child) in children.iter_mut().enumerate() {
            if index % 4 == 0 {
                end(child);
            }
            poller.arm(Watch::Exit(pid(child)), token(index as u32)).unwrap();
        }
        for child in &mut children {
            drop(child.stdin.take());
        }
        let mut ended = BTreeSet::new();
        while ended.len() < children.len() {
            for token in tokens(poller) {
                let child = &mut children[token.index as usize];
                if child.try_wait().unwrap().is_some() {
                    poller.disarm(Watch::Exit(pid(child))).unwrap();
                    assert!(ended.insert(token), "fired twice");
                } else {
                    assert_ne!(poller.name(), "epoll", "fired too early");
                }
            }
        }
        assert_quiet(poller);
    });
}

/// A new, empty directory. Dropping it removes the directory and its content.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("webserv-poller-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_that_changes_fires_once_for_each_change() {
    each(|poller| {
        let scratch = Scratch::new();
        let path = scratch.0.join("file");
        let mut writer = File::create(&path).unwrap();
        let file = File::open(&path).unwrap();
        poller.arm(Watch::Change(file.as_fd()), token(1)).unwrap();
        assert_quiet(poller);
        let mut fires = |what: &str| {
            assert_eq!(tokens(poller), [token(1)], "{what}");
            assert_quiet(poller);
        };
        writer.write_all(b"contents").unwrap();
        fires("written");
        writer.set_len(3).unwrap();
        fires("cut");
        fs::rename(&path, path.with_extension("old")).unwrap();
        fires("renamed");
        fs::remove_file(path.with_extension("old")).unwrap();
        fires("deleted");
        poller.disarm(Watch::Change(file.as_fd())).unwrap();
        writer.write_all(b"more").unwrap();
        assert_quiet(poller);
    });
}

/// kqueue(2) got the watch with the next wait only.
#[test]
fn a_change_before_the_first_wait_was_not_told() {
    each(|poller| {
        let scratch = Scratch::new();
        let mut writer = File::create(scratch.0.join("file")).unwrap();
        poller.arm(Watch::Change(writer.as_fd()), token(1)).unwrap();
        writer.write_all(b"contents").unwrap();
        assert_eq!(tokens(poller), [token(1)]);
        assert_quiet(poller);
    });
}

#[test]
fn a_directory_fires_when_its_entries_change() {
    each(|poller| {
        let scratch = Scratch::new();
        let directory = File::open(&scratch.0).unwrap();
        poller.arm(Watch::Change(directory.as_fd()), token(1)).unwrap();
        assert_quiet(poller);
        fs::write(scratch.0.join("entry"), "").unwrap();
        assert_eq!(tokens(poller), [token(1)]);
        assert_quiet(poller);
        fs::remove_file(scratch.0.join("entry")).unwrap();
        assert_eq!(tokens(poller), [token(1)]);
        assert_quiet(poller);
    });
}

#[test]
fn two_descriptors_of_one_file_have_tokens_of_their_own() {
    each(|poller| {
        let scratch = Scratch::new();
        let path = scratch.0.join("file");
        let mut writer = File::create(&path).unwrap();
        let (one, two) = (File::open(&path).unwrap(), File::open(&path).unwrap());
        poller.arm(Watch::Change(one.as_fd()), token(1)).unwrap();
        poller.arm(Watch::Change(two.as_fd()), token(2)).unwrap();
        assert_quiet(poller);
        writer.write_all(b"x").unwrap();
        assert_eq!(tokens(poller), [token(1), token(2)]);
        poller.disarm(Watch::Change(one.as_fd())).unwrap();
        drop(one);
        writer.write_all(b"x").unwrap();
        assert_eq!(tokens(poller), [token(2)]);
        poller.arm(Watch::Change(two.as_fd()), token(3)).unwrap();
        writer.write_all(b"x").unwrap();
        assert_eq!(tokens(poller), [token(3)]);
        assert_quiet(poller);
    });
}
