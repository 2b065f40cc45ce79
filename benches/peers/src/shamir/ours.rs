// SPDX-License-Identifier: MIT OR Apache-2.0
//! This crate, twice: with the kernels of this machine, and with the portable path alone. Secrets of
//! 32 bytes go through the typed functions, others through those on rows.

macro_rules! library {
    ($domain:ident, $name:expr) => {
        use std::hint::black_box;

        use $domain::quorum::{Quorum, ShareIndex};
        use $domain::secret::Secret;
        use $domain::shamir::{self, Share, ShareRow};

        use crate::measure::Job;
        use crate::shamir::{Case, Kind, Library, SMALL};
        use crate::streams::{Generator, Stream};

        pub const LIBRARY: Library = Library {
            name: $name,
            kind: Kind::Ours,
            takes_generator: true,
            split,
            combine,
        };

        fn quorum(case: &Case<'_>) -> Quorum {
            Quorum::new(case.threshold, case.count).expect("a valid quorum")
        }

        fn split<'a>(case: &Case<'a>, generator: Generator) -> Option<Job<'a>> {
            let (quorum, count) = (quorum(case), usize::from(case.count));
            let mut rng = generator.stream();
            if let Some(secret) = small(case) {
                let mut shares: Vec<_> = (0..count).map(|_| None).collect();
                return Some(Box::new(move || {
                    shamir::split_into(&secret, quorum, &mut rng, &mut shares).expect("it splits");
                    black_box(&mut shares);
                }));
            }
            let secret = case.secret;
            let mut rows = vec![vec![0; secret.len()]; count];
            Some(Box::new(move || {
                deal(secret, quorum, &mut rng, &mut rows);
                black_box(&mut rows);
            }))
        }

        fn combine<'a>(case: &Case<'a>) -> Option<Job<'a>> {
            let (quorum, threshold) = (quorum(case), usize::from(case.threshold));
            let mut rng = Generator::ChaCha20.stream();
            if let Some(secret) = small(case) {
                let mut shares: Vec<Option<Share<SMALL>>> = (0..case.count).map(|_| None).collect();
                shamir::split_into(&secret, quorum, &mut rng, &mut shares).expect("it splits");
                let shares: &[Option<Share<SMALL>>] = Vec::leak(shares);
                let given: Vec<&Share<SMALL>> = shares.iter().flatten().take(threshold).collect();
                let again = shamir::combine(quorum, &given).expect("a quorum");
                assert_eq!(again.expose(), secret.expose());
                return Some(Box::new(move || {
                    black_box(shamir::combine(quorum, black_box(&given)).expect("a quorum"));
                }));
            }
            let mut rows = vec![vec![0; case.secret.len()]; case.count.into()];
            deal(case.secret, quorum, &mut rng, &mut rows);
            rows.truncate(threshold);
            let mut secret = vec![0; case.secret.len()];
            restore(quorum, &rows, &mut secret);
            assert_eq!(secret, case.secret);
            Some(Box::new(move || {
                restore(quorum, black_box(&rows), &mut secret);
                black_box(&mut secret);
            }))
        }

        /// The secret as a typed one, if it is of the small size.
        fn small(case: &Case<'_>) -> Option<Secret<SMALL>> {
            let bytes: &[u8; SMALL] = case.secret.try_into().ok()?;
            Some(Secret::from_bytes(&mut { *bytes }))
        }

        fn deal(secret: &[u8], quorum: Quorum, rng: &mut Stream, rows: &mut [Vec<u8>]) {
            let mut rows: Vec<&mut [u8]> = rows.iter_mut().map(Vec::as_mut_slice).collect();
            shamir::split_rows(secret, quorum, rng, &mut rows).expect("it splits");
        }

        fn restore(quorum: Quorum, rows: &[Vec<u8>], secret: &mut [u8]) {
            let index = |x| ShareIndex::new(x).expect("not zero");
            let shares: Vec<ShareRow<'_>> = (1..)
                .zip(rows)
                .map(|(x, value)| ShareRow {
                    index: index(x),
                    value,
                })
                .collect();
            shamir::combine_rows(quorum, &shares, secret).expect("a quorum");
        }
    };
}

pub mod native {
    library!(security_domain, crate::report::OURS);
}

pub mod portable {
    library!(security_domain_portable, "security-domain-portable");
}
