// SPDX-License-Identifier: MIT OR Apache-2.0
//! The request of a session that gathers shares, and the transfer key that it names.

use crate::contribution::{
    AskError, Asking, MAX_SPKI_LEN, RequestDigest, SessionId, SessionPurpose, TRANSFER_KINDS,
};
use crate::ct::{Mask, declassify_bytes};
use crate::custodian::{Algorithm, Recipient};
use crate::hardened::{Permit, Verdict};
use crate::lifecycle::error::LifecycleError;
use crate::lifecycle::host::{Host, watched};
use crate::lifecycle::logged;
use crate::lifecycle::session::Clock;
use crate::lifecycle::vault::Vault;
use crate::rng::{self, Watched};
use crate::sealed_domain::SealedDomain;
use crate::self_test::Test;

/// The kind of transfer key that a session is to have, and a permit to draw it.
pub(super) struct Chosen {
    pub(super) kind: Algorithm,
    strong: Permit,
}

/// The transfer key of a session, made already or still to be drawn, and a permit to use it.
pub(super) struct Begun {
    kind: Algorithm,
    is_made: bool,
    permit: Permit,
}

/// A request that was written, and a permit to begin its session.
pub(super) struct Asked {
    pub(super) digest: RequestDigest,
    pub(super) len: usize,
    pub(super) permit: Permit,
}

/// Returns the kind of transfer key that [`Host::transfer_kind`] describes, for a session that
/// gathers the shares of `sealed`.
pub(super) fn choose<H: Host>(
    sealed: &SealedDomain<'_>,
    host: &mut H,
) -> Result<Chosen, LifecycleError> {
    let kind = match host.transfer_kind() {
        Some(kind) if !TRANSFER_KINDS.contains(&kind) => {
            return Err(LifecycleError::UnsupportedTransferKey(kind));
        }
        Some(kind) => kind,
        None => {
            let has_device = host.transfer_key().is_some();
            let prepared = { host.prepared_key() }.filter(|key| key.is_whole());
            let prepared = prepared.map(|key| key.public_key().algorithm());
            let suffices = |kind: &Algorithm| stronger(sealed, *kind).is_none();
            let kinds = || TRANSFER_KINDS.iter().copied();
            let in_device = kinds().filter(|kind| has_device && kind.rsa_size().is_some());
            // If none suffices, an error names whose key is stronger than the strongest RSA key.
            { in_device.chain(prepared).chain(kinds()) }
                .find(suffices)
                .unwrap_or(Algorithm::Rsa4096OaepSha256)
        }
    };
    let strong = check_strength(sealed, kind)?;
    Ok(Chosen { kind, strong })
}

/// Returns the first custodian than whose key this kind is not as strong, if there is one.
fn stronger(sealed: &SealedDomain<'_>, kind: Algorithm) -> Option<LifecycleError> {
    { sealed.header().custodians() }
        .find(|custodian| !kind.is_as_strong_as(custodian.algorithm))
        .map(|custodian| LifecycleError::StrongerCustodian {
            custodian: custodian.id,
            kind: custodian.algorithm,
        })
}

/// Returns a permit for a transfer key of this kind, if it is as strong as every custodian's key.
#[inline(never)]
fn check_strength(sealed: &SealedDomain<'_>, kind: Algorithm) -> Result<Permit, LifecycleError> {
    let refusal = stronger(sealed, kind).unwrap_or(LifecycleError::Fault);
    Verdict::twice(|| Mask::public(stronger(sealed, kind).is_none())).permit(refusal)
}

impl<const N: usize> Vault<N> {
    /// Tests the algorithms of the transfer key, and makes it if the host's device generates it or
    /// the host has prepared it.
    pub(super) fn begin_key<H: Host>(
        &mut self,
        chosen: Chosen,
        host: &mut H,
    ) -> Result<Begun, LifecycleError> {
        let Chosen { kind, strong } = chosen;
        self.health.first_use(Test::of(kind), &mut watched(host))?;
        strong.test(LifecycleError::Fault)?;
        let (in_device, is_made) = match kind.rsa_size() {
            Some(size) => {
                self.health
                    .first_use(&[Test::RsaPairwise], &mut watched(host))?;
                let in_device = self.generate_in_device(size, host)?;
                let is_made = in_device.is_some() || self.take_prepared(size, host)?;
                (in_device, is_made)
            }
            None => (None, false),
        };
        let permit = match in_device {
            Some(works) => strong.and(works),
            None => strong,
        };
        Ok(Begun {
            kind,
            is_made,
            permit,
        })
    }

    /// Draws the session's name, and its transfer key unless that is made.
    ///
    /// Secret: the key, what `rng` draws. Public: the name. Leaks: what generating a key leaks.
    pub(super) fn draw_session(
        &mut self,
        begun: &Begun,
        rng: &mut dyn Watched,
    ) -> Result<SessionId, LifecycleError> {
        let mut session = [0; 32];
        rng::fill(rng, &mut session)?;
        declassify_bytes(&mut session);
        if !begun.is_made {
            self.session.key.generate(begun.kind, rng)?;
        }
        Ok(SessionId::from_bytes(session))
    }

    /// Writes the request to the front of `out`: it asks for shares of `sealed`, wrapped to the
    /// session's transfer key. A request to rotate is signed by the domain key.
    pub(super) fn ask<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        (purpose, session): (SessionPurpose, SessionId),
        clock: Clock,
        begun: Begun,
        host: &mut H,
        out: &mut [u8],
    ) -> Result<Asked, LifecycleError> {
        let header = sealed.header();
        let mut spki = [0; MAX_SPKI_LEN];
        let transfer = self.session.key.write_public(&mut spki)?;
        // Once more, of the key that there is: one fault can make both readings before go astray.
        let strong = check_strength(sealed, transfer.algorithm())?;
        let asking = Asking {
            purpose,
            session,
            header: header.digest(),
            domain_id: header.domain_id(),
            epoch: header.epoch(),
            transfer,
            instance: self.instance.id,
            module_version: host.module_version(),
            created: clock.latest,
            expires: clock.expires,
            ledger_head: logged::head(host),
        };
        let signer = match purpose {
            SessionPurpose::Rotate(_) => Some(&self.held.root),
            SessionPurpose::Recover | SessionPurpose::Rehearse => None,
        };
        let request = asking.write(signer, out).map_err(|error| match error {
            AskError::BufferTooSmall { needed } => LifecycleError::BufferTooSmall { needed },
            _ => LifecycleError::Fault,
        })?;
        let named = rng::check_drawn(request.session().as_bytes())?;
        Ok(Asked {
            digest: request.digest(),
            len: request.as_bytes().len(),
            permit: begun.permit.and(strong).and(named),
        })
    }
}
