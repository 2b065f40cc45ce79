// SPDX-License-Identifier: MIT OR Apache-2.0
//! Those to whom a domain of the crate's own format is sealed: certificates and public keys, of any kinds.

use std::path::{Path, PathBuf};

use security_domain::custodian::Recipient;
use security_domain::custodian_key::CustodianKey;

use crate::certificate::{self, CertificateFile};
use crate::inspect::{Custodian, about_key};
use crate::kind::FileKind;
use crate::pair::KeyFiles;
use crate::public::PublicKey;
use crate::report::{Outcome, Refusal};
use crate::{both, show, text};

/// Reads certificates, public keys and pairs of them whose keys are both needed. All must be
/// different keys. Returns the keys, and what is shown of each.
pub fn read(arguments: &[PathBuf]) -> Outcome<(Vec<CustodianKey>, Vec<Custodian>)> {
    let (mut keys, mut shown) = (Vec::<CustodianKey>::new(), Vec::new());
    for argument in arguments {
        let (key, custodian) = match KeyFiles::of(argument) {
            KeyFiles::One(path) => {
                let (key, mut custodian) = public(&path)?;
                let key = key.recipient(&path)?;
                if custodian.holder.is_none() {
                    custodian.finding = about_key(key.id(), key.algorithm());
                }
                (key, custodian)
            }
            KeyFiles::Both(files) => pair(argument, &files)?,
        };
        let ids = key.key_ids();
        let same = |other: &CustodianKey| {
            let mut others = other.key_ids().into_iter().flatten();
            others.any(|other| ids.contains(&Some(other)))
        };
        if let Some(earlier) = keys.iter().position(same) {
            return Err(certificate::same_key(argument, &arguments[earlier]));
        }
        keys.push(key);
        shown.push(custodian);
    }
    Ok((keys, shown))
}

/// Returns the public keys of the same arguments in JSON: for each a list of one or two, in PEM.
pub fn in_json(arguments: &[PathBuf]) -> Outcome<Vec<u8>> {
    let mut list = Vec::new();
    for argument in arguments {
        let mut pems = Vec::new();
        for path in KeyFiles::of(argument).into_files() {
            let pem = public(&path)?.0.pem()?;
            pems.push(String::from_utf8(pem.to_vec()).map_err(Refusal::new)?);
        }
        list.push(pems);
    }
    serde_json::to_vec(&list).map_err(Refusal::new)
}

/// Reads the public keys that [`in_json`] gave, from the file `path`.
pub fn of_json(path: &Path, bytes: &[u8]) -> Outcome<Vec<CustodianKey>> {
    let list: Vec<Vec<String>> =
        serde_json::from_slice(bytes).map_err(|error| Refusal::file(path, error))?;
    let one = |pem: &String| PublicKey::of_text(path, pem.as_bytes());
    { list.iter() }
        .map(|pems| match pems.as_slice() {
            [pem] => one(pem)?.recipient(path),
            [first, second] => both::recipient(path, [one(first)?, one(second)?]),
            _ => Err(Refusal::file(path, "lists no key, or too many of one")),
        })
        .collect()
}

/// Reads the public key in a certificate or a file of its own. Returns what is shown of it, too.
fn public(path: &Path) -> Outcome<(PublicKey, Custodian)> {
    public_of_text(path, &text::read(path)?)
}

/// The same for `bytes`, the text of the file `path`.
pub fn public_of_text(path: &Path, bytes: &[u8]) -> Outcome<(PublicKey, Custodian)> {
    if FileKind::of_decoded(bytes) == FileKind::PublicKey {
        let key = PublicKey::of_text(path, bytes)?;
        let taken = format!("{}: {}  {}", show::path(path), key.id(), key.kind());
        let custodian = Custodian {
            taken,
            holder: None,
            finding: None,
        };
        return Ok((key, custodian));
    }
    let file = CertificateFile::of_text(path, bytes)?;
    let (key, holder) = file.own()?;
    Ok((key, Custodian::of(&file, holder)))
}

/// Reads the two public keys of a custodian who needs both.
pub fn pair(argument: &Path, files: &[PathBuf; 2]) -> Outcome<(CustodianKey, Custodian)> {
    let [(one, shown), (other, beside)] = [public(&files[0])?, public(&files[1])?];
    let key = both::recipient(argument, [one, other])?;
    let (id, kind) = (key.id(), key.algorithm());
    let taken = format!(
        "{}: {id}  {kind}, both needed ({}; {})",
        show::path(argument),
        shown.taken,
        beside.taken
    );
    let holder = shown.holder.or(beside.holder);
    let custodian = Custodian {
        taken,
        holder,
        finding: None,
    };
    Ok((key, custodian))
}
