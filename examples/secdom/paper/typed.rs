// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is typed from a sheet: its text or its words, and the key that they give.

use std::path::Path;

use zeroize::Zeroizing;

use super::code::{self, Contents, SEED};
use super::{CHARACTERS, sheet, words};
use crate::kem::{PrivateKey, PublicKey};
use crate::report::{Outcome, Refusal};
use crate::{show, signals, text};

/// The most that is read: more than a whole sheet.
const MOST: usize = 32 << 10;

/// The key on a sheet, which is that of a public key.
pub struct Typed {
    pub key: PrivateKey,
    /// Whether the text was typed, or the words.
    pub form: &'static str,
    /// What was corrected, to be shown.
    pub corrected: Vec<String>,
}

impl Typed {
    /// Reads what is typed from the sheet `name` of the key whose public key is `public`, read from `file`.
    pub fn read(typed: &str, name: &str, public: &PublicKey, file: &Path) -> Outcome<Self> {
        let refuse = |reason: String| Refusal::new(format!("{name}: {reason}"));
        let key_of = |seed: &[u8; SEED]| {
            let key = PrivateKey::from_seed(public.kind, seed).ok()?;
            (key.public_key().ok()? == *public).then_some(key)
        };
        let (seed, form, corrected) = match text_in(typed) {
            Some(text) => {
                let (contents, places) = code::decode(text).map_err(refuse)?;
                must_be_of(&contents, public, file).map_err(refuse)?;
                (
                    contents.seed,
                    "text",
                    places.into_iter().map(code::place).collect(),
                )
            }
            None => {
                let belongs = |seed: &[u8; SEED]| key_of(seed).is_some();
                let (seed, numbers) = words::decode(typed, belongs).map_err(refuse)?;
                let places = numbers.iter().map(|number| format!("word {number}"));
                (seed, "words", places.collect())
            }
        };
        let other = || {
            refuse(format!(
                "gives another key than that of {}",
                show::path(file)
            ))
        };
        let key = key_of(&seed).ok_or_else(other)?;
        Ok(Self {
            key,
            form,
            corrected,
        })
    }
}

/// Returns the text of a sheet, which ends at an empty line, if there is one.
fn text_in(typed: &str) -> Option<&str> {
    let starts = { typed.match_indices('\n') }.map(|(at, _)| at + 1);
    let mut starts = [0].into_iter().chain(starts);
    let text = starts.find_map(|start| {
        let text = &typed[start..];
        code::begins(text.lines().next().unwrap_or_default()).then_some(text)
    })?;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            break;
        }
        end += line.len();
    }
    Some(&text[..end])
}

/// Refuses the sheet of another key.
fn must_be_of(contents: &Contents, public: &PublicKey, file: &Path) -> Result<(), String> {
    let file = show::path(file);
    let kind = CHARACTERS
        .iter()
        .find(|(_, character)| *character == contents.kind);
    match kind.map(|(kind, _)| *kind) {
        None => return Err("is the sheet of a kind of key that this version does not know".into()),
        Some(kind) if kind != public.kind => {
            let (kind, expected) = (kind.name(), public.kind.name());
            return Err(format!(
                "is the sheet of a key of kind {kind}, and {file} is of kind {expected}"
            ));
        }
        Some(_) => {}
    }
    if contents.id != sheet::short(public) {
        let id = show::hex(&contents.id);
        return Err(format!(
            "is the sheet of custodian {id}..., and {file} is the key of custodian {}",
            public.id
        ));
    }
    Ok(())
}

/// Asks for a sheet, up to an empty line.
pub fn ask() -> Outcome<Zeroizing<String>> {
    let mut typed = Zeroizing::new(Vec::with_capacity(MOST));
    loop {
        let prompt = match typed.is_empty() {
            true => "The sheet, with an empty line behind it:\n> ",
            false => "> ",
        };
        let line = signals::ask_shown(prompt)
            .map_err(|error| Refusal::new(format!("cannot ask for the sheet: {error}")))?;
        if line.trim_ascii().is_empty() {
            break;
        }
        if typed.len() + line.len() > MOST {
            return Err(Refusal::new("the sheet: more was typed than a sheet has"));
        }
        typed.extend_from_slice(&line);
    }
    in_characters("the sheet", typed)
}

/// Reads a file with what is on a sheet.
pub fn of_file(path: &Path) -> Outcome<Zeroizing<String>> {
    let bytes = text::read(path)?;
    match bytes.len() <= MOST {
        true => in_characters(&show::path(path), bytes),
        false => Err(Refusal::file(path, "has more than a sheet")),
    }
}

fn in_characters(name: &str, mut bytes: Zeroizing<Vec<u8>>) -> Outcome<Zeroizing<String>> {
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(_) => Err(Refusal::new(format!("{name}: is not text"))),
    }
}
