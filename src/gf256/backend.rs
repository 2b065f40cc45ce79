// SPDX-License-Identifier: MIT OR Apache-2.0
//! Selects the kernel: at compile time if the target always has it, otherwise once at run time.
//!
//! | backend | when | how |
//! |---|---|---|
//! | `gfni-512` | x86-64 with GFNI and AVX-512BW | the field's own multiplication, 64 bytes wide |
//! | `gfni-256` | x86-64 with GFNI and AVX2 | the field's own multiplication, 32 bytes wide |
//! | `avx512` | x86-64 with AVX-512BW | nibble tables in registers, 64 bytes wide |
//! | `avx2` | x86-64 with AVX2 | nibble tables in registers, 32 bytes wide |
//! | `neon` | aarch64 | nibble tables in registers, 16 bytes wide |
//! | `portable` | everywhere | eight bytes to a word, no table |
//!
//! `--cfg security_domain_backend="portable"` compiles the portable one only.

use super::native::Kernel;
use super::portable;
use super::term::{Store, Term, check_lengths};
use crate::hardened::Fault;

/// A kernel that this CPU can run; no other can be constructed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend(Option<Kernel>);

impl Backend {
    /// The portable kernel, with which the others are compared.
    pub const PORTABLE: Self = Self(None);

    /// Returns the fastest kernel that this CPU can run.
    #[inline]
    pub fn detect() -> Self {
        Self(Kernel::detect())
    }

    /// Iterates over all kernels that this CPU can run, the portable one first.
    pub fn available() -> impl Iterator<Item = Self> {
        core::iter::once(Self::PORTABLE).chain(Kernel::available().map(|kernel| Self(Some(kernel))))
    }

    /// Returns the kernel's name in the table above.
    pub fn name(self) -> &'static str {
        self.0.map_or("portable", Kernel::name)
    }

    /// Sets `out` to the sum of `terms`, whose rows are as long as `out`, or adds the sum to it.
    ///
    /// Secret: `out`, the rows. Public: the factors, the lengths, `store`. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a row is not as long as `out`.
    #[inline]
    pub fn run(self, out: &mut [u8], terms: &[Term<'_>], store: Store) -> Result<(), Fault> {
        match self.0 {
            Some(kernel) => kernel.run(out, terms, store),
            None => {
                check_lengths(out, terms)?;
                portable::run(out, terms, store, 0)
            }
        }
    }
}
