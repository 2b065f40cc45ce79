// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom restore-blob`: a quorum of custodians seals a domain again, to another HSM's transfer
//! key.

use std::path::{Path, PathBuf};

use getrandom::SysRng;
use security_domain::managed_hsm::restore_blob;
use serde_json::json;

use crate::certificate::CertificateFile;
use crate::custodians::{self, KeyArgs, Present, Unusable, Whom};
use crate::domain::{self, Domain, File, FormatArgs};
use crate::output::{Access, Content, Target};
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::transfer::{self, TransferArgs};
use crate::{show, split, text};

const EXAMPLE: &str = "Example:
  secdom restore-blob --sd-file domain.json --sd-exchange-key transfer.pem \\
      --sd-wrapping-keys A.key B.key --sd-file-restore-blob restore.json";

/// Restore a domain: a quorum of custodians seals it again to an HSM's transfer key, offline
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The security-domain file
    #[arg(long, value_name = "FILE")]
    sd_file: PathBuf,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    to: TransferArgs,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    json: JsonArg,
    /// The file to write; - writes to standard output
    #[arg(long, value_name = "OUT")]
    sd_file_restore_blob: PathBuf,
}

pub fn run(args: Args) -> Outcome<Report> {
    let path = &args.sd_file;
    let out = Target::new(&args.sd_file_restore_blob, Content::Text, &args.json)?;
    let text = text::read_json(path)?;
    let Domain {
        mut file,
        passed_over,
    } = domain::read(path, &text, &args.format)?;
    let transfer_file = args.to.read()?;
    let transfer = transfer_file.parse()?;
    args.to.must_be_expected(&transfer)?;
    if file.custodians().contains(&transfer.thumbprint()) {
        return Err(of_custodian(&transfer_file, path));
    }

    let required = usize::from(file.required());
    let Present {
        mut custodians,
        mut left_out,
    } = custodians::read(
        args.keys,
        path,
        &mut file,
        required,
        Unusable::LeftOut,
        Whom::Listed,
    )?;
    let public = transfer.public_key();
    let public = [public.modulus(), public.exponent()];
    if { custodians.iter() }.any(|custodian| custodian.key.public() == Some(public)) {
        return Err(of_custodian(&transfer_file, path));
    }
    let (combined, pair);
    let too = |refusal: Refusal| {
        let reasons = left_out.iter().cloned().chain([refusal.to_string()]);
        Refusal::new(reasons.collect::<Vec<_>>().join("; "))
    };
    let (key, wrong): (_, Vec<String>) = match &file {
        File::Shared(file) => {
            let (shares, mut wrong) =
                custodians::open_shares(&mut custodians, file).map_err(too)?;
            combined =
                custodians::combine(path, file, &custodians, &shares, &mut wrong).map_err(too)?;
            let wrong = wrong
                .iter()
                .map(|name| format!("the share of {name} is wrong"));
            (combined.master_key(), wrong.collect())
        }
        File::Split(file) => {
            let (key, wrong) = split::open(path, file, &mut custodians).map_err(too)?;
            pair = key;
            (&pair, wrong)
        }
    };

    left_out.extend(wrong);
    let mut blob = vec![0; restore_blob::encoded_len(&file, &transfer)];
    let length = restore_blob::write(&file, key, &transfer, &mut SysRng, &mut blob)
        .map_err(|error| out.refusal(error))?;
    blob.truncate(length);
    let output = out.write(Access::Owner, &blob)?;

    let text = format!(
        "{}: {} for transfer key {}; SHA-256 {}\n",
        out.shown(),
        show::count(file.artifacts().len(), "artifact"),
        transfer.thumbprint(),
        show::sha256(&blob),
    );
    let object = json!({
        "file": out.shown(),
        "artifacts": file.artifacts().len(),
        "transfer_key": transfer.thumbprint().to_string(),
        "sha256": show::sha256(&blob),
        "left_out": left_out,
    });
    let text = args.json.either(text, &object);
    let mut report = Report::about(output, text);
    report.notes.extend(
        { left_out.iter() }
            .map(|reason| format!("left out: {reason}"))
            .chain(custodians::notes(&file, &custodians))
            .chain(passed_over)
            .chain(transfer::with_key(&transfer_file)),
    );
    Ok(report)
}

/// The refusal of a transfer key of which a custodian has the private key: the custodian alone
/// would receive the domain.
fn of_custodian(transfer: &CertificateFile, domain: &Path) -> Refusal {
    let domain = show::path(domain);
    Refusal::file(
        &transfer.path,
        format!("is the certificate of a custodian of {domain}, not of an HSM to restore"),
    )
}
