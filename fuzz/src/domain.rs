// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sealed domain and what is wrapped in it.

use security_domain::quorum::ShareIndex;
use security_domain::sealed_domain::{ExpectedDomain, OpenError, SealedDomain, ShareError};
use security_domain::wrapped_share::{PLAINTEXT_LEN, read_share};

/// The whole file. The signature is checked last, so that every reader before it sees changed bytes.
pub fn sealed_domain(data: &[u8]) {
    let Ok(sealed) = SealedDomain::parse(data) else {
        return;
    };
    assert_eq!(sealed.as_bytes(), data);
    let header = sealed.header();
    assert_eq!(header.previous().is_none(), header.epoch().get() == 1);
    assert!((1..=32).contains(&header.artifacts().count()));
    let lengths = header.artifacts().map(|(_, len)| len as usize);
    assert_eq!(sealed.opened_len(), 32 + lengths.sum::<usize>());
    assert_eq!(
        header.custodians().count(),
        usize::from(header.quorum().count().get())
    );
    let changed: Vec<_> = sealed.changed().collect();
    for (custodian, wrapped) in sealed.wrapped_shares() {
        assert_eq!(
            wrapped.as_bytes().len(),
            custodian.algorithm.wrapped_len(PLAINTEXT_LEN)
        );
        let refused = sealed.accept_share(custodian.id, &[0; PLAINTEXT_LEN]);
        let expected = if changed.contains(&custodian) {
            ShareError::Changed(custodian.id)
        } else {
            ShareError::DoesNotOpen(custodian.id)
        };
        assert_eq!(refused.unwrap_err(), expected);
    }
    let mut out = vec![0; sealed.opened_len()];
    let refused = sealed
        .open(&ExpectedDomain::unpinned(), &[], &mut out)
        .unwrap_err();
    assert!(matches!(
        refused,
        OpenError::Pending | OpenError::TooFewShares { have: 0, .. }
    ));
}

/// What a token unwrapped: an index that is expected, a context that is, and the bytes.
pub fn wrapped_share(data: &[u8]) {
    let Some((&[index], data)) = data.split_first_chunk::<1>() else {
        return;
    };
    let (Ok(index), Some((context, plaintext))) =
        (ShareIndex::new(index), data.split_first_chunk::<32>())
    else {
        return;
    };
    let fits = plaintext.len() == PLAINTEXT_LEN
        && plaintext.starts_with(context)
        && plaintext[32] == index.get();
    match read_share(plaintext, context, index) {
        Ok(share) => {
            assert!(fits);
            assert_eq!(share.index(), index);
            assert_eq!(share.value().expose()[..], plaintext[33..]);
        }
        Err(_) => assert!(!fits),
    }
}
