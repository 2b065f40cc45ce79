// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong with the file itself, and whether it is the one in use.

use security_domain::policy::Severity;

use super::{Findings, Kept, Sealed};
use crate::ledger::ReadLog;
use crate::show;

pub fn assess(kept: &Kept, findings: &mut Findings) {
    about_shares(kept, findings);
    let Some(sealed) = &kept.sealed else {
        return;
    };
    if sealed.pending {
        let text = "pending: no quorum can open it before its rotation is committed";
        findings.add(Severity::Refuse, "pending", "file", text);
    }
    if let Some(log) = &kept.log {
        about_log(sealed, log, findings);
    }
}

/// Says which shares in the file cannot be used.
fn about_shares(kept: &Kept, findings: &mut Findings) {
    if kept.damaged == 0 {
        return;
    }
    let shares = show::count(kept.damaged, "share");
    let (severity, text) = match kept.serving() < kept.threshold.into() {
        true => (Severity::Refuse, "too few custodians can contribute"),
        false => (Severity::Warn, "a quorum is left"),
    };
    let text = format!("{shares} in it cannot be used: {text}; take another copy of the file");
    findings.add(severity, "share-damaged", "file", text);
}

/// Says whether the log names this file, and all custodians.
fn about_log(sealed: &Sealed, log: &ReadLog, findings: &mut Findings) {
    let present = &log.present;
    if present.is_crowded() {
        let text = "it names more custodians than a domain has: what it says of some is not shown";
        findings.add(Severity::Refuse, "log-crowded", "log", text);
    }
    if !log.is_pinned {
        let text =
            "no checkpoint that was kept is given: an older export cannot be told from the newest";
        findings.add(Severity::Note, "no-checkpoint", "log", text);
    }
    let Some((epoch, header)) = present.header() else {
        return;
    };
    if let Some(other) = present.unsure().filter(|other| *other != header) {
        let text = format!(
            "the power failed while the file with header {other} came into use: it or the one before is in use"
        );
        findings.add(Severity::Warn, "unsure", "log", text);
        if other == sealed.header {
            return;
        }
    }
    if header == sealed.header {
        return;
    }
    let number = epoch.get();
    if epoch < sealed.epoch {
        let text = format!("the HSM of the log has epoch {number}, and has not adopted this file");
        findings.add(Severity::Warn, "not-adopted", "file", text);
    } else {
        let text = format!("the log says that epoch {number} with header {header} is in use");
        findings.add(Severity::Refuse, "superseded", "file", text);
    }
}
