// SPDX-License-Identifier: MIT OR Apache-2.0
//! An RSA public key with its certificate as a JSON Web Key (RFC 7517), the form that names
//! custodians and transfer keys. Everything else in it must agree with the certificate.

use base64ct::Encoding;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::MAX_CERTIFICATE_LEN;
use super::base64::{Base64, Base64UrlUnpadded, Decoder};
use super::error::{Fault, Field, FileError, WriteError};
use super::json::{Member, Reader, Str};
use super::source::Source;
use super::writer::{Writer, escape};
use crate::x509::Certificate;

/// The operations of RFC 7517 section 4.3.
const OPERATIONS: [&str; 8] = [
    "sign",
    "verify",
    "encrypt",
    "decrypt",
    "wrapKey",
    "unwrapKey",
    "deriveKey",
    "deriveBits",
];
const ENCRYPT: usize = 2;
const WRAP_KEY: usize = 4;

/// A parsed JWK, with the certificate in the front of the caller's buffer.
pub struct Jwk<'d, S> {
    /// The certificate, with which everything else in the JWK agrees.
    pub certificate: Certificate<'d>,
    /// The position of the certificate's base64.
    pub x5c: Str<S>,
}

/// Whose key a JWK is, which decides what may be missing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An HSM's: every member must be there.
    TransferKey,
    /// A custodian's, in a request. The Azure client omits `kid`. Terraform's `azurerm` provider sends the
    /// certificate alone: no `x5t`, `n` or `e`, an empty operation, and as `x5t#S256` the padded
    /// digest of the certificate's base64. The service accepts both.
    Custodian,
}

/// Reads a JWK, and decodes its certificate into `der`.
pub fn read<'d, S: Source>(
    reader: &mut Reader<'_, S>,
    at: Field,
    role: Role,
    der: &'d mut [u8],
) -> Result<Jwk<'d, S>, FileError> {
    let names = [
        "x5c", "x5t", "x5t#S256", "n", "e", "key_ops", "kty", "alg", "kid", "use",
    ];
    let places = names.map(|name| at.part(name));
    let [x5c_at, x5t_at, x5t_256_at, n_at, e_at, .., kid_at, _] = places;
    let mut members = places.map(|place| Member::new(place.part, place));
    let [_, x5t, _, n, e, .., kid, usage] = &mut members;
    *usage = Member::optional("use", at.part("use"));
    if role == Role::Custodian {
        *kid = Member::optional("kid", kid_at);
        *x5t = Member::optional("x5t", x5t_at);
        *n = Member::optional("n", n_at);
        *e = Member::optional("e", e_at);
    }
    // The members that hold bytes: x5c, x5t, x5t#S256, n, e.
    let mut texts = [const { None }; 5];
    reader.object(at, &members, |reader, member| {
        let here = *places.get(member).ok_or(at.has(Fault::Syntax))?;
        match member {
            0 => {
                let mut only = None;
                let count = reader.array(here, |reader, _| {
                    only = Some(reader.string(here)?);
                    Ok(())
                })?;
                if count != 1 {
                    return Err(here.has(Fault::Count));
                }
                set(&mut texts, member, only).ok_or(here.has(Fault::Syntax))
            }
            1..=4 => {
                let text = Some(reader.string(here)?);
                set(&mut texts, member, text).ok_or(here.has(Fault::Syntax))
            }
            5 => read_operations(reader, here, role),
            6 => read_type(reader, here, role),
            7 => reader.literal(here, "RSA-OAEP-256"),
            8 => reader.string(here).map(|_| ()),
            _ => reader.literal(here, "enc"),
        }
    })?;
    let [Some(x5c), x5t, Some(x5t_256), n, e] = texts else {
        return Err(x5c_at.has(Fault::Missing));
    };
    let certificate = read_certificate(&x5c, x5c_at, der)?;
    match (x5t, n, e) {
        (None, None, None) if is_digest_of_text(&x5t_256, &x5c) => {
            return Ok(Jwk { certificate, x5c });
        }
        (Some(x5t), Some(n), Some(e)) => {
            agrees(&x5t, x5t_at, &Sha1::digest(certificate.der()))?;
            agrees(&n, n_at, certificate.public_key().modulus())?;
            agrees(&e, e_at, certificate.public_key().exponent())?;
        }
        (None, _, _) => return Err(x5t_at.has(Fault::Missing)),
        (_, None, _) => return Err(n_at.has(Fault::Missing)),
        (_, _, None) => return Err(e_at.has(Fault::Missing)),
    }
    agrees(&x5t_256, x5t_256_at, certificate.thumbprint().as_bytes())?;
    Ok(Jwk { certificate, x5c })
}

fn set<T, const N: usize>(
    slots: &mut [Option<T>; N],
    place: usize,
    value: Option<T>,
) -> Option<()> {
    *slots.get_mut(place)? = value;
    Some(())
}

/// Decodes a certificate into the front of `der`, and reads it.
pub fn read_certificate<'d, S: Source>(
    text: &Str<S>,
    at: Field,
    der: &'d mut [u8],
) -> Result<Certificate<'d>, FileError> {
    let length = Decoder::<Base64, _>::new(text.bytes())
        .all(der)
        .map_err(|_| at.has(Fault::Base64))?;
    let der = { der.get(..length) }
        .filter(|der| der.len() <= MAX_CERTIFICATE_LEN)
        .ok_or(at.has(Fault::Length))?;
    Certificate::parse(der).map_err(|error| at.has(Fault::Certificate(error)))
}

/// Checks that a member's bytes, in base64url, are those of the certificate.
fn agrees<S: Source>(text: &Str<S>, at: Field, bytes: &[u8]) -> Result<(), FileError> {
    let mut given = [0; 512];
    let length = Decoder::<Base64UrlUnpadded, _>::new(text.bytes())
        .all(&mut given)
        .map_err(|_| at.has(Fault::Base64))?;
    if given.get(..length) == Some(bytes) {
        Ok(())
    } else {
        Err(at.has(Fault::Mismatch))
    }
}

/// Returns whether a member is the padded base64url of the SHA-256 of a certificate's base64, which
/// Terraform's `azurerm` provider sends as the digest.
fn is_digest_of_text<S: Source>(text: &Str<S>, certificate: &Str<S>) -> bool {
    let mut hash = Sha256::new();
    for character in certificate.bytes() {
        hash.update([character]);
    }
    let mut expected = [0; 43];
    let encoded = Base64UrlUnpadded::encode(&hash.finalize(), &mut expected);
    encoded.is_ok_and(|expected| text.bytes().eq(expected.bytes().chain([b'='])))
}

/// Reads `kty`; a request may name where its key is.
fn read_type<S: Source>(
    reader: &mut Reader<'_, S>,
    at: Field,
    role: Role,
) -> Result<(), FileError> {
    let name = reader.string(at)?;
    if name.is("RSA") || (role == Role::Custodian && name.is("RSA-HSM")) {
        Ok(())
    } else {
        Err(at.has(Fault::Value))
    }
}

/// Reads `key_ops`: known operations, none twice, at least one of which wraps keys. A request may have
/// a single empty one.
fn read_operations<S: Source>(
    reader: &mut Reader<'_, S>,
    at: Field,
    role: Role,
) -> Result<(), FileError> {
    let mut seen = [false; OPERATIONS.len()];
    let mut empty = false;
    let count = reader.array(at, |reader, _| {
        let operation = reader.string(at)?;
        if role == Role::Custodian && operation.is("") {
            empty = true;
            return Ok(());
        }
        let known = OPERATIONS.iter().zip(&mut seen);
        let (_, seen) = { known }
            .find(|(name, _)| operation.is(name))
            .ok_or(at.has(Fault::Value))?;
        if core::mem::replace(seen, true) {
            return Err(at.has(Fault::Duplicate));
        }
        Ok(())
    })?;
    if (empty && count == 1) || (!empty && (seen[ENCRYPT] || seen[WRAP_KEY])) {
        Ok(())
    } else {
        Err(at.has(Fault::Value))
    }
}

/// How a JWK is written.
pub struct Form<'k> {
    /// The quotation mark, with a backslash if the JWK is itself inside a string.
    pub quote: &'static str,
    /// The `kid`, if it is written; it then comes first.
    pub kid: Option<&'k str>,
    /// The operations, in JSON.
    pub key_ops: &'static str,
}

impl Form<'_> {
    /// Writes the JWK of a certificate's key.
    pub fn write(
        &self,
        writer: &mut Writer<'_>,
        certificate: &Certificate<'_>,
    ) -> Result<(), WriteError> {
        let key = certificate.public_key();
        self.put(writer, "{")?;
        if let Some(kid) = self.kid {
            self.put(writer, "\"kid\":\"")?;
            writer.put_all(self.escaped(kid))?;
            self.put(writer, "\",")?;
        }
        self.put(writer, "\"x5c\":[\"")?;
        writer.base64::<Base64>(certificate.der())?;
        self.put(writer, "\"],\"x5t\":\"")?;
        writer.base64::<Base64UrlUnpadded>(&Sha1::digest(certificate.der()))?;
        self.put(writer, "\",\"x5t#S256\":\"")?;
        writer.base64::<Base64UrlUnpadded>(certificate.thumbprint().as_bytes())?;
        self.put(writer, "\",\"key_ops\":")?;
        self.put(writer, self.key_ops)?;
        self.put(writer, ",\"kty\":\"RSA\",\"alg\":\"RSA-OAEP-256\",\"n\":\"")?;
        writer.base64::<Base64UrlUnpadded>(key.modulus())?;
        self.put(writer, "\",\"e\":\"")?;
        writer.base64::<Base64UrlUnpadded>(key.exponent())?;
        self.put(writer, "\"}")
    }

    /// Writes JSON with this form's quotation marks.
    fn put(&self, writer: &mut Writer<'_>, json: &str) -> Result<(), WriteError> {
        json.chars().try_for_each(|c| match c {
            '"' => writer.put(self.quote),
            c => writer.put(c.encode_utf8(&mut [0; 4])),
        })
    }

    /// Returns a text inside this form's quotation marks.
    fn escaped(&self, text: &str) -> impl Iterator<Item = char> {
        let nested = self.quote.len() > 1;
        escape(text.chars()).flat_map(move |c| {
            let backslash = (nested && matches!(c, '"' | '\\')).then_some('\\');
            backslash.into_iter().chain([c])
        })
    }
}
