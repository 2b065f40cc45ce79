// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page of a log, and what the policy makes of a log.

use std::ffi::OsString;
use std::fs;

use serde_json::Value;

use crate::rotate::Change;
use crate::simulated::Site;
use crate::{arguments, findings, secdom};

/// An HSM whose custodians' tokens have passed on, one of them twice, and whose log is exported.
fn site() -> (Site, String) {
    let site = Site::new();
    let id = site.active("hsm-1", "domain.sealed");
    let key = |name: &str, last: u8| {
        let seed = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9";
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{seed}{}\n-----END PRIVATE KEY-----\n",
            char::from(last)
        );
        site.folder.write(name, pem)
    };
    let (ann, bob) = (key("ann.key", b'g'), key("bob.key", b'h'));
    let token = site.path("s2048_0.cer");
    for (name, key) in [("Ann", ann), ("Bob <b>", bob)] {
        let line = arguments!["--custodian", token, "--taker", name, "--key", key];
        site.hsm("handoff", "hsm-1", &line).done();
    }
    let lost = site.path("s2048_1.cer");
    let line = arguments!["--custodian", lost, "--kind", "lost"];
    site.hsm("report-lost", "hsm-1", &line).done();
    export(&site);
    (site, id)
}

fn export(site: &Site) {
    let _ = fs::remove_file(site.path("hsm-1.log"));
    let (hsm, log) = (site.path("hsm-1"), site.path("hsm-1.log"));
    secdom(arguments!["ledger", "export", "--hsm", hsm, "--out", log]).done();
}

fn of(site: &Site, id: &str) -> [OsString; 4] {
    arguments![
        "--sealed",
        site.path("domain.sealed"),
        "--expect-domain",
        id
    ]
}

#[test]
fn the_policy_takes_holders_losses_and_reviews_from_the_log() {
    let (site, id) = site();
    let assessed = || {
        let mut line = arguments!["policy", "--json", "--log", site.path("hsm-1.log")].to_vec();
        line.extend(of(&site, &id));
        let out = secdom(line).done();
        let report: Value = serde_json::from_str(&out).unwrap();
        let has = move |code: &str| findings(&out).iter().any(|[_, found, _]| found == code);
        (report, has)
    };
    let (report, has) = assessed();
    assert_eq!(report["custodians"][0]["holder"], "Bob <b>");
    assert_eq!(report["custodians"][0]["may_know"], "1 former holder");
    let loss = report["custodians"][1]["loss"].as_str().unwrap();
    assert!(loss.starts_with("suspended on "), "{loss}");
    assert_eq!(report["result"]["can_contribute"], 2);
    assert_eq!(report["result"]["can_be_lost"], 0);
    for code in [
        "former-holder-may-know",
        "key-lost",
        "no-spare",
        "event-not-reviewed",
        "no-review",
    ] {
        assert!(has(code), "{code}: {report}");
    }
    let line = arguments!["--event", "device-lost", "--close"];
    site.hsm("review", "hsm-1", &line).done();
    export(&site);
    let (report, has) = assessed();
    assert!(!has("event-not-reviewed") && !has("no-review"), "{report}");

    // A log of another domain is refused.
    site.active("hsm-2", "other.sealed");
    let other = site.path("other.log");
    secdom(arguments![
        "ledger",
        "export",
        "--hsm",
        site.path("hsm-2"),
        "--out",
        other
    ])
    .done();
    let mut line = arguments!["readiness", "--log", other].to_vec();
    line.extend(of(&site, &id));
    secdom(line).refused(&["other.log"]);
}

#[test]
fn a_page_of_the_log_has_timeline_custodians_and_findings() {
    let (site, id) = site();
    let page = |name: &str, more: &[OsString]| {
        let path = site.path(name);
        let mut line =
            arguments!["ledger", "show", site.path("hsm-1.log"), "--html", path].to_vec();
        line.extend_from_slice(more);
        let text = secdom(line.clone()).done();
        assert!(
            text.contains("handoff") || text.contains("hand-off"),
            "{text}"
        );
        secdom(line).refused(&[name, "already exists"]);
        fs::read_to_string(path).unwrap()
    };
    let alone = page("alone.html", &[]);
    for words in [
        ">Timeline<",
        ">Custodians<",
        "Bob &lt;b&gt;",
        "Ann",
        "activate",
    ] {
        assert!(alone.contains(words), "{words} in {alone}");
    }
    assert!(
        !alone.contains(">Findings<") && !alone.contains("<b>"),
        "{alone}"
    );
    let whole = page("whole.html", &of(&site, &id));
    for words in [">Findings<", "no-spare", ">Timeline<", "Bob &lt;b&gt;", &id] {
        assert!(whole.contains(words), "{words} in {whole}");
    }
}

#[test]
fn a_log_says_which_file_is_in_use() {
    let change = Change::activated_with(&[]);
    let site = &change.site;
    let export = |name: &str| {
        let (hsm, log) = (site.path("first"), site.path(&format!("{name}.log")));
        secdom(arguments!["ledger", "export", "--hsm", hsm, "--out", log]).done();
        let checkpoint = site.path(&format!("{name}.checkpoint"));
        secdom(arguments!["ledger", "checkpoint", log, "--out", checkpoint]).done();
    };
    let readiness = |file: &str, log: &str, more: &[OsString]| {
        let mut line = arguments![
            "readiness",
            "--json",
            "--sealed",
            site.path(file),
            "--expect-domain",
            change.domain,
            "--log",
            site.path(&format!("{log}.log"))
        ]
        .to_vec();
        line.extend_from_slice(more);
        let run = secdom(line);
        let report: Value = serde_json::from_str(&run.out).unwrap();
        let codes = findings(&run.out).into_iter();
        let codes: Vec<_> = codes.map(|[_, code, _]| code).collect();
        (run.code, codes, report)
    };
    let has = |codes: &[String], code: &str| codes.iter().any(|one| one == code);
    export("before");
    let (code, codes, _) = readiness("one.sealed", "before", &[]);
    assert_eq!(code, Some(0));
    assert!(
        has(&codes, "no-checkpoint") && has(&codes, "no-drill"),
        "{codes:?}"
    );
    change.answered();
    change.end("commit", "two.sealed").done();
    change.end("confirm", "two.sealed").done();
    export("after");

    let (code, codes, _) = readiness("one.sealed", "after", &[]);
    assert_eq!(code, Some(1));
    assert!(has(&codes, "superseded"), "{codes:?}");
    let (code, codes, _) = readiness("two.sealed", "before", &[]);
    assert_eq!(code, Some(0));
    assert!(has(&codes, "not-adopted"), "{codes:?}");
    // The rotation's proofs count as drills of the new shares.
    let kept = arguments!["--checkpoint", site.path("before.checkpoint")];
    let (code, codes, report) = readiness("two.sealed", "after", &kept);
    assert_eq!(code, Some(0));
    for code in [
        "superseded",
        "not-adopted",
        "no-checkpoint",
        "no-drill",
        "unsure",
    ] {
        assert!(!has(&codes, code), "{code} in {codes:?}");
    }
    assert_eq!(report["custodians"][0]["proved"], "key and share");
    // An export that was cut is refused.
    let later = arguments!["--checkpoint", site.path("after.checkpoint")];
    let mut line = arguments!["policy", "--log", site.path("before.log")].to_vec();
    line.extend(arguments![
        "--sealed",
        site.path("one.sealed"),
        "--expect-domain",
        change.domain
    ]);
    line.extend(later);
    secdom(line).refused(&["before.log"]);
}
