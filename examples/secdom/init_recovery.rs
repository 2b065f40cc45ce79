// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom init-recovery`: simulates the HSM that is to be restored, and makes its transfer key.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use getrandom::SysRng;
use security_domain::rsa::{ModulusSize, PrivateKey};
use security_domain::x509::{self, SelfSigned};
use zeroize::Zeroizing;

use serde_json::json;

use crate::certificate::{CertificateFile, Holder};
use crate::output::{self, Access, Pending};
use crate::progress::Progress;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{clock, key, pem, show, text};

const EXAMPLE: &str = "Example:
  secdom init-recovery --sd-exchange-key transfer.pem \\
      --transfer-key transfer.key

If it is interrupted, run it again: it finishes, or writes the certificate out of the key's file once more.";

const YEAR: i64 = 365 * 86_400;

const NAME: &str = "transfer-key";

/// Simulate the HSM: make a transfer key and its self-signed certificate for the custodians
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The certificate to write, PEM
    #[arg(long, value_name = "OUT.pem")]
    sd_exchange_key: PathBuf,
    /// The private key to write, unencrypted PKCS#8 in PEM, with its certificate; readable only by its owner
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
    let size = match args.bits {
        Bits::Rsa2048 => ModulusSize::Rsa2048,
        Bits::Rsa3072 => ModulusSize::Rsa3072,
        Bits::Rsa4096 => ModulusSize::Rsa4096,
    };
    // This command was interrupted before, or the certificate is wanted once more.
    let (key_pending, certificate_der) = match interrupted(key_file, size) {
        Some(der) => (None, der),
        None => {
            output::must_be_free(key_file)?;
            let (pending, der) = make(key_file, certificate_file, size)?;
            (Some(pending), der)
        }
    };
    let certificate_pem = pem::encode("CERTIFICATE", &certificate_der);
    let certificate_pending = output::file(certificate_file, Access::Everyone, &certificate_pem)?;
    let outputs = match key_pending {
        // The key is first: its file holds the certificate, too.
        Some(key_pending) => output::publish_both(key_pending, certificate_pending)?.into(),
        None => vec![certificate_pending.publish()?],
    };

    let certificate = x509::Certificate::parse(&certificate_der)
        .map_err(|error| Refusal::file(certificate_file, error))?;
    let (file, bits) = (show::path(certificate_file), size.bits());
    let thumbprint = certificate.thumbprint();
    let until = clock::rfc3339(certificate.not_after());
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

/// Makes a key and its certificate. Returns the file with both, to be published, and the certificate in DER.
fn make(
    key_file: &Path,
    certificate_file: &Path,
    size: ModulusSize,
) -> Outcome<(Pending, Vec<u8>)> {
    let progress = Progress::show("generating an RSA key");
    let key = PrivateKey::generate_with_progress(size, &mut SysRng, &mut |_| progress.tick())
        .map_err(|error| Refusal::file(key_file, error))?;
    drop(progress);
    let now = clock::now();
    let form = SelfSigned {
        common_name: NAME,
        serial: NonZeroU64::MIN,
        not_before: now,
        not_after: now + YEAR,
    };
    let mut certificate = vec![0; x509::SELF_SIGNED_MAX_LEN];
    let length = x509::write_self_signed(&key, &form, &mut SysRng, &mut certificate)
        .map_err(|error| Refusal::file(certificate_file, error))?;
    certificate.truncate(length);
    let mut der = Zeroizing::new([0; PrivateKey::PKCS8_MAX_LEN]);
    let length = key
        .to_pkcs8_der(&mut *der)
        .map_err(|error| Refusal::file(key_file, error))?;
    let mut stream = output::stream(key_file, Access::Owner)?;
    stream.write(&pem::encode("PRIVATE KEY", &der[..length]))?;
    stream.write(&pem::encode("CERTIFICATE", &certificate))?;
    Ok((stream.finish()?, certificate))
}

/// Returns the certificate, in DER, in a key file that this verb has written.
fn interrupted(key_file: &Path, size: ModulusSize) -> Option<Vec<u8>> {
    let text = text::read(key_file).ok()?;
    let mut certificates = CertificateFile::find(key_file, &text, None).ok()?;
    let mut keys = key::unencrypted(key_file, &text).ok()?;
    let (file, key) = (certificates.pop()?, keys.pop()??);
    if !(certificates.is_empty() && keys.is_empty()) {
        return None;
    }
    let certificate = file.parse().ok()?;
    let public = certificate.public_key();
    let is_ours = key.public() == Some([public.modulus(), public.exponent()])
        && public.size() == size
        && Holder::of(&certificate).subject == format!("CN={NAME}");
    is_ours.then(|| file.der().to_vec())
}
