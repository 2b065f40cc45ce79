// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys that are fast and no secret.

use std::convert::Infallible;

use security_domain::custodian::{
    Algorithm, CustodianId, Identity, Recipient, UnwrapError, WrapError,
};
use security_domain::rng::Generator;

/// A key pair that takes the place of an RSA-2048 one: it only masks, with a mask of its own.
#[derive(Clone)]
pub struct FastKey(pub u8);

impl FastKey {
    fn mask(&self, place: usize) -> u8 {
        self.0.wrapping_mul(29).wrapping_add(place as u8)
    }
}

impl Recipient for FastKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Rsa2048OaepSha256
    }

    fn id(&self) -> CustodianId {
        CustodianId::new(self.algorithm(), &[self.0])
    }

    fn wrap<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        _context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        rng.try_fill_bytes(out).map_err(|_| WrapError::Rng)?;
        let content = std::iter::once(message.len() as u8).chain(message.iter().copied());
        for (place, (to, from)) in out.iter_mut().zip(content).enumerate() {
            *to = from ^ self.mask(place);
        }
        Ok(())
    }
}

impl Identity for FastKey {
    type Error = Infallible;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        _context: &[u8],
        _: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        let len = usize::from(wrapped[0] ^ self.mask(0));
        if len > out.len() || len >= wrapped.len() {
            return Err(UnwrapError::Opaque);
        }
        for (place, to) in out[..len].iter_mut().enumerate() {
            *to = wrapped[place + 1] ^ self.mask(place + 1);
        }
        Ok(len)
    }
}

pub fn fast_keys(count: u8) -> Vec<FastKey> {
    (1..=count).map(FastKey).collect()
}
