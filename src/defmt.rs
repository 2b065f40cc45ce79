// SPDX-License-Identifier: MIT OR Apache-2.0
//! `defmt::Format` of types that print as text or digits; other public types derive it.
//!
//! A type that holds a secret has no `Format`, so it cannot be logged by accident:
//!
//! ```compile_fail,E0277
//! # use security_domain::secret::Secret;
//! # fn log(key: &Secret<32>) {
//! defmt::info!("{}", key);
//! # }
//! ```

use ::defmt::{Format, Formatter, write};

use crate::shamir::check::{SetId, ShareDigest};

/// Bytes that print as two hexadecimal digits each.
macro_rules! digits {
    ($($type:ty),* $(,)?) => {$(
        impl Format for $type {
            fn format(&self, f: Formatter<'_>) {
                let digits = self.as_bytes().map(digits);
                match str::from_utf8(digits.as_flattened()) {
                    Ok(digits) => write!(f, "{=str}", digits),
                    Err(_) => write!(f, "{=[u8]:02x}", self.as_bytes().as_slice()),
                }
            }
        }
    )*};
}

digits!(SetId, ShareDigest);

fn digits(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 15].map(|half| match half {
        0..10 => half.wrapping_add(b'0'),
        _ => half.wrapping_add(b'a' - 10),
    })
}

#[cfg(feature = "sealed-domain")]
mod sealed_domain {
    use super::{Format, Formatter, digits, write};
    use crate::approval::{ActDigest, ActId, ActSubject};
    use crate::backup::BackupId;
    use crate::contribution::{ProposalDigest, RequestDigest, SessionId};
    use crate::custodian::CustodianId;
    use crate::custody::RecordHash;
    use crate::drill::{ChallengeDigest, ChallengeId};
    use crate::lifecycle::{ArtifactDigest, PinsDigest, SinkAnswer};
    use crate::sealed_domain::{BirthCommitment, DomainId, HeaderDigest, InstanceId, LedgerHead};
    use crate::x509::Thumbprint;

    digits!(
        BackupId,
        RecordHash,
        ProposalDigest,
        CustodianId,
        BirthCommitment,
        DomainId,
        HeaderDigest
    );
    digits!(ChallengeDigest, ChallengeId);
    digits!(ActDigest, ActId, ActSubject, ArtifactDigest);
    digits!(
        InstanceId,
        LedgerHead,
        PinsDigest,
        RequestDigest,
        SessionId,
        Thumbprint
    );

    impl Format for SinkAnswer {
        fn format(&self, f: Formatter<'_>) {
            match *self {
                Self::AGREED => write!(f, "AGREED"),
                _ => write!(f, "REFUSED"),
            }
        }
    }
}

#[cfg(feature = "managed-hsm")]
digits!(crate::managed_hsm::FileDigest);

#[cfg(feature = "managed-hsm")]
impl Format for crate::managed_hsm::MemberName {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "{=str}", self.as_str());
    }
}
