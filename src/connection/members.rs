//! A short list of task numbers.

/// Up to `MAX` tasks, in order, by their slot numbers. The engine removes a number from the list before it uses the
/// slot for another task, so no generations are stored.
pub struct Members<const MAX: usize> {
    /// Only the first `count` numbers are valid.
    numbers: [u32; MAX],
    count: u8,
}

impl<const MAX: usize> Default for Members<MAX> {
    fn default() -> Self {
        Self { numbers: [0; MAX], count: 0 }
    }
}

impl<const MAX: usize> Members<MAX> {
    /// Adds a task. Returns false if the list is full.
    pub fn add(&mut self, number: u32) -> bool {
        let Some(place) = self.numbers.get_mut(usize::from(self.count)) else { return false };
        *place = number;
        self.count += 1;
        true
    }

    /// Removes a task; the others keep their order. Returns false if it was not in the list.
    pub fn remove(&mut self, number: u32) -> bool {
        let Some(at) = self.position(number) else { return false };
        self.numbers.copy_within(at + 1..usize::from(self.count), at);
        self.count -= 1;
        true
    }

    /// Removes all tasks.
    pub fn clear(&mut self) {
        self.count = 0;
    }

    /// The position of a task.
    #[inline]
    pub fn position(&self, number: u32) -> Option<usize> {
        self.as_slice().iter().position(|member| *member == number)
    }

    /// The number of tasks.
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether the list is empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All tasks in order.
    #[inline]
    pub fn as_slice(&self) -> &[u32] {
        &self.numbers[..usize::from(self.count)]
    }

    /// The task at this position.
    #[inline]
    pub fn get(&self, at: usize) -> Option<u32> {
        self.as_slice().get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_their_limit() {
        let mut members = Members::<5>::default();
        assert!((0..5).all(|number| members.add(number)));
        assert!(!members.add(99));
        assert!(members.remove(1));
        assert!(!members.remove(77));
        assert_eq!((members.len(), members.as_slice()), (4, &[0, 2, 3, 4][..]));
        assert_eq!((members.get(1), members.get(4), members.position(4)), (Some(2), None, Some(3)));
    }
}
