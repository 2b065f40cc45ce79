// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `proofs/measure.py` measures of a recovery with a transfer key of X-Wing: each function
//! starts the HSM from its flash, as after a loss of power, and takes one step. The custodians'
//! keys are of X-Wing, too, and four artifacts together one KiB.

use security_domain::contribution::{Contribution, Request, VettedRequest, contribute};
use security_domain::custodian::{Algorithm, Recipient};
use security_domain::hazmat::testing::RamHost;
use security_domain::kem::{PrivateKey, PublicKey, XWing};
use security_domain::lifecycle::{Activation, AnyDomain, Vault, vault_room};
use security_domain::quorum::Threshold;
use security_domain::sealed_domain::{
    ArtifactTag, DomainLabel, ExpectedDomain, ModuleFloor, SealedDomain,
};
use security_domain::self_test;

use crate::pace::sign_of_life;
use crate::rng::Xorshift;
use crate::statics::Static;

const ROOM: usize = vault_room(4, 1024);
/// No eight bytes that follow each other are there twice.
static ARTIFACT: [u8; 256] = {
    let mut artifact = [0; 256];
    let mut place = 0;
    while place < artifact.len() {
        artifact[place] = 0x3c ^ place as u8;
        place += 1;
    }
    artifact
};

type Host = RamHost<Xorshift, ROOM>;

static VAULT: Static<Vault<ROOM>> = Static::new(Vault::new());
static HOST: Static<Option<Host>> = Static::new(None);
/// The sealed domain, the request and the contribution, each with its length.
static FILE: Static<([u8; 8192], usize)> = Static::new(([0; 8192], 0));
static REQUEST: Static<([u8; Request::MAX_LEN], usize)> = Static::new(([0; Request::MAX_LEN], 0));
static ANSWER: Static<([u8; 2048], usize)> = Static::new(([0; 2048], 0));

fn key(custodian: u8) -> Option<PrivateKey<XWing>> {
    PrivateKey::from_seed(&[custodian; 32]).ok()
}

/// Makes a blank HSM.
fn blank(seed: u32) {
    let mut host = RamHost::new(Xorshift(seed));
    host.on_progress = || sign_of_life();
    host.transfer_kind = Some(Algorithm::XWing);
    *HOST.borrow_mut() = Some(host);
    *VAULT.borrow_mut() = Vault::new();
}

/// Starts the HSM, and takes one step with the domain that it finds.
fn step(take: impl FnOnce(AnyDomain<'_, ROOM>, &mut Host) -> Option<()>) -> Option<()> {
    let (mut vault, mut host) = (VAULT.borrow_mut(), HOST.borrow_mut());
    let host = host.as_mut()?;
    let tested = self_test::run().ok()?;
    take(vault.start(tested, host).ok()?, host)
}

/// Seals a domain with one HSM, and makes another one, which is blank. Not measured.
#[unsafe(no_mangle)]
extern "C" fn prepare_recovery(_: usize) -> u32 {
    blank(9);
    let sealed = step(|domain, host| {
        let AnyDomain::Empty(domain) = domain else {
            return None;
        };
        let tags = ["first", "second", "third", "fourth"];
        let [a, b, c, d] = tags.map(|tag| ArtifactTag::new(tag).ok());
        let artifacts = [
            (a?, &ARTIFACT[..]),
            (b?, &ARTIFACT),
            (c?, &ARTIFACT),
            (d?, &ARTIFACT),
        ];
        let domain = domain.provision(&artifacts, host).ok()?;
        let public = |custodian| -> Option<PublicKey<XWing>> { key(custodian)?.public_key().ok() };
        let custodians = [public(1)?, public(2)?, public(3)?];
        let activation = Activation {
            custodians: &custodians,
            threshold: Threshold::new(2).ok()?,
            label: DomainLabel::new("stack").ok()?,
            floor: ModuleFloor::NONE,
            break_glass: None,
        };
        let mut pending = [0; 8192];
        let (domain, len) = domain.seal(&activation, host, &mut pending).ok()?;
        let stored = SealedDomain::parse(pending.get(..len)?).ok()?;
        let domain = domain.activate(&stored, host).ok()?;
        let mut file = FILE.borrow_mut();
        let (out, end) = &mut *file;
        *end = 0;
        for part in domain.complete(&stored, host).ok()? {
            let start = *end;
            *end = start.checked_add(part.len())?;
            out.get_mut(start..*end)?.copy_from_slice(part);
        }
        Some(())
    });
    blank(11);
    u32::from(sealed.is_some())
}

#[unsafe(no_mangle)]
extern "C" fn stack_recovery_begin() -> u32 {
    let begun = step(|domain, host| {
        let AnyDomain::Empty(domain) = domain else {
            return None;
        };
        let (file, mut request) = (FILE.borrow_mut(), REQUEST.borrow_mut());
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        let (out, len) = &mut *request;
        let unpinned = ExpectedDomain::unpinned();
        *len = domain
            .begin_recovery(&sealed, &unpinned, None, host, out)
            .ok()?
            .1;
        Some(())
    });
    u32::from(begun.is_some())
}

/// A custodian's contribution. Not measured: he is not the HSM.
#[unsafe(no_mangle)]
extern "C" fn prepare_recovery_answer(custodian: usize) -> u32 {
    let answer = || {
        let (file, request) = (FILE.borrow_mut(), REQUEST.borrow_mut());
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        let request = Request::parse(request.0.get(..request.1)?).ok()?;
        let shown = request.digest();
        let vetted = VettedRequest::compared(request, shown).ok()?;
        let mut key = key(u8::try_from(custodian).ok()?)?;
        let id = key.public_key().ok()?.id();
        let share = sealed.unwrap_share(id, &mut key, &mut Xorshift(5)).ok()?;
        let mut answer = ANSWER.borrow_mut();
        let (out, len) = &mut *answer;
        let (unpinned, rng) = (ExpectedDomain::unpinned(), &mut Xorshift(6));
        let made = contribute(&sealed, &unpinned, &vetted, &share, 0, rng, out);
        *len = made.ok()?.as_bytes().len();
        Some(())
    };
    u32::from(answer().is_some())
}

/// Takes in a contribution, after a start with the recovery open.
#[unsafe(no_mangle)]
extern "C" fn stack_recovery_contribute() -> u32 {
    let taken = step(|domain, host| {
        let AnyDomain::Recovering(mut domain) = domain else {
            return None;
        };
        let (file, answer) = (FILE.borrow_mut(), ANSWER.borrow_mut());
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        let answer = Contribution::parse(answer.0.get(..answer.1)?).ok()?;
        domain.add(&sealed, &answer, host).ok().map(drop)
    });
    u32::from(taken.is_some())
}

#[unsafe(no_mangle)]
extern "C" fn stack_recovery_open() -> u32 {
    let opened = step(|domain, host| {
        let AnyDomain::QuorumMet(domain) = domain else {
            return None;
        };
        let file = FILE.borrow_mut();
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        domain.open(&sealed, host).ok().map(drop)
    });
    u32::from(opened.is_some())
}

/// Leaves nothing of the artifacts on the stack: a domain is sealed, and recovered with a transfer
/// key of X-Wing.
#[unsafe(no_mangle)]
extern "C" fn residue_recovery() -> u32 {
    let prepared = prepare_recovery(0) & stack_recovery_begin();
    let first = prepare_recovery_answer(1) & stack_recovery_contribute();
    let second = prepare_recovery_answer(2) & stack_recovery_contribute();
    prepared & first & second & stack_recovery_open()
}
