// SPDX-License-Identifier: MIT OR Apache-2.0
//! The domain that a caller expects.
//!
//! Anyone can make *a* domain from the custodians' public keys, and an old file of the right domain
//! opens as well as the newest. Before trusting a file, the caller states which one is expected,
//! from what an HSM of that domain has shown.

use super::error::ExpectError;
use super::header::Header;
use super::id::{DomainId, Epoch, HeaderDigest};
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Permit, Verdict};

/// The sealed domain that the caller expects. There is no default.
///
/// Take the values from what an HSM of the domain has shown
/// ([`Status`](crate::lifecycle::Status)), not from the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ExpectedDomain {
    scope: Scope,
    domain_id: DomainId,
    min_epoch: Epoch,
    header: HeaderDigest,
}

/// What is compared, encoded as two words that differ in many bits from those of the other scopes.
/// Any other words compare everything, so a flipped bit never weakens an expectation.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Scope(u32, u32);

impl Scope {
    /// The domain, the epoch and the header.
    const HEADER: Self = Self(0xcb91_ce37, 0xf144_6bea);
    /// The domain and the epoch.
    const DOMAIN: Self = Self(0xa6eb_8c9e, 0xec1d_7da0);
    /// Nothing.
    const NOTHING: Self = Self(0x87b0_b125, 0x92ed_cf45);

    fn is(&self, other: Self) -> Mask {
        Mask::eq(self.0, other.0) & Mask::eq(self.1, other.1)
    }
}

impl ExpectedDomain {
    /// Expects this domain, in `min_epoch` or later: the newest epoch that an HSM of the domain has
    /// shown. It is [`Epoch::FIRST`] if the quorum was never changed.
    ///
    /// This accepts each sealing of the domain from that epoch on, also one that you do not know.
    pub const fn new(domain_id: DomainId, min_epoch: Epoch) -> Self {
        Self {
            scope: Scope::DOMAIN,
            domain_id,
            min_epoch,
            header: HeaderDigest::from_bytes([0; 32]),
        }
    }

    /// Expects this domain with exactly this header, as the HSM that sealed it has shown its digest.
    ///
    /// This is stricter than [`new`](Self::new): it also fixes the custodians, the threshold and the
    /// list of artifacts. Use it whenever the digest was noted. It refuses the file of a later quorum.
    pub const fn header(domain_id: DomainId, min_epoch: Epoch, header: HeaderDigest) -> Self {
        Self {
            scope: Scope::HEADER,
            domain_id,
            min_epoch,
            header,
        }
    }

    /// Expects nothing, so nothing shows that it is the right domain. For a first look and for
    /// tests.
    pub const fn unpinned() -> Self {
        Self {
            scope: Scope::NOTHING,
            domain_id: DomainId::from_bytes([0; 32]),
            min_epoch: Epoch::FIRST,
            header: HeaderDigest::from_bytes([0; 32]),
        }
    }

    /// Returns whether a domain is named.
    pub fn is_pinned(&self) -> bool {
        let pinned = Verdict::twice(|| !self.scope.is(Scope::NOTHING));
        pinned.or(()).is_ok()
    }

    /// Returns a permit if `pinned`, the caller's record of whether a domain is named, is right.
    pub(crate) fn check_told<E>(&self, pinned: bool, refusal: E) -> Result<Permit, E> {
        let unpinned = Mask::public(!pinned);
        Verdict::twice(|| {
            let nothing = self.scope.is(Scope::NOTHING);
            (unpinned & nothing) | !(unpinned | nothing)
        })
        .permit(refusal)
    }

    /// Compares `header` with the expectation. Opening and recovering a domain do this themselves.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ExpectError`].
    pub fn check(&self, header: &Header<'_>) -> Result<(), ExpectError> {
        self.permit(header).map(|_| ())
    }

    /// Compares with `header`, and returns the permit to use its domain.
    ///
    /// Does the whole comparison twice: a single pointer to the header serves both evaluations of
    /// one comparison.
    #[inline(always)]
    pub(crate) fn permit(&self, header: &Header<'_>) -> Result<Permit, ExpectError> {
        Ok(self.compare(header)?.and(self.compare(header)?))
    }

    /// Both evaluations of each comparison read this expectation and the header in place.
    #[inline(never)]
    fn compare(&self, header: &Header<'_>) -> Result<Permit, ExpectError> {
        let domain = Verdict::twice(|| {
            eq_bytes(header.domain_id().as_bytes(), self.domain_id.as_bytes())
                | self.scope.is(Scope::NOTHING)
        })
        .permit(ExpectError::WrongDomain {
            have: header.domain_id(),
            want: self.domain_id,
        })?;
        let epoch = Verdict::twice(|| {
            !Mask::lt(header.epoch().get(), self.min_epoch.get()) | self.scope.is(Scope::NOTHING)
        })
        .permit(ExpectError::Superseded {
            have: header.epoch(),
            want: self.min_epoch,
        })?;
        let digest = Verdict::twice(|| {
            eq_bytes(header.digest().as_bytes(), self.header.as_bytes())
                | self.scope.is(Scope::DOMAIN)
                | self.scope.is(Scope::NOTHING)
        })
        .permit(ExpectError::OtherHeader {
            have: header.digest(),
            want: self.header,
        })?;
        Ok(domain.and(epoch).and(digest))
    }
}

impl core::fmt::Debug for ExpectedDomain {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = f.debug_struct("ExpectedDomain");
        if self.is_pinned() {
            shown
                .field("domain_id", &self.domain_id)
                .field("min_epoch", &self.min_epoch);
        }
        if self.scope == Scope::HEADER {
            shown.field("header", &self.header);
        }
        shown.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = include_bytes!("../../tests/vectors/sealed-domain/good-later-epoch.sealed");

    fn scopes() -> [Scope; 3] {
        [Scope::HEADER, Scope::DOMAIN, Scope::NOTHING]
    }

    #[test]
    fn scopes_are_far_apart() {
        let mut words: std::vec::Vec<u32> = scopes().iter().flat_map(|s| [s.0, s.1]).collect();
        words.extend([0, u32::MAX]);
        for (i, a) in words.iter().enumerate() {
            for b in &words[i + 1..] {
                assert!((a ^ b).count_ones() >= 12, "{a:08x} {b:08x}");
            }
        }
    }

    /// A flipped bit or a lost word does not make another domain, epoch or header pass.
    #[test]
    fn a_changed_scope_compares_everything() {
        let sealed = crate::sealed_domain::SealedDomain::parse(FILE).unwrap();
        let header = sealed.header();
        let (domain, epoch, digest) = (header.domain_id(), header.epoch(), header.digest());
        let wrong = [
            ExpectedDomain::new(DomainId::from_bytes([1; 32]), epoch),
            ExpectedDomain::new(domain, epoch.next().unwrap()),
            ExpectedDomain::header(domain, epoch, HeaderDigest::from_bytes([1; 32])),
        ];
        let mut changed = 0;
        for mut expect in wrong {
            let scope = expect.scope;
            let flipped = (0..32).flat_map(|bit| {
                [
                    Scope(scope.0 ^ 1 << bit, scope.1),
                    Scope(scope.0, scope.1 ^ 1 << bit),
                ]
            });
            let lost = [0, u32::MAX].map(|word| [Scope(word, scope.1), Scope(scope.0, word)]);
            for scope in flipped.chain(lost.into_iter().flatten()).chain([scope]) {
                expect.scope = scope;
                assert!(expect.permit(header).is_err());
                changed += 1;
            }
        }
        assert_eq!(changed, 3 * (64 + 4 + 1));
        for right in [
            ExpectedDomain::unpinned(),
            ExpectedDomain::new(domain, epoch),
            ExpectedDomain::header(domain, Epoch::FIRST, digest),
        ] {
            assert_eq!(right.permit(header).unwrap().spend(()), Ok(()));
        }
    }
}
