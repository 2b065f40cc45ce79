// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys that decrypt nothing.

use core::convert::Infallible;

use security_domain::custodian::{Identity, UnwrapError};
use security_domain::rng::Generator;

/// A key that opens nothing, or one that "decrypts" by giving what it is given.
pub enum Key {
    Closed,
    Mirror,
}

impl Identity for Key {
    type Error = Infallible;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        _: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        let length = context.len() + wrapped.len();
        match (&self, out.get_mut(..length)) {
            (Self::Closed, _) | (_, None) => Err(UnwrapError::Opaque),
            (Self::Mirror, Some(out)) => {
                out[..context.len()].copy_from_slice(context);
                out[context.len()..].copy_from_slice(wrapped);
                Ok(length)
            }
        }
    }
}
