// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `proofs/measure.py` measures of a change of the quorum: each function starts the HSM from
//! its flash, and takes one step. The keys of the present custodians, of the next ones and of the
//! session have 2048 bits. The session's is in the vault, so the vault is larger than that of
//! `stack_lifecycle`.

use security_domain::approval::{Act, Approval, approve};
use security_domain::contribution::Contribution;
use security_domain::custodian::Recipient;
use security_domain::drill::{Challenge, Response, respond};
use security_domain::hazmat::testing::{RamHost, RamSlots};
use security_domain::lifecycle::{AnyDomain, Domain, Proofs, Reason, Rotating, Vault, vault_room};
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::{ExpectedDomain, SealedDomain};
use security_domain::self_test;

use crate::pace::sign_of_life;
use crate::rng::Xorshift;
use crate::stack_lifecycle::{
    ANSWER, CUSTODIANS, DELAY, FILE, KEYS, REQUEST, activate, activation, all, artifacts, joined,
    seal, share, step_of,
};
use crate::statics::Static;

const ROOM: usize = vault_room(4, 2048);
const BEGAN: u64 = 1_790_000_000;

static VAULT: Static<Vault<ROOM>> = Static::new(Vault::new());
static HOST: Static<Option<RamHost<Xorshift, ROOM>>> = Static::new(None);
/// The flash as it was when there was no rotation yet, and when its glass was broken.
static EARLIER: Static<[Option<(RamSlots<ROOM>, u64)>; 2]> = Static::new([const { None }; 2]);
/// The pending file, and the complete one.
static NEXT: Static<[([u8; 4096], usize); 2]> = Static::new([([0; 4096], 0); 2]);
static CHALLENGE: Static<([u8; 2048], usize)> = Static::new(([0; 2048], 0));
static RESPONSE: Static<([u8; Response::MAX_LEN], usize)> =
    Static::new(([0; Response::MAX_LEN], 0));
static ACT: Static<([u8; Act::MAX_LEN], usize)> = Static::new(([0; Act::MAX_LEN], 0));
static VETO: Static<[u8; Approval::MAX_LEN]> = Static::new([0; Approval::MAX_LEN]);

fn step(take: impl FnOnce(AnyDomain<'_, ROOM>, &mut RamHost<Xorshift, ROOM>) -> Option<()>) -> u32 {
    let (mut vault, mut host) = (VAULT.borrow_mut(), HOST.borrow_mut());
    match &mut *host {
        Some(host) => step_of(&mut vault, host, take),
        None => 0,
    }
}

/// A step of a rotation, with its pending file.
fn rotate(
    take: impl FnOnce(
        Domain<'_, Rotating, ROOM>,
        &SealedDomain<'_>,
        &mut RamHost<Xorshift, ROOM>,
    ) -> Option<()>,
) -> u32 {
    step(|domain, host| {
        let AnyDomain::Rotating(domain) = domain else {
            return None;
        };
        let next = NEXT.borrow_mut();
        let [(pending, len), _] = &*next;
        let pending = SealedDomain::parse(pending.get(..*len)?).ok()?;
        sign_of_life();
        take(domain, &pending, host)
    })
}

/// Makes an active HSM.
#[unsafe(no_mangle)]
extern "C" fn prepare_rotation(_: usize) -> u32 {
    let mut host = RamHost::new(Xorshift(9));
    host.on_progress = || sign_of_life();
    host.now = BEGAN;
    let mut vault = VAULT.borrow_mut();
    let mut made = || {
        let AnyDomain::Empty(domain) = vault.start(self_test::run().ok()?, &mut host).ok()? else {
            return None;
        };
        let domain = domain.provision(&artifacts()?, &mut host).ok()?;
        let (custodians, mut file) = (CUSTODIANS.borrow_mut(), FILE.borrow_mut());
        let custodians = all(&custodians)?;
        let (out, len) = &mut *file;
        let activation = activation(&custodians)?;
        let domain = seal(domain, &activation, &mut host, (&mut *out, &mut *len))?;
        activate(domain, &mut host, (out, len))
    };
    let made = made();
    *EARLIER.borrow_mut() = [Some((host.slots.clone(), host.counter)), None];
    *HOST.borrow_mut() = Some(host);
    u32::from(made.is_some())
}

/// Keeps what the flash holds while the glass is broken.
#[unsafe(no_mangle)]
extern "C" fn prepare_rotation_broken(_: usize) -> u32 {
    let (host, mut earlier) = (HOST.borrow_mut(), EARLIER.borrow_mut());
    let (Some(host), [_, broken]) = (&*host, &mut *earlier) else {
        return 0;
    };
    *broken = Some((host.slots.clone(), host.counter));
    1
}

/// Puts back what the flash held at an earlier time, counter and clock too.
#[unsafe(no_mangle)]
extern "C" fn prepare_rotation_again(time: usize) -> u32 {
    let (mut host, earlier) = (HOST.borrow_mut(), EARLIER.borrow_mut());
    let (Some(host), Some(Some((slots, counter)))) = (&mut *host, earlier.get(time)) else {
        return 0;
    };
    (host.slots, host.counter, host.now) = (slots.clone(), *counter, BEGAN);
    1
}

/// Proposes the same custodians, with a generator of that seed.
#[unsafe(no_mangle)]
extern "C" fn stack_rotation_propose(seed: u32) -> u32 {
    step(|domain, host| {
        host.rng = Xorshift(seed);
        let AnyDomain::Active(domain) = domain else {
            return None;
        };
        let (file, custodians) = (FILE.borrow_mut(), CUSTODIANS.borrow_mut());
        let (mut next, mut request) = (NEXT.borrow_mut(), REQUEST.borrow_mut());
        // In one place, because it is large.
        let parsed = SealedDomain::parse(file.0.get(..file.1)?);
        let Ok(sealed) = &parsed else { return None };
        let custodians = all(&custodians)?;
        let activation = activation(&custodians)?;
        let ([(pending, pending_len), _], (out, len)) = (&mut *next, &mut *request);
        let outputs = (&mut pending[..], &mut out[..]);
        let (_, written) = domain
            .propose(sealed, &activation, Proofs::Threshold, None, host, outputs)
            .ok()?;
        (*pending_len, *len) = (written.pending, written.request);
        Some(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn stack_rotation_break_glass(_: usize) -> u32 {
    rotate(|mut domain, _, host| {
        let file = FILE.borrow_mut();
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        let reason = Reason::new("two of three have left").ok()?;
        domain.break_glass(&sealed, reason, host).ok()?;
        let mut act = ACT.borrow_mut();
        let (out, len) = &mut *act;
        *len = domain.veto_act(&sealed, out).ok()?;
        Some(())
    })
}

/// A custodian's veto. Not measured, as all that custodians do.
#[unsafe(no_mangle)]
extern "C" fn prepare_rotation_veto(custodian: usize) -> u32 {
    let vetoed = || {
        let (file, act) = (FILE.borrow_mut(), ACT.borrow_mut());
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        let act = Act::parse(act.0.get(..act.1)?).ok()?;
        let (share, unpinned) = (share(&sealed, custodian)?, ExpectedDomain::unpinned());
        let out = &mut *VETO.borrow_mut();
        let rng = &mut Xorshift(6);
        approve(&sealed, &unpinned, &act, &share, 0, rng, out).ok()?;
        Some(())
    };
    u32::from(vetoed().is_some())
}

#[unsafe(no_mangle)]
extern "C" fn stack_rotation_veto(_: usize) -> u32 {
    rotate(|domain, _, host| {
        let (file, veto) = (FILE.borrow_mut(), VETO.borrow_mut());
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        let veto = Approval::parse(&*veto).ok()?;
        domain.veto(&sealed, &veto, host).ok().map(drop)
    })
}

/// Takes in a consent.
#[unsafe(no_mangle)]
extern "C" fn stack_rotation_consent(_: usize) -> u32 {
    rotate(|mut domain, _, host| {
        let (file, answer) = (FILE.borrow_mut(), ANSWER.borrow_mut());
        let sealed = SealedDomain::parse(file.0.get(..file.1)?).ok()?;
        let answer = Contribution::parse(answer.0.get(..answer.1)?).ok()?;
        domain.consent(&sealed, &answer, host).ok().map(drop)
    })
}

#[unsafe(no_mangle)]
extern "C" fn stack_rotation_challenge(_: usize) -> u32 {
    rotate(|mut domain, pending, host| {
        let (custodians, mut challenge) = (CUSTODIANS.borrow_mut(), CHALLENGE.borrow_mut());
        let custodians = all(&custodians)?;
        let (out, len) = &mut *challenge;
        *len = domain.challenge(pending, &custodians, host, out).ok()?;
        Some(())
    })
}

/// A next custodian's answer.
#[unsafe(no_mangle)]
extern "C" fn prepare_rotation_response(custodian: usize) -> u32 {
    let answered = || {
        let (next, challenge) = (NEXT.borrow_mut(), CHALLENGE.borrow_mut());
        let [(pending, len), _] = &*next;
        let pending = SealedDomain::parse(pending.get(..*len)?).ok()?;
        let challenge = Challenge::parse(challenge.0.get(..challenge.1)?).ok()?;
        let mut key = PrivateKey::from_pkcs8_der(KEYS.get(custodian)?).ok()?;
        let (id, rng) = (key.public_key().id(), &mut Xorshift(7));
        let value = challenge.unwrap_value(&pending, id, &mut key, rng).ok()?;
        let (share, unpinned) = (share(&pending, custodian)?, ExpectedDomain::unpinned());
        let mut response = RESPONSE.borrow_mut();
        let (out, len) = &mut *response;
        let made = respond(
            &pending,
            &unpinned,
            &challenge,
            &share,
            Some(&value),
            rng,
            out,
        );
        *len = made.ok()?.as_bytes().len();
        Some(())
    };
    u32::from(answered().is_some())
}

/// Takes in a proof.
#[unsafe(no_mangle)]
extern "C" fn stack_rotation_prove(_: usize) -> u32 {
    rotate(|mut domain, pending, host| {
        let (challenge, response) = (CHALLENGE.borrow_mut(), RESPONSE.borrow_mut());
        let challenge = Challenge::parse(challenge.0.get(..challenge.1)?).ok()?;
        let response = Response::parse(response.0.get(..response.1)?).ok()?;
        let proven = domain.prove(pending, &challenge, &response, host);
        proven.ok().map(drop)
    })
}

/// Commits while the glass is open.
#[unsafe(no_mangle)]
extern "C" fn stack_rotation_commit(_: usize) -> u32 {
    rotate(|domain, pending, host| {
        host.now = BEGAN.wrapping_add(u64::from(DELAY));
        domain.commit(pending, host).ok().map(drop)
    })
}

/// Completes the file.
#[unsafe(no_mangle)]
extern "C" fn stack_rotation_complete(_: usize) -> u32 {
    step(|domain, host| {
        let AnyDomain::Committed(domain) = domain else {
            return None;
        };
        let mut next = NEXT.borrow_mut();
        let [(pending, pending_len), (complete, len)] = &mut *next;
        let pending = SealedDomain::parse(pending.get(..*pending_len)?).ok()?;
        *len = joined(domain.complete_next(&pending, host).ok()?, complete)?;
        Some(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn stack_rotation_confirm(_: usize) -> u32 {
    step(|domain, host| {
        let AnyDomain::Committed(domain) = domain else {
            return None;
        };
        let next = NEXT.borrow_mut();
        let [_, (complete, len)] = &*next;
        let complete = SealedDomain::parse(complete.get(..*len)?).ok()?;
        domain.confirm(&complete, host).ok().map(drop)
    })
}

#[unsafe(no_mangle)]
extern "C" fn stack_rotation_adopt(_: usize) -> u32 {
    step(|domain, host| {
        let AnyDomain::Active(mut domain) = domain else {
            return None;
        };
        let next = NEXT.borrow_mut();
        let [_, (complete, len)] = &*next;
        let complete = SealedDomain::parse(complete.get(..*len)?).ok()?;
        let unpinned = ExpectedDomain::unpinned();
        domain.adopt(&complete, &unpinned, host).ok().map(drop)
    })
}
