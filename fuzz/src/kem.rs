// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys that are not RSA keys, and what is wrapped to them.

use std::convert::Infallible;

use security_domain::both::{Both, BothPublicKeys, Second};
use security_domain::custodian::{Identity, UnwrapError};
use security_domain::hazmat::testing::TestRng;
use security_domain::kem::{
    EcdhDevice, EcdhP256, Kem, MlKem1024, MlKem1024P384, P256, PrivateKey, PublicKey, XWing,
};
use security_domain::rsa;

const RSA: &[u8] = include_bytes!("../../tests/vectors/sealed-domain/keys/a.p8");
const CONTEXT: [u8; 32] = [7; 32];

/// Public and private keys in DER: what is read is written as it was.
pub fn kem_keys(data: &[u8]) {
    read::<P256>(data);
    read::<XWing>(data);
    read::<MlKem1024P384>(data);
    read::<MlKem1024>(data);
}

fn read<K: Kem>(data: &[u8]) {
    let mut out = vec![0xaa; data.len()];
    if let Ok(key) = PublicKey::<K>::from_spki_der(data) {
        assert_eq!(key.to_spki_der(&mut out), Ok(data.len()));
        assert_eq!(out, data);
        assert_eq!(PublicKey::<K>::from_bytes(key.as_bytes()), Ok(key));
    }
    if let Ok(key) = PrivateKey::<K>::from_pkcs8_der(data) {
        assert_eq!(key.to_pkcs8_der(&mut out), Ok(data.len()));
        assert_eq!(out, data);
    }
}

/// What is wrapped, to a key of the kind that the first byte chooses. Nothing is written if it does
/// not open. In a device a key of P-256 opens what it opens in memory.
pub fn kem_unwrap(data: &[u8]) {
    let Some((kind, wrapped)) = data.split_first() else {
        return;
    };
    match kind % 8 {
        0 => unwrap(&mut key::<P256>(), wrapped),
        1 => unwrap(&mut key::<XWing>(), wrapped),
        2 => unwrap(&mut key::<MlKem1024P384>(), wrapped),
        3 => unwrap(&mut key::<MlKem1024>(), wrapped),
        4 => unwrap_both::<XWing>(wrapped),
        5 => unwrap_both::<MlKem1024P384>(wrapped),
        6 => unwrap_both::<MlKem1024>(wrapped),
        _ => unwrap_in_a_device(wrapped),
    }
}

/// The key to which the seeds of the corpus were wrapped.
fn key<K: Kem>() -> PrivateKey<K> {
    let seed = [0x5a; 64];
    let longest = PrivateKey::from_seed(&seed);
    longest
        .or_else(|_| PrivateKey::from_seed(&seed[..32]))
        .unwrap()
}

fn unwrap<I: Identity>(identity: &mut I, wrapped: &[u8]) {
    let mut out = [0xaa; 65];
    let mut rng = TestRng::seeded(0);
    match identity.unwrap_key(wrapped, &CONTEXT, &mut rng, &mut out) {
        Ok(len) => assert!((1..=out.len()).contains(&len) && len < wrapped.len()),
        Err(UnwrapError::Opaque) => assert!(out.iter().all(|byte| [0, 0xaa].contains(byte))),
        Err(_) => panic!("no device, no fault"),
    }
}

fn unwrap_both<K: Second>(wrapped: &[u8]) {
    let mut one = rsa::PrivateKey::from_pkcs8_der(RSA).unwrap();
    let mut two = key::<K>();
    let public = BothPublicKeys::new(one.public_key().clone(), two.public_key().unwrap());
    unwrap(&mut Both::new(&public, &mut one, &mut two), wrapped);
}

/// A device that has the private key 1, so that the answer is the point that it is given.
struct Device;

impl EcdhDevice for Device {
    type Error = Infallible;

    fn agree(&mut self, theirs: &[u8; 65], x: &mut [u8; 32]) -> Result<(), Infallible> {
        x.copy_from_slice(&theirs[1..33]);
        Ok(())
    }
}

fn unwrap_in_a_device(wrapped: &[u8]) {
    let mut one = [0; 32];
    one[31] = 1;
    let mut key = PrivateKey::<P256>::from_seed(&one).unwrap();
    let mut device = EcdhP256::new(key.public_key().unwrap(), Device);
    unwrap(&mut device, wrapped);
    let [mut out, mut same] = [[0; 65]; 2];
    let mut rng = TestRng::seeded(0);
    let answer = device.unwrap_key(wrapped, &CONTEXT, &mut rng, &mut out);
    assert_eq!(
        answer,
        key.unwrap_key(wrapped, &CONTEXT, &mut rng, &mut same)
    );
    assert_eq!(out, same);
}
