// SPDX-License-Identifier: MIT OR Apache-2.0
//! The checksum of BIP-93 (codex32), and the correction of up to 4 wrong symbols or 8 missing ones.
//!
//! The crate `bech32` corrects too, but panics where there are more errors than it can correct.

use super::field::{Element, ORDER, ROOT, at, product};

/// How many symbols the checksum has.
pub const CHECKSUM: usize = 13;

/// The consecutive powers of the root at which every valid text is zero begin at this one. With 8 of them, twice
/// the wrong symbols and the missing ones together are at most 8.
const FIRST: usize = 9;
const SYNDROMES: usize = 8;

/// The generator of BIP-93, multiplied by each bit of a symbol.
const GENERATOR: [u128; 5] = [
    0x1_9dc5_00ce_73fd_e210,
    0x1_bfae_00de_f77f_e529,
    0x1_fbd9_20ff_fe7b_ee52,
    0x1_7396_40bd_eee3_fdad,
    0x0_7729_a039_cfc7_5f5a,
];

/// What the symbols of a valid text leave: "SECRETSHARE32".
const TARGET: u128 = 0x1_0ce0_795c_2fd1_e62a;

/// Returns the checksum of the symbols of `data` behind `prefix`.
pub fn checksum(prefix: &str, data: &[u8]) -> [u8; CHECKSUM] {
    let zeros = [0; CHECKSUM];
    symbols(residue(prefix, &[data, &zeros]))
}

/// Corrects `data`, which ends with the checksum, where it is wrong. `missing` are the places, of which the
/// symbols are arbitrary. Returns the corrected places, or `None` if there are too many.
pub fn correct(prefix: &str, data: &mut [u8], missing: &[usize]) -> Option<Vec<usize>> {
    if missing.len() > SYNDROMES || data.len() > ORDER {
        return None;
    }
    let left = symbols(residue(prefix, &[data])).map(Element::of);
    let from_low: Vec<Element> = left.into_iter().rev().collect();
    let syndromes: [Element; SYNDROMES] =
        std::array::from_fn(|j| at(&from_low, ROOT.power(FIRST + j)));
    let len = data.len();
    let locator_of = |place: usize| ROOT.power(len - 1 - place);

    let missing_locators = missing.iter().map(|place| locator_of(*place));
    let erased = missing_locators.fold(one(), |all, at| product(&all, &[Element::ONE, at]));
    let modified: [Element; SYNDROMES] = product(&erased, &syndromes);
    let (wrong, count) = shortest_register(&modified[missing.len()..]);
    if 2 * count + missing.len() > SYNDROMES {
        return None;
    }
    let locator: Polynomial = product(&erased, &wrong);
    let evaluator: [Element; SYNDROMES] = product(&locator, &syndromes);
    // The derivative, where twice anything is zero.
    let derivative: Polynomial = std::array::from_fn(|i| match locator.get(i + 1) {
        Some(next) if i % 2 == 0 => *next,
        _ => Element::ZERO,
    });

    let mut places = Vec::new();
    for (place, symbol) in data.iter_mut().enumerate() {
        let inverse = locator_of(place).inverse();
        if at(&locator, inverse) != Element::ZERO {
            continue;
        }
        // Forney's formula.
        let value =
            at(&evaluator, inverse) * at(&derivative, inverse).inverse() * inverse.power(FIRST - 1);
        *symbol ^= value.small()?;
        if value != Element::ZERO || missing.contains(&place) {
            places.push(place);
        }
    }
    (residue(prefix, &[data]) == 0).then_some(places)
}

/// Room for the locators of 8 symbols.
type Polynomial = [Element; SYNDROMES + 1];

fn one() -> Polynomial {
    let mut one = [Element::ZERO; SYNDROMES + 1];
    one[0] = Element::ONE;
    one
}

/// Returns the shortest recurrence that gives `sequence`, and its length (Berlekamp and Massey).
fn shortest_register(sequence: &[Element]) -> (Polynomial, usize) {
    let (mut current, mut before) = (one(), one());
    let (mut length, mut since, mut last) = (0, 1, Element::ONE);
    for n in 0..sequence.len() {
        let terms = (0..=length).map(|i| current[i] * sequence[n - i]);
        let discrepancy = terms.fold(Element::ZERO, |sum, term| sum + term);
        if discrepancy == Element::ZERO {
            since += 1;
            continue;
        }
        let factor = discrepancy * last.inverse();
        let old = current;
        for i in since..current.len() {
            current[i] = current[i] + factor * before[i - since];
        }
        if 2 * length <= n {
            (length, before, last, since) = (n + 1 - length, old, discrepancy, 1);
        } else {
            since += 1;
        }
    }
    (current, length)
}

/// Returns what the text leaves beyond the target when it is divided by the generator.
fn residue(prefix: &str, pieces: &[&[u8]]) -> u128 {
    // BIP-173: the high bits of the prefix, zero, its low bits.
    let high = prefix.bytes().map(|byte| byte >> 5);
    let low = prefix.bytes().map(|byte| byte & 31);
    let data = pieces.iter().copied().flatten().copied();
    let all = high.chain([0]).chain(low).chain(data);
    let divided = all.fold(1_u128, |residue, symbol| {
        let top = residue >> (5 * (CHECKSUM - 1));
        let rest = residue & ((1 << (5 * (CHECKSUM - 1))) - 1);
        let shifted = rest << 5 | u128::from(symbol);
        { GENERATOR.iter().enumerate() }.fold(shifted, |sum, (bit, generator)| {
            sum ^ (generator * (top >> bit & 1))
        })
    });
    divided ^ TARGET
}

fn symbols(residue: u128) -> [u8; CHECKSUM] {
    std::array::from_fn(|i| (residue >> (5 * (CHECKSUM - 1 - i)) & 31) as u8)
}
