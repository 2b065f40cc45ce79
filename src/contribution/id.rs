// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of a session and a request.

use crate::sealed_domain::id;

id! {
    /// The name of a session, drawn at random.
    SessionId, 32
}

id! {
    /// R, the digest of a request. Custodians compare it with what the HSM itself shows.
    RequestDigest, 32
}

id! {
    /// The digest of what an HSM proposes to its quorum.
    #[doc(hidden)] // No HSM proposes anything yet.
    ProposalDigest, 32
}
