// SPDX-License-Identifier: MIT OR Apache-2.0
//! Serialisation by the crate `serde`; [`shamir`](crate::shamir) lists the form of each type.

use core::fmt;

use ::serde::de::{Error as _, Visitor};
use ::serde::ser::Error as _;
use ::serde::{Deserialize, Deserializer, Serialize, Serializer};
use serdect::array::{deserialize_hex_or_bin, serialize_hex_lower_or_bin};

use crate::hardened::Fault;
use crate::quorum::{Quorum, ShareCount, ShareIndex, Threshold};
use crate::secret::Secret;
use crate::shamir::check::{SetId, ShareDigest};
use crate::shamir::encoded::{EncodedShare, encoded_len};
use crate::shamir::renew::Commitment;
use crate::shamir::text::{MAX_TEXT_LEN, MAX_VALUE_LEN};

/// A checked number.
macro_rules! number {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u8(self.get())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(u8::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    };
}

number!(Threshold);
number!(ShareCount);
number!(ShareIndex);

/// A quorum that has not been checked.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Quorum", deny_unknown_fields)]
struct Numbers {
    threshold: u8,
    count: u8,
}

impl Serialize for Quorum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (threshold, count) = (self.threshold().get(), self.count().get());
        Numbers { threshold, count }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Quorum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Numbers { threshold, count } = Numbers::deserialize(deserializer)?;
        Self::new(threshold, count).map_err(D::Error::custom)
    }
}

/// A public byte string.
macro_rules! bytes {
    ($type:ty, $len:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serialize_hex_lower_or_bin(self.as_bytes(), serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut bytes = [0; $len];
                let len = deserialize_hex_or_bin(&mut bytes, deserializer)?.len();
                // serdect 0.4 accepts hex that is too short.
                if len != bytes.len() {
                    return Err(D::Error::invalid_length(len, &stringify!($len)));
                }
                Ok(Self::from_bytes(bytes))
            }
        }
    };
}

bytes!(SetId, 16);
bytes!(ShareDigest, 32);
bytes!(Commitment, 32);

/// Written as text or as bytes, which are as secret as the share.
impl Serialize for EncodedShare<'_> {
    /// Secret: value and blind. Public: the rest, the length. Leaks: what the format's code does.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let mut text = Secret::<MAX_TEXT_LEN>::zeroed();
            let text = self.encode_text(text.expose_mut());
            serializer.serialize_str(text.map_err(S::Error::custom)?)
        } else {
            let mut bytes = Secret::<{ encoded_len(MAX_VALUE_LEN) }>::zeroed();
            let len = self.encode(bytes.expose_mut()).map_err(S::Error::custom)?;
            let bytes = bytes.expose().get(..len).ok_or(Fault);
            serializer.serialize_bytes(bytes.map_err(S::Error::custom)?)
        }
    }
}

/// Read from formats that hold bytes only.
impl<'de> Deserialize<'de> for EncodedShare<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Err(D::Error::custom(
                "a share as text is read by EncodedShare::parse_text",
            ));
        }
        deserializer.deserialize_bytes(Borrowed)
    }
}

struct Borrowed;

impl<'de> Visitor<'de> for Borrowed {
    type Value = EncodedShare<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of an encoded share, to borrow from")
    }

    fn visit_borrowed_bytes<E: ::serde::de::Error>(
        self,
        bytes: &'de [u8],
    ) -> Result<Self::Value, E> {
        EncodedShare::parse(bytes).map_err(E::custom)
    }
}
