// SPDX-License-Identifier: MIT OR Apache-2.0
//! GF(2^8): the whole multiplication table, and every kernel against a byte-by-byte sum.
#![cfg(feature = "hazmat")]

use std::io::Write as _;

use proptest::prelude::*;
use security_domain::hazmat::gf256::{
    Backend, Element, Public, Store, Term, mul_add_row, mul_row, sum_rows,
};

/// The tests below pass in silence over a kernel that this CPU lacks. So the log names those that ran, past the
/// capture of output.
#[test]
fn the_log_names_the_kernels_that_ran() {
    let names: Vec<_> = Backend::available().map(Backend::name).collect();
    assert_eq!(names.first(), Some(&"portable"));
    writeln!(
        std::io::stderr(),
        "\nfigure: kernels run: {}",
        names.join(", ")
    )
    .unwrap();
}

/// FIPS 197 section 4.2, from the definition: multiply as polynomials, then divide by 0x11b.
fn product(a: u8, b: u8) -> u8 {
    let mut wide = 0u16;
    for bit in 0..8 {
        if b >> bit & 1 == 1 {
            wide ^= u16::from(a) << bit;
        }
    }
    for bit in (8..15).rev() {
        if wide >> bit & 1 == 1 {
            wide ^= 0x11b << (bit - 8);
        }
    }
    wide as u8
}

#[test]
fn all_products_by_tables_and_in_constant_time() {
    for a in 0..=255 {
        for b in 0..=255 {
            let want = product(a, b);
            assert_eq!(Public::new(a).times(Public::new(b)).get(), want, "{a} {b}");
            assert_eq!(
                Element::new(a).times(&Element::new(b)).expose(),
                want,
                "{a} {b}"
            );
        }
    }
}

#[test]
fn all_inverses() {
    for a in 1..=255 {
        assert_eq!(product(a, Public::new(a).invert().get()), 1, "{a}");
    }
    assert_eq!(Public::ZERO.invert(), Public::ZERO);
}

#[test]
fn secret_elements_are_not_printed() {
    let row = &[0x53][..];
    let by = Public::new(2);
    assert_eq!(format!("{:?}", Term { by, row }), "Term(2, ..)");
    assert_eq!(format!("{:?}", Element::new(0x53)), "Element(..)");
    assert_eq!(format!("{:?}", Element::new(0).is_zero()), "Mask(..)");
    let modulo = security_domain::hazmat::gf257::Element::from_byte(0x53);
    assert_eq!(format!("{modulo:?}"), "Element(..)");
}

#[test]
fn fips_197_section_4_2_examples() {
    // {57} * {83} = {c1}; {57} * {13} = {fe}; section 4.2.1: {57} times 02, 04, 08, 10.
    for (a, b, want) in [
        (0x57, 0x83, 0xc1),
        (0x57, 0x13, 0xfe),
        (0x57, 0x02, 0xae),
        (0x57, 0x04, 0x47),
        (0x57, 0x08, 0x8e),
        (0x57, 0x10, 0x07),
    ] {
        assert_eq!(Public::new(a).times(Public::new(b)).get(), want);
        assert_eq!(Element::new(a).times(&Element::new(b)).expose(), want);
        for backend in Backend::available() {
            let mut out = [0; 1];
            let row = [b];
            let term = Term {
                by: Public::new(a),
                row: &row,
            };
            backend.run(&mut out, &[term], Store::Replace).unwrap();
            assert_eq!(out, [want], "{}", backend.name());
        }
    }
}

#[test]
fn every_kernel_has_the_whole_multiplication_table() {
    let row: Vec<u8> = (0..=255).collect();
    for backend in Backend::available() {
        for by in 0..=255 {
            let mut out = [0xaa; 256];
            let term = Term {
                by: Public::new(by),
                row: &row,
            };
            backend.run(&mut out, &[term], Store::Replace).unwrap();
            for (x, got) in row.iter().zip(out) {
                assert_eq!(got, product(by, *x), "{} {by} {x}", backend.name());
            }
        }
    }
}

/// Bytes that differ from place to place.
fn noise(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 11) as u8
    };
    (0..len).map(step).collect()
}

fn expected(old: &[u8], terms: &[Term<'_>], store: Store) -> Vec<u8> {
    (0..old.len())
        .map(|i| {
            let start = if store == Store::Add { old[i] } else { 0 };
            terms
                .iter()
                .fold(start, |sum, term| sum ^ product(term.by.get(), term.row[i]))
        })
        .collect()
}

#[test]
fn every_kernel_agrees_at_every_length_and_alignment() {
    let source = [noise(400, 1), noise(400, 2), noise(400, 3)];
    for backend in Backend::available() {
        for len in 0..=300 {
            for align in 0..64 {
                // Each row and the output start at different offsets.
                let terms: Vec<_> = [(0x02, 0), (0x8e, 17), (0xff, 31)]
                    .iter()
                    .zip(&source)
                    .map(|(&(by, shift), row)| {
                        let from = (align + shift) % 64;
                        Term {
                            by: Public::new(by),
                            row: &row[from..from + len],
                        }
                    })
                    .collect();
                for store in [Store::Replace, Store::Add] {
                    let mut out = noise(400, 4);
                    let before = out.clone();
                    let row = &mut out[align..align + len];
                    backend.run(row, &terms, store).unwrap();
                    let want = expected(&before[align..align + len], &terms, store);
                    assert_eq!(out[align..align + len], want, "{} {len}", backend.name());
                    assert_eq!(out[..align], before[..align], "wrote before its row");
                    assert_eq!(
                        out[align + len..],
                        before[align + len..],
                        "wrote beyond its row"
                    );
                }
            }
        }
    }
}

#[test]
fn rows_of_another_length_are_refused() {
    let (fits, short, long) = (noise(200, 5), noise(199, 6), noise(201, 7));
    for backend in Backend::available() {
        for (wrong, other) in [(&short, &fits), (&fits, &long), (&long, &short)] {
            let terms = [(3, wrong), (9, other)].map(|(by, row)| Term {
                by: Public::new(by),
                row,
            });
            let mut out = [0x5a; 200];
            let refused = backend.run(&mut out, &terms, Store::Replace);
            assert!(refused.is_err(), "{}", backend.name());
            assert_eq!(out, [0x5a; 200], "{}", backend.name());
        }
    }
    assert!(mul_row(&mut [0; 200], Public::ONE, &short).is_err());
    assert!(mul_add_row(&mut [0; 200], Public::ONE, &long).is_err());
    let term = Term {
        by: Public::ONE,
        row: &short,
    };
    assert!(sum_rows(&mut [0; 200], [term; 20]).is_err());
}

#[test]
fn rows_are_multiplied_and_added() {
    let (row, mut out) = (noise(99, 7), noise(99, 8));
    let before = out.clone();
    let terms = [Term {
        by: Public::new(0x53),
        row: &row,
    }];
    mul_add_row(&mut out, Public::new(0x53), &row).unwrap();
    assert_eq!(out, expected(&before, &terms, Store::Add));
    mul_row(&mut out, Public::new(0x53), &row).unwrap();
    assert_eq!(out, expected(&before, &terms, Store::Replace));
}

proptest! {
    #[test]
    fn every_kernel_agrees_on_any_terms(
        len in 0usize..700,
        factors in proptest::collection::vec(any::<u8>(), 0..40),
        seed: u32,
    ) {
        let rows: Vec<_> = (0..factors.len()).map(|i| noise(len, seed ^ i as u32)).collect();
        let terms: Vec<_> = factors
            .iter()
            .zip(&rows)
            .map(|(&by, row)| Term { by: Public::new(by), row })
            .collect();
        let old = noise(len, !seed);
        for store in [Store::Replace, Store::Add] {
            let want = expected(&old, &terms, store);
            for backend in Backend::available() {
                let mut out = old.clone();
                backend.run(&mut out, &terms, store).unwrap();
                prop_assert_eq!(&out, &want, "{}", backend.name());
            }
        }
        let mut out = old.clone();
        sum_rows(&mut out, terms.iter().copied()).unwrap();
        prop_assert_eq!(out, expected(&old, &terms, Store::Replace));
    }
}

/// The GFNI kernels run only where the CPU has GFNI. What they rest on is one instruction: here is
/// its definition (Intel SDM volume 2, GF2P8MULB, "gf2p8mul_byte"), and that it is this field.
#[test]
fn gf2p8mulb_as_intel_defines_it_is_this_field() {
    fn gf2p8mul_byte(src1: u8, src2: u8) -> u8 {
        let mut tword = 0u32;
        for i in 0..8 {
            if src2 >> i & 1 == 1 {
                tword ^= u32::from(src1) << i;
            }
        }
        for i in (8..=14).rev() {
            let p = 0x11b << (i - 8);
            if tword >> i & 1 == 1 {
                tword ^= p;
            }
        }
        tword as u8
    }
    for a in 0..=255u8 {
        for b in 0..=255 {
            assert_eq!(
                gf2p8mul_byte(a, b),
                Public::new(a).times(Public::new(b)).get()
            );
        }
    }
}
