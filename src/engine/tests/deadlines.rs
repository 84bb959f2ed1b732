//! When a task is told that its time has come.

use super::kernel;
use super::stage::{On, Play, or_cancelled, plain, puppet, ready, want};
use crate::engine::{Event, Flow, Want};
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn a_deadline_fires_once_and_not_before_its_time() {
    let mut play = Play::new();
    play.start(puppet("a", On::Read, |event, cx| {
        if event == Event::Ready {
            cx.wake_after(ms(50));
        }
        Ok(Flow::Blocked)
    }));
    play.round();
    assert_eq!(play.round_with(vec![]), "arm a, wait 50", "the kernel may wake early");
    kernel::pass(ms(49));
    assert_eq!(play.round_with(vec![]), "wait 1");
    assert_eq!(play.round(), "wait 1, a Deadline");
    kernel::pass(ms(1000));
    assert_eq!(play.round(), "wait");
}

#[test]
fn a_deadline_that_is_moved_back_fires_at_the_later_time_only() {
    let mut play = Play::new();
    play.start(puppet("a", On::Read, |event, cx| {
        if event == Event::Ready {
            cx.wake_after(ms(50));
        }
        Ok(Flow::Blocked)
    }));
    play.settle();
    kernel::pass(ms(30));
    assert_eq!(play.round_with(vec![ready("a")]), "wait 20, a Ready");
    assert_eq!(play.round(), "wait 20", "the old entry is looked at");
    assert_eq!(play.round(), "wait 30, a Deadline");
    assert_eq!(play.round(), "wait");
}

#[test]
fn a_deadline_that_is_moved_forward_fires_at_the_earlier_time_only() {
    let mut play = Play::new();
    let mut patience = [500, 100].into_iter();
    play.start(puppet("a", On::Read, move |event, cx| {
        if let (Event::Ready, Some(wait)) = (event, patience.next()) {
            cx.wake_after(ms(wait));
        }
        Ok(Flow::Blocked)
    }));
    play.settle();
    assert_eq!(play.round_with(vec![ready("a")]), "wait 500, a Ready");
    assert_eq!(play.round(), "wait 100, a Deadline");
    assert_eq!(play.round(), "wait 400", "an entry that is out of date");
    assert_eq!(play.round(), "wait");
}

#[test]
fn a_deadline_that_is_taken_back_never_fires() {
    let mut play = Play::new();
    play.start(puppet("a", On::Read, |_, cx| {
        if cx.has_deadline() {
            cx.no_deadline();
        } else {
            cx.wake_at(cx.now + ms(50));
        }
        Ok(Flow::Blocked)
    }));
    play.settle();
    assert_eq!(play.round_with(vec![ready("a")]), "wait 50, a Ready");
    assert_eq!(play.round(), "wait 50");
    assert_eq!(play.round(), "wait");
}

#[test]
fn a_deadline_of_a_task_that_is_gone_never_reaches_its_slots_successor() {
    let mut play = Play::new();
    play.start(puppet("old", On::Always, |_, cx| {
        cx.wake_after(ms(50));
        Ok(Flow::Done)
    }));
    want("old", Want::Turn);
    play.engine.settle_alone(play.engine.slots.tokens()[0]);
    play.round();
    play.start(plain("new", On::Read));
    assert_eq!(play.engine.slots.tokens()[0].index, 0);
    play.settle();
    kernel::pass(ms(100));
    assert_eq!(play.round(), "wait 0");
}

#[test]
fn deadlines_fire_in_the_order_of_their_times() {
    let mut play = Play::new();
    for (name, wait) in [("a", 30), ("b", 10), ("c", 20)] {
        want(name, Want::Turn);
        play.start(puppet(name, On::Always, move |event, cx| {
            want(name, Want::Nothing);
            if event == Event::Ready {
                cx.wake_after(ms(wait));
            }
            Ok(Flow::Progress)
        }));
    }
    play.round();
    kernel::pass(ms(30));
    assert_eq!(play.round(), "wait 0, b Deadline, c Deadline, a Deadline");
}

#[test]
fn a_deadline_that_passes_with_its_exchange_takes_no_one_else_along() {
    let mut play = Play::new();
    want("protocol", Want::Turn);
    let protocol = puppet("protocol", On::Always, |event, cx| {
        want("protocol", Want::Nothing);
        if event == Event::Ready {
            cx.wake_after(ms(10));
        }
        Ok(if event == Event::Deadline { Flow::Done } else { Flow::Progress })
    });
    want("writer", Want::Nothing);
    play.open([protocol, plain("reader", On::Read), plain("writer", On::Write)]);
    let reader = puppet("other", On::Read, |event, _| Ok(or_cancelled(event, Flow::Blocked)));
    play.open([plain("other protocol", On::Always), reader, plain("writer", On::Write)]);
    play.settle();
    kernel::pass(ms(10));
    assert!(
        play.round()
            .ends_with("protocol Deadline, reader Cancel, disarm reader, close reader, writer Cancel, close writer")
    );
    assert_eq!(play.round_with(vec![ready("other")]), "wait, other Ready");
}
