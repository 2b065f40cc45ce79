// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests key encapsulation with the random bytes of the vectors in RFC 9180 appendix A and
//! draft-ietf-hpke-pq appendix A (`tests/vectors/kem/hpke.json`), and what is wrapped under the
//! secrets of those vectors, as `tests/interop/self_test.py` made it: it covers HPKE's key schedule
//! and AES-256 key wrap with padding. The long answers are compared by their SHA-256.

use super::answer::{Judge, Wrong, hex};
use crate::kem::{Kem, answer};

/// A seed, the random bytes of an encapsulation, SHA-256 of the public key, the ciphertext and the
/// encapsulated secret, and SHA-256 of what is wrapped under that secret.
pub struct Known<const S: usize, const C: usize> {
    pub seed: [u8; S],
    pub coins: [u8; C],
    pub digest: [u8; 32],
    pub wrapped: [u8; 32],
}

#[cfg(feature = "p256")]
pub const P256: Known<32, 32> = Known {
    seed: hex("317f915db7bc629c48fe765587897e01e282d3e8445f79f27f65d031a88082b2"),
    coins: hex("90345e3a1d116c1dd39ae76d95ab858c142223a63e44f8f85318cfa91a84858e"),
    digest: hex("8cd4e83c817136c5d3913910b804c3d324eabb092d97f68f495c27ec6584e54c"),
    wrapped: hex("3380f3ea47b593563a0aa82638c81d2fa5d3746e623a058c3abd8ca6d761c526"),
};

#[cfg(feature = "pq")]
pub const X_WING: Known<32, 64> = Known {
    seed: hex("3ec47fa82dd5689d27c6190e724c74ec8f608df3331ce331929e37b829676630"),
    coins: hex(
        "2a1c0a3745fe8a48fb62034d300f54dfe1974a5b2e169e580a8789cb1cf5fd19\
         0fc00f3fd899594e01a8b15334b9f3fa03d8de44da86e19f5776850fb689e6c8",
    ),
    digest: hex("9da2ba8ddb38bc83a8519b505d90a3df05dd4cab5406ab5bc42b802572dda348"),
    wrapped: hex("5a486d7b4a1709fddaa75e486a43cb73a0a6f3e83b6de985aaad4b69d79eff29"),
};

#[cfg(feature = "pq")]
pub const ML_KEM_1024_P384: Known<32, 80> = Known {
    seed: hex("dbdae0423ba0e5db3d6322601b8dc302d3051d4677142079c7bdf441f4c448dd"),
    coins: hex(
        "bd1207854ec0963347d5218f900783d6ca0ff62c5e2181ca5a932e2d6d8d96cc\
         9b092a9d709468d10f7e8ec8d9eccd7e7a647d351133e2a2f4b438154d1dd708\
         50af7f7841c1dbd0699feb9852d99c08",
    ),
    digest: hex("a51c75b0f3da341be377f606c6077fe25be50361c4f3a2a70d3f3f65419cd5b6"),
    wrapped: hex("dfa4502eeb76463e1060321a3cab51148aeb4409315d5553abcabf979a69f44c"),
};

#[cfg(feature = "pq")]
pub const ML_KEM_1024: Known<64, 32> = Known {
    seed: hex(
        "c58f733ea1245a7a54723c30dbf0837acdd7e93c188692523b53b132b993a25a\
         f933368a76bbcbf1212e1d34d7128e32c387dc9b04a7ceb0e2b40e1e5769c57d",
    ),
    coins: hex("0152bf3799ed0803b9ac3e62695c51065fe2cd4a18ff655fb3efe7399c404e19"),
    digest: hex("fe505af72354b90a1ccc0d1adc95d4be63783a4f76239e5f377141aad65d4dde"),
    wrapped: hex("c4654799696ec11f22a5e70edadc8090b1068e049000202b12a95739e5e8e9d0"),
};

#[inline(never)]
pub fn kem<K: Kem, const S: usize, const C: usize>(
    known: &Known<S, C>,
    judge: &mut impl Judge,
) -> Result<(), Wrong> {
    // The test has no secrets, but deep frames save registers, where the caller may have some.
    let answer = K::burning(move || answer::<K>(&known.seed, &known.coins));
    let answer = answer.map_err(|_| Wrong)?;
    judge.same(&answer.made, &known.digest)?;
    judge.same(&answer.opened, &known.digest)?;
    judge.same(&answer.wrapped, &known.wrapped)?;
    judge.same(&[u8::from(answer.unwraps)], &[1])
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use serde_json::Value;
    use sha2::{Digest, Sha256};

    use super::super::answer::Compare;
    use super::*;

    fn stands_in_the_vectors<const S: usize, const C: usize>(known: &Known<S, C>) -> bool {
        let text = include_str!("../../tests/vectors/kem/hpke.json");
        let rows: Vec<Value> = serde_json::from_str(text).unwrap();
        let bytes = |row: &Value, name: &str| -> Vec<u8> {
            let digits = row[name].as_str().unwrap();
            { 0..digits.len() / 2 }
                .map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap())
                .collect()
        };
        rows.iter().any(|row| {
            let made = ["pkRm", "enc", "shared_secret"]
                .map(|name| bytes(row, name))
                .concat();
            bytes(row, "skRm") == known.seed
                && bytes(row, "coins") == known.coins
                && Sha256::digest(made)[..] == known.digest
        })
    }

    #[test]
    fn the_known_answers_are_those_of_the_published_vectors() {
        #[cfg(feature = "p256")]
        assert!(stands_in_the_vectors(&P256));
        #[cfg(feature = "pq")]
        assert!(stands_in_the_vectors(&X_WING));
        #[cfg(feature = "pq")]
        assert!(stands_in_the_vectors(&ML_KEM_1024_P384));
        #[cfg(feature = "pq")]
        assert!(stands_in_the_vectors(&ML_KEM_1024));
    }
    #[track_caller]
    fn what_is_wrapped_counts<K: Kem, const S: usize, const C: usize>(mut known: Known<S, C>) {
        assert!(kem::<K, _, _>(&known, &mut Compare).is_ok());
        known.wrapped[0] ^= 1;
        assert!(kem::<K, _, _>(&known, &mut Compare).is_err());
    }

    #[test]
    fn another_key_schedule_or_key_wrap_fails() {
        #[cfg(feature = "p256")]
        what_is_wrapped_counts::<crate::kem::P256, _, _>(P256);
        #[cfg(feature = "pq")]
        what_is_wrapped_counts::<crate::kem::XWing, _, _>(X_WING);
        #[cfg(feature = "pq")]
        what_is_wrapped_counts::<crate::kem::MlKem1024P384, _, _>(ML_KEM_1024_P384);
        #[cfg(feature = "pq")]
        what_is_wrapped_counts::<crate::kem::MlKem1024, _, _>(ML_KEM_1024);
    }
}
