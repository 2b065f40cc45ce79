// SPDX-License-Identifier: MIT OR Apache-2.0
//! Custodians with keys of different kinds.

use std::fs;
use std::path::{Path, PathBuf};

use crate::keygen::{keygen, make};
use crate::simulated::Site;
use crate::{arguments, secdom};

/// The seal of a domain to custodians, two of whom are needed, its id, and its findings.
pub fn sealed_to(site: &Site, hsm: &str, custodians: &[PathBuf]) -> (PathBuf, String, String) {
    site.init(hsm);
    let sealed = site.path(&format!("{hsm}.sealed"));
    let mut line = arguments!["--sealed", sealed, "--quorum", "2", "--custodians"].to_vec();
    line.extend(custodians.iter().map(Into::into));
    let said = site.hsm("activate", hsm, &line).done();
    let id = said
        .lines()
        .next()
        .unwrap()
        .strip_prefix("domain-id ")
        .unwrap();
    (sealed, id.to_owned(), said.clone())
}

#[test]
fn a_domain_has_custodians_of_different_kinds() {
    let site = Site::new();
    let of = |kind: &str| keygen(&site.folder, kind);
    let [hybrid, curve, rsa] = [of("x-wing"), of("p256"), of("rsa-2048")];
    let certificate = site.path("s2048_0.cer");
    let inspected = |sealed: &Path| secdom(arguments!["inspect", sealed]).done();

    let mixed = [hybrid[1].clone(), curve[1].clone(), certificate.clone()];
    let (sealed, id, said) = sealed_to(&site, "mixed", &mixed);
    for said in [said, inspected(&sealed)] {
        assert!(
            !said.contains("RSA-only") && said.contains("a quorum with RSA and P-256"),
            "{said}"
        );
    }
    for keys in [
        [&hybrid[0], &curve[0]],
        [&curve[0], &site.path("s2048_0.key")],
    ] {
        let line = arguments![
            "--sealed",
            sealed,
            "--expect-domain",
            id,
            "--keys",
            keys[0],
            keys[1],
        ];
        site.hsm("recover", "again", &line).done();
        site.is("again", "active");
        fs::remove_dir_all(site.path("again")).unwrap();
    }
    let line = arguments![
        "--sealed",
        sealed,
        "--expect-domain",
        id,
        "--keys",
        hybrid[0],
        rsa[0]
    ];
    site.hsm("recover", "again", &line)
        .refused(&["rsa-2048.key", "opens no share"]);

    let (sealed, _, said) = sealed_to(
        &site,
        "rsa",
        &[hybrid[1].clone(), rsa[1].clone(), certificate],
    );
    for said in [said, inspected(&sealed)] {
        assert!(
            said.contains("an RSA-only quorum opens it: 2 custodians"),
            "{said}"
        );
        // One of the two has a certificate, and is named by it where that is given.
        let small = said.matches(" is small: 2048 bits").count();
        assert_eq!(small, 2, "{said}");
    }
    let [lattice, both] = [of("mlkem1024"), of("mlkem1024-p384")];
    let curves = [1, 2].map(|number| {
        let file = |end: &str| site.path(&format!("curve-{number}.{end}"));
        make("p256", &[file("key"), file("pub")]).done();
        file("pub")
    });
    let custodians = [hybrid[1].clone(), curves[0].clone(), curves[1].clone()];
    let (sealed, _, said) = sealed_to(&site, "curves", &custodians);
    for said in [said, inspected(&sealed)] {
        assert!(said.contains("a quorum with P-256 keys alone"), "{said}");
    }
    let (sealed, _, said) = sealed_to(
        &site,
        "pq",
        &[hybrid[1].clone(), lattice[1].clone(), both[1].clone()],
    );
    for said in [said, inspected(&sealed)] {
        assert!(!said.contains("quantum"), "{said}");
    }

    site.init("twice");
    let out = site.path("twice.sealed");
    let twice = arguments![
        "--sealed",
        out,
        "--quorum",
        "2",
        "--custodians",
        hybrid[1],
        curve[1],
        hybrid[1],
    ];
    site.hsm("activate", "twice", &twice)
        .refused(&["x-wing.pub", "given twice"]);
}
