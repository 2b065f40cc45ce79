// SPDX-License-Identifier: MIT OR Apache-2.0
//! The building blocks, for tests and experts; not covered by semver.

/// Constant-time primitives.
pub mod ct {
    pub use crate::ct::{Mask, eq_bytes};
}
