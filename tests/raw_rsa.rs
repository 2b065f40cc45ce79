// SPDX-License-Identifier: MIT OR Apache-2.0
//! `RawRsa`: devices that compute the private operation of RSA alone, and what they may answer.
#![cfg(feature = "sealed-domain")]

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use getrandom::SysRng;
use security_domain::custodian::{Identity, RawDevice, RawRsa, UnwrapError};
use security_domain::rsa::PublicKey;
use sha2::{Digest, Sha256};

const SPKI: [&[u8]; 3] = [
    include_bytes!("vectors/rsa/keys/2048.spki.der"),
    include_bytes!("vectors/rsa/keys/3072.spki.der"),
    include_bytes!("vectors/rsa/keys/4096.spki.der"),
];
const MESSAGE: &[u8] = b"a content key";

/// What openssl encrypted, and what its private operation makes of it.
const OPENSSL: [[&[u8]; 2]; 3] = [
    [
        include_bytes!("vectors/rsa/keys/2048.oaep.bin"),
        include_bytes!("vectors/rsa/keys/2048.raw.bin"),
    ],
    [
        include_bytes!("vectors/rsa/keys/3072.oaep.bin"),
        include_bytes!("vectors/rsa/keys/3072.raw.bin"),
    ],
    [
        include_bytes!("vectors/rsa/keys/4096.oaep.bin"),
        include_bytes!("vectors/rsa/keys/4096.raw.bin"),
    ],
];

/// Answers every ciphertext with the same bytes, of which it says how many there are.
struct Answers {
    bytes: Vec<u8>,
    length: usize,
}

#[derive(Debug, PartialEq)]
struct Absent;

impl RawDevice for Answers {
    type Error = Absent;

    fn raw(&mut self, ciphertext: &[u8], block: &mut [u8]) -> Result<usize, Absent> {
        assert_eq!(ciphertext.len(), block.len());
        if self.bytes.is_empty() {
            return Err(Absent);
        }
        block[..self.bytes.len()].copy_from_slice(&self.bytes);
        Ok(self.length)
    }
}

fn number(bytes: &[u8], bits: u32) -> BoxedUint {
    BoxedUint::from_be_slice(bytes, bits).unwrap()
}

/// The ciphertext of a whole block.
fn encrypted(key: &PublicKey, block: &[u8]) -> Vec<u8> {
    let bits = key.size().bits();
    let modulus = Odd::new(number(key.modulus(), bits)).unwrap();
    let arithmetic = BoxedMontyParams::new(modulus);
    let base = BoxedMontyForm::new(number(block, bits), &arithmetic);
    let power = base.pow(&BoxedUint::from_be_slice_vartime(key.exponent()));
    power.retrieve().to_be_bytes().to_vec()
}

fn mask(data: &mut [u8], seed: &[u8]) {
    for (counter, chunk) in (0u32..).zip(data.chunks_mut(32)) {
        let hash = Sha256::new().chain_update(seed);
        let hash = hash.chain_update(counter.to_be_bytes()).finalize();
        chunk
            .iter_mut()
            .zip(hash)
            .for_each(|(to, mask)| *to ^= mask);
    }
}

/// An encoded message whose masked seed begins with `zeros` zero bytes. Before it is masked,
/// `change` gets the first byte and the data.
fn encoded(size: usize, zeros: usize, change: impl Fn(&mut u8, &mut [u8])) -> Vec<u8> {
    let mut data = vec![0; size - 33];
    data[..32].copy_from_slice(&Sha256::digest(b""));
    let start = data.len() - MESSAGE.len();
    data[start - 1] = 1;
    data[start..].copy_from_slice(MESSAGE);
    let mut first = 0;
    change(&mut first, &mut data);
    for number in 0u64.. {
        let mut seed = [0x5a; 32];
        seed[24..].copy_from_slice(&number.to_be_bytes());
        let mut data = data.clone();
        mask(&mut data, &seed);
        mask(&mut seed, &data);
        if seed[..zeros].iter().all(|byte| *byte == 0) {
            return [&[first][..], &seed, &data].concat();
        }
    }
    unreachable!()
}

/// What comes of `wrapped` if the device answers `bytes` and says that there are `length`.
fn answer(
    key: &PublicKey,
    wrapped: &[u8],
    bytes: &[u8],
    length: usize,
) -> Result<Vec<u8>, UnwrapError<Absent>> {
    let device = Answers {
        bytes: bytes.to_vec(),
        length,
    };
    let mut out = [0xee; 40];
    let mut identity = RawRsa::new(key.clone(), device);
    let opened = identity.unwrap_key(wrapped, b"ignored", &mut SysRng, &mut out);
    if opened.is_err() {
        assert_eq!(out, [0xee; 40], "a failure leaves the output as it was");
    }
    opened.map(|length| out[..length].to_vec())
}

#[test]
fn a_right_answer_opens_whether_or_not_zeros_are_stripped() {
    for spki in SPKI {
        let key = PublicKey::from_spki_der(spki).unwrap();
        let size = key.size().bytes();
        for zeros in 0..2 {
            let block = encoded(size, zeros, |_, _| {});
            let wrapped = encrypted(&key, &block);
            for stripped in 0..=1 + zeros {
                let opened = answer(&key, &wrapped, &block[stripped..], size - stripped);
                assert_eq!(opened.as_deref(), Ok(MESSAGE), "{size}, {stripped}");
            }
        }
    }
}

#[test]
fn what_openssl_encrypted_and_raised_opens() {
    for (spki, [wrapped, block]) in SPKI.into_iter().zip(OPENSSL) {
        let key = PublicKey::from_spki_der(spki).unwrap();
        let opened = answer(&key, wrapped, block, block.len());
        assert_eq!(
            opened.as_deref(),
            Ok(&b"a message that openssl wrapped"[..])
        );
    }
}

/// A device that is never asked.
struct Device;

impl RawDevice for Device {
    type Error = Absent;

    fn raw(&mut self, _: &[u8], _: &mut [u8]) -> Result<usize, Absent> {
        panic!("asked for a number that is no ciphertext")
    }
}

#[test]
fn a_wrong_answer_is_a_fault() {
    let key = PublicKey::from_spki_der(SPKI[0]).unwrap();
    let block = encoded(256, 0, |_, _| {});
    let wrapped = encrypted(&key, &block);
    let fault = |what: &str, bytes: &[u8], length: usize| {
        let opened = answer(&key, &wrapped, bytes, length);
        assert_eq!(opened, Err(UnwrapError::Fault), "{what}");
    };
    for bit in [0, 7, 1000, 2047] {
        let mut flipped = block.clone();
        flipped[bit >> 3] ^= 1 << (bit & 7);
        fault("a flipped bit", &flipped, 256);
    }
    fault("the ciphertext itself", &wrapped, 256);
    fault("zeros", &[0; 256], 256);
    fault("nothing", &block, 0);
    fault("a byte too few", &block, 255);
    fault("more than fits", &block, 257);
    fault("far more than fits", &block, usize::MAX >> 1);
    fault("zeros stripped in silence", &block[1..], 256);
    let little: Vec<u8> = block.iter().rev().copied().collect();
    fault("little-endian", &little, 256);
    // The same number modulo the modulus.
    let sum = number(&block, 2048).wrapping_add(number(key.modulus(), 2048));
    fault("not reduced", &sum.to_be_bytes(), 256);
    let other = encoded(256, 0, |_, data| *data.last_mut().unwrap() ^= 1);
    fault("another block", &other, 256);
}

#[test]
fn a_block_that_is_not_encoded_right_is_opaque() {
    let key = PublicKey::from_spki_der(SPKI[0]).unwrap();
    let opaque = |what: &str, block: Vec<u8>| {
        let opened = answer(&key, &encrypted(&key, &block), &block, 256);
        assert_eq!(opened, Err(UnwrapError::Opaque), "{what}");
    };
    opaque("first byte", encoded(256, 0, |first, _| *first = 1));
    opaque("hash", encoded(256, 0, |_, data| data[31] ^= 1));
    opaque("zeros", encoded(256, 0, |_, data| data[40] = 2));
    let no_one = |_: &mut u8, data: &mut [u8]| data[32..].fill(0);
    opaque("no message", encoded(256, 0, no_one));
    let too_long = |_: &mut u8, data: &mut [u8]| data[100] = 1;
    opaque("a message that does not fit", encoded(256, 0, too_long));
    opaque("one", [&[0; 255][..], &[1]].concat());
}

#[test]
fn what_is_no_ciphertext_never_reaches_the_device() {
    let key = PublicKey::from_spki_der(SPKI[0]).unwrap();
    for wrapped in [&[][..], &[1; 255], &[1; 257], &[0xff; 256], key.modulus()] {
        let mut identity = RawRsa::new(key.clone(), Device);
        let opened = identity.unwrap_key(wrapped, &[], &mut SysRng, &mut [0; 40]);
        assert_eq!(opened, Err(UnwrapError::Opaque), "{}", wrapped.len());
    }
}

#[test]
fn what_the_device_reports_is_passed_on() {
    let key = PublicKey::from_spki_der(SPKI[0]).unwrap();
    let wrapped = encrypted(&key, &encoded(256, 0, |_, _| {}));
    let opened = answer(&key, &wrapped, &[], 0);
    assert_eq!(opened, Err(UnwrapError::Device(Absent)));
}
