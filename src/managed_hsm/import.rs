// SPDX-License-Identifier: MIT OR Apache-2.0
//! A restore blob enters an HSM that has a [`lifecycle`](crate::lifecycle).

use core::num::NonZeroU64;

use super::restore_blob::{RestoreBlob, RestoreError};
use super::{Artifact, MasterKey, OpenError, Tag};
use crate::lifecycle::{
    Domain, ExpectedArtifact, Host, Imported, Importing, LifecycleError, Provisioned, Refused,
    Vault,
};
use crate::rsa::{ModulusSize, PrivateKey};
use crate::secret::wipe;
use crate::x509::{self, Certificate, SelfSigned, SelfSignedError, Thumbprint};

/// A year in seconds: how long a transfer key's certificate is valid.
const YEAR: i64 = 365 * 86_400;

/// 9999-12-31T23:59:59Z, which says that there is no end (RFC 5280 section 4.1.2.5).
const NEVER: i64 = 253_402_300_799;

impl<'v, const N: usize> Domain<'v, Provisioned, N> {
    /// Begins a session for a restore blob that holds exactly the artifacts `expected`. It draws a
    /// transfer key and writes its certificate, in DER, to the front of `certificate`, at most
    /// [`SELF_SIGNED_MAX_LEN`](x509::SELF_SIGNED_MAX_LEN) bytes, and gives its length.
    ///
    /// Secret: the transfer key. Public: everything else. Leaks: nothing else.
    pub fn begin_import<H: Host>(
        self,
        size: ModulusSize,
        expected: &[ExpectedArtifact<'_>],
        host: &mut H,
        certificate: &mut [u8],
    ) -> Result<(Domain<'v, Importing, N>, usize), Refused<Self>> {
        let mut len = 0;
        let domain = self.importing(expected, host, |vault, host| {
            let now = host.now();
            let mut rng = vault.hedged(host.rng(), b"import", now);
            let key = PrivateKey::generate(size, &mut rng, &mut |_| ())?;
            len = x509::write_self_signed(&key, &mut rng, &form(now), certificate)
                .map_err(written)?;
            let thumbprint = Thumbprint::of(certificate.get(..len).unwrap_or_default());
            Ok((key, thumbprint))
        })?;
        Ok((domain, len))
    }
}

fn form(now: u64) -> SelfSigned<'static> {
    let now = i64::try_from(now).unwrap_or(0);
    SelfSigned {
        common_name: "transfer-key",
        serial: NonZeroU64::MIN,
        not_before: now,
        not_after: if now == 0 { NEVER } else { now.saturating_add(YEAR) },
    }
}

fn written(error: SelfSignedError) -> LifecycleError {
    match error {
        SelfSignedError::Rng => LifecycleError::Rng,
        SelfSignedError::BufferTooSmall => LifecycleError::BufferTooSmall {
            needed: x509::SELF_SIGNED_MAX_LEN,
        },
        _ => LifecycleError::Fault,
    }
}

impl<'v, const N: usize> Domain<'v, Importing, N> {
    /// Takes in a restore blob: all of it, or nothing. The domain that comes in waits to be confirmed.
    ///
    /// A blob for another transfer key, or with other artifacts than are expected, is refused by what
    /// can be read in it. Whatever else is amiss has one answer, after the same work, and only
    /// [`MAX_IMPORT_FAILURES`](crate::lifecycle::MAX_IMPORT_FAILURES) such blobs are tried.
    ///
    /// Secret: the transfer key, the artifacts. Public: the blob. Leaks: whether it opened, and the
    /// artifacts' lengths then.
    pub fn import<H: Host>(
        self,
        blob: &RestoreBlob<'_>,
        host: &mut H,
    ) -> Result<Domain<'v, Imported, N>, Refused<Self>> {
        if let Err(error) = self.suits(blob) {
            return Err(Refused {
                domain: self,
                error,
            });
        }
        self.imported(host, |vault, host| {
            let opened = open(vault, blob, host);
            wipe(&mut vault.buffer);
            opened
        })
    }

    fn suits(&self, blob: &RestoreBlob<'_>) -> Result<(), LifecycleError> {
        let import = self.vault.import().ok_or(LifecycleError::Expired)?;
        let (have, want) = (blob.transfer_thumbprint(), import.certificate);
        if have != want {
            return Err(LifecycleError::OtherTransferKey { have, want });
        }
        let expected = |artifact: Artifact<'_>| {
            let mut expected = import.expected.iter();
            expected.any(|expected| is(artifact.tag(), expected.tag()))
        };
        // No tag stands twice on either side, so that equal numbers make equal sets.
        if blob.artifacts().count() != import.expected.len() || !blob.artifacts().all(expected) {
            return Err(LifecycleError::Unexpected);
        }
        Ok(())
    }
}

fn is(tag: Tag<'_>, text: &str) -> bool {
    tag.bytes().eq(text.bytes())
}

/// What every blob gets that does not open as what is expected. How many tries are left is not for here.
const FAILED: LifecycleError = LifecycleError::Import { left: 0 };

/// Opens the blob into the vault, as the incoming domain.
fn open<const N: usize, H: Host>(
    vault: &mut Vault<N>,
    blob: &RestoreBlob<'_>,
    host: &mut H,
) -> Result<(), LifecycleError> {
    let key = master_key(vault, blob, host)?;
    vault.incoming.wipe();
    let mut has_root = false;
    for artifact in blob.artifacts() {
        has_root |= vault.put(&artifact, &key)?;
    }
    if !has_root {
        vault.draw_incoming_root(host)?;
    }
    Ok(())
}

fn master_key<const N: usize, H: Host>(
    vault: &mut Vault<N>,
    blob: &RestoreBlob<'_>,
    host: &mut H,
) -> Result<MasterKey, LifecycleError> {
    let import = vault.import_mut()?;
    let transfer = import.key.as_mut().ok_or(LifecycleError::Expired)?;
    blob.open(&import.certificate, transfer, host.rng())
        .map_err(|error| match error {
            RestoreError::Rng | RestoreError::Device(_) => LifecycleError::Rng,
            _ => FAILED,
        })
}

impl<const N: usize> Vault<N> {
    /// Puts an artifact into the incoming domain; whether it was the root.
    ///
    /// Secret: `key`, the artifact. Public: its tag. Leaks: whether it is as expected, and its length.
    fn put(&mut self, artifact: &Artifact<'_>, key: &MasterKey) -> Result<bool, LifecycleError> {
        let len = artifact.open(key, &mut self.buffer).map_err(|error| match error {
            OpenError::BufferTooSmall { needed } => LifecycleError::BufferTooSmall { needed },
            _ => FAILED,
        })?;
        self.put_expected(|tag| is(artifact.tag(), tag), len).ok_or(FAILED)?
    }
}
