// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong with a quorum and how it is kept, the gravest first.

use security_domain::policy::{Rule, Severity};

use super::{Kept, file};
use crate::page::{Cell, Content, Page, PageArgs, Part};
use crate::report::{Outcome, Report};
use crate::show;

#[derive(Default)]
pub struct Findings(Vec<(Severity, Vec<Cell>)>);

impl Findings {
    /// Returns those of the policy, and what is wrong with the file.
    pub fn of_policy(kept: &Kept) -> Self {
        let mut findings = Self::of_rules(kept, |_| true);
        file::assess(kept, &mut findings);
        findings
    }

    /// Returns those of the policy that a quorum can have before it is in use.
    pub fn of_plan(kept: &Kept) -> Self {
        Self::of_rules(kept, |rule| !matches!(rule, Rule::NoDrill | Rule::NoReview))
    }

    fn of_rules(kept: &Kept, counts: fn(Rule) -> bool) -> Self {
        let mut findings = Self::default();
        for finding in kept.findings() {
            if !counts(finding.rule) {
                continue;
            }
            let (rule, about) = (finding.rule, kept.about(finding.subject));
            findings.insert(
                rule.severity(),
                [
                    Cell::text(rule.code()),
                    about,
                    Cell::text(rule.text()),
                    source(rule),
                ],
            );
        }
        findings
    }

    /// Adds one that no rule of the policy has: its code, what it is about and what is wrong.
    pub fn add(&mut self, severity: Severity, code: &str, about: &str, text: impl ToString) {
        let cells = [
            Cell::text(code),
            Cell::text(about),
            Cell::text(text),
            Cell::None,
        ];
        self.insert(severity, cells);
    }

    fn insert(&mut self, severity: Severity, cells: [Cell; 4]) {
        let place = self.0.partition_point(|(earlier, _)| *earlier >= severity);
        let cells = [Cell::Verdict(severity.name())].into_iter().chain(cells);
        self.0.insert(place, (severity, cells.collect()));
    }

    /// Returns the severity of the gravest in a word.
    pub fn verdict(&self) -> Cell {
        let gravest = self.0.first().map(|(gravest, _)| gravest.name());
        Cell::Verdict(gravest.unwrap_or("holds"))
    }

    /// Returns what to say if any is of the severity refuse: how many, and which.
    pub fn refusal(&self) -> Option<String> {
        let refused = { self.0.iter() }.filter(|(severity, _)| *severity == Severity::Refuse);
        let codes = refused.filter_map(|(_, cells)| cells.get(1)?.words());
        let codes: Vec<_> = codes.collect();
        let count = show::count(codes.len(), "finding");
        let text = format!("{count} of the severity refuse: {}", codes.join(", "));
        (!codes.is_empty()).then_some(text)
    }

    /// Prints a page of this title: the result, the findings, and the other parts.
    pub fn report(
        self,
        title: &'static str,
        result: Vec<(&'static str, Cell)>,
        parts: Vec<Part>,
        args: &PageArgs,
    ) -> Outcome<Report> {
        let refusal = self.refusal();
        let report = args.report(&self.page(title, result, parts))?;
        Ok(Report {
            refused_in_part: refusal.is_some(),
            notes: refusal.into_iter().collect(),
            ..report
        })
    }

    /// Makes a page of this title: the result, the findings, and the other parts.
    pub fn page(
        self,
        title: &'static str,
        mut result: Vec<(&'static str, Cell)>,
        parts: Vec<Part>,
    ) -> Page {
        result.insert(0, ("result", self.verdict()));
        let rows = self.0.into_iter().map(|(_, cells)| cells).collect();
        let result = Part {
            heading: "Result",
            content: Content::Facts(result),
        };
        let findings = Part {
            heading: "Findings",
            content: Content::Table {
                row: "finding",
                in_line: true,
                columns: &["severity", "code", "about", "text", "source"],
                rows,
            },
        };
        Page {
            title,
            parts: [result, findings].into_iter().chain(parts).collect(),
        }
    }
}

/// Returns where a rule comes from.
fn source(rule: Rule) -> Cell {
    match rule.source() {
        "" => Cell::None,
        section if section.starts_with("section ") => {
            Cell::Text(format!("NIST SP 800-57 part 1, {section}"))
        }
        source => Cell::text(source),
    }
}
