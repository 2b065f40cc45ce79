// SPDX-License-Identifier: MIT OR Apache-2.0
//! RSAES-OAEP decryption (RFC 8017 section 7.1.2) for a device that computes the private operation
//! alone.

use super::{DecryptError, ModulusSize, PublicKey, oaep};
use crate::burn::{self, burning};
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Fault, Verdict, copy};
use crate::rng::Watched;
use crate::secret::Secret;

/// How many bits it takes to say how many bytes of a block are missing.
const SHIFT_BITS: u32 = (ModulusSize::MAX_BYTES as u32).ilog2() + 1;

/// Computes the private operation of a number, and returns how many bytes of the block it wrote.
pub(crate) type Raw<'r, E> = dyn FnMut(&[u8], &mut [u8]) -> Result<usize, E> + 'r;

impl PublicKey {
    /// Decrypts `ciphertext` to the front of `out` with what `raw` computes from it, and returns
    /// the message's length. On failure `out` is unchanged.
    ///
    /// `raw` writes the result of the private operation, a big-endian number, to the front of a
    /// block as long as the modulus, and returns how many bytes it wrote. Leading zeros may be
    /// missing: the number is moved to the end of the block. An encoded message always begins with
    /// a zero byte, so there are devices that always leave it out; if that were refused, or took
    /// another time, it would tell whether the first byte was zero, which is all that the attack of
    /// Manger (CRYPTO 2001) needs.
    ///
    /// Secret: what `raw` writes and returns. Public: `ciphertext`, the key, the length of `out`,
    /// errors of `raw`. Leaks: whether the public key confirms the result, whether it opened, and
    /// then the message's length.
    ///
    /// # Errors
    ///
    /// The outer error is that of `raw`.
    pub(crate) fn decrypt_by<E>(
        &self,
        raw: &mut Raw<'_, E>,
        ciphertext: &[u8],
        watched: &mut dyn Watched,
        out: &mut [u8],
    ) -> Result<Result<usize, DecryptError>, E> {
        burning::<{ burn::RSA_BLOCK }, _>(move || {
            let mut block = Secret::zeroed();
            let Ok(block) = self.size().front(block.expose_mut()) else {
                return Ok(Err(DecryptError::Fault));
            };
            // Both have the same length, so their bytes compare like the numbers.
            if ciphertext.len() != block.len() || ciphertext >= self.modulus() {
                return Ok(Err(DecryptError::Opaque));
            }
            let length = raw(ciphertext, block)?;
            Ok(self.open_raw(block, length, ciphertext, watched, out))
        })
    }

    fn open_raw(
        &self,
        block: &mut [u8],
        length: usize,
        ciphertext: &[u8],
        watched: &mut dyn Watched,
        out: &mut [u8],
    ) -> Result<usize, DecryptError> {
        move_to_end(block, length)?;
        let mut raised = Secret::zeroed();
        let raised = self.size().front(raised.expose_mut())?;
        self.raise(block, watched, raised)?;
        // From here on it is public whether the device computed what it should.
        Verdict::twice(|| eq_bytes(raised, ciphertext) & is_below(block, self.modulus()))
            .or(DecryptError::Fault)?;
        oaep::decode(block, &[], out)
    }
}

/// Moves the first `length` bytes of `block` to its end, and fills the front with zeros.
///
/// Secret: the bytes, `length`. Public: the length of `block`. Leaks: whether `length` is above it.
/// Every bit of the distance moves all bytes, or keeps them.
fn move_to_end(block: &mut [u8], length: usize) -> Result<(), Fault> {
    let distance = block.len().wrapping_sub(length);
    if Mask::from_bit((distance >> (usize::BITS - 1)) as u32).declassify() {
        return Err(Fault);
    }
    let mut moved = Secret::<{ ModulusSize::MAX_BYTES }>::zeroed();
    let moved = moved.expose_mut().get_mut(..block.len()).ok_or(Fault)?;
    for bit in 0..SHIFT_BITS {
        let by = block.len().min(1 << bit);
        let (zeros, rest) = moved.split_at_mut_checked(by).ok_or(Fault)?;
        zeros.fill(0);
        copy(rest, block.get(..rest.len()).ok_or(Fault)?)?;
        let moves = Mask::from_bit((distance >> bit) as u32 & 1);
        for (byte, moved) in block.iter_mut().zip(&*moved) {
            *byte = moves.select_u8(*moved, *byte);
        }
    }
    Ok(())
}

/// True if the big-endian number `a` is below `b`, which is as long.
///
/// Secret: `a`, `b`. Public: their length. Leaks: nothing else. A subtraction that is not kept
/// borrows exactly if `a < b`.
fn is_below(a: &[u8], b: &[u8]) -> Mask {
    let borrow = a.iter().zip(b).rev().fold(0, |borrow, (a, b)| {
        u32::from(*a)
            .wrapping_sub(u32::from(*b))
            .wrapping_sub(borrow)
            >> 31
    });
    Mask::from_bit(borrow)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn numbers_move_to_the_end_of_every_block() {
        for size in [256, 384, 512] {
            for length in (0..5).chain(120..136).chain(size - 5..=size) {
                let number: Vec<u8> = (0..length).map(|i| i as u8 | 1).collect();
                let mut block = std::vec![0xaa; size];
                block[..length].copy_from_slice(&number);
                move_to_end(&mut block, length).unwrap();
                assert_eq!(block[size - length..], number, "{length} of {size}");
                assert_eq!(block[..size - length], std::vec![0; size - length]);
            }
            for length in [size + 1, usize::MAX >> 1] {
                assert!(move_to_end(&mut std::vec![0; size], length).is_err());
            }
        }
    }

    #[test]
    fn bytes_compare_like_numbers() {
        let numbers = [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 255, 255], [1, 0, 0]];
        for a in numbers {
            for b in numbers {
                assert_eq!(is_below(&a, &b).declassify(), a < b, "{a:?} {b:?}");
            }
        }
    }
}
