// SPDX-License-Identifier: MIT OR Apache-2.0
//! HSMs that change their quorum, and custodians of the present and the next one.

use security_domain::contribution::{Request, VettedRequest, contribute, contribution_len};
use security_domain::custodian::Recipient;
use security_domain::drill::{Challenge, Response, respond};
use security_domain::lifecycle::{
    Active, AnyDomain, Committed, Host, LifecycleError, Proofs, Rotating, Vault,
};
use security_domain::sealed_domain::{Epoch, ExpectedDomain, SealedDomain};

use crate::flash::Hsm;
use crate::sealed::{FastKey, fast_keys, rng, share};
use crate::world::{In, ROOM, activation, active, has_artifacts, hsm, tested, vault};

/// The present quorum, two of three, and its file; and the next quorum, two of four.
pub struct Change {
    pub old: Vec<FastKey>,
    pub new: Vec<FastKey>,
    pub file: Vec<u8>,
}

/// What a proposal wrote.
pub struct Files {
    pub pending: Vec<u8>,
    pub request: Vec<u8>,
}

pub fn parse(file: &[u8]) -> SealedDomain<'_> {
    SealedDomain::parse(file).unwrap()
}

impl Change {
    /// An active HSM with its file.
    pub fn new<'v>(vault: &'v mut Vault<ROOM>, hsm: &mut Hsm) -> (Self, In<'v, Active>) {
        let old = fast_keys(3);
        let new = (11..=14).map(FastKey).collect();
        let (domain, file) = active(vault, hsm, &old);
        (Self { old, new, file }, domain)
    }

    /// The HSM proposes the next quorum. Without a lifetime it has 0 seconds.
    pub fn propose<'v, H: Host>(
        &self,
        domain: In<'v, Active>,
        proofs: Proofs,
        lifetime: u64,
        host: &mut H,
    ) -> Result<(In<'v, Rotating>, Files), (In<'v, Active>, LifecycleError)> {
        let (mut pending, mut request) = (vec![0; 0x2000], vec![0; Request::MAX_LEN]);
        let proposed = domain.propose(
            &parse(&self.file),
            &activation(&self.new),
            proofs,
            lifetime.try_into().ok(),
            host,
            (&mut pending, &mut request),
        );
        match proposed {
            Ok((domain, written)) => {
                pending.truncate(written.pending);
                request.truncate(written.request);
                Ok((domain, Files { pending, request }))
            }
            Err(refused) => {
                assert!(pending.iter().chain(&request).all(|byte| *byte == 0));
                Err((refused.domain, refused.error))
            }
        }
    }

    /// What the present custodian at `place` answers to a request.
    pub fn consent(&self, place: usize, request: &[u8]) -> Vec<u8> {
        answer(&self.file, &self.old[place], request)
    }

    /// Two of the present custodians consent.
    pub fn all_consent<H: Host>(&self, domain: &mut In<'_, Rotating>, files: &Files, host: &mut H) {
        for place in [0, 2] {
            let contribution = self.consent(place, &files.request);
            let contribution = crate::world::parse(&contribution);
            let added = domain.consent(&parse(&self.file), &contribution, host);
            added.unwrap();
        }
    }

    /// The next custodians all prove that they can use the pending file.
    pub fn all_prove<H: Host>(&self, domain: &mut In<'_, Rotating>, files: &Files, host: &mut H) {
        let challenge = self.challenge(domain, files, host);
        for key in &self.new {
            let response = response(&files.pending, key, &challenge);
            domain
                .prove(
                    &parse(&files.pending),
                    &Challenge::parse(&challenge).unwrap(),
                    &Response::parse(&response).unwrap(),
                    host,
                )
                .unwrap();
        }
    }

    pub fn challenge<H: Host>(
        &self,
        domain: &mut In<'_, Rotating>,
        files: &Files,
        host: &mut H,
    ) -> Vec<u8> {
        let mut challenge = vec![0; Challenge::written_len(&self.new)];
        let len = domain.challenge(&parse(&files.pending), &self.new, host, &mut challenge);
        challenge.truncate(len.unwrap());
        challenge
    }

    /// The whole rotation up to the commit.
    pub fn committed<'v, H: Host>(
        &self,
        domain: In<'v, Active>,
        host: &mut H,
    ) -> (In<'v, Committed>, Files) {
        let Ok((mut domain, files)) = self.propose(domain, Proofs::All, 0, host) else {
            panic!("it can be proposed");
        };
        self.all_consent(&mut domain, &files, host);
        self.all_prove(&mut domain, &files, host);
        let domain = domain.commit(&parse(&files.pending), host).unwrap();
        (domain, files)
    }

    /// The whole rotation; gives the file of the next epoch too.
    pub fn confirmed<'v, H: Host>(
        &self,
        domain: In<'v, Active>,
        host: &mut H,
    ) -> (In<'v, Active>, Vec<u8>) {
        let (domain, files) = self.committed(domain, host);
        let next = complete(&domain, &files, host);
        (domain.confirm(&parse(&next), host).unwrap(), next)
    }
}

/// The complete file of the next epoch.
pub fn complete<H: Host>(domain: &In<'_, Committed>, files: &Files, host: &mut H) -> Vec<u8> {
    let pending = parse(&files.pending);
    domain.complete_next(&pending, host).unwrap().concat()
}

/// What a custodian of `file` answers to a request.
pub fn answer(file: &[u8], key: &FastKey, request: &[u8]) -> Vec<u8> {
    let sealed = parse(file);
    let request = Request::parse(request).unwrap();
    let shown = request.digest();
    let vetted = VettedRequest::compared(request, shown).unwrap();
    let mut out = vec![0; contribution_len(vetted.request())];
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    let share = share(&sealed, key);
    contribute(
        &sealed,
        &expect,
        &vetted,
        &share,
        0,
        &mut rng(key.0),
        &mut out,
    )
    .unwrap();
    out
}

/// What a custodian of `file` answers to a challenge.
pub fn response(file: &[u8], key: &FastKey, challenge: &[u8]) -> Vec<u8> {
    let sealed = parse(file);
    let challenge = Challenge::parse(challenge).unwrap();
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    let rng = &mut rng(key.0);
    let value = challenge.unwrap_value(&sealed, key.id(), &mut key.clone(), rng);
    let (share, value) = (share(&sealed, key), value.unwrap());
    let mut out = vec![0; Response::MAX_LEN];
    let response = respond(
        &sealed,
        &expect,
        &challenge,
        &share,
        Some(&value),
        rng,
        &mut out,
    );
    response.unwrap().as_bytes().to_vec()
}

/// The domain after a restart.
pub fn started<'v>(vault: &'v mut Vault<ROOM>, hsm: &mut Hsm) -> AnyDomain<'v, ROOM> {
    vault.start(tested(), hsm).unwrap()
}

pub fn rotating<'v>(vault: &'v mut Vault<ROOM>, hsm: &mut Hsm) -> In<'v, Rotating> {
    match started(vault, hsm) {
        AnyDomain::Rotating(domain) => domain,
        other => panic!("{other:?}"),
    }
}

/// Whether a quorum of these custodians brings this file into a fresh HSM.
pub fn recovers(file: &[u8], keys: &[FastKey]) -> bool {
    let sealed = parse(file);
    let (mut memory, mut hsm) = (vault(), hsm(77));
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    let domain = crate::world::empty(&mut memory, &mut hsm);
    let Ok(mut domain) = domain.begin_recovery_here(&sealed, &expect, None, &mut hsm) else {
        return false;
    };
    for key in keys {
        let share = share(&sealed, key);
        domain.add_share(&sealed, share, &mut hsm).unwrap();
    }
    let Ok(domain) = domain.quorum() else {
        return false;
    };
    let domain = domain.open(&sealed, &mut hsm).unwrap();
    has_artifacts(&domain, &mut hsm)
}
