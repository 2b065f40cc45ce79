// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private key files: PKCS#8, encrypted PKCS#8, PKCS#1 and OpenSSL's older encryption, in PEM or
//! DER, and PKCS#12.

mod encryption;
mod forms;
mod numbers;
mod odd;
mod old;
mod pfx;
mod seed;
mod signing;

use std::cell::Cell;
use std::fmt;
use std::path::{Path, PathBuf};

use security_domain::custodian::{CustodianId, Identity, Recipient, UnwrapError};
use security_domain::rng::{Generator, RngError};
use security_domain::rsa::{KeyError, PrivateKey};
use zeroize::Zeroizing;

use crate::kind::FileKind;
use crate::report::{Outcome, Refusal};
use crate::token::TokenKey;
use crate::{both, kem, passwords, pkcs12, report, show, text};
pub use encryption::decrypt;
use forms::{Form, forms};
use odd::OddKey;
pub use signing::SigningArgs;

/// A private key.
pub enum Key {
    /// One that the library accepts.
    Usual(Box<PrivateKey>),
    /// One that serves existing Managed HSM domains alone, and why.
    Odd(Box<OddKey>, KeyError),
    /// One of another kind than RSA, which serves the crate's own domains alone.
    Kem(kem::PrivateKey),
    /// Two that are both needed, which serve the crate's own domains alone.
    Both(Box<both::PrivateKeys>),
    /// One in a token.
    Token(Box<TokenKey>),
    /// One that is elsewhere, and unwrapped the content key of the custodian's share in a Managed
    /// HSM domain, and what a challenge has for the custodian.
    Unwrapped(Box<UnwrappedKey>),
}

/// The public half of a key, and what the private half unwrapped.
pub struct UnwrappedKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    content_key: Zeroizing<Vec<u8>>,
    value: Option<Zeroizing<Vec<u8>>>,
}

impl UnwrappedKey {
    /// Joins modulus and exponent with what was unwrapped.
    pub fn new([modulus, exponent]: [&[u8]; 2], content_key: Zeroizing<Vec<u8>>) -> Self {
        Self {
            modulus: modulus.into(),
            exponent: exponent.into(),
            content_key,
            value: None,
        }
    }
}

/// Why what holds a key did not answer.
#[derive(Debug)]
pub enum DeviceError {
    /// The random number generator failed.
    Rng(RngError),
    /// The token failed.
    #[cfg_attr(not(all(unix, feature = "pkcs11")), allow(dead_code))]
    Token(String),
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rng(error) => error.fmt(f),
            Self::Token(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for DeviceError {}

/// Says of a key in memory why it did not unwrap.
pub fn in_memory(error: UnwrapError<RngError>) -> UnwrapError<DeviceError> {
    match error {
        UnwrapError::Opaque => UnwrapError::Opaque,
        UnwrapError::Device(error) => UnwrapError::Device(DeviceError::Rng(error)),
        _ => UnwrapError::Fault,
    }
}

impl Key {
    /// Returns modulus and public exponent.
    pub fn public(&self) -> Option<[&[u8]; 2]> {
        Some(match self {
            Self::Usual(key) => [key.public_key().modulus(), key.public_key().exponent()],
            Self::Odd(key, _) => key.public(),
            Self::Token(key) => [key.rsa()?.modulus(), key.rsa()?.exponent()],
            Self::Unwrapped(key) => [&key.modulus, &key.exponent],
            Self::Kem(_) | Self::Both(_) => return None,
        })
    }

    /// Returns the custodian's id in the crate's own format, which has no odd keys.
    pub fn id(&self) -> Option<CustodianId> {
        match self {
            Self::Usual(key) => Some(key.public_key().id()),
            Self::Odd(..) | Self::Unwrapped(_) => None,
            Self::Token(key) => Some(key.id()),
            Self::Kem(key) => Some(key.public_key().ok()?.id),
            Self::Both(keys) => Some(keys.id()),
        }
    }

    /// Returns the kind, to be shown.
    pub fn kind(&self) -> String {
        match self {
            Self::Kem(key) => key.kind.name().into(),
            Self::Both(keys) => keys.kind(),
            Self::Token(key) if key.rsa().is_none() => kem::Kind::P256.name().into(),
            Self::Usual(_) | Self::Odd(..) | Self::Token(_) | Self::Unwrapped(_) => self
                .bits()
                .map_or_else(String::new, |bits| format!("RSA-{bits}")),
        }
    }

    /// Adds what the key unwrapped of a challenge, if it is elsewhere.
    pub fn then(&mut self, value: Zeroizing<Vec<u8>>) {
        if let Self::Unwrapped(key) = self {
            key.value = Some(value);
        }
    }

    /// Returns the size of the modulus.
    pub fn bits(&self) -> Option<u32> {
        match self {
            Self::Usual(key) => Some(key.public_key().size().bits()),
            Self::Odd(key, _) => Some(key.bits()),
            Self::Token(key) => Some(key.rsa()?.size().bits()),
            Self::Unwrapped(_) | Self::Kem(_) | Self::Both(_) => None,
        }
    }
}

impl Identity for Key {
    type Error = DeviceError;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<DeviceError>> {
        match self {
            Self::Usual(key) => { key.unwrap_key(wrapped, context, rng, out) }.map_err(in_memory),
            Self::Odd(key, _) => { key.unwrap_key(wrapped, context, rng, out) }.map_err(in_memory),
            Self::Kem(key) => { key.unwrap_key(wrapped, context, rng, out) }.map_err(in_memory),
            Self::Both(keys) => keys.unwrap_key(wrapped, context, rng, out),
            Self::Token(key) => key.unwrap_key(wrapped, context, rng, out),
            Self::Unwrapped(key) => {
                // A content key is bound to nothing, and a value is.
                let bytes = match context {
                    [] => &key.content_key,
                    _ => key.value.as_ref().ok_or(UnwrapError::Opaque)?,
                };
                let place = { out.get_mut(..bytes.len()) }.ok_or(UnwrapError::Opaque)?;
                place.copy_from_slice(bytes);
                Ok(bytes.len())
            }
        }
    }
}

/// Reads the private key in `bytes`, the text of the file of `lock`, that belongs to one of the
/// certificates in `certificate_files`, whose moduli and exponents are `publics`.
pub fn read(
    bytes: &[u8],
    lock: &mut Lock<'_>,
    certificate_files: &[&Path],
    publics: &[[&[u8]; 2]],
) -> Outcome<Key> {
    read_one(bytes, lock, |key| {
        { key.public() }.is_some_and(|public| publics.contains(&public))
    })?
    .map_err(|key| {
        if key.public().is_none() {
            return lock.refuse(format!(
                "holds no RSA private key, but one of {}",
                key.kind()
            ));
        }
        let names = certificate_files.iter().map(|file| show::path(file));
        let mut names: Vec<_> = names.collect();
        names.dedup();
        let names = names.join(", ");
        lock.refuse(format!("is not the private key of the certificate {names}"))
    })
}

/// Reads the private key in `path` of a custodian for whom `is_listed` returns true, or else the
/// last one. `password` is the given one, or `None` to ask on the terminal.
pub fn read_private(
    path: &Path,
    password: Option<&[u8]>,
    is_listed: impl Fn(CustodianId) -> bool,
) -> Outcome<(CustodianId, Key)> {
    let bytes = text::read(path)?;
    let mut lock = Lock::new(path, &bytes, password);
    let key = read_one(&bytes, &mut lock, |key| key.id().is_some_and(&is_listed))?;
    let key = key.unwrap_or_else(|other| other);
    match (key.id(), &key) {
        (Some(id), _) => Ok((id, key)),
        (None, Key::Odd(_, error)) => Err(Refusal::file(path, *error)),
        (None, _) => Err(Refusal::file(path, KeyError::Fault)),
    }
}

/// Reads the private key for which `belongs` returns true, or as an error the last one of the file.
fn read_one(
    bytes: &[u8],
    lock: &mut Lock<'_>,
    belongs: impl Fn(&Key) -> bool,
) -> Outcome<Result<Key, Key>> {
    let forms = needed(bytes, lock)?;
    lock.open(|lock| {
        let (mut refusal, mut other) = (None, None);
        for form in &forms {
            match form.open(lock) {
                Ok(key) if belongs(&key) => return Ok(Ok(key)),
                Ok(key) => other = Some(key),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        match (refusal, other) {
            (None, Some(key)) => Ok(Err(key)),
            (Some(refusal), _) => Err(refusal),
            (None, None) => Err(lock.refuse("holds no private key in PEM or DER")),
        }
    })
}

/// Reads every private key in `bytes`, the text of the file `path`, that can be read, at least one.
/// `password` is the given one, or `None` to ask on the terminal.
pub fn read_each(path: &Path, bytes: &[u8], password: Option<&[u8]>) -> Outcome<Vec<Key>> {
    let mut lock = Lock::new(path, bytes, password);
    let forms = needed(bytes, &lock)?;
    lock.open(|lock| {
        let opened = forms.iter().map(|form| form.open(lock));
        let (keys, refused): (Vec<_>, Vec<_>) = opened.partition(Outcome::is_ok);
        let keys: Vec<Key> = keys.into_iter().flatten().collect();
        match refused.into_iter().find_map(Outcome::err) {
            Some(refusal) if keys.is_empty() => Err(refusal),
            _ => Ok(keys),
        }
    })
}

/// Returns the private keys in a file. A password must be of use.
fn needed(bytes: &[u8], lock: &Lock<'_>) -> Outcome<Vec<Form>> {
    let forms = forms(&lock.path, bytes)?;
    let is_given = lock.given.is_some_and(|password| !password.is_empty());
    if is_given && !lock.is_used && !forms.iter().any(Form::is_encrypted) {
        return Err(lock.refuse("is not encrypted, but a password is given for it"));
    }
    Ok(forms)
}

/// Refuses a file without a private key, encrypted or not.
pub fn must_be_in(path: &Path, bytes: &[u8]) -> Outcome<()> {
    forms(path, bytes).map(drop)
}

/// Returns whether a file has a private key, encrypted or not.
pub fn is_in(path: &Path, bytes: &[u8]) -> bool {
    forms(path, bytes).is_ok_and(|forms| !forms.is_empty())
}

/// Returns the private keys in a file that are not encrypted, and nothing in place of those that
/// are. The list is empty if there is no key.
pub fn unencrypted(path: &Path, bytes: &[u8]) -> Outcome<Vec<Option<Key>>> {
    let Ok(forms) = forms(path, bytes) else {
        return Ok(Vec::new());
    };
    let mut lock = Lock::new(path, bytes, None);
    let open = |form: &Form| match form.is_encrypted() {
        true => Ok(None),
        false => form.open(&mut lock).map(Some),
    };
    forms.iter().map(open).collect()
}

/// How often the password of a file is asked for, as long as it is wrong.
const MOST_PASSWORDS: usize = 3;

/// The password of a file, asked for once unless it is wrong.
pub struct Lock<'p> {
    path: PathBuf,
    given: Option<&'p [u8]>,
    asked: Option<Zeroizing<Vec<u8>>>,
    /// Whether something was encrypted.
    is_used: bool,
    /// Whether it is a PKCS#12 file.
    is_pfx: bool,
    /// What to do if nobody is there to be asked.
    instead: &'static str,
    /// Whether the password was found to be wrong.
    is_wrong: Cell<bool>,
}

impl<'p> Lock<'p> {
    /// Makes the lock of a key file. `given` is the password, or `None` to ask on the terminal.
    pub fn new(path: &Path, text: &[u8], given: Option<&'p [u8]>) -> Self {
        Self {
            path: path.into(),
            given,
            asked: None,
            is_used: false,
            is_pfx: FileKind::of_decoded(text) == FileKind::Pfx,
            instead: "give --password-file, or run it on a terminal",
            is_wrong: Cell::new(false),
        }
    }

    /// Makes the lock of a transfer key, for which no password is given.
    pub fn of_transfer_key(path: &Path, text: &[u8]) -> Self {
        Self {
            instead: "run it on a terminal",
            ..Self::new(path, text, None)
        }
    }

    /// Makes the lock of a certificate file, for which no password is given.
    pub fn of_certificates(path: &Path, text: &[u8]) -> Self {
        Self {
            instead: pkcs12::TAKE_CERTIFICATES,
            ..Self::new(path, text, None)
        }
    }

    /// Opens something. If the password was asked for and is wrong, it is asked for again.
    pub fn open<T>(&mut self, mut open: impl FnMut(&mut Self) -> Outcome<T>) -> Outcome<T> {
        for _ in 1..MOST_PASSWORDS {
            self.is_wrong.set(false);
            let opened = open(self);
            let Err(refusal) = &opened else {
                return opened;
            };
            if !self.is_wrong.get() || self.asked.is_none() {
                return opened;
            }
            eprintln!("{}", report::shown(&refusal.to_string(), 2));
            self.asked = None;
        }
        open(self)
    }

    /// Returns whether the empty password is tried. Azure Key Vault, for one, exports PKCS#12 with
    /// it.
    pub fn may_be_empty(&self) -> bool {
        self.is_pfx && self.given.is_none_or(<[u8]>::is_empty)
    }

    /// Returns the password of what is encrypted.
    pub fn password(&mut self) -> Outcome<&[u8]> {
        self.is_used = true;
        match self.given {
            Some([]) => {
                return Err(self.refuse("is encrypted, but its password is given as empty"));
            }
            Some(password) => return Ok(password),
            None => {}
        }
        if self.asked.is_none() {
            self.asked = Some(passwords::ask(&self.path, self.instead)?);
        }
        Ok(self.asked.as_deref().map_or(&[], Vec::as_slice))
    }

    pub fn refuse(&self, reason: impl Into<Box<dyn std::error::Error>>) -> Refusal {
        Refusal::file(&self.path, reason)
    }

    /// The refusal of an encryption.
    pub fn unsupported(&self, which: &str) -> Refusal {
        let convert = match self.is_pfx {
            true => pkcs12::CONVERT,
            false => encryption::CONVERT,
        };
        self.refuse(format!(
            "is encrypted in a way that is not read here ({which}); {convert}"
        ))
    }

    /// The refusal of a password.
    pub fn wrong(&self) -> Refusal {
        self.is_wrong.set(true);
        self.refuse("does not open with the given password")
    }
}
