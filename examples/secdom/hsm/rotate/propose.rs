// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom rotate propose`: writes the pending file of the next quorum, and the request to the present
//! one.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use security_domain::contribution::Request;
use security_domain::custodian::Recipient;
use security_domain::custodian_key::CustodianKey;
use security_domain::lifecycle::{
    Activation, Active, AnyDomain, Domain, Proofs, Proposed, Rotating,
};
use security_domain::sealed_domain::{
    DomainLabel, ModuleFloor, ModuleName, ModuleVersion, SealedDomain,
};
use serde_json::json;

use crate::hsm::device::{Device, MODULE};
use crate::hsm::recover::parse;
use crate::hsm::{HsmArg, ROOM, not_in_state, vault};
use crate::keygen::Kind;
use crate::output::{self, Access};
use crate::progress::Progress;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{custodians, input, inspect, recipients};

const EXAMPLE: &str = "Example:
  secdom rotate propose --hsm hsm-1 --custodians D.cer E.cer F.cer --quorum 2 \\
      --sealed pending.sealed --request request

It prints the request's digest. Tell it to the present custodians over a separate channel: each answers with contribute, the \
present file and his key, and thereby consents to these keys and this quorum. Give the pending file to the next custodians. Nobody can \
open it yet.

A rotation does not take anything back: an old file and its old quorum still open the old file. If shares are in wrong \
hands, make a new domain.";

/// Propose another quorum: write its pending file, which nobody can open, and the request that the
/// present custodians answer
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    /// The next custodians' certificates or public keys, PEM or DER, of any kinds; CER+PUB for a
    /// custodian who needs two
    #[arg(long, required = true, num_args = 1.., value_name = "CER")]
    custodians: Vec<PathBuf>,
    /// How many of them are needed to open the file, from 2 to all of them
    #[arg(long, value_name = "M")]
    quorum: u64,
    /// The pending file to write
    #[arg(long, value_name = "PENDING")]
    sealed: PathBuf,
    /// The request to write
    #[arg(long, value_name = "OUT")]
    request: PathBuf,
    #[command(flatten)]
    json: JsonArg,
    /// Require proofs from a quorum of the next custodians only; by default, from all of them
    #[arg(long)]
    quorum_proves: bool,
    /// After how many seconds the proposal expires; by default, never
    #[arg(long, value_name = "SECONDS")]
    expires: Option<NonZeroU64>,
    /// The kind of the request's key, as strong as the key of every present custodian
    #[arg(long, value_name = "KIND")]
    transfer_kind: Option<Kind>,
    /// The name of the domain, at most 64 bytes; by default, as before
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// The lowest module version of an HSM that can recover the domain; by default, as before
    #[arg(long, value_name = "N")]
    min_module_version: Option<u32>,
    /// After how many seconds the next quorum can be changed without its consent; 0 for never; by default, as
    /// before
    #[arg(long, value_name = "SECONDS")]
    break_glass: Option<u32>,
}

pub fn run(args: Args) -> Outcome<Report> {
    output::must_be_free(&args.sealed)?;
    output::must_be_free(&args.request)?;
    let listed = ("--custodians", args.custodians.len());
    let threshold = custodians::threshold("--quorum", args.quorum, listed)?;
    let (keys, shown) = recipients::read(&args.custodians)?;
    let kept_keys = recipients::in_json(&args.custodians)?;

    let mut device = Device::open(&args.at.hsm)?;
    device.transfer_kind = args.transfer_kind.map(Kind::algorithm);
    let mut vault = vault();
    let domain = match device.start(&mut vault)? {
        AnyDomain::Active(domain) => domain,
        other => return Err(not_in_state(&device, &other, "active")),
    };
    let path = device.sealed_path();
    let bytes = input::read(&path)?;
    let current = parse(&path, &bytes)?;
    let header = current.header();
    let (label, delay) = (header.label(), header.break_glass());
    let minimum = header.module_floor().minimum;
    let activation = Activation {
        custodians: &keys,
        threshold,
        label: match &args.label {
            Some(label) => DomainLabel::new(label)
                .map_err(|error| Refusal::new(format!("--label: {error}")))?,
            None => label,
        },
        floor: ModuleFloor {
            module: ModuleName::new(MODULE)
                .map_err(|error| Refusal::new(format!("{MODULE}: {error}")))?,
            minimum: args.min_module_version.map_or(minimum, ModuleVersion::new),
        },
        break_glass: match args.break_glass {
            Some(delay) => NonZeroU32::new(delay),
            None => delay,
        },
    };
    let (domain, pending, request) = propose(domain, &current, &activation, &args, &mut device)?;
    let outputs = (|| {
        device.keep_pending(&parse(&args.sealed, &pending)?)?;
        device.keep_next(&kept_keys)?;
        let file = output::file(&args.sealed, Access::Owner, &pending)?;
        output::publish_both(
            file,
            output::file(&args.request, Access::Everyone, &request)?,
        )
    })();
    let outputs = match outputs {
        Ok(outputs) => outputs,
        Err(refusal) => {
            // Without both files nobody can answer.
            let abandoned = domain.abandon(&mut device);
            abandoned.map_err(|refused| device.refusal(refused))?;
            device.forget_rotation();
            return Err(refusal);
        }
    };
    let rotation = domain.rotation().ok_or_else(|| super::over(&device))?;
    let kinds = keys.iter().map(Recipient::algorithm);
    let kinds = inspect::about_kinds(threshold.get(), kinds);
    let sealed_to = inspect::sealed_to(threshold, &shown, kinds);
    let digest = rotation.request.map(|digest| digest.to_string());
    let text = format!(
        "request-digest {}\nnext-epoch {}\nnext-header {}\n{sealed_to}",
        digest.as_deref().unwrap_or_default(),
        rotation.epoch,
        rotation.header
    );
    let object = json!({
        "request_digest": digest,
        "epoch": rotation.epoch.get(),
        "header_digest": rotation.header.to_string(),
        "custodians": keys.iter().map(|key| key.id().to_string()).collect::<Vec<_>>(),
    });
    Ok(Report {
        // They stay even if the report cannot be printed: the HSM waits for their answers.
        outputs: Vec::new(),
        ..Report::written(outputs, args.json.either(text, &object))
    })
}

/// Proposes, and returns the pending file and the request.
fn propose<'v>(
    domain: Domain<'v, Active, ROOM>,
    current: &SealedDomain<'_>,
    activation: &Activation<'_, CustodianKey>,
    args: &Args,
    device: &mut Device,
) -> Outcome<(Domain<'v, Rotating, ROOM>, Vec<u8>, Vec<u8>)> {
    let needed = domain.sealed_len(activation);
    // The digest of the header before takes no room in a first file.
    let needed = needed.map_err(|error| Refusal::file(&args.sealed, error))?;
    let (mut pending, mut request) = (vec![0; needed + 64], vec![0; Request::MAX_LEN]);
    let proofs = match args.quorum_proves {
        true => Proofs::Threshold,
        false => Proofs::All,
    };
    let progress = Progress::show("sealing to the next quorum");
    let out = (&mut pending[..], &mut request[..]);
    let proposed = domain.propose(current, activation, proofs, args.expires, device, out);
    let (domain, written) = proposed.map_err(|refused| device.refusal(refused))?;
    drop(progress);
    let Proposed {
        pending: file,
        request: asked,
        ..
    } = written;
    pending.truncate(file);
    request.truncate(asked);
    Ok((domain, pending, request))
}
