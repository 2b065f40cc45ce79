// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opening: a quorum of checked shares gives the root and the artifacts, or nothing.

use heapless::Vec;
use zeroize::Zeroize;

use super::MAX_CUSTODIANS;
use super::error::OpenError;
use super::expect::Expect;
use super::header::Artifacts;
use super::keys::SealingKey;
use super::parse::SealedDomain;
use super::root::Root;
use super::share::DomainShare;
use super::text::ArtifactTag;
use crate::aead;
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Fault, Verdict};
use crate::secret::Secret;
use crate::shamir::{self, Share};

impl SealedDomain<'_> {
    /// How many bytes [`open`](Self::open) needs for its output: the root, then the artifacts.
    pub const fn opened_len(&self) -> usize {
        self.body.len()
    }

    /// Opens the domain with `shares`, a quorum or more, into `out`.
    ///
    /// All or nothing: on an error what was written to `out` is wiped. In order: what is expected, that
    /// the shares make a quorum of this header's, the commitment to the key, the body, and that the
    /// root inside is the one whose key signed the file.
    ///
    /// Secret: the shares, the root, the artifacts. Public: everything else. Leaks: whether it opened.
    pub fn open<'o>(
        &self,
        expect: &Expect,
        shares: &[&DomainShare],
        out: &'o mut [u8],
    ) -> Result<Opened<'o>, OpenError>
    where
        Self: 'o,
    {
        expect.check(self.header()).map_err(OpenError::Expect)?;
        let release = self.release.ok_or(OpenError::Pending)?;
        let needed = self.opened_len();
        let Some(out) = out.get_mut(..needed) else {
            return Err(OpenError::BufferTooSmall { needed });
        };
        let data_key = self.combine(shares)?;
        let mut sealing_key = SealingKey::zeroed();
        sealing_key.derive(&self.header().core.salt, &data_key, release)?;
        drop(data_key);
        let root = self
            .open_body(&sealing_key, out)
            .inspect_err(|_| out.zeroize())?;
        Ok(Opened {
            root,
            artifacts: self.header().artifacts(),
            body: out,
        })
    }

    /// The data key, from a quorum of this header's shares.
    fn combine(&self, shares: &[&DomainShare]) -> Result<Secret<32>, OpenError> {
        let header = self.header();
        let mut quorum = Vec::<&Share<32>, MAX_CUSTODIANS>::new();
        for (place, share) in shares.iter().enumerate() {
            let id = share.custodian;
            Verdict::twice(|| eq_bytes(share.header.as_bytes(), header.digest().as_bytes()))
                .or(OpenError::ForeignShare(id))?;
            if shares
                .iter()
                .take(place)
                .any(|earlier| earlier.custodian == id)
            {
                return Err(OpenError::SameShare(id));
            }
            quorum
                .push(&share.share)
                .map_err(|_| OpenError::SameShare(id))?;
        }
        let (have, need) = (quorum.len() as u8, header.quorum().threshold().get());
        Verdict::twice(|| !Mask::lt(u32::from(have), u32::from(need)))
            .or(OpenError::TooFewShares { have, need })?;
        quorum.truncate(usize::from(need));
        shamir::combine(header.quorum(), &quorum).map_err(|_| OpenError::DoesNotOpen)
    }

    /// Decrypts the body into `out`, as long as the plaintext, and takes the root out of it.
    fn open_body(&self, key: &SealingKey, out: &mut [u8]) -> Result<Root, OpenError> {
        let header = self.header();
        let digest = header.digest();
        Verdict::twice(|| key.is_committed(&digest, self.commitment)).or(OpenError::DoesNotOpen)?;
        Verdict::twice(|| {
            for (to, from) in out.iter_mut().zip(self.body) {
                *to = *from;
            }
            let mut body_key = Secret::zeroed();
            match key.body_key(&digest, &mut body_key) {
                Ok(()) => aead::open(&body_key, out, self.tag),
                Err(Fault) => Mask::public(false),
            }
        })
        .or(OpenError::DoesNotOpen)?;
        let mut root = Secret::zeroed();
        for (to, from) in root.expose_mut().iter_mut().zip(&*out) {
            *to = *from;
        }
        let root = Root::from_secret(root);
        Verdict::twice(|| {
            let domain_key = &header.core.domain_key;
            match root.domain_key().map(|key| key.verify_key()) {
                Ok(key) => eq_bytes(key.as_bytes(), domain_key.as_bytes()),
                Err(Fault) => Mask::public(false),
            }
        })
        .or(OpenError::DoesNotOpen)?;
        Ok(root)
    }
}

/// What a sealed domain held. The caller's buffer is wiped when this is dropped.
pub struct Opened<'o> {
    root: Root,
    artifacts: Artifacts<'o>,
    body: &'o mut [u8],
}

impl<'o> Opened<'o> {
    /// The root.
    pub const fn root(&self) -> &Root {
        &self.root
    }

    /// The artifacts with their tags, in the order in which they were sealed.
    pub fn artifacts(&self) -> impl Iterator<Item = (ArtifactTag<'o>, &[u8])> {
        let mut rest = self.body.get(Root::LEN..).unwrap_or_default();
        self.artifacts.clone().map(move |(tag, len)| {
            let (artifact, after) = rest.split_at_checked(len as usize).unwrap_or_default();
            rest = after;
            (tag, artifact)
        })
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.body.zeroize();
    }
}

impl core::fmt::Debug for Opened<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Opened(..)")
    }
}
