// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of a challenge.

use crate::sealed_domain::id;

id! {
    /// The name of a challenge, drawn at random.
    ChallengeId, 32
}

id! {
    /// Q, the digest of a challenge. A response names the challenge that it answers by it.
    ChallengeDigest, 32
}
