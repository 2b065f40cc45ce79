// SPDX-License-Identifier: MIT OR Apache-2.0
//! A private key as a text of 80 characters that corrects errors (`docs/format.md`, "Private key on paper").

use zeroize::Zeroizing;

use super::correct::{CHECKSUM, checksum, correct};

/// How every text begins; a `1` follows.
const PREFIX: &str = "sdkey";
/// The characters of the symbols 0 to 31, as in BIP-173.
const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// The length of a seed in bytes.
pub const SEED: usize = 32;
/// How many bytes of the custodian's id a text has.
pub const SHORT_ID: usize = 5;

const HEAD: usize = PREFIX.len() + 1;
/// How many characters at the front may be wrong. No word of BIP-39 has the others in their places.
const MOST_IN_HEAD: usize = 2;
const DATA: usize = 1 + SHORT_ID * 8 / 5 + (SEED * 8).div_ceil(5);
/// The length of a text in characters.
pub const LEN: usize = HEAD + DATA + CHECKSUM;

/// How many characters are in a group, and how many groups in a row of a sheet.
pub const GROUP: usize = 5;
pub const ROW: usize = 4;

/// What a text says.
pub struct Contents {
    /// The character of the kind of key.
    pub kind: char,
    /// The first bytes of the custodian's id.
    pub id: [u8; SHORT_ID],
    pub seed: Zeroizing<[u8; SEED]>,
}

/// Writes a text in lower case.
pub fn encode(contents: &Contents) -> Option<Zeroizing<String>> {
    let mut symbols = Zeroizing::new([0; DATA + CHECKSUM]);
    let (data, check) = symbols.split_at_mut(DATA);
    data[0] = symbol(contents.kind as u8)?;
    let (id, seed) = data[1..].split_at_mut(SHORT_ID * 8 / 5);
    spread(&contents.id, id);
    spread(&contents.seed[..], seed);
    check.copy_from_slice(&checksum(PREFIX, data));
    let mut text = Zeroizing::new(String::with_capacity(LEN));
    text.push_str(PREFIX);
    text.push('1');
    text.extend({ symbols.iter() }.map(|symbol| char::from(ALPHABET[usize::from(*symbol)])));
    Some(text)
}

/// Returns whether `typed` begins as a text does, but for what is missing.
pub fn begins(typed: &str) -> bool {
    let head = typed.chars().filter(|c| is_counted(*c)).take(HEAD);
    wrong_in_head(head).len() <= MOST_IN_HEAD
}

/// Reads a text, in either case or both, with white space and hyphens anywhere. Returns what it says and the places
/// that were corrected, or why it cannot be read.
pub fn decode(typed: &str) -> Result<(Contents, Vec<usize>), String> {
    let count = typed.chars().filter(|c| is_counted(*c)).count();
    if count != LEN {
        return Err(wrong_length(typed, count));
    }
    let characters = || typed.chars().filter(|c| is_counted(*c));
    let mut corrected = wrong_in_head(characters().take(HEAD));
    if corrected.len() > MOST_IN_HEAD {
        return Err(format!("does not begin with {PREFIX}1"));
    }
    let mut symbols = Zeroizing::new([0; DATA + CHECKSUM]);
    let mut missing = Vec::new();
    for (place, (to, c)) in symbols.iter_mut().zip(characters().skip(HEAD)).enumerate() {
        let known = u8::try_from(c).ok().and_then(symbol);
        if known.is_none() {
            missing.push(place);
        }
        *to = known.unwrap_or_default();
    }
    let places = correct(PREFIX, &mut symbols[..], &missing).ok_or(
        "more than 4 characters are wrong, or 8 missing: compare it with the sheet once more",
    )?;
    corrected.extend(places.iter().map(|place| place + HEAD));

    let (mut id, mut seed) = ([0; SHORT_ID], Zeroizing::new([0; SEED]));
    let (id_symbols, seed_symbols) = symbols[1..DATA].split_at(SHORT_ID * 8 / 5);
    if !(gather(id_symbols, &mut id) && gather(seed_symbols, &mut seed[..])) {
        return Err("was not written by this tool: the bits behind the key are not zero".into());
    }
    let kind = char::from(ALPHABET[usize::from(symbols[0])]);
    Ok((Contents { kind, id, seed }, corrected))
}

/// Says where a character of a text is on its sheet.
pub fn place(at: usize) -> String {
    let (row, group) = (at / (GROUP * ROW) + 1, at / GROUP % ROW + 1);
    format!("row {row}, group {group}, character {}", at % GROUP + 1)
}

fn is_counted(c: char) -> bool {
    !(c.is_whitespace() || c == '-')
}

/// Returns the places at the front that differ from the front of every text.
fn wrong_in_head(head: impl Iterator<Item = char>) -> Vec<usize> {
    let expected = PREFIX.chars().chain(['1']).enumerate();
    let mut head = head.fuse();
    let wrong = expected.filter(|(_, c)| head.next().is_none_or(|h| !h.eq_ignore_ascii_case(c)));
    wrong.map(|(place, _)| place).collect()
}

/// Says which group has not its length, if the groups are typed apart.
fn wrong_length(typed: &str, count: usize) -> String {
    let mut groups = typed
        .split(|c| !is_counted(c))
        .filter(|group| !group.is_empty());
    let reason = format!("has {count} characters, where {LEN} are expected");
    match groups.clone().count() {
        groups_len if groups_len == LEN / GROUP => {}
        _ => return format!("{reason}; write ? for each one that cannot be read"),
    }
    let place = groups.position(|group| group.chars().count() != GROUP);
    let place = place.unwrap_or_default();
    let (row, group) = (place / ROW + 1, place % ROW + 1);
    format!("{reason}: group {group} of row {row} does not have {GROUP}")
}

/// Returns the symbol of a character, in either case.
fn symbol(character: u8) -> Option<u8> {
    let character = character.to_ascii_lowercase();
    let place = ALPHABET.iter().position(|c| *c == character)?;
    u8::try_from(place).ok()
}

/// Spreads the bits of `bytes` to symbols of five bits, the highest first, with zeros behind them.
fn spread(bytes: &[u8], symbols: &mut [u8]) {
    for (place, symbol) in symbols.iter_mut().enumerate() {
        let bit = |i: usize| bytes.get(i / 8).map_or(0, |byte| byte >> (7 - i % 8) & 1);
        *symbol = (0..5).fold(0, |symbol, i| symbol << 1 | bit(5 * place + i));
    }
}

/// Gathers what [`spread`] spreads, and returns whether zeros are behind it.
fn gather(symbols: &[u8], bytes: &mut [u8]) -> bool {
    let bit = |i: usize| {
        symbols
            .get(i / 5)
            .map_or(0, |symbol| symbol >> (4 - i % 5) & 1)
    };
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = (0..8).fold(0, |byte, i| byte << 1 | bit(8 * place + i));
    }
    (8 * bytes.len()..5 * symbols.len()).all(|i| bit(i) == 0)
}
