//! A request that waits for a subrequest of its own.

use super::{Http, OnDemand, Pipe};
use crate::limits::BODY_BYTES_MAX;
use crate::route::Route;
use std::rc::Rc;

/// A request that waits for a subrequest. The two take turns in one transaction, so that the handlers, the protocol and
/// the engine see one request at a time.
pub struct Suspended {
    /// The state of the request.
    pub http: Http,
    /// Its server and location.
    pub route: Rc<Route>,
    /// Its body, as far as it has come.
    pub body: OnDemand<Pipe, BODY_BYTES_MAX>,
    /// What the subrequest has come to.
    pub answer: SubrequestAnswer,
}

/// The answer of a subrequest.
#[derive(Default)]
pub struct SubrequestAnswer {
    /// The status. 0 until there is an answer.
    pub status: u16,
    /// The field WWW-Authenticate.
    pub challenge: Option<Vec<u8>>,
}
