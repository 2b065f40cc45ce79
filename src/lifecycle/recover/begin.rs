// SPDX-License-Identifier: MIT OR Apache-2.0
//! Begins a recovery, with a request to custodians or with a quorum in one place.

use core::num::NonZeroU64;

use heapless::Vec;

use crate::contribution::{Request, RequestDigest, SessionPurpose};
use crate::hardened::Permit;
use crate::lifecycle::ask::choose;
use crate::lifecycle::contents::{FIXED_ROOM, RECOVERY_ROOM};
use crate::lifecycle::error::LifecycleError;
use crate::lifecycle::event::{Event, Step};
use crate::lifecycle::holding::artifact_len;
use crate::lifecycle::host::{Host, HostRng};
use crate::lifecycle::logged;
use crate::lifecycle::recover::Gathers;
use crate::lifecycle::session::{Aim, Clock, Recovery, Session, Task};
use crate::lifecycle::stage::Stage;
use crate::lifecycle::state::{Domain, Empty, Recovering, Refused};
use crate::lifecycle::vault::{Next, Vault};
use crate::sealed_domain::{ExpectedDomain, SealedDomain};
use crate::secret::Secret;

impl<'v, const N: usize> Domain<'v, Empty, N> {
    /// Begins a session in which custodians who never meet contribute their shares of `sealed`.
    /// Writes the request that they answer to the front of `request`, which needs
    /// [`Request::MAX_LEN`] bytes, and returns its length. The session expires after `lifetime`
    /// seconds; with `None` it does not expire.
    ///
    /// The caller must keep `sealed`, which is public, and show the request's digest to custodians
    /// over a separate channel from the request.
    ///
    /// ```
    /// # use std::sync::Mutex;
    /// # use security_domain::contribution::{VettedRequest, contribute};
    /// # use security_domain::custodian::Recipient;
    /// # use security_domain::rsa::PrivateKey;
    /// # use security_domain::sealed_domain::{ArtifactTag, Epoch};
    /// # const SEALED: &[u8] = include_bytes!("../../../tests/vectors/sealed-domain/good.sealed");
    /// # const KEYS: [&[u8]; 2] = [
    /// #     include_bytes!("../../../tests/vectors/sealed-domain/keys/a.p8"),
    /// #     include_bytes!("../../../tests/vectors/sealed-domain/keys/b.p8"),
    /// # ];
    /// # static REQUEST: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    /// # static SHOWN: Mutex<Vec<RequestDigest>> = Mutex::new(Vec::new());
    /// # static INSTALLED: Mutex<usize> = Mutex::new(0);
    /// # fn publish(request: &[u8]) { *REQUEST.lock().unwrap() = request.to_vec(); }
    /// # fn show(digest: RequestDigest) { SHOWN.lock().unwrap().push(digest); }
    /// # fn install(_: ArtifactTag<'_>, _: &[u8]) { *INSTALLED.lock().unwrap() += 1; }
    /// # fn expected(sealed: &SealedDomain<'_>) -> ExpectedDomain {
    /// #     ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST)
    /// # }
    /// # fn receive(out: &mut [u8]) -> usize {
    /// #     let (request, shown) = (REQUEST.lock().unwrap(), SHOWN.lock().unwrap());
    /// #     let rng = &mut getrandom::SysRng;
    /// #     let sealed = SealedDomain::parse(SEALED).unwrap();
    /// #     let mut key = PrivateKey::from_pkcs8_der(KEYS[shown.len() - 1]).unwrap();
    /// #     let share = sealed.unwrap_share(key.public_key().id(), &mut key, rng).unwrap();
    /// #     let request = Request::parse(&request).unwrap();
    /// #     let vetted = VettedRequest::compared(request, shown[shown.len() - 1]).unwrap();
    /// #     let answer = contribute(&sealed, &expected(&sealed), &vetted, &share, 0, rng, out);
    /// #     answer.unwrap().as_bytes().len()
    /// # }
    /// # #[cfg(not(feature = "hazmat"))]
    /// # fn main() {}
    /// # #[cfg(feature = "hazmat")]
    /// # fn main() {
    /// #     use security_domain::hazmat::testing::{RamHost, TestRng};
    /// #     const ROOM: usize = security_domain::lifecycle::vault_room(4, 1024);
    /// #     let mut host = RamHost::<_, ROOM>::new(TestRng::seeded(1));
    /// #     let mut vault = Vault::<ROOM>::new();
    /// #     let sealed = SealedDomain::parse(SEALED).unwrap();
    /// #     assert_eq!(recover(&mut vault, &mut host, &sealed, &expected(&sealed)), Ok(true));
    /// #     assert_eq!(SHOWN.lock().unwrap().len(), 2);
    /// #     assert_eq!(*INSTALLED.lock().unwrap(), sealed.header().artifacts().count());
    /// #     assert_eq!(recover(&mut vault, &mut host, &sealed, &expected(&sealed)), Ok(false));
    /// # }
    /// use security_domain::contribution::{Contribution, Request, RequestDigest};
    /// use security_domain::lifecycle::{AnyDomain, Host, LifecycleError, Vault};
    /// use security_domain::sealed_domain::{ExpectedDomain, SealedDomain};
    /// use security_domain::self_test;
    ///
    /// /// Recovers `sealed` in an empty HSM, or continues after a power failure. Returns `false` if
    /// /// the HSM has a domain, or imports one. The board has `publish`, `show`, `receive`, `install`.
    /// fn recover<H: Host, const N: usize>(
    ///     vault: &mut Vault<N>,
    ///     host: &mut H,
    ///     sealed: &SealedDomain<'_>,
    ///     expect: &ExpectedDomain,
    /// ) -> Result<bool, LifecycleError> {
    ///     let tested = self_test::run().map_err(LifecycleError::SelfTest)?;
    ///     let mut gathered = match vault.start(tested, host)? {
    ///         AnyDomain::Empty(empty) => {
    ///             let mut request = [0; Request::MAX_LEN];
    ///             let (session, len) = empty.begin_recovery(sealed, expect, None, host, &mut request)?;
    ///             publish(&request[..len]);
    ///             session.quorum()
    ///         }
    ///         AnyDomain::Recovering(session) => session.quorum(),
    ///         AnyDomain::QuorumMet(met) => Ok(met),
    ///         _ => return Ok(false),
    ///     };
    ///     let met = loop {
    ///         let mut session = match gathered {
    ///             Ok(met) => break met,
    ///             Err(session) => session,
    ///         };
    ///         session.request().map(show);
    ///         let mut bytes = [0; Contribution::MAX_LEN];
    ///         let len = receive(&mut bytes);
    ///         if let Ok(contribution) = Contribution::parse(&bytes[..len]) {
    ///             match session.add(sealed, &contribution, host) {
    ///                 Ok(_) | Err(LifecycleError::Contribution(_)) => {} // refused: wait for another
    ///                 Err(error) => return Err(error),
    ///             }
    ///         }
    ///         gathered = session.quorum();
    ///     };
    ///     let active = met.open(sealed, host)?;
    ///     for (tag, secret) in active.artifacts(host)? {
    ///         install(tag, secret);
    ///     }
    ///     Ok(true)
    /// }
    /// ```
    ///
    /// Custodians answer with [`contribute`](crate::contribution::contribute). The example
    /// `firmware_restore` runs both sides.
    ///
    /// # After a power failure
    ///
    /// The state at rest has the session: the transfer key (unless a device holds it), the digest
    /// of the request, the shares added so far, the expiry, and the domain id, epoch and header
    /// digest of `sealed`. This step compares `expect` with them; later steps need only `sealed`.
    ///
    /// A start returns [`AnyDomain::Recovering`], or [`AnyDomain::QuorumMet`] once the shares are a
    /// quorum, or [`AnyDomain::Empty`] if the session has expired or had not been saved.
    ///
    /// The state at rest has neither `sealed` nor the bytes of the request, so the caller must keep
    /// both durably; [`request`](Domain::request) returns only the digest. If the request is lost
    /// before a quorum of custodians has it, [`cancel`](Domain::cancel) the session and begin
    /// another.
    ///
    /// [`AnyDomain::Recovering`]: crate::lifecycle::AnyDomain::Recovering
    /// [`AnyDomain::QuorumMet`]: crate::lifecycle::AnyDomain::QuorumMet
    /// [`AnyDomain::Empty`]: crate::lifecycle::AnyDomain::Empty
    ///
    /// # Time
    ///
    /// This step generates a key of the kind that [`Host::transfer_kind`] describes. Without the
    /// features `pq` and `p256` it is an RSA key as long as the longest key of the custodians. For
    /// 2048 bits the step took 2.6 billion instructions on a Cortex-M4 in one example, 26 seconds
    /// at 100 MHz; it is random, and can take several times as long. It calls [`Host::progress`] as
    /// it goes on. `docs/footprint.md` has the figures.
    ///
    /// No RSA key is generated here if [`Host::prepared_key`] returns one that is long enough. A
    /// device that holds transfer keys ([`Host::transfer_key`]) generates the key itself.
    ///
    /// Secret: the transfer key. Public: everything else. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::Expect`]: `sealed` is not the expected domain.
    /// - [`LifecycleError::Pending`]: no number of custodians can open `sealed`.
    /// - [`LifecycleError::NeedsNewerModule`]: this HSM's firmware is older than `sealed` allows.
    /// - [`LifecycleError::BufferTooSmall`]: `request` or the vault is too small.
    /// - [`LifecycleError::NoClock`]: there is a lifetime, but no clock.
    /// - [`LifecycleError::StrongerCustodian`] and [`LifecycleError::UnsupportedTransferKey`]: no
    ///   transfer key of this build, or of the kind that the host asks for, is as strong as every
    ///   custodian's key.
    /// - [`LifecycleError::TransferKey`]: the device for the transfer key failed.
    /// - Any failure of the sink, the generator or the flash.
    pub fn begin_recovery<H: Host>(
        self,
        sealed: &SealedDomain<'_>,
        expect: &ExpectedDomain,
        lifetime: Option<NonZeroU64>,
        host: &mut H,
        request: &mut [u8],
    ) -> Result<(Domain<'v, Recovering, N>, usize), Refused<Self>> {
        self.gathering(Aim::Recover, sealed, expect, lifetime, host, request)
    }

    /// Begins a session with a request.
    pub(in crate::lifecycle) fn gathering<S: Gathers, H: Host>(
        self,
        aim: Aim,
        sealed: &SealedDomain<'_>,
        expect: &ExpectedDomain,
        lifetime: Option<NonZeroU64>,
        host: &mut H,
        request: &mut [u8],
    ) -> Result<(Domain<'v, S, N>, usize), Refused<Self>> {
        self.after(aim.begins().0, host, |vault, host| {
            vault
                .begin_recovery(aim, sealed, expect, lifetime, host, request)
                .inspect_err(|_| vault.wipe())
        })
        .inspect_err(|_| request.fill(0))
    }

    /// Begins a session that gathers a quorum in one place: it takes shares, not contributions. The
    /// session expires after `lifetime` seconds; with `None` it does not expire. No key is
    /// generated.
    ///
    /// # Errors
    ///
    /// As for [`begin_recovery`](Self::begin_recovery).
    pub fn begin_recovery_here<H: Host>(
        self,
        sealed: &SealedDomain<'_>,
        expect: &ExpectedDomain,
        lifetime: Option<NonZeroU64>,
        host: &mut H,
    ) -> Result<Domain<'v, Recovering, N>, Refused<Self>> {
        let (domain, ()) = self.after(Step::BeginRecovery, host, |vault, host| {
            vault
                .begin_recovery_here(sealed, expect, lifetime, host)
                .inspect_err(|_| vault.wipe())
        })?;
        Ok(domain)
    }
}

impl<const N: usize> Vault<N> {
    /// Returns a permit if the sealed domain is the one to recover, and there is room for it.
    /// Custodians are not asked if there is no room for the domain, or for a session with all their
    /// shares.
    fn check<H: Host>(
        sealed: &SealedDomain<'_>,
        expect: &ExpectedDomain,
        host: &H,
    ) -> Result<Permit, LifecycleError> {
        let header = sealed.header();
        let expected = expect.permit(header).map_err(LifecycleError::Expect)?;
        let complete = sealed.check_complete(LifecycleError::Pending)?;
        let newer = header.module_floor().permit(host.module_version());
        let permit = expected
            .and(complete)
            .and(newer.map_err(LifecycleError::NeedsNewerModule)?);
        let artifacts = header
            .artifacts()
            .map(|(tag, len)| artifact_len(tag, len as usize));
        let domain = artifacts.fold(FIXED_ROOM, usize::saturating_add);
        let needed = domain.max(RECOVERY_ROOM);
        if needed > N {
            return Err(LifecycleError::BufferTooSmall { needed });
        }
        Ok(permit)
    }

    fn begin_recovery_here<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        expect: &ExpectedDomain,
        lifetime: Option<NonZeroU64>,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        let permit = Self::check(sealed, expect, host)?;
        let now = host.now();
        let clock = Clock::new(now, lifetime)?;
        let header = sealed.header().digest();
        let mut secret = Secret::zeroed();
        let mut source = HostRng(host);
        let mut rng = self.hedged(&mut secret, &mut source, header.as_bytes(), now)?;
        let named = self.instance.draw(&mut rng)?;
        logged::begin(host, self.instance.id);
        let what = (Aim::Recover, None);
        self.gather(sealed, expect, clock, what, permit.and(named), host)
    }

    fn begin_recovery<H: Host>(
        &mut self,
        aim: Aim,
        sealed: &SealedDomain<'_>,
        expect: &ExpectedDomain,
        lifetime: Option<NonZeroU64>,
        host: &mut H,
        out: &mut [u8],
    ) -> Result<usize, LifecycleError> {
        let permit = Self::check(sealed, expect, host)?;
        if out.len() < Request::MAX_LEN {
            let needed = Request::MAX_LEN;
            return Err(LifecycleError::BufferTooSmall { needed });
        }
        let chosen = choose(sealed, host)?;
        let now = host.now();
        let clock = Clock::new(now, lifetime)?;
        let begun = self.begin_key(chosen, host)?;
        let mut secret = Secret::zeroed();
        let mut source = HostRng(host);
        let header = sealed.header().digest();
        let mut rng = self.hedged(&mut secret, &mut source, header.as_bytes(), now)?;
        let permit = permit.and(self.instance.draw(&mut rng)?);
        let session = self.draw_session(&begun, &mut rng)?;
        logged::begin(host, self.instance.id);
        let what = (aim.purpose(), session);
        let asked = self.ask(sealed, what, clock, begun, host, out)?;
        let permit = permit.and(asked.permit);
        let what = (aim, Some(asked.digest));
        self.gather(sealed, expect, clock, what, permit, host)?;
        Ok(asked.len)
    }

    /// Begins to gather a quorum.
    fn gather<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        expect: &ExpectedDomain,
        clock: Clock,
        (aim, request): (Aim, Option<RequestDigest>),
        permit: Permit,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        // Once more, where the session begins: one fault can make both readings in `check` go
        // astray.
        let permit = permit.and(sealed.check_complete(LifecycleError::Pending)?);
        let header = sealed.header();
        let pinned = expect.is_pinned();
        let (domain, epoch) = (header.domain_id(), header.epoch());
        let header = header.digest();
        let event = match aim {
            Aim::Recover => Event::BeginRecovery {
                domain,
                epoch,
                header,
                pinned,
                request,
            },
            Aim::Rehearse => Event::BeginRehearsal {
                domain,
                epoch,
                header,
                pinned,
                request,
            },
        };
        let permit = permit
            .and(self.audit.report(host, &event)?)
            .and(expect.check_told(pinned, LifecycleError::Fault)?);
        let session = Session {
            clock,
            task: Task::Recovery(Recovery {
                aim,
                header,
                domain,
                epoch,
                threshold: sealed.header().quorum().threshold(),
                request,
                shares: Vec::new(),
            }),
        };
        self.session.set(session)?;
        self.commit(host, Next::new(aim.begins().1), permit)
    }
}

impl Aim {
    /// Returns the step that begins the session, and its stage.
    const fn begins(self) -> (Step, Stage) {
        match self {
            Self::Recover => (Step::BeginRecovery, Stage::Recovering),
            Self::Rehearse => (Step::BeginRehearsal, Stage::Rehearsing),
        }
    }

    const fn purpose(self) -> SessionPurpose {
        match self {
            Self::Recover => SessionPurpose::Recover,
            Self::Rehearse => SessionPurpose::Rehearse,
        }
    }
}
