// SPDX-License-Identifier: MIT OR Apache-2.0
//! The examples that need no other program run to their end.
#![cfg(feature = "managed-hsm")]

use std::process::{Command, Output};
use std::{env, fs, process};

/// Runs the example that cargo builds beside this test.
fn run(name: &str, arguments: &[&std::path::Path]) -> Output {
    let test = env::current_exe().unwrap();
    let example = test.parent().unwrap().with_file_name("examples").join(name);
    let example = example.with_extension(env::consts::EXE_EXTENSION);
    Command::new(example).args(arguments).output().unwrap()
}

#[test]
fn the_ceremony_behaves_and_leaves_its_files() {
    let folder = env::temp_dir().join(format!("security-domain-test-ceremony-{}", process::id()));
    let output = run("ceremony", &[&folder]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("Everything succeeded or failed as it must."),
        "{text}"
    );
    for name in [
        "ada.key",
        "emil.cer",
        "domain.json",
        "transfer.pem",
        "restore.json",
        "forged.json",
        "next.sealed",
    ] {
        assert!(folder.join(name).is_file(), "{name}");
    }

    // It never works in a folder that was there.
    let again = run("ceremony", &[&folder]);
    assert_eq!((again.status.code(), again.stdout.len()), (Some(1), 0));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_generator_of_ones_own_may_fail() {
    let output = run("own_rng", &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert_eq!(text.matches("was made").count(), 3, "{text}");
    assert_eq!(
        text.matches("was not: the random number generator failed")
            .count(),
        2,
        "{text}"
    );
}

#[test]
fn a_firmware_is_recovered() {
    let output = run("firmware_restore", &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(
        text.ends_with("The HSM has the key that was lost.\n"),
        "{text}"
    );
}
