// SPDX-License-Identifier: MIT OR Apache-2.0
//! Secrets by their bytes, to be looked for in memory.

use security_domain::hazmat::record::{self, Loaded};

use super::flash::{Flash, Hsm};

/// Every byte of a value, its padding and what it does not use included.
pub fn memory<T>(value: *const T) -> Vec<u8> {
    let bytes = value.cast::<u8>();
    // SAFETY: `value` is alive, in a box that the caller keeps. The reads are volatile and one byte each,
    // so that whatever lies there is read, and nothing is assumed of it.
    let read = |at| unsafe { bytes.add(at).read_volatile() };
    (0..size_of::<T>()).map(read).collect()
}

/// Which of `secrets`, each of two bytes or more, lie somewhere in `memory`. In one pass, because it is
/// done after every step.
pub fn found(memory: &[u8], secrets: &[&[u8]]) -> Vec<bool> {
    let start = |bytes: &[u8]| usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    let mut starts = vec![false; 1 << 16];
    secrets
        .iter()
        .for_each(|secret| starts[start(secret)] = true);
    let mut found = vec![false; secrets.len()];
    let places = (0..memory.len() - 1).filter(|at| starts[start(&memory[*at..])]);
    for at in places {
        for (found, secret) in found.iter_mut().zip(secrets) {
            *found |= memory[at..].starts_with(secret);
        }
    }
    found
}

/// What the HSM with this flash has written down, as it reads it itself.
pub fn at_rest(flash: &Flash) -> Vec<u8> {
    let mut buffer = vec![0; 1 << 16];
    match record::load(&mut Hsm::with_flash(flash.clone(), 0), &mut buffer) {
        Ok(Loaded::Contents { len, .. }) => buffer[..len].to_vec(),
        _ => Vec::new(),
    }
}

/// The secret parts of the transfer key in these bytes, as they lie in memory: the seed of a key of
/// X-Wing, or of an RSA key the primes, 16 bytes of each, the lowest first.
pub fn key_in(contents: &[u8]) -> Vec<Vec<u8>> {
    // Kind 2, the code of X-Wing, and a string of 32 bytes.
    const SEED: [u8; 7] = [0x83, 2, 0x19, 0x64, 0x7a, 0x58, 32];
    if let Some(at) = contents.windows(SEED.len()).position(|at| at == SEED) {
        return vec![contents[at + SEED.len()..][..32].to_vec()];
    }
    primes(contents)
}

fn primes(contents: &[u8]) -> Vec<Vec<u8>> {
    const RSA_ENCRYPTION: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    let found = contents
        .windows(RSA_ENCRYPTION.len())
        .position(|window| window == RSA_ENCRYPTION);
    let Some(at) = found else {
        return Vec::new();
    };
    // NULL, then an octet string and in it a sequence, both with lengths of two bytes.
    let mut rest = &contents[at + RSA_ENCRYPTION.len() + 2 + 4 + 4..];
    let mut numbers = Vec::new();
    for _ in 0..6 {
        assert_eq!(rest[0], 2, "an integer");
        let (len, head) = match rest[1] {
            0x82 => (usize::from(rest[2]) << 8 | usize::from(rest[3]), 4),
            0x81 => (usize::from(rest[2]), 3),
            len => (usize::from(len), 2),
        };
        let (number, after) = rest[head..].split_at(len);
        numbers.push(number.iter().rev().copied().take(16).collect());
        rest = after;
    }
    numbers.split_off(4)
}
