// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tests of `secdom hsm` share: HSMs in a folder, and the verbs with all that they need.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Folder, Run, arguments, names, secdom};

/// Three custodians, two of whom are needed.
pub const CUSTODIANS: [&str; 3] = ["s2048_0", "s2048_1", "s2048_2"];

/// A folder with the custodians' keys and certificates and HSMs.
pub struct Site {
    pub folder: Folder,
    /// Runs a command line.
    run: fn(Vec<OsString>) -> Run,
}

impl Site {
    pub fn new() -> Self {
        Self::run_by(secdom)
    }

    pub fn run_by(run: fn(Vec<OsString>) -> Run) -> Self {
        let folder = Folder::new();
        for name in CUSTODIANS {
            folder.custodian(name, name);
        }
        folder.write("signing.bin", b"a signing key of thirty-two bytes");
        folder.write("empty.bin", b"");
        Self { folder, run }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn key(&self, custodian: usize) -> PathBuf {
        self.path(&format!("{}.key", CUSTODIANS[custodian]))
    }

    pub fn hsm(&self, verb: &str, hsm: &str, more: &[OsString]) -> Run {
        let mut line = arguments!["hsm", verb, "--hsm", self.path(hsm)].to_vec();
        line.extend_from_slice(more);
        (self.run)(line)
    }

    /// Any verb that takes no more than the HSM.
    pub fn plain(&self, verb: &str, hsm: &str) -> Run {
        self.hsm(verb, hsm, &[])
    }

    pub fn init(&self, hsm: &str) {
        let (signing, empty) = (self.path("signing.bin"), self.path("empty.bin"));
        let artifacts = arguments![
            "--artifact",
            format!("signing={}", signing.display()),
            format!("a/b={}", empty.display())
        ];
        self.hsm("init", hsm, &artifacts).done();
    }

    pub fn activate_to(&self, hsm: &str, out: &Path, quorum: &str) -> Run {
        self.hsm("activate", hsm, &self.activation(out, quorum))
    }

    /// What activates an HSM.
    pub fn activation(&self, out: &Path, quorum: &str) -> Vec<OsString> {
        let mut line = arguments!["--sealed", out, "--quorum", quorum, "--custodians"].to_vec();
        line.extend(CUSTODIANS.map(|name| self.path(&format!("{name}.cer")).into()));
        line
    }

    /// An active HSM; gives its domain's id.
    pub fn active(&self, hsm: &str, sealed: &str) -> String {
        self.init(hsm);
        let out = self.activate_to(hsm, &self.path(sealed), "2").done();
        let mut lines = out.lines();
        let id = lines.next().unwrap().strip_prefix("domain-id ").unwrap();
        let digest = lines
            .next()
            .unwrap()
            .strip_prefix("header-digest ")
            .unwrap();
        assert_eq!((id.len(), digest.len()), (64, 64));
        for name in CUSTODIANS {
            let line = lines.next().unwrap();
            assert!(
                line.starts_with("custodian ") && line.contains(name),
                "{line}"
            );
        }
        assert!(lines.all(|line| line.starts_with("finding ")), "{out}");
        let status = self.status(hsm);
        assert_eq!(
            (&status["domain_id"], &status["header_digest"]),
            (&id.into(), &digest.into())
        );
        id.to_owned()
    }

    pub fn status(&self, hsm: &str) -> Value {
        serde_json::from_str(&self.hsm("status", hsm, &arguments!["--json"]).done()).unwrap()
    }

    #[track_caller]
    pub fn is(&self, hsm: &str, state: &str) {
        assert_eq!(self.status(hsm)["state"], state);
    }

    pub fn begin(&self, hsm: &str, sealed: &str, domain: &str, request: &str) -> Run {
        self.begin_with(hsm, sealed, domain, request, &[])
    }

    /// A session that ends by itself.
    pub fn begin_for(
        &self,
        hsm: &str,
        sealed: &str,
        domain: &str,
        request: &str,
        seconds: &str,
    ) -> Run {
        self.begin_with(
            hsm,
            sealed,
            domain,
            request,
            &arguments!["--expires", seconds],
        )
    }

    /// A session with more arguments.
    pub fn begin_with(
        &self,
        hsm: &str,
        sealed: &str,
        domain: &str,
        request: &str,
        more: &[OsString],
    ) -> Run {
        let (sealed, request) = (self.path(sealed), self.path(request));
        let mut line = arguments![
            "--sealed",
            sealed,
            "--expect-domain",
            domain,
            "--request",
            request
        ]
        .to_vec();
        line.extend_from_slice(more);
        self.hsm("recover-begin", hsm, &line)
    }

    /// A session; gives the request's digest.
    pub fn recovering(&self, hsm: &str, sealed: &str, domain: &str, request: &str) -> String {
        let out = self.begin(hsm, sealed, domain, request).done();
        let digest = out.strip_prefix("request-digest ").unwrap().trim_end();
        assert_eq!(self.status(hsm)["request_digest"], digest);
        digest.to_owned()
    }

    /// A custodian's answer in the file `out`.
    pub fn contribute(
        &self,
        custodian: usize,
        sealed: &str,
        domain: &str,
        request: (&str, &str),
        out: &str,
    ) {
        self.answer(custodian, sealed, domain, request, out).done();
    }

    /// The same, if he answers: the request's file and its digest.
    pub fn answer(
        &self,
        custodian: usize,
        sealed: &str,
        domain: &str,
        (request, digest): (&str, &str),
        out: &str,
    ) -> Run {
        let line = arguments![
            "contribute",
            "--sealed",
            self.path(sealed),
            "--expect-domain",
            domain,
            "--request",
            self.path(request),
            "--request-digest",
            digest,
            "--key",
            self.key(custodian),
            "--out",
            self.path(out),
        ];
        (self.run)(line.to_vec())
    }

    pub fn add(&self, hsm: &str, contributions: &[&str]) -> Run {
        let paths = contributions.iter().map(|name| self.path(name).into());
        self.hsm("recover-add", hsm, &paths.collect::<Vec<_>>())
    }

    pub fn recover(&self, hsm: &str, sealed: &str, domain: &str, custodians: &[usize]) -> Run {
        (self.run)(self.recover_line(hsm, sealed, domain, custodians))
    }

    /// The command line of a quorum at one place.
    pub fn recover_line(
        &self,
        hsm: &str,
        sealed: &str,
        domain: &str,
        custodians: &[usize],
    ) -> Vec<OsString> {
        let mut line = arguments![
            "hsm",
            "recover",
            "--hsm",
            self.path(hsm),
            "--sealed",
            self.path(sealed),
            "--expect-domain",
            domain,
            "--keys"
        ]
        .to_vec();
        line.extend(
            custodians
                .iter()
                .map(|&custodian| self.key(custodian).into()),
        );
        line
    }

    pub fn artifacts(&self, hsm: &str, out: &str) -> Run {
        self.hsm("artifacts", hsm, &arguments!["--out-dir", self.path(out)])
    }

    /// The HSM is active and has the secrets that `init` gave the first one.
    #[track_caller]
    pub fn has_the_secrets(&self, hsm: &str) {
        let out = format!("{hsm}-artifacts");
        self.artifacts(hsm, &out).done();
        let out = self.path(&out);
        assert_eq!(names(&out), ["a%2Fb", "signing"]);
        assert_eq!(
            fs::read(out.join("signing")).unwrap(),
            b"a signing key of thirty-two bytes"
        );
        assert_eq!(fs::read(out.join("a%2Fb")).unwrap(), b"");
    }

    pub fn backup(&self, hsm: &str, from: &str, to: &str, more: &[OsString]) -> Run {
        let mut line = arguments!["--in", self.path(from), "--out", self.path(to)].to_vec();
        line.extend_from_slice(more);
        self.hsm("backup", hsm, &line)
    }

    pub fn restore(&self, hsm: &str, from: &str, to: &str) -> Run {
        let line = arguments!["--in", self.path(from), "--out", self.path(to)];
        self.hsm("restore", hsm, &line)
    }

    pub fn import_begin(&self, hsm: &str, certificate: &str, tags: &[&str]) -> Run {
        let mut line =
            arguments!["--sd-exchange-key", self.path(certificate), "--expect-tag"].to_vec();
        line.extend(tags.iter().map(OsString::from));
        self.hsm("import-begin", hsm, &line)
    }

    pub fn import(&self, hsm: &str, blob: &str) -> Run {
        self.hsm("import", hsm, &arguments!["--sd-file", self.path(blob)])
    }

    /// The names of the events that the HSM has told of, but for how steps ended.
    pub fn events(&self, hsm: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path(hsm).join("events")).unwrap();
        let event = |line: &str| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["event"].as_str().unwrap().to_owned()
        };
        let events = text.lines().map(event);
        events.filter(|event| event != "outcome").collect()
    }

    /// How the steps ended of which the HSM has told.
    pub fn outcomes(&self, hsm: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path(hsm).join("events")).unwrap();
        let outcome = |line: &str| {
            let event: Value = serde_json::from_str(line).unwrap();
            let (of, outcome) = (event["of"].as_str()?, event["outcome"].as_str()?);
            Some(format!("{of} {outcome}"))
        };
        text.lines().filter_map(outcome).collect()
    }
}
