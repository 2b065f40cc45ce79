// SPDX-License-Identifier: MIT OR Apache-2.0
//! The aims beside what was reached, also where it falls short.

use crate::report::{OURS, Output, Sharing};
use crate::shamir::{Kind, LARGE, SMALL};

/// Which rows of a result an aim speaks of.
#[derive(Clone, Copy)]
struct Case {
    work: &'static str,
    bytes: usize,
    rng: &'static str,
}

const SPLIT_SMALL: Case = Case {
    work: "split",
    bytes: SMALL,
    rng: "chacha20",
};
const COMBINE_SMALL: Case = Case {
    work: "combine",
    bytes: SMALL,
    rng: "own",
};
const SPLIT_LARGE: Case = Case {
    work: "split",
    bytes: LARGE,
    rng: "aes256ctr",
};
const COMBINE_LARGE: Case = Case {
    work: "combine",
    bytes: LARGE,
    rng: "own",
};

/// Prints the sharing aims, all at 3 of 5.
pub fn sharing(output: &Output) {
    output.remark("\naims, 3 of 5 (time of the one over time of the other)");
    let rows = &output.shared;
    let peer = |kind| matches!(kind, Kind::Peer | Kind::ConstantTimePeer);
    let constant = |kind| kind == Kind::ConstantTimePeer;
    let vsss = |case| named(rows, case, "vsss-rs");
    let portable = |case| named(rows, case, "security-domain-portable");
    let ours = |case| named(rows, case, OURS);
    let bound = named(rows, SPLIT_LARGE, "bound-kernel")
        .zip(named(rows, SPLIT_LARGE, "bound-keystream"))
        .map(|(kernel, keystream)| kernel + keystream);
    let report = |what: &str, one: Option<f64>, other: Option<f64>, aim: &str| {
        let reached = one.zip(other).map_or("skipped".to_owned(), |(one, other)| {
            format!("{:.4}", one / other)
        });
        output.remark(&format!("  {what:<58}{reached:>10}   aim {aim}"));
    };
    report(
        "32 B split / fastest peer",
        ours(SPLIT_SMALL),
        fastest(rows, SPLIT_SMALL, peer),
        "<= 0.2",
    );
    report(
        "32 B combine / fastest peer",
        ours(COMBINE_SMALL),
        fastest(rows, COMBINE_SMALL, peer),
        "<= 0.333",
    );
    report(
        "1 MiB split / fastest constant-time peer",
        ours(SPLIT_LARGE),
        fastest(rows, SPLIT_LARGE, constant),
        "<= 0.02",
    );
    report(
        "1 MiB split, kernel + keystream / all",
        bound,
        ours(SPLIT_LARGE),
        ">= 0.8",
    );
    report(
        "1 MiB combine / fastest peer",
        ours(COMBINE_LARGE),
        fastest(rows, COMBINE_LARGE, peer),
        "<= 0.25",
    );
    report(
        "1 MiB split, portable / vsss-rs",
        portable(SPLIT_LARGE),
        vsss(SPLIT_LARGE),
        "<= 0.1",
    );
    report(
        "1 MiB combine, portable / vsss-rs",
        portable(COMBINE_LARGE),
        vsss(COMBINE_LARGE),
        "<= 0.1",
    );
}

/// The rows of a case at 3 of 5. What has a generator of its own is compared all the same.
fn of(rows: &[Sharing], case: Case) -> impl Iterator<Item = &Sharing> {
    rows.iter().filter(move |row| {
        row.work == case.work
            && row.bytes == case.bytes
            && (row.threshold, row.count) == (3, 5)
            && (row.rng == case.rng || row.rng == "own")
    })
}

fn named(rows: &[Sharing], case: Case, library: &str) -> Option<f64> {
    of(rows, case).find(|row| row.library == library)?.median
}

fn fastest(rows: &[Sharing], case: Case, kind: impl Fn(Kind) -> bool) -> Option<f64> {
    of(rows, case)
        .filter(|row| kind(row.kind))
        .filter_map(|row| row.median)
        .min_by(f64::total_cmp)
}
