// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes a domain file from artifacts, a quorum and certificates: the HSM's side.

use super::KEY_ALGORITHM;
use crate::burn::{self, burning};
use crate::managed_hsm::custodians::check_certificates;
use crate::managed_hsm::enc_data::{self, Spacing};
use crate::managed_hsm::error::WriteError;
use crate::managed_hsm::key_transport::{self, DIGEST_LEN};
use crate::managed_hsm::master_key::MasterKey;
use crate::managed_hsm::shares::{SHARE, deal};
use crate::managed_hsm::tag::Tag;
use crate::managed_hsm::writer::{self, Writer};
use crate::quorum::{Quorum, Threshold};
use crate::rng::Generator;
use crate::secret::wipe;
use crate::x509::Certificate;

/// Returns how many bytes [`write()`] writes.
pub fn encoded_len(
    artifacts: &[(Tag<'_>, &[u8])],
    threshold: Threshold,
    certificates: &[Certificate<'_>],
) -> usize {
    let entries = { artifacts.iter() }.map(|(tag, a)| (*tag, enc_data::ciphertext_len(a)));
    let shares = { certificates.iter() }.map(|certificate| {
        let frame = "{\"enc_key\":\"\",\"x5t_256\":\"\"}".len();
        frame + key_transport::sealed_to_len(certificate, SHARE) + DIGEST_LEN
    });
    let frame =
        "{,\"SharedKeys\":{\"enc_shares\":[],\"key_algorithm\":\"\",\"required\":},\"version\":2}";
    let commas = certificates.len().saturating_sub(1);
    let digits = if threshold.get() < 10 { 1 } else { 2 };
    enc_data::encoded_len(&Spacing::COMPACT, entries)
        + shares.sum::<usize>()
        + frame.len()
        + KEY_ALGORITHM.len()
        + commas
        + digits
}

/// Writes a security-domain file as the HSM does: seals the artifacts under a fresh master key, and
/// a share of that key to each certificate. Any `threshold` of the shares open the file.
///
/// There are 1 to 32 artifacts with different tags, and 3 to 10 certificates with different keys.
/// `out` needs [`encoded_len`] bytes, and is wiped on an error.
///
/// Secret: the artifacts. Public: their tags and lengths, the quorum, the certificates. Leaks:
/// nothing else.
///
/// # Errors
///
/// Fails for each reason in [`WriteError`] except `DoesNotOpen`.
pub fn write<R: Generator + ?Sized>(
    artifacts: &[(Tag<'_>, &[u8])],
    threshold: Threshold,
    certificates: &[Certificate<'_>],
    rng: &mut R,
    out: &mut [u8],
) -> Result<usize, WriteError> {
    burning::<{ burn::JWE }, _>(move || {
        let checked = enc_data::check(artifacts.iter().map(|(tag, _)| *tag))
            .and_then(|()| check_certificates(certificates))
            .and_then(|count| Ok(Quorum::new(threshold.get(), count.get())?));
        let quorum = match checked {
            Ok(quorum) => quorum,
            Err(error) => {
                wipe(out);
                return Err(error);
            }
        };
        let needed = encoded_len(artifacts, threshold, certificates);
        writer::write(out, needed, |writer| {
            let key = MasterKey::drawn(rng)?;
            let shares = deal(&key, quorum, rng)?;

            writer.put("{")?;
            let entries = artifacts.iter().map(|(tag, artifact)| (*tag, *artifact));
            enc_data::write(
                writer,
                &Spacing::COMPACT,
                &key,
                rng,
                entries,
                |sealer, _, artifact| sealer.plaintext(artifact),
            )?;
            writer.put(",\"SharedKeys\":{\"enc_shares\":[")?;
            let mut before = "";
            for (share, certificate) in shares.iter().zip(certificates) {
                writer.put(before)?;
                writer.put("{\"enc_key\":\"")?;
                key_transport::seal(writer, share.expose(), certificate, rng)?;
                writer.put("\",\"x5t_256\":\"")?;
                key_transport::put_digest(writer, certificate.thumbprint())?;
                writer.put("\"}")?;
                before = ",";
            }
            put_tail(writer, threshold)
        })
    })
}

/// Writes what follows the shares.
fn put_tail(writer: &mut Writer<'_>, threshold: Threshold) -> Result<(), WriteError> {
    writer.put("],\"key_algorithm\":\"")?;
    writer.put(KEY_ALGORITHM)?;
    writer.put("\",\"required\":")?;
    writer.put_number(threshold.get())?;
    writer.put("},\"version\":2}")
}
