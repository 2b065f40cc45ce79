// SPDX-License-Identifier: MIT OR Apache-2.0
//! HSMs and custodians.

use std::fmt::Debug;

use security_domain::contribution::{
    Contribution, Request, VettedRequest, contribute, contribution_len,
};
use security_domain::custodian::Recipient;
use security_domain::lifecycle::{
    Activation, Active, AnyDomain, Domain, Empty, Host, InUse, Provisioned, Recovering, Sealable,
    Sealed, Vault, vault_room,
};
use security_domain::quorum::Threshold;
use security_domain::rsa::PublicKey;
use security_domain::sealed_domain::{
    DomainLabel, Epoch, ExpectedDomain, ModuleFloor, SealedDomain,
};
use security_domain::self_test::{self, SelfTested};

use crate::flash::Hsm;
use crate::sealed::{ARTIFACTS, FastKey, artifacts, fast_keys, rng, share};

pub const ROOM: usize = vault_room(3, 200);

/// A domain in a state, in a vault of [`ROOM`] bytes.
pub type In<'v, S> = Domain<'v, S, ROOM>;

pub fn vault() -> Box<Vault<ROOM>> {
    Box::default()
}

/// The token of a self-test that has passed.
pub fn tested() -> SelfTested {
    self_test::run().unwrap()
}

/// An HSM other than the one with another seed.
pub fn hsm(seed: u8) -> Hsm {
    Hsm::with_flash(Hsm::new().flash, seed)
}

pub fn empty<'v, H: Host>(vault: &'v mut Vault<ROOM>, host: &mut H) -> In<'v, Empty> {
    match vault.start(tested(), host).unwrap() {
        AnyDomain::Empty(domain) => domain,
        other => panic!("{other:?}"),
    }
}

pub fn provisioned<'v, H: Host>(vault: &'v mut Vault<ROOM>, host: &mut H) -> In<'v, Provisioned> {
    empty(vault, host).provision(&artifacts(), host).unwrap()
}

/// Two of three.
pub fn activation(keys: &[FastKey]) -> Activation<'_, FastKey> {
    Activation {
        custodians: keys,
        threshold: Threshold::new(2).unwrap(),
        label: DomainLabel::new("test").unwrap(),
        floor: ModuleFloor::NONE,
        break_glass: None,
    }
}

/// An active HSM's domain, and the file that left it.
pub fn active<'v, H: Host>(
    vault: &'v mut Vault<ROOM>,
    host: &mut H,
    keys: &[FastKey],
) -> (In<'v, Active>, Vec<u8>) {
    activated(provisioned(vault, host), &activation(keys), host)
}

/// Seals a domain; gives the pending file too.
pub fn sealed<'v, S: Sealable + Debug, K: Recipient, H: Host, const N: usize>(
    domain: Domain<'v, S, N>,
    activation: &Activation<'_, K>,
    host: &mut H,
) -> (Domain<'v, Sealed<S>, N>, Vec<u8>) {
    let mut file = vec![0xaa; domain.sealed_len(activation).unwrap()];
    let (domain, len) = domain.seal(activation, host, &mut file).unwrap();
    file.truncate(len);
    (domain, file)
}

/// Seals and activates a domain; gives the complete file too.
pub fn activated<'v, S: Sealable + Debug, K: Recipient, H: Host, const N: usize>(
    domain: Domain<'v, S, N>,
    activation: &Activation<'_, K>,
    host: &mut H,
) -> (Domain<'v, Active, N>, Vec<u8>) {
    let (domain, stored) = sealed(domain, activation, host);
    let stored = SealedDomain::parse(&stored).unwrap();
    let domain = domain.activate(&stored, host).unwrap();
    let file = domain.complete(&stored, host).unwrap().concat();
    (domain, file)
}

/// A file of an HSM that is gone, and the keys of its custodians.
pub struct Lost {
    pub keys: Vec<FastKey>,
    pub file: Vec<u8>,
}

impl Lost {
    pub fn new(seed: u8) -> Self {
        let keys = fast_keys(3);
        let (_, file) = active(&mut vault(), &mut hsm(seed), &keys);
        Self { keys, file }
    }

    pub fn sealed(&self) -> SealedDomain<'_> {
        SealedDomain::parse(&self.file).unwrap()
    }

    pub fn expect(&self) -> ExpectedDomain {
        ExpectedDomain::new(self.sealed().header().domain_id(), Epoch::FIRST)
    }

    /// What the custodian at `place` answers to a request.
    pub fn contribution(&self, place: usize, request: &[u8]) -> Vec<u8> {
        let request = Request::parse(request).unwrap();
        let shown = request.digest();
        let vetted = VettedRequest::compared(request, shown).unwrap();
        let sealed = self.sealed();
        let mut out = vec![0; contribution_len(vetted.request())];
        contribute(
            &sealed,
            &self.expect(),
            &vetted,
            &share(&sealed, &self.keys[place]),
            0,
            &mut rng(place as u8),
            &mut out,
        )
        .unwrap();
        out
    }

    /// A fresh HSM that asks for this domain, and its request.
    pub fn recovering<'v, H: Host>(
        &self,
        vault: &'v mut Vault<ROOM>,
        host: &mut H,
        lifetime: u64,
    ) -> (In<'v, Recovering>, Vec<u8>) {
        let mut request = vec![0; Request::MAX_LEN];
        let (domain, len) = empty(vault, host)
            .begin_recovery(
                &self.sealed(),
                &self.expect(),
                lifetime.try_into().ok(),
                host,
                &mut request,
            )
            .unwrap();
        request.truncate(len);
        (domain, request)
    }

    /// The same for a quorum at one place.
    pub fn recovering_here<'v, H: Host>(
        &self,
        vault: &'v mut Vault<ROOM>,
        host: &mut H,
    ) -> In<'v, Recovering> {
        empty(vault, host)
            .begin_recovery_here(&self.sealed(), &self.expect(), None, host)
            .unwrap()
    }

    pub fn id(&self, place: usize) -> security_domain::custodian::CustodianId {
        self.keys[place].id()
    }
}

/// The transfer key of a request, which must be an RSA key.
pub fn rsa_transfer(request: &[u8]) -> PublicKey {
    let request = Request::parse(request).unwrap();
    PublicKey::from_spki_der(request.transfer().as_spki_der()).unwrap()
}

pub fn parse(contribution: &[u8]) -> Contribution<'_> {
    Contribution::parse(contribution).unwrap()
}

/// Whether the domain's artifacts are the ones that every HSM here is provisioned with.
pub fn has_artifacts<S: InUse, H: Host>(domain: &In<'_, S>, host: &mut H) -> bool {
    let artifacts = domain.artifacts(host).unwrap();
    artifacts
        .map(|(tag, artifact)| (tag.as_str(), artifact))
        .eq(ARTIFACTS)
}

/// Changes the contents of the record at rest, as nobody but the HSM itself can.
pub fn rewrite(hsm: &mut Hsm, change: impl FnOnce(&mut Vec<u8>)) {
    use security_domain::hazmat::record::{self, Loaded};

    let mut buffer = vec![0; ROOM];
    let Ok(Loaded::Contents {
        len,
        instance,
        mut position,
    }) = record::load(hsm, &mut buffer)
    else {
        panic!("there is a record");
    };
    let mut contents = buffer[..len].to_vec();
    change(&mut contents);
    buffer[..contents.len()].copy_from_slice(&contents);
    record::save(hsm, instance, &mut position, &mut buffer, contents.len()).unwrap();
}

/// The vault's memory, byte by byte.
pub fn memory(vault: &Vault<ROOM>) -> Vec<u8> {
    let start = std::ptr::from_ref(vault).cast::<u8>();
    let bytes = 0..size_of_val(vault);
    // SAFETY: the bytes are inside the vault. Those that are padding hold whatever is there.
    bytes
        .map(|at| unsafe { start.add(at).read_volatile() })
        .collect()
}

/// Whether the vault's memory holds these bytes anywhere.
pub fn holds(vault: &Vault<ROOM>, bytes: &[u8]) -> bool {
    memory(vault)
        .windows(bytes.len())
        .any(|window| window == bytes)
}
