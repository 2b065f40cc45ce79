// SPDX-License-Identifier: MIT OR Apache-2.0
//! Version 1 of the formats is frozen (`docs/format.md`, "Frozen"): these files were written when
//! it was, never change, and stay readable. What is in them, and that they open, is tested with the
//! other vectors.
#![cfg(all(feature = "managed-hsm", feature = "p256", feature = "pq"))]

use std::fs;
use std::path::Path;

use security_domain::backup::{BackupHeader, FRONT_MAX_LEN};
use security_domain::contribution::{Contribution, Request};
use security_domain::managed_hsm::restore_session;
use security_domain::sealed_domain::SealedDomain;
use sha2::{Digest, Sha256};

/// Each file under `tests/vectors`, and its SHA-256. A line may be added, and none may change.
const FILES: &[(&str, &str)] = &[
    (
        "backup/good-key.backup",
        "b4590d696b00337fe7d463869140dfffc7423b811f445a26e3c35fced1d8894f",
    ),
    (
        "backup/good-longest-header.backup",
        "a022cb2eae141d951ebb82269acba07fc87dd0467e33132eb1aeda49d1d51d86",
    ),
    (
        "backup/good-of-an-imported-domain.backup",
        "674dd8ad7898025ba81002e53a97c3398fd38d40b73bb4208fd0fd15231e4492",
    ),
    (
        "backup/good-of-nothing.backup",
        "671f9f76854ecbc29bfd005e7935417a1b31927629ca2c5e6ff2a39d77834fc2",
    ),
    (
        "backup/good-without-a-name.backup",
        "ebd4ad54a262bfcc0d5e99717a65854ee07e2a6acef308b117875e1d3d996ef6",
    ),
    (
        "backup/good.backup",
        "d2b36bed431e4cc271fa3d7f610daef50cf1f908b64573071c3f1ede02cc361e",
    ),
    (
        "kem/every-kind.sealed",
        "65e4b28e17e59efd183f1f906e4968f84d7e8d5f2625440a1985441ab5fa27ab",
    ),
    (
        "restore-session/contribution-of-custodian-0.cbor",
        "6689defab87bf4f4a1a183724142e58e8c9c6a70c506d3dd2f875da5423cf97b",
    ),
    (
        "restore-session/contribution-of-custodian-1.cbor",
        "e03c6d4870275072f24fda7e47197977c7d23ec44aeb625412436179f55f1192",
    ),
    (
        "restore-session/contribution-of-custodian-2.cbor",
        "8495ff4be77de508418b696cde117421899a1fcc91b31475e457da05328e4e98",
    ),
    (
        "restore-session/known-answer.contribution",
        "a74d06b4a359ac755cf065eba03047b3e7f3dd6f8ae64e73b3222d2b221a25de",
    ),
    (
        "restore-session/known-answer.request",
        "6f09990746f64a6cf1e3d3f947242e8760699779776f52edd16330e7f255c69b",
    ),
    (
        "restore-session/request-good.cbor",
        "303cd2c3b6681582efa2a28f3ac2a693267f5d77723f703360147c6b2ace83c8",
    ),
    (
        "restore-session/request-to-a-key-of-ml-kem-1024.cbor",
        "13ebd7651c865b51a6f26dc31aadd96ce11198053e06349492d6ecf15274be36",
    ),
    (
        "restore-session/request-to-a-key-of-mlkem1024-p384.cbor",
        "a103be12f09593a9be30303e0dcbc2e4c0cf832c211b67b027ae4f3769bca830",
    ),
    (
        "restore-session/request-to-a-key-of-p256.cbor",
        "a41a7b9bb53608345b8a7335a65f31addadb568c849837b61196b95d2b63f710",
    ),
    (
        "restore-session/request-to-a-key-of-x-wing.cbor",
        "8179eebdedf0b4f6298d1660e3a55292d522abc99112ad7e37d62e8953a0a53b",
    ),
    (
        "restore-session/request-without-a-clock.cbor",
        "ec2e435833b2c48ea6ee2542eb6669c12d7854f55d051c159b1ac771013ed79c",
    ),
    (
        "restore-session/request-without-an-end.cbor",
        "7a193a69bf9cc0ca2c600e86738d7f85963ee398e51bd668200194a46d773543",
    ),
    (
        "sealed-domain/contribution-of-custodian-1.cbor",
        "015119a5bf03cf4ab7cd8331fe3a209a5a207125de0f14ca6cddb10d50af0f1e",
    ),
    (
        "sealed-domain/contribution-of-custodian-2.cbor",
        "8facb1e64354b0e4a4741d9d78f0b93870ce43e65b5ac709bf5be909e647b7cc",
    ),
    (
        "sealed-domain/contribution-of-custodian-3.cbor",
        "ac4c6a8f7f59ef2066276dd68b93b328dcb253409ea720e7787d135937ac4287",
    ),
    (
        "sealed-domain/good-custodian-of-3072-bits.sealed",
        "73881062cc7dd914f6fceac02881bf4d0663b61df79a01ae1e526c480813c8b8",
    ),
    (
        "sealed-domain/good-four-custodians.sealed",
        "8efa2ae2742b895d5a2cf91acc7fd7dc31192ed2c594aff8009a598aa8689189",
    ),
    (
        "sealed-domain/good-later-epoch.sealed",
        "095977e06b3504b00020b9b49e8c1b26e5346a3905edcaef68b355ee03a60f28",
    ),
    (
        "sealed-domain/good-later-module-and-a-birth-commitment.sealed",
        "ec19ba4949f23c9841ffb6d2676d8279a7368a8d060601bc5863a2a96a8db47c",
    ),
    (
        "sealed-domain/good-threshold-of-all.sealed",
        "1795d32101c65b6770ffc62dc66330e10efbf3695ec6503453a019c47c704c61",
    ),
    (
        "sealed-domain/good.sealed",
        "b0063e240dd1d1f867a639cdd95836cccd922c0b292a95d92b4f68a6b2ac53f0",
    ),
    (
        "sealed-domain/known-answer.contribution",
        "f713b15babc9c5a3699c28d405da831d9596ea34871b8510792ff981abfff47a",
    ),
    (
        "sealed-domain/known-answer.request",
        "0735efe9989be26f8b9712a65681c3e97ced6028f4a7fa89b7beb419ef3825a9",
    ),
    (
        "sealed-domain/known-answer.sealed",
        "f190317555597b2291e01377ddab606dc5d3857a2d223b7d603a955faf72e194",
    ),
    (
        "sealed-domain/request-recover.cbor",
        "c6a366bc1551368aa98e0143c7efa6a4189b98c466a0ea59705e0c66752e3f5c",
    ),
    (
        "sealed-domain/request-transfer-of-ml-kem-1024.cbor",
        "2ef9d79f742230a5499e67b409e65db107692ef7126e2a49175bee1ee6dc531a",
    ),
    (
        "sealed-domain/request-transfer-of-mlkem1024-p384.cbor",
        "5f8d5c6774432ff88762421f95b9285a9f17529b4ed9e9ccc3071a7143ba1110",
    ),
    (
        "sealed-domain/request-transfer-of-p256.cbor",
        "3933b94e998a61c00af2efb4019cf4f5a539308ed0fbf966b394a1c62b0827db",
    ),
    (
        "sealed-domain/request-transfer-of-x-wing.cbor",
        "ea4407ebdfc7554eb52826eb4412a188a7df5963766cd340255df7b07d04a004",
    ),
    (
        "sealed-domain/request-without-a-clock.cbor",
        "b2d2fb28046fc3afe7e76c7e0a4cf4e283a4bd94af8d19787b481d64e47c52c6",
    ),
    (
        "sealed-domain/request-without-an-end.cbor",
        "ea2680627082a3f48ef8f3405a39556a34892cc040d8ba845a7002577dc2bc5e",
    ),
];

fn is_read(name: &str, bytes: &[u8]) -> bool {
    if name.starts_with("backup/") {
        return BackupHeader::parse(&bytes[..FRONT_MAX_LEN.min(bytes.len())]).is_ok();
    }
    if name.ends_with(".sealed") {
        return SealedDomain::parse(bytes).is_ok();
    }
    if name.starts_with("restore-session/") {
        return match name.contains("request") {
            true => restore_session::Request::parse(bytes).is_ok(),
            false => restore_session::Contribution::parse(bytes).is_ok(),
        };
    }
    match name.contains("request") {
        true => Request::parse(bytes).is_ok(),
        false => Contribution::parse(bytes).is_ok(),
    }
}

#[test]
fn the_files_of_version_1_never_change_and_stay_readable() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    for (name, digest) in FILES {
        let bytes = fs::read(vectors.join(name)).unwrap();
        let found = Sha256::digest(&bytes);
        let found: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, *digest, "{name} has changed");
        assert!(is_read(name, &bytes), "{name}");
        // A reader that takes everything would pass, too.
        assert!(!is_read(name, &bytes[..bytes.len() / 3]), "{name}");
    }
    assert!(FILES.len() >= 38);
}
