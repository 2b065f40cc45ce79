// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sealed domain: an HSM's security domain in a file that only a quorum of custodians can open.
//! `docs/format.md` specifies every byte.
//!
//! [`Sealing`] makes one; [`SealedDomain::parse`] reads one and checks everything that can be
//! checked without a secret; [`SealedDomain::unwrap_share`] returns one custodian's share, checked
//! at once, so that a wrong one is named; [`SealedDomain::open`] returns the root and the
//! artifacts, or nothing. The file cannot prove whose domain it is: for that, compare it with an
//! [`ExpectedDomain`].
//!
//! ```
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let mut rng = ChaCha20Rng::from_seed([1; 32]);
//! # let mut custodian_keys = example_keys();
//! use security_domain::custodian::Recipient;
//! use security_domain::sealed_domain::{
//!     ArtifactTag, DomainLabel, Epoch, ExpectedDomain, InstanceId, Lineage, ModuleFloor, Root,
//!     SealedDomain, Sealing,
//! };
//! use security_domain::quorum::Threshold;
//!
//! let root = Root::random(&mut rng)?;
//! let custodians = [0, 1, 2].map(|i| custodian_keys[i].public_key().clone());
//! let sealing = Sealing {
//!     root: &root,
//!     artifacts: &[(ArtifactTag::new("signing-key")?, b"32 secret bytes, say")],
//!     custodians: &custodians,
//!     threshold: Threshold::new(2)?,
//!     label: DomainLabel::new("rehearsal")?,
//!     lineage: Lineage::FIRST,
//!     created: 0,
//!     instance: InstanceId::from_bytes([7; 16]),
//!     floor: ModuleFloor::NONE,
//!     break_glass: None,
//! };
//! let mut scratch = vec![0; sealing.scratch_len()?];
//! let mut file = vec![0; sealing.sealed_len()?];
//! sealing.seal(&mut rng, &mut scratch, &mut file)?;
//!
//! let sealed = SealedDomain::parse(&file)?;
//! let first = sealed.unwrap_share(custodians[0].id(), &mut custodian_keys[0], &mut rng)?;
//! let third = sealed.unwrap_share(custodians[2].id(), &mut custodian_keys[2], &mut rng)?;
//! let expect = ExpectedDomain::new(root.domain_id()?, Epoch::FIRST);
//! let mut secrets = vec![0; sealed.opened_len()];
//! let opened = sealed.open(&expect, &[&first, &third], &mut secrets)?;
//! assert_eq!(opened.artifacts().next().unwrap().1, b"32 secret bytes, say");
//! # fn example_keys() -> [security_domain::rsa::PrivateKey; 3] {
//! #     [KEY_A, KEY_B, KEY_C].map(|der| security_domain::rsa::PrivateKey::from_pkcs8_der(der).unwrap())
//! # }
//! # const KEY_A: &[u8] = include_bytes!("../tests/vectors/sealed-domain/keys/a.p8");
//! # const KEY_B: &[u8] = include_bytes!("../tests/vectors/sealed-domain/keys/b.p8");
//! # const KEY_C: &[u8] = include_bytes!("../tests/vectors/sealed-domain/keys/c.p8");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::ops::RangeInclusive;

mod error;
mod expect;
mod header;
mod hedge;
mod id;
mod keys;
mod module;
mod open;
mod parse;
#[cfg(feature = "pq-identity")]
mod pq_identity;
mod root;
mod seal;
mod share;
mod slots;
mod statement;
mod text;

pub(crate) use hedge::Hedged;
pub(crate) use id::id;
pub(crate) use slots::max_scratch;
pub(crate) use statement::{Statement, StatementKind};
pub(crate) use text::{KeptText, check as check_text, check_within};

pub use crate::hardened::Fault;
pub use error::{ExpectError, Field, OpenError, ParseError, SealError, ShareError};
pub use expect::ExpectedDomain;
pub use header::{Artifacts, Custodian, Header};
pub use id::{
    BirthCommitment, DomainId, Epoch, HeaderDigest, InstanceId, LedgerHead, Suite, UnknownSuite,
};
pub use module::{ModuleFloor, ModuleName, ModuleVersion, NeedsNewerModule};
pub use open::Opened;
pub use parse::SealedDomain;
pub use root::Root;
pub use seal::{Lineage, Sealing};
pub use share::DomainShare;
pub use text::{ArtifactTag, DomainLabel, MAX_TEXT_LEN, TextError};

/// How many custodians a domain can have.
pub const CUSTODIANS: RangeInclusive<usize> = 3..=MAX_CUSTODIANS;

/// The most custodians of a domain.
pub const MAX_CUSTODIANS: usize = 10;

/// The length of a release.
pub(crate) const RELEASE_LEN: usize = 32;

/// The most artifacts of a domain. Every domain has at least one.
pub const MAX_ARTIFACTS: usize = 32;
