//! How tasks and connections end: done, cancelled, failed, panicked.

use super::kernel;
use super::stage::{On, Outcome, Play, cancel_handlers, connection, failed_side, hangup, or_cancelled, panic_quietly};
use super::stage::{plain, puppet, ready, want};
use crate::connection::{Connection, FailureKind, Phase, Side};
use crate::engine::{Event, Flow, Notice, TaskError, Want};
use crate::limits::{CONNECTION_TASKS, HANDLERS_MAX};
use std::time::Duration;
use webserv_sys::{Error, Moment};

/// The journal of the end of a connection with plain tasks.
const CONNECTION_END: &str = "protocol Cancel, reader Cancel, disarm reader, close reader, writer Cancel, close writer";

fn upstream() -> TaskError {
    TaskError::upstream(FailureKind::Reset, Error::shrunk("read"))
}

#[test]
fn a_connection_ends_when_one_of_its_own_tasks_is_done() {
    for name in ["protocol", "reader", "writer"] {
        let mut play = Play::new();
        want("protocol", Want::Turn);
        let task = |who, on| match who == name {
            true => puppet(who, on, |event, _| Ok(if event == Event::Ready { Flow::Done } else { Flow::Blocked })),
            false => puppet(who, on, |event, _| Ok(or_cancelled(event, Flow::Blocked))),
        };
        play.open([task("protocol", On::Always), task("reader", On::Read), task("writer", On::Write)]);
        let journal = play.round();
        let cancelled = |who: &str| journal.matches(&format!("{who} Cancel")).count();
        for other in ["protocol", "reader", "writer"] {
            assert_eq!(cancelled(other), usize::from(other != name), "{other} when {name} is done: {journal}");
        }
        assert_eq!((play.engine.connections_open(), play.engine.slots.len()), (0, 0), "{name}");
        assert_eq!(kernel::open_count(), 0, "{name}");
    }
}

#[test]
fn a_connection_goes_on_when_a_handler_is_done() {
    let mut play = Play::new();
    play.open_with([puppet("handler", On::Read, |_, _| Ok(Flow::Done))]);
    assert_eq!(play.round(), "wait 0, reader Ready, handler Ready, close handler");
    assert_eq!(play.engine.connections_open(), 1);
}

#[test]
fn a_connection_that_is_closed_by_its_phase_waits_for_nothing_but_its_output() {
    let mut play = Play::new();
    want("writer", Want::Kernel);
    let writer = puppet("writer", On::Write, |event, cx| {
        if event == Event::Ready {
            cx.connection().output.consume(1);
        }
        Ok(or_cancelled(event, Flow::Blocked))
    });
    let protocol = puppet("protocol", On::Always, |event, cx| {
        want("protocol", Want::Nothing);
        cx.connection().output.push_copy(b"by");
        cx.connection().phase = Phase::Closing;
        Ok(or_cancelled(event, Flow::Progress))
    });
    want("protocol", Want::Turn);
    let x = play.open([protocol, plain("reader", On::Read), writer]);
    assert_eq!(play.round(), "wait 0, protocol Ready, reader Ready, writer Ready");
    assert_eq!(play.engine.connections.get(x).map(|x| x.output.len()), Some(1));
    assert_eq!(play.round(), "arm reader, arm writer, wait");
    let end = "wait, writer Ready, protocol Cancel, reader Cancel, disarm reader, close reader";
    assert_eq!(play.round_with(vec![ready("writer")]), format!("{end}, writer Cancel, disarm writer, close writer"));

    let mut play = Play::new();
    let x = play.open_with([]);
    play.settle();
    let open = play.engine.connections.get_mut(x).expect("it is open");
    open.output.push_copy(b"never sent");
    open.phase = Phase::Closed;
    play.settle_connection(x);
    assert_eq!(kernel::journal(), CONNECTION_END, "closed means at once");
}

#[test]
fn what_a_failure_ends_depends_on_its_side_and_its_task() {
    let client = TaskError::client(Error::shrunk("read"));
    let ours = TaskError::internal(Error::shrunk("read"));
    for (error, who, goes_on) in [
        (client, "handler", false),
        (upstream(), "handler", true),
        (ours, "handler", true),
        (client, "reader", false),
        (upstream(), "reader", false),
        (ours, "reader", false),
    ] {
        let mut play = Play::new();
        let failing =
            move |name| puppet(name, On::Read, move |e, _| if e == Event::Ready { Err(error) } else { Ok(Flow::Done) });
        want("writer", Want::Nothing);
        let reader = if who == "reader" { failing("reader") } else { plain("reader", On::Read) };
        let handler = if who == "handler" { failing("handler") } else { plain("handler", On::Read) };
        let x = play.open([plain("protocol", On::Always), reader, plain("writer", On::Write), handler]);
        play.round();
        let failed = play.engine.connections.get(x).map(|_| failed_side(&play, x));
        assert_eq!(failed, goes_on.then_some(Some(error.side)), "{who} {error:?}");
        let level = if error.side == Side::Client { "[info]" } else { "[error]" };
        let lines = play.log();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with(level) && lines[0].contains(who) && lines[0].contains("read: "), "{lines:?}");
        assert!(lines[0].ends_with("while playing, ") || lines[0].contains("while playing"), "{lines:?}");
    }
}

#[test]
fn the_protocol_gets_a_turn_when_a_handler_has_failed() {
    let mut play = Play::new();
    let protocol = puppet("protocol", On::Always, |event, cx| {
        want("protocol", Want::Nothing);
        let failed = cx.transaction().failed.take().map(|failure| failure.side);
        assert_eq!(failed, (event == Event::Ready).then_some(Side::Upstream));
        Ok(or_cancelled(event, Flow::Progress))
    });
    let handler = puppet("handler", On::Read, |_, _| {
        want("protocol", Want::Turn);
        Err(upstream())
    });
    want("writer", Want::Nothing);
    play.open([protocol, plain("reader", On::Read), plain("writer", On::Write), handler]);
    assert_eq!(play.round(), "wait 0, reader Ready, handler Ready, close handler, protocol Ready");
}

#[test]
fn a_task_that_stands_alone_is_dropped_when_it_fails() {
    let mut play = Play::new();
    play.start(puppet("alone", On::Read, |_, _| Err(upstream())));
    assert_eq!(play.round(), "wait 0, alone Ready, close alone");
    assert!(play.log()[0].starts_with("[error] w0 alone fd="), "{:?}", play.log());
}

#[test]
fn a_panic_closes_one_connection_and_is_logged_once() {
    let mut play = Play::new();
    play.open_with([puppet("handler", On::Read, |event, _| match event {
        Event::Ready => panic_quietly(),
        _ => Ok(Flow::Done),
    })]);
    let protocol = plain("other protocol", On::Always);
    let other = play.open([protocol, plain("other", On::Read), plain("writer", On::Write)]);
    let end = "protocol Cancel, reader Cancel, close reader, writer Cancel, close writer";
    assert_eq!(play.round(), format!("wait 0, reader Ready, handler Ready, close handler, {end}, other Ready"));
    assert!(play.engine.connections.get(other).is_some());
    assert_eq!(play.round(), "arm other, wait");
    assert_eq!(play.round_with(vec![ready("other")]), "wait, other Ready");
    let lines = play.log();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("[alert] w0 x0.0 handler fd="), "{lines:?}");
    assert!(lines[0].contains("panicked (a bug); its connection is closed while playing"), "{lines:?}");
}

#[test]
fn tasks_ordered_before_a_panic_end_with_the_connection() {
    let mut play = Play::new();
    play.open_with([puppet("handler", On::Read, |event, cx| match event {
        Event::Ready => {
            cx.join(plain("joined", On::Read));
            panic_quietly()
        }
        _ => Ok(Flow::Done),
    })]);
    assert!(play.round().ends_with("writer Cancel, close writer, joined Cancel, close joined"));
    assert!(play.engine.slots.is_empty());
}

#[test]
fn a_task_that_stands_alone_is_kept_when_it_panics() {
    let mut play = Play::new();
    let mut turns = 0;
    play.start(puppet("alone", On::Read, move |_, _| {
        turns += 1;
        if turns == 2 { panic_quietly() } else { Ok(Flow::Blocked) }
    }));
    play.settle();
    play.round_with(vec![ready("alone")]);
    assert_eq!(play.log().iter().filter(|line| line.starts_with("[alert]")).count(), 1);
    play.settle();
    kernel::journal();
    assert_eq!(play.round_with(vec![ready("alone")]), "wait, alone Ready");
}

#[test]
fn a_task_that_stays_when_its_connection_is_closed_stands_alone_from_then_on() {
    let mut play = Play::new();
    let mut cancelled = false;
    let reaper = puppet("reaper", On::Exit, move |event, cx| {
        assert_eq!(cx.connection.is_none(), cancelled, "{event:?}");
        match event {
            Event::Cancel => {
                cancelled = true;
                cx.wake_after(Duration::from_secs(2));
                Ok(Flow::Blocked)
            }
            Event::Deadline => Ok(Flow::Blocked),
            _ => Ok(Flow::Done),
        }
    });
    let x = play.open_with([reaper]);
    play.settle();
    play.engine.connections.get_mut(x).expect("it is open").phase = Phase::Closed;
    play.settle_connection(x);
    assert_eq!(kernel::journal(), format!("{CONNECTION_END}, reaper Cancel"));
    assert_eq!((play.engine.connections_open(), play.engine.slots.len()), (0, 1));
    assert_eq!(play.round(), "wait 2000, reaper Deadline");
    assert_eq!(play.round_with(vec![ready("child")]), "wait, reaper Ready, disarm child");
    assert!(play.engine.slots.is_empty());
}

#[test]
fn a_handler_that_goes_on_alone_outlives_its_connection() {
    let mut play = Play::new();
    let leaver = puppet("leaver", On::Read, |event, cx| {
        assert_ne!(event, Event::Cancel, "it is no member any more");
        Ok(if cx.connection.is_some() { Flow::Alone } else { Flow::Done })
    });
    let x = play.open_with([leaver]);
    play.settle();
    play.engine.connections.get_mut(x).expect("it is open").phase = Phase::Closed;
    play.settle_connection(x);
    assert_eq!((play.engine.connections_open(), play.engine.slots.len()), (0, 1));
    play.round_with(vec![ready("leaver")]);
    assert!(play.engine.slots.is_empty());
}

#[test]
fn cancelled_handlers_end_and_their_protocol_goes_on() {
    let mut play = Play::new();
    want("protocol", Want::Turn);
    let protocol = puppet("protocol", On::Always, |event, cx| {
        want("protocol", Want::Nothing);
        if event == Event::Ready {
            cancel_handlers(cx);
            cx.join(plain("next", On::Read));
        }
        Ok(or_cancelled(event, Flow::Progress))
    });
    want("writer", Want::Nothing);
    let stays =
        puppet("stays", On::Exit, |event, _| Ok(if event == Event::Ready { Flow::Done } else { Flow::Blocked }));
    let tasks = [protocol, plain("reader", On::Read), plain("writer", On::Write), plain("handler", On::Read), stays];
    let x = play.open(tasks);
    let end = "protocol Ready, handler Cancel, close handler, stays Cancel";
    assert_eq!(play.round(), format!("wait 0, {end}, reader Ready, next Ready"));
    assert_eq!(play.engine.connections.get(x).map(Connection::members), Some(4), "protocol, reader, writer, next");
    assert_eq!(play.round(), "arm child, arm reader, arm next, wait");
    assert_eq!(play.round_with(vec![ready("child")]), "wait, stays Ready, disarm child");
    assert_eq!(play.engine.slots.len(), 4);
}

#[test]
fn a_cancelled_task_may_order_what_outlives_it() {
    let mut play = Play::new();
    let protocol = puppet("protocol", On::Always, |event, cx| {
        if event == Event::Cancel {
            cx.start(plain("flush", On::Read));
            cx.notify_all(Notice::Reload);
            let tasks = [plain("p", On::Always), plain("r", On::Read), plain("w", On::Write)];
            cx.open(connection(), tasks, Moment::NEVER);
        }
        Ok(or_cancelled(event, Flow::Progress))
    });
    let reader =
        puppet("reader", On::Read, |event, _| Ok(if event == Event::Ready { Flow::Done } else { Flow::Blocked }));
    play.open([protocol, reader, plain("writer", On::Write)]);
    want("writer", Want::Nothing);
    let journal = play.round();
    for expected in ["protocol Cancel", "flush Ready", "r Ready", "w Ready", "flush Reload", "p Reload"] {
        assert!(journal.contains(expected), "{expected} in {journal}");
    }
    assert_eq!((play.engine.connections_open(), play.engine.slots.len()), (1, 4));
}

#[test]
fn a_handler_may_cancel_the_handlers_and_so_itself() {
    let mut play = Play::new();
    let x = play.open_with([
        puppet("handler", On::Read, |event, cx| {
            if event == Event::Ready {
                cancel_handlers(cx);
                return Err(upstream());
            }
            Ok(Flow::Done)
        }),
        plain("second", On::Read),
    ]);
    let end = "handler Cancel, close handler, second Cancel, close second";
    assert_eq!(play.round(), format!("wait 0, reader Ready, second Ready, handler Ready, {end}"));
    assert_eq!(play.engine.connections.get(x).map(Connection::members), Some(3));
    assert_eq!(failed_side(&play, x), None);
}

#[test]
fn after_a_hangup_of_one_side_nothing_is_left_of_the_other_side() {
    let mut play = Play::new();
    want("writer", Want::Kernel);
    let error = TaskError::client(Error::shrunk("read"));
    let reader =
        puppet("reader", On::Read, move |e, _| if e == Event::Hangup { Err(error) } else { Ok(Flow::Blocked) });
    play.open([plain("protocol", On::Always), reader, plain("writer", On::Write)]);
    play.settle();
    let end = "reader Hangup, disarm reader, close reader, protocol Cancel, writer Cancel, disarm writer, close writer";
    assert_eq!(play.round_with(vec![hangup("reader"), hangup("writer")]), format!("wait, {end}"));
    assert_eq!(play.round(), "wait");
}

/// A bug: it became a task that stood alone and was never asked what it wants: it stayed in its slot for ever.
#[test]
fn nothing_joins_a_connection_that_is_closing() {
    let mut play = Play::new();
    let reader = puppet("reader", On::Read, |event, cx| {
        if event == Event::Cancel {
            cx.join(plain("late", On::Read));
        }
        Ok(or_cancelled(event, Flow::Blocked))
    });
    want("protocol", Want::Turn);
    let protocol = puppet("protocol", On::Always, |_, _| Ok(Flow::Done));
    want("writer", Want::Nothing);
    play.open([protocol, reader, plain("writer", On::Write)]);
    let end = "reader Cancel, close reader, close late, writer Cancel, close writer";
    assert_eq!(play.round(), format!("wait 0, protocol Ready, {end}"));
    assert!(play.engine.slots.is_empty());
}

/// A bug: the ninth handler was dropped without a failure for the protocol, or stopped the server in a debug build.
#[test]
fn a_handler_that_finds_no_room_in_its_transaction_has_failed() {
    let mut play = Play::new();
    let x = play.open_with([puppet("crowd", On::Read, |_, cx| {
        (0..=HANDLERS_MAX).for_each(|_| cx.join(plain("joined", On::Read)));
        Ok(Flow::Done)
    })]);
    let journal = play.round();
    assert_eq!(journal.matches("joined Ready").count(), HANDLERS_MAX);
    assert_eq!(failed_side(&play, x), Some(Side::Internal));
    assert_eq!(play.engine.slots.len(), CONNECTION_TASKS + HANDLERS_MAX);
    assert!(play.log()[0].starts_with("[alert] w0 x0.0 joined fd="), "{:?}", play.log());
}

/// A bug: a panic in Cancel was not logged.
#[test]
fn a_failure_while_tasks_are_cancelled_is_logged_and_the_others_are_cancelled() {
    let mut play = Play::new();
    let bad = |name, act: fn() -> Outcome| {
        puppet(name, On::Read, move |event, _| if event == Event::Cancel { act() } else { Ok(Flow::Blocked) })
    };
    let panicking = bad("panicking", || panic_quietly());
    let failing = bad("failing", || Err(upstream()));
    let x = play.open_with([panicking, failing, plain("last", On::Read)]);
    play.settle();
    play.engine.connections.get_mut(x).expect("it is open").phase = Phase::Closed;
    play.engine.guarded_once(|engine| engine.settle(super::stage::NO_TOKEN, Some(x)));
    let ends = ["panicking", "failing", "last"].map(|w| format!("{w} Cancel, disarm {w}, close {w}")).join(", ");
    assert_eq!(kernel::journal(), format!("{CONNECTION_END}, {ends}"));
    let lines = play.log();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("[alert] w0 x0.0 panicking fd=") && lines[0].contains("panicked"), "{lines:?}");
    assert!(lines[1].starts_with("[error] w0 x0.0 failing fd=") && lines[1].contains("read: "), "{lines:?}");
    assert!(play.engine.slots.is_empty());
}

/// A bug: the task was run again at once, and again: a loop that only panicked and filled the log.
#[test]
fn a_task_that_panicked_alone_waits_for_the_kernel_before_its_next_turn() {
    let mut play = Play::new();
    play.start(puppet("alone", On::Read, |_, _| panic_quietly()));
    assert_eq!(play.round(), "wait 0, alone Ready");
    assert_eq!(play.round(), "arm alone, wait");
    let lines = play.log();
    assert!(lines.len() == 1 && lines[0].contains("panicked (a bug); it goes on while playing"), "{lines:?}");
}

#[test]
fn a_handler_that_panics_while_it_is_cancelled_ends_its_connection() {
    let mut play = Play::new();
    want("protocol", Want::Turn);
    let protocol = puppet("protocol", On::Always, |event, cx| {
        want("protocol", Want::Nothing);
        cancel_handlers(cx);
        Ok(or_cancelled(event, Flow::Progress))
    });
    want("writer", Want::Nothing);
    let handler = puppet("handler", On::Read, |_, _| panic_quietly());
    play.open([protocol, plain("reader", On::Read), plain("writer", On::Write), handler]);
    let journal = play.round();
    assert!(journal.starts_with("wait 0, protocol Ready, handler Cancel, close handler, protocol Cancel"), "{journal}");
    assert!(play.engine.slots.is_empty() && play.engine.connections.is_empty());
}

/// A bug: the assertion counted an armed task as waiting, though it wanted nothing and its event would have disarmed
/// it.
#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "connection 0 is stuck")]
fn a_connection_whose_tasks_wait_for_nothing_is_a_bug() {
    let mut play = Play::new();
    let x = play.open_with([]);
    play.settle();
    want("reader", Want::Nothing);
    play.settle_connection(x);
}

/// A bug: CgiStart used a place while the four tasks of its program joined: a request with a body had the maximum
/// number of tasks.
#[test]
fn a_task_that_is_done_makes_room_for_the_tasks_that_it_ordered() {
    let mut play = Play::new();
    let x = play.open_with([puppet("start", On::Always, |_, cx| {
        (0..HANDLERS_MAX).for_each(|_| cx.join(plain("joined", On::Read)));
        Ok(Flow::Done)
    })]);
    want("start", Want::Turn);
    play.settle_connection(x);
    let journal = play.round();
    assert_eq!(journal.matches("joined Ready").count(), HANDLERS_MAX, "{journal}");
    let open = play.engine.connections.get(x).expect("it is open");
    assert_eq!((open.members(), failed_side(&play, x)), (CONNECTION_TASKS + HANDLERS_MAX, None));
    assert!(play.log().is_empty(), "{:?}", play.log());
}

#[test]
fn a_task_that_is_done_is_removed_although_its_last_order_led_to_a_panic() {
    let mut play = Play::new();
    let bad = puppet("bad", On::Read, |event, _| match event {
        Event::Cancel => panic_quietly(),
        _ => Ok(Flow::Blocked),
    });
    let last = puppet("last", On::Exit, |event, cx| {
        if event == Event::Ready {
            cancel_handlers(cx);
            return Ok(Flow::Done);
        }
        Ok(Flow::Done)
    });
    let x = play.open_with([bad, last]);
    play.settle();
    kernel::journal();
    let journal = play.round_with(vec![ready("child")]);
    assert!(journal.starts_with("wait, last Ready, bad Cancel, disarm child, disarm bad, close bad"), "{journal}");
    assert!(play.engine.connections.get(x).is_none() && play.engine.slots.is_empty());
    assert!(kernel::armed().is_empty());
}
