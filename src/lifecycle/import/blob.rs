// SPDX-License-Identifier: MIT OR Apache-2.0
//! Both ends of an import: the outgoing transfer key and the incoming restore blob.

use core::num::NonZeroU64;

use heapless::String;

use super::expected::{self, Import, ROOT_TAG};
use crate::ct::{declassify_bytes, eq_bytes};
use crate::hardened::{Permit, Verdict, copy};
use crate::lifecycle::contents::FIXED_ROOM;
use crate::lifecycle::error::LifecycleError;
use crate::lifecycle::holding::Holding;
use crate::lifecycle::host::Host;
use crate::lifecycle::session_key::Opener;
use crate::lifecycle::transfer_key::{TransferKey, TransferKeyError};
use crate::managed_hsm::restore_blob::{RestoreBlob, RestoreError};
use crate::managed_hsm::{Artifact, MasterKey, OpenError};
use crate::rng::Watched;
use crate::rsa::{PrivateKey, PublicKey};
use crate::sealed_domain::{ArtifactTag, MAX_TEXT_LEN, Root};
use crate::x509::{self, SelfSigned, SelfSignedError};

/// A year in seconds: how long a transfer key's certificate is valid.
const YEAR: i64 = 365 * 86_400;

/// 9999-12-31T23:59:59Z, which means that there is no end (RFC 5280 section 4.1.2.5).
const NEVER: i64 = 253_402_300_799;

/// Returns the contents of the certificate of a transfer key that is made now.
pub(super) fn form(now: u64) -> Result<SelfSigned<'static>, LifecycleError> {
    let (not_before, not_after) = validity(now)?;
    Ok(SelfSigned {
        common_name: "transfer-key",
        serial: NonZeroU64::MIN,
        not_before,
        not_after,
    })
}

/// Writes the certificate of a transfer key in the vault to the front of `out`, and returns its
/// length.
///
/// Secret: the key. Public: everything else. Leaks: nothing else.
pub(super) fn certify(
    key: &PrivateKey,
    form: &SelfSigned<'_>,
    rng: &mut dyn Watched,
    out: &mut [u8],
) -> Result<usize, LifecycleError> {
    let len = x509::write_self_signed(key, form, rng, out).map_err(not_certified)?;
    declassify_bytes(out.get_mut(..len).ok_or(LifecycleError::Fault)?);
    Ok(len)
}

/// Writes the certificate of a transfer key in a device, as [`certify`] does.
pub(super) fn certify_by(
    device: &mut dyn TransferKey,
    public: &PublicKey,
    form: &SelfSigned<'_>,
    out: &mut [u8],
) -> Result<usize, LifecycleError> {
    let mut failed = None;
    let written = x509::write_signed_by(public, form, out, &mut |message, signature| {
        let signed = device.sign(message, signature).and_then(|()| {
            let verified = public.verify_pkcs1v15_sha256(message, signature);
            verified.map_err(|_| TransferKeyError::Unusable)
        });
        signed.map_err(|error| {
            failed = Some(error);
            SelfSignedError::Fault
        })
    });
    match (written, failed) {
        (_, Some(error)) => Err(error.into()),
        (written, None) => written.map_err(not_certified),
    }
}

fn not_certified(error: SelfSignedError) -> LifecycleError {
    match error {
        SelfSignedError::Rng => LifecycleError::Rng,
        SelfSignedError::BufferTooSmall => LifecycleError::BufferTooSmall {
            needed: x509::SELF_SIGNED_MAX_LEN,
        },
        SelfSignedError::CommonName | SelfSignedError::Validity | SelfSignedError::Fault => {
            LifecycleError::Fault
        }
    }
}

/// Returns the validity of a certificate made now: unlimited without a clock.
fn validity(now: u64) -> Result<(i64, i64), LifecycleError> {
    match i64::try_from(now) {
        Ok(0) => Ok((0, NEVER)),
        Ok(from @ ..=NEVER) => Ok((from, from.saturating_add(YEAR).min(NEVER))),
        _ => Err(LifecycleError::ClockOutOfRange { now }),
    }
}

/// Checks the readable parts of `blob`: that it is sealed to this transfer key, and the list of
/// artifacts.
pub(super) fn check<const N: usize>(
    import: &Import,
    holding: &Holding<N>,
    blob: &RestoreBlob<'_>,
) -> Result<Permit, LifecycleError> {
    let (have, want) = (blob.transfer_thumbprint(), import.certificate);
    let permit = Verdict::twice(|| {
        let (have, want) = (blob.transfer_thumbprint(), &import.certificate);
        eq_bytes(have.as_bytes(), want.as_bytes())
    })
    .permit(LifecycleError::OtherTransferKey { have, want })?;
    let listed = |artifact: Artifact<'_>| expected::find(holding, artifact.tag()).is_some();
    // No tag appears twice on either side, so equal counts mean equal sets.
    let expected = expected::list(holding)?.count();
    if blob.artifacts().count() != expected || !blob.artifacts().all(listed) {
        return Err(LifecycleError::Unexpected);
    }
    Ok(permit)
}

/// Returns how many bytes the artifacts in `blob` take at least in a record, with everything else
/// in it. This is known before a try is counted.
pub(super) fn room<const N: usize>(
    holding: &Holding<N>,
    blob: &RestoreBlob<'_>,
) -> Result<usize, LifecycleError> {
    let expected = holding.expected()?.len();
    let contents = blob.artifacts();
    let contents = contents.map(|artifact| artifact.ciphertext_len().saturating_sub(16));
    let room = contents.fold(FIXED_ROOM, usize::saturating_add);
    Ok(room.saturating_add(expected))
}

/// The error for every blob that does not open as expected. The number of tries left is not known
/// here.
pub(super) const FAILED: LifecycleError = LifecycleError::Import { left: 0 };

/// Opens `blob` into `incoming`, by way of `buffer`. Returns whether there was a root among the
/// artifacts.
///
/// Secret: the transfer key, the artifacts. Public: the blob. Leaks: whether it opened as what is
/// expected, and the artifacts' lengths then.
pub(super) fn open<H: Host, const N: usize>(
    import: &Import,
    transfer: &mut Opener<'_, '_, H>,
    blob: &RestoreBlob<'_>,
    rng: &mut dyn Watched,
    incoming: &mut Holding<N>,
    buffer: &mut [u8],
) -> Result<bool, LifecycleError> {
    let key = blob
        .open(&import.certificate, transfer, rng)
        .map_err(|error| match error {
            RestoreError::Rng => LifecycleError::Rng,
            RestoreError::Device(error) => error.into(),
            RestoreError::Fault => LifecycleError::Fault,
            RestoreError::OtherTransferKey { .. } | RestoreError::DoesNotOpen => FAILED,
        })?;
    let mut has_root = false;
    for artifact in blob.artifacts() {
        has_root |= put(&artifact, &key, incoming, buffer)?;
    }
    Ok(has_root)
}

/// Opens one artifact into `incoming`. Returns whether it was the root.
fn put<const N: usize>(
    artifact: &Artifact<'_>,
    key: &MasterKey,
    incoming: &mut Holding<N>,
    buffer: &mut [u8],
) -> Result<bool, LifecycleError> {
    let len = artifact.open(key, buffer).map_err(|error| match error {
        OpenError::BufferTooSmall { needed } => LifecycleError::BufferTooSmall { needed },
        OpenError::Fault => LifecycleError::Fault,
        OpenError::DoesNotOpen => FAILED,
    })?;
    let content = buffer.get(..len).ok_or(LifecycleError::Fault)?;
    // The list was checked before.
    let expected = expected::find(incoming, artifact.tag()).ok_or(LifecycleError::Fault)?;
    Verdict::twice(|| expected.admits(content)).or(FAILED)?;
    if expected.tag == ROOT_TAG {
        let root: &[u8; Root::LEN] = content.try_into().map_err(|_| FAILED)?;
        copy(incoming.root.secret_mut().expose_mut(), root)?;
        return Ok(true);
    }
    let tag = String::<MAX_TEXT_LEN>::try_from(expected.tag).map_err(|_| LifecycleError::Fault)?;
    let tag = ArtifactTag::new(&tag).map_err(|_| LifecycleError::Fault)?;
    copy(incoming.push(tag, len)?, content)?;
    Ok(false)
}
