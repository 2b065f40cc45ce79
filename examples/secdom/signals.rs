// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals that end the process: its temporary files are removed, and the terminal shows again what is typed.

#[cfg(unix)]
pub use unix::{ask, watch};

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{self, Write};
    use std::os::fd::AsFd;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
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

    /// Asks for what the terminal does not show. Its echo is off before the prompt appears.
    pub fn ask(prompt: &str) -> io::Result<String> {
        let mut tty = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(tty.as_fd())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        *terminal() = Some((tty.try_clone()?, before));
        let answer = tcsetattr(tty.as_fd(), OptionalActions::Now, &silent)
            .map_err(io::Error::from)
            .and_then(|()| tty.write_all(prompt.as_bytes()))
            .and_then(|()| rpassword::read_password());
        restore_terminal();
        *terminal() = None;
        answer
    }

    fn terminal() -> MutexGuard<'static, Option<(File, Termios)>> {
        TERMINAL.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn restore_terminal() {
        if let Some((tty, how)) = &*terminal() {
            let _ = tcsetattr(tty.as_fd(), OptionalActions::Now, how);
        }
    }
}

/// Elsewhere the system removes nothing, and a terminal restores itself.
#[cfg(not(unix))]
pub fn watch() {}

#[cfg(not(unix))]
pub fn ask(prompt: &str) -> std::io::Result<String> {
    rpassword::prompt_password(prompt)
}
