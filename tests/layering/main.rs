// SPDX-License-Identifier: MIT OR Apache-2.0
//! The modules keep their layers: each imports from lower layers, or from a module above it in the
//! table within its own layer. Members of one family (`rsa`, `rsa/oaep`) may import each other,
//! without circles.

mod circles;
mod paths;
#[path = "../sources/mod.rs"]
mod sources;

use std::fs;
use std::path::Path;

use circles::{Texts, circles};
use paths::paths;

/// The layers, lowest first; within a layer, in order.
const LAYERS: [&[&str]; 6] = [
    &["burn", "ct", "hardened", "hex", "list", "rng", "secret"],
    &[
        "aead", "cbor", "ed25519", "gf256", "gf257", "kdf", "labels", "mac", "purpose", "rsa",
        "x509",
    ],
    &["quorum", "shamir", "serde"],
    &["custodian", "kem", "both", "custodian_key", "wrapped_share"],
    &[
        "sealed_domain",
        "backup",
        "contribution",
        "drill",
        "approval",
        "storage",
    ],
    &[
        "managed_hsm",
        "self_test",
        "lifecycle",
        "custody",
        "policy",
        "defmt",
    ],
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

/// What in `text`, the source of the file of `module`, breaks the rule.
fn violations(module: &[&str], text: &str) -> Vec<String> {
    let module: Vec<String> = module.iter().map(ToString::to_string).collect();
    let family = &module[0];
    let own = rank(family).unwrap_or_else(|| panic!("{family} has no layer: add it to the table"));
    let mut broken = Vec::new();
    for found in paths(&module, text) {
        match found.path.first() {
            None => broken.push(format!("{family} imports the root of the crate")),
            Some(name) if name == family => {}
            Some(name) if rank(name).is_some_and(|theirs| theirs < own) => {}
            Some(name) => broken.push(format!("{family} imports {name}")),
        }
    }
    broken
}

/// Every module in a file, and its text.
fn texts() -> Texts {
    let (root, files) = (sources::root(), sources::all());
    assert!(files.len() > 10, "src was read");
    let module = |file: &Path| -> Vec<String> {
        let path = file.strip_prefix(&root).unwrap().with_extension("");
        let names = path.components();
        names
            .map(|name| name.as_os_str().to_str().unwrap().to_owned())
            .collect()
    };
    files
        .iter()
        .map(|file| (module(file), fs::read_to_string(file).unwrap()))
        .filter(|(module, _)| !GATHER.contains(&module[0].as_str()))
        .collect()
}

#[test]
fn modules_import_downwards() {
    for (module, text) in texts() {
        let names: Vec<&str> = module.iter().map(String::as_str).collect();
        assert_eq!(violations(&names, &text), [""; 0], "{}", module.join("/"));
    }
}

#[test]
fn no_family_has_a_circle() {
    assert_eq!(circles(&texts()), [""; 0]);
}

#[test]
fn every_module_is_declared_in_the_order_of_the_table() {
    let text = include_str!("../../src/lib.rs");
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
    for (module, text, seen) in [
        (
            &["ct"][..],
            "use crate::rsa::PublicKey;",
            &["ct imports rsa"][..],
        ),
        (
            &["rsa"],
            "use crate::x509::Certificate;",
            &["rsa imports x509"],
        ),
        (
            &["kdf"],
            "use crate::{secret::{self, Secret}, custodian};",
            &["kdf imports custodian"],
        ),
        (
            &["kdf"],
            "use super::{secret, wrapped_share::WrappedShare};",
            &["kdf imports wrapped_share"],
        ),
        (
            &["kdf"],
            "fn f(x: super::rsa::PublicKey) {}",
            &["kdf imports rsa"],
        ),
        (
            &["rsa", "oaep"],
            "use super::super::x509::Certificate;",
            &["rsa imports x509"],
        ),
        (
            &["rsa", "oaep"],
            "type C = super::super::x509::Certificate;",
            &["rsa imports x509"],
        ),
        (
            &["rsa", "oaep"],
            "mod tests { use super::super::super::x509::Certificate; }",
            &["rsa imports x509"],
        ),
        (
            &["rsa"],
            "macro_rules! m { () => { $crate::x509::f() } }",
            &["rsa imports x509"],
        ),
        (
            &["ct"],
            "use crate as this; use this::rsa;",
            &["ct imports the root of the crate"],
        ),
        (
            &["ct"],
            "use crate::{self as this};",
            &["ct imports the root of the crate"],
        ),
        (
            &["ct"],
            "use super::*;",
            &["ct imports the root of the crate"],
        ),
        (
            &["rsa", "oaep"],
            "use super::super as up;",
            &["rsa imports the root of the crate"],
        ),
        (
            &["ct"],
            "extern crate self as this;",
            &["ct imports the root of the crate"],
        ),
        // What is allowed: lower layers, the own family, other crates, and what is no import.
        (&["x509"], "use crate::rsa::PublicKey; // crate::ct", &[]),
        (
            &["x509"],
            "/* use crate::wrapped_share; */ let s = \"crate::wrapped_share\";",
            &[],
        ),
        (
            &["rsa", "oaep"],
            "use super::{KeyError, words}; use super::words::lt;",
            &[],
        ),
        (
            &["rsa", "oaep"],
            "mod tests { use super::*; use super::super::words; }",
            &[],
        ),
        (
            &["rsa"],
            "mod oaep; pub(in crate::rsa) fn f(&self) { oaep::encode(self.x) }",
            &[],
        ),
        (
            &["rsa"],
            "use ::x509::Certificate; use core::fmt::{self, Debug};",
            &[],
        ),
    ] {
        assert_eq!(violations(module, text), seen, "{text}");
    }
}

#[test]
fn a_planted_circle_is_seen() {
    let texts = |files: &[(&str, &str)]| -> Texts {
        let module = |path: &str| path.split("::").map(str::to_owned).collect();
        { files.iter() }
            .map(|(path, text)| (module(path), text.to_string()))
            .collect()
    };
    let root = ("rsa", "mod a; mod b; pub use a::A; pub struct Size;");
    let seen = |a, b| circles(&texts(&[root, ("rsa::a", a), ("rsa::b", b)]));
    assert_eq!(seen("use super::b::B;", "use super::Size;"), [""; 0]);
    assert_eq!(
        seen("use super::b::B;", "use super::a::A;"),
        ["rsa::a rsa::b"]
    );
    // By way of what the root gathers, and without an import.
    assert_eq!(seen("use super::b::B;", "use super::A;"), ["rsa::a rsa::b"]);
    assert_eq!(
        seen("fn f() { super::b::g() }", "use crate::rsa::A;"),
        ["rsa::a rsa::b"]
    );
    // The root takes part when it uses what it gathers.
    let root = ("rsa", "mod a; pub struct Size; fn f() { a::g() }");
    assert_eq!(
        circles(&texts(&[root, ("rsa::a", "use super::Size;")])),
        ["rsa rsa::a"]
    );
    assert_eq!(circles(&texts(&[root, ("rsa::a", "")])), [""; 0]);
}
