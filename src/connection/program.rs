//! The state that the tasks of a CGI program share.

use super::Fresh;
use std::time::Duration;
use webserv_sys::process::Status;
use webserv_sys::{Moment, Token};

/// The state of a CGI program.
#[derive(Default)]
pub struct Program {
    /// The task that waits for a place among the programs (`cgi_max_processes`) or has one. It is told when the client
    /// closes its side of the connection.
    pub place: Option<Token>,
    /// The time that it may still take.
    pub clock: ProgramClock,
    /// The request's body still goes to its standard input.
    pub is_fed: bool,
    /// The program has closed its standard output: it has ended, or will soon.
    pub output_ended: bool,
    /// The exit status. `None` while the program runs.
    pub exit: Option<Status>,
    /// Why its output is no longer used. Then the program is ended when the request's handlers are.
    pub given_up: Option<GivenUp>,
}

impl Program {
    const NONE: Self =
        Self { place: None, clock: ProgramClock::NONE, is_fed: false, output_ended: false, exit: None, given_up: None };
}

/// Why the server gives up a program whose client has not gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GivenUp {
    /// The program was too slow, or its response was malformed.
    BadAnswer,
    /// The request's body was refused, or the rest of it did not come. At EOF the program would take the part for all.
    BodyCut,
    /// The client has closed its side of the connection, and another request waits for the program's place.
    Evicted,
}

impl GivenUp {
    /// The reason in words, for the log.
    pub fn cause(self) -> &'static str {
        match self {
            GivenUp::BadAnswer => "it was too slow, or its answer was not right",
            GivenUp::BodyCut => "its request's body was refused, or the rest of it did not come",
            GivenUp::Evicted => "its client has closed, and another request waits for its place",
        }
    }
}

impl Fresh for Program {
    const FRESH: &Self = &Self::NONE;

    fn fresh() -> Self {
        Self::NONE
    }
}

/// The time that a program may still take (`cgi_timeout`, `cgi_idle_timeout`).
///
/// It passes only while the server waits for the program. It stands still while the server waits for the client, which
/// has timeouts of its own.
#[derive(Clone, Copy)]
pub struct ProgramClock {
    /// When the whole time has passed, if the clock does not stop before.
    end: Moment,
    /// The same for the time without reading or writing.
    idle_end: Moment,
    idle: Duration,
    /// When the clock was stopped. `None` while it runs.
    stopped_at: Option<Moment>,
}

/// A stopped clock is looked at once in this time or more rarely.
const LOOK_AT_STOPPED: Duration = Duration::from_secs(1);

impl ProgramClock {
    const NONE: Self = Self { end: Moment::NEVER, idle_end: Moment::NEVER, idle: Duration::MAX, stopped_at: None };

    /// A running clock: the program may take `total`, and at most `idle` of it without reading or writing.
    pub fn start(total: Duration, idle: Duration, now: Moment) -> Self {
        Self { end: now.after(total), idle_end: now.after(idle), idle, stopped_at: None }
    }

    /// Starts or stops the clock.
    pub fn set(&mut self, runs: bool, now: Moment) {
        if !runs {
            self.stopped_at.get_or_insert(now);
        } else if let Some(stopped_at) = self.stopped_at.take() {
            let pause = now.since(stopped_at);
            (self.end, self.idle_end) = (self.end.after(pause), self.idle_end.after(pause));
        }
    }

    /// The program has read or written something.
    pub fn note_progress(&mut self, now: Moment) {
        let runs = self.stopped_at.is_none();
        self.set(true, now);
        self.idle_end = now.after(self.idle);
        self.set(runs, now);
    }

    /// The program has closed its output, so that it may be silent.
    pub fn allow_silence(&mut self) {
        (self.idle, self.idle_end) = (Duration::MAX, Moment::NEVER);
    }

    /// The directive whose time has passed, if one has.
    pub fn passed(&self, now: Moment) -> Option<&'static str> {
        match self.stopped_at.unwrap_or(now) {
            now if now >= self.end => Some("cgi_timeout"),
            now if now >= self.idle_end => Some("cgi_idle_timeout"),
            _ => None,
        }
    }

    /// When to look at the clock again: no time has passed before then.
    pub fn next_look(&self, now: Moment) -> Moment {
        let next = self.end.min(self.idle_end);
        match self.stopped_at {
            None => next,
            Some(stopped_at) => now.after(next.since(stopped_at).max(LOOK_AT_STOPPED)),
        }
    }
}

impl Default for ProgramClock {
    fn default() -> Self {
        Self::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_clock_stands_still_while_the_client_is_waited_for() {
        let begin = Moment::now();
        let at = |seconds: u32| begin.after(SECOND * seconds);
        let mut clock = ProgramClock::start(SECOND * 10, SECOND * 4, begin);
        assert_eq!((clock.passed(at(3)), clock.passed(at(4))), (None, Some("cgi_idle_timeout")));
        clock.set(false, at(3));
        clock.set(false, at(50));
        assert_eq!((clock.passed(at(100)), clock.next_look(at(100))), (None, at(101)));
        clock.set(true, at(100)); // 3 s of 10 s have passed, 1 s without progress is left
        clock.set(true, at(100));
        assert_eq!((clock.passed(at(100)), clock.passed(at(101))), (None, Some("cgi_idle_timeout")));
        assert_eq!(clock.next_look(at(100)), at(101));
        clock.note_progress(at(100));
        assert_eq!((clock.next_look(at(100)), clock.passed(at(107))), (at(104), Some("cgi_timeout")));
        clock.set(false, at(101));
        clock.note_progress(at(201));
        assert_eq!((clock.next_look(at(201)), clock.passed(at(300))), (at(205), None), "it still stands");
        clock.set(true, at(301)); // 4 s have passed
        assert_eq!(clock.next_look(at(301)), at(305));
        clock.allow_silence();
        assert_eq!(clock.next_look(at(301)), at(307));
        clock.note_progress(at(302));
        assert_eq!((clock.passed(at(306)), clock.passed(at(307))), (None, Some("cgi_timeout")));
    }

    #[test]
    fn a_clock_that_was_never_started_never_ends() {
        let mut clock = ProgramClock::default();
        let now = Moment::now();
        clock.set(false, now);
        clock.set(true, now.after(SECOND));
        clock.note_progress(now.after(SECOND));
        assert_eq!((clock.passed(now.after(SECOND * 9)), clock.next_look(now)), (None, Moment::NEVER));
    }
}
