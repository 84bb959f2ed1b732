//! HTTP as RFC 9110 and the configuration mean it, whatever the wire format: which location and handler, conditions,
//! ranges, error pages, added fields.
//!
//! The door is [`run`]: it takes a request from phase to phase until a handler has been asked, or until the protocol
//! has something to do: to read a body that no handler wants, or to send the [`Response`](crate::connection::Response).
//! The protocol then sets the next stage and calls again.
//!
//! Read [`stages`] first. It calls [`choose`] for the handler and [`outcome`] for what the handler says; what comes of
//! both is a document ([`document`]) or a page ([`page`]), and in the end a response ([`respond`]).

mod cached;
mod choose;
mod dav;
mod document;
mod failure;
mod fields;
mod next;
mod outcome;
mod page;
mod redirect;
mod respond;
mod stages;
mod store;
mod upload;

pub use cached::first_head;
pub use failure::failed;
pub use next::{Next, end_handlers};
pub use page::refuse;
pub use stages::run;
