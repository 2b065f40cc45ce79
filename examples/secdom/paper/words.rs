// SPDX-License-Identifier: MIT OR Apache-2.0
//! A seed as 24 English words: the list and the checksum of BIP-39, as an encoding of 32 bytes.

use bip39::Language;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::code::SEED;

/// How many words a seed has.
pub const COUNT: usize = 24;
/// How many bits a word has.
const BITS: usize = 11;
/// As many letters tell a word from all others.
const LETTERS: usize = 4;

type Places = Zeroizing<[u16; COUNT]>;

/// Returns the words of a seed.
pub fn encode(seed: &[u8; SEED]) -> [&'static str; COUNT] {
    let check = Zeroizing::new([checksum(seed)]);
    let bit = |i: usize| match seed.get(i / 8).or(check.first()) {
        Some(byte) => u16::from(byte >> (7 - i % 8) & 1),
        None => 0,
    };
    let list = Language::English.word_list();
    std::array::from_fn(|word| {
        let place = (0..BITS).fold(0, |place, i| place << 1 | bit(BITS * word + i));
        list[usize::from(place)]
    })
}

/// Reads words, in either case, with numbers between them; of a word, four letters suffice. Where one word is wrong or
/// missing, it is found, and its number returned: `belongs` tells the right seed.
pub fn decode(
    typed: &str,
    belongs: impl Fn(&[u8; SEED]) -> bool,
) -> Result<(Zeroizing<[u8; SEED]>, Vec<usize>), String> {
    let is_part = |c: char| c.is_alphabetic() || c == '?';
    let words = { typed.split_whitespace() }.map(|word| word.trim_matches(|c| !is_part(c)));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    if words.len() != COUNT {
        return Err(format!(
            "has {} words, where {COUNT} are expected; write ? for each one that cannot be read",
            words.len()
        ));
    }
    let mut places = Places::new([0; COUNT]);
    let mut unknown = Vec::new();
    for (number, (place, word)) in (1..).zip(places.iter_mut().zip(words)) {
        match find(word) {
            Some(found) => *place = found,
            None => unknown.push(number),
        }
    }
    let suspects = match unknown[..] {
        [] => {
            let (seed, is_right) = gather(&places);
            if is_right && belongs(&seed) {
                return Ok((seed, Vec::new()));
            }
            1..=COUNT
        }
        [number] => number..=number,
        _ => {
            let numbers: Vec<_> = unknown.iter().map(usize::to_string).collect();
            let numbers = numbers.join(", ");
            return Err(format!("the words {numbers} are not in the list of BIP-39"));
        }
    };
    for number in suspects {
        let before = places[number - 1];
        for place in 0..1 << BITS {
            places[number - 1] = place;
            let (seed, is_right) = gather(&places);
            if is_right && belongs(&seed) {
                return Ok((seed, vec![number]));
            }
        }
        places[number - 1] = before;
    }
    Err(match (unknown.first(), gather(&places)) {
        (Some(number), _) => format!(
            "word {number} is not in the list of BIP-39, and with none in its place the words give this key"
        ),
        (None, (seed, true)) => return Ok((seed, Vec::new())),
        (None, (_, false)) => "the words do not agree with their checksum, and with no other single word they \
                               give this key: more than one is wrong, or two are in each other's place"
            .into(),
    })
}

/// Returns the place of a word in the list.
fn find(word: &str) -> Option<u16> {
    let word = Zeroizing::new(word.to_lowercase());
    let fits = |listed: &&str| {
        **listed == **word || (word.len() >= LETTERS && listed.starts_with(&**word))
    };
    let place = Language::English.word_list().iter().position(fits)?;
    u16::try_from(place).ok()
}

/// Returns the seed of words, and whether their checksum is right.
fn gather(places: &Places) -> (Zeroizing<[u8; SEED]>, bool) {
    let bit = |i: usize| (places[i / BITS] >> (BITS - 1 - i % BITS) & 1) as u8;
    let byte = |place: usize| (0..8).fold(0, |byte, i| byte << 1 | bit(8 * place + i));
    let seed = Zeroizing::new(std::array::from_fn(byte));
    let is_right = checksum(&seed) == byte(SEED);
    (seed, is_right)
}

fn checksum(seed: &[u8; SEED]) -> u8 {
    Sha256::digest(seed)[0]
}
