// SPDX-License-Identifier: MIT OR Apache-2.0
//! The quorum of a security-domain file of Managed HSM. Its custodians are known by the thumbprints
//! of their certificates.

use std::path::{Path, PathBuf};

use security_domain::custodian::{Algorithm, CustodianId};
use security_domain::rsa::ModulusSize;

use super::{Entry, Kept, Member};
use crate::certificate::{CertificateFile, Holder};
use crate::domain::{self, FormatArgs};
use crate::page::Cell;
use crate::report::{Outcome, Refusal};
use crate::{input, show, text};

pub fn read(path: &Path, format: &FormatArgs, certs: &[PathBuf]) -> Outcome<Kept> {
    let bytes = input::read(path)?;
    let document = text::json(&bytes);
    let document = document.as_deref().map_or(bytes.as_slice(), Vec::as_slice);
    let file = domain::read(path, document, format)?.file;
    let mut certificates = Vec::new();
    for path in certs {
        for certificate in CertificateFile::read_each(path)? {
            let parsed = certificate.parse_for_recovery()?;
            certificates.push((path, Holder::recovered(&parsed), parsed.size()));
        }
    }
    let damaged = file.without_share();
    let mut members = Vec::new();
    for (place, thumbprint) in file.custodians().into_iter().enumerate() {
        let own =
            { certificates.iter() }.position(|(_, holder, _)| holder.thumbprint == thumbprint);
        let own = own.map(|place| certificates.swap_remove(place));
        let wrapped = file.wrapped_content_key(&thumbprint);
        let size = own.as_ref().map(|(.., size)| *size);
        let size = size.or_else(|| size_of(wrapped.as_deref()?));
        let size = size.ok_or_else(|| {
            let reason = format!(
                "the key of custodian {thumbprint} is unknown: give its certificate with --certs"
            );
            Refusal::file(path, reason)
        })?;
        let id = CustodianId::from_bytes(*thumbprint.as_bytes());
        members.push(Member {
            index: u8::try_from(place + 1).ok(),
            id,
            name: thumbprint.to_string(),
            algorithm: Algorithm::rsa(size),
            damaged: damaged.contains(&thumbprint),
            certificate: own.map(|(_, holder, _)| holder),
            roster: Entry::default(),
            created: None,
        });
    }
    if let Some((path, holder, _)) = certificates.first() {
        let reason = format!(
            "the certificate {} belongs to no custodian of this file",
            holder.thumbprint
        );
        return Err(Refusal::file(path, reason));
    }
    let facts = vec![
        ("file", Cell::Text(show::path(path))),
        ("sha256", Cell::Text(show::sha256(&bytes))),
        ("format", Cell::text(file.title())),
    ];
    let artifacts = { file.artifacts().into_iter() }
        .map(|artifact| (artifact.tag().to_string(), artifact.ciphertext_len() as u64));
    // A share whose custodian cannot be read is in none of them.
    let unnamed = file.count().saturating_sub(members.len());
    let kept = Kept::new(facts, file.required(), members);
    Ok(Kept {
        damaged: kept.damaged + unnamed,
        artifacts: artifacts.collect(),
        ..kept
    })
}

/// Returns the size of the key that a content key of this length is wrapped to.
fn size_of(wrapped: &[u8]) -> Option<ModulusSize> {
    ModulusSize::from_bits(u32::try_from(wrapped.len()).ok()? * 8)
}
