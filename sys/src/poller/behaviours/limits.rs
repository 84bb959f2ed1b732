//! Timeouts, signals, refused watches, and many descriptors.

use super::*;
use std::collections::BTreeSet;
use std::fs::File;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_timeout_is_never_cut_short() {
    each(|poller| {
        for timeout in [0, 1, 999, 1_200_000, 1_999_999, 5_700_001].map(Duration::from_nanos) {
            let (mut out, start) = (Vec::new(), Instant::now());
            poller.wait(Some(timeout), &mut out).unwrap();
            assert!(start.elapsed() >= timeout, "{timeout:?} ended after {:?}", start.elapsed());
            assert_eq!(out, [], "nothing is armed");
        }
    });
}

#[test]
fn timeouts_in_milliseconds_are_rounded_up() {
    for (timeout, expected) in [
        (None, -1),
        (Some(Duration::ZERO), 0),
        (Some(Duration::from_nanos(1)), 1),
        (Some(Duration::from_millis(7)), 7),
        (Some(Duration::from_micros(7_001)), 8),
        (Some(TIMEOUT_MAX), i32::MAX),
        (Some(Duration::MAX), i32::MAX),
    ] {
        assert_eq!(millis(timeout), expected, "{timeout:?}");
    }
}

#[test]
fn a_wait_for_ever_ends_with_an_event_and_takes_the_longest_timeout_for_it() {
    each(|poller| {
        for timeout in [None, Some(Duration::MAX)] {
            let (read_end, write_end) = pipe();
            poller.arm(Watch::Read(read_end.as_fd()), token(1)).unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| write(&write_end, b"x"));
                let mut out = Vec::new();
                while out.is_empty() {
                    poller.wait(timeout, &mut out).unwrap();
                }
                assert_eq!(out, [Ready { token: token(1), hangup: false }]);
            });
            poller.disarm(Watch::Read(read_end.as_fd())).unwrap();
        }
    });
}

extern "C" fn caught(_: i32) {}

#[test]
fn a_caught_signal_ends_the_wait_and_loses_no_change() {
    // SAFETY: the handler does nothing. SIGURG is used by no other test, and is ignored where it is not caught.
    let me = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = caught as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGURG, &action, std::ptr::null_mut()), 0);
        libc::pthread_self()
    };
    each(|poller| {
        let (read_end, write_end) = pipe();
        poller.arm(Watch::Read(read_end.as_fd()), token(1)).unwrap();
        let (over, mut out) = (AtomicBool::new(false), Vec::new());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    // SAFETY: the thread `me` waits for this one, so it lives.
                    unsafe { libc::pthread_kill(me, libc::SIGURG) };
                    std::thread::yield_now();
                }
            });
            let result = poller.wait(None, &mut out); // only a signal can end it
            over.store(true, Ordering::Relaxed);
            result.unwrap();
        });
        assert_eq!(out, []);
        write(&write_end, b"x");
        assert_eq!(tokens(poller), [token(1)]);
    });
}

#[test]
fn what_never_waits_is_refused() {
    each(|poller| {
        let error = poller.arm(Watch::Always, token(1)).unwrap_err();
        assert_eq!((error.call(), error.errno()), ("arm", libc::EINVAL));
        assert_quiet(poller);
    });
}

#[test]
fn a_regular_file_is_refused_by_epoll_and_ready_for_the_others() {
    each(|poller| {
        let file = File::open(std::env::current_exe().unwrap()).unwrap();
        let armed = poller.arm(Watch::Read(file.as_fd()), token(1));
        if poller.name() == "epoll" {
            let error = armed.unwrap_err();
            assert_eq!((error.call(), error.errno()), ("epoll_ctl", libc::EPERM));
            assert_quiet(poller);
        } else {
            armed.unwrap();
            assert_eq!(fired(poller), [Ready { token: token(1), hangup: false }]);
        }
        poller.disarm(Watch::Read(file.as_fd())).unwrap();
        assert_quiet(poller);
    });
}

#[test]
fn pollers_are_known_by_name() {
    assert_eq!(open(None).unwrap().name(), names()[0]);
    for name in ["", "Epoll", "eventport"] {
        let error = open(Some(name)).err().unwrap();
        assert_eq!(error.errno(), libc::EINVAL, "{name}");
    }
}

/// Raises the limit of descriptors to its maximum, and returns the number of pipes that can be opened.
fn pipes_max() -> usize {
    // SAFETY: one struct rlimit is read and written.
    let limit = unsafe {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        limit.rlim_cur = limit.rlim_max.min(20_000);
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
        limit.rlim_cur as usize
    };
    let pipes = (limit - 100).min(10_000) / 2;
    assert!(pipes >= 1000, "2,100 descriptors are needed at least, and the hard limit is {limit}");
    pipes
}

/// Checks that each descriptor gets its turn, if more are ready than fit into one wait.
fn each_is_served(poller: &mut dyn Poller, pipes: &[(OwnedFd, OwnedFd)]) {
    for (_, write_end) in pipes {
        write(write_end, b"x");
    }
    let mut served = BTreeSet::new();
    for _ in 0..3 + 2 * pipes.len() / EVENTS_MAX {
        served.extend(tokens(poller));
    }
    assert_eq!(served.len(), pipes.len());
    for (read_end, _) in pipes {
        assert_eq!(read(read_end), b"x");
    }
    assert_quiet(poller);
}

#[test]
fn ten_thousand_descriptors() {
    let name = "poller::behaviours::limits::ten_thousand_descriptors_in_a_process_of_their_own";
    let alone = Command::new(std::env::current_exe().unwrap()).args(["--exact", "--ignored", name]).output().unwrap();
    let output = String::from_utf8_lossy(&alone.stdout);
    assert!(alone.status.success() && output.contains("1 passed"), "{output}");
}

#[test]
#[ignore = "takes nearly all descriptors of its process; run by ten_thousand_descriptors"]
fn ten_thousand_descriptors_in_a_process_of_their_own() {
    let pipes_max = pipes_max();
    each(|poller| {
        let mut pipes = Vec::new();
        for index in 0..pipes_max {
            let (read_end, write_end) = pipe();
            if poller.name() == "select" && write_end.as_raw_fd() >= 1024 {
                let error = poller.arm(Watch::Write(write_end.as_fd()), token(0)).unwrap_err();
                assert_eq!((error.call(), error.errno()), ("select", libc::EINVAL));
                poller.disarm(Watch::Write(write_end.as_fd())).unwrap();
                break;
            }
            poller.arm(Watch::Read(read_end.as_fd()), token(index as u32)).unwrap();
            pipes.push((read_end, write_end));
        }
        assert!(pipes.len() >= 490, "{} pipes", pipes.len());
        assert_quiet(poller);
        each_is_served(poller, &pipes);
        // First every seventh, then all of them.
        for step in [7, 1] {
            let mut expected = BTreeSet::new();
            for (index, (_, write_end)) in pipes.iter().enumerate().step_by(step) {
                write(write_end, b"x");
                expected.insert(token(index as u32));
            }
            while !expected.is_empty() {
                for token in tokens(poller) {
                    assert!(expected.remove(&token), "{token:?} fired for nothing");
                    assert_eq!(read(&pipes[token.index as usize].0), b"x");
                }
            }
            assert_quiet(poller);
        }
        for (read_end, write_end) in &pipes {
            write(write_end, b"x");
            poller.disarm(Watch::Read(read_end.as_fd())).unwrap();
        }
        assert_quiet(poller);
    });
}
