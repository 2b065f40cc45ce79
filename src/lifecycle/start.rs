// SPDX-License-Identifier: MIT OR Apache-2.0
//! Starts the HSM with the state in the flash, or discards a state that is refused.

use super::audit::Audit;
use super::contents::{Part, Places};
use super::error::LifecycleError;
use super::event::Event;
use super::host::{Host, watched};
use super::logged;
use super::stage::Stage;
use super::state::{
    Active, Committed, Domain, Empty, Guard, Provisioned, QuorumMet, Recovering, Refused,
    Rehearsing, Rotating, Status,
};
#[cfg(feature = "managed-hsm")]
use super::state::{Imported, Importing};
use super::vault::Vault;
use crate::burn::{self, burning};
use crate::cbor::Malformed;
use crate::custodian::Algorithm;
use crate::hardened::{Fault, Permit};
use crate::rng::Watched;
use crate::sealed_domain::LedgerHead;
use crate::secret::wipe;
use crate::self_test::{SelfTested, Test};
use crate::storage::record::{self, Loaded, RecordError};

/// The domain of an HSM after a start, by its state.
///
/// A `match` needs an arm `_`, for states that your firmware does not use and for those of later
/// versions. Treat it as a refusal: show [`status`](Self::status), and do not zeroize it or
/// [`discard`](Vault::discard) the flash to provision again, because it may be the only copy of a
/// domain.
#[derive(Debug)]
#[non_exhaustive]
pub enum AnyDomain<'v, const N: usize> {
    /// There is no domain.
    Empty(Domain<'v, Empty, N>),
    /// A fresh domain.
    Provisioned(Domain<'v, Provisioned, N>),
    /// A domain that is being recovered.
    Recovering(Domain<'v, Recovering, N>),
    /// A domain that a quorum can open now.
    QuorumMet(Domain<'v, QuorumMet, N>),
    /// A session that rehearses a recovery.
    Rehearsing(Domain<'v, Rehearsing, N>),
    /// A session that waits for a restore blob.
    #[cfg(feature = "managed-hsm")]
    Importing(Domain<'v, Importing, N>),
    /// An imported domain that waits to be confirmed.
    #[cfg(feature = "managed-hsm")]
    Imported(Domain<'v, Imported, N>),
    /// A domain in use.
    Active(Domain<'v, Active, N>),
    /// A domain in use, whose quorum is to change.
    Rotating(Domain<'v, Rotating, N>),
    /// A domain in use, whose next file may be complete.
    Committed(Domain<'v, Committed, N>),
}

impl<const N: usize> AnyDomain<'_, N> {
    /// Returns what the HSM shows of itself, in any state.
    pub fn status(&self) -> Status {
        match self {
            Self::Empty(domain) => domain.status(),
            Self::Provisioned(domain) => domain.status(),
            Self::Recovering(domain) => domain.status(),
            Self::QuorumMet(domain) => domain.status(),
            Self::Rehearsing(domain) => domain.status(),
            #[cfg(feature = "managed-hsm")]
            Self::Importing(domain) => domain.status(),
            #[cfg(feature = "managed-hsm")]
            Self::Imported(domain) => domain.status(),
            Self::Active(domain) => domain.status(),
            Self::Rotating(domain) => domain.status(),
            Self::Committed(domain) => domain.status(),
        }
    }
}

impl<'v, const N: usize> AnyDomain<'v, N> {
    /// Wipes every secret like [`Domain::zeroize`], in any state.
    ///
    /// # Errors
    ///
    /// Those of [`Domain::zeroize`]: the vault holds no secret in any case.
    pub fn zeroize<H: Host>(
        self,
        host: &mut H,
    ) -> Result<Domain<'v, Empty, N>, Refused<Domain<'v, Empty, N>>> {
        match self {
            Self::Empty(domain) => domain.zeroize(host),
            Self::Provisioned(domain) => domain.zeroize(host),
            Self::Recovering(domain) => domain.zeroize(host),
            Self::QuorumMet(domain) => domain.zeroize(host),
            Self::Rehearsing(domain) => domain.zeroize(host),
            #[cfg(feature = "managed-hsm")]
            Self::Importing(domain) => domain.zeroize(host),
            #[cfg(feature = "managed-hsm")]
            Self::Imported(domain) => domain.zeroize(host),
            Self::Active(domain) => domain.zeroize(host),
            Self::Rotating(domain) => domain.zeroize(host),
            Self::Committed(domain) => domain.zeroize(host),
        }
    }
}

impl<const N: usize> Vault<N> {
    /// Reads the domain from the flash. The HSM does this at each start. A session that has expired
    /// by then has ended.
    ///
    /// A start writes the state again, under a higher number. If the flash does not take that write, but
    /// holds the state that the counter names, the start succeeds: [`Status::takes_writes`] is
    /// `false`, and a step that must be saved fails until the flash takes writes again.
    ///
    /// Consumes the token of a passed self-test ([`self_test::run`](crate::self_test::run)), and
    /// leaves the error state. Other algorithms are tested when a step first uses them.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::Record`]: the state at rest cannot be read, or is refused.
    /// - [`LifecycleError::LeftOut`]: this build leaves out the stage of the record.
    /// - [`LifecycleError::UnknownState`] or [`LifecycleError::UnknownTransferKey`]: a later version
    ///   wrote the record.
    /// - [`LifecycleError::TransferKey`]: the session's transfer key is in a device, which failed or
    ///   has another key or none. Repair it and start again, or discard the session.
    /// - [`LifecycleError::SelfTest`]: a further self-test failed.
    /// - [`LifecycleError::NotWritten`]: a session has expired, and its end could not be written.
    /// - [`LifecycleError::Fault`]: an internal check failed.
    pub fn start<H: Host>(
        &mut self,
        tested: SelfTested,
        host: &mut H,
    ) -> Result<AnyDomain<'_, N>, LifecycleError> {
        burning::<{ burn::SEALING }, _>(move || {
            let mut guard = Guard(self);
            guard.health.begin(tested)?;
            let loaded = load(&mut guard, host)
                .and_then(|stage| guard.settle_device(stage, host).map(|()| stage));
            let stage = guard.latch(loaded)?;
            Ok(match stage {
                Stage::Empty => AnyDomain::Empty(Domain::new(guard)),
                Stage::Provisioned => AnyDomain::Provisioned(Domain::new(guard)),
                Stage::Recovering => match Domain::new(guard).quorum() {
                    Ok(domain) => AnyDomain::QuorumMet(domain),
                    Err(domain) => AnyDomain::Recovering(domain),
                },
                #[cfg(feature = "managed-hsm")]
                Stage::Importing => AnyDomain::Importing(Domain::new(guard)),
                #[cfg(feature = "managed-hsm")]
                Stage::Imported => AnyDomain::Imported(Domain::new(guard)),
                #[cfg(not(feature = "managed-hsm"))]
                Stage::Importing | Stage::Imported => return Err(LifecycleError::LeftOut(stage)),
                Stage::Rehearsing => AnyDomain::Rehearsing(Domain::new(guard)),
                Stage::Active => AnyDomain::Active(Domain::new(guard)),
                Stage::Rotating => AnyDomain::Rotating(Domain::new(guard)),
                Stage::Committed => AnyDomain::Committed(Domain::new(guard)),
            })
        })
    }

    /// Discards the contents of the flash, such as a state that [`start`](Self::start) refuses as
    /// damaged or rolled back. The HSM is then empty, and can be started.
    ///
    /// Needs no self-test, so that the secrets of an HSM that fails one can still be destroyed.
    ///
    /// # Errors
    ///
    /// [`LifecycleError::NotWritten`] if the flash failed; it says what may be left there.
    pub fn discard<H: Host>(&mut self, host: &mut H) -> Result<(), LifecycleError> {
        Guard(self).end_by(|vault| {
            vault.wipe();
            vault.health.fail();
            vault.counter_is_hardware = host.counter_is_hardware();
            vault.position = Some(record::discard(host, &mut vault.buffer));
            vault.destroy(Some(Event::Zeroize), host)
        })
    }
}

impl<const N: usize> Vault<N> {
    /// Checks that the device has the key of the session, or that it has none if the session needs
    /// none there. What a step that was cut off left in the device is destroyed.
    fn settle_device<H: Host>(&mut self, stage: Stage, host: &mut H) -> Result<(), LifecycleError> {
        if stage.has_key() && self.session.key.is_in_device() {
            return match self.check_device(host) {
                // The domain is in use: it needs the key only to take consents.
                Err(error) if stage.is_in_use() && !error.is_fault() => Ok(()),
                checked => checked,
            };
        }
        // A key that is left stops nothing: the status shows it.
        let _ = self.destroy_in_device(host);
        Ok(())
    }
}

fn load<const N: usize, H: Host>(
    vault: &mut Vault<N>,
    host: &mut H,
) -> Result<Stage, LifecycleError> {
    vault.wipe();
    vault.audit = Audit::NONE;
    vault.counter_is_hardware = host.counter_is_hardware();
    let (loaded, permit) = record::load(host, &mut vault.buffer)?;
    let len = match loaded {
        Loaded::Blank { position } => {
            permit.spend(LifecycleError::Fault)?;
            vault.position = Some(position);
            logged::resume(host, None, LedgerHead::NONE);
            return Ok(Stage::Empty);
        }
        Loaded::Contents { len, position, .. } => {
            vault.position = Some(position);
            len
        }
    };
    vault
        .health
        .first_use(&[Test::Ed25519], &mut watched(host))?;
    let mut head = LedgerHead::NONE;
    let restored = restore(vault, len, permit, &mut head, &mut watched(host));
    wipe(&mut vault.buffer);
    let stage = restored?;
    if stage.is_left_out() {
        return Err(LifecycleError::LeftOut(stage));
    }
    vault.in_use = stage.is_in_use();
    let instance = vault.instance.id;
    logged::resume(host, (stage != Stage::Empty).then_some(instance), head);
    host.progress();
    if stage.has_domain() {
        vault.held.name()?;
        host.progress();
    }
    vault.is_rooted(stage)?.spend(LifecycleError::Fault)?;
    let over = match stage {
        // What is committed does not expire.
        Stage::Committed => Ok(false),
        _ => vault.end_if_over(host),
    };
    if !stage.is_in_use() {
        return Ok(if over? { Stage::Empty } else { stage });
    }
    // A domain in use starts, even if the end of its rotation cannot be written.
    let stage = match over {
        Ok(false) => stage,
        Err(error) if error.is_fault() => return Err(error),
        _ => Stage::Active,
    };
    // The power may have failed before the endorsement was recorded. The next step tries again.
    let _ = vault.endorse(host);
    Ok(stage)
}

/// Reads the contents of a record, the first `len` bytes of the buffer. `permit` says that they are
/// the newest.
///
/// Secret: root, artifacts, shares, keys. Public: the state, tags, lengths. Leaks: nothing else.
fn restore<const N: usize>(
    vault: &mut Vault<N>,
    len: usize,
    permit: Permit,
    head: &mut LedgerHead,
    watched: &mut dyn Watched,
) -> Result<Stage, LifecycleError> {
    permit.spend(RecordError::Damaged)?;
    let contents = vault.buffer.get(..len).ok_or(Fault)?;
    let mut places = Places {
        instance: &mut vault.instance,
        owed: &mut vault.audit.owed,
        held: &mut vault.held,
        standing: &mut vault.standing,
        release: &mut vault.release,
        demands: &mut vault.demands,
        session: &mut vault.session,
        ledger_head: head,
    };
    { places.read(contents, watched) }.map_err(|Malformed(part)| match part {
        Part::UnknownState(code) => LifecycleError::UnknownState(code),
        Part::UnknownKey(kind) => LifecycleError::UnknownTransferKey(kind),
        Part::UnknownAlgorithm(code) => match Algorithm::from_code(code) {
            Some(kind) => LifecycleError::UnsupportedTransferKey(kind),
            None => LifecycleError::UnknownTransferAlgorithm(code),
        },
        _ => RecordError::Damaged.into(),
    })
}
