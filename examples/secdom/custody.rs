// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the quorum of a domain is kept, from the files that are given: the domain's file, the
//! custodians' certificates, a roster, and the log of an HSM.

mod domain_file;
mod file;
mod findings;
mod roster;
mod sealed;

use std::path::PathBuf;

use security_domain::custodian::{Algorithm, CustodianId};
use security_domain::custody::Present;
use security_domain::policy::{Custody, Finding, Policy, Seat, Subject};

use crate::certificate::Holder;
use crate::ledger::ReadLog;
use crate::names::CertsArg;
use crate::of::{Of, OfArgs};
use crate::page::{Cell, Content, Part};
use crate::report::{Outcome, Refusal};
use crate::{clock, show};
pub use findings::Findings;
use roster::Entry;
pub use sealed::{Sealed, read as read_sealed};

const DAY: u64 = 86_400;

#[derive(clap::Args)]
pub struct CustodyArgs {
    #[command(flatten)]
    of: OfArgs,
    #[command(flatten)]
    certs: CertsArg,
    /// A JSON list of who holds each key, where, in which role and since when
    #[arg(long, value_name = "FILE")]
    roster: Option<PathBuf>,
    /// The exported log of an HSM that has the domain
    #[arg(long, value_name = "FILE", conflicts_with = "sd_file")]
    log: Option<PathBuf>,
    /// Checkpoints that the HSM showed before, from which the log must go on
    #[arg(long, num_args = 1.., value_name = "CHECKPOINT", requires = "log")]
    checkpoint: Vec<PathBuf>,
    /// Assess as of this time, such as 2026-12-31 or 2026-12-31T09:00:00Z, instead of now
    #[arg(long, value_name = "TIME", value_parser = clock::parse)]
    at: Option<u64>,
    /// How many days may pass between two reviews
    #[arg(long, value_name = "DAYS", default_value_t = days(Policy::default().review_interval))]
    review_days: u32,
    /// How many days may pass between two drills of a custodian
    #[arg(long, value_name = "DAYS", default_value_t = days(Policy::default().drill_interval))]
    drill_days: u32,
    /// For how many days a custodian's key may be in use
    #[arg(long, value_name = "DAYS", default_value_t = days(Policy::default().cryptoperiod))]
    key_days: u32,
}

fn days(seconds: u64) -> u32 {
    u32::try_from(seconds / DAY).unwrap_or(u32::MAX)
}

/// What is known of a quorum.
pub struct Kept {
    /// The file that is assessed.
    domain: Vec<(&'static str, Cell)>,
    /// More of it, if it is a sealed domain.
    pub sealed: Option<Sealed>,
    /// The tag and the size of each artifact; in a file of Managed HSM that of its ciphertext.
    artifacts: Vec<(String, u64)>,
    /// How many shares in the file cannot be used.
    damaged: usize,
    pub threshold: u8,
    pub members: Vec<Member>,
    /// The log that is given.
    pub log: Option<ReadLog>,
    /// The time of the assessment, in Unix seconds.
    pub now: u64,
    policy: Policy,
}

/// A custodian.
pub struct Member {
    /// The number of the share, if the file has one.
    index: Option<u8>,
    /// The id, in a file of Managed HSM with the bytes of the thumbprint.
    id: CustodianId,
    /// The id or the thumbprint as text.
    name: String,
    algorithm: Algorithm,
    /// Whether the wrapped share is damaged.
    pub damaged: bool,
    certificate: Option<Holder>,
    roster: Entry,
    /// When the share was made.
    created: Option<u64>,
}

impl CustodyArgs {
    pub fn read(&self) -> Outcome<Kept> {
        let policy = Policy {
            review_interval: u64::from(self.review_days) * DAY,
            drill_interval: u64::from(self.drill_days) * DAY,
            cryptoperiod: u64::from(self.key_days) * DAY,
        };
        let mut kept = match self.of.which()? {
            Of::Sealed(of) => {
                sealed::read(&of, &self.certs, self.log.as_deref(), &self.checkpoint)?
            }
            Of::DomainFile(path, format) => domain_file::read(path, format, &self.certs.certs)?,
        };
        kept.policy = policy;
        kept.now = self.at.unwrap_or(kept.now);
        if let Some(path) = &self.roster {
            for entry in roster::read(path)? {
                let mut members = kept.members.iter_mut();
                match members.find(|member| member.name == entry.custodian) {
                    Some(member) => member.roster = entry,
                    None => {
                        let name = show::text(&entry.custodian);
                        let reason = format!("custodian {name} has no share of this domain");
                        return Err(Refusal::file(path, reason));
                    }
                }
            }
        }
        Ok(kept)
    }
}

impl Kept {
    /// Makes the quorum that is planned, of the keys in the order of their shares.
    pub fn planned(threshold: u8, keys: Vec<(CustodianId, Algorithm, Option<Holder>)>) -> Self {
        let member = |(place, (id, algorithm, certificate))| Member {
            index: u8::try_from(place + 1).ok(),
            id,
            name: CustodianId::to_string(&id),
            algorithm,
            damaged: false,
            certificate,
            roster: Entry::default(),
            created: None,
        };
        let members = keys.into_iter().enumerate().map(member).collect();
        Self::new(Vec::new(), threshold, members)
    }

    fn new(domain: Vec<(&'static str, Cell)>, threshold: u8, members: Vec<Member>) -> Self {
        Self {
            domain,
            sealed: None,
            artifacts: Vec::new(),
            damaged: members.iter().filter(|member| member.damaged).count(),
            threshold,
            members,
            log: None,
            now: clock::unix(),
            policy: Policy::default(),
        }
    }

    /// Returns the seats, in the order of the shares.
    pub fn seats(&self) -> Vec<Seat<'_>> {
        let seats = self.members.iter().map(|member| {
            let seat = member.seat();
            match &self.log {
                Some(log) => seat.with_log(&log.present),
                None => seat,
            }
        });
        seats.collect()
    }

    /// Returns how many custodians can contribute, after the losses that were reported.
    pub fn serving(&self) -> usize {
        let seats = self.seats();
        let pairs = self.members.iter().zip(&seats);
        pairs
            .filter(|(member, seat)| seat.serves() && !member.damaged)
            .count()
    }

    /// Returns what there is to say of the quorum as a whole.
    pub fn result(&self) -> Vec<(&'static str, Cell)> {
        let (threshold, serving) = (usize::from(self.threshold), self.serving());
        let spare = match serving.checked_sub(threshold) {
            Some(spare) => Cell::Number(spare as u64),
            None => Cell::text("none: too few can contribute"),
        };
        vec![
            ("as of", Cell::Time(self.now)),
            (
                "quorum",
                Cell::Text(format!("{threshold} of {}", self.members.len())),
            ),
            ("can contribute", Cell::Number(serving as u64)),
            ("can be lost", spare),
        ]
    }

    /// Returns what the policy finds.
    pub fn findings(&self) -> Vec<Finding> {
        let seats = self.seats();
        let present = self.log.as_ref().map(|log| &log.present);
        let event = present.and_then(Present::concern);
        let reviewed = { present.and_then(Present::review) }.map(|(_, when, _)| when);
        // It was recorded after the review, whatever the HSM's clock said.
        let after = reviewed.map_or(0, |reviewed| reviewed.saturating_add(1));
        let event = event.map(|(_, when, cause)| (cause, when.max(after)));
        let custody = Custody {
            threshold: self.threshold,
            reviewed,
            events: event.as_slice(),
            unpinned: present.is_some_and(Present::is_unpinned),
            ..Custody::of(&seats)
        };
        let mut findings = Vec::new();
        self.policy
            .assess(&custody, Some(self.now), &mut |finding| {
                findings.push(finding);
            });
        findings
    }

    /// Returns the parts of a page about the file.
    pub fn file(&mut self) -> [Part; 2] {
        let artifacts = std::mem::take(&mut self.artifacts).into_iter();
        [
            Part {
                heading: "Domain",
                content: Content::Facts(std::mem::take(&mut self.domain)),
            },
            Part {
                heading: "Artifacts",
                content: Content::Table {
                    row: "artifact",
                    in_line: true,
                    columns: &["tag", "bytes"],
                    rows: artifacts
                        .map(|(tag, size)| vec![Cell::Foreign(tag), Cell::Number(size)])
                        .collect(),
                },
            },
        ]
    }

    /// Returns the part of a page that lists the custodians.
    pub fn custodians(&self) -> Part {
        let seats = self.seats();
        let row = |(member, seat): (&Member, &Seat<'_>)| {
            let holding = self.log.as_ref();
            let holding = holding.and_then(|log| log.present.holding(member.id));
            let loss = holding.and_then(|holding| holding.loss);
            vec![
                Cell::text(&member.name),
                member
                    .index
                    .map_or(Cell::None, |index| Cell::Number(index.into())),
                Cell::text(member.algorithm),
                Cell::foreign(seat.holder),
                Cell::foreign(seat.place),
                Cell::foreign(seat.role),
                Cell::time(seat.valid.map(|(_, until)| until)),
                seat.drilled
                    .map_or(Cell::None, |(when, _)| Cell::known(when)),
                seat.drilled
                    .map_or(Cell::None, |(_, proof)| Cell::text(proof)),
                loss.map_or(Cell::None, |(_, when, _)| match Cell::known(when).words() {
                    Some(when) => Cell::Text(format!("{} on {when}", seat.state)),
                    None => Cell::text(seat.state),
                }),
                match holding.map_or(0, |holding| holding.former) {
                    0 => Cell::None,
                    former => Cell::Text(show::count(former as usize, "former holder")),
                },
            ]
        };
        Part {
            heading: "Custodians",
            content: Content::Table {
                row: "custodian",
                in_line: false,
                columns: &[
                    "id",
                    "share",
                    "key",
                    "holder",
                    "place",
                    "role",
                    "valid until",
                    "last drill",
                    "proved",
                    "loss",
                    "may know",
                ],
                rows: self.members.iter().zip(&seats).map(row).collect(),
            },
        }
    }

    /// Returns what a finding is about, in words.
    pub fn about(&self, subject: Subject) -> Cell {
        let name = |seat: usize| {
            let index = self.members.get(seat).and_then(|member| member.index);
            index.map_or(seat + 1, usize::from)
        };
        match subject {
            Subject::Seat(seat) => Cell::Text(format!("custodian {}", name(seat))),
            Subject::Seats(one, other) => {
                Cell::Text(format!("custodians {} and {}", name(one), name(other)))
            }
            Subject::Event(cause) => Cell::text(cause),
            _ => Cell::None,
        }
    }
}

impl Member {
    fn seat(&self) -> Seat<'_> {
        let subject = self.certificate.as_ref();
        let subject = subject.map_or("", |holder| holder.subject.as_str());
        let valid = self.certificate.as_ref();
        let valid = valid.and_then(|holder| {
            let [from, until] = [holder.not_before?, holder.not_after?];
            Some((u64::try_from(from).ok()?, u64::try_from(until).ok()?))
        });
        Seat {
            holder: self.roster.holder.as_deref().unwrap_or(subject),
            place: self.roster.place.as_deref().unwrap_or_default(),
            role: self.roster.role.as_deref().unwrap_or_default(),
            valid,
            since: { self.roster.since }
                .or(valid.map(|(from, _)| from))
                .or(self.created),
            ..Seat::new(self.id, self.algorithm)
        }
    }
}
