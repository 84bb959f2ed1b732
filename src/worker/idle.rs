//! The list of idle connections, the least recently used one last. That one is closed first.

use webserv_sys::Moment;

/// Instead of a connection number: the end of the list.
const END: u32 = u32::MAX;

/// In `before`: the connection is not in the list.
const ABSENT: u32 = u32::MAX - 1;

/// A doubly linked list in a table with eight bytes per connection number. (The links cannot be in the connections,
/// because a task cannot reach another connection.) Every operation is O(1).
///
/// The protocols add and remove their connections. After a panic of its protocol, a number may stay in the list. That
/// does no harm: [`push`](Self::push) removes it when the number is used again, and a protocol that is asked to close
/// its connection checks that it is idle.
pub struct IdleList {
    links: Vec<Link>,
    /// The connection that was used last.
    first: u32,
    /// The connection that has been idle for longest.
    last: u32,
    len: usize,
}

#[derive(Clone, Copy)]
struct Link {
    before: u32,
    behind: u32,
}

impl Default for IdleList {
    fn default() -> Self {
        Self { links: Vec::new(), first: END, last: END, len: 0 }
    }
}

impl IdleList {
    /// The number of connections in the list.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts a connection at the front, as the most recently used one. Removes it from its old place first.
    pub fn push(&mut self, number: u32) {
        self.remove(number);
        let at = number as usize;
        if at >= self.links.len() {
            self.links.resize(at + 1, Link { before: ABSENT, behind: END });
        }
        self.links[at] = Link { before: END, behind: self.first };
        match self.links.get_mut(self.first as usize) {
            Some(first) => first.before = number,
            None => self.last = number,
        }
        self.first = number;
        self.len += 1;
    }

    /// Removes a connection. Returns false if it is not in the list.
    pub fn remove(&mut self, number: u32) -> bool {
        let Some(link) = self.links.get_mut(number as usize).filter(|link| link.before != ABSENT) else { return false };
        let Link { before, behind } = std::mem::replace(link, Link { before: ABSENT, behind: END });
        match self.links.get_mut(before as usize) {
            Some(link) => link.behind = behind,
            None => self.first = behind,
        }
        match self.links.get_mut(behind as usize) {
            Some(link) => link.before = before,
            None => self.last = before,
        }
        self.len -= 1;
        true
    }

    /// Removes the connection that has been idle for longest, and returns its number.
    pub fn pop(&mut self) -> Option<u32> {
        let last = self.last;
        self.remove(last);
        (last != END).then_some(last)
    }
}

/// A protocol's note of its connection's place in the list.
#[derive(Default)]
pub struct IdleMark {
    /// The second in which the connection was put at the front, never zero. Zero: it is not in the list.
    second: u32,
}

impl IdleMark {
    /// Whether the connection is in the list.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.second != 0
    }

    /// Whether the list must be updated. An idle connection moves to the front at most once a second: a busy connection
    /// becomes idle after each request, and need not move each time.
    #[inline]
    pub fn is_stale(&self, is_idle: bool, now: Moment) -> bool {
        self.second != second(is_idle, now)
    }

    /// Adds the connection to the list if it is idle, else removes it.
    pub fn update(&mut self, is_idle: bool, number: u32, now: Moment, list: &mut IdleList) {
        self.second = second(is_idle, now);
        match is_idle {
            true => list.push(number),
            false => drop(list.remove(number)),
        }
    }

    /// The list has removed the connection.
    pub fn clear(&mut self) {
        self.second = 0;
    }
}

#[inline]
fn second(is_idle: bool, now: Moment) -> u32 {
    if is_idle { now.rough_seconds() | 1 << 31 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::time::Duration;

    /// Reproducible chance: xorshift64.
    fn next(state: &mut u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state >> 16
    }

    /// The list as it reads from the front, and from the back.
    fn walk(list: &IdleList) -> (Vec<u32>, Vec<u32>) {
        let follow = |from: u32, step: fn(&Link) -> u32| {
            let (mut at, mut seen) = (from, Vec::new());
            while at != END {
                seen.push(at);
                at = step(&list.links[at as usize]);
            }
            seen
        };
        (follow(list.first, |link| link.behind), follow(list.last, |link| link.before))
    }

    /// The list is compared with a queue, from which each number is removed before it is pushed.
    #[test]
    fn the_list_keeps_the_order_of_use_under_random_changes() {
        for seed in 1..200 {
            let (mut list, mut model, mut chance) = (IdleList::default(), VecDeque::new(), seed);
            for _ in 0..300 {
                let number = (next(&mut chance) % 12) as u32;
                match next(&mut chance) % 5 {
                    0..=2 => {
                        model.retain(|other| *other != number);
                        model.push_front(number);
                        list.push(number);
                    }
                    3 => {
                        model.retain(|other| *other != number);
                        list.remove(number);
                    }
                    _ => assert_eq!(list.pop(), model.pop_back(), "seed {seed}"),
                }
                let (forth, mut back) = walk(&list);
                back.reverse();
                assert_eq!((&forth, &back), (&Vec::from(model.clone()), &forth), "seed {seed}");
                assert_eq!((list.len(), list.is_empty()), (model.len(), model.is_empty()));
            }
        }
    }

    #[test]
    fn removing_an_absent_number_or_from_an_empty_list_does_nothing() {
        let mut list = IdleList::default();
        list.remove(7);
        list.remove(END);
        assert_eq!(list.pop(), None);
        list.push(3);
        list.remove(2);
        list.remove(9);
        assert_eq!((list.pop(), list.pop(), list.len()), (Some(3), None, 0));
    }

    #[test]
    fn a_mark_moves_its_connection_once_a_second() {
        let (mut list, now) = (IdleList::default(), Moment::now());
        // The beginning of a second.
        let start =
            (0..).map(|us| now.after(Duration::from_micros(us))).find(|at| at.rough_seconds() > now.rough_seconds());
        let start = start.expect("a second begins soon");
        let mut marks: [IdleMark; 2] = Default::default();
        let mut update = |at: usize, is_idle, ms, list: &mut IdleList| {
            let now = start.after(Duration::from_millis(ms));
            if marks[at].is_stale(is_idle, now) {
                marks[at].update(is_idle, at as u32, now, list);
            }
            marks[at].is_set()
        };
        assert!(update(0, true, 0, &mut list) && update(1, true, 10, &mut list));
        assert!(update(0, true, 900, &mut list), "in the same second");
        assert_eq!(walk(&list).0, [1, 0]);
        assert!(update(0, true, 1100, &mut list), "in the next one");
        assert_eq!(walk(&list).0, [0, 1]);
        assert!(!update(0, false, 1100, &mut list) && !update(0, false, 1100, &mut list));
        assert!(update(0, true, 1100, &mut list), "it had left");
        assert_eq!((walk(&list).0, list.len()), (vec![0, 1], 2));
    }

    #[test]
    fn an_entry_is_small() {
        assert_eq!(size_of::<Link>(), 8);
    }
}
