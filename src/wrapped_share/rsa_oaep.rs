// SPDX-License-Identifier: MIT OR Apache-2.0
//! RSA keys as recipients: RSAES-OAEP with SHA-256 for hash and MGF1 and no label.

use crate::custodian::{Algorithm, CustodianId, Recipient, WrapError};
use crate::rng::Generator;
use crate::rsa::{EncryptError, PublicKey};

impl Recipient for PublicKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::rsa(self.size())
    }

    fn id(&self) -> CustodianId {
        self.with_spki_der(|pieces| CustodianId::of_pieces(self.algorithm(), pieces))
    }

    fn wrap<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        _context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        if out.len() != self.size().bytes() {
            return Err(WrapError::WrongLength);
        }
        match self.encrypt_oaep_sha256(&[], message, rng, out) {
            Ok(_) => Ok(()),
            Err(EncryptError::Rng) => Err(WrapError::Rng),
            Err(EncryptError::MessageTooLong { .. }) => Err(WrapError::MessageTooLong),
            Err(EncryptError::BufferTooSmall) => Err(WrapError::WrongLength),
            Err(EncryptError::Fault) => Err(WrapError::Fault),
        }
    }
}
