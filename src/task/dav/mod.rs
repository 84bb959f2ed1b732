//! What WebDAV does to directories and trees of them (RFC 4918): made, copied, moved, removed.

mod dir_create;
mod tree;
mod tree_copy;
mod tree_delete;

pub use dir_create::DirCreate;
pub use tree_copy::{CopyMove, TreeCopy};
pub use tree_delete::{Removal, TreeDelete};
