// SPDX-License-Identifier: MIT OR Apache-2.0
//! The modules keep their layers: each imports from lower layers, or from a module above it in the
//! table within its own layer. Members of one family (`rsa`, `rsa/oaep`) may import each other.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first; within a layer, in order.
const LAYERS: [&[&str]; 6] = [
    &["ct", "hardened", "rng", "secret"],
    &[
        "aead", "cbor", "ed25519", "gf256", "gf257", "kdf", "purpose", "rsa", "x509",
    ],
    &["quorum", "shamir"],
    &["custodian", "wrap"],
    &["domain", "backup"],
    &["managed_hsm", "lifecycle", "self_test"],
];

/// Files that only gather and re-export.
const GATHER: [&str; 2] = ["lib", "hazmat"];

/// Where a module stands: modules with a smaller rank may be imported.
fn rank(module: &str) -> Option<usize> {
    LAYERS
        .iter()
        .flat_map(|layer| layer.iter())
        .position(|name| *name == module)
}

/// The top-level modules that a source text reaches through `crate::`, comments left out.
fn imports(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(group_heads(group)),
            None => found.push(identifier(rest)),
        }
    }
    found
}

/// The first path segments of a group `a::b, c::{d, e}}`, read up to its closing brace.
fn group_heads(group: &str) -> Vec<String> {
    let (mut depth, mut heads, mut at_head) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            c if at_head && !c.is_whitespace() => {
                heads.push(identifier(&group[at..]));
                at_head = false;
            }
            _ => {}
        }
    }
    heads
}

fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// What in `text`, the source of a file of `module`, breaks the rule.
fn violations(module: &str, text: &str) -> Vec<String> {
    let own = rank(module).unwrap_or_else(|| panic!("{module} has no layer: add it to the table"));
    imports(text)
        .into_iter()
        .filter(|name| name != module && rank(name).is_none_or(|theirs| theirs > own))
        .map(|name| format!("{module} imports {name}"))
        .collect()
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn modules_import_downwards() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 10, "src was read");
    for file in files {
        let family = file
            .strip_prefix(&root)
            .unwrap()
            .components()
            .next()
            .unwrap();
        let module = Path::new(&family)
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        if !GATHER.contains(&module.as_str()) {
            let text = fs::read_to_string(&file).unwrap();
            assert_eq!(violations(&module, &text), [""; 0], "{}", file.display());
        }
    }
}

#[test]
fn every_module_is_declared_in_the_order_of_the_table() {
    let text = include_str!("../src/lib.rs");
    let declared: Vec<&str> = text
        .lines()
        .map(|line| line.strip_prefix("pub ").unwrap_or(line))
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .filter(|module| !GATHER.contains(module))
        .collect();
    let table: Vec<&str> = LAYERS
        .iter()
        .flat_map(|layer| layer.iter().copied())
        .collect();
    assert_eq!(declared, table);
}

#[test]
fn a_planted_upward_import_is_seen() {
    assert_eq!(
        violations("ct", "use crate::rsa::PublicKey;"),
        ["ct imports rsa"]
    );
    assert_eq!(
        violations("rsa", "use crate::x509::Certificate;"),
        ["rsa imports x509"]
    );
    assert_eq!(
        violations("kdf", "use crate::{secret::{self, Secret}, custodian};"),
        ["kdf imports custodian"]
    );
    assert_eq!(
        violations("x509", "use crate::rsa::PublicKey; // crate::ct"),
        [""; 0]
    );
}
