// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known-answer self-tests of every algorithm in use, as FIPS 140-3 requires (IG 10.3.A).
//!
//! [`run`] runs the power-up tests and returns the token that
//! [`Vault::start`](crate::lifecycle::Vault::start) consumes: without it no domain is started. The
//! other algorithms are tested when the domain first uses them. A failed test puts the HSM in its
//! error state. No test needs a generator, a secret or an allocator.
//!
//! | tests | when |
//! |---|---|
//! | comparison, decisions taken twice, SHA-256, HMAC, HKDF, AES-256-GCM | at power-up, by [`run`] |
//! | Ed25519 | when there is a root: at a start, when provisioning, before a possession key is used |
//! | GF(2^8), Shamir's scheme, the kinds of keys that are used | by the first step that shares, wraps, unwraps or draws a key |
//! | what the Azure files use | by the first step of an import |
//!
//! [`run_all`] runs every test at once, and [`Test::run`] one alone.
//!
//! ```
//! use security_domain::self_test::{self, Test};
//!
//! let tested = self_test::run()?;
//! Test::Aes256Gcm.run()?;
//! # drop(tested);
//! # Ok::<(), security_domain::self_test::Failed>(())
//! ```

use core::fmt;
use core::hint::black_box;

use answer::{Compare, Judge, Wrong};

use crate::ct::Mask;
use crate::custodian::Algorithm;
#[cfg(feature = "pq")]
use crate::custodian::PostQuantum;
use crate::hardened::{Permit, Verdict};
use crate::rng::{NoGenerator, Watched};

mod answer;
mod ciphers;
mod decisions;
mod hashes;
#[cfg(any(feature = "p256", feature = "pq"))]
mod kems;
mod rsa;
mod sharing;
mod signatures;

/// The self-test of one algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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
    /// HPKE with P-256: key encapsulation and key schedule (RFC 9180 sections 4.1 and 5.1).
    #[cfg(feature = "p256")]
    P256,
    /// X-Wing (draft-connolly-cfrg-xwing-kem).
    #[cfg(feature = "pq")]
    XWing,
    /// MLKEM1024-P384 (draft-ietf-hpke-pq).
    #[cfg(feature = "pq")]
    MlKem1024P384,
    /// ML-KEM-1024 (FIPS 203), with AES-256 key wrap with padding (SP 800-38F).
    #[cfg(feature = "pq")]
    MlKem1024,
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
    /// The power-up tests. A test comes before those that rely on it.
    pub const POWER_UP: &'static [Self] = &[
        Self::ConstantTime,
        Self::Verdict,
        Self::Sha256,
        Self::HmacSha256,
        Self::Hkdf,
        Self::Aes256Gcm,
    ];

    /// Every test, the power-up tests first.
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
        #[cfg(feature = "p256")]
        Self::P256,
        #[cfg(feature = "pq")]
        Self::XWing,
        #[cfg(feature = "pq")]
        Self::MlKem1024P384,
        #[cfg(feature = "pq")]
        Self::MlKem1024,
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

    /// Returns the tests of what wraps to a key of this kind, as far as this build can.
    pub const fn of(kind: Algorithm) -> &'static [Self] {
        match kind {
            Algorithm::Rsa2048OaepSha256
            | Algorithm::Rsa3072OaepSha256
            | Algorithm::Rsa4096OaepSha256 => &[Self::RsaOaep],
            #[cfg(feature = "p256")]
            Algorithm::DhKemP256 => &[Self::P256],
            #[cfg(feature = "pq")]
            Algorithm::XWing => &[Self::XWing],
            #[cfg(feature = "pq")]
            Algorithm::MlKem1024P384 => &[Self::MlKem1024P384],
            #[cfg(feature = "pq")]
            Algorithm::MlKem1024Kwp => &[Self::MlKem1024],
            #[cfg(feature = "pq")]
            Algorithm::Both { other, .. } => match other {
                PostQuantum::XWing => &[Self::RsaOaep, Self::XWing],
                PostQuantum::MlKem1024P384 => &[Self::RsaOaep, Self::MlKem1024P384],
                PostQuantum::MlKem1024 => &[Self::RsaOaep, Self::MlKem1024],
            },
            #[cfg(not(all(feature = "p256", feature = "pq")))]
            _ => &[],
        }
    }

    /// Returns the name of what is tested, for a log.
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
            #[cfg(feature = "p256")]
            Self::P256 => "key encapsulation with P-256",
            #[cfg(feature = "pq")]
            Self::XWing => "X-Wing",
            #[cfg(feature = "pq")]
            Self::MlKem1024P384 => "MLKEM1024-P384",
            #[cfg(feature = "pq")]
            Self::MlKem1024 => "ML-KEM-1024",
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
    ///
    /// # Errors
    ///
    /// [`Failed`] if the algorithm gives a wrong answer.
    pub fn run(self) -> Result<(), Failed> {
        self.run_watched(&mut NoGenerator)
    }

    /// The same, telling the caller that the test goes on.
    pub(crate) fn run_watched(self, watched: &mut dyn Watched) -> Result<(), Failed> {
        self.passes(&mut Compare, watched)?
            .spend(Failed { test: self })
    }

    /// Runs this test, and returns a permit if it passed.
    fn passes(self, judge: &mut impl Judge, watched: &mut dyn Watched) -> Result<Permit, Failed> {
        let outcome = self.judged_by(judge, watched);
        Verdict::twice(|| Mask::from_bit(u32::from(outcome.is_ok()))).permit(Failed { test: self })
    }

    /// Computes the answers, and lets `judge` compare them with the known ones.
    fn judged_by(self, judge: &mut impl Judge, watched: &mut dyn Watched) -> Result<(), Wrong> {
        match self {
            Self::ConstantTime => decisions::constant_time(judge),
            Self::Verdict => decisions::verdict(judge),
            Self::Sha256 => hashes::sha256(judge),
            Self::HmacSha256 => hashes::hmac_sha256(judge),
            Self::Hkdf => hashes::hkdf(judge),
            Self::Aes256Gcm => ciphers::gcm(judge),
            Self::Gf256 => sharing::gf256(judge),
            Self::Shamir => sharing::shamir(judge),
            Self::Ed25519 => signatures::ed25519(judge, watched),
            Self::RsaOaep => rsa::oaep(judge, watched),
            Self::RsaSignature => rsa::signature(judge, watched),
            Self::RsaPairwise => rsa::pairwise(judge, watched),
            #[cfg(feature = "p256")]
            Self::P256 => kems::kem::<crate::kem::P256, _, _>(&kems::P256, judge),
            #[cfg(feature = "pq")]
            Self::XWing => kems::kem::<crate::kem::XWing, _, _>(&kems::X_WING, judge),
            #[cfg(feature = "pq")]
            Self::MlKem1024P384 => {
                kems::kem::<crate::kem::MlKem1024P384, _, _>(&kems::ML_KEM_1024_P384, judge)
            }
            #[cfg(feature = "pq")]
            Self::MlKem1024 => kems::kem::<crate::kem::MlKem1024, _, _>(&kems::ML_KEM_1024, judge),
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

/// Runs the power-up tests, and stops at the first failure.
///
/// # Errors
///
/// [`Failed`] names the first test that failed.
pub fn run() -> Result<SelfTested, Failed> {
    pass(Test::POWER_UP, &mut Compare)
}

/// Runs every test, and stops at the first failure. No step of the domain has to run one later.
///
/// # Errors
///
/// [`Failed`] names the first test that failed.
pub fn run_all() -> Result<SelfTested, Failed> {
    pass(Test::ALL, &mut Compare)
}

/// For `hazmat`: with a judge that can stand for faulty hardware.
#[cfg(feature = "hazmat")]
pub(crate) mod hazmat {
    pub use super::answer::{Compare, Judge, Wrong};
    use super::{Failed, SelfTested, Test, pass};

    /// Runs the power-up tests, whose answers `judge` judges.
    ///
    /// # Errors
    ///
    /// [`Failed`] names the first test that failed.
    pub fn run_judged(judge: &mut impl Judge) -> Result<SelfTested, Failed> {
        pass(Test::POWER_UP, judge)
    }
}

/// Runs the tests twice: a single fault, which can hide that one of them failed, leaves the other run.
fn pass(tests: &[Test], judge: &mut impl Judge) -> Result<SelfTested, Failed> {
    let first = pass_once(tests, judge)?;
    let second = pass_once(black_box(tests), judge)?;
    Ok(SelfTested {
        permit: first.permit.and(second.permit),
        passed: first.passed.and(second.passed),
    })
}

#[inline(never)]
fn pass_once(tests: &[Test], judge: &mut impl Judge) -> Result<SelfTested, Failed> {
    // The other tests rely on this comparison; it is run again in its turn.
    let mut permit = Test::ConstantTime.passes(judge, &mut NoGenerator)?;
    let mut passed = Passed::NONE;
    for test in tests {
        permit = permit.and(test.passes(judge, &mut NoGenerator)?);
        passed.add(*test);
    }
    Ok(SelfTested { permit, passed })
}

/// Shows that the power-up tests have passed. [`Vault::start`](crate::lifecycle::Vault::start)
/// consumes it, so that each start runs them.
///
/// It has no constructor and is not `Clone`:
///
/// ```compile_fail,E0599
/// let tested = security_domain::self_test::run().unwrap();
/// let again = tested.clone();
/// ```
#[must_use]
pub struct SelfTested {
    pub(crate) permit: Permit,
    pub(crate) passed: Passed,
}

impl fmt::Debug for SelfTested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SelfTested")
    }
}

/// Which tests have passed since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed(u32);

impl Passed {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn add(&mut self, test: Test) {
        self.0 |= 1 << test as u32;
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn has(self, test: Test) -> bool {
        self.0 >> test as u32 & 1 == 1
    }
}

/// An algorithm gave a wrong answer: the hardware is faulty, and must not be trusted with a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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

/// Faults are injected between computation and comparison: the tests' judge changes the computed
/// answer. Firmware contains no code for this.
#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::format;
    use std::vec::Vec;

    use super::*;

    /// Records how long each answer is.
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
    fn every_test_passes_and_each_is_noted_as_run() {
        for test in Test::ALL {
            assert_eq!(test.run(), Ok(()), "{test}");
        }
        let (power_up, all) = (run().unwrap(), run_all().unwrap());
        for test in Test::ALL {
            let at_power_up = Test::POWER_UP.contains(test);
            assert_eq!(power_up.passed.has(*test), at_power_up, "{test}");
            assert!(all.passed.has(*test), "{test}");
        }
        assert_eq!(power_up.permit.and(all.permit).spend(()), Ok(()));
    }

    #[test]
    fn every_answer_of_every_test_can_fail_it() {
        for test in Test::ALL {
            let mut count = Count::default();
            assert!(test.judged_by(&mut count, &mut NoGenerator).is_ok());
            assert!(!count.0.is_empty(), "{test} compares nothing");
            for (answers_before, len) in count.0.into_iter().enumerate() {
                assert!(len > 0, "{test}");
                let bits = [0, 8 * len / 2, 8 * len - 1].map(Fault::Bit);
                for fault in bits.into_iter().chain([Fault::Cut]) {
                    let mut judge = Faulty {
                        answers_before,
                        fault,
                    };
                    let failed = test.judged_by(&mut judge, &mut NoGenerator).is_err();
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
