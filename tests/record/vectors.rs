// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flashes under `tests/vectors/record`, each named by its defect. They were written by
//! `tests/interop/record.py`, which shares no line with the crate; `cases.json` says what a start makes
//! of each.

use std::fs;
use std::path::PathBuf;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::flash::{Flash, Hsm};
use super::{INSTANCE, load, save};

fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/record")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_flash_is_judged_as_its_name_says() {
    let cases = fs::read_to_string(vectors().join("cases.json")).unwrap();
    let cases: serde_json::Value = serde_json::from_str(&cases).unwrap();
    let cases = cases.as_array().unwrap();
    for case in cases {
        let name = case["file"].as_str().unwrap();
        let bytes = fs::read(vectors().join(format!("{name}.flash"))).unwrap();
        let mut hsm = Hsm::with_flash(Flash::decode(&bytes).unwrap(), 1);
        let (says, contents) = match load(&mut hsm) {
            Ok((state, _)) => (String::new(), hex(&state)),
            Err(error) => (error.to_string(), String::new()),
        };
        assert_eq!(case["says"], says, "{name}");
        assert_eq!(case["contents"], contents, "{name}");
    }
    let files = fs::read_dir(vectors()).unwrap().filter(|entry| {
        let path = entry.as_ref().unwrap().path();
        path.extension()
            .is_some_and(|extension| extension == "flash")
    });
    assert_eq!(files.count(), cases.len() + 1, "every file has a case");
}

/// What is written with fixed draws. A change of one byte is a change of the format.
#[test]
fn known_answer() {
    let mut hsm = Hsm::new();
    let (_, mut position) = load(&mut hsm).unwrap();
    hsm.rng = ChaCha20Rng::from_seed([0x2c; 32]);
    save(&mut hsm, &mut position, b"what an HSM keeps").unwrap();
    let mut drawn = [0; 32];
    ChaCha20Rng::from_seed([0x2c; 32]).fill_bytes(&mut drawn);
    let facts = serde_json::json!({
        "contents": hex(b"what an HSM keeps"),
        "drawn": hex(&drawn),
        "instance": hex(INSTANCE.as_bytes()),
        "number": 3,
    });
    if crate::known_answer::rewritten() {
        let pretty = serde_json::to_string_pretty(&facts).unwrap();
        fs::write(vectors().join("known-answer.json"), pretty + "\n").unwrap();
        fs::write(vectors().join("known-answer.flash"), hsm.flash.encode()).unwrap();
    }
    let want = fs::read_to_string(vectors().join("known-answer.json")).unwrap();
    let want: serde_json::Value = serde_json::from_str(&want).unwrap();
    assert_eq!(facts, want);
    let want = fs::read(vectors().join("known-answer.flash")).unwrap();
    assert_eq!(hsm.flash.encode(), want);
}
