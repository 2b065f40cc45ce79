// SPDX-License-Identifier: MIT OR Apache-2.0
//! The result of a verb: text for stdout and notes for stderr, or a one-line refusal.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::iter::successors;
use std::path::Path;

use serde_json::Value;

use crate::output::Published;
use crate::{fold, show};

/// The result of a verb that succeeded.
pub struct Report {
    /// For stdout.
    pub text: String,
    /// For stderr, one line each.
    pub notes: Vec<String>,
    /// The written files and folders.
    pub outputs: Vec<Published>,
    /// Whether the text is for a program, and no line of it may be broken.
    pub verbatim: bool,
    /// Whether a part was refused, as the notes say. The exit code is then 1.
    pub refused_in_part: bool,
}

impl Report {
    /// Makes a report of text for stdout only.
    pub fn text(text: String) -> Self {
        Self::written([], text)
    }

    /// Makes a report of an output that went to a file or else to standard output, with text about it, which
    /// then goes to stderr.
    pub fn about(output: Option<Published>, text: String) -> Self {
        match output {
            Some(file) => Self::written([file], text),
            None => Self {
                notes: text.lines().map(str::to_owned).collect(),
                ..Self::text(String::new())
            },
        }
    }

    /// Makes a report of outputs, with text for stdout about them.
    pub fn written(outputs: impl Into<Vec<Published>>, text: String) -> Self {
        Self {
            text,
            notes: Vec::new(),
            outputs: outputs.into(),
            verbatim: false,
            refused_in_part: false,
        }
    }
}

#[derive(clap::Args)]
pub struct JsonArg {
    /// Print JSON: one object with what is printed otherwise
    #[arg(long)]
    json: bool,
}

impl JsonArg {
    pub fn is_wanted(&self) -> bool {
        self.json
    }

    /// Returns what to print: `text`, or `object` if JSON is wanted.
    pub fn either(&self, text: String, object: &Value) -> String {
        if self.json {
            show::ascii_json(&format!("{object:#}\n"))
        } else {
            text
        }
    }
}

/// The refusal of a verb: exactly one line for stderr.
#[derive(Debug)]
pub struct Refusal(String);

pub type Outcome<T> = Result<T, Refusal>;

impl Refusal {
    /// Makes a refusal that concerns no single file.
    pub fn new(reason: impl Into<Box<dyn Error>>) -> Self {
        Self(chain(&*reason.into()))
    }

    /// Makes a refusal because of `file`.
    pub fn file(file: &Path, reason: impl Into<Box<dyn Error>>) -> Self {
        Self(format!("{}: {}", show::path(file), chain(&*reason.into())))
    }
}

/// Returns the text of an error, followed by those of its sources.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let texts = successors(Some(error), |&error| error.source()).map(ToString::to_string);
    texts.collect::<Vec<_>>().join(": ")
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show::one_line(&self.0))
    }
}

/// Returns a message for stderr on one line or, if that is a terminal, on as many as it needs.
pub fn shown(message: &str, indent: usize) -> String {
    let line = show::one_line(message);
    match fold::width(io::stderr()) {
        Some(width) => fold::one(&line, indent, width),
        None => line,
    }
}

/// Prints the outcome, and returns whether the verb succeeded. A report that could not be printed
/// is a failure, unless its reader closed the pipe on purpose. After a failure nothing is left
/// behind.
pub fn print(outcome: Outcome<Report>) -> bool {
    let outcome = outcome.and_then(|mut report| {
        let width = fold::width(io::stdout());
        let mut stdout = io::stdout().lock();
        if let Some(width) = width
            && !report.verbatim
            && !report.text.starts_with('{')
        {
            report.text = fold::lines(&report.text, width);
        }
        match stdout
            .write_all(report.text.as_bytes())
            .and_then(|()| stdout.flush())
        {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                report.outputs.into_iter().for_each(Published::take_back);
                Err(Refusal::new(format!("standard output: {error}")))
            }
            _ => Ok((report.notes, !report.refused_in_part)),
        }
    });
    // If stderr is closed too, only the exit code can report the outcome.
    let mut stderr = io::stderr().lock();
    match outcome {
        Ok((notes, whole)) => {
            for note in notes {
                let _ = writeln!(stderr, "{}", shown(&format!("secdom: {note}"), 2));
            }
            whole
        }
        Err(refusal) => {
            let _ = writeln!(stderr, "{}", shown(&format!("secdom: {refusal}"), 2));
            false
        }
    }
}
