// SPDX-License-Identifier: MIT OR Apache-2.0
//! A verb is killed at each system call that can change a file: its outputs are whole or not there, and the
//! same command finishes them, on a medium without links too.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::contribute::with_share;
use crate::killed::killed_at;
use crate::media::on_exfat;
use crate::simulated::Site;
use crate::{Folder, arguments, names, secdom, tool, upload};

/// What an output looks like.
#[derive(Debug, PartialEq)]
enum State {
    None,
    /// The name is taken, and nothing more.
    Taken,
    Whole,
}

fn state(out: &Path, is_whole: impl Fn(&Path) -> bool) -> State {
    let is_empty = |out: &Path| match out.is_dir() {
        true => names(out).is_empty(),
        false => fs::read(out).unwrap().is_empty(),
    };
    match out.exists() {
        false => State::None,
        true if is_empty(out) => State::Taken,
        true => {
            assert!(is_whole(out), "{}", out.display());
            State::Whole
        }
    }
}

/// Kills a verb everywhere, and runs it again if not all of its outputs are whole.
pub fn finishes(
    folder: &Folder,
    line: &[OsString],
    outputs: &[&Path],
    is_whole: impl Fn(&Path) -> bool,
    has_links: bool,
) {
    let prepare = if has_links {
        |_: &mut Command| {}
    } else {
        on_exfat
    };
    let before = folder.names();
    let states = || Vec::from_iter(outputs.iter().map(|out| state(out, &is_whole)));
    let all_are_whole = || states().iter().all(|state| *state == State::Whole);
    let (mut taken, mut halves) = (0, 0);
    for point in 0.. {
        let was_killed = killed_at(point, line, prepare);
        let left = states();
        if !all_are_whole() {
            assert!(was_killed);
            taken += usize::from(left.contains(&State::Taken));
            halves += usize::from(left.contains(&State::Whole));
            let mut command = tool();
            prepare(&mut command);
            let again = command.args(line).output().unwrap();
            assert!(again.status.success(), "{point}: {again:?}");
            assert!(all_are_whole(), "{point}: {:?}", states());
        }
        for name in folder.names() {
            // What is hidden goes when it is old.
            let is_new = !before.contains(&name);
            assert!(
                !is_new
                    || name.starts_with(".secdom-")
                    || outputs.iter().any(|out| out.ends_with(&name)),
                "{name}"
            );
            let path = folder.join(&name);
            if is_new && path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else if is_new {
                fs::remove_file(path).unwrap();
            }
        }
        if !was_killed {
            assert!(point > 10, "{point}");
            break;
        }
    }
    // On a medium without links the name is taken first, for a moment.
    assert_eq!(taken == 0, has_links, "{taken}");
    assert_eq!(halves == 0, outputs.len() == 1, "{halves}");
}

#[test]
fn a_file_is_whole_or_not_there_wherever_the_process_is_killed() {
    let folder = Folder::new();
    let out = folder.join("out");
    let restore = crate::outputs::restore_blob(&out);
    let contribute = with_share(
        &folder,
        &arguments!["--key", crate::contribute::private_key(&folder, "a")],
    );
    let is_whole = |out: &Path| secdom(arguments!["inspect", out]).code == Some(0);
    for line in [restore, contribute] {
        for has_links in [true, false] {
            finishes(&folder, &line, &[&out], is_whole, has_links);
        }
    }
}

#[test]
fn a_folder_is_whole_or_not_there_wherever_the_process_is_killed() {
    let site = Site::new();
    let (blob, out) = (site.path("blob"), site.path("out"));
    secdom(crate::outputs::restore_blob(&blob)).done();
    for has_links in [true, false] {
        finishes(
            &site.folder,
            &upload(&blob, &out),
            &[&out],
            |out| names(out).len() == 3,
            has_links,
        );
    }
}

#[test]
fn a_transfer_key_and_its_certificate_are_both_there_wherever_the_process_is_killed() {
    let folder = Folder::new();
    let (certificate, key) = (folder.join("t.pem"), folder.join("t.key"));
    let line = crate::outputs::init_recovery(&certificate, &key);
    // The key's file holds the certificate, too.
    let belongs = |out: &Path| {
        let (both, out) = [&*key, out]
            .map(|file| fs::read_to_string(file).unwrap())
            .into();
        both.matches("-----END ").count() == 2 && both.ends_with(&out)
    };
    for has_links in [true, false] {
        finishes(&folder, &line, &[&key, &certificate], belongs, has_links);
    }
}

#[test]
fn a_key_and_its_public_key_are_both_there_wherever_the_process_is_killed() {
    let folder = Folder::new();
    let (key, public) = (folder.join("x.key"), folder.join("x.pub"));
    let password = folder.write("password", "correct horse");
    let with_password = arguments!["--password-file", password];
    let id = |out: &Path| {
        let report = secdom(arguments!["inspect", "--json", out]).done();
        let report: Value = serde_json::from_str(&report).unwrap();
        let of = [&report["custodian_id"], &report["keys"][0]["custodian_id"]];
        of.into_iter().find_map(|id| id.as_str().map(str::to_owned))
    };
    let media: [(&[OsString], &[bool]); 2] = [
        (&arguments!["--no-password"], &[true, false]),
        (&with_password, &[true]),
    ];
    for (more, media) in media {
        let line = arguments!["keygen", "--kind", "x-wing", "--key", key, "--pub", public];
        let line = [&line[..], more].concat();
        // An encrypted key does not say whose it is.
        let belongs = |out: &Path| match (id(&key), id(out)) {
            (Some(key), Some(out)) => key == out,
            (None, _) => fs::read_to_string(&key).unwrap().contains("-----END ENC"),
            (Some(_), None) => false,
        };
        for has_links in media {
            finishes(&folder, &line, &[&key, &public], belongs, *has_links);
        }
    }
}
