// SPDX-License-Identifier: MIT OR Apache-2.0
//! What sharing leaves. `combine` is not here: it returns the secret by value, and leaves a copy.

use security_domain::quorum::Quorum;
use security_domain::secret::Secret;
use security_domain::shamir::{Share, combine_rows, split, split_into};

use crate::draws::left_of_draws;
use crate::sealed::rng;
use crate::stack::left;
use crate::{NOTHING, Secrets};

#[test]
fn splitting_and_combining_rows_leave_nothing() {
    let secret: Box<Secret<32>> = Box::new(Secret::random(&mut rng(8)).unwrap());
    let mut secrets: Secrets = vec![("secret", secret.expose().to_vec())];
    let quorum = Quorum::of::<3, 5>();
    let mut shares: Box<Option<[Share<32>; 5]>> = Box::new(None);
    let found = left_of_draws(&secrets, |rng| {
        *shares = split(&secret, quorum, rng).ok();
    });
    assert!(shares.is_some());
    assert_eq!(found, NOTHING, "split");

    let mut slots: Box<[Option<Share<32>>; 5]> = Box::new([const { None }; 5]);
    let found = left_of_draws(&secrets, |rng| {
        assert!(split_into(&secret, quorum, rng, &mut slots[..]).is_ok());
    });
    assert_eq!(found, NOTHING, "split_into");

    let shares = { slots.iter().flatten() }.take(3);
    secrets.extend({ shares.clone() }.map(|share| ("share", share.value().expose().to_vec())));
    let rows: Vec<_> = shares.map(|share| share.as_row()).collect();
    let mut out = vec![0; 32];
    let found = left(&secrets, || {
        assert!(combine_rows(quorum, &rows, &mut out).is_ok());
    });
    assert_eq!((&out[..], found), (&secret.expose()[..], vec![]));
}
