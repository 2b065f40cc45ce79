// SPDX-License-Identifier: MIT OR Apache-2.0
//! RSA with moduli of 2048, 3072 and 4096 bits, without an allocator (RFC 8017, FIPS 186-5).
//!
//! It has only what the crate needs: RSAES-OAEP with SHA-256, to wrap keys to custodians;
//! RSASSA-PKCS1-v1_5 with SHA-256, for self-signed certificates; strict import of keys in DER; and
//! key generation. A private key takes 2.9 KB.
//!
//! The private operation is constant-time in the key and in the message, blinded with fresh
//! randomness, and checked against the public key before its result leaves, so that a fault does
//! not reveal the primes. A message is encrypted twice with the same seed, and the ciphertext
//! leaves only if both results agree, so that a fault does not reveal the message.
//!
//! Long work is done in steps. [`PrivateKey`] takes them all in one call. With [`KeyGeneration`]
//! and [`Decryption`] the caller takes them one by one, in memory that the caller provides.
//!
//! All sizes run the same code. In one call it works in memory on the stack that the size decides.
//! Measured stack use in bytes on a Cortex-M4 for 2048 / 3072 / 4096 bits: decryption 6,796 / 9,164
//! / 11,532; encryption 4,520 / 5,288 / 6,056.
//!
//! ```
//! use getrandom::SysRng;
//! use security_domain::rsa::{ModulusSize, PrivateKey};
//!
//! let key = PrivateKey::generate(ModulusSize::Rsa2048, &mut SysRng)?;
//! let mut wrapped = [0; ModulusSize::Rsa2048.bytes()];
//! key.public_key().encrypt_oaep_sha256(b"", b"a key", &mut SysRng, &mut wrapped)?;
//!
//! let mut out = [0; 32];
//! let len = key.decrypt_oaep_sha256(b"", &wrapped, &mut SysRng, &mut out)?;
//! assert_eq!(&out[..len], b"a key");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assembly;
mod bare;
mod blind;
mod check;
mod crt;
mod divide;
mod encoding;
mod error;
mod generate;
mod inverse;
mod mont;
mod oaep;
mod operation;
mod pkcs1v15;
mod prime;
mod private;
mod product;
mod public;
mod raw;
mod residue;
mod scratch;
mod search;
mod sieve;
mod steps;
mod unsigned;
mod words;

pub(crate) use bare::is_bare_block;

pub use error::{
    DecryptError, EncryptError, ExportError, GenerateError, KeyError, SignError, SignatureError,
};
pub use private::PrivateKey;
pub use public::PublicKey;
pub use search::Progress;
pub use steps::{Decryption, KeyGeneration, Workspace, WorkspaceTooSmall};

use crate::hardened::Fault;

/// The size of a modulus. Other sizes are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ModulusSize {
    /// 2048 bits: 112 bits of security.
    Rsa2048,
    /// 3072 bits: 128 bits of security.
    Rsa3072,
    /// 4096 bits: about 150 bits of security.
    Rsa4096,
}

impl ModulusSize {
    /// The length of the largest modulus in bytes.
    pub const MAX_BYTES: usize = Self::Rsa4096.bytes();

    /// Returns the number of bits in the modulus.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Rsa2048 => 2048,
            Self::Rsa3072 => 3072,
            Self::Rsa4096 => 4096,
        }
    }

    /// Returns the number of bytes in the modulus, in a ciphertext and in a signature.
    pub const fn bytes(self) -> usize {
        (self.bits() >> 3) as usize
    }

    /// Returns the size with that many bits, if it is one of the three.
    pub const fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            2048 => Some(Self::Rsa2048),
            3072 => Some(Self::Rsa3072),
            4096 => Some(Self::Rsa4096),
            _ => None,
        }
    }

    /// Returns as much of `buffer` as a modulus of this size needs.
    fn front(self, buffer: &mut [u8; Self::MAX_BYTES]) -> Result<&mut [u8], Fault> {
        buffer.get_mut(..self.bytes()).ok_or(Fault)
    }
}
