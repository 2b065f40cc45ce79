// SPDX-License-Identifier: MIT OR Apache-2.0
//! A page of the log for the person who signs off a review: the findings, who holds what, and what
//! was done.

use super::read::ReadLog;
use super::row::{self, loss_kind};
use crate::custody::{Findings, Kept};
use crate::names::Names;
use crate::page::{Cell, Content, Page, Part};
use crate::show;

/// Makes the page. With the quorum that is in use, it has what the policy finds, too.
pub fn page(log: ReadLog, names: &Names, quorum: Option<Kept>) -> Page {
    let (proven, timeline) = (proven(&log), timeline(&log, names));
    let Some(mut kept) = quorum else {
        return Page {
            title: "Custody",
            parts: vec![proven, custodians(&log, names), timeline],
        };
    };
    let [domain, artifacts] = kept.file();
    kept.log = Some(log);
    let findings = Findings::of_policy(&kept);
    let parts = vec![kept.custodians(), domain, artifacts, proven, timeline];
    findings.page("Custody", kept.result(), parts)
}

/// Returns what the export proves, and what is true after its last record.
pub fn proven(log: &ReadLog) -> Part {
    let (verified, present) = (&log.verified, &log.present);
    let domain = verified.domain();
    let (epoch, header) = present.header().unzip();
    let concern = present.concern();
    let concern = concern.map(|(_, at, why)| format!("{why}, on {}", row::when(at)));
    let open = verified.open;
    let open = open.map(|(step, number)| format!("{}, record {number}", step.name()));
    let known = |time: Option<u64>| time.map_or(Cell::None, Cell::known);
    Part {
        heading: "Log",
        content: Content::Facts(vec![
            ("instance-id", Cell::text(verified.instance)),
            ("domain-id", domain.map_or(Cell::None, Cell::text)),
            (
                "instance-key",
                Cell::Text(show::hex(verified.key.as_bytes())),
            ),
            ("records", Cell::Number(verified.head.size.into())),
            ("last record", known(log.rows.last().map(|row| row.time))),
            ("root", Cell::text(verified.head.root)),
            (
                "epoch",
                epoch.map_or(Cell::None, |epoch| Cell::Number(epoch.get().into())),
            ),
            ("header-digest", header.map_or(Cell::None, Cell::text)),
            ("last review", known(present.review().map(|(_, at, _)| at))),
            ("asks for a review", concern.map_or(Cell::None, Cell::Text)),
            ("under way", open.map_or(Cell::None, Cell::Text)),
        ]),
    }
}

/// The custodians whom the log names.
fn custodians(log: &ReadLog, names: &Names) -> Part {
    let rows = log.present.holdings().map(|holding| {
        let holder = holding.holder.as_ref();
        let former = log.former(holding).iter();
        let former = former.map(|held| held.holder.name.as_str().to_owned());
        vec![
            Cell::text(holding.custodian),
            Cell::foreign(names.subject(holding.custodian).unwrap_or_default()),
            Cell::foreign(holder.map_or("", |(.., holder)| holder.name.as_str())),
            holder.map_or(Cell::None, |(_, at, _)| Cell::known(*at)),
            holding
                .drill
                .map_or(Cell::None, |(_, at, _)| Cell::known(at)),
            holding
                .drill
                .map_or(Cell::None, |(.., proof)| Cell::text(proof)),
            holding
                .loss
                .map_or(Cell::None, |(.., kind)| Cell::text(loss_kind(kind))),
            Cell::foreign(&former.collect::<Vec<_>>().join(", ")),
        ]
    });
    Part {
        heading: "Custodians",
        content: Content::Table {
            row: "custodian",
            in_line: false,
            columns: &[
                "id",
                "subject",
                "held by",
                "since",
                "last drill",
                "proved",
                "loss",
                "may know",
            ],
            rows: rows.collect(),
        },
    }
}

fn timeline(log: &ReadLog, names: &Names) -> Part {
    let rows = log.rows.iter().map(|row| {
        vec![
            Cell::Number(row.number.into()),
            Cell::known(row.time),
            Cell::text(row.what),
            row.outcome.map_or(Cell::None, Cell::text),
            Some(row.about(names))
                .filter(|about| !about.is_empty())
                .map_or(Cell::None, Cell::Text),
        ]
    });
    Part {
        heading: "Timeline",
        content: Content::Table {
            row: "record",
            in_line: true,
            columns: &["record", "time", "step", "outcome", "about"],
            rows: rows.collect(),
        },
    }
}
