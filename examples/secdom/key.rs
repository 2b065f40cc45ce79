// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private key files in PEM: PKCS#8, encrypted PKCS#8 or PKCS#1.

use std::path::Path;

use pkcs8::EncryptedPrivateKeyInfoRef;
use security_domain::rsa::PrivateKey;
use zeroize::Zeroizing;

use crate::report::{Outcome, Refusal};
use crate::{input, passwords, pem, show};

/// Reads the private key in `path`, which must belong to the certificate in `certificate_file`, whose
/// modulus and exponent are `public`.
/// `password` is the given one, or `None` to ask on the terminal.
pub fn read(
    path: &Path,
    password: Option<&[u8]>,
    certificate_file: &Path,
    public: [&[u8]; 2],
) -> Outcome<PrivateKey> {
    let key = read_private(path, password)?;
    if [key.public_key().modulus(), key.public_key().exponent()] != public {
        return Err(Refusal::file(
            path,
            format!(
                "is not the private key of the certificate {}",
                show::path(certificate_file)
            ),
        ));
    }
    Ok(key)
}

/// Reads the private key in `path`. `password` is the given one, or `None` to ask on the terminal.
pub fn read_private(path: &Path, password: Option<&[u8]>) -> Outcome<PrivateKey> {
    let refuse = |reason: &str| Refusal::file(path, reason);
    let bytes = input::read(path)?;
    let blocks = pem::blocks(&bytes);
    let mut keys = blocks
        .iter()
        .filter(|block| block.label.ends_with("PRIVATE KEY"));
    let block = keys
        .next()
        .ok_or_else(|| refuse("holds no private key in PEM"))?;
    if keys.next().is_some() {
        return Err(refuse("holds more than one private key"));
    }
    if block.headers {
        return Err(refuse(
            "is encrypted in the old way of OpenSSL (Proc-Type); \
             convert it with: openssl pkcs8 -topk8 -in OLD.key -out NEW.key",
        ));
    }
    let encrypted = block.label == "ENCRYPTED PRIVATE KEY";
    if !encrypted && password.is_some_and(|password| !password.is_empty()) {
        return Err(refuse("is not encrypted, but a password is given for it"));
    }
    let der = block
        .decode()
        .ok_or_else(|| refuse("the private key's PEM block is not base64"))?;
    let key = match block.label {
        "PRIVATE KEY" => PrivateKey::from_pkcs8_der(&der),
        "RSA PRIVATE KEY" => PrivateKey::from_pkcs1_der(&der),
        "ENCRYPTED PRIVATE KEY" => PrivateKey::from_pkcs8_der(&decrypt(path, &der, password)?),
        other => {
            return Err(refuse(&format!(
                "holds no RSA private key, but {}",
                show::text(other)
            )));
        }
    };
    key.map_err(|error| Refusal::file(path, error))
}

/// Decrypts PKCS#8 with PBES2 (RFC 8018 section 6.2), and asks for the password if none is given.
fn decrypt(path: &Path, der: &[u8], password: Option<&[u8]>) -> Outcome<Zeroizing<Vec<u8>>> {
    let refuse = |reason: &str| Refusal::file(path, reason);
    let info = EncryptedPrivateKeyInfoRef::try_from(der)
        .map_err(|_| refuse("is encrypted in an unsupported way"))?;
    let asked;
    let password = match password {
        Some([]) => return Err(refuse("is encrypted, but its password is given as empty")),
        Some(password) => password,
        None => {
            asked = passwords::ask(path)?;
            &asked
        }
    };
    let mut buffer = Zeroizing::new(info.encrypted_data.as_bytes().to_vec());
    let length = info
        .encryption_algorithm
        .decrypt_in_place(password, &mut buffer)
        .map_err(|_| refuse("does not open with the given password"))?
        .len();
    buffer.truncate(length);
    // Once in 256 times a wrong password passes the padding check. Then the plaintext is not a
    // valid structure.
    if !buffer.starts_with(&[0x30, 0x82]) {
        return Err(refuse("does not open with the given password"));
    }
    Ok(buffer)
}
