//! Values that allocate memory only when they are changed.

use super::Pipe;
use crate::limits::SPARE_PIPES_MAX;
use std::ops::{Deref, DerefMut};

/// A value that can be read before it is allocated. It may have a bound.
pub trait Fresh<const BYTES_MAX: usize = 0>: Sized + 'static {
    /// The value that is read before it is allocated.
    const FRESH: &'static Self;

    /// A new value.
    fn fresh() -> Self;
}

impl<const BYTES_MAX: usize> Fresh<BYTES_MAX> for Pipe {
    const FRESH: &Pipe = &Pipe::new(BYTES_MAX);

    fn fresh() -> Self {
        Pipe::new(BYTES_MAX)
    }
}

/// A value that allocates memory when it is first changed, until it is given back: most connections are idle most of
/// the time.
///
/// A bound is a constant of the type, so it needs no memory.
pub struct OnDemand<T, const BYTES_MAX: usize = 0>(Option<Box<T>>);

/// Unused pipes. Each worker has one store, so that requests allocate none.
#[derive(Default)]
pub struct Pipes {
    // Boxed, because a connection takes over the box as it is.
    #[allow(clippy::vec_box)]
    spare: Vec<Box<Pipe>>,
}

impl Pipes {
    #[inline(always)] // a few instructions, once per request
    fn take(&mut self, bytes_max: usize) -> Box<Pipe> {
        match self.spare.pop() {
            Some(mut pipe) => {
                pipe.renew(bytes_max);
                pipe
            }
            None => Box::new(Pipe::new(bytes_max)),
        }
    }
}

impl<T, const BYTES_MAX: usize> OnDemand<T, BYTES_MAX> {
    /// Whether the value has been changed, as a rule. (To ask this costs less than to read the value.)
    #[inline]
    pub fn is_made(&self) -> bool {
        self.0.is_some()
    }

    /// The value, if it has been changed.
    pub(super) fn made_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    /// Frees the memory: the value is a new one again.
    pub fn give_back(&mut self) {
        self.0 = None;
    }
}

impl<const BYTES_MAX: usize> OnDemand<Pipe, BYTES_MAX> {
    /// The pipe for changing it. If it is not allocated, it is taken from the store.
    #[inline]
    pub fn get_from(&mut self, pipes: &mut Pipes) -> &mut Pipe {
        match self.0 {
            Some(ref mut pipe) => pipe,
            None => self.0.insert(pipes.take(BYTES_MAX)),
        }
    }

    /// Allocates the pipe by taking over the memory of an idle pipe, or from the store: the response can use the
    /// request's pipe.
    #[inline]
    pub fn take_over<const OTHER: usize>(&mut self, emptied: &mut OnDemand<Pipe, OTHER>, pipes: &mut Pipes) {
        if self.0.is_some() {
            return;
        }
        self.0 = match emptied.0.take_if(|pipe| pipe.is_idle()) {
            Some(mut pipe) => {
                pipe.renew(BYTES_MAX);
                Some(pipe)
            }
            None => Some(pipes.take(BYTES_MAX)),
        };
    }

    /// Gives the memory back to the store, if the pipe is idle.
    #[inline]
    pub fn give_back_to(&mut self, pipes: &mut Pipes) {
        if let Some(pipe) = self.0.take_if(|pipe| pipe.is_idle())
            && pipes.spare.len() < SPARE_PIPES_MAX
        {
            pipes.spare.push(pipe);
        }
    }
}

impl<T, const BYTES_MAX: usize> Default for OnDemand<T, BYTES_MAX> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Fresh<BYTES_MAX>, const BYTES_MAX: usize> Deref for OnDemand<T, BYTES_MAX> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::FRESH)
    }
}

impl<T: Fresh<BYTES_MAX>, const BYTES_MAX: usize> DerefMut for OnDemand<T, BYTES_MAX> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        match self.0 {
            Some(ref mut value) => value,
            None => self.0.insert(fresh()),
        }
    }
}

#[cold]
fn fresh<T: Fresh<BYTES_MAX>, const BYTES_MAX: usize>() -> Box<T> {
    Box::new(T::fresh())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_change_allocates() {
        let mut body = OnDemand::<Pipe, 100>::default();
        let room = body.room();
        assert!(body.is_empty() && room > 0 && body.0.is_none());
        body.push_copy(b"bytes");
        assert_eq!((body.len(), body.room()), (5, room - 5));
        body.give_back();
        assert!(body.is_empty() && body.0.is_none());
    }

    #[test]
    fn a_pipe_that_was_given_back_is_new_when_it_is_used_again() {
        let (mut pipes, mut input) = (Pipes::default(), OnDemand::<Pipe, 100>::default());
        input.push_copy(b"bytes");
        input.give_back_to(&mut pipes);
        assert_eq!((input.len(), pipes.spare.len()), (5, 0), "it is in use");
        input.widen(1000);
        input.hold();
        input.consume(5);
        let place = &raw const *input;
        input.give_back_to(&mut pipes);
        assert_eq!((input.room(), pipes.spare.len()), (100, 1));
        input.get_from(&mut pipes);
        assert_eq!((&raw const *input, pipes.spare.len()), (place, 0));
        let mut output = OnDemand::<Pipe, 200>::default();
        output.take_over(&mut input, &mut pipes);
        assert_eq!((&raw const *output, output.room(), output.taken_bytes(), output.is_held()), (place, 200, 0, false));
        output.end();
        output.give_back_to(&mut pipes);
        assert!(output.is_ended(), "that is not forgotten");
        input.take_over(&mut output, &mut pipes);
        assert!(output.is_ended() && input.room() == 100);
    }

    #[test]
    fn the_number_of_spare_pipes_is_bounded() {
        let mut pipes = Pipes::default();
        for _ in 0..2 * SPARE_PIPES_MAX {
            let mut pipe = OnDemand::<Pipe, 100>::default();
            pipe.hold();
            pipe.give_back_to(&mut pipes);
        }
        assert_eq!(pipes.spare.len(), SPARE_PIPES_MAX);
    }
}
