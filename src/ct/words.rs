// SPDX-License-Identifier: MIT OR Apache-2.0
//! Constant-time primitives for the words of big integers.

use crypto_bigint::Word;
use subtle::ConditionallySelectable;

use super::{Mask, publish};

impl Mask {
    /// `a` if true, `b` if false.
    ///
    /// Secret: the mask, `a`, `b`. Leaks: nothing.
    #[inline(always)]
    pub fn select_word(self, a: Word, b: Word) -> Word {
        Word::conditional_select(&b, &a, self.0)
    }
}

/// Makes the words of a number public, as [`declassify`] does.
#[inline(always)]
#[allow(clippy::unnecessary_cast)] // A word has 32 bits on some targets.
pub fn declassify_words(words: &mut [Word]) {
    for word in words {
        *word = publish(*word as u64) as Word;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGES: [Word; 4] = [0, 1, Word::MAX >> 1, Word::MAX];

    #[test]
    fn a_word_is_selected_whole() {
        for a in EDGES {
            for b in EDGES {
                assert_eq!(Mask::public(true).select_word(a, b), a);
                assert_eq!(Mask::public(false).select_word(a, b), b);
            }
        }
    }

    #[test]
    fn words_that_are_made_public_stay_what_they_were() {
        let mut words = EDGES;
        declassify_words(&mut words);
        assert_eq!(words, EDGES);
    }
}
