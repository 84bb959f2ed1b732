//! A generational arena: values by slot number; a token of a removed value stays invalid.

use webserv_sys::Token;

/// Values of one kind, found by a [`Token`]: slot number and generation.
///
/// A slot is used again after its value is removed, with the next generation. So an old token does not find the new
/// value.
pub struct Arena<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Arena<T> {
    /// An empty arena.
    pub const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The token that the next [`insert`](Self::insert) will return.
    pub fn next(&self) -> Token {
        match self.free.last() {
            Some(&index) => Token { index, generation: self.slots[index as usize].generation },
            None => Token { index: self.slots.len() as u32, generation: 0 },
        }
    }

    /// Adds a value and returns its token.
    pub fn insert(&mut self, value: T) -> Token {
        let token = self.next();
        match self.free.pop() {
            Some(index) => self.slots[index as usize].value = Some(value),
            None => self.slots.push(Slot { generation: 0, value: Some(value) }),
        }
        token
    }

    /// Removes a value. Its token is invalid from now on.
    pub fn remove(&mut self, token: Token) -> Option<T> {
        let slot = self.slots.get_mut(token.index as usize).filter(|s| s.generation == token.generation)?;
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(token.index);
        Some(value)
    }

    /// The value of this token, or `None` if it was removed.
    #[inline]
    pub fn get(&self, token: Token) -> Option<&T> {
        match self.slots.get(token.index as usize) {
            Some(slot) if slot.generation == token.generation => slot.value.as_ref(),
            _ => None,
        }
    }

    /// The value of this token, mutable.
    #[inline]
    pub fn get_mut(&mut self, token: Token) -> Option<&mut T> {
        match self.slots.get_mut(token.index as usize) {
            Some(slot) if slot.generation == token.generation => slot.value.as_mut(),
            _ => None,
        }
    }

    /// The token of the value in this slot now. Only for callers that drop the number when its value is removed.
    #[inline]
    pub fn token(&self, index: u32) -> Option<Token> {
        let slot = self.slots.get(index as usize).filter(|slot| slot.value.is_some())?;
        Some(Token { index, generation: slot.generation })
    }

    /// The value in this slot now.
    #[inline]
    pub fn at(&self, index: u32) -> Option<&T> {
        self.slots.get(index as usize)?.value.as_ref()
    }

    /// The value in this slot now, mutable, with its token.
    #[inline]
    pub fn at_mut(&mut self, index: u32) -> Option<(Token, &mut T)> {
        let slot = self.slots.get_mut(index as usize)?;
        Some((Token { index, generation: slot.generation }, slot.value.as_mut()?))
    }

    /// All valid tokens, by slot number.
    pub fn tokens(&self) -> Vec<Token> {
        let live = self.slots.iter().enumerate().filter(|(_, s)| s.value.is_some());
        live.map(|(i, s)| Token { index: i as u32, generation: s.generation }).collect()
    }
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_value_is_gone_though_its_slot_is_used_again() {
        let mut arena = Arena::new();
        let a = arena.insert("a");
        assert_eq!(arena.remove(a), Some("a"));
        let b = arena.insert("b");
        assert_eq!((a.index, arena.len()), (b.index, 1));
        assert_eq!((arena.get(a), arena.get(b)), (None, Some(&"b")));
        assert_eq!(arena.remove(a), None);
        assert_eq!(arena.get_mut(b), Some(&mut "b"));
        assert_eq!((arena.token(b.index), arena.at_mut(b.index)), (Some(b), Some((b, &mut "b"))));
        arena.remove(b);
        assert_eq!((arena.token(b.index), arena.at_mut(b.index)), (None, None));
    }

    #[test]
    fn next_returns_the_token_of_the_next_insert() {
        let mut arena = Arena::new();
        for step in 0..50u32 {
            let expected = arena.next();
            assert_eq!(arena.insert(step), expected);
            if step % 3 == 0 {
                arena.remove(expected);
            }
        }
        assert_eq!(arena.tokens().len(), arena.len());
    }

    #[test]
    fn an_unknown_token_finds_nothing() {
        let arena = Arena::<u8>::new();
        assert_eq!(arena.get(Token { index: 7, generation: 0 }), None);
        assert!(arena.is_empty());
    }
}
