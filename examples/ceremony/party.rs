// SPDX-License-Identifier: MIT OR Apache-2.0
//! A party with a key pair: a custodian, or an HSM with its transfer key.

use std::num::NonZeroU64;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use security_domain::rsa::{ModulusSize, PrivateKey};
use security_domain::x509::{self, Certificate, SelfSigned, Thumbprint};
use zeroize::Zeroizing;

use crate::{Outcome, pem, write_new};

/// A key pair with its certificate.
pub struct Party {
    pub key: PrivateKey,
    der: Vec<u8>,
}

impl Party {
    /// Generates a key, signs a certificate with it, and writes both.
    pub fn new(name: &str, key_file: &Path, certificate_file: &Path) -> Outcome<Self> {
        let key = PrivateKey::generate(ModulusSize::Rsa2048, &mut SysRng)?;
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
        let form = SelfSigned {
            common_name: name,
            serial: NonZeroU64::MIN,
            not_before: now,
            not_after: now + 365 * 86_400,
        };
        let mut der = vec![0; x509::SELF_SIGNED_MAX_LEN];
        let length = x509::write_self_signed(&key, &form, &mut SysRng, &mut der)?;
        der.truncate(length);
        let mut pkcs8 = Zeroizing::new([0; PrivateKey::PKCS8_MAX_LEN]);
        let length = key.to_pkcs8_der(&mut *pkcs8)?;
        write_new(key_file, &pem::encode("PRIVATE KEY", &pkcs8[..length]))?;
        write_new(certificate_file, &pem::encode("CERTIFICATE", &der))?;
        Ok(Self { key, der })
    }

    pub fn certificate(&self) -> Outcome<Certificate<'_>> {
        Ok(Certificate::parse(&self.der)?)
    }

    pub fn thumbprint(&self) -> Outcome<Thumbprint> {
        Ok(self.certificate()?.thumbprint())
    }
}
