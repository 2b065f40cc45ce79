// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bech32m (BIP 350; alphabet and code from BIP 173) on secret symbols of five bits.
//!
//! Published implementations look up characters in tables, at addresses that would reveal the
//! share. Here each character is compared with the whole alphabet.

use crate::ct::Mask;

/// The characters of the symbols 0 to 31 (BIP 173, "Bech32").
const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// The code's generator, times each power of two (BIP 173, "Checksum").
const GENERATOR: [u32; 5] = [
    0x3b6a_57b2,
    0x2650_8e6d,
    0x1ea1_19fa,
    0x3d42_33dd,
    0x2a14_62b3,
];

/// The remainder of a text whose checksum is right (BIP 350, "Bech32m").
const REMAINDER: u32 = 0x2bc8_30a3;

/// Symbols of the checksum.
pub const CHECKSUM_LEN: usize = 6;

/// Returns the character of a symbol, which is below 32.
///
/// Secret: `symbol`. Leaks: nothing.
pub fn character(symbol: u8) -> u8 {
    let mut character = 0;
    for (value, of_value) in (0..).zip(ALPHABET) {
        character = Mask::eq(symbol.into(), value).select_u8(*of_value, character);
    }
    character
}

/// Returns the symbol of a lower-case character, and whether there is one.
///
/// Secret: `character`. Leaks: nothing.
pub fn symbol(character: u8) -> (u8, Mask) {
    let mut symbol = 0;
    let mut found = Mask::public(false);
    for (value, of_value) in (0..).zip(ALPHABET) {
        let is_it = Mask::eq(character.into(), u32::from(*of_value));
        symbol = is_it.select_u8(value, symbol);
        found |= is_it;
    }
    (symbol, found)
}

/// The checksum of the symbols so far.
pub struct Checksum(u32);

impl Checksum {
    /// Starts with the human-readable part, which is public and in lower case.
    pub fn new(prefix: &[u8]) -> Self {
        let mut checksum = Self(1);
        prefix.iter().for_each(|byte| checksum.add(byte >> 5));
        checksum.add(0);
        prefix.iter().for_each(|byte| checksum.add(byte & 31));
        checksum
    }

    /// Adds a symbol.
    ///
    /// Secret: the checksum, `symbol`. Leaks: nothing.
    pub fn add(&mut self, symbol: u8) {
        let top = self.0 >> 25;
        self.0 = (self.0 & 0x01ff_ffff) << 5 ^ u32::from(symbol);
        for (bit, by) in GENERATOR.into_iter().enumerate() {
            self.0 ^= Mask::from_bit(top >> bit & 1).select(by, 0);
        }
    }

    /// Returns the symbols that complete the text after those added.
    ///
    /// Secret: all of it. Leaks: nothing.
    pub fn symbols(mut self) -> [u8; CHECKSUM_LEN] {
        (0..CHECKSUM_LEN).for_each(|_| self.add(0));
        let word = self.0 ^ REMAINDER;
        [25, 20, 15, 10, 5, 0].map(|at| (word >> at) as u8 & 31)
    }

    /// Returns whether the added symbols are a whole text with the right checksum.
    ///
    /// Secret: all of it. Leaks: nothing.
    pub fn is_right(&self) -> Mask {
        Mask::eq(self.0, REMAINDER)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    /// Whether a text is Bech32m, of any human-readable part.
    fn is_bech32m(text: &str) -> bool {
        let Some((prefix, data)) = text.rsplit_once('1') else {
            return false;
        };
        let mut checksum = Checksum::new(prefix.as_bytes());
        for byte in data.bytes() {
            let (symbol, found) = symbol(byte);
            if !found.declassify() {
                return false;
            }
            checksum.add(symbol);
        }
        data.len() >= CHECKSUM_LEN && checksum.is_right().declassify()
    }

    /// BIP 350, "Test vectors for Bech32m", of lower case and of any length.
    #[test]
    fn the_vectors_of_bip_350() {
        for valid in [
            "a1lqfn3a",
            "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
            "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
            "11llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllludsr8",
            "split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
            "?1v759aa",
        ] {
            assert!(is_bech32m(valid), "{valid}");
            let (front, back) = valid.split_at(valid.len() - CHECKSUM_LEN);
            let (prefix, data) = front.rsplit_once('1').unwrap();
            let mut checksum = Checksum::new(prefix.as_bytes());
            data.bytes().for_each(|byte| checksum.add(symbol(byte).0));
            let made: String = { checksum.symbols().into_iter() }
                .map(|symbol| char::from(character(symbol)))
                .collect();
            assert_eq!(made, back);
        }
        for invalid in [
            "qyrz8wqd2c9m",
            "y1b0jsk6g",
            "lt1igcx5c0",
            "in1muywd",
            "mm1crxm3i",
            "au1s5cgom",
            // With the human-readable part in upper case.
            "m1vuxwez",
            // Bech32, not Bech32m (BIP 173).
            "a12uel5l",
            "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
        ] {
            assert!(!is_bech32m(invalid), "{invalid}");
        }
    }

    #[test]
    fn each_symbol_has_one_character() {
        for byte in 0..=u8::MAX {
            let (value, found) = symbol(byte);
            assert_eq!(found.declassify(), ALPHABET.contains(&byte));
            if found.declassify() {
                assert_eq!(character(value), byte);
            }
        }
    }

    /// What an error leaves in the checksum, by its distance from the end and its value: the code is
    /// linear, so that errors are missed exactly if what they leave adds up to zero.
    fn left_by_errors(len: usize) -> Vec<[u32; 31]> {
        let mut left: [Checksum; 31] = core::array::from_fn(|at| Checksum(at as u32 + 1));
        let next = |_| {
            let now = left.each_ref().map(|checksum| checksum.0);
            left.iter_mut().for_each(|checksum| checksum.add(0));
            now
        };
        (0..len).map(next).collect()
    }

    /// All of one, two and three errors in a text of 1,023 symbols. By rotation, the last error is at
    /// the end and has the value 1.
    #[test]
    fn three_errors_are_found_up_to_1023_symbols() {
        let left = left_by_errors(1023);
        let mut single = HashMap::new();
        for (at, errors) in left.iter().enumerate() {
            for error in errors {
                assert_ne!(*error, 0);
                assert_eq!(single.insert(*error, at), None, "two errors are missed");
            }
        }
        for errors in &left[1..] {
            assert!(
                errors
                    .iter()
                    .all(|error| !single.contains_key(&(error ^ 1)))
            );
        }
        // One symbol more, and two errors can be missed.
        assert!(single.contains_key(&left_by_errors(1024)[1023][0]));
    }

    #[test]
    fn four_errors_are_found_up_to_89_symbols_and_no_further() {
        let missed = |len| {
            let left = left_by_errors(len);
            let two: HashSet<u32> = left[1..].iter().flatten().map(|error| error ^ 1).collect();
            left.iter().enumerate().skip(1).any(|(at, errors)| {
                left[at + 1..].iter().any(|others| {
                    let sums = { errors.iter() }
                        .flat_map(|error| others.iter().map(move |other| error ^ other));
                    sums.into_iter().any(|sum| two.contains(&sum))
                })
            })
        };
        assert!(!missed(89));
        assert!(missed(90));
    }
}
