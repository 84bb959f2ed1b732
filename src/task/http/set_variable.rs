//! Sets a variable, for `set` and `auth_request_set`.

use crate::config::{SetTarget, parse_size};
use crate::log::Level;
use crate::task::Work;

/// Gives a variable this value.
pub(super) fn set(w: &mut Work<'_>, target: SetTarget, value: Vec<u8>) {
    match target {
        SetTarget::Slot(slot) => w.t.http.slots.put(slot, value.into()),
        SetTarget::Args => w.t.http.rare.new_query = Some(value),
        SetTarget::LimitRate => set_rate(w, &value),
    }
}

/// `set $limit_rate`. As in nginx, a text that is not a size changes nothing.
fn set_rate(w: &mut Work<'_>, value: &[u8]) {
    match parse_size(&String::from_utf8_lossy(value)) {
        Ok(rate) => w.t.http.rare.limited.rate = Some(rate),
        Err(message) => w.log(Level::Error, format_args!("set $limit_rate: {}", message.escape_debug())),
    }
}
