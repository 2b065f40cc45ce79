// SPDX-License-Identifier: MIT OR Apache-2.0
//! The custodians who are present: their keys, their shares, and what the shares open.

mod candidate;
mod unlisted;

use std::path::{Path, PathBuf};

use getrandom::SysRng;
use security_domain::managed_hsm::Share;
use security_domain::managed_hsm::domain_file::{CombineError, Combined, DomainFile, ShareError};
use security_domain::quorum::Threshold;
use security_domain::x509::Thumbprint;

use crate::certificate::CertificateFile;
use crate::domain::File;
use crate::input::STDIN;
use crate::key::Key;
use crate::passwords::PasswordArgs;
use crate::progress::Progress;
use crate::report::{Outcome, Refusal};
use crate::share::ShareArgs;
use crate::show;
use crate::source::{KeySource, Unwrapped};
use candidate::Candidate;

#[derive(clap::Args)]
pub struct KeyArgs {
    /// The custodians' private keys: files, or PKCS#11 URIs of keys in tokens. The certificate of
    /// A.key is A.cer beside it (or A.crt, A.pem), or in A.key itself; that of a key in a token is
    /// on the token
    #[arg(long, required_unless_present = "sd_unwrapped", num_args = 1.., value_name = "KEY")]
    sd_wrapping_keys: Vec<PathBuf>,
    /// For a custodian whose key is elsewhere: his certificate, and what his key decrypted, 64
    /// bytes, raw, in base64 or in hexadecimal digits, or a service's JSON with them; - reads
    /// standard input. `inspect --json` prints the command
    #[arg(long, num_args = 1.., value_name = "CER=FILE")]
    sd_unwrapped: Vec<PathBuf>,
    /// Certificates that are neither beside their keys nor on their tokens
    #[arg(long, num_args = 1.., value_name = "CER")]
    certs: Vec<PathBuf>,
    #[command(flatten)]
    passwords: PasswordArgs,
}

impl KeyArgs {
    /// The key of one custodian, or what it unwrapped elsewhere.
    pub fn one(from: ShareArgs, certs: Vec<PathBuf>, passwords: PasswordArgs) -> Self {
        Self {
            sd_wrapping_keys: from.held.key.into_iter().collect(),
            sd_unwrapped: from.sd_unwrapped.into_iter().collect(),
            certs,
            passwords,
        }
    }
}

/// The most custodians of a domain, in either format.
const MAX_CUSTODIANS: usize = 10;

/// A custodian with a matching key and certificate, and a share in the file.
pub struct Custodian {
    pub key_file: PathBuf,
    pub thumbprint: Thumbprint,
    pub key: Key,
    /// What is wrong and does not matter, in the certificate or where the file names it.
    warnings: Vec<String>,
}

impl Custodian {
    /// Returns key file and thumbprint, which name a custodian in messages.
    pub fn name(&self) -> String {
        format!(
            "{} (custodian {})",
            show::path(&self.key_file),
            self.thumbprint
        )
    }
}

/// Returns the threshold that `option` gives for the custodians that `listed` names.
pub fn threshold(option: &str, number: u64, listed: (&str, usize)) -> Outcome<Threshold> {
    let (list, custodians) = listed;
    if !(3..=MAX_CUSTODIANS).contains(&custodians) {
        return Err(Refusal::new(format!(
            "{list}: {} given; a domain has 3 to {MAX_CUSTODIANS} custodians",
            show::count(custodians, "certificate")
        )));
    }
    u8::try_from(number)
        .ok()
        .and_then(|number| Threshold::new(number).ok())
        .filter(|threshold| usize::from(threshold.get()) <= custodians)
        .ok_or_else(|| {
            Refusal::new(format!(
                "{option}: {number} is out of range; of {custodians} custodians, 2 to {custodians} can be \
                 required"
            ))
        })
}

/// What happens to a key file that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// It is refused.
    Refused,
    /// It is left out and named, as long as enough others are left.
    LeftOut,
}

/// Whose keys are opened.
#[derive(Clone, Copy)]
pub enum Whom<'a> {
    /// Those of custodians whom the file lists, and if there is one, those of others, who are looked
    /// for by their keys.
    Listed,
    /// Those of anybody: the file is known to be the right one, and a custodian whom it does not
    /// list is looked for by key.
    Anybody,
    /// Those of the custodians for whom a challenge has a value.
    Asked(&'a [Thumbprint]),
}

/// Why key files and certificate files are not used. They are named, as long as enough key files
/// are left.
pub struct LeftOut {
    left: usize,
    at_least: usize,
    reasons: Vec<String>,
}

impl LeftOut {
    /// Nothing is left out yet of `keys` key files, of which `at_least` are needed.
    pub fn none(keys: usize, at_least: usize) -> Self {
        Self {
            left: keys,
            at_least,
            reasons: Vec::new(),
        }
    }

    /// Leaves a key file out. If too few are left, the refusal names all that were left out.
    pub fn key(&mut self, refusal: &Refusal) -> Outcome<()> {
        self.left = self.left.saturating_sub(1);
        self.other(refusal);
        match self.left < self.at_least {
            true => Err(Refusal::new(self.reasons.join("; "))),
            false => Ok(()),
        }
    }

    /// Leaves another file out.
    fn other(&mut self, refusal: &Refusal) {
        self.reasons.push(refusal.to_string());
    }

    pub fn reasons(self) -> Vec<String> {
        self.reasons
    }
}

/// The custodians whose keys are open, and why others are not among them.
pub struct Present {
    pub custodians: Vec<Custodian>,
    pub left_out: Vec<String>,
}

/// Reads the keys for `file`. Before any key is opened, all certificates are read (with a password
/// where they are in a key file that is encrypted as a whole), and fewer than `at_least` are
/// refused.
pub fn read(
    args: KeyArgs,
    path: &Path,
    file: &mut File<'_>,
    at_least: usize,
    unusable: Unusable,
    whom: Whom<'_>,
) -> Outcome<Present> {
    let passwords = args.passwords.read(args.sd_wrapping_keys.len())?;
    let keys = args.sd_wrapping_keys.iter().map(|key| KeySource::of(key));
    let unwrapped = args.sd_unwrapped.iter();
    let unwrapped = unwrapped.map(|one| Unwrapped::of(one).map(KeySource::Unwrapped));
    let sources = keys.chain(unwrapped).collect::<Outcome<Vec<_>>>()?;
    let mut left_out = match unusable {
        Unusable::Refused => LeftOut::none(sources.len(), sources.len()),
        Unusable::LeftOut => LeftOut::none(sources.len(), at_least),
    };
    let mut given = Vec::new();
    for path in &args.certs {
        match CertificateFile::read_each(path) {
            Ok(certificates) => given.extend(certificates),
            Err(refusal) if unusable == Unusable::LeftOut => left_out.other(&refusal),
            Err(refusal) => return Err(refusal),
        }
    }
    let mut candidates: Vec<Candidate<'_>> = Vec::new();
    for (index, source) in sources.into_iter().enumerate() {
        let password = passwords.given(index);
        let key_file = source.name();
        // Standard input says itself that it is read twice.
        let is_file = key_file != Path::new(STDIN);
        let is_new = match is_file && candidates.iter().any(|c| c.key_file == key_file) {
            true => Err(Refusal::file(&key_file, "is given twice")),
            false => Ok(()),
        };
        // Whose certificate is whose is not certain before the keys are open.
        match is_new.and_then(|()| Candidate::read(source, password, path, file, &given)) {
            Ok(candidate) => candidates.push(candidate),
            Err(refusal) => left_out.key(&refusal)?,
        }
    }
    if candidates.len() < at_least {
        return Err(Refusal::file(
            path,
            format!(
                "{} given, but {at_least} are required",
                show::count(candidates.len(), "key")
            ),
        ));
    }
    let mut custodians: Vec<Custodian> = Vec::new();
    let mut unlisted = Vec::new();
    // A file that lists nobody who is here is another file, and no key is opened for it.
    let is_known = matches!(whom, Whom::Anybody);
    let is_this_file = is_known || candidates.iter().any(Candidate::is_listed);
    for candidate in candidates {
        if let Whom::Asked(asked) = whom
            && let Err(refusal) = candidate.must_be_among(asked)
        {
            left_out.key(&refusal)?;
            continue;
        }
        let opened = candidate
            .open(is_this_file)
            .and_then(|(custodian, refusal)| {
                let earlier = custodians
                    .iter()
                    .chain(unlisted.iter().map(|(custodian, _)| custodian));
                must_be_new(&custodian, earlier)?;
                Ok((custodian, refusal))
            });
        match opened {
            Ok((custodian, None)) => custodians.push(custodian),
            Ok((custodian, Some(refusal))) => unlisted.push((custodian, refusal)),
            Err(refusal) => left_out.key(&refusal)?,
        }
    }
    for (mut custodian, refusal) in unlisted {
        if (is_known || !custodians.is_empty())
            && unlisted::find_share(file, &mut custodian, &custodians)
        {
            custodians.push(custodian);
        } else {
            left_out.key(&refusal)?;
        }
    }
    Ok(Present {
        custodians,
        left_out: left_out.reasons(),
    })
}

/// Refuses a custodian whose key is already among the `earlier` ones.
fn must_be_new<'e>(
    custodian: &Custodian,
    mut earlier: impl Iterator<Item = &'e Custodian>,
) -> Outcome<()> {
    let thumbprint = custodian.thumbprint;
    match earlier.find(|other| other.thumbprint == thumbprint) {
        None => Ok(()),
        Some(earlier) => Err(Refusal::file(
            &custodian.key_file,
            format!(
                "is the key of custodian {thumbprint}, which {} already gives",
                show::path(&earlier.key_file),
            ),
        )),
    }
}

/// Opens each custodian's own share. Returns the opened shares and the custodians whose share did
/// not open.
pub fn open_shares(
    custodians: &mut [Custodian],
    file: &DomainFile<'_>,
) -> Outcome<(Vec<Share>, Vec<String>)> {
    let progress = Progress::show("opening shares");
    let (mut shares, mut wrong) = (Vec::new(), Vec::new());
    for custodian in custodians {
        match file.open_share(&custodian.thumbprint, &mut custodian.key, &mut SysRng) {
            Ok(share) => shares.push(share),
            Err(ShareError::DoesNotOpen) => wrong.push(custodian.name()),
            Err(error) => return Err(Refusal::file(&custodian.key_file, error)),
        }
        progress.tick();
    }
    Ok((shares, wrong))
}

/// Combines at least a quorum of shares. Adds to `wrong`, the custodians whose shares did not open,
/// those whose shares do not agree with the rest.
pub fn combine(
    path: &Path,
    file: &DomainFile<'_>,
    custodians: &[Custodian],
    shares: &[Share],
    wrong: &mut Vec<String>,
) -> Outcome<Combined> {
    let _progress = Progress::show("combining shares");
    let combined = file.combine(shares).map_err(|error| {
        let reason = match error {
            CombineError::TooFewShares { have, need } => {
                format!(
                    "{} left, but {need} are required",
                    show::count(have, "share")
                )
            }
            CombineError::DoesNotOpen => {
                let opened = |c: &&Custodian| shares.iter().any(|s| s.custodian() == c.thumbprint);
                let keys = custodians
                    .iter()
                    .filter(opened)
                    .map(|c| show::path(&c.key_file));
                let keys = keys.collect::<Vec<_>>().join(", ");
                format!(
                    "EncData: does not open with {keys}: a share is wrong, or the file was altered"
                )
            }
            other => other.to_string(),
        };
        let others = if wrong.is_empty() {
            String::new()
        } else {
            wrong_shares(wrong) + "; "
        };
        Refusal::file(path, others + &reason)
    })?;
    let left_out = custodians
        .iter()
        .filter(|c| combined.left_out().contains(&c.thumbprint));
    wrong.extend(left_out.map(Custodian::name));
    Ok(combined)
}

/// Names the custodians whose shares are wrong, in one clause.
pub fn wrong_shares(wrong: &[String]) -> String {
    match wrong {
        [one] => format!("the share of {one} is wrong"),
        several => format!("the shares of {} are wrong", several.join(", ")),
    }
}

/// Returns what the operator should know even if all went well: damaged shares in the file, and the
/// custodians' warnings.
pub fn notes(file: &File<'_>, custodians: &[Custodian]) -> Vec<String> {
    let mut notes = file.damaged();
    notes.extend(custodians.iter().flat_map(|c| c.warnings.iter().cloned()));
    notes
}
