// SPDX-License-Identifier: MIT OR Apache-2.0
//! Generated keys against FIPS 186-5 appendix A.1, with the arithmetic and the primality tests of other
//! crates.
#![cfg(feature = "sealed-domain")]

use crypto_bigint::{NonZero, U2048, U4096};
use crypto_primes::{Flavor, is_prime};
use der::asn1::UintRef;
use der::{Reader, SliceReader};
use getrandom::SysRng;
use rand_core::{TryCryptoRng, TryRng};
use security_domain::rsa::{
    DecryptError, EncryptError, GenerateError, ModulusSize, PrivateKey, Progress, SignError,
};

/// n, e, d, p, q, dp, dq and the coefficient of a PKCS#8 encoding.
fn integers(key: &PrivateKey) -> [U4096; 8] {
    let mut out = [0; PrivateKey::PKCS8_MAX_LEN];
    let len = key.to_pkcs8_der(&mut out).unwrap();
    // The sequence's header, the version, the algorithm and the octet string's header.
    let mut reader = SliceReader::new(&out[4 + 3 + 15 + 4..len]).unwrap();
    reader
        .sequence(|reader| {
            assert_eq!(reader.decode::<u8>()?, 0);
            let mut integers = [U4096::ZERO; 8];
            for integer in &mut integers {
                let bytes = reader.decode::<UintRef<'_>>()?.as_bytes();
                *integer = U4096::from_be_slice_truncated(bytes, 4096);
            }
            Ok::<_, der::Error>(integers)
        })
        .unwrap()
}

fn generate(size: ModulusSize) -> (PrivateKey, usize) {
    let mut primes = 0;
    let mut candidates = 0;
    let key =
        PrivateKey::generate_with_progress(size, &mut SysRng, &mut |progress| match progress {
            Progress::Candidate => candidates += 1,
            Progress::Prime => primes += 1,
            _ => {}
        })
        .unwrap();
    assert!(candidates >= 2);
    (key, primes)
}

fn rem(x: &U4096, m: &U4096) -> U4096 {
    x.rem_vartime(&NonZero::new(*m).unwrap())
}

fn check(size: ModulusSize) {
    let (key, primes) = generate(size);
    assert_eq!(primes, 2);
    let half = size.bits() / 2;
    let [n, e, d, p, q, dp, dq, coefficient] = integers(&key);
    assert_eq!(n.bits_vartime(), size.bits());
    assert_eq!(e, U4096::from(65537u32));
    assert_eq!(p.wrapping_mul(&q), n);
    for (prime, exponent) in [(p, dp), (q, dq)] {
        // p >= sqrt(2) 2^(half - 1), so p^2 >= 2^(2 half - 1).
        assert_eq!(prime.bits_vartime(), half);
        assert_eq!(prime.wrapping_mul(&prime).bits_vartime(), size.bits());
        assert!(is_prime(Flavor::Any, &prime.resize::<{ U2048::LIMBS }>()));
        let order = prime.wrapping_sub(&U4096::ONE);
        assert_eq!(rem(&d, &order), exponent);
        assert_eq!(rem(&e.wrapping_mul(&exponent), &order), U4096::ONE);
    }
    let difference = if p > q {
        p.wrapping_sub(&q)
    } else {
        q.wrapping_sub(&p)
    };
    assert!(difference.bits_vartime() > half - 100);
    assert_eq!(rem(&q.wrapping_mul(&coefficient), &p), U4096::ONE);

    // 2^(half) < d < lcm(p - 1, q - 1)
    let (p1, q1) = (p.wrapping_sub(&U4096::ONE), q.wrapping_sub(&U4096::ONE));
    let gcd = NonZero::new(p1.gcd_vartime(&q1)).unwrap();
    let lcm = p1.wrapping_div_vartime(&gcd).wrapping_mul(&q1);
    assert!(d < lcm && d.bits_vartime() > half);

    // It is read as it was written, and works.
    let mut der = [0; PrivateKey::PKCS8_MAX_LEN];
    let len = key.to_pkcs8_der(&mut der).unwrap();
    let again = PrivateKey::from_pkcs8_der(&der[..len]).unwrap();
    let (mut wrapped, mut out) = ([0; 512], [0; 512]);
    let n = key
        .public_key()
        .encrypt_oaep_sha256(b"", b"message", &mut SysRng, &mut wrapped)
        .unwrap();
    let m = again
        .decrypt_oaep_sha256(b"", &wrapped[..n], &mut SysRng, &mut out)
        .unwrap();
    assert_eq!(&out[..m], b"message");
}

#[test]
fn keys_of_2048_bits_are_as_the_standard_says() {
    for _ in 0..4 {
        check(ModulusSize::Rsa2048);
    }
}

#[test]
fn keys_of_3072_bits_are_as_the_standard_says() {
    check(ModulusSize::Rsa3072);
}

#[test]
fn keys_of_4096_bits_are_as_the_standard_says() {
    check(ModulusSize::Rsa4096);
}

/// A generator that gives one byte for ever, or fails after some calls.
struct Broken {
    byte: u8,
    calls: usize,
}

impl TryRng for Broken {
    type Error = Failed;

    fn try_next_u32(&mut self) -> Result<u32, Failed> {
        Err(Failed)
    }

    fn try_next_u64(&mut self) -> Result<u64, Failed> {
        Err(Failed)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Failed> {
        self.calls = self.calls.checked_sub(1).ok_or(Failed)?;
        out.fill(self.byte);
        Ok(())
    }
}

impl TryCryptoRng for Broken {}

#[derive(Debug)]
struct Failed;

impl core::fmt::Display for Failed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("failed")
    }
}

impl core::error::Error for Failed {}

#[test]
fn a_broken_generator_is_an_error_and_no_endless_search() {
    let generate = |byte, calls| {
        let mut rng = Broken { byte, calls };
        PrivateKey::generate(ModulusSize::Rsa2048, &mut rng).unwrap_err()
    };
    assert_eq!(generate(0, 0), GenerateError::Rng);
    assert_eq!(generate(0xff, 3), GenerateError::Rng);
    // 2^1023 + 1 is below the bound on each draw, and 2^1024 - 1 at the very end.
    assert_eq!(generate(0, usize::MAX), GenerateError::Rng);
    assert_eq!(generate(0xff, usize::MAX), GenerateError::Rng);
    // Both primes are the same one, again and again.
    assert_eq!(generate(0xd5, usize::MAX), GenerateError::Exhausted);
}

#[test]
fn a_broken_generator_stops_the_private_operation() {
    let key =
        PrivateKey::from_pkcs8_der(include_bytes!("vectors/rsa/keys/2048.pkcs8.der")).unwrap();
    let wrapped = include_bytes!("vectors/rsa/keys/2048.oaep.bin");
    // No number, the first number only, zeros, which have no inverse, and numbers above every modulus.
    for (byte, calls) in [(1, 0), (1, 1), (0, usize::MAX), (0xff, usize::MAX)] {
        let mut out = [0xa5; 256];
        let mut rng = Broken { byte, calls };
        assert_eq!(
            key.decrypt_oaep_sha256(b"", wrapped, &mut rng, &mut out),
            Err(DecryptError::Rng)
        );
        let mut rng = Broken { byte, calls };
        assert_eq!(
            key.sign_pkcs1v15_sha256(b"message", &mut rng, &mut out),
            Err(SignError::Rng)
        );
    }
    let mut rng = Broken { byte: 1, calls: 0 };
    let mut out = [0; 256];
    assert_eq!(
        key.public_key()
            .encrypt_oaep_sha256(b"", b"message", &mut rng, &mut out),
        Err(EncryptError::Rng)
    );
    assert_eq!(out, [0; 256]);
}
