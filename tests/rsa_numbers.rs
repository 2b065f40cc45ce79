// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys that are right in unusual numbers, and the check that keeps a wrong result from leaving.
#![cfg(feature = "sealed-domain")]

use crypto_bigint::{NonZero, U4096};
use der::asn1::UintRef;
use der::{Encode, Reader, SliceReader};
use getrandom::SysRng;
use pkcs1::RsaPrivateKeyRef;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use security_domain::rsa::{DecryptError, PrivateKey, SignError};

/// The primes of the fixture.
fn primes() -> [U4096; 2] {
    let mut reader = SliceReader::new(include_bytes!("vectors/rsa/keys/2048.pkcs1.der")).unwrap();
    reader
        .sequence(|reader| {
            reader.decode::<u8>()?;
            let mut integers = [U4096::ZERO; 8];
            for integer in &mut integers {
                let bytes = reader.decode::<UintRef<'_>>()?.as_bytes();
                *integer = U4096::from_be_slice_truncated(bytes, 4096);
            }
            Ok::<_, der::Error>([integers[3], integers[4]])
        })
        .unwrap()
}

fn less_one(x: &U4096) -> U4096 {
    x.wrapping_sub(&U4096::ONE)
}

fn inverse(x: &U4096, modulus: &U4096) -> Option<U4096> {
    x.invert_mod(&NonZero::new(*modulus).unwrap()).into()
}

/// The key of two primes and `e`, with `d` the inverse modulo the product of the orders, or modulo their
/// least common multiple. `None` if `e` has no inverse.
fn key(p: &U4096, q: &U4096, e: &U4096, product: bool) -> Option<PrivateKey> {
    let (p_order, q_order) = (less_one(p), less_one(q));
    let mut order = p_order.wrapping_mul(&q_order);
    if !product {
        let gcd = NonZero::new(p_order.gcd_vartime(&q_order)).unwrap();
        order = order.wrapping_div_vartime(&gcd);
    }
    let integers = [
        p.wrapping_mul(q),
        *e,
        inverse(e, &order)?,
        *p,
        *q,
        inverse(e, &p_order)?,
        inverse(e, &q_order)?,
        inverse(q, p)?,
    ]
    .map(|integer| integer.to_be_bytes().as_slice().to_vec());
    let [n, e, d, p, q, dp, dq, coefficient] = integers
        .each_ref()
        .map(|bytes| UintRef::new(bytes).unwrap());
    let encoding = RsaPrivateKeyRef {
        modulus: n,
        public_exponent: e,
        private_exponent: d,
        prime1: p,
        prime2: q,
        exponent1: dp,
        exponent2: dq,
        coefficient,
        other_prime_infos: None,
    };
    let mut out = [0; 2048];
    let der = encoding.encode_to_slice(&mut out).unwrap();
    Some(PrivateKey::from_pkcs1_der(der).unwrap())
}

fn works(key: &PrivateKey) {
    let public = key.public_key();
    let (mut wrapped, mut out) = ([0; 256], [0; 256]);
    public
        .encrypt_oaep_sha256(b"", b"message", &mut SysRng, &mut wrapped)
        .unwrap();
    let len = key
        .decrypt_oaep_sha256(b"", &wrapped, &mut SysRng, &mut out)
        .unwrap();
    assert_eq!(&out[..len], b"message");
    key.sign_pkcs1v15_sha256(b"message", &mut SysRng, &mut out)
        .unwrap();
    assert_eq!(public.verify_pkcs1v15_sha256(b"message", &out), Ok(()));
}

#[test]
fn primes_in_either_order_exponents_of_any_length_and_either_private_exponent() {
    let [p, q] = primes();
    let bit = |n| U4096::ONE.wrapping_shl_vartime(n);
    // 65539, an odd number of more than a word, and the largest, or what follows them and has an inverse.
    let starts = [
        U4096::from(65537u32),
        U4096::from(65539u32),
        bit(64).bitor(&U4096::ONE),
        bit(256).wrapping_sub(&U4096::from(999u32)),
    ];
    for start in starts {
        let mut e = start;
        while key(&p, &q, &e, false).is_none() {
            e = e.wrapping_add(&U4096::from(2u8));
        }
        for (p, q) in [(&p, &q), (&q, &p)] {
            for product in [false, true] {
                works(&key(p, q, &e, product).unwrap());
            }
        }
    }
}

/// Import does not test that the primes are prime. With one that is not, each half of the private operation
/// goes on as it should, and its result is wrong, as a fault in the machine would make it. No small factor: a
/// number for blinding would have it too, and no inverse.
#[test]
fn a_wrong_result_does_not_leave() {
    let [p, q] = primes();
    let e = U4096::from(65537u32);
    let two = U4096::from(2u8);
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    let small = (3u32..200).step_by(2).fold(U4096::ONE, |product, factor| {
        product.wrapping_mul(&U4096::from(factor))
    });
    for swapped in [false, true] {
        let mut composite = p;
        let broken = loop {
            composite = composite.wrapping_add(&two);
            if composite.gcd_vartime(&small) != U4096::ONE {
                continue;
            }
            let key = if swapped {
                key(&q, &composite, &e, false)
            } else {
                key(&composite, &q, &e, false)
            };
            if let Some(key) = key {
                break key;
            }
        };
        let mut out = [0xa5; 256];
        assert_eq!(
            broken.sign_pkcs1v15_sha256(b"message", &mut rng, &mut out),
            Err(SignError::Fault)
        );
        assert_eq!(out, [0; 256]);
        let mut wrapped = [0; 256];
        broken
            .public_key()
            .encrypt_oaep_sha256(b"", b"message", &mut rng, &mut wrapped)
            .unwrap();
        let mut out = [0xa5; 256];
        assert_eq!(
            broken.decrypt_oaep_sha256(b"", &wrapped, &mut rng, &mut out),
            Err(DecryptError::Fault)
        );
        assert_eq!(out, [0xa5; 256]);
    }
}
