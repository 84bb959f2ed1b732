//! The client's side of a connection: accepts it, reads from it, writes to it.

mod accept;
mod client_read;
mod client_write;

pub use accept::Accept;
pub use client_read::ClientRead;
pub use client_write::ClientWrite;
