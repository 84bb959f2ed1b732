//! The places for programs: tells the tasks that wait for one or have one what becomes of it.

use crate::engine::Notice;
use crate::task::Context;

/// A place is free: calls the request that waits for it.
pub(super) fn call_next(cx: &mut Context<'_>) {
    if let Some(next) = cx.worker.programs.next() {
        cx.notify(next, Notice::Place);
    }
}

/// This task waits for a place or has one: from now on it is told when the client closes its side of the connection.
pub(super) fn note_place(cx: &mut Context<'_>) {
    let task = cx.token();
    cx.transaction().program.place = Some(task);
    if cx.connection().input.is_ended() {
        cx.worker.programs.note_left(task);
        end_left(cx);
    }
}

/// The program of this task has ended, its answer is complete, or the request does not wait any more: the client's side
/// does not matter now.
pub(super) fn forget_place(cx: &mut Context<'_>) {
    cx.worker.programs.forget_left(cx.token());
    if let Some(work) = cx.work() {
        work.t.program.place = None;
    }
}

/// Ends a program that has not answered and whose client has closed its side of the connection, if a request waits.
pub(super) fn end_left(cx: &mut Context<'_>) {
    if let Some(program) = cx.worker.programs.take_left() {
        cx.notify(program, Notice::Evict);
    }
}
