// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian's share of a sealed domain: unwrapped with the custodian's keys, or by a token.

use std::path::{Path, PathBuf};

use getrandom::SysRng;
use security_domain::sealed_domain::{DomainShare, SealedDomain};

use crate::answer;
use crate::custodian::{self, Sealed};
use crate::key::Key;
use crate::pair::KeyFiles;
use crate::passwords::PasswordArgs;
use crate::report::{Outcome, Refusal};

/// Where a share of a sealed domain comes from.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
pub struct HeldArgs {
    /// The custodian's private key in PEM, or the PKCS#11 URI of a key in a token; KEY+KEY if two
    /// are needed
    #[arg(long, value_name = "KEY")]
    pub key: Option<PathBuf>,
    /// What a token or a key management service unwrapped of the share: 65 bytes, their base64, or
    /// JSON with it; - reads standard input. With --key CER+KEY it is what the token with the RSA
    /// key decrypted: 64 bytes
    #[arg(long, value_name = "FILE", group = "elsewhere")]
    pub share: Option<PathBuf>,
}

/// Where a share comes from, of a sealed domain or of a domain file.
#[derive(clap::Args)]
pub struct ShareArgs {
    #[command(flatten)]
    pub held: HeldArgs,
    /// With --sd-file, for a key that is elsewhere: the certificate, and what the key decrypted, 64
    /// bytes, raw, in base64 or in hexadecimal digits, or a service's JSON with them; - reads
    /// standard input. `inspect --json` prints the command
    #[arg(
        long,
        value_name = "CER=FILE",
        requires = "sd_file",
        conflicts_with_all = ["key", "share"],
        groups = ["HeldArgs", "elsewhere"]
    )]
    pub sd_unwrapped: Option<PathBuf>,
}

impl ShareArgs {
    /// A share that a token unwrapped is one of a sealed domain, not of a domain file.
    pub fn of_sealed() -> clap::ArgGroup {
        clap::ArgGroup::new("of_sealed")
            .arg("share")
            .conflicts_with("sd_file")
    }
}

/// A custodian's share, and what unwrapped it.
pub struct Held {
    pub share: DomainShare,
    /// The key; nothing if a token unwrapped the share by itself.
    pub key: Option<Key>,
    /// Whether a token decrypted the share or a part of it, and what it decrypted was given.
    pub answered: bool,
}

/// Reads the share of the custodian whose key the argument `--key` names, or which a token
/// unwrapped, as the file of `--share` says.
pub fn read(from: &HeldArgs, passwords: &PasswordArgs, sealed: Sealed<'_>) -> Outcome<Held> {
    let (key, answer) = (from.key.as_deref(), from.share.as_deref());
    let (share, key) = match (key, answer) {
        (Some(key), answer) => {
            let (share, key) = with_key(key, answer, passwords, sealed)?;
            (share, Some(key))
        }
        (None, Some(path)) => (unwrapped(path, sealed.domain)?, None),
        (None, None) => return Err(Refusal::new(NO_KEY)),
    };
    Ok(Held {
        share,
        key,
        answered: answer.is_some(),
    })
}

const NO_KEY: &str = "neither --key nor --share is given";

/// Unwraps a share with a custodian's key, with two, or with one and what the token that has the
/// other answered.
fn with_key(
    argument: &Path,
    answer: Option<&Path>,
    passwords: &PasswordArgs,
    sealed: Sealed<'_>,
) -> Outcome<(DomainShare, Key)> {
    let files = KeyFiles::of(argument);
    let (id, mut key) = match (&files, answer) {
        (files, None) => {
            let passwords = passwords.read(files.count())?;
            custodian::read(files, &passwords, 0, sealed)?
        }
        (KeyFiles::Both(files), Some(answer)) => {
            let passwords = passwords.read(1)?;
            let answer = answer::read(answer, &answer::RSA_PART)?;
            custodian::with_token(files, answer, &passwords, sealed)?
        }
        (KeyFiles::One(path), Some(_)) => {
            let reason = "--share is the whole share, without --key; with --key CER+KEY it is what the token of \
                          one of two keys decrypted";
            return Err(Refusal::file(path, reason));
        }
    };
    let share = { sealed.domain }.unwrap_share(id, &mut key, &mut SysRng);
    let share = share.map_err(|error| Refusal::file(&files.argument(), error))?;
    Ok((share, key))
}

/// Reads a share that a token unwrapped. Its bytes say whose it is, and the domain confirms it.
fn unwrapped(path: &Path, sealed: &SealedDomain<'_>) -> Outcome<DomainShare> {
    let plaintext = answer::read(path, &answer::SHARE)?;
    let mut custodians = sealed.header().custodians();
    let custodian = custodians.find(|custodian| custodian.index.get() == plaintext[32]);
    let custodian =
        custodian.ok_or_else(|| Refusal::file(path, "is not an unwrapped share of this domain"))?;
    sealed
        .accept_share(custodian.id, &plaintext)
        .map_err(|error| Refusal::file(path, error))
}
