// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kinds of custodians' keys: their codes in files, the lengths that they wrap to, and their
//! order by strength (`docs/format.md`, "Kinds of keys").
//!
//! Every build knows every kind by name, whatever it can compute.

use core::fmt;

use crate::rsa::ModulusSize;

/// How something is wrapped to a custodian's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Algorithm {
    /// RSAES-OAEP (RFC 8017 section 7.1) with SHA-256 for hash and MGF1, no label, a 2048-bit key.
    Rsa2048OaepSha256,
    /// The same with a 3072-bit key.
    Rsa3072OaepSha256,
    /// The same with a 4096-bit key.
    Rsa4096OaepSha256,
    /// ML-KEM-1024 (FIPS 203), whose shared secret is the key of AES-256 key wrap with padding
    /// (SP 800-38F section 6.3).
    MlKem1024Kwp,
    /// HPKE (RFC 9180) with DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM.
    DhKemP256,
    /// HPKE with MLKEM1024-P384 (draft-ietf-hpke-pq), HKDF-SHA384 and AES-256-GCM.
    MlKem1024P384,
    /// HPKE with X-Wing (draft-connolly-cfrg-xwing-kem), HKDF-SHA256 and AES-256-GCM.
    XWing,
    /// Two keys that are both needed.
    Both {
        /// The size of the RSA key.
        rsa: ModulusSize,
        /// The kind of the other key.
        other: PostQuantum,
    },
}

/// A key encapsulation that withstands a quantum computer: the second of two keys that are both
/// needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PostQuantum {
    /// ML-KEM-1024.
    MlKem1024,
    /// ML-KEM-1024 combined with P-384.
    MlKem1024P384,
    /// X-Wing: ML-KEM-768 combined with X25519.
    XWing,
}

impl PostQuantum {
    /// Returns the length of a ciphertext (`enc` in RFC 9180) in bytes.
    pub const fn ciphertext_len(self) -> usize {
        match self {
            Self::MlKem1024 => 1568,
            Self::MlKem1024P384 => 1568 + 97,
            Self::XWing => 1088 + 32,
        }
    }

    /// Returns the kind of such a key alone.
    pub const fn alone(self) -> Algorithm {
        match self {
            Self::MlKem1024 => Algorithm::MlKem1024Kwp,
            Self::MlKem1024P384 => Algorithm::MlKem1024P384,
            Self::XWing => Algorithm::XWing,
        }
    }
}

/// The maximum length of a message that this crate wraps, in bytes: a share of an Azure file with
/// its context.
pub const MAX_MESSAGE_LEN: usize = 96;

/// The maximum length of a wrapped message of [`MAX_MESSAGE_LEN`] bytes, over every [`Algorithm`],
/// in bytes.
pub const MAX_WRAPPED_LEN: usize = Algorithm::Both {
    rsa: ModulusSize::Rsa4096,
    other: PostQuantum::MlKem1024P384,
}
.wrapped_len(MAX_MESSAGE_LEN);

/// The length of a tag of AES-256-GCM.
const TAG_LEN: usize = 16;

impl Algorithm {
    /// Returns the algorithm with this code, if there is one.
    pub const fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            1 => Self::Rsa2048OaepSha256,
            2 => Self::Rsa3072OaepSha256,
            3 => Self::Rsa4096OaepSha256,
            4 => Self::MlKem1024Kwp,
            0x0010 => Self::DhKemP256,
            0x0051 => Self::MlKem1024P384,
            0x647a => Self::XWing,
            _ => {
                let rsa = match code >> 16 {
                    1 => ModulusSize::Rsa2048,
                    2 => ModulusSize::Rsa3072,
                    3 => ModulusSize::Rsa4096,
                    _ => return None,
                };
                let other = match code & 0xffff {
                    4 => PostQuantum::MlKem1024,
                    0x0051 => PostQuantum::MlKem1024P384,
                    0x647a => PostQuantum::XWing,
                    _ => return None,
                };
                Self::Both { rsa, other }
            }
        })
    }

    /// Returns the code in files. For HPKE it is the id of the KEM in the registry of RFC 9180
    /// section 7.1; for two keys, the first key's code times 65536 plus the other's.
    pub const fn code(self) -> u32 {
        match self {
            Self::Rsa2048OaepSha256 => 1,
            Self::Rsa3072OaepSha256 => 2,
            Self::Rsa4096OaepSha256 => 3,
            Self::MlKem1024Kwp => 4,
            Self::DhKemP256 => 0x0010,
            Self::MlKem1024P384 => 0x0051,
            Self::XWing => 0x647a,
            Self::Both { rsa, other } => Self::rsa(rsa).code() << 16 | other.alone().code(),
        }
    }

    /// Returns the kind of an RSA key of this size.
    pub const fn rsa(size: ModulusSize) -> Self {
        match size {
            ModulusSize::Rsa2048 => Self::Rsa2048OaepSha256,
            ModulusSize::Rsa3072 => Self::Rsa3072OaepSha256,
            ModulusSize::Rsa4096 => Self::Rsa4096OaepSha256,
        }
    }

    /// Returns the size of the key if the kind is one RSA key.
    pub const fn rsa_size(self) -> Option<ModulusSize> {
        match self {
            Self::Rsa2048OaepSha256 => Some(ModulusSize::Rsa2048),
            Self::Rsa3072OaepSha256 => Some(ModulusSize::Rsa3072),
            Self::Rsa4096OaepSha256 => Some(ModulusSize::Rsa4096),
            _ => None,
        }
    }

    /// Returns how many bytes at the front of what is wrapped were encrypted with RSA.
    pub(crate) const fn rsa_part_len(self) -> Option<usize> {
        match self {
            Self::Both { rsa, .. } => Some(rsa.bytes()),
            alone => match alone.rsa_size() {
                Some(size) => Some(size.bytes()),
                None => None,
            },
        }
    }

    /// Returns the length in bytes of a wrapped message of `message` bytes.
    pub const fn wrapped_len(self, message: usize) -> usize {
        let sealed = message.saturating_add(TAG_LEN);
        match self {
            Self::Rsa2048OaepSha256 => ModulusSize::Rsa2048.bytes(),
            Self::Rsa3072OaepSha256 => ModulusSize::Rsa3072.bytes(),
            Self::Rsa4096OaepSha256 => ModulusSize::Rsa4096.bytes(),
            // The message is padded to blocks of 8 bytes, and one goes before it.
            Self::MlKem1024Kwp => {
                let blocks = message.saturating_add(15) & !7;
                PostQuantum::MlKem1024
                    .ciphertext_len()
                    .saturating_add(blocks)
            }
            Self::DhKemP256 => sealed.saturating_add(65),
            Self::MlKem1024P384 => {
                sealed.saturating_add(PostQuantum::MlKem1024P384.ciphertext_len())
            }
            Self::XWing => sealed.saturating_add(PostQuantum::XWing.ciphertext_len()),
            Self::Both { rsa, other } => {
                sealed.saturating_add(rsa.bytes() + other.ciphertext_len())
            }
        }
    }

    /// Returns whether this kind of key is at least as strong as `other` in all three columns of
    /// the table in `docs/format.md` ("Kinds of keys"). Some kinds are not comparable: neither is
    /// as strong as the other.
    ///
    /// What was wrapped to one kind is never wrapped again to a kind that is not as strong.
    pub const fn is_as_strong_as(self, other: Self) -> bool {
        let (this, other) = (self.strength(), other.strength());
        this.conventional >= other.conventional
            && this.quantum >= other.quantum
            && this.problems >= other.problems
    }

    /// Returns the bits of security against a conventional computer.
    pub(crate) const fn security_bits(self) -> u16 {
        self.strength().conventional
    }

    /// Returns whether a quantum computer would not open what is wrapped.
    pub(crate) const fn withstands_quantum_computers(self) -> bool {
        self.strength().quantum > 0
    }

    const fn strength(self) -> Strength {
        let (conventional, quantum, problems) = match self {
            Self::Rsa2048OaepSha256 => (112, 0, 1),
            Self::Rsa3072OaepSha256 | Self::DhKemP256 => (128, 0, 1),
            Self::Rsa4096OaepSha256 => (152, 0, 1),
            Self::MlKem1024Kwp => (256, 5, 1),
            Self::XWing => (192, 3, 2),
            Self::MlKem1024P384 => (256, 5, 2),
            Self::Both { other, .. } => {
                let strength = other.alone().strength();
                (strength.conventional, strength.quantum, 2)
            }
        };
        Strength {
            conventional,
            quantum,
            problems,
        }
    }
}

/// What it takes to open what was wrapped.
struct Strength {
    /// The bits of security against a conventional computer (SP 800-57 part 1 table 2; for
    /// RSA-4096, the implementation guidance for FIPS 140-3, D.B).
    conventional: u16,
    /// The security category against a quantum computer (FIPS 203 section 8); 0 for none.
    quantum: u8,
    /// How many different problems must be solved: factoring or discrete logarithms are one,
    /// lattices another.
    problems: u8,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa2048OaepSha256 => "RSA-2048 OAEP-SHA-256",
            Self::Rsa3072OaepSha256 => "RSA-3072 OAEP-SHA-256",
            Self::Rsa4096OaepSha256 => "RSA-4096 OAEP-SHA-256",
            Self::MlKem1024Kwp => "ML-KEM-1024 AES-256-KWP",
            Self::DhKemP256 => "HPKE P-256",
            Self::MlKem1024P384 => "HPKE MLKEM1024-P384",
            Self::XWing => "HPKE X-Wing",
            Self::Both { rsa, other } => {
                let other = match other {
                    PostQuantum::MlKem1024 => "ML-KEM-1024",
                    PostQuantum::MlKem1024P384 => "MLKEM1024-P384",
                    PostQuantum::XWing => "X-Wing",
                };
                return write!(f, "RSA-{} and {other}", rsa.bits());
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;

    /// Every kind, by code.
    fn all() -> Vec<Algorithm> {
        let codes = (0..0x5_0000).chain([u32::MAX, 0xffff_0001]);
        codes.filter_map(Algorithm::from_code).collect()
    }

    #[test]
    fn codes_and_names_are_unique_and_known() {
        let all = all();
        assert_eq!(all.len(), 7 + 3 * 3);
        let names: HashSet<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), all.len());
        for algorithm in &all {
            assert_eq!(Algorithm::from_code(algorithm.code()), Some(*algorithm));
        }
        assert_eq!(all[0].code(), 1);
        let both = Algorithm::Both {
            rsa: ModulusSize::Rsa3072,
            other: PostQuantum::XWing,
        };
        assert_eq!(both.code(), 0x2_647a);
        assert_eq!(both.to_string(), "RSA-3072 and X-Wing");
    }

    #[test]
    fn no_kind_wraps_to_more_than_the_most() {
        let lengths = { all().into_iter() }.map(|kind| kind.wrapped_len(MAX_MESSAGE_LEN));
        assert_eq!(lengths.max(), Some(MAX_WRAPPED_LEN));
        assert_eq!(MAX_WRAPPED_LEN, 512 + 1665 + 112);
        for (message, wrapped) in [(1, 16), (8, 16), (9, 24), (65, 80), (96, 104)] {
            assert_eq!(Algorithm::MlKem1024Kwp.wrapped_len(message), 1568 + wrapped);
        }
        for kind in all() {
            assert!(kind.wrapped_len(usize::MAX) >= 256);
        }
    }

    /// The order in `docs/format.md`: kinds in one row are equally strong; a row is as strong as
    /// the ones that it names and as those that they are as strong as.
    #[test]
    fn kinds_are_ordered_as_documented() {
        let row = |kind: Algorithm| match kind {
            Algorithm::Rsa2048OaepSha256 => 0,
            Algorithm::Rsa3072OaepSha256 | Algorithm::DhKemP256 => 1,
            Algorithm::Rsa4096OaepSha256 => 2,
            Algorithm::MlKem1024Kwp => 3,
            Algorithm::XWing => 4,
            Algorithm::Both {
                other: PostQuantum::XWing,
                ..
            } => 4,
            Algorithm::MlKem1024P384 | Algorithm::Both { .. } => 5,
        };
        let covers = [
            [1, 0, 0, 0, 0, 0],
            [1, 1, 0, 0, 0, 0],
            [1, 1, 1, 0, 0, 0],
            [1, 1, 1, 1, 0, 0],
            [1, 1, 1, 0, 1, 0],
            [1, 1, 1, 1, 1, 1],
        ];
        for a in all() {
            for b in all() {
                let want = covers[row(a)][row(b)] == 1;
                assert_eq!(a.is_as_strong_as(b), want, "{a} and {b}");
            }
        }
    }
}
