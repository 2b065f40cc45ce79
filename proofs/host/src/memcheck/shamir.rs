// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sharing: split, combine, check, renew, with the kernels that this processor, as Valgrind shows it, chooses.

use security_domain::quorum::{Quorum, ShareIndex};
use security_domain::secret::Secret;
use security_domain::shamir::check::{
    SetId, ShareDigest, consistent, correct, correct_rows, name_wrong,
};
use security_domain::shamir::encoded::{EncodedShare, combine_encoded, encoded_len};
use security_domain::shamir::renew::{Commitment, refresh, repair, reshare};
use security_domain::shamir::text::{TextError, text_len};
use security_domain::shamir::{Share, ShareRow, combine, combine_rows, split, split_rows};

use crate::Operation;
use crate::rng::SecretRng;
use crate::valgrind::{hidden, hide, reveal, revealed};

pub const OPERATIONS: &[Operation] = &[
    ("shamir: split, combine, 32 bytes", fixed),
    ("shamir: split_rows, combine_rows, 1000 bytes", rows),
    ("shamir: combine with a spare share", spare),
    ("shamir/check: correct two wrong shares", mend),
    ("shamir/check: digests, name a wrong share", name),
    ("shamir/encoded: encode, parse, combine", encoded),
    ("shamir/text: write, read", text),
    ("shamir/text: a wrong character", wrong_text),
    ("shamir/renew: repair", repair_share),
    ("shamir/renew: refresh, commitment", refresh_shares),
    ("shamir/renew: reshare", reshare_shares),
];

const LEN: usize = 1000;
type Row = Vec<u8>;

fn quorum(threshold: u8, count: u8) -> Quorum {
    Quorum::new(threshold, count).unwrap()
}

fn index(index: usize) -> ShareIndex {
    ShareIndex::new(index as u8).unwrap()
}

/// What is shared: byte `i` is `7 i`, and secret.
fn secret_row() -> Row {
    hidden::<LEN>(core::array::from_fn(|i| (7 * i) as u8)).to_vec()
}

fn check(mut row: Row) {
    reveal(&mut row);
    assert!(
        row.iter()
            .enumerate()
            .all(|(i, byte)| *byte == (7 * i) as u8)
    );
}

/// Rows that `deal` fills.
fn dealt<E: core::fmt::Debug>(
    count: usize,
    deal: impl FnOnce(&mut [&mut [u8]]) -> Result<(), E>,
) -> Vec<Row> {
    let mut rows = vec![vec![0; LEN]; count];
    let mut slots: Vec<&mut [u8]> = rows.iter_mut().map(Vec::as_mut_slice).collect();
    deal(&mut slots).unwrap();
    rows
}

fn shares(quorum: Quorum, seed: u64) -> Vec<Row> {
    dealt(quorum.count().get().into(), |rows| {
        split_rows(&secret_row(), quorum, &mut SecretRng(seed), rows)
    })
}

/// The rows with these indices.
fn held<'a>(rows: &'a [Row], indices: &[usize]) -> Vec<ShareRow<'a>> {
    indices
        .iter()
        .map(|&i| ShareRow {
            index: index(i),
            value: &rows[i - 1],
        })
        .collect()
}

fn combined(quorum: Quorum, rows: &[ShareRow<'_>]) -> Row {
    let mut out = vec![0; LEN];
    combine_rows(quorum, rows, &mut out).unwrap();
    out
}

fn fixed() {
    let quorum = quorum(3, 5);
    let secret = Secret::<32>::random(&mut SecretRng(1)).unwrap();
    let [first, _, third, _, fifth] = split(&secret, quorum, &mut SecretRng(2)).unwrap();
    let again = combine(quorum, &[&fifth, &first, &third]).unwrap();
    assert_eq!(revealed(again.expose()), revealed(secret.expose()));
}

fn rows() {
    let rows = shares(quorum(3, 5), 3);
    check(combined(quorum(3, 5), &held(&rows, &[5, 1, 2])));
}

fn spare() {
    let mut rows = shares(quorum(3, 5), 4);
    consistent(quorum(3, 5), &held(&rows, &[1, 2, 3, 4, 5])).unwrap();
    check(combined(quorum(3, 5), &held(&rows, &[1, 2, 3, 4, 5])));
    rows[1][LEN - 1] ^= 1;
    assert!(consistent(quorum(3, 5), &held(&rows, &[1, 2, 3, 4])).is_err());
}

fn mend() {
    let mut rows = shares(quorum(3, 7), 5);
    rows[1][0] ^= 1;
    rows[6][LEN - 1] ^= 0x80;
    let mut out = vec![0; LEN];
    let given = held(&rows, &[1, 2, 3, 4, 5, 6, 7]);
    let wrong = correct_rows(quorum(3, 7), &given, &mut SecretRng(6), &mut out).unwrap();
    assert_eq!(
        wrong.iter().map(ShareIndex::get).collect::<Vec<_>>(),
        [2, 7]
    );
    check(out);

    let secret = Secret::<32>::random(&mut SecretRng(7)).unwrap();
    let shares: [Share<32>; 5] = split(&secret, quorum(3, 5), &mut SecretRng(8)).unwrap();
    let (again, wrong) = correct(quorum(3, 5), &shares.each_ref(), &mut SecretRng(9)).unwrap();
    assert_eq!(wrong.iter().count(), 0);
    assert_eq!(revealed(again.expose()), revealed(secret.expose()));
}

fn name() {
    let quorum = quorum(2, 3);
    let mut rows = shares(quorum, 10);
    let set = SetId::from_bytes([9; 16]);
    let blinds = [1, 2, 3].map(|seed| Secret::<32>::random(&mut SecretRng(seed)).unwrap());
    let digests: Vec<ShareDigest> = (1..=3)
        .map(|i| ShareDigest::of(&blinds[i - 1], set, quorum, held(&rows, &[i])[0]))
        .collect();
    rows[2][0] ^= 1;
    let encoded: Vec<EncodedShare<'_>> = (1..=3)
        .map(|i| EncodedShare::new(set, quorum, held(&rows, &[i])[0], blinds[i - 1].expose()))
        .map(Result::unwrap)
        .collect();
    let wrong = name_wrong(&encoded, &digests).unwrap();
    assert_eq!(wrong.iter().map(ShareIndex::get).collect::<Vec<_>>(), [3]);
}

/// With a spare share; then one of them is changed.
fn encoded() {
    let quorum = quorum(2, 3);
    let rows = shares(quorum, 20);
    let set = SetId::from_bytes([9; 16]);
    let files: Vec<Row> = (1..=3)
        .map(|i| {
            let blind = hidden([i as u8; 32]);
            let share = EncodedShare::new(set, quorum, held(&rows, &[i])[0], &blind).unwrap();
            let mut file = vec![0; encoded_len(LEN)];
            assert_eq!(share.encode(&mut file), Ok(file.len()));
            file
        })
        .collect();
    let combine = |files: &[Row], out: &mut Row| {
        let shares: Vec<_> = files
            .iter()
            .map(|file| EncodedShare::parse(file).unwrap())
            .collect();
        combine_encoded(&shares, out)
    };
    let mut out = vec![0; LEN];
    combine(&files, &mut out).unwrap();
    check(out.clone());
    let mut changed = files;
    changed[2][encoded_len(0) - 32] ^= 1;
    assert!(combine(&changed, &mut out).is_err());
}

/// The second share of 32 bytes as text, and a public copy of that.
fn written(value: &[u8; 32], blind: &[u8; 32]) -> (String, String) {
    let row = ShareRow {
        index: index(2),
        value,
    };
    let share = EncodedShare::new(SetId::from_bytes([9; 16]), quorum(2, 3), row, blind).unwrap();
    let mut out = vec![0; text_len(32)];
    let text = share.encode_text(&mut out).unwrap().to_owned();
    reveal(&mut out);
    (text, String::from_utf8(out).unwrap())
}

/// A secret copy.
fn hidden_text(text: &str) -> String {
    let mut copy = text.to_owned();
    // SAFETY: the bytes stay as they are.
    hide(unsafe { copy.as_bytes_mut() });
    copy
}

fn text() {
    let (value, blind) = (hidden([0x5a; 32]), hidden([0xc3; 32]));
    let (text, public) = written(&value, &blind);
    let gapped = public.to_uppercase().replace('Q', "Q -");
    for text in [text, hidden_text(&gapped)] {
        let mut out = [0; encoded_len(32)];
        let share = EncodedShare::parse_text(&text, &mut out).unwrap();
        let mut again = share.row().value.to_vec();
        reveal(&mut again);
        assert_eq!(again, [0x5a; 32]);
    }
}

fn wrong_text() {
    let (_, public) = written(&hidden([0x5a; 32]), &hidden([0xc3; 32]));
    let at = public.len() - 1;
    let last = if public.ends_with('q') { "p" } else { "q" };
    for (end, refused) in [
        (last, TextError::Checksum),
        ("A", TextError::MixedCase),
        ("b", TextError::Character(at)),
    ] {
        let mut out = [0; encoded_len(32)];
        let text = hidden_text(&(public[..at].to_owned() + end));
        let read = EncodedShare::parse_text(&text, &mut out);
        assert_eq!(read.unwrap_err(), refused);
    }
}

fn repair_share() {
    let (quorum, holders) = (quorum(3, 5), [1, 2, 4].map(index));
    let mut rows = shares(quorum, 11);
    let masked: Vec<Vec<Row>> = held(&rows, &[1, 2, 4])
        .into_iter()
        .map(|share| {
            dealt(3, |out| {
                repair::mask(quorum, &holders, index(5), share, &mut SecretRng(12), out)
            })
        })
        .collect();
    let sums: Vec<Row> = (0..3)
        .map(|to| {
            let received: Vec<&[u8]> = masked.iter().map(|from| from[to].as_slice()).collect();
            let mut out = vec![0; LEN];
            repair::pool(quorum, &received, &mut out).unwrap();
            out
        })
        .collect();
    let sums: Vec<&[u8]> = sums.iter().map(Vec::as_slice).collect();
    repair::restore(quorum, &sums, &mut rows[4]).unwrap();
    check(combined(quorum, &held(&rows, &[5, 1, 3])));
}

fn refresh_shares() {
    let quorum = quorum(2, 3);
    let old = shares(quorum, 13);
    let blind = Secret::<32>::random(&mut SecretRng(14)).unwrap();
    let commitment = Commitment::to(&blind, &secret_row());
    let zeros: Vec<Vec<Row>> = (15..17)
        .map(|seed| dealt(3, |rows| refresh::deal(quorum, &mut SecretRng(seed), rows)))
        .collect();
    let new: Vec<Row> = (1..=3)
        .map(|i| {
            let received: Vec<&[u8]> = zeros.iter().map(|from| from[i - 1].as_slice()).collect();
            let mut out = vec![0; LEN];
            refresh::apply(held(&old, &[i])[0], &received, &mut out).unwrap();
            out
        })
        .collect();
    let mut scratch = vec![0; LEN];
    commitment
        .confirm(&blind, quorum, &held(&new, &[1, 3]), &mut scratch)
        .unwrap();
    check(combined(quorum, &held(&new, &[3, 2])));
}

fn reshare_shares() {
    let (old, new) = (quorum(2, 3), quorum(3, 4));
    let rows = shares(old, 18);
    let dealt: Vec<Vec<Row>> = held(&rows, &[1, 3])
        .into_iter()
        .map(|share| dealt(4, |out| reshare::deal(share, new, &mut SecretRng(19), out)))
        .collect();
    let collected: Vec<Row> = (0..4)
        .map(|to| {
            let received: Vec<ShareRow<'_>> = [1, 3]
                .into_iter()
                .zip(&dealt)
                .map(|(from, rows)| ShareRow {
                    index: index(from),
                    value: &rows[to],
                })
                .collect();
            let mut out = vec![0; LEN];
            reshare::collect(old, &received, &mut out).unwrap();
            out
        })
        .collect();
    check(combined(new, &held(&collected, &[4, 1, 2])));
}
