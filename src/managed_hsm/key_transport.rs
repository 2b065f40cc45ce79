// SPDX-License-Identifier: MIT OR Apache-2.0
//! A secret sealed to a certificate: a compact JWE whose content key is under RSA-OAEP-256, beside
//! the certificate's digest. A share to its custodian and the master key of a restore blob travel so.

use rand_core::TryCryptoRng;

use super::base64::{Base64UrlUnpadded, Decoder, url_len};
use super::error::{Fault, Field, FileError, WriteError};
use super::json::{Member, Reader, Str, Unescaped};
use super::jwe::{Algorithm, ContentKey, Jwe, MAX_ENCRYPTED_KEY, Sealer, padded_len, sealed_len};
use super::source::Text;
use super::writer::Writer;
use crate::custodian::{Identity, Unwrap};
use crate::rng::RngError;
use crate::rsa::EncryptError;
use crate::secret::Secret;
use crate::x509::{Certificate, Thumbprint};

/// The header's `kid`, to the letter.
const KID: &str = "not used";

/// Where the two members are.
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
    /// It does not open.
    Opaque,
    /// The device that holds the key failed.
    Device(E),
    /// The random number generator failed.
    Rng,
}

impl<E> From<RngError> for Failure<E> {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl<'a> EncKey<'a> {
    /// Reads an object with the members `enc_key` and `x5t_256`, whose secret has `secret` bytes.
    pub fn read(
        reader: &mut Reader<Text<'a>>,
        place: Place,
        secret: usize,
    ) -> Result<Self, FileError> {
        let (jwe_at, to_at) = (place.enc_key, place.x5t_256);
        let members = [
            Member::new("enc_key", jwe_at),
            Member::new("x5t_256", to_at),
        ];
        let (mut jwe, mut to) = (None, None);
        reader.object(place.object, &members, |reader, member| {
            if member == 0 {
                let text = reader.string(jwe_at)?;
                if parse(&text, jwe_at)?.ciphertext_len() != padded_len(secret) {
                    return Err(jwe_at.part("ciphertext").has(Fault::Length));
                }
                jwe = Some(text);
            } else {
                to = Some(read_digest(reader, to_at)?);
            }
            Ok(())
        })?;
        Ok(Self {
            jwe: jwe.ok_or(jwe_at.has(Fault::Missing))?,
            to: Thumbprint::new(to.ok_or(to_at.has(Fault::Missing))?),
        })
    }

    /// Whose certificate it is sealed to.
    pub fn to(&self) -> Thumbprint {
        self.to
    }

    /// Checks that the encrypted key is as long as the certificate's modulus.
    pub fn check_certificate(
        &self,
        certificate: &Certificate<'_>,
        at: Field,
    ) -> Result<(), FileError> {
        let size = certificate.public_key().size().bytes();
        if parse(&self.jwe, at)?.encrypted_key_len() == size {
            Ok(())
        } else {
            Err(at.part("encrypted key").has(Fault::Length))
        }
    }

    /// Unseals the secret. `SEALED` is its ciphertext's length, `N` the secret's.
    ///
    /// A content key that does not come out is replaced by a random one, so that the tag is computed
    /// all the same and nobody learns from the time whether it was RSA or the tag that failed
    /// (RFC 7516 section 11.5).
    ///
    /// Secret: the identity's key, the secret. Public: the file. Leaks: whether it opens.
    pub fn open<const SEALED: usize, const N: usize, I, R>(
        &self,
        identity: &mut I,
        rng: &mut R,
    ) -> Result<Secret<N>, Failure<I::Error>>
    where
        I: Identity,
        R: TryCryptoRng + ?Sized,
    {
        let jwe = parse(&self.jwe, Field::new("")).map_err(|_| Failure::Opaque)?;
        let mut buffer = [0; MAX_ENCRYPTED_KEY];
        let wrapped = jwe.encrypted_key(&mut buffer);

        let mut content_key = ContentKey::random(rng)?;
        let mut unwrapped = ContentKey::zeroed();
        match identity.unwrap(rng, wrapped, unwrapped.expose_mut()) {
            Ok(64) => content_key = unwrapped,
            Ok(_) | Err(Unwrap::Opaque) => {}
            Err(Unwrap::Device(error)) => return Err(Failure::Device(error)),
        }
        let mut plaintext = Secret::<SEALED>::zeroed();
        let length = jwe.open(&content_key, plaintext.expose_mut());
        let (Ok(length), Some(plaintext)) = (length, plaintext.expose().first_chunk::<N>()) else {
            return Err(Failure::Opaque);
        };
        if length != N {
            return Err(Failure::Opaque);
        }
        Secret::try_init(|secret| {
            *secret = *plaintext;
            Ok(())
        })
    }
}

fn parse<'a>(text: &Str<Text<'a>>, at: Field) -> Result<Jwe<Unescaped<Text<'a>>>, FileError> {
    Jwe::parse(text.bytes(), Algorithm::RsaOaep256, KID.bytes(), at)
}

/// Reads a string of base64url that is 32 bytes.
fn read_digest(reader: &mut Reader<Text<'_>>, at: Field) -> Result<[u8; 32], FileError> {
    let mut digest = [0; 32];
    let length = Decoder::<Base64UrlUnpadded, _>::new(reader.string(at)?.bytes())
        .all(&mut digest)
        .map_err(|_| at.has(Fault::Base64))?;
    if length == digest.len() {
        Ok(digest)
    } else {
        Err(at.has(Fault::Length))
    }
}

/// How many characters [`seal`] writes for a secret of `secret` bytes.
pub fn sealed_to_len(certificate: &Certificate<'_>, secret: usize) -> usize {
    let encrypted_key = certificate.public_key().size().bytes();
    let (kid, ciphertext) = (KID.chars(), padded_len(secret));
    sealed_len(Algorithm::RsaOaep256, kid, encrypted_key, ciphertext)
}

/// How many characters a digest has.
pub const DIGEST_LEN: usize = url_len(32);

/// Writes a secret, sealed to a certificate under a fresh content key, as a compact JWE.
///
/// Secret: `secret`. Public: the certificate, the length. Leaks: nothing else.
pub fn seal<R: TryCryptoRng + ?Sized>(
    writer: &mut Writer<'_>,
    secret: &[u8],
    certificate: &Certificate<'_>,
    rng: &mut R,
) -> Result<(), WriteError> {
    let content_key = ContentKey::random(rng)?;
    let mut buffer = [0; MAX_ENCRYPTED_KEY];
    let length = certificate
        .public_key()
        .encrypt_oaep_sha256(rng, b"", content_key.expose(), &mut buffer)
        .map_err(|error| match error {
            EncryptError::Rng => WriteError::Rng,
            // The content key fits every size of key, and the buffer every size of output.
            _ => WriteError::DoesNotOpen,
        })?;
    let encrypted_key = buffer.get(..length).unwrap_or_default();
    let kid = KID.chars();
    Sealer::begin(
        writer,
        Algorithm::RsaOaep256,
        kid,
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
