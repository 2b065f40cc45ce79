// SPDX-License-Identifier: MIT OR Apache-2.0
//! Features only add. A crate that matches every public enum of one feature set compiles when
//! another crate turns on more: `.ci/checks/features` compiles this file with several sets, and
//! what follows never asks whether a feature beyond its own block's is on.
#![allow(dead_code, reason = "that it compiles is the test")]

mod sources;

use std::fs;

/// A match on an enum by its variants, `..` standing for those that it may grow by.
macro_rules! matched {
    (@ $enum:ty: $($variant:ident)*; $($rest:tt)*) => {
        const _: () = {
            type Enum = $enum;
            fn matches(value: &Enum) {
                match value {
                    $(Enum::$variant { .. } => {})*
                    $($rest)*
                }
            }
        };
    };
    ($enum:ty: $($variant:ident)* ..) => {
        matched!(@ $enum: $($variant)*; _ => {});
    };
    ($enum:ty: $($variant:ident)*) => {
        matched!(@ $enum: $($variant)*;);
    };
}

mod sharing {
    use security_domain::{hex, quorum, shamir};

    matched!(hex::HexError: Length Digit ..);
    matched!(quorum::QuorumError: ThresholdBelowTwo CountBelowTwo ThresholdAboveCount IndexZero ..);
    matched!(shamir::check::CorrectError: Shares Rng TooManyWrong Fault ..);
    matched!(shamir::CombineError: TooFewShares IndexAboveCount EqualIndices UnequalLengths Disagree Mixed Fault ..);
    matched!(shamir::encoded::MixedShares: Set Quorum ..);
    matched!(shamir::encoded::EncodedShareError: Truncated TrailingBytes NotAShare Version Quorum IndexAboveCount TooLong BufferTooSmall Fault ..);
    matched!(shamir::renew::ConfirmError: Shares AnotherSecret ..);
    matched!(shamir::renew::RenewError: HolderCount RowCount IndexAboveCount EqualIndices NotAHolder UnequalLengths Rng Fault ..);
    matched!(shamir::SplitError: SlotCount UnequalLengths Rng Fault ..);
    matched!(shamir::text::TextError: NotAShare Truncated TooLong Character MixedCase Checksum Padding Share BufferTooSmall Fault ..);
}

#[cfg(feature = "sealed-domain")]
mod sealed {
    use security_domain::{
        approval, backup, contribution, custodian, custody, drill, lifecycle, policy, rsa,
        sealed_domain, self_test, storage, x509,
    };

    matched!(custody::BadRecord: TooLong Malformed Altered Dropped Reordered Forked NotSigned NotInCheckpoint OtherInstance NoOutcome NoIntent Unsigned OtherDomain OtherKey OtherPins HandOffUnsigned HandOffNotNext ..);
    matched!(custody::Body<'static>: Event Outcome Refused Endorsement Fact ..);
    matched!(custody::Cause: Due MemberLeft NewThreat ProcessChange DeviceLost ..);
    matched!(custody::DetailError: TooLong Character ..);
    matched!(custody::ExportError<u8>: Log Out ..);
    matched!(custody::Fact<'static>: Pin HandOff Drill Loss Closed Concern Review ..);
    matched!(custody::LogError: NotResumed NoInstance Cut Damaged Full Store NoSuchRecord HandOffUnsigned HandOffNotNext NotALoss Fault ..);
    matched!(custody::LossKind: Lost Destroyed Compromised ..);
    matched!(custody::RecordField: Record Version Instance Number Time Previous Kind Body Step Outcome Ended Count Domain Epoch Header Pinned Custodian Request Challenge Act Backup Key Commitment Pins Head Name Proof Cause Detail Signature ..);
    matched!(custody::RecordFileError: UnknownVersion UnknownKind Malformed NotDeterministic ..);
    matched!(custody::VerifyError: NotALog OtherInstance Record Truncated Cut CheckpointTooLong Malformed Checkpoint NotEndorsed Fault ..);
    matched!(custody::CheckpointError: OtherInstance NotSigned BadSignature BadLine BufferTooSmall Fault ..);
    matched!(custody::CheckpointField: Text Origin Size Root Signature ..);
    matched!(custody::CheckpointFileError: TooLong Malformed ..);
    matched!(custody::ProofError: OtherSize NoSuchRecord Shorter WrongLength WrongRoot Fault ..);
    matched!(custody::ProofField: File Version Kind First Size Nodes ..);
    matched!(custody::ProofFileError: UnknownVersion Malformed NotDeterministic ..);
    matched!(custody::ProveError<u8>: NoSuchRecord Shorter Record BufferTooSmall Fault ..);
    matched!(policy::KeyState: PreActivation Active Suspended Deactivated Compromised Destroyed ..);
    matched!(policy::Severity: Note Warn Refuse);
    matched!(policy::Subject: Quorum Seat Seats Event ..);
    matched!(approval::ActError: Expiry Rng BufferTooSmall Fault ..);
    matched!(approval::ActKind: EmitRelease FullBackup VetoBreakGlass CloseReview DropDemands ..);
    matched!(approval::ApprovalError: Expect Unfit OtherAct NotListed Unsigned Repeated Fault ..);
    matched!(approval::ApprovalField: File Version Kind Domain Epoch Header Instance Id Subject Created Expires Act Index Signature ..);
    matched!(approval::ApprovalFileError: UnknownVersion UnknownKind Malformed NotDeterministic Expiry ..);
    matched!(approval::ApproveError: Expect Unfit ForeignShare BufferTooSmall Fault ..);
    matched!(approval::CollectError: Expect Unfit NotEnough Fault ..);
    matched!(approval::SpendError: OtherKind OtherAct Fault ..);
    matched!(approval::UnfitAct: OtherDomain OtherEpoch OtherHeader Expired ..);

    matched!(backup::Field: Header Version Suite DomainId Epoch BackupId Instance LedgerHead Kind Name Created Length ..);
    matched!(backup::HeaderError: NotABackup Incomplete UnknownVersion UnknownSuite Malformed NotDeterministic Name ..);
    matched!(backup::BeginError: TooLong Rng Fault ..);
    matched!(backup::RestoreError: WrongDomain Fault ..);
    matched!(backup::StreamError: ChunkLength AfterTheEnd DoesNotOpen Incomplete Ended Fault ..);
    matched!(backup::Kind<'static>: Full Key ..);
    matched!(contribution::ContributionError<u8>: OtherSession NotListed Unsigned DoesNotOpen Device Fault ..);
    matched!(drill::ChallengeError: NotListed Repeated Rng Wrap BufferTooSmall Fault ..);
    matched!(drill::DrillField: File Version Challenge Header DomainFile Created Values Index Custodian Commitment Wrapped Value Signature ..);
    matched!(drill::DrillFileError: UnknownVersion Malformed NotDeterministic ..);
    matched!(drill::Proof: KeyAndShare ShareKnown ..);
    matched!(drill::RespondError: Expect OtherHeader ForeignShare ForeignValue BufferTooSmall Fault ..);
    matched!(drill::ResponseError: Expect OtherHeader OtherChallenge NotListed Unsigned WrongValue Fault ..);
    matched!(drill::ValueError<u8>: OtherHeader NotAsked DoesNotOpen Device Fault ..);
    matched!(contribution::ContributeError: Expect OtherHeader OtherDomain OtherEpoch NeedsNewerModule Expired ForeignShare WeakerKey BufferTooSmall Wrap Fault ..);
    matched!(contribution::SessionPurpose: Recover Rotate Rehearse ..);
    matched!(contribution::SessionField: File Request Version Purpose Session Header Domain Epoch Transfer Instance ModuleVersion Created Expires LedgerHead Proposal Index Wrapped Signature ..);
    matched!(contribution::SessionFileError: UnknownVersion Malformed NotDeterministic UnknownPurpose UnknownAlgorithm UnsupportedTransferKey TransferKey Expiry ..);
    matched!(contribution::VetError: OtherRequest Evidence OtherDomain Unsigned Signature SignedRecovery ..);
    matched!(custodian::Algorithm: Rsa2048OaepSha256 Rsa3072OaepSha256 Rsa4096OaepSha256 MlKem1024Kwp DhKemP256 MlKem1024P384 XWing Both ..);
    matched!(custodian::PostQuantum: MlKem1024 MlKem1024P384 XWing ..);
    matched!(security_domain::custodian_key::CustodianKey: Rsa ..);
    matched!(custodian::WrapError: Rng MessageTooLong WrongLength Fault ..);
    matched!(custodian::UnwrapError<u8>: Opaque Device Fault ..);
    matched!(lifecycle::LifecycleError: SinkRefused Rng DeviceKey Record NotWritten BufferTooSmall Seal Expect Pending NeedsNewerModule OtherHeader NoClock ClockWentBack ClockUnsteady Expired NoTransferKey StrongerCustodian UnsupportedTransferKey TransferKey Contribution NoQuorum Share Open Expected Unexpected Import NotSealed NotConfirmed Rotation Demand Backup Stream WrongDomain Overtaken LeftOut UnknownState UnknownTransferKey UnknownTransferAlgorithm SelfTest ErrorState Fault ..);
    matched!(lifecycle::TransferKeyError: Rng Failed Missing OtherKey Unusable NotDestroyed ..);
    matched!(lifecycle::Unconfirmed: Domain Artifact Unnamed ..);
    matched!(lifecycle::Event: Provision Activate BeginRecovery Contribute Recover BeginImport Import ConfirmImport EndSession Propose Consent Challenge Prove Commit Confirm EndRotation Adopt BreakGlass DemandApproval AskApproval DropDemands EmitRelease BeginRehearsal Rehearse BeginBackup BeginRestore Zeroize Outcome Refused ..);
    matched!(lifecycle::Step: Provision Activate BeginRecovery Contribute Recover BeginImport Import ConfirmImport Backup Restore Propose Consent Challenge Prove Commit Confirm Adopt BreakGlass Veto DemandApproval AskApproval DropDemands EmitRelease BeginRehearsal Rehearse ..);
    matched!(lifecycle::Outcome: Done Failed Interrupted ..);
    matched!(lifecycle::Ended: Cancelled Expired TooManyFailures Vetoed ..);
    matched!(lifecycle::Expiry<(), ()>: Over Running);
    matched!(storage::Slot: A B);
    matched!(storage::DeviceKeyError: Failed Fault ..);
    matched!(storage::RecordError: Rng DeviceKey Flash RolledBack CounterBehind Missing Damaged UnknownVersion NotErased NotWritable BufferTooSmall Fault ..);
    matched!(storage::Left: Nothing One Both);
    matched!(lifecycle::Added: New Already);
    matched!(lifecycle::Adopted: Now Already);
    matched!(lifecycle::Proofs: All Threshold);
    matched!(lifecycle::RotationError: LastEpoch NoConsent NoProof NoBreakGlass GlassIntact ExpiresBefore TooEarly Veto Challenge OtherChallenge Response ShareKnownOnly EpochFork ..);
    matched!(lifecycle::DemandError: NeedsApproval CannotAsk NotAsked OtherKind Expired Spend ..);
    matched!(lifecycle::Stage: Empty Provisioned Recovering Importing Imported Active Rotating Committed Rehearsing ..);
    matched!(lifecycle::AnyDomain<'static, 9>: Empty Provisioned Recovering QuorumMet Rehearsing Active Rotating Committed ..);
    matched!(rsa::KeyError: Encoding TrailingData Version Algorithm LeadingZero ModulusSize EvenModulus EvenExponent SmallExponent LargeExponent Prime Product PrivateExponent Exponent1 Exponent2 Coefficient Fault ..);
    matched!(rsa::EncryptError: MessageTooLong BufferTooSmall Rng Fault ..);
    matched!(rsa::DecryptError: Opaque Rng Fault ..);
    matched!(rsa::SignError: BufferTooSmall Rng Fault ..);
    matched!(rsa::GenerateError: Rng Exhausted Fault ..);
    matched!(rsa::ExportError: BufferTooSmall Fault ..);
    matched!(rsa::Progress: Candidate Prime ..);
    matched!(rsa::ModulusSize: Rsa2048 Rsa3072 Rsa4096 ..);
    matched!(sealed_domain::Field: File Header Core Version Suite BirthSuite Label DomainKey Epoch Previous Created Instance Salt ReleaseDigest Threshold BreakGlass Custodians Artifacts ModuleFloor BirthCommitment Shares Wrapped Release Commitment Body Signature ..);
    matched!(sealed_domain::ParseError: UnknownVersion UnknownSuite Malformed NotDeterministic Text Lineage Quorum UnknownAlgorithm SameCustodian SameTag WeakKey EqualKeys WrappedLength BodyLength OtherRelease Signature ..);
    matched!(sealed_domain::SealError: CustodianCount Quorum SameCustodian ArtifactCount SameTag TooLong OtherDomain BufferTooSmall ScratchTooSmall Rng Wrap Fault ..);
    matched!(sealed_domain::ShareError<u8>: NotListed Changed DoesNotOpen Device Fault ..);
    matched!(sealed_domain::ExpectError: WrongDomain Superseded OtherHeader ..);
    matched!(sealed_domain::OpenError: Expect Pending TooFewShares SameShare ForeignShare BufferTooSmall DoesNotOpen Fault ..);
    matched!(sealed_domain::Suite: One ..);
    matched!(sealed_domain::TextError: Empty TooLong Character ..);
    matched!(self_test::Test: ConstantTime Verdict Sha256 HmacSha256 Hkdf Aes256Gcm Gf256 Shamir Ed25519 RsaOaep RsaSignature RsaPairwise ..);
    matched!(x509::SelfSignedError: CommonName Validity BufferTooSmall Rng Fault ..);
    matched!(x509::Warning: Version Serial SignatureAlgorithm Name Validity KeyAlgorithm Exponent Extensions Signature ..);
    matched!(x509::CertificateError: Encoding TrailingData Version SignatureAlgorithm Validity NotRsa Key ..);
}

#[cfg(feature = "embedded-storage")]
mod nor {
    use security_domain::storage;

    matched!(storage::NorLayoutError: Sizes TooSmall TooLong ..);
}

#[cfg(any(feature = "p256", feature = "pq"))]
mod kinds {
    use security_domain::kem;

    matched!(kem::KeyError: Encoding Invalid OtherPublicKey BufferTooSmall Fault ..);
}

#[cfg(feature = "pq")]
mod two_keys {
    use security_domain::both;

    matched!(both::BothError<u8, u8>: First Second);
}

#[cfg(feature = "managed-hsm")]
mod interchange {
    use security_domain::managed_hsm;

    matched!(managed_hsm::domain_file::CombineError: TooFewShares SameCustodian NotListed DoesNotOpen Fault ..);
    matched!(managed_hsm::domain_file::ShareError<u8>: NotListed Damaged DoesNotOpen Device Rng Fault ..);
    matched!(managed_hsm::drill::ChallengeError: NobodyAsked Certificate Repeated Key Rng Wrap BufferTooSmall Fault ..);
    matched!(managed_hsm::drill::RespondError<u8>: OtherFile NotAsked Share DoesNotOpen Device BufferTooSmall Fault ..);
    matched!(managed_hsm::drill::ResponseError: OtherFile OtherChallenge NotListed NotAsked WrongValue Fault ..);
    matched!(managed_hsm::Fault: NotUtf8 Syntax BadString Trailing UnknownMember UnknownTwice Duplicate Missing TooDeep NotAnObject NotAnArray NotAString NotAnInteger Value Version1 Count Required Tag Base64 Length Parts NotEmpty Mismatch Repeated Certificate NotListed ..);
    matched!(managed_hsm::WriteError: BufferTooSmall Rng ArtifactCount RepeatedTag CertificateCount RepeatedCustodian Quorum DoesNotOpen Fault ..);
    matched!(managed_hsm::OpenError: BufferTooSmall DoesNotOpen Fault ..);
    matched!(managed_hsm::restore_blob::RestoreError<u8>: OtherTransferKey DoesNotOpen Device Rng Fault ..);
    matched!(managed_hsm::restore_session::Added: New Already ..);
    matched!(managed_hsm::restore_session::AskError: BufferTooSmall TransferOfCustodian WeakerKey Expiry Rng Fault ..);
    matched!(managed_hsm::restore_session::CollectError<u8>: OtherFile OtherSession Expired NotListed DoesNotOpen OtherShare Device Fault ..);
    matched!(managed_hsm::restore_session::ContributeError<u8>: OtherFile TransferOfCustodian Expired WeakerKey Share BufferTooSmall Wrap Fault ..);
    matched!(managed_hsm::restore_session::FinishError: OtherTransferKey Expired Combine Write Fault ..);
    matched!(managed_hsm::restore_session::Part: File Version Session DomainFile Transfer Key Created Expires Request Custodian Wrapped ..);
    matched!(managed_hsm::restore_session::RestoreFileError: UnknownVersion Malformed NotDeterministic UnknownAlgorithm UnsupportedKey Key Expiry ..);
    matched!(managed_hsm::restore_session::VetError: OtherRequest Evidence ..);
    matched!(managed_hsm::TagError: Empty TooLong Nul ..);
}

/// Enums that are `pub` in a module that is not, or in `hazmat` only.
const INNER: [&str; 9] = [
    "Algorithm",
    "AskError",
    "Failure",
    "Kernel",
    "Kid",
    "Loaded",
    "Purpose",
    "Role",
    "Store",
];

#[test]
fn every_public_enum_is_matched() {
    let matched = include_str!("unification.rs");
    let mut seen = 0;
    for file in sources::all() {
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
