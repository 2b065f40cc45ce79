// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state at rest: what an HSM keeps without power, in two slots of a [`Flash`].
//!
//! The firmware implements [`Flash`]. The lifecycle decides what is written to it, and when.
//! `docs/lifecycle.md` explains why a power failure, an old image of the flash or a hidden record
//! does no harm; `docs/format.md` specifies the bytes of a record.

mod flash;
mod medium;
pub(crate) mod record;

pub use flash::{Flash, FlashError, Slot};
pub(crate) use medium::Medium;
pub use record::{Left, RecordError};
