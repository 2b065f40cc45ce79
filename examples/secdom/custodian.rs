// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keys with which a custodian opens a share of a sealed domain of the crate's own format.

use std::path::{Path, PathBuf};

use security_domain::custodian::{Algorithm, CustodianId, Recipient};
use security_domain::sealed_domain::SealedDomain;
use zeroize::Zeroizing;

use crate::both::{self, PrivateKeys, Rsa};
use crate::key::{self, Key};
use crate::pair::KeyFiles;
use crate::passwords::Passwords;
use crate::public::PublicKey;
use crate::report::{Outcome, Refusal};
use crate::source::KeySource;
use crate::token::{Token, TokenKey, Uri};
use crate::{kem, recipients, show, text};

/// A sealed domain, and the file that it was read from.
#[derive(Clone, Copy)]
pub struct Sealed<'s> {
    pub domain: &'s SealedDomain<'s>,
    pub path: &'s Path,
}

impl Sealed<'_> {
    fn lists(self, id: CustodianId) -> bool {
        let mut listed = self.domain.header().custodians();
        listed.any(|custodian| custodian.id == id)
    }

    fn has_custodians_with_two_keys(self) -> bool {
        let mut listed = self.domain.header().custodians();
        listed.any(|custodian| matches!(custodian.algorithm, Algorithm::Both { .. }))
    }
}

/// Reads the private key, or the two, of a custodian of `sealed`. The first password is number
/// `first`.
pub fn read(
    files: &KeyFiles,
    passwords: &Passwords,
    first: usize,
    sealed: Sealed<'_>,
) -> Outcome<(CustodianId, Key)> {
    match files {
        KeyFiles::One(path) => one(path, passwords.given(first), sealed),
        KeyFiles::Both(paths) => {
            let mut found = Found::default();
            for (place, path) in paths.iter().enumerate() {
                let password = passwords.given(first + place);
                if let KeySource::Token(uri) = KeySource::of(path)? {
                    found.add_each(vec![Key::Token(Box::new(token_key(&uri, password)?))]);
                    continue;
                }
                let bytes = text::read(path)?;
                found.add_each(key::read_each(path, &bytes, password)?);
            }
            found.of_custodian(&files.argument(), sealed)
        }
    }
}

fn one(path: &Path, password: Option<&[u8]>, sealed: Sealed<'_>) -> Outcome<(CustodianId, Key)> {
    let source = KeySource::of(path)?;
    let (id, key) = match &source {
        KeySource::Token(uri) => {
            let key = token_key(uri, password)?;
            (key.id(), Key::Token(Box::new(key)))
        }
        _ => key::read_private(path, password, |id| sealed.lists(id))?,
    };
    if sealed.lists(id) {
        return Ok((id, key));
    }
    let more = match sealed.has_custodians_with_two_keys() {
        true => "; a custodian who needs two keys gives both, as KEY+KEY",
        false => "",
    };
    let file = show::path(sealed.path);
    let reason = format!("the key of custodian {id} opens no share of {file}{more}");
    Err(Refusal::file(&source.name(), reason))
}

/// Opens a key in a token. `password` is the given PIN, or `None` to ask on the terminal.
fn token_key(uri: &Uri, password: Option<&[u8]>) -> Outcome<TokenKey> {
    Token::find(uri)?.open(password)
}

/// The keys in the files of a custodian who needs two.
#[derive(Default)]
struct Found {
    rsa: Vec<Rsa>,
    other: Vec<kem::PrivateKey>,
    /// The kind of the last key in each file.
    kinds: Vec<String>,
}

impl Found {
    fn add_each(&mut self, keys: Vec<Key>) {
        self.kinds.extend(keys.last().map(Key::kind));
        for key in keys {
            match key {
                Key::Usual(key) => self.rsa.push(Rsa::Key(key)),
                Key::Kem(key) => self.other.push(key),
                Key::Token(key) => {
                    if let TokenKey::Rsa(key) = *key {
                        self.rsa.push(Rsa::Token(key));
                    }
                }
                Key::Odd(..) | Key::Both(_) | Key::Unwrapped(_) => {}
            }
        }
    }

    /// Returns the two keys that a custodian of `sealed` has together.
    fn of_custodian(mut self, argument: &Path, sealed: Sealed<'_>) -> Outcome<(CustodianId, Key)> {
        let (rsa, other) = (&self.rsa, &self.other);
        let places = (0..rsa.len()).flat_map(|a| (0..other.len()).map(move |b| (a, b)));
        let joined =
            places.filter_map(|(a, b)| Some((both::id(rsa[a].public(), &other[b])?, a, b)));
        let joined: Vec<_> = joined.collect();
        let listed = joined.iter().find(|(id, ..)| sealed.lists(*id));
        if let Some(&(id, a, b)) = listed {
            let keys = PrivateKeys::new(self.rsa.swap_remove(a), self.other.swap_remove(b), id);
            return Ok((id, Key::Both(Box::new(keys))));
        }
        let file = show::path(sealed.path);
        let refuse = |reason: String| Err(Refusal::file(argument, reason));
        if let Some(id) = self.ids().into_iter().find(|id| sealed.lists(*id)) {
            return refuse(format!(
                "custodian {id} of {file} has one of these two keys alone: give it alone"
            ));
        }
        match joined.first() {
            Some((id, ..)) => refuse(format!(
                "no custodian of {file} has these two keys together (custodian {id})"
            )),
            None => Err(both::wrong_kinds(argument, &self.kinds)),
        }
    }

    /// Returns the ids of the keys alone.
    fn ids(&self) -> Vec<CustodianId> {
        let rsa = self.rsa.iter().map(|key| key.public().id());
        let other = { self.other.iter() }.filter_map(|key| Some(key.public_key().ok()?.id));
        rsa.chain(other).collect()
    }
}

/// Joins the key of a token, which decrypted `answer`, with a private key. One of the files has the
/// public key of the token, or its certificate.
pub fn with_token(
    files: &[PathBuf; 2],
    answer: Zeroizing<Vec<u8>>,
    passwords: &Passwords,
    sealed: Sealed<'_>,
) -> Outcome<(CustodianId, Key)> {
    let argument = KeyFiles::Both(files.clone()).argument();
    // A pipe can be read once.
    let [first, second] = files.each_ref().map(|path| text::read(path));
    let texts = [first?, second?];
    let is_private = |place: usize| key::is_in(&files[place], &texts[place]);
    if is_private(0) && is_private(1) {
        let reason = "with --share, one is the certificate or public key of the token's key, and the other a private key";
        return Err(Refusal::file(&argument, reason));
    }
    let mut found = Found::default();
    for (place, path) in files.iter().enumerate() {
        if is_private(place) {
            found.add_each(key::read_each(path, &texts[place], passwords.given(0))?);
            continue;
        }
        let (key, _) = recipients::public_of_text(path, &texts[place])?;
        found.kinds.push(key.kind());
        if let PublicKey::Rsa(key) = key {
            found.rsa.push(Rsa::Answer(key, answer.clone()));
        }
    }
    found.of_custodian(&argument, sealed)
}
