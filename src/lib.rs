// SPDX-License-Identifier: MIT OR Apache-2.0
// The README's example needs `managed-hsm`.
#![cfg_attr(feature = "managed-hsm", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "managed-hsm"),
    doc = "Constant-time secret sharing and custodian keys for an HSM's security domain."
)]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]
// Input must never reach a panic, and a division on a secret takes a time that depends on it.
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::integer_division,
        clippy::integer_division_remainder_used,
        clippy::panic,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

#[cfg(test)]
extern crate std;

// Layers, lowest first; `tests/layering.rs` holds the modules to them.
mod burn;
mod ct;
mod hardened;
pub mod rng;
pub mod secret;

mod aead;
mod cbor;
mod ed25519;
#[cfg_attr(
    not(feature = "hazmat"),
    allow(dead_code, reason = "only experts choose a backend")
)]
mod gf256;
#[cfg(any(feature = "managed-hsm", feature = "hazmat"))]
mod gf257;
mod kdf;
mod purpose;
pub mod rsa;
pub mod x509;

pub mod quorum;
pub mod shamir;

pub mod custodian;
pub mod wrap;

pub mod domain;

pub mod backup;

#[cfg(feature = "managed-hsm")]
pub mod managed_hsm;

pub mod self_test;

pub mod lifecycle;

#[cfg(feature = "hazmat")]
pub mod hazmat;
