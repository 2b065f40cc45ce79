// SPDX-License-Identifier: MIT OR Apache-2.0
//! Logs in to a token with its PIN, once: tokens count wrong PINs, and lock.

use std::cell::RefCell;

use cryptoki::error::{Error, RvError};
use cryptoki::session::{SessionState, UserType};
use cryptoki::types::RawAuthPin;
use zeroize::Zeroizing;

use super::{Token, failed};
use crate::report::Outcome;
use crate::{passwords, report, show};

pub const LOCKED: &str = "the user PIN of the token is locked";

thread_local! {
    /// The serial numbers and labels of the tokens that refused a PIN.
    static REFUSED: RefCell<Vec<[String; 2]>> = const { RefCell::new(Vec::new()) };
}

/// Logs in, unless that is not needed. `given` is the PIN from the command line, if there is one.
pub fn log_in(token: &Token, given: Option<&[u8]>) -> Outcome<()> {
    let uri = &token.uri;
    let info = { token.pkcs11.get_token_info(token.slot) }
        .map_err(|error| failed(uri, "the token does not answer", &error))?;
    let state = token.session.get_session_info();
    let state = state.map(|info| info.session_state());
    let is_in = matches!(state, Ok(SessionState::RoUser | SessionState::RwUser));
    if !info.login_required() || is_in {
        return Ok(());
    }
    let identity = [info.serial_number().to_owned(), info.label().to_owned()];
    if REFUSED.with_borrow(|refused| refused.contains(&identity)) {
        return token.refuse("the token refused its PIN before, and is not tried again");
    }
    if info.user_pin_locked() {
        return token.refuse(LOCKED);
    }
    if !info.user_pin_initialized() {
        return token.refuse("the token has no user PIN yet");
    }

    let from_file = match (&uri.pin_source, given) {
        (Some(_), Some([_, ..])) => {
            return token
                .refuse("a PIN is given for it, and its URI has pin-source: give one of them");
        }
        (Some(path), _) => Some(passwords::read_file(path)?),
        (None, Some([])) | (None, None) => None,
        (None, Some(pin)) => Some(Zeroizing::new(pin.to_vec())),
    };
    let has_keypad = info.protected_authentication_path();
    if info.user_pin_final_try() {
        let warning = "one try is left before the token locks its user PIN";
        if from_file.is_some() {
            return token.refuse(format!(
                "{warning}: leave out the file with the PIN, and type it on a terminal"
            ));
        }
        let name = show::path(&uri.name());
        eprintln!(
            "{}",
            report::shown(&format!("secdom: {name}: {warning}"), 2)
        );
    }
    let pin = match from_file {
        Some(pin) => Some(pin),
        None if has_keypad => None,
        None => Some(passwords::ask_pin(&uri.name())?),
    };
    let answer = match pin {
        Some(pin) => {
            let pin = RawAuthPin::new(Box::new(pin.to_vec()));
            token.session.login_with_raw(UserType::User, &pin)
        }
        None => token.session.login(UserType::User, None),
    };
    let Err(error) = answer else {
        return Ok(());
    };
    if let Error::Pkcs11(RvError::UserAlreadyLoggedIn, _) = error {
        return Ok(());
    }
    REFUSED.with_borrow_mut(|refused| refused.push(identity));
    let after = token.pkcs11.get_token_info(token.slot);
    let after = after.map_or("", |info| match () {
        () if info.user_pin_locked() => "; it is locked now",
        () if info.user_pin_final_try() => "; one try is left before it is locked",
        () => "",
    });
    match error {
        Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _) => {
            token.refuse(format!("the PIN is wrong; it was tried once{after}"))
        }
        Error::Pkcs11(RvError::PinLocked, _) => token.refuse(LOCKED),
        Error::Pkcs11(RvError::PinExpired, _) => {
            token.refuse("the PIN has expired: set a new one with the token's program")
        }
        error => Err(failed(
            uri,
            "the token does not accept the PIN, which was tried once",
            &error,
        )),
    }
}
