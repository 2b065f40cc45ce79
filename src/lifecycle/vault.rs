// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory that a domain's secrets live in, from the first to the last.

use super::audit::Audit;
use super::contents::{CONTENTS_MAX_LEN, Contents};
use super::error::LifecycleError;
use super::event::{Ended, Event};
use super::health::Health;
use super::holding::{Holding, artifacts_len};
use super::host::Host;
use super::session::Place;
use super::stage::Stage;
use crate::ct::{Mask, is_zeros};
use crate::hardened::{Fault, Permit, Verdict};
use crate::sealed_domain::{Epoch, HeaderDigest, InstanceId};
use crate::secret::{Secret, wipe};
use crate::storage::record::{self, Position, RecordError, Saved};

/// How many bytes of room a [`Vault`] needs for domains of at most `artifacts` artifacts that have
/// `bytes` bytes together.
pub const fn vault_room(artifacts: usize, bytes: usize) -> usize {
    // An imported domain stands beside the one it is to replace.
    artifacts_len(artifacts, bytes)
        .saturating_mul(2)
        .saturating_add(CONTENTS_MAX_LEN)
        .saturating_add(record::OVERHEAD)
}

/// The memory of one domain, placed by the caller: a `static`, a boxed value. It takes a little over
/// three times `N` bytes; [`vault_room`] says what `N` has to be.
///
/// A [`Domain`](super::Domain) borrows it. A change of state moves the borrow, never the secrets; when
/// the domain is dropped, the vault is wiped.
pub struct Vault<const N: usize> {
    pub(super) instance: Instance,
    pub(super) held: Holding<N>,
    /// A domain that is to take the held one's place.
    pub(super) incoming: Holding<N>,
    pub(super) standing: Standing,
    pub(super) session: Place,
    pub(super) owed: Owed,
    pub(super) audit: Audit,
    pub(super) counter_is_hardware: bool,
    pub(super) health: Health,
    /// None before the flash has been read.
    pub(super) position: Option<Position>,
    /// For what is on its way to or from the flash, or out of a sealed domain.
    pub(super) buffer: [u8; N],
}

/// One HSM: drawn in it, never from a root.
pub(super) struct Instance {
    pub(super) id: InstanceId,
    pub(super) seed: Secret<32>,
}

impl Instance {
    /// No HSM: for the place of one.
    pub(super) const NONE: Self = Self {
        id: InstanceId::from_bytes([0; 16]),
        seed: Secret::zeroed(),
    };

    /// Whether seed and name are there.
    ///
    /// Secret: the seed. Public: the name. Leaks: nothing.
    fn is_drawn(&self) -> Mask {
        !is_zeros(self.seed.expose()) & !is_zeros(self.id.as_bytes())
    }
}

/// Where an active HSM stands in its domain's life, if the domain has been sealed.
///
/// No `Option` of both: that would keep, in place of an absent header, what lay on the stack before.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    pub(super) epoch: Option<Epoch>,
    /// Zeros without an epoch.
    header: HeaderDigest,
}

impl Standing {
    pub(super) const NONE: Self = Self {
        epoch: None,
        header: HeaderDigest::from_bytes([0; 32]),
    };

    pub(super) const fn new(epoch: Epoch, header: HeaderDigest) -> Self {
        Self {
            epoch: Some(epoch),
            header,
        }
    }

    pub(super) fn header(&self) -> Option<HeaderDigest> {
        self.epoch.map(|_| self.header)
    }
}

/// Events that took place though the sink refused to hear of them, one bit for each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Owed(pub(super) u8);

/// What a record is to say, and what the vault will be once it is written.
#[derive(Clone, Copy)]
pub(super) struct Next {
    pub(super) stage: Stage,
    /// Whether the incoming domain takes the held one's place.
    pub(super) promote: bool,
    pub(super) standing: Standing,
    /// Whether the session goes on.
    pub(super) session: bool,
}

impl Next {
    /// A state without a session, with the domain that is held, not sealed yet.
    pub(super) const fn new(stage: Stage) -> Self {
        Self {
            stage,
            promote: false,
            standing: Standing::NONE,
            session: false,
        }
    }

    /// A session that gathers a quorum goes on.
    pub(super) const GATHERING: Self = Self {
        session: true,
        ..Self::new(Stage::Recovering)
    };

    /// An import goes on.
    #[cfg(feature = "managed-hsm")]
    pub(super) const IMPORTING: Self = Self {
        session: true,
        ..Self::new(Stage::Importing)
    };

    /// An import waits to be confirmed.
    #[cfg(feature = "managed-hsm")]
    pub(super) const IMPORTED: Self = Self {
        session: true,
        ..Self::new(Stage::Imported)
    };
}

impl<const N: usize> Vault<N> {
    /// An empty vault.
    pub const fn new() -> Self {
        Self {
            instance: Instance::NONE,
            held: Holding::EMPTY,
            incoming: Holding::EMPTY,
            standing: Standing::NONE,
            session: Place::new(),
            owed: Owed(0),
            audit: Audit::NONE,
            counter_is_hardware: false,
            health: Health::UNTESTED,
            position: None,
            buffer: [0; N],
        }
    }

    /// A permit for the state that `next` says, unless a root in it, or the seed or the name of this HSM,
    /// is zeros: a copy or a draw that was left out leaves them.
    ///
    /// Secret: roots and seed. Public: the state, the name. Leaks: whether one of them is zeros.
    pub(super) fn is_rooted(&self, next: Next) -> Result<Permit, Fault> {
        let Self {
            held,
            incoming,
            instance,
            ..
        } = self;
        let of_incoming = next.promote || next.stage == Stage::Imported;
        let [no_domain, no_import] = [next.stage == Stage::Empty, !of_incoming].map(Mask::public);
        Verdict::twice(|| {
            let stands = instance.is_drawn() & (held.is_rooted() | Mask::public(next.promote));
            (stands | no_domain) & (incoming.is_rooted() | no_import)
        })
        .permit(Fault)
    }

    /// Writes the state that `next` says to the flash, and then makes it this vault's. On an error the
    /// vault is as it was; the flash holds the one state or the other.
    ///
    /// `permit` is of every decision that the step rests on. What was copied or drawn into the vault is
    /// looked at here, where it lies: a root of zeros is written by no step. If the slot of the old state
    /// could be neither overwritten nor erased, the next write goes over it.
    pub(super) fn commit<H: Host>(
        &mut self,
        host: &mut H,
        next: Next,
        permit: Permit,
    ) -> Result<(), LifecycleError> {
        permit
            .and(self.health.check()?)
            .and(self.is_rooted(next)?)
            .spend(LifecycleError::Fault)?;
        let saved = self.write(host, next)?;
        saved.stands.spend(LifecycleError::Fault)?;
        self.become_next(next)?;
        Ok(())
    }

    /// The same, but the vault takes the new state whatever fails: for what ends a session. If the new
    /// state cannot be written over both slots, both are erased, so that what ended is not there at the
    /// next start; neither generator nor counter has a part in that.
    ///
    /// The slots are not erased first: a power failure between the two would take the domain that is to
    /// stand again.
    pub(super) fn end<H: Host>(&mut self, host: &mut H, next: Next) -> Result<(), LifecycleError> {
        let ended = match self.stands(host) {
            // Another vault's state is on the flash, and not this vault's to erase. Asked before this one
            // writes, since a write that fails can move the counter.
            Err(overtaken @ LifecycleError::Overtaken { .. }) => Err(overtaken),
            _ => self.end_here(host, next),
        };
        self.become_next(next)?;
        ended
    }

    fn end_here<H: Host>(&mut self, host: &mut H, next: Next) -> Result<(), LifecycleError> {
        let mut written = self.write_over(host, next);
        if written.is_err() {
            written = self.write_over(host, next);
        }
        match written {
            Ok(permit) => permit.spend(LifecycleError::Fault),
            // The new state stands, and erasing the other slot was tried.
            Err(RecordError::NotErased) => Err(RecordError::NotErased.into()),
            Err(_) => self.erase_and_write(host, next),
        }
    }

    /// Ends the domain: every secret is wiped here, both slots are erased, and then the empty state is
    /// written. Neither generator nor counter nor sink has a part in the erasing.
    pub(super) fn destroy<H: Host>(&mut self, host: &mut H) -> Result<(), LifecycleError> {
        self.wipe();
        // Before the sink is called, which may not come back.
        let _left = record::erase(host, &mut self.buffer);
        self.announce(host, &Event::Zeroize);
        let empty = Next::new(Stage::Empty);
        let cleared = self.erase_and_write(host, empty);
        self.become_next(empty)?;
        cleared
    }

    fn erase_and_write<H: Host>(&mut self, host: &mut H, next: Next) -> Result<(), LifecycleError> {
        record::erase(host, &mut self.buffer);
        let mut written = self.write_over(host, next);
        if written.is_err() {
            // The position may be what the flash is not in any more: whatever stands there goes.
            written = self
                .move_past(host)
                .and_then(|()| self.write_over(host, next));
        }
        match written {
            Ok(permit) => permit.spend(LifecycleError::Fault),
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

    /// Writes the state over both slots.
    fn write_over<H: Host>(&mut self, host: &mut H, next: Next) -> Result<Permit, RecordError> {
        let Saved { stands, erased } = self.write(host, next)?;
        Ok(stands.and(erased.ok_or(RecordError::NotErased)?))
    }

    pub(super) fn write<H: Host>(
        &mut self,
        host: &mut H,
        next: Next,
    ) -> Result<Saved, RecordError> {
        let Self {
            held,
            incoming,
            session,
            instance,
            buffer,
            position,
            ..
        } = self;
        let position = position.as_mut().ok_or(RecordError::Fault)?;
        let session = session.as_ref().filter(|_| next.session);
        let contents = Contents {
            stage: next.stage,
            instance,
            owed: self.owed,
            held: if next.promote { &*incoming } else { &*held },
            standing: next.standing,
            session,
            incoming: (next.stage == Stage::Imported).then_some(&*incoming),
        };
        let written = record::settle(host, position, buffer)
            .and_then(|()| contents.encode(buffer))
            .and_then(|len| record::save(host, instance.id, position, buffer, len));
        wipe(buffer);
        written
    }

    fn become_next(&mut self, next: Next) -> Result<(), Fault> {
        if next.promote {
            let Self { held, incoming, .. } = self;
            held.take(incoming)?;
        }
        if next.stage != Stage::Imported {
            self.incoming.wipe();
        }
        self.standing = next.standing;
        if !next.session {
            self.session.forget();
        }
        Ok(())
    }

    /// Ends the session; the domain before it stands again.
    pub(super) fn end_session<H: Host>(
        &mut self,
        host: &mut H,
        ended: Ended,
    ) -> Result<(), LifecycleError> {
        self.session.forget();
        self.announce(host, &Event::EndSession(ended));
        self.end(host, Next::new(Stage::Provisioned))
    }

    /// Ends the session at the operator's wish.
    pub(super) fn cancel<H: Host>(&mut self, host: &mut H) -> Result<(), LifecycleError> {
        match self.session.as_ref() {
            Some(_) => self.end_session(host, Ended::Cancelled),
            // It ended by itself, and the flash may have failed then.
            None => self.end(host, Next::new(Stage::Provisioned)),
        }
    }

    /// Wipes every secret.
    pub(super) fn wipe(&mut self) {
        self.held.wipe();
        self.incoming.wipe();
        self.session.forget();
        self.standing = Standing::NONE;
        wipe(self.instance.seed.expose_mut());
        self.instance.id = InstanceId::from_bytes([0; 16]);
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

    /// No step writes a state in which what was to be copied or drawn is zeros.
    #[test]
    fn zeros_are_no_root_no_seed_and_no_name() {
        let refused = |next: Next, zeros: &[&str]| {
            let mut vault = Vault::<9>::new();
            let fill = |name| if zeros.contains(&name) { 0 } else { 7 };
            let Vault {
                held,
                incoming,
                instance,
                ..
            } = &mut vault;
            held.root.secret_mut().expose_mut().fill(fill("root"));
            { incoming.root.secret_mut().expose_mut() }.fill(fill("incoming"));
            instance.seed.expose_mut().fill(fill("seed"));
            instance.id = InstanceId::from_bytes([fill("name"); 16]);
            vault.is_rooted(next).is_err()
        };
        let promoted = Next {
            promote: true,
            ..Next::new(Stage::Active)
        };
        let imported = Next::new(Stage::Imported);
        for next in [Stage::Provisioned, Stage::Recovering, Stage::Active].map(Next::new) {
            assert!(!refused(next, &["incoming"]));
            assert!(refused(next, &["root"]));
            assert!(refused(next, &["seed"]) && refused(next, &["name"]));
        }
        assert!(!refused(promoted, &["root"]) && refused(promoted, &["incoming"]));
        assert!(!refused(imported, &[]) && refused(imported, &["seed"]));
        assert!(refused(imported, &["root"]) && refused(imported, &["incoming"]));
        let nothing = ["root", "incoming", "seed", "name"];
        assert!(!refused(Next::new(Stage::Empty), &nothing));
    }
}
