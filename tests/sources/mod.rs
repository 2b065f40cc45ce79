// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of the crate's source.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder that they are in.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All files of Rust in it and in its folders.
pub fn all() -> Vec<PathBuf> {
    in_folder(&root())
}

fn in_folder(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => in_folder(&path),
            Some(extension) if extension == "rs" => vec![path],
            _ => Vec::new(),
        })
        .collect()
}
