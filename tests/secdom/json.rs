// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `--json` prints.

use serde_json::{Value, json};

use crate::command_line::VERBS;
use crate::simulated::{CUSTODIANS, Site};
use crate::{Run, arguments, names, secdom, upload, vector};

fn object(run: Run) -> Value {
    serde_json::from_str(&run.done()).unwrap()
}

#[test]
fn every_verb_prints_json() {
    for verb in VERBS {
        let help = secdom(verb.split(' ').chain(["--help"])).done();
        let is_text = ["completions", "man"].contains(&verb);
        assert_eq!(help.contains("--json"), !is_text, "{help}");
    }
}

#[test]
fn digests_are_printed_in_json() {
    let site = Site::new();
    site.init("first");
    let sealed = site.path("sealed");
    let mut line = arguments![
        "--sealed",
        sealed,
        "--quorum",
        "2",
        "--json",
        "--custodians"
    ]
    .to_vec();
    let certificate = |name: &str| site.path(&format!("{name}.cer"));
    line.extend(CUSTODIANS.map(|name| certificate(name).into()));
    let activated = object(site.hsm("activate", "first", &line));
    let id = activated["domain_id"].as_str().unwrap();
    assert_eq!(activated["custodians"].as_array().unwrap().len(), 3);
    assert_eq!(
        site.status("first")["header_digest"],
        activated["header_digest"]
    );
    let request = site.path("request");
    let line = arguments![
        "--sealed",
        sealed,
        "--expect-domain",
        id,
        "--request",
        request,
        "--json"
    ];
    let begun = object(site.hsm("recover-begin", "second", &line));
    let digest = begun["request_digest"].as_str().unwrap();
    assert_eq!(site.status("second")["request_digest"], digest);
    let contributed = object(secdom(arguments![
        "contribute",
        "--sealed",
        sealed,
        "--expect-domain",
        id,
        "--request",
        request,
        "--request-digest",
        digest,
        "--key",
        site.path("s2048_0.key"),
        "--out",
        site.path("c0"),
        "--json",
    ]));
    assert_eq!(contributed["request_digest"], digest);
    let (file, out) = (site.path("signing.bin"), site.path("backup"));
    let line = arguments!["--in", file, "--out", out, "--json"];
    assert_eq!(object(site.hsm("backup", "first", &line))["length"], 33);

    let artifact = format!("one={}", file.display());
    let (domain, pem) = (site.path("domain.json"), site.path("t.pem"));
    let sealed = object(secdom(arguments![
        "download",
        "--json",
        "--sd-quorum",
        "2",
        "--artifact",
        artifact,
        "--security-domain-file",
        domain,
        "--sd-wrapping-keys",
        certificate("s2048_0"),
        certificate("s2048_1"),
        certificate("s2048_2"),
    ]));
    let begun = object(secdom(arguments![
        "init-recovery",
        "--json",
        "--bits",
        "2048",
        "--sd-exchange-key",
        pem,
        "--transfer-key",
        site.path("t.key"),
    ]));
    let restored = object(secdom(arguments![
        "restore-blob",
        "--json",
        "--sd-file",
        domain,
        "--sd-exchange-key",
        pem,
        "--sd-wrapping-keys",
        site.path("s2048_0.key"),
        site.path("s2048_1.key"),
        "--sd-file-restore-blob",
        site.path("restore.json"),
    ]));
    assert_eq!(restored["transfer_key"], begun["thumbprint"]);
    let inspected = object(secdom(arguments!["inspect", domain, "--json"]));
    assert_eq!(inspected["sha256"], sealed["sha256"]);
    assert_eq!(
        inspected["custodians"][1]["thumbprint"],
        sealed["custodians"][1]
    );
}

#[test]
fn a_drill_lists_its_custodians() {
    let site = Site::new();
    let domain = crate::sealed(&site.folder);
    let drill = |keys: &[&str]| {
        let start = arguments!["drill", "--json", "--sd-file", domain, "--sd-wrapping-keys"];
        let keys = keys.iter().map(|name| site.path(name).into());
        object(secdom(start.into_iter().chain(keys)))
    };
    let one = drill(&["s2048_0.key"]);
    assert_eq!(one["custodians"].as_array().unwrap().len(), 1);
    assert_eq!(one["artifacts_opened"], false);
    let two = drill(&["s2048_1.key", "s2048_0.key"]);
    let inspected = object(secdom(arguments!["inspect", "--json", domain]));
    assert_eq!(
        two["custodians"][0]["thumbprint"],
        inspected["custodians"][1]["thumbprint"]
    );
    assert_eq!(
        (
            &two["artifacts"],
            &two["artifacts_opened"],
            &two["required"]
        ),
        (&json!(2), &json!(true), &json!(2))
    );
}

#[test]
fn a_restore_and_an_upload_list_what_they_made() {
    let site = Site::new();
    let (blob, out) = (site.path("restore.json"), site.path("out"));
    let keys = [
        site.path("s2048_0.key"),
        site.folder.write("other.key", ""),
        site.path("s2048_1.key"),
    ];
    let line = crate::restore_blob(&vector("valid/v01-2of3-2048/sd.json"), &blob, keys);
    let run = secdom(line.into_iter().chain(["--json".into()]));
    assert_eq!(run.code, Some(0), "{run:?}");
    let restored: Value = serde_json::from_str(&run.out).unwrap();
    let left_out = restored["left_out"][0].as_str().unwrap();
    assert!(
        left_out.contains("other.key") && run.err.contains(left_out),
        "{run:?}"
    );

    let line = upload(&blob, &out).into_iter().chain(["--json".into()]);
    let uploaded = object(secdom(line));
    let files = uploaded["files"].as_array().unwrap();
    assert_eq!(files.len(), names(&out).len());
    for file in files {
        let length = std::fs::metadata(file["file"].as_str().unwrap())
            .unwrap()
            .len();
        assert_eq!(file["length"], length);
    }
}

#[test]
fn a_check_gives_thumbprints() {
    for (kind, file, of) in [
        (
            "transfer-key",
            "transfer/stransfer2048.rest.json",
            "/transfer_key",
        ),
        (
            "certificate-info",
            "requests/certificate-info-2-of-3.json",
            "/custodians/0",
        ),
    ] {
        let checked = object(secdom(arguments!["check", "--json", kind, vector(file)]));
        let inspected = object(secdom(arguments!["inspect", "--json", vector(file)]));
        assert!(checked.pointer(of).unwrap()["thumbprint"].is_string());
        assert_eq!(checked.pointer(of), inspected.pointer(of));
        assert_eq!(
            checked.get("required"),
            inspected.get("required").filter(|r| !r.is_null())
        );
    }
}

#[test]
fn a_recovery_reports_each_contribution() {
    let site = Site::new();
    let id = site.active("hsm-1", "domain.sealed");
    let digest = site.recovering("hsm-2", "domain.sealed", &id, "request");
    for (custodian, out) in [(0, "ada"), (1, "bob")] {
        site.contribute(custodian, "domain.sealed", &id, ("request", &digest), out);
    }
    let certificates = CUSTODIANS.map(|name| site.path(&format!("{name}.cer")).into());
    let add = |files: &[&str], more: &[&str]| {
        let mut line: Vec<_> = files.iter().map(|name| site.path(name).into()).collect();
        line.extend(more.iter().map(|flag| flag.into()));
        line.push("--certs".into());
        line.extend(certificates.clone());
        site.hsm("recover-add", "hsm-2", &line)
    };
    let run = add(&["ada", "signing.bin"], &["--json"]);
    assert_eq!((run.code, run.err.lines().count()), (Some(1), 1), "{run:?}");
    let first: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(
        (&first["state"], &first["shares"]),
        (&json!("recovering"), &json!(1))
    );
    assert_eq!(
        first["contributions"][0]["subject"],
        "CN=TEST ONLY shared-set s2048_0"
    );
    assert_eq!(first["contributions"][0]["new"], true);
    assert!(
        first["refused"][0]
            .as_str()
            .unwrap()
            .contains("signing.bin")
    );
    let again = add(&["ada"], &[]).done();
    assert!(
        again.contains("shared-set s2048_0\" has already contributed"),
        "{again}"
    );
    let second = object(add(&["bob"], &["--json"]));
    assert_eq!(
        (&second["state"], &second["domain_id"]),
        (&json!("active"), &json!(id))
    );
    assert_eq!(
        second["header_digest"],
        site.status("hsm-2")["header_digest"]
    );
    assert_eq!(second["refused"], json!([]));

    let mut line = site.recover_line("hsm-3", "domain.sealed", &id, &[0, 1]);
    line.push("--json".into());
    assert_eq!(object(secdom(line))["domain_id"], json!(id));
}

#[test]
fn the_other_steps_of_an_hsm_report_its_state() {
    let site = Site::new();
    let json = arguments!["--json"];
    let artifact = format!("one={}", site.path("signing.bin").display());
    let made = object(site.hsm(
        "init",
        "hsm-1",
        &arguments!["--json", "--artifact", artifact],
    ));
    let state = |object: &Value| object["state"].as_str().unwrap().to_owned();
    assert_eq!(state(&made), "provisioned");
    assert_eq!(made["instance_id"], site.status("hsm-1")["instance_id"]);
    let id = site.active("hsm-2", "domain.sealed");
    let line = arguments![
        "--in",
        site.path("signing.bin"),
        "--out",
        site.path("backup")
    ];
    let backup = object(site.hsm("backup", "hsm-2", &[&line[..], &json].concat()));
    let line = arguments!["--in", site.path("backup"), "--out", site.path("back")];
    let restored = object(site.hsm("restore", "hsm-2", &[&line[..], &json].concat()));
    assert_eq!(restored["backup_id"], backup["backup_id"]);
    let line = arguments!["--json", "--out-dir", site.path("out")];
    let written = object(site.hsm("artifacts", "hsm-2", &line));
    assert_eq!(written["files"].as_array().unwrap().len(), 2);
    assert_eq!(state(&object(site.hsm("zeroize", "hsm-2", &json))), "empty");
    site.recovering("hsm-2", "domain.sealed", &id, "request");
    assert_eq!(
        state(&object(site.hsm("recover-cancel", "hsm-2", &json))),
        "empty"
    );
    assert_eq!(state(&object(site.hsm("discard", "hsm-2", &json))), "empty");
}
