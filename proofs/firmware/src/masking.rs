// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian's key that only masks, in place of an RSA one: what stands around it is looked at, and fast.

use core::convert::Infallible;

use security_domain::custodian::{
    Algorithm, CustodianId, Identity, Recipient, UnwrapError, WrapError,
};
use security_domain::rng::Generator;

/// A key pair of the length of RSA-2048.
pub struct Masking(pub u8);

impl Masking {
    fn mask(&self, from: &[u8], to: &mut [u8]) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = from ^ self.0;
        }
    }
}

impl Recipient for Masking {
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
        _: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        // No zeros: a share of zeros would stand in the clear in what is wrapped, and be refused.
        out.fill(0x5c);
        self.mask(message, out);
        Ok(())
    }
}

impl Identity for Masking {
    type Error = Infallible;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        _context: &[u8],
        _: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        self.mask(wrapped, out);
        Ok(out.len())
    }
}
