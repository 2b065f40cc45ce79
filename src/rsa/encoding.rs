// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys in DER: PKCS#1 (RFC 8017 appendix A.1), PKCS#8 (RFC 5208 section 5) and SubjectPublicKeyInfo
//! (RFC 5280 section 4.1). Strict: what is read is the one encoding of what it says.

use der::asn1::{AnyRef, BitStringRef, OctetStringRef, SequenceRef, UintRef};
use der::{Encode, ErrorKind, Reader, SliceReader, TagMode, TagNumber};
use pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef};
use pkcs8::PrivateKeyInfoRef;
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use zeroize::{Zeroize, Zeroizing};

use super::crt::{Crt, Numbers};
use super::{BufferTooSmall, KeyError, ModulusSize, PrivateKey, PublicKey, words};

/// An integer's tag, its length in three bytes, and a zero before a top bit that is set.
const INTEGER: usize = 1 + 3 + 1;

/// A sequence of the version, n, e, d, p, q, dp, dq and the coefficient.
const PKCS1_MAX_LEN: usize = {
    let (n, p, e) = (ModulusSize::MAX_BYTES, ModulusSize::MAX_BYTES >> 1, 32);
    4 + 3 + 2 * (n + INTEGER) + (e + INTEGER) + 5 * (p + INTEGER)
};

/// A sequence of the version, the algorithm, and the key in an octet string.
pub(super) const PKCS8_MAX_LEN: usize = 4 + 3 + 15 + 4 + PKCS1_MAX_LEN;

pub(super) fn public_key_from_pkcs1(bytes: &[u8]) -> Result<PublicKey, KeyError> {
    let key: RsaPublicKeyRef<'_> = read(bytes, Reader::decode)?;
    PublicKey::new(key.modulus.as_bytes(), key.public_exponent.as_bytes())
}

pub(super) fn public_key_from_spki(bytes: &[u8]) -> Result<PublicKey, KeyError> {
    let spki: SubjectPublicKeyInfoRef<'_> = read(bytes, Reader::decode)?;
    check_algorithm(&spki.algorithm)?;
    public_key_from_pkcs1(
        spki.subject_public_key
            .as_bytes()
            .ok_or(KeyError::Encoding)?,
    )
}

pub(super) fn public_key_to_spki(key: &PublicKey, out: &mut [u8]) -> Result<usize, BufferTooSmall> {
    let mut pkcs1 = [0; PublicKey::SPKI_MAX_LEN];
    let pkcs1 = RsaPublicKeyRef {
        modulus: UintRef::new(key.modulus()).map_err(too_small)?,
        public_exponent: UintRef::new(key.exponent()).map_err(too_small)?,
    }
    .encode_to_slice(&mut pkcs1)
    .map_err(too_small)?;
    let spki = SubjectPublicKeyInfoRef {
        algorithm: pkcs1::ALGORITHM_ID,
        subject_public_key: BitStringRef::from_bytes(pkcs1).map_err(too_small)?,
    };
    Ok(spki.encode_to_slice(out).map_err(too_small)?.len())
}

pub(super) fn private_key_from_pkcs8(bytes: &[u8]) -> Result<PrivateKey, KeyError> {
    let (version, rest) = read(bytes, |reader| {
        reader.sequence(|reader| Ok((reader.decode::<u8>()?, remaining(reader)?)))
    })?;
    if version != 0 {
        return Err(KeyError::Version);
    }
    let (algorithm, key) = read(rest, |reader| {
        let algorithm = reader.decode::<AlgorithmIdentifierRef<'_>>()?;
        let key = reader.decode::<&OctetStringRef>()?;
        reader.context_specific::<&SequenceRef>(TagNumber(0), TagMode::Implicit)?;
        Ok((algorithm, key))
    })?;
    check_algorithm(&algorithm)?;
    private_key_from_pkcs1(key.as_bytes())
}

pub(super) fn private_key_from_pkcs1(bytes: &[u8]) -> Result<PrivateKey, KeyError> {
    let (version, rest) = read(bytes, |reader| {
        reader.sequence(|reader| Ok((reader.decode::<u8>()?, remaining(reader)?)))
    })?;
    if version != 0 {
        return Err(KeyError::Version);
    }
    let [n, e, d, p, q, dp, dq, coefficient] = read(rest, |reader| {
        let mut integers = [&[][..]; 8];
        for integer in &mut integers {
            *integer = reader.decode::<UintRef<'_>>()?.as_bytes();
        }
        Ok(integers)
    })?;
    let numbers = Numbers {
        d,
        p,
        q,
        dp,
        dq,
        coefficient,
    };
    PrivateKey::new(PublicKey::new(n, e)?, &numbers)
}

pub(super) fn private_key_to_pkcs8<const P: usize, const N: usize>(
    public: &PublicKey,
    secret: &Crt<P, N>,
    out: &mut [u8],
) -> Result<usize, BufferTooSmall> {
    let mut bytes = Zeroizing::new([[0; ModulusSize::MAX_BYTES]; 4]);
    let mut pkcs1 = Zeroizing::new([0; PKCS1_MAX_LEN]);
    let [d, pq, exponents, coefficient] = &mut *bytes;
    let (p, q) = pq.split_at_mut(ModulusSize::MAX_BYTES >> 1);
    let (dp, dq) = exponents.split_at_mut(ModulusSize::MAX_BYTES >> 1);
    words::to_be_bytes(d, &secret.d);
    words::to_be_bytes(p, secret.p.prime.value());
    words::to_be_bytes(q, secret.q.prime.value());
    words::to_be_bytes(dp, &secret.p.exponent);
    words::to_be_bytes(dq, &secret.q.exponent);
    words::to_be_bytes(coefficient, &*secret.coefficient());

    let pkcs1 = RsaPrivateKeyRef {
        modulus: UintRef::new(public.modulus()).map_err(too_small)?,
        public_exponent: UintRef::new(public.exponent()).map_err(too_small)?,
        private_exponent: UintRef::new(d).map_err(too_small)?,
        prime1: UintRef::new(p).map_err(too_small)?,
        prime2: UintRef::new(q).map_err(too_small)?,
        exponent1: UintRef::new(dp).map_err(too_small)?,
        exponent2: UintRef::new(dq).map_err(too_small)?,
        coefficient: UintRef::new(coefficient).map_err(too_small)?,
        other_prime_infos: None,
    }
    .encode_to_slice(&mut *pkcs1)
    .map_err(too_small)?;
    let pkcs1 = OctetStringRef::new(pkcs1).map_err(too_small)?;
    let written = PrivateKeyInfoRef::new(pkcs1::ALGORITHM_ID, pkcs1)
        .encode_to_slice(out)
        .map(<[u8]>::len);
    written.map_err(|_| {
        out.zeroize();
        BufferTooSmall
    })
}

/// `rsaEncryption` with parameters NULL, which RFC 3279 section 2.3.1 demands.
fn check_algorithm(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<(), KeyError> {
    let expected = pkcs1::ALGORITHM_ID;
    if algorithm.oid != expected.oid || algorithm.parameters != Some(AnyRef::NULL) {
        return Err(KeyError::Algorithm);
    }
    Ok(())
}

/// Reads all of `bytes`.
fn read<'a, T>(
    bytes: &'a [u8],
    structure: impl FnOnce(&mut SliceReader<'a>) -> der::Result<T>,
) -> Result<T, KeyError> {
    let all = || {
        let mut reader = SliceReader::new(bytes)?;
        let value = structure(&mut reader)?;
        reader.finish()?;
        Ok(value)
    };
    all().map_err(|error: der::Error| match error.kind() {
        ErrorKind::TrailingData { .. } => KeyError::TrailingData,
        _ => KeyError::Encoding,
    })
}

/// What the structure being read still holds.
fn remaining<'a>(reader: &mut SliceReader<'a>) -> der::Result<&'a [u8]> {
    reader.read_slice(reader.remaining_len())
}

/// All that can fail in writing is that the output ends.
fn too_small(_: der::Error) -> BufferTooSmall {
    BufferTooSmall
}
