// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kind of the key to which custodians who never meet wrap their shares.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::keygen::keygen;
use crate::kinds::sealed_to;
use crate::simulated::Site;
use crate::{Run, arguments, secdom};

struct Lost {
    site: Site,
    sealed: PathBuf,
    domain: String,
    keys: Vec<PathBuf>,
}

/// A domain whose custodians have keys of these kinds, and whose HSM is gone.
fn lost(kinds: [&str; 3]) -> Lost {
    let site = Site::new();
    let made = kinds.map(|kind| keygen(&site.folder, kind));
    let public: Vec<_> = made.iter().map(|[_, public]| public.clone()).collect();
    let (sealed, domain, _) = sealed_to(&site, "first", &public);
    let keys = made.into_iter().map(|[key, _]| key).collect();
    Lost {
        site,
        sealed,
        domain,
        keys,
    }
}

impl Lost {
    fn begin(&self, more: &[OsString]) -> Run {
        let sealed = self.sealed.to_str().unwrap();
        self.site
            .begin_with("second", sealed, &self.domain, "request", more)
    }

    fn answer(&self, key: &Path, digest: &str) -> PathBuf {
        let out = key.with_extension("answer");
        let request = self.site.path("request");
        let line = arguments![
            "contribute",
            "--sealed",
            self.sealed,
            "--expect-domain",
            self.domain,
            "--request",
            request,
            "--request-digest",
            digest,
            "--key",
            key,
            "--out",
            out
        ];
        secdom(line).done();
        out
    }

    /// The kind of the transfer key, as `inspect` shows it.
    fn kind(&self) -> String {
        let line = arguments!["inspect", self.site.path("request"), "--json"];
        let shown: Value = serde_json::from_str(&secdom(line).done()).unwrap();
        shown["transfer_key"].as_str().unwrap().to_owned()
    }
}

fn digest(begun: Run) -> String {
    let out = begun.done();
    let digest = out.strip_prefix("request-digest ").unwrap();
    digest.trim_end().to_owned()
}

#[test]
fn custodians_of_any_kind_recover_a_domain_apart() {
    for (kinds, default) in [
        (["x-wing", "p256", "rsa-2048"], "HPKE X-Wing"),
        (["mlkem1024", "x-wing", "rsa-2048"], "HPKE MLKEM1024-P384"),
    ] {
        let lost = lost(kinds);
        let digest = digest(lost.begin(&[]));
        assert_eq!(lost.kind(), default);
        for key in [&lost.keys[2], &lost.keys[0]] {
            let answer = lost.answer(key, &digest);
            lost.site
                .hsm("recover-add", "second", &arguments![answer])
                .done();
        }
        lost.site.is("second", "active");
    }
}

#[test]
fn the_operator_chooses_a_kind_that_is_as_strong() {
    let lost = lost(["p256", "rsa-3072", "rsa-2048"]);
    for (kind, shown) in [
        ("p256", "HPKE P-256"),
        ("mlkem1024", "ML-KEM-1024 AES-256-KWP"),
        ("rsa-3072", "RSA-3072 OAEP-SHA-256"),
    ] {
        let digest = digest(lost.begin(&arguments!["--transfer-kind", kind]));
        assert_eq!(lost.kind(), shown);
        assert!(lost.answer(&lost.keys[0], &digest).exists());
        lost.site.plain("recover-cancel", "second").done();
        for left in [
            lost.site.path("request"),
            lost.keys[0].with_extension("answer"),
        ] {
            std::fs::remove_file(left).unwrap();
        }
    }
    lost.begin(&arguments!["--transfer-kind", "rsa-2048"])
        .refused(&["second", "would not be as strong", "HPKE P-256"]);
    let unknown = lost.begin(&arguments!["--transfer-kind", "x25519"]);
    assert!(unknown.code == Some(2) && unknown.err.contains("x-wing"));
    assert!(!lost.site.path("request").exists());
}
