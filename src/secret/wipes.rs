// SPDX-License-Identifier: MIT OR Apache-2.0
//! The types below wipe themselves only with a feature of their crates; without it this does not
//! compile. `tests/wiping` covers those that wipe but do not implement the trait.

use zeroize::ZeroizeOnDrop;

const fn wipes<T: ZeroizeOnDrop>() {}

const _: () = {
    wipes::<super::Secret<32>>();
    wipes::<sha2::Sha256>();
    wipes::<sha2::Sha512>();
};

#[cfg(feature = "sealed-domain")]
const _: () = {
    wipes::<aes::Aes256>();
    wipes::<ed25519_dalek::SigningKey>();
};

#[cfg(feature = "managed-hsm")]
const _: () = {
    wipes::<cbc::Encryptor<aes::Aes256>>();
    wipes::<cbc::Decryptor<aes::Aes256>>();
};
