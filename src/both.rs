// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two keys that are both needed: an RSA key, and a key that withstands a quantum computer
//! (`docs/format.md`, "Both keys needed").
//!
//! One secret is wrapped to the RSA key, another is encapsulated to the other key. The message is
//! encrypted under a key from both. So it stays closed as long as one of the two keys does.
//!
//! ```
//! use getrandom::SysRng;
//! use security_domain::both::{Both, BothPublicKeys};
//! use security_domain::custodian::{Identity, Recipient};
//! use security_domain::kem::{PrivateKey, XWing};
//!
//! let mut token = security_domain::rsa::PrivateKey::from_pkcs8_der(RSA)?;
//! let mut paper = PrivateKey::<XWing>::generate(&mut SysRng)?;
//! let public = BothPublicKeys::new(token.public_key().clone(), paper.public_key()?);
//!
//! let (message, context) = ([7; 65], [1; 32]);
//! let mut wrapped = vec![0; public.algorithm().wrapped_len(message.len())];
//! public.wrap(&message, &context, &mut SysRng, &mut wrapped)?;
//!
//! let mut out = [0; 65];
//! let mut both = Both::new(&public, &mut token, &mut paper);
//! assert_eq!(both.unwrap_key(&wrapped, &context, &mut SysRng, &mut out)?, 65);
//! assert_eq!(out, message);
//! # const RSA: &[u8] = include_bytes!("../tests/vectors/sealed-domain/keys/a.p8");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::convert::Infallible;
use core::fmt;
use core::hint::black_box;

use crate::aead::{self, TAG_LEN};
use crate::ct::{Mask, eq_bytes};
use crate::custodian::{
    Algorithm, CustodianId, Identity, MAX_MESSAGE_LEN, PostQuantum, Recipient, UnwrapError,
    WrapError,
};
use crate::hardened::{Fault, Verdict, copy};
use crate::kem::{self, Kem};
use crate::labels::Purpose;
use crate::rng::{self, Generator};
use crate::rsa;
use crate::secret::{Secret, wipe};

/// The length of what is wrapped to the RSA key: a digest, then a secret.
const FIRST_LEN: usize = 64;

/// A kind of key that can be the second of two.
pub trait Second: Kem {
    /// The kind.
    const SECOND: PostQuantum;
}

impl Second for kem::XWing {
    const SECOND: PostQuantum = PostQuantum::XWing;
}

impl Second for kem::MlKem1024P384 {
    const SECOND: PostQuantum = PostQuantum::MlKem1024P384;
}

impl Second for kem::MlKem1024 {
    const SECOND: PostQuantum = PostQuantum::MlKem1024;
}

/// The private half of a custodian's second key, wherever it is stored.
pub trait Decapsulate {
    /// What the device that holds the key may report. It must not depend on the secret.
    type Error;

    /// Fills `shared` with the secret of `ciphertext` as the KEM computes it (RFC 9180 section 4,
    /// `Decap`). Implementations must answer every failure of the decapsulation with
    /// [`UnwrapError::Opaque`].
    ///
    /// Secret: the key, `shared`. Public: `ciphertext`. Leaks: whether it was refused.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`UnwrapError`].
    fn decapsulate(
        &mut self,
        ciphertext: &[u8],
        shared: &mut [u8; 32],
    ) -> Result<(), UnwrapError<Self::Error>>;
}

/// A private key in memory, which no device can fail to use.
impl<K: Kem> Decapsulate for kem::PrivateKey<K> {
    type Error = Infallible;

    fn decapsulate(
        &mut self,
        ciphertext: &[u8],
        shared: &mut [u8; 32],
    ) -> Result<(), UnwrapError<Infallible>> {
        K::burning(move || {
            let mut secret = Secret::zeroed();
            kem::PrivateKey::decapsulate(self, ciphertext, &mut secret)?;
            Ok(copy(shared, secret.expose())?)
        })
    }
}

/// The public halves of two keys that are both needed.
#[derive(Clone, Debug)]
pub struct BothPublicKeys<K: Second> {
    rsa: rsa::PublicKey,
    other: kem::PublicKey<K>,
}

impl<K: Second> BothPublicKeys<K> {
    /// Joins the two keys of one custodian.
    pub const fn new(rsa: rsa::PublicKey, other: kem::PublicKey<K>) -> Self {
        Self { rsa, other }
    }

    /// Returns the RSA key.
    pub const fn rsa(&self) -> &rsa::PublicKey {
        &self.rsa
    }

    /// Returns the other key.
    pub const fn other(&self) -> &kem::PublicKey<K> {
        &self.other
    }

    /// The ids of both keys, one after the other.
    fn ids(&self) -> [u8; 64] {
        let mut ids = [0; 64];
        let both = [self.rsa.id(), self.other.id()];
        let bytes = both.iter().flat_map(CustodianId::as_bytes);
        for (to, from) in ids.iter_mut().zip(bytes) {
            *to = *from;
        }
        ids
    }

    /// What the secret under the RSA key is bound to.
    fn bound(&self, context: &[u8]) -> [u8; 32] {
        Purpose::HybridContext.digest([context, &self.ids()])
    }

    /// Derives the key from both secrets.
    ///
    /// Secret: both secrets, `key`. Public: the rest. Leaks: nothing else.
    fn key(
        &self,
        context: &[u8],
        ciphertexts: [&[u8]; 2],
        secrets: [&[u8]; 2],
        key: &mut Secret<32>,
    ) -> Result<(), Fault> {
        let [first, second] = secrets;
        let mut both = Secret::<64>::zeroed();
        let (front, back) = { both.expose_mut().split_at_mut_checked(32) }.ok_or(Fault)?;
        copy(front, first)?;
        copy(back, second)?;
        let digest = Purpose::HybridCiphertexts.digest(ciphertexts);
        let (first, second) = (self.rsa.id(), self.other.id());
        let parts = [&digest[..], first.as_bytes(), second.as_bytes()];
        Purpose::Hybrid.derive(both.expose(), context, parts, key)
    }

    fn wrap_to_both<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        let (first, rest) = { out.split_at_mut_checked(self.rsa.size().bytes()) }.ok_or(Fault)?;
        let mut one = Secret::<FIRST_LEN>::zeroed();
        let (bound, secret) = { one.expose_mut().split_at_mut_checked(32) }.ok_or(Fault)?;
        copy(bound, &self.bound(context))?;
        let again = black_box(self).bound(black_box(context));
        let bound = Verdict::twice(|| eq_bytes(bound, &again)).permit(WrapError::Fault)?;
        let drawn = rng::draw(rng, secret)?;
        self.rsa.wrap(one.expose(), context, rng, first)?;

        let secret = one.expose().last_chunk::<32>().ok_or(Fault)?;
        let first: &[u8] = first;
        kem::sealed_twice::<K, R>(rng, rest, |coins, part| {
            let keys = black_box(self);
            let (second, sealed) =
                { part.split_at_mut_checked(K::SECOND.ciphertext_len()) }.ok_or(Fault)?;
            let (mut two, mut key) = (Secret::zeroed(), Secret::zeroed());
            K::encapsulate(keys.other.as_bytes(), coins, second, &mut two)?;
            let secrets = [black_box(secret).as_slice(), two.expose()];
            keys.key(context, [first, second], secrets, &mut key)?;
            let (sealed, tag) = { sealed.split_last_chunk_mut::<TAG_LEN>() }.ok_or(Fault)?;
            aead::seal(&key, black_box(message), sealed, tag)
        })?;
        drawn.and(bound).spend(WrapError::Fault)
    }
}

impl<K: Second> Recipient for BothPublicKeys<K> {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Both {
            rsa: self.rsa.size(),
            other: K::SECOND,
        }
    }

    fn id(&self) -> CustodianId {
        CustodianId::new(self.algorithm(), &self.ids())
    }

    fn key_ids(&self) -> [Option<CustodianId>; 2] {
        [Some(self.rsa.id()), Some(self.other.id())]
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
            if out.len() != self.algorithm().wrapped_len(message.len()) {
                return Err(WrapError::WrongLength);
            }
            wipe(out);
            self.wrap_to_both(message, context, rng, out)
                .inspect_err(|_| wipe(out))
        })
    }
}

/// The private halves of two keys that are both needed. Either may be in a token.
pub struct Both<'k, K: Second, A, B> {
    public: &'k BothPublicKeys<K>,
    first: &'k mut A,
    second: &'k mut B,
}

impl<'k, K: Second, A: Identity, B: Decapsulate> Both<'k, K, A, B> {
    /// Joins the two private keys of the custodian whose public keys these are.
    pub const fn new(public: &'k BothPublicKeys<K>, first: &'k mut A, second: &'k mut B) -> Self {
        Self {
            public,
            first,
            second,
        }
    }
}

/// Prints the public keys.
impl<K: Second, A, B> fmt::Debug for Both<'_, K, A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Both")
            .field("public", self.public)
            .finish_non_exhaustive()
    }
}

impl<K: Second, A: Identity, B: Decapsulate> Identity for Both<'_, K, A, B> {
    type Error = BothError<A::Error, B::Error>;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Self::Error>> {
        K::burning(move || {
            let (first, rest) = wrapped
                .split_at_checked(self.public.rsa.size().bytes())
                .ok_or(UnwrapError::Opaque)?;
            let (second, sealed) = rest
                .split_at_checked(K::SECOND.ciphertext_len())
                .ok_or(UnwrapError::Opaque)?;
            let (sealed, tag) =
                { sealed.split_last_chunk::<TAG_LEN>() }.ok_or(UnwrapError::Opaque)?;
            let out = out.get_mut(..sealed.len()).ok_or(UnwrapError::Opaque)?;

            let mut one = Secret::<FIRST_LEN>::zeroed();
            let len = { self.first.unwrap_key(first, context, rng, one.expose_mut()) }
                .map_err(|error| error.map(BothError::First))?;
            let mut two = Secret::<32>::zeroed();
            let opened = self.second.decapsulate(second, two.expose_mut());
            rng.progress();
            opened.map_err(|error| error.map(BothError::Second))?;

            let (bound, secret) = { one.expose().split_first_chunk::<32>() }.ok_or(Fault)?;
            let want = self.public.bound(context);
            Verdict::twice(|| Mask::public(len == FIRST_LEN) & eq_bytes(bound, &want))
                .or(UnwrapError::Opaque)?;
            let mut key = Secret::zeroed();
            self.public
                .key(context, [first, second], [secret, two.expose()], &mut key)?;
            Verdict::twice(|| aead::open(&key, sealed, tag, out)).or(UnwrapError::Opaque)?;
            Ok(sealed.len())
        })
    }
}

/// Which of the two keys' devices failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "there are two keys")]
pub enum BothError<A, B> {
    /// The device of the RSA key.
    First(A),
    /// The device of the other key.
    Second(B),
}

impl<A: fmt::Display, B: fmt::Display> fmt::Display for BothError<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First(error) => write!(f, "the RSA key: {error}"),
            Self::Second(error) => write!(f, "the other key: {error}"),
        }
    }
}

impl<A, B> core::error::Error for BothError<A, B>
where
    A: core::error::Error + 'static,
    B: core::error::Error + 'static,
{
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::First(error) => error.source(),
            Self::Second(error) => error.source(),
        }
    }
}
