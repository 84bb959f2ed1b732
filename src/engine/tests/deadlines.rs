//! When deadlines are delivered.

use super::kernel;
use super::stage::{On, Play, connection, or_cancelled, plain, puppet, ready, want};
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
            cx.wake_at(cx.now.after(ms(50)));
        }
        Ok(Flow::Blocked)
    }));
    play.settle();
    assert_eq!(play.round_with(vec![ready("a")]), "wait 50, a Ready");
    assert_eq!(play.round(), "wait 50");
    assert_eq!(play.round(), "wait");
}

#[test]
fn a_deadline_of_a_removed_task_never_reaches_the_next_task_in_its_slot() {
    let mut play = Play::new();
    play.start(puppet("old", On::Always, |_, cx| {
        cx.wake_after(ms(50));
        Ok(Flow::Done)
    }));
    want("old", Want::Turn);
    play.engine.settle(play.engine.slots.tokens()[0], None);
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

/// A bug: the protocol of a new connection had a turn only to set its first deadline.
#[test]
fn a_connection_is_opened_with_the_first_deadline_of_its_protocol() {
    let mut play = Play::new();
    play.start(puppet("accept", On::Read, |_, cx| {
        let tasks = [plain("protocol", On::Always), plain("writer", On::Always), plain("reader", On::Read)];
        cx.open(connection(), tasks, cx.now.after(ms(50)));
        Ok(Flow::Blocked)
    }));
    want("writer", Want::Nothing);
    want("protocol", Want::Nothing);
    assert_eq!(play.round(), "wait 0, accept Ready, reader Ready");
    assert_eq!(play.round(), "arm accept, arm reader, wait 50, protocol Deadline");
    assert_eq!(play.round(), "wait");
}

#[test]
fn a_deadline_that_ends_its_connection_ends_no_other_connection() {
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

/// A bug: the engine gave the task turn after turn and never asked the kernel for events.
#[test]
fn a_task_with_a_deadline_of_now_has_one_such_turn_in_a_round() {
    let mut play = Play::new();
    want("a", Want::Turn);
    play.start(puppet("a", On::Always, |_, cx| {
        want("a", Want::Nothing);
        cx.wake_after(Duration::ZERO);
        Ok(Flow::Progress)
    }));
    assert_eq!(play.round(), "wait 0, a Ready, a Deadline");
    assert_eq!(play.round(), "wait 0, a Deadline");
}

/// A task that another's deadline cancels sets a new deadline. Its old one has passed, too, and is not delivered.
#[test]
fn a_deadline_that_a_task_moves_in_cancel_does_not_fire_too_early() {
    let mut play = Play::new();
    let protocol = puppet("protocol", On::Always, |event, cx| {
        want("protocol", Want::Nothing);
        if event == Event::Ready {
            cx.wake_after(ms(10));
        }
        Ok(if event == Event::Deadline { Flow::Done } else { Flow::Progress })
    });
    let reaper = puppet("reaper", On::Always, |event, cx| {
        want("reaper", Want::Nothing);
        cx.wake_after(ms(if event == Event::Ready { 20 } else { 2000 }));
        Ok(Flow::Progress)
    });
    for name in ["protocol", "reaper"] {
        want(name, Want::Turn);
    }
    want("writer", Want::Nothing);
    play.open([protocol, plain("reader", On::Read), plain("writer", On::Write), reaper]);
    play.settle();
    kernel::pass(ms(30));
    assert!(play.round().ends_with("close writer, reaper Cancel"));
    assert_eq!(play.round(), "wait 2000, reaper Deadline");
}

#[test]
fn a_deadline_beyond_the_range_of_the_clock_never_fires() {
    let mut play = Play::new();
    play.start(puppet("a", On::Read, |_, cx| {
        cx.wake_after(Duration::MAX);
        Ok(Flow::Blocked)
    }));
    play.round();
    assert_eq!(play.round(), "arm a, wait");
    assert_eq!(play.log(), Vec::<String>::new());
}

/// A bug: entries of removed tasks stayed in the heap until their time: a minute of short connections.
#[test]
fn deadlines_of_tasks_that_are_gone_do_not_pile_up() {
    let mut play = Play::new();
    want("keeper", Want::Turn);
    play.start(puppet("keeper", On::Always, |_, cx| {
        want("keeper", Want::Nothing);
        cx.wake_after(ms(50_000));
        Ok(Flow::Progress)
    }));
    play.round();
    for _ in 0..2000 {
        want("brief", Want::Turn);
        play.start(puppet("brief", On::Always, |_, cx| {
            cx.wake_after(ms(60_000));
            Ok(Flow::Done)
        }));
        play.round_with(vec![]);
        assert!(play.engine.timers.len() < 100, "{} entries for 1 task", play.engine.timers.len());
    }
    play.settle();
    assert_eq!(play.round_with(vec![]), "wait 50000");
    kernel::pass(ms(50_000));
    assert_eq!(play.round(), "wait 0, keeper Deadline", "the truth is kept");
}

/// After a stopped process or a suspended laptop, a deadline and an event come together.
#[test]
fn an_event_that_comes_with_its_deadline_is_in_time() {
    let mut play = Play::new();
    play.start(puppet("a", On::Read, |event, cx| {
        assert_ne!(event, Event::Deadline);
        cx.wake_after(ms(50));
        Ok(Flow::Blocked)
    }));
    play.settle();
    kernel::pass(ms(60));
    assert_eq!(play.round_with(vec![ready("a")]), "wait 0, a Ready");
    assert_eq!(play.round_with(vec![]), "wait 50");
}
