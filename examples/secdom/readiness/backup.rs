// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a backup is one of the same domain, and whole.

use std::io::Read;
use std::path::Path;

use security_domain::backup::{BackupHeader, FRONT_MAX_LEN, Kind};
use security_domain::policy::Severity;

use crate::custody::{Findings, Sealed};
use crate::kind::{self, FileKind};
use crate::page::{Cell, Content, Part};
use crate::report::{Outcome, Refusal};
use crate::{input, inspect, show};

/// Reads the front of the backup, and its length.
pub fn read(path: &Path, sealed: &Sealed, findings: &mut Findings) -> Outcome<Part> {
    let refuse = |error: std::io::Error| Refusal::file(path, input::reason(&error));
    let mut file = input::open(path)?;
    let mut front = Vec::new();
    { file.by_ref().take(FRONT_MAX_LEN as u64) }
        .read_to_end(&mut front)
        .map_err(refuse)?;
    let rest = std::io::copy(&mut file, &mut std::io::sink()).map_err(refuse)?;
    let length = front.len() as u64 + rest;
    let header = BackupHeader::parse(&front)
        .map_err(|error| kind::refusal(path, &front, &FileKind::Backup, error))?;
    let info = header.info();
    if header.domain_id() != sealed.domain {
        let text = format!("a backup of another domain: {}", header.domain_id());
        findings.add(Severity::Refuse, "other-domain", "backup", text);
    }
    let want = header.sealed_len();
    if length != want {
        let text = format!("it has {length} bytes, and a whole one with this header {want}");
        findings.add(Severity::Refuse, "incomplete", "backup", text);
    }
    if let Kind::Key(_) = info.kind {
        let text = "it has one key, and not all that the HSM keeps";
        findings.add(Severity::Warn, "one-key", "backup", text);
    }
    let (kind, name) = inspect::named(info.kind);
    let created = Some(info.created).filter(|created| *created != 0);
    Ok(Part {
        heading: "Backup",
        content: Content::Facts(vec![
            ("backup", Cell::Text(show::path(path))),
            ("backup-id", Cell::text(header.backup_id())),
            ("kind", Cell::text(kind)),
            ("name", Cell::foreign(name.map_or("", |name| name.as_str()))),
            ("created", Cell::time(created)),
            (
                "epoch",
                info.epoch
                    .map_or(Cell::None, |epoch| Cell::Number(epoch.get().into())),
            ),
            ("instance-id", Cell::text(info.instance)),
            ("size", Cell::Number(info.length)),
        ]),
    })
}
