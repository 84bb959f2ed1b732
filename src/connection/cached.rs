//! A file as it was sent once, and can be sent again.

use super::DocumentSource;
use crate::http::ReplyHead;
use crate::http::print::Printed;
use std::cell::OnceCell;

/// A file with the head of its answer.
pub struct CachedFile {
    /// The head of the answer.
    pub head: ReplyHead,
    /// The name of the index file that it is, if a directory was asked for.
    pub index: Option<String>,
    /// Its bytes.
    pub source: DocumentSource,
    /// The head as it was printed for a connection that ends, and for one that goes on.
    pub printed: [OnceCell<Printed>; 2],
}

impl CachedFile {
    /// One that has not been sent yet.
    pub fn new(head: ReplyHead, index: Option<String>, source: DocumentSource) -> Self {
        Self { head, index, source, printed: Default::default() }
    }
}
