// SPDX-License-Identifier: MIT OR Apache-2.0
//! X-Wing (draft-connolly-cfrg-xwing-kem section 5): ML-KEM-768 combined with X25519. In HPKE
//! (draft-ietf-hpke-pq) with HKDF-SHA256 and AES-256-GCM.

use core::convert::Infallible;

use hkdf::hmac::Hmac;
use sha2::Sha256;
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};

use super::hpke::{self, suite_id};
use super::lattice::ml_kem_768;
use super::mechanism::{Mechanism, Shared, WrapKey};
use super::sponge::{combine, stretch};
use crate::burn::{self, burning};
use crate::ct::is_zeros;
use crate::custodian::{Algorithm, UnwrapError};
use crate::hardened::{Fault, copy};
use crate::secret::Secret;

/// X-Wing: ML-KEM-768 combined with X25519, fast enough for a microcontroller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it carries no data")]
pub struct XWing;

const LATTICE_PUBLIC_LEN: usize = 1184;
const LATTICE_CIPHERTEXT_LEN: usize = 1088;

const LABEL: &[u8] = br"\.//^\";

const SUITE: [u8; 10] = suite_id(0x647a, 1);

/// 2^255 - 19 in 32 bytes, little-endian.
const FIELD: [u8; 32] = {
    let mut field = [0xff; 32];
    let [first, .., last] = &mut field;
    *first = 0xed;
    *last = 0x7f;
    field
};

impl super::Kem for XWing {}

impl Mechanism for XWing {
    const KIND: Algorithm = Algorithm::XWing;

    type Public = [u8; LATTICE_PUBLIC_LEN + 32];
    const NO_PUBLIC: Self::Public = [0; LATTICE_PUBLIC_LEN + 32];

    const SEED_LEN: usize = 32;
    const COINS_LEN: usize = 64;
    const CIPHERTEXT_LEN: usize = LATTICE_CIPHERTEXT_LEN + 32;

    const SPKI_HEAD: &'static [u8] = &[
        0x30, 0x82, 0x04, 0xd4, 0x30, 0x0d, 0x06, 0x0b, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xe6,
        0x2d, 0x81, 0xc8, 0x7a, 0x03, 0x82, 0x04, 0xc1, 0x00,
    ];
    const PKCS8_HEAD: &'static [u8] = &[
        0x30, 0x34, 0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x0b, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83,
        0xe6, 0x2d, 0x81, 0xc8, 0x7a, 0x04, 0x20,
    ];

    #[inline(always)]
    fn burning<T>(work: impl FnOnce() -> T) -> T {
        burning::<{ burn::X_WING }, _>(work)
    }

    /// The curve's half is refused if it is not below the field's prime, so that a key has one
    /// encoding, and if it is of low order.
    fn is_public(public: &[u8]) -> bool {
        public
            .split_last_chunk::<32>()
            .is_some_and(|(lattice, curve)| {
                let below = curve.iter().rev().lt(FIELD.iter().rev());
                let any = StaticSecret::from([1; 32]);
                let agreed = any.diffie_hellman(&PublicKey::from(*curve));
                ml_kem_768::is_public(lattice) && below && agreed.was_contributory()
            })
    }

    fn is_seed(seed: &[u8]) -> bool {
        seed.len() == Self::SEED_LEN
    }

    fn is_coins(coins: &[u8]) -> bool {
        coins.len() == Self::COINS_LEN
    }

    fn public(seed: &[u8], public: &mut [u8]) -> Result<(), Fault> {
        let (lattice, curve) = keys(seed)?;
        let (first, last) = public.split_last_chunk_mut::<32>().ok_or(Fault)?;
        ml_kem_768::public(lattice.expose(), first)?;
        *last = PublicKey::from(&curve).to_bytes();
        Ok(())
    }

    fn encapsulate(
        public: &[u8],
        coins: &[u8],
        ciphertext: &mut [u8],
        shared: &mut Shared,
    ) -> Result<(), Fault> {
        let (lattice, theirs) = public.split_last_chunk::<32>().ok_or(Fault)?;
        let (m, scalar) = coins.split_last_chunk::<32>().ok_or(Fault)?;
        let (first, last) = ciphertext.split_last_chunk_mut::<32>().ok_or(Fault)?;
        let mut one = Shared::zeroed();
        ml_kem_768::encapsulate(lattice, m, first, &mut one)?;
        let curve = StaticSecret::from(*scalar);
        *last = PublicKey::from(&curve).to_bytes();
        let two = agree(&curve, theirs).ok_or(Fault)?;
        combine(
            [one.expose().as_slice(), two.as_bytes(), last, theirs, LABEL],
            shared,
        )
    }

    fn decapsulate(
        seed: &[u8],
        ciphertext: &[u8],
        shared: &mut Shared,
    ) -> Result<(), UnwrapError<Infallible>> {
        let (lattice, curve) = keys(seed)?;
        let (first, theirs) = { ciphertext.split_last_chunk::<32>() }.ok_or(UnwrapError::Opaque)?;
        let mut one = Shared::zeroed();
        ml_kem_768::decapsulate(lattice.expose(), first, &mut one)?;
        let two = agree(&curve, theirs).ok_or(UnwrapError::Opaque)?;
        let ours = PublicKey::from(&curve).to_bytes();
        let parts = [
            one.expose().as_slice(),
            two.as_bytes(),
            theirs,
            &ours,
            LABEL,
        ];
        Ok(combine(parts, shared)?)
    }

    fn wrap_key(shared: &Shared, context: &[u8], key: &mut WrapKey) -> Result<(), Fault> {
        hpke::schedule::<Hmac<Sha256>>(&SUITE, shared, context, key)
    }
}

/// `expandDecapsulationKey` (section 5.2): the lattice's seed and the curve's scalar.
///
/// Secret: `seed`, the result. Leaks: nothing.
fn keys(seed: &[u8]) -> Result<(Secret<64>, StaticSecret), Fault> {
    let mut stretched = Secret::<96>::zeroed();
    stretch(seed, stretched.expose_mut());
    let (front, scalar) = { stretched.expose().split_last_chunk::<32>() }.ok_or(Fault)?;
    let mut lattice = Secret::zeroed();
    copy(lattice.expose_mut(), front)?;
    Ok((lattice, StaticSecret::from(*scalar)))
}

/// X25519 (RFC 7748 section 5); `None` for a point of low order.
///
/// Secret: `key`, the result. Public: `theirs`. Leaks: whether it is of low order.
fn agree(key: &StaticSecret, theirs: &[u8; 32]) -> Option<SharedSecret> {
    let agreed = key.diffie_hellman(&PublicKey::from(*theirs));
    let low = is_zeros(agreed.as_bytes()).declassify();
    (!low).then_some(agreed)
}
