// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of an act.

use crate::sealed_domain::id;

id! {
    /// The name of an act, drawn at random by the HSM; in a veto, the digest of the rotation's request.
    ActId, 32
}

id! {
    /// The digest of an act. An approval names the act that it approves by it.
    ActDigest, 32
}

id! {
    /// What an act is about: for example the digest of a backup's header, or of the header of a
    /// pending domain.
    ActSubject, 32
}

impl ActSubject {
    /// The act is about nothing but its domain.
    pub const NONE: Self = Self([0; 32]);
}
