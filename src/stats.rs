//! How many connections and requests the workers have: `stub_status`, `$connections_active` and their kind.

use std::array;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of one worker, on cache lines of their own.
///
/// Only the worker itself changes them, with a load and a store: that costs no more than a plain number, and any worker
/// can read them at any time.
#[derive(Default, Debug)]
#[repr(align(128))]
struct Counters {
    accepted: AtomicU64,
    requests: AtomicU64,
    open: AtomicU64,
    reading: AtomicU64,
    waiting: AtomicU64,
}

/// The counters of all workers, as one of them has them.
#[derive(Clone, Debug)]
pub struct Stats {
    own: Arc<Counters>,
    all: Arc<[Arc<Counters>]>,
}

/// The sums over all workers.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ConnectionTotals {
    /// Connections accepted so far.
    pub accepted: u64,
    /// Requests so far whose head has come.
    pub requests: u64,
    /// Connections that are open.
    pub active: u64,
    /// Open connections of which a part of a head has come.
    pub reading: u64,
    /// Open connections with a request, and those that are being closed.
    pub writing: u64,
    /// Open connections that wait for a request.
    pub waiting: u64,
}

/// One of the sums, as variables have them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stat {
    /// `$connections_active`
    Active,
    /// `$connections_reading`
    Reading,
    /// `$connections_writing`
    Writing,
    /// `$connections_waiting`
    Waiting,
}

impl Default for Stats {
    /// The counters of a worker that is alone.
    fn default() -> Self {
        let [alone] = Stats::of_team(1).try_into().unwrap_or_else(|_| unreachable!("there is one worker"));
        alone
    }
}

impl Stats {
    /// The counters of this number of workers; each of them gets one element.
    pub fn of_team(workers: usize) -> Vec<Stats> {
        let all: Arc<[Arc<Counters>]> = (0..workers).map(|_| Arc::default()).collect();
        all.iter().map(|own| Stats { own: Arc::clone(own), all: Arc::clone(&all) }).collect()
    }

    /// A request's head has come.
    #[inline]
    pub fn count_request(&self) {
        add(&self.own.requests, 1);
    }

    /// A connection was accepted.
    pub fn count_accepted(&self) {
        add(&self.own.accepted, 1);
        add(&self.own.open, 1);
    }

    /// A connection is being closed.
    pub fn count_closed(&self) {
        let open = self.own.open.load(Ordering::Relaxed);
        self.own.open.store(open.saturating_sub(1), Ordering::Relaxed);
    }

    /// This number of connections is open.
    pub fn set_open(&self, open: usize) {
        self.own.open.store(open as u64, Ordering::Relaxed);
    }

    /// This number of connections waits for a request.
    pub fn set_waiting(&self, waiting: usize) {
        self.own.waiting.store(waiting as u64, Ordering::Relaxed);
    }

    /// Whether a part of a head has come on a connection, without the rest: before and now.
    pub fn note_reading(&self, before: bool, now: bool) {
        add(&self.own.reading, u64::from(now).wrapping_sub(before.into()));
    }

    /// The sums. `is_listed`: the connection that asks is still counted as one that waits.
    pub fn totals(&self, is_listed: bool) -> ConnectionTotals {
        let [accepted, requests, active, reading, waiting] = self.sums();
        // Other workers go on while they are read, so that a sum may be one too many for a moment.
        let waiting = waiting.saturating_sub(is_listed.into()).min(active);
        let reading = reading.min(active - waiting);
        ConnectionTotals { accepted, requests, active, reading, writing: active - waiting - reading, waiting }
    }

    fn sums(&self) -> [u64; 5] {
        let of = |it: &Counters| {
            [&it.accepted, &it.requests, &it.open, &it.reading, &it.waiting].map(|it| it.load(Ordering::Relaxed))
        };
        self.all.iter().fold([0; 5], |sums, it| {
            let more = of(it);
            array::from_fn(|at| sums[at] + more[at])
        })
    }
}

impl ConnectionTotals {
    /// One of the sums.
    pub fn get(&self, stat: Stat) -> u64 {
        match stat {
            Stat::Active => self.active,
            Stat::Reading => self.reading,
            Stat::Writing => self.writing,
            Stat::Waiting => self.waiting,
        }
    }

    /// The text of `stub_status`. All accepted connections are handled: the server accepts none that it has no place
    /// for.
    pub fn text(&self) -> String {
        let ConnectionTotals { accepted, requests, active, reading, writing, waiting } = self;
        format!(
            "Active connections: {active} \n\
             server accepts handled requests\n \
             {accepted} {accepted} {requests} \n\
             Reading: {reading} Writing: {writing} Waiting: {waiting} \n"
        )
    }
}

/// Adds to a counter that no other worker changes.
#[inline]
fn add(counter: &AtomicU64, number: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(number), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_all_workers() {
        let team = Stats::of_team(2);
        (0..3).for_each(|_| team[0].count_accepted());
        (0..2).for_each(|_| team[1].count_accepted());
        team[1].count_closed();
        team[0].note_reading(false, true);
        team[1].note_reading(false, true);
        team[1].note_reading(true, false);
        (0..7).for_each(|at| team[at % 2].count_request());
        team[0].set_waiting(2);
        let expected = ConnectionTotals { accepted: 5, requests: 7, active: 4, reading: 1, writing: 1, waiting: 2 };
        assert_eq!((team[0].totals(false), team[1].totals(false)), (expected, expected));
        assert_eq!(team[0].totals(true), ConnectionTotals { writing: 2, waiting: 1, ..expected });
        team[0].set_open(0);
        team[1].count_closed();
        team[1].count_closed();
        let left = team[0].totals(false);
        assert_eq!((left.active, left.reading, left.writing, left.waiting), (0, 0, 0, 0));
    }

    /// nginx's format, which monitoring programs read.
    #[test]
    fn text() {
        let totals = ConnectionTotals { accepted: 5, requests: 7, active: 4, reading: 1, writing: 2, waiting: 1 };
        let expected = "Active connections: 4 \nserver accepts handled requests\n 5 5 7 \n\
            Reading: 1 Writing: 2 Waiting: 1 \n";
        assert_eq!(totals.text(), expected);
    }
}
