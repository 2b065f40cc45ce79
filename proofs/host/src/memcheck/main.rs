// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs the operations of docs/constant-time.md under Valgrind's memcheck with their secrets marked
//! undefined: it reports every branch and every address that depends on one.
//!
//! Each operation is counted on its own, and its result is checked, so that one that did not run is
//! seen. Then leaks are planted, and the run fails unless each of them was reported.
//!
//! Usage: `memcheck [WORD]`; with a word, only the operations whose name has it.

mod backup;
mod ct;
mod custody;
mod domain;
mod flash;
mod gf256;
mod gf257;
mod import;
mod kdf;
mod kem;
mod kernels;
mod lifecycle;
mod managed_hsm;
mod planted;
mod record;
mod rng;
mod rotation;
mod rsa;
mod session;
mod shamir;
mod valgrind;

type Operation = (&'static str, fn());

/// What must be clean.
const OPERATIONS: &[&[Operation]] = &[
    backup::OPERATIONS,
    ct::OPERATIONS,
    custody::OPERATIONS,
    domain::OPERATIONS,
    gf256::OPERATIONS,
    gf257::OPERATIONS,
    import::OPERATIONS,
    kdf::OPERATIONS,
    kem::OPERATIONS,
    lifecycle::OPERATIONS,
    rotation::OPERATIONS,
    managed_hsm::OPERATIONS,
    record::OPERATIONS,
    rsa::OPERATIONS,
    session::OPERATIONS,
    shamir::OPERATIONS,
];

fn main() {
    assert!(valgrind::running(), "run this under valgrind");
    let word = std::env::args().nth(1).unwrap_or_default();
    let (mut operations, mut failed) = (0, 0);
    let chosen = OPERATIONS.iter().copied().flatten();
    for (name, operation) in chosen.filter(|(name, _)| name.contains(&word)) {
        operations += 1;
        let errors = count(*operation);
        println!("{name:<44} {errors:>8}");
        failed += usize::from(errors != 0);
    }
    for (name, leak) in planted::LEAKS {
        let errors = count(*leak);
        println!("{name:<44} {errors:>8} planted");
        failed += usize::from(errors == 0);
    }
    assert!(operations > 0, "no operation's name has {word}");
    println!(
        "{operations} operations, {} planted leaks, {failed} wrong",
        planted::LEAKS.len()
    );
    std::process::exit(i32::from(failed != 0));
}

/// How many errors memcheck reports for `operation`.
#[inline(never)]
fn count(operation: fn()) -> usize {
    let before = valgrind::errors();
    operation();
    valgrind::errors() - before
}
