// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom download`: simulates the HSM that hands out its security domain.

use std::path::PathBuf;

use getrandom::SysRng;
use security_domain::managed_hsm::{Tag, domain_file};

use serde_json::json;

use crate::certificate::{self, CertificateFile, Holder};
use crate::inspect::Custodian;
use crate::output::{Access, Content, Target};
use crate::progress::Progress;
use crate::report::{JsonArg, Outcome, Report};
use crate::{artifacts, custodians, input, inspect, show};

const EXAMPLE: &str = "Example:
  secdom download --sd-wrapping-keys A.cer B.cer C.cer --sd-quorum 2 \\
      --artifact hsm_backup=hsm_backup.bin --security-domain-file domain.json";

/// Simulate the HSM: seal artifacts to 3 to 10 custodians, as Managed HSM's download does
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The custodians' certificates, PEM or DER
    #[arg(long, required = true, num_args = 1.., value_name = "CER")]
    sd_wrapping_keys: Vec<PathBuf>,
    /// How many custodians are needed to open the file, from 2 to all of them
    #[arg(long, value_name = "M")]
    sd_quorum: u64,
    /// An artifact to seal, under its tag; the tag ends at the first equals sign
    #[arg(long, required = true, num_args = 1.., value_name = "TAG=FILE",
        value_parser = artifacts::parser())]
    artifact: Vec<(String, PathBuf)>,
    #[command(flatten)]
    json: JsonArg,
    /// The file to write; - writes to standard output
    #[arg(long, value_name = "OUT")]
    security_domain_file: PathBuf,
}

pub fn run(args: Args) -> Outcome<Report> {
    let out = Target::new(&args.security_domain_file, Content::Text, &args.json)?;
    let listed = ("--sd-wrapping-keys", args.sd_wrapping_keys.len());
    let threshold = custodians::threshold("--sd-quorum", args.sd_quorum, listed)?;
    let files = CertificateFile::read_all(&args.sd_wrapping_keys)?;
    let certificates = certificate::with_distinct_keys(&files)?;

    let mut contents = Vec::new();
    for (_, file) in &args.artifact {
        contents.push(input::read(file)?);
    }
    let mut tagged: Vec<(Tag<'_>, &[u8])> = Vec::new();
    for ((name, _), bytes) in args.artifact.iter().zip(&contents) {
        let tag = Tag::new(name).map_err(|error| artifacts::refuse(name, error))?;
        if tagged.iter().any(|(earlier, _)| *earlier == tag) {
            return Err(artifacts::refuse(name, "given twice"));
        }
        tagged.push((tag, bytes));
    }

    let length = domain_file::encoded_len(&tagged, threshold, &certificates);
    if length > input::LIMIT {
        return Err(out.refusal("would be larger than 64 MiB, the limit for reading it back"));
    }
    let mut text = vec![0; length];
    let progress = Progress::show("sealing");
    let length = domain_file::write(&tagged, threshold, &certificates, &mut SysRng, &mut text)
        .map_err(|error| out.refusal(error))?;
    text.truncate(length);
    drop(progress);
    let output = out.write(Access::Owner, &text)?;
    let report = format!(
        "{}: {} of {} custodians open it; {}; SHA-256 {}\n",
        out.shown(),
        args.sd_quorum,
        certificates.len(),
        show::count(tagged.len(), "artifact"),
        show::sha256(&text),
    );
    let holders = certificates.iter().map(Holder::of);
    let custodians =
        { files.iter().zip(holders) }.map(|(file, holder)| Custodian::of(file, holder));
    let custodians: Vec<_> = custodians.collect();
    let sealed_to = inspect::sealed_to(threshold, &custodians, None);
    let object = json!({
        "file": out.shown(),
        "required": args.sd_quorum,
        "custodians": certificates.iter().map(|c| c.thumbprint().to_string()).collect::<Vec<_>>(),
        "sha256": show::sha256(&text),
    });
    let report = args.json.either(report + &sealed_to, &object);
    Ok(Report::about(output, report))
}
