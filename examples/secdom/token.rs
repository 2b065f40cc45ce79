// SPDX-License-Identifier: MIT OR Apache-2.0
//! Custodians' keys in tokens that have a PKCS#11 module (OASIS PKCS#11 2.40). They are there if
//! the tool is built with the feature `pkcs11`.

#[cfg(not(all(unix, feature = "pkcs11")))]
mod absent;
#[cfg(all(unix, feature = "pkcs11"))]
mod pkcs11;
mod uri;

use security_domain::custodian::{CustodianId, Identity, Recipient, UnwrapError};
use security_domain::rng::Generator;
use security_domain::rsa;

use crate::key::DeviceError;

#[cfg(not(all(unix, feature = "pkcs11")))]
pub use absent::{CurveKey, RsaKey, Token};
#[cfg(all(unix, feature = "pkcs11"))]
pub use pkcs11::{CurveKey, RsaKey, Token};
pub use uri::{Uri, is_uri};

/// A private key in a token whose user is logged in.
#[cfg_attr(not(all(unix, feature = "pkcs11")), allow(dead_code))]
pub enum TokenKey {
    Rsa(Box<RsaKey>),
    P256(Box<CurveKey>),
}

impl TokenKey {
    /// Returns the public key, if it is an RSA key.
    pub fn rsa(&self) -> Option<&rsa::PublicKey> {
        match self {
            Self::Rsa(key) => Some(key.public()),
            Self::P256(_) => None,
        }
    }

    pub fn id(&self) -> CustodianId {
        match self {
            Self::Rsa(key) => key.public().id(),
            Self::P256(key) => key.public().id(),
        }
    }
}

impl Identity for TokenKey {
    type Error = DeviceError;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<DeviceError>> {
        match self {
            Self::Rsa(key) => key.unwrap_key(wrapped, context, rng, out),
            Self::P256(key) => key.unwrap_key(wrapped, context, rng, out),
        }
    }
}
