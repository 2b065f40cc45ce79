// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom upload`: simulates the HSM that takes in a restore blob.

use std::path::{Path, PathBuf};

use getrandom::SysRng;
use security_domain::managed_hsm::restore_blob::RestoreBlob;
use zeroize::Zeroizing;

use crate::certificate::{self, CertificateFile};
use crate::key::{self, Lock};
use crate::kind::{self, FileKind};
use crate::progress::Progress;
use crate::report::{JsonArg, Outcome, Refusal, Report, chain};
use crate::{artifacts, output, show, text};

const EXAMPLE: &str = "Example:
  secdom upload --sd-file restore.json --transfer-key transfer.key \\
      --sd-exchange-key transfer.pem --out-dir artifacts";

/// Simulate the HSM: open a restore blob with the transfer key, all artifacts or none
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The restore blob
    #[arg(long, value_name = "BLOB")]
    sd_file: PathBuf,
    /// The transfer key, PEM
    #[arg(long, value_name = "KEY")]
    transfer_key: PathBuf,
    /// The transfer certificate, PEM or DER, unless it is beside the key or in the key's file
    #[arg(long, value_name = "PEM")]
    sd_exchange_key: Option<PathBuf>,
    /// The folder to make, with one file for each tag; the file's name is the tag, percent-encoded
    /// except for letters, digits, - . _ and ~
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: Args) -> Outcome<Report> {
    let (path, out) = (&args.sd_file, &args.out_dir);
    output::folder_must_be_free(out)?;
    let text = text::read_json(path)?;
    let blob = parse_blob(path, &text)?;
    let names = blob
        .artifacts()
        .map(|artifact| {
            artifacts::file_name(&artifact.tag().to_string())
                .map_err(|reason| Refusal::file(path, reason))
        })
        .collect::<Outcome<Vec<_>>>()?;

    let key_text = text::read(&args.transfer_key)?;
    let mut lock = Lock::of_transfer_key(&args.transfer_key, &key_text);
    let transfer_file = match &args.sd_exchange_key {
        Some(file) => CertificateFile::read(file)?,
        None => own_certificate(&args.transfer_key, &key_text, &mut lock, &blob)?,
    };
    let transfer = transfer_file.parse()?;
    let (want, have) = (blob.transfer_thumbprint(), transfer.thumbprint());
    if want != have {
        let certificate = show::path(&transfer_file.path);
        return Err(Refusal::file(
            path,
            format!("is sealed to transfer key {want}, but {certificate} is {have}"),
        ));
    }
    blob.check_certificate(&transfer)
        .map_err(|error| Refusal::file(path, error))?;
    let public = transfer.public_key();
    let public = [public.modulus(), public.exponent()];
    let from = [transfer_file.path.as_path()];
    let mut key = key::read(&key_text, &mut lock, &from, &[public])?;

    let _progress = Progress::show("opening the restore blob");
    let master_key = blob
        .open(&transfer.thumbprint(), &mut key, &mut SysRng)
        .map_err(|error| {
            let key = show::path(&args.transfer_key);
            Refusal::file(path, format!("{} ({key})", chain(&error)))
        })?;
    let mut contents = Vec::new();
    for artifact in blob.artifacts() {
        let mut content = Zeroizing::new(vec![0; artifact.max_len()]);
        let length = artifact
            .open(&master_key, &mut content)
            .map_err(|error| Refusal::file(path, error))?;
        content.truncate(length);
        contents.push(content);
    }
    let files = names
        .iter()
        .zip(&contents)
        .map(|(name, content)| (name.as_str(), content.as_slice()));
    artifacts::publish(out, files, &args.json)
}

/// Finds the certificate of a transfer key: the one for which the blob was made, or else the first one, for the
/// refusal.
fn own_certificate(
    key_file: &Path,
    text: &[u8],
    lock: &mut Lock<'_>,
    blob: &RestoreBlob<'_>,
) -> Outcome<CertificateFile> {
    let mut near = certificate::near(key_file, text)?;
    if near.is_empty() {
        near = CertificateFile::find(key_file, text, Some(lock))?;
    }
    let of = blob.transfer_thumbprint();
    let is_right = |file: &CertificateFile| file.parse().is_ok_and(|one| one.thumbprint() == of);
    let place = near.iter().position(is_right).unwrap_or(0);
    if near.is_empty() {
        return Err(certificate::missing(key_file, "--sd-exchange-key"));
    }
    Ok(near.swap_remove(place))
}

/// Reads a restore blob.
pub fn parse_blob<'t>(path: &Path, text: &'t [u8]) -> Outcome<RestoreBlob<'t>> {
    RestoreBlob::parse(text)
        .map_err(|error| kind::refusal(path, text, &FileKind::RestoreBlob, error))
}
