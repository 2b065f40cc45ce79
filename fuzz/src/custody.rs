// SPDX-License-Identifier: MIT OR Apache-2.0
//! Logs: their records, proofs, checkpoints and exports.

use security_domain::custody::{
    Checkpoint, Consistency, Expected, Inclusion, MAX_PROOF_LEN, MAX_RECORD_LEN, Present, Record,
    RecordHash, Tree, Verified, Verifier, VerifyError,
};

const GOOD: &[u8] = include_bytes!("../../tests/vectors/custody/good.log");

/// The digests of the records of the vector.
fn records() -> Vec<RecordHash> {
    let (mut records, mut rest) = (Vec::new(), &GOOD[22..]);
    while let [high, low, more @ ..] = rest
        && [*high, *low] != [0, 0]
    {
        let (record, next) = more.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        records.push(RecordHash::of(record));
        rest = next;
    }
    records
}

/// A record is written as it was read.
pub fn log_record(data: &[u8]) {
    let Ok(record) = Record::parse(data) else {
        return;
    };
    let mut out = [0; MAX_RECORD_LEN];
    assert_eq!(record.write(&mut out), Some(data));
    Present::new().fold(&record);
}

/// A proof that is accepted is the one that is written.
pub fn log_proof(data: &[u8]) {
    let records = records();
    let head = |size: u32| {
        let mut tree = Tree::EMPTY;
        let some = records.iter().take(size as usize);
        some.for_each(|record| tree.append(record).unwrap());
        tree.head()
    };
    let record = |number: u32| records.get(number as usize).copied().ok_or(());
    let size = records.len() as u32;
    let mut out = [0; MAX_PROOF_LEN];
    if let Ok(proof) = Inclusion::parse(data) {
        let included = record(proof.number()).map(|record| proof.verify(&record, &head(size)));
        if let Ok(Ok(())) = included {
            let written = Inclusion::write(proof.number(), size, record, &mut out);
            assert_eq!(written, Ok(data));
        }
    }
    if let Ok(proof) = Consistency::parse(data) {
        let (from, to) = (head(proof.from()), head(size));
        if proof.verify(&from, &to).is_ok() {
            let written = Consistency::write(from.size, size, record, &mut out);
            assert_eq!(written, Ok(data));
        }
    }
}

/// A checkpoint is a note of three lines, and a line more leaves it one.
pub fn checkpoint(data: &[u8]) {
    let Ok(checkpoint) = Checkpoint::parse(data) else {
        return;
    };
    assert_eq!(checkpoint.as_bytes(), data);
    let text = str::from_utf8(data).unwrap();
    let size = checkpoint.head().size.to_string();
    assert_eq!(text.lines().nth(1), Some(&*size));
    let line = text.lines().last().unwrap();
    let mut out = vec![0; data.len() + line.len() + 1];
    if let Ok(more) = checkpoint.with_signature(line, &mut out) {
        let more = Checkpoint::parse(more).unwrap();
        assert_eq!(more.head(), checkpoint.head());
    }
}

fn verify(data: &[u8], piece: usize) -> Result<Verified, VerifyError> {
    let (mut present, mut records) = (Present::new(), 0);
    let mut verifier = Verifier::new(Expected::default());
    for piece in data.chunks(piece) {
        verifier.feed(piece, &mut |record| {
            assert_eq!(record.number, records);
            records += 1;
            present.fold(record);
        })?;
    }
    let verified = verifier.finish()?;
    assert_eq!(verified.head.size, records);
    Ok(verified)
}

/// An export is judged alike in whatever pieces it comes.
pub fn log_export(data: &[u8]) {
    let whole = verify(data, data.len().max(1));
    assert_eq!(verify(data, 13), whole);
}
