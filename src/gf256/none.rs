// SPDX-License-Identifier: MIT OR Apache-2.0
//! No kernel beyond the portable one.

use super::{Store, Term};
use crate::hardened::Fault;

/// A kernel that cannot exist on this target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {}

impl Kernel {
    pub fn detect() -> Option<Self> {
        None
    }

    pub fn available() -> impl Iterator<Item = Self> {
        core::iter::empty()
    }

    pub fn name(self) -> &'static str {
        match self {}
    }

    pub fn run(self, _: &mut [u8], _: &[Term<'_>], _: Store) -> Result<(), Fault> {
        match self {}
    }
}
