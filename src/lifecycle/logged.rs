// SPDX-License-Identifier: MIT OR Apache-2.0
//! Speaks to the log of a host, if it has one.

use super::event::Event;
use super::host::Host;
use super::ledger::Ledger;
use super::sink::SinkAnswer;
use crate::sealed_domain::{InstanceId, LedgerHead};

/// Tells the host's log what the state at rest holds.
pub(super) fn resume<H: Host>(host: &mut H, instance: Option<InstanceId>, head: LedgerHead) {
    if let Some(ledger) = host.ledger() {
        ledger.resume(instance, head);
    }
}

/// Tells the host's log that an HSM has a name now, and that its records begin.
pub(super) fn begin<H: Host>(host: &mut H, instance: InstanceId) {
    if let Some(ledger) = host.ledger() {
        ledger.begin(instance);
    }
}

/// Returns the head of the host's log, if it has one.
pub(super) fn head<H: Host>(host: &mut H) -> LedgerHead {
    host.ledger().map_or(LedgerHead::NONE, Ledger::head)
}

/// Returns the answer of the host's log to an event, or that of a host without one: it agrees.
pub(super) fn record<H: Host>(host: &mut H, event: &Event) -> SinkAnswer {
    if host.ledger().is_none() {
        return SinkAnswer::AGREED;
    }
    let time = host.now();
    match host.ledger() {
        Some(ledger) => ledger.record(time, event),
        None => SinkAnswer::REFUSED,
    }
}
