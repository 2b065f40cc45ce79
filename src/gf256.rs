// SPDX-License-Identifier: MIT OR Apache-2.0
//! GF(2^8), the field of AES: polynomials over GF(2) modulo x^8 + x^4 + x^3 + x + 1, 0x11B
//! (FIPS 197 section 4). A byte holds one element, bit i the coefficient of x^i. Addition is XOR.
//!
//! Sharing multiplies secret rows by public elements only: indices, and values computed from
//! indices. So there is one kernel: a sum of rows, each times a [`Public`] element. A [`Backend`]
//! is that kernel for one instruction set. It may branch on the public elements and index tables
//! with them. Row bytes are loaded, shuffled, shifted, XORed and stored; none becomes a condition
//! or an address.

mod backend;
mod element;
#[cfg(all(
    any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_feature = "neon")
    ),
    not(security_domain_backend = "portable")
))]
mod nibbles;
mod portable;
mod public;
mod term;

// One of these is `native`: the kernels beyond the portable one.
#[cfg(security_domain_backend = "portable")]
#[path = "gf256/none.rs"]
mod native;
#[cfg(not(security_domain_backend = "portable"))]
#[cfg_attr(target_arch = "x86_64", path = "gf256/x86.rs")]
#[cfg_attr(
    all(target_arch = "aarch64", target_feature = "neon"),
    path = "gf256/aarch64.rs"
)]
#[cfg_attr(
    not(any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_feature = "neon")
    )),
    path = "gf256/none.rs"
)]
#[allow(unsafe_code)]
mod native;

pub use backend::Backend;
pub use element::Element;
pub use public::{Logarithm, Public};
pub use term::{Store, TERMS, Term};

use crate::hardened::Fault;

/// Sets `out` to `by * row`; both have the same length.
///
/// Secret: `row`. Public: `by`, the lengths. Leaks: nothing else.
///
/// # Errors
///
/// [`Fault`] if the lengths differ.
pub fn mul_row(out: &mut [u8], by: Public, row: &[u8]) -> Result<(), Fault> {
    Backend::detect().run(out, &[Term { by, row }], Store::Replace)
}

/// Adds `by * row` to `out`; both have the same length.
///
/// Secret: `out`, `row`. Public: `by`, the lengths. Leaks: nothing else.
///
/// # Errors
///
/// [`Fault`] if the lengths differ.
pub fn mul_add_row(out: &mut [u8], by: Public, row: &[u8]) -> Result<(), Fault> {
    Backend::detect().run(out, &[Term { by, row }], Store::Add)
}

/// Sets `out` to the sum of any number of terms, whose rows are as long as `out`; to zeros if there
/// are none.
///
/// Secret: the rows. Public: the factors, the lengths, the number of terms. Leaks: nothing else.
///
/// # Errors
///
/// [`Fault`] if a row is not as long as `out`.
pub fn sum_rows<'a>(
    out: &mut [u8],
    terms: impl IntoIterator<Item = Term<'a>>,
) -> Result<(), Fault> {
    let backend = Backend::detect();
    let mut group = [Term::NONE; TERMS];
    let mut filled = 0;
    let mut store = Store::Replace;
    for term in terms {
        if filled == TERMS {
            backend.run(out, &group, store)?;
            (filled, store) = (0, Store::Add);
        }
        *group.get_mut(filled).ok_or(Fault)? = term;
        filled += 1;
    }
    backend.run(out, group.get(..filled).ok_or(Fault)?, store)
}
