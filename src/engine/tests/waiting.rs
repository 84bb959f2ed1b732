//! When the kernel is asked to watch, when it is told to stop, and what its events do.

use super::stage::{On, Play, allow, failed_side, hangup, or_cancelled, plain, puppet, ready, refuse, want};
use crate::connection::Side;
use crate::engine::{Event, Flow, Notice, Want};
use crate::log::Level;
use std::time::Duration;
use webserv_sys::{Ready, Token};

#[test]
fn a_call_is_tried_first_and_armed_once_when_it_blocks() {
    let mut play = Play::new();
    play.start(plain("a", On::Read));
    assert_eq!(play.round(), "wait 0, a Ready");
    assert_eq!(play.round(), "arm a, wait");
    assert_eq!(play.round_with(vec![ready("a")]), "wait, a Ready");
    assert_eq!(play.round_with(vec![ready("a")]), "wait, a Ready", "it stays armed");
}

#[test]
fn a_call_that_did_something_is_tried_again_without_the_kernel() {
    let mut play = Play::new();
    let mut bytes = 3;
    play.start(puppet("a", On::Write, move |_, _| {
        bytes -= 1;
        Ok(if bytes > 0 { Flow::Progress } else { Flow::Blocked })
    }));
    assert_eq!(play.round(), "wait 0, a Ready, a Ready, a Ready");
    assert_eq!(play.round(), "arm a, wait");
}

#[test]
fn after_a_turn_that_made_progress_the_call_is_tried() {
    let mut play = Play::new();
    let mut turns = 0;
    play.start(puppet("a", On::Read, move |_, _| {
        turns += 1;
        want("a", if turns == 1 { Want::Turn } else { Want::Kernel });
        Ok(if turns == 2 { Flow::Progress } else { Flow::Blocked })
    }));
    assert_eq!(play.round(), "wait 0, a Ready, a Ready, a Ready");
    assert_eq!(play.round(), "arm a, wait");
}

#[test]
fn without_try_first_each_call_waits_for_the_kernel() {
    let mut play = Play::with(false, Level::Info);
    play.start(puppet("a", On::Read, |_, _| Ok(Flow::Progress)));
    play.start(puppet("b", On::Write, |_, _| Ok(Flow::Blocked)));
    assert_eq!(play.round(), "arm a, arm b, wait");
    assert_eq!(play.round_with(vec![ready("b"), ready("a")]), "wait, b Ready, a Ready");
    assert_eq!(play.round(), "wait");
}

#[test]
fn a_watch_without_a_call_is_never_tried_first() {
    for (on, name) in [(On::Exit, "child"), (On::Signal, "SIGHUP"), (On::Change, "a")] {
        let mut play = Play::new();
        play.start(puppet("a", on, |_, _| Ok(Flow::Progress)));
        assert_eq!(play.round(), format!("arm {name}, wait"));
        assert_eq!(play.round_with(vec![ready(name)]), "wait, a Ready");
        assert_eq!(play.round(), "wait", "{name} is not tried again after its event");
    }
}

#[test]
fn a_task_that_never_waits_is_never_armed() {
    let mut play = Play::new();
    want("a", Want::Kernel);
    play.start(puppet("a", On::Always, |_, _| {
        want("a", Want::Nothing);
        Ok(Flow::Blocked)
    }));
    assert_eq!(play.round(), "wait 0, a Ready");
    assert_eq!(play.round(), "wait");
}

#[test]
fn a_task_that_is_gone_before_the_wait_is_never_armed() {
    let mut play = Play::new();
    want("writer", Want::Nothing);
    want("protocol", Want::Turn);
    let protocol = puppet("protocol", On::Always, |_, _| Ok(Flow::Done));
    play.open([protocol, plain("reader", On::Read), plain("writer", On::Write)]);
    let (first, rest) = ("wait 0, protocol Ready, reader Cancel", "close reader, writer Cancel, close writer");
    assert_eq!(play.round(), format!("{first}, {rest}"));
    assert_eq!(play.round(), "wait");

    let mut play = Play::new();
    want("protocol", Want::Turn);
    let mut turns = 0;
    let protocol = puppet("protocol", On::Always, move |_, _| {
        turns += 1;
        Ok(if turns > 1 { Flow::Done } else { Flow::Progress })
    });
    want("writer", Want::Nothing);
    play.open([protocol, plain("reader", On::Read), plain("writer", On::Write)]);
    assert!(play.round().starts_with("wait 0, protocol Ready, reader Ready, protocol Ready, reader Cancel"));
    assert_eq!(play.round(), "wait", "it had blocked and was listed");
}

#[test]
fn a_task_that_wants_nothing_by_the_wait_is_not_armed_until_it_does() {
    let mut play = Play::new();
    want("writer", Want::Nothing);
    let protocol = puppet("protocol", On::Always, |event, cx| {
        want("reader", if event == Event::Deadline { Want::Kernel } else { Want::Nothing });
        want("protocol", Want::Nothing);
        cx.wake_after(Duration::from_secs(1));
        Ok(or_cancelled(event, Flow::Progress))
    });
    let reader = puppet("reader", On::Read, |_, _| {
        want("protocol", Want::Turn);
        Ok(Flow::Blocked)
    });
    play.open([protocol, reader, plain("writer", On::Write)]);
    assert_eq!(play.round(), "wait 0, reader Ready, protocol Ready");
    assert_eq!(play.round(), "wait 1000, protocol Deadline");
    assert_eq!(play.round(), "arm reader, wait 1000, protocol Deadline", "it is known to block, so it is not tried");
}

#[test]
fn only_an_unwanted_event_disarms() {
    let mut play = Play::new();
    play.start(plain("a", On::Read));
    play.settle();
    want("a", Want::Nothing);
    assert_eq!(play.round(), "wait", "it stays armed while the kernel is quiet");
    assert_eq!(play.round_with(vec![ready("a")]), "wait, disarm a");
    assert_eq!(play.round_with(vec![ready("a")]), "wait", "disarmed means deaf");
}

#[test]
fn the_kernel_forgets_a_descriptor_before_it_is_closed() {
    let mut play = Play::new();
    let mut turns = 0;
    play.start(puppet("a", On::Read, move |_, _| {
        turns += 1;
        Ok(if turns == 2 { Flow::Done } else { Flow::Blocked })
    }));
    play.settle();
    assert_eq!(play.round_with(vec![ready("a")]), "wait, a Ready, disarm a, close a");
    assert!(play.engine.slots.is_empty());
}

#[test]
fn an_event_for_a_removed_task_never_reaches_the_next_task_in_its_slot() {
    let mut play = Play::new();
    let mut turns = 0;
    play.start(puppet("old", On::Read, move |_, cx| {
        turns += 1;
        if turns == 2 {
            cx.start(puppet("new", On::Read, |_, _| Ok(Flow::Blocked)));
        }
        Ok(if turns == 2 { Flow::Done } else { Flow::Blocked })
    }));
    play.settle();
    let stale = ready("old");
    assert_eq!(play.round_with(vec![stale]), "wait, old Ready, disarm old, close old, new Ready");
    play.start(plain("third", On::Read));
    play.settle();
    let (new, third) = (ready("new").token, ready("third").token);
    assert!(third.index == stale.token.index && third.generation == stale.token.generation + 1, "{third:?}");
    assert_eq!(new.index, 1);
    let future = Token { generation: third.generation + 1, ..third };
    let unknown = Token { index: 99, generation: 0 };
    let strangers = [stale.token, future, unknown].map(|token| Ready { token, hangup: true });
    assert_eq!(play.round_with(strangers.to_vec()), "wait");
}

#[test]
fn two_events_for_one_task_are_one_turn() {
    let mut play = Play::new();
    play.start(plain("a", On::Read));
    play.settle();
    assert_eq!(play.round_with(vec![ready("a"), ready("a")]), "wait, a Ready");
    assert_eq!(play.round_with(vec![ready("a"), hangup("a")]), "wait, a Hangup");
    assert_eq!(play.round_with(vec![hangup("a"), ready("a")]), "wait, a Hangup", "whatever comes after it");
    assert_eq!(play.round_with(vec![ready("a")]), "wait, a Ready", "a hangup is delivered once");
    want("a", Want::Nothing);
    assert_eq!(play.round_with(vec![ready("a"), ready("a")]), "wait, disarm a", "nor is it disarmed twice");
}

#[test]
fn a_hangup_is_delivered_to_a_task_that_wants_nothing_and_only_once() {
    let mut play = Play::new();
    play.start(plain("a", On::Read));
    play.settle();
    want("a", Want::Nothing);
    assert_eq!(play.round_with(vec![hangup("a")]), "wait, disarm a, a Hangup");
    assert_eq!(play.round_with(vec![hangup("a")]), "wait");
}

#[test]
fn a_task_that_wants_nothing_any_more_after_its_event_has_no_turn() {
    let mut play = Play::new();
    play.start(puppet("a", On::Read, |_, _| {
        want("b", Want::Nothing);
        Ok(Flow::Blocked)
    }));
    want("a", Want::Nothing);
    play.start(plain("b", On::Read));
    play.settle();
    want("a", Want::Kernel);
    play.engine.settle(Token { index: 0, generation: 0 }, None);
    assert_eq!(play.round_with(vec![ready("b")]), "wait 0, a Ready, disarm b");
    assert_eq!(play.round_with(vec![]), "arm a, wait");
}

#[test]
fn a_task_that_the_kernel_refuses_fails_on_the_internal_side() {
    let mut play = Play::new();
    let x = play.open_with([plain("handler", On::Read)]);
    refuse("handler");
    play.round();
    assert_eq!(play.round(), "arm reader, refuse handler, close handler, wait");
    assert_eq!(failed_side(&play, x), Some(Side::Internal));

    refuse("writer");
    want("writer", Want::Kernel);
    play.settle_connection(x);
    play.round();
    let ends = "protocol Cancel, reader Cancel, disarm reader, close reader";
    assert_eq!(play.round(), format!("refuse writer, close writer, {ends}, wait"));
    assert_eq!((play.engine.connections_open(), play.engine.slots.len()), (0, 0));
    let logged =
        |name: &str| play.engine.turn.log.lines().iter().filter(|l| l.contains(&format!("{name} fd="))).count();
    assert_eq!([logged("handler"), logged("writer")], [1, 1]);
}

/// A bug: Accept was dropped when the kernel had no memory for its watch: the server accepted no client any more.
#[test]
fn a_task_that_stands_alone_and_is_refused_tries_again_later() {
    let mut play = Play::new();
    play.start(plain("alone", On::Read));
    refuse("alone");
    assert_eq!(play.round(), "wait 0, alone Ready");
    assert_eq!(play.round(), "refuse alone, wait 1000");
    assert_eq!(play.round(), "refuse alone, wait 1000");
    allow("alone");
    assert_eq!(play.round(), "arm alone, wait");
    assert_eq!(play.round_with(vec![ready("alone")]), "wait, alone Ready");
    let lines = play.log();
    assert!(lines.len() == 2 && lines[0].starts_with("[crit] w0 alone fd="), "{lines:?}");
    assert!(lines[0].ends_with("tried again in 1 s while playing"), "{lines:?}");
}

/// A bug: the task was put on a list that the engine then dropped, and was never armed: a child that is never reaped.
#[test]
fn a_task_that_begins_to_wait_while_others_are_armed_is_armed_too() {
    let mut play = Play::new();
    want("reaper", Want::Nothing);
    let reaper = puppet("reaper", On::Exit, |_, _| {
        want("reaper", Want::Kernel);
        Ok(Flow::Blocked)
    });
    play.open_with([reaper]);
    refuse("reader");
    play.round();
    let end = "refuse reader, close reader, protocol Cancel, writer Cancel, close writer, reaper Cancel";
    assert_eq!(play.round(), format!("{end}, arm child, wait"));
}

/// A bug: each idle connection made a useless call after a reload.
#[test]
fn a_task_that_gets_a_notice_or_a_deadline_does_not_try_its_call_again() {
    let mut play = Play::new();
    play.start(puppet("a", On::Read, |event, cx| match event {
        Event::Ready => {
            cx.wake_after(Duration::from_millis(5));
            Ok(Flow::Blocked)
        }
        _ => Ok(Flow::Progress),
    }));
    play.start(puppet("sender", On::Read, |event, cx| {
        if event == Event::Ready {
            cx.notify_all(Notice::Reload);
        }
        Ok(Flow::Blocked)
    }));
    assert_eq!(play.round(), "wait 0, a Ready, sender Ready, a Reload, sender Reload");
    assert_eq!(play.round(), "arm a, arm sender, wait 5, a Deadline");
    assert_eq!(play.round_with(vec![ready("a")]), "wait, a Ready");
}

/// A bug: the kernel had reported bytes, and was asked again when there was room for them.
#[test]
fn an_event_that_came_while_it_was_unwanted_is_remembered() {
    let mut play = Play::new();
    play.start(plain("a", On::Read));
    play.settle();
    want("a", Want::Nothing);
    assert_eq!(play.round_with(vec![ready("a")]), "wait, disarm a");
    want("a", Want::Kernel);
    play.engine.settle(ready("a").token, None);
    assert_eq!(play.round_with(vec![]), "wait 0, a Ready");
    assert_eq!(play.round_with(vec![]), "arm a, wait");
}
