//! Reports changes of files and directories: inotify(7).
//!
//! [`Changes::take`] reads the events from the kernel. [`Changes::is_quiet`] says without a system call that there are
//! no events. It works with SIGIO (`O_ASYNC` in fcntl(2)): the kernel sends SIGIO to this thread before the system call
//! that made the change returns, and it delivers a pending signal before the next system call of this thread returns.
//! So after each system call, this thread has the SIGIO of all changes that were complete before it.

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
    /// The kinds of changes to watch of a file or directory.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Aspects: u32 {
        /// The file is renamed, removed or replaced, or its owner or mode changes. For a symbolic link: the link
        /// itself.
        const ITSELF = 1;
        /// Its content is written, or a descriptor that was open for writing is closed.
        const BYTES = 1 << 1;
        /// A new name appears in the directory.
        const NEW_NAMES = 1 << 2;
    }
}

/// The number of a watch: the "watch descriptor" of inotify(7).
pub type Watched = i32;

/// A change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change<'a> {
    /// This file or directory has changed.
    Of(Watched),
    /// The entry with this name in this directory has changed.
    In(Watched, &'a [u8]),
    /// This watch has ended: the file was removed, or its file system was unmounted.
    Gone(Watched),
    /// Events were lost: anything may have changed.
    Anything,
}
