// SPDX-License-Identifier: MIT OR Apache-2.0
//! Proposes another quorum: seals the domain to it in a pending file, and asks the present quorum.

use core::num::NonZeroU64;

use zeroize::Zeroize;

use super::error::RotationError;
use super::glass::Glass;
use super::rotation::Rotation;
use super::tally::Tally;
use crate::contribution::{ProposalDigest, Request, SessionPurpose};
use crate::custodian::{Algorithm, Recipient};
use crate::hardened::{Fault, Permit};
use crate::lifecycle::activate::{Activation, SEALING, is_header, sealing};
use crate::lifecycle::ask::{Chosen, choose};
use crate::lifecycle::contents::rotation_room;
use crate::lifecycle::error::LifecycleError;
use crate::lifecycle::event::{Event, Step};
use crate::lifecycle::host::{Host, HostRng, watched};
use crate::lifecycle::session::{Clock, Session, Task};
use crate::lifecycle::stage::Stage;
use crate::lifecycle::state::{Active, Domain, Refused, Rotating};
use crate::lifecycle::vault::{Next, Vault};
use crate::rng::check_drawn;
use crate::sealed_domain::{Lineage, SealedDomain};
use crate::secret::Secret;
use crate::self_test::Test;

/// How many of the new custodians must prove, before a rotation is committed, that they can use the
/// pending file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one case or the other")]
pub enum Proofs {
    /// All of them.
    All,
    /// At least as many as are needed to open the domain.
    Threshold,
}

/// The lengths of what a proposal wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proposed {
    /// The length of the pending file.
    pub pending: usize,
    /// The length of the request.
    pub request: usize,
}

impl<'v, const N: usize> Domain<'v, Active, N> {
    /// Proposes another quorum. Writes the pending file of the next epoch to the front of `pending`,
    /// and the request that the present custodians answer to the front of `request`, which needs
    /// [`Request::MAX_LEN`] bytes. `current` is the domain's present file; its shares are asked for.
    /// The request expires after `lifetime` seconds, and the rotation with it; with `None` it does
    /// not expire.
    ///
    /// The domain stays in use meanwhile. Nobody can open the pending file before the rotation is
    /// committed. The request is signed by the domain key and names the header of the pending file
    /// ([`ProposalDigest::of`]), so that custodians consent to these keys and this threshold. Keep
    /// both files until the rotation has ended.
    ///
    /// As [`begin_recovery`](Domain::begin_recovery) does, this makes a transfer key.
    ///
    /// Secret: the domain, the release, the transfer key. Public: the rest. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::NotSealed`]: the domain has no custodians yet.
    /// - [`LifecycleError::OtherHeader`]: `current` is not this HSM's sealed domain.
    /// - [`RotationError::LastEpoch`]: there is no epoch after the present one.
    /// - [`LifecycleError::BufferTooSmall`]: `request` or the vault is too small. A vault of
    ///   [`vault_room`](crate::lifecycle::vault_room) is large enough for a transfer key that is not
    ///   an RSA key, or is in a device.
    /// - [`LifecycleError::NoClock`]: there is a lifetime, but no clock.
    /// - [`LifecycleError::StrongerCustodian`], [`LifecycleError::UnsupportedTransferKey`] and
    ///   [`LifecycleError::TransferKey`], as for [`begin_recovery`](Domain::begin_recovery).
    /// - Each reason in [`SealError`](crate::sealed_domain::SealError), and any failure of the sink, the generator or the flash.
    ///
    /// Both outputs are then left empty. If the flash fails, the HSM may be rotating when it starts again:
    /// [`abandon`](Domain::abandon) ends that.
    pub fn propose<K: Recipient, H: Host>(
        self,
        current: &SealedDomain<'_>,
        activation: &Activation<'_, K>,
        proofs: Proofs,
        lifetime: Option<NonZeroU64>,
        host: &mut H,
        (pending, request): (&mut [u8], &mut [u8]),
    ) -> Result<(Domain<'v, Rotating, N>, Proposed), Refused<Self>> {
        self.after(Step::Propose, host, |vault, host| {
            let out = (&mut *pending, &mut *request);
            let proposed = vault.propose(current, activation, proofs, lifetime, host, out);
            proposed.inspect_err(|_| vault.forget_rotation(host))
        })
        .inspect_err(|_| {
            pending.zeroize();
            request.zeroize();
        })
    }
}

impl<const N: usize> Vault<N> {
    fn propose<K: Recipient, H: Host>(
        &mut self,
        current: &SealedDomain<'_>,
        activation: &Activation<'_, K>,
        proofs: Proofs,
        lifetime: Option<NonZeroU64>,
        host: &mut H,
        (pending, request): (&mut [u8], &mut [u8]),
    ) -> Result<Proposed, LifecycleError> {
        let header = self.standing.header().ok_or(LifecycleError::NotSealed)?;
        let same = is_header(current, header)?;
        if request.len() < Request::MAX_LEN {
            let needed = Request::MAX_LEN;
            return Err(LifecycleError::BufferTooSmall { needed });
        }
        let chosen = choose(current, host)?;
        self.has_room_to_rotate(chosen.kind, host)?;
        let now = host.now();
        let clock = Clock::new(now, lifetime)?;
        let proofs_needed = match proofs {
            Proofs::All => activation.custodians.len() as u8,
            Proofs::Threshold => activation.threshold.get(),
        };
        self.set_rotation(clock, current, proofs_needed)?;
        let (len, sealed) = self.seal_next(current, activation, now, host, pending)?;
        let asking = (chosen, clock, now);
        let request = self.ask_present(current, asking, same.and(sealed), host, request)?;
        Ok(Proposed {
            pending: len,
            request,
        })
    }

    /// Asks the present quorum for its consent to the pending file, and saves the rotation. Returns
    /// the length of the request.
    ///
    /// Not inlined: it needs much of the stack, and so does sealing.
    #[inline(never)]
    fn ask_present<H: Host>(
        &mut self,
        current: &SealedDomain<'_>,
        (chosen, clock, now): (Chosen, Clock, u64),
        permit: Permit,
        host: &mut H,
        request: &mut [u8],
    ) -> Result<usize, LifecycleError> {
        let begun = self.begin_key(chosen, host)?;
        let proposal = ProposalDigest::of(self.rotation()?.header);
        let mut secret = Secret::zeroed();
        let mut source = HostRng(host);
        let mut rng = self.hedged(&mut secret, &mut source, proposal.as_bytes(), now)?;
        let session = self.draw_session(&begun, &mut rng)?;
        let what = (SessionPurpose::Rotate(proposal), session);
        let asked = self.ask(current, what, clock, begun, host, request)?;

        let rotation = self.rotation_mut()?;
        rotation.request = Some(asked.digest);
        let event = Event::Propose {
            epoch: rotation.epoch,
            header: rotation.header,
            request: asked.digest,
        };
        let permit = { permit.and(asked.permit) }.and(self.audit.report(host, &event)?);
        let next = Next {
            stage: Stage::Rotating,
            standing: self.standing,
        };
        self.commit_or_doubt(host, next, permit)?;
        Ok(asked.len)
    }

    /// Begins a rotation whose pending file is still to be sealed, that of the present header until
    /// then.
    ///
    /// Not inlined: a session is as large as all shares of a quorum, and sealing goes deep.
    #[inline(never)]
    fn set_rotation(
        &mut self,
        clock: Clock,
        current: &SealedDomain<'_>,
        proofs_needed: u8,
    ) -> Result<(), Fault> {
        let header = current.header();
        self.session.set(Session {
            clock,
            task: Task::Rotation(Rotation {
                header: header.digest(),
                epoch: header.epoch(),
                release: Secret::zeroed(),
                request: None,
                consents_needed: header.quorum().threshold().get(),
                consents: Tally::NONE,
                glass: Glass::INTACT,
                challenge: None,
                proofs_needed,
                proofs: Tally::NONE,
            }),
        })
    }

    /// Refuses a rotation whose record would not fit.
    fn has_room_to_rotate<H: Host>(
        &self,
        kind: Algorithm,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        let in_vault = kind.rsa_size().is_some() && host.transfer_key().is_none();
        let needed = rotation_room(self.held.encoded_len(), in_vault);
        match needed <= N {
            true => Ok(()),
            false => Err(LifecycleError::BufferTooSmall { needed }),
        }
    }

    /// Seals the domain for its next epoch to a pending file, and returns the file's length and a
    /// permit to let it leave.
    fn seal_next<K: Recipient, H: Host>(
        &mut self,
        current: &SealedDomain<'_>,
        activation: &Activation<'_, K>,
        now: u64,
        host: &mut H,
        out: &mut [u8],
    ) -> Result<(usize, Permit), LifecycleError> {
        self.health.first_use(SEALING, &mut watched(host))?;
        for custodian in activation.custodians {
            let tests = Test::of(custodian.algorithm());
            self.health.first_use(tests, &mut watched(host))?;
        }
        let lineage = Lineage::after(current.header()).ok_or(RotationError::LastEpoch)?;
        let Self {
            held,
            instance,
            buffer,
            session,
            ..
        } = self;
        let rotation = session.rotation_mut().ok_or(Fault)?;
        let artifacts = held.all()?;
        let sealed = sealing(activation, held, instance, &artifacts, now, lineage)
            .seal_holding_back(&mut HostRng(host), buffer, out, Some(&mut rotation.release))
            .map_err(LifecycleError::Seal)?;
        host.progress();
        // The release is here, and does not leave with the file.
        let permit = sealed
            .check_shows(0, LifecycleError::Fault)?
            .and(check_drawn(rotation.release.expose())?);
        rotation.header = sealed.header().digest();
        rotation.epoch = sealed.header().epoch();
        Ok((sealed.as_bytes().len(), permit))
    }

    pub(super) fn rotation(&self) -> Result<&Rotation, LifecycleError> {
        self.session.rotation().ok_or(LifecycleError::Fault)
    }

    pub(super) fn rotation_mut(&mut self) -> Result<&mut Rotation, LifecycleError> {
        self.session.rotation_mut().ok_or(LifecycleError::Fault)
    }

    /// Wipes a rotation that did not begin.
    fn forget_rotation<H: Host>(&mut self, host: &mut H) {
        let in_device = self.session.key.is_in_device();
        self.session.forget();
        if in_device {
            // A key that is left stops nothing: the status shows it.
            let _ = self.destroy_in_device(host);
        }
    }
}
