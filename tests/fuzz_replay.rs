// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every input of the fuzz corpora, and the vectors that they began with, through the fuzz targets.
#![cfg(all(feature = "managed-hsm", feature = "hazmat"))]

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push(path);
        }
    }
}

fn inputs(folder: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
        &mut found,
    );
    assert!(!found.is_empty(), "{folder} is empty");
    found
        .into_iter()
        .map(|path| fs::read(path).unwrap())
        .collect()
}

#[test]
fn every_corpus_passes_its_target() {
    for (name, target) in fuzz::TARGETS {
        inputs(&format!("fuzz/corpus/{name}"))
            .iter()
            .for_each(|input| target(input));
    }
}

#[test]
fn every_target_has_its_file_and_its_corpus() {
    let names: Vec<&str> = fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
    for (folder, extension) in [("fuzz/fuzz_targets", ".rs"), ("fuzz/corpus", "")] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut found: Vec<String> = fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| name.trim_end_matches(extension).to_owned())
            .collect();
        found.sort();
        assert_eq!(found, names, "{folder}");
    }
}

#[test]
fn the_vectors_pass_every_parser() {
    for input in inputs("tests/vectors") {
        for (_, target) in fuzz::TARGETS
            .iter()
            .filter(|(name, _)| !name.contains("shamir") && *name != "lifecycle")
        {
            target(&input);
        }
    }
}
