//! Tasks that find out who a client is: `auth_basic`.

mod auth_check;
mod auth_delay;
mod hash_read;

pub use auth_check::AuthCheck;
pub use auth_delay::AuthDelay;
use hash_read::HashRead;
