// SPDX-License-Identifier: MIT OR Apache-2.0
//! Approvals: custodians agree to one act of an HSM without sending their shares
//! (`docs/format.md`, "Approvals").
//!
//! An HSM writes an [`Act`]: what it is to do, for which domain, and until when. Each custodian
//! reads it and signs it, alone and offline, with the possession key of his share ([`approve`]).
//! Whoever holds the act collects the [`Approval`]s ([`Approvals`]). As many different custodians
//! as the domain's threshold give an [`Approved`], which the act consumes.
//!
//! No share leaves its custodian, and nothing is reconstructed. An approval says that somebody
//! knows the custodian's share, not that the custodian has his key.
//!
//! ```
//! use getrandom::SysRng;
//! use security_domain::approval::{Act, ActKind, ActSubject, ActTerms, Approval, Approvals, approve};
//! use security_domain::custodian::Recipient;
//! use security_domain::rsa::PrivateKey;
//! use security_domain::sealed_domain::{Epoch, ExpectedDomain, InstanceId, SealedDomain};
//!
//! // The HSM.
//! let sealed = SealedDomain::parse(SEALED)?;
//! let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
//! let terms = ActTerms {
//!     kind: ActKind::FullBackup,
//!     instance: InstanceId::from_bytes([7; 16]),
//!     subject: ActSubject::NONE,
//!     created: 1_790_000_000,
//!     expires: 1_790_086_400,
//! };
//! let mut file = [0; Act::MAX_LEN];
//! let act = Act::write(&sealed, &terms, &mut SysRng, &mut file)?;
//! let mut approvals = Approvals::new(&sealed, &expect, &act)?;
//!
//! // Each custodian reads the act, and signs it.
//! let now = 1_790_000_060;
//! for der in KEYS {
//!     let mut key = PrivateKey::from_pkcs8_der(der)?;
//!     let me = key.public_key().id();
//!     let share = sealed.unwrap_share(me, &mut key, &mut SysRng)?;
//!     assert_eq!(act.kind(), ActKind::FullBackup);
//!     let mut out = [0; Approval::MAX_LEN];
//!     let approval = approve(&sealed, &expect, &act, &share, now, &mut SysRng, &mut out)?;
//!
//!     // The HSM again.
//!     assert_eq!(approvals.add(&approval, now)?, me);
//! }
//! let approved = approvals.enough(now)?;
//! let written = approved.spend(ActKind::FullBackup, act.digest(), || "the backup")?;
//! assert_eq!(written, "the backup");
//! # const SEALED: &[u8] = include_bytes!("../tests/vectors/sealed-domain/good.sealed");
//! # const KEYS: [&[u8]; 2] = [
//! #     include_bytes!("../tests/vectors/sealed-domain/keys/a.p8"),
//! #     include_bytes!("../tests/vectors/sealed-domain/keys/b.p8"),
//! # ];
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod act;
mod approve;
mod collect;
mod file;
mod id;
mod kind;
mod signed;
mod write;

pub use act::{Act, UnfitAct};
pub use approve::{ApproveError, approve};
pub use collect::{Approvals, Approved, CollectError, SpendError};
pub use file::{ApprovalField, ApprovalFileError};
pub use id::{ActDigest, ActId, ActSubject};
pub use kind::ActKind;
pub use signed::{Approval, ApprovalError};
pub use write::{ActError, ActTerms};
