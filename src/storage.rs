// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state at rest: what an HSM keeps without power, in two slots of a [`Flash`].
//!
//! The firmware implements [`Flash`]; for NOR flash, the feature `embedded-storage` does. The lifecycle decides what is written to it, and when.
//! `docs/lifecycle.md` explains why a power failure, an old image of the flash or a hidden record
//! does no harm; `docs/format.md` specifies the bytes of a record.

mod device_key;
mod flash;
mod medium;
#[cfg(feature = "embedded-storage")]
mod nor;
pub(crate) mod record;

pub use device_key::{DeviceKey, DeviceKeyError, MAX_INFO_LEN};
pub(crate) use device_key::{derive, hedge};
pub use flash::{Flash, FlashError, Slot};
pub(crate) use medium::Medium;
#[cfg(feature = "embedded-storage")]
pub use nor::{MAX_WORD_LEN, NorLayoutError, NorSlots, NorStorage};
pub use record::{Left, RecordError};
