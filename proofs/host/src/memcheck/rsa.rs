// SPDX-License-Identifier: MIT OR Apache-2.0
//! RSA: key import, OAEP, the private operation.

use core::num::NonZeroU64;
use core::task::Poll;

use security_domain::custodian::{Identity, RawDevice, RawRsa, Recipient, UnwrapError};
use security_domain::rsa::{
    DecryptError, Decryption, KeyGeneration, ModulusSize, PrivateKey, PublicKey, Workspace,
};
use security_domain::x509::{Certificate, SELF_SIGNED_MAX_LEN, SelfSigned, write_self_signed};

use crate::Operation;
use crate::rng::SecretRng;
use crate::valgrind::{self, hidden, revealed};

pub const OPERATIONS: &[Operation] = &[
    ("rsa: import, PKCS#8", import),
    ("rsa: export, PKCS#8", export),
    ("rsa-2048: private operation, OAEP decode", || {
        decrypt(KEYS[0])
    }),
    ("rsa-3072: private operation, OAEP decode", || {
        decrypt(KEYS[1])
    }),
    ("rsa-4096: private operation, OAEP decode", || {
        decrypt(KEYS[2])
    }),
    ("rsa-2048: OAEP decode of a bad block", refuse),
    ("rsa-2048: OAEP decode of a device's block", || {
        decrypt_raw(0)
    }),
    ("rsa-4096: OAEP decode of a device's block", || {
        decrypt_raw(2)
    }),
    (
        "rsa-2048: a device's block that is wrong or bad",
        refuse_raw,
    ),
    ("rsa-2048: OAEP encode, public operation", encrypt),
    ("rsa-2048: PKCS#1 v1.5 signature", sign),
    ("rsa-2048: key generation", generate),
    ("rsa-2048: key generation in steps", generate_in_steps),
    ("rsa-2048: OAEP decode in steps", decrypt_in_steps),
    ("x509: self-signed certificate", self_signed),
];

pub const KEYS: [&[u8]; 3] = [
    include_bytes!("../../../../tests/vectors/rsa/keys/2048.pkcs8.der"),
    include_bytes!("../../../../tests/vectors/rsa/keys/3072.pkcs8.der"),
    include_bytes!("../../../../tests/vectors/rsa/keys/4096.pkcs8.der"),
];

const PUBLIC: [&[u8]; 3] = [
    include_bytes!("../../../../tests/vectors/rsa/keys/2048.spki.der"),
    include_bytes!("../../../../tests/vectors/rsa/keys/3072.spki.der"),
    include_bytes!("../../../../tests/vectors/rsa/keys/4096.spki.der"),
];

/// A key whose private integers are secret, but for how long each is.
pub fn secret_key(pkcs8: &[u8]) -> PrivateKey {
    let mut bytes = pkcs8.to_vec();
    // Version, n, e, d, p, q, dp, dq, coefficient: after the key's own sequence.
    let start = bytes
        .windows(3)
        .skip(20)
        .position(|w| w == [2, 1, 0])
        .unwrap()
        + 20;
    let mut rest = &mut bytes[start..];
    for number in 0..9 {
        let (header, len) = match *rest {
            [2, 0x82, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
            [2, 0x81, len, ..] => (3, usize::from(len)),
            [2, len, ..] => (2, usize::from(len)),
            _ => panic!("an integer"),
        };
        let (integer, others) = rest.split_at_mut(header + len);
        if number > 2 {
            valgrind::hide(&mut integer[header..]);
        }
        rest = others;
    }
    PrivateKey::from_pkcs8_der(&bytes).unwrap()
}

/// The public key shows that the right key was read.
fn import() {
    for (pkcs8, spki) in KEYS.into_iter().zip(PUBLIC) {
        let mut out = [0; PublicKey::SPKI_MAX_LEN];
        let len = secret_key(pkcs8)
            .public_key()
            .to_spki_der(&mut out)
            .unwrap();
        assert_eq!(&out[..len], spki);
    }
}

/// How many leading zeros an integer has is public, as the length of its encoding is.
fn export() {
    for pkcs8 in KEYS {
        let mut out = vec![0; PrivateKey::PKCS8_MAX_LEN];
        let len = secret_key(pkcs8).to_pkcs8_der(&mut out).unwrap();
        valgrind::reveal(&mut out);
        assert_eq!(out[..len], *pkcs8);
    }
}

fn decrypt(pkcs8: &[u8]) {
    let key = secret_key(pkcs8);
    let size = key.public_key().size().bytes();
    let mut ciphertext = vec![0; size];
    let message = [0x6d; 64];
    key.public_key()
        .encrypt_oaep_sha256(b"label", &message, &mut SecretRng(1), &mut ciphertext)
        .unwrap();
    valgrind::reveal(&mut ciphertext);
    let mut out = [0; 80];
    let len = key.decrypt_oaep_sha256(b"label", &ciphertext, &mut SecretRng(2), &mut out);
    assert_eq!(len, Ok(64));
    assert_eq!(revealed(&out)[..64], message);
}

fn refuse() {
    let key = secret_key(KEYS[0]);
    let mut ciphertext = [0x55; 256];
    ciphertext[0] = 0;
    let mut out = [0; 80];
    let answer = key.decrypt_oaep_sha256(b"", &ciphertext, &mut SecretRng(3), &mut out);
    assert_eq!(answer, Err(DecryptError::Opaque));
    assert_eq!(out, [0; 80]);
}

/// What openssl encrypted, and what its private operation makes of it.
const RAW: [[&[u8]; 2]; 3] = [
    [
        include_bytes!("../../../../tests/vectors/rsa/keys/2048.oaep.bin"),
        include_bytes!("../../../../tests/vectors/rsa/keys/2048.raw.bin"),
    ],
    [
        include_bytes!("../../../../tests/vectors/rsa/keys/3072.oaep.bin"),
        include_bytes!("../../../../tests/vectors/rsa/keys/3072.raw.bin"),
    ],
    [
        include_bytes!("../../../../tests/vectors/rsa/keys/4096.oaep.bin"),
        include_bytes!("../../../../tests/vectors/rsa/keys/4096.raw.bin"),
    ],
];

/// A device whose answer is secret, and how long it is, too.
struct Device<'b>(&'b [u8]);

impl RawDevice for Device<'_> {
    type Error = ();

    fn raw(&mut self, _: &[u8], block: &mut [u8]) -> Result<usize, ()> {
        block[..self.0.len()].copy_from_slice(self.0);
        valgrind::hide(block);
        Ok(usize::from_ne_bytes(hidden(self.0.len().to_ne_bytes())))
    }
}

fn decrypt_raw(place: usize) {
    let (key, [ciphertext, block]) = (PublicKey::from_spki_der(PUBLIC[place]).unwrap(), RAW[place]);
    // With and without the leading zero.
    for stripped in 0..2 {
        let mut identity = RawRsa::new(key.clone(), Device(&block[stripped..]));
        let mut out = [0; 80];
        let len = identity.unwrap_key(ciphertext, &[], &mut SecretRng(14), &mut out);
        assert_eq!(len, Ok(30));
        assert_eq!(&revealed(&out)[..30], b"a message that openssl wrapped");
    }
}

fn refuse_raw() {
    let (key, [ciphertext, block]) = (PublicKey::from_spki_der(PUBLIC[0]).unwrap(), RAW[0]);
    let mut out = [0; 80];
    let mut identity = RawRsa::new(key.clone(), Device(&block[..255]));
    let answer = identity.unwrap_key(ciphertext, &[], &mut SecretRng(15), &mut out);
    assert_eq!(answer, Err(UnwrapError::Fault));
    // 1 to any power is 1.
    let mut one = [0; 256];
    one[255] = 1;
    let mut identity = RawRsa::new(key, Device(&one[255..]));
    let answer = identity.unwrap_key(&one, &[], &mut SecretRng(16), &mut out);
    assert_eq!(answer, Err(UnwrapError::Opaque));
    assert_eq!(out, [0; 80]);
}

fn encrypt() {
    let key = PrivateKey::from_pkcs8_der(KEYS[0]).unwrap();
    let message = hidden([0x6d; 64]);
    let mut ciphertext = [0; 256];
    key.public_key()
        .encrypt_oaep_sha256(b"", &message, &mut SecretRng(4), &mut ciphertext)
        .unwrap();
    valgrind::reveal(&mut ciphertext);
    let mut out = [0; 64];
    key.decrypt_oaep_sha256(b"", &ciphertext, &mut SecretRng(5), &mut out)
        .unwrap();
    assert_eq!(revealed(&out), [0x6d; 64]);
}

fn sign() {
    let key = secret_key(KEYS[0]);
    let mut signature = [0; 256];
    key.sign_pkcs1v15_sha256(b"message", &mut SecretRng(6), &mut signature)
        .unwrap();
    valgrind::reveal(&mut signature);
    key.public_key()
        .verify_pkcs1v15_sha256(b"message", &signature)
        .unwrap();
}

/// Every candidate is secret, and so is the key that comes of two of them: what is public is which
/// check a candidate fails.
fn generate() {
    works(&PrivateKey::generate(ModulusSize::Rsa2048, &mut SecretRng(7)).unwrap());
}

fn generate_in_steps() {
    let mut workspace = Workspace::<{ KeyGeneration::workspace_len(ModulusSize::Rsa2048) }>::new();
    let mut generation = KeyGeneration::new(ModulusSize::Rsa2048, &mut workspace).unwrap();
    let mut rng = SecretRng(11);
    while generation.step(&mut rng).unwrap().is_pending() {}
    works(&generation.into_key().unwrap());
}

fn decrypt_in_steps() {
    let key = secret_key(KEYS[0]);
    let mut ciphertext = [0; 256];
    let message = [0x6d; 64];
    key.public_key()
        .encrypt_oaep_sha256(b"label", &message, &mut SecretRng(12), &mut ciphertext)
        .unwrap();
    valgrind::reveal(&mut ciphertext);
    let mut workspace = Workspace::<{ Decryption::workspace_len(ModulusSize::Rsa2048) }>::new();
    let mut decryption = Decryption::new(&key, b"label", &ciphertext, &mut workspace).unwrap();
    let (mut rng, mut out) = (SecretRng(13), [0; 80]);
    let end = loop {
        match decryption.step(&mut rng, &mut out) {
            Ok(Poll::Pending) => {}
            end => break end,
        }
    };
    assert_eq!(end, Ok(Poll::Ready(64)));
    assert_eq!(revealed(&out)[..64], message);
}

/// What is encrypted to the key opens with it.
fn works(key: &PrivateKey) {
    let mut ciphertext = [0; 256];
    key.public_key()
        .encrypt_oaep_sha256(b"", &[0x6d; 64], &mut SecretRng(8), &mut ciphertext)
        .unwrap();
    valgrind::reveal(&mut ciphertext);
    let mut out = [0; 64];
    key.decrypt_oaep_sha256(b"", &ciphertext, &mut SecretRng(9), &mut out)
        .unwrap();
    assert_eq!(revealed(&out), [0x6d; 64]);
}

fn self_signed() {
    let content = SelfSigned {
        common_name: "transfer-key",
        serial: NonZeroU64::MIN,
        not_before: 0,
        not_after: 1,
    };
    let (key, mut out) = (secret_key(KEYS[0]), [0; SELF_SIGNED_MAX_LEN]);
    let len = write_self_signed(&key, &content, &mut SecretRng(10), &mut out).unwrap();
    valgrind::reveal(&mut out);
    let certificate = Certificate::parse(&out[..len]).unwrap();
    assert_eq!(certificate.public_key().id(), key.public_key().id());
}
