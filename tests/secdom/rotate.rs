// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom rotate` and `hsm adopt`: the quorum of a simulated HSM is changed, and what does not
//! change it.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use crate::contribute::inspected;
use crate::keygen::make;
use crate::simulated::Site;
use crate::{Run, arguments, secdom};

/// The next custodians.
const NEXT: [&str; 3] = ["dan", "eve", "fay"];

/// An HSM "first" whose domain three custodians hold, and the keys of the next three.
pub struct Change {
    pub site: Site,
    pub domain: String,
}

impl Change {
    fn new() -> Self {
        Self::activated_with(&[])
    }

    /// The HSM was activated with more arguments.
    pub fn activated_with(more: &[OsString]) -> Self {
        let site = Site::new();
        site.init("first");
        let mut line = more.to_vec();
        line.extend(site.activation(&site.path("one.sealed"), "2"));
        let out = site.hsm("activate", "first", &line).done();
        let domain = out.lines().next().unwrap();
        let domain = domain.strip_prefix("domain-id ").unwrap().to_owned();
        for name in NEXT {
            let files = ["key", "pub"].map(|end| site.path(&format!("{name}.{end}")));
            make("x-wing", &files).done();
        }
        Self { site, domain }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.site.path(name)
    }

    fn line(&self, verb: &str, more: &[OsString]) -> Vec<OsString> {
        let mut line = arguments!["rotate", verb, "--hsm", self.path("first")].to_vec();
        line.extend_from_slice(more);
        line
    }

    pub fn rotate(&self, verb: &str, more: &[OsString]) -> Run {
        secdom(self.line(verb, more))
    }

    pub fn proposal(&self) -> Vec<OsString> {
        let mut line = arguments![
            "--sealed",
            self.path("pending"),
            "--request",
            self.path("request"),
            "--quorum",
            "2",
            "--custodians"
        ]
        .to_vec();
        line.extend(NEXT.map(|name| self.path(&format!("{name}.pub")).into()));
        self.line("propose", &line)
    }

    /// Proposes; gives the digest of the request.
    pub fn propose(&self) -> String {
        let out = secdom(self.proposal()).done();
        let digest = out.lines().next().unwrap();
        digest.strip_prefix("request-digest ").unwrap().to_owned()
    }

    pub fn contribute(&self, custodian: usize, digest: &str, out: &str) {
        secdom(self.contribution(custodian, digest, out)).done();
    }

    fn contribution(&self, custodian: usize, digest: &str, out: &str) -> Vec<OsString> {
        arguments![
            "contribute",
            "--sealed",
            self.path("one.sealed"),
            "--expect-domain",
            &self.domain,
            "--request",
            self.path("request"),
            "--request-digest",
            digest,
            "--key",
            self.site.key(custodian),
            "--out",
            self.path(out)
        ]
        .to_vec()
    }

    pub fn respond(&self, name: &str, challenge: &str, out: &str) {
        secdom(arguments![
            "drill",
            "respond",
            "--sealed",
            self.path("pending"),
            "--expect-domain",
            &self.domain,
            "--challenge",
            self.path(challenge),
            "--key",
            self.path(&format!("{name}.key")),
            "--out",
            self.path(out)
        ])
        .done();
    }

    pub fn take(&self, verb: &str, answers: &[&str]) -> Run {
        let files: Vec<OsString> = answers.iter().map(|name| self.path(name).into()).collect();
        self.rotate(verb, &files)
    }

    /// Everything before the commit.
    pub fn answered(&self) {
        let digest = self.propose();
        for (place, out) in [(0, "from-0"), (2, "from-2")] {
            self.contribute(place, &digest, out);
        }
        self.take("approve", &["from-0", "from-2"]).done();
        self.rotate("challenge", &arguments!["--out", self.path("challenge")])
            .done();
        for name in NEXT {
            self.respond(name, "challenge", &format!("of-{name}"));
        }
        self.take("prove", &["of-dan", "of-eve", "of-fay"]).done();
    }

    pub fn end(&self, verb: &str, file: &str) -> Run {
        self.rotate(verb, &arguments!["--sealed", self.path(file)])
    }

    pub fn is_shown(&self, member: &str, value: impl Into<serde_json::Value>) {
        assert_eq!(self.site.status("first")["rotation"][member], value.into());
    }
}

#[test]
fn the_quorum_changes_and_the_other_hsm_follows() {
    let change = Change::new();
    let site = &change.site;
    // Another HSM of the domain, in its first epoch.
    let (sealed, keys) = (site.path("one.sealed"), [0, 1].map(|place| site.key(place)));
    let mut line = arguments![
        "--sealed",
        sealed,
        "--expect-domain",
        &change.domain,
        "--keys"
    ]
    .to_vec();
    line.extend(keys.map(OsString::from));
    site.hsm("recover", "second", &line).done();

    let digest = change.propose();
    change.is_shown("request_digest", digest.as_str());
    site.is("first", "rotating");
    let pending = inspected(&change.path("pending"));
    assert_eq!(
        (&pending["epoch"], &pending["pending"]),
        (&2.into(), &true.into())
    );
    assert_eq!(pending["domain_id"], change.domain);
    assert_eq!(inspected(&change.path("request"))["purpose"], "rotate");

    // An HSM whose quorum changes is in use.
    let (backup, restored) = (change.path("backup"), change.path("restored"));
    let input = change.path("signing.bin");
    site.hsm(
        "backup",
        "first",
        &arguments!["--in", input, "--out", backup],
    )
    .done();
    site.hsm(
        "restore",
        "first",
        &arguments!["--in", backup, "--out", restored],
    )
    .done();
    assert_eq!(fs::read(&restored).unwrap(), fs::read(&input).unwrap());

    change.contribute(0, &digest, "from-0");
    let said = change.take("approve", &["from-0", "pending"]);
    assert_eq!(said.code, Some(1));
    assert!(said.out.contains("consents 1 of 2\n"), "{said:?}");
    assert!(said.err.contains("pending"), "{said:?}");
    change
        .end("commit", "two.sealed")
        .refused(&["1 of the present"]);
    let mut line = change.contribution(2, &digest, "from-2");
    line.extend(arguments!["--pending", change.path("one.sealed")]);
    secdom(&line).refused(&["one.sealed", "proposes"]);
    *line.last_mut().unwrap() = change.path("pending").into();
    let said = secdom(&line);
    assert_eq!(
        (said.code, said.err.matches("custodian ").count()),
        (Some(0), 3)
    );
    assert!(
        said.err.contains("quorum 2 of 3\nbreak-glass never\n"),
        "{said:?}"
    );
    let said = change.take("approve", &["from-0", "from-2"]).done();
    assert!(said.contains("has already consented") && said.contains("consents 2 of 2\n"));
    change
        .end("commit", "two.sealed")
        .refused(&["0 of the new"]);

    change
        .take("prove", &["from-0"])
        .refused(&["no challenge", "rotate challenge"]);
    let out = arguments!["--out", change.path("challenge")];
    change.rotate("challenge", &out).done();
    for name in NEXT {
        change.respond(name, "challenge", &format!("of-{name}"));
    }
    let said = change.take("prove", &["of-dan", "of-eve"]).done();
    assert!(
        said.contains("key and share\n") && said.contains("proofs 2 of 3\n"),
        "{said}"
    );
    change
        .end("commit", "two.sealed")
        .refused(&["2 of the new", "3 must"]);
    assert!(!change.path("two.sealed").exists());
    change.take("prove", &["of-fay"]).done();

    change.end("commit", "two.sealed").done();
    site.is("first", "committed");
    assert_eq!(site.status("first")["epoch"], 1);
    // It can be had again, and cannot be abandoned.
    change.end("commit", "again.sealed").done();
    let (two, again) = (change.path("two.sealed"), change.path("again.sealed"));
    assert_eq!(fs::read(&two).unwrap(), fs::read(again).unwrap());
    change.rotate("abandon", &[]).refused(&["committed"]);
    change.end("confirm", "pending").refused(&["pending"]);
    change.end("confirm", "one.sealed").refused(&["header"]);
    change.end("confirm", "two.sealed").done();
    change.end("confirm", "two.sealed").done();
    let status = site.status("first");
    assert_eq!(
        (&status["state"], &status["epoch"]),
        (&"active".into(), &2.into())
    );
    for left in ["pending", "next", "challenge"] {
        assert!(!change.path("first").join(left).exists());
    }

    let header = status["header_digest"].as_str().unwrap();
    let wrong = inspected(&change.path("one.sealed"))["header_digest"].clone();
    let wrong = wrong.as_str().unwrap();
    let adopt = |file: &str, header: &str| {
        let file = change.path(file);
        let line = arguments!["--sealed", file, "--expect-header", header];
        site.hsm("adopt", "second", &line)
    };
    adopt("pending", header).refused(&["release"]);
    adopt("two.sealed", wrong).refused(&["header"]);
    adopt("two.sealed", header).done();
    assert!(
        adopt("two.sealed", header)
            .done()
            .starts_with("already in force\n")
    );
    assert_eq!(site.status("second")["header_digest"], header);
    // Backups of the epoch before are restored.
    let out = change.path("restored-2");
    site.hsm(
        "restore",
        "second",
        &arguments!["--in", backup, "--out", out],
    )
    .done();

    // The next quorum rebuilds the HSM.
    let mut line =
        arguments!["--sealed", two, "--expect-domain", &change.domain, "--keys"].to_vec();
    line.extend(["eve", "fay"].map(|name| change.path(&format!("{name}.key")).into()));
    site.hsm("recover", "third", &line).done();
    assert_eq!(site.status("third")["epoch"], 2);
}

#[test]
fn an_abandoned_proposal_leaves_nothing() {
    let change = Change::new();
    let before = change.site.status("first");
    change.propose();
    change.rotate("abandon", &[]).done();
    assert_eq!(change.site.status("first"), before);
    change.rotate("abandon", &[]).refused(&["active"]);
    for left in ["pending", "next", "challenge"] {
        assert!(!change.path("first").join(left).exists());
    }
    // The next one gets new files, which must have free names.
    secdom(change.proposal()).refused(&["pending", "exists"]);
    assert_eq!(change.site.status("first"), before);
    for name in ["pending", "request"] {
        fs::remove_file(change.path(name)).unwrap();
    }
    change.propose();
}

/// Killed at any system call, a step has been taken or not, and can be taken again or given up.
#[test]
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
fn no_step_is_half_done_wherever_it_is_killed() {
    use crate::killed::{copy_folder, killed_at};

    let change = Change::new();
    let site = &change.site;
    let hsm = change.path("first");
    let mut seen = std::collections::BTreeMap::<(&str, String), usize>::new();
    let mut kill_everywhere =
        |name: &'static str, line: &[OsString], outputs: &[&str], again: &dyn Fn(&str)| {
            let image = change.path("image");
            copy_folder(&hsm, &image);
            // A proposal makes a key, which takes long.
            let stride = if name == "propose" { 3 } else { 1 };
            for point in (0..).step_by(stride) {
                let was_killed = killed_at(point, line, |_| {});
                let state = site.status("first")["state"].as_str().unwrap().to_owned();
                *seen.entry((name, state.clone())).or_default() += 1;
                again(&state);
                for output in outputs {
                    let _ = fs::remove_file(change.path(output));
                }
                if !was_killed {
                    break;
                }
                fs::remove_dir_all(&hsm).unwrap();
                copy_folder(&image, &hsm);
            }
            fs::remove_dir_all(&image).unwrap();
        };

    let proposal = change.proposal();
    kill_everywhere("propose", &proposal, &["pending", "request"], &|state| {
        if state == "rotating" {
            change.rotate("abandon", &[]).done();
        }
        for output in ["pending", "request"] {
            let _ = fs::remove_file(change.path(output));
        }
        secdom(change.proposal()).done();
        change.rotate("abandon", &[]).done();
    });
    change.answered();
    let commit = change.line("commit", &arguments!["--sealed", change.path("two.sealed")]);
    kill_everywhere("commit", &commit, &["two.sealed"], &|_| {
        let _ = fs::remove_file(change.path("two.sealed"));
        change.end("commit", "two.sealed").done();
        assert!(inspected(&change.path("two.sealed"))["pending"] == false);
    });
    change.end("commit", "two.sealed").done();
    let confirm = change.line(
        "confirm",
        &arguments!["--sealed", change.path("two.sealed")],
    );
    kill_everywhere("confirm", &confirm, &[], &|_| {
        change.end("confirm", "two.sealed").done();
        assert_eq!(site.status("first")["epoch"], 2);
    });
    for (step, states) in [
        ("propose", ["active", "rotating"]),
        ("commit", ["rotating", "committed"]),
        ("confirm", ["committed", "active"]),
    ] {
        for state in states {
            let times = seen.get(&(step, state.to_owned()));
            assert!(times.is_some(), "{step} {state}: {seen:?}");
        }
    }
}
