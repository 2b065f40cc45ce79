// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors of lifecycle transitions.

use core::convert::Infallible;
use core::fmt;

use super::demand::DemandError;
use super::holding::NotHeld;
use super::rotate::RotationError;
use super::stage::Stage;
use super::transfer_key::TransferKeyError;
use crate::backup::{BeginError, StreamError, WrongDomain};
use crate::contribution::ContributionError;
use crate::custodian::{Algorithm, CustodianId, WrapError};
use crate::drill::ChallengeError;
use crate::hardened::Fault;
use crate::rng::RngError;
use crate::rsa::{EncryptError, GenerateError};
use crate::sealed_domain::{
    DomainId, ExpectError, HeaderDigest, NeedsNewerModule, OpenError, SealError, ShareError,
};
use crate::self_test::Failed;
use crate::storage::record::{Left, RecordError};
use crate::storage::{DeviceKeyError, FlashError};
#[cfg(feature = "managed-hsm")]
use crate::x509::Thumbprint;

/// Why an operation did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LifecycleError {
    /// The sink for events refused.
    SinkRefused,
    /// The random number generator failed.
    Rng,
    /// The device key failed.
    DeviceKey,
    /// The state at rest was not read or not written. If a step failed to write it, the flash holds
    /// the state before or after the step, which the next start finds out. With
    /// [`RecordError::NotErased`] it holds the state after the step.
    Record(RecordError),
    /// What was to end has ended in memory, and its remains on the flash were erased as far as
    /// possible, but the following state could not be written. If nothing is left, the next start
    /// finds no state ([`RecordError::Missing`]); [`Vault::discard`](super::Vault::discard) then
    /// starts empty.
    NotWritten {
        /// Why the state was not written.
        why: RecordError,
        /// What may be left on the flash.
        left: Left,
    },
    /// The vault, or the buffer for an output, is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// The domain was not sealed.
    Seal(SealError),
    /// The sealed domain is not the one that is expected.
    Expect(ExpectError),
    /// The sealed domain has no release yet: no number of custodians can open it.
    Pending,
    /// This HSM's firmware is older than the sealed domain allows.
    NeedsNewerModule(NeedsNewerModule),
    /// The sealed domain is not the one of the session, or not the one that this HSM sealed.
    OtherHeader {
        /// The digest of the given header.
        have: HeaderDigest,
        /// The digest of the header that the HSM has.
        want: HeaderDigest,
    },
    /// The host's clock shows no time. A session with a lifetime needs one, and so do a break-glass, and a
    /// backup on an HSM without a hardware counter.
    NoClock,
    /// The clock shows an earlier time than it had in this session.
    ClockWentBack {
        /// The time now, in Unix seconds.
        have: u64,
        /// The highest time seen.
        seen: u64,
    },
    /// The clock showed different times within one step.
    ClockUnsteady,
    /// The clock shows a time after the year 9999, which certificates cannot express.
    #[cfg(feature = "managed-hsm")]
    ClockOutOfRange {
        /// The time, in Unix seconds.
        now: u64,
    },
    /// The session has expired; its transfer key and its shares are wiped.
    Expired,
    /// The session gathers a quorum in one place, and has no transfer key.
    NoTransferKey,
    /// A custodian's key is of this kind, and a transfer key of this build, or of the kind that the
    /// host asks for, is not as strong. The quorum can be gathered in one place.
    StrongerCustodian {
        /// The custodian.
        custodian: CustodianId,
        /// The kind of his key.
        kind: Algorithm,
    },
    /// The host asks for a transfer key of this kind, or the record has one, and this build has no
    /// such kind.
    UnsupportedTransferKey(Algorithm),
    /// The transfer key, or the device that holds it, failed.
    TransferKey(TransferKeyError),
    /// A contribution was refused.
    Contribution(ContributionError<TransferKeyError>),
    /// Too few custodians have contributed.
    NoQuorum {
        /// How many have.
        have: u8,
        /// How many must.
        need: u8,
    },
    /// A share does not belong to the session's sealed domain.
    Share(ShareError<Infallible>),
    /// The sealed domain did not open.
    Open(OpenError),
    /// The list of expected artifacts is empty, too long, or names an artifact twice.
    Expected,
    /// The restore blob is sealed to another transfer key.
    #[cfg(feature = "managed-hsm")]
    OtherTransferKey {
        /// The digest of the certificate in the blob.
        have: Thumbprint,
        /// The digest of the session's certificate.
        want: Thumbprint,
    },
    /// The restore blob does not list exactly the expected artifacts.
    Unexpected,
    /// The restore blob does not open, or does not contain what is expected.
    Import {
        /// How many tries are left; with none left, the session is over.
        left: u8,
    },
    /// The artifacts of a domain without a root are too short to derive one, which needs 32 bytes
    /// in total.
    TooFewBytes {
        /// The total length of the artifacts.
        have: usize,
    },
    /// The domain is already sealed to custodians.
    AlreadySealed,
    /// The domain is not sealed to custodians yet.
    NotSealed,
    /// The HSM is empty, and has no name and no key of its own.
    NoInstance,
    /// The host keeps no log.
    NoLedger,
    /// A step of a rotation was refused.
    Rotation(RotationError),
    /// An act was refused that needs a quorum's approval.
    Demand(DemandError),
    /// The import was not confirmed: the domain that waits does not match what was named.
    NotConfirmed(Unconfirmed),
    /// The backup could not begin.
    Backup(BeginError),
    /// The backup or the restore stopped.
    Stream(StreamError),
    /// The backup belongs to another domain.
    WrongDomain(WrongDomain),
    /// Another vault has since saved a state on this host, so this vault no longer holds the HSM's
    /// state. It must be started again.
    Overtaken {
        /// The counter when this vault saved its state.
        have: u64,
        /// The counter now.
        counter: u64,
    },
    /// The record has a stage that this build leaves out. Firmware with the feature for it can
    /// continue; [`Vault::discard`](super::Vault::discard) discards the record.
    LeftOut(Stage),
    /// The record has a state that this version does not know. The version that wrote it can
    /// continue; [`Vault::discard`](super::Vault::discard) discards the record.
    UnknownState(u8),
    /// The record has a transfer key of a kind that this version does not know. The version that
    /// wrote it can continue; [`Vault::discard`](super::Vault::discard) discards the record.
    UnknownTransferKey(u8),
    /// The transfer key in the record is of an algorithm with this code, which this version does
    /// not know.
    UnknownTransferAlgorithm(u32),
    /// The self-test of an algorithm failed; the HSM is now in its error state.
    SelfTest(Failed),
    /// The HSM is in its error state: zeroize it, or start it again.
    ErrorState,
    /// An internal check failed: a hardware fault or a bug in this crate. The HSM is now in its
    /// error state.
    Fault,
}

impl From<Fault> for LifecycleError {
    fn from(Fault: Fault) -> Self {
        Self::Fault
    }
}

impl LifecycleError {
    /// Returns whether an internal check failed, so that the HSM must not be trusted any more.
    pub(super) const fn is_fault(&self) -> bool {
        match self {
            Self::Rotation(error) => return error.is_fault(),
            Self::Demand(error) => return error.is_fault(),
            _ => {}
        }
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

    /// Returns whether a step was refused, which the sink learns by number. The other errors are
    /// failures around the HSM, or the end of a session, which the sink learns otherwise.
    pub(super) const fn is_refusal(&self) -> bool {
        match self {
            Self::BufferTooSmall { .. }
            | Self::Seal(_)
            | Self::Expect(_)
            | Self::Pending
            | Self::NeedsNewerModule(_)
            | Self::OtherHeader { .. }
            | Self::NoClock
            | Self::ClockWentBack { .. }
            | Self::ClockUnsteady
            | Self::NoTransferKey
            | Self::StrongerCustodian { .. }
            | Self::UnsupportedTransferKey(_)
            | Self::Contribution(_)
            | Self::NoQuorum { .. }
            | Self::Share(_)
            | Self::Open(_)
            | Self::Expected
            | Self::Unexpected
            | Self::Import { .. }
            | Self::TooFewBytes { .. }
            | Self::AlreadySealed
            | Self::NotSealed
            | Self::NoInstance
            | Self::NoLedger
            | Self::Rotation(_)
            | Self::Demand(_)
            | Self::NotConfirmed(_)
            | Self::Backup(_)
            | Self::Stream(_)
            | Self::WrongDomain(_)
            | Self::Overtaken { .. }
            | Self::LeftOut(_)
            | Self::UnknownState(_)
            | Self::UnknownTransferKey(_)
            | Self::UnknownTransferAlgorithm(_)
            | Self::SelfTest(_)
            | Self::ErrorState
            | Self::Fault => true,
            #[cfg(feature = "managed-hsm")]
            Self::OtherTransferKey { .. } | Self::ClockOutOfRange { .. } => true,
            Self::SinkRefused
            | Self::Rng
            | Self::DeviceKey
            | Self::TransferKey(_)
            | Self::Record(_)
            | Self::NotWritten { .. }
            | Self::Expired => false,
        }
    }
}

/// Why an import was not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Unconfirmed {
    /// Another domain waits to be confirmed.
    Domain {
        /// The domain that waits.
        have: DomainId,
        /// The named domain.
        want: DomainId,
    },
    /// The artifact at this place, from 0, in the list of named ones did not come in, or has
    /// another digest.
    Artifact(u8),
    /// The artifact at this place, from 0, in the list of expected ones had no digest when the
    /// import began, and none is named now.
    Unnamed(u8),
}

impl fmt::Display for Unconfirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain { have, want } => {
                write!(f, "domain {have} waits to be confirmed, not {want}")
            }
            Self::Artifact(place) => write!(
                f,
                "artifact {} of those named did not come in, or has another digest",
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

impl core::error::Error for Unconfirmed {}

impl From<RngError> for LifecycleError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl From<RotationError> for LifecycleError {
    fn from(error: RotationError) -> Self {
        match error {
            RotationError::Challenge(ChallengeError::Rng) => Self::Rng,
            error => Self::Rotation(error),
        }
    }
}

impl From<DemandError> for LifecycleError {
    fn from(error: DemandError) -> Self {
        Self::Demand(error)
    }
}

impl From<TransferKeyError> for LifecycleError {
    fn from(error: TransferKeyError) -> Self {
        match error {
            TransferKeyError::Rng => Self::Rng,
            error => Self::TransferKey(error),
        }
    }
}

impl From<StreamError> for LifecycleError {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}

impl From<DeviceKeyError> for LifecycleError {
    fn from(error: DeviceKeyError) -> Self {
        RecordError::from(error).into()
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
            RecordError::DeviceKey => Self::DeviceKey,
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

impl From<EncryptError> for LifecycleError {
    fn from(error: EncryptError) -> Self {
        match error {
            EncryptError::Rng => Self::Rng,
            _ => Self::Fault,
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
            Self::DeviceKey => DeviceKeyError::Failed.fmt(f),
            Self::Record(error) => error.fmt(f),
            Self::NotWritten { left, .. } => write!(f, "the state was not written; {left}"),
            Self::BufferTooSmall { needed } => write!(f, "the buffer needs {needed} bytes"),
            Self::Seal(error) => error.fmt(f),
            Self::Expect(error) => error.fmt(f),
            Self::Pending => OpenError::Pending.fmt(f),
            Self::NeedsNewerModule(error) => error.fmt(f),
            Self::OtherHeader { have, want } => {
                write!(
                    f,
                    "the sealed domain has header {have}, and the HSM has {want}"
                )
            }
            Self::NoClock => f.write_str(
                "the clock shows no time: it is needed for a session with a lifetime, \
                 for a break-glass, and for a backup without a hardware counter",
            ),
            Self::ClockWentBack { have, seen } => {
                write!(
                    f,
                    "the clock shows {have}, but has shown {seen} in this session"
                )
            }
            Self::ClockUnsteady => f.write_str("the clock showed different times within one step"),
            #[cfg(feature = "managed-hsm")]
            Self::ClockOutOfRange { now } => {
                write!(f, "the clock shows {now}, after the year 9999")
            }
            Self::Expired => f.write_str("the session has expired"),
            Self::NoTransferKey => {
                f.write_str("the session gathers a quorum in one place, and takes no contributions")
            }
            Self::StrongerCustodian { custodian, kind } => write!(
                f,
                "the transfer key would not be as strong as the {kind} key of custodian {custodian}"
            ),
            Self::UnsupportedTransferKey(kind) => {
                write!(f, "transfer keys of the kind {kind} are not supported")
            }
            Self::TransferKey(error) => error.fmt(f),
            Self::Contribution(error) => error.fmt(f),
            Self::NoQuorum { have, need } => {
                write!(f, "{have} custodians have contributed, and {need} must")
            }
            Self::Share(error) => error.fmt(f),
            Self::Open(error) => error.fmt(f),
            Self::Expected => {
                f.write_str("the list of expected artifacts is empty, too long or names one twice")
            }
            #[cfg(feature = "managed-hsm")]
            Self::OtherTransferKey { have, want } => {
                write!(
                    f,
                    "the restore blob is sealed to transfer key {have}, not to the session's {want}"
                )
            }
            Self::Unexpected => {
                f.write_str("the restore blob does not list exactly the expected artifacts")
            }
            Self::Import { left: 0 } => {
                f.write_str("the restore blob does not open as expected; the session is over")
            }
            Self::Import { left } => write!(
                f,
                "the restore blob does not open as expected; tries left: {left}"
            ),
            Self::TooFewBytes { have } => write!(
                f,
                "the artifacts have {have} bytes in total; a domain without a root needs 32"
            ),
            Self::AlreadySealed => f.write_str("the domain is already sealed to its custodians"),
            Self::NotSealed => f.write_str("the domain is not sealed to custodians yet"),
            Self::NoInstance => f.write_str("the HSM is empty, and has no key of its own"),
            Self::NoLedger => f.write_str("the HSM keeps no log"),
            Self::Rotation(error) => error.fmt(f),
            Self::Demand(error) => error.fmt(f),
            Self::NotConfirmed(error) => error.fmt(f),
            Self::Backup(error) => error.fmt(f),
            Self::Stream(error) => error.fmt(f),
            Self::WrongDomain(error) => error.fmt(f),
            Self::Overtaken { have, counter } => write!(
                f,
                "another vault has since saved a state: the counter was at {have}, and is at {counter}"
            ),
            Self::LeftOut(stage) => write!(
                f,
                "the state at rest is \"{stage}\", which this firmware leaves out"
            ),
            Self::UnknownState(code) => {
                write!(f, "the state at rest has code {code}, which is unknown")
            }
            Self::UnknownTransferAlgorithm(code) => {
                write!(
                    f,
                    "the transfer key at rest is of algorithm {code}, which is unknown"
                )
            }
            Self::UnknownTransferKey(kind) => {
                write!(
                    f,
                    "the transfer key at rest is of kind {kind}, which is unknown"
                )
            }
            Self::SelfTest(error) => error.fmt(f),
            Self::ErrorState => {
                f.write_str("the HSM is in its error state: zeroize it, or start it again")
            }
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for LifecycleError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Record(error) => error.source(),
            Self::NotWritten { why: error, .. } => Some(error),
            Self::Seal(error) => error.source(),
            Self::Expect(error) => error.source(),
            Self::NeedsNewerModule(error) => error.source(),
            Self::TransferKey(error) => error.source(),
            Self::Contribution(error) => error.source(),
            Self::Share(error) => error.source(),
            Self::Open(error) => error.source(),
            Self::Backup(error) => error.source(),
            Self::Stream(error) => error.source(),
            Self::WrongDomain(error) => error.source(),
            Self::SelfTest(error) => error.source(),
            Self::Rotation(error) => error.source(),
            Self::Demand(error) => error.source(),
            Self::NotConfirmed(error) => error.source(),
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
    fn a_failed_self_test_is_named_once() {
        let test = Test::Sha256;
        let failed = Failed { test };
        let error = LifecycleError::SelfTest(failed);
        assert_eq!(error.to_string(), failed.to_string());
        assert!(error.source().is_none());
    }
}
