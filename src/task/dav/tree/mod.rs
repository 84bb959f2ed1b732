//! Copies and removes directory trees step by step. A step is a few system calls, so that a task does a bounded number
//! per turn. All calls start at open descriptors and follow no symbolic link.

mod copy;
mod remove;
#[cfg(test)]
mod tests;

pub use copy::{Copier, CopyStep};
pub use remove::Remover;
