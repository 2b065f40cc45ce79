// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every input of the fuzz corpora, and the vectors that they began with, through the fuzz targets.
#![cfg(all(
    feature = "managed-hsm",
    feature = "p256",
    feature = "pq",
    feature = "hazmat"
))]

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

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
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
fn every_target_has_its_program_and_its_corpus() {
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
    let manifest = read("fuzz/Cargo.toml");
    for name in names {
        let bin = format!("[[bin]]\nname = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n");
        assert!(manifest.contains(&bin), "no {bin}");
        let call = format!("security_domain_fuzz::{name}(data)");
        assert!(read(&format!("fuzz/fuzz_targets/{name}.rs")).contains(&call));
    }
}

/// A line of a dictionary as libFuzzer reads it: a quoted token, with `\\`, `\"` and `\xHH` escaped.
fn token(line: &str) -> Option<Vec<u8>> {
    let mut rest = line.strip_prefix('"')?.strip_suffix('"')?;
    let mut token = Vec::new();
    while let Some(byte) = rest.bytes().next() {
        let (value, length) = match (byte, rest.get(1..2)) {
            (b'\\', Some("x")) => (u8::from_str_radix(rest.get(2..4)?, 16).ok()?, 4),
            (b'\\', Some("\\" | "\"")) => (rest.as_bytes()[1], 2),
            (b'\\' | b'"', _) => return None,
            (byte, _) => (byte, 1),
        };
        token.push(value);
        rest = rest.get(length..)?;
    }
    Some(token).filter(|token| !token.is_empty())
}

#[test]
fn every_dictionary_has_tokens_of_its_targets() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/dictionaries");
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    assert!(!paths.is_empty());
    let mut served = Vec::new();
    for path in paths {
        let name = path.display();
        let text = fs::read_to_string(&path).unwrap();
        let targets = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# For: "));
        let targets: Vec<&str> = targets.expect("the first line").split(' ').collect();
        let mut seeds = Vec::new();
        for target in &targets {
            assert!(
                fuzz::TARGETS.iter().any(|(name, _)| name == target),
                "{name}: {target}"
            );
            seeds.extend(inputs(&format!("fuzz/corpus/{target}")));
        }
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let token = token(line).unwrap_or_else(|| panic!("{name}: {line}"));
            let occurs = |seed: &Vec<u8>| seed.windows(token.len()).any(|part| part == token);
            assert!(seeds.iter().any(occurs), "{name}: {line} is in no seed");
        }
        served.extend(targets.iter().map(|target| (*target).to_owned()));
    }
    let all = served.len();
    served.sort();
    served.dedup();
    assert_eq!(all, served.len(), "a target with two dictionaries");
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
