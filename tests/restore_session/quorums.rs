// SPDX-License-Identifier: MIT OR Apache-2.0
//! Quorums apart give what quorums together give, on the vectors of the real client.

use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::restore_blob::{self, RestoreBlob};
use security_domain::managed_hsm::restore_session::{Added, Collector, Contribution, Request};
use security_domain::x509::Certificate;
use serde_json::Value;

use crate::fixtures::{
    case_artifacts, certificate_der, json, open_all, open_blob, private_key, text, texts,
    thumbprint,
};
use crate::world::{self, NOW, TRANSFER, asked, contributed, public, rng};

/// Restores a case with the custodians at these places of its list.
fn restores(case: &Value, places: &[usize]) {
    let name = text(&case["id"]);
    let sd = world::text(name);
    let file = DomainFile::parse(&sd).unwrap();
    let mut key = private_key("stransfer4096");
    let request = asked(&file, public(key.public_key()), 1);
    let mut collector = Collector::new(&file, Request::parse(&request).unwrap()).unwrap();
    let names = texts(&case["custodians"]);
    for (count, place) in places.iter().enumerate() {
        assert_eq!(
            collector.has_quorum(),
            count >= file.quorum().threshold().get().into()
        );
        let custodian = names[*place];
        let given = contributed(&file, &request, custodian).unwrap();
        let given = Contribution::parse(&given).unwrap();
        let added = collector.add(&given, &mut key, NOW, &mut rng(2));
        assert_eq!(added, Ok(Added::New(thumbprint(custodian))), "{name}");
    }
    let der = certificate_der(TRANSFER);
    let transfer = Certificate::parse(&der).unwrap();
    let mut blob = vec![0; restore_blob::encoded_len(&file, &transfer)];
    let restored = collector
        .restore(&transfer, NOW, &mut rng(3), &mut blob)
        .unwrap();
    assert_eq!(restored.left_out().count(), 0);
    let blob = RestoreBlob::parse(&blob[..restored.len()]).unwrap();
    let opened = open_all(blob.artifacts(), &open_blob(&blob, TRANSFER));
    assert_eq!(opened, case_artifacts(case), "{name}");
}

#[test]
fn quorums_apart_restore_what_the_real_client_restores() {
    let case = |name: &str| json(&format!("valid/{name}/case.json"));
    for places in [[0, 1], [0, 2], [2, 1]] {
        restores(&case("v01-2of3-2048"), &places);
    }
    restores(&case("v04-3of5-2048"), &[4, 0, 2]);
    restores(&case("v04-3of5-2048"), &[3, 1, 4, 0, 2]);
    restores(&case("v07-10of10-2048"), &[9, 3, 4, 0, 1, 8, 7, 6, 5, 2]);
    restores(&case("v03-2of3-4096"), &[1, 2]);
}
