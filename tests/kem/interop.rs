// SPDX-License-Identifier: MIT OR Apache-2.0
//! What Python's `cryptography` wrapped opens here, and it opens what is wrapped here
//! (`tests/interop/kinds.py`).

use std::fs;
use std::path::PathBuf;

use security_domain::both::{BothPublicKeys, Second};
use security_domain::custodian::{Identity, Recipient, UnwrapError};
use security_domain::kem::{Kem, MlKem1024, MlKem1024P384, P256, PrivateKey, XWing};
use serde_json::value::Index;
use serde_json::{Value, json};

use super::known_answer;
use super::sealed::rng;
use super::{CONTEXT, MESSAGE, key};

pub fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/kem")
        .join(name)
}

fn rows(name: &str) -> Vec<Value> {
    serde_json::from_slice(&fs::read(file(name)).unwrap()).unwrap()
}

pub fn bytes(row: &Value, name: impl Index) -> Vec<u8> {
    let text = row[name].as_str().unwrap();
    { 0..text.len() / 2 }
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn opens<K: Kem>(kind: &str) {
    let rows = rows("python.json");
    let row = rows.iter().find(|row| row["kind"] == kind).unwrap();
    let mut key = PrivateKey::<K>::from_seed(&bytes(row, "seed")).unwrap();
    assert_eq!(key.public_key().unwrap().as_bytes(), bytes(row, "public"));
    let (wrapped, context) = (bytes(row, "wrapped"), bytes(row, "context"));
    let mut out = [0; 65];
    let len = key.unwrap_key(&wrapped, &context, &mut rng(0), &mut out);
    assert_eq!(len, Ok(65));
    assert_eq!(out[..], bytes(row, "message"));
}

#[test]
fn what_python_wrapped_opens() {
    opens::<P256>("p256");
    opens::<XWing>("x-wing");
    opens::<MlKem1024P384>("mlkem1024-p384");
    opens::<MlKem1024>("ml-kem-1024");
}

fn wrapped(to: &impl Recipient) -> String {
    let mut out = vec![0; to.algorithm().wrapped_len(65)];
    to.wrap(&MESSAGE, &CONTEXT, &mut rng(9), &mut out).unwrap();
    hex(&out)
}

fn row<K: Kem>(kind: &str, wrapped: String) -> Value {
    let key = key::<K>(8);
    let public = key.public_key().unwrap();
    let (mut spki, mut pkcs8) = (vec![0; 2_000], vec![0; 200]);
    let len = public.to_spki_der(&mut spki).unwrap();
    spki.truncate(len);
    let len = key.to_pkcs8_der(&mut pkcs8).unwrap();
    pkcs8.truncate(len);
    json!({
        "kind": kind, "seed": hex(key.expose_seed()), "public": hex(public.as_bytes()),
        "spki": hex(&spki), "pkcs8": hex(&pkcs8), "context": hex(&CONTEXT),
        "message": hex(&MESSAGE), "wrapped": wrapped,
    })
}

fn one<K: Kem>(kind: &str) -> Value {
    row::<K>(kind, wrapped(&key::<K>(8).public_key().unwrap()))
}

fn two<K: Second>(kind: &str) -> Value {
    let rsa = super::both::rsa_key("a").public_key().clone();
    let other = key::<K>(8).public_key().unwrap();
    row::<K>(kind, wrapped(&BothPublicKeys::new(rsa, other)))
}

/// Every kind with fixed draws. A change of one byte is a change of the format.
#[test]
fn known_answers() {
    let made = vec![
        one::<P256>("p256"),
        one::<XWing>("x-wing"),
        one::<MlKem1024P384>("mlkem1024-p384"),
        one::<MlKem1024>("ml-kem-1024"),
        two::<XWing>("rsa+x-wing"),
        two::<MlKem1024P384>("rsa+mlkem1024-p384"),
        two::<MlKem1024>("rsa+ml-kem-1024"),
    ];
    if known_answer::rewritten() {
        let pretty = serde_json::to_string_pretty(&made).unwrap();
        fs::write(file("known-answer.json"), pretty + "\n").unwrap();
    }
    assert_eq!(made, rows("known-answer.json"));
}

/// Key wrap whose ICV2 differs in one bit. A changed ciphertext hardly ever gives one, because it
/// changes the length as well.
#[test]
fn key_wrap_with_another_icv_does_not_open() {
    let bytes = fs::read(file("another-icv.bin")).unwrap();
    let (seed, both) = bytes.split_at(64);
    let (right, other) = both.split_at(both.len() / 2);
    let mut key = PrivateKey::<MlKem1024>::from_seed(seed).unwrap();
    let mut out = [0; 65];
    let mut open = |wrapped| key.unwrap_key(wrapped, &[], &mut rng(0), &mut out);
    assert_eq!(open(right), Ok(65));
    assert_eq!(out, [0xa5; 65]);
    out.fill(0);
    let mut open = |wrapped| key.unwrap_key(wrapped, &[], &mut rng(0), &mut out);
    assert_eq!(open(other), Err(UnwrapError::Opaque));
    assert_eq!(out, [0; 65]);
}
