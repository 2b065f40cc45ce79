// SPDX-License-Identifier: MIT OR Apache-2.0
//! A build without PKCS#11, which refuses every token.

use security_domain::custodian::{Identity, UnwrapError};
use security_domain::kem::{self, P256};
use security_domain::rng::Generator;
use security_domain::rsa;
use zeroize::Zeroizing;

use super::{TokenKey, Uri};
use crate::key::DeviceError;
use crate::report::{Outcome, Refusal};

/// A token that was found. There is none.
pub enum Token {}

impl Token {
    pub fn find(uri: &Uri) -> Outcome<Self> {
        let reason = "this secdom is built without PKCS#11: build it on Unix with cargo's --features pkcs11, or \
                      --all-features";
        Err(Refusal::file(&uri.name(), reason))
    }

    pub fn certificates(&self) -> Outcome<Vec<Zeroizing<Vec<u8>>>> {
        match *self {}
    }

    pub fn open(self, _password: Option<&[u8]>) -> Outcome<TokenKey> {
        match self {}
    }
}

/// A private RSA key in a token. There is none.
pub enum RsaKey {}

impl RsaKey {
    pub fn public(&self) -> &rsa::PublicKey {
        match *self {}
    }
}

/// A private key of P-256 in a token. There is none.
pub enum CurveKey {}

impl CurveKey {
    pub fn public(&self) -> &kem::PublicKey<P256> {
        match *self {}
    }
}

macro_rules! identity {
    ($key:ty) => {
        impl Identity for $key {
            type Error = DeviceError;

            fn unwrap_key<R: Generator + ?Sized>(
                &mut self,
                _wrapped: &[u8],
                _context: &[u8],
                _rng: &mut R,
                _out: &mut [u8],
            ) -> Result<usize, UnwrapError<DeviceError>> {
                match *self {}
            }
        }
    };
}

identity!(RsaKey);
identity!(CurveKey);
