//! Chooses one of several servers for a request: pure, without sockets and without a clock of its own.
