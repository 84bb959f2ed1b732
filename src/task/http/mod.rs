//! HTTP semantics (RFC 9110) and the configuration, independent of the wire format: location, handler, preconditions,
//! ranges, error pages, added fields.
//!
//! The entry point is [`run`]. It runs the phases until a handler has been asked, or until the wire format has work: to
//! read a body that no handler takes, or to send the [`Response`](crate::connection::Response). The wire format then
//! sets the next stage and calls [`run`] again.
//!
//! Read [`stages`] first. It calls [`choose`] for the handler and [`outcome`] for the handler's result. Both lead to a
//! document ([`document`]) or a page ([`page`]), and then to a response ([`respond`]).

mod access;
mod cached;
mod choose;
mod dav;
mod document;
mod failure;
mod fields;
mod folder;
mod gateway;
mod judge;
mod limits;
mod next;
mod outcome;
mod page;
mod real_ip;
mod redirect;
mod respond;
mod rewrite;
mod root;
mod secret_number;
mod set_variable;
mod stages;
mod status;
mod store;
mod stored_body;
mod subrequest;
mod trailers;
mod try_files;
mod upload;
mod userid;

pub use cached::first_head;
pub use failure::failed;
pub use gateway::{has_interim, take_interim};
pub use limits::pace;
pub use next::{Next, end_handlers};
pub use page::refuse;
pub use stages::run;
pub use trailers::{has_trailers, passes_trailers, trailers};
