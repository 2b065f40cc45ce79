// SPDX-License-Identifier: MIT OR Apache-2.0
//! Custodians' keys that are not RSA keys: a key encapsulation mechanism (KEM), and how a message
//! is wrapped under its shared secret (`docs/format.md`, "Kinds of keys").
//!
//! | kind | feature | wraps by |
//! |---|---|---|
//! | `P256` | `p256` | HPKE (RFC 9180) |
//! | `XWing`, `MlKem1024P384` | `pq` | HPKE (draft-ietf-hpke-pq) |
//! | `MlKem1024` | `pq` | AES-256 key wrap with padding (SP 800-38F) |
//!
//! A private key is its seed, of 32 or 64 bytes. It is expanded when it is used. A private key of
//! P-256 may also be in a device that computes ECDH (`EcdhP256`).
#![cfg_attr(
    feature = "pq",
    doc = "
```
use getrandom::SysRng;
use security_domain::custodian::{Identity, Recipient};
use security_domain::kem::{PrivateKey, PublicKey, XWing};

let mut key = PrivateKey::<XWing>::generate(&mut SysRng)?;
let public = key.public_key()?;

let (message, context) = ([7; 32], [1; 32]);
let mut wrapped = vec![0; public.algorithm().wrapped_len(message.len())];
public.wrap(&message, &context, &mut SysRng, &mut wrapped)?;

let mut out = [0; 32];
assert_eq!(key.unwrap_key(&wrapped, &context, &mut SysRng, &mut out)?, 32);
assert_eq!(out, message);
# Ok::<(), Box<dyn std::error::Error>>(())
```
"
)]

use core::convert::Infallible;
use core::fmt;
use core::hint::black_box;
use core::marker::PhantomData;

use crate::ct::{declassify_bytes, eq_bytes, is_zeros};
use crate::custodian::{
    Algorithm, CustodianId, Identity, MAX_MESSAGE_LEN, Recipient, UnwrapError, WrapError,
};
use crate::hardened::{Fault, Verdict, copy};
use crate::rng::{self, Generator, RngError};
use crate::secret::{Secret, wipe};
use mechanism::{MAX_COINS_LEN, MAX_SEALED_LEN, MAX_SEED_LEN, Mechanism, Shared, WrapKey};

mod answer;
mod any;
#[cfg(feature = "p256")]
mod ecdh;
mod hpke;
#[cfg(feature = "pq")]
mod kwp;
#[cfg(feature = "pq")]
mod lattice;
mod mechanism;
#[cfg(feature = "pq")]
mod mlkem1024;
#[cfg(feature = "pq")]
mod mlkem1024_p384;
#[cfg(feature = "p256")]
mod p256;
mod secrets;
#[cfg(feature = "pq")]
mod sponge;
#[cfg(feature = "pq")]
mod x_wing;

#[cfg(feature = "p256")]
pub use self::p256::P256;
pub(crate) use answer::answer;
#[cfg(feature = "pq")]
pub(crate) use any::MAX_SPKI_LEN;
pub(crate) use any::{AnyPrivateKey, check_spki, wrap_to_spki};
#[cfg(feature = "p256")]
pub use ecdh::{EcdhDevice, EcdhP256};
#[cfg(feature = "pq")]
pub use mlkem1024::MlKem1024;
#[cfg(feature = "pq")]
pub use mlkem1024_p384::MlKem1024P384;
#[cfg(feature = "pq")]
pub use x_wing::XWing;

/// A kind of key. Only this crate implements it.
pub trait Kem: Mechanism + Copy + Eq + fmt::Debug {}

/// How often a seed or a scalar is drawn that must be below a bound. One draw in 2^32 is not.
const DRAWS: usize = 8;

/// A custodian's public key, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey<K: Kem>(K::Public);

impl<K: Kem> PublicKey<K> {
    /// Takes the encoding of the KEM: an uncompressed point, an encapsulation key of ML-KEM, or the
    /// second followed by the curve's part.
    ///
    /// # Errors
    ///
    /// [`KeyError::Invalid`] for another length, a point that is not on the curve, a point of low
    /// order, or what fails ML-KEM's modulus check (FIPS 203 section 7.2).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        K::burning(move || {
            let mut key = Self(K::NO_PUBLIC);
            copy(key.0.as_mut(), bytes).map_err(|_| KeyError::Invalid)?;
            K::is_public(bytes).then_some(key).ok_or(KeyError::Invalid)
        })
    }

    /// Returns the encoding of the KEM.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_ref()
    }

    /// Reads a `SubjectPublicKeyInfo` in DER (RFC 5280 section 4.1).
    ///
    /// # Errors
    ///
    /// [`KeyError::Encoding`] for anything but the one encoding of a key of this kind, and
    /// [`KeyError::Invalid`] as [`from_bytes`](Self::from_bytes).
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let bytes = der
            .strip_prefix(K::SPKI_HEAD)
            .filter(|bytes| bytes.len() == K::NO_PUBLIC.as_ref().len())
            .ok_or(KeyError::Encoding)?;
        Self::from_bytes(bytes)
    }

    /// Writes a `SubjectPublicKeyInfo` in DER to the front of `out`, and returns its length.
    ///
    /// # Errors
    ///
    /// [`KeyError::BufferTooSmall`] if `out` is shorter than that.
    pub fn to_spki_der(&self, out: &mut [u8]) -> Result<usize, KeyError> {
        write(&[K::SPKI_HEAD, self.as_bytes()], out)
    }

    /// Encapsulates with `coins`, and encrypts `message` under what follows.
    ///
    /// Secret: `coins`, `message`. Public: the rest. Leaks: nothing else.
    fn seal(
        &self,
        coins: &[u8],
        message: &[u8],
        context: &[u8],
        out: &mut [u8],
    ) -> Result<(), Fault> {
        let (ciphertext, sealed) = { out.split_at_mut_checked(K::CIPHERTEXT_LEN) }.ok_or(Fault)?;
        let (mut shared, mut key) = (Shared::zeroed(), WrapKey::zeroed());
        K::encapsulate(self.as_bytes(), coins, ciphertext, &mut shared)?;
        K::wrap_key(&shared, context, &mut key)?;
        K::seal(&key, message, sealed)
    }
}

/// Fills `out` by `seal`, which is given random bytes for an encapsulation. It runs twice with the
/// same bytes, in private memory, and must fill the same. Between the two and after them `rng` is
/// told that the work goes on.
///
/// Secret: what `rng` draws. Public: `out`. Leaks: nothing else.
pub(crate) fn sealed_twice<K: Kem, R: Generator + ?Sized>(
    rng: &mut R,
    out: &mut [u8],
    seal: impl Fn(&[u8], &mut [u8]) -> Result<(), Fault>,
) -> Result<(), WrapError> {
    let mut coins = Secret::<MAX_COINS_LEN>::zeroed();
    let coins = draw(rng, &mut coins, K::COINS_LEN, K::is_coins)?;
    let (mut one, mut two) = ([0; MAX_SEALED_LEN], [0; MAX_SEALED_LEN]);
    let one = one.get_mut(..out.len()).ok_or(Fault)?;
    let two = two.get_mut(..out.len()).ok_or(Fault)?;
    seal(coins, one)?;
    rng.progress();
    black_box(&seal)(black_box(coins), two)?;
    rng.progress();
    let same = Verdict::twice(|| eq_bytes(one, two) & !is_zeros(one)).permit(WrapError::Fault)?;
    same.test(WrapError::Fault)?;
    // The copy and each look at it fetch the place anew: one that is wrong must not serve them all.
    copy(black_box(&mut *out), one)?;
    let out = &out;
    let copied = Verdict::twice(|| eq_bytes(black_box(out), two)).permit(WrapError::Fault)?;
    same.and(copied).spend(WrapError::Fault)
}

/// Prints the kind and the key.
impl<K: Kem> fmt::Debug for PublicKey<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, ", K::KIND)?;
        { self.as_bytes().iter() }.try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

impl<K: Kem> Recipient for PublicKey<K> {
    fn algorithm(&self) -> Algorithm {
        K::KIND
    }

    fn id(&self) -> CustodianId {
        CustodianId::of_pieces(K::KIND, [K::SPKI_HEAD, self.as_bytes()])
    }

    fn wrap<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        K::burning(move || {
            if !(1..=MAX_MESSAGE_LEN).contains(&message.len()) {
                return Err(WrapError::MessageTooLong);
            }
            if out.len() != K::KIND.wrapped_len(message.len()) {
                return Err(WrapError::WrongLength);
            }
            wipe(out);
            sealed_twice::<K, R>(rng, out, |coins, part| {
                black_box(self).seal(coins, black_box(message), black_box(context), part)
            })
            .inspect_err(|_| wipe(out))
        })
    }
}

/// A custodian's private key in memory: the seed, wiped when dropped.
#[cfg_attr(
    feature = "pq",
    doc = "
A copy would be wiped on its own, or not at all, so there is none, and no comparison:

```compile_fail,E0599
# use security_domain::kem::{PrivateKey, XWing};
# let key = PrivateKey::<XWing>::generate(&mut getrandom::SysRng).unwrap();
let copy = key.clone();
```

```compile_fail,E0369
# use security_domain::kem::{PrivateKey, XWing};
# let key = PrivateKey::<XWing>::generate(&mut getrandom::SysRng).unwrap();
let same = key == key;
```

A key of one kind is not a key of another:

```compile_fail,E0308
# use security_domain::kem::{MlKem1024, PrivateKey, XWing};
# let key = PrivateKey::<XWing>::generate(&mut getrandom::SysRng).unwrap();
let other: PrivateKey<MlKem1024> = key;
```
"
)]
pub struct PrivateKey<K: Kem> {
    seed: Secret<MAX_SEED_LEN>,
    kind: PhantomData<K>,
}

impl<K: Kem> PrivateKey<K> {
    /// Draws a key.
    ///
    /// Secret: the key. Leaks: nothing.
    ///
    /// # Errors
    ///
    /// [`RngError`] if `rng` failed.
    pub fn generate<R: Generator + ?Sized>(rng: &mut R) -> Result<Self, RngError> {
        K::burning(move || {
            let mut key = Self::zeroed();
            draw(rng, &mut key.seed, K::SEED_LEN, K::is_seed)?;
            Ok(key)
        })
    }

    /// Takes a seed: 32 bytes, or 64 for ML-KEM-1024 (`d`, then `z`). For P-256 it is the private
    /// scalar, big-endian.
    ///
    /// Secret: `seed`. Public: its length, whether it gives a key. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`KeyError::Invalid`] for another length, and for a scalar of P-256 that is 0 or not below
    /// the order of the group.
    pub fn from_seed(seed: &[u8]) -> Result<Self, KeyError> {
        K::burning(move || {
            let mut key = Self::zeroed();
            let room = key.seed.expose_mut().get_mut(..K::SEED_LEN).ok_or(Fault)?;
            copy(room, seed).map_err(|_| KeyError::Invalid)?;
            K::is_seed(seed).then_some(key).ok_or(KeyError::Invalid)
        })
    }

    /// Returns the seed. Every use of this name deserves a review.
    ///
    /// Secret: the result. Leaks: nothing.
    pub fn expose_seed(&self) -> &[u8] {
        self.seed.expose().get(..K::SEED_LEN).unwrap_or_default()
    }

    /// Computes the public key.
    ///
    /// Secret: the key. Public: the result. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`Fault`] if two computations differ.
    pub fn public_key(&self) -> Result<PublicKey<K>, Fault> {
        K::burning(move || {
            let (mut one, mut two) = (K::NO_PUBLIC, K::NO_PUBLIC);
            K::public(self.expose_seed(), one.as_mut())?;
            K::public(black_box(self).expose_seed(), two.as_mut())?;
            Verdict::twice(|| eq_bytes(one.as_ref(), two.as_ref()) & !is_zeros(one.as_ref()))
                .or(Fault)?;
            declassify_bytes(one.as_mut());
            Ok(PublicKey(one))
        })
    }

    /// Reads an unencrypted `OneAsymmetricKey` in DER, version 0 (RFC 5958 section 2), that holds
    /// the seed. A key of P-256 has its public key beside it.
    ///
    /// Secret: the seed. Public: its length, what is wrong. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`KeyError`] except `BufferTooSmall`.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        K::burning(move || {
            let (seed, public) = der
                .strip_prefix(K::PKCS8_HEAD)
                .and_then(|rest| rest.split_at_checked(K::SEED_LEN))
                .ok_or(KeyError::Encoding)?;
            let Some(head) = K::PKCS8_PUBLIC else {
                let whole = public.is_empty();
                return whole
                    .then(|| Self::from_seed(seed))
                    .ok_or(KeyError::Encoding)?;
            };
            let public = public.strip_prefix(head).ok_or(KeyError::Encoding)?;
            let key = Self::from_seed(seed)?;
            match key.public_key()?.as_bytes() == public {
                true => Ok(key),
                false => Err(KeyError::OtherPublicKey),
            }
        })
    }

    /// Writes the key as [`from_pkcs8_der`](Self::from_pkcs8_der) reads it, to the front of `out`,
    /// and returns the length. On an error `out` holds nothing of the key.
    ///
    /// Secret: the key, `out`. Leaks: nothing.
    ///
    /// # Errors
    ///
    /// [`KeyError::BufferTooSmall`], or [`KeyError::Fault`] if the public key was not computed.
    pub fn to_pkcs8_der(&self, out: &mut [u8]) -> Result<usize, KeyError> {
        K::burning(move || {
            let seed = self.expose_seed();
            match K::PKCS8_PUBLIC {
                Some(head) => {
                    let public = self.public_key()?;
                    write(&[K::PKCS8_HEAD, seed, head, public.as_bytes()], out)
                }
                None => write(&[K::PKCS8_HEAD, seed], out),
            }
        })
    }

    /// Opens a ciphertext. What does not belong to the key gives another secret, or is refused.
    ///
    /// Secret: the key, `shared`. Public: `ciphertext`. Leaks: whether it was refused.
    pub(crate) fn decapsulate(
        &self,
        ciphertext: &[u8],
        shared: &mut Shared,
    ) -> Result<(), UnwrapError<Infallible>> {
        if ciphertext.len() != K::CIPHERTEXT_LEN {
            return Err(UnwrapError::Opaque);
        }
        K::decapsulate(self.expose_seed(), ciphertext, shared)
    }

    fn zeroed() -> Self {
        Self {
            seed: Secret::zeroed(),
            kind: PhantomData,
        }
    }
}

/// Prints the kind, never the key.
impl<K: Kem> fmt::Debug for PrivateKey<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, ..)", K::KIND)
    }
}

/// A private key in memory, which no device can fail to use.
impl<K: Kem> Identity for PrivateKey<K> {
    type Error = Infallible;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        K::burning(move || {
            let (ciphertext, sealed) =
                { wrapped.split_at_checked(K::CIPHERTEXT_LEN) }.ok_or(UnwrapError::Opaque)?;
            let (mut shared, mut key) = (Shared::zeroed(), WrapKey::zeroed());
            let opened = self.decapsulate(ciphertext, &mut shared);
            rng.progress();
            opened?;
            K::wrap_key(&shared, context, &mut key)?;
            K::open(&key, sealed, out)
        })
    }
}

/// Draws `len` bytes that `is_right` accepts.
///
/// Secret: the bytes. Leaks: how often was drawn, which does not depend on the bytes that are kept.
fn draw<'s, const N: usize, R: Generator + ?Sized>(
    rng: &mut R,
    room: &'s mut Secret<N>,
    len: usize,
    is_right: fn(&[u8]) -> bool,
) -> Result<&'s [u8], RngError> {
    let room = room.expose_mut().get_mut(..len).ok_or(RngError)?;
    for _ in 0..DRAWS {
        rng::fill(rng, room)?;
        if is_right(room) {
            return Ok(room);
        }
    }
    wipe(room);
    Err(RngError)
}

/// Writes the pieces to the front of `out`, and returns their length.
fn write(pieces: &[&[u8]], out: &mut [u8]) -> Result<usize, KeyError> {
    let needed = pieces
        .iter()
        .map(|piece| piece.len())
        .fold(0, usize::saturating_add);
    let mut rest = out
        .get_mut(..needed)
        .ok_or(KeyError::BufferTooSmall { needed })?;
    for piece in pieces {
        let (place, after) = rest.split_at_mut_checked(piece.len()).ok_or(Fault)?;
        copy(place, piece)?;
        rest = after;
    }
    Ok(needed)
}

/// Why a key was not read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are not the DER encoding of a key of this kind.
    Encoding,
    /// The key is not valid: its length, a point, the modulus check, or the scalar.
    Invalid,
    /// The public key beside a private key is another one.
    OtherPublicKey,
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// An internal check failed: a hardware fault or a bug.
    Fault,
}

impl From<Fault> for KeyError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding => f.write_str("the key is not in the DER encoding of its kind"),
            Self::Invalid => f.write_str("the key is not valid"),
            Self::OtherPublicKey => {
                f.write_str("the public key beside the private key is another one")
            }
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for KeyError {}

#[cfg(test)]
mod tests;
