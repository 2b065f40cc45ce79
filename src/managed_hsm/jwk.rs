// SPDX-License-Identifier: MIT OR Apache-2.0
//! An RSA public key with its certificate as a JSON Web Key (RFC 7517), the form that names
//! custodians and transfer keys. Everything else in it must agree with the certificate.

use sha1::Sha1;
use sha2::Digest;

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

/// Whether a JWK must have a `kid`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kid {
    /// It must have one.
    Required,
    /// It may have one.
    Optional,
}

/// Reads a JWK, and decodes its certificate into `der`.
pub fn read<'d, S: Source>(
    reader: &mut Reader<'_, S>,
    at: Field,
    kid: Kid,
    der: &'d mut [u8],
) -> Result<Jwk<'d, S>, FileError> {
    let names = [
        "x5c", "x5t", "x5t#S256", "n", "e", "key_ops", "kty", "alg", "kid", "use",
    ];
    let places = names.map(|name| at.part(name));
    let [x5c_at, .., kid_at, _] = places;
    let mut members = places.map(|place| Member::new(place.part, place));
    let [.., kid_member, use_member] = &mut members;
    *use_member = Member::optional("use", at.part("use"));
    if kid == Kid::Optional {
        *kid_member = Member::optional("kid", kid_at);
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
            5 => read_operations(reader, here),
            6 => reader.literal(here, "RSA"),
            7 => reader.literal(here, "RSA-OAEP-256"),
            8 => reader.string(here).map(|_| ()),
            _ => reader.literal(here, "enc"),
        }
    })?;
    let [Some(x5c), Some(x5t), Some(x5t_256), Some(n), Some(e)] = texts else {
        return Err(x5c_at.has(Fault::Missing));
    };
    let certificate = read_certificate(&x5c, x5c_at, der)?;
    let [_, x5t_at, x5t_256_at, n_at, e_at, ..] = places;
    agrees(&x5t, x5t_at, &Sha1::digest(certificate.der()))?;
    agrees(&x5t_256, x5t_256_at, certificate.thumbprint().as_bytes())?;
    agrees(&n, n_at, certificate.public_key().modulus())?;
    agrees(&e, e_at, certificate.public_key().exponent())?;
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

/// Reads `key_ops`: known operations, none twice, at least one of which wraps keys.
fn read_operations<S: Source>(reader: &mut Reader<'_, S>, at: Field) -> Result<(), FileError> {
    let mut seen = [false; OPERATIONS.len()];
    reader.array(at, |reader, _| {
        let operation = reader.string(at)?;
        let known = OPERATIONS.iter().zip(&mut seen);
        let (_, seen) = { known }
            .find(|(name, _)| operation.is(name))
            .ok_or(at.has(Fault::Value))?;
        if core::mem::replace(seen, true) {
            return Err(at.has(Fault::Duplicate));
        }
        Ok(())
    })?;
    if seen[ENCRYPT] || seen[WRAP_KEY] {
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
        let mut before = "";
        for text in json.split('"') {
            writer.put(before)?;
            writer.put(text)?;
            before = self.quote;
        }
        Ok(())
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
