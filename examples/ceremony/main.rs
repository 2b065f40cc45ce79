// SPDX-License-Identifier: MIT OR Apache-2.0
//! A security domain from its first sealing to its recovery, with real files: start here.
//!
//! Custodians make keys. An HSM seals its domain and is destroyed. A quorum of custodians restores the
//! domain in another HSM, which then changes its quorum. Attacks fail. The first part uses the files of Azure Managed HSM, the second
//! the native format. The files remain, to be examined with `secdom`.
//!
//! `cargo run --release --all-features --example ceremony [FOLDER]`

mod board;
mod interchange;
mod party;
#[path = "../secdom/pem/encode.rs"]
mod pem;
mod rotation;
mod sealed;

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use party::Party;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The custodians, and how many of them are a quorum.
const NAMES: [&str; 5] = ["ada", "ben", "cleo", "dana", "emil"];
const REQUIRED: u8 = 3;

fn main() -> ExitCode {
    match ceremony() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ceremony: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ceremony() -> Outcome {
    let folder = match env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => env::temp_dir().join(format!(
            "security-domain-ceremony-{:08x}",
            getrandom::u32()?
        )),
    };
    fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    println!("A ceremony in {}\n", folder.display());

    println!("1. Each custodian makes a key, and a certificate for it.");
    let mut custodians = Vec::new();
    for name in NAMES {
        let (key, cer) = (format!("{name}.key"), format!("{name}.cer"));
        let party = Party::new(name, &folder.join(&key), &folder.join(&cer))?;
        println!("   {key:<9} {cer:<9} {}", party.thumbprint()?);
        custodians.push(party);
    }

    println!("\nWith the files of Azure Managed HSM\n");
    interchange::act(&folder, &mut custodians)?;
    println!("\nWith the crate's own files\n");
    sealed::act(&folder, &mut custodians)?;

    println!("\nEverything succeeded or failed as it must. Look at the files:");
    let folder = folder.display();
    println!("   secdom inspect {folder}/domain.json --certs {folder}/*.cer");
    println!("   secdom inspect {folder}/domain.sealed");
    println!("   secdom inspect {folder}/next.sealed");
    Ok(())
}

/// Writes a new file that its owner alone can read.
fn write_new(path: &Path, bytes: &[u8]) -> Outcome {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    Ok(options.open(path)?.write_all(bytes)?)
}

fn require(holds: bool, what: &str) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(format!("it does not hold that {what}").into())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
