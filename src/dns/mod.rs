//! Questions to name servers and their answers (RFC 1035): bytes to values and back, without sockets.
