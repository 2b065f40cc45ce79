// SPDX-License-Identifier: MIT OR Apache-2.0
//! What writing a record needs.

use rand_core::TryCryptoRng;

use super::device_key::DeviceKey;
use super::flash::Flash;

/// A flash, the generator that gives each record its salt, and the key that seals the records.
pub trait Medium: Flash {
    /// The random number generator.
    type Rng: TryCryptoRng + ?Sized;

    /// Returns the random number generator.
    fn rng(&mut self) -> &mut Self::Rng;

    /// Returns the key that only this device has.
    fn device_key(&mut self) -> &mut dyn DeviceKey;

    /// Called as a long operation goes on.
    fn progress(&mut self) {}
}
