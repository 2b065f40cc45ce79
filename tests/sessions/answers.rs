// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a session is for: custodians who never meet open a domain in an HSM that they have vetted.

use std::fs;

use security_domain::contribution::{
    ContributeError, Contribution, Request, RequestDigest, SessionPurpose, Verifier, VetError,
    VettedRequest, contribute, contribution_len,
};
use security_domain::hazmat::contribution::AskError;
use security_domain::sealed_domain::{Root, SealedDomain};

use crate::sealed::{rng, vectors};
use crate::world::{World, compared, rsa_of, written};

#[test]
fn any_two_of_three_open_the_domain_by_contributions() {
    let world = World::new(1);
    let (sealed, request) = (world.sealed(), written(&world.asking()));
    let digest = Request::parse(&request).unwrap().digest();
    let shares = [0, 1, 2].map(|place| {
        let contribution = world.contribution(place, &request).unwrap();
        let share = world.open(digest, &contribution).unwrap();
        assert_eq!(share.custodian(), world.id(place));
        assert_eq!(share.header(), sealed.header().digest());
        assert_eq!(usize::from(share.index().get()), place + 1);
        share
    });
    for pair in [[0, 1], [1, 2], [2, 0]] {
        let chosen = pair.map(|place| &shares[place]);
        let mut out = vec![0; sealed.opened_len()];
        let opened = sealed.open(&world.expect(), &chosen, &mut out).unwrap();
        assert_eq!(
            opened.root().domain_id().unwrap(),
            world.root.domain_id().unwrap()
        );
    }
}

#[test]
fn a_transfer_key_of_any_size_serves_as_long_as_it_is_no_weaker() {
    let mut world = World::new(1);
    for bits in [2048, 3072, 4096] {
        *world.transfer.get_mut() = rsa_of(bits);
        let request = written(&world.asking());
        let digest = Request::parse(&request).unwrap().digest();
        let contribution = world.contribution(1, &request).unwrap();
        assert_eq!(contribution.len(), 106 + bits as usize / 8);
        assert!(contribution.len() <= Contribution::MAX_LEN);
        assert_eq!(
            world.open(digest, &contribution).unwrap().custodian(),
            world.id(1)
        );
    }
}

/// A wrapped share that was garbled in one copy of the file is of no use there; the custodian's own copy
/// still serves, and what he sends is judged by his verify key.
#[test]
fn a_wrapped_share_garbled_in_the_hsms_copy_does_not_matter() {
    let mut world = World::new(1);
    let request = written(&world.asking());
    let digest = Request::parse(&request).unwrap().digest();
    let contribution = world.contribution(0, &request).unwrap();
    let wrapped = world.sealed().wrapped_shares().next().unwrap().1;
    let place = wrapped.as_bytes().as_ptr() as usize - world.file.as_ptr() as usize;
    world.file[place] ^= 1;
    assert_eq!(world.sealed().changed().count(), 1);
    assert_eq!(
        world.open(digest, &contribution).unwrap().custodian(),
        world.id(0)
    );
}

/// A custodian who was given the file without its release holds the same share under the same header.
#[test]
fn a_custodian_with_the_pending_file_contributes_to_the_complete_one() {
    let mut world = World::new(1);
    let request = written(&world.asking());
    let digest = Request::parse(&request).unwrap().digest();
    let complete = world.file.clone();
    let body_and_rest = 2 + 32 + 2 + world.sealed().opened_len() + 16 + 2 + 64;
    let release = complete.len() - body_and_rest - 34;
    world.file.splice(release..release + 34, [0x40]);
    assert!(world.sealed().is_pending());
    let contribution = world.contribution(2, &request).unwrap();
    world.file = complete;
    assert!(!world.sealed().is_pending());
    assert_eq!(
        world.open(digest, &contribution).unwrap().custodian(),
        world.id(2)
    );
}

#[test]
fn a_request_says_what_was_asked() {
    let world = World::new(1);
    let asking = world.asking();
    let bytes = written(&asking);
    let request = Request::parse(&bytes).unwrap();
    assert_eq!(request.as_bytes(), bytes);
    assert_eq!(request.purpose(), SessionPurpose::Recover);
    assert_eq!(request.session(), asking.session);
    assert_eq!(request.header(), asking.header);
    assert_eq!(request.domain_id(), asking.domain_id);
    assert_eq!(request.epoch(), asking.epoch);
    assert_eq!(request.transfer(), asking.transfer);
    assert_eq!(request.instance(), asking.instance);
    assert_eq!(request.created(), asking.created);
    assert_eq!(
        request.expires().map(|expires| expires.get()),
        Some(asking.expires)
    );
    assert_eq!(request.ledger_head(), asking.ledger_head);
    assert!(!request.is_signed());
    assert!(bytes.len() <= Request::MAX_LEN);

    let contribution = world.contribution(2, &bytes).unwrap();
    let contribution = Contribution::parse(&contribution).unwrap();
    assert_eq!(contribution.request(), request.digest());
    assert_eq!(contribution.index().get(), 3);
}

#[test]
fn buffers_are_exact_and_nothing_is_written_beyond() {
    let world = World::new(1);
    let asking = world.rehearsing();
    for signer in [None, Some(&world.root)] {
        let needed = asking.request_len(signer.is_some()).unwrap();
        let mut out = vec![0xaa; needed + 9];
        assert_eq!(
            asking.write(signer, &mut out[..needed - 1]).unwrap_err(),
            AskError::BufferTooSmall { needed }
        );
        assert!(out.iter().all(|byte| *byte == 0xaa));
        let len = asking.write(signer, &mut out).unwrap().as_bytes().len();
        assert_eq!(len, needed);
        assert_eq!(out[needed..], [0xaa; 9]);
    }

    let request = written(&world.asking());
    let vetted = compared(&request);
    let needed = contribution_len(vetted.request());
    let mut out = vec![0xaa; needed + 9];
    let give = |out: &mut [u8]| {
        let (sealed, share) = (world.sealed(), world.share(0));
        contribute(
            &sealed,
            &world.expect(),
            &vetted,
            &share,
            0,
            &mut rng(1),
            out,
        )
        .map(|contribution| contribution.as_bytes().len())
    };
    assert_eq!(
        give(&mut out[..needed - 1]).unwrap_err(),
        ContributeError::BufferTooSmall { needed }
    );
    assert!(out.iter().all(|byte| *byte == 0xaa));
    assert_eq!(give(&mut out), Ok(needed));
    assert_eq!(out[needed..], [0xaa; 9]);
}

/// The maker's attestation, reduced to its essence.
struct Carries([u8; 4]);

impl Verifier for Carries {
    fn accepts(&self, evidence: &[u8], request: RequestDigest) -> bool {
        evidence.strip_prefix(&self.0) == Some(request.as_bytes())
    }
}

#[test]
fn there_are_three_ways_to_vet() {
    let world = World::new(1);
    let bytes = written(&world.asking());
    let request = Request::parse(&bytes).unwrap();
    let digest = request.digest();

    let vetted = VettedRequest::compared(request.clone(), digest).unwrap();
    assert_eq!(vetted.request().digest(), digest);
    let want = RequestDigest::from_bytes([1; 32]);
    assert_eq!(
        VettedRequest::compared(request.clone(), want).unwrap_err(),
        VetError::OtherRequest { have: digest, want }
    );

    let evidence = [b"good".as_slice(), digest.as_bytes()].concat();
    assert!(VettedRequest::attested(request.clone(), &evidence, &Carries(*b"good")).is_ok());
    for (evidence, maker) in [(&evidence[..35], *b"good"), (&evidence, *b"evil")] {
        let refused = VettedRequest::attested(request.clone(), evidence, &Carries(maker));
        assert_eq!(refused.unwrap_err(), VetError::Evidence);
    }

    let sealed = world.sealed();
    let refused = VettedRequest::signed(request, &sealed).unwrap_err();
    assert_eq!(refused, VetError::Unsigned);
    let asking = world.rehearsing();
    let unsigned = written(&asking);
    let mut out = vec![0; asking.request_len(true).unwrap()];
    let signed = asking.write(Some(&world.root), &mut out).unwrap();
    assert!(signed.is_signed());
    let digest = Request::parse(&unsigned).unwrap().digest();
    assert_eq!(signed.digest(), digest, "the signature is not part of R");
    assert!(VettedRequest::signed(signed, &sealed).is_ok());
}

/// Who can forge signatures, or has the domain key, gets no share by it: a request to recover that the
/// domain key has signed is vetted by no signature, and no HSM makes one.
#[test]
fn no_share_leaves_on_a_signature_alone() {
    let file = fs::read(vectors().join("good.sealed")).unwrap();
    let sealed = SealedDomain::parse(&file).unwrap();
    let request = fs::read(vectors().join("request-recover-signed.cbor")).unwrap();
    let signed = Request::parse(&request).unwrap();
    assert_eq!(signed.purpose(), SessionPurpose::Recover);
    assert_eq!(
        VettedRequest::signed(signed.clone(), &sealed).unwrap_err(),
        VetError::SignedRecovery
    );
    let digest = signed.digest();
    assert!(VettedRequest::compared(signed, digest).is_ok());

    let world = World::new(1);
    let mut out = [0xaa; Request::MAX_LEN];
    let refused = world.asking().write(Some(&world.root), &mut out);
    assert_eq!(refused.unwrap_err(), AskError::SignedRecovery);
    assert_eq!(out, [0xaa; Request::MAX_LEN]);
    // A rehearsal is no recovery: an HSM in which the domain is in use may ask for it.
    let asking = world.rehearsing();
    let signed = asking.write(Some(&world.root), &mut out).unwrap();
    assert_eq!(signed.purpose(), SessionPurpose::Rehearse);
    let vetted = VettedRequest::signed(signed, &world.sealed()).unwrap();
    let (sealed, share) = (world.sealed(), world.share(0));
    let mut room = [0; Contribution::MAX_LEN];
    let answered = contribute(
        &sealed,
        &world.expect(),
        &vetted,
        &share,
        0,
        &mut rng(1),
        &mut room,
    );
    assert!(answered.is_ok(), "{answered:?}");
}

/// Anyone can make a domain of his own, and a request that it signs.
#[test]
fn a_signature_by_another_domain_vets_nothing() {
    let (world, stranger) = (World::new(1), World::new(2));
    let mut out = [0; Request::MAX_LEN];
    let signed = world
        .rehearsing()
        .write(Some(&stranger.root), &mut out)
        .unwrap();
    assert_eq!(
        VettedRequest::signed(signed.clone(), &world.sealed()).unwrap_err(),
        VetError::Signature
    );
    assert_eq!(
        VettedRequest::signed(signed, &stranger.sealed()).unwrap_err(),
        VetError::OtherDomain {
            have: world.root.domain_id().unwrap(),
            want: stranger.root.domain_id().unwrap()
        }
    );
}

#[test]
fn an_hsm_without_a_clock_lets_nothing_expire() {
    let world = World::new(1);
    let write = |created, expires| {
        let mut asking = world.asking();
        (asking.created, asking.expires) = (created, expires);
        asking.write(None, &mut [0; Request::MAX_LEN]).map(drop)
    };
    assert_eq!(write(0, 0), Ok(()));
    assert_eq!(write(5, 0), Ok(()));
    assert_eq!(write(5, 5), Ok(()));
    assert_eq!(write(0, 5), Err(AskError::Expiry));
    assert_eq!(write(5, 4), Err(AskError::Expiry));
}

#[test]
fn nothing_secret_is_printed() {
    let world = World::new(1);
    let request = written(&world.asking());
    let said = format!("{:?} {:?}", compared(&request), world.share(0));
    let root: &Root = &world.root;
    let bytes = format!("{:?}", root.secret().expose());
    assert!(!said.contains(bytes.trim_matches(['[', ']'])));
    assert!(said.contains("Share<32>(1, ..)"));
}
