// SPDX-License-Identifier: MIT OR Apache-2.0
//! A verb of a drill is killed at each system call that can change a file: its output is whole or
//! not there, the same command finishes it, and no secret is left.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::contribute::inspected;
use crate::drill_sealed::{bytes, decrypted};
use crate::killed::killed_at;
use crate::killed_outputs::finishes;
use crate::simulated::Site;
use crate::{Folder, arguments, key, secdom, thumbprint, vector};

/// A drill of one domain, by one custodian.
struct Drill {
    folder: Folder,
    /// The domain, as every verb takes it.
    of: Vec<OsString>,
    certificate: PathBuf,
    key: PathBuf,
    /// What the custodian's key unwraps of the domain. A response has the challenge's value, which is of
    /// no use to anybody else.
    secret: Vec<u8>,
}

impl Drill {
    fn line(&self, verb: &str, more: &[OsString]) -> Vec<OsString> {
        [&arguments!["drill", verb], &self.of[..], more].concat()
    }

    /// Kills each verb everywhere.
    fn is_killed(&self) {
        let of = |name: &str| self.folder.join(name);
        let [challenge, response] = [of("challenge"), of("response")];
        let ask = arguments!["--custodians", self.certificate, "--out", challenge];
        let ask = self.line("challenge", &ask);
        let answer = arguments![
            "--challenge",
            challenge,
            "--key",
            self.key,
            "--out",
            response
        ];
        let answer = self.line("respond", &answer);
        let is_whole = |out: &Path| {
            // Temporary files are there beside it.
            self.holds_no_secret();
            secdom(arguments!["inspect", out]).code == Some(0)
        };
        for has_links in [true, false] {
            finishes(&self.folder, &ask, &[&challenge], is_whole, has_links);
            secdom(&ask).done();
            finishes(&self.folder, &answer, &[&response], is_whole, has_links);
            fs::remove_file(&challenge).unwrap();
        }
        secdom(&ask).done();
        secdom(&answer).done();
        // What only reads leaves everything as it is.
        let verify = arguments!["--challenge", challenge, response];
        let verify = self.line("verify", &verify);
        let names = self.folder.names();
        let files = [&challenge, &response].map(|path| fs::read(path).unwrap());
        let mut points = 0;
        while killed_at(points, &verify, |_| {}) {
            points += 1;
            assert_eq!(self.folder.names(), names);
        }
        assert!(points > 5, "{points}");
        let after = [&challenge, &response].map(|path| fs::read(path).unwrap());
        assert_eq!(files, after);
        secdom(verify).done();
        self.holds_no_secret();
    }

    /// No file of the folder has anything of the secret.
    fn holds_no_secret(&self) {
        for name in self.folder.names() {
            let file = fs::read(self.folder.join(&name)).unwrap();
            let part = &self.secret[self.secret.len() - 32..];
            assert!(!file.windows(32).any(|other| other == part), "{name}");
        }
    }
}

#[test]
fn a_drill_of_a_sealed_domain_is_whole_wherever_it_is_killed() {
    let site = Site::new();
    let domain = site.active("hsm", "sealed");
    let (sealed, key) = (site.path("sealed"), site.key(0));
    let share = &inspected(&sealed)["custodians"][0]["wrapped_share"];
    let drill = Drill {
        folder: Folder::new(),
        of: arguments!["--sealed", sealed, "--expect-domain", domain].to_vec(),
        certificate: key.with_extension("cer"),
        secret: decrypted(&key, &bytes(share)),
        key,
    };
    drill.is_killed();
}

#[test]
fn a_drill_of_a_domain_file_is_whole_wherever_it_is_killed() {
    let (file, key) = (vector("valid/v01-2of3-2048/sd.json"), key("s2048_0"));
    let certificate = key.with_extension("cer");
    let me = Value::from(thumbprint(&certificate));
    let inspected = inspected(&file);
    let mut custodians = inspected["custodians"].as_array().unwrap().iter();
    let mine = custodians.find(|one| one["thumbprint"] == me).unwrap();
    let drill = Drill {
        folder: Folder::new(),
        of: arguments!["--sd-file", file].to_vec(),
        secret: decrypted(&key, &bytes(&mine["wrapped_content_key"])),
        certificate,
        key,
    };
    drill.is_killed();
}
