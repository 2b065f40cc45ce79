// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shares as text: the same as another implementation of Bech32m, every mistake of a few characters
//! found, and everything else refused by its name.

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};
use proptest::prelude::*;
use security_domain::quorum::QuorumError;
use security_domain::shamir::ShareRow;
use security_domain::shamir::check::SetId;
use security_domain::shamir::encoded::{EncodedShare, EncodedShareError, encoded_len};
use security_domain::shamir::text::{MAX_TEXT_LEN, MAX_VALUE_LEN, TextError, text_len};

use crate::dealing::{index, quorum};

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// The fourth share of 3 of 5.
fn share<'a>(value: &'a [u8], blind: &'a [u8; 32]) -> EncodedShare<'a> {
    let row = ShareRow {
        index: index(4),
        value,
    };
    EncodedShare::new(SetId::from_bytes([0xab; 16]), quorum(3, 5), row, blind).unwrap()
}

fn bytes(share: &EncodedShare<'_>) -> Vec<u8> {
    let mut out = vec![0; encoded_len(share.row().value.len())];
    share.encode(&mut out).unwrap();
    out
}

fn text(value: &[u8], blind: [u8; 32]) -> String {
    let mut out = vec![0x77; text_len(value.len()) + 3];
    let share = share(value, &blind);
    let text = share.encode_text(&mut out).unwrap().to_owned();
    assert_eq!(text.len(), text_len(value.len()));
    assert_eq!(out[text.len()..], [0x77; 3]);
    text
}

/// Reads `text`, and checks that an error leaves nothing in the buffer.
fn read(text: &str) -> Result<Vec<u8>, TextError> {
    let mut out = vec![0x77; encoded_len(MAX_VALUE_LEN) + 1];
    let read = EncodedShare::parse_text(text, &mut out).map(|share| bytes(&share));
    if read.is_err() {
        assert!(out.iter().all(|byte| *byte == 0), "{text}: not wiped");
    }
    read
}

/// Bech32m of bytes that are no share.
fn bech32m(prefix: &str, data: &[u8]) -> String {
    bech32::encode::<Bech32m>(Hrp::parse(prefix).unwrap(), data).unwrap()
}

#[test]
fn the_text_is_the_one_that_the_format_shows() {
    let format = include_str!("../../docs/format.md");
    let text = text(b"value", [0xcd; 32]);
    assert!(format.contains(&text), "{text}");
    assert_eq!(text_len(32), 155);
}

proptest! {
    #[test]
    fn another_implementation_reads_and_writes_the_same(
        value in proptest::collection::vec(any::<u8>(), 0..=MAX_VALUE_LEN), blind: [u8; 32],
    ) {
        let bytes = bytes(&share(&value, &blind));
        let text = text(&value, blind);
        prop_assert_eq!(&text, &bech32m("sdshare", &bytes[7..]));
        let theirs = CheckedHrpstring::new::<Bech32m>(&text).unwrap();
        prop_assert_eq!(theirs.byte_iter().collect::<Vec<_>>(), &bytes[7..]);
        prop_assert_eq!(read(&text), Ok(bytes.clone()));
        prop_assert_eq!(read(&text.to_uppercase()), Ok(bytes));
    }

    /// Three substitutions are always found; by chance alone four would be missed once in 2^30.
    #[test]
    fn up_to_three_wrong_characters_are_found(
        value in proptest::collection::vec(any::<u8>(), 0..=MAX_VALUE_LEN),
        errors in proptest::collection::vec((any::<prop::sample::Index>(), 1..32_usize), 1..=3),
    ) {
        let mut wrong = text(&value, [7; 32]).into_bytes();
        let good = wrong.clone();
        for (at, by) in errors {
            let at = 8 + at.index(wrong.len() - 8);
            let symbol = ALPHABET.iter().position(|c| *c == good[at]).unwrap();
            wrong[at] = ALPHABET[symbol ^ by];
        }
        prop_assert_ne!(&wrong, &good);
        prop_assert_eq!(read(&String::from_utf8(wrong).unwrap()), Err(TextError::Checksum));
    }

    #[test]
    fn gaps_are_passed_over_wherever_they_are(
        gaps in proptest::collection::vec((any::<prop::sample::Index>(), 0..4_usize), 0..40),
        upper: bool,
    ) {
        let mut gapped = text(b"value", [0xcd; 32]);
        for (at, gap) in gaps {
            gapped.insert_str(at.index(gapped.len() + 1), [" ", "-", "\n", "\r\n"][gap]);
        }
        if upper {
            gapped.make_ascii_uppercase();
        }
        prop_assert_eq!(read(&gapped), Ok(bytes(&share(b"value", &[0xcd; 32]))));
    }
}

#[test]
fn every_single_wrong_character_is_found() {
    let good = text(b"value", [0xcd; 32]);
    for at in 0..good.len() {
        for byte in 0..0x80_u8 {
            let mut wrong = good.clone().into_bytes();
            if byte.to_ascii_lowercase() == wrong[at] || wrong[at] == byte {
                continue;
            }
            wrong[at] = byte;
            let expected = match byte {
                b' ' | b'-' | b'\r' | b'\n' if at < 8 => TextError::NotAShare,
                b' ' | b'-' | b'\r' | b'\n' => TextError::Checksum,
                _ if at < 8 => TextError::NotAShare,
                b'A'..=b'Z' if ALPHABET.contains(&byte.to_ascii_lowercase()) => {
                    TextError::MixedCase
                }
                _ if ALPHABET.contains(&byte) => TextError::Checksum,
                _ => TextError::Character(at),
            };
            let found = read(&String::from_utf8(wrong).unwrap());
            assert_eq!(found, Err(expected), "{byte:#x} at {at}");
        }
    }
}

#[test]
fn a_character_too_many_or_too_few_is_found() {
    let good = text(b"value", [0xcd; 32]);
    for at in 8..good.len() {
        let mut shorter = good.clone();
        shorter.remove(at);
        assert!(read(&shorter).is_err(), "{shorter}");
        for character in ALPHABET {
            let mut longer = good.clone();
            longer.insert(at, (*character).into());
            assert!(read(&longer).is_err(), "{longer}");
        }
    }
}

#[test]
fn every_defect_has_its_name() {
    use TextError::*;
    let good = text(b"value", [0xcd; 32]);
    for len in 0..good.len() {
        let want = if len < 14 { Truncated } else { Checksum };
        assert_eq!(read(&good[..len]), Err(want), "{len}");
    }
    assert_eq!(read("an apple"), Err(NotAShare));
    assert_eq!(read(&bech32m("sdsharf", b"x")), Err(NotAShare));
    assert_eq!(read(&good.replacen("s", "S", 1)), Err(MixedCase));
    // Offsets count bytes of the text as it was given, gaps and other scripts too.
    assert_eq!(read("sdshare1 q-qb"), Err(Truncated));
    assert_eq!(read("sdshare1 q-qbqqqq"), Err(Character(12)));
    assert_eq!(read(&good.replacen("1q", "1\u{e9}q", 1)), Err(Character(8)));
    // The same data under Bech32.
    let bytes = bytes(&share(b"value", &[0xcd; 32]));
    let hrp = Hrp::parse("sdshare").unwrap();
    let bech32 = bech32::encode::<bech32::Bech32>(hrp, &bytes[7..]).unwrap();
    assert_eq!(read(&bech32), Err(Checksum));
    // Right checksums over what is no share.
    let share = |data: &[u8]| read(&bech32m("sdshare", data)).unwrap_err();
    assert_eq!(share(b""), Share(EncodedShareError::Truncated));
    assert_eq!(share(&[2]), Share(EncodedShareError::Version(2)));
    let mut changed = bytes[7..].to_vec();
    changed[17] = 1;
    let threshold = EncodedShareError::Quorum(QuorumError::ThresholdBelowTwo);
    assert_eq!(share(&changed), Share(threshold));
    changed = bytes[7..].to_vec();
    changed.push(0);
    assert_eq!(share(&changed), Share(EncodedShareError::TrailingBytes));
}

/// Texts of `symbols` with the right checksum, by the other implementation.
fn of_symbols(symbols: &[u8]) -> String {
    use bech32::primitives::iter::Fe32IterExt;
    let hrp = Hrp::parse("sdshare").unwrap();
    let symbols = symbols.iter().map(|&s| bech32::Fe32::try_from(s).unwrap());
    symbols.with_checksum::<Bech32m>(&hrp).chars().collect()
}

#[test]
fn padding_is_zeros_and_less_than_a_symbol() {
    let good = text(b"value", [0xcd; 32]);
    let data = good[8..good.len() - 6].bytes();
    let symbols: Vec<u8> = data
        .map(|byte| ALPHABET.iter().position(|c| *c == byte).unwrap() as u8)
        .collect();
    assert_eq!(of_symbols(&symbols), good);
    let left_over = symbols.len() * 5 % 8;
    assert!(left_over > 0, "there is padding to look at");
    for padding in 1..1 << left_over {
        let mut padded = symbols.clone();
        *padded.last_mut().unwrap() |= padding;
        assert_eq!(read(&of_symbols(&padded)), Err(TextError::Padding));
    }
    let mut longer = symbols;
    longer.push(0);
    assert_eq!(read(&of_symbols(&longer)), Err(TextError::Padding));
}

#[test]
fn the_bounds_are_those_of_the_code() {
    assert!(text_len(MAX_VALUE_LEN) <= MAX_TEXT_LEN && text_len(MAX_VALUE_LEN + 1) > MAX_TEXT_LEN);
    assert_eq!(text_len(usize::MAX), text_len(usize::MAX - 1));
    let value = [0x5a; MAX_VALUE_LEN + 1];
    let mut out = [0x77; MAX_TEXT_LEN + 8];
    let longer = share(&value, &[0; 32]).encode_text(&mut out);
    assert_eq!(longer, Err(TextError::TooLong));
    let told = TextError::TooLong.to_string();
    for bound in [MAX_VALUE_LEN, MAX_TEXT_LEN] {
        assert!(told.contains(&format!(" {bound} ")), "{told}: not {bound}");
    }
    let mut short = vec![0x77; text_len(5) - 1];
    let cut = share(b"value", &[0; 32]).encode_text(&mut short);
    assert_eq!(cut, Err(TextError::BufferTooSmall));
    assert!(out.iter().chain(&short).all(|byte| *byte == 0x77));

    // Gaps do not count.
    let longest = text(&value[..MAX_VALUE_LEN], [0; 32]);
    assert!(read(&longest.replace("q", "q \n-")).is_ok());
    let front = "sdshare1".to_owned();
    let at_most = front.clone() + &"q".repeat(MAX_TEXT_LEN - 8);
    assert_eq!(read(&at_most), Err(TextError::Checksum));
    assert_eq!(read(&(at_most + "q")), Err(TextError::TooLong));

    let good = text(b"value", [0xcd; 32]);
    let mut exact = vec![0x77; encoded_len(5)];
    assert!(EncodedShare::parse_text(&good, &mut exact).is_ok());
    let mut short = vec![0x77; encoded_len(5) - 1];
    let cut = EncodedShare::parse_text(&good, &mut short);
    assert_eq!(cut.unwrap_err(), TextError::BufferTooSmall);
    assert!(short.iter().all(|byte| *byte == 0));
}
