// SPDX-License-Identifier: MIT OR Apache-2.0
//! The quorum of a sealed domain.

use std::path::{Path, PathBuf};

use security_domain::sealed_domain::{
    BirthCommitment, DomainId, Epoch, HeaderDigest, ModuleVersion,
};

use super::{Entry, Kept, Member};
use crate::ledger::ExpectArgs;
use crate::names::CertsArg;
use crate::of::SealedFile;
use crate::page::Cell;
use crate::report::{Outcome, Refusal};
use crate::{floor, input, ledger, show};

/// Which sealed domain it is.
pub struct Sealed {
    pub domain: DomainId,
    pub epoch: Epoch,
    pub header: HeaderDigest,
    /// The lowest version of a module that opens it.
    pub minimum: ModuleVersion,
    pub pending: bool,
}

/// Reads a sealed domain, and the log of an HSM that has it.
pub fn read(
    of: &SealedFile<'_>,
    certs: &CertsArg,
    log: Option<&Path>,
    checkpoint: &[PathBuf],
) -> Outcome<Kept> {
    let bytes = input::read(of.path)?;
    let file = of.parse(&bytes)?;
    let header = file.header();
    let certificates = certs.holders()?;
    let changed: Vec<_> = file.changed().map(|custodian| custodian.id).collect();
    let created = Some(header.created()).filter(|created| *created != 0);
    let mut members: Vec<Member> = { header.custodians() }
        .map(|custodian| Member {
            index: Some(custodian.index.get()),
            id: custodian.id,
            name: custodian.id.to_string(),
            algorithm: custodian.algorithm,
            damaged: changed.contains(&custodian.id),
            certificate: None,
            roster: Entry::default(),
            created,
        })
        .collect();
    for (path, id, holder) in certificates {
        match members.iter_mut().find(|member| member.id == id) {
            Some(member) => member.certificate = holder,
            None => {
                let reason = format!("custodian {id} has no share of this domain");
                return Err(Refusal::file(&path, reason));
            }
        }
    }
    let committed = *header.commitment() != BirthCommitment::NONE;
    let domain = vec![
        ("file", Cell::Text(show::path(of.path))),
        ("sha256", Cell::Text(show::sha256(&bytes))),
        ("format", Cell::text("sealed domain, version 1")),
        ("suite", Cell::Number(header.suite().code().into())),
        ("domain-id", Cell::text(header.domain_id())),
        ("label", Cell::foreign(header.label().as_str())),
        ("epoch", Cell::Number(u64::from(header.epoch().get()))),
        ("header-digest", Cell::text(header.digest())),
        ("created", Cell::time(created)),
        ("instance-id", Cell::text(header.instance())),
        ("module", Cell::Text(floor::words(header.module_floor()))),
        (
            "pq-identity",
            Cell::text(if committed { "yes" } else { "no" }),
        ),
    ];
    let artifacts = { header.artifacts() }
        .map(|(tag, size)| (tag.as_str().to_owned(), u64::from(size)))
        .collect();
    let sealed = Sealed {
        domain: header.domain_id(),
        epoch: header.epoch(),
        header: header.digest(),
        minimum: header.module_floor().minimum,
        pending: file.is_pending(),
    };
    let log = log.map(|path| {
        let expect = ExpectArgs {
            expect_domain: Some(sealed.domain),
            checkpoint: checkpoint.to_vec(),
            ..ExpectArgs::default()
        };
        ledger::read(path, &expect)
    });
    let threshold = header.quorum().threshold().get();
    Ok(Kept {
        sealed: Some(sealed),
        log: log.transpose()?,
        artifacts,
        ..Kept::new(domain, threshold, members)
    })
}
