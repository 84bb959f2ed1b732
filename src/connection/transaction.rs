//! One request and its response.

use super::{Client, Failure, Http, Identity, Members, OnDemand, Passed, Pipe, Program, Reply};
use crate::config::Settings;
use crate::limits::{BODY_BYTES_MAX, HANDLERS_MAX, REPLY_BYTES_MAX, SPARE_TRANSACTIONS_MAX};
use crate::route::Route;
use std::fmt;
use std::num::NonZeroU16;
use std::rc::Rc;
use webserv_sys::Moment;

/// The number of a transaction within its connection. A number is used again after 65,535 others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransactionId(NonZeroU16);

/// One request and its response, as its handlers and the protocol see it.
///
/// Members that handlers of any protocol need are here; what only HTTP uses is in [`Http`].
pub struct Transaction {
    id: TransactionId,
    /// The transaction that waits for this one, if it is a subrequest.
    pub parent: Option<TransactionId>,
    /// The server and location that answer, with their settings.
    pub route: Rc<Route>,
    /// The request as log lines show it.
    pub subject: Option<Rc<dyn fmt::Display>>,
    /// The request's body without framing, for the handler that takes it.
    pub body: OnDemand<Pipe, BODY_BYTES_MAX>,
    /// The handler's answer, before the protocol has framed it.
    pub reply: OnDemand<Reply, REPLY_BYTES_MAX>,
    /// Why a handler failed, until the protocol takes it.
    pub failed: Option<Failure>,
    /// The tasks that work for this transaction. The engine keeps this list.
    pub handlers: Members<HANDLERS_MAX>,
    /// The state of the CGI program that answers, if one does.
    pub program: OnDemand<Program>,
    /// The HTTP state.
    pub http: Http,
    /// The next transaction in the same list.
    next: Option<Box<Transaction>>,
}

impl Transaction {
    fn new(route: Rc<Route>) -> Self {
        Self {
            id: TransactionId(NonZeroU16::MIN),
            parent: None,
            route,
            subject: None,
            body: OnDemand::default(),
            reply: OnDemand::default(),
            failed: None,
            handlers: Members::default(),
            program: OnDemand::default(),
            http: Http::default(),
            next: None,
        }
    }

    /// Renews what gateways have made of the request, if there is anything: the next request to a server behind uses
    /// its memory, and that of the reply.
    #[inline(never)] // keeps the code for other requests short
    fn take_passed(&mut self) -> Option<Box<Passed>> {
        let mut passed = self.http.passed.take_if(|passed| passed.is_used());
        match &mut passed {
            Some(passed) => {
                passed.renew();
                self.reply.renew();
            }
            None => self.reply.give_back(),
        }
        passed
    }

    /// The settings of the location that answers.
    pub fn settings(&self) -> &Settings {
        &self.route.settings
    }

    /// The client of this request: the one that a trusted proxy names (`real_ip_header`), or the other end of the
    /// connection's socket.
    pub fn client(&self, identity: &Identity) -> Client {
        self.http.rare.client.unwrap_or_else(|| identity.client())
    }

    /// What the protocol does now, for the log's "while ..."; empty in a stage that is not logged.
    pub fn doing(&self) -> &'static str {
        self.http.stage.doing()
    }

    /// Starts or stops the program's clock, by whose turn it is: the program's, or the client's to send more of the
    /// body or to receive the answer. `moved`: the program has just read or written something.
    pub fn update_program_clock(&mut self, moved: bool, now: Moment) {
        let starves = self.program.is_fed && self.body.is_empty() && !self.body.is_ended();
        let is_held_up = !self.program.output_ended && self.reply.body.room() == 0;
        let clock = &mut self.program.clock;
        if moved {
            clock.note_progress(now);
        }
        clock.set(!starves && !is_held_up, now);
    }

    /// The number.
    pub fn id(&self) -> TransactionId {
        self.id
    }

    /// The next transaction in the list that this one is in.
    pub fn next_mut(&mut self) -> &mut Option<Box<Transaction>> {
        &mut self.next
    }
}

/// Transactions that are over and whose memory is used again. Each worker has one store.
#[derive(Default)]
pub struct SpareTransactions {
    // Boxed, because a connection takes over the box as it is.
    #[allow(clippy::vec_box)]
    spare: Vec<Box<Transaction>>,
}

impl SpareTransactions {
    #[inline]
    fn take(&mut self, route: Rc<Route>) -> Box<Transaction> {
        match self.spare.pop() {
            Some(mut transaction) => {
                transaction.route = route;
                transaction
            }
            None => Box::new(Transaction::new(route)),
        }
    }

    /// Takes back a transaction that is over and clears it. Only its route stays, until the next request replaces it.
    #[inline]
    pub fn give(&mut self, mut transaction: Box<Transaction>) {
        if self.spare.len() < SPARE_TRANSACTIONS_MAX {
            let was_passed = transaction.http.passed.is_some();
            let passed = if was_passed { transaction.take_passed() } else { None };
            transaction.http = Http { passed, ..Http::default() };
            let Transaction { parent, subject, body, reply, failed, handlers, program, next, .. } = &mut *transaction;
            (*parent, *subject, *failed, *next) = (None, None, None, None);
            body.give_back();
            if !was_passed {
                reply.give_back();
            }
            program.give_back();
            handlers.clear();
            self.spare.push(transaction);
        }
    }

    /// Drops all transactions, and with them the routes of a configuration that was replaced.
    pub fn clear(&mut self) {
        self.spare.clear();
    }
}

/// The transactions of a connection that have not ended. HTTP/1.1 has one at a time, and its subrequests.
#[derive(Default)]
pub struct Transactions {
    first: Option<Box<Transaction>>,
    last_id: u16,
}

impl Transactions {
    /// Whether there is no transaction.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The oldest transaction: in a protocol that answers in order, the next one to be answered.
    #[inline]
    pub fn current(&self) -> Option<&Transaction> {
        self.first.as_deref()
    }

    /// The oldest transaction, mutable.
    #[inline]
    pub fn current_mut(&mut self) -> Option<&mut Transaction> {
        self.first.as_deref_mut()
    }

    /// The current transaction, if there is no other.
    #[inline]
    pub fn only(&self) -> Option<&Transaction> {
        self.current().filter(|transaction| transaction.next.is_none())
    }

    /// The settings of the current transaction. Without one, the settings of `route`.
    pub fn settings_or<'a>(&'a self, route: &'a Route) -> &'a Settings {
        &self.current().map_or(route, |transaction| &transaction.route).settings
    }

    /// All transactions, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Transaction> {
        std::iter::successors(self.first.as_deref(), |transaction| transaction.next.as_deref())
    }

    /// The transaction with this number.
    #[inline]
    pub fn find(&self, id: TransactionId) -> Option<&Transaction> {
        self.iter().find(|transaction| transaction.id == id)
    }

    /// The transaction with this number, mutable.
    #[inline]
    pub fn find_mut(&mut self, id: TransactionId) -> Option<&mut Transaction> {
        let mut place = self.first.as_deref_mut();
        while let Some(transaction) = place {
            if transaction.id == id {
                return Some(transaction);
            }
            place = transaction.next.as_deref_mut();
        }
        None
    }

    /// Begins a transaction, at the end of the list.
    #[inline]
    pub fn begin(
        &mut self,
        spare: &mut SpareTransactions,
        route: Rc<Route>,
        subject: Option<Rc<dyn fmt::Display>>,
    ) -> &mut Transaction {
        let mut transaction = spare.take(route);
        (transaction.id, transaction.subject) = (self.next_id(), subject);
        let mut place = &mut self.first;
        while let Some(earlier) = place {
            place = &mut earlier.next;
        }
        place.insert(transaction)
    }

    /// Returns a number that no other transaction of the connection has.
    fn next_id(&mut self) -> TransactionId {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if let Some(id) = NonZeroU16::new(self.last_id).map(TransactionId)
                && (self.first.is_none() || self.find(id).is_none())
            {
                return id;
            }
        }
    }

    /// Removes the current transaction. It must have no handlers.
    #[inline]
    pub fn end_current(&mut self) -> Option<Box<Transaction>> {
        let mut transaction = self.first.take()?;
        self.first = transaction.next.take();
        Some(transaction)
    }

    /// Removes the transaction with this number. It must have no handlers.
    pub fn end(&mut self, id: TransactionId) -> Option<Box<Transaction>> {
        let mut place = &mut self.first;
        while place.as_ref().is_some_and(|transaction| transaction.id != id) {
            place = &mut place.as_mut()?.next;
        }
        let mut transaction = place.take()?;
        debug_assert!(transaction.handlers.is_empty(), "a transaction waits for its handlers before it ends");
        *place = transaction.next.take();
        Some(transaction)
    }

    /// The transaction that the task with this number works for.
    #[inline]
    pub fn of_handler(&self, number: u32) -> Option<TransactionId> {
        let mut all = self.iter();
        all.find(|transaction| transaction.handlers.position(number).is_some()).map(|transaction| transaction.id)
    }

    /// Forgets the handler with this number.
    pub(super) fn remove_handler(&mut self, number: u32) {
        let mut place = self.first.as_deref_mut();
        while let Some(transaction) = place {
            if transaction.handlers.remove(number) {
                return;
            }
            place = transaction.next.as_deref_mut();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(all: &mut Transactions) -> TransactionId {
        let route = Rc::clone(&Identity::for_tests().listener.route);
        all.begin(&mut SpareTransactions::default(), route, None).id()
    }

    #[test]
    fn transactions_are_found_by_number_and_end_in_any_order() {
        let mut all = Transactions::default();
        let ids: Vec<TransactionId> = (0..4).map(|_| begin(&mut all)).collect();
        assert_eq!(all.current().map(Transaction::id), Some(ids[0]));
        assert!(all.find_mut(ids[2]).is_some_and(|transaction| transaction.handlers.add(7)));
        assert_eq!((all.of_handler(7), all.of_handler(8)), (Some(ids[2]), None));
        all.remove_handler(7);
        for gone in [1, 0, 3] {
            assert!(all.end(ids[gone]).is_some_and(|ended| ended.id() == ids[gone]));
            assert!(all.find(ids[gone]).is_none() && all.end(ids[gone]).is_none());
        }
        assert_eq!(all.iter().map(Transaction::id).collect::<Vec<_>>(), [ids[2]]);
    }

    #[test]
    fn reused_memory_has_nothing_of_the_previous_request() {
        let (mut all, mut spare) = (Transactions::default(), SpareTransactions::default());
        let route = Rc::clone(&Identity::for_tests().listener.route);
        let place = std::ptr::from_ref(all.begin(&mut spare, Rc::clone(&route), Some(Rc::new("secret"))));
        if let Some(t) = all.current_mut() {
            t.http.rare.bad_line = b"secret".to_vec();
            t.http.path = crate::connection::Path::Made(b"/secret".to_vec());
            (t.http.internal, t.http.status, t.parent) = (true, Some(403), Some(t.id));
            t.body.push_copy(b"secret");
            t.reply.index = Some("secret".to_owned());
            t.program.given_up = Some(crate::connection::GivenUp::BadAnswer);
            t.failed = Some(Failure {
                side: crate::connection::Side::Internal,
                kind: crate::connection::FailureKind::Internal,
                anything_sent: true,
            });
        }
        spare.give(all.end_current().expect("it has begun"));
        let t = all.begin(&mut spare, route, None);
        assert_eq!(std::ptr::from_ref(t), place);
        assert!(t.subject.is_none() && t.parent.is_none() && t.failed.is_none() && t.handlers.is_empty());
        assert!(t.body.is_empty() && t.reply.index.is_none() && t.program.given_up.is_none());
        assert!(t.http.rare.bad_line.is_empty() && t.http.path().is_empty() && !t.http.internal);
        assert_eq!((t.http.status, t.http.number, t.http.stage), (None, 0, Default::default()));
    }

    #[test]
    fn a_number_that_is_in_use_is_not_given_again() {
        let mut all = Transactions::default();
        let stays = begin(&mut all);
        for _ in 0..2 * usize::from(u16::MAX) {
            let next = begin(&mut all);
            assert_ne!(next, stays);
            all.end(next);
        }
    }
}
