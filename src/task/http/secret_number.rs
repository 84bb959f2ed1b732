//! Names of files that nobody may guess.

use crate::log::Level;
use crate::task::Work;

/// A number for names that nobody may guess, of files that are being stored or removed. It consists of the kernel's
/// random bytes, so no name tells anything of another name. Returns `None`, and logs why, if there are none.
pub(super) fn secret_number(w: &mut Work<'_>) -> Option<u128> {
    match w.worker.random.draw() {
        Ok(bytes) => Some(u128::from_ne_bytes(bytes)),
        Err(error) => {
            w.log(Level::Crit, format_args!("{error}: no random bytes for a name, and /dev/urandom cannot be read"));
            None
        }
    }
}
