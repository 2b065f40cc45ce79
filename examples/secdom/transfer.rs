// SPDX-License-Identifier: MIT OR Apache-2.0
//! The transfer certificate of the HSM that is restored.

use std::path::PathBuf;

use security_domain::x509::{Certificate, Thumbprint};

use crate::certificate::CertificateFile;
use crate::report::{Outcome, Refusal};
use crate::{ids, show};

/// The certificate, and how it is known to be the HSM's.
#[derive(clap::Args)]
pub struct TransferArgs {
    /// The transfer certificate of the HSM to restore, PEM or DER. Compare its thumbprint with the
    /// HSM's over a separate channel: whoever has its key receives the domain
    #[arg(long, value_name = "PEM")]
    pub sd_exchange_key: PathBuf,
    /// The thumbprint that the HSM shows for its transfer certificate, in base64url as `inspect`
    /// prints it or in hexadecimal digits; another certificate is refused
    #[arg(long, value_name = "THUMBPRINT", value_parser = ids::thumbprint)]
    expect_thumbprint: Option<Thumbprint>,
}

impl TransferArgs {
    pub fn read(&self) -> Outcome<CertificateFile> {
        CertificateFile::read(&self.sd_exchange_key)
    }

    /// Refuses another certificate than the expected one.
    pub fn must_be_expected(&self, certificate: &Certificate<'_>) -> Outcome<()> {
        let have = certificate.thumbprint();
        match self.expect_thumbprint {
            Some(want) if want != have => Err(Refusal::file(
                &self.sd_exchange_key,
                format!("has thumbprint {have}, but {want} is expected"),
            )),
            _ => Ok(()),
        }
    }
}

/// Warns of a transfer key that is not in the HSM alone.
pub fn with_key(transfer: &CertificateFile) -> Option<String> {
    transfer.has_key.then(|| {
        let path = show::path(&transfer.path);
        format!("{path} also holds the private key, which belongs in the HSM only")
    })
}
