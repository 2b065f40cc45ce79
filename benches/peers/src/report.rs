// SPDX-License-Identifier: MIT OR Apache-2.0
//! Results as a table of medians and ratios, or as JSON, one object a line.

use std::io::{self, Write};

use crate::shamir::Kind;

/// The library that every ratio is taken against.
pub const OURS: &str = "security-domain";

/// One measured case of sharing.
#[derive(Clone, Debug)]
pub struct Sharing {
    pub work: &'static str,
    pub bytes: usize,
    pub threshold: u8,
    pub count: u8,
    pub rng: &'static str,
    pub library: &'static str,
    pub kind: Kind,
    /// Nanoseconds; `None` if the case was skipped.
    pub median: Option<f64>,
}

/// Where results go; it keeps those of sharing, for the summary and the figure.
pub struct Output {
    json: bool,
    pub shared: Vec<Sharing>,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self {
            json,
            shared: Vec::new(),
        }
    }

    /// The libraries of one case.
    pub fn sharing(&mut self, rows: impl Iterator<Item = Sharing>) {
        let rows: Vec<Sharing> = rows.collect();
        if self.json {
            for row in &rows {
                line(&row.json());
            }
        } else if let Some(first) = rows.first() {
            let Sharing {
                work,
                threshold,
                count,
                ..
            } = first;
            line(&format!(
                "\n{work} {}, {threshold} of {count}",
                size(first.bytes)
            ));
            for row in &rows {
                let ours = rows.iter().find(|r| r.library == OURS && r.like(row));
                let cells = cells(row.median, ours.and_then(|r| r.median));
                line(&format!(
                    "  {:<25} {:<10}{cells}",
                    row.library,
                    row.generator()
                ));
            }
        }
        self.shared.extend(rows);
    }

    /// The libraries of one operation, with their medians in nanoseconds.
    pub fn operation(&self, work: &str, rows: &[(&str, f64)]) {
        if !self.json {
            line(&format!("\n{work}"));
        }
        let ours = rows.iter().find(|row| row.0 == OURS).map(|row| row.1);
        for (library, median) in rows {
            if self.json {
                line(&format!(
                    r#"{{"work":"{work}","library":"{library}","median_ns":{median:.1}}}"#
                ));
            } else {
                line(&format!("  {library:<25}{}", cells(Some(*median), ours)));
            }
        }
    }

    /// A line for people; JSON output leaves it out.
    pub fn remark(&self, text: &str) {
        if !self.json {
            line(text);
        }
    }
}

impl Sharing {
    fn json(&self) -> String {
        let Self {
            work,
            bytes,
            threshold,
            count,
            rng,
            library,
            ..
        } = self;
        let median = match self.median {
            Some(nanos) => format!(r#""median_ns":{nanos:.1}"#),
            None => r#""median_ns":null,"skipped":true"#.to_owned(),
        };
        format!(
            r#"{{"work":"{work}","bytes":{bytes},"threshold":{threshold},"count":{count},"rng":"{rng}","library":"{library}",{median}}}"#
        )
    }

    /// Combining draws nothing, so its table has no generator.
    fn generator(&self) -> &'static str {
        if self.work == "combine" { "" } else { self.rng }
    }

    /// Whether the two drew from the same generator; a library with its own is compared with ChaCha20.
    fn like(&self, other: &Self) -> bool {
        self.rng == other.rng || (self.rng == "chacha20" && other.rng == "own")
    }
}

/// The columns of median and ratio to this crate's median.
fn cells(median: Option<f64>, ours: Option<f64>) -> String {
    match (median, ours) {
        (Some(nanos), Some(ours)) => format!("{:>12}{:>10.2} x", time(nanos), nanos / ours),
        (Some(nanos), None) => format!("{:>12}", time(nanos)),
        (None, _) => format!("{:>12}", "skipped"),
    }
}

/// Nanoseconds with a unit and three figures or more.
pub fn time(nanos: f64) -> String {
    match nanos {
        n if n < 1e3 => format!("{n:.0} ns"),
        n if n < 1e6 => format!("{:.2} us", n / 1e3),
        n if n < 1e9 => format!("{:.2} ms", n / 1e6),
        n => format!("{:.2} s", n / 1e9),
    }
}

pub fn size(bytes: usize) -> String {
    match bytes {
        b if b < 1 << 10 => format!("{b} B"),
        b if b < 1 << 20 => format!("{} KiB", b >> 10),
        b => format!("{} MiB", b >> 20),
    }
}

/// Prints at once, and ends quietly when nobody reads any more.
fn line(text: &str) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}
