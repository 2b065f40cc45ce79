// SPDX-License-Identifier: MIT OR Apache-2.0
//! Custodians' keys that are not RSA keys, of any kind.

use getrandom::SysRng;
use security_domain::both::BothPublicKeys;
use security_domain::custodian::{CustodianId, Identity, Recipient, UnwrapError};
use security_domain::custodian_key::CustodianKey;
use security_domain::kem::{self, KeyError, MlKem1024, MlKem1024P384, P256, XWing};
use security_domain::rng::{Generator, RngError};
use security_domain::rsa;
use zeroize::Zeroizing;

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    P256,
    XWing,
    MlKem1024P384,
    MlKem1024,
}

/// Evaluates an expression with the kind as the type `$K`.
macro_rules! with {
    ($kind:expr, $K:ident => $value:expr) => {
        match $kind {
            Kind::P256 => {
                type $K = P256;
                $value
            }
            Kind::XWing => {
                type $K = XWing;
                $value
            }
            Kind::MlKem1024P384 => {
                type $K = MlKem1024P384;
                $value
            }
            Kind::MlKem1024 => {
                type $K = MlKem1024;
                $value
            }
        }
    };
}

impl Kind {
    const ALL: [Self; 4] = [
        Self::P256,
        Self::XWing,
        Self::MlKem1024P384,
        Self::MlKem1024,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::XWing => "X-Wing",
            Self::MlKem1024P384 => "MLKEM1024-P384",
            Self::MlKem1024 => "ML-KEM-1024",
        }
    }
}

/// The longest key in DER.
const MAX_DER: usize = 2048;

/// A private key, valid: the seed.
pub struct PrivateKey {
    pub kind: Kind,
    seed: Zeroizing<Vec<u8>>,
}

impl PrivateKey {
    pub fn generate(kind: Kind) -> Result<Self, RngError> {
        let seed = with!(kind, K => kem::PrivateKey::<K>::generate(&mut SysRng)
            .map(|key| Zeroizing::new(key.expose_seed().to_vec())));
        seed.map(|seed| Self { kind, seed })
    }

    pub fn from_seed(kind: Kind, seed: &[u8]) -> Result<Self, KeyError> {
        with!(kind, K => kem::PrivateKey::<K>::from_seed(seed).map(|_| ()))?;
        let seed = Zeroizing::new(seed.to_vec());
        Ok(Self { kind, seed })
    }

    /// Reads PKCS#8; `None` if it is of no kind.
    pub fn from_pkcs8_der(der: &[u8]) -> Option<Result<Self, KeyError>> {
        let read = |kind: Kind| {
            let seed = with!(kind, K => kem::PrivateKey::<K>::from_pkcs8_der(der)
                .map(|key| Zeroizing::new(key.expose_seed().to_vec())));
            match seed {
                Ok(seed) => Some(Ok(Self { kind, seed })),
                Err(KeyError::Encoding) => None,
                Err(error) => Some(Err(error)),
            }
        };
        Kind::ALL.into_iter().find_map(read)
    }

    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let mut der = Zeroizing::new(vec![0; MAX_DER]);
        let length = with!(self.kind, K => {
            kem::PrivateKey::<K>::from_seed(&self.seed).and_then(|key| key.to_pkcs8_der(&mut der))
        })?;
        der.truncate(length);
        Ok(der)
    }

    pub fn seed(&self) -> &[u8] {
        &self.seed
    }

    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        with!(self.kind, K => {
            let key = kem::PrivateKey::<K>::from_seed(&self.seed)?.public_key()?;
            PublicKey::of(self.kind, &key)
        })
    }
}

/// A public key, valid.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub kind: Kind,
    pub id: CustodianId,
    spki: Vec<u8>,
}

impl PublicKey {
    fn of<K: kem::Kem>(kind: Kind, key: &kem::PublicKey<K>) -> Result<Self, KeyError> {
        let mut spki = vec![0; MAX_DER];
        let length = key.to_spki_der(&mut spki)?;
        spki.truncate(length);
        let id = key.id();
        Ok(Self { kind, id, spki })
    }

    /// Reads a `SubjectPublicKeyInfo`; `None` if it is of no kind.
    pub fn from_spki_der(der: &[u8]) -> Option<Result<Self, KeyError>> {
        let read = |kind: Kind| {
            let key = with!(kind, K => {
                kem::PublicKey::<K>::from_spki_der(der).and_then(|key| Self::of(kind, &key))
            });
            match key {
                Err(KeyError::Encoding) => None,
                read => Some(read),
            }
        };
        Kind::ALL.into_iter().find_map(read)
    }

    /// Returns the key as a domain is sealed to it.
    pub fn recipient(&self) -> Result<CustodianKey, KeyError> {
        let der = self.spki.as_slice();
        Ok(match self.kind {
            Kind::P256 => CustodianKey::P256(kem::PublicKey::from_spki_der(der)?),
            Kind::XWing => CustodianKey::XWing(kem::PublicKey::from_spki_der(der)?),
            Kind::MlKem1024P384 => CustodianKey::MlKem1024P384(kem::PublicKey::from_spki_der(der)?),
            Kind::MlKem1024 => CustodianKey::MlKem1024(kem::PublicKey::from_spki_der(der)?),
        })
    }

    /// Returns this key and `rsa` as one custodian's, both needed; nothing for a kind that is no
    /// second key.
    pub fn recipient_with(&self, rsa: rsa::PublicKey) -> Result<Option<CustodianKey>, KeyError> {
        let der = self.spki.as_slice();
        Ok(Some(match self.kind {
            Kind::P256 => return Ok(None),
            Kind::XWing => {
                let other = kem::PublicKey::from_spki_der(der)?;
                CustodianKey::RsaAndXWing(BothPublicKeys::new(rsa, other))
            }
            Kind::MlKem1024P384 => {
                let other = kem::PublicKey::from_spki_der(der)?;
                CustodianKey::RsaAndMlKem1024P384(BothPublicKeys::new(rsa, other))
            }
            Kind::MlKem1024 => {
                let other = kem::PublicKey::from_spki_der(der)?;
                CustodianKey::RsaAndMlKem1024(BothPublicKeys::new(rsa, other))
            }
        }))
    }

    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }
}

impl Identity for PrivateKey {
    type Error = RngError;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<RngError>> {
        let unwrapped = with!(self.kind, K => {
            let mut key = kem::PrivateKey::<K>::from_seed(&self.seed).map_err(|_| UnwrapError::Fault)?;
            key.unwrap_key(wrapped, context, rng, out)
        });
        unwrapped.map_err(|error| match error {
            UnwrapError::Opaque => UnwrapError::Opaque,
            UnwrapError::Device(never) => match never {},
            _ => UnwrapError::Fault,
        })
    }
}
