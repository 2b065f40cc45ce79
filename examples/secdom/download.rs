// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom download`: plays the HSM that hands out its security domain.

#[cfg(unix)]
use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use getrandom::SysRng;
use security_domain::managed_hsm::{Tag, domain_file};
use security_domain::quorum::Threshold;
use security_domain::x509::Certificate;

use crate::certificate::CertificateFile;
use crate::output::{self, Access};
use crate::progress::Progress;
use crate::report::{Outcome, Refusal, Report};
use crate::{input, show};

const EXAMPLE: &str = "Example:
  secdom download --sd-wrapping-keys A.cer B.cer C.cer --sd-quorum 2 \\
      --artifact hsm_backup=hsm_backup.bin --security-domain-file domain.json";

/// Play the HSM: seal artifacts to 3 to 10 custodians, as Managed HSM's download does
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The custodians' certificates, PEM or DER
    #[arg(long, required = true, num_args = 1.., value_name = "CER")]
    sd_wrapping_keys: Vec<PathBuf>,
    /// How many custodians it takes to open the file, from 2 to as many as there are
    #[arg(long, value_name = "M")]
    sd_quorum: u64,
    /// What is sealed, each under its tag; the tag ends at the first equals sign
    #[arg(long, required = true, num_args = 1.., value_name = "TAG=FILE",
        value_parser = OsStringValueParser::new().try_map(artifact_arg))]
    artifact: Vec<(String, PathBuf)>,
    /// The file to write
    #[arg(long, value_name = "OUT")]
    security_domain_file: PathBuf,
}

pub fn run(args: Args) -> Outcome<Report> {
    let out = &args.security_domain_file;
    output::must_be_free(out)?;
    let threshold = u8::try_from(args.sd_quorum)
        .ok()
        .and_then(|number| Threshold::new(number).ok());
    let threshold = threshold
        .filter(|threshold| usize::from(threshold.get()) <= args.sd_wrapping_keys.len())
        .ok_or_else(|| {
            let custodians = show::count(args.sd_wrapping_keys.len(), "custodian");
            Refusal::new(format!(
                "--sd-quorum: {} of {custodians} cannot be a quorum",
                args.sd_quorum
            ))
        })?;

    let files = CertificateFile::read_all(&args.sd_wrapping_keys)?;
    let certificates = files
        .iter()
        .map(CertificateFile::parse)
        .collect::<Outcome<Vec<_>>>()?;
    for (index, certificate) in certificates.iter().enumerate() {
        let same = |other: &Certificate<'_>| other.public_key() == certificate.public_key();
        if let Some(earlier) = certificates[..index].iter().position(same) {
            let earlier = show::path(&files[earlier].path);
            return Err(Refusal::file(
                &files[index].path,
                format!("holds the same key as {earlier}"),
            ));
        }
    }

    let mut contents = Vec::new();
    for (_, file) in &args.artifact {
        contents.push(input::read(file)?);
    }
    let mut artifacts: Vec<(Tag<'_>, &[u8])> = Vec::new();
    for ((name, _), bytes) in args.artifact.iter().zip(&contents) {
        let refuse =
            |reason: String| Refusal::new(format!("--artifact {}: {reason}", show::text(name)));
        let tag = Tag::new(name).map_err(|error| refuse(error.to_string()))?;
        if artifacts.iter().any(|(earlier, _)| *earlier == tag) {
            return Err(refuse("given twice".into()));
        }
        artifacts.push((tag, bytes));
    }

    let length = domain_file::encoded_len(&artifacts, threshold, &certificates);
    if length > input::LIMIT {
        return Err(Refusal::file(
            out,
            "would be larger than the 64 MiB that are read back",
        ));
    }
    let mut text = vec![0; length];
    let progress = Progress::show("sealing");
    let length = domain_file::write(&artifacts, threshold, &certificates, &mut SysRng, &mut text)
        .map_err(|error| Refusal::file(out, error))?;
    text.truncate(length);
    drop(progress);
    let output = output::publish_file(out, Access::Owner, &text)?;
    Ok(Report::written(
        [output],
        format!(
            "{}: {} of {} custodians open it; {}; SHA-256 {}\n",
            show::path(out),
            args.sd_quorum,
            certificates.len(),
            show::count(artifacts.len(), "artifact"),
            show::sha256(&text),
        ),
    ))
}

/// `TAG=FILE`; the file's name may be any that the system allows.
fn artifact_arg(argument: OsString) -> Result<(String, PathBuf), &'static str> {
    const EXPECTED: &str = "expected TAG=FILE, the tag in UTF-8";
    #[cfg(unix)]
    let (tag, file) = {
        use std::os::unix::ffi::OsStrExt;
        let bytes = argument.as_bytes();
        let end = bytes
            .iter()
            .position(|&byte| byte == b'=')
            .ok_or(EXPECTED)?;
        (
            str::from_utf8(&bytes[..end]).map_err(|_| EXPECTED)?,
            OsStr::from_bytes(&bytes[end + 1..]),
        )
    };
    #[cfg(not(unix))]
    let (tag, file) = argument
        .to_str()
        .and_then(|text| text.split_once('='))
        .ok_or(EXPECTED)?;
    if file.is_empty() {
        return Err(EXPECTED);
    }
    Ok((tag.into(), file.into()))
}
