// SPDX-License-Identifier: MIT OR Apache-2.0
// The README's examples need `managed-hsm`.
#![cfg_attr(feature = "managed-hsm", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "managed-hsm"),
    doc = "Constant-time secret sharing and custodian keys for an HSM's security domain."
)]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]
// Input must never reach a panic, and a division takes a time that depends on its operands.
#![cfg_attr(
    not(test),
    deny(
        clippy::disallowed_macros,
        clippy::disallowed_methods,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::integer_division,
        clippy::integer_division_remainder_used,
        clippy::panic,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

#[cfg(test)]
extern crate std;

// Layers, lowest first; `tests/layering.rs` enforces them.
#[cfg(feature = "sealed-domain")]
mod burn;
#[cfg_attr(
    not(feature = "sealed-domain"),
    allow(dead_code, reason = "the sealed domain uses all of it")
)]
mod ct;
#[cfg_attr(
    not(feature = "sealed-domain"),
    allow(dead_code, reason = "the sealed domain uses all of it")
)]
mod hardened;
pub mod hex;
#[cfg(feature = "sealed-domain")]
mod list;
pub mod rng;
pub mod secret;

#[cfg(feature = "sealed-domain")]
mod aead;
#[cfg(feature = "sealed-domain")]
mod cbor;
#[cfg(feature = "sealed-domain")]
mod ed25519;
#[cfg_attr(
    not(feature = "hazmat"),
    allow(dead_code, reason = "only experts choose a backend")
)]
mod gf256;
#[cfg(any(feature = "managed-hsm", feature = "hazmat"))]
mod gf257;
#[cfg(feature = "sealed-domain")]
mod kdf;
#[cfg_attr(
    not(feature = "managed-hsm"),
    allow(dead_code, reason = "each feature has some of them")
)]
mod labels;
mod mac;
#[cfg(feature = "sealed-domain")]
mod purpose;
#[cfg(feature = "sealed-domain")]
pub mod rsa;
#[cfg(feature = "sealed-domain")]
pub mod x509;

pub mod quorum;
pub mod shamir;

#[cfg(feature = "serde")]
mod serde;

#[cfg(feature = "sealed-domain")]
pub mod custodian;

#[cfg(any(feature = "p256", feature = "pq"))]
pub mod kem;

#[cfg(feature = "pq")]
pub mod both;

#[cfg(feature = "sealed-domain")]
pub mod custodian_key;

#[cfg(feature = "sealed-domain")]
pub mod wrapped_share;

#[cfg(feature = "sealed-domain")]
pub mod sealed_domain;

#[cfg(feature = "sealed-domain")]
pub mod backup;

#[cfg(feature = "sealed-domain")]
pub mod contribution;

#[cfg(feature = "sealed-domain")]
pub mod drill;

#[cfg(feature = "sealed-domain")]
pub mod approval;

#[cfg(feature = "sealed-domain")]
pub mod storage;

#[cfg(feature = "managed-hsm")]
pub mod managed_hsm;

#[cfg(feature = "sealed-domain")]
pub mod self_test;

#[cfg(feature = "sealed-domain")]
pub mod lifecycle;

#[cfg(feature = "sealed-domain")]
pub mod custody;

#[cfg(feature = "sealed-domain")]
pub mod policy;

#[cfg(feature = "defmt")]
mod defmt;

#[cfg(feature = "hazmat")]
pub mod hazmat;

/// The traits of random number generators that this crate's functions take.
pub use rand_core;
