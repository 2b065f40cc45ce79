// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a domain stays in the state in which it is.

use core::convert::Infallible;
use core::fmt;

use super::holding::NotHeld;
use super::stage::Stage;
use crate::backup::{BeginError, StreamError, WrongDomain};
use crate::contribution::ContributionError;
use crate::custodian::WrapError;
use crate::hardened::Fault;
use crate::rng::RngError;
use crate::rsa::GenerateError;
use crate::sealed_domain::{DomainId, ExpectError, HeaderDigest, OpenError, SealError, ShareError};
use crate::self_test::Failed;
use crate::storage::FlashError;
use crate::storage::record::{Left, RecordError};
#[cfg(feature = "managed-hsm")]
use crate::x509::Thumbprint;

/// Why an operation did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LifecycleError {
    /// The sink for events refused.
    SinkRefused,
    /// The random number generator failed.
    Rng,
    /// The state at rest was not read or not written. If a step failed to write it, the flash holds the
    /// state before the step or the one after it: which, is known when the HSM starts again. With
    /// [`RecordError::NotErased`] it holds the one after.
    Record(RecordError),
    /// What was to end has ended in memory, and what the flash held of it was erased as far as it could
    /// be; but the state that follows could not be written. If nothing is left, the next start finds no
    /// state ([`RecordError::Missing`]), which [`Vault::discard`](super::Vault::discard) gives up.
    NotWritten {
        /// Why not.
        why: RecordError,
        /// What may be left on the flash.
        left: Left,
    },
    /// The domain was sealed and its state could not be written, nor could the one before it be put
    /// back: the HSM may be active when it starts again. The sealed domain is left in the output, and
    /// must be kept.
    MayBeActive {
        /// How many bytes of the output the sealed domain takes.
        len: usize,
    },
    /// The vault, or the buffer for an output, is too small.
    BufferTooSmall {
        /// How many bytes it takes.
        needed: usize,
    },
    /// The domain was not sealed.
    Seal(SealError),
    /// The sealed domain is not the one that is expected.
    Expect(ExpectError),
    /// The sealed domain has no release yet: no number of custodians can open it.
    Pending,
    /// The sealed domain is another than the session's.
    OtherHeader {
        /// The digest of the header that is there.
        have: HeaderDigest,
        /// The digest of the session's.
        want: HeaderDigest,
    },
    /// The host's clock shows no time. A session with a lifetime needs one, and so does a backup on an HSM
    /// without a hardware counter.
    NoClock,
    /// The clock shows an earlier time than it had in this session.
    ClockWentBack {
        /// The time now, in Unix seconds.
        have: u64,
        /// The highest time seen.
        seen: u64,
    },
    /// The clock gave different times within one step.
    ClockUnsteady,
    /// The clock shows a time after the year 9999, which no certificate can name.
    #[cfg(feature = "managed-hsm")]
    ClockOutOfRange {
        /// The time, in Unix seconds.
        now: u64,
    },
    /// The session's time is over; its transfer key and its shares are wiped.
    Expired,
    /// The session gathers a quorum at one place, and has no transfer key.
    NoTransferKey,
    /// A contribution was not taken in.
    Contribution(ContributionError<RngError>),
    /// A share is not one of the session's sealed domain.
    Share(ShareError<Infallible>),
    /// The sealed domain did not open.
    Open(OpenError),
    /// No artifact is expected, or one is expected twice, or more than a domain can have.
    Expected,
    /// The restore blob is for another transfer key.
    #[cfg(feature = "managed-hsm")]
    OtherTransferKey {
        /// The digest of the certificate that the blob names.
        have: Thumbprint,
        /// The digest of the session's.
        want: Thumbprint,
    },
    /// The restore blob lists other artifacts than are expected.
    Unexpected,
    /// The restore blob does not open, or what it holds is not what is expected.
    Import {
        /// How many more tries there are; none, and the session is over.
        left: u8,
    },
    /// The artifacts of a domain without a root are too short together to derive one from: it takes 32
    /// bytes.
    TooFewBytes {
        /// How many bytes they have.
        have: usize,
    },
    /// The domain is sealed already: custodians have their shares of it.
    AlreadySealed,
    /// The import was not confirmed: what waits is not what is named.
    NotConfirmed(Unconfirmed),
    /// The backup was not begun.
    Backup(BeginError),
    /// A backup, or restoring one, does not go on.
    Stream(StreamError),
    /// The backup is another domain's.
    WrongDomain(WrongDomain),
    /// Another vault has saved a state on this host since this one did: this one holds what is no
    /// longer the HSM's. It has to be started again.
    Overtaken {
        /// Where the counter stood when this vault saved its state.
        have: u64,
        /// Where it stands.
        counter: u64,
    },
    /// The record is of a stage that this build leaves out. Firmware with the feature that it needs can
    /// go on from it; [`Vault::discard`](super::Vault::discard) gives it up.
    LeftOut(Stage),
    /// The self-test of an algorithm failed; the HSM is in its error state from here on.
    SelfTest(Failed),
    /// The HSM is in its error state: zeroize it, or start it again.
    ErrorState,
    /// What was computed did not stand the check that follows: the machine erred. The HSM is in its
    /// error state from here on.
    Fault,
}

impl From<Fault> for LifecycleError {
    fn from(Fault: Fault) -> Self {
        Self::Fault
    }
}

impl LifecycleError {
    /// Whether the machine erred, and is not to be trusted any more.
    pub(super) const fn is_fault(&self) -> bool {
        matches!(
            self,
            Self::Fault
                | Self::SelfTest(_)
                | Self::Seal(SealError::Fault)
                | Self::Seal(SealError::Wrap(_, WrapError::Fault))
                | Self::Open(OpenError::Fault)
                | Self::Contribution(ContributionError::Fault)
                | Self::Share(ShareError::Fault)
                | Self::NotWritten {
                    why: RecordError::Fault,
                    ..
                }
                | Self::Backup(BeginError::Fault)
                | Self::Stream(StreamError::Fault)
        )
    }

    /// Whether a step was refused, which the sink hears of by number. The others say that the HSM's
    /// surroundings failed, or that a session has ended, which the sink hears otherwise.
    pub(super) const fn is_refusal(&self) -> bool {
        match self {
            Self::BufferTooSmall { .. }
            | Self::Seal(_)
            | Self::Expect(_)
            | Self::Pending
            | Self::OtherHeader { .. }
            | Self::NoClock
            | Self::ClockWentBack { .. }
            | Self::ClockUnsteady
            | Self::NoTransferKey
            | Self::Contribution(_)
            | Self::Share(_)
            | Self::Open(_)
            | Self::Expected
            | Self::Unexpected
            | Self::Import { .. }
            | Self::TooFewBytes { .. }
            | Self::AlreadySealed
            | Self::NotConfirmed(_)
            | Self::Backup(_)
            | Self::Stream(_)
            | Self::WrongDomain(_)
            | Self::Overtaken { .. }
            | Self::LeftOut(_)
            | Self::SelfTest(_)
            | Self::ErrorState
            | Self::Fault => true,
            #[cfg(feature = "managed-hsm")]
            Self::OtherTransferKey { .. } | Self::ClockOutOfRange { .. } => true,
            Self::SinkRefused
            | Self::Rng
            | Self::Record(_)
            | Self::NotWritten { .. }
            | Self::MayBeActive { .. }
            | Self::Expired => false,
        }
    }
}

/// What an operator named when confirming an import, and what is not so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unconfirmed {
    /// The domain that waits is another.
    Domain {
        /// The one that waits.
        have: DomainId,
        /// The one that was named.
        want: DomainId,
    },
    /// The named artifact, by its place in the list, is not among what waits, or has another digest.
    Artifact(u8),
    /// The artifact at this place, from 0, in the list with which the import began has no digest: none was
    /// known then, and none is named now.
    Unnamed(u8),
}

impl fmt::Display for Unconfirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain { have, want } => {
                write!(f, "domain {have} waits to be confirmed, {want} is named")
            }
            Self::Artifact(place) => write!(
                f,
                "artifact {} of those named is not there, or has another digest",
                u16::from(*place) + 1
            ),
            Self::Unnamed(place) => write!(
                f,
                "artifact {} of those expected had no digest, and none is named now",
                u16::from(*place) + 1
            ),
        }
    }
}

impl From<RngError> for LifecycleError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl From<StreamError> for LifecycleError {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}

impl From<FlashError> for LifecycleError {
    fn from(_: FlashError) -> Self {
        Self::Record(RecordError::Flash)
    }
}

impl From<RecordError> for LifecycleError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Rng => Self::Rng,
            RecordError::BufferTooSmall { needed } => Self::BufferTooSmall { needed },
            RecordError::Fault => Self::Fault,
            error => Self::Record(error),
        }
    }
}

impl From<NotHeld> for LifecycleError {
    fn from(error: NotHeld) -> Self {
        match error {
            NotHeld::Full { needed } => Self::BufferTooSmall { needed },
            NotHeld::Fault => Self::Fault,
        }
    }
}

impl From<GenerateError> for LifecycleError {
    fn from(error: GenerateError) -> Self {
        match error {
            GenerateError::Rng => Self::Rng,
            _ => Self::Fault,
        }
    }
}

impl fmt::Display for LifecycleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SinkRefused => f.write_str("the sink for events refused"),
            Self::Rng => RngError.fmt(f),
            Self::Record(error) => error.fmt(f),
            Self::NotWritten { why, left } => {
                write!(f, "the state was not written: {why}; {left}")
            }
            Self::MayBeActive { .. } => f.write_str(
                "the HSM may be active when it starts again: keep the sealed domain that was written",
            ),
            Self::BufferTooSmall { needed } => write!(f, "it takes room for {needed} bytes"),
            Self::Seal(error) => error.fmt(f),
            Self::Expect(error) => error.fmt(f),
            Self::Pending => OpenError::Pending.fmt(f),
            Self::OtherHeader { have, want } => {
                write!(
                    f,
                    "the sealed domain has header {have}, the session's has {want}"
                )
            }
            Self::NoClock => f.write_str(
                "the clock shows no time: a session needs one to have a lifetime, \
                 and a backup where the counter is not a hardware one",
            ),
            Self::ClockWentBack { have, seen } => {
                write!(
                    f,
                    "the clock shows {have}, and has shown {seen} in this session"
                )
            }
            Self::ClockUnsteady => f.write_str("the clock gave different times within one step"),
            #[cfg(feature = "managed-hsm")]
            Self::ClockOutOfRange { now } => {
                write!(f, "the clock shows {now}, after the year 9999")
            }
            Self::Expired => f.write_str("the session's time is over"),
            Self::NoTransferKey => {
                f.write_str("the session takes shares at one place, and no contributions")
            }
            Self::Contribution(error) => error.fmt(f),
            Self::Share(error) => error.fmt(f),
            Self::Open(error) => error.fmt(f),
            Self::Expected => {
                f.write_str("the expected artifacts are none, too many, or one is named twice")
            }
            #[cfg(feature = "managed-hsm")]
            Self::OtherTransferKey { have, want } => {
                write!(
                    f,
                    "the restore blob is for transfer key {have}, the session's is {want}"
                )
            }
            Self::Unexpected => {
                f.write_str("the restore blob lists other artifacts than are expected")
            }
            Self::Import { left: 0 } => f.write_str(
                "the restore blob does not open as what is expected; the session is over",
            ),
            Self::Import { left } => write!(
                f,
                "the restore blob does not open as what is expected; tries left: {left}"
            ),
            Self::TooFewBytes { have } => write!(
                f,
                "the artifacts have {have} bytes together; a domain without a root needs 32"
            ),
            Self::AlreadySealed => f.write_str("the domain is sealed to its custodians already"),
            Self::NotConfirmed(error) => error.fmt(f),
            Self::Backup(error) => error.fmt(f),
            Self::Stream(error) => error.fmt(f),
            Self::WrongDomain(error) => error.fmt(f),
            Self::Overtaken { have, counter } => write!(
                f,
                "another vault has saved a state since: the counter stood at {have}, and stands at {counter}"
            ),
            Self::LeftOut(stage) => write!(
                f,
                "the state at rest is \"{stage}\", which this firmware leaves out"
            ),
            Self::SelfTest(error) => error.fmt(f),
            Self::ErrorState => {
                f.write_str("the HSM is in its error state: zeroize it, or start it again")
            }
            Self::Fault => f.write_str("a computation failed its check"),
        }
    }
}

impl core::error::Error for LifecycleError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Record(error) => Some(error),
            Self::NotWritten { why: error, .. } => Some(error),
            Self::Seal(error) => Some(error),
            Self::Expect(error) => Some(error),
            Self::Contribution(error) => Some(error),
            Self::Share(error) => Some(error),
            Self::Open(error) => Some(error),
            Self::Backup(error) => Some(error),
            Self::Stream(error) => Some(error),
            Self::WrongDomain(error) => Some(error),
            Self::SelfTest(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use core::error::Error;
    use std::string::ToString;

    use super::*;
    use crate::self_test::Test;

    #[test]
    fn a_failed_self_test_is_the_source() {
        let test = Test::Sha256;
        let failed = Failed { test };
        let source = LifecycleError::SelfTest(failed);
        let source = source.source().map(ToString::to_string);
        assert_eq!(source, Some(failed.to_string()));
    }
}
