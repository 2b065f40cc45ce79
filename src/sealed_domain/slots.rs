// SPDX-License-Identifier: MIT OR Apache-2.0
//! The layout of a sealed domain that is being written.
//!
//! Every length is known before the first byte is drawn. So the file is laid out first, in the
//! caller's buffer, and then filled with public data. Data that is not yet public is made in the
//! scratch.

use core::mem;
use core::ops::Range;

use heapless::Vec;
use minicbor::Encoder;

use super::error::SealError;
use super::header::Custodians;
use super::{MAX_CUSTODIANS, MAX_TEXT_LEN, RELEASE_LEN, Root};
use crate::aead::TAG_LEN;
use crate::cbor::bytes_len;
use crate::ed25519::SIGNATURE_LEN;
use crate::rsa::ModulusSize;
use crate::wrapped_share::{MAX_LEN, PLAINTEXT_LEN};

/// One item of the shares list: a verify key and a digest.
const SHARE_LEN: usize = 1 + bytes_len(32) + bytes_len(32);

/// The longest wrapped share, where this build makes it. Without `pq` there are RSA and P-256
/// alone: a longer share, of a recipient outside this crate, is refused for want of scratch.
const MAX_WRAPPED: usize = if cfg!(feature = "pq") {
    MAX_LEN
} else {
    ModulusSize::Rsa4096.bytes()
};

/// How many bytes of scratch it takes at most to seal a domain of this many artifacts, which have
/// `bytes` bytes together.
pub(crate) const fn max_scratch(artifacts: usize, bytes: usize) -> usize {
    const CUSTODIAN: usize = 1 + bytes_len(32) + 5;
    const ARTIFACT: usize = 1 + bytes_len(MAX_TEXT_LEN) + 5;
    // Seven small numbers and heads, label and module, key and digests, salt and commitment, epoch,
    // time, instance, threshold, delay, module version.
    const FIXED: usize =
        7 + 2 * bytes_len(MAX_TEXT_LEN) + 5 * bytes_len(32) + 5 + 9 + bytes_len(16) + 2 + 5 + 5;
    let core =
        (FIXED + MAX_CUSTODIANS * CUSTODIAN).saturating_add(artifacts.saturating_mul(ARTIFACT));
    let header = bytes_len(core).saturating_add(2 + MAX_CUSTODIANS * SHARE_LEN);
    let body = bytes.saturating_add(Root::LEN);
    let work = body.saturating_mul(2).saturating_add(TAG_LEN);
    let wrapped = MAX_WRAPPED;
    header.saturating_add(if work < wrapped { wrapped } else { work })
}

/// The lengths of the parts, in bytes.
pub(super) struct Lengths {
    pub(super) core: usize,
    header: usize,
    pub(super) body: usize,
    /// The longest wrapped share.
    wrapped: usize,
    /// The whole file.
    pub(super) file: usize,
}

impl Lengths {
    /// Computes the lengths for a core and a body of these lengths.
    pub(super) fn new(core: usize, custodians: &Custodians, body: usize) -> Self {
        let shares = SHARE_LEN.saturating_mul(custodians.len()).saturating_add(1);
        let header = bytes_len(core).saturating_add(shares).saturating_add(1);
        let wrapped = custodians
            .iter()
            .map(|(_, how)| how.wrapped_len(PLAINTEXT_LEN));
        let rest = [
            2,
            bytes_len(header),
            bytes_len(RELEASE_LEN),
            bytes_len(32),
            bytes_len(body),
            bytes_len(SIGNATURE_LEN),
        ];
        Self {
            core,
            header,
            body,
            wrapped: wrapped.clone().fold(0, usize::max),
            file: wrapped
                .map(bytes_len)
                .chain(rest)
                .fold(0, usize::saturating_add),
        }
    }

    /// Returns the length of the file without its release.
    pub(super) const fn pending(&self) -> usize {
        self.file
            .saturating_sub(bytes_len(RELEASE_LEN).saturating_sub(bytes_len(0)))
    }

    /// Returns the length of the scratch.
    pub(super) fn scratch(&self) -> usize {
        let work = self.body.saturating_add(self.clear());
        self.header.saturating_add(work.max(self.wrapped))
    }

    /// Returns the length of the body in the clear.
    const fn clear(&self) -> usize {
        self.body.saturating_sub(TAG_LEN)
    }

    /// Divides the room for the body into the sealed and the clear part.
    pub(super) fn cut_work<'s>(
        &self,
        work: &'s mut [u8],
    ) -> Result<(&'s mut [u8], &'s mut [u8]), SealError> {
        let (body, rest) = { work.split_at_mut_checked(self.body) }.ok_or(SealError::Fault)?;
        Ok((body, rest.get_mut(..self.clear()).ok_or(SealError::Fault)?))
    }

    /// Divides the scratch into the header and the room for a wrapped share and, later, for the
    /// body.
    pub(super) fn cut_scratch<'s>(
        &self,
        scratch: &'s mut [u8],
    ) -> Result<(&'s mut [u8], &'s mut [u8]), SealError> {
        scratch
            .split_at_mut_checked(self.header)
            .ok_or(SealError::Fault)
    }

    /// Returns where the core lies in the header.
    pub(super) fn core_in_header(&self) -> Range<usize> {
        let start = bytes_len(self.core)
            .saturating_sub(self.core)
            .saturating_add(1);
        start..start.saturating_add(self.core)
    }
}

/// The contents of the file's byte strings.
pub(super) struct Slots<'o> {
    pub(super) header: &'o mut [u8],
    pub(super) wrapped: Vec<&'o mut [u8], MAX_CUSTODIANS>,
    pub(super) release: &'o mut [u8],
    pub(super) commitment: &'o mut [u8],
    pub(super) body: &'o mut [u8],
    pub(super) signature: &'o mut [u8],
}

impl<'o> Slots<'o> {
    /// Writes everything in the file that is outside its byte strings, and divides `out` at these.
    /// The release has `release` bytes; none in a pending file.
    pub(super) fn cut(
        lengths: &Lengths,
        custodians: &Custodians,
        release: usize,
        out: &'o mut [u8],
    ) -> Result<Self, SealError> {
        let mut encoder = Encoder::new(out);
        array(&mut encoder, 6)?;
        let header = slot(&mut encoder, lengths.header)?;
        array(&mut encoder, custodians.len() as u64)?;
        let mut wrapped = Vec::new();
        for (_, how) in custodians {
            let slot = slot(&mut encoder, how.wrapped_len(PLAINTEXT_LEN))?;
            wrapped.push(slot).map_err(|_| SealError::Fault)?;
        }
        Ok(Self {
            header,
            wrapped,
            release: slot(&mut encoder, release)?,
            commitment: slot(&mut encoder, 32)?,
            body: slot(&mut encoder, lengths.body)?,
            signature: slot(&mut encoder, SIGNATURE_LEN)?,
        })
    }
}

fn array(encoder: &mut Encoder<&mut [u8]>, len: u64) -> Result<(), SealError> {
    encoder.array(len).map(|_| ()).map_err(|_| SealError::Fault)
}

/// Writes the head of a byte string of `len` bytes and returns the place of its contents.
fn slot<'o>(encoder: &mut Encoder<&'o mut [u8]>, len: usize) -> Result<&'o mut [u8], SealError> {
    encoder
        .bytes_len(len as u64)
        .map_err(|_| SealError::Fault)?;
    let rest = mem::take(encoder.writer_mut());
    let (slot, rest) = rest.split_at_mut_checked(len).ok_or(SealError::Fault)?;
    *encoder.writer_mut() = rest;
    Ok(slot)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::rng::Generator;

    use super::*;
    use crate::custodian::{Algorithm, CustodianId, PostQuantum, Recipient, WrapError};
    use crate::quorum::Threshold;
    use crate::sealed_domain::{
        ArtifactTag, DomainLabel, InstanceId, Lineage, ModuleFloor, ModuleName, ModuleVersion,
        Sealing,
    };

    /// A custodian whose wrapped share is as long as any.
    struct Longest(u8);

    impl Recipient for Longest {
        fn algorithm(&self) -> Algorithm {
            match cfg!(feature = "pq") {
                true => Algorithm::Both {
                    rsa: ModulusSize::Rsa4096,
                    other: PostQuantum::MlKem1024P384,
                },
                false => Algorithm::Rsa4096OaepSha256,
            }
        }

        fn id(&self) -> CustodianId {
            CustodianId::new(self.algorithm(), &[self.0])
        }

        fn wrap<R: Generator + ?Sized>(
            &self,
            _: &[u8],
            _: &[u8],
            _: &mut R,
            _: &mut [u8],
        ) -> Result<(), WrapError> {
            Err(WrapError::Rng)
        }
    }

    #[test]
    fn no_domain_takes_more_scratch_than_the_most() {
        let text = "x".repeat(MAX_TEXT_LEN);
        let custodians: std::vec::Vec<_> = (0..MAX_CUSTODIANS as u8).map(Longest).collect();
        for len in [0, 1, 300, 0x1_0000] {
            let artifact = std::vec![0; len];
            let sealing = Sealing {
                root: &Root::zeroed(),
                artifacts: &[(ArtifactTag::new(&text).unwrap(), &artifact)],
                custodians: &custodians,
                threshold: Threshold::new(MAX_CUSTODIANS as u8).unwrap(),
                label: DomainLabel::new(&text).unwrap(),
                lineage: Lineage::FIRST,
                created: u64::MAX,
                instance: InstanceId::from_bytes([0; 16]),
                floor: ModuleFloor {
                    module: ModuleName::new(&text).unwrap(),
                    minimum: ModuleVersion::new(u32::MAX),
                },
                break_glass: None,
            };
            let (takes, most) = (sealing.scratch_len().unwrap(), max_scratch(1, len));
            assert!(takes <= most, "{takes} of {most}");
            assert!(most - takes < 24, "{takes} of {most}");
        }
    }
}
