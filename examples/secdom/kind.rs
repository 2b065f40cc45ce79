// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recognises what a file is, for messages: empty, cut short, or another kind of file than the one
//! that is expected.

use std::error::Error;
use std::fmt;
use std::path::Path;

use minicbor::data::Type;
use security_domain::backup::{BackupHeader, HeaderError};
use serde_json::Value;

use crate::certificate::PKCS7_LABELS;
use crate::report::Refusal;
use crate::{pem, show, text};

/// `ContentInfo` of PKCS#7: `1.2.840.113549.1.7.2`, signed data.
const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
/// `1.2.840.113549.1.7.1`, data, with which a PKCS#12 file begins.
const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
/// The arc of password-based encryption in PKCS#5 and PKCS#12.
const PBE: [&[u8]; 2] = [
    b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05",
    b"\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01",
];

/// What a file looks like. A file of this kind may still be damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileKind {
    Empty,
    SealedDomain,
    Request,
    Contribution,
    Challenge,
    Response,
    Act,
    Approval,
    RestoreRequest,
    RestoreContribution,
    FileChallenge,
    FileResponse,
    Backup,
    Log,
    Checkpoint,
    ShownRecord,
    DomainFile,
    RestoreBlob,
    TransferKey,
    CertificateInfo,
    OtherJson,
    CutJson,
    Certificate,
    PublicKey,
    PrivateKey,
    EncryptedKey,
    /// PKCS#12, with key and certificate, which may be in BER.
    Pfx,
    /// PKCS#7, with certificates, which may be in BER.
    P7b,
    /// Another block of PEM, with its label.
    Pem(String),
    /// PEM without its end, with its label.
    CutPem(String),
    /// DER that says that it is longer.
    CutDer,
    Web,
    Archive,
    /// One of the others, in base64.
    Base64(Box<FileKind>),
    Unknown,
}

impl FileKind {
    /// Recognises a file by its first bytes.
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            // The heads of CBOR arrays of 6, 2, 5, 10, 7 and 4 items.
            [0x86, ..] => Self::SealedDomain,
            [0x82, ..] => Self::Request,
            [0x85, ..] => of_five(bytes),
            [0x87, ..] => Self::RestoreRequest,
            [0x84, ..] => of_four(bytes),
            [0x8a, ..] => Self::Act,
            [b's', b'd', b'b', ..] => Self::Backup,
            [b's', b'd', b'l', b'o', b'g', ..] => Self::Log,
            [b's', b'd', b'r', b'e', b'c', ..] => Self::ShownRecord,
            _ if bytes.starts_with(b"security-domain/") => Self::Checkpoint,
            [0x30, 0x80, inner @ ..] if inner.starts_with(SIGNED_DATA) => Self::P7b,
            [0x30, 0x80, 2, 1, 3, rest @ ..] if contains(rest, DATA) => Self::Pfx,
            [0x30, ..] => der(bytes).unwrap_or(Self::Unknown),
            [b'P', b'K', 3, 4, ..] | [0x1f, 0x8b, ..] => Self::Archive,
            _ if bytes.trim_ascii().is_empty() => Self::Empty,
            _ => of_text(bytes),
        }
    }

    /// Recognises a file, in base64 or not.
    pub fn of_decoded(bytes: &[u8]) -> Self {
        match Self::of(bytes) {
            Self::Base64(inner) => *inner,
            kind => kind,
        }
    }

    /// Says how to turn the file into what is wanted, if a common command does.
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::Pfx => {
                "take key and certificate out of it with: openssl pkcs12 -in FILE.pfx -nocerts -out A.key; \
                 openssl pkcs12 -in FILE.pfx -clcerts -nokeys -out A.cer"
            }
            Self::P7b => {
                "take the certificates out of it with: openssl pkcs7 -in FILE.p7b -print_certs -out A.cer \
                 (with -inform DER if it is not PEM)"
            }
            Self::Base64(_) => "decode it with: base64 -d FILE > DECODED",
            Self::Pem(label) if label == "OPENSSH PRIVATE KEY" => {
                "convert a copy of it with: ssh-keygen -p -m PKCS8 -f COPY"
            }
            Self::Archive => "unpack it first",
            _ => return None,
        })
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty file",
            Self::SealedDomain => "a sealed domain",
            Self::Request => "a request for contributions",
            Self::Contribution => "a contribution",
            Self::Challenge => "a challenge of a drill",
            Self::Response => "a response of a drill",
            Self::Act => "an act to approve",
            Self::Approval => "an approval",
            Self::RestoreRequest => "a request to restore a Managed HSM security domain",
            Self::RestoreContribution => "a contribution to restore a Managed HSM security domain",
            Self::FileChallenge => "a challenge of a drill of a Managed HSM security domain",
            Self::FileResponse => "a response of a drill of a Managed HSM security domain",
            Self::Backup => "a backup",
            Self::Log => "the export of a log",
            Self::Checkpoint => "the checkpoint of a log",
            Self::ShownRecord => "a record of a log with its proofs",
            Self::DomainFile => "a Managed HSM security domain",
            Self::RestoreBlob => "a Managed HSM restore blob",
            Self::TransferKey => "a Managed HSM transfer key",
            Self::CertificateInfo => "a Managed HSM certificate info",
            Self::OtherJson => "JSON of another kind",
            Self::CutJson => "JSON that is cut short",
            Self::Certificate => "a certificate",
            Self::PublicKey => "a public key",
            Self::PrivateKey => "a private key",
            Self::EncryptedKey => "an encrypted private key",
            Self::Pfx => "a PKCS#12 file (PFX)",
            Self::P7b => "a PKCS#7 file (P7B)",
            Self::Pem(label) => return write!(f, "PEM of {}", show::text(label)),
            Self::CutPem(label) => {
                return write!(f, "PEM of {} that is cut short", show::text(label));
            }
            Self::CutDer => "DER that is cut short",
            Self::Web => "a web page",
            Self::Archive => "a compressed archive",
            Self::Base64(kind) => return write!(f, "{kind} in base64"),
            Self::Unknown => "a file of no known format",
        })
    }
}

/// Makes the refusal of a file that is not a valid file of the kind `expected`, with `error` as the
/// reason unless the file is obviously something else.
pub fn refusal(
    path: &Path,
    bytes: &[u8],
    expected: &FileKind,
    error: impl Into<Box<dyn Error>>,
) -> Refusal {
    let kind = FileKind::of(bytes);
    let reason = match &kind {
        FileKind::Empty => format!("is empty, where {expected} is expected"),
        kind if kind == expected && is_cut(kind, bytes) => "is cut short".into(),
        kind if kind == expected || *kind == FileKind::Unknown => {
            return Refusal::file(path, error);
        }
        FileKind::CutJson => {
            format!("is cut short: its JSON ends too early, where {expected} is expected")
        }
        kind => match kind.remedy() {
            Some(remedy) => format!("is {kind}, where {expected} is expected; {remedy}"),
            None => format!("is {kind}, where {expected} is expected"),
        },
    };
    Refusal::file(path, reason)
}

/// Makes the refusal of a file that is of no use to anyone who asks what it is.
pub fn unknown(path: &Path, bytes: &[u8]) -> Refusal {
    let kind = FileKind::of(bytes);
    let reason = match (&kind, kind.remedy()) {
        (FileKind::Empty, _) => "is empty".into(),
        (FileKind::Unknown, _) => "is not in a known format".into(),
        (_, Some(remedy)) => format!("is {kind}; {remedy}"),
        (_, None) => format!("is {kind}"),
    };
    Refusal::file(path, reason)
}

/// Returns whether one of the crate's own files ends too early.
fn is_cut(kind: &FileKind, bytes: &[u8]) -> bool {
    if *kind == FileKind::Backup {
        return matches!(
            BackupHeader::parse(bytes),
            Err(HeaderError::Incomplete { .. })
        );
    }
    let own = [
        FileKind::SealedDomain,
        FileKind::Request,
        FileKind::Contribution,
        FileKind::Challenge,
        FileKind::Response,
        FileKind::Act,
        FileKind::Approval,
        FileKind::RestoreRequest,
        FileKind::RestoreContribution,
        FileKind::FileChallenge,
        FileKind::FileResponse,
    ]
    .contains(kind);
    own && { minicbor::Decoder::new(bytes).skip() }.is_err_and(|error| error.is_end_of_input())
}

/// Recognises a file of five items. After a version and a digest, a challenge has another digest,
/// and the others have an index. A response has no bytes or 32 after it, and a contribution more.
/// The values of a challenge about a domain file begin with a thumbprint, the others with an index.
fn of_five(bytes: &[u8]) -> FileKind {
    let mut decoder = minicbor::Decoder::new(bytes);
    let front = decoder.array().and_then(|_| decoder.skip());
    if front.and_then(|()| decoder.skip()).is_err() {
        return FileKind::Contribution;
    }
    if matches!(decoder.datatype(), Ok(Type::Bytes)) {
        let mut first = || {
            decoder.skip()?;
            decoder.skip()?;
            decoder.array()?;
            decoder.array()?;
            decoder.datatype()
        };
        return match first() {
            Ok(Type::Bytes) => FileKind::FileChallenge,
            _ => FileKind::Challenge,
        };
    }
    let value = decoder.skip().ok();
    match value.and_then(|()| bytes.get(decoder.position()..)) {
        Some([0x40, ..] | [0x58, 32, ..]) => FileKind::Response,
        _ => FileKind::Contribution,
    }
}

/// Recognises a file of four items. After a version and a digest, an approval has an index, and the
/// others have a thumbprint. A response of a drill has 32 bytes after it, and a contribution more.
fn of_four(bytes: &[u8]) -> FileKind {
    let mut decoder = minicbor::Decoder::new(bytes);
    let front = decoder.array().and_then(|_| decoder.skip());
    let front = front.and_then(|()| decoder.skip());
    match front.and_then(|()| decoder.datatype()) {
        Ok(Type::Bytes) => {}
        Ok(_) => return FileKind::Approval,
        Err(_) => return FileKind::RestoreContribution,
    }
    let custodian = decoder.skip().ok();
    match custodian.and_then(|()| bytes.get(decoder.position()..)) {
        Some([0x58, 32, ..]) => FileKind::FileResponse,
        _ => FileKind::RestoreContribution,
    }
}

fn of_text(bytes: &[u8]) -> FileKind {
    if let Some(inner) = text::pem(bytes) {
        return FileKind::of(&inner);
    }
    let unwrapped = text::json(bytes);
    let text = unwrapped.as_deref().map_or(bytes, Vec::as_slice);
    let start = text.trim_ascii_start();
    if start.starts_with(b"{") {
        return json(start);
    }
    let begins = |with: &str| {
        let head = start.get(..with.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(with.as_bytes()))
    };
    if begins("<!doctype") || begins("<html") || begins("<?xml") {
        return FileKind::Web;
    }
    let blocks = pem::find(text);
    // `openssl ecparam -genkey` writes the curve before the key.
    let telling = { blocks.whole.iter() }.find(|block| block.label != "EC PARAMETERS");
    if let Some(block) = telling.or(blocks.whole.first()) {
        return of_label(block.label);
    }
    if let Some(label) = blocks.cut {
        return FileKind::CutPem(label.into());
    }
    match pem::base64(text) {
        Some(bytes) if !bytes.is_empty() => match FileKind::of(&bytes) {
            FileKind::Unknown | FileKind::Empty => FileKind::Unknown,
            kind => FileKind::Base64(Box::new(kind)),
        },
        _ => FileKind::Unknown,
    }
}

fn of_label(label: &str) -> FileKind {
    match label {
        "CERTIFICATE" | "X509 CERTIFICATE" => FileKind::Certificate,
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => FileKind::PrivateKey,
        "ENCRYPTED PRIVATE KEY" => FileKind::EncryptedKey,
        "PUBLIC KEY" => FileKind::PublicKey,
        _ if PKCS7_LABELS.contains(&label) => FileKind::P7b,
        other => FileKind::Pem(other.into()),
    }
}

fn json(text: &[u8]) -> FileKind {
    let members = [
        ("SharedKeys", FileKind::DomainFile),
        ("SplitKeys", FileKind::DomainFile),
        ("WrappedKey", FileKind::RestoreBlob),
        ("transfer_key", FileKind::TransferKey),
        ("certificates", FileKind::CertificateInfo),
    ];
    match serde_json::from_slice::<Value>(text) {
        Ok(value) => members
            .into_iter()
            .find(|(member, _)| value.get(member).is_some())
            .map_or(FileKind::OtherJson, |(_, kind)| kind),
        Err(error) if error.is_eof() => FileKind::CutJson,
        // What the file resembles most. The strict reader says what is wrong.
        Err(_) => members
            .into_iter()
            .find(|(member, _)| {
                let member = format!("\"{member}\"");
                text.windows(member.len())
                    .any(|part| part == member.as_bytes())
            })
            .map_or(FileKind::Unknown, |(_, kind)| kind),
    }
}

/// Recognises a structure in DER.
fn der(bytes: &[u8]) -> Option<FileKind> {
    let (length, inner) = header(bytes)?;
    if inner.len() < length {
        return Some(FileKind::CutDer);
    }
    Some(match inner {
        // A version, then what follows it.
        [2, 1, 3, rest @ ..] if contains(rest, DATA) => FileKind::Pfx,
        // PKCS#8, with its algorithm, PKCS#1, or a key on a curve.
        [2, 1, 0 | 1, 0x30, _, 6, ..] | [2, 1, 0, 2, ..] | [2, 1, 1, 4, ..] => FileKind::PrivateKey,
        _ if inner.starts_with(SIGNED_DATA) => FileKind::P7b,
        [0x30, ..] => {
            let (length, second) = header(inner)?;
            let next = second.get(length);
            if second.first() == Some(&6) && next == Some(&3) {
                // An algorithm, and a bit string.
                FileKind::PublicKey
            } else if PBE.iter().any(|oid| second.starts_with(oid)) {
                FileKind::EncryptedKey
            } else if second.first().is_some_and(|tag| matches!(tag, 0xa0 | 2)) {
                FileKind::Certificate
            } else {
                return None;
            }
        }
        _ => return None,
    })
}

/// Returns the length in the header of a sequence, and everything after the header.
fn header(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let count = usize::from(first & 0x7f);
    match (tag, first) {
        (0x30, 0..=0x7f) => Some((count, rest)),
        (0x30, 0x81..=0x84) => {
            let (length, rest) = rest.split_at_checked(count)?;
            let length = length
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            Some((length, rest))
        }
        _ => None,
    }
}

fn contains(bytes: &[u8], pattern: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(64)];
    head.windows(pattern.len()).any(|part| part == pattern)
}
