//! The values of the configuration's own variables (`set`, `map`, named captures) in one request.

use crate::pattern::Captures;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

/// A value of a variable.
pub type Value = Rc<[u8]>;

/// The values of a request's variables. The configuration has given a number, its slot, to each variable.
///
/// A `map` is computed when it is first read, and a reader has only a shared reference to the request. So values can
/// be stored through that, too. Memory is allocated with the first value.
#[derive(Default)]
pub struct Slots(OnceCell<Box<RefCell<Values>>>);

#[derive(Default)]
struct Values {
    slots: Vec<SlotValue>,
    captures: Rc<Captures>,
}

/// What is known of the value in a slot.
#[derive(Clone, Default)]
pub enum SlotValue {
    /// Nothing.
    #[default]
    Empty,
    /// The value was made for this request.
    Made(Value),
    /// The value is the one with this index in the `map` or `geo` of the variable.
    Chosen(u32),
}

impl Slots {
    /// What is in this slot.
    pub fn get(&self, slot: u16) -> SlotValue {
        let Some(values) = self.0.get() else { return SlotValue::Empty };
        values.borrow().slots.get(usize::from(slot)).cloned().unwrap_or_default()
    }

    /// Stores a value in this slot.
    pub fn put(&self, slot: u16, value: Value) {
        self.store(slot, SlotValue::Made(value));
    }

    /// Notes which value of its `map` or `geo` the variable in this slot has.
    pub fn choose(&self, slot: u16, index: u32) {
        self.store(slot, SlotValue::Chosen(index));
    }

    fn store(&self, slot: u16, what: SlotValue) {
        let mut values = self.values().borrow_mut();
        let len = values.slots.len().max(usize::from(slot) + 1);
        values.slots.resize(len, SlotValue::Empty);
        values.slots[usize::from(slot)] = what;
    }

    /// The groups of the last regular expression that matched.
    pub fn captures(&self) -> Option<Rc<Captures>> {
        Some(Rc::clone(&self.0.get()?.borrow().captures))
    }

    /// Takes the groups out: there are none then.
    pub fn take_captures(&self) -> Option<Rc<Captures>> {
        Some(std::mem::take(&mut self.0.get()?.borrow_mut().captures))
    }

    /// Puts groups back that were taken out.
    pub fn restore_captures(&self, captures: Option<Rc<Captures>>) {
        if let Some(values) = self.0.get() {
            values.borrow_mut().captures = captures.unwrap_or_default();
        }
    }

    /// Stores the groups of a regular expression that has matched.
    pub fn set_captures(&self, captures: Captures) {
        self.values().borrow_mut().captures = Rc::new(captures);
    }

    /// Forgets the groups: an expression without groups has matched.
    pub fn forget_captures(&self) {
        if let Some(values) = self.0.get() {
            values.borrow_mut().captures = Rc::default();
        }
    }

    fn values(&self) -> &RefCell<Values> {
        self.0.get_or_init(Box::default)
    }
}
