// SPDX-License-Identifier: MIT OR Apache-2.0
//! Those to whom a domain of the crate's own format is sealed: certificates and public keys, of any kinds.

use std::path::PathBuf;

use security_domain::custodian::Recipient;
use security_domain::custodian_key::CustodianKey;

use crate::certificate::{self, CertificateFile, Holder};
use crate::inspect::Custodian;
use crate::kind::FileKind;
use crate::public::PublicKey;
use crate::report::Outcome;
use crate::{show, text};

/// Reads certificates and public keys, which must all be different keys. Returns the keys, and what is shown of each.
pub fn read(paths: &[PathBuf]) -> Outcome<(Vec<CustodianKey>, Vec<Custodian>)> {
    let (mut keys, mut shown) = (Vec::<CustodianKey>::new(), Vec::new());
    for path in paths {
        let bytes = text::read(path)?;
        let (key, custodian) = if FileKind::of_decoded(&bytes) == FileKind::PublicKey {
            let public = PublicKey::of_text(path, &bytes)?;
            let (kind, id) = (public.kind(), public.id());
            let taken = format!("{}: {id}  {kind}", show::path(path));
            let key = public.recipient(path)?;
            (
                key,
                Custodian {
                    taken,
                    holder: None,
                },
            )
        } else {
            let file = CertificateFile::of_text(path, &bytes)?;
            let certificate = file.parse()?;
            let key = CustodianKey::Rsa(certificate.public_key().clone());
            (key, Custodian::of(&file, Holder::of(&certificate)))
        };
        let id = key.id();
        if let Some(earlier) = keys.iter().position(|other| other.id() == id) {
            return Err(certificate::same_key(path, &paths[earlier]));
        }
        keys.push(key);
        shown.push(custodian);
    }
    Ok((keys, shown))
}
