// SPDX-License-Identifier: MIT OR Apache-2.0
//! `drill challenge`, `respond` and `verify`: what the custodians of a sealed domain prove, and
//! what proves nothing.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64ct::{Base64, Encoding};
use getrandom::SysRng;
use security_domain::rsa::PrivateKey;
use serde_json::{Value, json};

use crate::contribute::{file, inspected};
use crate::keygen::keygen;
use crate::kinds::sealed_to;
use crate::simulated::{CUSTODIANS, Site};
use crate::two_keys::{Ceremony, both, certificate};
use crate::{Run, arguments, secdom, tool};

/// A sealed domain with three custodians, two of whom are a quorum.
struct Drill<'s> {
    site: &'s Site,
    sealed: PathBuf,
    domain: String,
}

impl<'s> Drill<'s> {
    /// A domain whose custodians have RSA keys.
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

    fn line(&self, verb: &str) -> Vec<OsString> {
        let (sealed, domain) = (&self.sealed, &self.domain);
        let line = arguments!["drill", verb, "--sealed", sealed, "--expect-domain", domain];
        line.to_vec()
    }

    fn challenge(&self, out: &str, custodians: &[PathBuf]) -> Run {
        let mut line = self.line("challenge");
        line.extend(arguments!["--out", self.site.path(out)]);
        if !custodians.is_empty() {
            line.push("--custodians".into());
            line.extend(custodians.iter().map(Into::into));
        }
        secdom(line)
    }

    fn respond(&self, challenge: &str, source: &[OsString], out: &str) -> Run {
        let (challenge, out) = (self.site.path(challenge), self.site.path(out));
        let mut line = self.line("respond");
        line.extend(arguments!["--challenge", challenge, "--out", out]);
        line.extend_from_slice(source);
        secdom(line)
    }

    /// The response of a custodian with an RSA key.
    fn respond_as(&self, custodian: usize, challenge: &str, out: &str) -> Run {
        self.respond(
            challenge,
            &arguments!["--key", self.site.key(custodian)],
            out,
        )
    }

    fn verify(&self, challenge: &str, responses: &[&str], more: &[OsString]) -> Run {
        let mut line = self.line("verify");
        line.extend(arguments!["--challenge", self.site.path(challenge)]);
        line.extend(responses.iter().map(|name| self.site.path(name).into()));
        line.extend_from_slice(more);
        secdom(line)
    }

    fn proves(&self, challenge: &str, response: &str) -> Value {
        let run = self.verify(challenge, &[response], &arguments!["--json"]);
        let verified: Value = serde_json::from_str(&run.done()).unwrap();
        assert_eq!(verified["without_response"].as_array().unwrap().len(), 2);
        verified["responses"][0]["proof"].clone()
    }
}

/// Done, with one line on stderr that says that the share alone is shown.
#[track_caller]
fn shows_the_share_alone(run: &Run, why: &str) {
    assert_eq!((run.code, run.err.lines().count()), (Some(0), 1), "{run:?}");
    let note = ": the response shows only that the share is known\n";
    assert!(run.err.contains(why) && run.err.ends_with(note), "{run:?}");
    assert!(run.out.ends_with(": share known\n"), "{run:?}");
}

/// What the RSA key in a file decrypts.
pub fn decrypted(key: &Path, wrapped: &[u8]) -> Vec<u8> {
    let pem = fs::read_to_string(key).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let mut der = vec![0; body.len()];
    let der = Base64::decode(&body, &mut der).unwrap();
    let key = PrivateKey::from_pkcs8_der(der).unwrap();
    let mut out = vec![0; 96];
    let length = key.decrypt_oaep_sha256(b"", wrapped, &mut SysRng, &mut out);
    out.truncate(length.unwrap());
    out
}

pub fn bytes(base64: &Value) -> Vec<u8> {
    let base64 = base64.as_str().unwrap();
    let mut bytes = vec![0; base64.len()];
    Base64::decode(base64, &mut bytes).unwrap().to_vec()
}

#[test]
fn custodians_prove_key_and_share_or_that_the_share_is_known() {
    let site = Site::new();
    let drill = Drill::new(&site, "first");
    let certificates = [0, 1].map(|at| certificate(&site, at));
    let said = drill.challenge("challenge", &certificates).done();
    let custodians = inspected(&drill.sealed)["custodians"].clone();
    let id = |at: usize| custodians[at]["id"].as_str().unwrap();
    let file = site.path("s2048_0.cer");
    for line in [
        format!("custodian {} ({}): key and share\n", id(0), file.display()),
        format!("custodian {}: share known\n", id(2)),
        "module \"secdom\", opened by every version\n".into(),
    ] {
        assert!(said.contains(&line), "{said}");
    }
    let shown = inspected(&site.path("challenge"));
    assert_eq!(shown["format"], "challenge");
    assert_eq!(
        shown["header_digest"],
        site.status("first")["header_digest"]
    );
    let digest = shown["challenge_digest"].as_str().unwrap();
    assert!(said.contains(digest), "{said}");
    let values = shown["values"].as_array().unwrap();
    let indices: Vec<_> = values.iter().map(|value| &value["index"]).collect();
    assert_eq!(indices, [1, 2]);

    let said = drill.respond_as(0, "challenge", "ada").done();
    let end = format!(
        "response of custodian {} to challenge {digest}: key and share\n",
        id(0)
    );
    assert!(said.ends_with(&end), "{said}");
    let run = drill.respond_as(2, "challenge", "cleo");
    shows_the_share_alone(
        &run,
        &format!("the challenge has no value for custodian {}", id(2)),
    );
    let shown = inspected(&site.path("ada"));
    assert_eq!(shown["format"], "response");
    assert_eq!(
        (&shown["index"], &shown["challenge_digest"]),
        (&json!(1), &json!(digest))
    );
    assert_eq!(shown["claims"], "key and share");
    assert_eq!(inspected(&site.path("cleo"))["claims"], "share known");

    let mut certs = arguments!["--certs"].to_vec();
    certs.extend(CUSTODIANS.map(|name| site.path(&format!("{name}.cer")).into()));
    let said = drill.verify("challenge", &["ada", "cleo"], &certs).done();
    let ends = |line: usize, end: &str| {
        let line = said.lines().nth(line).unwrap();
        assert!(line.ends_with(end), "{said}");
    };
    ends(0, "s2048_0\": key and share");
    ends(1, "s2048_2\": share known");
    ends(2, "s2048_1\": no response");
    ends(3, "module \"secdom\", opened by every version");
    assert_eq!(said.lines().count(), 4);

    // Nothing is overwritten.
    let before = fs::read(site.path("ada")).unwrap();
    drill
        .respond_as(0, "challenge", "ada")
        .refused(&["ada", "exists"]);
    drill.challenge("ada", &[]).refused(&["ada", "exists"]);
    assert_eq!(fs::read(site.path("ada")).unwrap(), before);

    // Without certificates, nobody is asked for the key.
    drill.challenge("nobody", &[]).done();
    assert_eq!(inspected(&site.path("nobody"))["values"], json!([]));
    let run = drill.respond_as(1, "nobody", "known");
    shows_the_share_alone(&run, "has no value for custodian");
    assert_eq!(drill.proves("nobody", "known"), "share known");

    let mut line = drill.line("respond");
    let (challenge, key) = (fs::File::open(site.path("challenge")), site.key(1));
    line.extend(arguments!["--challenge", "-", "--key", key, "--out", "-"]);
    let mut piped = tool();
    let piped = piped.args(line).stdin(challenge.unwrap());
    let piped = piped.stderr(Stdio::piped());
    let piped = piped.output().unwrap();
    assert!(piped.status.success() && piped.stderr.ends_with(b": key and share\n"));
    site.folder.write("piped", piped.stdout);
    assert_eq!(drill.proves("challenge", "piped"), "key and share");
}

#[test]
fn every_kind_of_key_is_drilled() {
    let site = Site::new();
    let [x, public] = keygen(&site.folder, "x-wing");
    let custodians = [public, certificate(&site, 1), certificate(&site, 2)];
    let (sealed, domain, _) = sealed_to(&site, "first", &custodians);
    let site = &site;
    let drill = Drill {
        site,
        sealed,
        domain,
    };
    drill.challenge("challenge", &custodians).done();
    drill
        .respond("challenge", &arguments!["--key", x], "x")
        .done();
    assert_eq!(drill.proves("challenge", "x"), "key and share");
    drill.respond_as(2, "challenge", "rsa").done();
    assert_eq!(drill.proves("challenge", "rsa"), "key and share");
}

#[test]
fn a_custodian_with_two_keys_responds_with_both_or_with_one_and_a_token() {
    let ceremony = Ceremony::new("x-wing");
    let (site, other) = (&ceremony.site, &ceremony.other);
    let drill = Drill {
        site,
        sealed: ceremony.sealed.clone(),
        domain: ceremony.domain.clone(),
    };
    let alone = [certificate(site, 0)];
    drill
        .challenge("none", &alone)
        .refused(&["s2048_0.cer", "no share", "CER+PUB"]);
    let pair = [both(&certificate(site, 0), &other[0][1])];
    drill.challenge("challenge", &pair).done();
    drill
        .respond("challenge", &arguments!["--key", ceremony.pair(0)], "both")
        .done();
    assert_eq!(drill.proves("challenge", "both"), "key and share");
    let run = drill.respond(
        "challenge",
        &arguments!["--key", ceremony.pair(1)],
        "second",
    );
    shows_the_share_alone(&run, "has no value for custodian");

    let part = bytes(&inspected(&drill.sealed)["custodians"][0]["rsa_part"]);
    let value = bytes(&inspected(&site.path("challenge"))["values"][0]["wrapped_value"]);
    let share = site.folder.write("share", decrypted(&site.key(0), &part));
    let value = decrypted(&site.key(0), &value[..256]);
    let wrong: Vec<u8> = value.iter().map(|byte| byte ^ 1).collect();
    let (value, wrong) = (
        site.folder.write("value", value),
        site.folder.write("wrong", wrong),
    );
    let key = both(&certificate(site, 0), &other[0][0]);
    let half = arguments!["--key", key, "--share", share];
    let with = |value: &Path| [&half[..], &arguments!["--value", value]].concat();
    drill
        .respond("challenge", &with(&wrong), "none")
        .refused(&["wrong", "does not open"]);
    drill.respond("challenge", &with(&value), "token").done();
    assert_eq!(drill.proves("challenge", "token"), "key and share");
    let run = drill.respond("challenge", &half, "half");
    shows_the_share_alone(&run, "no --value is given");
    assert_eq!(drill.proves("challenge", "half"), "share known");
}

#[test]
fn what_a_token_unwrapped_answers_a_challenge() {
    let site = Site::new();
    let drill = Drill::new(&site, "first");
    drill
        .challenge("challenge", &[certificate(&site, 0)])
        .done();
    drill.challenge("nobody", &[]).done();
    let share = bytes(&inspected(&drill.sealed)["custodians"][0]["wrapped_share"]);
    let value = bytes(&inspected(&site.path("challenge"))["values"][0]["wrapped_value"]);
    let write =
        |name: &str, wrapped: &[u8]| site.folder.write(name, decrypted(&site.key(0), wrapped));
    let (share, value) = (write("share", &share), write("value", &value));
    let with = |value: &Path| arguments!["--share", share, "--value", value];
    drill.respond("challenge", &with(&value), "token").done();
    assert_eq!(drill.proves("challenge", "token"), "key and share");
    // A share is no value.
    drill
        .respond("challenge", &with(&share), "none")
        .refused(&["share", "does not open"]);
    drill
        .respond("nobody", &with(&value), "none")
        .refused(&["nobody", "no value for custodian"]);
    let short = site.folder.write("short", b"1234567");
    drill
        .respond("challenge", &with(&short), "none")
        .refused(&["short", "65 bytes"]);
    let run = drill.respond("challenge", &arguments!["--share", share], "known");
    shows_the_share_alone(&run, "no --value is given");
    assert_eq!(drill.proves("challenge", "known"), "share known");
    let key = site.key(0);
    let alone = arguments!["--key", key, "--value", value];
    drill.respond("challenge", &alone, "none").unreadable();
    drill.respond("challenge", &[], "none").unreadable();
    assert!(!site.path("none").exists());
}

#[test]
fn what_proves_nothing_is_refused_by_name() {
    let site = Site::new();
    let (drill, other) = (Drill::new(&site, "first"), Drill::new(&site, "second"));
    let certificates = [0, 1].map(|at| certificate(&site, at));
    drill.challenge("challenge", &certificates).done();
    drill.challenge("later", &certificates).done();
    other.challenge("foreign", &certificates).done();
    drill.respond_as(0, "challenge", "ada").done();
    drill.respond_as(0, "challenge", "again").done();
    drill.respond_as(1, "challenge", "bob").done();
    drill.respond_as(1, "later", "bob-later").done();

    // Replayed, with a good one beside it.
    drill
        .verify("later", &["ada"], &[])
        .refused(&["ada", "answers challenge"]);
    let run = drill.verify("challenge", &["ada", "bob-later"], &arguments!["--json"]);
    assert_eq!((run.code, run.err.lines().count()), (Some(1), 1), "{run:?}");
    assert!(
        run.err
            .contains("bob-later: the response answers challenge"),
        "{run:?}"
    );
    let verified: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(verified["responses"].as_array().unwrap().len(), 1);
    assert!(
        verified["refused"][0]
            .as_str()
            .unwrap()
            .contains("bob-later")
    );
    // Twice.
    let run = drill.verify("challenge", &["ada", "bob", "again"], &[]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("again: custodian") && run.err.contains("has responded with"));
    let run = drill.verify("challenge", &["ada", "ada"], &[]);
    assert!(
        run.code == Some(1) && run.err.contains("ada: is given twice"),
        "{run:?}"
    );

    // Of another domain.
    let words = ["foreign", "the challenge is for header"];
    drill.respond_as(0, "foreign", "none").refused(&words);
    drill.verify("foreign", &["ada"], &[]).refused(&words);
    other
        .verify("challenge", &["ada"], &[])
        .refused(&["the challenge is for header"]);
    let elsewhere = Drill {
        domain: other.domain.clone(),
        sealed: drill.sealed.clone(),
        site: &site,
    };
    elsewhere
        .challenge("none", &[])
        .refused(&["first.sealed", "domain"]);
    elsewhere
        .respond_as(0, "challenge", "none")
        .refused(&["first.sealed", "domain"]);
    elsewhere
        .verify("challenge", &["ada"], &[])
        .refused(&["first.sealed", "domain"]);
    let [stranger, public] = keygen(&site.folder, "x-wing");
    drill
        .challenge("none", &[certificate(&site, 0), public])
        .refused(&["x-wing.pub", "no share of"]);
    let run = drill.respond("challenge", &arguments!["--key", stranger], "none");
    run.refused(&["x-wing.key", "opens no share"]);
    let twice = [certificate(&site, 0), certificate(&site, 0)];
    drill
        .challenge("none", &twice)
        .refused(&["s2048_0.cer", "is given twice"]);

    // Signed, but changed.
    let mut changed = fs::read(site.path("ada")).unwrap();
    let end = changed.len() - 1;
    changed[end] ^= 1;
    site.folder.write("changed", &changed);
    drill
        .verify("challenge", &["changed"], &[])
        .refused(&["changed", "is not signed"]);

    // Files of other kinds, and what is cut short.
    fs::copy(
        file("contribution-of-custodian-1.cbor"),
        site.path("contribution"),
    )
    .unwrap();
    for (name, what) in [
        ("challenge", "is a challenge of a drill"),
        ("contribution", "is a contribution"),
        ("first.sealed", "is a sealed domain"),
    ] {
        let expected = format!("{what}, where a response of a drill is expected");
        drill
            .verify("challenge", &[name], &[])
            .refused(&[name, &expected]);
    }
    for (name, what) in [
        ("ada", "is a response of a drill"),
        ("contribution", "is a contribution"),
        ("s2048_0.cer", "is a certificate"),
    ] {
        let expected = format!("{what}, where a challenge of a drill is expected");
        drill
            .respond_as(0, name, "none")
            .refused(&[name, &expected]);
        drill
            .verify(name, &["ada"], &[])
            .refused(&[name, &expected]);
    }
    for (name, cut) in [
        ("ada", &changed[..80]),
        (
            "challenge",
            &fs::read(site.path("challenge")).unwrap()[..90],
        ),
    ] {
        site.folder.write("cut", cut);
        match name {
            "ada" => drill.verify("challenge", &["cut"], &[]),
            _ => drill.respond_as(0, "cut", "none"),
        }
        .refused(&["cut: is cut short"]);
    }
    assert!(!site.path("none").exists());
}

#[test]
fn a_pending_file_is_drilled_as_the_complete_one() {
    let site = Site::new();
    let drill = Drill::new(&site, "first");
    let complete = fs::read(&drill.sealed).unwrap();
    // The release is the third item: 32 bytes, or none.
    let mut items = minicbor::Decoder::new(&complete);
    assert_eq!(items.array().unwrap(), Some(6));
    items.skip().and_then(|()| items.skip()).unwrap();
    let (before, rest) = complete.split_at(items.position());
    assert_eq!(rest[..2], [0x58, 32]);
    let pending = Drill {
        site: &site,
        sealed: site
            .folder
            .write("pending", [before, &[0x40], &rest[34..]].concat()),
        domain: drill.domain.clone(),
    };
    assert_eq!(inspected(&pending.sealed)["pending"], true);
    pending
        .challenge("challenge", &[certificate(&site, 0)])
        .done();
    for (respondent, verifier, out) in [(&pending, &drill, "new"), (&drill, &pending, "old")] {
        respondent.respond_as(0, "challenge", out).done();
        assert_eq!(verifier.proves("challenge", out), "key and share");
    }
}

#[test]
fn a_drill_is_recorded_in_the_log_of_the_hsm_once() {
    let site = Site::new();
    let drill = Drill::new(&site, "first");
    drill
        .challenge("challenge", &[certificate(&site, 0)])
        .done();
    drill.respond_as(0, "challenge", "response").done();
    let record = |hsm: &str| {
        let more = arguments!["--hsm", site.path(hsm)];
        drill.verify("challenge", &["response"], &more)
    };
    record("first").done();
    record("first").refused(&[
        "first: the answer of custodian ",
        "in the log already, in record 5",
    ]);
    site.active("other", "of-another.sealed");
    record("other").refused(&["other: the HSM is of another domain"]);
    let shown = crate::ledger::show(&crate::ledger::export(&site, "first", "log"));
    assert_eq!(crate::ledger::rows(&shown)[3..], ["drill"]);
    let drilled = &shown["present"]["custodians"][0]["drill"];
    assert_eq!(
        (&drilled["record"], &drilled["proof"]),
        (&5.into(), &"key and share".into())
    );
}
