// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `proofs/measure.py` measures of a domain's life: each function starts the HSM from its
//! flash, as after a loss of power, and takes one step. The custodians' keys have 2048 bits, and
//! four artifacts together one KiB.

use core::num::NonZeroU32;

use security_domain::contribution::{Contribution, Request, VettedRequest, contribute};
use security_domain::custodian::Recipient;
use security_domain::hazmat::testing::RamHost;
use security_domain::lifecycle::{
    Activation, AnyDomain, ArtifactDigest, Domain, ExpectedArtifact, Provisioned, Sealed, Vault,
    vault_room,
};
use security_domain::quorum::Threshold;
use security_domain::rsa::{ModulusSize, PrivateKey, PublicKey};
use security_domain::sealed_domain::{
    ArtifactTag, DomainLabel, DomainShare, ExpectedDomain, ModuleFloor, SealedDomain,
};
use security_domain::self_test;
use security_domain::x509::SELF_SIGNED_MAX_LEN;

use crate::pace::sign_of_life;
use crate::rng::Xorshift;
use crate::statics::Static;

const ROOM: usize = vault_room(4, 1024);
pub const KEYS: [&[u8]; 3] = [
    include_bytes!("../../../tests/vectors/sealed-domain/keys/a.p8"),
    include_bytes!("../../../tests/vectors/sealed-domain/keys/b.p8"),
    include_bytes!("../../../tests/vectors/sealed-domain/keys/c.p8"),
];
const SIZES: [ModulusSize; 3] = [
    ModulusSize::Rsa2048,
    ModulusSize::Rsa3072,
    ModulusSize::Rsa4096,
];
/// How long a broken glass waits, in seconds.
pub const DELAY: u32 = 86_400;
static ARTIFACT: [u8; 256] = [0x5a; 256];

static VAULT: Static<Vault<ROOM>> = Static::new(Vault::new());
static HOST: Static<Option<RamHost<Xorshift, ROOM>>> = Static::new(None);
pub static CUSTODIANS: Static<[Option<PublicKey>; 3]> = Static::new([const { None }; 3]);
/// The sealed domain, the request and the contribution, each with its length.
pub static FILE: Static<([u8; 4096], usize)> = Static::new(([0; 4096], 0));
/// The complete file, before it replaces the pending one.
static COMPLETE: Static<[u8; 4096]> = Static::new([0; 4096]);
pub static REQUEST: Static<([u8; Request::MAX_LEN], usize)> =
    Static::new(([0; Request::MAX_LEN], 0));
pub static ANSWER: Static<([u8; 2048], usize)> = Static::new(([0; 2048], 0));
static CERTIFICATE: Static<[u8; SELF_SIGNED_MAX_LEN]> = Static::new([0; SELF_SIGNED_MAX_LEN]);

/// Makes a blank HSM, and reads the custodians' public keys.
#[unsafe(no_mangle)]
extern "C" fn prepare_life(_: usize) -> u32 {
    let mut host = RamHost::new(Xorshift(9));
    host.on_progress = || sign_of_life();
    *HOST.borrow_mut() = Some(host);
    *VAULT.borrow_mut() = Vault::new();
    for (place, der) in CUSTODIANS.borrow_mut().iter_mut().zip(KEYS) {
        *place = PrivateKey::from_pkcs8_der(der)
            .map(|key| key.public_key().clone())
            .ok();
    }
    u32::from(CUSTODIANS.borrow_mut().iter().all(Option::is_some))
}

/// Starts the HSM, and takes one step with the domain that it finds.
pub fn step(
    take: impl FnOnce(AnyDomain<'_, ROOM>, &mut RamHost<Xorshift, ROOM>) -> Option<()>,
) -> u32 {
    let (mut vault, mut host) = (VAULT.borrow_mut(), HOST.borrow_mut());
    match &mut *host {
        Some(host) => step_of(&mut vault, host, take),
        None => 0,
    }
}

/// The same with this HSM.
#[inline(always)]
pub fn step_of<const N: usize>(
    vault: &mut Vault<N>,
    host: &mut RamHost<Xorshift, N>,
    take: impl FnOnce(AnyDomain<'_, N>, &mut RamHost<Xorshift, N>) -> Option<()>,
) -> u32 {
    let Ok(tested) = self_test::run() else {
        return 0;
    };
    let Ok(domain) = vault.start(tested, host) else {
        return 0;
    };
    u32::from(take(domain, host).is_some())
}

/// Four artifacts.
pub fn artifacts() -> Option<[(ArtifactTag<'static>, &'static [u8]); 4]> {
    let tags = ["first", "second", "third", "fourth"];
    let [a, b, c, d] = tags.map(|tag| ArtifactTag::new(tag).ok());
    Some([
        (a?, &ARTIFACT),
        (b?, &ARTIFACT),
        (c?, &ARTIFACT),
        (d?, &ARTIFACT),
    ])
}

#[unsafe(no_mangle)]
extern "C" fn stack_life_provision(_: usize) -> u32 {
    step(|domain, host| {
        let AnyDomain::Empty(domain) = domain else {
            return None;
        };
        domain.provision(&artifacts()?, host).ok().map(drop)
    })
}

#[unsafe(no_mangle)]
extern "C" fn stack_life_activate(_: usize) -> u32 {
    step(|domain, host| {
        let AnyDomain::Provisioned(domain) = domain else {
            return None;
        };
        let custodians = CUSTODIANS.borrow_mut();
        let custodians = all(&custodians)?;
        let activation = activation(&custodians)?;
        let mut file = FILE.borrow_mut();
        let (out, len) = &mut *file;
        let domain = seal(domain, &activation, host, (&mut *out, &mut *len))?;
        activate(domain, host, (out, len))
    })
}

/// All custodians' keys.
pub fn all(custodians: &[Option<PublicKey>; 3]) -> Option<[&PublicKey; 3]> {
    let [Some(a), Some(b), Some(c)] = custodians else {
        return None;
    };
    Some([a, b, c])
}

/// Two of these custodians open the domain, and its file allows a break-glass.
pub fn activation<'a>(custodians: &'a [&'a PublicKey]) -> Option<Activation<'a, &'a PublicKey>> {
    Some(Activation {
        custodians,
        threshold: Threshold::new(2).ok()?,
        label: DomainLabel::new("stack").ok()?,
        floor: ModuleFloor::NONE,
        break_glass: NonZeroU32::new(DELAY),
    })
}

/// Seals to a pending file.
#[inline(never)]
pub fn seal<'v, const N: usize>(
    domain: Domain<'v, Provisioned, N>,
    activation: &Activation<'_, &PublicKey>,
    host: &mut RamHost<Xorshift, N>,
    (out, len): (&mut [u8], &mut usize),
) -> Option<Domain<'v, Sealed<Provisioned>, N>> {
    let sealed = domain.seal(activation, host, out).ok()?;
    *len = sealed.1;
    Some(sealed.0)
}

/// Activates from the pending file, and replaces it by the complete one.
#[inline(never)]
pub fn activate<const N: usize>(
    domain: Domain<'_, Sealed<Provisioned>, N>,
    host: &mut RamHost<Xorshift, N>,
    (file, len): (&mut [u8; 4096], &mut usize),
) -> Option<()> {
    let mut complete = COMPLETE.borrow_mut();
    let end = {
        let stored = SealedDomain::parse(file.get(..*len)?).ok()?;
        let domain = domain.activate(&stored, host).ok()?;
        joined(domain.complete(&stored, host).ok()?, &mut *complete)?
    };
    *len = end;
    file.copy_from_slice(&*complete);
    Some(())
}

/// Writes the parts of a file to the front of `out`, and gives their length.
pub fn joined(parts: [&[u8]; 4], out: &mut [u8]) -> Option<usize> {
    let mut end = 0_usize;
    for part in parts {
        let start = end;
        end = start.checked_add(part.len())?;
        out.get_mut(start..end)?.copy_from_slice(part);
    }
    Some(end)
}

#[unsafe(no_mangle)]
extern "C" fn stack_life_zeroize(_: usize) -> u32 {
    step(|domain, host| domain.zeroize(host).ok().map(drop))
}

/// Begins a recovery, with a generator of that seed.
#[unsafe(no_mangle)]
extern "C" fn stack_life_begin_recovery(seed: u32) -> u32 {
    step(|domain, host| {
        host.rng = Xorshift(seed);
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
    })
}

/// Begins a rehearsal, with a generator of that seed.
#[unsafe(no_mangle)]
extern "C" fn stack_life_begin_rehearsal(seed: u32) -> u32 {
    step(|domain, host| {
        host.rng = Xorshift(seed);
        let AnyDomain::Empty(domain) = domain else {
            return None;
        };
        let (file, mut request) = (FILE.borrow_mut(), REQUEST.borrow_mut());
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        let (out, len) = &mut *request;
        let unpinned = ExpectedDomain::unpinned();
        *len = domain
            .begin_rehearsal(&sealed, &unpinned, None, host, out)
            .ok()?
            .1;
        Some(())
    })
}

/// The share of a custodian.
pub fn share(sealed: &SealedDomain<'_>, custodian: usize) -> Option<DomainShare> {
    let mut key = PrivateKey::from_pkcs8_der(KEYS.get(custodian)?).ok()?;
    let id = key.public_key().id();
    sealed.unwrap_share(id, &mut key, &mut Xorshift(5)).ok()
}

/// A custodian's contribution. Not measured: he is not the HSM.
#[unsafe(no_mangle)]
extern "C" fn prepare_life_answer(custodian: usize) -> u32 {
    let answer = || {
        let (file, request) = (FILE.borrow_mut(), REQUEST.borrow_mut());
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        let request = Request::parse(request.0.get(..request.1)?).ok()?;
        let shown = request.digest();
        let vetted = VettedRequest::compared(request, shown).ok()?;
        let share = share(&sealed, custodian)?;
        let mut answer = ANSWER.borrow_mut();
        let (out, len) = &mut *answer;
        let unpinned = ExpectedDomain::unpinned();
        let made = contribute(
            &sealed,
            &unpinned,
            &vetted,
            &share,
            0,
            &mut Xorshift(6),
            out,
        );
        *len = made.ok()?.as_bytes().len();
        Some(())
    };
    u32::from(answer().is_some())
}

/// Takes in a contribution, after a start with the recovery open.
#[unsafe(no_mangle)]
extern "C" fn stack_life_contribute(_: usize) -> u32 {
    step(|domain, host| {
        let AnyDomain::Recovering(mut domain) = domain else {
            return None;
        };
        let (file, answer) = (FILE.borrow_mut(), ANSWER.borrow_mut());
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        let answer = Contribution::parse(answer.0.get(..answer.1)?).ok()?;
        domain.add(&sealed, &answer, host).ok().map(drop)
    })
}

/// Takes in a contribution to a rehearsal.
#[unsafe(no_mangle)]
extern "C" fn stack_life_rehearse(_: usize) -> u32 {
    step(|domain, host| {
        let AnyDomain::Rehearsing(mut domain) = domain else {
            return None;
        };
        let (file, answer) = (FILE.borrow_mut(), ANSWER.borrow_mut());
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        let answer = Contribution::parse(answer.0.get(..answer.1)?).ok()?;
        domain.add(&sealed, &answer, host).ok().map(drop)
    })
}

/// Opens the domain, reports and wipes it.
#[unsafe(no_mangle)]
extern "C" fn stack_life_report(_: usize) -> u32 {
    step(|domain, host| {
        let AnyDomain::Rehearsing(domain) = domain else {
            return None;
        };
        let file = FILE.borrow_mut();
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        let mut digests = [ArtifactDigest::from_bytes([0; 32]); 4];
        domain.report(&sealed, host, &mut digests).ok().map(drop)
    })
}

#[unsafe(no_mangle)]
extern "C" fn stack_life_open(_: usize) -> u32 {
    step(|domain, host| {
        let AnyDomain::QuorumMet(domain) = domain else {
            return None;
        };
        let file = FILE.borrow_mut();
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        domain.open(&sealed, host).ok().map(drop)
    })
}

/// Begins an import with a transfer key of that size, with a generator of that seed.
#[unsafe(no_mangle)]
extern "C" fn stack_life_begin_import(size: usize, seed: u32) -> u32 {
    step(|domain, host| {
        host.rng = Xorshift(seed);
        let AnyDomain::Empty(domain) = domain else {
            return None;
        };
        let tag = ArtifactTag::new("first").ok()?;
        let expected = [ExpectedArtifact { tag, digest: None }];
        let size = *SIZES.get(size)?;
        let out = &mut *CERTIFICATE.borrow_mut();
        domain
            .begin_import(size, &expected, None, host, out)
            .ok()
            .map(drop)
    })
}

/// Starts in the midst of an import.
#[unsafe(no_mangle)]
extern "C" fn stack_life_importing(_: usize) -> u32 {
    step(|domain, _| matches!(domain, AnyDomain::Importing(_)).then_some(()))
}
