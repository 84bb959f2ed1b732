//! What a handler could not do, and why.

/// On whose side something failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The client's: it went away, or it was too slow. The connection ends quietly.
    Client,
    /// That of a program or server which was asked on the client's behalf.
    Upstream,
    /// Ours.
    Internal,
}

/// How a handler failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailureKind {
    /// No connection was made.
    Connect,
    /// It took too long.
    Timeout,
    /// The other side has closed or reset what we read from or write to.
    Reset,
    /// What it said is no head of an answer.
    BadHead,
    /// The answer ended before its end.
    Short,
    /// A fault of this server or of the machine.
    Internal,
}

/// A handler has failed. The protocol decides what the client sees of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Whose fault it is.
    pub side: Side,
    /// What went wrong.
    pub kind: FailureKind,
    /// Bytes of the request had been passed on: to send it again could do its work twice.
    pub anything_sent: bool,
}
