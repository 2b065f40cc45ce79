// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rotations: the quorum is changed, and the domain is neither lost nor stolen on the way.

mod adopt;
pub mod change;
mod ends;
mod glass;
mod life;
mod power;
mod refusals;
