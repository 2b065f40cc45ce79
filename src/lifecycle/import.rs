// SPDX-License-Identifier: MIT OR Apache-2.0
//! Imports a domain from a restore blob of Managed HSM.
//!
//! Anyone with the transfer key's certificate can make a restore blob, so it does not prove a
//! quorum. Therefore the operator names the expected artifacts beforehand, the number of tries is
//! limited, and the imported domain waits until the operator confirms it.

use core::cell::RefCell;
use core::num::NonZeroU64;

use super::contents::SESSION_ROOM;
use super::error::{LifecycleError, Unconfirmed};
use super::event::{Ended, Event, Step};
use super::host::{Host, HostRng, watched};
use super::logged;
use super::session::{Clock, Session, Task, Ticked};
use super::session_key::{Opener, SharedRng};
use super::stage::Stage;
use super::state::{Active, Domain, Empty, Imported, Importing, Refused};
use super::transfer_key::TransferKeyError;
use super::vault::{Next, Vault};
use crate::ct::eq_bytes;
use crate::custodian::Algorithm;
use crate::hardened::Verdict;
use crate::managed_hsm::restore_blob::RestoreBlob;
use crate::rsa::ModulusSize;
use crate::sealed_domain::DomainId;
use crate::secret::{Secret, wipe};
use crate::self_test::Test;
use crate::x509::Thumbprint;

mod blob;
mod expected;
mod root;

pub use expected::{ExpectedArtifact, MAX_IMPORT_FAILURES, ROOT_TAG};
pub(super) use expected::{ExpectedList, Import, expected_len, store};

/// The algorithms that a transfer key and its certificate use.
const DRAWING: &[Test] = &[
    Test::RsaOaep,
    Test::RsaSignature,
    Test::RsaPairwise,
    Test::Sha1,
];

/// The algorithms that opening a restore blob uses.
const OPENING: &[Test] = &[
    Test::RsaOaep,
    Test::HmacSha512,
    Test::Sp800108,
    Test::Aes256Cbc,
    Test::Aes256CbcHs512,
];

impl<'v, const N: usize> Domain<'v, Empty, N> {
    /// Begins a session for a restore blob that holds exactly the artifacts in `expected`. Draws a
    /// transfer key, writes its certificate in DER, at most
    /// [`SELF_SIGNED_MAX_LEN`](crate::x509::SELF_SIGNED_MAX_LEN) bytes, to the front of
    /// `certificate`, and returns its length. The session expires after `lifetime` seconds.
    ///
    /// Secret: the transfer key. Public: everything else. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::Expected`]: the list of expected artifacts is empty, too long or names
    ///   one twice.
    /// - [`LifecycleError::BufferTooSmall`]: `certificate` or the vault is too small.
    /// - [`LifecycleError::NoClock`] or [`LifecycleError::ClockOutOfRange`]: the clock cannot
    ///   serve.
    /// - [`LifecycleError::TransferKey`]: the device for the transfer key failed.
    /// - Any failure of the sink, the generator or the flash.
    pub fn begin_import<H: Host>(
        self,
        size: ModulusSize,
        expected: &[ExpectedArtifact<'_>],
        lifetime: Option<NonZeroU64>,
        host: &mut H,
        certificate: &mut [u8],
    ) -> Result<(Domain<'v, Importing, N>, usize), Refused<Self>> {
        self.after(Step::BeginImport, host, |vault, host| {
            vault
                .begin_import(size, expected, lifetime, host, certificate)
                .inspect_err(|_| vault.wipe())
        })
        .inspect_err(|_| certificate.fill(0))
    }
}

impl<'v, const N: usize> Domain<'v, Importing, N> {
    /// Returns the certificate of the transfer key; `None` once the session is over.
    pub fn certificate(&self) -> Option<Thumbprint> {
        Some(self.vault.import().ok()?.certificate)
    }

    /// Returns how many more blobs may fail before the session ends, at most [`MAX_IMPORT_FAILURES`].
    pub fn tries_left(&self) -> u8 {
        let tried = self.vault.import().map(|import| import.tried);
        tried.map_or(0, |tried| MAX_IMPORT_FAILURES.saturating_sub(tried))
    }

    /// Takes in a restore blob, completely or not at all. Its domain then waits to be confirmed.
    ///
    /// A blob for another transfer key, or with a list of other artifacts, is refused with that
    /// reason. Every other defect has the same error, and only [`MAX_IMPORT_FAILURES`] such blobs
    /// are tried.
    ///
    /// Secret: the transfer key, the artifacts. Public: the blob. Leaks: whether it opened, and the
    /// artifacts' lengths then.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::OtherTransferKey`]: the blob is sealed to another transfer key.
    /// - [`LifecycleError::Unexpected`]: the blob does not list exactly the expected artifacts.
    /// - [`LifecycleError::BufferTooSmall`]: the vault is too small for the artifacts.
    /// - [`LifecycleError::Import`]: the blob does not open as expected.
    /// - [`LifecycleError::TooFewBytes`]: there is no root, and the artifacts are too short to
    ///   derive one.
    /// - [`LifecycleError::TransferKey`]: the device for the transfer key failed.
    /// - [`LifecycleError::Expired`]: the session has expired.
    /// - Any failure of the sink, the clock or the flash.
    pub fn import<H: Host>(
        self,
        blob: &RestoreBlob<'_>,
        host: &mut H,
    ) -> Result<Domain<'v, Imported, N>, Refused<Self>> {
        let (domain, ()) = self.after(Step::Import, host, |vault, host| {
            let taken = vault.take_in(blob, host);
            taken.inspect_err(|_| vault.held.wipe_domain())
        })?;
        Ok(domain)
    }
}

impl<'v, const N: usize> Domain<'v, Imported, N> {
    /// Makes the imported domain this HSM's, if the digests of its artifacts, computed again, equal
    /// the expected and the named ones.
    ///
    /// The operator names `domain`, as the HSM shows it, and the SHA-256 of each artifact that had
    /// none when the import began. Anyone can make a restore blob, and the HSM computes the id of
    /// its domain from the blob's contents. So every digest that was not known beforehand must now
    /// be known from elsewhere. The root needs no digest: `domain` names it.
    ///
    /// # Errors
    ///
    /// [`LifecycleError::NotConfirmed`] says what is not named or did not come in. Also fails if
    /// the session has expired, and if the sink, the clock or the flash fails.
    ///
    /// Secret: the domain. Public: what is named. Leaks: whether the digests are right.
    pub fn confirm<H: Host>(
        self,
        domain: DomainId,
        digests: &[ExpectedArtifact<'_>],
        host: &mut H,
    ) -> Result<Domain<'v, Active, N>, Refused<Self>> {
        let (domain, ()) = self.after(Step::ConfirmImport, host, |vault, host| {
            vault.confirm(domain, digests, host)
        })?;
        Ok(domain)
    }
}

impl<const N: usize> Vault<N> {
    /// Returns the session's import, if it is one.
    fn import(&self) -> Result<&Import, LifecycleError> {
        self.session.import().ok_or(LifecycleError::Expired)
    }

    fn confirm<H: Host>(
        &mut self,
        domain: DomainId,
        digests: &[ExpectedArtifact<'_>],
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        let Ticked { permit, .. } = self.tick(host)?;
        let whole =
            Verdict::twice(|| expected::admits(&self.held)).permit(LifecycleError::Fault)?;
        let (have, want) = (self.held.root.domain_id()?, domain);
        // The id of the current root, and the id computed when it came in.
        let same = |have: DomainId| eq_bytes(have.as_bytes(), domain.as_bytes());
        let same = Verdict::twice(|| same(have) & same(self.held.id())).permit(
            LifecycleError::NotConfirmed(Unconfirmed::Domain { have, want }),
        )?;
        let named = expected::check_named(&self.held, digests)?;
        let permit = permit.and(whole).and(same).and(named);
        let permit = permit.and(self.audit.report(host, &Event::ConfirmImport { domain })?);
        self.commit(host, Next::new(Stage::Active), permit)
    }

    fn import_mut(&mut self) -> Result<&mut Import, LifecycleError> {
        self.session.import_mut().ok_or(LifecycleError::Expired)
    }

    fn begin_import<H: Host>(
        &mut self,
        size: ModulusSize,
        expected: &[ExpectedArtifact<'_>],
        lifetime: Option<NonZeroU64>,
        host: &mut H,
        out: &mut [u8],
    ) -> Result<usize, LifecycleError> {
        self.health.first_use(DRAWING, &mut watched(host))?;
        let needed = expected::check(expected)?.saturating_add(SESSION_ROOM);
        if needed > N {
            return Err(LifecycleError::BufferTooSmall { needed });
        }
        let now = host.now();
        let clock = Clock::new(now, lifetime)?;
        let form = blob::form(now)?;
        let in_device = self.generate_in_device(size, host)?;
        let is_made = in_device.is_some() || self.take_prepared(size, host)?;
        let mut secret = Secret::zeroed();
        let mut source = HostRng(host);
        let mut rng = self.hedged(&mut secret, &mut source, b"import", now)?;
        let named = self.instance.draw(&mut rng)?;
        let key = &mut self.session.key;
        if !is_made {
            key.generate(Algorithm::rsa(size), &mut rng)?;
        }
        let (permit, len) = match in_device {
            Some(works) => {
                let device = host.transfer_key().ok_or(TransferKeyError::Missing)?;
                let public = key.rsa_public_key().ok_or(LifecycleError::Fault)?;
                (
                    named.and(works),
                    blob::certify_by(device, public, &form, out)?,
                )
            }
            None => {
                let key = key.rsa().ok_or(LifecycleError::Fault)?;
                (named, blob::certify(key, &form, &mut rng, out)?)
            }
        };
        let certificate = out.get(..len).map(Thumbprint::of);
        let certificate = certificate.ok_or(LifecycleError::Fault)?;
        logged::begin(host, self.instance.id);
        let permit = permit.and(self.audit.report(host, &Event::BeginImport)?);
        let task = Task::Import(Import {
            certificate,
            tried: 0,
        });
        expected::keep(expected, &mut self.held)?;
        self.session.set(Session { clock, task })?;
        self.commit(host, Next::new(Stage::Importing), permit)?;
        Ok(len)
    }

    fn take_in<H: Host>(
        &mut self,
        blob: &RestoreBlob<'_>,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        self.health.first_use(OPENING, &mut watched(host))?;
        let Ticked { permit, now } = self.tick(host)?;
        let import = self.import()?;
        let permit = permit.and(blob::check(import, &self.held, blob)?);
        let needed = blob::room(&self.held, blob)?;
        if needed > N {
            return Err(LifecycleError::BufferTooSmall { needed });
        }
        // A device that fails takes no try.
        self.check_device(host)?;
        // The last try may have been made right before a start.
        let none = LifecycleError::Import { left: 0 };
        let allowed = Verdict::twice(|| import.has_tries()).permit(none);
        if allowed.is_err() {
            self.end_session(Ended::TooManyFailures, host)?;
        }
        let permit = permit
            .and(allowed?)
            .and(self.audit.report(host, &Event::Import)?);
        // The try is counted before it is made, so that cutting the power in between gains none.
        let import = self.import_mut()?;
        let before = import.tried;
        import.tried = before.saturating_add(1);
        let left = MAX_IMPORT_FAILURES.saturating_sub(import.tried);
        if let Err(error) = self.commit(host, Next::new(Stage::Importing), permit) {
            self.import_mut()?.tried = before;
            return Err(error);
        }
        match self.open_blob(blob, now, host) {
            Err(LifecycleError::Import { .. }) => {
                if left == 0 {
                    self.end_session(Ended::TooManyFailures, host)?;
                }
                Err(LifecycleError::Import { left })
            }
            opened => opened,
        }
    }

    fn open_blob<H: Host>(
        &mut self,
        blob: &RestoreBlob<'_>,
        now: u64,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        self.held.wipe_domain();
        let Self {
            session,
            held,
            buffer,
            ..
        } = self;
        let (import, key) = session.import_and_key().ok_or(LifecycleError::Expired)?;
        let shared = RefCell::new(&mut *host);
        let mut key = Opener::new(key, &shared).ok_or(LifecycleError::Expired)?;
        let opened = blob::open(
            import,
            &mut key,
            blob,
            &mut SharedRng(&shared),
            held,
            buffer,
        );
        wipe(buffer);
        if !opened? {
            root::derive(&mut self.held)?;
        }
        self.held.name()?;
        self.accept(now, host)
    }

    /// Makes the imported domain wait to be confirmed.
    fn accept<H: Host>(&mut self, now: u64, host: &mut H) -> Result<(), LifecycleError> {
        self.import()?;
        // A root of zeros does not count, whether it came in as such or a copy was skipped.
        let admitted = || expected::admits(&self.held) & self.held.is_rooted();
        let permit = Verdict::twice(admitted).permit(blob::FAILED)?;
        let earlier = self.note_time(now)?;
        match self.commit(host, Next::new(Stage::Imported), permit) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.session.as_mut().ok_or(LifecycleError::Fault)?.clock = earlier;
                Err(error)
            }
        }
    }
}
