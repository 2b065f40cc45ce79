// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian leaves: the quorum changes, and the domain stays in use.

use std::fs;
use std::path::Path;

use getrandom::SysRng;
use security_domain::contribution::{Contribution, Request};
use security_domain::custodian::Recipient;
use security_domain::drill::{Challenge, Response, respond};
use security_domain::lifecycle::{Activation, LifecycleError, Proofs};
use security_domain::quorum::Threshold;
use security_domain::sealed_domain::{DomainLabel, ExpectedDomain, ModuleFloor, SealedDomain};

use crate::board::Board;
use crate::party::Party;
use crate::sealed::{ActiveDomain, answer};
use crate::{Outcome, REQUIRED, require, write_new};

/// Changes the quorum of `domain` from all custodians to all but the last. `current` is its file.
pub fn without_the_last<'v>(
    domain: ActiveDomain<'v>,
    current: &[u8],
    expect: &ExpectedDomain,
    custodians: &mut [Party],
    board: &mut Board,
    folder: &Path,
) -> Outcome<(ActiveDomain<'v>, Vec<u8>)> {
    let file = SealedDomain::parse(current)?;
    let (_, staying) = custodians.split_last_mut().ok_or("there are custodians")?;
    let keys: Vec<_> = { staying.iter() }
        .map(|party| party.key.public_key().clone())
        .collect();
    let activation = Activation {
        custodians: &keys,
        threshold: Threshold::new(REQUIRED)?,
        label: DomainLabel::new("ceremony")?,
        floor: ModuleFloor::NONE,
        break_glass: None,
    };
    let mut pending = vec![0; domain.sealed_len(&activation)? + 64];
    let mut request = vec![0; Request::MAX_LEN];
    let outputs = (&mut pending[..], &mut request[..]);
    let proposed = domain.propose(&file, &activation, Proofs::All, None, board, outputs);
    let (mut domain, written) = proposed.map_err(LifecycleError::from)?;
    pending.truncate(written.pending);
    request.truncate(written.request);
    write_new(&folder.join("next.pending"), &pending)?;
    let next = SealedDomain::parse(&pending)?;
    let shown = domain.rotation().and_then(|rotation| rotation.request);
    let shown = shown.ok_or("the HSM shows the request")?;

    // A quorum of the present custodians consents, each alone.
    for custodian in &mut staying[..usize::from(REQUIRED)] {
        let consent = answer(custodian, current, expect, &request, shown)?;
        domain.consent(&file, &Contribution::parse(&consent)?, board)?;
    }
    // Each of the next ones proves that the pending file has a share that his key opens.
    let mut challenge = vec![0; Challenge::written_len(&keys)];
    let len = domain.challenge(&next, &keys, board, &mut challenge)?;
    let challenge = Challenge::parse(&challenge[..len])?;
    for custodian in staying {
        let (id, key, rng) = (
            custodian.key.public_key().id(),
            &mut custodian.key,
            &mut SysRng,
        );
        let share = next.unwrap_share(id, key, rng)?;
        let value = challenge.unwrap_value(&next, id, key, rng)?;
        let mut out = [0; Response::MAX_LEN];
        let value = Some(&value);
        let response = respond(&next, expect, &challenge, &share, value, rng, &mut out)?;
        domain.prove(&next, &challenge, &response, board)?;
    }

    let committed = domain.commit(&next, board);
    let domain = committed.map_err(LifecycleError::from)?;
    let complete = domain.complete_next(&next, board)?.concat();
    let path = folder.join("next.sealed");
    write_new(&path, &complete)?;
    let stored = fs::read(&path)?;
    let confirmed = domain.confirm(&SealedDomain::parse(&stored)?, board);
    let domain = confirmed.map_err(LifecycleError::from)?;
    fs::remove_file(folder.join("next.pending"))?;
    require(
        domain.status().epoch.is_some_and(|epoch| epoch.get() == 2),
        "the next epoch is the valid one",
    )?;
    Ok((domain, stored))
}
