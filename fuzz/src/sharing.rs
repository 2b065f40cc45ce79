// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sharing over GF(2^8).

use security_domain::hazmat::gf256::{Backend, Public, Store, Term};
use security_domain::hazmat::testing::TestRng;
use security_domain::quorum::{Quorum, ShareIndex};
use security_domain::secret::Secret;
use security_domain::shamir::check::{SetId, ShareDigest, correct_rows, name_wrong};
use security_domain::shamir::encoded::{EncodedShare, encoded_len};
use security_domain::shamir::text::{MAX_VALUE_LEN, text_len};
use security_domain::shamir::{IndexSet, ShareRow, combine_rows, split_rows};

/// A quorum from two bytes. One byte in 32 stands for a number up to 255 and the others for one up to 16,
/// for the work grows with the square of the shares, and most of what there is to find is among few.
fn quorum(threshold: u8, count: u8) -> Option<Quorum> {
    let few = |byte: u8| match byte {
        0..=16 => byte,
        17..=247 => 2 + byte % 15,
        248..=255 => 32 * (byte - 248) + 31,
    };
    Quorum::new(few(threshold), few(count)).ok()
}

/// The rows of a secret's shares, in the order of their indices.
fn deal(secret: &[u8], quorum: Quorum, rng: &mut TestRng) -> Vec<Vec<u8>> {
    let mut rows = vec![vec![0; secret.len()]; quorum.count().get().into()];
    let mut slots: Vec<&mut [u8]> = rows.iter_mut().map(Vec::as_mut_slice).collect();
    split_rows(secret, quorum, rng, &mut slots).unwrap();
    rows
}

/// The shares in an order that `order` says, all of them.
fn shuffled<'a>(rows: &'a [Vec<u8>], order: u8) -> Vec<ShareRow<'a>> {
    let mut shares: Vec<ShareRow<'a>> = (1..=u8::MAX)
        .zip(rows)
        .map(|(i, row)| ShareRow {
            index: ShareIndex::new(i).unwrap(),
            value: row,
        })
        .collect();
    let by = usize::from(order) % shares.len();
    shares.rotate_left(by);
    if order & 1 == 1 {
        shares.reverse();
    }
    shares
}

/// Any threshold of shares combines to the secret, in any order; fewer are refused, and spare ones are
/// compared.
pub fn shamir_split_combine(data: &[u8]) {
    let [threshold, count, order, given, secret @ ..] = data else {
        return;
    };
    let Some(quorum) = quorum(*threshold, *count) else {
        return;
    };
    let rows = deal(
        secret,
        quorum,
        &mut TestRng::seeded(order.wrapping_mul(*given).into()),
    );
    let shares = shuffled(&rows, *order);
    let given = 1 + usize::from(*given) % shares.len();
    let mut out = vec![0xa5; secret.len()];
    let combined = combine_rows(quorum, &shares[..given], &mut out);
    let threshold = usize::from(quorum.threshold().get());
    if given < threshold {
        assert!(combined.is_err());
        assert!(out.iter().all(|byte| *byte == 0));
        return;
    }
    assert_eq!(combined, Ok(()));
    assert_eq!(out, secret);
    if given > threshold && !secret.is_empty() {
        let mut wrong = shares[0].value.to_vec();
        wrong[usize::from(*order) % secret.len()] ^= 1;
        let mut shares = shares.clone();
        shares[0].value = &wrong;
        assert!(combine_rows(quorum, &shares[..given], &mut out).is_err());
        assert!(out.iter().all(|byte| *byte == 0));
    }
}

/// Within the bound, wrong shares are always mended and named. Beyond it, what comes is an error, or a
/// secret that the digests show to be wrong.
pub fn shamir_correct(data: &[u8]) {
    let [threshold, count, order, wrong, step, flip, secret @ ..] = data else {
        return;
    };
    let Some(quorum) = quorum(*threshold, *count) else {
        return;
    };
    if secret.is_empty() || *flip == 0 {
        return;
    }
    let mut rng = TestRng::seeded((*order).into());
    let mut rows = deal(secret, quorum, &mut rng);
    let set = SetId::from_bytes([*order; 16]);
    let blind = Secret::<32>::random(&mut rng).unwrap();
    let digests: Vec<ShareDigest> = shuffled(&rows, 0)
        .into_iter()
        .map(|share| ShareDigest::of(&blind, set, quorum, share))
        .collect();

    let mut planted = IndexSet::EMPTY;
    for i in 0..usize::from(*wrong) % rows.len() {
        let row = (usize::from(*order) + i) % rows.len();
        let at = (i * usize::from(*step)) % secret.len();
        rows[row][at] ^= flip;
        planted.insert(ShareIndex::new(row as u8 + 1).unwrap());
    }
    let shares = shuffled(&rows, *order);
    let mut out = vec![0; secret.len()];
    let bound = usize::from(quorum.count().get() - quorum.threshold().get()) / 2;
    let mended = correct_rows(quorum, &shares, &mut rng, &mut out);
    if planted.iter().count() <= bound {
        let named = mended.expect("within the bound");
        assert!(named.iter().eq(planted.iter()));
        assert_eq!(out, secret);
    } else if mended.is_err() {
        assert!(out.iter().all(|byte| *byte == 0));
    }

    // With digests, every wrong share is named, however many there are.
    let encoded: Vec<EncodedShare<'_>> = shares
        .iter()
        .map(|share| EncodedShare::new(set, quorum, *share, blind.expose()).unwrap())
        .collect();
    assert!(
        name_wrong(&encoded, &digests)
            .unwrap()
            .iter()
            .eq(planted.iter())
    );
}

/// Every kernel of this processor gives what the portable one gives.
pub fn gf256_kernels(data: &[u8]) {
    let [terms, skew, add, bytes @ ..] = data else {
        return;
    };
    let count = 1 + usize::from(*terms) % 16;
    let Some((factors, bytes)) = bytes.split_at_checked(count) else {
        return;
    };
    let len = bytes.len() / (count + 1);
    let skew = usize::from(*skew) % 8;
    let Some(rows) = bytes.get(skew.min(len)..) else {
        return;
    };
    let terms: Vec<Term<'_>> = factors
        .iter()
        .zip(rows.chunks_exact(len.max(1)))
        .map(|(&factor, row)| Term {
            by: Public::new(factor),
            row,
        })
        .collect();
    let store = if *add & 1 == 1 {
        Store::Add
    } else {
        Store::Replace
    };
    let mut expected = bytes[..len].to_vec();
    let run = Backend::PORTABLE.run(&mut expected, &terms, store);
    for backend in Backend::available() {
        let mut out = bytes[..len].to_vec();
        assert_eq!(backend.run(&mut out, &terms, store), run);
        assert_eq!(out, expected, "{}", backend.name());
    }
}

/// The encoded share: one encoding, and no other.
pub fn encoded_share(data: &[u8]) {
    let Ok(share) = EncodedShare::parse(data) else {
        return;
    };
    let mut out = vec![0; encoded_len(share.row().value.len())];
    assert_eq!(share.encode(&mut out), Ok(data.len()));
    assert_eq!(out, data);
    assert!(share.quorum().contains(share.row().index));
}

/// A share as text: what is read is written again, but for gaps and case.
pub fn share_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut bytes = vec![0xa5; encoded_len(MAX_VALUE_LEN)];
    let Ok(share) = EncodedShare::parse_text(text, &mut bytes) else {
        assert!(bytes.iter().all(|byte| *byte == 0));
        return;
    };
    let mut out = vec![0; text_len(share.row().value.len())];
    let again = share.encode_text(&mut out).unwrap();
    let is_gap = |c| matches!(c, ' ' | '-' | '\r' | '\n');
    let kept: String = text.chars().filter(|c| !is_gap(*c)).collect();
    assert_eq!(again, kept.to_lowercase());
}
