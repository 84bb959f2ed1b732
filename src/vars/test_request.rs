//! A request and its configuration, for tests of variables.

use super::View;
use crate::ages::Ages;
use crate::config::{Address, Config};
use crate::connection::{self, Arrival, Client, Identity, SpareTransactions, Transactions};
use crate::date_cache::DateCache;
use crate::http::{HeadLimits, Scan, head, target};
use crate::route::{ListenerState, Routes};
use crate::stats::Stats;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::Moment;

/// A request that a location has been found for.
pub struct TestRequest {
    identity: Identity,
    transactions: Transactions,
    date: DateCache,
    stats: Stats,
    ages: Ages,
}

impl TestRequest {
    /// The request with this head, which comes to the first server of the configuration.
    pub fn new(config: &str, head: &str, client: Option<&Address>, local: Address) -> Self {
        let config = Config::from_text("test", config, Path::new("/srv"), "").unwrap_or_else(|e| panic!("{e}"));
        let routes = Rc::new(Routes::new(Arc::new(config)));
        let configured = routes.config().listeners[0].clone();
        let parsed = head::request(head.as_bytes(), &mut Scan::default(), &HeadLimits::default());
        let (request, _) = parsed.unwrap_or_else(|e| panic!("{e:?}")).expect("a whole head");
        let path = target::normalize(request.path(), true).expect("a right path").into_owned();
        let route = Rc::clone(routes.to_path(&configured.hosts.servers[0], &path));
        let listener = Rc::new(ListenerState::new(routes, configured, local));
        let identity = Identity::new(listener, 1, client.map_or(Client::Unknown, Client::from));
        let mut transactions = Transactions::default();
        let arrival =
            Arrival { number: 1, output_start: 0, pipelined: false, is_listed: false, started: Moment::now() };
        let transaction = transactions.begin(&mut SpareTransactions::default(), route, None);
        transaction.http.begin(arrival, request, &HeadLimits::default());
        transaction.http.path = connection::Path::Made(path);
        let (date, stats, ages) = (DateCache::default(), Stats::default(), Ages::default());
        Self { identity, transactions, date, stats, ages }
    }

    /// The request at this moment.
    pub fn view(&self) -> View<'_> {
        View {
            identity: &self.identity,
            transaction: self.transactions.current().expect("the request"),
            date: &self.date,
            stats: &self.stats,
            ages: &self.ages,
            worker: 0,
            now: Moment::now(),
            sent_bytes: 0,
        }
    }
}
