// SPDX-License-Identifier: MIT OR Apache-2.0
//! This crate beside its peers, measured in one run.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- kem [--json]
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- rsa [--json]
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- shamir [--json] [--full]
//! ```

use std::process::ExitCode;

mod figure;
mod kem;
mod measure;
mod report;
mod rsa;
mod shamir;
mod streams;
mod summary;

const USAGE: &str = "usage: security-domain-peers kem [--json] | rsa [--json] | shamir [--json] [--full]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((subject, flags)) = arguments.split_first() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let given = |name: &str| flags.iter().any(|flag| flag == name);
    let known: &[&str] = if subject == "shamir" {
        &["--json", "--full"]
    } else {
        &["--json"]
    };
    if !flags.iter().all(|flag| known.contains(&flag.as_str())) {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let mut output = report::Output::new(given("--json"));
    match subject.as_str() {
        "kem" => kem::run(&output),
        "rsa" => rsa::run(&output),
        "shamir" => {
            shamir::run(given("--full"), &mut output);
            summary::sharing(&output);
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/figures/speed.svg");
            if let Err(error) = std::fs::write(path, figure::draw(&output.shared)) {
                eprintln!("{path}: {error}");
                return ExitCode::FAILURE;
            }
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
