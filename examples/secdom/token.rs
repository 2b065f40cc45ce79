// SPDX-License-Identifier: MIT OR Apache-2.0
//! Custodians' keys in tokens that have a PKCS#11 module (OASIS PKCS#11 2.40). They are there if
//! the tool is built with the feature `pkcs11`.

#[cfg(not(all(unix, feature = "pkcs11")))]
mod absent;
#[cfg(all(unix, feature = "pkcs11"))]
mod pkcs11;
mod uri;

#[cfg(not(all(unix, feature = "pkcs11")))]
pub use absent::{Token, TokenKey};
#[cfg(all(unix, feature = "pkcs11"))]
pub use pkcs11::{Token, TokenKey};
pub use uri::{Uri, is_uri};
