// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom init-recovery`: simulates the HSM that is to be restored, and makes its transfer key.

use std::num::NonZeroU64;
use std::path::PathBuf;

use getrandom::SysRng;
use security_domain::rsa::{ModulusSize, PrivateKey};
use security_domain::x509::{self, Certificate, SelfSigned};
use zeroize::Zeroizing;

use serde_json::json;

use crate::output::{self, Access};
use crate::progress::Progress;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{clock, pem, show};

const EXAMPLE: &str = "Example:
  secdom init-recovery --sd-exchange-key transfer.pem \\
      --transfer-key transfer.key";

const YEAR: i64 = 365 * 86_400;

/// Simulate the HSM: make a transfer key and its self-signed certificate for the custodians
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The certificate to write, PEM
    #[arg(long, value_name = "OUT.pem")]
    sd_exchange_key: PathBuf,
    /// The private key to write, unencrypted PKCS#8 in PEM, readable only by its owner
    #[arg(long, value_name = "OUT.key")]
    transfer_key: PathBuf,
    #[command(flatten)]
    json: JsonArg,
    /// The size of the key in bits
    #[arg(long, default_value = "4096")]
    bits: Bits,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Bits {
    #[value(name = "2048")]
    Rsa2048,
    #[value(name = "3072")]
    Rsa3072,
    #[value(name = "4096")]
    Rsa4096,
}

pub fn run(args: Args) -> Outcome<Report> {
    let (certificate_file, key_file) = (&args.sd_exchange_key, &args.transfer_key);
    output::must_be_free(certificate_file)?;
    output::must_be_free(key_file)?;
    let size = match args.bits {
        Bits::Rsa2048 => ModulusSize::Rsa2048,
        Bits::Rsa3072 => ModulusSize::Rsa3072,
        Bits::Rsa4096 => ModulusSize::Rsa4096,
    };

    let progress = Progress::show("generating an RSA key");
    let key = PrivateKey::generate_with_progress(size, &mut SysRng, &mut |_| progress.tick())
        .map_err(|error| Refusal::file(key_file, error))?;
    drop(progress);
    let now = clock::now();
    let form = SelfSigned {
        common_name: "transfer-key",
        serial: NonZeroU64::MIN,
        not_before: now,
        not_after: now + YEAR,
    };
    let mut der = [0; x509::SELF_SIGNED_MAX_LEN];
    let length = x509::write_self_signed(&key, &form, &mut SysRng, &mut der)
        .map_err(|error| Refusal::file(certificate_file, error))?;
    let certificate_pem = pem::encode("CERTIFICATE", &der[..length]);
    let thumbprint = Certificate::parse(&der[..length])
        .map_err(|error| Refusal::file(certificate_file, error))?
        .thumbprint();
    let mut der = Zeroizing::new([0; PrivateKey::PKCS8_MAX_LEN]);
    let length = key
        .to_pkcs8_der(&mut *der)
        .map_err(|error| Refusal::file(key_file, error))?;
    let key_pem = pem::encode("PRIVATE KEY", &der[..length]);

    let key_pending = output::file(key_file, Access::Owner, &key_pem)?;
    let certificate_pending = output::file(certificate_file, Access::Everyone, &certificate_pem)?;
    let outputs = output::publish_both(key_pending, certificate_pending)?;
    let (file, until) = (show::path(certificate_file), clock::rfc3339(form.not_after));
    let bits = size.bits();
    let text = format!(
        "{file}: transfer key of {bits} bits, thumbprint {thumbprint}, valid until {until}\n"
    );
    let object = json!({
        "file": file,
        "key_bits": bits,
        "thumbprint": thumbprint.to_string(),
        "not_after": until,
    });
    Ok(Report::written(outputs, args.json.either(text, &object)))
}
