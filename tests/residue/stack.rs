// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stands on the stack below the frame that calls.

use std::collections::{BTreeSet, HashMap};
use std::hint::black_box;
use std::vec;
use std::vec::Vec;

/// How far down is looked: more than any operation here goes.
const DEPTH: usize = 512 << 10;

/// How many bytes of a secret count as a trace of it.
const WINDOW: usize = 8;

/// Runs `work` below this frame and gives the names of the secrets of which something stands there
/// afterwards. What `work` itself keeps is its own: it does not move what an operation gave it.
pub fn left(secrets: &[(&'static str, Vec<u8>)], work: impl FnOnce()) -> Vec<&'static str> {
    found(&dead(work), secrets)
}

/// Runs `work` below this frame and gives what stands there afterwards.
#[inline(never)]
pub fn dead(work: impl FnOnce()) -> Vec<u8> {
    let mut seen = vec![0; DEPTH];
    paint();
    run(work);
    look(&mut seen);
    seen
}

/// The names of the secrets of which something stands in `seen`. Few bytes among zeros are nobody's
/// secret.
pub fn found(seen: &[u8], secrets: &[(&'static str, Vec<u8>)]) -> Vec<&'static str> {
    let mut windows = HashMap::new();
    for (name, secret) in secrets {
        let secret = secret.windows(WINDOW);
        let telling = secret.filter(|window| window.iter().filter(|byte| **byte != 0).count() > 4);
        windows.extend(telling.map(|window| (window, *name)));
    }
    let found = { seen.windows(WINDOW) }.filter_map(|there| windows.get(there).copied());
    found.collect::<BTreeSet<_>>().into_iter().collect()
}

#[inline(never)]
fn paint() {
    let mut area = [0xa5_u8; DEPTH];
    black_box(&mut area);
}

#[inline(never)]
fn run(work: impl FnOnce()) {
    work();
}

/// Copies the dead stack. Nothing is called from here, and nothing below is written.
#[inline(never)]
fn look(seen: &mut [u8]) {
    let here = 0_u8;
    let mut at = black_box(&raw const here).wrapping_sub(DEPTH);
    for byte in seen {
        // SAFETY: `paint` has just used this part of the thread's stack, so it is mapped, and no other
        // thread writes it.
        *byte = unsafe { at.read_volatile() };
        at = at.wrapping_add(1);
    }
}
