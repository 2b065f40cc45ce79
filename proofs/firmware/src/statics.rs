// SPDX-License-Identifier: MIT OR Apache-2.0
//! Static memory of the images.

use core::cell::{RefCell, RefMut};

/// A value in static memory, as firmware keeps what lives long.
pub struct Static<T>(RefCell<T>);

impl<T> Static<T> {
    pub const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    pub fn borrow_mut(&self) -> RefMut<'_, T> {
        self.0.borrow_mut()
    }
}

// SAFETY: the image runs on one core, without interrupts.
unsafe impl<T> Sync for Static<T> {}
