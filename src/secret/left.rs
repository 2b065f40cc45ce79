// SPDX-License-Identifier: MIT OR Apache-2.0
//! For tests of wiping: finds what a dropped value leaves in its place, what a function wipes, and what
//! it leaves on the stack.
#![allow(unsafe_code)]
#![allow(dead_code, reason = "each set of features uses a part of it")]

#[cfg(target_arch = "x86_64")]
#[path = "../../tests/residue/stack.rs"]
mod stack;

use core::cell::RefCell;
use core::convert::Infallible;
use core::mem::MaybeUninit;
use std::boxed::Box;
use std::vec::Vec;

use rand_core::{TryCryptoRng, TryRng};

#[cfg(target_arch = "x86_64")]
#[allow(unused_imports, reason = "the same")]
pub(crate) use stack::left as on_the_stack;

/// Panics unless `secret` is in `value`, and is gone from its place after it was dropped.
pub(crate) fn nothing<T>(value: T, secret: &[u8]) {
    let mut place = Box::new(MaybeUninit::<T>::zeroed());
    place.write(value);
    assert!(holds(&place, secret), "the secret stands there before");
    // SAFETY: the value was written, and is not used after this.
    unsafe { place.assume_init_drop() };
    assert!(!holds(&place, secret), "the secret is left");
}

std::thread_local! {
    static WIPED: RefCell<Option<Vec<Vec<u8>>>> = const { RefCell::new(None) };
}

/// Keeps what is wiped while [`wiped`] runs.
pub(crate) fn see(bytes: &[u8]) {
    WIPED.with_borrow_mut(|wiped| {
        wiped
            .iter_mut()
            .for_each(|wiped| wiped.push(bytes.to_vec()))
    });
}

/// Runs `work`, and returns what it wiped. It ignores what dependencies leave on the stack, which is
/// burnt.
pub(crate) fn wiped(work: impl FnOnce()) -> Vec<Vec<u8>> {
    WIPED.set(Some(Vec::new()));
    work();
    WIPED.take().unwrap_or_default()
}

fn holds<T>(place: &MaybeUninit<T>, secret: &[u8]) -> bool {
    let bytes: Vec<u8> = (0..size_of::<T>())
        // SAFETY: inside the place, which was zeros before the value was written to it.
        .map(|at| unsafe { place.as_ptr().cast::<u8>().add(at).read_volatile() })
        .collect();
    bytes.windows(secret.len()).any(|window| window == secret)
}

/// A generator of known bytes, which leaves no copies of them.
pub(crate) struct Counting(pub u8);

impl Counting {
    /// Returns the first of its bytes.
    pub(crate) fn bytes(mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next()).collect()
    }

    fn next(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(5).wrapping_add(113);
        self.0
    }
}

impl TryRng for Counting {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes([(); 4].map(|()| self.next())))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes([(); 8].map(|()| self.next())))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill_with(|| self.next());
        Ok(())
    }
}

impl TryCryptoRng for Counting {}
