// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain of three custodians, two of whom are needed, and an HSM that asks for their shares.

use std::cell::RefCell;
use std::fs;

use security_domain::contribution::{
    ContributeError, Contribution, ContributionError, Request, RequestDigest, SessionId,
    SessionPublicKey, SessionPurpose, VettedRequest, contribute, contribution_len,
};
use security_domain::custodian::{CustodianId, Identity, Recipient};
use security_domain::hazmat::contribution::{Asking, open_contribution};
use security_domain::rng::RngError;
use security_domain::rsa::{PrivateKey, PublicKey};
use security_domain::sealed_domain::{
    DomainShare, Epoch, ExpectedDomain, InstanceId, LedgerHead, ModuleVersion, Root, SealedDomain,
};

use crate::sealed::{FastKey, fast_keys, rng, sealed, share, vectors};

/// One of the RSA-2048 keys beside the vectors.
pub fn rsa(name: &str) -> PrivateKey {
    let der = fs::read(vectors().join(format!("keys/{name}.p8"))).unwrap();
    PrivateKey::from_pkcs8_der(&der).unwrap()
}

/// One of the RSA test keys of a size.
pub fn rsa_of(bits: u32) -> PrivateKey {
    let keys = vectors().parent().unwrap().join("rsa/keys");
    let der = fs::read(keys.join(format!("{bits}.pkcs8.der"))).unwrap();
    PrivateKey::from_pkcs8_der(&der).unwrap()
}

/// A transfer key for a request. The bytes live as long as the test.
pub fn session_key(key: &PublicKey) -> SessionPublicKey<'static> {
    let mut spki = vec![0; PublicKey::SPKI_MAX_LEN];
    let len = key.to_spki_der(&mut spki).unwrap();
    spki.truncate(len);
    SessionPublicKey::new(key.algorithm(), spki.leak()).unwrap()
}

pub struct World {
    pub root: Root,
    pub file: Vec<u8>,
    pub keys: Vec<FastKey>,
    pub transfer: RefCell<PrivateKey>,
}

impl World {
    pub fn new(seed: u8) -> Self {
        let keys = fast_keys(3);
        let (root, file) = sealed(seed, &keys, 2);
        Self {
            root,
            file,
            keys,
            transfer: RefCell::new(rsa("d")),
        }
    }

    pub fn sealed(&self) -> SealedDomain<'_> {
        SealedDomain::parse(&self.file).unwrap()
    }

    pub fn share(&self, place: usize) -> DomainShare {
        share(&self.sealed(), &self.keys[place])
    }

    pub fn id(&self, place: usize) -> CustodianId {
        self.keys[place].id()
    }

    pub fn expect(&self) -> ExpectedDomain {
        ExpectedDomain::new(self.root.domain_id().unwrap(), Epoch::FIRST)
    }

    /// A request to be changed by the test that asks for it.
    pub fn asking(&self) -> Asking<'static> {
        Asking {
            purpose: SessionPurpose::Recover,
            session: SessionId::from_bytes([3; 32]),
            header: self.sealed().header().digest(),
            domain_id: self.root.domain_id().unwrap(),
            epoch: Epoch::FIRST,
            transfer: session_key(self.transfer.borrow().public_key()),
            instance: InstanceId::from_bytes([5; 16]),
            module_version: ModuleVersion::NONE,
            created: 1_790_000_000,
            expires: 1_790_086_400,
            ledger_head: LedgerHead::NONE,
        }
    }

    /// One that an active HSM makes.
    pub fn rehearsing(&self) -> Asking<'static> {
        Asking {
            purpose: SessionPurpose::Rehearse,
            ..self.asking()
        }
    }

    /// The contribution of the custodian at `place` to `request`.
    pub fn contribution(&self, place: usize, request: &[u8]) -> Result<Vec<u8>, ContributeError> {
        let vetted = compared(request);
        let mut out = vec![0xaa; contribution_len(vetted.request())];
        contribute(
            &self.sealed(),
            &self.expect(),
            &vetted,
            &self.share(place),
            1_790_000_001,
            &mut rng(place as u8),
            &mut out,
        )
        .map(|contribution| contribution.as_bytes().to_vec())
    }

    /// What the session of `request` makes of a contribution.
    pub fn open(
        &self,
        request: RequestDigest,
        contribution: &[u8],
    ) -> Result<DomainShare, ContributionError<RngError>> {
        self.open_with(request, contribution, &mut *self.transfer.borrow_mut())
    }

    pub fn open_with<I: Identity>(
        &self,
        request: RequestDigest,
        contribution: &[u8],
        transfer: &mut I,
    ) -> Result<DomainShare, ContributionError<I::Error>> {
        let contribution = Contribution::parse(contribution).unwrap();
        open_contribution(
            &contribution,
            &self.sealed(),
            request,
            transfer,
            &mut rng(9),
        )
    }
}

pub fn written(asking: &Asking) -> Vec<u8> {
    let mut out = vec![0xaa; asking.request_len(false).unwrap()];
    asking.write(None, &mut out).unwrap().as_bytes().to_vec()
}

/// A request that is taken to be the HSM's.
pub fn compared(request: &[u8]) -> VettedRequest<'_> {
    let request = Request::parse(request).unwrap();
    let shown = request.digest();
    VettedRequest::compared(request, shown).unwrap()
}
