//! HTTP/1.1 towards a server (RFC 9112): the side of the client.
//!
//! A request is printed anew from values, and an answer is parsed strictly: what two recipients could understand
//! differently is refused, because that is how smuggling works.

mod answer;
mod framing;
mod hop_by_hop;
mod request;
mod response_head;

pub use answer::Http1Answer;
pub use hop_by_hop::HopByHop;
pub use request::RequestPrinter;

#[cfg(test)]
mod answer_tests;
#[cfg(test)]
mod tests;
