// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shamir's secret sharing over GF(2^8).
