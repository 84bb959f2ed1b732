//! Whether a connection may be used again, where `keepalive_time` or `keepalive_disable` has a say.

use crate::config::{Keepalive, OldBrowsers};
use crate::connection::Http;
use crate::http::{Known, Method};
use std::time::Duration;

/// Whether the connection may be used after this request, if that depends on more than the number of requests.
#[cold]
pub(super) fn goes_on(rules: &Keepalive, http: &Http, age: impl FnOnce() -> Duration) -> bool {
    let agent = http.request.as_ref().and_then(|request| request.fields.get(Known::UserAgent)).unwrap_or_default();
    let is_post = http.request.as_ref().is_some_and(|request| request.method == Method::Post);
    let has = |text: &str| memchr::memmem::find(agent, text.as_bytes());
    // As nginx tells them: Internet Explorer 4, 5, and 6 without its second service pack; Safari, but not Chrome.
    let is_msie6 = has("MSIE ").is_some_and(|at| match agent.get(at + 5) {
        Some(b'4' | b'5') => true,
        Some(b'6') => has("SV1").is_none(),
        _ => false,
    });
    let is_safari = has("Safari/").is_some() && has("Mac OS X").is_some() && has("Chrome").is_none();
    let is_disabled = (rules.disable.contains(OldBrowsers::MSIE6) && is_post && is_msie6)
        || (rules.disable.contains(OldBrowsers::SAFARI) && is_safari);
    http.number < rules.requests && rules.time.is_none_or(|time| age() <= time) && !is_disabled
}
