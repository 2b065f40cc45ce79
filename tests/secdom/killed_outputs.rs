// SPDX-License-Identifier: MIT OR Apache-2.0
//! A verb is killed at each system call that can change a file: its output is whole or not there, and the
//! same command finishes it, on a medium without links too.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

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

/// Kills a verb everywhere, and runs it again.
fn finishes(
    folder: &Folder,
    line: &[OsString],
    out: &Path,
    is_whole: impl Fn(&Path) -> bool,
    has_links: bool,
) {
    let prepare = if has_links {
        |_: &mut Command| {}
    } else {
        on_exfat
    };
    let before = folder.names();
    let mut taken = 0;
    for point in 0.. {
        let was_killed = killed_at(point, line, prepare);
        let left = state(out, &is_whole);
        if left != State::Whole {
            assert!(was_killed);
            taken += usize::from(left == State::Taken);
            let mut command = tool();
            prepare(&mut command);
            let again = command.args(line).output().unwrap();
            assert!(again.status.success(), "{point}: {again:?}");
            assert_eq!(state(out, &is_whole), State::Whole, "{point}");
        }
        for name in folder.names() {
            // What is hidden goes when it is old.
            let is_new = !before.contains(&name);
            assert!(
                !is_new || name.starts_with(".secdom-") || out.ends_with(&name),
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
            finishes(&folder, &line, &out, is_whole, has_links);
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
            &out,
            |out| names(out).len() == 3,
            has_links,
        );
    }
}
