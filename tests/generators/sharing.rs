// SPDX-License-Identifier: MIT OR Apache-2.0
//! Secrets, and their sharing.

use security_domain::hazmat::gf257::Element;
use security_domain::quorum::{Quorum, ShareIndex};
use security_domain::sealed_domain::Root;
use security_domain::secret::Secret;
use security_domain::shamir::check::{SetId, correct, correct_rows};
use security_domain::shamir::renew::{refresh, repair, reshare};
use security_domain::shamir::{ShareRow, split, split_into, split_rows};

use crate::{ALL, Row, empty, sealed};

pub const ROWS: fn() -> Vec<Row> = || {
    vec![
        Row {
            name: "a secret",
            covers: &["rng ask", "rng draw", "rng fill", "secret random"],
            shows: ALL,
            run: |rng| Ok(debug(Secret::<32>::random(rng))?.expose().to_vec()),
        },
        Row {
            name: "a root",
            covers: &["sealed_domain/root random"],
            shows: ALL,
            run: |rng| Ok(debug(Root::random(rng))?.secret().expose().to_vec()),
        },
        Row {
            name: "an element of GF(257)",
            covers: &["gf257 random"],
            shows: ALL,
            run: |rng| {
                let drawn = (0..8).map(|_| debug(Element::random(rng)));
                let drawn: Result<Vec<_>, _> = drawn.collect();
                Ok(drawn?.iter().map(|element| element.value() as u8).collect())
            },
        },
        Row {
            name: "split",
            covers: &[
                "shamir/split split",
                "shamir/split deal",
                "shamir/split deal_block",
            ],
            shows: ALL,
            run: |rng| {
                let shares: [_; 5] = debug(split(&secret(), quorum(), rng))?;
                let values = shares.iter().map(|share| *share.value().expose());
                Ok(values.flatten().collect())
            },
        },
        Row {
            name: "split into slots",
            covers: &["shamir/split split_into"],
            shows: ALL,
            run: |rng| {
                let mut shares = [const { None }; 5];
                let split = debug(split_into(&secret(), quorum(), rng, &mut shares));
                if split.is_err() {
                    assert!(shares.iter().all(Option::is_none));
                }
                split?;
                let values = shares.iter().flatten().map(|share| *share.value().expose());
                Ok(values.flatten().collect())
            },
        },
        Row {
            name: "split rows of several blocks",
            covers: &["shamir/split split_rows"],
            shows: ALL,
            run: |rng| rows(|rows| debug(split_rows(&[0x5a; 5000], quorum(), rng, rows))),
        },
        Row {
            name: "deal for a refresh",
            covers: &[
                "shamir/renew/refresh deal",
                "shamir/split split_zeros",
                "shamir/split deal_zeros",
            ],
            shows: ALL,
            run: |rng| rows(|rows| debug(refresh::deal(quorum(), rng, rows))),
        },
        Row {
            name: "deal for a resharing",
            covers: &["shamir/renew/reshare deal"],
            shows: ALL,
            run: |rng| rows(|rows| debug(reshare::deal(share_row(), quorum(), rng, rows))),
        },
        Row {
            name: "mask for a repair",
            covers: &["shamir/renew/repair mask", "shamir/renew/repair cut"],
            shows: ALL,
            run: |rng| {
                let holders = [1, 2, 3].map(|index| ShareIndex::new(index).unwrap());
                let lost = ShareIndex::new(5).unwrap();
                rows(|rows| {
                    let rows = &mut rows[..3];
                    let row = share_row();
                    debug(repair::mask(quorum(), &holders, lost, row, rng, rows))
                })
            },
        },
        Row {
            name: "the id of a set",
            covers: &["shamir/check/digest random"],
            shows: ALL,
            run: |rng| Ok(format!("{:?}", debug(SetId::random(rng))?).into_bytes()),
        },
        Row {
            name: "correct",
            covers: &[
                "shamir/check/correct correct",
                "shamir/check/correct correct_any",
                "shamir/check/fingerprint draw",
            ],
            shows: 0,
            run: |rng| {
                let shares: [_; 5] = split(&secret(), quorum(), &mut sealed::rng(1)).unwrap();
                let (secret, _) = debug(correct(quorum(), &shares.each_ref(), rng))?;
                Ok(secret.expose().to_vec())
            },
        },
        Row {
            name: "correct rows",
            covers: &["shamir/check/correct correct_rows"],
            shows: 0,
            run: |rng| {
                let mut dealt = [[0; 40]; 5];
                let mut slots = dealt.each_mut().map(|row| &mut row[..]);
                split_rows(&[0x5a; 40], quorum(), &mut sealed::rng(1), &mut slots).unwrap();
                let given: Vec<_> = (1..=5)
                    .zip(&dealt)
                    .map(|(index, value)| ShareRow {
                        index: ShareIndex::new(index).unwrap(),
                        value,
                    })
                    .collect();
                let mut out = [0xaa; 40];
                let corrected = debug(correct_rows(quorum(), &given, rng, &mut out));
                if corrected.is_err() {
                    empty(&out);
                }
                corrected.map(|_| out.to_vec())
            },
        },
    ]
};

/// The error as text.
pub fn debug<T, E: std::fmt::Debug>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| format!("{error:?}"))
}

fn quorum() -> Quorum {
    Quorum::of::<3, 5>()
}

fn secret() -> Secret<32> {
    Secret::random(&mut sealed::rng(2)).unwrap()
}

fn share_row() -> ShareRow<'static> {
    ShareRow {
        index: ShareIndex::new(2).unwrap(),
        value: &[0x5a; 5000],
    }
}

/// Five rows of 5,000 bytes, or zeros after a refusal.
fn rows(deal: impl FnOnce(&mut [&mut [u8]]) -> Result<(), String>) -> Result<Vec<u8>, String> {
    let mut rows = vec![[0xaa; 5000]; 5];
    let mut slots: Vec<_> = rows.iter_mut().map(|row| &mut row[..]).collect();
    let dealt = deal(&mut slots);
    // A repair leaves the last two alone.
    let rows = rows.concat();
    if dealt.is_err() {
        empty(&rows[..3 * 5000]);
    }
    dealt.map(|()| rows)
}
