// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealing a domain of an HSM, and activating the HSM with the file that was stored.

use core::hint::black_box;

use security_domain::lifecycle::{
    Activation, Active, AnyDomain, Domain, Provisioned, Refused, Sealed,
};
use security_domain::quorum::Threshold;
use security_domain::sealed_domain::{DomainLabel, ModuleFloor, SealedDomain};

use crate::act::{FastKey, In, KEYS, provisioned, start_tested, tested};
use crate::host::{Hsm, buffer};
use crate::scene::Outcome;
use crate::{scene, window};

type Pending = In<Sealed<Provisioned>>;

fn activation(custodians: &[FastKey; 3]) -> Option<Activation<'_, FastKey>> {
    Some(Activation {
        custodians,
        threshold: Threshold::new(2).ok()?,
        label: DomainLabel::new("test").ok()?,
        floor: ModuleFloor::NONE,
        break_glass: None,
    })
}

/// Seals to the buffer with that number; the domain, and the file.
fn seal(
    domain: In<Provisioned>,
    hsm: &mut Hsm,
    number: usize,
) -> Option<(Pending, &'static mut [u8])> {
    let out = buffer(number);
    let (domain, len) = domain.seal(&activation(&KEYS)?, hsm, out).ok()?;
    Some((domain, &mut out[..len]))
}

#[inline(never)]
#[unsafe(no_mangle)]
fn act_seal_pending(
    domain: In<Provisioned>,
    activation: &Activation<'_, FastKey>,
    hsm: &mut Hsm,
    out: &mut [u8],
) -> Result<(Pending, usize), Refused<In<Provisioned>>> {
    domain.seal(activation, hsm, out)
}

scene!(
    /// A file that leaves before the HSM is active, and with its release. The right input is such a file.
    fault_held_back,
    |wrong, hsm| {
        let domain = provisioned(hsm)?;
        let (activation, out) = (black_box(activation(&KEYS)?), buffer(0));
        let answer = window!(act_seal_pending(domain, &activation, hsm, out));
        let Ok((domain, len)) = answer else {
            return Some(Outcome::Refused);
        };
        let sealed = SealedDomain::parse(&out[..len]).ok();
        if wrong {
            // A file that nobody can read tells nothing.
            return Some(Outcome::failed_to_end(
                sealed.is_some_and(|sealed| !sealed.is_pending()),
            ));
        }
        let stored = sealed?;
        let domain = domain.activate(&stored, hsm).ok()?;
        let mut end = 0;
        let complete = buffer(1);
        for part in domain.complete(&stored, hsm).ok()? {
            complete[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        let complete = SealedDomain::parse(&complete[..end]).ok()?;
        Some(Outcome::took_effect(!complete.is_pending()))
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_activate(
    domain: Pending,
    stored: &SealedDomain<'_>,
    hsm: &mut Hsm,
) -> Result<Domain<'static, Active, { crate::host::ROOM }>, Refused<Pending>> {
    domain.activate(stored, hsm)
}

/// Activates with this file. The HSM is active if it starts so.
fn activate(domain: Pending, stored: &[u8], refuses: bool, hsm: &mut Hsm) -> Option<Outcome> {
    let stored = SealedDomain::parse(black_box(stored)).ok()?;
    let tested = tested()?;
    hsm.refuses = refuses;
    Some(match window!(act_activate(domain, &stored, hsm)) {
        Ok(domain) => {
            drop(domain);
            let started = start_tested(1, tested, hsm);
            Outcome::took_effect(matches!(started, Some(AnyDomain::Active(_))))
        }
        Err(_) => Outcome::Refused,
    })
}

scene!(
    /// An activation that the sink refuses.
    fault_sink_activate,
    |wrong, hsm| {
        let (domain, file) = seal(provisioned(hsm)?, hsm, 0)?;
        activate(domain, file, wrong, hsm)
    }
);

scene!(
    /// An activation with the file of an earlier sealing.
    fault_activate_header,
    |wrong, hsm| {
        let (domain, old) = seal(provisioned(hsm)?, hsm, 0)?;
        let (domain, new) = seal(domain.abandon(), hsm, 1)?;
        activate(domain, if wrong { old } else { new }, false, hsm)
    }
);

scene!(
    /// An activation with a file in which a wrapped share was changed.
    fault_activate_changed,
    |wrong, hsm| {
        let (domain, file) = seal(provisioned(hsm)?, hsm, 0)?;
        if wrong {
            let place = {
                let sealed = SealedDomain::parse(file).ok()?;
                let (_, wrapped) = sealed.wrapped_shares().next()?;
                wrapped.as_bytes().as_ptr() as usize - file.as_ptr() as usize
            };
            file[place + 100] ^= 1;
        }
        activate(domain, file, false, hsm)
    }
);
