// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a verb hands back: text for stdout and notes for stderr, or one line that refuses.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use crate::output::Published;
use crate::show;

/// A verb that did its work.
pub struct Report {
    /// For stdout.
    pub text: String,
    /// For stderr, one line each.
    pub notes: Vec<String>,
    /// What was written.
    pub outputs: Vec<Published>,
}

impl Report {
    /// Text for stdout, and nothing else.
    pub fn text(text: String) -> Self {
        Self::written([], text)
    }

    /// What was written, and text for stdout about it.
    pub fn written(outputs: impl Into<Vec<Published>>, text: String) -> Self {
        Self {
            text,
            notes: Vec::new(),
            outputs: outputs.into(),
        }
    }
}

/// A verb that refused: exactly one line for stderr.
#[derive(Debug)]
pub struct Refusal(String);

pub type Outcome<T> = Result<T, Refusal>;

impl Refusal {
    /// A refusal that concerns no single file.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }

    /// A refusal because of `file`.
    pub fn file(file: &Path, reason: impl fmt::Display) -> Self {
        Self(format!("{}: {reason}", show::path(file)))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show::one_line(&self.0))
    }
}

/// Prints the outcome and says whether it stands: a report that could not be printed does not,
/// unless its reader went away on purpose. What does not stand leaves nothing behind.
pub fn print(outcome: Outcome<Report>) -> bool {
    let outcome = outcome.and_then(|report| {
        let mut stdout = io::stdout().lock();
        match stdout
            .write_all(report.text.as_bytes())
            .and_then(|()| stdout.flush())
        {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                report.outputs.into_iter().for_each(Published::take_back);
                Err(Refusal::new(format!("standard output: {error}")))
            }
            _ => Ok(report.notes),
        }
    });
    // Nobody is left to tell if stderr is gone as well; the exit code still tells.
    let mut stderr = io::stderr().lock();
    match outcome {
        Ok(notes) => {
            for note in notes {
                let _ = writeln!(stderr, "secdom: {}", show::one_line(&note));
            }
            true
        }
        Err(refusal) => {
            let _ = writeln!(stderr, "secdom: {refusal}");
            false
        }
    }
}
