// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm activate`: seals the domain to its custodians.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use security_domain::custodian::Recipient;
use security_domain::custodian_key::CustodianKey;
use security_domain::lifecycle::{Activation, Active, AnyDomain, Domain, LifecycleError, Sealable};
use security_domain::sealed_domain::{
    DomainLabel, ModuleFloor, ModuleName, ModuleVersion, SealedDomain,
};

use super::device::{Device, MODULE};
use super::recover::parse;
use super::{HsmArg, ROOM, not_in_state, vault};
use serde_json::json;

use crate::output::{self, Access};
use crate::progress::Progress;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{custodians, input, inspect, recipients};

const EXAMPLE: &str = "Example:
  secdom hsm activate --hsm hsm-1 --custodians A.cer B.cer C.cer --quorum 2 \\
      --sealed domain.sealed

If it is interrupted, run it again: it finishes, or writes the file of the HSM that is active once more.

It prints the domain's id and the digest of its header. Note both, apart from the file: anyone can make \
another domain for the same custodians, and the id distinguishes them.";

/// Seal the HSM's domain to 3 to 10 custodians, and activate the HSM
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    /// The custodians' certificates or public keys, PEM or DER, of any kinds; CER+PUB for a
    /// custodian who needs two, an RSA key and one of X-Wing, MLKEM1024-P384 or ML-KEM-1024
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
    /// The lowest module version of an HSM that can recover the domain; that of this tool's HSM is 1
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    min_module_version: u32,
    /// After how many seconds the quorum can be changed without its consent, unless a custodian vetoes it;
    /// by default, never
    #[arg(long, value_name = "SECONDS")]
    break_glass: Option<NonZeroU32>,
}

/// The states of an HSM whose domain is not sealed to custodians.
const UNSEALED: &str = "provisioned, or active by an import";

pub fn run(args: Args) -> Outcome<Report> {
    let out = &args.sealed;
    output::must_be_free(out)?;
    let listed = ("--custodians", args.custodians.len());
    let threshold = custodians::threshold("--quorum", args.quorum, listed)?;
    let (keys, shown) = recipients::read(&args.custodians)?;
    let activation = Activation {
        custodians: &keys,
        threshold,
        label: DomainLabel::new(&args.label)
            .map_err(|error| Refusal::new(format!("--label: {error}")))?,
        floor: ModuleFloor {
            module: ModuleName::new(MODULE)
                .map_err(|error| Refusal::new(format!("{MODULE}: {error}")))?,
            minimum: ModuleVersion::new(args.min_module_version),
        },
        break_glass: args.break_glass,
    };

    let mut device = Device::open(&args.at.hsm)?;
    let mut vault = vault();
    let start = device.start(&mut vault)?;
    let mut stream = output::stream(out, Access::Owner)?;
    let domain = match start {
        AnyDomain::Provisioned(domain) => seal(domain, &activation, out, &mut device)?,
        AnyDomain::Active(domain) if domain.status().header.is_none() => {
            seal(domain, &activation, out, &mut device)?
        }
        // This command was interrupted before, or the file is wanted once more.
        AnyDomain::Active(domain) => domain,
        other => return Err(not_in_state(&device, &other, UNSEALED)),
    };
    let kept = device.sealed_path();
    let stored = input::read(&kept)?;
    let stored = parse(&kept, &stored)?;
    must_be_sealed_to(&stored, &activation, &device)?;
    let file = domain.complete(&stored, &mut device);
    let file = file.map_err(|error| device.refusal(error))?.concat();
    let sealed = parse(&kept, &file)?;
    let written = (|| {
        // Where it cannot be kept, the pending file is completed again another time.
        if stored.is_pending() && domain.status().takes_writes {
            device.keep_sealed(&sealed)?;
        }
        stream.write(&file)?;
        stream.finish()?.publish()
    })();
    written.map_err(|refusal| {
        Refusal::new(format!(
            "{refusal}; the HSM is active: run the same command again for its file"
        ))
    })?;
    let header = sealed.header();
    let kinds = keys.iter().map(Recipient::algorithm);
    let kinds = inspect::about_kinds(threshold.get(), kinds);
    let sealed_to = inspect::sealed_to(threshold, &shown, kinds);
    let (id, digest) = (header.domain_id().to_string(), header.digest().to_string());
    let text = format!("domain-id {id}\nheader-digest {digest}\n{sealed_to}");
    let custodians: Vec<_> = { header.custodians() }
        .map(|custodian| custodian.id.to_string())
        .collect();
    let object = json!({ "domain_id": id, "header_digest": digest, "custodians": custodians });
    Ok(Report::text(args.json.either(text, &object)))
}

/// Seals the domain to a file that is stored beside the HSM, and then activates the HSM. Nobody can open
/// that file before the HSM completes it, so the process may be killed at any time.
fn seal<'v, S: Sealable>(
    domain: Domain<'v, S, ROOM>,
    activation: &Activation<'_, CustodianKey>,
    out: &Path,
    device: &mut Device,
) -> Outcome<Domain<'v, Active, ROOM>> {
    let needed = domain.sealed_len(activation);
    let mut file = vec![0; needed.map_err(|error| Refusal::file(out, error))?];
    let progress = Progress::show("sealing");
    let sealed = domain.seal(activation, device, &mut file);
    let (domain, length) = sealed.map_err(|refused| device.refusal(refused))?;
    drop(progress);
    device.keep_sealed(&parse(out, &file[..length])?)?;
    let kept = device.sealed_path();
    let stored = input::read(&kept)?;
    let activated = domain.activate(&parse(&kept, &stored)?, device);
    activated.map_err(|refused| device.refusal(refused))
}

/// Refuses if the HSM is sealed to others, or in another way, than this command says.
fn must_be_sealed_to(
    stored: &SealedDomain<'_>,
    activation: &Activation<'_, CustodianKey>,
    device: &Device,
) -> Outcome<()> {
    let header = stored.header();
    let custodians = header.custodians().map(|custodian| custodian.id);
    let is_same = custodians.eq(activation.custodians.iter().map(Recipient::id))
        && header.quorum().threshold() == activation.threshold
        && header.label().as_str() == activation.label.as_str()
        && header.break_glass() == activation.break_glass;
    match is_same {
        true => Ok(()),
        false => Err(Refusal::file(
            device.folder(),
            LifecycleError::AlreadySealed,
        )),
    }
}
