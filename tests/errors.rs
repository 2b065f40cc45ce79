// SPDX-License-Identifier: MIT OR Apache-2.0
//! An error that wraps another has its text, or returns it as its source: once, whoever prints them
//! all.
#![cfg(feature = "managed-hsm")]

mod chain;
mod sources;

use std::convert::Infallible;
use std::error::Error;
use std::fs;

use chain::chain;
use security_domain::approval::{ApprovalError, ApproveError, CollectError, SpendError, UnfitAct};

use security_domain::backup::{self, BeginError, HeaderError, StreamError, WrongDomain};
use security_domain::contribution::{ContributeError, ContributionError, SessionFileError};
use security_domain::custodian::{CustodianId, UnwrapError, WrapError};
use security_domain::custody::{
    BadRecord, CheckpointError, CheckpointFileError, ExportError, LogError, ProveError,
    RecordFileError, VerifyError,
};
use security_domain::drill::{ChallengeError, RespondError, ResponseError, ValueError};
use security_domain::lifecycle::{
    DemandError, LifecycleError, RotationError, TransferKeyError, Unconfirmed,
};
use security_domain::managed_hsm::drill as file_drill;
use security_domain::managed_hsm::restore_session::{self, FinishError, RestoreFileError};
use security_domain::managed_hsm::{self, WriteError, domain_file, restore_blob};
use security_domain::quorum::{QuorumError, ShareIndex};
use security_domain::rng::RngError;
use security_domain::rsa::KeyError;
use security_domain::sealed_domain::{
    self, DomainId, Epoch, ExpectError, ModuleVersion, NeedsNewerModule, OpenError, ParseError,
    SealError, UnknownSuite,
};
use security_domain::shamir::check::CorrectError;
use security_domain::shamir::encoded::{EncodedShareError, MixedShares};
use security_domain::shamir::renew::ConfirmError;
use security_domain::shamir::{CombineError, text};
use security_domain::storage::{Left, RecordError};
use security_domain::x509::{CertificateError, Thumbprint};

/// An error, by the name of its variant, and the error that it wraps.
type Wrapping = (&'static str, Box<dyn Error>, Box<dyn Error>);

fn wraps<O: Error + 'static, I: Error + Copy + 'static>(
    name: &'static str,
    outer: impl FnOnce(I) -> O,
    inner: I,
) -> Wrapping {
    (name, Box::new(outer(inner)), Box::new(inner))
}

fn all() -> Vec<Wrapping> {
    let id = CustodianId::from_bytes([1; 32]);
    let (have, want) = [[2; 32], [3; 32]].map(DomainId::from_bytes).into();
    let unfit = UnfitAct::Expired { expires: 1, now: 2 };
    let expect = ExpectError::Superseded {
        have: Epoch::FIRST,
        want: Epoch::FIRST,
    };
    let newer = NeedsNewerModule {
        have: ModuleVersion::new(1),
        need: ModuleVersion::new(2),
    };
    let mixed = MixedShares::Set(ShareIndex::new(4).unwrap());
    let label = sealed_domain::Field::Label;
    vec![
        wraps("CombineError::Mixed", CombineError::Mixed, mixed),
        wraps(
            "CorrectError::Shares",
            CorrectError::Shares,
            CombineError::Disagree,
        ),
        wraps(
            "ConfirmError::Shares",
            ConfirmError::Shares,
            CombineError::Disagree,
        ),
        wraps(
            "EncodedShareError::Quorum",
            EncodedShareError::Quorum,
            QuorumError::IndexZero,
        ),
        wraps(
            "TextError::Share",
            text::TextError::Share,
            EncodedShareError::Truncated,
        ),
        wraps(
            "ParseError::Text",
            |e| ParseError::Text(label, e),
            sealed_domain::TextError::Empty,
        ),
        wraps(
            "ParseError::UnknownSuite",
            |e| ParseError::UnknownSuite(label, e),
            UnknownSuite { code: 2 },
        ),
        wraps(
            "ParseError::Quorum",
            ParseError::Quorum,
            QuorumError::IndexZero,
        ),
        wraps(
            "SealError::Quorum",
            SealError::Quorum,
            QuorumError::IndexZero,
        ),
        wraps(
            "SealError::Wrap",
            |e| SealError::Wrap(id, e),
            WrapError::WrongLength,
        ),
        wraps(
            "ShareError::Device",
            |e| sealed_domain::ShareError::Device(id, e),
            RngError,
        ),
        wraps("OpenError::Expect", OpenError::Expect, expect),
        wraps(
            "ContributionError::Device",
            ContributionError::Device,
            RngError,
        ),
        wraps("ContributeError::Expect", ContributeError::Expect, expect),
        wraps(
            "ContributeError::NeedsNewerModule",
            ContributeError::NeedsNewerModule,
            newer,
        ),
        wraps(
            "ContributeError::Wrap",
            ContributeError::Wrap,
            WrapError::WrongLength,
        ),
        wraps("ProveError::Record", ProveError::Record, RngError),
        wraps(
            "ExportError::Log",
            ExportError::<RngError>::Log,
            LogError::Cut,
        ),
        wraps("ExportError::Out", ExportError::Out, RngError),
        wraps(
            "BadRecord::Malformed",
            BadRecord::Malformed,
            RecordFileError::NotDeterministic,
        ),
        wraps(
            "VerifyError::Record",
            |bad| VerifyError::Record { number: 7, bad },
            BadRecord::Altered,
        ),
        wraps(
            "VerifyError::Malformed",
            VerifyError::Malformed,
            CheckpointFileError::TooLong,
        ),
        wraps(
            "VerifyError::Checkpoint",
            VerifyError::Checkpoint,
            CheckpointError::NotSigned,
        ),
        wraps("ApproveError::Expect", ApproveError::Expect, expect),
        wraps("ApproveError::Unfit", ApproveError::Unfit, unfit),
        wraps("ApprovalError::Expect", ApprovalError::Expect, expect),
        wraps("ApprovalError::Unfit", ApprovalError::Unfit, unfit),
        wraps("CollectError::Expect", CollectError::Expect, expect),
        wraps("CollectError::Unfit", CollectError::Unfit, unfit),
        wraps("RespondError::Expect", RespondError::Expect, expect),
        wraps("ResponseError::Expect", ResponseError::Expect, expect),
        wraps(
            "ChallengeError::Wrap",
            |e| ChallengeError::Wrap(id, e),
            WrapError::WrongLength,
        ),
        wraps(
            "ValueError::Device",
            |e| ValueError::Device(id, e),
            RngError,
        ),
        wraps(
            "SessionFileError::TransferKey",
            SessionFileError::TransferKey,
            KeyError::Prime,
        ),
        #[cfg(feature = "pq")]
        wraps(
            "SessionFileError::KemTransferKey",
            SessionFileError::KemTransferKey,
            security_domain::kem::KeyError::Invalid,
        ),
        wraps("UnwrapError::Device", UnwrapError::Device, RngError),
        wraps(
            "CertificateError::Key",
            CertificateError::Key,
            KeyError::Prime,
        ),
        wraps(
            "HeaderError::Name",
            HeaderError::Name,
            sealed_domain::TextError::Empty,
        ),
        wraps(
            "HeaderError::UnknownSuite",
            HeaderError::UnknownSuite,
            UnknownSuite { code: 2 },
        ),
        wraps(
            "LifecycleError::Record",
            LifecycleError::Record,
            RecordError::Damaged,
        ),
        wraps(
            "LifecycleError::NotWritten",
            |why| LifecycleError::NotWritten {
                why,
                left: Left::Both,
            },
            RecordError::Rng,
        ),
        wraps(
            "LifecycleError::Rotation",
            LifecycleError::Rotation,
            RotationError::LastEpoch,
        ),
        wraps(
            "LifecycleError::Demand",
            LifecycleError::Demand,
            DemandError::NotAsked,
        ),
        wraps("DemandError::Spend", DemandError::Spend, SpendError::Fault),
        wraps(
            "RotationError::Veto",
            RotationError::Veto,
            ApprovalError::Fault,
        ),
        wraps(
            "RotationError::Challenge",
            RotationError::Challenge,
            ChallengeError::Rng,
        ),
        wraps(
            "RotationError::Response",
            RotationError::Response,
            ResponseError::Fault,
        ),
        wraps(
            "LifecycleError::NotConfirmed",
            LifecycleError::NotConfirmed,
            Unconfirmed::Unnamed(0),
        ),
        wraps(
            "LifecycleError::Seal",
            LifecycleError::Seal,
            SealError::TooLong,
        ),
        wraps("LifecycleError::Expect", LifecycleError::Expect, expect),
        wraps(
            "LifecycleError::NeedsNewerModule",
            LifecycleError::NeedsNewerModule,
            newer,
        ),
        wraps(
            "LifecycleError::Contribution",
            LifecycleError::Contribution,
            ContributionError::Device(TransferKeyError::Failed),
        ),
        wraps(
            "LifecycleError::TransferKey",
            LifecycleError::TransferKey,
            TransferKeyError::OtherKey,
        ),
        wraps(
            "LifecycleError::Share",
            LifecycleError::Share,
            sealed_domain::ShareError::<Infallible>::NotListed(id),
        ),
        wraps(
            "LifecycleError::Open",
            LifecycleError::Open,
            OpenError::Pending,
        ),
        wraps(
            "LifecycleError::Backup",
            LifecycleError::Backup,
            BeginError::TooLong,
        ),
        wraps(
            "LifecycleError::Stream",
            LifecycleError::Stream,
            StreamError::Ended,
        ),
        wraps(
            "LifecycleError::WrongDomain",
            LifecycleError::WrongDomain,
            WrongDomain { have, want },
        ),
        wraps(
            "RestoreError::WrongDomain",
            backup::RestoreError::WrongDomain,
            WrongDomain { have, want },
        ),
        wraps(
            "WriteError::Quorum",
            WriteError::Quorum,
            QuorumError::IndexZero,
        ),
        wraps(
            "ShareError::Device",
            domain_file::ShareError::Device,
            RngError,
        ),
        wraps(
            "ShareError::Damaged",
            domain_file::ShareError::<Infallible>::Damaged,
            domain_file::DomainFile::parse(b"").unwrap_err(),
        ),
        wraps(
            "RestoreError::Device",
            restore_blob::RestoreError::Device,
            RngError,
        ),
        wraps(
            "RestoreFileError::Key",
            RestoreFileError::Key,
            KeyError::Prime,
        ),
        #[cfg(feature = "pq")]
        wraps(
            "RestoreFileError::KemKey",
            RestoreFileError::KemKey,
            security_domain::kem::KeyError::Invalid,
        ),
        wraps(
            "ContributeError::Share",
            restore_session::ContributeError::Share,
            domain_file::ShareError::<Infallible>::NotListed,
        ),
        wraps(
            "ContributeError::Wrap",
            restore_session::ContributeError::<Infallible>::Wrap,
            WrapError::WrongLength,
        ),
        wraps(
            "ChallengeError::Certificate",
            |e| file_drill::ChallengeError::Certificate(Thumbprint::new([1; 32]), e),
            domain_file::DomainFile::parse(b"").unwrap_err(),
        ),
        wraps(
            "ChallengeError::Key",
            |e| file_drill::ChallengeError::Key(Thumbprint::new([1; 32]), e),
            KeyError::EvenExponent,
        ),
        wraps(
            "ChallengeError::Wrap",
            |e| file_drill::ChallengeError::Wrap(Thumbprint::new([1; 32]), e),
            WrapError::WrongLength,
        ),
        wraps(
            "RespondError::Share",
            file_drill::RespondError::Share,
            domain_file::ShareError::<Infallible>::NotListed,
        ),
        wraps(
            "RespondError::Device",
            file_drill::RespondError::Device,
            RngError,
        ),
        wraps(
            "CollectError::Device",
            restore_session::CollectError::Device,
            RngError,
        ),
        wraps(
            "FinishError::Combine",
            FinishError::Combine,
            domain_file::CombineError::DoesNotOpen,
        ),
        wraps("FinishError::Write", FinishError::Write, WriteError::Rng),
    ]
}

#[test]
fn an_error_with_its_sources_has_the_wrapped_text_once() {
    for (name, outer, inner) in all() {
        let variant = name.rsplit(':').next().unwrap();
        assert!(format!("{outer:?}").starts_with(variant), "{name}");
        let text = chain(&*outer);
        assert_eq!(
            text.matches(&inner.to_string()).count(),
            1,
            "{name}: {text}"
        );
    }
}

#[test]
fn what_is_wrong_in_a_field_stands_once_in_a_file_s_error() {
    let text = r#"{"EncData":{"data":[{"compact_jwe":"","tag":""}],"kdf":"sp108_hmac_sha512"}}"#;
    let mut refused = restore_blob::RestoreBlob::parse(text.as_bytes()).unwrap_err();
    let empty = managed_hsm::TagError::Empty;
    assert_eq!(refused.fault, managed_hsm::Fault::Tag(empty), "{refused}");
    assert_eq!(chain(&refused).matches(&empty.to_string()).count(), 1);
    let key = CertificateError::Key(KeyError::EvenModulus);
    refused.fault = managed_hsm::Fault::Certificate(key);
    assert_eq!(
        chain(&refused),
        format!("{refused}: {}", KeyError::EvenModulus)
    );
}

/// The name at the front of `text`.
fn name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric());
    &text[..end.unwrap_or(text.len())]
}

/// The variants of error enums in `text` that hold one of `errors`, or an `E`.
fn wrapping<'t>(text: &'t str, errors: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut outer = None;
    let mut variant = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("pub enum ") {
            outer = Some(name(rest)).filter(|outer| implementors(text).contains(outer));
        } else if line == "}" {
            outer = None;
        }
        let Some(outer) = outer else { continue };
        let content = line.trim_start();
        let held: &'t str = match line.len() - content.len() {
            4 if !content.starts_with(['/', '#', '}']) => {
                variant = name(content);
                let fields = content.trim_end_matches("),");
                fields.rsplit(['(', ' ', ':']).next().unwrap()
            }
            8 => content.split_once(": ").map_or("", |(_, held)| held),
            _ => "",
        };
        let held = name(held);
        if (content.contains('(') || held != variant) && (held == "E" || errors.contains(&held)) {
            found.push(format!("{outer}::{variant}"));
        }
    }
    found
}

/// The types for which `text` implements `Error`.
fn implementors(text: &str) -> Vec<&str> {
    text.split("Error for ").skip(1).map(name).collect()
}

#[test]
fn every_error_that_wraps_another_is_in_the_list() {
    let files = sources::all();
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
    let texts: Vec<String> = texts.collect();
    let errors: Vec<&str> = texts.iter().flat_map(|text| implementors(text)).collect();
    assert!(errors.len() > 40, "the sources were read");
    let found = texts.iter().flat_map(|text| wrapping(text, &errors));
    let mut found: Vec<String> = found.collect();
    let mut listed: Vec<String> = all().into_iter().map(|(name, ..)| name.into()).collect();
    // Only the crate can make a failed self-test, so a test in `lifecycle::error` covers it.
    listed.push("LifecycleError::SelfTest".into());
    found.sort();
    listed.sort();
    assert_eq!(found, listed);
}
