// SPDX-License-Identifier: MIT OR Apache-2.0
//! MLKEM1024-P384 (draft-irtf-cfrg-concrete-hybrid-kems section 4.3): ML-KEM-1024 combined with
//! P-384. In HPKE (draft-ietf-hpke-pq) with HKDF-SHA384 and AES-256-GCM.

use core::convert::Infallible;

use hkdf::hmac::Hmac;
use p384::elliptic_curve::point::AffineCoordinates;
use p384::{PublicKey, SecretKey};
use sha2::Sha384;

use super::hpke::{self, suite_id};
use super::lattice::ml_kem_1024;
use super::mechanism::{Mechanism, Shared, WrapKey};
use super::sponge::{combine, stretch};
use crate::burn::{self, burning};
use crate::custodian::{Algorithm, UnwrapError};
use crate::hardened::{Fault, copy};
use crate::secret::Secret;

/// ML-KEM-1024 combined with P-384: both halves are NIST's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it carries no data")]
pub struct MlKem1024P384;

const LATTICE_LEN: usize = 1568;
const POINT_LEN: usize = 97;
const SCALAR_LEN: usize = 48;

const LABEL: &[u8] = b"MLKEM1024-P384";

const SUITE: [u8; 10] = suite_id(0x0051, 2);

impl super::Kem for MlKem1024P384 {}

impl Mechanism for MlKem1024P384 {
    const KIND: Algorithm = Algorithm::MlKem1024P384;

    type Public = [u8; LATTICE_LEN + POINT_LEN];
    const NO_PUBLIC: Self::Public = [0; LATTICE_LEN + POINT_LEN];

    const SEED_LEN: usize = 32;
    const COINS_LEN: usize = 32 + SCALAR_LEN;
    const CIPHERTEXT_LEN: usize = LATTICE_LEN + POINT_LEN;

    /// No draft gives an identifier for a key of one seed. This is 2.25 and a UUID
    /// (`docs/format.md`, "Keys in DER").
    const SPKI_HEAD: &'static [u8] = &[
        0x30, 0x82, 0x06, 0x9e, 0x30, 0x16, 0x06, 0x14, 0x69, 0x81, 0xa2, 0xe4, 0xbc, 0xcd, 0x84,
        0xaf, 0xca, 0xde, 0xd1, 0xa3, 0xda, 0xc0, 0xfd, 0xed, 0xab, 0x9b, 0xa8, 0x00, 0x03, 0x82,
        0x06, 0x82, 0x00,
    ];
    const PKCS8_HEAD: &'static [u8] = &[
        0x30, 0x3d, 0x02, 0x01, 0x00, 0x30, 0x16, 0x06, 0x14, 0x69, 0x81, 0xa2, 0xe4, 0xbc, 0xcd,
        0x84, 0xaf, 0xca, 0xde, 0xd1, 0xa3, 0xda, 0xc0, 0xfd, 0xed, 0xab, 0x9b, 0xa8, 0x00, 0x04,
        0x20,
    ];

    #[inline(always)]
    fn burning<T>(work: impl FnOnce() -> T) -> T {
        burning::<{ burn::ML_KEM_1024 }, _>(work)
    }

    fn is_public(public: &[u8]) -> bool {
        public
            .split_last_chunk::<POINT_LEN>()
            .is_some_and(|(lattice, point)| {
                ml_kem_1024::is_public(lattice) && PublicKey::from_sec1_bytes(point).is_ok()
            })
    }

    fn is_seed(seed: &[u8]) -> bool {
        seed.len() == Self::SEED_LEN && keys(seed).is_ok()
    }

    fn is_coins(coins: &[u8]) -> bool {
        coins
            .split_last_chunk::<SCALAR_LEN>()
            .is_some_and(|(_, scalar)| SecretKey::from_slice(scalar).is_ok())
    }

    fn public(seed: &[u8], public: &mut [u8]) -> Result<(), Fault> {
        let (lattice, curve) = keys(seed)?;
        let (first, last) = public.split_last_chunk_mut::<POINT_LEN>().ok_or(Fault)?;
        ml_kem_1024::public(lattice.expose(), first)?;
        write_point(&curve, last)
    }

    fn encapsulate(
        public: &[u8],
        coins: &[u8],
        ciphertext: &mut [u8],
        shared: &mut Shared,
    ) -> Result<(), Fault> {
        let (lattice, theirs) = public.split_last_chunk::<POINT_LEN>().ok_or(Fault)?;
        let (m, scalar) = coins.split_last_chunk::<SCALAR_LEN>().ok_or(Fault)?;
        let (first, last) = { ciphertext.split_last_chunk_mut::<POINT_LEN>() }.ok_or(Fault)?;
        let mut one = Shared::zeroed();
        ml_kem_1024::encapsulate(lattice, m, first, &mut one)?;
        let curve = SecretKey::from_slice(scalar).map_err(|_| Fault)?;
        write_point(&curve, last)?;
        let point = PublicKey::from_sec1_bytes(theirs).map_err(|_| Fault)?;
        let two = curve.diffie_hellman(&point);
        let two = two.raw_secret_bytes();
        combine([one.expose().as_slice(), two, last, theirs, LABEL], shared)
    }

    fn decapsulate(
        seed: &[u8],
        ciphertext: &[u8],
        shared: &mut Shared,
    ) -> Result<(), UnwrapError<Infallible>> {
        let (lattice, curve) = keys(seed)?;
        let (first, theirs) =
            { ciphertext.split_last_chunk::<POINT_LEN>() }.ok_or(UnwrapError::Opaque)?;
        let mut one = Shared::zeroed();
        ml_kem_1024::decapsulate(lattice.expose(), first, &mut one)?;
        let point = PublicKey::from_sec1_bytes(theirs).map_err(|_| UnwrapError::Opaque)?;
        let two = curve.diffie_hellman(&point);
        let two = two.raw_secret_bytes();
        let mut ours = [0; POINT_LEN];
        write_point(&curve, &mut ours)?;
        let parts = [one.expose().as_slice(), two, theirs, &ours, LABEL];
        Ok(combine(parts, shared)?)
    }

    fn wrap_key(shared: &Shared, context: &[u8], key: &mut WrapKey) -> Result<(), Fault> {
        hpke::schedule::<Hmac<Sha384>>(&SUITE, shared, context, key)
    }
}

/// Expands the seed (draft-irtf-cfrg-hybrid-kems, the framework CG) into the lattice's seed and the
/// curve's scalar, which is out of range once in 2^192.
///
/// Secret: `seed`, the result. Leaks: whether the scalar is in range.
fn keys(seed: &[u8]) -> Result<(Secret<64>, SecretKey), Fault> {
    let mut stretched = Secret::<{ 64 + SCALAR_LEN }>::zeroed();
    stretch(seed, stretched.expose_mut());
    let (front, scalar) = { stretched.expose().split_last_chunk::<SCALAR_LEN>() }.ok_or(Fault)?;
    let mut lattice = Secret::zeroed();
    copy(lattice.expose_mut(), front)?;
    let curve = SecretKey::from_slice(scalar).map_err(|_| Fault)?;
    Ok((lattice, curve))
}

/// Writes the public key of `key` as an uncompressed point. Every key has one, so nothing asks whether
/// it is the point at infinity.
///
/// Secret: `key`. Public: `point`. Leaks: nothing else.
fn write_point(key: &SecretKey, point: &mut [u8]) -> Result<(), Fault> {
    let public = key.public_key();
    let (head, rest) = point.split_first_mut().ok_or(Fault)?;
    let (x, y) = rest.split_at_mut_checked(SCALAR_LEN).ok_or(Fault)?;
    *head = 4;
    copy(x, &public.as_affine().x())?;
    copy(y, &public.as_affine().y())
}
