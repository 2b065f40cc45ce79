// SPDX-License-Identifier: MIT OR Apache-2.0
//! A public key of any kind that this build can wrap to, so that one domain may have custodians of
//! different kinds.

#[cfg(feature = "pq")]
use crate::both::BothPublicKeys;
use crate::custodian::{Algorithm, CustodianId, Recipient, WrapError};
#[cfg(any(feature = "p256", feature = "pq"))]
use crate::kem;
use crate::rng::Generator;
use crate::rsa;

/// A custodian's public key, or two that are both needed.
///
/// A sealing has one type of custodian; with this type they may be of different kinds. It takes as
/// much memory as the largest kind.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CustodianKey {
    /// An RSA key.
    Rsa(rsa::PublicKey),
    /// A key of P-256.
    #[cfg(feature = "p256")]
    P256(kem::PublicKey<kem::P256>),
    /// A key of X-Wing.
    #[cfg(feature = "pq")]
    XWing(kem::PublicKey<kem::XWing>),
    /// A key of MLKEM1024-P384.
    #[cfg(feature = "pq")]
    MlKem1024P384(kem::PublicKey<kem::MlKem1024P384>),
    /// A key of ML-KEM-1024.
    #[cfg(feature = "pq")]
    MlKem1024(kem::PublicKey<kem::MlKem1024>),
    /// An RSA key and a key of X-Wing.
    #[cfg(feature = "pq")]
    RsaAndXWing(BothPublicKeys<kem::XWing>),
    /// An RSA key and a key of MLKEM1024-P384.
    #[cfg(feature = "pq")]
    RsaAndMlKem1024P384(BothPublicKeys<kem::MlKem1024P384>),
    /// An RSA key and a key of ML-KEM-1024.
    #[cfg(feature = "pq")]
    RsaAndMlKem1024(BothPublicKeys<kem::MlKem1024>),
}

/// Does the same with the key of whatever kind.
macro_rules! each {
    ($self:ident, $key:ident => $done:expr) => {
        match $self {
            Self::Rsa($key) => $done,
            #[cfg(feature = "p256")]
            Self::P256($key) => $done,
            #[cfg(feature = "pq")]
            Self::XWing($key) => $done,
            #[cfg(feature = "pq")]
            Self::MlKem1024P384($key) => $done,
            #[cfg(feature = "pq")]
            Self::MlKem1024($key) => $done,
            #[cfg(feature = "pq")]
            Self::RsaAndXWing($key) => $done,
            #[cfg(feature = "pq")]
            Self::RsaAndMlKem1024P384($key) => $done,
            #[cfg(feature = "pq")]
            Self::RsaAndMlKem1024($key) => $done,
        }
    };
}

impl Recipient for CustodianKey {
    fn algorithm(&self) -> Algorithm {
        each!(self, key => key.algorithm())
    }

    fn id(&self) -> CustodianId {
        each!(self, key => key.id())
    }

    fn key_ids(&self) -> [Option<CustodianId>; 2] {
        each!(self, key => key.key_ids())
    }

    fn wrap<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        each!(self, key => key.wrap(message, context, rng, out))
    }
}
