// SPDX-License-Identifier: MIT OR Apache-2.0
//! The commands of the documents, with the real openssl. `tests/documents` runs those of cargo.

use std::path::Path;
use std::process::{Command, Stdio};

#[path = "../../../documents/transcript.rs"]
mod transcript;

use transcript::{Values, blocks};

/// Runs the blocks of the documents in `folder`, where `wrapped-share.bin` is made from what `secdom
/// inspect` shows; returns how many commands there were.
pub fn run(folder: &Path, secdom: &Path, documents: &[&str]) -> String {
    let mut values = Values::default();
    let mut count = 0;
    for document in documents {
        let text = String::from_utf8(super::file(document)).expect("text");
        for block in blocks(&text) {
            if block.steps.iter().any(|step| step.words[0] == "cargo") {
                continue;
            }
            for step in &block.steps {
                if step.words.iter().any(|word| word == "wrapped-share.bin") {
                    unpack_first_share(folder, secdom);
                }
                values
                    .fill(step)
                    .and_then(|words| one(folder, secdom, &words))
                    .and_then(|printed| values.compare(step, &printed))
                    .unwrap_or_else(|reason| {
                        panic!("{document}, block at line {}: {reason}", block.line)
                    });
                count += 1;
            }
        }
    }
    format!("figure: {count} commands of the documents\n")
}

/// Runs one command and returns what it printed.
fn one(folder: &Path, secdom: &Path, words: &[String]) -> Result<String, String> {
    let (program, arguments) = words.split_first().expect("a program");
    let program = match program.as_str() {
        "secdom" => secdom,
        "openssl" => Path::new("openssl"),
        other => return Err(format!("no program {other}")),
    };
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {said}", words.join(" ")));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

/// The first custodian's wrapped share, out of Base64, as `wrapped-share.bin`.
fn unpack_first_share(folder: &Path, secdom: &Path) {
    let run = |line: &str| {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        one(folder, secdom, &words).unwrap_or_else(|reason| panic!("{reason}"))
    };
    let json = run("secdom inspect domain.sealed --json");
    let share = json.split("\"wrapped_share\"").nth(1).expect("a share");
    let base64 = share.split('"').nth(1).expect("a string");
    std::fs::write(folder.join("wrapped-share.txt"), base64).expect("a file");
    run("openssl base64 -d -A -in wrapped-share.txt -out wrapped-share.bin");
}
