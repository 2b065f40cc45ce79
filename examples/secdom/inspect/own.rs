// SPDX-License-Identifier: MIT OR Apache-2.0
//! Inspects the crate's own files: sealed domains, requests, contributions, acts, approvals,
//! backups, and those of drills and of restore sessions.

use std::fmt::Write;
use std::path::Path;

use base64ct::{Base64, Encoding};
use security_domain::approval::{Act, Approval};
use security_domain::backup::{BackupHeader, Kind, Name};
use security_domain::contribution::{Contribution, Request};
use security_domain::custodian::{Algorithm, Recipient};
use security_domain::drill::{Challenge, Response};
use security_domain::managed_hsm::{drill, restore_session};
use security_domain::sealed_domain::{BirthCommitment, Custodian, Header, SealedDomain};
use serde_json::json;

use super::certs::Certs;
use super::facts::Facts;
use super::{about_holder, about_key, about_kinds, about_quorum, holder_in_json, unwrapping};
use crate::certificate::Holder;
use crate::hsm::parse_sealed;
use crate::kind::{self, FileKind};
use crate::report::Outcome;
use crate::{floor, recipients, show};

/// Reads `bytes` if they begin like one of these files. None of them can be mistaken for JSON.
pub fn read(path: &Path, bytes: &[u8], certs: &Certs) -> Option<Outcome<Facts>> {
    // The heads of CBOR arrays of 6, 2, 5, 10, 7 and 4 items.
    Some(match bytes {
        [0x86, ..] => sealed_domain(path, bytes, certs),
        [0x82, ..] => request(path, bytes),
        [0x85, ..] => match FileKind::of(bytes) {
            FileKind::Challenge => challenge(path, bytes),
            FileKind::Response => response(path, bytes),
            FileKind::FileChallenge => file_challenge(path, bytes),
            _ => contribution(path, bytes),
        },
        [0x87, ..] => restore_request(path, bytes),
        [0x84, ..] => match FileKind::of(bytes) {
            FileKind::Approval => approval(path, bytes),
            FileKind::FileResponse => file_response(path, bytes),
            _ => restore_contribution(path, bytes),
        },
        [0x8a, ..] => act(path, bytes),
        [b's', b'd', b'b', ..] => backup(path, bytes),
        _ => return None,
    })
}

fn sealed_domain(path: &Path, bytes: &[u8], certs: &Certs) -> Outcome<Facts> {
    let file = parse_sealed(path, bytes)?;
    let header = file.header();
    let mut facts = Facts::new(path, "sealed-domain", "sealed domain, version 1", bytes);
    facts.fact("domain-id", header.domain_id());
    facts.fact("header-digest", header.digest());
    facts.word("epoch", header.epoch().get());
    facts.member("epoch", header.epoch().get());
    facts.word("label", show::whole(header.label().as_str()));
    facts.member("label", header.label().as_str());
    facts.time("created", header.created(), "the HSM had no clock");
    facts.fact("instance-id", header.instance());
    let floor = header.module_floor();
    facts.word("module", floor::words(floor));
    facts.member("module_floor", floor::json(floor));
    let commitment = header.commitment();
    let committed = (*commitment != BirthCommitment::NONE).then(|| commitment.to_string());
    facts.word("pq-identity", committed.as_deref().unwrap_or("none"));
    facts.member("birth_commitment", committed);
    let break_glass = header.break_glass().map(|seconds| seconds.get());
    facts.word(
        "break-glass",
        break_glass.map_or("never".into(), |seconds| format!("after {seconds} seconds")),
    );
    facts.member("break_glass", break_glass);
    facts.member("pending", file.is_pending());
    custodians(&mut facts, &file, certs)?;
    let mut artifacts = Vec::new();
    for (tag, size) in header.artifacts() {
        facts.word(
            "artifact",
            format!("{}  {size} bytes", show::whole(tag.as_str())),
        );
        artifacts.push(json!({ "tag": tag.as_str(), "size": size }));
    }
    facts.member("artifacts", artifacts);
    if file.is_pending() {
        let finding =
            "pending: no number of custodians can open it before its rotation is committed";
        facts.findings.push(finding.into());
    }
    Ok(facts)
}

/// Adds the quorum, the holders of the shares, and problems with either.
fn custodians(facts: &mut Facts, file: &SealedDomain<'_>, certs: &Certs) -> Outcome<()> {
    let quorum = file.header().quorum();
    let (required, count) = (quorum.threshold().get(), quorum.count().get());
    facts.word("quorum", format!("{required} of {count}"));
    facts.member("required", required);
    about_quorum(required, count.into(), &mut facts.findings);
    let kinds = file.header().custodians().map(|one| one.algorithm);
    facts.findings.extend(about_kinds(required, kinds));
    let changed: Vec<Custodian> = file.changed().collect();
    let holders = holders(facts, file.header(), certs)?;
    let mut listed = Vec::new();
    for (custodian, wrapped) in file.wrapped_shares() {
        let (id, index) = (custodian.id, custodian.index.get());
        let holder = holders
            .iter()
            .find(|(of, _)| *of == custodian)
            .map(|(_, holder)| holder);
        let mut words = format!("{index}  {id}  {}", custodian.algorithm);
        let mut object = json!({
            "index": index,
            "id": id.to_string(),
            "algorithm": custodian.algorithm.to_string(),
            "changed": changed.contains(&custodian),
            "wrapped_share": base64(wrapped.as_bytes()),
        });
        if let Algorithm::Both { rsa, .. } = custodian.algorithm {
            let part = wrapped.as_bytes().get(..rsa.bytes());
            object["rsa_part"] = part.map(base64).into();
        }
        if let Some(holder) = holder {
            let _ = write!(words, "  {}", show::text(&holder.subject));
            holder_in_json(holder, &mut object);
            about_holder(holder, &mut facts.findings);
        } else {
            let finding = about_key(custodian.id, custodian.algorithm);
            facts.findings.extend(finding);
        }
        if changed.contains(&custodian) {
            let finding =
                format!("the wrapped share of custodian {id} was changed: it cannot be used");
            facts.findings.push(finding);
        }
        facts.word("custodian", words);
        listed.push(object);
    }
    facts.member("custodians", listed);
    Ok(())
}

/// Returns the custodians whose certificates are given.
fn holders(
    facts: &mut Facts,
    header: &Header<'_>,
    certs: &Certs,
) -> Outcome<Vec<(Custodian, Holder)>> {
    let mut given = Vec::new();
    for file in &certs.certificates {
        let (key, holder) = file.own()?;
        given.push((show::path(&file.path), key.id(), Some(holder)));
    }
    for (argument, files) in &certs.pairs {
        let (key, shown) = recipients::pair(argument, files)?;
        given.push((show::path(argument), key.id(), shown.holder));
    }
    let needs_two = |custodian: Custodian| matches!(custodian.algorithm, Algorithm::Both { .. });
    let more = match header.custodians().any(needs_two) {
        true => "; a custodian who needs two keys is given as CER+PUB",
        false => "",
    };
    let mut holders = Vec::new();
    for (name, id, holder) in given {
        match header.custodians().find(|custodian| custodian.id == id) {
            Some(custodian) => holders.extend(holder.map(|holder| (custodian, holder))),
            None => facts.findings.push(format!(
                "{name}: custodian {id} has no share of this domain{more}"
            )),
        }
    }
    Ok(holders)
}

fn request(path: &Path, bytes: &[u8]) -> Outcome<Facts> {
    let request = Request::parse(bytes)
        .map_err(|error| kind::refusal(path, bytes, &FileKind::Request, error))?;
    let mut facts = Facts::new(
        path,
        "request",
        "request for contributions, version 1",
        bytes,
    );
    facts.fact("request-digest", request.digest());
    facts.fact("purpose", request.purpose());
    facts.fact("session-id", request.session());
    facts.fact("domain-id", request.domain_id());
    facts.fact("header-digest", request.header());
    facts.word("epoch", request.epoch().get());
    facts.member("epoch", request.epoch().get());
    facts.fact("transfer-key", request.transfer().algorithm());
    facts.fact("instance-id", request.instance());
    facts.word("module-version", request.module_version());
    facts.member("module_version", request.module_version().get());
    facts.time("created", request.created(), "the HSM had no clock");
    let expires = request.expires().map_or(0, |expires| expires.get());
    facts.time("expires", expires, "never");
    facts.member("signed", request.is_signed());
    facts.findings.push(
        "anyone can write a request: compare its digest with the one that the HSM itself shows"
            .into(),
    );
    Ok(facts)
}

fn contribution(path: &Path, bytes: &[u8]) -> Outcome<Facts> {
    let contribution = Contribution::parse(bytes)
        .map_err(|error| kind::refusal(path, bytes, &FileKind::Contribution, error))?;
    let mut facts = Facts::new(path, "contribution", "contribution, version 1", bytes);
    facts.fact("request-digest", contribution.request());
    facts.word(
        "share",
        format!("{}, not verified", contribution.index().get()),
    );
    facts.member("index", contribution.index().get());
    Ok(facts)
}

fn challenge(path: &Path, bytes: &[u8]) -> Outcome<Facts> {
    let challenge = Challenge::parse(bytes)
        .map_err(|error| kind::refusal(path, bytes, &FileKind::Challenge, error))?;
    let title = "challenge of a drill, version 1";
    let mut facts = Facts::new(path, "challenge", title, bytes);
    facts.word("challenge", challenge.digest());
    facts.member("challenge_digest", challenge.digest().to_string());
    facts.fact("challenge-id", challenge.id());
    facts.fact("header-digest", challenge.header());
    facts.time("created", challenge.created(), "its maker had no clock");
    let mut values = Vec::new();
    for (index, wrapped) in challenge.values() {
        let (index, wrapped) = (index.get(), wrapped.as_bytes());
        let size = show::count(wrapped.len(), "byte");
        facts.word("value", format!("for share {index}, {size}"));
        values.push(json!({ "index": index, "wrapped_value": base64(wrapped) }));
    }
    facts.member("values", values);
    Ok(facts)
}

fn response(path: &Path, bytes: &[u8]) -> Outcome<Facts> {
    let response = Response::parse(bytes)
        .map_err(|error| kind::refusal(path, bytes, &FileKind::Response, error))?;
    let title = "response of a drill, version 1";
    let mut facts = Facts::new(path, "response", title, bytes);
    facts.word("challenge", response.challenge());
    facts.member("challenge_digest", response.challenge().to_string());
    let index = response.index().get();
    facts.word("share", format!("{index}, not verified"));
    facts.member("index", index);
    let claimed = response.claims();
    facts.word("claims", format!("{claimed}, not verified"));
    facts.member("claims", claimed.to_string());
    Ok(facts)
}

fn act(path: &Path, bytes: &[u8]) -> Outcome<Facts> {
    let act =
        Act::parse(bytes).map_err(|error| kind::refusal(path, bytes, &FileKind::Act, error))?;
    let title = "act for custodians to approve, version 1";
    let mut facts = Facts::new(path, "act", title, bytes);
    facts.fact("act-digest", act.digest());
    facts.fact("kind", act.kind());
    facts.fact("domain-id", act.domain_id());
    facts.word("epoch", act.epoch().get());
    facts.member("epoch", act.epoch().get());
    facts.fact("header-digest", act.header());
    facts.fact("instance-id", act.instance());
    facts.fact("act-id", act.id());
    facts.fact("subject", act.subject());
    facts.time("created", act.created(), "the HSM had no clock");
    let expires = act.expires().map_or(0, |expires| expires.get());
    facts.time("expires", expires, "never");
    Ok(facts)
}

fn approval(path: &Path, bytes: &[u8]) -> Outcome<Facts> {
    let approval = Approval::parse(bytes)
        .map_err(|error| kind::refusal(path, bytes, &FileKind::Approval, error))?;
    let title = "approval of an act, version 1";
    let mut facts = Facts::new(path, "approval", title, bytes);
    facts.fact("act-digest", approval.act());
    let index = approval.index().get();
    facts.word("share", format!("{index}, not verified"));
    facts.member("index", index);
    Ok(facts)
}

fn file_challenge(path: &Path, bytes: &[u8]) -> Outcome<Facts> {
    let challenge = drill::Challenge::parse(bytes)
        .map_err(|error| kind::refusal(path, bytes, &FileKind::FileChallenge, error))?;
    let title = "challenge of a drill of a Managed HSM security domain, version 1";
    let mut facts = Facts::new(path, "file-challenge", title, bytes);
    facts.word("challenge", challenge.digest());
    facts.member("challenge_digest", challenge.digest().to_string());
    facts.fact("challenge-id", challenge.id());
    facts.fact("domain-file", challenge.file());
    facts.time("created", challenge.created(), "its maker had no clock");
    let mut values = Vec::new();
    for (of, wrapped) in challenge.values() {
        let size = show::count(wrapped.len(), "byte");
        facts.word("value", format!("for {of}, {size}"));
        let wrapped = base64(wrapped);
        let command = unwrapping(&wrapped);
        values.push(json!({
            "custodian": of.to_string(),
            "wrapped_value": wrapped,
            "command": command,
        }));
    }
    facts.member("values", values);
    Ok(facts)
}

fn file_response(path: &Path, bytes: &[u8]) -> Outcome<Facts> {
    let response = drill::Response::parse(bytes)
        .map_err(|error| kind::refusal(path, bytes, &FileKind::FileResponse, error))?;
    let title = "response of a drill of a Managed HSM security domain, version 1";
    let mut facts = Facts::new(path, "file-response", title, bytes);
    facts.word("challenge", response.challenge());
    facts.member("challenge_digest", response.challenge().to_string());
    let of = response.custodian().to_string();
    facts.word("custodian", format!("{of}, not verified"));
    facts.member("custodian", of);
    Ok(facts)
}

fn restore_request(path: &Path, bytes: &[u8]) -> Outcome<Facts> {
    let request = restore_session::Request::parse(bytes)
        .map_err(|error| kind::refusal(path, bytes, &FileKind::RestoreRequest, error))?;
    let title = "request to restore a Managed HSM security domain, version 1";
    let mut facts = Facts::new(path, "restore-request", title, bytes);
    facts.fact("request-digest", request.digest());
    facts.fact("session-id", request.session());
    facts.fact("domain-file", request.file());
    facts.fact("transfer-key", request.transfer());
    facts.fact("session-key", request.key().algorithm());
    facts.time("created", request.created(), "the collector had no clock");
    let expires = request.expires().map_or(0, |expires| expires.get());
    facts.time("expires", expires, "never");
    facts.findings.push(
        "anyone can write a request: compare its digest with the one that the collector itself shows, \
         domain-file with the SHA-256 of your file, and transfer-key with the thumbprint that the HSM shows"
            .into(),
    );
    Ok(facts)
}

fn restore_contribution(path: &Path, bytes: &[u8]) -> Outcome<Facts> {
    let contribution = restore_session::Contribution::parse(bytes)
        .map_err(|error| kind::refusal(path, bytes, &FileKind::RestoreContribution, error))?;
    let title = "contribution to restore a Managed HSM security domain, version 1";
    let mut facts = Facts::new(path, "restore-contribution", title, bytes);
    facts.fact("request-digest", contribution.request());
    let custodian = contribution.custodian().to_string();
    facts.word("custodian", format!("{custodian}, not verified"));
    facts.member("custodian", custodian);
    Ok(facts)
}

fn backup(path: &Path, bytes: &[u8]) -> Outcome<Facts> {
    let header = BackupHeader::parse(bytes)
        .map_err(|error| kind::refusal(path, bytes, &FileKind::Backup, error))?;
    let info = header.info();
    let mut facts = Facts::new(path, "backup", "backup, version 1", bytes);
    facts.fact("domain-id", header.domain_id());
    facts.fact("backup-id", header.backup_id());
    let epoch = info.epoch.map(|epoch| epoch.get());
    facts.word(
        "epoch",
        epoch.map_or("none".into(), |epoch| epoch.to_string()),
    );
    facts.member("epoch", epoch);
    facts.fact("instance-id", info.instance);
    let (kind, name) = named(info.kind);
    facts.fact("kind", kind);
    if let Some(name) = name {
        facts.word("name", show::whole(name.as_str()));
    }
    facts.member("name", name.map(|name| name.as_str()));
    facts.time("created", info.created, "the HSM had no clock");
    facts.word(
        "holds",
        show::count(usize::try_from(info.length).unwrap_or(usize::MAX), "byte"),
    );
    facts.member("length", info.length);
    let (have, want) = (bytes.len() as u64, header.sealed_len());
    if have != want {
        let finding = format!("the file has {have} bytes, a whole backup of this header {want}");
        facts.findings.push(finding);
    }
    Ok(facts)
}

/// Returns the kind of a backup in a word, and its name.
pub fn named(kind: Kind<'_>) -> (&'static str, Option<Name<'_>>) {
    match kind {
        Kind::Key(name) => ("key", Some(name)),
        Kind::Full(name) => ("full", name),
        _ => ("unknown", None),
    }
}

pub fn base64(bytes: &[u8]) -> String {
    let mut text = vec![0; Base64::encoded_len(bytes)];
    Base64::encode(bytes, &mut text).map_or_else(|_| String::new(), str::to_owned)
}
