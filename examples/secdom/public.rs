// SPDX-License-Identifier: MIT OR Apache-2.0
//! Public key files: `SubjectPublicKeyInfo` (RFC 5280 section 4.1) in PEM, DER or bare base64.

use std::path::Path;

use security_domain::custodian::{CustodianId, Recipient};
use security_domain::custodian_key::CustodianKey;
use security_domain::rsa;
use zeroize::Zeroizing;

use crate::kind::{self, FileKind};
use crate::report::{Outcome, Refusal};
use crate::{kem, pem, text};

/// The label of a public key in PEM.
const LABEL: &str = "PUBLIC KEY";

/// A public key of any kind.
pub enum PublicKey {
    Rsa(Box<rsa::PublicKey>),
    Kem(kem::PublicKey),
}

impl PublicKey {
    /// Reads the public key in `path`.
    pub fn read(path: &Path) -> Outcome<Self> {
        Self::of_text(path, &text::read(path)?)
    }

    /// Reads the public key in `bytes`, the text of the file `path`.
    pub fn of_text(path: &Path, bytes: &[u8]) -> Outcome<Self> {
        let none = || {
            let error = "holds no public key in PEM or DER";
            kind::refusal(path, bytes, &FileKind::PublicKey, error)
        };
        let blocks = pem::blocks(bytes);
        let mut blocks = blocks.iter().filter(|block| block.label == LABEL);
        let der = match (blocks.next(), blocks.next()) {
            (Some(block), None) => block.decode().ok_or_else(none)?,
            (Some(_), Some(_)) => {
                return Err(Refusal::file(path, "holds more than one public key"));
            }
            (None, _) => match bytes.first() {
                Some(0x30) => Zeroizing::new(bytes.to_vec()),
                _ => pem::base64(bytes).ok_or_else(none)?,
            },
        };
        if let Some(read) = kem::PublicKey::from_spki_der(&der) {
            return read
                .map(Self::Kem)
                .map_err(|error| Refusal::file(path, error));
        }
        match rsa::PublicKey::from_spki_der(&der) {
            Ok(key) => Ok(Self::Rsa(Box::new(key))),
            Err(rsa::KeyError::Encoding) => Err(none()),
            Err(error) => Err(Refusal::file(path, error)),
        }
    }

    /// Returns a PEM block with the key.
    pub fn pem(&self) -> Outcome<Zeroizing<Vec<u8>>> {
        match self {
            Self::Rsa(key) => {
                let mut der = [0; rsa::PublicKey::SPKI_MAX_LEN];
                let length = key.to_spki_der(&mut der).map_err(Refusal::new)?;
                Ok(pem::encode(LABEL, &der[..length]))
            }
            Self::Kem(key) => Ok(pem::encode(LABEL, key.spki_der())),
        }
    }

    pub fn id(&self) -> CustodianId {
        match self {
            Self::Rsa(key) => key.id(),
            Self::Kem(key) => key.id,
        }
    }

    /// Returns the key as a domain is sealed to it. `path` names it.
    pub fn recipient(self, path: &Path) -> Outcome<CustodianKey> {
        match self {
            Self::Rsa(key) => Ok(CustodianKey::Rsa(*key)),
            Self::Kem(key) => key.recipient().map_err(|error| Refusal::file(path, error)),
        }
    }

    /// Returns the name of the kind.
    pub fn kind(&self) -> String {
        match self {
            Self::Rsa(key) => format!("RSA-{}", key.size().bits()),
            Self::Kem(key) => key.kind.name().into(),
        }
    }
}
