// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state at rest: what an HSM keeps when its power is gone, in two slots of a [`Flash`].
//!
//! The firmware implements [`Flash`]. What is written to it, and when, is the lifecycle's affair; why a
//! power failure, an old image of the flash or a hidden record does no harm stands in
//! `docs/lifecycle.md`, and the bytes of a record in `docs/format.md`.

mod flash;
mod medium;
pub(crate) mod record;

pub use flash::{Flash, FlashError, Slot};
pub(crate) use medium::Medium;
pub use record::{Left, RecordError};
