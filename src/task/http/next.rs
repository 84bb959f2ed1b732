//! Where a request goes from a stage.

use crate::connection::Stage;
use crate::task::Work;

/// What a step function returns. It never calls the next step itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// The request goes to this stage, at once.
    Go(Stage),
    /// A handler or the client has to do something first.
    Wait,
}

/// The handlers' part is over: what they still have is not wanted.
#[inline]
pub fn end_handlers(w: &mut Work<'_>) {
    w.cancel_handlers();
    w.t.reply.give_back();
}
