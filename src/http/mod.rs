//! HTTP/1.1 as pure functions: bytes to values and back. No I/O, no configuration, no clock.
