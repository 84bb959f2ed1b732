//! How much of a body has not come yet, for answers that say a length or have no body.

use super::GatewayFault;
use crate::http::ReplyHead;
use crate::http::status::is_bodyless;

/// The bytes of a body that have not come yet.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct BodyLeft(
    /// `None`: the body has no Content-Length.
    Option<u64>,
);

impl BodyLeft {
    /// The body behind this head.
    pub(super) fn behind(head: &ReplyHead, is_head: bool) -> Self {
        Self(if is_head || is_bodyless(head.status) { Some(0) } else { head.length })
    }

    /// The body behind this head, whether the client gets it or not.
    pub(super) fn said(head: &ReplyHead) -> Self {
        Self(head.length)
    }

    /// Whether the body is complete: what follows does not belong to it.
    pub(super) fn is_nothing(self) -> bool {
        self.0 == Some(0)
    }

    /// Takes the next bytes of the body, at most `room`, which must not be 0.
    pub(super) fn take<'a>(&mut self, bytes: &mut &'a [u8], room: usize) -> &'a [u8] {
        debug_assert!(room > 0, "there is no room for data");
        let most = self.0.map_or(room, |left| usize::try_from(left).unwrap_or(usize::MAX).min(room));
        let (data, rest) = bytes.split_at(most.min(bytes.len()));
        *bytes = rest;
        if let Some(left) = &mut self.0 {
            *left -= data.len() as u64;
        }
        data
    }

    /// The answer has ended here.
    ///
    /// # Errors
    /// If bytes of its Content-Length are missing.
    pub(super) fn check_end(self) -> Result<(), GatewayFault> {
        match self.0 {
            None | Some(0) => Ok(()),
            Some(_) => Err("the answer ended before its Content-Length".into()),
        }
    }
}
