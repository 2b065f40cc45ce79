// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two keys of one custodian that are both needed: an RSA key, and one that withstands a quantum
//! computer.

use std::path::Path;

use security_domain::both::{Both, BothError, BothPublicKeys, Second};
use security_domain::custodian::{CustodianId, Identity, Recipient, UnwrapError};
use security_domain::custodian_key::CustodianKey;
use security_domain::kem::{MlKem1024, MlKem1024P384, PrivateKey, XWing};
use security_domain::rng::Generator;
use security_domain::rsa;
use zeroize::Zeroizing;

use crate::kem::{self, Kind};
use crate::key::{self, DeviceError};
use crate::public::PublicKey;
use crate::report::{Outcome, Refusal};
use crate::token::RsaKey;

/// Joins two public keys of one custodian, in either order, as a domain is sealed to them.
/// `argument` names both.
pub fn recipient(argument: &Path, keys: [PublicKey; 2]) -> Outcome<CustodianKey> {
    let kinds = keys.each_ref().map(PublicKey::kind);
    let ([PublicKey::Rsa(rsa), PublicKey::Kem(other)]
    | [PublicKey::Kem(other), PublicKey::Rsa(rsa)]) = keys
    else {
        return Err(wrong_kinds(argument, &kinds));
    };
    let key = { other.recipient_with(*rsa) }.map_err(|error| Refusal::file(argument, error))?;
    key.ok_or_else(|| wrong_kinds(argument, &kinds))
}

/// The refusal of two keys that no custodian has together.
pub fn wrong_kinds(argument: &Path, kinds: &[String]) -> Refusal {
    let kinds = kinds.join(" and ");
    Refusal::file(
        argument,
        format!(
            "the keys are {kinds}; two that are both needed are an RSA key and one of X-Wing, \
             MLKEM1024-P384 or ML-KEM-1024"
        ),
    )
}

/// The RSA key of two.
pub enum Rsa {
    Key(Box<rsa::PrivateKey>),
    /// The public key, and what the token that has the private key decrypted.
    Answer(Box<rsa::PublicKey>, Zeroizing<Vec<u8>>),
    Token(Box<RsaKey>),
}

impl Rsa {
    pub fn public(&self) -> &rsa::PublicKey {
        match self {
            Self::Key(key) => key.public_key(),
            Self::Answer(key, _) => key,
            Self::Token(key) => key.public(),
        }
    }
}

impl Identity for Rsa {
    type Error = DeviceError;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<DeviceError>> {
        match self {
            Self::Key(key) => {
                { key.unwrap_key(wrapped, context, rng, out) }.map_err(key::in_memory)
            }
            Self::Token(key) => key.unwrap_key(wrapped, context, rng, out),
            Self::Answer(_, answer) => {
                let place = { out.get_mut(..answer.len()) }.ok_or(UnwrapError::Opaque)?;
                place.copy_from_slice(answer);
                Ok(answer.len())
            }
        }
    }
}

/// The private keys of one custodian.
pub struct PrivateKeys {
    rsa: Rsa,
    other: kem::PrivateKey,
    id: CustodianId,
}

impl PrivateKeys {
    /// Joins two keys, whose [`id`] is given.
    pub fn new(rsa: Rsa, other: kem::PrivateKey, id: CustodianId) -> Self {
        Self { rsa, other, id }
    }

    pub fn id(&self) -> CustodianId {
        self.id
    }

    /// Sets what the token that has the RSA key decrypted next; nothing changes if the key is here.
    pub fn answer(&mut self, next: Zeroizing<Vec<u8>>) {
        if let Rsa::Answer(_, answer) = &mut self.rsa {
            *answer = next;
        }
    }

    pub fn kind(&self) -> String {
        format!(
            "RSA-{} and {}",
            self.rsa.public().size().bits(),
            self.other.kind.name()
        )
    }
}

/// Returns the id of a custodian with two keys; nothing if they are of the wrong kinds.
pub fn id(rsa: &rsa::PublicKey, other: &kem::PrivateKey) -> Option<CustodianId> {
    let other = other.public_key().ok()?;
    let both = other.recipient_with(rsa.clone()).ok()??;
    Some(both.id())
}

impl Identity for PrivateKeys {
    type Error = DeviceError;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<DeviceError>> {
        let Self { rsa, other, .. } = self;
        match other.kind {
            Kind::P256 => Err(UnwrapError::Fault),
            Kind::XWing => unwrap::<XWing, R>(rsa, other, wrapped, context, rng, out),
            Kind::MlKem1024P384 => {
                unwrap::<MlKem1024P384, R>(rsa, other, wrapped, context, rng, out)
            }
            Kind::MlKem1024 => unwrap::<MlKem1024, R>(rsa, other, wrapped, context, rng, out),
        }
    }
}

fn unwrap<K: Second, R: Generator + ?Sized>(
    rsa: &mut Rsa,
    other: &kem::PrivateKey,
    wrapped: &[u8],
    context: &[u8],
    rng: &mut R,
    out: &mut [u8],
) -> Result<usize, UnwrapError<DeviceError>> {
    let mut other = PrivateKey::<K>::from_seed(other.seed()).map_err(|_| UnwrapError::Fault)?;
    let public = other.public_key().map_err(|_| UnwrapError::Fault)?;
    let public = BothPublicKeys::new(rsa.public().clone(), public);
    let mut both = Both::new(&public, rsa, &mut other);
    both.unwrap_key(wrapped, context, rng, out)
        .map_err(|error| match error {
            UnwrapError::Opaque => UnwrapError::Opaque,
            UnwrapError::Device(BothError::First(error)) => UnwrapError::Device(error),
            UnwrapError::Device(BothError::Second(never)) => match never {},
            _ => UnwrapError::Fault,
        })
}
