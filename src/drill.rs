// SPDX-License-Identifier: MIT OR Apache-2.0
//! Drills: a custodian proves, alone and offline, that he still holds what he should
//! (`docs/format.md`, "Drills").
//!
//! Whoever wants to know writes a [`Challenge`]. It holds a fresh value for each custodian who is
//! asked, wrapped to his key as his share is. The custodian unwraps the value and signs it with his
//! share's possession key ([`respond`]), and [`Response::verify`] tells what that proves: that he
//! has his key and his share, or only that he knows the share. No share leaves its custodian, and
//! nothing is reconstructed.
//!
//! A drill says nothing of a quorum that conspires, or of an HSM that sealed something else than it
//! said.
//!
//! ```
//! use getrandom::SysRng;
//! use security_domain::custodian::Recipient;
//! use security_domain::drill::{Challenge, Proof, Response, respond};
//! use security_domain::rsa::PrivateKey;
//! use security_domain::sealed_domain::{Epoch, ExpectedDomain, SealedDomain};
//!
//! // Whoever asks has the custodian's public key, for example from the certificate.
//! let mut ada = PrivateKey::from_pkcs8_der(KEY)?;
//! let keys = [ada.public_key().clone()];
//! let sealed = SealedDomain::parse(SEALED)?;
//! let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
//! let mut file = vec![0; Challenge::written_len(&keys)];
//! let challenge = Challenge::write(&sealed, &keys, 1_790_000_000, &mut SysRng, &mut file)?;
//!
//! // The custodian.
//! let me = ada.public_key().id();
//! let share = sealed.unwrap_share(me, &mut ada, &mut SysRng)?;
//! let value = challenge.unwrap_value(&sealed, me, &mut ada, &mut SysRng)?;
//! let mut answer = [0; Response::MAX_LEN];
//! let rng = &mut SysRng;
//! let response = respond(&sealed, &expect, &challenge, &share, Some(&value), rng, &mut answer)?;
//!
//! // Whoever asked.
//! let answered = response.verify(&sealed, &expect, &challenge)?;
//! assert_eq!((answered.custodian, answered.proof), (me, Proof::KeyAndShare));
//! # const SEALED: &[u8] = include_bytes!("../tests/vectors/sealed-domain/good.sealed");
//! # const KEY: &[u8] = include_bytes!("../tests/vectors/sealed-domain/keys/a.p8");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod challenge;
mod file;
mod id;
mod respond;
mod response;
mod value;
mod write;

pub use challenge::Challenge;
pub use file::{DrillField, DrillFileError};
pub use id::{ChallengeDigest, ChallengeId};
pub use respond::{RespondError, respond};
pub use response::{Answered, Proof, Response, ResponseError};
pub use value::{DrillValue, ValueError};
pub use write::ChallengeError;

#[cfg(test)]
mod tests;
