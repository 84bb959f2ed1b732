//! Failures of handlers.

/// The side that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The client: it closed the connection, or was too slow. The connection is closed without an error page.
    Client,
    /// A program or server behind this server.
    Upstream,
    /// This server or its machine.
    Internal,
}

/// How a handler failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailureKind {
    /// The connection was refused or not made.
    Connect,
    /// A timeout has passed.
    Timeout,
    /// The other side closed or reset the connection or pipe.
    Reset,
    /// The head of the response is malformed.
    BadHead,
    /// The response ended too early.
    Short,
    /// An error of this server or its machine.
    Internal,
}

/// The failure of a handler. The protocol decides what the client gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The side that failed.
    pub side: Side,
    /// What went wrong.
    pub kind: FailureKind,
    /// Part of the request was passed on. Sending it again could do its work twice.
    pub anything_sent: bool,
}
