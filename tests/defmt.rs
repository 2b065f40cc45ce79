// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be logged with `defmt`: errors, events, status and ids, and nothing that holds a secret. `defmt`'s own mock takes
//! the place of a logger.
#![cfg(all(
    feature = "defmt",
    feature = "embedded-storage",
    feature = "managed-hsm"
))]

mod sources;

use std::convert::Infallible;
use std::fs;
use std::marker::PhantomData;

use defmt::Format;
use security_domain::lifecycle::{
    Active, Added, Domain, Ended, Event, LifecycleError, Outcome, SinkAnswer, Stage, Status, Step,
    Unconfirmed, Vault,
};
use security_domain::managed_hsm::{self, MasterKey, UnknownMember, domain_file::Combined};
use security_domain::quorum::{Quorum, ShareCount, ShareIndex, Threshold};
use security_domain::rsa::{ModulusSize, PrivateKey, PublicKey};
use security_domain::sealed_domain::{
    ArtifactTag, BirthCommitment, DomainId, DomainLabel, DomainShare, Epoch, HeaderDigest,
    InstanceId, Opened, Root, Suite,
};
use security_domain::secret::Secret;
use security_domain::self_test::Test;
use security_domain::shamir::encoded::EncodedShare;
use security_domain::shamir::{Share, ShareRow};
use security_domain::storage::{Left, RecordError, Slot};
use security_domain::x509::Thumbprint;
use security_domain::{backup, contribution, custodian, sealed_domain};

/// Whether a type implements `Format`: the constant of the type itself goes before the trait's.
macro_rules! is_format {
    ($type:ty) => {{
        #[allow(dead_code, reason = "one of the two constants is used")]
        trait Otherwise {
            const IS: bool = false;
        }
        impl<T: ?Sized> Otherwise for T {}
        #[allow(dead_code, reason = "one of the two constants is used")]
        struct Probe<T: ?Sized>(PhantomData<T>);
        #[allow(dead_code, reason = "one of the two constants is used")]
        impl<T: ?Sized + Format> Probe<T> {
            const IS: bool = true;
        }
        <Probe<$type>>::IS
    }};
}

macro_rules! all {
    ($expected:literal: $($type:ty),* $(,)?) => {
        $(assert!(is_format!($type) == $expected, "{}", stringify!($type));)*
    };
}

#[test]
fn what_holds_no_secret_can_be_logged() {
    all!(true: Event, Status, Stage, Step, Outcome, Ended, Added, SinkAnswer, LifecycleError, Unconfirmed);
    all!(true: Slot, Left, RecordError, Test, ModulusSize, Suite, Epoch, ArtifactTag<'_>, DomainLabel<'_>);
    all!(true: BirthCommitment, DomainId, HeaderDigest, InstanceId, Thumbprint, custodian::CustodianId, backup::BackupId);
    all!(true: contribution::SessionId, contribution::RequestDigest, UnknownMember);
    all!(true: Quorum, Threshold, ShareCount, ShareIndex, backup::Kind<'_>);
    // With the error of a token.
    all!(true: custodian::UnwrapError<Slot>, sealed_domain::ShareError<Slot>);
}

#[test]
fn what_holds_a_secret_cannot() {
    all!(false: Secret<32>, Share<32>, ShareRow<'_>, EncodedShare<'_>, PrivateKey, Root, DomainShare, Opened<'_>);
    all!(false: MasterKey, managed_hsm::Share, Combined, Vault<9>, Domain<'_, Active, 9>);
    all!(false: [Secret<32>; 2], Option<Root>, Result<MasterKey, Infallible>, PublicKey);
}

/// The bytes that a logger gets for a value.
fn logged(value: &impl Format) -> Vec<u8> {
    defmt::export::fmt(value);
    defmt::export::fetch_bytes()
}

#[test]
fn ids_are_logged_as_the_digits_that_they_print() {
    let bytes = std::array::from_fn(|at| (at as u8).wrapping_mul(37));
    let id = DomainId::from_bytes(bytes);
    let text = id.to_string();
    assert_eq!(text.len(), 64);
    let log = logged(&id);
    assert!(
        log.windows(64).any(|held| held == text.as_bytes()),
        "{log:02x?}"
    );
}

#[test]
fn an_error_is_logged_with_what_it_carries() {
    let error = RecordError::RolledBack {
        have: 0x1122_3344_5566_7788,
        counter: 0x99aa_bbcc_ddee_ff00,
    };
    let log = logged(&error);
    for number in [0x1122_3344_5566_7788_u64, 0x99aa_bbcc_ddee_ff00] {
        let bytes = number.to_le_bytes();
        assert!(log.windows(8).any(|held| held == bytes), "{log:02x?}");
    }
    assert!(logged(&LifecycleError::Record(error)).ends_with(&log[2..]));
}

/// The name that `line` declares publicly.
fn declared(line: &str) -> Option<&str> {
    let rest = { line.strip_prefix("pub enum ") }.or_else(|| line.strip_prefix("pub struct "))?;
    rest.split(|c: char| !c.is_alphanumeric()).next()
}

/// No error of the crate, and no id, is forgotten when it is new.
#[test]
fn every_public_error_and_id_can_be_logged() {
    const DERIVED: &str = "#[cfg_attr(feature = \"defmt\", derive(defmt::Format))]";
    let by_hand = fs::read_to_string(sources::root().join("defmt.rs")).unwrap();
    let by_hand: Vec<&str> = by_hand.split(|c: char| !c.is_alphanumeric()).collect();
    let (mut errors, mut ids) = (0, 0);
    for file in sources::all() {
        let text = fs::read_to_string(&file).unwrap();
        let mut derived = false;
        for line in text.lines() {
            derived |= line == DERIVED;
            let Some(name) = declared(line) else {
                derived &= !line.is_empty();
                continue;
            };
            let is_error = ["", "<E>"]
                .iter()
                .any(|generic| text.contains(&format!("core::error::Error for {name}{generic} ")));
            assert!(derived || !is_error, "{}: {name}", file.display());
            errors += usize::from(is_error);
        }
        for id in text.split("\nid! {").skip(1) {
            let line = id
                .lines()
                .find(|line| !line.trim_start().starts_with(['/', '#']) && !line.is_empty());
            let (name, _) = line.and_then(|line| line.trim().split_once(',')).unwrap();
            assert!(by_hand.contains(&name), "{name}");
            ids += 1;
        }
    }
    assert!(errors > 45 && ids > 6, "{errors} {ids}");
}
