// SPDX-License-Identifier: MIT OR Apache-2.0
//! A key of a kind that is known at run time only: the transfer key of a session.

use core::convert::Infallible;

use super::mechanism::{MAX_SEED_LEN, Mechanism};
use super::{Kem, KeyError, PrivateKey, PublicKey};
use crate::ct::eq_bytes;
use crate::custodian::{Algorithm, Identity, Recipient, UnwrapError, WrapError};
use crate::hardened::{Fault, Verdict, copy};
use crate::rng::{self, Generator};
use crate::secret::{Secret, wipe};

/// Evaluates `$done` with the type `$K` for `$kind`, or `$other` if this build has no such kind.
macro_rules! of_kind {
    ($kind:expr, $K:ident => $done:expr, else $other:expr) => {
        match $kind {
            #[cfg(feature = "p256")]
            Algorithm::DhKemP256 => {
                type $K = super::P256;
                $done
            }
            #[cfg(feature = "pq")]
            Algorithm::XWing => {
                type $K = super::XWing;
                $done
            }
            #[cfg(feature = "pq")]
            Algorithm::MlKem1024P384 => {
                type $K = super::MlKem1024P384;
                $done
            }
            #[cfg(feature = "pq")]
            Algorithm::MlKem1024Kwp => {
                type $K = super::MlKem1024;
                $done
            }
            _ => $other,
        }
    };
}

/// The length of the longest `SubjectPublicKeyInfo`.
#[cfg(feature = "pq")]
pub(crate) const MAX_SPKI_LEN: usize =
    super::MlKem1024P384::SPKI_HEAD.len() + super::MlKem1024P384::NO_PUBLIC.len();

/// Checks a `SubjectPublicKeyInfo` as [`PublicKey::from_spki_der`] does; `None` if this build has
/// no such kind.
pub(crate) fn check_spki(kind: Algorithm, spki: &[u8]) -> Option<Result<(), KeyError>> {
    of_kind!(kind, K => Some(PublicKey::<K>::from_spki_der(spki).map(drop)), else None)
}

/// Wraps to the key in a `SubjectPublicKeyInfo`, as [`Recipient::wrap`] does.
///
/// Secret: `message`. Public: its length, `context`, the key, `out`. Leaks: nothing else.
pub(crate) fn wrap_to_spki<R: Generator + ?Sized>(
    kind: Algorithm,
    spki: &[u8],
    message: &[u8],
    context: &[u8],
    rng: &mut R,
    out: &mut [u8],
) -> Result<(), WrapError> {
    of_kind!(kind, K => {
        let key = PublicKey::<K>::from_spki_der(spki).map_err(|_| Fault)?;
        key.wrap(message, context, rng, out)
    }, else Err(WrapError::Fault))
}

/// A private key of any kind of this build, or none. It is made and read in its place, and wipes
/// itself. Its first value is all zeros.
pub(crate) struct AnyPrivateKey {
    /// The code of the kind; 0 without a key.
    code: u32,
    seed: Secret<MAX_SEED_LEN>,
}

impl AnyPrivateKey {
    pub(crate) const NONE: Self = Self {
        code: 0,
        seed: Secret::zeroed(),
    };

    /// Returns the kind of the key; `None` without a key.
    pub(crate) fn algorithm(&self) -> Option<Algorithm> {
        Algorithm::from_code(self.code)
    }

    /// Generates a key, and checks that it opens what is wrapped to it (FIPS 140-3, IG 10.3.A).
    ///
    /// Secret: the key. Public: `kind`. Leaks: nothing else.
    pub(crate) fn generate<R: Generator + ?Sized>(
        &mut self,
        kind: Algorithm,
        rng: &mut R,
    ) -> Result<(), WrapError> {
        of_kind!(kind, K => self.generate_of::<K, R>(rng), else Err(WrapError::Fault))
            .inspect_err(|_| self.wipe())
    }

    fn generate_of<K: Kem, R: Generator + ?Sized>(&mut self, rng: &mut R) -> Result<(), WrapError> {
        let mut key = PrivateKey::<K>::generate(rng)?;
        self.set_of(&key)?;
        let mut sent = Secret::<32>::zeroed();
        let drawn = rng::draw(rng, sent.expose_mut())?;
        let mut wrapped = [0; Algorithm::MlKem1024P384.wrapped_len(32)];
        let wrapped = { wrapped.get_mut(..K::KIND.wrapped_len(32)) }.ok_or(Fault)?;
        let public = key.public_key()?;
        rng.progress();
        public.wrap(sent.expose(), &[], rng, wrapped)?;
        let mut opened = Secret::<32>::zeroed();
        let len = { key.unwrap_key(wrapped, &[], rng, opened.expose_mut()) }.map_err(|_| Fault)?;
        let opened = opened.expose().get(..len).ok_or(Fault)?;
        Verdict::twice(|| eq_bytes(sent.expose(), opened))
            .permit(WrapError::Fault)?
            .and(drawn)
            .spend(WrapError::Fault)
    }

    fn set_of<K: Kem>(&mut self, key: &PrivateKey<K>) -> Result<(), Fault> {
        let seed = key.expose_seed();
        let place = { self.seed.expose_mut() }.get_mut(..seed.len());
        copy(place.ok_or(Fault)?, seed)?;
        self.code = K::KIND.code();
        Ok(())
    }

    /// Takes a key by its kind and seed.
    ///
    /// Secret: `seed`. Public: `kind`, the length, whether it gives a key. Leaks: nothing else.
    pub(crate) fn set(&mut self, kind: Algorithm, seed: &[u8]) -> Result<(), KeyError> {
        self.wipe();
        of_kind!(kind, K => {
            self.set_of(&PrivateKey::<K>::from_seed(seed)?).map_err(KeyError::from)
        }, else Err(KeyError::Invalid))
    }

    /// Returns the seed; `None` without a key.
    ///
    /// Secret: the result. Leaks: nothing.
    pub(crate) fn expose_seed(&self) -> Option<&[u8]> {
        of_kind!(self.algorithm()?, K => self.seed.expose().get(..K::SEED_LEN), else None)
    }

    /// Writes the `SubjectPublicKeyInfo` to the front of `out`, and returns its length.
    ///
    /// Secret: the key. Public: the result. Leaks: nothing else.
    pub(crate) fn write_spki(&self, out: &mut [u8]) -> Result<usize, KeyError> {
        let kind = self.algorithm().ok_or(Fault)?;
        of_kind!(kind, K => self.typed::<K>()?.public_key()?.to_spki_der(out), else Err(Fault.into()))
    }

    /// Unwraps as [`Identity::unwrap_key`] does.
    pub(crate) fn unwrap_key<R: Generator + ?Sized>(
        &self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        let kind = self.algorithm().ok_or(Fault)?;
        of_kind!(kind, K => {
            self.typed::<K>()?.unwrap_key(wrapped, context, rng, out)
        }, else Err(UnwrapError::Fault))
    }

    fn typed<K: Kem>(&self) -> Result<PrivateKey<K>, Fault> {
        let seed = { self.seed.expose() }.get(..K::SEED_LEN).ok_or(Fault)?;
        PrivateKey::from_seed(seed).map_err(|_| Fault)
    }

    pub(crate) fn wipe(&mut self) {
        self.code = 0;
        wipe(self.seed.expose_mut());
    }
}
