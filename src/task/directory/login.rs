//! LOGIN: checks a password, a part per round.

use super::{Directory, Stage};
use crate::config::Protocol;
use crate::limits::LOGIN_FAILED_AFTER;
use crate::log::Level;
use crate::task::Context;
use std::rc::Rc;
use std::sync::Arc;

impl Directory {
    /// Begins to check a password. Uses the users of the current configuration.
    pub(super) fn check(&mut self, name: &str, password: &str, cx: &mut Context<'_>) {
        let listener = Rc::clone(&cx.connection().identity.listener);
        if let Some(listener) = cx.worker.listener_now(&listener)
            && let Protocol::Directory(server) = &listener.configured.protocol
            && server.users.is_some()
        {
            self.server = Arc::clone(server);
        }
        let Some(users) = &self.server.users else { return self.close(cx) };
        self.stage = Stage::Checking(Box::new(users.check(name, password.as_bytes())));
        self.since = cx.now;
    }

    /// Does one part of the check. A deadline of now gives one turn per round, so other tasks and the kernel have their
    /// turns between the parts. All sessions of a worker together do one part per round.
    pub(super) fn check_on(&mut self, cx: &mut Context<'_>) {
        if cx.worker.hashed_at.replace(cx.now) == Some(cx.now) {
            return;
        }
        let (Stage::Checking(check), Some(rule)) = (&mut self.stage, self.rule) else { return };
        match check.advance() {
            None => {}
            Some(true) => {
                self.failures = 0;
                self.answer(rule.done, None, cx);
            }
            Some(false) => {
                self.failures += 1;
                self.stage = Stage::Wrong(self.since.after(LOGIN_FAILED_AFTER));
                cx.log(Level::Error, format_args!("no such user with this password"));
            }
        }
    }
}
