// SPDX-License-Identifier: MIT OR Apache-2.0
//! RSA without an allocator.
