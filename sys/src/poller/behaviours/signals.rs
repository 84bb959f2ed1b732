//! Signals. They are sent to the process, as others do (kqueue(2) need not tell those that are sent to a thread): so
//! each test runs in a separate process, whose threads block them.

use super::*;
use crate::testing::{assert_own_process, passes_with_blocked};

/// Runs an ignored test of this file in a separate process.
fn alone(test: &str) {
    passes_with_blocked(&format!("poller::behaviours::signals::{test}"), &[Signal::Usr1, Signal::Usr2, Signal::Hup]);
}

/// The same inside that process: runs `behaviour` for each poller.
fn each_alone(test: &str, behaviour: impl Fn(&mut dyn Poller)) {
    assert_own_process(&format!("poller::behaviours::signals::{test}"));
    each(behaviour);
}

fn send(signal: Signal) {
    crate::process::kill(crate::process::pid(), signal).unwrap();
}

#[test]
fn a_signal_fires_once_for_each_arrival() {
    alone("once_for_each_arrival");
}

#[test]
#[ignore = "run by a_signal_fires_once_for_each_arrival"]
fn once_for_each_arrival() {
    each_alone("once_for_each_arrival", |poller| {
        poller.arm(Watch::Signal(Signal::Usr2), token(1)).unwrap();
        assert_quiet(poller);
        for _ in 0..3 {
            send(Signal::Usr2);
            assert_eq!(fired(poller), [Ready { token: token(1), hangup: false }]);
            assert_quiet(poller);
        }
        send(Signal::Usr2);
        send(Signal::Usr2); // a second signal merges with the pending one, or is counted
        assert_eq!(tokens(poller), [token(1)]);
        assert_quiet(poller);
        poller.arm(Watch::Signal(Signal::Usr2), token(2)).unwrap();
        assert_quiet(poller);
        send(Signal::Usr2);
        assert_eq!(tokens(poller), [token(2)]);
    });
}

#[test]
fn a_signal_that_came_before_the_first_wait_was_lost() {
    alone("before_the_first_wait");
}

#[test]
#[ignore = "run by a_signal_that_came_before_the_first_wait_was_lost"]
fn before_the_first_wait() {
    each_alone("before_the_first_wait", |poller| {
        for before in [true, false] {
            for after in [!before, true] {
                if before {
                    send(Signal::Usr2);
                }
                poller.arm(Watch::Signal(Signal::Usr2), token(1)).unwrap();
                if after {
                    send(Signal::Usr2);
                }
                assert_eq!(tokens(poller), [token(1)], "before {before}, after {after}");
                poller.arm(Watch::Signal(Signal::Usr2), token(2)).unwrap();
                assert_quiet(poller);
                send(Signal::Usr2);
                assert_eq!(tokens(poller), [token(2)]);
                poller.disarm(Watch::Signal(Signal::Usr2)).unwrap();
                assert_quiet(poller);
            }
        }
    });
}

#[test]
fn signals_have_tokens_of_their_own() {
    alone("tokens_of_their_own");
}

#[test]
#[ignore = "run by signals_have_tokens_of_their_own"]
fn tokens_of_their_own() {
    each_alone("tokens_of_their_own", |poller| {
        poller.arm(Watch::Signal(Signal::Usr1), token(1)).unwrap();
        poller.arm(Watch::Signal(Signal::Hup), token(2)).unwrap();
        send(Signal::Hup);
        assert_eq!(tokens(poller), [token(2)]);
        send(Signal::Usr1);
        assert_eq!(tokens(poller), [token(1)]);
        send(Signal::Usr1);
        send(Signal::Hup);
        assert_eq!(tokens(poller), [token(1), token(2)]);
        poller.disarm(Watch::Signal(Signal::Usr1)).unwrap();
        send(Signal::Hup);
        assert_eq!(tokens(poller), [token(2)]);
    });
}
