// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a value leaves in its place when it is dropped, for tests of wiping.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;
use std::boxed::Box;
use std::vec::Vec;

/// Panics unless `secret` stands in `value`, and no longer in its place once it was dropped.
pub(crate) fn nothing<T>(value: T, secret: &[u8]) {
    let mut place = Box::new(MaybeUninit::<T>::zeroed());
    place.write(value);
    assert!(holds(&place, secret), "the secret stands there before");
    // SAFETY: the value was written, and is not used after this.
    unsafe { place.assume_init_drop() };
    assert!(!holds(&place, secret), "the secret is left");
}

fn holds<T>(place: &MaybeUninit<T>, secret: &[u8]) -> bool {
    let bytes: Vec<u8> = (0..size_of::<T>())
        // SAFETY: inside the place, which was zeros before the value was written to it.
        .map(|at| unsafe { place.as_ptr().cast::<u8>().add(at).read_volatile() })
        .collect();
    bytes.windows(secret.len()).any(|window| window == secret)
}
