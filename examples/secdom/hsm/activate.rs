// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm activate`: seals the domain to its custodians.

use std::path::PathBuf;

use security_domain::lifecycle::{Activation, AnyDomain, LifecycleError};
use security_domain::rsa::PublicKey;
use security_domain::sealed_domain::{DomainLabel, SealedDomain};

use super::device::Device;
use super::{HsmArg, not_in_state, vault};
use serde_json::json;

use crate::certificate::{self, CertificateFile};
use crate::output::{self, Access};
use crate::progress::Progress;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{custodians, inspect, show};

const EXAMPLE: &str = "Example:
  secdom hsm activate --hsm hsm-1 --custodians A.cer B.cer C.cer --quorum 2 \\
      --sealed domain.sealed

It prints the domain's id and the digest of its header. Note both, apart from the file: anyone can make \
another domain for the same custodians, and the id distinguishes them.";

/// Seal the HSM's domain to 3 to 10 custodians, and activate the HSM
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    /// The custodians' certificates, PEM or DER
    #[arg(long, required = true, num_args = 1.., value_name = "CER")]
    custodians: Vec<PathBuf>,
    /// How many custodians are needed to open the file, from 2 to all of them
    #[arg(long, value_name = "M")]
    quorum: u64,
    /// The sealed domain to write
    #[arg(long, value_name = "OUT")]
    sealed: PathBuf,
    #[command(flatten)]
    json: JsonArg,
    /// The name of the domain, at most 64 bytes
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    label: String,
}

/// The states of an HSM whose domain is not sealed to custodians.
const UNSEALED: &str = "provisioned, or active by an import";

pub fn run(args: Args) -> Outcome<Report> {
    let out = &args.sealed;
    output::must_be_free(out)?;
    let listed = ("--custodians", args.custodians.len());
    let threshold = custodians::threshold("--quorum", args.quorum, listed)?;
    let files = CertificateFile::read_all(&args.custodians)?;
    let certificates = certificate::with_distinct_keys(&files)?;
    let keys: Vec<PublicKey> = certificates
        .iter()
        .map(|certificate| certificate.public_key().clone())
        .collect();
    let activation = Activation {
        custodians: &keys,
        threshold,
        label: DomainLabel::new(&args.label)
            .map_err(|error| Refusal::new(format!("--label: {error}")))?,
    };

    let mut device = Device::open(&args.at.hsm)?;
    let mut vault = vault();
    let domain = device.start(&mut vault)?;
    let needed = match &domain {
        AnyDomain::Provisioned(domain) => domain.sealed_len(&activation),
        AnyDomain::Active(domain) => domain.sealed_len(&activation),
        other => {
            return Err(not_in_state(&device, other, UNSEALED));
        }
    };
    let mut file = vec![0; needed.map_err(|error| Refusal::file(out, error))?];
    let mut stream = output::stream(out, Access::Owner)?;
    let progress = Progress::show("sealing");
    let sealed = match domain {
        AnyDomain::Active(mut domain) => domain.seal(&activation, &mut device, &mut file),
        AnyDomain::Provisioned(domain) => domain
            .activate(&activation, &mut device, &mut file)
            .map(|(_, length)| length)
            .map_err(LifecycleError::from),
        other => return Err(not_in_state(&device, &other, UNSEALED)),
    };
    let length = sealed.map_err(|error| device.refusal(error))?;
    drop(progress);
    file.truncate(length);
    let sealed = SealedDomain::parse(&file).map_err(|error| Refusal::file(out, error))?;

    // From here on the HSM is active, and there is no second download. So the file is kept beside
    // the HSM first.
    device.keep_sealed(&sealed)?;
    let written = stream
        .write(&file)
        .and_then(|()| stream.finish()?.publish());
    written.map_err(|refusal| {
        let kept = show::path(&device.sealed_path());
        Refusal::new(format!(
            "{refusal}; the HSM is active, and the file is kept as {kept}"
        ))
    })?;
    let header = sealed.header();
    let sealed_to = inspect::sealed_to(threshold, &files, &certificates);
    let (id, digest) = (header.domain_id().to_string(), header.digest().to_string());
    let text = format!("domain-id {id}\nheader-digest {digest}\n{sealed_to}");
    let custodians: Vec<_> = { header.custodians() }
        .map(|custodian| custodian.id.to_string())
        .collect();
    let object = json!({ "domain_id": id, "header_digest": digest, "custodians": custodians });
    Ok(Report::text(args.json.either(text, &object)))
}
