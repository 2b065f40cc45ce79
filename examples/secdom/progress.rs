// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shows a slow step as a line on stderr, only on a terminal, and removes it when done.

use std::io::{IsTerminal, Write, stderr};

pub struct Progress {
    shown: bool,
}

impl Progress {
    /// Shows `what` if stderr is a terminal.
    pub fn show(what: &str) -> Self {
        let shown = stderr().is_terminal();
        if shown {
            let _ = write!(stderr(), "{what} ...");
            let _ = stderr().flush();
        }
        Self { shown }
    }

    /// Shows that the step is still running.
    pub fn tick(&self) {
        if self.shown {
            let _ = write!(stderr(), ".");
            let _ = stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            // Return to the start of the line and clear it.
            let _ = write!(stderr(), "\r\x1b[2K");
            let _ = stderr().flush();
        }
    }
}
