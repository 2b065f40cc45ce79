// SPDX-License-Identifier: MIT OR Apache-2.0
//! Self-tests for power-up: known answers of every algorithm in use, as FIPS 140-3 asks (IG 10.3.A).
//!
//! Firmware calls [`run`] before it holds a secret, and goes no further if it fails. A [`Test`] may also
//! be run alone, before the first use of its algorithm or at any time after. None needs a generator, a
//! secret or an allocator.
//!
//! ```
//! use security_domain::self_test::{self, Test};
//!
//! self_test::run()?;
//! Test::Aes256Gcm.run()?;
//! # Ok::<(), security_domain::self_test::Failed>(())
//! ```

use core::fmt;

use answer::{Compare, Judge, Wrong};

mod answer;
mod ciphers;
mod decisions;
mod hashes;
mod rsa;
mod sharing;
mod signatures;

/// The self-test of one algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Test {
    /// Comparison and selection in constant time.
    ConstantTime,
    /// Decisions that are taken twice.
    Verdict,
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// HMAC with SHA-256 (FIPS 198-1).
    HmacSha256,
    /// HKDF with SHA-256 (RFC 5869).
    Hkdf,
    /// AES-256-GCM, both ways (SP 800-38D).
    Aes256Gcm,
    /// The kernel for GF(2^8) that this CPU uses, and the portable one.
    Gf256,
    /// Shamir's scheme: split and combine.
    Shamir,
    /// Ed25519: keys, signing and verifying (RFC 8032).
    Ed25519,
    /// RSAES-OAEP with SHA-256, both ways (RFC 8017 section 7.1).
    RsaOaep,
    /// RSASSA-PKCS1-v1_5 with SHA-256, signing and verifying (RFC 8017 section 8.2).
    RsaSignature,
    /// What an RSA key's public half does, its private half undoes.
    RsaPairwise,
    /// SHA-1 (FIPS 180-4): it names certificates, and protects nothing.
    #[cfg(feature = "managed-hsm")]
    Sha1,
    /// HMAC with SHA-512 (FIPS 198-1).
    #[cfg(feature = "managed-hsm")]
    HmacSha512,
    /// The counter mode of SP 800-108 with HMAC-SHA-512.
    #[cfg(feature = "managed-hsm")]
    Sp800108,
    /// AES-256 in CBC mode, both ways (SP 800-38A).
    #[cfg(feature = "managed-hsm")]
    Aes256Cbc,
    /// A256CBC-HS512, both ways (RFC 7518 section 5.2.5).
    #[cfg(feature = "managed-hsm")]
    Aes256CbcHs512,
    /// The integers mod 257.
    #[cfg(feature = "managed-hsm")]
    Gf257,
}

impl Test {
    /// Every test, in the order of [`run`]: what others rest on comes first.
    pub const ALL: &'static [Self] = &[
        Self::ConstantTime,
        Self::Verdict,
        Self::Sha256,
        Self::HmacSha256,
        Self::Hkdf,
        Self::Aes256Gcm,
        Self::Gf256,
        Self::Shamir,
        Self::Ed25519,
        Self::RsaOaep,
        Self::RsaSignature,
        Self::RsaPairwise,
        #[cfg(feature = "managed-hsm")]
        Self::Sha1,
        #[cfg(feature = "managed-hsm")]
        Self::HmacSha512,
        #[cfg(feature = "managed-hsm")]
        Self::Sp800108,
        #[cfg(feature = "managed-hsm")]
        Self::Aes256Cbc,
        #[cfg(feature = "managed-hsm")]
        Self::Aes256CbcHs512,
        #[cfg(feature = "managed-hsm")]
        Self::Gf257,
    ];

    /// What is tested, for a log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConstantTime => "constant-time comparison",
            Self::Verdict => "decisions taken twice",
            Self::Sha256 => "SHA-256",
            Self::HmacSha256 => "HMAC-SHA-256",
            Self::Hkdf => "HKDF-SHA-256",
            Self::Aes256Gcm => "AES-256-GCM",
            Self::Gf256 => "GF(2^8)",
            Self::Shamir => "Shamir's scheme",
            Self::Ed25519 => "Ed25519",
            Self::RsaOaep => "RSA-OAEP",
            Self::RsaSignature => "RSA signature",
            Self::RsaPairwise => "RSA pairwise consistency",
            #[cfg(feature = "managed-hsm")]
            Self::Sha1 => "SHA-1",
            #[cfg(feature = "managed-hsm")]
            Self::HmacSha512 => "HMAC-SHA-512",
            #[cfg(feature = "managed-hsm")]
            Self::Sp800108 => "SP 800-108",
            #[cfg(feature = "managed-hsm")]
            Self::Aes256Cbc => "AES-256-CBC",
            #[cfg(feature = "managed-hsm")]
            Self::Aes256CbcHs512 => "A256CBC-HS512",
            #[cfg(feature = "managed-hsm")]
            Self::Gf257 => "integers mod 257",
        }
    }

    /// Runs this test alone.
    pub fn run(self) -> Result<(), Failed> {
        self.judged_by(&mut Compare)
            .map_err(|Wrong| Failed { test: self })
    }

    /// Computes, and lets `judge` compare with what is known.
    fn judged_by(self, judge: &mut impl Judge) -> Result<(), Wrong> {
        match self {
            Self::ConstantTime => decisions::constant_time(judge),
            Self::Verdict => decisions::verdict(judge),
            Self::Sha256 => hashes::sha256(judge),
            Self::HmacSha256 => hashes::hmac_sha256(judge),
            Self::Hkdf => hashes::hkdf(judge),
            Self::Aes256Gcm => ciphers::gcm(judge),
            Self::Gf256 => sharing::gf256(judge),
            Self::Shamir => sharing::shamir(judge),
            Self::Ed25519 => signatures::ed25519(judge),
            Self::RsaOaep => rsa::oaep(judge),
            Self::RsaSignature => rsa::signature(judge),
            Self::RsaPairwise => rsa::pairwise(judge),
            #[cfg(feature = "managed-hsm")]
            Self::Sha1 => hashes::sha1(judge),
            #[cfg(feature = "managed-hsm")]
            Self::HmacSha512 => hashes::hmac_sha512(judge),
            #[cfg(feature = "managed-hsm")]
            Self::Sp800108 => hashes::sp800_108(judge),
            #[cfg(feature = "managed-hsm")]
            Self::Aes256Cbc => ciphers::cbc(judge),
            #[cfg(feature = "managed-hsm")]
            Self::Aes256CbcHs512 => ciphers::cbc_hs512(judge),
            #[cfg(feature = "managed-hsm")]
            Self::Gf257 => sharing::gf257(judge),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Runs every test, and stops at the first that fails.
pub fn run() -> Result<(), Failed> {
    Test::ALL.iter().try_for_each(|test| test.run())
}

/// An algorithm gave a wrong answer: the machine errs, and must not be trusted with a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failed {
    /// The test that failed.
    pub test: Test,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the self-test of {} failed", self.test)
    }
}

impl core::error::Error for Failed {}

/// Faults are injected between computation and comparison: the tests' judge changes what was computed.
/// No code for it is in a firmware.
#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::format;
    use std::vec::Vec;

    use super::*;

    /// Notes how long each answer is.
    #[derive(Default)]
    struct Count(Vec<usize>);

    impl Judge for Count {
        fn same(&mut self, have: &[u8], want: &[u8]) -> Result<(), Wrong> {
            self.0.push(have.len());
            Compare.same(have, want)
        }
    }

    enum Fault {
        Bit(usize),
        Cut,
    }

    /// Changes the answer at one place.
    struct Faulty {
        answers_before: usize,
        fault: Fault,
    }

    impl Judge for Faulty {
        fn same(&mut self, have: &[u8], want: &[u8]) -> Result<(), Wrong> {
            let mut have = have.to_vec();
            match self.answers_before.checked_sub(1) {
                Some(left) => self.answers_before = left,
                None => match self.fault {
                    Fault::Bit(bit) => have[bit / 8] ^= 1 << (bit % 8),
                    Fault::Cut => drop(have.pop()),
                },
            }
            Compare.same(&have, want)
        }
    }

    #[test]
    fn every_test_passes() {
        assert_eq!(run(), Ok(()));
        for test in Test::ALL {
            assert_eq!(test.run(), Ok(()), "{test}");
        }
    }

    #[test]
    fn every_answer_of_every_test_can_fail_it() {
        for test in Test::ALL {
            let mut count = Count::default();
            assert!(test.judged_by(&mut count).is_ok());
            assert!(!count.0.is_empty(), "{test} compares nothing");
            for (answers_before, len) in count.0.into_iter().enumerate() {
                assert!(len > 0, "{test}");
                let bits = [0, 8 * len / 2, 8 * len - 1].map(Fault::Bit);
                for fault in bits.into_iter().chain([Fault::Cut]) {
                    let mut judge = Faulty {
                        answers_before,
                        fault,
                    };
                    let failed = test.judged_by(&mut judge).is_err();
                    assert!(failed, "{test}, answer {answers_before}");
                }
            }
        }
    }

    #[test]
    fn every_test_has_a_name_of_its_own() {
        let names: HashSet<_> = Test::ALL.iter().map(|test| test.name()).collect();
        assert_eq!(names.len(), Test::ALL.len());
        let failed = Failed { test: Test::Gf256 };
        assert_eq!(format!("{failed}"), "the self-test of GF(2^8) failed");
    }
}
