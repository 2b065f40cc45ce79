// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private keys of Ed25519 in PKCS#8 (RFC 8410 section 7), with which people sign for themselves.

use std::path::{Path, PathBuf};

use der::Decode;
use der::asn1::{AnyRef, ObjectIdentifier};
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use super::forms::Form;
use super::{Lock, encryption, needed};
use crate::certificate::elements;
use crate::passwords::PasswordArgs;
use crate::report::Outcome;
use crate::text;

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The head of the OCTET STRING in which the seed is.
const SEED: [u8; 2] = [4, 32];

/// A person's own key.
#[derive(clap::Args)]
pub struct SigningArgs {
    /// The person's own private key, of Ed25519, in PKCS#8
    #[arg(long = "key", value_name = "KEY")]
    pub path: PathBuf,
    #[command(flatten)]
    passwords: PasswordArgs,
}

impl SigningArgs {
    pub fn read(&self) -> Outcome<SigningKey> {
        let passwords = self.passwords.read(1)?;
        read_signing(&self.path, passwords.given(0))
    }
}

/// Reads the Ed25519 key in `path`. `password` is the given one, or `None` to ask on the terminal.
///
/// Secret: the key. Public: the rest. Leaks: whether the file has such a key.
fn read_signing(path: &Path, password: Option<&[u8]>) -> Outcome<SigningKey> {
    let bytes = text::read(path)?;
    let mut lock = Lock::new(path, &bytes, password);
    let forms = needed(&bytes, &lock)?;
    lock.open(|lock| {
        for form in &forms {
            let key = match form {
                Form::Pkcs8(der) => seed(der),
                Form::Encrypted(der) => seed(&encryption::decrypt(der, lock)?),
                _ => None,
            };
            if let Some(seed) = key {
                return Ok(SigningKey::from_bytes(&seed));
            }
        }
        Err(lock.refuse(
            "holds no Ed25519 key in PKCS#8; make one with: openssl genpkey -algorithm ed25519 -aes256 -out A.key",
        ))
    })
}

fn seed(der: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let all = AnyRef::from_der(der).ok()?;
    let parts = elements(all.value()).ok()?;
    let [_version, algorithm, key, ..] = parts.as_slice() else {
        return None;
    };
    let algorithm = elements(algorithm.value()).ok()?;
    let oid = algorithm.first()?.decode_as::<ObjectIdentifier>().ok()?;
    let seed = key.value().strip_prefix(&SEED)?;
    let seed: &[u8; 32] = seed.try_into().ok()?;
    (oid == ED25519).then(|| Zeroizing::new(*seed))
}
