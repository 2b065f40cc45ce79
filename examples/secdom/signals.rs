// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals that end the process: its temporary files are removed, and the terminal shows again what is typed.

#[cfg(unix)]
pub use unix::{watch, without_echo};

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::sync::{Mutex, PoisonError};

    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::Signals;

    use crate::output;

    /// How the terminal was before a password was asked for.
    static TERMINAL: Mutex<Option<(File, Termios)>> = Mutex::new(None);

    /// Begins to wait for signals. If that is not possible, a signal ends the process at once.
    pub fn watch() {
        let Ok(mut signals) = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM]) else {
            return;
        };
        std::thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                // Nothing is made or published from here on.
                let mut held = output::hold();
                output::remove_all(&mut held);
                restore_terminal();
                let _ = signal_hook::low_level::emulate_default_handler(signal);
                std::process::exit(128 + signal);
            }
        });
    }

    /// Runs `ask`, which switches the terminal's echo off.
    pub fn without_echo<T>(ask: impl FnOnce() -> T) -> T {
        let terminal = File::open("/dev/tty").ok();
        let before = terminal.and_then(|tty| tcgetattr(tty.as_fd()).ok().map(|how| (tty, how)));
        *TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) = before;
        let answer = ask();
        *TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) = None;
        answer
    }

    fn restore_terminal() {
        if let Some((tty, how)) = &*TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = tcsetattr(tty.as_fd(), OptionalActions::Now, how);
        }
    }
}

/// Elsewhere the system removes nothing, and a terminal restores itself.
#[cfg(not(unix))]
pub fn watch() {}

#[cfg(not(unix))]
pub fn without_echo<T>(ask: impl FnOnce() -> T) -> T {
    ask()
}
