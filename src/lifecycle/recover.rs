// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recovery: a quorum's shares, one by one or all at one place, put a sealed domain in this HSM.

use core::num::NonZeroU64;

use heapless::Vec;
use rand_core::TryCryptoRng;

use super::contents::{FIXED_MAX_LEN, Stage};
use super::contribution::{Contribution, open_contribution};
use super::error::LifecycleError;
use super::event::Event;
use super::holding::artifact_len;
use super::host::Host;
use super::id::{RequestDigest, SessionId};
use super::record::{OVERHEAD, Position};
use super::request::{AskError, Asking, Request, SessionPurpose};
use super::session::{Clock, Recovery, Session, Task, Transfer};
use super::state::{Active, Domain, Provisioned, QuorumMet, Recovering, Refused, State};
use super::vault::{Next, Standing, Vault};
use crate::custodian::{Algorithm, CustodianId};
use crate::domain::{
    DomainShare, Expect, Hedged, LedgerHead, MAX_CUSTODIANS, OpenError, SealedDomain, ShareError,
};
use crate::purpose::Purpose;
use crate::rng;
use crate::rsa::{ModulusSize, PrivateKey};
use crate::secret::Secret;

impl<'v, const N: usize> Domain<'v, Provisioned, N> {
    /// Begins a session in which custodians who never meet contribute their shares of `sealed`. It
    /// writes the request that they answer to the front of `request`, which has room for
    /// [`Request::MAX_LEN`] bytes, and gives its length. After `lifetime` seconds
    /// the session ends by itself.
    ///
    /// The caller keeps `sealed`, which is public, and shows the request's digest to custodians by a way
    /// that the request does not pass.
    ///
    /// Secret: the transfer key. Public: everything else. Leaks: nothing else.
    pub fn begin_recovery<H: Host>(
        self,
        sealed: &SealedDomain<'_>,
        expect: &Expect,
        lifetime: Option<NonZeroU64>,
        host: &mut H,
        request: &mut [u8],
    ) -> Result<(Domain<'v, Recovering, N>, usize), Refused<Self>> {
        self.after(|vault| {
            vault
                .begin_recovery(sealed, expect, lifetime, host, request)
                .inspect_err(|_| request.fill(0))
        })
    }

    /// Begins a session in which a quorum is at one place: it takes shares, and no contributions.
    pub fn begin_recovery_here<H: Host>(
        self,
        sealed: &SealedDomain<'_>,
        expect: &Expect,
        host: &mut H,
    ) -> Result<Domain<'v, Recovering, N>, Refused<Self>> {
        let (domain, ()) = self.after(|vault| {
            vault.check(sealed, expect)?;
            let now = host.now();
            let clock = Clock::new(now, None)?;
            vault.gather(sealed, expect, clock, None, host)
        })?;
        Ok(domain)
    }
}

/// What became of a share that was good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is one more.
    New,
    /// The session had it already.
    Already,
}

impl<'v, const N: usize> Domain<'v, Recovering, N> {
    /// Takes a custodian's contribution, which has come from anywhere. One that is refused changes
    /// nothing, and those before it stay.
    ///
    /// Secret: the transfer key, the share. Public: `sealed`, the contribution. Leaks: whether it opened.
    pub fn add<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        contribution: &Contribution<'_>,
        host: &mut H,
    ) -> Result<Added, LifecycleError> {
        let recovery = self.vault.session(sealed, host)?;
        let Some(Transfer { request, key }) = &mut recovery.transfer else {
            return Err(LifecycleError::NoTransferKey);
        };
        let share = open_contribution(contribution, sealed, *request, key, host.rng())
            .map_err(LifecycleError::Contribution)?;
        self.vault.keep(share, host)
    }

    /// Takes a share that a custodian has unwrapped at this HSM.
    ///
    /// Secret: the share. Public: `sealed`. Leaks: nothing else.
    pub fn add_share<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        share: DomainShare,
        host: &mut H,
    ) -> Result<Added, LifecycleError> {
        self.vault.session(sealed, host)?;
        let id = share.custodian();
        if share.header() != sealed.header().digest() {
            return Err(LifecycleError::Open(OpenError::ForeignShare(id)));
        }
        self.vault.keep(share, host)
    }

    /// The digest of the request that custodians answer; none where a quorum is at one place.
    pub fn request(&self) -> Option<RequestDigest> {
        let transfer = self.vault.recovery()?.transfer.as_ref()?;
        Some(transfer.request)
    }

    /// The session has a quorum, or it goes on.
    pub fn quorum(self) -> Result<Domain<'v, QuorumMet, N>, Self> {
        if self.vault.recovery().is_some_and(Recovery::is_quorate) {
            Ok(Domain::new(self.vault))
        } else {
            Err(self)
        }
    }
}

/// A state of a session that gathers a quorum.
pub trait Gathering: State {}

impl Gathering for Recovering {}

impl Gathering for QuorumMet {}

impl<'v, S: Gathering, const N: usize> Domain<'v, S, N> {
    /// Whose shares the session has, in the order in which they came.
    pub fn contributors(&self) -> impl Iterator<Item = CustodianId> + '_ {
        let shares = self.vault.recovery().map(|recovery| &recovery.shares);
        shares.into_iter().flatten().map(DomainShare::custodian)
    }

    /// How many shares it takes; 0 once the session's time is over.
    pub fn needed(&self) -> u8 {
        let recovery = self.vault.recovery();
        recovery.map_or(0, |recovery| recovery.threshold.get())
    }

    /// Ends the session: its transfer key and its shares are wiped, here and on the flash, and the
    /// domain before it stands again. It happens whatever the sink says.
    ///
    /// If the flash fails it has happened here, and the error says that the flash may still hold the
    /// session, under the device key.
    pub fn cancel<H: Host>(
        self,
        host: &mut H,
    ) -> Result<Domain<'v, Provisioned, N>, Refused<Domain<'v, Provisioned, N>>> {
        self.always(|vault| vault.cancel(host))
    }
}

impl<'v, const N: usize> Domain<'v, QuorumMet, N> {
    /// Opens the sealed domain with the session's shares: its root and its artifacts take the place of
    /// those that this HSM was provisioned with, and it is active.
    ///
    /// Secret: the shares, the domain. Public: `sealed`. Leaks: whether it opened.
    pub fn open<H: Host>(
        self,
        sealed: &SealedDomain<'_>,
        host: &mut H,
    ) -> Result<Domain<'v, Active, N>, Refused<Self>> {
        let (domain, ()) = self.after(|vault| {
            let opened = vault.open(sealed, host);
            opened.inspect_err(|_| vault.incoming.wipe())
        })?;
        Ok(domain)
    }
}

/// The size of a transfer key that is as strong as every custodian's key.
fn transfer_size(sealed: &SealedDomain<'_>) -> ModulusSize {
    let sizes = sealed
        .header()
        .custodians()
        .map(|custodian| match custodian.algorithm {
            Algorithm::Rsa2048OaepSha256 => ModulusSize::Rsa2048,
            Algorithm::Rsa3072OaepSha256 => ModulusSize::Rsa3072,
            Algorithm::Rsa4096OaepSha256 => ModulusSize::Rsa4096,
        });
    sizes
        .max_by_key(|size| size.bits())
        .unwrap_or(ModulusSize::Rsa4096)
}

impl<const N: usize> Vault<N> {
    /// Whether the sealed domain is the one to be recovered, and can be: custodians are not asked for
    /// what there is no room for.
    fn check(&self, sealed: &SealedDomain<'_>, expect: &Expect) -> Result<(), LifecycleError> {
        let header = sealed.header();
        expect.check(header).map_err(LifecycleError::Expect)?;
        if sealed.is_pending() {
            return Err(LifecycleError::Pending);
        }
        let artifacts = header
            .artifacts()
            .map(|(tag, len)| artifact_len(tag, len as usize));
        let needed = artifacts.fold(FIXED_MAX_LEN + OVERHEAD, usize::saturating_add);
        if needed > N {
            return Err(LifecycleError::BufferTooSmall { needed });
        }
        Ok(())
    }

    fn begin_recovery<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        expect: &Expect,
        lifetime: Option<NonZeroU64>,
        host: &mut H,
        out: &mut [u8],
    ) -> Result<usize, LifecycleError> {
        self.check(sealed, expect)?;
        if out.len() < Request::MAX_LEN {
            let needed = Request::MAX_LEN;
            return Err(LifecycleError::BufferTooSmall { needed });
        }
        let now = host.now();
        let clock = Clock::new(now, lifetime)?;
        let header = sealed.header();
        let mut rng = self.hedged(host.rng(), header.digest().as_bytes(), now);
        let mut session = [0; 32];
        rng::fill(&mut rng, &mut session)?;
        let key = PrivateKey::generate(transfer_size(sealed), &mut rng, &mut |_| ())?;
        let asking = Asking {
            purpose: SessionPurpose::Recover,
            session: SessionId::from_bytes(session),
            header: header.digest(),
            domain_id: header.domain_id(),
            epoch: header.epoch(),
            transfer: key.public_key().clone(),
            instance: self.instance.id,
            created: now,
            expires: clock.expires,
            ledger_head: LedgerHead::NONE,
        };
        let request = asking.write(None, out).map_err(|error| match error {
            AskError::BufferTooSmall { needed } => LifecycleError::BufferTooSmall { needed },
            _ => LifecycleError::Fault,
        })?;
        let (request, len) = (request.digest(), request.as_bytes().len());
        let transfer = Transfer { request, key };
        self.gather(sealed, expect, clock, Some(transfer), host)?;
        Ok(len)
    }

    /// A generator for one session, hedged with the root. The record's number is another in each
    /// session, though the generator may repeat itself and there may be no clock.
    pub(super) fn hedged<'a, R: TryCryptoRng + ?Sized>(
        &'a self,
        rng: &'a mut R,
        aim: &[u8],
        now: u64,
    ) -> Hedged<'a, R> {
        let number = self.position.map_or(0, Position::number);
        let mut what = Secret::zeroed();
        *what.expose_mut() = Purpose::Session.digest([
            self.instance.id.as_bytes().as_slice(),
            aim,
            &number.to_be_bytes(),
            &now.to_be_bytes(),
        ]);
        Hedged::new(rng, &self.held.root, what)
    }

    /// Begins to gather a quorum.
    fn gather<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        expect: &Expect,
        clock: Clock,
        transfer: Option<Transfer>,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        let header = sealed.header();
        let event = Event::BeginRecovery {
            domain: header.domain_id(),
            epoch: header.epoch(),
            header: header.digest(),
            pinned: expect.is_pinned(),
            request: transfer.as_ref().map(|transfer| transfer.request),
        };
        self.report(host, &event)?;
        self.session.set(Session {
            clock,
            task: Task::Recovery(Recovery {
                header: header.digest(),
                domain: header.domain_id(),
                epoch: header.epoch(),
                threshold: header.quorum().threshold(),
                transfer,
                shares: Vec::new(),
            }),
        });
        self.commit(host, Next::GATHERING)
            .inspect_err(|_| self.session.forget())
    }

    /// The session, if its time is not over and `sealed` is its sealed domain.
    fn session<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        host: &mut H,
    ) -> Result<&mut Recovery, LifecycleError> {
        self.tick_or_end(host)?;
        match self.session.as_mut() {
            Some(Session {
                task: Task::Recovery(recovery),
                ..
            }) => {
                recovery.check(sealed)?;
                Ok(recovery)
            }
            _ => Err(LifecycleError::Expired),
        }
    }

    /// Takes a share into the session.
    fn keep<H: Host>(&mut self, share: DomainShare, host: &mut H) -> Result<Added, LifecycleError> {
        let custodian = share.custodian();
        if self
            .recovery()
            .is_some_and(|recovery| recovery.has(custodian))
        {
            return Ok(Added::Already);
        }
        self.report(host, &Event::Contribute { custodian })?;
        if let Some(shares) = self.shares() {
            shares
                .push(share)
                .map_err(|_| LifecycleError::Share(ShareError::NotListed(custodian)))?;
        }
        self.commit(host, Next::GATHERING).inspect_err(|_| {
            if let Some(shares) = self.shares() {
                // Dropped where it lies: what is popped leaves its bytes behind.
                shares.truncate(shares.len().saturating_sub(1));
            }
        })?;
        Ok(Added::New)
    }

    fn shares(&mut self) -> Option<&mut Vec<DomainShare, MAX_CUSTODIANS>> {
        match &mut self.session.as_mut()?.task {
            Task::Recovery(recovery) => Some(&mut recovery.shares),
            #[cfg(feature = "managed-hsm")]
            Task::Import(_) => None,
        }
    }

    fn open<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        self.session(sealed, host)?;
        let Self {
            session,
            incoming,
            buffer,
            ..
        } = self;
        let Some(Session {
            task: Task::Recovery(recovery),
            ..
        }) = session.as_mut()
        else {
            return Err(LifecycleError::Expired);
        };
        let shares: Vec<&DomainShare, MAX_CUSTODIANS> = recovery.shares.iter().collect();
        // Whether it is the right domain was settled when the session began, for this very header.
        let opened = sealed
            .open(&Expect::unpinned(), &shares, buffer)
            .map_err(LifecycleError::Open)?;
        let (domain, epoch, header) = (recovery.domain, recovery.epoch, recovery.header);
        incoming.set(&opened)?;
        drop(opened);
        drop(shares);
        self.report(
            host,
            &Event::Recover {
                domain,
                epoch,
                header,
            },
        )?;
        self.commit(
            host,
            Next {
                promote: true,
                standing: Some(Standing { epoch, header }),
                ..Next::new(Stage::Active)
            },
        )
    }
}
