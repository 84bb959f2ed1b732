//! `_limit_rate`: how fast the answer of a server behind is read.

use crate::connection::Transaction;
use crate::rate::Pace;
use webserv_sys::Moment;

/// The most bytes of a read that may bring the head of a limited answer: the bytes behind it come at once.
const HEAD_READ_BYTES: usize = 4 << 10;

/// How many bytes of the answer may be read now.
///
/// As in nginx, the time counts from the head of the answer, and only the body counts.
///
/// # Errors
/// None may be read before this time.
pub(super) fn allowed(t: &Transaction, now: Moment) -> Result<usize, Moment> {
    let Some(passed) = &t.http.passed else { return Ok(usize::MAX) };
    let (Some(passing), Some(attempt)) = (&passed.now, passed.attempts.last()) else { return Ok(usize::MAX) };
    let (rate, head) = match (passing.read_rate, attempt.head) {
        (Some(0), _) => return Ok(usize::MAX),
        (Some(rate), Some(head)) => (rate, head),
        _ => return Ok(HEAD_READ_BYTES),
    };
    let elapsed = now.since(attempt.began.after(head));
    let mut pace = Pace::new(rate, 0);
    pace.count(attempt.body_bytes);
    match pace.allowed(elapsed) {
        0 => Err(now.after(pace.wait(rate, elapsed))),
        bytes => Ok(usize::try_from(bytes).unwrap_or(usize::MAX)),
    }
}

/// Whether the rate is not known yet: it may depend on the head, which has come and has not been taken.
pub(super) fn is_unknown(t: &Transaction) -> bool {
    t.http.passing().is_some_and(|passing| passing.read_rate.is_none())
}
