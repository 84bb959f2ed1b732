//! Panics in each method of a task: each costs one connection and affects no other.

use super::stage::{Method, On, Play, or_cancelled, panic_in, panic_no_more_in, plain, puppet, ready, want};
use crate::engine::{Flow, Want};

/// A connection that will break, another one, and a task that stands alone. All wait for the kernel.
fn play() -> Play {
    let mut play = Play::new();
    want("writer", Want::Nothing);
    want("other writer", Want::Nothing);
    play.start(plain("alone", On::Read));
    play.open([plain("other", On::Always), plain("other reader", On::Read), plain("other writer", On::Write)]);
    play.open_with([plain("handler", On::Read)]);
    play.settle();
    play
}

/// A bug: a panic in `wants`, `watch` or a destructor ended the server.
#[test]
fn a_panic_in_any_method_costs_one_connection() {
    for name in ["protocol", "reader", "writer", "handler"] {
        for method in [Method::Wants, Method::Watch, Method::Doing, Method::Drop] {
            if method == Method::Watch && matches!(name, "reader" | "handler") {
                continue; // armed: `watch` has been called already
            }
            let mut play = play();
            panic_in(name, method);
            want("protocol", Want::Turn);
            want("writer", Want::Kernel);
            play.round_with(vec![ready("handler"), ready("reader"), ready("other reader")]);
            if method == Method::Drop {
                let x = play.engine.connections.tokens()[1];
                play.engine.guarded_once(|engine| engine.close(x));
            }
            play.round_with(vec![]);
            let log = play.log();
            let panics = log.iter().filter(|line| line.contains("panicked (a bug); its connection is closed")).count();
            assert_eq!((panics, log.len()), (1, 1), "{name} at {method:?}: {log:?}");
            assert_eq!((play.engine.connections_open(), play.engine.slots.len()), (1, 4), "{name} at {method:?}");
            let journal = play.round_with(vec![ready("other reader"), ready("alone")]);
            assert!(journal.ends_with("other reader Ready, alone Ready"), "{name} at {method:?}: {journal}");
        }
    }
}

#[test]
fn a_task_that_stands_alone_and_panics_in_wants_is_paused() {
    let mut play = play();
    panic_in("alone", Method::Wants);
    assert_eq!(play.round_with(vec![ready("alone")]), "wait, disarm alone", "it would come again at once");
    assert_eq!(play.round_with(vec![]), "wait 1000");
    panic_no_more_in("alone", Method::Wants);
    assert_eq!(play.round(), "wait 1000");
    assert_eq!(play.round(), "arm alone, wait");
    assert_eq!(play.round_with(vec![ready("alone")]), "wait, alone Ready");
    assert!(play.log()[0].contains("panicked (a bug); it goes on"), "{:?}", play.log());
}

#[test]
fn after_a_panic_in_the_middle_of_a_round_every_task_still_has_its_turn() {
    let mut play = play();
    want("broken", Want::Turn);
    let broken = puppet("broken", On::Always, |event, _| {
        panic_in("broken", Method::Wants);
        Ok(or_cancelled(event, Flow::Progress))
    });
    let x = play.engine.connections.tokens()[1];
    let id = play.transaction(x);
    play.engine.insert_handler(broken, x, id);
    play.settle_connection(x);
    let journal = play.round_with(vec![ready("other reader"), ready("alone")]);
    for name in ["broken Ready", "protocol Cancel", "handler Cancel", "other reader Ready", "alone Ready"] {
        assert_eq!(journal.matches(name).count(), 1, "{name} in {journal}");
    }
}
