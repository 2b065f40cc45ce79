// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a challenge to the custodians of a domain file is written.

use core::fmt;

use heapless::Vec;
use minicbor::Encoder;

use super::challenge::{
    Challenge, Front, PLAINTEXT_LEN, asked_len, commitment, context, encode_front, encode_head,
    front_len,
};
use crate::burn::{self, burning};
use crate::ct::declassify_bytes;
use crate::custodian::{Recipient, WrapError};
use crate::drill::ChallengeId;
use crate::hardened::{Fault, copy};
use crate::managed_hsm::custodians::MAX_CUSTODIANS;
use crate::managed_hsm::domain_file::DomainFile;
use crate::managed_hsm::error::FileError;
use crate::rng::{self, Generator, RngError};
use crate::rsa::{KeyError, ModulusSize, PublicKey};
use crate::secret::{Secret, wipe};
use crate::wrapped_share::check_hides;
use crate::x509::{RecoveryCertificate, Thumbprint};

impl<'o> Challenge<'o> {
    /// Returns how many bytes [`write`](Self::write) needs at most; at most [`Self::MAX_LEN`] for
    /// ten certificates.
    pub fn written_len(certificates: &[RecoveryCertificate<'_>]) -> usize {
        let each = { certificates.iter() }.map(|certificate| asked_len(certificate.size().bytes()));
        each.fold(front_len(), usize::saturating_add)
    }

    /// Writes a challenge to custodians of `file` to the front of `out`, and returns it as read back
    /// from there. `certificates` are those of the custodians who are asked. `created` is the time
    /// in Unix seconds, 0 without a clock. On an error `out` is left empty.
    ///
    /// Secret: the values. Public: everything else, the challenge. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ChallengeError`].
    pub fn write<R: Generator + ?Sized>(
        file: &DomainFile<'_>,
        certificates: &[RecoveryCertificate<'_>],
        created: u64,
        rng: &mut R,
        out: &'o mut [u8],
    ) -> Result<Self, ChallengeError> {
        let needed = Self::written_len(certificates);
        let room = (out.len() >= needed).then_some(out);
        let out = room.ok_or(ChallengeError::BufferTooSmall { needed })?;
        let write = || write(file, certificates, created, rng, out);
        let len = burning::<{ burn::JWE }, _>(write).inspect_err(|_| wipe(out))?;
        let file = out.get(..len).ok_or(Fault)?;
        Challenge::parse(file).map_err(|_| ChallengeError::Fault)
    }
}

/// Writes the file, and returns its length.
fn write<R: Generator + ?Sized>(
    file: &DomainFile<'_>,
    certificates: &[RecoveryCertificate<'_>],
    created: u64,
    rng: &mut R,
    out: &mut [u8],
) -> Result<usize, ChallengeError> {
    let listed = check(file, certificates)?;
    let mut id = [0; 32];
    rng::fill(rng, &mut id)?;
    declassify_bytes(&mut id);
    let front = Front {
        id: ChallengeId::from_bytes(id),
        file: file.digest(),
        created,
    };
    let whole = out.len();
    let mut encoder = Encoder::new(out);
    encode_front(&front, listed.len(), &mut encoder).map_err(|_| Fault)?;
    // In the order of their thumbprints, each picked as the next: sorting can reach a panic.
    let mut last = None;
    for _ in &listed {
        let later =
            |one: &&&RecoveryCertificate<'_>| last.is_none_or(|last| one.thumbprint() > last);
        let next = { listed.iter().filter(later) }.min_by_key(|one| one.thumbprint());
        let next = next.ok_or(Fault)?;
        write_value(&front, next, rng, &mut encoder)?;
        last = Some(next.thumbprint());
    }
    Ok(whole.saturating_sub(encoder.writer().len()))
}

/// Returns the certificates. Each must be a custodian's, and of each there must be one.
fn check<'c, 'd>(
    file: &DomainFile<'_>,
    certificates: &'c [RecoveryCertificate<'d>],
) -> Result<Vec<&'c RecoveryCertificate<'d>, MAX_CUSTODIANS>, ChallengeError> {
    let mut listed = Vec::<&RecoveryCertificate<'_>, MAX_CUSTODIANS>::new();
    for certificate in certificates {
        let of = certificate.thumbprint();
        { file.check_certificate(certificate) }
            .map_err(|error| ChallengeError::Certificate(of, error))?;
        // There is room for all whom the file lists.
        if listed.iter().any(|other| other.thumbprint() == of) || listed.push(certificate).is_err()
        {
            return Err(ChallengeError::Repeated(of));
        }
    }
    if listed.is_empty() {
        return Err(ChallengeError::NobodyAsked);
    }
    Ok(listed)
}

/// Draws the value for one custodian, and writes it wrapped.
fn write_value<R: Generator + ?Sized>(
    front: &Front,
    certificate: &RecoveryCertificate<'_>,
    rng: &mut R,
    encoder: &mut Encoder<&mut [u8]>,
) -> Result<(), ChallengeError> {
    let of = certificate.thumbprint();
    let key = PublicKey::new(certificate.modulus(), certificate.exponent());
    let key = key.map_err(|error| ChallengeError::Key(of, error))?;
    let mut value = Secret::zeroed();
    let drawn = rng::draw(rng, value.expose_mut())?;
    let context = context(front, &of);
    let mut committed = commitment(&context, value.expose());
    declassify_bytes(&mut committed);
    let mut plaintext = Secret::<PLAINTEXT_LEN>::zeroed();
    let (bound, rest) = { plaintext.expose_mut() }
        .split_first_chunk_mut::<32>()
        .ok_or(Fault)?;
    *bound = context;
    copy(rest, value.expose())?;
    let mut wrapped = [0; ModulusSize::MAX_BYTES];
    let wrapped = { wrapped.get_mut(..certificate.size().bytes()) }.ok_or(Fault)?;
    let failed = |error| ChallengeError::Wrap(of, error);
    key.wrap(plaintext.expose(), &context, rng, wrapped)
        .map_err(failed)?;
    let hidden = check_hides(wrapped, key.algorithm(), value.expose(), WrapError::Fault);
    let permit = hidden.map_err(failed)?.and(drawn);
    // From here on the wrapped value is public: it leaves.
    declassify_bytes(wrapped);
    permit.spend(ChallengeError::Fault)?;
    encode_head(of, &committed, encoder).map_err(|_| Fault)?;
    encoder.bytes(wrapped).map_err(|_| Fault)?;
    Ok(())
}

/// Why a challenge was not written. The output is empty then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ChallengeError {
    /// No certificate is given.
    NobodyAsked,
    /// The file does not list this certificate, or its custodian's share is damaged.
    Certificate(Thumbprint, FileError),
    /// This certificate is given twice.
    Repeated(Thumbprint),
    /// The key in this certificate is refused.
    Key(Thumbprint, KeyError),
    /// The random number generator failed.
    Rng,
    /// Wrapping a value to the key in this certificate failed.
    Wrap(Thumbprint, WrapError),
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for ChallengeError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl From<RngError> for ChallengeError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for ChallengeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyAsked => f.write_str("no custodian is asked"),
            Self::Certificate(of, _) => write!(f, "certificate {of} cannot be asked"),
            Self::Repeated(of) => write!(f, "certificate {of} is given twice"),
            Self::Key(of, _) => write!(f, "the key in certificate {of} is refused"),
            Self::Rng => RngError.fmt(f),
            Self::Wrap(of, _) => write!(f, "wrapping to the key of certificate {of} failed"),
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for ChallengeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Certificate(_, error) => Some(error),
            Self::Key(_, error) => Some(error),
            Self::Wrap(_, error) => Some(error),
            _ => None,
        }
    }
}
