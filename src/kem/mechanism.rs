// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a kind of key computes. The module's callers check lengths; a mechanism refuses wrong ones
//! as a fault.

use core::convert::Infallible;

use super::hpke;
pub use super::secrets::{Shared, WrapKey};
use crate::custodian::{Algorithm, MAX_MESSAGE_LEN, UnwrapError};
use crate::hardened::Fault;

/// The longest seed: `d` and `z` of ML-KEM (FIPS 203 section 7.1).
pub const MAX_SEED_LEN: usize = 64;

/// The most random bytes for one encapsulation: `m` of ML-KEM and a scalar of P-384.
pub const MAX_COINS_LEN: usize = 80;

/// The longest ciphertext: of ML-KEM-1024, and a point of P-384.
pub const MAX_CIPHERTEXT_LEN: usize = 1568 + 97;

/// The longest ciphertext with a message that is encrypted under its secret.
pub const MAX_SEALED_LEN: usize = if cfg!(feature = "pq") {
    Algorithm::MlKem1024P384.wrapped_len(MAX_MESSAGE_LEN)
} else {
    Algorithm::DhKemP256.wrapped_len(MAX_MESSAGE_LEN)
};

/// A key encapsulation mechanism, and how it wraps a message under the shared secret.
pub trait Mechanism: 'static {
    /// The kind of the key alone.
    const KIND: Algorithm;

    /// An encoded public key.
    type Public: AsRef<[u8]> + AsMut<[u8]> + Clone + Eq;
    /// Room for a public key.
    const NO_PUBLIC: Self::Public;

    const SEED_LEN: usize;
    const COINS_LEN: usize;
    const CIPHERTEXT_LEN: usize;

    /// A `SubjectPublicKeyInfo` in DER up to the key (RFC 5280 section 4.1).
    const SPKI_HEAD: &'static [u8];
    /// A `OneAsymmetricKey` in DER up to the seed (RFC 5958 section 2).
    const PKCS8_HEAD: &'static [u8];
    /// What stands between the seed and the public key at the end, if both are written.
    const PKCS8_PUBLIC: Option<&'static [u8]> = None;

    /// Runs `work`, and burns as much of the stack as an operation with a key of this kind uses.
    fn burning<T>(work: impl FnOnce() -> T) -> T;

    /// Returns whether the bytes are a valid public key in its one encoding.
    fn is_public(public: &[u8]) -> bool;

    /// Returns whether the seed gives a key. A drawn seed does not once in 2^32 at most.
    fn is_seed(seed: &[u8]) -> bool;

    /// Returns whether the drawn bytes can be encapsulated with.
    fn is_coins(coins: &[u8]) -> bool;

    /// Computes the public key.
    fn public(seed: &[u8], public: &mut [u8]) -> Result<(), Fault>;

    /// Encapsulates the secret that follows from `coins`.
    fn encapsulate(
        public: &[u8],
        coins: &[u8],
        ciphertext: &mut [u8],
        shared: &mut Shared,
    ) -> Result<(), Fault>;

    /// Opens a ciphertext. ML-KEM rejects implicitly: the secret of a changed ciphertext is another
    /// one, and the message under it does not open.
    fn decapsulate(
        seed: &[u8],
        ciphertext: &[u8],
        shared: &mut Shared,
    ) -> Result<(), UnwrapError<Infallible>>;

    /// Derives the key that wraps.
    fn wrap_key(shared: &Shared, context: &[u8], key: &mut WrapKey) -> Result<(), Fault>;

    /// Wraps `message` into `sealed`, which is filled.
    fn seal(key: &WrapKey, message: &[u8], sealed: &mut [u8]) -> Result<(), Fault> {
        hpke::seal(key, message, sealed)
    }

    /// Unwraps `sealed` into the front of `out`, and returns the message's length.
    fn open(
        key: &WrapKey,
        sealed: &[u8],
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        hpke::open(key, sealed, out)
    }
}
