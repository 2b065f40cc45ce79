// SPDX-License-Identifier: MIT OR Apache-2.0
//! ML-KEM-1024 (FIPS 203), whose shared secret is the key of AES-256 key wrap with padding: for HSMs
//! in which nothing can be derived after a decapsulation.

use core::convert::Infallible;

use super::kwp;
use super::lattice::ml_kem_1024;
use super::mechanism::{Mechanism, Shared, WrapKey};
use crate::burn::{self, burning};
use crate::custodian::{Algorithm, UnwrapError};
use crate::hardened::{Fault, copy};

/// ML-KEM-1024 alone, for keys in HSMs and key services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it carries no data")]
pub struct MlKem1024;

const LEN: usize = 1568;

impl super::Kem for MlKem1024 {}

impl Mechanism for MlKem1024 {
    const KIND: Algorithm = Algorithm::MlKem1024Kwp;

    type Public = [u8; LEN];
    const NO_PUBLIC: Self::Public = [0; LEN];

    const SEED_LEN: usize = 64;
    const COINS_LEN: usize = 32;
    const CIPHERTEXT_LEN: usize = LEN;

    /// id-alg-ml-kem-1024 (RFC 9935 section 3).
    const SPKI_HEAD: &'static [u8] = &[
        0x30, 0x82, 0x06, 0x32, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
        0x04, 0x03, 0x03, 0x82, 0x06, 0x21, 0x00,
    ];
    /// The form of the seed (RFC 9935 section 6).
    const PKCS8_HEAD: &'static [u8] = &[
        0x30, 0x54, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
        0x04, 0x04, 0x03, 0x04, 0x42, 0x80, 0x40,
    ];

    #[inline(always)]
    fn burning<T>(work: impl FnOnce() -> T) -> T {
        burning::<{ burn::ML_KEM_1024 }, _>(work)
    }

    fn is_public(public: &[u8]) -> bool {
        ml_kem_1024::is_public(public)
    }

    fn is_seed(seed: &[u8]) -> bool {
        seed.len() == Self::SEED_LEN
    }

    fn is_coins(coins: &[u8]) -> bool {
        coins.len() == Self::COINS_LEN
    }

    fn public(seed: &[u8], public: &mut [u8]) -> Result<(), Fault> {
        ml_kem_1024::public(seed, public)
    }

    fn encapsulate(
        public: &[u8],
        coins: &[u8],
        ciphertext: &mut [u8],
        shared: &mut Shared,
    ) -> Result<(), Fault> {
        ml_kem_1024::encapsulate(public, coins, ciphertext, shared)
    }

    fn decapsulate(
        seed: &[u8],
        ciphertext: &[u8],
        shared: &mut Shared,
    ) -> Result<(), UnwrapError<Infallible>> {
        Ok(ml_kem_1024::decapsulate(seed, ciphertext, shared)?)
    }

    fn wrap_key(shared: &Shared, _context: &[u8], key: &mut WrapKey) -> Result<(), Fault> {
        let front = key.expose_mut().get_mut(..32).ok_or(Fault)?;
        copy(front, shared.expose())
    }

    fn seal(key: &WrapKey, message: &[u8], sealed: &mut [u8]) -> Result<(), Fault> {
        kwp::wrap(kwp::cipher(key)?, message, sealed)
    }

    fn open(
        key: &WrapKey,
        sealed: &[u8],
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        kwp::unwrap(&kwp::cipher(key)?, sealed, out)
    }
}
