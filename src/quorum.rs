// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checked counts: how many custodians there are, and how many of them it takes.
