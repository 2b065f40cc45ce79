// SPDX-License-Identifier: MIT OR Apache-2.0
//! A step of a restore session is killed at each system call that can change a file: the session
//! goes on or is cancelled, nothing that was taken is lost, and no secret is left.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::killed::{copy_folder, killed_at};
use crate::killed_outputs::finishes;
use crate::restore_session::{Session, expired, forged};
use crate::{arguments, names, remove_folder, secdom};

/// The session's key: nothing else of the folder is secret.
fn key(session: &Session, folder: &str) -> Vec<u8> {
    fs::read(session.path(folder).join("key")).unwrap()
}

/// Whether the key is somewhere in the test's folder, whatever the file is called.
fn holds(session: &Session, key: &[u8]) -> bool {
    let mut folders = vec![session.folder.0.clone()];
    while let Some(folder) = folders.pop() {
        for name in names(&folder) {
            let path = folder.join(name);
            if path.is_dir() {
                folders.push(path);
            } else if fs::read(path)
                .unwrap()
                .windows(32)
                .any(|part| part == &key[key.len() - 32..])
            {
                return true;
            }
        }
    }
    false
}

#[test]
fn a_session_begins_or_does_not_wherever_it_is_killed() {
    let session = Session::new("v01-2of3-2048");
    let line = session.begin_line("session", "request");
    let (mut begun, mut half) = (0, 0);
    for point in 0.. {
        let was_killed = killed_at(point, &line, |_| {});
        let (folder, request) = (session.path("session"), session.path("request"));
        if !request.exists() {
            assert!(was_killed);
            half += usize::from(folder.exists());
            // The same command finishes it.
            let run = secdom(&line);
            assert_eq!(run.code, Some(0), "{point}: {run:?}");
        } else {
            begun += 1;
        }
        let same = fs::read(folder.join("request")).unwrap() == fs::read(&request).unwrap();
        assert!(same && names(&folder).len() == 5, "{point}");
        let key = key(&session, "session");
        session.cancel("session").done();
        fs::remove_file(request).unwrap();
        assert!(!holds(&session, &key), "{point}");
        // What is hidden goes when it is old: it is removed here, so that no name repeats.
        for name in session.folder.names() {
            assert!(name.starts_with(".secdom-"), "{name}");
            let path = session.path(&name);
            match path.is_dir() {
                true => fs::remove_dir_all(path).unwrap(),
                false => fs::remove_file(path).unwrap(),
            }
        }
        if !was_killed {
            break;
        }
    }
    assert!(begun > 0 && half > 3, "{begun} {half}");
}

/// Of `add` with a whole quorum: the session is there, and the same command finishes it; or the
/// blob is there, and what is left of the session is cancelled.
#[test]
fn no_contribution_is_lost_and_no_secret_left_wherever_it_is_killed() {
    let session = Session::new("v01-2of3-2048");
    let digest = session.begin("from", "request");
    for (of, out) in [("s2048_0", "c0"), ("s2048_2", "c2")] {
        session.contribute("request", &digest, of, out);
    }
    let key = key(&session, "from");
    let kept = session.path("kept");
    fs::rename(session.path("from"), &kept).unwrap();
    let away = std::env::temp_dir().join(format!("secdom-test-kept-{}", std::process::id()));
    copy_folder(&kept, &away);
    remove_folder(&kept);
    let line = session.add_line("session", &["c0", "c2"], "blob");
    let (mut resumed, mut ended, mut cancelled) = (0, 0, 0);
    for point in 0.. {
        copy_folder(&away, &session.path("session"));
        let was_killed = killed_at(point, &line, |_| {});
        let (folder, blob) = (session.path("session"), session.path("blob"));
        if !blob.exists() {
            assert!(was_killed);
            let have = session.status("session")["contributors"]
                .as_array()
                .unwrap()
                .len();
            resumed += usize::from(have > 0);
            // What was taken need not be given again.
            let rest = ["c0", "c2"];
            let again = session.add("session", &rest[have.min(1)..], "blob");
            assert_eq!(again.code, Some(0), "{point}: {again:?}");
            assert!(!folder.exists());
        } else if folder.exists() {
            session
                .add("session", &["c0"], "blob")
                .refused(&["blob", "already exists"]);
            session.cancel("session").done();
            cancelled += 1;
        } else {
            ended += 1;
        }
        assert!(!folder.exists() && !holds(&session, &key), "{point}");
        assert_eq!(session.artifacts(&blob).len(), 3, "{point}");
        fs::remove_file(blob).unwrap();
        for name in session.folder.names() {
            if name.starts_with(".secdom-") {
                fs::remove_file(session.path(&name)).unwrap();
            }
        }
        if !was_killed {
            break;
        }
    }
    remove_folder(&away);
    assert!(
        resumed > 3 && ended > 0 && cancelled > 3,
        "{resumed} {ended} {cancelled}"
    );
}

#[test]
fn a_session_is_cancelled_or_not_wherever_that_is_killed() {
    let session = Session::new("v01-2of3-2048");
    let digest = session.begin("session", "request");
    session.contribute("request", &digest, "s2048_0", "c0");
    session.add("session", &["c0"], "blob").done();
    let line = arguments!["restore-session", "cancel", session.path("session")];
    wiped_wherever_it_is_killed(&session, &line, "away", &["c0", "request"]);
}

/// Kills a command that ends the session everywhere. Afterwards the session is there or it is not; `cancel`
/// finishes it, and only these files are left.
fn wiped_wherever_it_is_killed(session: &Session, line: &[OsString], name: &str, left: &[&str]) {
    let key = key(session, "session");
    let away = format!("secdom-test-{name}-{}", std::process::id());
    let away = std::env::temp_dir().join(away);
    copy_folder(&session.path("session"), &away);
    session.cancel("session").done();
    let (mut there, mut half) = (0, 0);
    for point in 0.. {
        copy_folder(&away, &session.path("session"));
        let was_killed = killed_at(point, line, |_| {});
        let folder = session.path("session");
        if folder.exists() {
            assert!(was_killed);
            let whole = holds(session, &key);
            there += usize::from(whole);
            half += usize::from(!whole);
            session.cancel("session").done();
        }
        assert!(!folder.exists() && !holds(session, &key), "{point}");
        assert_eq!(session.folder.names(), left, "{point}");
        if !was_killed {
            break;
        }
    }
    remove_folder(&away);
    assert!(there > 0 && half > 3, "{there} {half}");
}

/// What a folder holds: the names, and the contents.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| {
        let file = fs::read(folder.join(&name)).unwrap();
        (name, file)
    };
    names(folder).into_iter().map(read).collect()
}

/// `status` only reads. The first contribution, and one that takes another's place, are kept or not.
#[test]
fn a_contribution_is_kept_or_not_wherever_that_is_killed() {
    let session = Session::new("v01-2of3-2048");
    let digest = session.begin("session", "request");
    session.contribute("request", &digest, "s2048_0", "c0");
    let before = contents(&session.path("session"));
    let status = arguments!["restore-session", "status", session.path("session")];
    let mut points = 0;
    while killed_at(points, &status, |_| {}) {
        points += 1;
        assert_eq!(contents(&session.path("session")), before);
    }
    assert!(points > 5, "{points}");

    let away = std::env::temp_dir().join(format!("secdom-test-kept-{}-2", std::process::id()));
    let first = session.add_line("session", &["c0"], "blob");
    let mut replacing = session.add_line("session", &["c0"], "blob");
    replacing.push("--replace".into());
    for line in [first, replacing] {
        copy_folder(&session.path("session"), &away);
        let had = names(&away).iter().any(|name| name.starts_with("from-"));
        let (mut old, mut new) = (0, 0);
        for point in 0.. {
            remove_folder(&session.path("session"));
            copy_folder(&away, &session.path("session"));
            let was_killed = killed_at(point, &line, |_| {});
            let c0 = fs::read(session.path("c0")).unwrap();
            let now = contents(&session.path("session"));
            let mut kept = now.iter().filter(|(name, _)| name.starts_with("from-"));
            let file = kept.next().map(|(_, file)| file);
            assert!(kept.next().is_none(), "{point}");
            let is_new = file == Some(&c0);
            new += usize::from(is_new);
            old += usize::from(!is_new);
            // It was there before, whole, or it is not there.
            assert!(is_new || file.is_some() == had, "{point}");
            assert!(is_new || was_killed, "{point}");
            session.status("session")["contributors"]
                .as_array()
                .unwrap();
            assert_eq!(secdom(&line).code, Some(0), "{point}");
            if !was_killed {
                break;
            }
        }
        assert!(old > 3 && new > 0, "{old} {new}");
        remove_folder(&session.path("session"));
        fs::rename(&away, session.path("session")).unwrap();
        // The second time another's share is there in the same name.
        session
            .folder
            .write("forged", forged(&session.path("request"), "s2048_0"));
        session.add("session", &["forged"], "blob").done();
    }
}

/// `add` ends a session that has expired: its key is there with everything else, or it is gone.
#[test]
fn an_expired_session_is_wiped_wherever_that_is_killed() {
    let session = Session::new("v01-2of3-2048");
    expired(&session);
    let line = session.add_line("session", &["request"], "blob");
    wiped_wherever_it_is_killed(&session, &line, "expired", &["request"]);
}

/// A custodian's answer is whole or not there.
#[test]
fn a_contribution_is_written_whole_wherever_it_is_killed() {
    let session = Session::new("v01-2of3-2048");
    let digest = session.begin("session", "request");
    let line = session.contribute_line("request", &digest, "s2048_0", "out");
    let is_whole = |out: &Path| secdom(arguments!["inspect", out]).code == Some(0);
    for has_links in [true, false] {
        finishes(
            &session.folder,
            &line,
            &[&session.path("out")],
            is_whole,
            has_links,
        );
    }
}
