// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shares a key among five holders, combines three shares, finds a wrong share, and replaces a lost
//! share without combining the key.
//!
//! `cargo run --example share_a_key`

use std::error::Error;

use security_domain::quorum::{Quorum, ShareIndex};
use security_domain::secret::Secret;
use security_domain::shamir::check::{SetId, ShareDigest, correct, name_wrong};
use security_domain::shamir::encoded::{EncodedShare, combine_encoded, encoded_len};
use security_domain::shamir::renew::{Commitment, repair};
use security_domain::shamir::{Share, ShareRow, combine, split};

/// An encoded share, as a holder keeps it: on paper, a card or a USB stick.
type Kept = [u8; encoded_len(32)];

fn main() -> Result<(), Box<dyn Error>> {
    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);

    // The dealer splits the key: any three of five shares rebuild it, two reveal nothing.
    let quorum = Quorum::of::<3, 5>();
    let key = Secret::<32>::random(&mut rng)?;
    let shares: [Share<32>; 5] = split(&key, quorum, &mut rng)?;

    // The holders get encoded shares. The digests and the commitment are public, and are kept.
    let set = SetId::random(&mut rng)?;
    let mut kept: Vec<Kept> = Vec::new();
    let mut digests: Vec<ShareDigest> = Vec::new();
    for share in &shares {
        let blind = Secret::<32>::random(&mut rng)?;
        let encoded = EncodedShare::new(set, quorum, share.as_row(), blind.expose())?;
        let mut bytes = [0; encoded_len(32)];
        encoded.encode(&mut bytes)?;
        digests.push(encoded.digest());
        kept.push(bytes);
    }
    let commitment_blind = Secret::<32>::random(&mut rng)?;
    let commitment = Commitment::to(&commitment_blind, key.expose());
    println!("dealt: {quorum}, {} bytes each", kept[0].len());

    // Three holders combine their shares.
    let three = [&shares[4], &shares[0], &shares[2]];
    assert_eq!(combine(quorum, &three)?.expose(), key.expose());
    println!("shares 5, 1 and 3 rebuild the key");

    // One share is damaged. Its digest shows which one, and the others still give the key.
    kept[2][40] ^= 0x01;
    let read: Vec<EncodedShare> = kept
        .iter()
        .map(|bytes| EncodedShare::parse(bytes))
        .collect::<Result<_, _>>()?;
    let wrong = name_wrong(&read, &digests)?;
    println!("wrong by their digests: {wrong:?}");
    let right: Vec<EncodedShare> = read
        .iter()
        .filter(|share| !wrong.contains(share.row().index))
        .copied()
        .collect();
    let mut again = [0; 32];
    combine_encoded(&right, &mut again)?;
    assert_eq!(&again, key.expose());

    // Without digests, five shares with a threshold of three correct one wrong share.
    let bad = Share::new(shares[2].index(), Secret::random(&mut rng)?);
    let five = [&shares[0], &shares[1], &bad, &shares[3], &shares[4]];
    let (corrected, wrong) = correct(quorum, &five, &mut rng)?;
    assert_eq!(corrected.expose(), key.expose());
    println!("wrong by all five together: {wrong:?}");

    // Holders 1, 4 and 5 repair the share of holder 3. Each message by itself is random.
    let lost = ShareIndex::new(3)?;
    let helpers = [&shares[0], &shares[3], &shares[4]];
    let indices = helpers.map(Share::index);
    let mut sums = [[0; 32]; 3];
    let mut sent = [[[0; 32]; 3]; 3];
    for (helper, rows) in helpers.into_iter().zip(&mut sent) {
        let [a, b, c] = rows;
        repair::mask(
            quorum,
            &indices,
            lost,
            helper.as_row(),
            &mut rng,
            &mut [a, b, c],
        )?;
    }
    for (to, sum) in sums.iter_mut().enumerate() {
        let received = [&sent[0][to][..], &sent[1][to], &sent[2][to]];
        repair::pool(quorum, &received, sum)?;
    }
    let mut repaired = [0; 32];
    repair::restore(quorum, &[&sums[0], &sums[1], &sums[2]], &mut repaired)?;

    // Before it replaces the old share, a quorum with it is compared with the commitment.
    let new = ShareRow {
        index: lost,
        value: &repaired,
    };
    let with_it = [new, shares[0].as_row(), shares[1].as_row()];
    commitment.confirm(&commitment_blind, quorum, &with_it, &mut again)?;
    println!("share 3 is repaired and confirmed");
    Ok(())
}
