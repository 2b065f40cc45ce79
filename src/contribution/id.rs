// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of a session and a request.

use crate::labels::Purpose;
use crate::sealed_domain::{HeaderDigest, id};

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
    ProposalDigest, 32
}

impl ProposalDigest {
    /// Returns the digest of a proposal to rotate to the pending file with this header, which lists
    /// the new custodians and their threshold: `D("proposal", H)`.
    pub fn of(pending: HeaderDigest) -> Self {
        Self::from_bytes(Purpose::Proposal.digest([pending.as_bytes().as_slice()]))
    }
}
