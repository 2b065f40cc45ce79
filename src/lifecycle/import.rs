// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an HSM keeps while it takes in a restore blob of Managed HSM. The blob itself is
//! `managed_hsm`'s.
//!
//! Anyone who has the transfer key's certificate can make a restore blob: it proves no quorum. So the
//! operator says beforehand which artifacts he expects, few tries are allowed, and what came in waits
//! until he confirms it.

use heapless::{String, Vec};
use minicbor::Encoder;
use sha2::{Digest, Sha256};

use super::contents::{Part, Stage, read_key, write_key};
use super::error::LifecycleError;
use super::event::{Ended, Event};
use super::host::Host;
use super::session::{Clock, Session, Task};
use super::state::{Active, Domain, Imported, Importing, Provisioned, Refused, State};
use super::vault::{Next, Vault};
use crate::cbor::{Encoded, Malformed, Reader};
use crate::ct::{Mask, eq_bytes};
use crate::domain::{ArtifactTag, MAX_ARTIFACTS, MAX_TEXT_LEN, Root};
use crate::rng;
use crate::rsa::PrivateKey;
use crate::secret::Secret;
use crate::verdict::Verdict;
use crate::x509::Thumbprint;

/// How many restore blobs may fail to open before the session ends.
pub const MAX_IMPORT_FAILURES: u8 = 3;

/// The tag of an artifact that is the root of a domain: 32 bytes. A domain that comes without one
/// becomes a new domain, with a root and an id of its own.
pub const ROOT_TAG: &str = "security-domain-root";

/// An artifact that the operator expects in a restore blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedArtifact<'a> {
    /// Its tag.
    pub tag: ArtifactTag<'a>,
    /// The SHA-256 of its content, where it is known.
    pub digest: Option<[u8; 32]>,
}

/// How many items an import has in a record.
pub(super) const ITEMS: u64 = 4;

/// An import under way.
pub(crate) struct Import {
    /// None once a blob has been taken in.
    pub(crate) key: Option<PrivateKey>,
    pub(crate) certificate: Thumbprint,
    /// How many blobs were tried.
    tried: u8,
    pub(crate) expected: Vec<Expected, MAX_ARTIFACTS>,
}

/// An [`ExpectedArtifact`], kept.
pub(crate) struct Expected {
    tag: String<MAX_TEXT_LEN>,
    digest: Option<[u8; 32]>,
}

impl Expected {
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }
}

impl Expected {
    /// Whether `artifact` has the digest that is expected, if one is.
    fn admits(&self, artifact: &[u8]) -> Mask {
        match &self.digest {
            Some(digest) => eq_bytes(&Sha256::digest(artifact), digest),
            None => Mask::TRUE,
        }
    }
}

impl Import {
    fn new(
        key: PrivateKey,
        certificate: Thumbprint,
        expected: &[ExpectedArtifact<'_>],
    ) -> Result<Self, LifecycleError> {
        let mut kept = Vec::<Expected, MAX_ARTIFACTS>::new();
        for ExpectedArtifact { tag, digest } in expected {
            let tag = tag.as_str();
            if kept.iter().any(|earlier| earlier.tag == tag) {
                return Err(LifecycleError::Expected);
            }
            let tag = String::try_from(tag).map_err(|_| LifecycleError::Expected)?;
            let digest = *digest;
            kept.push(Expected { tag, digest })
                .map_err(|_| LifecycleError::Expected)?;
        }
        if kept.iter().all(|expected| expected.tag == ROOT_TAG) {
            return Err(LifecycleError::Expected);
        }
        Ok(Self {
            key: Some(key),
            certificate,
            tried: 0,
            expected: kept,
        })
    }

    pub(super) fn write<W: minicbor::encode::Write>(&self, out: &mut Encoder<W>) -> Encoded<W> {
        out.array(ITEMS)?;
        match &self.key {
            Some(key) => write_key(key, out)?,
            None => {
                out.null()?;
            }
        }
        out.bytes(self.certificate.as_bytes())?.u8(self.tried)?;
        out.array(self.expected.len() as u64)?;
        for Expected { tag, digest } in &self.expected {
            out.array(2)?.str(tag)?;
            match digest {
                Some(digest) => out.bytes(digest)?,
                None => out.null()?,
            };
        }
        Ok(())
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed<Part>> {
        let part = Part::Session;
        let key = (!reader.skip_null(part)?)
            .then(|| read_key(reader))
            .transpose()?;
        let certificate = Thumbprint::new(*reader.fixed(part)?);
        let tried = reader.small(part)?;
        let mut expected = Vec::new();
        for _ in 0..reader.array(part)? {
            reader.array_of(2, part)?;
            let tag = String::try_from(reader.text(part)?).map_err(|_| Malformed(part))?;
            let digest = (!reader.skip_null(part)?)
                .then(|| reader.fixed(part).copied())
                .transpose()?;
            expected
                .push(Expected { tag, digest })
                .map_err(|_| Malformed(part))?;
        }
        Ok(Self {
            key,
            certificate,
            tried,
            expected,
        })
    }
}

impl<'v, const N: usize> Domain<'v, Provisioned, N> {
    /// Begins an import; `make` draws the transfer key and writes its certificate.
    pub(crate) fn importing<H: Host>(
        self,
        expected: &[ExpectedArtifact<'_>],
        host: &mut H,
        make: impl FnOnce(&Vault<N>, &mut H) -> Result<(PrivateKey, Thumbprint), LifecycleError>,
    ) -> Result<Domain<'v, Importing, N>, Refused<Self>> {
        let (domain, ()) = self.after(|vault| {
            let clock = Clock::new(host.now(), None)?;
            let (key, certificate) = make(vault, host)?;
            let task = Task::Import(Import::new(key, certificate, expected)?);
            vault.report(host, &Event::BeginImport)?;
            vault.session = Some(Session { clock, task });
            vault
                .commit(host, Next::IMPORTING)
                .inspect_err(|_| vault.session = None)
        })?;
        Ok(domain)
    }
}

impl<'v, const N: usize> Domain<'v, Importing, N> {
    /// The certificate of the transfer key; none once the session is over.
    pub fn certificate(&self) -> Option<Thumbprint> {
        Some(self.vault.import()?.certificate)
    }

    /// Takes in what `open` finds, which puts it into the vault as the incoming domain. Whatever is
    /// amiss there is one failure.
    pub(crate) fn imported<H: Host>(
        self,
        host: &mut H,
        open: impl FnOnce(&mut Vault<N>, &mut H) -> Result<(), LifecycleError>,
    ) -> Result<Domain<'v, Imported, N>, Refused<Self>> {
        let (domain, ()) = self.after(|vault| {
            vault
                .take_in(host, open)
                .inspect_err(|_| vault.incoming.wipe())
        })?;
        Ok(domain)
    }
}

impl<'v, const N: usize> Domain<'v, Imported, N> {
    /// Makes the imported domain this HSM's, once the digests of its artifacts, computed again, are
    /// still those of what came in.
    ///
    /// Secret: the domain. Public: nothing. Leaks: whether the digests are right.
    pub fn confirm<H: Host>(
        self,
        host: &mut H,
    ) -> Result<Domain<'v, Active, N>, Refused<Self>> {
        let (domain, ()) = self.after(|vault| {
            let import = vault.import().ok_or(LifecycleError::Fault)?;
            Verdict::twice(|| {
                let artifacts = vault.incoming.artifacts();
                artifacts.fold(Mask::TRUE, |all, (tag, artifact)| {
                    let mut expected = import.expected.iter();
                    let expected = expected.find(|expected| expected.tag == tag.as_str());
                    all & expected.map_or(!Mask::TRUE, |expected| expected.admits(artifact))
                })
            })
            .or(LifecycleError::Fault)?;
            let domain = vault.incoming.root.domain_id();
            vault.report(host, &Event::ConfirmImport { domain })?;
            vault.commit(
                host,
                Next {
                    promote: true,
                    ..Next::new(Stage::Active)
                },
            )
        })?;
        Ok(domain)
    }
}

/// A state of an import.
pub trait FromOutside: State {}

impl FromOutside for Importing {}

impl FromOutside for Imported {}

impl<'v, S: FromOutside, const N: usize> Domain<'v, S, N> {
    /// Ends the import: its transfer key and what came in are wiped, here and on the flash, and the
    /// domain before it stands again. It happens whatever the sink says.
    ///
    /// If the flash fails it has happened here, and the error says that the flash may still hold the
    /// session, under the device key.
    pub fn abort<H: Host>(
        self,
        host: &mut H,
    ) -> Result<Domain<'v, Provisioned, N>, Refused<Domain<'v, Provisioned, N>>> {
        self.always(|vault| match vault.session {
            Some(_) => vault.end_session(host, Ended::Cancelled),
            None => Ok(()),
        })
    }
}

impl<const N: usize> Vault<N> {
    /// The session's import, if it is one.
    pub(crate) fn import(&self) -> Option<&Import> {
        match &self.session.as_ref()?.task {
            Task::Import(import) => Some(import),
            Task::Recovery(_) => None,
        }
    }

    pub(crate) fn import_mut(&mut self) -> Result<&mut Import, LifecycleError> {
        match self.session.as_mut().map(|session| &mut session.task) {
            Some(Task::Import(import)) => Ok(import),
            _ => Err(LifecycleError::Expired),
        }
    }

    fn take_in<H: Host>(
        &mut self,
        host: &mut H,
        open: impl FnOnce(&mut Self, &mut H) -> Result<(), LifecycleError>,
    ) -> Result<(), LifecycleError> {
        self.tick_or_end(host)?;
        self.import_mut()?;
        self.report(host, &Event::Import)?;
        // The try is counted before it is made: who cuts the power in between gains none.
        let import = self.import_mut()?;
        import.tried = import.tried.saturating_add(1);
        let left = MAX_IMPORT_FAILURES.saturating_sub(import.tried);
        self.commit(host, Next::IMPORTING)?;
        match open(self, host) {
            Ok(()) => self.accept(host),
            Err(LifecycleError::Import { .. }) if left == 0 => {
                self.incoming.wipe();
                self.end_session(host, Ended::TooManyFailures)?;
                Err(LifecycleError::Import { left })
            }
            Err(LifecycleError::Import { .. }) => Err(LifecycleError::Import { left }),
            Err(error) => Err(error),
        }
    }

    /// Puts the first `len` bytes of the buffer into the incoming domain, as the expected artifact whose
    /// tag `is` finds; whether it was the root. None if they are not what is expected.
    pub(crate) fn put_expected(
        &mut self,
        is: impl Fn(&str) -> bool,
        len: usize,
    ) -> Option<Result<bool, LifecycleError>> {
        let Self { session, incoming, buffer, .. } = self;
        let Task::Import(import) = &session.as_ref()?.task else {
            return None;
        };
        let expected = import.expected.iter().find(|expected| is(&expected.tag))?;
        let content = buffer.get(..len)?;
        Verdict::twice(|| expected.admits(content)).or(()).ok()?;
        if expected.tag == ROOT_TAG {
            let root = incoming.root.secret_mut().expose_mut();
            *root = *content.first_chunk().filter(|_| len == Root::LEN)?;
            return Some(Ok(true));
        }
        let tag = ArtifactTag::new(&expected.tag).ok()?;
        Some(match incoming.push(tag, len) {
            Ok(slot) => {
                slot.copy_from_slice(content);
                Ok(false)
            }
            Err(full) => Err(full.into()),
        })
    }

    /// Draws the root of a domain that came without one.
    pub(crate) fn draw_incoming_root<H: Host>(&mut self, host: &mut H) -> Result<(), LifecycleError> {
        let now = host.now();
        let mut root = Secret::<{ Root::LEN }>::zeroed();
        rng::fill(&mut self.hedged(host.rng(), b"root", now), root.expose_mut())?;
        self.incoming.root.secret_mut().expose_mut().copy_from_slice(root.expose());
        Ok(())
    }

    /// What came in waits to be confirmed: every digest is known now, and the key has done its work.
    fn accept<H: Host>(&mut self, host: &mut H) -> Result<(), LifecycleError> {
        let Self { session, incoming, .. } = self;
        let Some(Session { task: Task::Import(import), .. }) = session else {
            return Err(LifecycleError::Expired);
        };
        import.key = None;
        for (tag, artifact) in incoming.artifacts() {
            let mut expected = import.expected.iter_mut();
            if let Some(expected) = expected.find(|expected| expected.tag == tag.as_str()) {
                expected.digest = Some(Sha256::digest(artifact).into());
            }
        }
        let accepted = self.commit(host, Next::IMPORTED);
        if accepted.is_err() {
            // Without its key the session is of no use any more.
            self.end_session(host, Ended::Cancelled)?;
        }
        accepted
    }
}
