// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private keys on paper: the text and what it corrects, the words, and keys made by the tool.

use std::fs;
use std::path::{Path, PathBuf};

use bech32::primitives::iter::{ByteIterExt, Fe32IterExt};
use bech32::{Checksum, Fe32, Fe1024, Hrp};
use proptest::prelude::*;
use serde_json::Value;

use crate::keygen::keygen;
use crate::known_answer;
use crate::odd_keys::pem;
use crate::{Folder, Run, arguments, key, secdom};

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// How long `sdkey1` is, and a text.
const HEAD: usize = 6;
const LEN: usize = 80;

/// A file of the known answer.
fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/paper")
        .join(name)
}

/// The known answer's text without spaces, and its words.
fn known() -> (String, Vec<String>) {
    let sheet = fs::read_to_string(vector("x-wing.txt")).unwrap();
    let parts: Vec<&str> = sheet.split("\n\n").collect();
    let text = parts[2].split_whitespace().collect();
    let words = parts[4]
        .split_whitespace()
        .filter(|word| word.parse::<u8>().is_err());
    (text, words.map(str::to_owned).collect())
}

fn write(key: &Path, public: &Path, out: &Path) -> Run {
    let line = arguments![
        "paper", "write", "--key", key, "--pub", public, "--out", out
    ];
    secdom(line.iter().chain(&arguments!["--no-verify"]))
}

/// Verifies what is typed against a public key.
fn verify(folder: &Folder, typed: &str, public: &Path) -> Run {
    let file = folder.write("typed", typed);
    secdom(arguments![
        "paper", "verify", "--pub", public, "--in", file, "--json"
    ])
}

/// What was corrected.
#[track_caller]
fn corrected(run: Run) -> Vec<String> {
    let report: Value = serde_json::from_str(&run.done()).unwrap();
    let places = report["corrected"].as_array().unwrap();
    places
        .iter()
        .map(|place| place.as_str().unwrap().to_owned())
        .collect()
}

fn place(at: usize) -> String {
    format!(
        "row {}, group {}, character {}",
        at / 20 + 1,
        at / 5 % 4 + 1,
        at % 5 + 1
    )
}

fn other(character: u8, by: u8) -> u8 {
    let at = ALPHABET.iter().position(|c| *c == character);
    at.map_or(b'w', |at| ALPHABET[(at + usize::from(by)) % 32])
}

#[test]
fn a_key_of_each_kind_goes_to_paper_and_back() {
    let folder = Folder::new();
    for kind in ["x-wing", "mlkem1024-p384", "p256"] {
        let [key, public] = keygen(&folder, kind);
        let sheet = folder.join(format!("{kind}.txt"));
        let said = write(&key, &public, &sheet).done();
        assert!(said.contains("not typed back"), "{said}");
        let again = folder.join("again.key");
        let read = arguments![
            "paper", "read", "--pub", public, "--key", again, "--in", sheet
        ];
        secdom(read.iter().chain(&arguments!["--no-password"])).done();
        assert_eq!(fs::read(&again).unwrap(), fs::read(&key).unwrap());
        secdom(read.iter().chain(&arguments!["--no-password"])).refused(&["already exists"]);
        fs::remove_file(again).unwrap();
        // The words alone.
        let text = fs::read_to_string(&sheet).unwrap();
        let words = text
            .split("in words:")
            .nth(1)
            .unwrap()
            .split("To check")
            .next()
            .unwrap();
        assert!(corrected(verify(&folder, words, &public)).is_empty());

        write(&key, &public, &sheet).refused(&[kind, "already exists"]);
        write(&key, &public, &folder.join("sheet.pdf")).refused(&["sheet.pdf", ".svg"]);
        let (svg, png) = (
            folder.join(format!("{kind}.svg")),
            folder.join(format!("{kind}.PNG")),
        );
        write(&key, &public, &svg).done();
        write(&key, &public, &png).done();
        assert!(fs::read_to_string(svg).unwrap().ends_with("</svg>\n"));
        assert!(fs::read(png).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
    }
    let line = arguments![
        "paper",
        "write",
        "--key",
        vector("x-wing.key"),
        "--pub",
        vector("x-wing.pub"),
        "--out",
        "-",
    ];
    secdom(&line).refused(&["standard output", "typed back", "--no-verify"]);
    let run = secdom(line.iter().chain(&arguments!["--no-verify"]));
    assert_eq!(run.out, fs::read_to_string(vector("x-wing.txt")).unwrap());
}

#[test]
fn the_known_answer_is_that_of_bech32() {
    enum Codex32 {}
    impl Checksum for Codex32 {
        type MidstateRepr = u128;
        type CorrectionField = Fe1024;
        const ROOT_GENERATOR: Fe1024 = Fe1024::new([Fe32::_9, Fe32::_9]);
        const ROOT_EXPONENTS: core::ops::RangeInclusive<usize> = 9..=16;
        const CHECKSUM_LENGTH: usize = 13;
        const CODE_LENGTH: usize = 93;
        const GENERATOR_SH: [u128; 5] = [
            0x19dc500ce73fde210,
            0x1bfae00def77fe529,
            0x1fbd920fffe7bee52,
            0x1739640bdeee3fdad,
            0x07729a039cfc75f5a,
        ];
        const TARGET_RESIDUE: u128 = 0x10ce0795c2fd1e62a;
    }
    Codex32::sanity_check();
    let report = secdom(arguments!["inspect", vector("x-wing.pub"), "--json"]).done();
    let report: Value = serde_json::from_str(&report).unwrap();
    let id = report["custodian_id"].as_str().unwrap();
    let byte = |at: usize| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).unwrap();
    let id = (0..5).map(byte).bytes_to_fes();
    let seed = (0..32).map(|byte: u8| byte).bytes_to_fes();
    let symbols = [Fe32::X].into_iter().chain(id).chain(seed);
    let prefix = Hrp::parse("sdkey").unwrap();
    let text: String = symbols.with_checksum::<Codex32>(&prefix).chars().collect();
    let (known, words) = known();
    assert_eq!((known.len(), &known), (LEN, &text));
    // BIP-39 for the bytes 0 to 31.
    assert_eq!(
        (words.len(), &*words[0], &*words[1]),
        (24, "abandon", "amount")
    );
}

#[test]
fn a_wrong_or_missing_character_is_corrected_wherever_it_is() {
    let folder = Folder::new();
    let (text, _) = known();
    for at in 0..LEN {
        for character in [other(text.as_bytes()[at], 1), b'?', b'b'] {
            let mut typed = text.clone().into_bytes();
            typed[at] = character;
            let typed = String::from_utf8(typed).unwrap();
            assert_eq!(
                corrected(verify(&folder, &typed, &vector("x-wing.pub"))),
                [place(at)]
            );
        }
    }
}

/// Places, and by how much their symbols change, in order.
fn changes(count: usize) -> impl Strategy<Value = (Vec<usize>, Vec<u8>)> {
    let places = proptest::sample::subsequence((HEAD..LEN).collect::<Vec<_>>(), count);
    (places, prop::collection::vec(1..32_u8, count))
}

/// The text with wrong characters at some places and missing ones at others.
fn damaged(wrong: &(Vec<usize>, Vec<u8>), missing: &[usize]) -> String {
    let mut typed = known().0.into_bytes();
    for (at, by) in wrong.0.iter().zip(&wrong.1) {
        typed[*at] = other(typed[*at], *by);
    }
    missing.iter().for_each(|at| typed[*at] = b'?');
    String::from_utf8(typed).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn four_wrong_or_eight_missing_are_corrected(
        (wrong, missing) in (0..=4_usize).prop_flat_map(|wrong| (changes(wrong), changes(8 - 2 * wrong))),
    ) {
        let folder = Folder::new();
        let typed = damaged(&wrong, &missing.0);
        let mut places: Vec<usize> = { wrong.0.iter() }.chain(&missing.0).copied().collect();
        places.sort_unstable();
        places.dedup();
        let places: Vec<String> = places.into_iter().map(place).collect();
        prop_assert_eq!(corrected(verify(&folder, &typed, &vector("x-wing.pub"))), places);
    }

    #[test]
    fn more_are_refused(
        (wrong, missing) in (0..=5_usize).prop_flat_map(|wrong| (changes(wrong), changes(13 - 2 * wrong))),
    ) {
        prop_assume!(!wrong.0.iter().any(|at| missing.0.contains(at)));
        let folder = Folder::new();
        let typed = damaged(&wrong, &missing.0);
        verify(&folder, &typed, &vector("x-wing.pub")).refused(&["typed"]);
    }
}

#[test]
fn capitals_spaces_and_hyphens_do_not_matter() {
    let folder = Folder::new();
    let (text, words) = known();
    let mixed = |(at, c): (usize, char)| match at % 2 {
        0 => c.to_ascii_uppercase(),
        _ => c,
    };
    let spread: String = text.chars().map(|c| format!("{c} ")).collect();
    for typed in [
        text.to_uppercase(),
        text.chars().enumerate().map(mixed).collect(),
        spread,
        format!("a note\n\n  {}-\r\n\t{}\n\nmore", &text[..33], &text[33..]),
        words.join(" ").to_uppercase(),
        words.join("\n"),
        { words.iter() }
            .map(|word| format!("{:.4},\n", word))
            .collect(),
        { words.iter().enumerate() }
            .map(|(at, word)| format!("{}. {word} ", at + 1))
            .collect(),
    ] {
        assert!(
            corrected(verify(&folder, &typed, &vector("x-wing.pub"))).is_empty(),
            "{typed}"
        );
    }
    let grouped: String = (0..16)
        .map(|at| format!("{} ", &text[5 * at..5 * at + 5]))
        .collect();
    let short = grouped.replacen(&text[30..35], &text[30..34], 1);
    verify(&folder, &short, &vector("x-wing.pub")).refused(&["79 characters", "group 3 of row 2"]);
    verify(&folder, &text[..79], &vector("x-wing.pub")).refused(&["typed", "79 characters", "80"]);
}

#[test]
fn a_wrong_word_is_named_with_its_number() {
    let folder = Folder::new();
    let (_, words) = known();
    let verified = |change: &dyn Fn(&mut Vec<String>)| {
        let mut words = words.clone();
        change(&mut words);
        verify(&folder, &words.join(" "), &vector("x-wing.pub"))
    };
    for at in 0..24 {
        for word in ["?", "abandom", "zoo"] {
            let run = verified(&|words| words[at] = word.into());
            assert_eq!(corrected(run), [format!("word {}", at + 1)], "{word}");
        }
    }
    verified(&|words| words[6] = "?".into()).done();
    verified(&|words| (words[6], words[11]) = ("?".into(), "xyz".into())).refused(&[
        "typed",
        "words 7, 12",
        "BIP-39",
    ]);
    verified(&|words| words.swap(3, 4)).refused(&["typed"]);
    verified(&|words| drop(words.pop())).refused(&["typed", "23 words", "24"]);
}

#[test]
fn the_sheet_of_another_key_is_refused_by_name() {
    let folder = Folder::new();
    let (text, words) = known();
    let [key_file, public] = keygen(&folder, "x-wing");
    let [_, curve] = keygen(&folder, "p256");
    let [_, lattice] = keygen(&folder, "mlkem1024");
    let id = |public: &Path| {
        let report = secdom(arguments!["inspect", public, "--json"]).done();
        let report: Value = serde_json::from_str(&report).unwrap();
        report["custodian_id"].as_str().unwrap().to_owned()
    };
    let known_id = id(&vector("x-wing.pub"));
    verify(&folder, &text, &public).refused(&["typed", &known_id[..10], &id(&public)]);
    verify(&folder, &text, &curve).refused(&["typed", "X-Wing", "p256.pub", "P-256"]);
    verify(&folder, &words.join(" "), &public).refused(&["typed", "another key", "x-wing.pub"]);
    verify(&folder, &words.join(" "), &curve).refused(&["typed", "another key", "p256.pub"]);
    verify(&folder, &text, &lattice).refused(&["mlkem1024.pub", "ML-KEM-1024", "no sheet"]);
    verify(&folder, &text, &key("s2048_0")).refused(&["s2048_0.key", "a private key"]);
    write(&key_file, &curve, &folder.join("a.txt")).refused(&["x-wing.key", "p256.pub"]);
    let rsa = write(&key("s2048_0"), &public, &folder.join("a.txt"));
    rsa.refused(&["s2048_0.key", "no sheet"]);
    verify(&folder, "", &public).refused(&["typed", "0 words"]);
    verify(&folder, "\u{1f511}", &public).refused(&["typed", "0 words"]);
    let file = folder.write("bytes", b"\xff\xfe\x00");
    secdom(arguments!["paper", "verify", "--pub", public, "--in", file])
        .refused(&["bytes", "not text"]);
    secdom(arguments!["paper", "verify", "--pub", public]).refused(&["--in"]);
}

/// The files of the known answer: the key of the seed 0 to 31, its public half, and its sheet.
#[test]
fn the_known_answer_is_of_a_known_seed() {
    let seed: Vec<u8> = (0..32).collect();
    let key =
        security_domain::kem::PrivateKey::<security_domain::kem::XWing>::from_seed(&seed).unwrap();
    let mut der = vec![0; 4096];
    let length = key.to_pkcs8_der(&mut der).unwrap();
    let private = pem("PRIVATE KEY", &der[..length]);
    let length = key.public_key().unwrap().to_spki_der(&mut der).unwrap();
    let public = pem("PUBLIC KEY", &der[..length]);
    let [key_file, public_file, sheet] =
        ["key", "pub", "txt"].map(|end| vector(&format!("x-wing.{end}")));
    if known_answer::rewritten() {
        fs::write(&key_file, &private).unwrap();
        fs::write(&public_file, &public).unwrap();
        fs::remove_file(&sheet).unwrap();
        write(&key_file, &public_file, &sheet).done();
    }
    assert_eq!(fs::read_to_string(key_file).unwrap(), private);
    assert_eq!(fs::read_to_string(public_file).unwrap(), public);
}
