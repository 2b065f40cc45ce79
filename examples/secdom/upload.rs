// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom upload`: simulates the HSM that takes in a restore blob.

use std::path::{Path, PathBuf};

use getrandom::SysRng;
use security_domain::managed_hsm::restore_blob::RestoreBlob;
use zeroize::Zeroizing;

use crate::certificate::CertificateFile;
use crate::kind::FileKind;
use crate::progress::Progress;
use crate::report::{JsonArg, Outcome, Refusal, Report, chain};
use crate::{artifacts, key, kind, output, show, text};

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
    /// The transfer certificate, PEM or DER
    #[arg(long, value_name = "PEM")]
    sd_exchange_key: PathBuf,
    /// The folder to make, with one file for each tag; the file's name is the tag, percent-encoded
    /// except for letters, digits, - . _ and ~
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: Args) -> Outcome<Report> {
    let (path, out) = (&args.sd_file, &args.out_dir);
    output::must_be_free(out)?;
    let text = text::read_json(path)?;
    let blob = parse_blob(path, &text)?;
    let names = blob
        .artifacts()
        .map(|artifact| {
            artifacts::file_name(&artifact.tag().to_string())
                .map_err(|reason| Refusal::file(path, reason))
        })
        .collect::<Outcome<Vec<_>>>()?;

    let transfer_file = CertificateFile::read(&args.sd_exchange_key)?;
    let transfer = transfer_file.parse()?;
    blob.check_certificate(&transfer)
        .map_err(|error| Refusal::file(path, error))?;
    let public = transfer.public_key();
    let public = [public.modulus(), public.exponent()];
    let key_text = text::read(&args.transfer_key)?;
    let mut key = key::read(
        &args.transfer_key,
        &key_text,
        None,
        &[&args.sd_exchange_key],
        &[public],
    )?;

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

/// Reads a restore blob.
pub fn parse_blob<'t>(path: &Path, text: &'t [u8]) -> Outcome<RestoreBlob<'t>> {
    RestoreBlob::parse(text)
        .map_err(|error| kind::refusal(path, text, &FileKind::RestoreBlob, error))
}
