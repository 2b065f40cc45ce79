// SPDX-License-Identifier: MIT OR Apache-2.0
//! RSA at 2048, 3072 and 4096 bits: OAEP unwrap, OAEP wrap, key generation.

use std::time::Duration;

use crate::measure::{self, Entry, Job, Plan};
use crate::report::{OURS, Output};

mod aws_lc;
mod openssl;
mod ours;

/// A content key: what a custodian's key unwraps.
const MESSAGE: [u8; 64] = [0x5a; 64];

/// How to run one library. Keys come as PKCS#8; OAEP is with SHA-256, MGF1-SHA-256, no label.
pub struct Library {
    pub name: &'static str,
    /// Unwraps the ciphertext, which holds [`MESSAGE`].
    pub private: fn(pkcs8: &[u8], ciphertext: &[u8]) -> Job<'static>,
    /// Wraps [`MESSAGE`].
    pub public: fn(pkcs8: &[u8]) -> Job<'static>,
    /// Generates a key of so many bits.
    pub keygen: fn(bits: u32) -> Job<'static>,
}

const LIBRARIES: &[Library] = &[ours::LIBRARY, aws_lc::LIBRARY, openssl::LIBRARY];

/// Measures the three operations at the three sizes.
pub fn run(output: &Output) {
    for bits in [2048, 3072, 4096] {
        let (pkcs8, ciphertext) = openssl::wrapped(bits);
        let short = Plan {
            budget: Duration::from_secs(3),
            least: 21,
            most: 301,
            turn: Duration::from_millis(10),
        };
        let private = LIBRARIES
            .iter()
            .map(|l| (l.name, (l.private)(&pkcs8, &ciphertext)));
        let rows = report(output, &format!("rsa-{bits} private"), private, short);
        if let [(OURS, ours), (_, peer), ..] = rows[..] {
            output.remark(&format!("  {:.2} x aws-lc-rs, aim < 4.8 x", ours / peer));
        }
        let public = LIBRARIES.iter().map(|l| (l.name, (l.public)(&pkcs8)));
        report(output, &format!("rsa-{bits} public"), public, short);
        // The time to find two primes varies as an exponential does, so this needs many runs.
        let keygen = LIBRARIES.iter().map(|l| (l.name, (l.keygen)(bits)));
        let long = Plan {
            budget: Duration::from_secs(40),
            least: 5,
            most: 101,
            turn: Duration::from_millis(1),
        };
        report(output, &format!("rsa-{bits} keygen"), keygen, long);
    }
}

fn report(
    output: &Output,
    work: &str,
    jobs: impl Iterator<Item = (&'static str, Job<'static>)>,
    plan: Plan,
) -> Vec<(&'static str, f64)> {
    let (names, jobs): (Vec<_>, Vec<_>) = jobs.unzip();
    let entries = jobs
        .into_iter()
        .map(|job| Entry {
            job,
            patience: Duration::MAX,
        })
        .collect();
    let medians = measure::interleaved(entries, plan);
    let rows: Vec<(&'static str, f64)> = names
        .into_iter()
        .zip(medians)
        .filter_map(|(name, median)| Some((name, median?)))
        .collect();
    output.operation(work, &rows);
    rows
}
