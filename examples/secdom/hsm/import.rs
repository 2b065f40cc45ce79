// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm import-begin`, `import`, `import-confirm`: a restore blob of Managed HSM brings its
//! domain into this HSM.

use std::fmt::Write;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use security_domain::hex;
use security_domain::lifecycle::{
    AnyDomain, ExpectedArtifact, LifecycleError, Stage, Status, Unconfirmed,
};
use security_domain::managed_hsm::restore_blob::RestoreBlob;
use security_domain::rsa::ModulusSize;
use security_domain::sealed_domain::{ArtifactTag, DomainId};
use security_domain::x509::SELF_SIGNED_MAX_LEN;

use super::device::Device;
use super::status::NOT_SEALED;
use super::{HsmArg, begun, empty, not_in_state, vault, without};
use serde_json::json;

use crate::output::{Access, Content, Published, Target};
use crate::progress::Progress;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::upload::parse_blob;
use crate::{pem, show, text};

const BEGIN_EXAMPLE: &str = "Example:
  secdom hsm import-begin --hsm hsm-2 --sd-exchange-key transfer.pem \\
      --expect-tag hsm_backup base_enclave_backup partition_enclave_backup";

const IMPORT_EXAMPLE: &str = "Example:
  secdom hsm import --hsm hsm-2 --sd-file restore.json

Anyone who has the transfer certificate can make a restore blob, so a blob does not prove a quorum. The \
imported domain waits for import-confirm.";

const CONFIRM_EXAMPLE: &str = "Example:
  secdom hsm import-confirm --hsm hsm-2 --expect-domain DOMAIN_ID \\
      --digest hsm_backup=SHA256 base_enclave_backup=SHA256 \\
          partition_enclave_backup=SHA256

The domain's id is the one that import and status show. Take the SHA-256 of each artifact from its \
source: the digests that this HSM computes are those of the blob, whoever made it.";

/// Begin to import a Managed HSM domain into a new HSM or an empty one: write a transfer certificate
#[derive(clap::Args)]
#[command(after_help = BEGIN_EXAMPLE)]
pub struct BeginArgs {
    #[command(flatten)]
    at: HsmArg,
    /// The certificate of the transfer key to write, PEM; - writes to standard output
    #[arg(long, value_name = "OUT.pem")]
    sd_exchange_key: PathBuf,
    /// The tags of the artifacts that the restore blob must hold, and no others
    #[arg(long, required = true, num_args = 1.., value_name = "TAG")]
    expect_tag: Vec<String>,
    #[command(flatten)]
    json: JsonArg,
    /// After how many seconds the session expires; by default, never
    #[arg(long, value_name = "SECONDS")]
    expires: Option<NonZeroU64>,
}

pub fn begin(args: &BeginArgs) -> Outcome<Report> {
    let out = Target::new(&args.sd_exchange_key, Content::Text, &args.json)?;
    let mut expected = Vec::new();
    for text in &args.expect_tag {
        let tag = ArtifactTag::new(text)
            .map_err(|error| Refusal::new(format!("--expect-tag {}: {error}", show::text(text))))?;
        expected.push(ExpectedArtifact { tag, digest: None });
    }

    let (thumbprint, certificate) = Device::empty(&args.at.hsm, |mut device| {
        begin_in(&mut device, args, &out, &expected)
    })?;
    let (file, bits) = (out.shown(), ModulusSize::Rsa4096.bits());
    let text = format!("{file}: transfer key of {bits} bits, thumbprint {thumbprint}\n");
    let object = json!({ "file": file, "key_bits": bits, "thumbprint": thumbprint });
    Ok(begun(certificate, args.json.either(text, &object)))
}

fn begin_in(
    device: &mut Device,
    args: &BeginArgs,
    target: &Target<'_>,
    expected: &[ExpectedArtifact<'_>],
) -> Outcome<(String, Option<Published>)> {
    let mut vault = vault();
    let domain = empty(device, &mut vault)?;
    let begun = target.begin(Access::Everyone)?;
    device.keep_expected(&args.expect_tag)?;
    let mut der = [0; SELF_SIGNED_MAX_LEN];
    let progress = Progress::show("generating a transfer key");
    let (domain, length) = domain
        .begin_import(
            ModulusSize::Rsa4096,
            expected,
            args.expires,
            device,
            &mut der,
        )
        .map_err(|error| device.refusal(error))?;
    drop(progress);
    let certificate = pem::encode("CERTIFICATE", &der[..length]);
    let written = match begun.write(&certificate) {
        Ok(written) => written,
        Err(refusal) => {
            // Without the certificate nobody can make a restore blob.
            domain
                .cancel(device)
                .map_err(|error| device.refusal(error))?;
            device.forget_session();
            return Err(refusal);
        }
    };
    let thumbprint = { domain.certificate() }.ok_or_else(|| without(device, "certificate"))?;
    Ok((thumbprint.to_string(), written))
}

/// Take in a restore blob, completely or not at all; the result waits to be confirmed
#[derive(clap::Args)]
#[command(after_help = IMPORT_EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    /// The restore blob
    #[arg(long, value_name = "BLOB")]
    sd_file: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn import(args: &Args) -> Outcome<Report> {
    let path = &args.sd_file;
    let text = text::read_json(path)?;
    let blob = parse_blob(path, &text)?;
    let mut device = Device::open_begun(&args.at.hsm, "hsm import-begin")?;
    let mut vault = vault();
    let domain = match device.start(&mut vault)? {
        AnyDomain::Importing(domain) => domain,
        other => return Err(not_in_state(&device, &other, "importing, by import-begin")),
    };
    let _progress = Progress::show("opening the restore blob");
    let domain = domain
        .import(&blob, &mut device)
        .map_err(|refused| match device.failed() {
            Some(refusal) => refusal,
            None => match (refused.error, device.expected()) {
                (LifecycleError::Unexpected, Some(expected)) => unexpected(path, &blob, &expected),
                (error, _) => Refusal::file(path, error),
            },
        })?;
    Ok(shown(domain.status(), &args.json))
}

/// The refusal of a blob that lists other artifacts than the session expects.
fn unexpected(path: &Path, blob: &RestoreBlob<'_>, expected: &[String]) -> Refusal {
    let found: Vec<_> = blob.artifacts().map(|one| one.tag().to_string()).collect();
    let (found, expected) = (show::tags(&found), show::tags(expected));
    Refusal::file(
        path,
        format!(
            "lists the artifacts {found}, but import-begin expects {expected}; for other tags, run hsm \
             recover-cancel and a new hsm import-begin, whose certificate needs a new restore blob"
        ),
    )
}

/// Make the imported domain this HSM's domain, and activate the HSM
#[derive(clap::Args)]
#[command(after_help = CONFIRM_EXAMPLE)]
pub struct ConfirmArgs {
    #[command(flatten)]
    at: HsmArg,
    /// The id of the domain to confirm
    #[arg(long, value_name = "HEX")]
    expect_domain: DomainId,
    /// The SHA-256 of an artifact, in hexadecimal digits
    #[arg(long, num_args = 1.., value_name = "TAG=SHA256", value_parser = digest)]
    digest: Vec<(String, [u8; 32])>,
    #[command(flatten)]
    json: JsonArg,
}

/// Parses a tag and a digest.
fn digest(text: &str) -> Result<(String, [u8; 32]), String> {
    let (tag, digits) = text.rsplit_once('=').ok_or("expected TAG=SHA256")?;
    let digest = hex::parse(digits).map_err(|error| error.to_string())?;
    Ok((tag.into(), digest))
}

pub fn confirm(args: &ConfirmArgs) -> Outcome<Report> {
    let mut digests = Vec::new();
    for (text, digest) in &args.digest {
        let tag = ArtifactTag::new(text)
            .map_err(|error| Refusal::new(format!("--digest {}: {error}", show::text(text))))?;
        let digest = Some(*digest);
        digests.push(ExpectedArtifact { tag, digest });
    }
    let mut device = Device::open(&args.at.hsm)?;
    let mut vault = vault();
    let domain = match device.start(&mut vault)? {
        AnyDomain::Imported(domain) => domain,
        other => return Err(not_in_state(&device, &other, "imported")),
    };
    let domain = domain
        .confirm(args.expect_domain, &digests, &mut device)
        .map_err(|refused| match refused.error {
            LifecycleError::NotConfirmed(why) => unconfirmed(why, args, &device),
            error => device.refusal(error),
        })?;
    device.forget_session();
    Ok(shown(domain.status(), &args.json))
}

/// The refusal of a confirmation, which names the artifact that the library names by its place.
fn unconfirmed(why: Unconfirmed, args: &ConfirmArgs, device: &Device) -> Refusal {
    let expected = device.expected().unwrap_or_default();
    let tag_at = |tags: &[String], place: u8| tags.get(usize::from(place)).cloned();
    let named: Vec<String> = args.digest.iter().map(|(tag, _)| tag.clone()).collect();
    let reason = match why {
        Unconfirmed::Artifact(place) => tag_at(&named, place).map(|tag| {
            let shown = show::text(&tag);
            match expected.contains(&tag) {
                true => format!("the artifact {shown} has another digest than the given one"),
                false => format!("the artifact {shown} did not come in"),
            }
        }),
        Unconfirmed::Unnamed(place) => tag_at(&expected, place).map(|tag| {
            let shown = show::text(&tag);
            format!("no digest of the artifact {shown} is given; give --digest TAG=SHA256")
        }),
        _ => None,
    };
    let reason = reason.unwrap_or_else(|| why.to_string());
    Refusal::file(device.folder(), reason)
}

/// Shows the state and the domain in it.
fn shown(status: Status, json: &JsonArg) -> Report {
    let mut text = format!("{}\n", status.stage);
    let id = status.domain.map(|id| id.to_string());
    if let Some(id) = &id {
        let _ = writeln!(text, "domain-id {id}");
    }
    if status.stage == Stage::Active {
        let _ = writeln!(text, "sealed {NOT_SEALED}");
    }
    let object = json!({ "state": status.stage.to_string(), "domain_id": id, "sealed": status.header.is_some() });
    Report::text(json.either(text, &object))
}
