//! Random schedules, and complete series of schedules.

use super::played::Act;
use super::requests::Request;
use super::schedule::{Ran, Script, Site, Trouble};
use crate::http::seeded::Seeded;
use crate::log::Level;

/// The number of random schedules.
const SEEDS: u64 = 2000;

/// Prints how a failed schedule can be run again.
struct Tale(u64);

impl Drop for Tale {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            eprintln!("this was seed {seed}; to see each step: WEBSERV_SEED={seed} cargo test --lib http1_by_chance");
        }
    }
}

fn by_chance(seed: u64) -> Script {
    let mut random = Seeded(seed);
    let requests: Vec<Request> = (1..=1 + random.below(5) as u64).map(|n| Request::by_chance(&mut random, n)).collect();
    let is_long = requests.iter().any(|request| request.acts.iter().any(|act| act.is_long()));
    let portions: &[usize] = if is_long { &[30_000, usize::MAX] } else { &[1, 7, 100, usize::MAX] };
    let portion = *random.pick(portions);
    let mut script = Script { portion, try_first: random.below(4) > 0, ..Script::plain(requests) };
    let bytes = script.bytes().len();
    script.cuts = random.cuts(bytes);
    script.trouble = match random.below(12) {
        0 | 1 => Trouble::HalfClosed(random.below(bytes + 1)),
        2 => Trouble::HalfClosed(bytes),
        3 | 4 => Trouble::Gone(1 + random.below(40)),
        5 | 6 => Trouble::Late(random.below(30)),
        7 => Trouble::Reloaded(random.below(30)),
        8 | 9 => Trouble::Drained(random.below(30)),
        _ => Trouble::None,
    };
    script.random = random;
    script
}

#[test]
fn http1_by_chance() {
    let chosen = std::env::var("WEBSERV_SEED").ok().map(|seed| seed.parse().expect("WEBSERV_SEED is a number"));
    let (seeds, level) = match chosen {
        Some(seed) => (seed..seed + 1, Level::Debug),
        None => (0..SEEDS, Level::Emerg),
    };
    let site = Site::new(level);
    for seed in seeds {
        let _tale = Tale(seed);
        by_chance(seed).run(&site);
    }
}

/// A few sequences of requests, of all kinds.
fn sequences() -> Vec<Vec<Request>> {
    let mut sequences = Vec::new();
    for seed in 0..8 {
        let mut random = Seeded(seed);
        sequences.push((1..=3).map(|number| Request::short_by_chance(&mut random, number)).collect());
    }
    sequences
}

/// Runs a sequence of requests in pieces of this length; the client takes small portions.
fn run_with(requests: &[Request], piece_bytes: usize, trouble: Trouble, site: &Site) -> Ran {
    let mut script = Script { portion: 60, trouble, ..Script::plain(requests.to_vec()) };
    script.cuts = (1..script.bytes().len()).step_by(piece_bytes).collect();
    script.run(site)
}

#[test]
fn requests_are_read_however_they_are_cut() {
    let site = Site::new(Level::Emerg);
    let short = || Script::plain(vec![Request::short(), Request::short()]);
    let bytes = short().bytes().len();
    for first in 0..bytes {
        for second in first + 1..=bytes {
            Script { cuts: vec![first, second], ..short() }.run(&site);
        }
    }
    for requests in sequences() {
        let script = || Script::plain(requests.clone());
        for cut in 1..script().bytes().len() {
            Script { cuts: vec![cut], ..script() }.run(&site);
        }
        run_with(&requests, 1, Trouble::None, &site);
    }
}

#[test]
fn a_client_may_go_in_each_turn() {
    let site = Site::new(Level::Emerg);
    for requests in sequences() {
        for turn in 1..=run_with(&requests, 40, Trouble::None, &site).turns {
            run_with(&requests, 40, Trouble::Gone(turn), &site);
        }
    }
}

#[test]
fn a_client_may_stop_sending_after_each_byte() {
    let site = Site::new(Level::Emerg);
    for requests in sequences() {
        for byte in 0..=Script::plain(requests.clone()).bytes().len() {
            run_with(&requests, 1000, Trouble::HalfClosed(byte), &site);
        }
    }
}

#[test]
fn the_server_may_change_before_each_round() {
    let site = Site::new(Level::Emerg);
    for requests in sequences() {
        for round in 0..run_with(&requests, 40, Trouble::None, &site).rounds {
            for trouble in [Trouble::Late(round), Trouble::Reloaded(round), Trouble::Drained(round)] {
                run_with(&requests, 40, trouble, &site);
            }
        }
    }
}

#[test]
fn a_handler_may_fail_after_each_byte() {
    let site = Site::new(Level::Emerg);
    for after in 0..=20 {
        for length in [None, Some(21)] {
            for portion in [1, 60, usize::MAX] {
                for seed in 0..4 {
                    let failing = Request::failing(Act::FailsLate { after, length }, 21);
                    let requests = vec![Request::short(), failing, Request::short()];
                    Script { portion, random: Seeded(seed), ..Script::plain(requests) }.run(&site);
                }
            }
        }
    }
}

/// Runs two short requests and an echo. The first bytes of its body arrive in time, the rest arrives too late.
fn run_late_body(first_bytes: usize) {
    let site = Site::new(Level::Emerg);
    let requests = vec![Request::short(), Request::short(), Request::echo()];
    let starts = Script::plain(requests.clone()).bytes().len() - 12;
    for round in 0..20 {
        let (cuts, trouble) = (vec![starts + first_bytes], Trouble::Late(round));
        Script { portion: 1, cuts, trouble, ..Script::plain(requests.clone()) }.run(&site);
    }
}

/// The server closed the connection while these responses were in the output.
#[test]
fn a_body_that_came_too_late_cost_a_slow_client_the_answers_before_it() {
    run_late_body(11);
}

/// The handler had started its response, but no byte of it was in the output.
#[test]
fn a_body_that_came_too_late_was_not_answered_by_408() {
    run_late_body(0);
}

#[test]
fn an_answer_that_ended_before_its_first_byte_was_none() {
    let requests = vec![Request::short(), Request::failing(Act::Length { bytes: 7, given: 0 }, 7)];
    Script::plain(requests).run(&Site::new(Level::Emerg));
}

#[test]
fn a_head_request_that_came_too_late_was_answered_with_a_body() {
    let site = Site::new(Level::Emerg);
    let requests = vec![Request::head()];
    for cut in 1..Script::plain(requests.clone()).bytes().len() {
        run_cut(&requests, cut, &site);
    }
}

/// Runs requests whose bytes after this position arrive too late.
fn run_cut(requests: &[Request], cut: usize, site: &Site) {
    for round in 0..10 {
        Script { cuts: vec![cut], trouble: Trouble::Late(round), ..Script::plain(requests.to_vec()) }.run(site);
    }
}
