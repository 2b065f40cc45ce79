// SPDX-License-Identifier: MIT OR Apache-2.0
//! The transfer key in a request.

use core::fmt;

use crate::contribution::session_file::{SessionField as Field, SessionFileError};
use crate::custodian::{Algorithm, CustodianId, Recipient, WrapError};
use crate::hardened::Fault;
#[cfg(any(feature = "p256", feature = "pq"))]
use crate::kem;
use crate::rng::Generator;
use crate::rsa::{ModulusSize, PublicKey};
use crate::wrapped_share::PLAINTEXT_LEN;

/// The kinds of transfer keys that this build can make and wrap to, those first that an HSM
/// prefers: fast to make, and as strong as most.
pub(crate) const TRANSFER_KINDS: &[Algorithm] = &[
    #[cfg(feature = "pq")]
    Algorithm::XWing,
    #[cfg(feature = "pq")]
    Algorithm::MlKem1024P384,
    #[cfg(feature = "pq")]
    Algorithm::MlKem1024Kwp,
    #[cfg(feature = "p256")]
    Algorithm::DhKemP256,
    Algorithm::rsa(ModulusSize::Rsa2048),
    Algorithm::rsa(ModulusSize::Rsa3072),
    Algorithm::rsa(ModulusSize::Rsa4096),
];

/// The maximum length of a transfer key's SubjectPublicKeyInfo in this build: of MLKEM1024-P384, or
/// of RSA.
#[cfg(feature = "pq")]
pub(crate) const MAX_SPKI_LEN: usize = kem::MAX_SPKI_LEN;
#[cfg(not(feature = "pq"))]
pub(crate) const MAX_SPKI_LEN: usize = PublicKey::SPKI_MAX_LEN;

/// Returns the maximum length of `plaintext` bytes that are wrapped to a transfer key of this build.
pub(crate) const fn max_transferred_len(plaintext: usize) -> usize {
    if cfg!(feature = "pq") {
        Algorithm::MlKem1024P384.wrapped_len(plaintext)
    } else {
        ModulusSize::MAX_BYTES
    }
}

/// The maximum length of a share that is wrapped to a transfer key of this build.
pub(in crate::contribution) const MAX_TRANSFERRED_LEN: usize = max_transferred_len(PLAINTEXT_LEN);

/// The public half of a session's own key, to which custodians wrap their shares: its kind, and its
/// SubjectPublicKeyInfo in DER.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionPublicKey<'a> {
    algorithm: Algorithm,
    spki: &'a [u8],
}

impl<'a> SessionPublicKey<'a> {
    /// Takes a key that is to be written into a request, which is parsed then.
    pub(crate) const fn unchecked(algorithm: Algorithm, spki: &'a [u8]) -> Self {
        Self { algorithm, spki }
    }

    /// Takes a key of this kind, and checks it.
    ///
    /// # Errors
    ///
    /// [`SessionFileError::UnsupportedTransferKey`] for a kind that this build has not, or that no
    /// transfer key can be of, and an error about the key otherwise.
    pub fn new(algorithm: Algorithm, spki: &'a [u8]) -> Result<Self, SessionFileError> {
        if algorithm.rsa_size().is_some() {
            let key = PublicKey::from_spki_der(spki).map_err(SessionFileError::TransferKey)?;
            if key.algorithm() != algorithm {
                return Err(SessionFileError::Malformed(Field::Transfer));
            }
            return Ok(Self { algorithm, spki });
        }
        #[cfg(any(feature = "p256", feature = "pq"))]
        if let Some(checked) = kem::check_spki(algorithm, spki) {
            checked.map_err(SessionFileError::KemTransferKey)?;
            return Ok(Self { algorithm, spki });
        }
        Err(SessionFileError::UnsupportedTransferKey(algorithm))
    }

    /// Returns the SubjectPublicKeyInfo in DER (RFC 5280 section 4.1).
    pub const fn as_spki_der(&self) -> &'a [u8] {
        self.spki
    }
}

/// Prints the kind and the id.
impl fmt::Debug for SessionPublicKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionPublicKey({}, {})", self.algorithm, self.id())
    }
}

impl Recipient for SessionPublicKey<'_> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn id(&self) -> CustodianId {
        CustodianId::new(self.algorithm, self.spki)
    }

    fn wrap<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        #[cfg(any(feature = "p256", feature = "pq"))]
        if self.algorithm.rsa_size().is_none() {
            return kem::wrap_to_spki(self.algorithm, self.spki, message, context, rng, out);
        }
        let key = PublicKey::from_spki_der(self.spki).map_err(|_| Fault)?;
        key.wrap(message, context, rng, out)
    }
}
