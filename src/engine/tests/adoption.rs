//! How a task that stands alone becomes a member of a connection, and when it does not.

use super::kernel;
use super::stage::{On, Play, World, allow, cancel_handlers, failed_side, hearing_puppet, or_cancelled, plain};
use super::stage::{puppet, ready, refuse, want};
use crate::connection::{Phase, Side};
use crate::engine::{Context, Event, Flow, NO_TOKEN, Notice, Task, Want};
use crate::limits::{CONNECTION_TASKS, HANDLERS_MAX};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use webserv_sys::{Ready, Token};

type Cx<'a, 'w> = &'a mut Context<'w, World>;

/// Where a task stores its token for another task.
type Place = Rc<Cell<Token>>;

/// A task that stands alone and waits for the kernel. It stores its token in its first turn.
fn spare(place: &Place) -> Box<dyn Task<World>> {
    let place = Rc::clone(place);
    puppet("spare", On::Read, move |event, cx: Cx<'_, '_>| {
        place.set(cx.token());
        Ok(or_cancelled(event, Flow::Blocked))
    })
}

/// A connection whose protocol adopts the stored task in its turn. It ignores failures.
fn open_adopter(play: &mut Play, place: &Place) -> Token {
    let place = Rc::clone(place);
    let protocol = puppet("protocol", On::Always, move |event, cx: Cx<'_, '_>| {
        want("protocol", Want::Nothing);
        if event == Event::Ready {
            cx.adopt(place.get());
        }
        Ok(or_cancelled(event, Flow::Progress))
    });
    want("writer", Want::Nothing);
    let x = play.open([protocol, plain("reader", On::Read), plain("writer", On::Write)]);
    play.settle();
    x
}

/// Gives the protocol a turn, and runs the round. Returns the journal.
fn adopt(play: &mut Play, x: Token, batch: Vec<Ready>) -> String {
    kernel::journal();
    want("protocol", Want::Turn);
    play.settle_connection(x);
    play.round_with(batch)
}

/// The failure of a connection's transaction, and the number of its members.
fn state(play: &Play, x: Token) -> (Option<Side>, usize) {
    (failed_side(play, x), play.engine.connections.get(x).expect("it is open").members())
}

fn play_with_spare() -> (Play, Place, Token) {
    let (mut play, place) = (Play::new(), Rc::new(Cell::new(NO_TOKEN)));
    play.start(spare(&place));
    let x = open_adopter(&mut play, &place);
    (play, place, x)
}

#[test]
fn an_adopted_task_gets_its_notice_first_and_is_a_member_like_others() {
    let (mut play, _, x) = play_with_spare();
    let journal = adopt(&mut play, x, vec![]);
    assert_eq!(journal, "wait 0, protocol Ready, spare Adopted, spare Ready", "and the kernel watched for it already");
    assert_eq!(state(&play, x), (None, 4));
    assert_eq!(play.round_with(vec![ready("spare")]), "wait, spare Ready");
    play.engine.connections.get_mut(x).expect("it is open").phase = Phase::Closed;
    play.settle_connection(x);
    assert!(kernel::journal().ends_with("spare Cancel, disarm spare, close spare"));
    assert!(play.engine.slots.is_empty() && kernel::armed().is_empty());
}

#[test]
fn an_adopted_task_sees_its_connection_and_its_old_wait_is_dropped() {
    let (mut play, place) = (Play::new(), Rc::new(Cell::new(NO_TOKEN)));
    let own = Rc::clone(&place);
    let acts = move |event, cx: Cx<'_, '_>| {
        own.set(cx.token());
        if event == Event::Cancel {
            return Ok(Flow::Blocked); // it stands alone again
        }
        Ok(Flow::Blocked)
    };
    play.start(hearing_puppet("spare", On::Read, acts, |_, cx| {
        cx.connection().output.push_copy(b"hello");
        Ok(Flow::Progress)
    }));
    let x = open_adopter(&mut play, &place);
    adopt(&mut play, x, vec![]);
    assert_eq!(play.engine.connections.get(x).map(|x| x.output.len()), Some(5));
    // The task stands alone again, and another connection adopts it.
    play.engine.connections.get_mut(x).expect("it is open").phase = Phase::Closed;
    play.settle_connection(x);
    play.settle();
    let y = open_adopter(&mut play, &place);
    let journal = adopt(&mut play, y, vec![]);
    assert!(journal.contains("protocol Ready, spare Adopted"), "{journal}");
    assert_eq!(state(&play, y), (None, 4));
}

#[test]
fn a_task_that_cannot_be_adopted_is_a_failure_upstream() {
    // The task is gone, and another has its slot.
    let (mut play, place, x) = play_with_spare();
    play.engine.remove(place.get());
    play.start(plain("stranger", On::Read));
    play.settle();
    assert_eq!(adopt(&mut play, x, vec![]), "wait 0, protocol Ready");
    assert_eq!(state(&play, x), (Some(Side::Upstream), 3));

    // The task is queued for a turn: its other side may have closed.
    let (mut play, _, x) = play_with_spare();
    let journal = adopt(&mut play, x, vec![ready("spare")]);
    assert_eq!(journal, "wait 0, protocol Ready, spare Ready");
    assert_eq!(state(&play, x), (Some(Side::Upstream), 3));

    // The task belongs to another connection, or to this one.
    let (mut play, place, x) = play_with_spare();
    let y = play.open([plain("p", On::Always), plain("r", On::Read), plain("w", On::Write)]);
    play.settle();
    let member = play.engine.connections.get(y).and_then(|y| y.member(1)).expect("it is there");
    for connection in [y, x] {
        let member = match connection == x {
            true => play.engine.connections.get(x).and_then(|x| x.member(1)).expect("it is there"),
            false => member,
        };
        place.set(play.engine.slots.token(member).expect("it is there"));
        let open = play.engine.connections.get_mut(x).expect("it is open");
        open.transactions.current_mut().expect("it has begun").failed = None;
        adopt(&mut play, x, vec![]);
        assert_eq!(state(&play, x), (Some(Side::Upstream), 3));
    }
    assert_eq!(state(&play, y), (None, 3));
}

#[test]
fn a_transaction_without_room_adopts_no_task_and_the_task_still_stands_alone() {
    let (mut play, place, x) = play_with_spare();
    let id = play.transaction(x);
    for _ in 0..HANDLERS_MAX {
        play.engine.insert_handler(plain("handler", On::Read), x, id);
    }
    play.settle_connection(x);
    play.settle();
    adopt(&mut play, x, vec![]);
    assert_eq!(state(&play, x), (Some(Side::Upstream), CONNECTION_TASKS + HANDLERS_MAX));
    assert!(play.engine.slots.get(place.get()).is_some_and(|slot| slot.stands_alone()));
    assert_eq!(play.round_with(vec![ready("spare")]), "wait, spare Ready");
}

#[test]
fn a_task_that_is_cancelled_before_its_notice_of_adoption_never_gets_it() {
    let (mut play, place) = (Play::new(), Rc::new(Cell::new(NO_TOKEN)));
    let own = Rc::clone(&place);
    play.start(puppet("spare", On::Read, move |_, cx: Cx<'_, '_>| {
        own.set(cx.token());
        Ok(Flow::Blocked)
    }));
    let wanted = Rc::clone(&place);
    let protocol = puppet("protocol", On::Always, move |event, cx: Cx<'_, '_>| {
        want("protocol", Want::Nothing);
        cx.adopt(wanted.get());
        cancel_handlers(cx);
        Ok(or_cancelled(event, Flow::Progress))
    });
    want("writer", Want::Nothing);
    let x = play.open([protocol, plain("reader", On::Read), plain("writer", On::Write)]);
    play.settle();
    let journal = adopt(&mut play, x, vec![]);
    assert_eq!(journal, "wait 0, protocol Ready, spare Cancel, spare Ready");
    assert_eq!(state(&play, x), (None, 3));
    // A connection that is closed adopts no task.
    play.engine.connections.get_mut(x).expect("it is open").phase = Phase::Closed;
    play.settle_connection(x);
    assert!(play.engine.slots.get(place.get()).is_some_and(|slot| slot.stands_alone()));
}

/// The kernel had refused to watch for the task, and it was paused. The pause ends in the new connection.
#[test]
fn a_paused_task_can_be_adopted() {
    let (mut play, place) = (Play::new(), Rc::new(Cell::new(NO_TOKEN)));
    refuse("spare");
    play.start(spare(&place));
    let x = open_adopter(&mut play, &place);
    allow("spare");
    let journal = adopt(&mut play, x, vec![]);
    assert_eq!(journal, "wait 0, protocol Ready, spare Adopted, spare Ready");
    kernel::pass(Duration::from_secs(2));
    play.settle();
    play.round_with(vec![ready("spare")]);
    assert_eq!(state(&play, x), (None, 4));
}

/// [`Notice::Adopted`] comes at once; a notice for all tasks comes at the end of the round.
#[test]
fn a_task_adopted_in_a_round_with_a_notice_for_all_gets_both_notices() {
    let (mut play, _, x) = play_with_spare();
    play.start(puppet("signal", On::Signal, |_, cx: Cx<'_, '_>| {
        cx.notify_all(Notice::Reload);
        Ok(Flow::Blocked)
    }));
    play.settle();
    let journal = adopt(&mut play, x, vec![ready("SIGHUP")]);
    assert_eq!(journal.matches("spare Adopted").count(), 1, "{journal}");
    assert_eq!(journal.matches("spare Reload").count(), 1, "{journal}");
}
