// SPDX-License-Identifier: MIT OR Apache-2.0
//! Inspects the files of custodians: certificates, public and private keys.

use std::path::Path;

use security_domain::custodian::Recipient;
use security_domain::rsa;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::facts::Facts;
use super::{about_holder, holder_in_json};
use crate::certificate::{CertificateFile, Holder};
use crate::kind::{self, FileKind};
use crate::public::PublicKey;
use crate::report::Outcome;
use crate::{key, pkcs12, show, text};

/// Reads a certificate or a key; nothing if `bytes` look like neither.
pub fn read(path: &Path, bytes: &[u8]) -> Option<Outcome<Facts>> {
    match FileKind::of_decoded(bytes) {
        FileKind::PublicKey => Some(public(path, bytes)),
        FileKind::Certificate
        | FileKind::P7b
        | FileKind::PrivateKey
        | FileKind::EncryptedKey
        | FileKind::Pfx => Some(facts(path, bytes)),
        _ => None,
    }
}

fn facts(path: &Path, bytes: &[u8]) -> Outcome<Facts> {
    let text = text::of(Zeroizing::new(bytes.to_vec()));
    let keys = key::unencrypted(path, &text)?;
    let certificates = CertificateFile::find(path, &text, None)?;
    if keys.is_empty() && certificates.is_empty() {
        return Err(kind::unknown(path, bytes));
    }
    let (format, title) = if keys.is_empty() {
        ("certificate", "X.509 certificate")
    } else {
        ("private-key", "private key: keep it secret")
    };
    let mut facts = Facts::new(path, format, title, bytes);
    let mut listed = Vec::new();
    for key in &keys {
        listed.push(match key {
            None => {
                facts.word("key", "encrypted");
                json!({ "encrypted": true })
            }
            Some(key) => {
                let (id, kind) = (key.id().map(|id| id.to_string()), key.kind());
                facts.word("key", format!("{kind}, not encrypted"));
                if let Some(id) = &id {
                    facts.word("custodian-id", id);
                }
                let bits = key.bits();
                json!({ "encrypted": false, "custodian_id": id, "kind": kind, "key_bits": bits })
            }
        });
    }
    if !keys.is_empty() {
        facts.member("keys", listed);
    }
    describe(&mut facts, &certificates)?;
    if certificates.is_empty() && FileKind::of_decoded(bytes) == FileKind::Pfx {
        let take = pkcs12::TAKE_CERTIFICATES;
        let finding = format!("it shows no certificate without its password; {take}");
        facts.findings.push(finding);
    }
    Ok(facts)
}

fn public(path: &Path, bytes: &[u8]) -> Outcome<Facts> {
    let text = text::of(Zeroizing::new(bytes.to_vec()));
    let key = PublicKey::of_text(path, &text)?;
    let mut facts = Facts::new(path, "public-key", "public key", bytes);
    facts.fact("kind", key.kind());
    facts.fact("custodian-id", key.id());
    Ok(facts)
}

fn describe(facts: &mut Facts, certificates: &[CertificateFile]) -> Outcome<()> {
    let mut listed = Vec::new();
    for file in certificates {
        if file.is_not_rsa() {
            let (key, holder) = file.own()?;
            listed.push(one(facts, &holder, Some(key.id().to_string())));
            about_holder(&holder, &mut facts.findings);
            continue;
        }
        let certificate = file.parse_for_recovery()?;
        let holder = Holder::recovered(&certificate);
        let id = rsa::PublicKey::new(certificate.modulus(), certificate.exponent());
        let id = id.ok().map(|key| key.id().to_string());
        listed.push(one(facts, &holder, id));
        facts.findings.extend(file.warnings(&certificate));
        if let Err(refusal) = file.parse() {
            facts
                .findings
                .push(format!("no new domain is sealed to it: {refusal}"));
        }
        about_holder(&holder, &mut facts.findings);
    }
    facts.member("certificates", listed);
    Ok(())
}

/// Describes one holder, and returns the same in JSON.
fn one(facts: &mut Facts, holder: &Holder, id: Option<String>) -> Value {
    facts.word("subject", show::text(&holder.subject));
    facts.word("thumbprint", holder.thumbprint);
    if let Some(id) = &id {
        facts.word("custodian-id", id);
    }
    facts.word("key", holder.key);
    facts.times(holder.not_before, holder.not_after);
    let mut object = json!({ "thumbprint": holder.thumbprint.to_string(), "custodian_id": id });
    holder_in_json(holder, &mut object);
    object
}
