// SPDX-License-Identifier: MIT OR Apache-2.0
//! `-` for standard input and standard output.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::simulated::Site;
use crate::{Run, arguments, key, names, secdom, tool, upload, vector};

/// Runs a verb with `input` on standard input; returns its standard output and the rest.
fn piped(line: &[OsString], input: &[u8]) -> (Vec<u8>, Run) {
    let mut command = tool();
    let child = command.args(line).stdin(Stdio::piped());
    let child = child.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    // A verb may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input);
    let done = child.wait_with_output().unwrap();
    let run = Run {
        code: done.status.code(),
        out: String::new(),
        err: String::from_utf8(done.stderr).unwrap(),
    };
    (done.stdout, run)
}

fn download(site: &Site, out: &str) -> Vec<OsString> {
    let certificate = |name: &str| site.path(&format!("{name}.cer"));
    arguments![
        "download",
        "--sd-quorum",
        "2",
        "--artifact",
        format!("one={}", site.path("signing.bin").display()),
        "--security-domain-file",
        out,
        "--sd-wrapping-keys",
        certificate("s2048_0"),
        certificate("s2048_1"),
        certificate("s2048_2"),
    ]
    .to_vec()
}

#[test]
fn files_go_through_pipes() {
    let site = Site::new();
    let (domain, run) = piped(&download(&site, "-"), b"");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.err.starts_with("secdom: standard output: 2 of 3"),
        "{run:?}"
    );
    let keys = [site.path("s2048_0.key"), site.path("s2048_1.key")];
    let line = crate::restore_blob("-".as_ref(), "-".as_ref(), keys);
    let (blob, run) = piped(&line, &domain);
    assert_eq!(run.code, Some(0), "{run:?}");
    let out = site.path("out");
    let (shown, run) = piped(&upload("-".as_ref(), &out), &blob);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(!shown.is_empty());
    assert_eq!(
        fs::read(out.join("one")).unwrap(),
        fs::read(site.path("signing.bin")).unwrap()
    );
    let (_, run) = piped(&line, b"{");
    assert!(
        run.err.starts_with("secdom: standard input: is cut short"),
        "{run:?}"
    );
}

#[test]
fn a_recovery_goes_through_pipes() {
    let site = Site::new();
    let id = site.active("hsm-1", "domain.sealed");
    let sealed = site.path("domain.sealed");
    let begin = |hsm: &str, request: &str| {
        arguments![
            "hsm",
            "recover-begin",
            "--hsm",
            site.path(hsm),
            "--sealed",
            sealed,
            "--expect-domain",
            id,
            "--request",
            request
        ]
        .to_vec()
    };
    let (request, run) = piped(&begin("hsm-2", "-"), b"");
    let (_, digest) = run.err.trim_end().split_once("request-digest ").unwrap();
    assert_eq!(site.status("hsm-2")["request_digest"], digest);
    let line = arguments![
        "contribute",
        "--sealed",
        sealed,
        "--expect-domain",
        id,
        "--request",
        "-",
        "--request-digest",
        digest,
        "--key",
        site.path("s2048_0.key"),
        "--out",
        "-"
    ];
    let (contribution, run) = piped(&line, &request);
    assert_eq!(run.code, Some(0), "{run:?}");
    let line = arguments!["hsm", "recover-add", "--hsm", site.path("hsm-2"), "-"];
    let (shown, _) = piped(&line, &contribution);
    assert!(shown.ends_with(b"1 of 2 shares\n"), "{shown:?}");

    // A request that reached nobody begins nothing.
    #[cfg(target_os = "linux")]
    {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let run = tool()
            .args(begin("hsm-3", "-"))
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(run.status.code(), Some(1), "{run:?}");
        assert!(!site.path("hsm-3").exists());
    }
}

#[test]
fn a_key_is_read_from_standard_input_once() {
    let domain = vector("valid/v01-2of3-2048/sd.json");
    let text = fs::read(key("s2048_0")).unwrap();
    let certificate = key("s2048_0").with_extension("cer");
    let mut line = arguments![
        "drill",
        "--sd-file",
        domain,
        "--certs",
        certificate,
        "--sd-wrapping-keys",
        "-"
    ]
    .to_vec();
    let (shown, run) = piped(&line, &text);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        shown.starts_with(b"standard input (custodian "),
        "{shown:?}"
    );
    line.push("-".into());
    let (_, run) = piped(&line, &text);
    assert_eq!(run.code, Some(1));
    assert!(
        run.err
            .contains("standard input: is already read as another file"),
        "{run:?}"
    );
}

/// Where a secret would be shown, a folder is made, or part of the output would be out before the rest fails.
#[test]
fn standard_output_takes_no_secret() {
    let site = Site::new();
    site.active("hsm-1", "domain.sealed");
    site.init("hsm-2");
    site.backup("hsm-1", "signing.bin", "backup", &[]).done();
    let (hsm, file) = (site.path("hsm-1"), site.path("signing.bin"));
    let before = site.folder.names();
    let lines = [
        arguments!["hsm", "artifacts", "--hsm", hsm, "--out-dir", "-"].to_vec(),
        arguments![
            "hsm",
            "restore",
            "--hsm",
            hsm,
            "--in",
            site.path("backup"),
            "--out",
            "-"
        ]
        .to_vec(),
        arguments!["hsm", "backup", "--hsm", hsm, "--in", file, "--out", "-"].to_vec(),
        arguments![
            "init-recovery",
            "--sd-exchange-key",
            site.path("pem"),
            "--transfer-key",
            "-"
        ]
        .to_vec(),
        upload(&file, "-".as_ref()),
    ];
    for mut line in lines {
        let mut command = tool();
        let run = command
            .args(line.drain(..))
            .current_dir(&site.folder.0)
            .output()
            .unwrap();
        let run = Run {
            code: run.status.code(),
            out: String::from_utf8(run.stdout).unwrap(),
            err: String::from_utf8(run.stderr).unwrap(),
        };
        run.refused(&["-: this output is not written to standard output"]);
        assert_eq!(site.folder.names(), before);
    }
    let activated = site.activate_to("hsm-2", "-".as_ref(), "2");
    activated.refused(&["not written to standard output"]);
}

#[test]
fn json_and_an_output_do_not_share_standard_output() {
    let site = Site::new();
    let mut line = download(&site, "-");
    line.push("--json".into());
    secdom(line).refused(&["standard output: takes either the output or --json"]);
}

#[cfg(target_os = "linux")]
#[test]
fn bytes_are_not_written_to_a_terminal() {
    use rustix::fs::{Mode, OFlags};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let site = Site::new();
    let id = site.active("hsm-1", "domain.sealed");
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let slave = ptsname(&master, Vec::new()).unwrap();
    let terminal = rustix::fs::open(&slave, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let line = arguments![
        "hsm",
        "recover-begin",
        "--hsm",
        site.path("hsm-2"),
        "--sealed",
        site.path("domain.sealed"),
        "--expect-domain",
        id,
        "--request",
        "-"
    ];
    let run = tool().args(line).stdout(terminal).output().unwrap();
    let err = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(1), "{err}");
    assert!(err.contains("standard output: is a terminal"), "{err}");
    assert!(!names(&site.folder.0).contains(&"hsm-2".to_owned()));
}
