// SPDX-License-Identifier: MIT OR Apache-2.0
//! The HSM signs the head of its log.

use super::checkpoint::{CheckpointError, CheckpointText};
use super::tree::Head;
use crate::hardened::Fault;
use crate::lifecycle::{Domain, Host, LifecycleError, State};

impl<S: State, const N: usize> Domain<'_, S, N> {
    /// Writes a checkpoint of the host's log as it is now, signed with the HSM's own key, to the
    /// front of `out`, which needs
    /// [`Checkpoint::MAX_SIGNED_LEN`](super::Checkpoint::MAX_SIGNED_LEN) bytes, and returns it.
    ///
    /// Secret: the HSM's own key. Public: the rest. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::NoLedger`]: the host keeps no log.
    /// - [`LifecycleError::NoInstance`]: the HSM is empty.
    /// - [`LifecycleError::BufferTooSmall`]
    /// - [`LifecycleError::ErrorState`] and [`LifecycleError::Overtaken`], as for
    ///   [`artifacts`](Domain::artifacts).
    pub fn checkpoint<'o, H: Host>(
        &self,
        host: &mut H,
        out: &'o mut [u8],
    ) -> Result<&'o [u8], LifecycleError> {
        let ledger = host.ledger().ok_or(LifecycleError::NoLedger)?;
        let head = Head {
            size: ledger.size(),
            root: ledger.head(),
        };
        let instance = self.status().instance.ok_or(LifecycleError::NoInstance)?;
        let key = self.instance_key()?.ok_or(LifecycleError::NoInstance)?;
        let text = CheckpointText::new(instance, &head)?;
        let signature = self.sign_as_instance(text.as_bytes(), host)?;
        text.signed(&key, &signature, out)
            .map_err(|error| match error {
                CheckpointError::BufferTooSmall { needed } => {
                    LifecycleError::BufferTooSmall { needed }
                }
                _ => Fault.into(),
            })
    }
}
