// SPDX-License-Identifier: MIT OR Apache-2.0
//! Import: a restore blob of the interchange becomes an HSM's domain. The artifacts, the transfer key and
//! the digests by which the operator knows an artifact are secret.

use security_domain::lifecycle::{
    AnyDomain, ExpectedArtifact, LifecycleError, MAX_IMPORT_FAILURES,
};
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::restore_blob::{self, RestoreBlob};
use security_domain::rsa::ModulusSize;
use security_domain::sealed_domain::{ArtifactTag, DomainId, SealedDomain};
use security_domain::x509::{Certificate, SELF_SIGNED_MAX_LEN};

use crate::Operation;
use crate::domain::Masking;
use crate::flash::Flash;
use crate::lifecycle::{activation, check, empty, start, vault};
use crate::managed_hsm::{self, ARTIFACT};
use crate::rng::SecretRng;
use crate::valgrind::{hidden, reveal, revealed};

pub const OPERATIONS: &[Operation] = &[
    ("lifecycle: import, confirm, seal", import),
    ("lifecycle: import of another artifact", refuse),
];

/// SHA-256 of [`ARTIFACT`].
const DIGEST: [u8; 32] = [
    0x98, 0x35, 0xfa, 0x6b, 0xf4, 0xe2, 0x0a, 0x9b, 0x9e, 0xa8, 0x12, 0x50, 0x63, 0x02, 0xe9, 0x89,
    0x82, 0x72, 0x1a, 0x6c, 0xf8, 0xd2, 0xca, 0xe6, 0x7a, 0xf5, 0x71, 0x29, 0xbf, 0x21, 0xae, 0x90,
];

/// SHA-256 of nothing.
const EMPTY: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// A restore blob for the transfer key that this certificate has.
fn blob(certificate: &[u8]) -> Vec<u8> {
    let file = managed_hsm::domain();
    let file = DomainFile::parse(&file).unwrap();
    let shares = [0, 1].map(|custodian| managed_hsm::share(&file, custodian));
    let combined = file.combine(&shares).unwrap();
    let transfer = Certificate::parse(certificate).unwrap();
    let mut blob = vec![0; restore_blob::encoded_len(&file, &transfer)];
    let (key, rng) = (combined.master_key(), &mut SecretRng(80));
    restore_blob::write(&file, key, &transfer, rng, &mut blob).unwrap();
    reveal(&mut blob);
    blob
}

/// What an HSM that expects `digest` of the first artifact makes of a blob.
fn imported(host: &mut Flash, digest: [u8; 32]) -> Result<(), LifecycleError> {
    let expected = [("a", Some(hidden(digest))), ("b", None)].map(|(tag, digest)| {
        let tag = ArtifactTag::new(tag).unwrap();
        ExpectedArtifact { tag, digest }
    });
    let mut vault = vault();
    let mut certificate = [0; SELF_SIGNED_MAX_LEN];
    let (domain, len) = empty(&mut vault, host)
        .begin_import(
            ModulusSize::Rsa2048,
            &expected,
            None,
            host,
            &mut certificate,
        )
        .unwrap();
    drop(domain);
    let certificate = &mut certificate[..len];
    reveal(certificate);
    let blob = blob(certificate);
    let AnyDomain::Importing(domain) = start(&mut vault, host) else {
        panic!("it waits for a blob");
    };
    let blob = RestoreBlob::parse(&blob).unwrap();
    drop(
        domain
            .import(&blob, host)
            .map_err(|refused| refused.error)?,
    );
    let AnyDomain::Imported(domain) = start(&mut vault, host) else {
        panic!("it waits to be confirmed");
    };
    let shown = domain.status().domain.unwrap();
    let named = DomainId::from_bytes(revealed(shown.as_bytes()));
    let (tag, digest) = (ArtifactTag::new("b").unwrap(), Some(hidden(EMPTY)));
    let digests = [ExpectedArtifact { tag, digest }];
    let domain = domain.confirm(named, &digests, host).unwrap();
    let keys = [1, 2, 3].map(Masking);
    let activation = activation(&keys);
    let mut file = vec![0; domain.sealed_len(&activation).unwrap()];
    let (domain, len) = domain.seal(&activation, host, &mut file).unwrap();
    file.truncate(len);
    reveal(&mut file);
    let stored = SealedDomain::parse(&file).unwrap();
    drop(domain.activate(&stored, host).unwrap());
    check(&mut vault, host, &[("a", &ARTIFACT), ("b", &[])]);
    Ok(())
}

fn import() {
    assert_eq!(imported(&mut Flash::transparent(81), DIGEST), Ok(()));
}

fn refuse() {
    let mut other = DIGEST;
    other[31] ^= 1;
    let left = MAX_IMPORT_FAILURES - 1;
    let refused = imported(&mut Flash::transparent(82), other);
    assert_eq!(refused, Err(LifecycleError::Import { left }));
}
