//! The places for programs (`cgi_max_processes`), and the requests that wait for one (`cgi_queue`).

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use webserv_sys::Token;

/// The programs of a worker, as far as they take places, and the requests that wait, in the order in which they came.
///
/// A request that waits is called when it may start its program; the place is not its own before it has started. So a
/// task that is gone keeps no place.
#[derive(Default)]
pub struct Programs {
    /// The number of [`ProgramPlace`]s, which share this with their programs' tasks.
    running: Rc<Cell<usize>>,
    waiting: VecDeque<Waiting>,
    /// Programs that have not answered, and whose clients have closed their sides of the connections. The oldest first.
    left: VecDeque<Token>,
    /// Requests that wait, and for which no program of `left` has been ended.
    owed: usize,
}

/// A place that a program takes. It is given back when this value is dropped, so that a task that is gone, even by a
/// panic, keeps none.
#[must_use]
#[derive(Debug)]
pub struct ProgramPlace(Rc<Cell<usize>>);

impl Drop for ProgramPlace {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A request that waits for a place.
struct Waiting {
    task: Token,
    /// Its `cgi_max_processes`.
    processes_max: usize,
    /// Its client has closed its side of the connection.
    client_left: bool,
}

/// The queue is full.
#[derive(Debug, PartialEq, Eq)]
pub struct QueueFull;

impl Programs {
    /// The number of programs that take a place.
    pub fn running(&self) -> usize {
        self.running.get()
    }

    /// The number of requests that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// A program takes a place. The caller that drops the place calls the [`next`](Self::next) request.
    pub fn take_place(&self) -> ProgramPlace {
        self.running.set(self.running.get() + 1);
        ProgramPlace(Rc::clone(&self.running))
    }

    /// Whether this request may start its program: there is a place, and no request that waits is before it.
    pub fn has_place(&self, task: Token, processes_max: usize) -> bool {
        let mut earlier = self.waiting.iter().take_while(|waiting| waiting.task != task);
        self.running() < processes_max && !earlier.any(|waiting| self.running() < waiting.processes_max)
    }

    /// The first request that may start its program now.
    pub fn next(&self) -> Option<Token> {
        self.waiting.iter().find(|waiting| self.running() < waiting.processes_max).map(|waiting| waiting.task)
    }

    /// Enters the queue, which holds `most` requests. In a full queue, the place of a request whose client has left is
    /// used: returns that one, to be refused.
    ///
    /// # Errors
    /// The queue is full.
    pub fn wait(&mut self, task: Token, processes_max: usize, most: usize) -> Result<Option<Token>, QueueFull> {
        let mut refused = None;
        if self.waiting.len() >= most {
            let at = self.waiting.iter().position(|waiting| waiting.client_left).filter(|_| most > 0);
            refused = Some(self.waiting.remove(at.ok_or(QueueFull)?).ok_or(QueueFull)?.task);
        }
        self.waiting.push_back(Waiting { task, processes_max, client_left: false });
        self.owed = (self.owed + 1).min(self.waiting.len());
        Ok(refused)
    }

    /// Leaves the queue. The caller calls the [`next`](Self::next) request: this one may have been called.
    pub fn leave(&mut self, task: Token) {
        self.waiting.retain(|waiting| waiting.task != task);
        self.owed = self.owed.min(self.waiting.len());
    }

    /// The client of this program, or of this request that waits, has closed its side of the connection.
    pub fn note_left(&mut self, task: Token) {
        match self.waiting.iter_mut().find(|waiting| waiting.task == task) {
            Some(waiting) => waiting.client_left = true,
            None => self.left.push_back(task),
        }
    }

    /// Forgets a program that ends, or has a client again.
    pub fn forget_left(&mut self, task: Token) {
        if !self.left.is_empty() {
            self.left.retain(|left| *left != task);
        }
    }

    /// A program to end, so that a request that waits gets its place. At most one for each request.
    pub fn take_left(&mut self) -> Option<Token> {
        let left = if self.owed > 0 { self.left.pop_front() } else { None };
        self.owed -= usize::from(left.is_some());
        left
    }

    /// The program from [`take_left`](Self::take_left) has answered meanwhile: another one is to be ended.
    pub fn decline(&mut self) {
        self.owed = (self.owed + 1).min(self.waiting.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(index: u32) -> Token {
        Token { index, generation: 0 }
    }

    /// A worker with this number of programs, and their places.
    fn running(number: usize) -> (Programs, Vec<ProgramPlace>) {
        let programs = Programs::default();
        let places = (0..number).map(|_| programs.take_place()).collect();
        (programs, places)
    }

    /// A bug: after a panic of a program's task its place stayed taken, until the server ended.
    #[test]
    fn a_panic_kept_the_place_of_a_program() {
        let (programs, places) = running(2);
        let task = std::panic::AssertUnwindSafe(move || {
            let _places = places;
            panic!("as a task does that is wrong");
        });
        assert!(std::panic::catch_unwind(task).is_err());
        assert_eq!(programs.running(), 0);
    }

    #[test]
    fn requests_start_in_the_order_in_which_they_came() {
        let (mut programs, mut places) = running(2);
        assert!(!programs.has_place(task(1), 2) && programs.has_place(task(1), 3));
        for number in 1..=3 {
            assert_eq!(programs.wait(task(number), 2, 3), Ok(None));
        }
        assert_eq!((programs.wait(task(4), 2, 3), programs.next()), (Err(QueueFull), None));
        places.pop();
        assert_eq!(programs.next(), Some(task(1)));
        assert!(programs.has_place(task(1), 2) && !programs.has_place(task(2), 2));
        assert!(!programs.has_place(task(9), 2), "a new request does not overtake");
        programs.leave(task(1)); // its client has gone
        assert_eq!(programs.next(), Some(task(2)));
        programs.leave(task(2));
        places.push(programs.take_place());
        assert_eq!((programs.next(), programs.running(), programs.waiting()), (None, 2, 1));
    }

    #[test]
    fn a_request_with_a_higher_limit_overtakes_those_that_cannot_start() {
        let (mut programs, mut places) = running(5);
        assert_eq!(programs.wait(task(1), 2, 9), Ok(None));
        assert!(programs.has_place(task(2), 8));
        assert_eq!(programs.wait(task(2), 5, 9), Ok(None));
        places.pop();
        assert_eq!(programs.next(), Some(task(2)));
        places.pop();
        places.pop();
        places.pop();
        assert_eq!(programs.next(), Some(task(1)), "now the first one can start");
        assert!(!programs.has_place(task(2), 5));
    }

    #[test]
    fn no_queue_refuses_at_once() {
        let (mut programs, _places) = running(1);
        assert_eq!(programs.wait(task(1), 1, 0), Err(QueueFull));
    }

    #[test]
    fn each_request_that_waits_ends_one_program_without_a_client() {
        let (mut programs, _places) = running(4);
        for number in 1..=4 {
            programs.note_left(task(number));
        }
        assert_eq!(programs.take_left(), None, "nothing waits");
        programs.forget_left(task(2));
        assert_eq!(programs.wait(task(9), 4, 9), Ok(None));
        assert_eq!((programs.take_left(), programs.take_left()), (Some(task(1)), None));
        programs.decline();
        assert_eq!((programs.take_left(), programs.take_left()), (Some(task(3)), None));
        programs.leave(task(9));
        programs.decline();
        assert_eq!(programs.take_left(), None, "nothing waits any more");
    }

    #[test]
    fn a_full_queue_refuses_a_request_whose_client_has_left_for_a_new_one() {
        let (mut programs, _places) = running(1);
        assert_eq!(programs.wait(task(1), 1, 2), Ok(None));
        assert_eq!(programs.wait(task(2), 1, 2), Ok(None));
        programs.note_left(task(2));
        assert_eq!(programs.wait(task(3), 1, 2), Ok(Some(task(2))));
        assert_eq!(programs.wait(task(4), 1, 2), Err(QueueFull));
        assert_eq!((programs.waiting(), programs.take_left()), (2, None));
    }
}
