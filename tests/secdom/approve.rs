// SPDX-License-Identifier: MIT OR Apache-2.0
//! `approve`: what a custodian approves, and what is refused before a key is used.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use getrandom::SysRng;
use security_domain::approval::{Act, ActKind, ActSubject, ActTerms, Approval, Approvals};
use security_domain::sealed_domain::{Epoch, ExpectedDomain, SealedDomain};

use crate::contribute::inspected;
use crate::drill_sealed::{bytes, decrypted};
use crate::keygen::keygen;
use crate::kinds::sealed_to;
use crate::simulated::Site;
use crate::two_keys::{Ceremony, both, certificate};
use crate::{Run, arguments, secdom, tool};

/// In the year 2200.
const LATE: u64 = 7_258_118_400;

/// A sealed domain with three custodians, two of whom are a quorum, and acts of its HSM.
struct Acts<'s> {
    site: &'s Site,
    sealed: PathBuf,
    domain: String,
}

impl<'s> Acts<'s> {
    fn new(site: &'s Site, name: &str) -> Self {
        let sealed = format!("{name}.sealed");
        let domain = site.active(name, &sealed);
        let sealed = site.path(&sealed);
        Self {
            site,
            sealed,
            domain,
        }
    }

    /// Writes an act.
    fn act(&self, name: &str, kind: ActKind, expires: u64) {
        let file = fs::read(&self.sealed).unwrap();
        let sealed = SealedDomain::parse(&file).unwrap();
        let terms = ActTerms {
            kind,
            instance: sealed.header().instance(),
            subject: ActSubject::NONE,
            created: 1_790_000_000,
            expires,
        };
        let mut out = [0; Act::MAX_LEN];
        let act = Act::write(&sealed, &terms, &mut SysRng, &mut out).unwrap();
        self.site.folder.write(name, act.as_bytes());
    }

    fn line(&self, act: &str, source: &[OsString], out: &str) -> Vec<OsString> {
        let (sealed, domain, act) = (&self.sealed, &self.domain, self.site.path(act));
        let out = if out == "-" {
            out.into()
        } else {
            self.site.path(out)
        };
        let line = arguments!["approve", "--sealed", sealed, "--expect-domain", domain];
        let more = arguments!["--act", act, "--out", out];
        [&line[..], &more, source].concat()
    }

    fn approve(&self, act: &str, source: &[OsString], out: &str) -> Run {
        secdom(self.line(act, source, out))
    }

    /// What the HSM says to these approvals.
    fn approved(&self, act: &str, approvals: &[&str]) -> Result<u8, String> {
        let [file, act] = [&self.sealed, &self.site.path(act)].map(|path| fs::read(path).unwrap());
        let (sealed, act) = (
            SealedDomain::parse(&file).unwrap(),
            Act::parse(&act).unwrap(),
        );
        let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
        let mut collected = Approvals::new(&sealed, &expect, &act).unwrap();
        for name in approvals {
            let approval = fs::read(self.site.path(name)).unwrap();
            let added = collected.add(&Approval::parse(&approval).unwrap(), 0);
            added.map_err(|error| error.to_string())?;
        }
        let approved = collected.enough(0).map_err(|error| error.to_string())?;
        let spent = approved.spend(act.kind(), act.digest(), || ());
        spent.map_err(|error| error.to_string())?;
        Ok(collected.count())
    }
}

#[test]
fn custodians_see_an_act_and_approve_it() {
    let site = Site::new();
    let acts = Acts::new(&site, "first");
    acts.act("act", ActKind::FullBackup, LATE);
    let shown = inspected(&site.path("act"));
    assert_eq!(
        (&shown["format"], &shown["kind"]),
        (&"act".into(), &"write a full backup".into())
    );
    assert_eq!(
        (&shown["domain_id"], &shown["epoch"]),
        (&acts.domain.as_str().into(), &1.into())
    );
    assert_eq!(shown["expires"], "2200-01-01T00:00:00Z");
    let digest = shown["act_digest"].as_str().unwrap();
    let id = inspected(&acts.sealed)["custodians"][0]["id"].clone();

    let run = acts.approve("act", &arguments!["--key", site.key(0)], "ada");
    assert_eq!(run.code, Some(0), "{run:?}");
    let end = format!(
        "approval of custodian {} of act {digest}: write a full backup\n",
        id.as_str().unwrap()
    );
    assert!(run.out.ends_with(&end), "{run:?}");
    // The act, before the key was used.
    let lines: Vec<_> = run.err.lines().collect();
    assert_eq!(lines[0], format!("act {digest}: write a full backup"));
    assert_eq!(lines[1], format!("domain-id {}", acts.domain));
    assert_eq!((lines[2], lines[4]), ("epoch 1", "subject the domain"));
    let instance = shown["instance_id"].as_str().unwrap();
    assert_eq!(lines[3], format!("instance-id {instance}"));
    assert_eq!(lines[5], "created 2026-09-21T14:13:20Z");
    assert_eq!(lines[6..], ["expires 2200-01-01T00:00:00Z"]);

    let shown = inspected(&site.path("ada"));
    assert_eq!(
        (&shown["format"], &shown["index"]),
        (&"approval".into(), &1.into())
    );
    assert_eq!(shown["act_digest"], digest);
    let too_few = acts.approved("act", &["ada"]).unwrap_err();
    assert!(too_few.contains("1 of the 2"), "{too_few}");
    let key = arguments!["--key", site.key(2), "--json"];
    let run = acts.approve("act", &key, "cleo");
    let object: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(object["kind"], "write a full backup");
    assert_eq!(object["act_digest"], digest);
    assert_eq!(acts.approved("act", &["ada", "cleo"]), Ok(2));
    let twice = acts.approved("act", &["ada", "ada"]).unwrap_err();
    assert!(twice.contains("already approved"), "{twice}");

    // Nothing is overwritten, and the act is not shown in vain.
    let before = fs::read(site.path("ada")).unwrap();
    acts.approve("act", &arguments!["--key", site.key(0)], "ada")
        .refused(&["ada", "exists"]);
    assert_eq!(fs::read(site.path("ada")).unwrap(), before);

    let line = acts.line("act", &arguments!["--key", site.key(0)], "-");
    let piped = tool().args(line).stdout(Stdio::piped()).output().unwrap();
    assert!(piped.status.success());
    assert_eq!(
        Approval::parse(&piped.stdout).unwrap().act().to_string(),
        digest
    );
}

#[test]
fn an_act_that_is_not_for_the_custodian_is_refused_before_a_key_is_used() {
    let site = Site::new();
    let (acts, other) = (Acts::new(&site, "first"), Acts::new(&site, "second"));
    other.act("foreign", ActKind::EmitRelease, LATE);
    acts.act("expired", ActKind::EmitRelease, 1_790_000_001);
    acts.act("act", ActKind::EmitRelease, LATE);
    let mut unknown = fs::read(site.path("act")).unwrap();
    assert_eq!(unknown[2], 1);
    unknown[2] = 9;
    site.folder.write("unknown", unknown);
    let no_key = arguments!["--key", site.path("nowhere")];
    let domain = &other.domain[..];
    for (act, words) in [
        ("foreign", ["the act is for domain", domain]),
        ("expired", ["the act expired at 1790000001", "it is"]),
        ("unknown", ["unknown", "acts of kind 9 are unknown"]),
        (
            "first.sealed",
            ["a sealed domain", "an act to approve is expected"],
        ),
    ] {
        acts.approve(act, &no_key, "none").refused(&words);
    }
    let mut line = acts.line("act", &no_key, "none");
    line[4] = domain.into();
    secdom(line).refused(&["first.sealed", domain]);
    acts.approve("act", &[], "none").unreadable();
    assert!(!site.path("none").exists());

    // Spent on another act of the same domain.
    acts.act("again", ActKind::EmitRelease, LATE);
    let key = |custodian| arguments!["--key", site.key(custodian)];
    assert_eq!(acts.approve("act", &key(0), "ada").code, Some(0));
    assert_eq!(acts.approve("again", &key(1), "bob").code, Some(0));
    let refused = acts.approved("act", &["ada", "bob"]).unwrap_err();
    assert!(refused.contains("is of act"), "{refused}");
    // The files that are nearest to it.
    acts.approve("ada", &no_key, "none")
        .refused(&["ada", "an approval", "an act to approve"]);
}

#[test]
fn tokens_and_every_kind_of_key_approve() {
    let site = Site::new();
    let [x, public] = keygen(&site.folder, "x-wing");
    let custodians = [public, certificate(&site, 1), certificate(&site, 2)];
    let (sealed, domain, _) = sealed_to(&site, "first", &custodians);
    let site = &site;
    let acts = Acts {
        site,
        sealed,
        domain,
    };
    acts.act("act", ActKind::VetoBreakGlass, LATE);
    let run = acts.approve("act", &arguments!["--key", x], "x");
    assert_eq!(run.code, Some(0), "{run:?}");
    // A token unwrapped the share.
    let share = bytes(&inspected(&acts.sealed)["custodians"][1]["wrapped_share"]);
    let share = site.folder.write("share", decrypted(&site.key(1), &share));
    let run = acts.approve("act", &arguments!["--share", share], "token");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(acts.approved("act", &["x", "token"]), Ok(2));

    let ceremony = Ceremony::new("x-wing");
    let (site, other) = (&ceremony.site, &ceremony.other);
    let acts = Acts {
        site,
        sealed: ceremony.sealed.clone(),
        domain: ceremony.domain.clone(),
    };
    acts.act("act", ActKind::CloseReview, LATE);
    let pair = |at: usize| arguments!["--key", ceremony.pair(at)];
    let run = acts.approve("act", &pair(1), "both");
    assert_eq!(run.code, Some(0), "{run:?}");
    let part = bytes(&inspected(&acts.sealed)["custodians"][0]["rsa_part"]);
    let share = site.folder.write("share", decrypted(&site.key(0), &part));
    let key: &Path = &both(&certificate(site, 0), &other[0][0]);
    let half = arguments!["--key", key, "--share", share];
    let run = acts.approve("act", &half, "half");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(acts.approved("act", &["both", "half"]), Ok(2));
}
