// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors, grouped by who may know the cause.

use core::fmt;

use crate::hardened::Fault;
use crate::rng::RngError;

/// Why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are not the DER encoding of this structure: a wrong tag, a length or an integer
    /// that is not in its shortest form, a negative integer, or an early end.
    Encoding,
    /// Bytes follow the structure, or a structure inside it.
    TrailingData,
    /// The structure has an unsupported version or form, for example a key with more than two
    /// primes.
    Version,
    /// The algorithm is not `rsaEncryption` with parameters NULL.
    Algorithm,
    /// The modulus begins with a zero byte.
    LeadingZero,
    /// The modulus does not have 2048, 3072 or 4096 bits.
    ModulusSize {
        /// The number of bits in the modulus.
        bits: u32,
    },
    /// The modulus is even.
    EvenModulus,
    /// The public exponent is even.
    EvenExponent,
    /// The public exponent is below 65537.
    SmallExponent,
    /// The public exponent is 2^256 or more.
    LargeExponent,
    /// A prime is even, or does not have half as many bits as the modulus.
    Prime,
    /// The product of the primes is not the modulus.
    Product,
    /// The private exponent does not match the other numbers.
    PrivateExponent,
    /// The first prime's exponent is not the inverse of the public one.
    Exponent1,
    /// The second prime's exponent is not the inverse of the public one.
    Exponent2,
    /// The coefficient is not the second prime's inverse.
    Coefficient,
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding => "the key is not in its DER encoding",
            Self::TrailingData => "bytes follow the key",
            Self::Version => "the key has an unsupported version",
            Self::Algorithm => "the key's algorithm is not rsaEncryption",
            Self::LeadingZero => "the modulus begins with a zero byte",
            Self::ModulusSize { bits } => {
                return write!(f, "the modulus has {bits} bits, not 2048, 3072 or 4096");
            }
            Self::EvenModulus => "the modulus is even",
            Self::EvenExponent => "the public exponent is even",
            Self::SmallExponent => "the public exponent is below 65537",
            Self::LargeExponent => "the public exponent has more than 256 bits",
            Self::Prime => "a prime is even or of the wrong size",
            Self::Product => "the product of the primes is not the modulus",
            Self::PrivateExponent => "the private exponent does not match the primes",
            Self::Exponent1 => "the exponent of the first prime is wrong",
            Self::Exponent2 => "the exponent of the second prime is wrong",
            Self::Coefficient => "the coefficient is not the inverse of the second prime",
            Self::Fault => FAULT,
        })
    }
}

impl core::error::Error for KeyError {}

impl From<Fault> for KeyError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

/// Why a message was not encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EncryptError {
    /// The message is longer than `max` bytes, which is the modulus less 66 bytes.
    MessageTooLong {
        /// The longest message for this key in bytes.
        max: usize,
    },
    /// The output is shorter than the modulus.
    BufferTooSmall,
    /// The random number generator failed.
    Rng,
    /// Two computations disagree, or the result is not a ciphertext: a hardware fault or a bug. The
    /// output is wiped.
    Fault,
}

impl fmt::Display for EncryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MessageTooLong { max } => write!(f, "the message is longer than {max} bytes"),
            Self::BufferTooSmall => f.write_str("the output is shorter than the modulus"),
            Self::Rng => f.write_str("the random number generator failed"),
            Self::Fault => f.write_str(FAULT),
        }
    }
}

impl core::error::Error for EncryptError {}

impl From<RngError> for EncryptError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl From<Fault> for EncryptError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

/// Why a ciphertext was not decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DecryptError {
    /// The ciphertext does not open with this key, or its message does not fit the output.
    /// Deliberately gives no reason.
    Opaque,
    /// The random number generator failed before anything was decrypted.
    Rng,
    /// The public key does not confirm the result of the private operation: a hardware fault, or a
    /// key whose numbers pass the checks of import although its primes are not prime.
    Fault,
}

impl fmt::Display for DecryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Opaque => "the ciphertext does not open with this key",
            Self::Rng => "the random number generator failed",
            Self::Fault => FAULT,
        })
    }
}

impl core::error::Error for DecryptError {}

impl From<Failure> for DecryptError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Rng => Self::Rng,
            Failure::TooLarge => Self::Opaque,
            Failure::Fault => Self::Fault,
        }
    }
}

impl From<Fault> for DecryptError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

/// Why a message was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SignError {
    /// The output is shorter than the modulus.
    BufferTooSmall,
    /// The random number generator failed.
    Rng,
    /// The public key does not confirm the signature: a hardware fault, or a key whose numbers pass
    /// the checks of import although its primes are not prime.
    Fault,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BufferTooSmall => "the output is shorter than the modulus",
            Self::Rng => "the random number generator failed",
            Self::Fault => "the computed signature does not verify",
        })
    }
}

impl core::error::Error for SignError {}

impl From<Failure> for SignError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Rng => Self::Rng,
            // The block to be signed begins with a zero.
            Failure::TooLarge | Failure::Fault => Self::Fault,
        }
    }
}

impl From<Fault> for SignError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

/// Why no key was generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum GenerateError {
    /// The random number generator failed.
    Rng,
    /// So many candidates were composite that the generator must be broken.
    Exhausted,
    /// The computed numbers are not a key: a hardware fault or a bug in this crate.
    Fault,
}

impl fmt::Display for GenerateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rng => "the random number generator failed",
            Self::Exhausted => "no prime was found among the candidates",
            Self::Fault => FAULT,
        })
    }
}

impl core::error::Error for GenerateError {}

impl From<Failure> for GenerateError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Rng => Self::Rng,
            Failure::TooLarge | Failure::Fault => Self::Fault,
        }
    }
}

impl From<Fault> for GenerateError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

/// The signature was not made over this message by this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "it carries no data")]
pub struct SignatureError;

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not verify")
    }
}

impl core::error::Error for SignatureError {}

impl From<Fault> for SignatureError {
    fn from(_: Fault) -> Self {
        Self
    }
}

/// Why a key was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ExportError {
    /// The output is too small for the encoding.
    BufferTooSmall,
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BufferTooSmall => "the output is too small for the encoding",
            Self::Fault => FAULT,
        })
    }
}

impl core::error::Error for ExportError {}

impl From<Fault> for ExportError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

/// Why a computation with a private key has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The random number generator failed.
    Rng,
    /// The number is not below the modulus.
    TooLarge,
    /// An internal check failed, or the public key does not confirm the result.
    Fault,
}

impl From<RngError> for Failure {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl From<Fault> for Failure {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

const FAULT: &str = "an internal check failed: a hardware fault or a bug";
