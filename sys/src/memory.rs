//! Memory that is kept back, so that a process that runs out of it can do something about that before it ends.
//!
//! Rust ends a process when an allocation fails. [`KeptBack`] is an allocator that gives the kept bytes back to
//! malloc(3) at the first failure and tries once more, so that the process lives a little longer. [`is_short`] is true
//! from then on, until [`keep_back`] has allocated the bytes again.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering::Relaxed};

/// The number of bytes that are kept back.
pub const KEPT_BACK_BYTES: usize = 1 << 20;

static KEPT: AtomicPtr<u8> = AtomicPtr::new(null_mut());
static SHORT: AtomicBool = AtomicBool::new(false);

/// The system's allocator, with some memory kept back for the case that it fails.
pub struct KeptBack;

const fn layout() -> Layout {
    match Layout::from_size_align(KEPT_BACK_BYTES, 16) {
        Ok(layout) => layout,
        Err(_) => panic!("16 is a power of two, and the size is far below isize::MAX"),
    }
}

/// Whether an allocation has failed since [`keep_back`] returned true.
pub fn is_short() -> bool {
    SHORT.load(Relaxed)
}

/// Keeps memory back, if none is kept now. Returns false if there is not enough: memory is still short.
pub fn keep_back() -> bool {
    if KEPT.load(Relaxed).is_null() {
        // SAFETY: the layout has a size above zero.
        let fresh = unsafe { System.alloc(layout()) };
        if fresh.is_null() {
            return false;
        }
        let before = KEPT.swap(fresh, Relaxed);
        free(before); // another thread was faster
    }
    SHORT.store(false, Relaxed);
    true
}

/// Gives the kept memory back to malloc(3). Returns false if none was kept.
#[cold]
fn give_back() -> bool {
    SHORT.store(true, Relaxed);
    free(KEPT.swap(null_mut(), Relaxed))
}

fn free(kept: *mut u8) -> bool {
    if !kept.is_null() {
        // SAFETY: the pointer comes from `System.alloc` with this layout in `keep_back`, and `swap` has taken it out of
        // `KEPT`, so that only this call frees it.
        unsafe { System.dealloc(kept, layout()) };
    }
    !kept.is_null()
}

// SAFETY: every call is passed on to `System` with the same arguments, so its guarantees hold. A second try after a
// null pointer is a new, independent call. No function here allocates with the global allocator, and none panics.
unsafe impl GlobalAlloc for KeptBack {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        let memory = unsafe { System.alloc(layout) };
        if memory.is_null() && give_back() {
            // SAFETY: as above.
            return unsafe { System.alloc(layout) };
        }
        memory
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc_zeroed`.
        let memory = unsafe { System.alloc_zeroed(layout) };
        if memory.is_null() && give_back() {
            // SAFETY: as above.
            return unsafe { System.alloc_zeroed(layout) };
        }
        memory
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::realloc`.
        let moved = unsafe { System.realloc(memory, layout, size) };
        if moved.is_null() && give_back() {
            // SAFETY: as above; after a failure, `memory` is still the caller's.
            return unsafe { System.realloc(memory, layout, size) };
        }
        moved
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_allocation_frees_the_kept_memory_and_memory_is_short_until_it_is_kept_again() {
        assert!(keep_back() && !is_short());
        let impossible = Layout::from_size_align(1 << 62, 16).unwrap();
        // SAFETY: the layout has a size above zero.
        assert!(unsafe { KeptBack.alloc(impossible) }.is_null());
        assert!(is_short() && KEPT.load(Relaxed).is_null());
        // SAFETY: as above.
        assert!(unsafe { KeptBack.alloc_zeroed(impossible) }.is_null());
        assert!(keep_back() && !is_short() && !KEPT.load(Relaxed).is_null());
        let small = Layout::from_size_align(64, 16).unwrap();
        // SAFETY: the layout has a size above zero; the memory is freed with the layout that it then has.
        unsafe {
            let memory = KeptBack.alloc(small);
            memory.write(7);
            assert!(KeptBack.realloc(memory, small, 1 << 62).is_null());
            assert!(is_short());
            let memory = KeptBack.realloc(memory, small, 128);
            assert_eq!(memory.read(), 7);
            KeptBack.dealloc(memory, Layout::from_size_align(128, 16).unwrap());
        }
        assert!(keep_back());
    }
}
