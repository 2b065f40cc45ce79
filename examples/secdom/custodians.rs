// SPDX-License-Identifier: MIT OR Apache-2.0
//! The custodians who are present: their keys, their shares, and what the shares open.

use std::path::{Path, PathBuf};

use getrandom::SysRng;
use security_domain::managed_hsm::domain_file::{CombineError, Combined, DomainFile, ShareError};
use security_domain::managed_hsm::{Fault, FileError, Share};
use security_domain::quorum::Threshold;
use security_domain::rsa::PrivateKey;
use security_domain::x509::{RecoveryCertificate, Thumbprint};

use crate::certificate::CertificateFile;
use crate::domain::File;
use crate::passwords::PasswordArgs;
use crate::progress::Progress;
use crate::report::{Outcome, Refusal};
use crate::{key, show};

#[derive(clap::Args)]
pub struct KeyArgs {
    /// The custodians' private keys in PEM. Each has its certificate beside it: A.cer beside A.key.
    #[arg(long, required = true, num_args = 1.., value_name = "KEY")]
    sd_wrapping_keys: Vec<PathBuf>,
    #[command(flatten)]
    passwords: PasswordArgs,
}

/// A custodian with a matching key and certificate, and a share in the file.
pub struct Custodian {
    pub key_file: PathBuf,
    pub thumbprint: Thumbprint,
    pub key: PrivateKey,
    /// What is wrong with the share in the file.
    damage: Option<FileError>,
    /// What is wrong in the certificate, and does not matter.
    warnings: Option<String>,
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

/// Returns the threshold that `option` gives for this many custodians.
pub fn threshold(option: &str, number: u64, custodians: usize) -> Outcome<Threshold> {
    u8::try_from(number)
        .ok()
        .and_then(|number| Threshold::new(number).ok())
        .filter(|threshold| usize::from(threshold.get()) <= custodians)
        .ok_or_else(|| {
            let custodians = show::count(custodians, "custodian");
            Refusal::new(format!(
                "{option}: {number} of {custodians} cannot be a quorum"
            ))
        })
}

/// Reads the keys for `file`. Fewer than `at_least` are refused before any key is opened.
pub fn read(
    args: KeyArgs,
    path: &Path,
    file: &File<'_>,
    at_least: usize,
) -> Outcome<Vec<Custodian>> {
    let key_files = args.sd_wrapping_keys;
    let passwords = args.passwords.read(key_files.len())?;

    let certificate_paths: Vec<_> = key_files
        .iter()
        .map(|key| key.with_extension("cer"))
        .collect();
    let certificate_files = CertificateFile::read_all(&certificate_paths)?;
    let certificates = certificate_files
        .iter()
        .map(CertificateFile::parse_for_recovery)
        .collect::<Outcome<Vec<_>>>()?;
    let mut damages = Vec::new();
    for (index, (key_file, certificate)) in key_files.iter().zip(&certificates).enumerate() {
        damages.push(damage(key_file, certificate, path, file)?);
        let same = |other: &RecoveryCertificate<'_>| other.thumbprint() == certificate.thumbprint();
        if let Some(earlier) = certificates[..index].iter().position(same) {
            return Err(Refusal::file(
                key_file,
                format!(
                    "is the key of custodian {}, which {} already gives",
                    certificate.thumbprint(),
                    show::path(&key_files[earlier]),
                ),
            ));
        }
    }
    if key_files.len() < at_least {
        return Err(Refusal::file(
            path,
            format!(
                "{} given, but {at_least} are required",
                show::count(key_files.len(), "key")
            ),
        ));
    }
    let sound = damages.iter().filter(|damage| damage.is_none()).count();
    if let Some(damage) = damages.iter().flatten().next()
        && sound < at_least
    {
        return Err(Refusal::file(
            path,
            format!(
                "{damage}; {} left, but {at_least} are required",
                show::count(sound, "share"),
            ),
        ));
    }
    key_files
        .into_iter()
        .zip(&certificates)
        .zip(damages)
        .enumerate()
        .map(|(index, ((key_file, certificate), damage))| {
            let beside = &certificate_files[index].path;
            let public = [certificate.modulus(), certificate.exponent()];
            let key = key::read(&key_file, passwords.given(index), beside, public)?;
            Ok(Custodian {
                key_file,
                thumbprint: certificate.thumbprint(),
                key,
                damage,
                warnings: certificate_files[index].warnings(certificate),
            })
        })
        .collect()
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
        if let Some(damage) = custodian.damage {
            wrong.push(format!("{}, {damage},", custodian.name()));
            continue;
        }
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

/// Returns what is wrong with the share of a certificate, which must belong to a custodian.
fn damage(
    key_file: &Path,
    certificate: &RecoveryCertificate<'_>,
    path: &Path,
    file: &File<'_>,
) -> Outcome<Option<FileError>> {
    let thumbprint = certificate.thumbprint();
    let checked = file.check_certificate(certificate);
    if file.custodians().contains(&thumbprint) {
        return Ok(checked.err());
    }
    let unreadable = { checked.err() }
        .filter(|error| error.fault != Fault::NotListed)
        .map(|error| format!(", unless to one whose digest is damaged: {error}"));
    Err(Refusal::file(
        key_file,
        format!(
            "its certificate {thumbprint} belongs to no share of {}{}",
            show::path(path),
            unreadable.unwrap_or_default(),
        ),
    ))
}

/// Returns what the operator should know even if all went well: damaged shares in the file, and what
/// is wrong in the certificates.
pub fn notes(file: &File<'_>, custodians: &[Custodian]) -> Vec<String> {
    let mut notes = file.damaged();
    notes.extend(custodians.iter().filter_map(|c| c.warnings.clone()));
    notes
}
