// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every step of an HSM's lifecycle but the beginnings of an import and of a recovery that sends a
//! request, for `proofs/reach.py`. What the flash held before, and every file, key and tag are bytes
//! of a length that the compiler does not know.

use core::num::NonZeroU64;

use security_domain::approval::{Act, ActKind, Approval, Approvals};
use security_domain::backup::{BackupHeader, Kind};
use security_domain::contribution::Contribution;
use security_domain::custodian::CustodianId;
use security_domain::drill::{Challenge, Response};
use security_domain::hazmat::testing::RamHost;
use security_domain::lifecycle::{
    Activation, Active, AnyDomain, ArtifactDigest, Domain, ExpectedArtifact, Expiry, Proofs,
    Reason, Recovering, Vault, vault_room,
};
use security_domain::managed_hsm::restore_blob::RestoreBlob;
use security_domain::quorum::Threshold;
use security_domain::rsa::PublicKey;
use security_domain::sealed_domain::{
    ArtifactTag, DomainId, DomainLabel, Epoch, ExpectedDomain, ModuleFloor, SealedDomain,
};
use security_domain::self_test;
use security_domain::storage::{Flash, Slot};

use crate::entry::entry;
use crate::rng::Xorshift;

const ROOM: usize = vault_room(4, 1024);

type Host = RamHost<Xorshift, ROOM>;
type At<'v> = AnyDomain<'v, ROOM>;

/// A step of an HSM whose flash holds `input`.
#[inline(always)]
fn step(input: &[u8], act: impl FnOnce(At<'_>, &mut Host) -> Option<usize>) -> usize {
    let mut host = RamHost::new(Xorshift(input.len() as u32));
    host.now = input.len() as u64;
    let (head, record) = input.split_at_checked(8).unwrap_or_default();
    host.counter = head
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    let _ = host.write(Slot::A, record);
    let Ok(tested) = self_test::run_all() else {
        return 0;
    };
    let mut vault = Vault::<ROOM>::new();
    let Ok(domain) = vault.start(tested, &mut host) else {
        return usize::from(vault.discard(&mut host).is_ok());
    };
    act(domain, &mut host).unwrap_or(0)
}

fn text(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok()
}

fn lifetime(bytes: &[u8]) -> Option<NonZeroU64> {
    NonZeroU64::new(bytes.len() as u64)
}

fn expected(bytes: &[u8]) -> Option<ExpectedDomain> {
    let id: &[u8; 32] = bytes.first_chunk()?;
    let epoch = Epoch::new(bytes.len() as u32)?;
    Some(ExpectedDomain::new(DomainId::from_bytes(*id), epoch))
}

fn custodians(bytes: &[u8]) -> Option<[PublicKey; 3]> {
    let key = PublicKey::from_spki_der(bytes).ok()?;
    Some([key.clone(), key.clone(), key])
}

fn activation<'a>(
    custodians: &'a [PublicKey],
    bytes: &'a [u8],
) -> Option<Activation<'a, PublicKey>> {
    Some(Activation {
        custodians: custodians.get(..bytes.len())?,
        threshold: Threshold::new(bytes.len() as u8).ok()?,
        label: DomainLabel::new(text(bytes)?).ok()?,
        floor: ModuleFloor::NONE,
        break_glass: None,
    })
}

entry!(reach_life_start, |input, out| step(
    input,
    |domain, host| {
        let status = domain.status();
        out.iter_mut()
            .zip(status.instance?.as_bytes())
            .for_each(|(to, from)| *to = *from);
        let mut domain = domain.zeroize(host).ok()?;
        Some(usize::from(
            domain.self_test(self_test::Test::Sha256).is_ok(),
        ))
    }
));

entry!(reach_life_provision, |input, out| step(
    input,
    |domain, host| {
        let At::Empty(domain) = domain else {
            return None;
        };
        let tag = ArtifactTag::new(text(input)?).ok()?;
        let (a, b) = out.split_at_checked(input.len())?;
        Some(usize::from(
            domain.provision(&[(tag, a), (tag, b)], host).is_ok(),
        ))
    }
));

entry!(reach_life_activate, |input, out| step(
    input,
    |domain, host| {
        let At::Provisioned(domain) = domain else {
            return None;
        };
        let keys = custodians(input)?;
        let activation = activation(&keys, input)?;
        let needed = domain.sealed_len(&activation).ok()?;
        let (domain, len) = domain.seal(&activation, host, out).ok()?;
        let stored = SealedDomain::parse(out.get(..len)?).ok()?;
        match domain.activate(&stored, host) {
            Ok(domain) => complete(&domain, input, host),
            Err(refused) => {
                drop(refused.domain.abandon());
                Some(needed)
            }
        }
    }
));

fn complete(domain: &Domain<'_, Active, ROOM>, stored: &[u8], host: &mut Host) -> Option<usize> {
    let stored = SealedDomain::parse(stored).ok()?;
    let parts = domain.complete(&stored, host).ok()?;
    Some(
        parts
            .into_iter()
            .map(<[u8]>::len)
            .fold(0, usize::wrapping_add),
    )
}

entry!(reach_life_active, |input, out| step(
    input,
    |domain, host| {
        let At::Active(domain) = domain else {
            return None;
        };
        let len = complete(&domain, input, host)?;
        let artifacts = domain.artifacts(host).ok()?;
        for (_, artifact) in artifacts {
            out.iter_mut()
                .zip(artifact)
                .for_each(|(to, from)| *to = *from);
        }
        // An imported domain is sealed when it is active.
        let keys = custodians(input)?;
        let sealed = domain.seal(&activation(&keys, input)?, host, out);
        Some(len.wrapping_add(sealed.ok()?.1))
    }
));

entry!(reach_life_begin_here, |input, out| step(
    input,
    |domain, host| {
        let At::Empty(domain) = domain else {
            return None;
        };
        let (sealed, expect) = (SealedDomain::parse(out).ok()?, expected(input)?);
        let begun = domain.begin_recovery_here(&sealed, &expect, lifetime(out), host);
        Some(usize::from(begun.ok()?.needed()))
    }
));

fn gathered(domain: Domain<'_, Recovering, ROOM>, host: &mut Host) -> Option<usize> {
    let request = usize::from(domain.request().is_some());
    let contributors = domain.contributors().count();
    match domain.expire(host).ok()? {
        Expiry::Running(domain) => drop(domain.cancel(host)),
        Expiry::Over(domain) => drop(domain),
    }
    Some(request.wrapping_add(contributors))
}

entry!(reach_life_add, |input, out| step(input, |domain, host| {
    let At::Recovering(mut domain) = domain else {
        return None;
    };
    let (sealed, contribution) = (
        SealedDomain::parse(input).ok()?,
        Contribution::parse(out).ok()?,
    );
    let _ = domain.add(&sealed, &contribution, host);
    gathered(domain, host)
}));

entry!(reach_life_add_share, |input, out| step(
    input,
    |domain, host| {
        let At::Recovering(mut domain) = domain else {
            return None;
        };
        let sealed = SealedDomain::parse(out).ok()?;
        let id = CustodianId::from_bytes(*input.first_chunk()?);
        let share = sealed.accept_share(id, input).ok()?;
        let _ = domain.add_share(&sealed, share, host);
        gathered(domain, host)
    }
));

entry!(reach_life_open, |input, out| step(input, |domain, host| {
    let sealed = SealedDomain::parse(out).ok()?;
    let domain = match domain {
        At::Recovering(domain) => domain.quorum().ok()?,
        At::QuorumMet(domain) => domain,
        _ => return None,
    };
    match domain.open(&sealed, host) {
        Ok(domain) => complete(&domain, input, host),
        Err(refused) => Some(usize::from(refused.domain.cancel(host).is_ok())),
    }
}));

entry!(reach_life_import, |input, out| step(
    input,
    |domain, host| {
        let tag = ArtifactTag::new(text(input)?).ok()?;
        let digest = input.first_chunk().copied();
        let named = [
            ExpectedArtifact { tag, digest },
            ExpectedArtifact { tag, digest: None },
        ];
        let named = named.get(..input.len())?;
        match domain {
            At::Importing(domain) => {
                let named = usize::from(domain.certificate().is_some());
                let imported = domain.import(&RestoreBlob::parse(out).ok()?, host);
                Some(named.wrapping_add(usize::from(imported.is_ok())))
            }
            At::Imported(domain) => {
                let id = DomainId::from_bytes(*out.first_chunk()?);
                match domain.confirm(id, named, host) {
                    Ok(_) => Some(1),
                    Err(refused) => Some(usize::from(refused.domain.cancel(host).is_ok())),
                }
            }
            _ => None,
        }
    }
));

entry!(reach_life_backup, |input, out| step(
    input,
    |domain, host| {
        let At::Active(mut domain) = domain else {
            return None;
        };
        let mut backup = domain
            .begin_backup(Kind::Full(None), out.len() as u64, host)
            .ok()?;
        let front = backup.front().len().wrapping_add(backup.next_len()?);
        let sealed = backup.seal(out, host);
        let done = backup.finish(host);
        Some(front.wrapping_add(usize::from(sealed.and(done).is_ok())))
    }
));

entry!(reach_life_restore, |input, out| step(
    input,
    |domain, host| {
        let At::Active(mut domain) = domain else {
            return None;
        };
        let header = BackupHeader::parse(input).ok()?;
        let mut restore = domain.begin_restore(&header, host).ok()?;
        let next = restore.next_len()?;
        let opened = restore.open(out, host).map_or(0, |text| text.len());
        let done = restore.finish(host);
        Some(
            next.wrapping_add(opened)
                .wrapping_add(usize::from(done.is_ok())),
        )
    }
));

entry!(reach_life_consent, |input, out| step(
    input,
    |domain, host| {
        let At::Rotating(mut domain) = domain else {
            return None;
        };
        let sealed = SealedDomain::parse(input).ok()?;
        let contribution = Contribution::parse(out).ok()?;
        let added = domain.consent(&sealed, &contribution, host);
        let shown = usize::from(domain.rotation()?.consents);
        Some(shown.wrapping_add(usize::from(added.is_ok())))
    }
));

entry!(reach_life_challenge, |input, out| step(
    input,
    |domain, host| {
        let At::Rotating(mut domain) = domain else {
            return None;
        };
        let pending = SealedDomain::parse(input).ok()?;
        let keys = custodians(input)?;
        let keys = keys.get(..input.len())?;
        domain.challenge(&pending, keys, host, out).ok()
    }
));

entry!(reach_life_prove, |input, out| step(
    input,
    |domain, host| {
        let At::Rotating(mut domain) = domain else {
            return None;
        };
        let pending = SealedDomain::parse(input).ok()?;
        let (challenge, response) = out.split_at_checked(input.len())?;
        let challenge = Challenge::parse(challenge).ok()?;
        let response = Response::parse(response).ok()?;
        let added = domain.prove(&pending, &challenge, &response, host);
        Some(usize::from(added.is_ok()))
    }
));

entry!(reach_life_commit, |input, out| step(
    input,
    |domain, host| {
        let stored = SealedDomain::parse(out).ok()?;
        let domain = match domain {
            At::Rotating(domain) => domain.commit(&stored, host).ok()?,
            At::Committed(domain) => domain,
            _ => return None,
        };
        let parts = domain.complete_next(&stored, host).ok()?;
        let len = parts
            .into_iter()
            .map(<[u8]>::len)
            .fold(0, usize::wrapping_add);
        let confirmed = domain.confirm(&stored, host);
        Some(len.wrapping_add(usize::from(confirmed.is_ok())))
    }
));

entry!(reach_life_abandon, |input, _out| step(
    input,
    |domain, host| {
        let At::Rotating(domain) = domain else {
            return None;
        };
        match domain.expire(host).ok()? {
            Expiry::Running(domain) => Some(usize::from(domain.abandon(host).is_ok())),
            Expiry::Over(domain) => {
                drop(domain);
                None
            }
        }
    }
));

entry!(reach_life_adopt, |input, out| step(
    input,
    |domain, host| {
        let At::Active(mut domain) = domain else {
            return None;
        };
        let (sealed, expect) = (SealedDomain::parse(out).ok()?, expected(input)?);
        let adopted = domain.adopt(&sealed, &expect, host).is_ok();
        let present = sealed.header().digest();
        let instead = domain.adopt_instead(&sealed, &expect, present, host);
        Some(usize::from(adopted).wrapping_add(usize::from(instead.is_ok())))
    }
));

entry!(reach_life_propose, |input, out| step(
    input,
    |domain, host| {
        let At::Active(domain) = domain else {
            return None;
        };
        let sealed = SealedDomain::parse(input).ok()?;
        let keys = custodians(input)?;
        let activation = activation(&keys, input)?;
        let outputs = out.split_at_mut_checked(input.len())?;
        let proofs = Proofs::Threshold;
        let proposed = domain.propose(&sealed, &activation, proofs, lifetime(input), host, outputs);
        let (_, written) = proposed.ok()?;
        Some(written.pending.wrapping_add(written.request))
    }
));

entry!(reach_life_break_glass, |input, out| step(
    input,
    |domain, host| {
        let At::Rotating(mut domain) = domain else {
            return None;
        };
        let sealed = SealedDomain::parse(input).ok()?;
        let reason = Reason::new(core::str::from_utf8(input).ok()?).ok()?;
        let broken = domain.break_glass(&sealed, reason, host);
        let len = domain.veto_act(&sealed, out).unwrap_or_default();
        let veto = Approval::parse(out).ok()?;
        let vetoed = domain.veto(&sealed, &veto, host);
        Some(len.wrapping_add(usize::from(broken.is_ok() ^ vetoed.is_ok())))
    }
));

entry!(reach_life_approved, |input, out| step(
    input,
    |domain, host| {
        let At::Active(mut domain) = domain else {
            return None;
        };
        let (sealed, expect) = (SealedDomain::parse(input).ok()?, expected(input)?);
        let kinds = [
            ActKind::EmitRelease,
            ActKind::FullBackup,
            ActKind::DropDemands,
        ];
        let kind = *kinds.get(usize::from(*input.first()?))?;
        let demanded = domain.demand_approval(kind, host);
        let asked = domain.ask_approval(&sealed, kind, lifetime(input), host, out);
        let (act, rest) = out.split_at_mut_checked(asked.ok()?)?;
        let act = Act::parse(act).ok()?;
        let mut approvals = Approvals::new(&sealed, &expect, &act).ok()?;
        approvals.add(&Approval::parse(rest).ok()?, host.now).ok()?;
        let approved = approvals.enough(host.now).ok()?;
        let done = match kind {
            ActKind::EmitRelease => domain.complete_approved(&sealed, approved, host).is_ok(),
            ActKind::FullBackup => domain
                .begin_backup_approved(None, 1, approved, host)
                .is_ok(),
            _ => domain.drop_demands(approved, host).is_ok(),
        };
        Some(usize::from(done ^ demanded.is_ok()))
    }
));

entry!(reach_life_rehearse, |input, out| step(
    input,
    |domain, host| {
        let sealed = SealedDomain::parse(input).ok()?;
        let mut digests = [ArtifactDigest::from_bytes([0; 32]); 4];
        match domain {
            At::Empty(domain) => {
                let (expect, lifetime) = (expected(input)?, lifetime(input));
                let begun = domain.begin_rehearsal(&sealed, &expect, lifetime, host, out);
                begun.ok().map(|(_, len)| len)
            }
            At::Rehearsing(mut domain) => {
                let contribution = Contribution::parse(out).ok()?;
                let added = domain.add(&sealed, &contribution, host).is_ok();
                let reported = domain.report(&sealed, host, &mut digests);
                Some(usize::from(added ^ reported.is_ok()))
            }
            At::Active(domain) => domain.artifact_digests(host, &mut digests).ok(),
            _ => None,
        }
    }
));
