// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong, by who can know it.

use core::fmt;

/// Why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// Not the DER encoding of this structure: a wrong tag, a length or an integer that is not in its
    /// shortest form, a negative integer, an end that comes too early.
    Encoding,
    /// Bytes follow the structure, or a structure inside it.
    TrailingData,
    /// The structure's version: a key of more than two primes, or a form that is not read here.
    Version,
    /// The algorithm is not `rsaEncryption` with parameters NULL.
    Algorithm,
    /// The modulus begins with a zero byte.
    LeadingZero,
    /// The modulus has this many bits, not 2048, 3072 or 4096.
    ModulusSize {
        /// Bits in the modulus.
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
    /// A prime is even, or has not half the bits of the modulus.
    Prime,
    /// The primes' product is not the modulus.
    Product,
    /// The private exponent does not fit the others.
    PrivateExponent,
    /// The first prime's exponent is not the inverse of the public one.
    Exponent1,
    /// The second prime's exponent is not the inverse of the public one.
    Exponent2,
    /// The coefficient is not the second prime's inverse.
    Coefficient,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding => "the key is not in its DER encoding",
            Self::TrailingData => "bytes follow the key",
            Self::Version => "the key has a version other than the two-prime one",
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
            Self::PrivateExponent => "the private exponent does not fit the primes",
            Self::Exponent1 => "the exponent of the first prime is wrong",
            Self::Exponent2 => "the exponent of the second prime is wrong",
            Self::Coefficient => "the coefficient is not the inverse of the second prime",
        })
    }
}

impl core::error::Error for KeyError {}

/// Why a message was not encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncryptError {
    /// The message is longer than `max` bytes, the modulus less 66 bytes.
    MessageTooLong {
        /// The most that this key takes.
        max: usize,
    },
    /// The output is shorter than the modulus.
    BufferTooSmall,
    /// The random number generator failed.
    Rng,
}

impl fmt::Display for EncryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MessageTooLong { max } => write!(f, "the message is longer than {max} bytes"),
            Self::BufferTooSmall => f.write_str("the output is shorter than the modulus"),
            Self::Rng => f.write_str("the random number generator failed"),
        }
    }
}

impl core::error::Error for EncryptError {}

/// Why a ciphertext was not decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecryptError {
    /// It does not open with this key, or what it holds does not fit the output. Nothing more is told.
    Opaque,
    /// The random number generator failed, before anything was decrypted.
    Rng,
}

impl fmt::Display for DecryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Opaque => "it does not open with this key",
            Self::Rng => "the random number generator failed",
        })
    }
}

impl core::error::Error for DecryptError {}

/// Why a message was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// The output is shorter than the modulus.
    BufferTooSmall,
    /// The random number generator failed.
    Rng,
    /// The result did not verify with the public key: a fault in the machine, or a key whose numbers
    /// pass the checks of import and whose primes are none.
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

/// Why no key was generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GenerateError {
    /// The random number generator failed.
    Rng,
    /// So many candidates were composite that the generator must be broken.
    Exhausted,
}

impl fmt::Display for GenerateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rng => "the random number generator failed",
            Self::Exhausted => "no prime was found among the candidates",
        })
    }
}

impl core::error::Error for GenerateError {}

/// The signature is not one of this message by this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureError;

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not verify")
    }
}

impl core::error::Error for SignatureError {}

/// The output is too small for the encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferTooSmall;

impl fmt::Display for BufferTooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the output is too small for the encoding")
    }
}

impl core::error::Error for BufferTooSmall {}
