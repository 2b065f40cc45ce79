// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom inspect`: what a file is, to whom it belongs, and what to worry about. No key is needed.

mod certs;
mod facts;
mod holder;
mod own;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use security_domain::custodian::{Algorithm, CustodianId};
use security_domain::managed_hsm::Artifact;
use security_domain::quorum::Threshold;
use security_domain::x509::Thumbprint;
use serde_json::{Value, json};

use crate::certificate::{CertificateFile, Holder, HolderKey};
use crate::domain::{self, Domain, File, FormatArgs};
use crate::report::{Outcome, Report};
use crate::upload::parse_blob;
use crate::{check, clock, input, kind, show, text};
use certs::Certs;
pub use own::{base64, named};

const EXAMPLE: &str = "Example:
  secdom inspect domain.json --certs *.cer

With --json one object is printed, with the members format, sha256, required, custodians (each \
with its thumbprint and, given its certificate, subject, key_bits, not_before, not_after; in a security-domain \
file also with wrapped_content_key, in base64, and command, which unwraps it for --sd-unwrapped of restore-blob), \
artifacts (each with tag and size), findings, and for a restore blob or transfer key \
transfer_key. The size of an artifact is that of its ciphertext: 1 to 16 bytes more than the \
artifact. For a sealed domain, a request, a contribution, a backup or a file of a drill, the members are those of its \
header; each value of a challenge has the index of a share, or the thumbprint of a custodian and command, and wrapped_value, in base64; a custodian of a sealed domain has an id in place of a thumbprint, and one who needs two keys \
rsa_part, the part of wrapped_share that the RSA key decrypts.";

/// Fewer bits than this are below current advice (NIST SP 800-57 part 1, table 2: 128 bits of
/// security).
const ADVISED_BITS: u32 = 3072;

/// Show what a file is, its digest, custodians, artifacts, and what to worry about
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// A security-domain file, restore blob, transfer key or certificate info of Managed HSM; a
    /// sealed domain, request, contribution, backup, challenge or response of this tool; a
    /// certificate, public key or private key
    file: PathBuf,
    /// Certificates, PEM or DER, that show to whom the shares belong; CER+PUB for a custodian who
    /// needs two keys
    #[arg(long, num_args = 1.., value_name = "CER")]
    certs: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    format: FormatArgs,
}

/// A custodian or transfer key named in the file.
struct Party {
    thumbprint: Thumbprint,
    holder: Option<Holder>,
    /// The wrapped content key of the party's share.
    wrapped: Option<Vec<u8>>,
}

impl Party {
    fn new(thumbprint: Thumbprint, holder: Option<Holder>) -> Self {
        Self {
            thumbprint,
            holder,
            wrapped: None,
        }
    }
}

/// The contents of a file, whatever its format.
#[derive(Default)]
struct Contents {
    format: &'static str,
    title: &'static str,
    required: Option<u8>,
    /// The number of custodians, of whom some may not be named.
    count: usize,
    custodians: Vec<Party>,
    transfer_key: Option<Party>,
    /// The tag, and the length of the ciphertext.
    artifacts: Vec<(String, usize)>,
    /// The shares that cannot be opened, and what was passed over.
    faults: Vec<String>,
}

pub fn run(args: &Args) -> Outcome<Report> {
    let path = &args.file;
    let bytes = input::read(path)?;
    let certs = Certs::read(&args.certs)?;
    let facts = own::read(path, &bytes, &certs).or_else(|| holder::read(path, &bytes));
    if let Some(facts) = facts {
        return Ok(Report::text(facts?.text(args.json)));
    }
    let certificates = certs.without_pairs()?;
    let document = text::json(&bytes);
    let text = document.as_deref().map_or(bytes.as_slice(), Vec::as_slice);
    let mut contents = read(path, text, &args.format)?;
    let mut findings = Vec::new();
    if document.is_some() {
        findings.push(
            "the document is read from a string, from the member value of an answer, or without a byte order mark"
                .into(),
        );
    }
    for file in certificates {
        let certificate = file.parse_for_recovery()?;
        findings.extend(file.warnings(&certificate));
        let holder = Holder::recovered(&certificate);
        let parties = contents
            .custodians
            .iter_mut()
            .chain(&mut contents.transfer_key);
        match parties
            .into_iter()
            .find(|party| party.thumbprint == holder.thumbprint)
        {
            Some(party) => party.holder = Some(holder),
            None => {
                let digest = file.digest_of_base64()?.to_string();
                let is_listed =
                    { text.windows(digest.len()) }.any(|part| part == digest.as_bytes());
                let why = if is_listed {
                    "; the file lists a digest of its base64 instead, as Terraform's request has it, so that \
                     no custodian can be found by thumbprint"
                } else {
                    ""
                };
                findings.push(format!(
                    "{}: the certificate {} belongs to no custodian of this file{why}",
                    show::path(&file.path),
                    holder.thumbprint,
                ));
            }
        }
    }
    findings.append(&mut contents.faults);
    worry(&contents, &mut findings);
    let sha256 = show::sha256(&bytes);
    Ok(Report::text(if args.json {
        contents_in_json(&contents, &sha256, &findings)
    } else {
        in_words(path, &contents, &sha256, &findings)
    }))
}

/// Reads `text` in the format that it has. If it has none of them, the error is that of the format
/// it resembles most.
fn read(path: &Path, text: &[u8], format: &FormatArgs) -> Outcome<Contents> {
    type Read = fn(&Path, &[u8], &FormatArgs) -> Outcome<Contents>;
    let readers: [(&str, Read); 5] = [
        ("\"SharedKeys\"", domain_file),
        ("\"SplitKeys\"", domain_file),
        ("\"WrappedKey\"", |path, text, _| restore_blob(path, text)),
        ("\"transfer_key\"", |path, text, _| transfer_key(path, text)),
        ("\"certificates\"", |path, text, _| {
            certificate_info(path, text)
        }),
    ];
    if let Some(contents) = readers
        .iter()
        .find_map(|(_, read)| read(path, text, format).ok())
    {
        return Ok(contents);
    }
    let resembles = |member: &str| {
        text.windows(member.len())
            .any(|window| window == member.as_bytes())
    };
    match readers.iter().find(|(member, _)| resembles(member)) {
        Some((_, read)) => read(path, text, format),
        None => Err(kind::unknown(path, text)),
    }
}

fn domain_file(path: &Path, text: &[u8], format: &FormatArgs) -> Outcome<Contents> {
    let Domain { file, passed_over } = domain::read(path, text, format)?;
    let mut faults = file.damaged();
    faults.extend(passed_over);
    let format = match file {
        File::Shared(_) => "managed-hsm-security-domain",
        File::Split(_) => {
            faults.push("version 1: clients of today do not read it, but this tool does".into());
            "managed-hsm-security-domain-1"
        }
    };
    let party = |thumbprint| Party {
        wrapped: file.wrapped_content_key(&thumbprint),
        ..Party::new(thumbprint, None)
    };
    Ok(Contents {
        format,
        title: file.title(),
        required: Some(file.required()),
        count: file.count(),
        custodians: file.custodians().into_iter().map(party).collect(),
        artifacts: sizes(file.artifacts().into_iter()),
        faults,
        ..Contents::default()
    })
}

fn restore_blob(path: &Path, text: &[u8]) -> Outcome<Contents> {
    let blob = parse_blob(path, text)?;
    Ok(Contents {
        format: "managed-hsm-restore-blob",
        title: "Managed HSM restore blob",
        transfer_key: Some(Party::new(blob.transfer_thumbprint(), None)),
        artifacts: sizes(blob.artifacts()),
        ..Contents::default()
    })
}

fn transfer_key(path: &Path, text: &[u8]) -> Outcome<Contents> {
    let holder = check::transfer_key(path, text)?;
    Ok(Contents {
        format: "managed-hsm-transfer-key",
        title: "Managed HSM transfer key",
        transfer_key: Some(Party::new(holder.thumbprint, Some(holder))),
        ..Contents::default()
    })
}

fn certificate_info(path: &Path, text: &[u8]) -> Outcome<Contents> {
    let (required, holders) = check::certificate_info(path, text)?;
    let party = |holder: Holder| Party::new(holder.thumbprint, Some(holder));
    Ok(Contents {
        format: "managed-hsm-certificate-info",
        title: "Managed HSM certificate info, the request for a download",
        required: Some(required),
        count: holders.len(),
        custodians: holders.into_iter().map(party).collect(),
        ..Contents::default()
    })
}

fn sizes<'a>(artifacts: impl Iterator<Item = Artifact<'a>>) -> Vec<(String, usize)> {
    artifacts
        .map(|artifact| (artifact.tag().to_string(), artifact.ciphertext_len()))
        .collect()
}

/// A custodian to whom a domain was sealed.
pub struct Custodian {
    /// Which certificate or key was taken, from which file.
    pub taken: String,
    /// The holder of the certificate.
    pub holder: Option<Holder>,
    /// What there is to worry about if there is no certificate.
    pub finding: Option<String>,
}

impl Custodian {
    pub fn of(file: &CertificateFile, holder: Holder) -> Self {
        Self {
            taken: file.taken(&holder),
            holder: Some(holder),
            finding: None,
        }
    }
}

/// Says to whose certificates and keys a domain was sealed, and what a careful operator would worry
/// about, `more` included.
pub fn sealed_to(threshold: Threshold, custodians: &[Custodian], more: Option<String>) -> String {
    let (mut text, mut findings) = (String::new(), Vec::new());
    about_quorum(threshold.get(), custodians.len(), &mut findings);
    findings.extend(more);
    for custodian in custodians {
        let _ = writeln!(text, "custodian {}", custodian.taken);
        if let Some(holder) = &custodian.holder {
            about_holder(holder, &mut findings);
        }
        findings.extend(custodian.finding.clone());
    }
    for finding in findings {
        let _ = writeln!(text, "finding {finding}");
    }
    text
}

/// Says whether a custodian's key is small, if no certificate is given that shows whose it is.
pub fn about_key(id: CustodianId, kind: Algorithm) -> Option<String> {
    let bits = kind.rsa_size()?.bits();
    (bits < ADVISED_BITS).then(|| format!("the key of custodian {id} is small: {bits} bits"))
}

/// Says whether custodians whose keys a quantum computer would break can open a domain of these
/// kinds of keys.
pub fn about_kinds(required: u8, kinds: impl Iterator<Item = Algorithm>) -> Option<String> {
    let (mut rsa, mut curve) = (0, 0);
    for kind in kinds {
        match kind {
            Algorithm::DhKemP256 => curve += 1,
            kind if kind.rsa_size().is_some() => rsa += 1,
            _ => {}
        }
    }
    let required = usize::from(required);
    if rsa >= required {
        let keys = show::count(rsa, "custodian");
        return Some(format!(
            "an RSA-only quorum opens it: {keys} have RSA alone; a quantum computer that breaks RSA opens the file"
        ));
    }
    let (keys, broken) = match rsa {
        0 => ("P-256 keys", "breaks them"),
        _ => ("RSA and P-256 keys", "breaks both"),
    };
    (rsa + curve >= required).then(|| {
        format!(
            "a quorum with {keys} alone opens it; a quantum computer that {broken} opens the file"
        )
    })
}

/// Collects what a careful operator would worry about.
fn worry(contents: &Contents, findings: &mut Vec<String>) {
    if let Some(required) = contents.required {
        about_quorum(required, contents.count, findings);
    }
    let holders = contents
        .custodians
        .iter()
        .chain(&contents.transfer_key)
        .filter_map(|p| p.holder.as_ref());
    for holder in holders {
        about_holder(holder, findings);
    }
}

fn about_quorum(required: u8, custodians: usize, findings: &mut Vec<String>) {
    if required < 3 {
        findings.push("m < 3: two custodians together can rebuild the HSM".into());
    }
    if usize::from(required) == custodians {
        findings.push("n = m: every custodian is required, one lost key loses the domain".into());
    }
}

fn about_holder(holder: &Holder, findings: &mut Vec<String>) {
    let (now, thumbprint) = (clock::now(), holder.thumbprint);
    if let Some(when) = holder.not_after.filter(|end| *end < now) {
        let when = clock::rfc3339(when);
        findings.push(format!("the certificate {thumbprint} expired at {when}"));
    }
    if let Some(when) = holder.not_before.filter(|begin| *begin > now) {
        let when = clock::rfc3339(when);
        findings.push(format!(
            "the certificate {thumbprint} is not valid before {when}"
        ));
    }
    if let HolderKey::Rsa { bits } = holder.key
        && bits < ADVISED_BITS
    {
        findings.push(format!(
            "the key of {thumbprint} is small: {bits} bits, {ADVISED_BITS} are advised today"
        ));
    }
}

fn in_words(path: &Path, contents: &Contents, sha256: &str, findings: &[String]) -> String {
    let mut out = String::new();
    let mut line = |label: &str, value: String| {
        let _ = writeln!(out, "{label:<13} {value}");
    };
    line("file", show::path(path));
    line("format", contents.title.into());
    line("sha256", sha256.into());
    if let Some(required) = contents.required {
        line("quorum", format!("{required} of {}", contents.count));
    }
    let parties = contents.custodians.iter().map(|party| ("custodian", party));
    for (label, party) in parties.chain(
        contents
            .transfer_key
            .iter()
            .map(|party| ("transfer key", party)),
    ) {
        line(
            label,
            party
                .holder
                .as_ref()
                .map_or(party.thumbprint.to_string(), Holder::to_string),
        );
    }
    for (tag, size) in &contents.artifacts {
        line(
            "artifact",
            format!("{}  {size} bytes of ciphertext", show::whole(tag)),
        );
    }
    for finding in findings {
        line("finding", finding.clone());
    }
    out
}

fn contents_in_json(contents: &Contents, sha256: &str, findings: &[String]) -> String {
    let artifacts = contents
        .artifacts
        .iter()
        .map(|(tag, size)| json!({ "tag": tag, "size": size }));
    let mut object = json!({
        "format": contents.format,
        "sha256": sha256,
        "required": contents.required,
        "custodians": contents.custodians.iter().map(party_in_json).collect::<Value>(),
        "artifacts": artifacts.collect::<Value>(),
        "findings": findings,
    });
    if let Some(party) = &contents.transfer_key {
        object["transfer_key"] = party_in_json(party);
    }
    show::ascii_json(&format!("{object:#}\n"))
}

/// Returns a holder and the thumbprint in JSON.
pub fn in_json(holder: &Holder) -> Value {
    let mut object = json!({ "thumbprint": holder.thumbprint.to_string() });
    holder_in_json(holder, &mut object);
    object
}

fn party_in_json(party: &Party) -> Value {
    let mut object = match &party.holder {
        Some(holder) => in_json(holder),
        None => json!({ "thumbprint": party.thumbprint.to_string() }),
    };
    if let Some(wrapped) = &party.wrapped {
        let wrapped = base64(wrapped);
        object["command"] = json!(unwrapping(&wrapped));
        object["wrapped_content_key"] = json!(wrapped);
    }
    object
}

/// Returns the command that unwraps a content key with the key in `A.key`.
fn unwrapping(wrapped: &str) -> String {
    format!(
        "umask 077; echo {wrapped} | openssl base64 -d -A | openssl pkeyutl -decrypt -inkey A.key -pkeyopt \
         rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 -out A.unwrapped"
    )
}

fn holder_in_json(holder: &Holder, object: &mut Value) {
    object["subject"] = json!(holder.subject);
    object["key_bits"] = json!(holder.key.bits());
    object["not_before"] = json!(holder.not_before.map(clock::rfc3339));
    object["not_after"] = json!(holder.not_after.map(clock::rfc3339));
}
