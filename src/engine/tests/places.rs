//! Waiting for a place, and notices to the protocol of a connection.

use super::kernel;
use super::stage::{On, Play, World, hearing_puppet, or_cancelled, plain, puppet, ready, want};
use crate::connection::Phase;
use crate::engine::{Context, Event, Flow, Notice, Task, Want};
use std::cell::Cell;
use std::rc::Rc;
use webserv_sys::Token;

/// Waits for a place after its first turn. If `greedy`, waits again after each notice.
fn waiter(name: &'static str, greedy: bool) -> Box<dyn Task<World>> {
    let acts = |_, cx: &mut Context<'_, World>| {
        cx.wait_for_place();
        Ok(Flow::Blocked)
    };
    let again: super::stage::Hears = |_, cx| {
        cx.wait_for_place();
        Ok(Flow::Progress)
    };
    hearing_puppet(name, On::Read, acts, if greedy { again } else { |_, _| Ok(Flow::Progress) })
}

/// Opens a connection without work.
fn open(play: &mut Play) -> Token {
    want("w", Want::Nothing);
    let x = play.open([plain("p", On::Always), plain("r", On::Read), plain("w", On::Write)]);
    play.settle();
    x
}

fn close(play: &mut Play, x: Token) {
    play.engine.connections.get_mut(x).expect("it is open").phase = Phase::Closed;
    play.settle_connection(x);
}

/// The tasks that get [`Notice::Place`] in the next round, in order.
fn places_given(play: &mut Play) -> Vec<String> {
    let round = play.round_with(vec![]);
    round.split(", ").filter_map(|what| what.strip_suffix(" Place")).map(String::from).collect()
}

#[test]
fn each_place_is_given_to_one_waiting_task_in_the_order_of_waiting() {
    let mut play = Play::new();
    let connections: Vec<Token> = (0..6).map(|_| open(&mut play)).collect();
    for (name, greedy) in [("a", true), ("b", false), ("c", true)] {
        play.start(waiter(name, greedy));
    }
    play.settle();
    kernel::journal();
    let mut all = Vec::new();
    for &x in &connections[..4] {
        close(&mut play, x);
        all.extend(places_given(&mut play));
    }
    assert_eq!(all, ["a", "b", "c", "a"], "a task that waits again is the last one: none starves");
    close(&mut play, connections[4]);
    close(&mut play, connections[5]);
    assert_eq!(places_given(&mut play), ["c", "a"], "two places, two tasks");
    assert_eq!(play.round(), "wait", "and no task spins");
}

#[test]
fn a_place_is_not_lost_if_the_task_is_removed_or_does_not_need_it() {
    let mut play = Play::new();
    let connections: Vec<Token> = (0..2).map(|_| open(&mut play)).collect();
    let token = Rc::new(Cell::new(super::stage::NO_TOKEN));
    let own = Rc::clone(&token);
    play.start(puppet("gone", On::Read, move |_, cx: &mut Context<'_, World>| {
        own.set(cx.token());
        cx.wait_for_place();
        Ok(Flow::Blocked)
    }));
    let acts = |_, cx: &mut Context<'_, World>| {
        cx.wait_for_place();
        Ok(Flow::Blocked)
    };
    play.start(hearing_puppet("sated", On::Read, acts, |notice, cx| {
        assert_eq!(notice, Notice::Place);
        cx.pass_place_on();
        Ok(Flow::Progress)
    }));
    play.start(waiter("hungry", false));
    play.settle();
    play.engine.remove(token.get());
    kernel::journal();
    close(&mut play, connections[0]);
    assert_eq!(places_given(&mut play), ["sated", "hungry"]);
    close(&mut play, connections[1]);
    assert!(places_given(&mut play).is_empty() && play.engine.notices.are_empty(), "no task waits any more");
}

#[test]
fn a_protocol_gets_a_notice_by_the_number_of_its_connection() {
    let mut play = Play::new();
    let number = Rc::new(Cell::new(u32::MAX));
    open(&mut play);
    let own = Rc::clone(&number);
    let acts = move |event, cx: &mut Context<'_, World>| {
        want("protocol", Want::Nothing);
        own.set(cx.connection_number().expect("it has a connection"));
        Ok(or_cancelled(event, Flow::Progress))
    };
    want("protocol", Want::Turn);
    let protocol = hearing_puppet("protocol", On::Always, acts, |notice, cx| {
        assert_eq!(notice, Notice::Evict);
        cx.connection().phase = Phase::Closing;
        Ok(Flow::Progress)
    });
    want("writer", Want::Nothing);
    let x = play.open([protocol, plain("reader", On::Read), plain("writer", On::Write)]);
    play.settle();
    assert_eq!(number.get(), x.index);
    play.start(puppet("accept", On::Signal, move |event, cx: &mut Context<'_, World>| {
        if event == Event::Ready {
            assert_eq!(cx.connection_number(), None);
            cx.notify_protocol(number.get(), Notice::Evict);
            cx.wait_for_place();
        }
        Ok(Flow::Blocked)
    }));
    play.settle();
    kernel::journal();
    let end = "protocol Cancel, reader Cancel, disarm reader, close reader, writer Cancel, close writer";
    let round = play.round_with(vec![ready("SIGHUP")]);
    assert_eq!(round, format!("wait, accept Ready, protocol Evict, {end}, accept Place"), "all in one round");
    // No connection has this number now.
    assert_eq!(play.round_with(vec![ready("SIGHUP")]), "wait, accept Ready");
}
