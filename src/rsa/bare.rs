// SPDX-License-Identifier: MIT OR Apache-2.0
//! Seeing that what was encrypted is not an OAEP block in the clear.

use super::{DecryptError, ModulusSize, oaep};
use crate::ct::Mask;
use crate::hardened::copy;
use crate::secret::Secret;

/// Whether `block` is an OAEP block without a label that was not encrypted: it gives up its message
/// without a key. It is what encryption leaves if its exponentiation is passed over.
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
    // Whatever is not seen to be encrypted counts as bare.
    Mask::public(!matches!(decode(), Err(DecryptError::Opaque)))
}
