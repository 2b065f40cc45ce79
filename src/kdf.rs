// SPDX-License-Identifier: MIT OR Apache-2.0
//! SP 800-108 and HKDF.
