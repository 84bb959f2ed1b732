//! The result of a phase.

use crate::connection::Stage;
use crate::task::Work;

/// What a phase returns. A phase never calls the next one itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// The request enters this stage now.
    Go(Stage),
    /// A handler or the client has to make progress first.
    Wait,
}

/// Ends the handlers of a request and drops the rest of their reply.
#[inline]
pub fn end_handlers(w: &mut Work<'_>) {
    w.cancel_handlers();
    w.t.reply.renew();
}
