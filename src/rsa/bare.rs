// SPDX-License-Identifier: MIT OR Apache-2.0
//! Detects an OAEP block that was left unencrypted.

use super::{DecryptError, ModulusSize, oaep};
use crate::ct::Mask;
use crate::hardened::copy;
use crate::secret::Secret;

/// Returns whether `block` is an OAEP block without a label that was not encrypted, whose message
/// anyone can read. Encryption leaves such a block if its exponentiation is skipped.
///
/// Secret: the block, if it is one. Public: its length. Leaks: whether it is one.
#[inline(never)]
pub(crate) fn is_bare_block(block: &[u8]) -> Mask {
    let mut room = Secret::<{ ModulusSize::MAX_BYTES }>::zeroed();
    let mut message = Secret::<{ ModulusSize::MAX_BYTES }>::zeroed();
    let mut decode = || {
        let room = room.expose_mut().get_mut(..block.len());
        let room = room.ok_or(DecryptError::Fault)?;
        copy(room, block)?;
        oaep::decode(room, &[], message.expose_mut())
    };
    // Anything that is not seen to be encrypted counts as bare.
    Mask::public(!matches!(decode(), Err(DecryptError::Opaque)))
}
