//! What one round does, which tasks get notices, how the loop ends, and what it logs.

use super::kernel;
use super::stage::{On, Play, World, connection, hearing_puppet, or_cancelled, plain, puppet, ready, refuse};
use super::stage::{set_level, want};
use crate::connection::Phase;
use crate::engine::{Context, Event, Flow, Notice, Want};
use crate::limits::{NOTICES_PER_ROUND, TURNS_IN_A_ROW, TURNS_PER_ROUND};
use crate::log::Level;
use std::time::Duration;
use webserv_sys::Moment;

#[test]
fn a_round_has_a_bounded_number_of_turns_and_they_go_round() {
    let mut play = Play::new();
    for name in ["a", "b", "c"] {
        want(name, Want::Turn);
        play.start(puppet(name, On::Always, |_, _| Ok(Flow::Progress)));
    }
    play.start(plain("reader", On::Read));
    let journal = play.round();
    let turns = |journal: &str, name: &str| journal.matches(&format!("{name} Ready")).count();
    assert_eq!(turns(&journal, "reader"), 1, "a task that always wants a turn does not keep others from theirs");
    let all: Vec<usize> = ["a", "b", "c"].map(|name| turns(&journal, name)).to_vec();
    assert_eq!(all.iter().sum::<usize>(), TURNS_PER_ROUND - 1);
    assert!(all.iter().all(|n| n.abs_diff(TURNS_PER_ROUND / 3) <= 1), "{all:?}");
    let journal = play.round_with(vec![]);
    assert!(journal.starts_with("arm reader, wait 0, "), "the kernel is asked all the same");
    let journal = play.round_with(vec![ready("reader")]);
    assert_eq!(turns(&journal, "reader"), 1);
}

#[test]
fn the_tasks_of_a_connection_go_on_in_a_circle_and_others_wait_for_a_bounded_number_of_turns() {
    let mut play = Play::new();
    let tasks = ["protocol", "writer", "reader"].map(|name| {
        want(name, Want::Turn);
        puppet(name, On::Always, |_, _| Ok(Flow::Progress))
    });
    play.open(tasks);
    play.start(plain("alone", On::Read));
    let journal = play.round();
    let (row, _) = journal.split_once("alone Ready").expect("it has a turn in the first round");
    let turns: Vec<&str> = row.trim_end_matches(", ").split(", ").skip(1).collect();
    assert_eq!(turns.len(), TURNS_IN_A_ROW, "{row}");
    for (at, turn) in turns.iter().enumerate() {
        assert_eq!(*turn, ["protocol Ready", "writer Ready", "reader Ready"][at % 3], "{row}");
    }
    assert_eq!(journal.matches(" Ready").count(), TURNS_PER_ROUND);
}

#[test]
fn a_task_that_yields_has_its_next_turn_after_the_kernel_was_asked() {
    let mut play = Play::new();
    want("heavy", Want::Turn);
    play.start(puppet("heavy", On::Always, |_, _| Ok(Flow::Yield)));
    play.start(plain("reader", On::Read));
    play.round_with(vec![]); // the reader tries
    play.round_with(vec![]); // and is armed
    for _ in 0..3 {
        let journal = play.round_with(vec![ready("reader")]);
        assert_eq!(journal.matches("heavy Ready").count(), 1, "{journal}");
        assert_eq!(journal.matches("reader Ready").count(), 1, "{journal}");
    }
    want("heavy", Want::Nothing);
    assert!(play.round_with(vec![]).contains("wait 0"), "it was to have a turn");
    assert!(!play.round_with(vec![]).contains("wait 0"), "now no task is");
}

#[test]
fn a_deadline_is_kept_while_others_are_busy() {
    let mut play = Play::new();
    want("busy", Want::Turn);
    play.start(puppet("busy", On::Always, |_, _| Ok(Flow::Progress)));
    play.start(puppet("a", On::Read, |event, cx| {
        if event == Event::Ready {
            cx.wake_after(Duration::from_millis(5));
        }
        Ok(Flow::Blocked)
    }));
    play.round();
    kernel::pass(Duration::from_millis(5));
    assert_eq!(play.round().matches("a Deadline").count(), 1);
}

#[test]
fn a_notice_for_all_reaches_the_sender_too() {
    let mut play = Play::new();
    play.start(puppet("sender", On::Read, |event, cx| {
        if event == Event::Ready {
            cx.notify_all(Notice::Reload);
            cx.start(plain("started", On::Read));
        }
        Ok(Flow::Blocked)
    }));
    play.open_with([plain("handler", On::Read)]);
    let journal = play.round();
    for name in ["sender", "protocol", "reader", "writer", "handler", "started"] {
        assert_eq!(journal.matches(&format!("{name} Reload")).count(), 1, "{name} in {journal}");
    }
    assert!(!play.round_with(vec![]).contains("Reload"));
}

#[test]
fn a_connection_that_ends_on_a_notice_does_not_keep_it_from_other_tasks() {
    let mut play = Play::new();
    play.start(puppet("sender", On::Read, |event, cx| {
        if event == Event::Ready {
            cx.notify_all(Notice::Drain);
        }
        Ok(Flow::Blocked)
    }));
    let acts = |event, _: &mut Context<'_, World>| Ok(or_cancelled(event, Flow::Progress));
    let protocol = hearing_puppet("protocol", On::Always, acts, |_, cx| {
        cx.connection().phase = Phase::Closing;
        Ok(Flow::Progress)
    });
    want("writer", Want::Nothing);
    play.open([protocol, plain("reader", On::Read), plain("writer", On::Write)]);
    play.start(plain("last", On::Read));
    let journal = play.round();
    assert!(journal.contains("protocol Drain, protocol Cancel, reader Cancel"), "{journal}");
    assert!(!journal.contains("reader Drain"), "{journal}");
    assert_eq!(journal.matches("last Drain").count(), 1, "{journal}");
}

#[test]
fn the_loop_ends_after_the_round_in_which_it_was_stopped() {
    let mut play = Play::new();
    play.start(puppet("a", On::Read, |_, cx| {
        cx.stop();
        cx.stop_when_idle();
        Ok(Flow::Blocked)
    }));
    play.start(plain("b", On::Read));
    play.open_with([]);
    play.engine.run().expect("the poller does not fail");
    assert_eq!(kernel::journal(), "wait 0, a Ready, b Ready, reader Ready");
}

#[test]
fn the_loop_drains_until_the_last_connection_is_closed() {
    let mut play = Play::new();
    play.start(puppet("signal", On::Signal, |event, cx| {
        if event == Event::Ready {
            cx.notify_all(Notice::Drain);
            cx.stop_when_idle();
        }
        Ok(Flow::Blocked)
    }));
    let protocol = hearing_puppet(
        "protocol",
        On::Always,
        |_, _| Ok(Flow::Done),
        |_, cx| {
            cx.wake_after(Duration::from_millis(70));
            Ok(Flow::Progress)
        },
    );
    want("writer", Want::Nothing);
    play.open([protocol, plain("reader", On::Read), plain("writer", On::Write)]);
    play.settle();
    let journal = play.round_with(vec![ready("SIGHUP")]);
    assert_eq!(journal, "wait, signal Ready, signal Drain, protocol Drain, reader Drain, writer Drain");
    play.engine.run().expect("the poller does not fail");
    let end = "reader Cancel, disarm reader, close reader, writer Cancel, close writer";
    assert_eq!(kernel::journal(), format!("wait 70, protocol Deadline, {end}"));
}

#[test]
fn a_task_sees_how_many_connections_are_open_and_opens_more() {
    let mut play = Play::new();
    let mut seen = Vec::new();
    play.start(puppet("accept", On::Read, move |_, cx| {
        seen.push(cx.connections_open());
        cx.open(connection(), [plain("p", On::Always), plain("r", On::Read), plain("w", On::Write)], Moment::NEVER);
        assert_eq!(seen, (0..seen.len()).collect::<Vec<_>>());
        Ok(if seen.len() < 3 { Flow::Progress } else { Flow::Blocked })
    }));
    play.round();
    assert_eq!((play.engine.connections_open(), play.engine.slots.len()), (3, 10));
}

#[test]
fn at_level_debug_each_event_is_one_line() {
    let mut play = Play::with(true, Level::Debug);
    play.start(plain("alone", On::Read));
    play.open_with([plain("handler", On::Read)]);
    let x = play.engine.connections.tokens()[0];
    set_level(play.engine.connections.get_mut(x).expect("open"), Level::Debug);
    play.round();
    let lines: Vec<String> = play.log().iter().map(|line| line.split(" fd=").next().unwrap_or("").to_owned()).collect();
    assert_eq!(lines, ["[debug] w0 alone", "[debug] w0 x0.0 reader", "[debug] w0 x0.0 handler"]);
    assert!(play.log().iter().all(|line| line.contains(" Ready -> Blocked while playing")), "{:?}", play.log());
    play.round();
    play.round_with(vec![ready("handler")]);
    assert_eq!(play.log().len(), 4);
}

#[test]
fn each_connection_has_a_log_level_of_its_own() {
    let mut play = Play::with(true, Level::Info);
    let x = play.open_with([]);
    set_level(play.engine.connections.get_mut(x).expect("open"), Level::Debug);
    play.start(plain("alone", On::Read));
    play.round();
    let lines = play.log();
    assert!(lines.len() == 1 && lines[0].starts_with("[debug] w0 x0.0 reader"), "{lines:?}");
}

/// A bug: the kernel refused to watch for the last connection, which closed it, and then the loop waited for ever.
#[test]
fn the_loop_does_not_sleep_when_arming_has_closed_the_last_connection() {
    let mut play = Play::new();
    play.start(puppet("signal", On::Signal, |_, cx| {
        cx.stop_when_idle();
        Ok(Flow::Blocked)
    }));
    play.settle();
    play.open_with([]);
    refuse("reader");
    play.round_with(vec![ready("SIGHUP")]);
    play.engine.run().expect("the poller does not fail");
    let end = "refuse reader, close reader, protocol Cancel, writer Cancel, close writer";
    assert_eq!(kernel::journal(), format!("{end}, wait 0"));
}

/// A bug: a notice that a task sent while all got theirs was delivered only after another event.
#[test]
fn the_loop_does_not_wait_while_notices_are_pending() {
    let mut play = Play::new();
    let acts = |_, cx: &mut Context<'_, World>| {
        cx.notify_all(Notice::Reload);
        Ok(Flow::Blocked)
    };
    play.start(hearing_puppet("a", On::Read, acts, |notice, cx| {
        if notice == Notice::Reload {
            cx.notify_all(Notice::Drain);
        }
        Ok(Flow::Blocked)
    }));
    assert_eq!(play.round(), "wait 0, a Ready, a Reload");
    assert_eq!(play.round(), "arm a, wait 0, a Drain");
    assert_eq!(play.round(), "wait");
}

/// A bug: one round delivered a notice to all tasks: with 19,500 connections it took 20 ms.
#[test]
fn notices_are_delivered_in_portions_and_first_to_tasks_that_stand_alone() {
    let mut play = Play::new();
    play.open_with([]);
    let begun = NOTICES_PER_ROUND + 100;
    for _ in 0..begun {
        play.open([plain("p", On::Always), plain("r", On::Read), plain("w", On::Write)]);
    }
    play.start(puppet("signal", On::Signal, |event, cx| {
        if event == Event::Ready {
            cx.notify_all(Notice::Reload);
        }
        Ok(Flow::Blocked)
    }));
    play.start(plain("accept", On::Read));
    play.settle();
    play.settle();
    let first = play.round_with(vec![ready("SIGHUP")]);
    assert!(first.contains("signal Ready, signal Reload, accept Reload, protocol Reload"), "{}", &first[..200]);
    assert_eq!(first.matches(" Reload").count(), NOTICES_PER_ROUND);
    // Tasks that are added now see the new state.
    play.open([plain("late", On::Always), plain("late", On::Read), plain("late", On::Write)]);
    play.start(plain("late", On::Read));
    let (mut journal, mut rounds) = (first, 1);
    while !play.engine.notices.are_empty() {
        let round = play.round_with(vec![]);
        assert!(round.contains("wait 0"), "the loop does not sleep while portions are left");
        assert!(round.matches(" Reload").count() <= NOTICES_PER_ROUND);
        (journal, rounds) = (journal + ", " + &round, rounds + 1);
    }
    assert_eq!(rounds, (3 * (begun + 1) + 2).div_ceil(NOTICES_PER_ROUND));
    let count = |name: &str| journal.split(", ").filter(|what| *what == format!("{name} Reload")).count();
    assert_eq!(["signal", "accept", "protocol", "p", "r", "w", "late"].map(count), [1, 1, 1, begun, begun, begun, 0]);
}

#[test]
fn a_second_notice_for_all_comes_after_the_first_and_once_to_each_task() {
    let mut play = Play::new();
    for _ in 0..NOTICES_PER_ROUND / 2 {
        play.open([plain("p", On::Always), plain("r", On::Read), plain("w", On::Write)]);
    }
    play.start(puppet("signal", On::Signal, |event, cx| {
        if event == Event::Ready {
            cx.notify_all(if cx.has_deadline() { Notice::Drain } else { Notice::Reload });
            cx.wake_after(Duration::from_secs(60));
        }
        Ok(Flow::Blocked)
    }));
    play.settle();
    let mut journal = play.round_with(vec![ready("SIGHUP")]) + ", ";
    let second = play.round_with(vec![ready("SIGHUP")]);
    assert!(second.contains("signal Ready, signal Drain, "), "it does not wait for the portions: {}", &second[..200]);
    journal += &second;
    while !play.engine.notices.are_empty() {
        journal += &(", ".to_owned() + &play.round_with(vec![]));
    }
    for name in ["p", "r", "w"] {
        let notices: Vec<&str> =
            journal.split(", ").filter_map(|what| what.strip_prefix(&format!("{name} "))).collect();
        let notices: Vec<&str> = notices.into_iter().filter(|what| *what != "Ready").collect();
        let (reload, drain) = notices.split_at(notices.len() / 2);
        assert!(reload.iter().all(|what| *what == "Reload") && drain.iter().all(|what| *what == "Drain"), "{name}");
        assert_eq!(notices.len(), NOTICES_PER_ROUND, "{name}");
    }
}

#[test]
fn one_task_notifies_another_by_its_token() {
    let mut play = Play::new();
    let x = play.open_with([plain("handler", On::Read)]);
    play.settle();
    let [protocol, handler] = [0, 3].map(|at| {
        let open = play.engine.connections.get(x).expect("it is open");
        play.engine.slots.token(open.member(at).expect("it is a member")).expect("it is there")
    });
    let mut turns = 0;
    play.start(puppet("teller", On::Signal, move |event, cx| {
        turns += usize::from(event == Event::Ready);
        cx.notify(protocol, Notice::Drain);
        cx.notify(handler, Notice::Drain);
        let myself = cx.token();
        cx.notify(myself, Notice::Reload);
        Ok(if turns > 1 { Flow::Done } else { Flow::Blocked })
    }));
    play.settle();
    let journal = play.round_with(vec![ready("SIGHUP")]);
    assert_eq!(journal, "wait, teller Ready, protocol Drain, handler Drain, teller Reload");
    // The handler is gone and another task has its slot. The sender ends, too.
    play.engine.remove(handler);
    play.start(plain("stranger", On::Read));
    play.settle();
    kernel::journal();
    let journal = play.round_with(vec![ready("SIGHUP")]);
    assert_eq!(journal, "wait, teller Ready, disarm SIGHUP, protocol Drain");
    assert!(play.engine.notices.are_empty());
}

/// A bug: a log line had the "while ..." of the beginning of the turn, not of the moment when it was written.
#[test]
fn a_log_line_says_what_the_task_does_when_it_is_written() {
    let mut play = Play::with(true, Level::Debug);
    play.start(puppet("a", On::Read, |_, cx| {
        cx.log(Level::Info, format_args!("before"));
        cx.doing("ending");
        cx.log(Level::Info, format_args!("after"));
        Ok(Flow::Blocked)
    }));
    play.round();
    let lines: Vec<String> =
        play.log().iter().filter_map(|line| Some(line.split_once(" a fd=")?.1.to_owned())).collect();
    let lines: Vec<&str> = lines.iter().filter_map(|line| Some(line.split_once(' ')?.1)).collect();
    assert_eq!(lines, ["before while playing", "after while ending", "Ready -> Blocked while ending"]);
}
