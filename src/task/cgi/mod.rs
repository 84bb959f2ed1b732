//! CGI programs: one is found and started, its three pipes are served, its end is seen.

mod cgi_errors;
mod cgi_read;
mod cgi_start;
mod cgi_write;
mod process_exit;

pub use cgi_errors::CgiErrors;
pub use cgi_read::CgiRead;
pub use cgi_start::CgiStart;
pub use cgi_write::CgiWrite;
pub use process_exit::ProcessExit;
