// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known answers of each mechanism, with the random bytes that are given (`tests/vectors/kem/README.md`).

use std::string::String;
use std::vec::Vec;
use std::{format, vec};

use serde_json::Value;

use super::*;

fn rows(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

fn hex(row: &Value, name: &str) -> Vec<u8> {
    let text = row[name].as_str().unwrap_or_else(|| panic!("{name}"));
    { 0..text.len() / 2 }
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

/// Everything but the AEAD, which is another one in some vectors.
fn agrees<K: Kem>(row: &Value) {
    let (seed, public) = (hex(row, "skRm"), hex(row, "pkRm"));
    let key = PrivateKey::<K>::from_seed(&seed).unwrap();
    assert_eq!(key.public_key().unwrap().as_bytes(), public);
    assert!(K::is_public(&public));

    let (enc, secret, coins) = (
        hex(row, "enc"),
        hex(row, "shared_secret"),
        hex(row, "coins"),
    );
    let (mut made, mut shared) = (vec![0; K::CIPHERTEXT_LEN], Shared::zeroed());
    K::encapsulate(&public, &coins, &mut made, &mut shared).unwrap();
    assert_eq!(made, enc);
    assert_eq!(shared.expose(), &secret[..]);
    let mut opened = Shared::zeroed();
    key.decapsulate(&enc, &mut opened).unwrap();
    assert_eq!(opened.expose(), &secret[..]);
}

/// The key and the nonce, where the vector has our AEAD.
fn derives<K: Kem>(row: &Value) {
    let mut shared = Shared::zeroed();
    copy(shared.expose_mut(), &hex(row, "shared_secret")).unwrap();
    let mut key = WrapKey::zeroed();
    K::wrap_key(&shared, &hex(row, "info"), &mut key).unwrap();
    let want = [hex(row, "key"), hex(row, "base_nonce")].concat();
    assert_eq!(key.expose(), &want[..]);
}

/// Returns the vectors for a KEM.
fn hpke_rows(kem: u64) -> Vec<Value> {
    let mut rows = rows(include_str!("../../tests/vectors/kem/hpke.json"));
    rows.retain(|row| row["kem_id"] == kem);
    assert!(!rows.is_empty());
    rows
}

#[cfg(feature = "p256")]
#[test]
fn p256_gives_the_known_answers() {
    let rows = hpke_rows(0x0010);
    rows.iter().for_each(agrees::<P256>);
    let ours = rows.iter().filter(|row| row["aead_id"] == 2);
    assert_eq!(ours.map(derives::<P256>).count(), 1);
}

#[cfg(feature = "pq")]
#[test]
fn hybrids_give_the_known_answers() {
    hpke_rows(0x647a).iter().for_each(agrees::<XWing>);
    let rows = hpke_rows(0x0051);
    rows.iter().for_each(agrees::<MlKem1024P384>);
    assert!(rows.iter().all(|row| row["aead_id"] == 2));
    rows.iter().for_each(derives::<MlKem1024P384>);
    hpke_rows(0x0042).iter().for_each(agrees::<MlKem1024>);
}

#[cfg(feature = "pq")]
#[test]
fn ml_kem_1024_gives_the_known_answers() {
    use sha2::{Digest, Sha256};
    let rows = rows(include_str!("../../tests/vectors/kem/ml-kem-1024.json"));
    let mut rejected = 0;
    for row in &rows {
        let key = PrivateKey::<MlKem1024>::from_seed(&hex(row, "seed")).unwrap();
        let public = key.public_key().unwrap();
        let digest = |bytes: &[u8]| Sha256::digest(bytes).to_vec();
        assert_eq!(digest(public.as_bytes()), hex(row, "pk_sha256"));
        let (mut made, mut shared) = (vec![0; 1568], Shared::zeroed());
        MlKem1024::encapsulate(public.as_bytes(), &hex(row, "m"), &mut made, &mut shared).unwrap();
        assert_eq!(digest(&made), hex(row, "ct_sha256"));
        assert_eq!(shared.expose(), &hex(row, "ss")[..]);
        key.decapsulate(&made, &mut shared).unwrap();
        assert_eq!(shared.expose(), &hex(row, "ss")[..]);
        if row.get("ct_n").is_some() {
            key.decapsulate(&hex(row, "ct_n"), &mut shared).unwrap();
            assert_eq!(shared.expose(), &hex(row, "ss_n")[..]);
            rejected += 1;
        }
    }
    assert_eq!((rows.len(), rejected), (10, 2));
}

#[cfg(feature = "pq")]
#[test]
fn key_wrap_with_padding_gives_the_known_answers() {
    let rows = rows(include_str!("../../tests/vectors/kem/kwp.json"));
    let mut failures = 0;
    for row in &rows {
        let mut key = WrapKey::zeroed();
        copy(&mut key.expose_mut()[..32], &hex(row, "key")).unwrap();
        let wrapped = hex(row, "wrapped");
        let mut out = [0x5a; MAX_MESSAGE_LEN];
        let opened = MlKem1024::open(&key, &wrapped, &mut out);
        if row["message"].is_null() {
            assert_eq!(opened, Err(UnwrapError::Opaque));
            assert_eq!(out, [0x5a; MAX_MESSAGE_LEN]);
            failures += 1;
            continue;
        }
        let message = hex(row, "message");
        assert_eq!(opened, Ok(message.len()));
        assert_eq!(out[..message.len()], message);
        let mut again = vec![0; wrapped.len()];
        MlKem1024::seal(&key, &message, &mut again).unwrap();
        assert_eq!(again, wrapped);
    }
    assert!(failures > 5 && rows.len() > 80);
}

/// draft-connolly-cfrg-xwing-kem, `x509/xwing.priv`.
#[cfg(feature = "pq")]
#[test]
fn the_private_key_of_the_x_wing_draft_is_read() {
    let mut der = vec![0; 54];
    let seed: Vec<u8> = (0..32).collect();
    let key = PrivateKey::<XWing>::from_seed(&seed).unwrap();
    assert_eq!(key.to_pkcs8_der(&mut der), Ok(54));
    let text: String = der.iter().map(|byte| format!("{byte:02x}")).collect();
    let head = "3034020100300d060b2b0601040183e62d81c87a0420";
    assert!(text.starts_with(head), "{text}");
    let read = PrivateKey::<XWing>::from_pkcs8_der(&der).unwrap();
    assert_eq!(read.expose_seed(), seed);
}

#[cfg(feature = "pq")]
type Encapsulate = fn(&[u8], &[u8], &mut [u8], &mut Shared) -> Result<(), Fault>;
#[cfg(feature = "pq")]
type Decapsulate = fn(&[u8], &[u8], &mut Shared) -> Result<(), Fault>;

/// The functions of one parameter set.
#[cfg(feature = "pq")]
struct Lattice {
    is_public: fn(&[u8]) -> bool,
    public: fn(&[u8], &mut [u8]) -> Result<(), Fault>,
    encapsulate: Encapsulate,
    decapsulate: Decapsulate,
    public_len: usize,
    ciphertext_len: usize,
}

#[cfg(feature = "pq")]
fn lattice(kind: &str) -> Lattice {
    use super::lattice::{ml_kem_768, ml_kem_1024};
    match kind {
        "ml-kem-768" => Lattice {
            is_public: ml_kem_768::is_public,
            public: ml_kem_768::public,
            encapsulate: ml_kem_768::encapsulate,
            decapsulate: ml_kem_768::decapsulate,
            public_len: 1184,
            ciphertext_len: 1088,
        },
        _ => Lattice {
            is_public: ml_kem_1024::is_public,
            public: ml_kem_1024::public,
            encapsulate: ml_kem_1024::encapsulate,
            decapsulate: ml_kem_1024::decapsulate,
            public_len: 1568,
            ciphertext_len: 1568,
        },
    }
}

/// NIST's ACVP vectors for FIPS 203 and those of Project Wycheproof: keys from seeds, keys with a
/// coefficient above the modulus, ciphertexts changed at each part, wrong lengths.
#[cfg(feature = "pq")]
#[test]
fn ml_kem_gives_the_answers_of_wycheproof() {
    use sha2::{Digest, Sha256};
    let (mut answers, mut refusals) = (0, 0);
    for row in rows(include_str!("../../tests/vectors/kem/wycheproof.json")) {
        let is = |name: &str| row.get(name).is_some();
        let lattice = lattice(row["kind"].as_str().unwrap());
        let mut shared = Shared::zeroed();
        let accepted = if is("ek_sha256") {
            let mut public = vec![0; lattice.public_len];
            (lattice.public)(&hex(&row, "seed"), &mut public).unwrap();
            assert_eq!(Sha256::digest(&public).to_vec(), hex(&row, "ek_sha256"));
            true
        } else if is("ek") {
            let (public, mut made) = (hex(&row, "ek"), vec![0; lattice.ciphertext_len]);
            let valid = (lattice.is_public)(&public);
            let coins = if is("m") { hex(&row, "m") } else { vec![7; 32] };
            let done = (lattice.encapsulate)(&public, &coins, &mut made, &mut shared);
            assert_eq!((valid, done.is_ok()), (is("k"), is("k")));
            if valid {
                assert_eq!(Sha256::digest(&made).to_vec(), hex(&row, "c_sha256"));
            }
            valid
        } else {
            let (seed, ciphertext) = (hex(&row, "seed"), hex(&row, "c"));
            let done = (lattice.decapsulate)(&seed, &ciphertext, &mut shared);
            assert_eq!(done.is_ok(), is("k"));
            done.is_ok()
        };
        if accepted && is("k") {
            assert_eq!(shared.expose(), &hex(&row, "k")[..]);
        }
        (answers, refusals) = (
            answers + usize::from(accepted),
            refusals + usize::from(!accepted),
        );
    }
    assert_eq!((answers, refusals), (249, 56));
}
