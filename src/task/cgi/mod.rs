//! CGI programs (RFC 3875): starts one, reads and writes its three pipes, and waits for its exit.

mod cgi_errors;
mod cgi_read;
mod cgi_start;
mod cgi_write;
mod ending;
mod late_watch;
mod not_started;
mod places;
mod process_exit;

pub use cgi_errors::CgiErrors;
pub use cgi_read::CgiRead;
pub use cgi_start::{CgiStart, NeededBody};
pub use cgi_write::CgiWrite;
pub use process_exit::ProcessExit;
