// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory that holds a domain's secrets.

use super::audit::Audit;
use super::contents::{Contents, longer, record_room};
use super::demand::Demands;
use super::error::LifecycleError;
use super::event::{Ended, Event};
use super::health::Health;
use super::holding::{Holding, artifacts_len};
use super::host::Host;
use super::instance::Instance;
use super::logged;
use super::session::Place;
use super::stage::Stage;
use super::standing::Standing;
use crate::backup::BackupKey;
use crate::ct::Mask;
use crate::hardened::{Fault, Permit, Verdict};
use crate::sealed_domain::{RELEASE_LEN, max_scratch};
use crate::secret::{Secret, wipe};
use crate::storage::record::{self, Position, RecordError, Saved};

/// Returns the `N` of a [`Vault`] for at most `artifacts` artifacts of `bytes` bytes in total: the
/// length of the longest record, or of the scratch for sealing if that is longer.
pub const fn vault_room(artifacts: usize, bytes: usize) -> usize {
    longer(
        record_room(artifacts, artifacts_len(artifacts, bytes)),
        max_scratch(artifacts, bytes),
    )
}

/// The memory of one domain, placed by the caller: a `static`, a boxed value. It takes twice `N`
/// bytes, and room for a session and for the key of a backup; [`vault_room`] computes `N`.
///
/// A `static` vault begins as zeros, so it takes no room in the flash of a microcontroller. For
/// four artifacts of one KiB in total it takes 12,288 bytes of RAM on a Cortex-M4: twice `N`, and
/// 4.5 KB.
///
/// A [`Domain`](super::Domain) borrows it. A change of state moves the borrow, never the secrets.
/// Dropping the domain wipes the vault.
pub struct Vault<const N: usize> {
    pub(super) instance: Instance,
    /// The domain: provisioned, imported or active.
    pub(super) held: Holding<N>,
    pub(super) standing: Standing,
    /// A sealing that is to become current.
    pub(super) pending: Standing,
    /// The release of the current or the pending sealing; zeros without one.
    pub(super) release: Secret<RELEASE_LEN>,
    pub(super) session: Place,
    pub(super) demands: Demands,
    /// The key of the backup that is being made or restored.
    pub(super) backup_key: BackupKey,
    pub(super) audit: Audit,
    /// Whether the state is one of use.
    pub(super) in_use: bool,
    pub(super) counter_is_hardware: bool,
    pub(super) health: Health,
    /// `None` before the flash has been read.
    pub(super) position: Option<Position>,
    /// The room for data on its way to or from the flash, or from a sealed domain.
    pub(super) buffer: [u8; N],
}

/// The state that a record is to hold, and that the vault takes once it is written.
#[derive(Clone, Copy)]
pub(super) struct Next {
    pub(super) stage: Stage,
    pub(super) standing: Standing,
}

impl Next {
    /// Makes a state in which no domain is sealed.
    pub(super) const fn new(stage: Stage) -> Self {
        Self {
            stage,
            standing: Standing::NONE,
        }
    }
}

impl<const N: usize> Vault<N> {
    /// Makes an empty vault.
    pub const fn new() -> Self {
        Self {
            instance: Instance::NONE,
            held: Holding::EMPTY,
            standing: Standing::NONE,
            pending: Standing::NONE,
            release: Secret::zeroed(),
            session: Place::new(),
            demands: Demands::NONE,
            backup_key: BackupKey::none(),
            audit: Audit::NONE,
            in_use: false,
            counter_is_hardware: false,
            health: Health::UNTESTED,
            position: None,
            buffer: [0; N],
        }
    }

    /// Returns a permit for the stage, unless the root, the seed or the name of this HSM is zeros
    /// although the stage needs it: a skipped copy or draw leaves zeros.
    ///
    /// Secret: root and seed. Public: the stage, the name. Leaks: whether one of them is zeros.
    pub(super) fn is_rooted(&self, stage: Stage) -> Result<Permit, Fault> {
        let is_empty = Mask::public(stage == Stage::Empty);
        let no_domain = Mask::public(!stage.has_domain());
        Verdict::twice(|| {
            (self.instance.is_drawn() | is_empty) & (self.held.is_rooted() | no_domain)
        })
        .permit(Fault)
    }

    /// Writes the state `next` to the flash, and then makes it this vault's state. On an error the
    /// vault is unchanged, and the flash holds one state or the other.
    ///
    /// `permit` covers every decision on which the step rests. Values that were copied or drawn
    /// into the vault are checked here, in place, so that no step writes a root of zeros. If the
    /// slot of the old state could be neither overwritten nor erased, the next write overwrites it.
    pub(super) fn commit<H: Host>(
        &mut self,
        host: &mut H,
        next: Next,
        permit: Permit,
    ) -> Result<(), LifecycleError> {
        permit
            .and(self.health.check()?)
            .and(self.audit.agreed()?)
            .and(self.is_rooted(next.stage)?)
            .spend(LifecycleError::Fault)?;
        let saved = self.write(host, next)?;
        saved.stands.spend(LifecycleError::Fault)?;
        let in_device = self.session.key.is_in_device();
        self.become_next(next)?;
        if in_device && !next.stage.has_key() {
            // The step has taken effect: the status shows a key that is left.
            let _ = self.destroy_in_device(host);
        }
        Ok(())
    }

    /// Ends a session or a domain: wipes every secret in memory, erases both slots, and then writes
    /// the empty state. Erasing needs neither the generator nor the counter nor the sink. `event`
    /// is reported to the sink; `None` if that has already happened.
    ///
    /// An error of the flash comes before one of the device that holds the transfer key; another try
    /// reports the latter.
    pub(super) fn destroy<H: Host>(
        &mut self,
        event: Option<Event>,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        self.wipe();
        // Before the sink is called, which may not return.
        let _left = record::erase(host, &mut self.buffer);
        let destroyed = self.destroy_in_device(host);
        self.tell_end(event, host);
        self.erase_and_write(host)?;
        Ok(destroyed?)
    }

    fn tell_end<H: Host>(&mut self, event: Option<Event>, host: &mut H) {
        if let Some(event) = event {
            self.audit.announce(host, &event);
        }
    }

    /// Erases both slots and writes the empty state.
    fn erase_and_write<H: Host>(&mut self, host: &mut H) -> Result<(), LifecycleError> {
        record::erase(host, &mut self.buffer);
        let mut written = self.write_empty(host);
        if written.is_err() {
            // The flash may no longer be where the position says: anything in it is erased.
            written = self.move_past(host).and_then(|()| self.write_empty(host));
        }
        match written {
            Ok(permit) => permit.spend(LifecycleError::Fault),
            // The empty state is current, and erasing the other slot was tried.
            Err(RecordError::NotErased) => Err(RecordError::NotErased.into()),
            Err(why) => Err(LifecycleError::NotWritten {
                why,
                left: record::erase(host, &mut self.buffer),
            }),
        }
    }

    fn move_past<H: Host>(&mut self, host: &mut H) -> Result<(), RecordError> {
        let position = self.position.as_mut().ok_or(RecordError::Fault)?;
        record::past(host, position)
    }

    /// Writes the empty state over both slots.
    fn write_empty<H: Host>(&mut self, host: &mut H) -> Result<Permit, RecordError> {
        let Saved { stands, erased } = self.write(host, Next::new(Stage::Empty))?;
        Ok(stands.and(erased.ok_or(RecordError::NotErased)?))
    }

    pub(super) fn write<H: Host>(
        &mut self,
        host: &mut H,
        next: Next,
    ) -> Result<Saved, RecordError> {
        let Self {
            held,
            release,
            session,
            demands,
            instance,
            audit,
            buffer,
            position,
            ..
        } = self;
        let position = position.as_mut().ok_or(RecordError::Fault)?;
        if next.stage.is_session() && session.as_ref().is_none() {
            // No start would accept it.
            return Err(RecordError::Fault);
        }
        let contents = Contents {
            stage: next.stage,
            instance,
            owed: audit.owed,
            held,
            standing: next.standing,
            release,
            demands,
            session: next.stage.is_session().then_some(&*session),
            ledger_head: logged::head(host),
        };
        let written = record::settle(host, position, buffer)
            .and_then(|()| contents.encode(buffer))
            .and_then(|len| record::save(host, instance.id, position, buffer, len));
        wipe(buffer);
        written
    }

    fn become_next(&mut self, next: Next) -> Result<(), Fault> {
        self.standing = next.standing;
        self.in_use = next.stage.is_in_use();
        self.pending = Standing::NONE;
        if next.stage == Stage::Committed {
            // Nowhere else: the release leaves only once this is on the flash.
            self.session.rotation_mut().ok_or(Fault)?.commit();
        }
        if !next.stage.has_key() {
            self.session.key.wipe();
        }
        if !next.stage.is_session() {
            self.session.forget();
            #[cfg(feature = "managed-hsm")]
            self.held.wipe_expected()?;
        }
        Ok(())
    }

    /// Returns whether the last write succeeded, so that no other state may have been given a number.
    pub(super) fn takes_writes(&self) -> bool {
        self.position.is_some_and(Position::is_settled)
    }

    /// Ends the session. After a rotation the domain is in use; otherwise there is no domain. A state
    /// that another vault has saved on this host since is not erased.
    pub(super) fn end_session<H: Host>(
        &mut self,
        ended: Ended,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        if self.standing.epoch.is_some() {
            self.end_rotation(ended, host)?;
        } else {
            // The end of a session that ended before, when the flash failed, has been reported.
            let is_open = self.session.as_ref().is_some();
            self.end_empty(is_open.then_some(Event::EndSession(ended)), host)?;
        }
        // A call that is skipped can leave an older `Ok` where its answer was to be.
        Ok(self.check_ended()?)
    }

    /// Refuses a vault that still has a session.
    #[inline(never)]
    pub(super) fn check_ended(&self) -> Result<(), Fault> {
        Verdict::twice(|| Mask::public(self.session.as_ref().is_none())).or(Fault)
    }

    /// Ends a session after which there is no domain.
    pub(super) fn end_empty<H: Host>(
        &mut self,
        event: Option<Event>,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        match self.stands(host) {
            Err(overtaken @ LifecycleError::Overtaken { .. }) => {
                self.wipe();
                self.tell_end(event, host);
                Err(overtaken)
            }
            _ => {
                // Nothing but a session may end so: never a domain in use.
                let is_gone = || self.standing.epoch.is_none() & self.session.rotation().is_none();
                Verdict::twice(|| Mask::public(is_gone())).or(LifecycleError::Fault)?;
                self.destroy(event, host)
            }
        }
    }

    /// Wipes every secret.
    pub(super) fn wipe(&mut self) {
        self.held.wipe();
        self.session.forget();
        self.backup_key.wipe();
        self.demands = Demands::NONE;
        self.in_use = false;
        self.standing = Standing::NONE;
        self.pending = Standing::NONE;
        wipe(self.release.expose_mut());
        self.instance.wipe();
        wipe(&mut self.buffer);
    }
}

impl<const N: usize> Default for Vault<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Drop for Vault<N> {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl<const N: usize> core::fmt::Debug for Vault<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Vault<{N}>(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed_domain::InstanceId;

    /// No step writes a state in which a value that should be copied or drawn is zeros.
    #[test]
    fn zeros_are_no_root_no_seed_and_no_name() {
        let refused = |stage: Stage, zeros: &[&str]| {
            let mut vault = Vault::<9>::new();
            let fill = |name| if zeros.contains(&name) { 0 } else { 7 };
            let Vault { held, instance, .. } = &mut vault;
            held.root.secret_mut().expose_mut().fill(fill("root"));
            instance.seed.expose_mut().fill(fill("seed"));
            instance.id = InstanceId::from_bytes([fill("name"); 16]);
            vault.is_rooted(stage).is_err()
        };
        for stage in [Stage::Provisioned, Stage::Imported, Stage::Active] {
            assert!(!refused(stage, &[]) && refused(stage, &["root"]));
            assert!(refused(stage, &["seed"]) && refused(stage, &["name"]));
        }
        for stage in [Stage::Recovering, Stage::Importing] {
            assert!(!refused(stage, &["root"]));
            assert!(refused(stage, &["seed"]) && refused(stage, &["name"]));
        }
        assert!(!refused(Stage::Empty, &["root", "seed", "name"]));
    }
}
