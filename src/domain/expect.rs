// SPDX-License-Identifier: MIT OR Apache-2.0
//! Knowing that it is the right one.
//!
//! Anyone can make *a* domain from the custodians' public keys, and an old file of the right one opens
//! as well as the newest. Whoever is about to trust a file says which one he expects, from what an HSM
//! of the domain itself had shown.

use super::error::ExpectError;
use super::header::Header;
use super::id::{DomainId, Epoch, HeaderDigest};
use crate::ct::{Mask, eq_bytes};
use crate::hardened::Verdict;

/// Which sealed domain is expected. There is no default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expect(Option<Pin>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pin {
    domain_id: DomainId,
    min_epoch: Epoch,
    header: Option<HeaderDigest>,
}

impl Expect {
    /// This domain, in `min_epoch` or later.
    pub const fn new(domain_id: DomainId, min_epoch: Epoch) -> Self {
        Self(Some(Pin {
            domain_id,
            min_epoch,
            header: None,
        }))
    }

    /// This domain, and this header of it.
    pub const fn header(domain_id: DomainId, min_epoch: Epoch, header: HeaderDigest) -> Self {
        Self(Some(Pin {
            domain_id,
            min_epoch,
            header: Some(header),
        }))
    }

    /// Whatever is there: nothing says that it is the right domain. For a first look and for tests.
    pub const fn unpinned() -> Self {
        Self(None)
    }

    /// Whether a domain is named.
    pub const fn is_pinned(&self) -> bool {
        self.0.is_some()
    }

    /// Compares with `header`.
    pub fn check(&self, header: &Header<'_>) -> Result<(), ExpectError> {
        let Some(pin) = &self.0 else {
            return Ok(());
        };
        let (have, want) = (header.domain_id(), pin.domain_id);
        Verdict::twice(|| eq_bytes(have.as_bytes(), want.as_bytes()))
            .or(ExpectError::WrongDomain { have, want })?;
        let (have, want) = (header.epoch(), pin.min_epoch);
        Verdict::twice(|| !Mask::lt(have.get(), want.get()))
            .or(ExpectError::Superseded { have, want })?;
        if let Some(want) = pin.header {
            let have = header.digest();
            Verdict::twice(|| eq_bytes(have.as_bytes(), want.as_bytes()))
                .or(ExpectError::OtherHeader { have, want })?;
        }
        Ok(())
    }
}
