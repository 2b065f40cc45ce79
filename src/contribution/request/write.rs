// SPDX-License-Identifier: MIT OR Apache-2.0
//! How an HSM writes a request.

use core::fmt;

use minicbor::Encoder;
use minicbor::encode::Write;

use super::asking::{Asking, SessionPurpose};
use super::{Request, digest, file_len, signed_digest};
use crate::cbor::{Count, Encoded, bytes_len};
use crate::ed25519::{SIGNATURE_LEN, SigningKey};
use crate::rng::NoGenerator;
use crate::sealed_domain::Root;

impl Asking<'_> {
    /// Returns how many bytes [`write`](Self::write) needs, with or without a signature; at most
    /// [`Request::MAX_LEN`].
    ///
    /// # Errors
    ///
    /// [`AskError::Fault`] if the encoding has no length, which would be a bug.
    pub fn request_len(&self, signed: bool) -> Result<usize, AskError> {
        let signature = if signed { SIGNATURE_LEN } else { 0 };
        Ok(file_len(self.encoded_len()?, signature))
    }

    fn encoded_len(&self) -> Result<usize, AskError> {
        let mut encoder = Encoder::new(Count(0));
        self.encode(&mut encoder).map_err(|_| AskError::Fault)?;
        Ok(encoder.writer().0)
    }

    /// Writes the request to the front of `out`, signed by the domain key of `signer` if there is
    /// one. An active HSM signs a request to rotate or to rehearse; a request to recover is not
    /// signed. On an error `out` is left empty.
    ///
    /// Secret: the root of `signer`. Public: everything else. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`AskError`].
    pub fn write<'o>(
        &self,
        signer: Option<&Root>,
        out: &'o mut [u8],
    ) -> Result<Request<'o>, AskError> {
        if !self.ends_after_it_began() {
            return Err(AskError::Expiry);
        }
        if signer.is_some() && self.purpose == SessionPurpose::Recover {
            return Err(AskError::SignedRecovery);
        }
        let needed = self.request_len(signer.is_some())?;
        let out = out
            .get_mut(..needed)
            .ok_or(AskError::BufferTooSmall { needed })?;
        self.write_into(signer, out).inspect_err(|_| out.fill(0))?;
        Request::parse(out).map_err(|_| AskError::Fault)
    }

    /// Writes the request where it stands in its file, so that it needs no room of its own.
    fn write_into(&self, signer: Option<&Root>, out: &mut [u8]) -> Result<(), AskError> {
        let len = self.encoded_len()?;
        let front = bytes_len(len).saturating_add(1);
        let (front, back) = out.split_at_mut_checked(front).ok_or(AskError::Fault)?;
        self.encode_front(len, &mut Encoder::new(&mut *front))
            .map_err(|_| AskError::Fault)?;
        let head = front.len().checked_sub(len).ok_or(AskError::Fault)?;
        let request = front.get(head..).ok_or(AskError::Fault)?;
        let sign = |root: &Root| {
            let mut key = SigningKey::zeroed();
            root.domain_key(&mut key).map_err(|_| AskError::Fault)?;
            let signature = key.sign(&signed_digest(&digest(request)), &mut NoGenerator);
            signature.map_err(|_| AskError::Fault)
        };
        let signature = signer.map(sign).transpose()?;
        let signature = signature.as_ref().map_or(&[][..], |signature| signature);
        let mut encoder = Encoder::new(back);
        encoder.bytes(signature).map_err(|_| AskError::Fault)?;
        Ok(())
    }

    /// Writes the file up to the signature; the request has `len` bytes.
    fn encode_front<W: Write>(&self, len: usize, encoder: &mut Encoder<W>) -> Encoded<W> {
        encoder.array(2)?.bytes_len(len as u64)?;
        self.encode(encoder)
    }
}

/// Why a request was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AskError {
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// The request expires before it was made, or it expires and the HSM has no clock.
    Expiry,
    /// A request to recover must not be signed by the domain key.
    SignedRecovery,
    /// The result is not a request, or its signature does not verify: a hardware fault or a bug in
    /// this crate.
    Fault,
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::Expiry => f.write_str("expires is before created, or there is no clock"),
            Self::SignedRecovery => f.write_str("a request to recover must not be signed"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for AskError {}
