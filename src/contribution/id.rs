// SPDX-License-Identifier: MIT OR Apache-2.0
//! What names a session and a request.

use crate::sealed_domain::id;

id! {
    /// The name of a session, drawn for it.
    SessionId, 32
}

id! {
    /// The digest of a request, R. Custodians compare it with what the HSM itself shows.
    RequestDigest, 32
}

id! {
    /// The digest of what an HSM proposes to its quorum.
    #[doc(hidden)] // No HSM proposes anything yet.
    ProposalDigest, 32
}
