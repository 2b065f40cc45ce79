// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `secdom policy` says of a quorum.

use security_domain::sealed_domain::SealedDomain;
use serde_json::Value;

use crate::simulated::{CUSTODIANS, Site};
use crate::{Run, arguments, findings, secdom, vector};

/// A domain, and the ids of its custodians.
struct Domain {
    site: Site,
    id: String,
    custodians: Vec<String>,
}

fn domain() -> Domain {
    let site = Site::new();
    let id = site.active("hsm-1", "domain.sealed");
    let out = secdom(arguments!["inspect", site.path("domain.sealed"), "--json"]).done();
    let facts: Value = serde_json::from_str(&out).unwrap();
    let custodians = facts["custodians"].as_array().unwrap().iter();
    let custodians = custodians.map(|one| one["id"].as_str().unwrap().to_owned());
    let custodians = custodians.collect();
    Domain {
        site,
        id,
        custodians,
    }
}

impl Domain {
    fn policy(&self, more: &[std::ffi::OsString]) -> Run {
        let mut line = arguments![
            "policy",
            "--sealed",
            self.site.path("domain.sealed"),
            "--expect-domain",
            self.id
        ]
        .to_vec();
        line.extend_from_slice(more);
        secdom(line)
    }

    fn roster(&self, text: &str) -> [std::ffi::OsString; 2] {
        let path = self.site.path("roster.json");
        std::fs::write(&path, text).unwrap();
        arguments!["--roster", path]
    }
}

fn has(out: &str, code: &str, about: &str) -> bool {
    let mut findings = findings(out).into_iter();
    findings.any(|[_, found, of]| found == code && of == about)
}

#[test]
fn a_quorum_of_which_nothing_is_known_is_assessed() {
    let domain = domain();
    let out = domain.policy(&arguments!["--json"]).done();
    let codes: Vec<_> = { findings(&out).into_iter() }
        .map(|[severity, code, about]| format!("{severity} {code} {about}"))
        .collect();
    assert_eq!(
        codes,
        [
            "warn two-are-enough ",
            "warn weak-key custodian 1",
            "warn no-drill custodian 1",
            "warn weak-key custodian 2",
            "warn no-drill custodian 2",
            "warn weak-key custodian 3",
            "warn no-drill custodian 3",
            "warn no-review ",
            "note quantum-opens ",
        ]
    );
    let text = domain.policy(&[]).done();
    assert!(text.starts_with("result          warn\n"), "{text}");
    assert!(text.contains("\nquorum          2 of 3\n"), "{text}");
    assert!(
        text.contains(
            "weak-key  custodian 1  the key has less than 128 bits of security  \
             NIST SP 800-57 part 1, section 5.6.3\n"
        ),
        "{text}"
    );
}

#[test]
fn certificates_and_a_roster_say_who_holds_what() {
    let domain = domain();
    let [one, two, three] = [0, 1, 2].map(|place| domain.custodians[place].clone());
    let roster = format!(
        r#"[{{"custodian": "{one}", "holder": "Ada", "place": "Oslo", "role": "auditor"}},
            {{"custodian": "{two}", "holder": "Ben", "place": "Oslo", "role": "auditor", "since": "2020-01-31"}},
            {{"custodian": "{three}", "holder": "Ada", "role": "auditor"}}]"#
    );
    let mut line = domain.roster(&roster).to_vec();
    line.extend(arguments!["--json", "--at", "2026-11-01", "--certs"]);
    line.extend(CUSTODIANS.map(|name| domain.site.path(&format!("{name}.cer")).into()));
    let out = domain.policy(&line).done();
    for (code, about, expected) in [
        ("same-holder", "custodians 1 and 3", true),
        ("same-place", "custodians 1 and 2", true),
        ("same-role", "", true),
        ("old-key", "custodian 2", true),
        ("same-place", "custodians 2 and 3", false),
    ] {
        assert_eq!(has(&out, code, about), expected, "{code} {about} {out}");
    }
    let report: Value = serde_json::from_str(&out).unwrap();
    let second = &report["custodians"][1];
    assert_eq!(second["id"], Value::from(two));
    assert_eq!(
        (&second["holder"], &second["place"], &second["share"]),
        (&"Ben".into(), &"Oslo".into(), &2.into())
    );
    assert_eq!(report["result"]["as_of"], "2026-11-01T00:00:00Z");

    // Long after, the certificates have expired; long before, they are not valid.
    for (at, code) in [
        ("2126-01-01", "expired"),
        ("1999-12-31T23:59:59Z", "not-yet-valid"),
    ] {
        let place = line.iter().position(|one| one == "--at").unwrap() + 1;
        line[place] = at.into();
        let out = domain.policy(&line).done();
        assert!(has(&out, code, "custodian 1"), "{out}");
    }
    // A longer cryptoperiod.
    line.extend(arguments!["--key-days", "99999"]);
    let place = line.iter().position(|one| one == "--at").unwrap() + 1;
    line[place] = "2026-11-01".into();
    assert!(!has(&domain.policy(&line).done(), "old-key", "custodian 2"));
}

#[test]
fn a_roster_that_cannot_be_meant_is_named() {
    let domain = domain();
    let [one, two] = [0, 1].map(|place| domain.custodians[place].clone());
    let other = "00".repeat(32);
    for (roster, words) in [
        ("{}", vec!["roster.json"]),
        (r#"[{"custodian": "12"}]"#, vec!["\"12\"", "no share"]),
        (r#"[{"holder": "Ada"}]"#, vec!["entry 1", "custodian"]),
        (
            &format!(r#"[{{"custodian": "{one}"}}, {{"custodian": "{two}", "town": "Oslo"}}]"#),
            vec!["entry 2", "town"],
        ),
        (
            &format!(r#"[{{"custodian": "{one}"}}, {{"custodian": "{one}"}}]"#),
            vec!["entry 2", "twice"],
        ),
        (
            &format!(r#"[{{"custodian": "{one}", "since": "31.1.2020"}}]"#),
            vec!["entry 1", "since"],
        ),
        (
            &format!(r#"[{{"custodian": "{other}"}}]"#),
            vec!["roster.json", &other, "no share"],
        ),
    ] {
        domain.policy(&domain.roster(roster)).refused(&words);
    }
    let strange = domain.site.folder.custodian("s2048_3", "strange");
    let line = arguments!["--certs", strange.with_extension("cer")];
    domain.policy(&line).refused(&["strange.cer", "no share"]);
}

#[test]
fn a_grave_finding_is_exit_code_1() {
    let site = Site::new();
    site.init("hsm-1");
    let sealed = site.path("domain.sealed");
    site.activate_to("hsm-1", &sealed, "3").done();
    let status = site.status("hsm-1");
    let id = status["domain_id"].as_str().unwrap();
    let line = arguments![
        "policy",
        "--sealed",
        sealed,
        "--expect-domain",
        id,
        "--json"
    ];
    let out = secdom(line).done();
    assert!(has(&out, "no-spare", ""), "{out}");
    let other = "11".repeat(32);
    secdom(arguments![
        "policy",
        "--sealed",
        sealed,
        "--expect-domain",
        other
    ])
    .refused(&["domain.sealed"]);

    // A share that was changed leaves two of three.
    let mut bytes = std::fs::read(&sealed).unwrap();
    let file = SealedDomain::parse(&bytes).unwrap();
    let (_, share) = file.wrapped_shares().nth(1).unwrap();
    let share = share.as_bytes();
    let place = bytes.windows(share.len()).position(|part| part == share);
    bytes[place.unwrap() + 5] ^= 1;
    let changed = site.folder.write("changed.sealed", bytes);
    let line = arguments![
        "readiness",
        "--sealed",
        changed,
        "--expect-domain",
        id,
        "--json"
    ];
    let run = secdom(line);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(
        run.err,
        "secdom: 1 finding of the severity refuse: share-damaged\n"
    );
    assert_eq!(
        findings(&run.out)[0],
        ["refuse", "share-damaged", "file"].map(String::from)
    );
}

#[test]
fn the_custodians_of_a_managed_hsm_are_known_by_thumbprint() {
    let folder = crate::Folder::new();
    folder.custodian("s2048_0", "ada");
    let file = vector("valid/v01-2of3-2048/sd.json");
    let facts = secdom(arguments!["inspect", file, "--json"]).done();
    let facts: Value = serde_json::from_str(&facts).unwrap();
    let thumbprint = facts["custodians"][1]["thumbprint"].as_str().unwrap();
    let roster = folder.write(
        "roster.json",
        format!(r#"[{{"custodian": "{thumbprint}", "holder": "Ben"}}]"#),
    );
    let ada = folder.join("ada.cer");
    let line = arguments![
        "policy",
        "--sd-file",
        file,
        "--certs",
        ada,
        "--roster",
        roster,
        "--json"
    ];
    let out = secdom(line).done();
    assert!(has(&out, "weak-key", "custodian 3"), "{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let custodians = &report["custodians"];
    assert_eq!(custodians[1]["holder"], "Ben");
    let holder = |place: usize| custodians[place]["holder"].as_str();
    assert!(holder(0).unwrap().starts_with("CN="), "{out}");
    assert_eq!(holder(2), None);
    assert!(!custodians[0]["valid_until"].is_null());
    folder.custodian("s3072_0", "strange");
    let strange = folder.join("strange.cer");
    secdom(arguments!["policy", "--sd-file", file, "--certs", strange])
        .refused(&["strange.cer", "no custodian"]);
}
