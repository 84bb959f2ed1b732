//! What only some requests need, and no idle connection.

use std::ops::{Deref, DerefMut};

/// A value that can be looked at before there is one.
pub trait Fresh: Sized + 'static {
    /// What is seen then.
    const FRESH: &'static Self;

    /// The same, to be changed.
    fn fresh() -> Self;
}

/// A value that takes memory with its first change, until it is given back. Most connections are idle most of the time.
pub struct OnDemand<T>(Option<Box<T>>);

impl<T> OnDemand<T> {
    /// Nothing of it is needed any more: what is seen from now on is fresh.
    pub fn give_back(&mut self) {
        self.0 = None;
    }
}

impl<T> Default for OnDemand<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Fresh> Deref for OnDemand<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::FRESH)
    }
}

impl<T: Fresh> DerefMut for OnDemand<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_with(|| Box::new(T::fresh()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pipe;
    use super::*;

    #[test]
    fn only_a_change_takes_memory() {
        let mut body = OnDemand::<Pipe>::default();
        let room = body.room();
        assert!(body.is_empty() && room > 0 && body.0.is_none());
        body.push_copy(b"bytes");
        assert_eq!((body.len(), body.room()), (5, room - 5));
        body.give_back();
        assert!(body.is_empty() && body.0.is_none());
    }
}
