//! A cached file with its response head.

use super::DocumentSource;
use crate::http::ReplyHead;
use crate::http::print::Printed;
use std::cell::OnceCell;

/// A cached file and the head of its response.
pub struct CachedFile {
    /// The head of the response.
    pub head: ReplyHead,
    /// The name of the index file, if this is the index of a directory.
    pub index: Option<String>,
    /// The file's bytes.
    pub source: DocumentSource,
    /// The formatted head, for a connection that closes and for one that persists.
    pub printed: [OnceCell<Printed>; 2],
}

impl CachedFile {
    /// A cached file whose head has not been formatted.
    pub fn new(head: ReplyHead, index: Option<String>, source: DocumentSource) -> Self {
        Self { head, index, source, printed: Default::default() }
    }
}
