// SPDX-License-Identifier: MIT OR Apache-2.0
//! The secrets between an encapsulation and the message.

use crate::secret::Secret;

/// The shared secret of one encapsulation.
pub type Shared = Secret<32>;

/// A key of AES-256, and a nonce if the way of wrapping derives one.
pub type WrapKey = Secret<{ 32 + 12 }>;
