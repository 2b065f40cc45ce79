// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rehearse`: a quorum opens the domain in an HSM that reports and is empty again.

use std::ffi::OsString;

use crate::contribute::inspected;
use crate::simulated::Site;
use crate::{Run, arguments, secdom};

/// An active HSM "first", and an HSM "second" that rehearses with its domain.
struct Rehearsal {
    site: Site,
    domain: String,
    digest: String,
}

impl Rehearsal {
    fn new() -> Self {
        let site = Site::new();
        let domain = site.active("first", "one.sealed");
        let line = arguments![
            "--sealed",
            site.path("one.sealed"),
            "--expect-domain",
            &domain,
            "--request",
            site.path("request")
        ];
        let out = rehearse(&site, "begin", "second", &line).done();
        let digest = out.strip_prefix("request-digest ").unwrap().trim_end();
        Self {
            digest: digest.to_owned(),
            site,
            domain,
        }
    }

    fn contribute(&self, custodian: usize, out: &str) {
        let request = ("request", self.digest.as_str());
        self.site
            .contribute(custodian, "one.sealed", &self.domain, request, out);
    }

    fn add(&self, names: &[&str]) -> Run {
        let files: Vec<OsString> = { names.iter() }
            .map(|name| self.site.path(name).into())
            .collect();
        rehearse(&self.site, "add", "second", &files)
    }

    fn report(&self, hsm: &str) -> Run {
        rehearse(&self.site, "report", hsm, &[])
    }
}

fn rehearse(site: &Site, verb: &str, hsm: &str, more: &[OsString]) -> Run {
    let line = arguments!["rehearse", verb, "--hsm", site.path(hsm)];
    secdom([&line[..], more].concat())
}

#[test]
fn a_quorum_rehearses_and_the_report_is_that_of_the_active_hsm() {
    let rehearsal = Rehearsal::new();
    let site = &rehearsal.site;
    assert_eq!(inspected(&site.path("request"))["purpose"], "rehearse");
    let status = site.status("second");
    assert_eq!(
        (&status["state"], &status["request_digest"]),
        (&"rehearsing".into(), &rehearsal.digest.as_str().into())
    );
    rehearsal
        .report("second")
        .refused(&["0 custodians have contributed, and 2 must"]);
    for (place, out) in [(0, "from-0"), (2, "from-2")] {
        rehearsal.contribute(place, out);
    }
    let said = rehearsal.add(&["from-0"]).done();
    assert!(said.contains("contributed; 1 of 2 shares\n"), "{said}");
    // It is no recovery.
    let from = arguments![site.path("from-2")];
    site.hsm("recover-add", "second", &from)
        .refused(&["the HSM is rehearsing"]);
    let said = rehearsal.add(&["from-0", "from-2"]).done();
    assert!(said.contains("has already contributed; 1 of 2"), "{said}");
    assert!(said.contains("contributed; 2 of 2 shares\n"), "{said}");
    site.is("second", "rehearsing");
    site.plain("recover", "second").unreadable();

    let said = rehearsal.report("second").done();
    let said = said.strip_suffix("the HSM is empty\n").unwrap();
    let want = rehearsal.report("first").done();
    assert_eq!(Some(said), want.strip_suffix("the HSM is active\n"));
    for line in [
        "domain-id ",
        "header-digest ",
        "artifact signing: ",
        "artifact a/b: ",
    ] {
        assert!(said.contains(line), "{said}");
    }
    site.is("second", "empty");
    for left in ["sealed", "pending"] {
        assert!(!site.path("second").join(left).exists(), "{left}");
    }
    rehearsal.report("second").refused(&["the HSM is empty"]);
    rehearsal.add(&["from-0"]).refused(&["the HSM is empty"]);
}

#[test]
fn a_rehearsal_is_cancelled() {
    let rehearsal = Rehearsal::new();
    rehearsal.contribute(1, "from-1");
    rehearsal.add(&["from-1"]).done();
    let out = rehearsal.site.plain("recover-cancel", "second").done();
    assert_eq!(out, "empty\n");
    rehearsal.report("second").refused(&["the HSM is empty"]);
}

/// Killed at any system call, the HSM rehearses still or is empty.
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
#[test]
fn a_report_that_is_killed_leaves_no_domain() {
    use crate::killed::{copy_folder, killed_at};

    let rehearsal = Rehearsal::new();
    for (place, out) in [(0, "from-0"), (1, "from-1")] {
        rehearsal.contribute(place, out);
    }
    rehearsal.add(&["from-0", "from-1"]).done();
    let site = &rehearsal.site;
    let (hsm, before) = (site.path("second"), site.path("before"));
    copy_folder(&hsm, &before);
    let line = arguments!["rehearse", "report", "--hsm", &hsm];
    let (mut rehearsing, mut empty) = (0, 0);
    for point in 0.. {
        std::fs::remove_dir_all(&hsm).unwrap();
        copy_folder(&before, &hsm);
        let was_killed = killed_at(point, &line, |_| {});
        // Both slots are erased before the empty state is written.
        if site.plain("status", "second").code == Some(1) {
            assert!(was_killed);
            site.plain("discard", "second").done();
        }
        match site.status("second")["state"].as_str() {
            Some("rehearsing") => {
                assert!(was_killed);
                rehearsing += 1;
                rehearsal.report("second").done();
            }
            Some("empty") => empty += 1,
            other => panic!("{other:?} at {point}"),
        }
        if !was_killed {
            break;
        }
    }
    assert!(rehearsing > 3 && empty > 3, "{rehearsing} {empty}");
}
