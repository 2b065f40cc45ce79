// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line on stderr that says what takes long, shown on a terminal only and removed when done.

use std::io::{IsTerminal, Write, stderr};

pub struct Progress {
    shown: bool,
}

impl Progress {
    /// Shows `what` if somebody is looking.
    pub fn show(what: &str) -> Self {
        let shown = stderr().is_terminal();
        if shown {
            let _ = write!(stderr(), "{what} ...");
            let _ = stderr().flush();
        }
        Self { shown }
    }

    /// Shows that it goes on.
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
            // Back to the start of the line, and clear it.
            let _ = write!(stderr(), "\r\x1b[2K");
            let _ = stderr().flush();
        }
    }
}
