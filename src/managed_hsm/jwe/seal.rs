// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes a compact JWE, chunk by chunk.

use aes::Aes256;
use cbc::cipher::array::Array;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use hmac::{Hmac, Mac};
use sha2::Sha512;

use super::{Algorithm, BLOCK, ContentKey, TAG, keys, tag};
use crate::ct::eq_bytes;
use crate::hardened::{Fault, Verdict, copy};
use crate::managed_hsm::base64::{Base64UrlUnpadded, CHUNK, url_len};
use crate::managed_hsm::error::WriteError;
use crate::managed_hsm::writer::{Writer, escape};
use crate::rng::{self, Generator};
use crate::secret::Secret;

/// Returns a header as it is written, in ASCII.
fn header(
    algorithm: Algorithm,
    kid: impl Iterator<Item = char> + Clone,
) -> impl Iterator<Item = u8> + Clone {
    let front = [
        "{\"alg\":\"",
        algorithm.name(),
        "\",\"enc\":\"A256CBC-HS512\",\"kid\":\"",
    ];
    let kid = escape(kid).map(|c| c as u8);
    { front.into_iter() }
        .flat_map(str::bytes)
        .chain(kid)
        .chain(*b"\"}")
}

/// Returns how many characters of JWE [`Sealer`] writes.
pub fn sealed_len(
    algorithm: Algorithm,
    kid: impl Iterator<Item = char> + Clone,
    encrypted_key: usize,
    ciphertext: usize,
) -> usize {
    let header = header(algorithm, kid).count();
    let parts = [header, encrypted_key, BLOCK, ciphertext, TAG];
    parts.map(url_len).iter().sum::<usize>() + 4
}

/// Returns the ciphertext length of a plaintext: padding fills the last block, or adds one.
pub const fn padded_len(plaintext: usize) -> usize {
    (plaintext | (BLOCK - 1)) + 1
}

/// A JWE that is being written.
pub struct Sealer<'w, 'o> {
    writer: &'w mut Writer<'o>,
    mac: Hmac<Sha512>,
    cipher: cbc::Encryptor<Aes256>,
    /// Opens what was sealed, so that nothing leaves that does not open.
    opener: cbc::Decryptor<Aes256>,
    header: usize,
}

impl<'w, 'o> Sealer<'w, 'o> {
    /// Writes the header, the encrypted key and a random IV.
    ///
    /// Secret: `key`. Leaks: nothing else.
    pub fn begin<R: Generator + ?Sized>(
        writer: &'w mut Writer<'o>,
        algorithm: Algorithm,
        kid: impl Iterator<Item = char> + Clone,
        encrypted_key: &[u8],
        key: &ContentKey,
        rng: &mut R,
    ) -> Result<Self, WriteError> {
        let (mut mac, aes) = keys(key)?;
        let mut iv = [0; BLOCK];
        rng::fill(rng, &mut iv)?;

        let header = writer.base64url_all(header(algorithm, kid), |text| mac.update(text))?;
        mac.update(&iv);

        writer.put(".")?;
        writer.base64::<Base64UrlUnpadded>(encrypted_key)?;
        writer.put(".")?;
        writer.base64::<Base64UrlUnpadded>(&iv)?;
        writer.put(".")?;
        Ok(Self {
            writer,
            mac,
            cipher: cbc::Encryptor::new(aes.into(), &iv.into()),
            opener: cbc::Decryptor::new(aes.into(), &iv.into()),
            header,
        })
    }

    /// Encrypts and writes a chunk: whole blocks, 192 bytes except for the last one, which is
    /// padded. The ciphertext leaves only if it opens to the chunk again.
    ///
    /// Secret: the chunk. Public: its length. Leaks: nothing else.
    pub fn chunk(&mut self, chunk: &[u8]) -> Result<(), WriteError> {
        let mut sealed = [0; CHUNK];
        let sealed = sealed.get_mut(..chunk.len()).ok_or(Fault)?;
        let (from, []) = Array::slice_as_chunks(chunk) else {
            return Err(WriteError::Fault);
        };
        let (to, _) = Array::slice_as_chunks_mut(sealed);
        self.cipher
            .encrypt_blocks_b2b(from, to)
            .map_err(|_| Fault)?;

        let mut opened = Secret::<CHUNK>::zeroed();
        let opened = opened.expose_mut().get_mut(..chunk.len()).ok_or(Fault)?;
        let (to, _) = Array::slice_as_chunks_mut(opened);
        let (from, _) = Array::slice_as_chunks(sealed);
        self.opener
            .decrypt_blocks_b2b(from, to)
            .map_err(|_| Fault)?;
        // From here on it is public whether the computation was right.
        Verdict::twice(|| eq_bytes(opened, chunk) & !eq_bytes(sealed, chunk)).or(Fault)?;

        self.mac.update(sealed);
        self.writer.base64::<Base64UrlUnpadded>(sealed)
    }

    /// Pads, encrypts and writes a whole plaintext.
    ///
    /// Secret: `plaintext`. Public: its length. Leaks: nothing else.
    pub fn plaintext(mut self, plaintext: &[u8]) -> Result<(), WriteError> {
        let (whole, rest) = plaintext.as_chunks::<CHUNK>();
        for chunk in whole {
            self.chunk(chunk)?;
        }
        let mut last = Secret::<CHUNK>::zeroed();
        let length = padded_len(rest.len());
        let last = last.expose_mut().get_mut(..length).ok_or(Fault)?;
        last.fill(length.wrapping_sub(rest.len()) as u8);
        copy(last.get_mut(..rest.len()).ok_or(Fault)?, rest)?;
        self.chunk(last)?;
        self.finish()
    }

    /// Writes the tag.
    ///
    /// Secret: the key. Public: the tag. Leaks: nothing else.
    pub fn finish(self) -> Result<(), WriteError> {
        let mut computed = Secret::zeroed();
        tag(self.mac, self.header, &mut computed)?;
        self.writer.put(".")?;
        self.writer.base64::<Base64UrlUnpadded>(computed.expose())
    }
}
