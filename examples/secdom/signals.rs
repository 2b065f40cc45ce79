// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals that end the process: its temporary files are removed, and the terminal shows again what is typed.

#[cfg(unix)]
pub use unix::{ask, ask_shown, watch};

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{self, Read, Write};
    use std::os::fd::AsFd;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::Signals;

    use zeroize::Zeroizing;

    use crate::output;

    /// The longest line that a terminal gives.
    const LINE: usize = 4096;

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

    /// Asks for a line that the terminal shows as it is typed. It is empty at the end of the input.
    pub fn ask_shown(prompt: &str) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut tty = File::options().read(true).write(true).open("/dev/tty")?;
        tty.write_all(prompt.as_bytes())?;
        let mut line = Zeroizing::new(vec![0; LINE]);
        let mut filled = 0;
        // A terminal gives a line at a time.
        while let read @ 1.. = tty.read(&mut line[filled..])? {
            filled += read;
            if line[..filled].ends_with(b"\n") {
                break;
            }
        }
        line.truncate(filled);
        Ok(line)
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

#[cfg(not(unix))]
pub fn ask_shown(prompt: &str) -> std::io::Result<zeroize::Zeroizing<Vec<u8>>> {
    use std::io::{Write, stderr, stdin};
    stderr().write_all(prompt.as_bytes())?;
    let mut line = zeroize::Zeroizing::new(String::with_capacity(4096));
    stdin().read_line(&mut line)?;
    Ok(zeroize::Zeroizing::new(
        std::mem::take(&mut *line).into_bytes(),
    ))
}
