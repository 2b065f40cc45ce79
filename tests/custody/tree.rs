// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tree and its proofs, against the known answers of Certificate Transparency and against
//! `tlog_tiles`.

use std::convert::Infallible;

use security_domain::custody::{
    Consistency, Head, Inclusion, MAX_PROOF_LEN, ProofError, ProofField, ProofFileError,
    ProveError, RecordHash, Tree,
};
use security_domain::hex;
use security_domain::sealed_domain::LedgerHead;
use tlog_tiles::tlog;

/// The eight records of the Certificate Transparency reference implementation
/// (`merkletree/merkle_tree_test.cc`), the root of each size, and its proofs.
const RECORDS: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
type Known = (u32, u32, &'static [&'static str]);
const INCLUSION: [Known; 5] = [
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        3,
        &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    ),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];
const CONSISTENCY: [Known; 4] = [
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

fn bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| hex::parse::<1>(std::str::from_utf8(pair).unwrap()).unwrap()[0])
        .collect()
}

/// A log and its head at each size.
pub struct Grown {
    records: Vec<RecordHash>,
    heads: Vec<Head>,
}

impl Grown {
    pub fn of(records: impl IntoIterator<Item = RecordHash>) -> Self {
        let records: Vec<RecordHash> = records.into_iter().collect();
        let mut tree = Tree::EMPTY;
        let mut heads = vec![tree.head()];
        for record in &records {
            tree.append(record).unwrap();
            heads.push(tree.head());
        }
        Self { records, heads }
    }

    /// Records `0..size` of a family; families have no record in common.
    fn numbered(family: u8, size: u32) -> Self {
        Self::of((0..size).map(|number| {
            let number = number.to_be_bytes();
            RecordHash::of(&[&[family][..], &number].concat())
        }))
    }

    fn record(&self) -> impl FnMut(u32) -> Result<RecordHash, Infallible> + '_ {
        |number| Ok(self.records[number as usize])
    }

    fn inclusion(&self, number: u32, size: u32) -> Vec<u8> {
        let mut asked = vec![0; self.records.len()];
        let mut out = [0; MAX_PROOF_LEN];
        let record = |at: u32| {
            asked[at as usize] += 1;
            Ok::<_, Infallible>(self.records[at as usize])
        };
        let proof = Inclusion::write(number, size, record, &mut out)
            .unwrap()
            .to_vec();
        for (at, asked) in asked.iter().enumerate() {
            let wanted = at as u32 != number && (at as u32) < size;
            assert_eq!(*asked, u32::from(wanted), "{at} for {number} of {size}");
        }
        proof
    }

    fn consistency(&self, from: u32, to: u32) -> Vec<u8> {
        let mut out = [0; MAX_PROOF_LEN];
        let proof = Consistency::write(from, to, self.record(), &mut out);
        proof.unwrap().to_vec()
    }

    fn includes(&self, proof: &[u8], number: u32, size: u32) -> Result<(), ProofError> {
        let record = &self.records[number as usize];
        Inclusion::parse(proof)
            .unwrap()
            .verify(record, &self.heads[size as usize])
    }

    fn continues(&self, proof: &[u8], from: u32, to: u32) -> Result<(), ProofError> {
        let (from, to) = (&self.heads[from as usize], &self.heads[to as usize]);
        Consistency::parse(proof).unwrap().verify(from, to)
    }
}

/// The nodes of a proof: the byte string at its end.
fn nodes(proof: &[u8]) -> Vec<String> {
    let start = (0..)
        .find(|start| (proof.len() - start).is_multiple_of(32))
        .unwrap();
    let start = start.max(5);
    let rest = &proof[proof.len() - (proof.len() - start) / 32 * 32..];
    rest.chunks(32)
        .map(|node| LedgerHead::from_bytes(node.try_into().unwrap()).to_string())
        .collect()
}

#[test]
fn the_known_answers_of_certificate_transparency() {
    let log = Grown::of(RECORDS.map(|record| RecordHash::of(&bytes(record))));
    for (size, root) in ROOTS.iter().enumerate() {
        let head = log.heads[size];
        assert_eq!(
            (head.size as usize, head.root.to_string()),
            (size, root.to_string())
        );
    }
    for (number, size, path) in INCLUSION {
        let proof = log.inclusion(number, size);
        assert_eq!(nodes(&proof), path, "{number} of {size}");
        assert_eq!(log.includes(&proof, number, size), Ok(()));
    }
    for (from, to, path) in CONSISTENCY {
        let proof = log.consistency(from, to);
        assert_eq!(nodes(&proof), path, "{from} to {to}");
        assert_eq!(log.continues(&proof, from, to), Ok(()));
    }
}

/// What `tlog_tiles` stores of a log.
struct Stored(Vec<tlog::Hash>);

impl tlog::HashReader for Stored {
    fn read_hashes(&self, places: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        Ok(places.iter().map(|place| self.0[*place as usize]).collect())
    }
}

impl Stored {
    fn of(log: &Grown) -> Self {
        let mut stored = Self(Vec::new());
        for (number, record) in (0..).zip(&log.records) {
            let record = tlog::Hash(*record.as_bytes());
            let more = tlog::stored_hashes_for_record_hash(number, record, &stored).unwrap();
            stored.0.extend(more);
        }
        stored
    }
}

fn theirs(hash: &[u8; 32]) -> tlog::Hash {
    tlog::Hash(*hash)
}

/// Each root, inclusion and consistency proof of every size to 300.
#[test]
fn every_proof_to_300_records_is_the_one_of_another_implementation() {
    const SIZE: u32 = 300;
    let log = Grown::numbered(1, SIZE);
    let stored = Stored::of(&log);
    for size in 1..=SIZE {
        let head = log.heads[size as usize];
        let root = tlog::tree_hash(size.into(), &stored).unwrap();
        assert_eq!(head.root.as_bytes(), &root.0);
        for number in 0..size {
            let proof = log.inclusion(number, size);
            assert_eq!(
                log.includes(&proof, number, size),
                Ok(()),
                "{number} of {size}"
            );
            let path = tlog::prove_record(size.into(), number.into(), &stored).unwrap();
            let path: Vec<String> = path
                .iter()
                .map(|node| LedgerHead::from_bytes(node.0).to_string())
                .collect();
            assert_eq!(nodes(&proof), path, "{number} of {size}");
        }
        for from in 1..=size {
            let proof = log.consistency(from, size);
            assert_eq!(
                log.continues(&proof, from, size),
                Ok(()),
                "{from} to {size}"
            );
            let path = tlog::prove_tree(size.into(), from.into(), &stored).unwrap();
            let (old, new) = (&log.heads[from as usize].root, &head.root);
            let checked = tlog::check_tree(
                &path,
                size.into(),
                theirs(new.as_bytes()),
                from.into(),
                theirs(old.as_bytes()),
            );
            assert!(checked.is_ok());
            let path: Vec<String> = path
                .iter()
                .map(|node| LedgerHead::from_bytes(node.0).to_string())
                .collect();
            assert_eq!(nodes(&proof), path, "{from} to {size}");
        }
        let proof = log.consistency(0, size);
        assert_eq!(log.continues(&proof, 0, size), Ok(()));
    }
}

/// Sizes that have each form of tree: full, one more, one less, and with many peaks.
const SIZES: [u32; 12] = [1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 21, 33];

#[test]
fn every_changed_bit_of_a_proof_is_refused() {
    let log = Grown::numbered(1, 33);
    let mut changed = 0;
    for size in SIZES {
        for number in 0..size {
            let proof = log.inclusion(number, size);
            let (record, head) = (log.records[number as usize], log.heads[size as usize]);
            for bit in 0..proof.len() * 8 {
                let mut bad = proof.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                let parsed = Inclusion::parse(&bad).map(|bad| bad.verify(&record, &head));
                assert!(
                    !matches!(parsed, Ok(Ok(()))),
                    "bit {bit} of {number} of {size}"
                );
                changed += 1;
            }
        }
        for from in 0..=size {
            let proof = log.consistency(from, size);
            let (old, new) = (log.heads[from as usize], log.heads[size as usize]);
            for bit in 0..proof.len() * 8 {
                let mut bad = proof.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                let parsed = Consistency::parse(&bad).map(|bad| bad.verify(&old, &new));
                assert!(
                    !matches!(parsed, Ok(Ok(()))),
                    "bit {bit} from {from} to {size}"
                );
            }
        }
    }
    assert!(changed > 100_000);
}

#[test]
fn a_proof_fits_one_record_of_one_log() {
    let (log, fork) = (Grown::numbered(1, 33), Grown::numbered(2, 33));
    for size in SIZES {
        for number in 0..size {
            let proof = log.inclusion(number, size);
            let parsed = Inclusion::parse(&proof).unwrap();
            for (at, record) in log.records.iter().enumerate() {
                let fits = parsed.verify(record, &log.heads[size as usize]);
                let want = match at == number as usize {
                    true => Ok(()),
                    false => Err(ProofError::WrongRoot),
                };
                assert_eq!(fits, want);
            }
            let forked = parsed.verify(&log.records[number as usize], &fork.heads[size as usize]);
            assert_eq!(forked, Err(ProofError::WrongRoot));
            let (have, want) = (size, size + 1);
            let head = Head {
                size: want,
                ..log.heads[size as usize]
            };
            let other = parsed.verify(&log.records[number as usize], &head);
            assert_eq!(other, Err(ProofError::OtherSize { have, want }));
        }
        for from in 1..size {
            let proof = log.consistency(from, size);
            let proof = Consistency::parse(&proof).unwrap();
            let heads = |log: &Grown| [from, size].map(|size| log.heads[size as usize]);
            let ([old, new], [forked, other]) = (heads(&log), heads(&fork));
            assert_eq!(proof.verify(&forked, &new), Err(ProofError::WrongRoot));
            assert_eq!(proof.verify(&old, &other), Err(ProofError::WrongRoot));
            let swapped = proof.verify(&new, &old);
            let (have, want) = (from, size);
            assert_eq!(swapped, Err(ProofError::OtherSize { have, want }));
        }
        let same = log.consistency(size, size);
        let same = Consistency::parse(&same).unwrap();
        let (head, other) = (&log.heads[size as usize], &fork.heads[size as usize]);
        assert_eq!(same.verify(head, other), Err(ProofError::WrongRoot));
    }
    // Every log continues the empty one, but there is one empty log.
    let proof = log.consistency(0, 5);
    let other = Head {
        size: 0,
        ..log.heads[3]
    };
    let proof = Consistency::parse(&proof).unwrap();
    assert_eq!(
        proof.verify(&other, &log.heads[5]),
        Err(ProofError::WrongRoot)
    );
}

/// The encoding of a proof with these nodes.
fn encoded(kind: u8, first: u8, size: u8, nodes: &[[u8; 32]]) -> Vec<u8> {
    let len = nodes.len() * 32;
    let mut proof = vec![0x85, 1, kind, first, size];
    match len {
        0 => proof.push(0x40),
        32..256 => proof.extend([0x58, len as u8]),
        _ => proof.extend([0x59, (len >> 8) as u8, len as u8]),
    }
    proof.extend(nodes.as_flattened());
    proof
}

#[test]
fn a_proof_of_another_shape_is_named() {
    let log = Grown::numbered(1, 8);
    let nodes: Vec<[u8; 32]> = (0..34).map(|at| [at; 32]).collect();
    let included = |proof: &[u8]| {
        Inclusion::parse(proof)
            .unwrap()
            .verify(&log.records[3], &log.heads[8])
    };
    for count in [0, 1, 2, 4, 33] {
        let wrong = included(&encoded(1, 3, 8, &nodes[..count]));
        assert_eq!(wrong, Err(ProofError::WrongLength), "{count}");
        for from in [3, 4] {
            let proof = encoded(2, from, 8, &nodes[..count]);
            let proof = Consistency::parse(&proof).unwrap();
            let wrong = proof.verify(&log.heads[usize::from(from)], &log.heads[8]);
            let want = match (from, count) {
                (3, 4) | (4, 1) => ProofError::WrongRoot,
                _ => ProofError::WrongLength,
            };
            assert_eq!(wrong, Err(want), "{count} nodes from {from}");
        }
    }
    assert_eq!(
        included(&encoded(1, 3, 8, &nodes[..3])),
        Err(ProofError::WrongRoot)
    );
    let none = ProofError::NoSuchRecord { number: 8, size: 8 };
    assert_eq!(included(&encoded(1, 8, 8, &nodes[..3])), Err(none));
    let backwards = encoded(2, 8, 3, &[]);
    let backwards = Consistency::parse(&backwards).unwrap();
    let shorter = ProofError::Shorter { have: 3, want: 8 };
    assert_eq!(backwards.verify(&log.heads[8], &log.heads[3]), Err(shorter));
    let more = encoded(2, 0, 8, &nodes[..1]);
    let more = Consistency::parse(&more).unwrap();
    assert_eq!(
        more.verify(&log.heads[0], &log.heads[8]),
        Err(ProofError::WrongLength)
    );
    let more = encoded(2, 8, 8, &nodes[..1]);
    let more = Consistency::parse(&more).unwrap();
    assert_eq!(
        more.verify(&log.heads[8], &log.heads[8]),
        Err(ProofError::WrongLength)
    );

    let malformed = |field| Err(ProofFileError::Malformed(field));
    let good = encoded(1, 3, 8, &nodes[..3]);
    let with = |place: usize, byte: u8| {
        let mut proof = good.clone();
        proof[place] = byte;
        proof
    };
    let refused = |proof: &[u8]| Inclusion::parse(proof).map(|_| ());
    assert_eq!(refused(&good), Ok(()));
    assert_eq!(refused(&[]), malformed(ProofField::File));
    assert_eq!(refused(&with(0, 0x84)), malformed(ProofField::Kind));
    assert_eq!(refused(&with(1, 2)), Err(ProofFileError::UnknownVersion(2)));
    assert_eq!(refused(&with(2, 2)), malformed(ProofField::Kind));
    assert_eq!(refused(&with(3, 0x20)), malformed(ProofField::First));
    assert_eq!(refused(&with(4, 0xf6)), malformed(ProofField::Size));
    assert_eq!(
        refused(&good[..good.len() - 1]),
        malformed(ProofField::Nodes)
    );
    assert_eq!(
        refused(&encoded(1, 3, 8, &nodes)),
        malformed(ProofField::Nodes)
    );
    let mut short = good.clone();
    short.pop();
    short[6] -= 1;
    assert_eq!(refused(&short), malformed(ProofField::Nodes));
    let longer = [&good[..], &[0]].concat();
    assert_eq!(refused(&longer), Err(ProofFileError::NotDeterministic));
    let mut long = good.clone();
    long.splice(3..4, [0x18, 3]);
    assert_eq!(refused(&long), Err(ProofFileError::NotDeterministic));
    assert_eq!(
        Consistency::parse(&good),
        malformed(ProofField::Kind).map(|()| unreachable!())
    );
}

#[test]
fn no_proof_is_written_of_what_the_log_has_not() {
    let log = Grown::numbered(1, 8);
    let mut out = [0; MAX_PROOF_LEN];
    let none = Inclusion::write(8, 8, log.record(), &mut out);
    assert_eq!(none, Err(ProveError::NoSuchRecord { number: 8, size: 8 }));
    let shorter = Consistency::write(8, 3, log.record(), &mut out);
    assert_eq!(shorter, Err(ProveError::Shorter { have: 3, want: 8 }));
    let needed = MAX_PROOF_LEN;
    let mut short = [0; MAX_PROOF_LEN - 1];
    let small = Inclusion::write(3, 8, log.record(), &mut short);
    assert_eq!(small, Err(ProveError::BufferTooSmall { needed }));
    let fails = |number| match number {
        6 => Err("record 6"),
        _ => Ok(log.records[number as usize]),
    };
    assert_eq!(
        Inclusion::write(3, 8, fails, &mut out),
        Err(ProveError::Record("record 6"))
    );
}

#[test]
fn a_proof_of_100_000_records_is_shorter_than_1_kb() {
    const SIZE: u32 = 100_000;
    let log = Grown::numbered(1, SIZE);
    let mut longest = 0;
    for number in [0, 1, 65_535, 65_536, 99_999] {
        let proof = log.inclusion(number, SIZE);
        assert_eq!(log.includes(&proof, number, SIZE), Ok(()));
        longest = longest.max(proof.len());
    }
    // 17 nodes: what `MAX_PROOF_LEN` says.
    assert_eq!(longest, 560);
    assert!(longest < 1024);
}
