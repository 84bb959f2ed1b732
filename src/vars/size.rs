//! Sizes that depend on the request.

use super::{View, expand};
use crate::config::{Size, parse_size};

/// The size for this request, in bytes. Empty text is 0.
///
/// # Errors
/// A message for the log: the text is not a size.
pub fn size(size: &Size, view: &View<'_>) -> Result<u64, String> {
    match size {
        Size::Fixed(bytes) => Ok(*bytes),
        Size::Made(template) => match expand(template, view) {
            text if text.is_empty() => Ok(0),
            text => parse_size(&String::from_utf8_lossy(&text)).map_err(|message| message.escape_debug().to_string()),
        },
    }
}
