// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device that computes only ECDH on P-256 (SP 800-56A section 5.7.1.2), as a PIV card, a secure
//! element or a token with PKCS#11's `CKM_ECDH1_DERIVE`.
//!
//! ```
//! use security_domain::custodian::{Identity, UnwrapError};
//! use security_domain::kem::{EcdhDevice, EcdhP256, P256, PrivateKey};
//!
//! /// A card in a reader. Here it was pulled out.
//! struct Card;
//!
//! #[derive(Debug, PartialEq)]
//! struct Absent;
//!
//! impl EcdhDevice for Card {
//!     type Error = Absent;
//!
//!     fn agree(&mut self, _theirs: &[u8; 65], _x: &mut [u8; 32]) -> Result<(), Absent> {
//!         Err(Absent)
//!     }
//! }
//!
//! // Otherwise the key in the custodian's certificate.
//! let public = PrivateKey::<P256>::generate(&mut getrandom::SysRng)?.public_key()?;
//! // What is wrapped begins with a point.
//! let wrapped = [public.as_bytes(), &[0; 81]].concat();
//! let mut identity = EcdhP256::new(public, Card);
//! let mut out = [0; 65];
//! let answer = identity.unwrap_key(&wrapped, &[], &mut getrandom::SysRng, &mut out);
//! assert_eq!(answer, Err(UnwrapError::Device(Absent)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::mechanism::{Mechanism, Shared, WrapKey};
use super::p256::{P256, POINT_LEN, derive};
use super::{PublicKey, hpke};
use crate::ct::is_zeros;
use crate::custodian::{Identity, UnwrapError};
use crate::hardened::Verdict;
use crate::rng::Generator;
use crate::secret::Secret;

/// A device that has a private key of P-256 and computes ECDH with it.
pub trait EcdhDevice {
    /// What the device may report: token absent, PIN wrong. It must not depend on the result.
    type Error;

    /// Multiplies `theirs`, an uncompressed point that is on the curve, by the private key, and
    /// writes the x-coordinate of the product to `x`, big-endian. No key derivation function is
    /// applied.
    ///
    /// Secret: the key, `x`. Public: `theirs`. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// What the device reports.
    fn agree(&mut self, theirs: &[u8; 65], x: &mut [u8; 32]) -> Result<(), Self::Error>;
}

/// An [`Identity`] from an [`EcdhDevice`]: computes everything else of HPKE here.
///
/// The device is given points of the curve alone. Its answer cannot be checked with the public key:
/// from another key, or after a fault in the device, nothing opens, which is
/// [`UnwrapError::Opaque`]. An answer of zeros, as of a device that writes nothing, is
/// [`UnwrapError::Fault`].
///
/// The answer is wiped. Copies in the device's driver are not reached.
#[derive(Debug)]
pub struct EcdhP256<D> {
    public: PublicKey<P256>,
    device: D,
}

impl<D: EcdhDevice> EcdhP256<D> {
    /// Joins a device with the public half of its key, which the custodian's certificate has.
    pub fn new(public: PublicKey<P256>, device: D) -> Self {
        Self { public, device }
    }

    /// Returns the public key.
    pub fn public_key(&self) -> &PublicKey<P256> {
        &self.public
    }

    /// Returns the device.
    pub fn into_device(self) -> D {
        self.device
    }
}

impl<D: EcdhDevice> Identity for EcdhP256<D> {
    type Error = D::Error;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<D::Error>> {
        let (point, sealed) =
            { wrapped.split_first_chunk::<POINT_LEN>() }.ok_or(UnwrapError::Opaque)?;
        if !P256::is_public(point) {
            return Err(UnwrapError::Opaque);
        }
        let mut x = Secret::zeroed();
        { self.device.agree(point, x.expose_mut()) }.map_err(UnwrapError::Device)?;
        rng.progress();
        let (public, x) = (self.public.as_bytes(), &x);
        P256::burning(move || {
            Verdict::twice(|| !is_zeros(x.expose())).or(UnwrapError::Fault)?;
            let (mut shared, mut key) = (Shared::zeroed(), WrapKey::zeroed());
            derive(x.expose(), point, public, &mut shared)?;
            P256::wrap_key(&shared, context, &mut key)?;
            hpke::open(&key, sealed, out)
        })
        .map_err(|error| error.map(|never| match never {}))
    }
}
