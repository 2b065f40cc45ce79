// SPDX-License-Identifier: MIT OR Apache-2.0
//! A secret sealed to a certificate: a compact JWE whose content key is wrapped with RSA-OAEP-256,
//! together with the certificate's digest. It carries a share to its custodian, and the master key
//! of a restore blob.

use super::base64::{Base64UrlUnpadded, Decoder, url_len};
use super::error::{Fault, Field, FileError, OpenError, WriteError};
use super::json::{Member, Reader, Str, Unescaped};
use super::jwe::{Algorithm, ContentKey, Jwe, MAX_ENCRYPTED_KEY, Sealer, padded_len, sealed_len};
use super::source::Text;
use super::writer::Writer;
use crate::ct::{Mask, eq_bytes, is_zeros};
use crate::custodian::{Identity, UnwrapError};
use crate::hardened::{self, Permit, Verdict, copy};
use crate::rng::{Generator, RngError};
use crate::rsa::{EncryptError, ModulusSize};
use crate::secret::Secret;
use crate::x509::{Certificate, Thumbprint};

/// The header's exact `kid`.
const KID: &str = "not used";

/// The positions of the two members.
#[derive(Clone, Copy)]
pub struct Place {
    /// The object.
    pub object: Field,
    /// Its member `enc_key`.
    pub enc_key: Field,
    /// Its member `x5t_256`.
    pub x5t_256: Field,
}

/// A sealed secret of `N` bytes in a file.
#[derive(Clone, Copy)]
pub struct EncKey<'a> {
    jwe: Str<Text<'a>>,
    to: Thumbprint,
}

/// Why a secret was not unsealed.
pub enum Failure<E> {
    /// The secret does not open.
    Opaque,
    /// The device that holds the key failed.
    Device(E),
    /// The random number generator failed.
    Rng,
    /// An internal check failed.
    Fault,
}

impl<E> From<hardened::Fault> for Failure<E> {
    fn from(_: hardened::Fault) -> Self {
        Self::Fault
    }
}

impl<E> From<RngError> for Failure<E> {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

/// An object with the members `enc_key` and `x5t_256`, each of which may have a fault. Everything
/// outside the two can be read all the same.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    jwe: Result<Str<Text<'a>>, FileError>,
    to: Result<Thumbprint, FileError>,
}

impl<'a> Entry<'a> {
    /// Reads an object whose secret has `secret` bytes. Fails only if it is not JSON, or has a
    /// member twice or one that is not in the format.
    pub fn read(
        reader: &mut Reader<'_, Text<'a>>,
        place: Place,
        secret: usize,
    ) -> Result<Self, FileError> {
        if reader.peek() != Some(b'{') {
            reader.skip(place.object)?;
            return Ok(Self::broken(place.object.has(Fault::NotAnObject)));
        }
        let (jwe_at, to_at) = (place.enc_key, place.x5t_256);
        let members = [
            Member::optional("enc_key", jwe_at),
            Member::optional("x5t_256", to_at),
        ];
        let mut entry = Self {
            jwe: Err(jwe_at.has(Fault::Missing)),
            to: Err(to_at.has(Fault::Missing)),
        };
        reader.object(place.object, &members, |reader, member| {
            if member == 0 {
                entry.jwe = { reader.string_or_fault(jwe_at)? }
                    .and_then(|text| check_secret(text, secret, jwe_at));
            } else {
                entry.to = { reader.string_or_fault(to_at)? }
                    .and_then(|text| read_digest(&text, to_at))
                    .map(Thumbprint::new);
            }
            Ok(())
        })?;
        Ok(entry)
    }

    /// Makes an entry of which nothing can be read.
    pub const fn broken(fault: FileError) -> Self {
        Self {
            jwe: Err(fault),
            to: Err(fault),
        }
    }

    /// Returns the digest of the certificate to which the secret is sealed.
    pub fn to(&self) -> Result<Thumbprint, FileError> {
        self.to
    }

    /// Returns the sealed secret, or the first fault.
    pub fn enc_key(&self) -> Result<EncKey<'a>, FileError> {
        Ok(EncKey {
            jwe: self.jwe?,
            to: self.to?,
        })
    }

    /// Returns the same entry with another digest.
    pub fn sealed_to(self, to: Thumbprint) -> Self {
        Self { to: Ok(to), ..self }
    }

    /// Returns the same entry without its secret.
    pub fn refused(self, fault: FileError) -> Self {
        Self {
            jwe: Err(fault),
            ..self
        }
    }
}

/// Checks the form of a JWE, whose secret has `secret` bytes.
fn check_secret(text: Str<Text<'_>>, secret: usize, at: Field) -> Result<Str<Text<'_>>, FileError> {
    if parse(&text, at)?.ciphertext_len() != padded_len(secret) {
        return Err(at.part("ciphertext").has(Fault::Length));
    }
    Ok(text)
}

impl<'a> EncKey<'a> {
    /// Returns the digest of the certificate to which the secret is sealed.
    pub fn to(&self) -> Thumbprint {
        self.to
    }

    /// Checks that the encrypted key is as long as the modulus of a certificate.
    pub fn check_size(&self, size: ModulusSize, at: Field) -> Result<(), FileError> {
        if parse(&self.jwe, at)?.encrypted_key_len() == size.bytes() {
            Ok(())
        } else {
            Err(at.part("encrypted key").has(Fault::Length))
        }
    }

    /// Writes the wrapped content key to the front of `out`, and returns it.
    pub fn wrapped<'o>(
        &self,
        out: &'o mut [u8; MAX_ENCRYPTED_KEY],
        at: Field,
    ) -> Result<&'o [u8], FileError> {
        let jwe = parse(&self.jwe, at)?;
        { jwe.encrypted_key(out) }.map_err(|_| at.part("encrypted key").has(Fault::Length))
    }

    /// Returns the size of the key to which the secret is sealed; `None` only if an internal check
    /// failed.
    pub fn size(&self) -> Option<ModulusSize> {
        let jwe = parse(&self.jwe, Field::new("")).ok()?;
        ModulusSize::from_bits(
            u32::try_from(jwe.encrypted_key_len())
                .ok()?
                .checked_mul(8)?,
        )
    }

    /// Unseals the secret into `out`. `SEALED` is the length of its ciphertext, `N` that of the
    /// secret.
    ///
    /// If no content key is unwrapped, a random one takes its place. So the tag is still computed,
    /// and timing does not show whether RSA or the tag failed (RFC 7516 section 11.5). The random
    /// key does not depend on a single branch: random bytes stand where the key will be unwrapped,
    /// and a key that did not change them, or is all zeros, counts as none, whatever the identity
    /// answers.
    ///
    /// Secret: the identity's key, the secret. Public: the file. Leaks: whether it opens.
    pub fn open<const SEALED: usize, const N: usize, I, R>(
        &self,
        identity: &mut I,
        rng: &mut R,
        out: &mut Secret<N>,
    ) -> Result<Permit, Failure<I::Error>>
    where
        I: Identity,
        R: Generator + ?Sized,
    {
        let jwe = parse(&self.jwe, Field::new("")).map_err(|_| Failure::Fault)?;
        let mut buffer = [0; MAX_ENCRYPTED_KEY];
        let wrapped = jwe.encrypted_key(&mut buffer)?;

        let random = ContentKey::random(rng)?;
        let mut unwrapped = ContentKey::zeroed();
        *unwrapped.expose_mut() = *random.expose();
        let answer = identity.unwrap_key(wrapped, &[], rng, unwrapped.expose_mut());
        let length = match answer {
            Ok(length) => length,
            Err(UnwrapError::Opaque) => 0,
            Err(UnwrapError::Device(error)) => return Err(Failure::Device(error)),
            Err(UnwrapError::Fault) => return Err(Failure::Fault),
        };
        // Whether a key was unwrapped is not public before the tag was tried.
        let came_out = || {
            let (length, unwrapped) = (u32::try_from(length), unwrapped.expose());
            Mask::eq(length.unwrap_or(u32::MAX), unwrapped.len() as u32)
                & !is_zeros(unwrapped)
                & !eq_bytes(unwrapped, random.expose())
        };
        let mut content_key = ContentKey::random(rng)?;
        let replace = !came_out();
        for (byte, unwrapped) in content_key.expose_mut().iter_mut().zip(unwrapped.expose()) {
            *byte = replace.select_u8(*byte, *unwrapped);
        }
        let mut plaintext = Secret::<SEALED>::zeroed();
        let opened = jwe.open(&content_key, plaintext.expose_mut());
        let opened = opened.map_err(|error| match error {
            OpenError::Fault => Failure::Fault,
            OpenError::BufferTooSmall { .. } | OpenError::DoesNotOpen => Failure::Opaque,
        })?;
        let plaintext = plaintext.expose().get(..opened).ok_or(Failure::Fault)?;
        let permit = Verdict::twice(|| came_out() & Mask::eq(plaintext.len() as u32, N as u32))
            .permit(Failure::Opaque)?;
        copy(out.expose_mut(), plaintext)?;
        Ok(permit)
    }
}

fn parse<'a>(text: &Str<Text<'a>>, at: Field) -> Result<Jwe<Unescaped<Text<'a>>>, FileError> {
    Jwe::parse(text.bytes(), Algorithm::RsaOaep256, KID.bytes(), at)
}

/// Decodes 32 bytes from base64url.
fn read_digest(text: &Str<Text<'_>>, at: Field) -> Result<[u8; 32], FileError> {
    let mut digest = [0; 32];
    let length = Decoder::<Base64UrlUnpadded, _>::new(text.bytes())
        .all(&mut digest)
        .map_err(|_| at.has(Fault::Base64))?;
    if length == digest.len() {
        Ok(digest)
    } else {
        Err(at.has(Fault::Length))
    }
}

/// Returns how many characters [`seal`] writes for a secret of `secret` bytes.
pub fn sealed_to_len(certificate: &Certificate<'_>, secret: usize) -> usize {
    let encrypted_key = certificate.public_key().size().bytes();
    let (kid, ciphertext) = (KID.chars(), padded_len(secret));
    sealed_len(Algorithm::RsaOaep256, kid, encrypted_key, ciphertext)
}

/// The number of characters in a digest.
pub const DIGEST_LEN: usize = url_len(32);

/// Seals a secret to a certificate under a fresh content key, and writes the compact JWE.
///
/// Secret: `secret`. Public: the certificate, the length. Leaks: nothing else.
pub fn seal<R: Generator + ?Sized>(
    writer: &mut Writer<'_>,
    secret: &[u8],
    certificate: &Certificate<'_>,
    rng: &mut R,
) -> Result<(), WriteError> {
    let content_key = ContentKey::random(rng)?;
    // A key that was never drawn would not protect anything.
    Verdict::twice(|| !is_zeros(content_key.expose())).or(WriteError::Rng)?;
    let mut buffer = [0; MAX_ENCRYPTED_KEY];
    let length = certificate
        .public_key()
        .encrypt_oaep_sha256(b"", content_key.expose(), rng, &mut buffer)
        .map_err(|error| match error {
            EncryptError::Rng => WriteError::Rng,
            // The content key fits any key size, and the buffer any output.
            _ => WriteError::Fault,
        })?;
    let encrypted_key = buffer.get(..length).ok_or(WriteError::Fault)?;
    Sealer::begin(
        writer,
        Algorithm::RsaOaep256,
        KID.chars(),
        encrypted_key,
        &content_key,
        rng,
    )?
    .plaintext(secret)
}

/// Writes a certificate's digest.
pub fn put_digest(writer: &mut Writer<'_>, digest: Thumbprint) -> Result<(), WriteError> {
    writer.base64::<Base64UrlUnpadded>(digest.as_bytes())
}
