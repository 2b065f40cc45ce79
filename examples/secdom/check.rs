// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom check`: whether a transfer key or a download request follows the format.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use security_domain::managed_hsm::MAX_CERTIFICATE_LEN;
use security_domain::managed_hsm::certificate_info::CertificateInfo;
use security_domain::managed_hsm::transfer_key::TransferKey;
use serde_json::{Value, json};

use crate::certificate::Holder;
use crate::kind::{self, FileKind};
use crate::report::{JsonArg, Outcome, Report};
use crate::{inspect, text};

const EXAMPLE: &str = "Example:
  secdom check transfer-key transfer_key.json";

/// Check a transfer key or a certificate info, the JSON documents exchanged with an HSM
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// What the file should be
    kind: Kind,
    /// The file to check; - reads standard input
    file: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    TransferKey,
    CertificateInfo,
}

pub fn run(args: &Args) -> Outcome<Report> {
    let text = text::read_json(&args.file)?;
    match args.kind {
        Kind::TransferKey => {
            let holder = transfer_key(&args.file, &text)?;
            let text = format!("transfer key  {holder}\n");
            let object = json!({ "transfer_key": inspect::in_json(&holder) });
            Ok(Report::text(args.json.either(text, &object)))
        }
        Kind::CertificateInfo => {
            let (required, holders) = certificate_info(&args.file, &text)?;
            let mut text = format!("quorum     {required} of {}\n", holders.len());
            for holder in &holders {
                let _ = writeln!(text, "custodian  {holder}");
            }
            let custodians: Value = holders.iter().map(inspect::in_json).collect();
            let object = json!({ "required": required, "custodians": custodians });
            Ok(Report::text(args.json.either(text, &object)))
        }
    }
}

/// Reads a transfer key, and returns the holder of its certificate.
pub fn transfer_key(path: &Path, text: &[u8]) -> Outcome<Holder> {
    let mut der = [0; MAX_CERTIFICATE_LEN];
    let key = TransferKey::parse(text, &mut der)
        .map_err(|error| kind::refusal(path, text, &FileKind::TransferKey, error))?;
    Ok(Holder::of(key.certificate()))
}

/// Reads a download request, and returns the number of required custodians and all custodians.
pub fn certificate_info(path: &Path, text: &[u8]) -> Outcome<(u8, Vec<Holder>)> {
    let refuse = |error| kind::refusal(path, text, &FileKind::CertificateInfo, error);
    let mut der = [0; MAX_CERTIFICATE_LEN];
    let info = CertificateInfo::parse(text, &mut der).map_err(refuse)?;
    let mut holders = Vec::new();
    for custodian in info.custodians() {
        holders.push(Holder::of(
            &info.certificate(&custodian, &mut der).map_err(refuse)?,
        ));
    }
    Ok((info.quorum().threshold().get(), holders))
}
