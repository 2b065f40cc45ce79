// SPDX-License-Identifier: MIT OR Apache-2.0
//! The key that only this device has, as an operation, so that hardware can hold it.

use core::fmt;

use crate::hardened::{Fault, copy};
use crate::kdf::{Pseudorandom, require_filled};
use crate::labels::Purpose;
use crate::secret::{Secret, wipe};

/// A key that only this device has. Everything at rest is sealed under keys derived from it.
///
/// A [`Secret`] of 32 bytes is a device key in software. A key-slot engine, a PUF or fuses that
/// firmware cannot read implement this trait instead, and the key never enters memory:
///
/// ```
/// use security_domain::storage::{DeviceKey, DeviceKeyError};
///
/// /// An engine that computes HKDF-SHA-256 with a key in a slot.
/// struct KeySlot;
/// # impl KeySlot {
/// #     fn hkdf(&mut self, _: u8, _: &[u8], _: &[u8], out: &mut [u8; 32]) -> Result<(), u32> {
/// #         out.fill(7);
/// #         Ok(())
/// #     }
/// # }
///
/// impl DeviceKey for KeySlot {
///     fn derive(
///         &mut self,
///         salt: &[u8],
///         info: &[u8],
///         out: &mut [u8; 32],
///     ) -> Result<(), DeviceKeyError> {
///         const SLOT: u8 = 3;
///         self.hkdf(SLOT, salt, info, out)
///             .map_err(|_status| DeviceKeyError::Failed)
///     }
/// }
/// # KeySlot.derive(&[], b"", &mut [0; 32]).unwrap();
/// ```
pub trait DeviceKey {
    /// Fills `out` with the key for `salt`, which is empty or has 32 bytes, and `info`, which has at
    /// most [`MAX_INFO_LEN`] bytes.
    ///
    /// The same salt and info must give the same key for as long as the device lives, and any other
    /// pair an unrelated key. HKDF-SHA-256 (RFC 5869) does this, and so does any other pseudorandom
    /// function; an engine that takes less context can be given
    /// SHA-256(SHA-256(salt) || SHA-256(info)). Records open only on the function that sealed them.
    ///
    /// Secret: the device key, `out`. Public: `salt`, `info`. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`DeviceKeyError`] if the device failed. What `out` holds then is wiped.
    fn derive(
        &mut self,
        salt: &[u8],
        info: &[u8],
        out: &mut [u8; 32],
    ) -> Result<(), DeviceKeyError>;

    /// Fills `out` with a secret of this device, the same each time, with which draws are hedged:
    /// by default the key for a fixed `info`. Records do not depend on it.
    ///
    /// Secret: the device key, `out`. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// As for [`derive`](Self::derive).
    fn hedge(&mut self, out: &mut [u8; 32]) -> Result<(), DeviceKeyError> {
        let info = Purpose::DeviceDraw.info::<MAX_INFO_LEN, 0>([])?;
        self.derive(&[], &info, out)
    }
}

/// The longest `info` of [`DeviceKey::derive`] in bytes.
pub const MAX_INFO_LEN: usize = 96;

/// HKDF-SHA-256 (RFC 5869) of this key. Draws are hedged with the key itself, so that a key of zeros, which
/// was never set, is refused.
impl DeviceKey for Secret<32> {
    fn derive(
        &mut self,
        salt: &[u8],
        info: &[u8],
        out: &mut [u8; 32],
    ) -> Result<(), DeviceKeyError> {
        let (mut extracted, mut expanded) = (Pseudorandom::none(), Self::zeroed());
        extracted.extract(salt, self.expose())?;
        extracted.expand(&[info], &mut expanded)?;
        Ok(copy(out, expanded.expose())?)
    }

    fn hedge(&mut self, out: &mut [u8; 32]) -> Result<(), DeviceKeyError> {
        Ok(copy(out, self.expose())?)
    }
}

/// The device key derived no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DeviceKeyError {
    /// The device that holds the key failed.
    Failed,
    /// An internal check failed: a hardware fault or a bug.
    Fault,
}

impl From<Fault> for DeviceKeyError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl fmt::Display for DeviceKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "the device that holds the device key failed",
            Self::Fault => "an internal check failed: a hardware fault or a bug",
        })
    }
}

impl core::error::Error for DeviceKeyError {}

/// Fills `out` with X(device key, salt, purpose, parts..), or wipes it. A device that derives zeros
/// has not derived anything.
///
/// Secret: the device key, `out`. Public: the rest. Leaks: whether the device failed.
pub fn derive<const P: usize>(
    key: &mut dyn DeviceKey,
    purpose: Purpose,
    salt: &[u8],
    parts: [&[u8]; P],
    out: &mut Secret<32>,
) -> Result<(), DeviceKeyError> {
    let info = purpose.info::<MAX_INFO_LEN, P>(parts)?;
    fill(out, |out| key.derive(salt, &info, out))
}

/// Fills `out` with [`DeviceKey::hedge`], or wipes it.
///
/// Secret: the device key, `out`. Leaks: whether the device failed.
pub fn hedge(key: &mut dyn DeviceKey, out: &mut Secret<32>) -> Result<(), DeviceKeyError> {
    fill(out, |out| key.hedge(out))
}

fn fill(
    out: &mut Secret<32>,
    device: impl FnOnce(&mut [u8; 32]) -> Result<(), DeviceKeyError>,
) -> Result<(), DeviceKeyError> {
    wipe(out.expose_mut());
    let filled = device(out.expose_mut());
    { filled.and_then(|()| Ok(require_filled(out)?)) }.inspect_err(|_| wipe(out.expose_mut()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves this byte, and answers this.
    struct Device(u8, Result<(), DeviceKeyError>);

    impl DeviceKey for Device {
        fn derive(&mut self, _: &[u8], _: &[u8], out: &mut [u8; 32]) -> Result<(), DeviceKeyError> {
            out.fill(self.0);
            self.1
        }
    }

    fn derived(key: &mut dyn DeviceKey) -> (Result<(), DeviceKeyError>, [u8; 32]) {
        let mut out = Secret::from_bytes(&mut [9; 32]);
        let parts = [&[1; 8][..], &[2; 16]];
        let derived = derive(key, Purpose::Record, &[3; 32], parts, &mut out);
        (derived, *out.expose())
    }

    #[test]
    fn a_secret_derives_what_the_format_says() {
        let mut want = Secret::zeroed();
        let parts = [&[1; 8][..], &[2; 16]];
        { Purpose::Record.derive(&[7; 32], &[3; 32], parts, &mut want) }.unwrap();
        let have = derived(&mut Secret::from_bytes(&mut [7; 32]));
        assert_eq!(have, (Ok(()), *want.expose()));
    }

    /// So what an HSM draws, and the salt of its records, is what it was before there were devices.
    #[test]
    fn draws_are_hedged_with_a_secret_itself_and_with_a_derived_key_of_a_device() {
        let mut out = Secret::zeroed();
        hedge(&mut Secret::from_bytes(&mut [7; 32]), &mut out).unwrap();
        assert_eq!(out.expose(), &[7; 32]);
        hedge(&mut Device(9, Ok(())), &mut out).unwrap();
        assert_eq!(out.expose(), &[9; 32]);
        let unset = hedge(&mut Secret::zeroed(), &mut out);
        assert_eq!(unset, Err(DeviceKeyError::Fault));
        let failed = Err(DeviceKeyError::Failed);
        assert_eq!(hedge(&mut Device(9, failed), &mut out), failed);
        assert_eq!(out.expose(), &[0; 32]);
    }

    #[test]
    fn nothing_is_left_of_a_failed_derivation_and_zeros_are_none() {
        let failed = Err(DeviceKeyError::Failed);
        assert_eq!(derived(&mut Device(7, failed)), (failed, [0; 32]));
        let zeros = derived(&mut Device(0, Ok(())));
        assert_eq!(zeros, (Err(DeviceKeyError::Fault), [0; 32]));
        assert_eq!(derived(&mut Device(7, Ok(()))), (Ok(()), [7; 32]));
    }

    #[test]
    fn there_is_room_for_every_info() {
        for purpose in [Purpose::Record, Purpose::DeviceDraw] {
            let info = purpose.info::<MAX_INFO_LEN, 2>([&[0; 8], &[0; 16]]);
            assert!(info.is_ok(), "{purpose:?}");
        }
    }
}
