// SPDX-License-Identifier: MIT OR Apache-2.0
//! Leaves the portable path as the only one.

fn main() {
    println!("cargo:rustc-cfg=security_domain_backend=\"portable\"");
    println!("cargo:rerun-if-changed=build.rs");
}
