//! Signals as events: blocked everywhere, and read where the loop waits.

/// The signals that the server knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(i32)]
pub enum Signal {
    /// Reload the configuration.
    Hup = libc::SIGHUP,
    /// Stop at once.
    Int = libc::SIGINT,
    /// Finish open responses, then stop.
    Quit = libc::SIGQUIT,
    /// Stop at once.
    Term = libc::SIGTERM,
    /// Reopen the logs.
    Usr1 = libc::SIGUSR1,
    /// Ignored by the server.
    Usr2 = libc::SIGUSR2,
    /// A child ended.
    Chld = libc::SIGCHLD,
    /// Written to a closed pipe; ignored, the call says EPIPE.
    Pipe = libc::SIGPIPE,
    /// Ends a process that does not listen.
    Kill = libc::SIGKILL,
}
