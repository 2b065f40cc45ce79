// SPDX-License-Identifier: MIT OR Apache-2.0
//! Overwrites the stack that an operation on secrets used below its caller's frame.
//!
//! This crate and its dependencies move values before they wipe themselves on drop, and every move
//! can leave a copy that no destructor reaches. So each outermost function that handles secrets
//! runs in a separate frame; when it is done, the stack below is overwritten with zeros, as deep as
//! the operation went. Registers, the caller's own frame, and what the caller moves afterwards are
//! not reached.
//!
//! The depths are those of the machine code for a Cortex-M4 (`proofs/measure.py` measures them), so
//! that burning needs no more stack than the operation did. On 64-bit machines they are four times
//! as large, because both frames and stacks are larger there.
//! `tests/residue` and `proofs/residue.py` look for remains, and `proofs/depth.py` compares the depths
//! with the frames of x86-64 programs.

use zeroize::zeroize_stack;

const WIDTH: usize = if size_of::<usize>() > 4 { 4 } else { 1 };

/// Sealing and opening with symmetric keys, and deriving them.
pub const SYMMETRIC: usize = WIDTH * 0xc00;

/// Sealing and opening a chunk of a backup. On an x86-64 with AVX-512 the crate `aes` encrypts 64 blocks
/// at once, with four copies of each round key, in frames of up to 12 KB: the first two round keys are
/// the key.
pub const CHUNK: usize = SYMMETRIC
    + if cfg!(target_arch = "x86_64") {
        0x3000
    } else {
        0
    };

/// Opening a sealed domain, and every operation with an Ed25519 key.
pub const DOMAIN: usize = WIDTH * 0x1400;

/// Sealing a domain, and a step of the lifecycle.
pub const SEALING: usize = WIDTH * 0x2c00;

/// Wrapping a share with a public key, except for the key's own operation, which burns separately.
pub const WRAP: usize = WIDTH * 0x1000;

/// Generating, wrapping and unwrapping with a key of P-256.
#[cfg(feature = "p256")]
pub const P256: usize = WIDTH * 0x1e00;

/// The same with a key of X-Wing.
#[cfg(feature = "pq")]
pub const X_WING: usize = WIDTH * 0xb000;

/// The same with a key of MLKEM1024-P384 or ML-KEM-1024.
#[cfg(feature = "pq")]
pub const ML_KEM_1024: usize = WIDTH * 0xec00;

/// Sealing and opening the Azure files, except for the RSA operations, which burn separately.
#[cfg(feature = "managed-hsm")]
pub const JWE: usize = WIDTH * 0x1800;

/// Generating an ML-DSA-87 key. It is not measured on a Cortex-M4: few have this much stack.
#[cfg(feature = "pq-identity")]
pub const ML_DSA: usize = 0xa_0000;

/// An operation of RSA in the memory that it was given, of any size.
pub const RSA: usize = WIDTH * 0x400;

/// Encrypting, decrypting and signing with RSA, except for the powers, which burn separately.
pub const RSA_BLOCK: usize = WIDTH * 0xc00;

/// Exporting an RSA key.
pub const RSA_EXPORT: usize = WIDTH * 0xe00;

/// Importing or generating an RSA key, which is then moved to the caller.
pub const RSA_KEY: usize = WIDTH * 0x1800;

/// Runs `work`, and burns `N` bytes of the stack that it used.
///
/// A destructor does the burning, so that the result of `work` goes directly to its place in the
/// caller, and not through this frame.
#[inline(always)]
pub fn burning<const N: usize, T>(work: impl FnOnce() -> T) -> T {
    let _after = Burn::<N>;
    apart(work)
}

/// Burns the stack when it is dropped.
struct Burn<const N: usize>;

impl<const N: usize> Drop for Burn<N> {
    #[inline(always)]
    fn drop(&mut self) {
        zeroize_stack::<N>();
    }
}

/// Runs `work` in a frame below the caller's, where [`zeroize_stack`] then has its own frame.
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}
