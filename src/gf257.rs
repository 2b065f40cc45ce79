// SPDX-License-Identifier: MIT OR Apache-2.0
//! Integers mod 257, for the interchange format's shares.
