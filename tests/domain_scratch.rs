// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the domain stands in the clear while it is sealed, and what is looked at before it leaves.
#![cfg(feature = "sealed-domain")]

mod sealed;

use std::cell::Cell;

use sealed::{FailsAt, FastKey, artifacts, fast_keys, rng, scratch, sealing};
use security_domain::custodian::{Algorithm, CustodianId, Recipient, WrapError};
use security_domain::rng::Generator;
use security_domain::sealed_domain::{Root, SealError, Sealing};
use sha2::{Digest, Sha256};

#[test]
fn the_scratch_is_exact_and_wiped() {
    let root = Root::random(&mut rng(1)).unwrap();
    let (artifacts, keys) = (artifacts(), fast_keys(3));
    let sealing = sealing(&root, &artifacts, &keys, 2);
    let needed = sealing.scratch_len().unwrap();
    let mut file = vec![0xaa; sealing.sealed_len().unwrap()];

    let mut room = vec![0xbb; needed + 9];
    let short = &mut room[..needed - 1];
    let error = sealing.seal(&mut rng(1), short, &mut file).unwrap_err();
    assert_eq!(error, SealError::ScratchTooSmall { needed });
    assert!(room.iter().all(|byte| *byte == 0xbb));
    assert!(file.iter().all(|byte| *byte == 0xaa));

    sealing.seal(&mut rng(1), &mut room, &mut file).unwrap();
    assert_eq!(room[..needed], vec![0; needed], "wiped");
    assert_eq!(room[needed..], [0xbb; 9]);

    let mut calls = 0;
    loop {
        let mut room = scratch(&sealing);
        let made = sealing.seal(&mut FailsAt(rng(1), calls), &mut room, &mut file);
        let done = made.is_ok();
        assert!(room.iter().all(|byte| *byte == 0), "call {calls}");
        if done {
            break;
        }
        calls += 1;
    }
    assert!(calls > 4);
}

/// What a custodian's key makes of a share, spoilt.
struct Spoilt<'a> {
    key: FastKey,
    spoil: &'a dyn Fn(&[u8], &mut [u8]),
    ids: Cell<u8>,
}

impl Recipient for Spoilt<'_> {
    fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }
    /// Another one after so many times.
    fn id(&self) -> CustodianId {
        match self.ids.get().checked_sub(1) {
            Some(left) => {
                self.ids.set(left);
                self.key.id()
            }
            None => FastKey(99).id(),
        }
    }
    fn wrap<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        assert!(out.iter().all(|byte| *byte == 0), "it begins as nothing");
        self.key.wrap(message, context, rng, out)?;
        (self.spoil)(message, out);
        Ok(())
    }
}

fn sealed_to(ids: u8, spoil: &dyn Fn(&[u8], &mut [u8])) -> Result<(), SealError> {
    let root = Root::random(&mut rng(1)).unwrap();
    let artifacts = artifacts();
    let keys = [1, 2, 3].map(|key| Spoilt {
        key: FastKey(key),
        spoil,
        ids: Cell::new(if key == 2 { ids } else { u8::MAX }),
    });
    let sealing = sealing(&root, &artifacts, &keys, 2);
    let (scratch_len, sealed_len) = (
        fast_len(|sealing| sealing.scratch_len()),
        fast_len(|sealing| sealing.sealed_len()),
    );
    let (mut room, mut file) = (vec![0xbb; scratch_len], vec![0xaa; sealed_len]);
    let made = sealing.seal(&mut rng(1), &mut room, &mut file).map(drop);
    assert!(room.iter().all(|byte| *byte == 0));
    assert_eq!(made.is_err(), file.iter().all(|byte| *byte == 0));
    made
}

/// Lengths, asked of keys that count nothing.
fn fast_len(len: impl Fn(&Sealing<'_, FastKey>) -> Result<usize, SealError>) -> usize {
    let root = Root::random(&mut rng(1)).unwrap();
    let (artifacts, keys) = (artifacts(), fast_keys(3));
    len(&sealing(&root, &artifacts, &keys, 2)).unwrap()
}

/// A device that errs may return success with the share as it was, or with nothing.
#[test]
fn a_share_that_was_not_wrapped_does_not_leave() {
    assert_eq!(sealed_to(u8::MAX, &|_, _| ()), Ok(()));
    for place in [0, 1, 100, 256 - 65] {
        let in_the_clear = |message: &[u8], out: &mut [u8]| {
            out[place..place + message.len()].copy_from_slice(message);
        };
        assert_fault(sealed_to(u8::MAX, &in_the_clear));
    }
    let share_alone = |message: &[u8], out: &mut [u8]| {
        out[224..].copy_from_slice(&message[33..]);
    };
    assert_fault(sealed_to(u8::MAX, &share_alone));
    assert_fault(sealed_to(u8::MAX, &|_, out| out.fill(0)));
}

/// What RSA encryption leaves if its exponentiation is passed over: no key is needed to read it.
#[test]
fn a_block_that_was_not_encrypted_does_not_leave() {
    let bare = |message: &[u8], out: &mut [u8]| {
        let (first, masked) = out.split_first_mut().unwrap();
        let (seed, data) = masked.split_at_mut(32);
        let (hash, padded) = data.split_at_mut(32);
        *first = 0;
        seed.fill(0x5a);
        hash.copy_from_slice(&Sha256::digest(b""));
        padded.fill(0);
        let (_, end) = padded.split_at_mut(padded.len() - message.len() - 1);
        end[0] = 1;
        end[1..].copy_from_slice(message);
        mask(data, seed);
        mask(seed, data);
    };
    assert_fault(sealed_to(u8::MAX, &bare));
    // One bit away from that it may be what was encrypted.
    let other = |message: &[u8], out: &mut [u8]| {
        bare(message, out);
        out[100] ^= 1;
    };
    assert_eq!(sealed_to(u8::MAX, &other), Ok(()));
}

/// MGF1 (RFC 8017 appendix B.2.1).
fn mask(target: &mut [u8], seed: &[u8]) {
    for (counter, chunk) in (0u32..).zip(target.chunks_mut(32)) {
        let hash = Sha256::new()
            .chain_update(seed)
            .chain_update(counter.to_be_bytes());
        for (byte, mask) in chunk.iter_mut().zip(hash.finalize()) {
            *byte ^= mask;
        }
    }
}

/// By whichever of the checks.
fn assert_fault(sealed: Result<(), SealError>) {
    let refused = sealed.unwrap_err();
    assert!(
        matches!(refused, SealError::Fault | SealError::Wrap(..)),
        "{refused}"
    );
}

/// The share is bound to the custodian whom the header lists, so he must be the one it is wrapped to.
#[test]
fn a_custodian_who_is_another_one_later_is_a_fault() {
    // Twice for the list, and twice before the share is wrapped.
    for ids in 2..4 {
        assert_eq!(sealed_to(ids, &|_, _| ()), Err(SealError::Fault), "{ids}");
    }
    assert_eq!(sealed_to(4, &|_, _| ()), Ok(()));
}

/// The output may be a mailbox that others read. Another thread reads it, as from outside the process,
/// all the while that a large domain is sealed.
#[cfg(target_os = "linux")]
#[test]
fn the_output_never_holds_the_domain() {
    use std::fs::File;
    use std::os::unix::fs::FileExt;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use security_domain::sealed_domain::ArtifactTag;

    const WINDOW: usize = 32;
    let secret: Vec<u8> = (0..12_000_000u32)
        .map(|i| (i * 7 + i / 255) as u8)
        .collect();
    let root = Root::random(&mut rng(1)).unwrap();
    let artifacts = [(ArtifactTag::new("large").unwrap(), &secret[..])];
    let keys = fast_keys(3);
    let sealing = sealing(&root, &artifacts, &keys, 2);
    let mut room = scratch(&sealing);
    let mut file = vec![0; sealing.sealed_len().unwrap()];

    // The body stands at the end, before the tag and the signature.
    let end = file.len() - 64 - 2 - 16;
    let places = [secret.len() - 32, WINDOW, secret.len() / 2].map(|before| end - before);
    let begin = end - secret.len();
    let address = file.as_ptr().addr();
    let memory = File::open("/proc/self/mem").unwrap();
    let (done, looks, seen) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut bytes = [0; WINDOW];
            while !done.load(Ordering::Acquire) {
                for place in places {
                    memory
                        .read_exact_at(&mut bytes, (address + place) as u64)
                        .unwrap();
                    let clear = &secret[place - begin..place - begin + WINDOW];
                    seen.fetch_add(u32::from(bytes == clear), Ordering::Relaxed);
                }
                looks.fetch_add(1, Ordering::Release);
            }
        });
        while looks.load(Ordering::Acquire) == 0 {
            std::thread::yield_now();
        }
        let sealed = sealing.seal(&mut rng(1), &mut room, &mut file).map(drop);
        done.store(true, Ordering::Release);
        sealed.unwrap();
    });
    assert!(looks.into_inner() > 1, "nobody looked");
    assert_eq!(seen.into_inner(), 0, "the domain stood in the output");
}
