//! When the kernel begins to watch a program. Most programs exit in a few milliseconds and need no watch, which saves
//! system calls: a task looks for itself after [`UNWATCHED`](crate::limits::UNWATCHED) at the latest.

use crate::engine::Want;
use crate::task::Context;
use std::time::Duration;
use webserv_sys::Moment;

/// The waits of a task for a program.
pub(super) struct LateWatch {
    /// How long the task goes on after the response.
    timeout: Duration,
    /// When that time is over. Never, while the response is not complete.
    end: Moment,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The program has just been started.
    Fresh,
    /// The program may exit soon: the kernel does not watch it yet.
    Unwatched,
    /// The kernel watches it.
    Watched,
}

impl LateWatch {
    /// Waits for a program that has just been started, and for `timeout` after the response.
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, end: Moment::NEVER, stage: Stage::Fresh }
    }

    /// Waits for a program that the kernel watches already.
    #[cfg(test)]
    pub(super) fn watched() -> Self {
        Self { stage: Stage::Watched, ..Self::new(Duration::ZERO) }
    }

    /// Begins to wait. Returns false if it has begun already: then there may be something to do.
    pub(super) fn begin(&mut self, cx: &mut Context<'_>) -> bool {
        if self.stage != Stage::Fresh {
            return false;
        }
        self.stage = Stage::Unwatched;
        let look = cx.worker.next_check(cx.now);
        cx.wake_at(look);
        true
    }

    /// The task looks now. From here on, the kernel watches.
    pub(super) fn look(&mut self, cx: &mut Context<'_>) {
        if self.stage != Stage::Watched {
            self.stage = Stage::Watched;
            cx.wake_at(self.end);
        }
    }

    /// The response is complete. Returns whether the kernel watches.
    pub(super) fn let_finish(&mut self, cx: &mut Context<'_>) -> bool {
        self.end = cx.now.after(self.timeout);
        let is_watched = self.stage == Stage::Watched;
        if is_watched {
            cx.wake_at(self.end);
        }
        is_watched
    }

    /// Whether the next deadline is that of the first look.
    pub(super) fn is_unwatched(&self) -> bool {
        self.stage == Stage::Unwatched
    }

    /// What the task wants. `is_due`: there will be something to do.
    pub(super) fn want(&self, is_due: bool) -> Want {
        match self.stage {
            Stage::Fresh => Want::Turn,
            Stage::Unwatched if is_due => Want::Turn,
            Stage::Unwatched => Want::Nothing,
            Stage::Watched => Want::Kernel,
        }
    }
}
