// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers that are not a key's.

use super::*;

#[test]
fn numbers_that_do_not_belong_together() {
    let one = U4096::ONE;
    let two = U4096::from(2u8);
    let order = |prime: &U4096| prime.wrapping_sub(&one);
    let cases: [Case<'_>; 21] = [
        ("p q is not n", KeyError::Product, &|k| {
            k[N] = k[N].wrapping_sub(&two)
        }),
        ("p is another number", KeyError::Product, &|k| {
            k[P] = k[P].wrapping_sub(&two)
        }),
        ("p is even", KeyError::Prime, &|k| k[P] = order(&k[P])),
        ("q is even", KeyError::Prime, &|k| k[Q] = order(&k[Q])),
        ("p is a word longer", KeyError::Prime, &|k| {
            k[P] = k[P].wrapping_shl_vartime(64).wrapping_add(&one)
        }),
        ("p is a bit shorter", KeyError::Prime, &|k| {
            k[P] = k[P].wrapping_shr_vartime(1).bitor(&one)
        }),
        ("p = n and q = 1", KeyError::Prime, &|k| {
            (k[P], k[Q]) = (k[N], one)
        }),
        ("p = 0", KeyError::Prime, &|k| k[P] = U4096::ZERO),
        ("dp is another number", KeyError::Exponent1, &|k| {
            k[DP] = k[DP].wrapping_add(&two)
        }),
        ("dp is not reduced", KeyError::Exponent1, &|k| {
            k[DP] = k[DP].wrapping_add(&order(&k[P]))
        }),
        ("dp = 0", KeyError::Exponent1, &|k| k[DP] = U4096::ZERO),
        ("dp is as long as n", KeyError::Exponent1, &|k| k[DP] = k[N]),
        ("dq is another number", KeyError::Exponent2, &|k| {
            k[DQ] = k[DQ].wrapping_add(&two)
        }),
        ("dq is not reduced", KeyError::Exponent2, &|k| {
            k[DQ] = k[DQ].wrapping_add(&order(&k[Q]))
        }),
        ("d is another number", KeyError::PrivateExponent, &|k| {
            k[D] = k[D].wrapping_add(&two)
        }),
        ("d is above n", KeyError::PrivateExponent, &|k| {
            k[D] = k[D].wrapping_add(&order(&k[P]).wrapping_mul(&order(&k[Q])))
        }),
        ("d = 0", KeyError::PrivateExponent, &|k| k[D] = U4096::ZERO),
        ("d is longer than n", KeyError::PrivateExponent, &|k| {
            k[D] = k[N].wrapping_shl_vartime(64)
        }),
        (
            "the coefficient is another number",
            KeyError::Coefficient,
            &|k| k[COEFFICIENT] = k[COEFFICIENT].wrapping_add(&one),
        ),
        (
            "the coefficient is not reduced",
            KeyError::Coefficient,
            &|k| k[COEFFICIENT] = k[COEFFICIENT].wrapping_add(&k[P]),
        ),
        ("e is another prime", KeyError::Exponent1, &|k| {
            k[E] = U4096::from(65539u32)
        }),
    ];
    for (name, error, change) in cases {
        assert_eq!(pkcs1_error(change), error, "{name}");
    }
    // The primes exchanged, and all that goes with them: another encoding of the same key.
    let mut integers = integers();
    integers.swap(P, Q);
    integers.swap(DP, DQ);
    assert_eq!(
        PrivateKey::from_pkcs1_der(&pkcs1(&integers)).unwrap_err(),
        KeyError::Coefficient
    );
    let p = NonZero::new(integers[P]).unwrap();
    integers[COEFFICIENT] = integers[Q].invert_mod(&p).unwrap();
    assert!(PrivateKey::from_pkcs1_der(&pkcs1(&integers)).is_ok());
}

#[test]
fn every_inverse_of_e_below_n_is_a_private_exponent() {
    let one = U4096::ONE;
    let mut k = integers();
    let inverse = k[D];
    // Both orders of the primes: one of them is the smaller.
    for _ in 0..2 {
        let [p_order, q_order] = [P, Q].map(|prime| k[prime].wrapping_sub(&one));
        let gcd = NonZero::new(p_order.gcd_vartime(&q_order)).unwrap();
        let lambda = p_order.wrapping_mul(&q_order).div_rem_vartime(&gcd).0;
        let half = lambda.wrapping_shr_vartime(1);
        let mut d = inverse.rem_vartime(&NonZero::new(lambda).unwrap());
        let mut inverses = 0;
        while d < k[N] {
            k[D] = d;
            assert!(PrivateKey::from_pkcs1_der(&pkcs1(&k)).is_ok());
            k[D] = d.wrapping_add(&half);
            assert_eq!(
                PrivateKey::from_pkcs1_der(&pkcs1(&k)).unwrap_err(),
                KeyError::PrivateExponent
            );
            d = d.wrapping_add(&lambda);
            inverses += 1;
        }
        assert!(
            inverses >= 2,
            "modulo lcm(p - 1, q - 1), and modulo (p - 1) (q - 1)"
        );

        k.swap(P, Q);
        k.swap(DP, DQ);
        let p = NonZero::new(k[P]).unwrap();
        k[COEFFICIENT] = k[Q].invert_mod(&p).unwrap();
    }
}

#[test]
fn public_numbers_out_of_range() {
    let [n, e, ..] = integers();
    let error = |n: &U4096, e: &U4096| {
        let (n, e) = (big_endian(n), big_endian(e));
        let error = PublicKey::new(&n, &e).unwrap_err();
        // The same through every encoding.
        let (n, e) = (
            U4096::from_be_slice_truncated(&n, 4096),
            U4096::from_be_slice_truncated(&e, 4096),
        );
        let spki = spki(&[RSA_ENCRYPTION, NULL], &n, &e);
        assert_eq!(PublicKey::from_spki_der(&spki).unwrap_err(), error);
        let pkcs1_public = tlv(SEQUENCE, &[integer(&n), integer(&e)].concat());
        assert_eq!(PublicKey::from_pkcs1_der(&pkcs1_public).unwrap_err(), error);
        assert_eq!(pkcs1_error(|k| (k[N], k[E]) = (n, e)), error);
        error
    };
    // A modulus of so many bits, odd.
    for bits in [0, 1, 1024, 2047, 2049, 3071, 3073, 4095] {
        let n = U4096::ONE
            .unbounded_shl_vartime(bits)
            .wrapping_shr_vartime(1);
        let n = if bits > 1 { n.bitor(&U4096::ONE) } else { n };
        assert_eq!(error(&n, &e), KeyError::ModulusSize { bits });
    }
    for bytes in [513, 1024] {
        let mut n = vec![0xff; bytes];
        n[0] = 0x80;
        let bits = 8 * bytes as u32;
        assert_eq!(
            PublicKey::new(&n, &[1, 0, 1]),
            Err(KeyError::ModulusSize { bits })
        );
    }
    assert_eq!(
        error(&n.wrapping_sub(&U4096::ONE), &e),
        KeyError::EvenModulus
    );

    for small in [0u32, 1, 3, 17, 257, 65535] {
        let expected = KeyError::SmallExponent;
        assert_eq!(error(&n, &U4096::from(small)), expected, "{small}");
    }
    for even in [2u32, 65536, 65538] {
        assert_eq!(
            error(&n, &U4096::from(even)),
            KeyError::EvenExponent,
            "{even}"
        );
    }
    let large = U4096::ONE.wrapping_shl_vartime(256);
    assert_eq!(
        error(&n, &large.bitor(&U4096::ONE)),
        KeyError::LargeExponent
    );
    let largest = big_endian(&large.wrapping_sub(&U4096::ONE));
    assert_eq!(
        PublicKey::new(&big_endian(&n), &largest)
            .unwrap()
            .exponent(),
        largest
    );

    let mut zero_first = big_endian(&n);
    zero_first.insert(0, 0);
    assert_eq!(
        PublicKey::new(&zero_first, &[1, 0, 1]),
        Err(KeyError::LeadingZero)
    );
    assert_eq!(
        PublicKey::new(&[], &[1, 0, 1]),
        Err(KeyError::ModulusSize { bits: 0 })
    );
}
