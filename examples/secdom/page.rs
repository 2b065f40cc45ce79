// SPDX-License-Identifier: MIT OR Apache-2.0
//! A report of several parts that is printed as text, as JSON or as a page in HTML, always with the
//! same content.

mod html;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::output::{self, Access, Published};
use crate::report::{JsonArg, Outcome, Report};
use crate::{clock, show};

#[derive(clap::Args)]
pub struct PageArgs {
    #[command(flatten)]
    json: JsonArg,
    /// Write a page for a browser or a printer, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl PageArgs {
    /// Refuses early if the page cannot be written.
    pub fn must_be_free(&self) -> Outcome<()> {
        self.html.as_deref().map_or(Ok(()), output::must_be_free)
    }

    /// Prints the page in the wanted form, and writes it in HTML if that is wanted.
    pub fn report(&self, page: &Page) -> Outcome<Report> {
        let html = self.html.as_deref().map(|path| written(path, page));
        let html: Vec<_> = html.transpose()?.into_iter().collect();
        let text = self.json.either(page.text(), &page.json());
        Ok(Report::written(html, text))
    }
}

/// Writes the page in HTML.
pub fn written(path: &Path, page: &Page) -> Outcome<Published> {
    output::file(path, Access::Owner, page.html().as_bytes())?.publish()
}

/// The report.
pub struct Page {
    pub title: &'static str,
    pub parts: Vec<Part>,
}

/// One part of it. Its heading is its member's name in JSON, too.
pub struct Part {
    pub heading: &'static str,
    pub content: Content,
}

pub enum Content {
    /// Labels with what there is to say of each.
    Facts(Vec<(&'static str, Cell)>),
    Table {
        /// What a row is.
        row: &'static str,
        /// Whether a row is one line of text, without the names of its columns.
        in_line: bool,
        columns: &'static [&'static str],
        rows: Vec<Vec<Cell>>,
    },
    /// What is done, one after the other, with boxes to tick and lines to fill in on paper.
    Steps(Vec<Step>),
}

/// One step of a ceremony.
#[derive(Default)]
pub struct Step {
    /// Who does it.
    pub who: &'static str,
    /// What is done.
    pub what: String,
    /// The command line, if it is a command.
    pub command: Option<String>,
    /// What is seen, with what is expected; what is not known before is written down.
    pub seen: Vec<(String, Cell)>,
}

/// What is shown in one place.
pub enum Cell {
    /// Nothing is known.
    None,
    /// The tool's own words.
    Text(String),
    /// Words from a file, which may be meant to deceive.
    Foreign(String),
    /// A number.
    Number(u64),
    /// A time in Unix seconds.
    Time(u64),
    /// A verdict: one word that decides, too, how it looks.
    Verdict(&'static str),
}

impl Cell {
    /// Makes a cell of the tool's own words.
    pub fn text(value: impl ToString) -> Self {
        Self::Text(value.to_string())
    }

    /// Makes a cell of words from a file. Nothing is known if there are none.
    pub fn foreign(value: &str) -> Self {
        match value {
            "" => Self::None,
            value => Self::Foreign(value.to_owned()),
        }
    }

    /// Makes a cell of a time, which may be unknown.
    pub fn time(seconds: Option<u64>) -> Self {
        seconds.map_or(Self::None, Self::Time)
    }

    /// Makes a cell of a time of an HSM, which is 0 without a clock.
    pub fn known(seconds: u64) -> Self {
        Self::time(Some(seconds).filter(|seconds| *seconds != 0))
    }

    fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Returns the words to show, from which no file can control the terminal.
    pub fn words(&self) -> Option<String> {
        Some(match self {
            Self::None => return None,
            Self::Text(text) => show::one_line(text),
            Self::Foreign(text) => show::whole(text),
            Self::Number(number) => number.to_string(),
            Self::Time(seconds) => clock::shown(*seconds),
            Self::Verdict(word) => (*word).to_owned(),
        })
    }

    fn json(&self) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Text(text) | Self::Foreign(text) => json!(text),
            Self::Number(number) => json!(number),
            Self::Time(seconds) => json!(clock::shown(*seconds)),
            Self::Verdict(word) => json!(word),
        }
    }
}

/// The longest label in text.
const LABEL: usize = 15;

impl Page {
    /// Returns the page as text: a line for each fact, and several for each row of a table.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |label: &str, cell: &Cell| {
            if let Some(words) = cell.words() {
                text += &format!("{label:<LABEL$} {words}\n");
            }
        };
        for part in &self.parts {
            match &part.content {
                Content::Facts(facts) => {
                    for (label, cell) in facts {
                        line(label, cell);
                    }
                }
                Content::Table {
                    row,
                    in_line: true,
                    rows,
                    ..
                } => {
                    for cells in rows {
                        let words = cells.iter().filter_map(Cell::words);
                        line(row, &Cell::Text(words.collect::<Vec<_>>().join("  ")));
                    }
                }
                Content::Table {
                    row, columns, rows, ..
                } => {
                    for cells in rows {
                        let mut cells = columns.iter().zip(cells);
                        if let Some((_, first)) = cells.next() {
                            line(row, first);
                        }
                        for (column, cell) in cells {
                            line(&format!("  {column}"), cell);
                        }
                    }
                }
                Content::Steps(steps) => {
                    for (number, step) in steps.iter().enumerate() {
                        let what = format!("{}: {}", step.who, step.what);
                        line(&format!("step {}", number + 1), &Cell::Text(what));
                        if let Some(command) = &step.command {
                            line("  $", &Cell::text(command));
                        }
                        for (label, cell) in &step.seen {
                            let blank = Cell::text("____");
                            let cell = if cell.is_none() { &blank } else { cell };
                            line("  seen", &Cell::Text(label.clone()));
                            line("", cell);
                        }
                    }
                }
            }
        }
        text
    }

    /// Returns the page as one JSON object, with a member for each part.
    pub fn json(&self) -> Value {
        let object = |cells: &mut dyn Iterator<Item = (&str, &Cell)>| {
            let cells = cells.map(|(label, cell)| (member(label), cell.json()));
            Value::Object(cells.collect::<Map<_, _>>())
        };
        let parts = self.parts.iter().map(|part| {
            let value = match &part.content {
                Content::Facts(facts) => {
                    object(&mut facts.iter().map(|(label, cell)| (*label, cell)))
                }
                Content::Table { columns, rows, .. } => rows
                    .iter()
                    .map(|cells| object(&mut columns.iter().copied().zip(cells)))
                    .collect(),
                Content::Steps(steps) => steps
                    .iter()
                    .map(|step| {
                        let seen = step.seen.iter();
                        let seen = seen.map(|(label, cell)| (label.as_str(), cell));
                        json!({
                            "who": step.who,
                            "what": step.what,
                            "command": step.command,
                            "seen": object(&mut seen.collect::<Vec<_>>().into_iter()),
                        })
                    })
                    .collect(),
            };
            (member(part.heading), value)
        });
        Value::Object(parts.collect())
    }
}

/// Returns the name of a member in JSON.
fn member(label: &str) -> String {
    label.to_lowercase().replace([' ', '-'], "_")
}
