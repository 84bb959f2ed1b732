//! WebDAV (RFC 4918): makes directories; copies, moves and removes files and trees.

mod dir_create;
mod tree;
mod tree_copy;
mod tree_delete;

pub use dir_create::DirCreate;
pub use tree_copy::{CopyMove, TreeCopy};
pub use tree_delete::{Removal, TreeDelete};
