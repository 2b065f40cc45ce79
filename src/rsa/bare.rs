// SPDX-License-Identifier: MIT OR Apache-2.0
//! Seeing that what was encrypted is not an OAEP block in the clear.

use zeroize::Zeroizing;

use super::{DecryptError, ModulusSize, oaep};
use crate::ct::Mask;
use crate::hardened::copy;

/// Whether `block` is an OAEP block without a label that was not encrypted: it gives up its message
/// without a key. It is what encryption leaves if its exponentiation is passed over.
///
/// Secret: the block, if it is one. Public: its length. Leaks: whether it is one.
#[inline(never)]
pub(crate) fn is_bare_block(block: &[u8]) -> Mask {
    let mut room = Zeroizing::new([0; ModulusSize::MAX_BYTES]);
    let mut message = Zeroizing::new([0; ModulusSize::MAX_BYTES]);
    let mut decode = || {
        let room = room.get_mut(..block.len()).ok_or(DecryptError::Fault)?;
        copy(room, block)?;
        oaep::decode(room, &[], &mut *message)
    };
    // Whatever is not seen to be encrypted counts as bare.
    Mask::public(!matches!(decode(), Err(DecryptError::Opaque)))
}
