// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a collector takes, and what it makes of wrong shares.

use std::convert::Infallible;

use security_domain::custodian::{Identity, UnwrapError};
use security_domain::managed_hsm::domain_file::{CombineError, DomainFile};
use security_domain::managed_hsm::restore_blob::{self, RestoreBlob};
use security_domain::managed_hsm::restore_session::{
    Added, CollectError, Collector, Contribution, FinishError, Request,
};
use security_domain::rng::Generator;
use security_domain::x509::Certificate;

use crate::fixtures::{certificate_der, open_all, open_blob, thumbprint};
use crate::vectors::folder;
use crate::world::{
    EXPIRES, NOW, TRANSFER, asked, contributed, domain, public, rng, session_key, text,
};

fn read(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("{name}.cbor"))).unwrap()
}

/// The files of the vectors: their session is that of `request-good`.
fn add(collector: &mut Collector<'_>, name: &str) -> Result<Added, String> {
    let file = read(&format!("contribution-{name}"));
    let contribution = Contribution::parse(&file).unwrap();
    { collector.add(&contribution, &mut session_key(), NOW, &mut rng(1)) }
        .map_err(|error| error.to_string())
}

fn restored(collector: &Collector<'_>, file: &DomainFile<'_>) -> Result<Vec<String>, FinishError> {
    let der = certificate_der(TRANSFER);
    let transfer = Certificate::parse(&der).unwrap();
    let mut blob = vec![0xaa; restore_blob::encoded_len(file, &transfer)];
    let done = collector.restore(&transfer, NOW, &mut rng(2), &mut blob);
    match done {
        Ok(restored) => {
            let blob = RestoreBlob::parse(&blob[..restored.len()]).unwrap();
            assert_eq!(
                open_all(blob.artifacts(), &open_blob(&blob, TRANSFER)).len(),
                3
            );
            let names = { restored.left_out() }.map(|custodian| custodian.to_string());
            Ok(names.collect())
        }
        Err(error) => {
            assert!(
                blob.iter().all(|byte| *byte == 0),
                "an error wipes the output"
            );
            Err(error)
        }
    }
}

#[test]
fn the_same_again_changes_nothing_and_another_is_refused() {
    let (text, request) = (domain(), read("request-good"));
    let file = DomainFile::parse(&text).unwrap();
    let mut collector = Collector::new(&file, Request::parse(&request).unwrap()).unwrap();
    let first = thumbprint("s2048_0");
    assert_eq!(add(&mut collector, "of-custodian-0"), Ok(Added::New(first)));
    assert_eq!(
        add(&mut collector, "of-custodian-0"),
        Ok(Added::Already(first))
    );
    let refused = add(&mut collector, "of-a-wrong-share").unwrap_err();
    assert_eq!(
        refused,
        CollectError::<Infallible>::OtherShare(first).to_string()
    );
    assert_eq!(collector.contributors().collect::<Vec<_>>(), [first]);

    // The one that came first may be the wrong one: the collector can be told to take the other.
    assert!(collector.remove(&first) && !collector.remove(&first));
    assert_eq!(
        add(&mut collector, "of-a-wrong-share"),
        Ok(Added::New(first))
    );
    assert!(add(&mut collector, "of-custodian-0").is_err());
}

/// A stranger who knows the request can send a wrong share in a custodian's name. With exactly a
/// quorum nobody can say which is wrong; with one more, the wrong one is named and left out.
#[test]
fn a_wrong_share_is_named_as_soon_as_there_is_one_more() {
    let (text, request) = (domain(), read("request-good"));
    let file = DomainFile::parse(&text).unwrap();
    for wrong in ["of-a-wrong-share", "of-another-share"] {
        let mut collector = Collector::new(&file, Request::parse(&request).unwrap()).unwrap();
        add(&mut collector, wrong).unwrap();
        assert!(!collector.has_quorum());
        let few = CombineError::TooFewShares { have: 1, need: 2 };
        assert_eq!(restored(&collector, &file), Err(FinishError::Combine(few)));
        add(&mut collector, "of-custodian-1").unwrap();
        assert!(collector.has_quorum());
        let closed = FinishError::Combine(CombineError::DoesNotOpen);
        assert_eq!(restored(&collector, &file), Err(closed));
        // All that came is kept, and one more is enough.
        assert_eq!(collector.contributors().count(), 2);
        add(&mut collector, "of-custodian-2").unwrap();
        let named = restored(&collector, &file).unwrap();
        // Of two who sent the same share, which one copied is not known.
        let mut may_be = vec!["s2048_0"];
        if wrong == "of-another-share" {
            may_be.push("s2048_1");
        }
        let named_one = |name: &&str| named == [thumbprint(name).to_string()];
        assert_eq!(
            may_be.iter().filter(|name| named_one(name)).count(),
            1,
            "{named:?}"
        );
    }
}

#[test]
fn a_collector_restores_to_the_transfer_key_of_its_request_only() {
    let (text, request) = (domain(), read("request-good"));
    let file = DomainFile::parse(&text).unwrap();
    let mut collector = Collector::new(&file, Request::parse(&request).unwrap()).unwrap();
    for name in ["of-custodian-0", "of-custodian-1"] {
        add(&mut collector, name).unwrap();
    }
    let der = certificate_der("stransfer4096");
    let other = Certificate::parse(&der).unwrap();
    let mut blob = vec![0xaa; restore_blob::encoded_len(&file, &other)];
    let (have, want) = (thumbprint("stransfer4096"), thumbprint(TRANSFER));
    let refused = collector.restore(&other, NOW, &mut rng(1), &mut blob);
    assert_eq!(
        refused.unwrap_err(),
        FinishError::OtherTransferKey { have, want }
    );
    assert!(blob.iter().all(|byte| *byte == 0));
    assert_eq!(restored(&collector, &file), Ok(vec![]));
}

#[test]
fn a_session_that_has_expired_takes_and_gives_nothing() {
    let (text, request) = (domain(), read("request-good"));
    let file = DomainFile::parse(&text).unwrap();
    let mut collector = Collector::new(&file, Request::parse(&request).unwrap()).unwrap();
    let (expires, now) = (EXPIRES, EXPIRES + 1);
    let bytes = read("contribution-of-custodian-0");
    let given = Contribution::parse(&bytes).unwrap();
    let late = collector.add(&given, &mut session_key(), now, &mut rng(1));
    assert_eq!(late, Err(CollectError::Expired { expires, now }));
    for name in ["of-custodian-0", "of-custodian-1"] {
        add(&mut collector, name).unwrap();
    }
    let der = certificate_der(TRANSFER);
    let transfer = Certificate::parse(&der).unwrap();
    let mut blob = vec![0; restore_blob::encoded_len(&file, &transfer)];
    let late = collector.restore(&transfer, now, &mut rng(1), &mut blob);
    assert_eq!(late.unwrap_err(), FinishError::Expired { expires, now });
    assert!(
        collector
            .restore(&transfer, expires, &mut rng(1), &mut blob)
            .is_ok()
    );
}

#[test]
fn a_collector_has_the_file_of_its_request() {
    let (one, other) = (domain(), text("v12-3of3"));
    let [file, other] = [&one, &other].map(|text| DomainFile::parse(text).unwrap());
    let request = asked(&other, public(session_key().public_key()), 1);
    let request = Request::parse(&request).unwrap();
    let (have, want) = (other.digest(), file.digest());
    let refused = Collector::new(&file, request).map(drop);
    assert_eq!(refused, Err(CollectError::OtherFile { have, want }));
}

/// A device that is not there, and one that claims a length that it was not given.
enum Device {
    Absent,
    Liar,
}

impl Identity for Device {
    type Error = &'static str;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        _: &[u8],
        _: &[u8],
        _: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<&'static str>> {
        match self {
            Self::Absent => Err(UnwrapError::Device("absent")),
            Self::Liar => Ok(out.len() + 1),
        }
    }
}

#[test]
fn the_session_key_may_be_in_a_device() {
    let text = domain();
    let file = DomainFile::parse(&text).unwrap();
    let request = asked(&file, public(session_key().public_key()), 1);
    let given = contributed(&file, &request, "s2048_0").unwrap();
    let given = Contribution::parse(&given).unwrap();
    let mut collector = Collector::new(&file, Request::parse(&request).unwrap()).unwrap();
    let absent = collector.add(&given, &mut Device::Absent, NOW, &mut rng(1));
    assert_eq!(absent, Err(CollectError::Device("absent")));
    let lied = collector.add(&given, &mut Device::Liar, NOW, &mut rng(1));
    assert_eq!(lied, Err(CollectError::Fault));
    let added = collector.add(&given, &mut session_key(), NOW, &mut rng(1));
    assert!(added.is_ok() && !format!("{collector:?}").contains("values"));
}
