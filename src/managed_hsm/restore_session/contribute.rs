// SPDX-License-Identifier: MIT OR Apache-2.0
//! One custodian, alone, sends a share to the collector that asked for it.

use core::fmt;
use core::hint::black_box;

use minicbor::Encoder;

use super::contribution::{
    Contribution, MAX_WRAPPED, PLAINTEXT_LEN, context, encode, encoded_len, write_plaintext,
};
use super::request::Request;
use super::vet::VettedRequest;
use crate::burn::{self, burning};
use crate::ct::{Mask, declassify_bytes, eq_bytes};
use crate::custodian::{Algorithm, Identity, Recipient, WrapError};
use crate::hardened::{Permit, Verdict};
use crate::managed_hsm::domain_file::{DomainFile, ShareError};
use crate::managed_hsm::file_digest::FileDigest;
use crate::managed_hsm::shares::Share;
use crate::rng::Generator;
use crate::secret::Secret;
use crate::wrapped_share::check_hides;
use crate::x509::Thumbprint;

#[cfg(test)]
mod tests;

/// Returns the length of a contribution to `request`; at most [`Contribution::MAX_LEN`].
pub fn contribution_len(request: &Request<'_>) -> usize {
    encoded_len(request.key().algorithm().wrapped_len(PLAINTEXT_LEN))
}

/// Opens the share of `custodian` in `file` with `identity`, wraps it for the collector that asked,
/// and returns the contribution as read back from the front of `out`. On an error `out` is left
/// empty.
///
/// Refuses, in this order: a request for another file; a transfer certificate that is a
/// custodian's; a request that has expired at `now`, in Unix seconds, 0 if there is no clock; a
/// custodian whom the file does not list; a session's key of a weaker kind than the custodian's.
/// Only then is the custodian's key used.
///
/// The custodian should know what the request names before: the [file](Request::file), and the HSM
/// that is restored, by its [transfer certificate](Request::transfer).
///
/// Secret: the identity's key, the share. Public: everything else, the contribution. Leaks: whether
/// the share opens, and its index then.
///
/// # Errors
///
/// Fails for each reason in [`ContributeError`].
///
/// ```
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let mut rng = ChaCha20Rng::from_seed([1; 32]);
/// # macro_rules! vector { ($name:literal) => {
/// #     include_str!(concat!("../../../tests/vectors/managed-hsm/", $name))
/// # }; }
/// # fn der(pem: &str) -> Vec<u8> {
/// #     let body: String = pem.lines().filter(|line| !line.starts_with("--")).collect();
/// #     let mut der = vec![0; body.len()];
/// #     <base64ct::Base64 as base64ct::Encoding>::decode(&body, &mut der).unwrap().to_vec()
/// # }
/// # let text = vector!("valid/v01-2of3-2048/sd.json").as_bytes();
/// # let transfer = der(vector!("keys/stransfer2048.cer"));
/// # let custodians = [
/// #     (vector!("keys/s2048_0.cer"), vector!("keys/s2048_0.key")),
/// #     (vector!("keys/s2048_2.cer"), vector!("keys/s2048_2.key")),
/// # ].map(|(certificate, key)| (der(certificate), der(key)));
/// # let mut session_key = security_domain::rsa::PrivateKey::from_pkcs8_der(
/// #     &der(vector!("keys/stransfer4096.key")),
/// # )?;
/// # let mut spki = [0; 1024];
/// # let spki_len = session_key.public_key().to_spki_der(&mut spki)?;
/// # let key = security_domain::contribution::SessionPublicKey::new(
/// #     security_domain::custodian::Recipient::algorithm(session_key.public_key()),
/// #     &spki[..spki_len],
/// # )?;
/// use security_domain::managed_hsm::{domain_file::DomainFile, restore_blob, restore_session};
/// use security_domain::rsa::PrivateKey;
/// use security_domain::x509::{Certificate, Thumbprint};
/// use restore_session::{Collector, Contribution, Request, Times, VettedRequest};
///
/// // The collector asks, with a key that is drawn for this session.
/// let file = DomainFile::parse(text)?;
/// let transfer = Certificate::parse(&transfer)?;
/// let times = Times { created: 1_790_000_000, expires: 1_790_086_400 };
/// let mut out = [0; Request::MAX_LEN];
/// let request = restore_session::ask(&file, &transfer, key, times, &mut rng, &mut out)?;
/// let shown = request.digest();
/// let mut collector = Collector::new(&file, request.clone())?;
///
/// for (certificate, my_key) in &custodians {
///     // Each custodian, alone: the request came by mail; the digest was read from the collector.
///     let vetted = VettedRequest::compared(Request::parse(request.as_bytes())?, shown)?;
///     let (me, now) = (Thumbprint::of(certificate), 1_790_000_060);
///     let mut my_key = PrivateKey::from_pkcs8_der(my_key)?;
///     let mut out = [0; Contribution::MAX_LEN];
///     let answer = restore_session::contribute(
///         &file, &vetted, &me, &mut my_key, now, &mut rng, &mut out,
///     )?;
///
///     // The collector takes the answer.
///     let answer = Contribution::parse(answer.as_bytes())?;
///     collector.add(&answer, &mut session_key, now, &mut rng)?;
/// }
/// let mut blob = vec![0; restore_blob::encoded_len(&file, &transfer)];
/// let restored = collector.restore(&transfer, 1_790_000_120, &mut rng, &mut blob)?;
/// assert_eq!(restored.left_out().count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A request that was not vetted gets no share; this does not compile:
///
/// ```compile_fail,E0308
/// # use security_domain::rng::Generator;
/// use security_domain::managed_hsm::domain_file::DomainFile;
/// use security_domain::managed_hsm::restore_session::{Request, contribute};
/// use security_domain::rsa::PrivateKey;
/// use security_domain::x509::Thumbprint;
///
/// fn answer<R: Generator>(
///     file: &DomainFile,
///     request: &Request,
///     me: &Thumbprint,
///     key: &mut PrivateKey,
///     rng: &mut R,
/// ) {
///     contribute(file, request, me, key, 0, rng, &mut [0; 1024]);
/// }
/// ```
pub fn contribute<'o, I, R>(
    file: &DomainFile<'_>,
    request: &VettedRequest<'_>,
    custodian: &Thumbprint,
    identity: &mut I,
    now: u64,
    rng: &mut R,
    out: &'o mut [u8],
) -> Result<Contribution<'o>, ContributeError<I::Error>>
where
    I: Identity,
    R: Generator + ?Sized,
{
    // Each comparison uses its own copy of the time.
    let now_again = black_box(now);
    burning::<{ burn::SEALING }, _>(move || {
        let asked = request.request();
        let permit = check_file(file, asked)?
            .and(check_transfer(file, asked)?)
            // A call that is skipped would leave the permit of the one before it in place.
            .and(check_transfer(black_box(file), black_box(asked))?)
            .and(check_time(asked, now)?)
            .and(check_time(asked, now_again)?)
            // Both evaluations use the same pointer to the request.
            .and(check_strength(file, asked, custodian)?)
            .and(check_strength(file, black_box(asked), custodian)?);
        let needed = contribution_len(asked);
        let out = { out.get_mut(..needed) }.ok_or(ContributeError::BufferTooSmall { needed })?;
        permit.test(ContributeError::Fault)?;
        request.check(ContributeError::Fault)?;
        let share = file
            .open_share(custodian, identity, rng)
            .map_err(ContributeError::Share)?;
        write(request, &share, permit, rng, out).inspect_err(|_| out.fill(0))?;
        Contribution::parse(out).map_err(|_| ContributeError::Fault)
    })
}

/// Returns a permit if the request is for the shares of this file.
#[inline(never)]
fn check_file<E>(
    file: &DomainFile<'_>,
    request: &Request<'_>,
) -> Result<Permit, ContributeError<E>> {
    Verdict::twice(|| eq_bytes(request.file().as_bytes(), file.digest().as_bytes())).permit(
        ContributeError::OtherFile {
            have: request.file(),
            want: file.digest(),
        },
    )
}

/// Returns a permit if the transfer certificate is no custodian's.
#[inline(never)]
fn check_transfer<E>(
    file: &DomainFile<'_>,
    request: &Request<'_>,
) -> Result<Permit, ContributeError<E>> {
    Verdict::twice(|| {
        let transfer = request.transfer();
        Mask::public(file.custodians().all(|custodian| custodian != transfer))
    })
    .permit(ContributeError::TransferOfCustodian(request.transfer()))
}

/// Returns a permit if there is time left, which holds without a clock or an expiry.
#[inline(never)]
fn check_time<E>(request: &Request<'_>, now: u64) -> Result<Permit, ContributeError<E>> {
    Verdict::twice(|| request.is_valid_at(now)).permit(ContributeError::Expired {
        expires: request.expires().map_or(0, |expires| expires.get()),
        now,
    })
}

/// Returns a permit if the session's key is at least as strong as the custodian's.
#[inline(never)]
fn check_strength<E>(
    file: &DomainFile<'_>,
    request: &Request<'_>,
    of: &Thumbprint,
) -> Result<Permit, ContributeError<E>> {
    let custodian = || file.key_kind(of);
    let session = || request.key().algorithm();
    Verdict::twice(|| match custodian() {
        Some(custodian) => Mask::public(session().is_as_strong_as(custodian)),
        None => Mask::public(false),
    })
    .permit(match custodian() {
        Some(custodian) => ContributeError::WeakerKey {
            session: session(),
            custodian,
        },
        None => ContributeError::Share(file.why_no_share(of)),
    })
}

/// Wraps the share, checks the result and writes it. The decisions taken so far, including that the
/// request was vetted, are tested again before the share is wrapped and before anything is written.
///
/// Secret: the share. Public: everything else, `out`. Leaks: nothing else.
fn write<E, R: Generator + ?Sized>(
    vetted: &VettedRequest<'_>,
    share: &Share,
    permit: Permit,
    rng: &mut R,
    out: &mut [u8],
) -> Result<(), ContributeError<E>> {
    let (request, custodian) = (vetted.request(), share.custodian());
    let (digest, key) = (request.digest(), request.key());
    let mut wrapped = [0; MAX_WRAPPED];
    let wrapped = wrapped
        .get_mut(..key.algorithm().wrapped_len(PLAINTEXT_LEN))
        .ok_or(ContributeError::Fault)?;
    let context = context(&digest, &custodian);
    let words = share.to_words();
    let mut plaintext = Secret::zeroed();
    write_plaintext(&context, &words, &mut plaintext).map_err(|_| ContributeError::Fault)?;
    permit.test(ContributeError::Fault)?;
    vetted.check(ContributeError::Fault)?;
    key.wrap(plaintext.expose(), &context, rng, wrapped)
        .map_err(ContributeError::Wrap)?;
    let hidden = check_hides(wrapped, key.algorithm(), words.expose(), WrapError::Fault)
        .map_err(ContributeError::Wrap)?;
    // From here on the wrapped share is public: it leaves.
    declassify_bytes(wrapped);
    permit.and(hidden).spend(ContributeError::Fault)?;
    vetted.check(ContributeError::Fault)?;
    encode(digest, custodian, wrapped, &mut Encoder::new(out)).map_err(|_| ContributeError::Fault)
}

/// Why a custodian's contribution was refused. The output is empty then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ContributeError<E> {
    /// The request asks for the shares of another file.
    OtherFile {
        /// The file that the request names.
        have: FileDigest,
        /// The given file.
        want: FileDigest,
    },
    /// The request names a custodian's certificate as the transfer certificate: that custodian
    /// alone would receive the domain.
    TransferOfCustodian(Thumbprint),
    /// The request has expired.
    Expired {
        /// When the request expired.
        expires: u64,
        /// The time now.
        now: u64,
    },
    /// The session's key is of a weaker kind than the custodian's.
    WeakerKey {
        /// The kind of the session's key.
        session: Algorithm,
        /// The kind of the custodian's key.
        custodian: Algorithm,
    },
    /// The custodian's share did not open.
    Share(ShareError<E>),
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// Wrapping to the session's key failed.
    Wrap(WrapError),
    /// The result failed the check that follows: a hardware fault or a bug in this crate.
    Fault,
}

impl<E> fmt::Display for ContributeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherFile { have, want } => {
                write!(
                    f,
                    "the request asks for the shares of file {have}, not {want}"
                )
            }
            Self::TransferOfCustodian(thumbprint) => {
                write!(
                    f,
                    "the request's transfer certificate {thumbprint} is a custodian's"
                )
            }
            Self::Expired { expires, now } => {
                write!(f, "the request expired at {expires}; it is {now}")
            }
            Self::WeakerKey { session, custodian } => write!(
                f,
                "the session's key is {session}, weaker than the custodian's {custodian}"
            ),
            Self::Share(error) => error.fmt(f),
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::Wrap(_) => f.write_str("wrapping to the session's key failed"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for ContributeError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Share(error) => error.source(),
            Self::Wrap(error) => Some(error),
            _ => None,
        }
    }
}
