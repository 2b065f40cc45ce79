// SPDX-License-Identifier: MIT OR Apache-2.0
//! Takes the place of the decisions of `src/hardened.rs` in the control image of the single-fault
//! simulator: a decision is evaluated once, held in one `bool` and tested once, and a permit is not
//! tested again. Nothing else is built with it.

use crate::ct::Mask;

#[must_use]
pub struct Verdict(bool);

impl Verdict {
    #[inline(always)]
    pub fn twice(mut decide: impl FnMut() -> Mask) -> Self {
        Self(decide().declassify())
    }

    #[inline(always)]
    pub fn or<E>(self, refusal: E) -> Result<(), E> {
        if self.0 { Ok(()) } else { Err(refusal) }
    }

    #[inline(always)]
    pub fn permit<E>(self, refusal: E) -> Result<Permit, E> {
        if self.0 { Ok(Permit) } else { Err(refusal) }
    }
}

#[must_use]
#[derive(Debug)]
pub struct Permit;

impl Permit {
    pub const REFUSED: Self = Self;

    #[inline(always)]
    pub fn spend<E>(self, _: E) -> Result<(), E> {
        Ok(())
    }

    #[inline(always)]
    pub fn test<E>(&self, _: E) -> Result<(), E> {
        Ok(())
    }

    #[inline(always)]
    pub fn and(self, _: Self) -> Self {
        self
    }
}

