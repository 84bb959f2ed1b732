//! Which of many files and directories have changed: inotify(7).
//!
//! [`Changes`] answers two questions. [`Changes::take`] asks the kernel what has changed. [`Changes::is_quiet`] says,
//! without a system call, that nothing has: the kernel rings a bell in this thread (fcntl(2), `O_ASYNC`: SIGIO) before
//! the call that made the change returns to whoever made it, and a pending signal is delivered before the next system
//! call of this thread returns. So whatever this thread learns from a system call, it has heard of all changes that
//! came before that.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod inotify;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use inotify::{Changes, tells_changes};

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod none;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub use none::{Changes, tells_changes};

#[cfg(all(test, target_os = "linux"))]
mod tests;

bitflags::bitflags! {
    /// What is watched of a file or directory.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Aspects: u32 {
        /// It is renamed, removed, replaced, or gets another owner or mode. Of a symbolic link: the link itself.
        const ITSELF = 1;
        /// Its bytes are written, or someone who may have written them closes it.
        const BYTES = 1 << 1;
        /// A name appears in it.
        const NEW_NAMES = 1 << 2;
    }
}

/// What is watched, by its number.
pub type Watched = i32;

/// A reported change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change<'a> {
    /// This file or directory itself has changed.
    Of(Watched),
    /// Something has happened to this name in this directory.
    In(Watched, &'a [u8]),
    /// This is not watched any more: it is gone, or its file system is.
    Gone(Watched),
    /// Events were lost: anything may have changed.
    Anything,
}
