// SPDX-License-Identifier: MIT OR Apache-2.0
//! A log of 100,000 records: what an append, a proof and a verification take.

use security_domain::custody::{Expected, Inclusion, Log, MAX_PROOF_LEN, Present, Verifier};
use security_domain::lifecycle::{Event, Ledger, Outcome, SinkAnswer, Step};

use crate::world::{INSTANCE, NOW, Ram, activate, begun, custodian, domain, export, restarted};

#[test]
fn a_log_of_100_000_records() {
    const SIZE: u32 = 100_000;
    let mut log = begun();
    activate(&mut log);
    let mut number = 5;
    while number < SIZE - 1 {
        let custodian = custodian(number as u8);
        let (step, outcome) = (Step::Contribute, Outcome::Done);
        let contribute = Event::Contribute { custodian };
        assert_eq!(log.record(NOW, &contribute), SinkAnswer::AGREED);
        assert_eq!(
            log.record(NOW, &Event::Outcome { step, outcome }),
            SinkAnswer::AGREED
        );
        number += 2;
    }
    assert_eq!(log.record(NOW, &Event::BeginImport), SinkAnswer::AGREED);
    // One write each, and an entry holds a record and at most one node for each level.
    let writes = log.store().writes;
    let longest = log.store().entries().iter().map(Vec::len).max().unwrap();
    assert_eq!((log.tree_head().size, writes), (SIZE, SIZE as usize));
    // What `MAX_ENTRY_LEN` says.
    assert!(longest <= 990, "{longest}");
    // A start reads the last entry, and the one of the head.
    let (head, reads) = (log.head(), log.store().reads);
    let mut again = restarted(&mut log, head);
    assert_eq!((again.refusal(), again.store().reads), (None, reads + 2));

    let export = export(&mut log);
    let (mut present, mut visited) = (Present::new(), 0);
    let mut verifier = Verifier::new(Expected {
        domain: Some(domain(2)),
        ..Expected::default()
    });
    for piece in export.chunks(777) {
        let fed = verifier.feed(piece, &mut |record| {
            present.fold(record);
            visited += 1;
        });
        fed.unwrap();
    }
    let verified = verifier.finish().unwrap();
    assert_eq!((verified.head, visited), (log.tree_head(), SIZE));
    assert_eq!(verified.instance, INSTANCE);

    let mut out = [0; MAX_PROOF_LEN];
    let proof = Inclusion::write(4, SIZE, |at| log.record_hash(at), &mut out).unwrap();
    assert!(proof.len() < 1024);
    assert!(size_of::<Log<Ram>>() - size_of::<Ram>() < 4096);
    assert!(size_of::<Verifier<'_>>() < 8192 && size_of::<Present>() < 4096);
}
