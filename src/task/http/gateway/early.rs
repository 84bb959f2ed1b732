//! 103 (Early Hints, RFC 8297) of a server behind, which comes before its answer: `early_hints`.

use super::answer::hide;
use crate::connection::{Stage, Transaction};
use crate::http::{ReplyHead, Version};
use crate::task::Work;
use crate::vars;

/// Whether interim responses have come that are neither passed on nor dropped yet.
pub fn has_interim(t: &Transaction) -> bool {
    t.http.stage == Stage::Handler && t.http.passed.as_ref().is_some_and(|passed| !passed.interim.is_empty())
}

/// Takes the interim responses that the client gets. Clients of HTTP/1.0 get none (RFC 9110 section 15.2), and nobody
/// waits for those of a subrequest.
pub fn take_interim(w: &mut Work<'_>) -> Vec<ReplyHead> {
    let mut heads = std::mem::take(&mut w.t.http.passed_mut().interim);
    let is_old = w.t.http.request.as_ref().is_none_or(|request| request.version == Version::HTTP_1_0);
    let Some(passing) = w.t.http.passing().filter(|_| !is_old && w.t.http.rare.suspended.is_none()) else {
        return Vec::new();
    };
    let view = w.worker.view(w.identity, w.t, w.now);
    let is_true = |value: Vec<u8>| !value.is_empty() && value != b"0";
    if !w.t.settings().early_hints.iter().any(|text| is_true(vars::expand(text, &view))) {
        return Vec::new();
    }
    heads.iter_mut().for_each(|head| hide(&passing.gateway.rules.hidden, head));
    heads
}
