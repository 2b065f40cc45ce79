// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a domain commits to when it is provisioned.

use security_domain::sealed_domain::{BirthCommitment, ExpectedDomain, Root, SealedDomain};
use security_domain::secret::Secret;

use crate::sealed::{fast_keys, share};
use crate::world::{active, hsm, vault};

/// With a build that computes it: the identity that the root gives. Else nothing.
#[test]
fn a_fresh_domain_commits_to_what_its_root_gives() {
    let keys = fast_keys(3);
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let (domain, file) = active(&mut vault, &mut hsm, &keys);
    let sealed = SealedDomain::parse(&file).unwrap();
    let header = sealed.header();
    assert_eq!(domain.status().domain, Some(header.domain_id()));

    let shares = [share(&sealed, &keys[0]), share(&sealed, &keys[1])];
    let mut out = vec![0; sealed.opened_len()];
    let opened = {
        sealed.open(
            &ExpectedDomain::unpinned(),
            &[&shares[0], &shares[1]],
            &mut out,
        )
    }
    .unwrap();
    assert_eq!(opened.root().commitment(), header.commitment());
    let mut bytes = *opened.root().secret().expose();
    #[allow(unused_mut, reason = "only a build that computes it changes it")]
    let mut root = Root::from_secret(Secret::from_bytes(&mut bytes));
    #[cfg(feature = "pq-identity")]
    root.commit_to_post_quantum_identity().unwrap();
    assert_eq!(root.commitment(), header.commitment());
    assert_eq!(root.domain_id().unwrap(), header.domain_id());
    let computes = cfg!(feature = "pq-identity");
    assert_eq!(*header.commitment() != BirthCommitment::NONE, computes);
}
