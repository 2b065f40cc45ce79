// SPDX-License-Identifier: MIT OR Apache-2.0
//! Puts the memory map of the board where the linker looks for it.

use std::path::Path;
use std::{env, fs};

fn main() {
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets it");
    let map = format!("memory/{arch}.x");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    fs::copy(&map, Path::new(&out).join("memory.x")).expect("the board has a memory map");
    println!("cargo:rustc-link-search={out}");
    println!("cargo:rerun-if-changed={map}");
}
