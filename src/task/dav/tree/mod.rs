//! Trees of directories, copied and removed step by step: each step is a few system calls, so that a task can do a
//! bounded number of them per turn. All work begins at open descriptors and follows no symbolic link.

mod copy;
mod remove;
#[cfg(test)]
mod tests;

pub use copy::{Copier, CopyStep};
pub use remove::Remover;
