// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is shown fits into 80 columns: help, and reports and refusals on a terminal.

use crate::command_line::VERBS;
use crate::secdom;

const WIDTH: usize = 80;

#[track_caller]
fn fits(what: &str, text: &str) {
    for line in text.lines() {
        let columns = line.trim_end_matches('\r').chars().count();
        assert!(columns <= WIDTH, "{what}: {columns} columns: {line}");
    }
}

#[test]
fn help_fits() {
    for verb in VERBS.into_iter().chain(["hsm", "ledger", "paper", ""]) {
        let help = secdom(verb.split_whitespace().chain(["--help"])).done();
        fits(verb, &help);
        // A command in an example is broken where its author did it, so that it can be pasted.
        let examples = help.split("Example").nth(1).unwrap_or_default();
        let mut lines = examples.lines().skip(1).take_while(|line| !line.is_empty());
        let mut goes_on = false;
        assert!(
            lines.all(|line| {
                let begins = line.starts_with("  secdom ");
                let right = begins != goes_on;
                goes_on = line.ends_with('\\');
                right
            }),
            "{help}"
        );
        // The usage names what is required, on as many lines as it needs.
        let usage = help
            .split("\n\n")
            .find(|part| part.starts_with("Usage: "))
            .unwrap();
        assert!(
            usage.starts_with(format!("Usage: secdom {verb}").trim_end()),
            "{usage}"
        );
        assert!(
            !usage.contains('\u{a0}')
                && !usage.lines().any(|line| {
                    let line = line.trim_start();
                    line.starts_with('<') && !line.starts_with("<--")
                }),
            "{usage}"
        );
    }
}

#[cfg(target_os = "linux")]
mod on_a_terminal {
    use std::ffi::OsString;
    use std::fs::File;
    use std::io::Read;
    use std::path::Path;

    use rustix::fs::{Mode, OFlags};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{Winsize, tcsetwinsize};

    use super::{WIDTH, fits};
    use crate::contribute::file;
    use crate::keygen::keygen;
    use crate::simulated::Site;
    use crate::{arguments, fixture, key, secdom, tool, vector};

    /// Returns what a terminal of 80 columns shows.
    fn shown(line: &[OsString], folder: &Path) -> String {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let slave = ptsname(&master, Vec::new()).unwrap();
        let open =
            || rustix::fs::open(&slave, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let terminal = open();
        let size = Winsize {
            ws_row: 24,
            ws_col: WIDTH as u16,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&terminal, size).unwrap();
        let child = tool()
            .args(line)
            .current_dir(folder)
            .stdout(open())
            .stderr(open())
            .spawn();
        let mut child = child.unwrap();
        let reader = std::thread::spawn(move || {
            let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
            let mut master = File::from(master);
            // At its end a terminal gives an error.
            while let Ok(read @ 1..) = master.read(&mut buffer) {
                text.extend_from_slice(&buffer[..read]);
            }
            String::from_utf8(text).unwrap()
        });
        child.wait().unwrap();
        drop(terminal);
        reader.join().unwrap()
    }

    fn words(text: &str) -> Vec<&str> {
        text.split_whitespace().collect()
    }

    #[test]
    fn every_kind_of_file_is_inspected_within_the_width() {
        let domain = vector("valid/v01-2of3-2048/sd.json");
        let certificate = key("s2048_0").with_extension("cer");
        let files: [&Path; 10] = [
            &domain,
            &vector("valid/v01-2of3-2048/restore-0-1.json"),
            &vector("transfer/stransfer2048.rest.json"),
            &vector("requests/certificate-info-10-of-10.json"),
            &key("s2048_0"),
            &fixture("chain.p7b"),
            &file("good.sealed"),
            &file("request-to-rotate.cbor"),
            &file("contribution-of-custodian-3.cbor"),
            Path::new(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/vectors/backup/good-longest-header.backup"
            )),
        ];
        for path in files {
            let line = arguments!["inspect", path, "--certs", certificate];
            let (text, plain) = (shown(&line, "/".as_ref()), secdom(&line).done());
            // A word may be longer than a line, such as a path or a name of 64 characters; nothing else is.
            for line in text.lines() {
                let value = line.split_whitespace().count();
                assert!(
                    line.trim_end().chars().count() <= WIDTH || value <= 2,
                    "{line}"
                );
            }
            assert_eq!(words(&text), words(&plain));
        }
        // JSON is for programs.
        let line = arguments!["inspect", domain, "--json"];
        assert_eq!(
            shown(&line, "/".as_ref()).replace("\r\n", "\n"),
            secdom(line).done()
        );
        let script = arguments!["completions", "bash"];
        assert_eq!(
            shown(&script, "/".as_ref()).replace("\r\n", "\n"),
            secdom(script).done()
        );
    }

    #[test]
    fn reports_and_refusals_are_broken_between_words() {
        let site = Site::new();
        let id = site.active("hsm-1", "domain.sealed");
        let folder = &site.folder.0;
        let relative = |line: &[&str]| line.iter().map(OsString::from).collect::<Vec<_>>();
        let domain = vector("valid/v01-2of3-2048/sd.json");
        crate::sealed(&site.folder);
        keygen(&site.folder, "x-wing");
        site.init("hsm-4");
        for line in [
            relative(&["hsm", "status", "--hsm", "hsm-1"]),
            relative(&[
                "drill",
                "--sd-file",
                "domain.json",
                "--sd-wrapping-keys",
                "s2048_0.key",
                "s2048_1.key",
            ]),
            relative(&[
                "drill",
                "--sd-file",
                "domain.json",
                "--sd-wrapping-keys",
                "signing.bin",
            ]),
            relative(&[
                "restore-blob",
                "--sd-file",
                "domain.json",
                "--sd-exchange-key",
                "s2048_0.cer",
                "--sd-wrapping-keys",
                "s2048_0.key",
                "s2048_1.key",
                "--sd-file-restore-blob",
                "restore.json",
            ]),
            relative(&[
                "hsm",
                "recover-begin",
                "--hsm",
                "hsm-2",
                "--sealed",
                "domain.sealed",
                "--expect-domain",
                &id,
                "--request",
                "request",
            ]),
            relative(&[
                "hsm",
                "activate",
                "--hsm",
                "hsm-4",
                "--quorum",
                "2",
                "--sealed",
                "two.sealed",
                "--custodians",
                "s2048_0.cer+x-wing.pub",
                "s2048_1.cer",
                "s2048_2.cer",
            ]),
            relative(&["inspect", "two.sealed", "--certs", "s2048_0.cer"]),
            relative(&[
                "hsm",
                "recover",
                "--hsm",
                "hsm-5",
                "--sealed",
                "domain.sealed",
                "--expect-domain",
                &id,
                "--keys",
                "s2048_0.key+x-wing.key",
                "s2048_1.key",
                "x-wing.key",
            ]),
            relative(&["hsm", "zeroize", "--hsm", "hsm-3"]),
            relative(&["restore-blob"]),
            relative(&["frobnicate"]),
        ] {
            let text = shown(&line, folder);
            // A progress line is removed at its end.
            let text: String = text
                .lines()
                .map(|line| line.rsplit("\u{1b}[2K").next().unwrap().to_owned() + "\n")
                .collect();
            assert!(!text.is_empty());
            fits(&format!("{line:?}"), &text);
        }
        let line = arguments![
            "drill",
            "--sd-file",
            domain,
            "--sd-wrapping-keys",
            site.path("s2048_0.key")
        ];
        assert_eq!(secdom(line).done().lines().count(), 2);
    }
}
