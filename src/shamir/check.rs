// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names wrong shares, and recovers the secret despite them.
//!
//! There are two independent ways:
//!
//! - With [`ShareDigest`]s kept from the split, [`name_wrong`] checks each share on its own.
//! - Without digests, but with more shares than the threshold, [`consistent`] checks whether all
//!   agree, and [`correct`] recovers the secret if at most `(given - threshold) / 2` shares are
//!   wrong.
//!
//! What can be found out depends on how many shares are given. T is the threshold:
//!
//! | given | without digests | with digests |
//! |---|---|---|
//! | T shares | nothing: a wrong share gives a wrong secret | each wrong share is named |
//! | T + 1 | [`consistent`] detects that one is wrong, but not which | the same |
//! | T + 2 | [`correct`] names one wrong share, and recovers the secret | the same |
//! | T + 2n | [`correct`] names n wrong shares | the same |
//!
//! So compute the digests when you split, and keep them apart from the shares. They are not secret.
//! [`name_wrong`] has an example.
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
//! // The second share is lost, and somebody presents a made-up one.
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
mod name;

pub use correct::{CorrectError, correct, correct_rows};
pub use digest::{SetId, ShareDigest};
pub use name::name_wrong;

use super::combine::{validate, verdict};
use super::{CombineError, ShareRow};
use crate::quorum::Quorum;

/// Checks that all `shares` lie on polynomials of the quorum's degree, in every byte. Exactly a
/// threshold of shares always does.
///
/// Secret: the shares. Public: the lengths, the indices, `quorum`. Leaks: whether they agree.
///
/// # Errors
///
/// Fails for each reason in [`CombineError`] except `Mixed`; with `Disagree` if the shares do not
/// agree.
pub fn consistent(quorum: Quorum, shares: &[ShareRow<'_>]) -> Result<(), CombineError> {
    let len = shares.first().map_or(0, |share| share.value.len());
    let shares = shares.iter().copied();
    validate(quorum, shares.clone(), len)?;
    verdict(quorum, shares)
}
