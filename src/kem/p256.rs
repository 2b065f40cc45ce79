// SPDX-License-Identifier: MIT OR Apache-2.0
//! DHKEM(P-256, HKDF-SHA256) (RFC 9180 sections 4.1 and 7.1) with HKDF-SHA256 and AES-256-GCM.

use core::convert::Infallible;

use hkdf::hmac::Hmac;
use p256::elliptic_curve::point::AffineCoordinates;
use p256::{PublicKey, SecretKey};
use sha2::Sha256;
use zeroize::Zeroize;

use super::hpke::{self, suite_id};
use super::mechanism::{Mechanism, Shared, WrapKey};
use crate::burn::{self, burning};
use crate::custodian::{Algorithm, UnwrapError};
use crate::hardened::{Fault, copy};

/// DHKEM(P-256, HKDF-SHA256), for secure elements and smart cards without RSA. It does not withstand a
/// quantum computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it carries no data")]
pub struct P256;

/// An uncompressed point.
pub(super) const POINT_LEN: usize = 65;

const SUITE: [u8; 10] = suite_id(0x0010, 1);

/// `suite_id` inside of the KEM (RFC 9180 section 4.1).
const KEM_SUITE: &[u8] = b"KEM\x00\x10";

impl super::Kem for P256 {}

impl Mechanism for P256 {
    const KIND: Algorithm = Algorithm::DhKemP256;

    type Public = [u8; POINT_LEN];
    const NO_PUBLIC: Self::Public = [0; POINT_LEN];

    const SEED_LEN: usize = 32;
    const COINS_LEN: usize = 32;
    const CIPHERTEXT_LEN: usize = POINT_LEN;

    /// id-ecPublicKey with secp256r1 (RFC 5480 section 2.1.1).
    const SPKI_HEAD: &'static [u8] = &[
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    /// An `ECPrivateKey` (RFC 5915 section 3) with the public key and without parameters.
    const PKCS8_HEAD: &'static [u8] = &[
        0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
        0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30,
        0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
    ];
    const PKCS8_PUBLIC: Option<&'static [u8]> = Some(&[0xa1, 0x44, 0x03, 0x42, 0x00]);

    #[inline(always)]
    fn burning<T>(work: impl FnOnce() -> T) -> T {
        burning::<{ burn::P256 }, _>(work)
    }

    fn is_public(public: &[u8]) -> bool {
        public.len() == POINT_LEN && PublicKey::from_sec1_bytes(public).is_ok()
    }

    fn is_seed(seed: &[u8]) -> bool {
        SecretKey::from_slice(seed).is_ok()
    }

    fn is_coins(coins: &[u8]) -> bool {
        Self::is_seed(coins)
    }

    fn public(seed: &[u8], public: &mut [u8]) -> Result<(), Fault> {
        let key = SecretKey::from_slice(seed).map_err(|_| Fault)?;
        write_point(&key, public)
    }

    fn encapsulate(
        public: &[u8],
        coins: &[u8],
        ciphertext: &mut [u8],
        shared: &mut Shared,
    ) -> Result<(), Fault> {
        Self::public(coins, ciphertext)?;
        let key = SecretKey::from_slice(coins).map_err(|_| Fault)?;
        agree(&key, public, ciphertext, public, shared).map_err(|_| Fault)
    }

    fn decapsulate(
        seed: &[u8],
        ciphertext: &[u8],
        shared: &mut Shared,
    ) -> Result<(), UnwrapError<Infallible>> {
        let key = SecretKey::from_slice(seed).map_err(|_| Fault)?;
        let mut public = Self::NO_PUBLIC;
        Self::public(seed, &mut public)?;
        agree(&key, ciphertext, ciphertext, &public, shared)
    }

    fn wrap_key(shared: &Shared, context: &[u8], key: &mut WrapKey) -> Result<(), Fault> {
        hpke::schedule::<Hmac<Sha256>>(&SUITE, shared, context, key)
    }
}

/// `DH` and `ExtractAndExpand` (RFC 9180 section 4.1).
///
/// Secret: `key`, `shared`. Public: the points. Leaks: whether `theirs` is a point.
fn agree(
    key: &SecretKey,
    theirs: &[u8],
    ciphertext: &[u8],
    public: &[u8],
    shared: &mut Shared,
) -> Result<(), UnwrapError<Infallible>> {
    if theirs.len() != POINT_LEN {
        return Err(UnwrapError::Opaque);
    }
    let theirs = PublicKey::from_sec1_bytes(theirs).map_err(|_| UnwrapError::Opaque)?;
    let agreed = key.diffie_hellman(&theirs);
    Ok(derive(
        agreed.raw_secret_bytes(),
        ciphertext,
        public,
        shared,
    )?)
}

/// `ExtractAndExpand` (RFC 9180 section 4.1) of `x`, the result of `DH`.
///
/// Secret: `x`, `shared`. Public: the points. Leaks: nothing else.
pub(super) fn derive(
    x: &[u8],
    ciphertext: &[u8],
    public: &[u8],
    shared: &mut Shared,
) -> Result<(), Fault> {
    let (mut bare, extracted) = hpke::extract::<Hmac<Sha256>>(KEM_SUITE, &[], b"eae_prk", x);
    bare.as_mut_slice().zeroize();
    let context = [ciphertext, public, &[]];
    let out = shared.expose_mut();
    hpke::expand(&extracted, KEM_SUITE, b"shared_secret", context, out)
}

/// Writes the public key of `key` as an uncompressed point. Every key has one, so nothing asks whether
/// it is the point at infinity.
///
/// Secret: `key`. Public: `point`. Leaks: nothing else.
fn write_point(key: &SecretKey, point: &mut [u8]) -> Result<(), Fault> {
    let public = key.public_key();
    let (head, rest) = point.split_first_mut().ok_or(Fault)?;
    let (x, y) = rest.split_at_mut_checked(32).ok_or(Fault)?;
    *head = 4;
    copy(x, &public.as_affine().x())?;
    copy(y, &public.as_affine().y())
}
