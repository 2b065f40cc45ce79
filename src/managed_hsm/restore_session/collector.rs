// SPDX-License-Identifier: MIT OR Apache-2.0
//! The collector: takes contributions, and seals the domain to the transfer key once they are a
//! quorum.

use core::convert::Infallible;
use core::fmt;
use core::hint::black_box;

use heapless::Vec;

use super::collect_error::{CollectError, FinishError};
use super::contribution::{Contribution, PLAINTEXT_LEN, context};
use super::request::Request;
use crate::burn::{self, burning};
use crate::ct::eq_bytes;
use crate::custodian::{Identity, UnwrapError};
use crate::hardened::{Permit, Verdict, copy};
use crate::managed_hsm::custodians::MAX_CUSTODIANS;
use crate::managed_hsm::domain_file::DomainFile;
use crate::managed_hsm::restore_blob;
use crate::managed_hsm::shares::Share;
use crate::quorum::Quorum;
use crate::rng::Generator;
use crate::secret::{Secret, wipe};
use crate::x509::{Certificate, Thumbprint};

/// A session that gathers the shares of a domain file. The shares are wiped when it is dropped.
///
/// The session's private key stays with the caller, in memory or in a device. It must be destroyed
/// when the session ends: whoever has it and the contributions has the shares.
pub struct Collector<'a> {
    file: &'a DomainFile<'a>,
    request: Request<'a>,
    shares: Vec<Share, MAX_CUSTODIANS>,
}

/// What a contribution added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Added {
    /// The share of this custodian.
    New(Thumbprint),
    /// Nothing: the same share of this custodian was there.
    Already(Thumbprint),
}

impl<'a> Collector<'a> {
    /// Begins to collect the shares of `file` for `request`.
    ///
    /// # Errors
    ///
    /// [`CollectError::OtherFile`] if the request is for another file.
    pub fn new(
        file: &'a DomainFile<'a>,
        request: Request<'a>,
    ) -> Result<Self, CollectError<Infallible>> {
        Verdict::twice(|| eq_bytes(request.file().as_bytes(), file.digest().as_bytes())).or(
            CollectError::OtherFile {
                have: request.file(),
                want: file.digest(),
            },
        )?;
        Ok(Self {
            file,
            request,
            shares: Vec::new(),
        })
    }

    /// Returns the request whose answers are collected.
    pub const fn request(&self) -> &Request<'a> {
        &self.request
    }

    /// Iterates over the custodians in whose names shares were added, in the order of adding.
    /// Nothing proves that they sent them.
    pub fn contributors(&self) -> impl Iterator<Item = Thumbprint> + '_ {
        self.shares.iter().map(Share::custodian)
    }

    /// Returns whether there are as many shares as the quorum needs.
    pub fn has_quorum(&self) -> bool {
        self.shares.len() >= usize::from(self.file.quorum().threshold().get())
    }

    /// Opens a contribution with the session's key, and keeps its share. On an error nothing
    /// changes.
    ///
    /// Refuses, in this order: a contribution to another request; a session that has expired at
    /// `now`, in Unix seconds, 0 without a clock; a custodian whom the file does not list; what
    /// does not open with the session's key, or is not bound to this request and custodian; another
    /// share in the name of a custodian who has one.
    ///
    /// Secret: the session's key, the share. Public: everything else. Leaks: whether it opens, the
    /// share's index then, and whether the share was there.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`CollectError`] except `OtherFile`.
    pub fn add<I, R>(
        &mut self,
        contribution: &Contribution<'_>,
        key: &mut I,
        now: u64,
        rng: &mut R,
    ) -> Result<Added, CollectError<I::Error>>
    where
        I: Identity,
        R: Generator + ?Sized,
    {
        let now_again = black_box(now);
        burning::<{ burn::JWE }, _>(move || {
            let (have, want) = (contribution.request(), self.request.digest());
            let permit = Verdict::twice(|| {
                let want = self.request.digest();
                eq_bytes(contribution.request().as_bytes(), want.as_bytes())
            })
            .permit(CollectError::OtherSession { have, want })?
            .and(self.check_time(now, |expires| CollectError::Expired { expires, now })?)
            .and(self.check_time(now_again, |expires| CollectError::Expired { expires, now })?);
            let share = self.open(contribution, permit, key, rng)?;
            let custodian = share.custodian();
            let held = { self.shares.iter() }.find(|held| held.custodian() == custodian);
            match held {
                Some(held) if held.is_same(&share).declassify() => Ok(Added::Already(custodian)),
                Some(_) => Err(CollectError::OtherShare(custodian)),
                None => {
                    // There is room for all whom the file lists.
                    { self.shares.push(share) }.map_err(|_| CollectError::Fault)?;
                    Ok(Added::New(custodian))
                }
            }
        })
    }

    /// Opens the share in a contribution.
    ///
    /// Secret: the session's key, the share. Public: everything else. Leaks: whether it opens, and
    /// the share's index then.
    fn open<I, R>(
        &self,
        contribution: &Contribution<'_>,
        permit: Permit,
        key: &mut I,
        rng: &mut R,
    ) -> Result<Share, CollectError<I::Error>>
    where
        I: Identity,
        R: Generator + ?Sized,
    {
        let custodian = contribution.custodian();
        if !self.file.custodians().any(|listed| listed == custodian) {
            return Err(CollectError::NotListed(custodian));
        }
        let closed = CollectError::DoesNotOpen(custodian);
        let context = context(&self.request.digest(), &custodian);
        let mut plaintext = Secret::<PLAINTEXT_LEN>::zeroed();
        permit.test(CollectError::Fault)?;
        let answer = key.unwrap_key(
            contribution.wrapped(),
            &context,
            rng,
            plaintext.expose_mut(),
        );
        let length = answer.map_err(|error| match error {
            UnwrapError::Opaque => CollectError::DoesNotOpen(custodian),
            UnwrapError::Device(error) => CollectError::Device(error),
            UnwrapError::Fault => CollectError::Fault,
        })?;
        let opened = { plaintext.expose().get(..length) }.ok_or(CollectError::Fault)?;
        let Some((bound, value)) = opened.split_first_chunk::<32>() else {
            return Err(closed);
        };
        let bound = Verdict::twice(|| eq_bytes(bound, &context))
            .permit(CollectError::DoesNotOpen(custodian))?;
        let mut words = Secret::zeroed();
        if copy(words.expose_mut(), value).is_err() {
            return Err(closed);
        }
        // An entry may be missing from the file: of how many the share is one is not known.
        let threshold = self.file.quorum().threshold().get();
        let most = Quorum::new(threshold, MAX_CUSTODIANS as u8);
        let most = most.map_err(|_| CollectError::Fault)?;
        let share = Share::from_words(custodian, most, &words);
        permit.and(bound).spend(CollectError::Fault)?;
        share.ok_or(closed)
    }

    /// Returns a permit if there is time left, which holds without a clock or an expiry.
    #[inline(never)]
    fn check_time<E>(&self, now: u64, refusal: impl FnOnce(u64) -> E) -> Result<Permit, E> {
        let expires = { self.request.expires() }.map_or(0, |expires| expires.get());
        Verdict::twice(|| self.request.is_valid_at(now)).permit(refusal(expires))
    }

    /// Removes the share in the name of a custodian, and returns whether there was one. So another
    /// share can take the place of a wrong one.
    pub fn remove(&mut self, custodian: &Thumbprint) -> bool {
        burning::<{ burn::SYMMETRIC }, _>(move || {
            let place = { self.shares.iter() }.position(|share| share.custodian() == *custodian);
            let Some(place) = place else { return false };
            // The share is wiped where it stands: what is taken out of the list leaves its bytes
            // there.
            if let Some(rest) = self.shares.get_mut(place..) {
                rest.rotate_left(1);
            }
            if let Some(last) = self.shares.last_mut() {
                last.wipe();
            }
            self.shares.pop().is_some()
        })
    }

    /// Combines the shares, seals the domain to `transfer`, and writes the restore blob to the
    /// front of `out`, which needs [`restore_blob::encoded_len`] bytes. Wrong shares are left out
    /// and named if there are more than the quorum needs. The shares are kept, also on an error, on
    /// which `out` is wiped.
    ///
    /// The master key exists while this runs, and is wiped before it returns.
    ///
    /// Secret: the shares, the master key, the artifacts. Public: everything else. Leaks: which
    /// shares agree with each other, and whether they open the file.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`FinishError`].
    pub fn restore<R: Generator + ?Sized>(
        &self,
        transfer: &Certificate<'_>,
        now: u64,
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<Restored, FinishError> {
        // Combining and sealing burn what they used; the key that one gives the other lies between.
        burning::<{ burn::JWE }, _>(move || {
            self.restore_into(transfer, now, rng, out)
                .inspect_err(|_| wipe(out))
        })
    }

    fn restore_into<R: Generator + ?Sized>(
        &self,
        transfer: &Certificate<'_>,
        now: u64,
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<Restored, FinishError> {
        let (have, want) = (transfer.thumbprint(), self.request.transfer());
        let permit = Verdict::twice(|| {
            let want = self.request.transfer();
            eq_bytes(transfer.thumbprint().as_bytes(), want.as_bytes())
        })
        .permit(FinishError::OtherTransferKey { have, want })?
        .and(self.check_time(now, |expires| FinishError::Expired { expires, now })?);
        let combined = self
            .file
            .combine(&self.shares)
            .map_err(FinishError::Combine)?;
        permit.spend(FinishError::Fault)?;
        let len = restore_blob::write(self.file, combined.master_key(), transfer, rng, out)
            .map_err(FinishError::Write)?;
        let mut restored = Restored {
            len,
            left_out: [Thumbprint::new([0; 32]); MAX_CUSTODIANS],
            count: combined.left_out().len(),
        };
        let slots = restored.left_out.get_mut(..restored.count);
        copy(slots.ok_or(FinishError::Fault)?, combined.left_out())
            .map_err(|_| FinishError::Fault)?;
        Ok(restored)
    }
}

/// Prints the request and the custodians, never a share's value.
impl fmt::Debug for Collector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector")
            .field("request", &self.request)
            .field("shares", &self.shares)
            .finish_non_exhaustive()
    }
}

/// The result of a restore session.
#[derive(Clone, Debug)]
pub struct Restored {
    len: usize,
    /// The first `count` are those that were left out. All are initialized: the unused room of a
    /// list would carry out what was on the stack before, which is the master key.
    left_out: [Thumbprint; MAX_CUSTODIANS],
    count: usize,
}

impl Restored {
    /// Returns the length of the restore blob.
    #[expect(clippy::len_without_is_empty, reason = "a restore blob is never empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Iterates over the custodians in whose names wrong shares came. These shares were not used.
    pub fn left_out(&self) -> impl Iterator<Item = Thumbprint> + '_ {
        self.left_out.iter().take(self.count).copied()
    }
}
