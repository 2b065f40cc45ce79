// SPDX-License-Identifier: MIT OR Apache-2.0
//! GF(2^8).
