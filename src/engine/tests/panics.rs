//! Panics in each method of a task: each costs one connection and affects no other.

use super::stage::{On, Play, Question, mend, or_cancelled, plain, puppet, ready, spoil, want};
use crate::engine::{Flow, Want};

/// A connection that will break, another one, and a task that stands alone. All wait for the kernel.
fn play() -> Play {
    let mut play = Play::new();
    want("writer", Want::Nothing);
    want("other writer", Want::Nothing);
    play.start(plain("alone", On::Read));
    play.open([plain("other", On::Always), plain("other reader", On::Read), plain("other writer", On::Write)]);
    play.open_with([plain("worker", On::Read)]);
    play.settle();
    play
}

/// A bug: a panic in `wants`, `watch` or a destructor ended the server.
#[test]
fn a_panic_at_any_question_costs_one_connection() {
    for name in ["protocol", "reader", "writer", "worker"] {
        for question in [Question::Wants, Question::Watch, Question::Doing, Question::Drop] {
            if question == Question::Watch && matches!(name, "reader" | "worker") {
                continue; // armed: `watch` has been called already
            }
            let mut play = play();
            spoil(name, question);
            want("protocol", Want::Turn);
            want("writer", Want::Kernel);
            play.round_with(vec![ready("worker"), ready("reader"), ready("other reader")]);
            if question == Question::Drop {
                let x = play.engine.connections.tokens()[1];
                play.engine.guarded_once(|engine| engine.close(x));
            }
            play.round_with(vec![]);
            let log = play.log();
            let panics = log.iter().filter(|line| line.contains("panicked (a bug); its connection is closed")).count();
            assert_eq!((panics, log.len()), (1, 1), "{name} at {question:?}: {log:?}");
            assert_eq!((play.engine.connections_open(), play.engine.slots.len()), (1, 4), "{name} at {question:?}");
            let told = play.round_with(vec![ready("other reader"), ready("alone")]);
            assert!(told.ends_with("other reader Ready, alone Ready"), "{name} at {question:?}: {told}");
        }
    }
}

#[test]
fn a_task_alone_that_cannot_say_what_it_wants_has_a_rest() {
    let mut play = play();
    spoil("alone", Question::Wants);
    assert_eq!(play.round_with(vec![ready("alone")]), "wait, disarm alone", "it would come again at once");
    assert_eq!(play.round_with(vec![]), "wait 1000");
    mend("alone", Question::Wants);
    assert_eq!(play.round(), "wait 1000");
    assert_eq!(play.round(), "arm alone, wait");
    assert_eq!(play.round_with(vec![ready("alone")]), "wait, alone Ready");
    assert!(play.log()[0].contains("panicked (a bug); it goes on"), "{:?}", play.log());
}

#[test]
fn a_panic_in_the_middle_of_a_round_loses_no_ones_turn() {
    let mut play = play();
    want("broken", Want::Turn);
    let broken = puppet("broken", On::Always, |event, _| {
        spoil("broken", Question::Wants);
        Ok(or_cancelled(event, Flow::Progress))
    });
    let x = play.engine.connections.tokens()[1];
    let id = play.transaction(x);
    play.engine.insert_handler(broken, x, id);
    play.settle_connection(x);
    let told = play.round_with(vec![ready("other reader"), ready("alone")]);
    for name in ["broken Ready", "protocol Cancel", "worker Cancel", "other reader Ready", "alone Ready"] {
        assert_eq!(told.matches(name).count(), 1, "{name} in {told}");
    }
}
