// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rehearses a recovery: a quorum contributes to an HSM that opens the sealed domain, reports what is in it,
//! and wipes it. What was opened is never written to the flash, and never in use.
//!
//! A rehearsal cannot be opened for use:
//!
//! ```compile_fail,E0599
//! # use security_domain::sealed_domain::SealedDomain;
//! # use security_domain::lifecycle::{Domain, Host, Rehearsing};
//! # fn early<H: Host>(session: Domain<'_, Rehearsing, 9>, sealed: &SealedDomain, host: &mut H) {
//! let ready = session.quorum();
//! # }
//! ```
//!
//! and takes no shares, which would need no vetted request:
//!
//! ```compile_fail,E0599
//! # use security_domain::sealed_domain::{DomainShare, SealedDomain};
//! # use security_domain::lifecycle::{Domain, Host, Rehearsing};
//! # fn here<H: Host>(mut session: Domain<'_, Rehearsing, 9>, sealed: &SealedDomain, share: DomainShare, host: &mut H) {
//! let added = session.add_share(sealed, share, host);
//! # }
//! ```

use core::num::NonZeroU64;

use super::error::LifecycleError;
use super::event::{Event, Step};
use super::host::{Host, watched};
use super::session::Aim;
use super::state::{Domain, Empty, InUse, Refused, Rehearsing};
use super::vault::Vault;
use crate::burn::{self, burning};
use crate::ct::{Mask, declassify_bytes, eq_bytes};
use crate::hardened::{Fault, Verdict, copy};
use crate::labels::Purpose;
use crate::sealed_domain::{ArtifactTag, ExpectedDomain, Root, SealedDomain, id};
use crate::secret::{Secret, wipe};
use crate::self_test::Test;

id! {
    /// The digest of an artifact in the report of a rehearsal: X(root, "rehearsal", tag, artifact).
    ///
    /// Only who has the root can compute it, so a weak artifact cannot be guessed from it.
    ArtifactDigest, 32
}

/// The length of a digest in bytes.
const DIGEST_LEN: usize = 32;

impl<'v, const N: usize> Domain<'v, Empty, N> {
    /// Begins a rehearsal: a session as [`begin_recovery`](Self::begin_recovery) begins it, whose request
    /// says that it is to rehearse. A contribution to one is of no use to the other.
    ///
    /// The HSM opens the domain once there is a quorum, so custodians vet it as for a recovery.
    ///
    /// Secret: the transfer key. Public: everything else. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// As for [`begin_recovery`](Self::begin_recovery).
    pub fn begin_rehearsal<H: Host>(
        self,
        sealed: &SealedDomain<'_>,
        expect: &ExpectedDomain,
        lifetime: Option<NonZeroU64>,
        host: &mut H,
        request: &mut [u8],
    ) -> Result<(Domain<'v, Rehearsing, N>, usize), Refused<Self>> {
        self.gathering(Aim::Rehearse, sealed, expect, lifetime, host, request)
    }
}

impl<'v, const N: usize> Domain<'v, Rehearsing, N> {
    /// Opens the sealed domain with the session's shares, writes the digest of each artifact to the front of
    /// `digests`, in the order of [`Header::artifacts`](crate::sealed_domain::Header::artifacts), and
    /// returns their number. Then everything is wiped, in memory and on the flash, and the HSM is empty.
    ///
    /// [`artifact_digests`](Domain::artifact_digests) returns the same digests in an HSM in which the domain
    /// is in use. Who has contributed, and to which request, must be read before:
    /// [`contributors`](Self::contributors), [`request`](Self::request).
    ///
    /// If it is refused, the session is there with all its shares, as for [`open`](Domain::open), or it has
    /// ended, and its end could not be written: [`cancel`](Domain::cancel) then ends it again, and returns
    /// the empty domain. `digests` is left as zeros.
    ///
    /// Secret: the shares, the domain. Public: `sealed`, the digests. Leaks: whether it opened.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::NoQuorum`]: too few custodians have contributed.
    /// - [`LifecycleError::BufferTooSmall`]: `digests` has fewer places than there are artifacts.
    /// - [`LifecycleError::NotWritten`]: the domain was opened and wiped, and the end of the session could not
    ///   be written.
    /// - The reasons of [`open`](Domain::open).
    pub fn report<H: Host>(
        self,
        sealed: &SealedDomain<'_>,
        host: &mut H,
        digests: &mut [ArtifactDigest],
    ) -> Result<(Domain<'v, Empty, N>, usize), Refused<Self>> {
        let reported = self.after(Step::Rehearse, host, |vault, host| {
            let reported = vault.rehearse(sealed, host, digests);
            wipe(&mut vault.buffer);
            reported
        });
        let empty = reported.and_then(|(domain, count): (Domain<'v, Empty, N>, usize)| {
            // A call that is skipped can leave an older `Ok` where the step's answer was to be.
            match domain.vault.check_ended() {
                Ok(()) => Ok((domain, count)),
                Err(fault) => Err(Refused {
                    domain: Domain::new(domain.vault),
                    error: fault.into(),
                }),
            }
        });
        empty.inspect_err(|_| digests.fill(ArtifactDigest::from_bytes([0; 32])))
    }
}

impl<S: InUse, const N: usize> Domain<'_, S, N> {
    /// Writes the digest of each artifact to the front of `digests`, in the order of
    /// [`artifacts`](Self::artifacts), and returns their number: what the [`report`](Domain::report) of a
    /// rehearsal of this domain must show.
    ///
    /// Secret: the domain. Public: the digests. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::BufferTooSmall`]: `digests` has fewer places than there are artifacts.
    /// - Those of [`artifacts`](Self::artifacts).
    pub fn artifact_digests<H: Host>(
        &self,
        host: &mut H,
        digests: &mut [ArtifactDigest],
    ) -> Result<usize, LifecycleError> {
        let artifacts = self.artifacts(host)?;
        let root = &self.vault.held.root;
        burning::<{ burn::DOMAIN }, _>(move || digest_all(root, artifacts, digests))
    }
}

/// Writes the digests of these artifacts to the front of `out`, and returns their number.
///
/// Secret: the root, the artifacts. Public: the tags, the digests. Leaks: nothing else.
fn digest_all<'a>(
    root: &Root,
    artifacts: impl Iterator<Item = (ArtifactTag<'a>, &'a [u8])>,
    out: &mut [ArtifactDigest],
) -> Result<usize, LifecycleError> {
    let mut count: usize = 0;
    for (tag, artifact) in artifacts {
        let next = count.saturating_add(1);
        let needed = next.saturating_mul(DIGEST_LEN);
        let place = { out.get_mut(count) }.ok_or(LifecycleError::BufferTooSmall { needed })?;
        *place = digest(root, tag, artifact)?;
        count = next;
    }
    Ok(count)
}

/// Secret: the root, the artifact. Public: the tag, the digest. Leaks: nothing else.
fn digest(root: &Root, tag: ArtifactTag<'_>, artifact: &[u8]) -> Result<ArtifactDigest, Fault> {
    let derive = |out: &mut Secret<32>| {
        let parts = [tag.as_str().as_bytes(), artifact];
        Purpose::Rehearsal.derive(root.secret().expose(), &[], parts, out)
    };
    let mut derived = Secret::zeroed();
    derive(&mut derived)?;
    // Once more, because it leaves the HSM.
    Verdict::twice(|| {
        let mut again = Secret::zeroed();
        match derive(&mut again) {
            Ok(()) => eq_bytes(derived.expose(), again.expose()),
            Err(Fault) => Mask::public(false),
        }
    })
    .or(Fault)?;
    let mut public = [0; 32];
    copy(&mut public, derived.expose())?;
    declassify_bytes(&mut public);
    Ok(ArtifactDigest::from_bytes(public))
}

impl<const N: usize> Vault<N> {
    fn rehearse<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        host: &mut H,
        digests: &mut [ArtifactDigest],
    ) -> Result<usize, LifecycleError> {
        let count = self.open_and_digest(sealed, host, digests)?;
        host.progress();
        self.end_empty(None, host)?;
        Ok(count)
    }

    /// Opens the domain in the buffer, which the caller wipes.
    fn open_and_digest<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        host: &mut H,
        digests: &mut [ArtifactDigest],
    ) -> Result<usize, LifecycleError> {
        self.health
            .first_use(&[Test::Gf256, Test::Shamir], &mut watched(host))?;
        let ticked = self.tick_of(sealed, host)?;
        let count = sealed.header().artifacts().count();
        if digests.len() < count {
            let needed = count.saturating_mul(DIGEST_LEN);
            return Err(LifecycleError::BufferTooSmall { needed });
        }
        let Self {
            session,
            buffer,
            audit,
            health,
            ..
        } = self;
        let recovery = session.recovery().ok_or(LifecycleError::Fault)?;
        let (have, need) = (recovery.shares.len() as u8, recovery.threshold.get());
        let quorum = recovery.quorum();
        let quorum = quorum.ok_or(LifecycleError::NoQuorum { have, need })?;
        let aim = recovery.check_aim(Aim::Rehearse)?;
        let shares = recovery.listed()?;
        let opened = sealed
            .open_watched(&recovery.expected(), &shares, &mut watched(host), buffer)
            .map_err(LifecycleError::Open)?;
        let whole = opened.check().map_err(LifecycleError::Open)?;
        let event = Event::Rehearse {
            domain: recovery.domain,
            epoch: recovery.epoch,
            header: recovery.header,
        };
        { ticked.permit.and(quorum).and(aim).and(whole) }
            .and(audit.report(host, &event)?)
            .and(health.check()?)
            .and(audit.agreed()?)
            .spend(LifecycleError::Fault)?;
        let digested = digest_all(opened.root(), opened.artifacts(), digests)?;
        if digested != count {
            return Err(LifecycleError::Fault);
        }
        Ok(count)
    }
}
