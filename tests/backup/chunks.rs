// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chunks at their places, and at others.

use super::*;

/// Three whole chunks and a short one, and everything that can be done to their order and number.
#[test]
fn chunks_have_one_place_only() {
    let root = root(1);
    let text = text(3 * CHUNK_LEN + 5);
    let (front, chunks) = written(&root, &plan(text.len()), 2, &text);
    let (other_front, other) = written(&root, &plan(text.len()), 3, &text);
    let pick =
        |order: &[usize]| -> Vec<Vec<u8>> { order.iter().map(|i| chunks[*i].clone()).collect() };
    let fails = |place| Err(Restore::Chunk(place, StreamError::DoesNotOpen));
    let length = |place, have, want| {
        Err(Restore::Chunk(
            place,
            StreamError::ChunkLength { have, want },
        ))
    };

    // Reordered, repeated, left out.
    assert_eq!(restored(&root, &front, &pick(&[1, 0, 2, 3])), fails(0));
    assert_eq!(restored(&root, &front, &pick(&[0, 2, 1, 3])), fails(1));
    assert_eq!(restored(&root, &front, &pick(&[0, 0, 1, 3])), fails(1));
    assert_eq!(restored(&root, &front, &pick(&[0, 2, 3])), fails(1));
    assert_eq!(
        restored(&root, &front, &pick(&[0, 1, 3])),
        length(2, 21, SEALED_CHUNK_LEN)
    );
    assert_eq!(
        restored(&root, &front, &pick(&[0, 1, 2, 0])),
        length(3, SEALED_CHUNK_LEN, 21)
    );

    // Truncated and extended.
    for kept in 0..4 {
        let incomplete = Err(Restore::End(StreamError::Incomplete));
        assert_eq!(restored(&root, &front, &chunks[..kept]), incomplete);
    }
    let mut cut = pick(&[0, 1, 2, 3]);
    cut[3].pop();
    assert_eq!(restored(&root, &front, &cut), length(3, 20, 21));
    let after = Err(Restore::Chunk(4, StreamError::AfterTheEnd));
    assert_eq!(restored(&root, &front, &pick(&[0, 1, 2, 3, 3])), after);
    assert_eq!(
        restored(&root, &front, &[&chunks[..], &[vec![]]].concat()),
        after
    );

    // Spliced with another backup of the same bytes, at each place, and under the other's front.
    for place in 0..4 {
        let mut spliced = chunks.clone();
        spliced[place] = other[place].clone();
        assert_eq!(restored(&root, &front, &spliced), fails(place));
    }
    assert_eq!(restored(&root, &other_front, &chunks), fails(0));

    // Shortened to whole chunks, the header with it: the last chunk was not sealed as a last one.
    let (shorter_front, _) = written(&root, &plan(2 * CHUNK_LEN), 2, &text[..2 * CHUNK_LEN]);
    assert_eq!(restored(&root, &shorter_front, &chunks[..2]), fails(0));
}

#[test]
fn every_flipped_bit_is_seen() {
    let root = root(1);
    let text = text(40);
    let (front, chunks) = written(&root, &plan(40), 2, &text);
    for bit in 0..front.len() * 8 {
        let mut changed = front.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let Ok(header) = BackupHeader::parse(&changed) else {
            continue;
        };
        let mut key = BackupKey::none();
        if let Ok(mut reader) = backup::read(&root, &header, &mut key) {
            assert!(
                reader.open(&mut key, &mut chunks[0].clone()).is_err(),
                "bit {bit} of the front"
            );
        }
    }
    for bit in 0..chunks[0].len() * 8 {
        let mut changed = chunks[0].clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let refused = restored(&root, &front, &[changed]);
        assert_eq!(
            refused,
            Err(Restore::Chunk(0, StreamError::DoesNotOpen)),
            "bit {bit}"
        );
    }
}

#[test]
fn a_writer_takes_what_was_announced_and_wipes_what_it_does_not() {
    let root = root(1);
    let wrong = |have, want| StreamError::ChunkLength { have, want };
    for (announced, chunk, error) in [
        (10, 9 + TAG_LEN, wrong(25, 26)),
        (10, 11 + TAG_LEN, wrong(27, 26)),
        (10, 0, wrong(0, 26)),
        (0, 1 + TAG_LEN, wrong(17, 16)),
        (
            CHUNK_LEN + 1,
            CHUNK_LEN + 1 + TAG_LEN,
            wrong(SEALED_CHUNK_LEN + 1, SEALED_CHUNK_LEN),
        ),
        (CHUNK_LEN + 1, CHUNK_LEN, wrong(CHUNK_LEN, SEALED_CHUNK_LEN)),
    ] {
        let mut key = BackupKey::none();
        let mut writer = backup::write(&root, &plan(announced), &mut rng(2), &mut key).unwrap();
        let mut buffer = vec![0x5a; chunk];
        assert_eq!(writer.seal(&mut key, &mut buffer), Err(error));
        assert!(buffer.iter().all(|byte| *byte == 0));
        // Nor does it take the right one then.
        assert_eq!(writer.next_len(), None);
        let mut buffer = vec![0x5a; announced.min(CHUNK_LEN) + TAG_LEN];
        assert_eq!(writer.seal(&mut key, &mut buffer), Err(StreamError::Ended));
        assert!(buffer.iter().all(|byte| *byte == 0));
        assert_eq!(writer.finish(), Err(StreamError::Ended));
    }

    let mut key = BackupKey::none();
    let writer = backup::write(&root, &plan(0), &mut rng(2), &mut key).unwrap();
    assert_eq!(
        writer.finish(),
        Err(StreamError::Incomplete),
        "an empty backup has a chunk"
    );

    let mut key = BackupKey::none();
    let mut writer = backup::write(&root, &plan(1), &mut rng(2), &mut key).unwrap();
    let mut chunk = [0x5a; 1 + TAG_LEN];
    writer.seal(&mut key, &mut chunk).unwrap();
    assert_eq!(
        writer.seal(&mut key, &mut chunk),
        Err(StreamError::AfterTheEnd)
    );
    assert_eq!(chunk, [0; 1 + TAG_LEN]);

    let too_long = plan(MAX_LEN as usize + 1);
    let refused = backup::write(&root, &too_long, &mut rng(2), &mut BackupKey::none()).unwrap_err();
    assert_eq!(refused, BeginError::TooLong);
}
