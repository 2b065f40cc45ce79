// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates near a private key: beside it under its name, or in its own file.

use std::path::Path;

use super::CertificateFile;
use crate::report::{Outcome, Refusal};
use crate::{show, text};

/// The extensions of a certificate beside its key.
const EXTENSIONS: [&str; 7] = ["cer", "crt", "pem", "cert", "der", "p7b", "p7c"];

/// Reads the certificates beside a key, and those in its own file, whose text is given. None is decrypted.
pub fn near(key_file: &Path, text: &[u8]) -> Outcome<Vec<CertificateFile>> {
    let mut all = Vec::new();
    for extension in EXTENSIONS {
        let mut beside = key_file.with_extension(extension);
        if !beside.try_exists().unwrap_or(false) {
            // As Windows writes it.
            beside = key_file.with_extension(extension.to_ascii_uppercase());
        }
        if beside != key_file && beside.try_exists().unwrap_or(false) {
            let bytes = text::read(&beside)?;
            let found = CertificateFile::find(&beside, &bytes, None)?;
            if found.is_empty() && extension == EXTENSIONS[0] {
                // This one is the certificate by its name, so it is at fault.
                return CertificateFile::read_each(&beside);
            }
            all.extend(found);
        }
    }
    all.extend(CertificateFile::find(key_file, text, None)?);
    Ok(all)
}

/// Makes the refusal of a key whose certificate is not found; `option` may give it.
pub fn missing(key_file: &Path, option: &str) -> Refusal {
    let beside = show::path(&key_file.with_extension(EXTENSIONS[0]));
    Refusal::file(
        key_file,
        format!(
            "its certificate is missing: it is looked for beside the key as {beside} (or .crt, .pem), in the \
             key's own file, and as {option}"
        ),
    )
}
