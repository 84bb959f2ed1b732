//! The client's side of a connection: it is accepted, read from and written to.

mod accept;
mod client_read;
mod client_write;

pub use accept::Accept;
pub use client_read::ClientRead;
pub use client_write::ClientWrite;
