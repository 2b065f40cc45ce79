// SPDX-License-Identifier: MIT OR Apache-2.0
//! Burning the stack: what an operation on secrets leaves below its caller's frame is overwritten.
//!
//! A value that wipes itself when dropped is moved before, by this crate and by those it stands on, and
//! every move can leave a copy that no destructor knows. So each outermost entry point that handles
//! secrets runs in a frame of its own, and when it is done, the stack from there down is overwritten
//! with zeros, as deep as the operation went. What is not reached: registers, the caller's own frame,
//! and what the caller moves after.
//!
//! The depths are those of the machine code for a Cortex-M4 (`proofs/stack.py` measures them), so that
//! burning takes no more stack than the operation did. Where a word has 64 bits they are four times as
//! much, because frames are larger there and stacks are too.
//! `tests/residue` and `proofs/residue.py` look for what remains.

use zeroize::zeroize_stack;

const WIDTH: usize = if size_of::<usize>() > 4 { 4 } else { 1 };

/// Sealing and opening with symmetric keys, and deriving them.
pub const SYMMETRIC: usize = WIDTH * 0xc00;

/// Opening a sealed domain, and every operation with an Ed25519 key.
pub const DOMAIN: usize = WIDTH * 0x1400;

/// Sealing a domain, and a step of the lifecycle.
pub const SEALING: usize = WIDTH * 0x2c00;

/// Wrapping a share with a public key, but for what the key's own operation takes and burns.
pub const WRAP: usize = WIDTH * 0x1000;

/// Sealing and opening the files of the interchange, but for RSA's operations, which burn by themselves.
#[cfg(feature = "managed-hsm")]
pub const JWE: usize = WIDTH * 0x1800;

/// Encrypting with RSA, by the size of the modulus.
pub const RSA_PUBLIC_2048: usize = WIDTH * 0x1600;
/// The same.
pub const RSA_PUBLIC_3072: usize = WIDTH * 0x1e80;
/// The same.
pub const RSA_PUBLIC_4096: usize = WIDTH * 0x2640;

/// RSA's private operation, by the size of the modulus.
pub const RSA_PRIVATE_2048: usize = WIDTH * 0x2c00;
/// The same.
pub const RSA_PRIVATE_3072: usize = WIDTH * 0x4200;
/// The same.
pub const RSA_PRIVATE_4096: usize = WIDTH * 0x5600;

/// Exporting an RSA key, of whatever size.
pub const RSA_EXPORT: usize = WIDTH * 0xe00;

/// Importing an RSA key, and making one, by the size of the modulus.
pub const RSA_KEY_2048: usize = WIDTH * 0x5100;
/// The same.
pub const RSA_KEY_3072: usize = WIDTH * 0x5c00;
/// The same.
pub const RSA_KEY_4096: usize = WIDTH * 0x6800;

/// Runs `work` and burns `N` bytes of the stack that it used.
///
/// The burning stands in a destructor, so that what `work` gives goes to its place in the caller at
/// once, and not by way of this frame.
#[inline(always)]
pub fn burning<const N: usize, T>(work: impl FnOnce() -> T) -> T {
    let _after = Burn::<N>;
    apart(work)
}

/// Burns when it is dropped.
struct Burn<const N: usize>;

impl<const N: usize> Drop for Burn<N> {
    #[inline(always)]
    fn drop(&mut self) {
        zeroize_stack::<N>();
    }
}

/// Runs `work` in a frame below the caller's, where [`zeroize_stack`] has its own afterwards.
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}
