// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the vault's memory holds beside the domain while the domain is there, and what a dropped vault leaves.

use security_domain::lifecycle::AnyDomain;

use crate::flash::{Fault, Hsm};
use crate::sealed::share;
use crate::world::{In, Lost, ROOM, hsm, memory, provisioned, tested, vault};

type Vault = security_domain::lifecycle::Vault<ROOM>;

/// An artifact of every domain here.
const ARTIFACT: &[u8] = b"thirty-two bytes of key material";

/// How often the vault's memory holds these bytes.
fn count(vault: &Vault, bytes: &[u8]) -> usize {
    let memory = memory(vault);
    { memory.windows(bytes.len()) }
        .filter(|window| *window == bytes)
        .count()
}

/// Leaves a domain where it is: when it is dropped, the vault is wiped, and nothing can be seen any more.
fn leave<T>(domain: T) {
    std::mem::forget(domain);
}

#[test]
fn what_was_on_its_way_to_or_from_the_flash_is_gone() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    leave(provisioned(&mut vault, &mut hsm));
    assert_eq!(count(&vault, ARTIFACT), 1, "after a write");
    leave(vault.start(tested(), &mut hsm).unwrap());
    assert_eq!(count(&vault, ARTIFACT), 1, "after a start");
}

#[test]
fn a_write_that_fails_leaves_nothing_in_the_buffer() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let domain = quorate(&lost, &mut vault, &mut hsm);
    let calls = hsm.calls();
    for call in 0..2 {
        hsm.fault(call, Fault::Fails);
    }
    leave(domain.open(&lost.sealed(), &mut hsm).unwrap_err());
    assert!(hsm.calls() > calls);
    assert_eq!(count(&vault, ARTIFACT), 0);
}

fn quorate<'v>(
    lost: &Lost,
    vault: &'v mut Vault,
    hsm: &mut Hsm,
) -> In<'v, security_domain::lifecycle::QuorumMet> {
    let sealed = lost.sealed();
    let mut domain = lost.recovering_here(vault, hsm);
    for key in &lost.keys[..2] {
        domain.add_share(&sealed, share(&sealed, key), hsm).unwrap();
    }
    domain.quorum().unwrap()
}

#[test]
fn what_came_out_of_a_sealed_domain_is_gone_when_it_is_not_kept() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let domain = quorate(&lost, &mut vault, &mut hsm);
    for call in 0..3 {
        hsm.fault(call, Fault::Fails);
    }
    leave(domain.open(&lost.sealed(), &mut hsm).unwrap_err());
    assert_eq!(count(&vault, ARTIFACT), 0, "it did not come into use");

    let (mut vault, mut hsm) = (crate::world::vault(), crate::world::hsm(3));
    let domain = quorate(&lost, &mut vault, &mut hsm);
    leave(domain.open(&lost.sealed(), &mut hsm).unwrap());
    assert_eq!(count(&vault, ARTIFACT), 1, "it did");
}

#[test]
fn a_dropped_vault_holds_nothing() {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let domain = provisioned(&mut vault, &mut hsm);
    let instance = domain.status().instance.unwrap();
    leave(domain);
    let place = Box::into_raw(vault);
    // SAFETY: the place is the box's; what was dropped in it is not used again, but read byte by byte.
    unsafe {
        assert_eq!(count(&*place, ARTIFACT), 1);
        place.drop_in_place();
        assert_eq!(count(&*place, ARTIFACT), 0);
        // Not even what is no secret: the whole vault was wiped.
        assert_eq!(count(&*place, instance.as_bytes()), 0);
        drop(Box::from_raw(place.cast::<std::mem::MaybeUninit<Vault>>()));
    }
}

/// From whatever call on the flash fails while a session ends: if it still holds what it held then, the end says
/// so.
#[test]
fn an_end_that_erased_nothing_is_reported() {
    let lost = Lost::new(1);
    let mut kept = 0;
    for from in 0..24 {
        let (mut vault, mut hsm) = (vault(), hsm(2));
        let mut domain = lost.recovering_here(&mut vault, &mut hsm);
        let sealed = lost.sealed();
        domain
            .add_share(&sealed, share(&sealed, &lost.keys[0]), &mut hsm)
            .unwrap();
        let before = hsm.flash.slots.clone();
        for call in from..100 {
            hsm.fault(call, Fault::Fails);
        }
        let ended = domain.cancel(&mut hsm);
        let held = |slot: &Option<Vec<u8>>| {
            slot.as_ref().is_some_and(|bytes| !bytes.is_empty()) && before.contains(slot)
        };
        if hsm.flash.slots.iter().any(held) {
            kept += 1;
            assert!(ended.is_err(), "{from}");
        }
    }
    assert!(kept > 0, "no fault here keeps the flash as it was");
}

/// Even what is no secret: the room of a session is wiped whole, because a move may leave anything in it.
#[test]
fn an_ended_session_leaves_nothing() {
    let lost = Lost::new(1);
    let (mut vault, mut hsm) = (vault(), hsm(2));
    let mut domain = lost.recovering_here(&mut vault, &mut hsm);
    let sealed = lost.sealed();
    domain
        .add_share(&sealed, share(&sealed, &lost.keys[0]), &mut hsm)
        .unwrap();
    leave(domain);
    let custodian = lost.id(0);
    assert_eq!(count(&vault, custodian.as_bytes()), 1);
    let Ok(AnyDomain::Recovering(domain)) = vault.start(tested(), &mut hsm) else {
        panic!("it gathers shares");
    };
    leave(domain.cancel(&mut hsm).unwrap());
    assert_eq!(count(&vault, custodian.as_bytes()), 0);
}

#[cfg(feature = "managed-hsm")]
mod import {
    use security_domain::lifecycle::ExpectedArtifact;
    use security_domain::managed_hsm::restore_blob::RestoreBlob;
    use security_domain::rsa::ModulusSize;
    use security_domain::sealed_domain::ArtifactTag;
    use security_domain::x509::{Certificate, SELF_SIGNED_MAX_LEN};

    use super::*;

    const FIRST: &[u8] = b"what comes in with the first tag";
    const SECOND: &[u8] = b"what comes in with the other tag";

    /// An import of the two, the second of which has this digest.
    fn importing<'v>(
        vault: &'v mut Vault,
        hsm: &mut Hsm,
        second: Option<[u8; 32]>,
    ) -> (In<'v, security_domain::lifecycle::Importing>, Vec<u8>) {
        let expected =
            [("first", None), ("second", second)].map(|(tag, digest)| ExpectedArtifact {
                tag: ArtifactTag::new(tag).unwrap(),
                digest,
            });
        let mut certificate = vec![0; SELF_SIGNED_MAX_LEN];
        let (domain, len) = crate::world::empty(vault, hsm)
            .begin_import(ModulusSize::Rsa2048, &expected, None, hsm, &mut certificate)
            .unwrap();
        let blob =
            crate::import::blob(&[("first", FIRST), ("second", SECOND)], &certificate[..len]);
        (domain, blob)
    }

    #[test]
    fn what_came_in_stands_once_and_is_gone_after_an_abort() {
        let (mut vault, mut hsm) = (vault(), hsm(1));
        let (domain, blob) = importing(&mut vault, &mut hsm, None);
        let domain = domain
            .import(&RestoreBlob::parse(&blob).unwrap(), &mut hsm)
            .unwrap();
        leave(domain);
        assert_eq!(count(&vault, FIRST), 1);
        let Ok(AnyDomain::Imported(domain)) = vault.start(tested(), &mut hsm) else {
            panic!("it waits to be confirmed");
        };
        leave(domain.cancel(&mut hsm).unwrap());
        assert_eq!((count(&vault, FIRST), count(&vault, SECOND)), (0, 0));
    }

    #[test]
    fn what_came_in_before_an_error_is_gone() {
        let (mut vault, mut hsm) = (vault(), hsm(1));
        let (domain, blob) = importing(&mut vault, &mut hsm, Some([7; 32]));
        let blob = RestoreBlob::parse(&blob).unwrap();
        leave(domain.import(&blob, &mut hsm).unwrap_err());
        assert_eq!((count(&vault, FIRST), count(&vault, SECOND)), (0, 0));
    }

    /// The first bytes of the transfer key's modulus. They stand in the vault where the key does.
    fn modulus(certificate: &[u8]) -> Vec<u8> {
        let certificate = Certificate::parse(certificate).unwrap();
        certificate.public_key().modulus()[..32].to_vec()
    }

    #[test]
    fn a_transfer_key_is_gone_when_a_blob_has_come_in_or_the_import_is_over() {
        let named = crate::import::expected(&crate::import::ARTIFACTS);
        for comes_in in [true, false] {
            let (mut vault, mut hsm) = (vault(), hsm(1));
            let (domain, certificate) = crate::import::importing(&mut vault, &mut hsm, &named);
            leave(domain);
            let modulus = modulus(&certificate);
            assert_eq!(count(&vault, &modulus), 1);
            let Ok(AnyDomain::Importing(domain)) = vault.start(tested(), &mut hsm) else {
                panic!("it waits for a blob");
            };
            if comes_in {
                let blob = crate::import::blob(&crate::import::ARTIFACTS, &certificate);
                let blob = RestoreBlob::parse(&blob).unwrap();
                leave(domain.import(&blob, &mut hsm).unwrap());
            } else {
                leave(domain.cancel(&mut hsm).unwrap());
            }
            assert_eq!(count(&vault, &modulus), 0, "{comes_in}");
        }
    }

    #[test]
    fn what_was_expected_is_gone_when_it_is_confirmed() {
        let (mut vault, mut hsm) = (vault(), hsm(1));
        let known = crate::import::known(&crate::import::ARTIFACTS);
        let digest = known[0].digest.unwrap();
        let (domain, certificate) = crate::import::importing(&mut vault, &mut hsm, &known);
        let blob = crate::import::blob(&crate::import::ARTIFACTS, &certificate);
        let blob = RestoreBlob::parse(&blob).unwrap();
        leave(domain.import(&blob, &mut hsm).unwrap());
        assert_eq!(count(&vault, &digest), 1);
        let Ok(AnyDomain::Imported(domain)) = vault.start(tested(), &mut hsm) else {
            panic!("it waits to be confirmed");
        };
        leave(crate::import::confirm(domain, &mut hsm).unwrap());
        assert_eq!(count(&vault, &digest), 0);
    }
}
