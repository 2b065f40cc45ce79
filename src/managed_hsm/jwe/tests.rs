// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the JWE, from known answers to forged ones.

use super::*;
use crate::managed_hsm::source::Text;
use base64ct::Encoding;
use std::string::String;
use std::vec::Vec;

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let digits: String = text.split_whitespace().collect();
    let byte = |i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap();
    core::array::from_fn(byte)
}

/// RFC 7518 appendix B.3. Its associated data are 42 bytes of text, as long as a header of 31.
#[test]
fn aes_256_cbc_hmac_sha_512() {
    let key = ContentKey::from_bytes(&mut core::array::from_fn(|i| i as u8));
    let ciphertext: [u8; 144] = hex("
        4affaaadb78c31c5da4b1b590d10ffbd 3dd8d5d302423526912da037ecbcc7bd
        822c301dd67c373bccb584ad3e9279c2 e6d12a1374b77f077553df829410446b
        36ebd97066296ae6427ea75c2e0846a1 1a09ccf5370dc80bfecbad28c73f09b3
        a3b75e662a2594410ae496b2e2e6609e 31e6e02cc837f053d21f37ff4f51950b
        be2638d09dd7a4930930806d0703b1f6");
    let mut text = [0; 200];
    let text = Base64UrlUnpadded::encode(&ciphertext, &mut text)
        .unwrap()
        .as_bytes();
    let part = |text, bytes| Part {
        characters: Front::new(Text(text), text.len()),
        bytes,
    };
    let mut jwe = Jwe {
        header: part(b"The second principle of Auguste Kerckhoffs", 31),
        encrypted_key: part(b"", 0),
        iv: hex("1af38c2dc2b96ffdd86694092341bc04"),
        ciphertext: part(text, 144),
        tag: hex("4dd3b4c088a7f45c216839645b2012bf 2e6269a8c56a816dbc1b267761955bc5"),
    };
    let mut out = [0; 143];
    assert_eq!(jwe.open(&key, &mut out), Ok(128));
    let plaintext: &[u8] = b"A cipher system must not be required to be secret, and it must be \
        able to fall into the hands of the enemy without inconvenience";
    assert_eq!(out[..128], *plaintext);

    for bit in 0..256 {
        jwe.tag[bit >> 3] ^= 1 << (bit & 7);
        assert_eq!(
            jwe.open(&key, &mut out),
            Err(OpenError::DoesNotOpen),
            "bit {bit}"
        );
        jwe.tag[bit >> 3] ^= 1 << (bit & 7);
    }
}

#[test]
fn padding_is_what_pkcs_7_says() {
    for length in 0..=255u8 {
        // Every byte is the length, except for at most one.
        for changed in 0..=BLOCK {
            let mut block = [length; BLOCK];
            if let Some(byte) = block.get_mut(changed) {
                *byte ^= 0x80;
            }
            let count = block[BLOCK - 1];
            let expected = (1..=16).contains(&count)
                && block
                    .iter()
                    .rev()
                    .take(usize::from(count))
                    .all(|byte| *byte == count);
            let (found, good) = padding(&block);
            assert_eq!((found, good.declassify()), (count, expected), "{block:?}");
        }
    }
}

#[test]
fn a_jwe_has_exactly_five_parts() {
    let parts = |text: &'static str| -> Option<Vec<Vec<u8>>> {
        Some(
            split(Text(text.as_bytes()))?
                .map(|mut part| core::iter::from_fn(|| part.byte()).collect())
                .to_vec(),
        )
    };
    let five = ["a", "", "bc", "d", ""]
        .map(|part| part.as_bytes().to_vec())
        .to_vec();
    assert_eq!(parts("a..bc.d."), Some(five));
    for text in ["", "a", "....a.", ".....", "a.b.c.d", "a.b.c.d.e.f"] {
        assert_eq!(parts(text), None, "{text}");
    }
}
