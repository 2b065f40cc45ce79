// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain file of three custodians, two of whom are needed, and a collector that asks for their
//! shares.

use std::fs;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use security_domain::contribution::SessionPublicKey;
use security_domain::custodian::Recipient;
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::restore_session::{
    ContributeError, Request, Times, VettedRequest, ask, contribute, contribution_len,
};
use security_domain::rng::RngError;
use security_domain::rsa::{PrivateKey, PublicKey};
use security_domain::x509::{Certificate, Thumbprint};

use crate::fixtures::{bytes, certificate_der, path, private_key, thumbprint};

pub const TRANSFER: &str = "stransfer2048";
pub const CREATED: u64 = 1_790_000_000;
pub const EXPIRES: u64 = 1_790_086_400;

/// A second after every request's making, and the one after those that expire at once.
pub const NOW: u64 = CREATED + 1;

pub fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// The domain file of a case.
pub fn text(case: &str) -> Vec<u8> {
    bytes(&format!("valid/{case}/sd.json"))
}

pub fn domain() -> Vec<u8> {
    text("v01-2of3-2048")
}

/// A key of 2048 bits that the vectors use as the session's.
pub fn session_key() -> PrivateKey {
    let keys = path("").parent().unwrap().join("sealed-domain/keys");
    PrivateKey::from_pkcs8_der(&fs::read(keys.join("d.p8")).unwrap()).unwrap()
}

/// The public half of a session's key. The bytes live as long as the test.
pub fn public(key: &PublicKey) -> SessionPublicKey<'static> {
    let mut spki = vec![0; PublicKey::SPKI_MAX_LEN];
    let len = key.to_spki_der(&mut spki).unwrap();
    spki.truncate(len);
    SessionPublicKey::new(key.algorithm(), spki.leak()).unwrap()
}

/// The file of a request about a domain file.
pub fn asked(file: &DomainFile<'_>, key: SessionPublicKey<'_>, seed: u8) -> Vec<u8> {
    let der = certificate_der(TRANSFER);
    let transfer = Certificate::parse(&der).unwrap();
    let times = Times {
        created: CREATED,
        expires: EXPIRES,
    };
    let mut out = [0xaa; Request::MAX_LEN];
    let request = ask(file, &transfer, key, times, &mut rng(seed), &mut out).unwrap();
    request.as_bytes().to_vec()
}

/// A request that is taken to be the collector's.
pub fn compared(request: &[u8]) -> VettedRequest<'_> {
    let request = Request::parse(request).unwrap();
    let shown = request.digest();
    VettedRequest::compared(request, shown).unwrap()
}

/// The contribution of a custodian, by the name of the key.
pub fn contributed(
    file: &DomainFile<'_>,
    request: &[u8],
    name: &str,
) -> Result<Vec<u8>, ContributeError<RngError>> {
    contributed_at(
        file,
        request,
        &thumbprint(name),
        &mut private_key(name),
        NOW,
    )
}

pub fn contributed_at(
    file: &DomainFile<'_>,
    request: &[u8],
    custodian: &Thumbprint,
    key: &mut PrivateKey,
    now: u64,
) -> Result<Vec<u8>, ContributeError<RngError>> {
    let vetted = compared(request);
    let mut out = vec![0xaa; contribution_len(vetted.request())];
    let given = contribute(file, &vetted, custodian, key, now, &mut rng(7), &mut out);
    given
        .map(|given| given.as_bytes().to_vec())
        .inspect_err(|_| {
            let empty = |byte: &u8| [0, 0xaa].contains(byte);
            assert!(
                out.iter().all(empty),
                "nothing is left of a refused contribution"
            );
        })
}
