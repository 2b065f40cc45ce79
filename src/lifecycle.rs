// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of a security domain in an HSM, from its provisioning to its recovery in another.

mod event;
mod host;
mod id;

pub use event::{Ended, Event};
pub use host::{FlashError, Host, SinkRefused, Slot};
pub use id::{RequestDigest, SessionId};
