// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes the file: in private memory whatever is secret or signed, then in the output.

use core::convert::Infallible;
use core::iter;

use heapless::Vec;
use minicbor::Encoder;
use zeroize::Zeroize;

use super::Sealing;
use crate::ct::{Mask, declassify_bytes, eq_bytes};
use crate::custodian::{Recipient, WrapError};
use crate::ed25519::{SigningKey, VerifyKey};
use crate::hardened::{Permit, Verdict, copy};
use crate::labels::Purpose;
use crate::rng::{self, Watched};
use crate::sealed_domain::error::{SealError, ShareError};
use crate::sealed_domain::header::{Core, encode_shares};
use crate::sealed_domain::hedge::Hedged;
use crate::sealed_domain::id::HeaderDigest;
use crate::sealed_domain::keys::{SealingKey, possession_key, share_context, signed_digest};
use crate::sealed_domain::parse::SealedDomain;
use crate::sealed_domain::slots::{Lengths, Slots};
use crate::sealed_domain::{MAX_CUSTODIANS, RELEASE_LEN};
use crate::secret::Secret;
use crate::shamir::{self, Share};
use crate::wrapped_share::{PLAINTEXT_LEN, WrappedShare, check_hides, wrap};

/// The verify key of each share, and the digest of each wrapped share.
type Listed = Vec<(VerifyKey, [u8; 32]), MAX_CUSTODIANS>;

impl<K: Recipient> Sealing<'_, K> {
    /// Fills `out`, and returns a permit to let it leave. Header and body are made and checked in
    /// `scratch`; in `out` they are not read before the whole file is there. The release goes to
    /// `held_back` alone if there is one, and the file is pending.
    ///
    /// Secret: the root, the artifacts, `scratch`, a release that is held back. Public: the rest,
    /// `out`. Leaks: nothing else.
    pub(super) fn make(
        &self,
        core: &mut Core<'_>,
        lengths: &Lengths,
        rng: &mut dyn Watched,
        scratch: &mut [u8],
        out: &mut [u8],
        held_back: Option<&mut Secret<RELEASE_LEN>>,
    ) -> Result<Permit, SealError> {
        let shown = held_back.as_ref().map_or(RELEASE_LEN, |_| 0);
        let mut slots = Slots::cut(lengths, &core.custodians, shown, out)?;
        let (header, work) = lengths.cut_scratch(scratch)?;

        let mut what = Secret::zeroed();
        self.what(core, lengths, header, &mut what)?;
        let rng: &mut dyn Watched = &mut Hedged::new(rng, self.root, what);
        let data_key = Secret::<32>::random(rng)?;
        let release = Secret::<RELEASE_LEN>::random(rng)?;
        rng::fill(rng, &mut core.salt)?;
        let drawn = rng::check_drawn(data_key.expose())?
            .and(rng::check_drawn(release.expose())?)
            .and(rng::check_drawn(&core.salt)?);
        rng.tick();
        core.release_digest = Purpose::Release.digest([release.expose().as_slice()]);

        let core_digest = self.write_header(core, lengths, &[], header)?;
        let mut shares = [const { None }; MAX_CUSTODIANS];
        let shares = shares
            .get_mut(..core.custodians.len())
            .ok_or(SealError::Fault)?;
        shamir::split_into(&data_key, core.quorum, rng, shares)?;
        let mut listed = Listed::new();
        let wrapped = &mut slots.wrapped;
        self.wrap_shares(
            (core, &core_digest),
            shares,
            rng,
            work,
            wrapped,
            &mut listed,
        )?;
        self.write_header(core, lengths, &listed, header)?;
        let digest = HeaderDigest::from_bytes(Purpose::Header.digest([&*header]));

        let mut key = SealingKey::none();
        key.derive(&core.salt, &data_key, release.expose())?;
        let mut commitment = Secret::<32>::zeroed();
        key.commitment(&digest, &mut commitment)?;
        let (body, clear) = lengths.cut_work(work)?;
        self.seal_body(&key, &digest, clear, body)?;
        rng.tick();

        let mut rebuilt = Secret::zeroed();
        super::body::rebuild(&data_key, core.quorum, shares, &mut rebuilt)?;
        key.derive(&core.salt, &rebuilt, release.expose())?;
        let committed = Verdict::twice(|| key.is_committed(&digest, commitment.expose()))
            .permit(SealError::Fault)?;
        rng.tick();
        let opens = self
            .check_body(&key, &digest, clear, body)?
            .and(committed)
            .and(drawn);

        // From here on the file is public, and signed as such.
        declassify_bytes(header);
        declassify_bytes(commitment.expose_mut());
        declassify_bytes(body);
        let mut signed = signed_digest(&digest, commitment.expose(), body);
        declassify_bytes(&mut signed);
        let mut domain_key = SigningKey::zeroed();
        self.root.domain_key(&mut domain_key)?;
        rng.tick();
        let signature = domain_key
            .sign(&signed, rng)
            .map_err(|_| SealError::Fault)?;

        rng.tick();
        opens.test(SealError::Fault)?;
        copy(slots.header, header)?;
        // An empty slot takes nothing.
        let leaves = { release.expose() }.get(..slots.release.len());
        copy(slots.release, leaves.ok_or(SealError::Fault)?)?;
        if let Some(held_back) = held_back {
            copy(held_back.expose_mut(), release.expose())?;
        }
        copy(slots.commitment, commitment.expose())?;
        copy(slots.body, body)?;
        copy(slots.signature, &signature)?;
        drop(slots);
        declassify_bytes(out);
        #[cfg(test)]
        tests::strike(out);
        Ok(opens.and(read_back(out, &digest, shown, shares, rng)?))
    }

    /// Returns a digest of everything that is sealed, to which the draws are bound.
    ///
    /// Secret: the artifacts, `what`. Public: the rest. Leaks: nothing else.
    fn what(
        &self,
        core: &Core<'_>,
        lengths: &Lengths,
        header: &mut [u8],
        what: &mut Secret<32>,
    ) -> Result<(), SealError> {
        let core_digest = self.write_header(core, lengths, &[], header)?;
        let artifacts = self.artifacts.iter().map(|(_, artifact)| *artifact);
        let mut digest = Purpose::Sealing.digest(iter::once(&core_digest[..]).chain(artifacts));
        let copied = copy(what.expose_mut(), &digest);
        digest.zeroize();
        Ok(copied?)
    }

    /// Writes the header with as many items of the shares list as there are, and returns C.
    fn write_header(
        &self,
        core: &Core<'_>,
        lengths: &Lengths,
        listed: &[(VerifyKey, [u8; 32])],
        header: &mut [u8],
    ) -> Result<[u8; 32], SealError> {
        let mut encoder = Encoder::new(&mut *header);
        let written = (|| {
            encoder.array(2)?.bytes_len(lengths.core as u64)?;
            core.encode(self.listed_artifacts(), &mut encoder)?;
            encode_shares(
                listed.iter().map(|(key, digest)| (key, digest)),
                &mut encoder,
            )
        })();
        written.map_err(|_| SealError::Fault)?;
        let core = header.get(lengths.core_in_header());
        Ok(Purpose::Core.digest([core.ok_or(SealError::Fault)?]))
    }

    /// Wraps each share to its custodian in `work`, checks it, copies it to its slot and lists it.
    /// The core comes with its digest.
    ///
    /// Secret: the shares. Public: the rest. Leaks: nothing else.
    fn wrap_shares(
        &self,
        (core, core_digest): (&Core<'_>, &[u8; 32]),
        shares: &[Option<Share<32>>],
        rng: &mut dyn Watched,
        work: &mut [u8],
        slots: &mut [&mut [u8]],
        listed: &mut Listed,
    ) -> Result<(), SealError> {
        let custodians = self.custodians.iter().zip(&core.custodians);
        for ((share, (recipient, (id, algorithm))), slot) in
            shares.iter().zip(custodians).zip(slots)
        {
            let share = share.as_ref().ok_or(SealError::Fault)?;
            let listed_one = Verdict::twice(|| eq_bytes(recipient.id().as_bytes(), id.as_bytes()))
                .permit(SealError::Fault)?;
            let wrapped = work
                .get_mut(..algorithm.wrapped_len(PLAINTEXT_LEN))
                .ok_or(SealError::Fault)?;
            let context = share_context(core_digest, share.index(), id);
            let hidden =
                wrap(share, &context, recipient, rng, wrapped).map_err(|error| match error {
                    WrapError::Rng => SealError::Rng,
                    error => SealError::Wrap(*id, error),
                })?;
            let mut key = SigningKey::zeroed();
            possession_key(core_digest, share, &mut key)?;
            let key = key.verify_key();
            // A wrapped share is public: it is stored in a file and passes between custodians.
            declassify_bytes(wrapped);
            listed
                .push((key, WrappedShare::from_bytes(wrapped).digest()))
                .map_err(|_| SealError::Fault)?;
            rng.tick();
            listed_one.and(hidden).spend(SealError::Fault)?;
            copy(slot, wrapped)?;
        }
        (listed.len() == core.custodians.len())
            .then_some(())
            .ok_or(SealError::Fault)
    }
}

/// Reads the finished file as any reader does, and checks that it shows `release` bytes of its
/// release. Checks every share against it: it belongs to its custodian, and does not appear in the
/// clear in what was wrapped to them.
fn read_back(
    file: &[u8],
    header: &HeaderDigest,
    release: usize,
    shares: &[Option<Share<32>>],
    watched: &mut dyn Watched,
) -> Result<Permit, SealError> {
    let sealed = SealedDomain::parse(file).map_err(|_| SealError::Fault)?;
    watched.tick();
    let mut permit =
        Verdict::twice(|| eq_bytes(sealed.header().digest().as_bytes(), header.as_bytes()))
            .permit(SealError::Fault)?
            .and(sealed.check_shows(release, SealError::Fault)?);
    let mut seen = 0;
    for ((custodian, wrapped), share) in sealed.wrapped_shares().zip(shares) {
        let share = share.as_ref().ok_or(SealError::Fault)?;
        let dealt = sealed
            .check_share(custodian.id, share)
            .map_err(|_: ShareError<Infallible>| SealError::Fault)?;
        let hidden = check_hides(
            wrapped.as_bytes(),
            custodian.algorithm,
            share.value().expose(),
            SealError::Fault,
        )?;
        permit = permit.and(dealt).and(hidden);
        seen += 1;
        watched.tick();
    }
    let all = Verdict::twice(|| Mask::public(seen == shares.len())).permit(SealError::Fault)?;
    Ok(permit.and(all))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use core::cell::Cell;
    use std::vec;

    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use crate::quorum::Threshold;
    use crate::rsa::{PrivateKey, PublicKey};
    use crate::sealed_domain::{
        ArtifactTag, DomainLabel, InstanceId, Lineage, ModuleFloor, Root, SealError, Sealing,
    };

    std::thread_local! {
        static STRUCK: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// A simulated fault: changes one byte of the finished file before it is read back.
    pub(super) fn strike(out: &mut [u8]) {
        if let Some(byte) = STRUCK.get().and_then(|at| out.get_mut(at)) {
            *byte ^= 1;
        }
    }

    #[test]
    fn a_byte_changed_in_the_finished_file_is_seen() {
        let keys: [PublicKey; 3] = [
            include_bytes!("../../../tests/vectors/sealed-domain/keys/a.p8").as_slice(),
            include_bytes!("../../../tests/vectors/sealed-domain/keys/b.p8"),
            include_bytes!("../../../tests/vectors/sealed-domain/keys/c.p8"),
        ]
        .map(|der| {
            PrivateKey::from_pkcs8_der(der)
                .unwrap()
                .public_key()
                .clone()
        });
        let rng = || ChaCha20Rng::from_seed([1; 32]);
        let sealing = Sealing {
            root: &Root::random(&mut rng()).unwrap(),
            artifacts: &[(ArtifactTag::new("a").unwrap(), b"artifact")],
            custodians: &keys,
            threshold: Threshold::new(2).unwrap(),
            label: DomainLabel::new("test").unwrap(),
            lineage: Lineage::FIRST,
            created: 0,
            instance: InstanceId::from_bytes([7; 16]),
            floor: ModuleFloor::NONE,
            break_glass: None,
        };
        let mut scratch = vec![0; sealing.scratch_len().unwrap()];
        let mut out = vec![0; sealing.sealed_len().unwrap()];
        for at in (0..out.len()).step_by(61) {
            STRUCK.set(Some(at));
            let sealed = sealing.seal(&mut rng(), &mut scratch, &mut out).map(drop);
            assert_eq!(sealed, Err(SealError::Fault), "at {at}");
            assert!(out.iter().all(|byte| *byte == 0));
        }
        STRUCK.set(None);
        assert!(sealing.seal(&mut rng(), &mut scratch, &mut out).is_ok());
    }
}
