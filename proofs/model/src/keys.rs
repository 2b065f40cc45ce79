// SPDX-License-Identifier: MIT OR Apache-2.0
//! The custodians, with keys of DHKEM P-256, and what they answer.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use security_domain::contribution::{Request, VettedRequest, contribute, contribution_len};
use security_domain::custodian::Recipient;
use security_domain::drill::{Challenge, Response, respond};
use security_domain::kem::{P256, PrivateKey, PublicKey};
use security_domain::sealed_domain::{DomainShare, Epoch, ExpectedDomain, SealedDomain};

/// The number of custodians of a quorum, and how many of them are needed.
pub const COUNT: usize = 3;
pub const THRESHOLD: u8 = 2;

/// Which quorum a custodian is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quorum {
    Old,
    New,
}

pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn private(quorum: Quorum, place: usize) -> PrivateKey<P256> {
    PrivateKey::from_seed(&[(quorum as u8) * 16 + place as u8 + 1; 32]).unwrap()
}

pub fn public(quorum: Quorum) -> Vec<PublicKey<P256>> {
    let keys = (0..COUNT).map(|place| private(quorum, place).public_key().unwrap());
    keys.collect()
}

/// The share of a custodian in this file.
pub fn share(file: &SealedDomain<'_>, quorum: Quorum, place: usize) -> DomainShare {
    let mut key = private(quorum, place);
    let id = key.public_key().unwrap().id();
    file.unwrap_share(id, &mut key, &mut rng(0)).unwrap()
}

pub fn expect(file: &SealedDomain<'_>) -> ExpectedDomain {
    ExpectedDomain::new(file.header().domain_id(), Epoch::FIRST)
}

/// What a custodian of `file` answers to a request, as read from the HSM.
pub fn consent(file: &[u8], quorum: Quorum, place: usize, request: &[u8]) -> Vec<u8> {
    let file = SealedDomain::parse(file).unwrap();
    let request = Request::parse(request).unwrap();
    let shown = request.digest();
    let vetted = VettedRequest::compared(request, shown).unwrap();
    let mut out = vec![0; contribution_len(vetted.request())];
    let share = share(&file, quorum, place);
    let rng = &mut rng(place as u64);
    contribute(&file, &expect(&file), &vetted, &share, 0, rng, &mut out).unwrap();
    out
}

/// What a custodian of `file` answers to a challenge.
pub fn response(file: &[u8], quorum: Quorum, place: usize, challenge: &[u8]) -> Vec<u8> {
    let file = SealedDomain::parse(file).unwrap();
    let challenge = Challenge::parse(challenge).unwrap();
    let mut key = private(quorum, place);
    let id = key.public_key().unwrap().id();
    let rng = &mut rng(place as u64);
    let value = challenge.unwrap_value(&file, id, &mut key, rng).unwrap();
    let share = share(&file, quorum, place);
    let mut out = vec![0; Response::MAX_LEN];
    let expect = expect(&file);
    let response = respond(
        &file,
        &expect,
        &challenge,
        &share,
        Some(&value),
        rng,
        &mut out,
    );
    response.unwrap().as_bytes().to_vec()
}

/// Whether this file opens to these custodians' shares.
pub fn opens(file: &[u8], quorum: Quorum, places: &[usize]) -> bool {
    let file = SealedDomain::parse(file).unwrap();
    let shares: Vec<_> = places
        .iter()
        .map(|place| share(&file, quorum, *place))
        .collect();
    let shares: Vec<_> = shares.iter().collect();
    let mut out = vec![0; file.opened_len()];
    file.open(&expect(&file), &shares, &mut out).is_ok()
}
