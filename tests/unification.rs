// SPDX-License-Identifier: MIT OR Apache-2.0
//! Features only add. A crate that matches every public enum of one feature set compiles when another crate turns
//! on more: `.ci/checks/features` compiles this file with several sets, and what follows never asks whether a
//! feature beyond its own block's is on.
#![allow(dead_code, unused_macros, reason = "that it compiles is the test")]

use std::fs;
use std::path::{Path, PathBuf};

/// A match on an enum that may grow.
macro_rules! open {
    ($enum:ty: $($variant:ident)*) => {
        const _: () = {
            type Enum = $enum;
            fn matches(value: &Enum) {
                match value {
                    $(Enum::$variant { .. } => {})*
                    _ => {}
                }
            }
        };
    };
}

/// A match on an enum that never grows.
macro_rules! closed {
    ($enum:ty: $($variant:ident)*) => {
        const _: () = {
            type Enum = $enum;
            fn matches(value: &Enum) {
                match value {
                    $(Enum::$variant { .. } => {})*
                }
            }
        };
    };
}

mod sharing {
    use security_domain::{quorum, shamir};

    open!(quorum::QuorumError: ThresholdBelowTwo CountBelowTwo ThresholdAboveCount IndexZero);
    open!(shamir::check::CorrectError: Shares Rng TooManyWrong Fault);
    open!(shamir::CombineError: TooFewShares IndexAboveCount EqualIndices UnequalLengths Disagree Mixed Fault);
    open!(shamir::encoded::MixedShares: Set Quorum);
    open!(shamir::encoded::EncodedShareError: Truncated TrailingBytes NotAShare Version Quorum IndexAboveCount TooLong BufferTooSmall Fault);
    open!(shamir::renew::ConfirmError: Shares AnotherSecret);
    open!(shamir::renew::RenewError: HolderCount RowCount IndexAboveCount EqualIndices NotAHolder UnequalLengths Rng Fault);
    open!(shamir::SplitError: SlotCount UnequalLengths Rng Fault);
    open!(shamir::text::TextError: NotAShare Truncated TooLong Character MixedCase Checksum Padding Share BufferTooSmall Fault);
}

#[cfg(feature = "sealed-domain")]
mod sealed {
    use security_domain::{
        backup, contribution, custodian, lifecycle, rsa, sealed_domain, self_test, storage, x509,
    };

    open!(backup::Field: Header Version Suite DomainId Epoch BackupId Instance LedgerHead Kind Name Created Length);
    open!(backup::HeaderError: NotABackup Incomplete UnknownVersion UnknownSuite Malformed NotDeterministic Name);
    open!(backup::BeginError: TooLong Rng Fault);
    open!(backup::RestoreError: WrongDomain Fault);
    open!(backup::StreamError: ChunkLength AfterTheEnd DoesNotOpen Incomplete Ended Fault);
    open!(backup::Kind<'static>: Full Key);
    open!(contribution::ContributionError<u8>: OtherSession NotListed Unsigned DoesNotOpen Device Fault);
    open!(contribution::ContributeError: Expect OtherHeader OtherDomain OtherEpoch OtherPurpose Expired ForeignShare WeakerKey BufferTooSmall Wrap Fault);
    open!(contribution::SessionPurpose: Recover Rotate Rehearse);
    open!(contribution::SessionField: File Request Version Purpose Session Header Domain Epoch Transfer Instance Created Expires LedgerHead Proposal Index Wrapped Signature);
    open!(contribution::SessionFileError: UnknownVersion Malformed NotDeterministic UnknownPurpose UnknownAlgorithm TransferKey Expiry);
    open!(contribution::VetError: OtherRequest Evidence OtherDomain Unsigned Signature SignedRecovery);
    open!(custodian::Algorithm: Rsa2048OaepSha256 Rsa3072OaepSha256 Rsa4096OaepSha256);
    open!(custodian::WrapError: Rng MessageTooLong WrongLength Fault);
    open!(custodian::UnwrapError<u8>: Opaque Device Fault);
    open!(lifecycle::LifecycleError: SinkRefused Rng Record NotWritten MayBeActive BufferTooSmall Seal Expect Pending OtherHeader NoClock ClockWentBack ClockUnsteady Expired NoTransferKey Contribution Share Open Expected Unexpected Import NotConfirmed Backup Stream WrongDomain Overtaken LeftOut SelfTest ErrorState Fault);
    open!(lifecycle::Unconfirmed: Domain Artifact Unnamed);
    open!(lifecycle::Event: Provision Activate BeginRecovery Contribute Recover BeginImport Import ConfirmImport EndSession BeginBackup BeginRestore Zeroize Outcome Refused);
    open!(lifecycle::Step: Provision Activate BeginRecovery Contribute Recover BeginImport Import ConfirmImport Backup Restore);
    open!(lifecycle::Outcome: Done Failed Interrupted);
    open!(lifecycle::Ended: Cancelled Expired TooManyFailures);
    closed!(lifecycle::Expiry<'static, lifecycle::Recovering, 9>: Over Running);
    closed!(storage::Slot: A B);
    open!(storage::RecordError: Rng Flash RolledBack CounterBehind Missing Damaged UnknownVersion NotErased BufferTooSmall Fault);
    closed!(storage::Left: Nothing One Both);
    closed!(lifecycle::Added: New Already);
    open!(lifecycle::Stage: Empty Provisioned Recovering Importing Imported Active);
    open!(lifecycle::AnyDomain<'static, 9>: Empty Provisioned Recovering QuorumMet Active);
    open!(rsa::KeyError: Encoding TrailingData Version Algorithm LeadingZero ModulusSize EvenModulus EvenExponent SmallExponent LargeExponent Prime Product PrivateExponent Exponent1 Exponent2 Coefficient Fault);
    open!(rsa::EncryptError: MessageTooLong BufferTooSmall Rng Fault);
    open!(rsa::DecryptError: Opaque Rng Fault);
    open!(rsa::SignError: BufferTooSmall Rng Fault);
    open!(rsa::GenerateError: Rng Exhausted Fault);
    open!(rsa::ExportError: BufferTooSmall Fault);
    open!(rsa::Progress: Candidate Prime);
    open!(rsa::ModulusSize: Rsa2048 Rsa3072 Rsa4096);
    open!(sealed_domain::Field: File Header Core Version Suite BirthSuite Label DomainKey Epoch Previous Created Instance Salt ReleaseDigest Threshold BreakGlass Custodians Artifacts Shares Wrapped Release Commitment Body Signature);
    open!(sealed_domain::ParseError: UnknownVersion UnknownSuite Malformed NotDeterministic Text Lineage Quorum UnknownAlgorithm SameCustodian SameTag WeakKey EqualKeys WrappedLength BodyLength OtherRelease Signature);
    open!(sealed_domain::SealError: CustodianCount Quorum SameCustodian ArtifactCount SameTag TooLong OtherDomain BufferTooSmall ScratchTooSmall Rng Wrap Fault);
    open!(sealed_domain::ShareError<u8>: NotListed Changed DoesNotOpen Device Fault);
    open!(sealed_domain::ExpectError: WrongDomain Superseded OtherHeader);
    open!(sealed_domain::OpenError: Expect Pending TooFewShares SameShare ForeignShare BufferTooSmall DoesNotOpen Fault);
    open!(sealed_domain::Suite: One);
    open!(sealed_domain::TextError: Empty TooLong Character);
    open!(self_test::Test: ConstantTime Verdict Sha256 HmacSha256 Hkdf Aes256Gcm Gf256 Shamir Ed25519 RsaOaep RsaSignature RsaPairwise);
    open!(x509::SelfSignedError: CommonName Validity BufferTooSmall Rng Fault);
    open!(x509::CertificateError: Encoding TrailingData Version SignatureAlgorithm Validity NotRsa Key);
}

#[cfg(feature = "managed-hsm")]
mod interchange {
    use security_domain::managed_hsm;

    open!(managed_hsm::domain_file::CombineError: TooFewShares SameCustodian NotListed DoesNotOpen Fault);
    open!(managed_hsm::domain_file::ShareError<u8>: NotListed DoesNotOpen Device Rng Fault);
    open!(managed_hsm::Fault: NotUtf8 Syntax BadString Trailing UnknownMember Duplicate Missing NotAnObject NotAnArray NotAString NotAnInteger Value Version1 Count Required Tag Base64 Length Parts NotEmpty Mismatch Repeated Certificate NotListed);
    open!(managed_hsm::WriteError: BufferTooSmall Rng ArtifactCount RepeatedTag CertificateCount RepeatedCustodian Quorum DoesNotOpen Fault);
    open!(managed_hsm::OpenError: BufferTooSmall DoesNotOpen Fault);
    open!(managed_hsm::restore_blob::RestoreError<u8>: OtherTransferKey DoesNotOpen Device Rng Fault);
    open!(managed_hsm::TagError: Empty TooLong Nul);
}

/// Enums that are `pub` in a module that is not, or in `hazmat` only.
const INNER: [&str; 8] = [
    "Algorithm",
    "AskError",
    "Failure",
    "Kernel",
    "Kid",
    "Loaded",
    "Purpose",
    "Store",
];

#[test]
fn every_public_enum_is_matched() {
    fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                into.push(path);
            }
        }
    }
    let mut files = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut files,
    );
    let matched = include_str!("unification.rs");
    let mut seen = 0;
    for file in files {
        for line in fs::read_to_string(&file).unwrap().lines() {
            let Some(name) = line.strip_prefix("pub enum ") else {
                continue;
            };
            let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap();
            seen += 1;
            let found = [':', '<'].map(|end| matched.contains(&format!("::{name}{end}")));
            assert!(
                found != [false; 2] || INNER.contains(&name),
                "{}: {name}",
                file.display()
            );
        }
    }
    assert!(seen > 60, "the sources were read");
}
