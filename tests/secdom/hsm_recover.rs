// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm`: activated, destroyed, and recovered by custodians who never meet, or who do.

use std::fs;

use crate::contribute::inspected;
use crate::simulated::{CUSTODIANS, Site};
use crate::{arguments, fixture, key, secdom};

#[test]
fn custodians_who_never_meet_recover_a_domain() {
    let site = Site::new();
    let domain = site.active("first", "sealed");
    fs::remove_dir_all(site.path("first")).unwrap();

    let digest = site.recovering("second", "sealed", &domain, "request");
    let request = ("request", digest.as_str());
    site.contribute(2, "sealed", &domain, request, "c2");
    site.contribute(0, "sealed", &domain, request, "c0");
    let out = site.add("second", &["c2"]).done();
    assert!(out.contains("1 of 2 shares"), "{out}");
    let status = site.status("second");
    assert_eq!(
        (&status["state"], &status["needed"]),
        (&"recovering".into(), &2.into())
    );
    let [contributed] = status["contributed"].as_array().unwrap().as_slice() else {
        panic!("{status}");
    };
    let id = contributed["custodian"].as_str().unwrap();
    assert!(contributed["subject"].is_null());
    let certificate = site.path(&format!("{}.cer", CUSTODIANS[2]));
    let certs = arguments!["--certs", certificate];
    let named = site.hsm("status", "second", &certs).done();
    assert!(
        named.contains(&format!(
            "contributed     {id} \"CN=TEST ONLY shared-set s2048_2\""
        )),
        "{named}"
    );
    let named = site.hsm(
        "status",
        "second",
        &[&certs[..], &arguments!["--json"]].concat(),
    );
    assert!(
        named
            .done()
            .contains(r#""subject": "CN=TEST ONLY shared-set s2048_2""#)
    );
    // The same again changes nothing.
    let out = site.add("second", &["c2"]).done();
    assert!(
        out.contains("already") && out.contains("1 of 2 shares"),
        "{out}"
    );
    assert_eq!(site.status("second"), status);

    let out = site.add("second", &["c0"]).done();
    assert!(
        out.contains("active\n") && out.contains(&format!("domain-id {domain}\n")),
        "{out}"
    );
    site.has_the_secrets("second");
    assert_eq!(site.status("second")["domain_id"], domain);
    assert_eq!(
        site.events("second"),
        ["begin-recovery", "contribute", "contribute", "recover"]
    );
    site.add("second", &["c0"]).refused(&["second", "active"]);

    // A session is ended before another begins.
    site.recovering("third", "sealed", &domain, "third-request");
    site.begin("third", "sealed", &domain, "again").refused(&[
        "third",
        "recovering",
        "empty",
        "recover-cancel",
    ]);
    site.import_begin("third", "t.pem", &["first"])
        .refused(&["recovering", "recover-cancel"]);
    site.plain("recover-cancel", "third").done();
    site.recovering("third", "sealed", &domain, "again");
}

#[test]
fn a_refused_contribution_leaves_the_session_as_it_was() {
    let site = Site::new();
    let domain = site.active("first", "sealed");
    let digest = site.recovering("second", "sealed", &domain, "request");
    let other = site.recovering("third", "sealed", &domain, "other-request");
    site.contribute(0, "sealed", &domain, ("request", &digest), "c0");
    site.contribute(1, "sealed", &domain, ("request", &digest), "c1");
    site.contribute(1, "sealed", &domain, ("other-request", &other), "replayed");
    let mut forged = fs::read(site.path("c1")).unwrap();
    *forged.last_mut().unwrap() ^= 1;
    site.folder.write("forged", forged);
    site.folder
        .write("cut", &fs::read(site.path("c1")).unwrap()[..300]);

    site.add("second", &["c0"]).done();
    let before = site.status("second");
    for (name, words) in [
        ("replayed", "answers request"),
        ("forged", "claims to be"),
        ("cut", "cut"),
        ("missing", "no such file"),
        ("sealed", "sealed"),
    ] {
        site.add("second", &[name]).refused(&[name, words]);
        assert_eq!(site.status("second"), before);
    }
    // The good one among the bad is taken, the quorum is met, and the bad ones are named.
    let run = site.add("second", &["forged", "c1", "replayed"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.out.contains("contributed") && run.out.contains("active"),
        "{run:?}"
    );
    assert_eq!(run.err.lines().count(), 2, "{run:?}");
    assert!(
        run.err.contains("forged") && run.err.contains("replayed"),
        "{run:?}"
    );
    site.has_the_secrets("second");
}

#[test]
fn a_cancelled_session_is_over_and_its_contributions_with_it() {
    let site = Site::new();
    let domain = site.active("first", "sealed");
    let begun = |request: &str| {
        let out = site.begin("second", "sealed", &domain, request).done();
        out.trim_end()
            .strip_prefix("request-digest ")
            .unwrap()
            .to_owned()
    };
    let digest = begun("request");
    site.contribute(0, "sealed", &domain, ("request", &digest), "c0");
    site.add("second", &["c0"]).done();
    site.plain("recover-cancel", "second").done();
    site.is("second", "empty");
    assert!(!site.path("second/sealed").exists());
    site.add("second", &["c0"]).refused(&["second", "empty"]);
    site.plain("recover-cancel", "second")
        .refused(&["second", "empty"]);
    begun("request-2");
    site.add("second", &["c0"])
        .refused(&["c0", "answers request"]);
}

#[test]
fn a_quorum_at_one_place_recovers_a_domain() {
    let site = Site::new();
    let domain = site.active("first", "sealed");
    site.recover("second", "sealed", &domain, &[1])
        .refused(&["1 share", "2 are required"]);
    site.recover("second", "sealed", &domain, &[1, 1])
        .refused(&["s2048_1.key", "is given twice"]);
    site.recover("second", "sealed", &"0".repeat(64), &[0, 1])
        .refused(&["sealed", "domain"]);
    let stranger = secdom(arguments![
        "hsm",
        "recover",
        "--hsm",
        site.path("second"),
        "--sealed",
        site.path("sealed"),
        "--expect-domain",
        domain,
        "--keys",
        key("s3072_0"),
        key("s2048_0"),
    ]);
    stranger.refused(&["s3072_0.key", "no share"]);
    assert!(!site.path("second").exists(), "none was made");

    let out = site.recover("second", "sealed", &domain, &[2, 0]).done();
    assert!(out.starts_with("active\n"), "{out}");
    site.has_the_secrets("second");
    site.recover("second", "sealed", &domain, &[2, 0])
        .refused(&["second", "active"]);
}

#[test]
fn a_key_that_cannot_be_used_is_left_out_if_others_suffice() {
    let site = Site::new();
    let domain = site.active("first", "sealed");
    let bad = site.folder.write("bad.key", "no key");
    let encrypted = site.folder.write(
        "encrypted.key",
        fs::read(fixture("pbes1-md5-des.key")).unwrap(),
    );
    for (file, why) in [
        (bad.clone(), "bad.key: holds no private key"),
        (site.path("none.key"), "none.key: no such file"),
        (encrypted, "no password is given"),
        (key("s3072_0"), "opens no share"),
        (site.key(0), "is given twice"),
    ] {
        let mut line = site.recover_line("second", "sealed", &domain, &[0, 1]);
        line.push(file.into());
        let run = secdom(line);
        assert_eq!((run.code, run.err.lines().count()), (Some(0), 1), "{run:?}");
        assert!(
            run.err.contains("left out: ") && run.err.contains(why),
            "{run:?}"
        );
        site.has_the_secrets("second");
        for folder in ["second", "second-artifacts"] {
            fs::remove_dir_all(site.path(folder)).unwrap();
        }
    }
    // Too few are left: each is named.
    let mut line = site.recover_line("second", "sealed", &domain, &[0]);
    line.extend(arguments![bad, site.path("none.key")]);
    secdom(line).refused(&["bad.key: holds no private key", "none.key: no such file"]);
    assert!(!site.path("second").exists());
}

/// A wrong share is named, and the others do.
#[test]
fn a_changed_share_at_one_place_is_left_out() {
    let site = Site::new();
    let domain = site.active("first", "sealed");
    let mut bytes = fs::read(site.path("sealed")).unwrap();
    // The first wrapped share follows the header; each has 256 bytes, and is not under the signature
    // but for its digest.
    let shares = bytes
        .windows(3)
        .position(|head| head == [0x83, 0x59, 0x01])
        .unwrap();
    bytes[shares + 100] ^= 1;
    site.folder.write("changed", bytes);
    site.recover("second", "changed", &domain, &[0, 1])
        .refused(&["s2048_0.key", "wrong"]);
    let run = site.recover("second", "changed", &domain, &[0, 1, 2]);
    assert_eq!((run.code, run.err.lines().count()), (Some(0), 1), "{run:?}");
    assert!(run.err.contains("s2048_0.key"), "{run:?}");
    site.has_the_secrets("second");
}

#[test]
fn what_begins_no_recovery() {
    let site = Site::new();
    let domain = site.active("first", "sealed");
    site.begin("first", "sealed", &domain, "request")
        .refused(&["first", "active"]);
    let other = site.active("other", "other-sealed");
    site.begin("second", "sealed", &other, "request")
        .refused(&["sealed", "domain"]);
    site.begin("second", "signing.bin", &domain, "request")
        .refused(&["signing.bin"]);
    site.begin("second", "sealed", &domain, "none/request")
        .refused(&["none", "none does not exist"]);
    site.folder.write("taken", b"");
    site.begin("second", "sealed", &domain, "taken")
        .refused(&["taken", "exists"]);
    site.begin("second", "sealed", "abc", "request")
        .unreadable();
    assert!(!site.path("second").exists() && !site.path("request").exists());
    site.init("second");
    site.begin("second", "sealed", &domain, "request")
        .refused(&["second", "provisioned", "empty"]);
}

#[test]
fn a_session_ends_by_itself() {
    let site = Site::new();
    let domain = site.active("first", "sealed");
    let out = site
        .begin_for("second", "sealed", &domain, "request", "1")
        .done();
    let digest = out.trim_end().strip_prefix("request-digest ").unwrap();
    let expires = inspected(&site.path("request"))["expires"].clone();
    assert!(expires.is_string());
    // The last second counts as well.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let late = site.answer(0, "sealed", &domain, ("request", digest), "late");
    late.refused(&["request", "expired"]);
    site.is("second", "empty");
    assert_eq!(site.events("second"), ["begin-recovery", "end-session"]);
}
