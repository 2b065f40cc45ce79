// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which domain is expected, when a session begins and when a file is opened.

use core::hint::black_box;

use security_domain::sealed_domain::{DomainId, Epoch, ExpectedDomain, SealedDomain};

use crate::act::{act_begin, act_open, begun, empty, expect, root, sealed, share};
use crate::host::{Hsm, buffer};
use crate::scene::Outcome;
use crate::{scene, window};

fn begin(hsm: &mut Hsm, sealed: &SealedDomain<'_>, expect: &ExpectedDomain) -> Option<Outcome> {
    let domain = empty(hsm)?;
    let answer = window!(act_begin(domain, sealed, black_box(expect), hsm));
    Some(begun(answer, sealed))
}

scene!(
    /// A session for another domain than the one expected.
    fault_pinned_domain,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let id = if wrong {
            DomainId::from_bytes([0x31; 32])
        } else {
            sealed.header().domain_id()
        };
        begin(hsm, &sealed, &ExpectedDomain::new(id, Epoch::FIRST))
    }
);

scene!(
    /// A session for an epoch that was superseded.
    fault_epoch_floor,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let epoch = Epoch::new(if wrong { 2 } else { 1 })?;
        let expect = ExpectedDomain::new(sealed.header().domain_id(), epoch);
        begin(hsm, &sealed, &expect)
    }
);

scene!(
    /// A session for another header than the one expected.
    fault_pinned_header,
    |wrong, hsm| {
        let (sealed, other) = (sealed(0)?, sealed(1)?);
        let digest = if wrong { &other } else { &sealed }.header().digest();
        let expect = ExpectedDomain::header(sealed.header().domain_id(), Epoch::FIRST, digest);
        begin(hsm, &sealed, &expect)
    }
);

scene!(
    /// A session that the sink refuses.
    fault_refusing_sink,
    |wrong, hsm| {
        let sealed = sealed(0)?;
        let domain = empty(hsm)?;
        hsm.refuses = wrong;
        let answer = window!(act_begin(domain, &sealed, &black_box(expect(&sealed)), hsm));
        Some(begun(answer, &sealed))
    }
);

scene!(
    /// A file of another domain than the one expected is opened.
    fault_open_pinned,
    |wrong, _hsm| {
        let sealed = sealed(0)?;
        let shares = [share(&sealed, 0)?, share(&sealed, 2)?];
        let id = if wrong {
            DomainId::from_bytes([0x31; 32])
        } else {
            sealed.header().domain_id()
        };
        let expect = black_box(ExpectedDomain::new(id, Epoch::FIRST));
        let out = buffer(2);
        let [a, b] = &shares;
        let answer = window!(act_open(&sealed, &expect, &[a, b], out));
        Some(match answer {
            Ok(opened) => Outcome::took_effect(
                opened.root().secret().expose() == root(1)?.secret().expose(),
            ),
            Err(_) => Outcome::Refused,
        })
    }
);
