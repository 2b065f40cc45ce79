// SPDX-License-Identifier: MIT OR Apache-2.0
//! Naming wrong shares, and recovering the secret in spite of them.
//!
//! Two ways, which do not depend on each other:
//!
//! - With [`ShareDigest`]s kept from the dealing, [`name_wrong`] checks each share by itself.
//! - Without them, with more shares than the threshold, [`consistent`] tells whether all agree, and
//!   [`correct`] recovers the secret if at most `(given - threshold) / 2` shares are wrong.
//!
//! ```
//! use security_domain::quorum::Quorum;
//! use security_domain::secret::Secret;
//! use security_domain::shamir::{Share, check, split};
//! # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
//!
//! let quorum = Quorum::of::<3, 5>();
//! let secret = Secret::<32>::random(&mut rng)?;
//! let [first, second, third, fourth, fifth] = split(&secret, quorum, &mut rng)?;
//!
//! // The second share is lost, and somebody made another one up.
//! let forged = Share::new(second.index(), Secret::random(&mut rng)?);
//!
//! let given = [&first, &forged, &third, &fourth, &fifth];
//! let (again, wrong) = check::correct(quorum, &given, &mut rng)?;
//! assert_eq!(again.expose(), secret.expose());
//! assert!(wrong.iter().eq([second.index()]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod correct;
mod digest;
mod fingerprint;
mod locate;

pub use correct::{CorrectError, correct, correct_rows};
pub use digest::{SetId, ShareDigest, name_wrong};

use super::combine::{validate, verdict};
use super::{CombineError, ShareRow};
use crate::quorum::Quorum;

/// Whether all `shares` lie on polynomials of the quorum's degree, in every byte. With exactly a
/// threshold of shares, any do.
///
/// Secret: the shares. Public: the lengths, the indices, `quorum`. Leaks: whether they agree.
///
/// # Errors
///
/// [`CombineError`], `Disagree` if they do not agree.
pub fn consistent(quorum: Quorum, shares: &[ShareRow<'_>]) -> Result<(), CombineError> {
    let len = shares.first().map_or(0, |share| share.value.len());
    let shares = shares.iter().copied();
    validate(quorum, shares.clone(), len)?;
    verdict(quorum, shares)
}
