// SPDX-License-Identifier: MIT OR Apache-2.0
//! PKCS#1 (RFC 8017 appendix A.1.2), whose numbers some programs write in another form than the library
//! accepts: those are computed anew from the primes.

use crypto_bigint::{BoxedUint, NonZero};
use der::asn1::UintRef;
use der::{Encode, Reader, SliceReader};
use security_domain::rsa::{KeyError, PrivateKey};
use zeroize::Zeroizing;

use super::odd::OddKey;
use super::{Key, Lock};
use crate::report::Outcome;

/// The longest number in bytes that is computed with: longer ones are in no key that can be used.
const LONGEST: usize = 2048;

/// Reads an RSA key.
pub fn read(der: &[u8], lock: &Lock<'_>) -> Outcome<Key> {
    let error = match boxed(der) {
        Ok(key) => return Ok(Key::Usual(key)),
        Err(error) => error,
    };
    let key = match error {
        KeyError::PrivateExponent
        | KeyError::Exponent1
        | KeyError::Exponent2
        | KeyError::Coefficient => {
            let key = rewritten(der).and_then(|der| boxed(&der).ok());
            key.map(Key::Usual)
        }
        KeyError::SmallExponent | KeyError::LargeExponent | KeyError::Prime => {
            let odd = integers(der).and_then(|[_, n, e, d, p, q, ..]| OddKey::new(n, e, d, [p, q]));
            odd.map(|key| Key::Odd(Box::new(key), error))
        }
        _ => None,
    };
    key.ok_or_else(|| lock.refuse(error))
}

fn boxed(der: &[u8]) -> Result<Box<PrivateKey>, KeyError> {
    PrivateKey::from_pkcs1_der(der).map(Box::new)
}

/// Writes a key with its private exponent reduced, and the remainders and the coefficient computed from it
/// and the primes.
fn rewritten(der: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let [_, n, e, d, p, q, ..] = integers(der)?;
    let [private, p_number, q_number] = [d, p, q].map(|from| {
        // One precision for all, with room for the product of the primes.
        let bits = 8 * (n.len() + d.len()) as u32;
        BoxedUint::from_be_slice(from, bits)
            .ok()
            .map(Zeroizing::new)
    });
    let (private, p_number, q_number) = (private?, p_number?, q_number?);
    let one = BoxedUint::one_with_precision(p_number.bits_precision());
    let order = |prime: &BoxedUint| nonzero(prime.wrapping_sub(&one));
    let (p_order, q_order) = (order(&p_number)?, order(&q_number)?);
    let both = nonzero(p_order.as_ref().wrapping_mul(q_order.as_ref()))?;
    let private = Zeroizing::new(private.rem(&both));
    let dp = private.rem(&p_order);
    let dq = private.rem(&q_order);
    let coefficient = { q_number.invert_mod(&nonzero((*p_number).clone())?) }.into_option()?;
    let computed = [&*private, &dp, &dq, &coefficient].map(bytes);
    let [d, dp, dq, coefficient] = computed.each_ref().map(|number| number.as_slice());
    encode([&[0], n, e, d, p, q, dp, dq, coefficient])
}

/// Returns the nine numbers of a key with two primes.
fn integers(der: &[u8]) -> Option<[&[u8]; 9]> {
    let mut reader = SliceReader::new(der).ok()?;
    let numbers = reader.sequence(|reader: &mut SliceReader<'_>| {
        let mut numbers = [&[][..]; 9];
        for number in &mut numbers {
            *number = reader.decode::<UintRef<'_>>()?.as_bytes();
        }
        Ok::<_, der::Error>(numbers)
    });
    let numbers = numbers.ok()?;
    let short = numbers.iter().all(|number| number.len() <= LONGEST);
    (short && numbers[0] == [0]).then_some(numbers)
}

fn encode(numbers: [&[u8]; 9]) -> Option<Zeroizing<Vec<u8>>> {
    let mut inner = Zeroizing::new(Vec::with_capacity(9 * (LONGEST + 5)));
    for number in numbers {
        UintRef::new(number).ok()?.encode_to_vec(&mut inner).ok()?;
    }
    let mut der = Zeroizing::new(Vec::with_capacity(inner.len() + 8));
    let length = der::Length::try_from(inner.len()).ok()?;
    let header = der::Header::new(der::Tag::Sequence, length);
    header.encode_to_vec(&mut der).ok()?;
    der.extend_from_slice(&inner);
    Some(der)
}

fn nonzero(number: BoxedUint) -> Option<NonZero<BoxedUint>> {
    NonZero::new(number).into_option()
}

fn bytes(number: &BoxedUint) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(number.to_be_bytes().into_vec())
}
