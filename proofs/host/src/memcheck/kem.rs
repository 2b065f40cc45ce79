// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys that are not RSA keys: drawn, wrapped to, unwrapped with. Seeds, random bytes and messages are
//! secret.

use std::convert::Infallible;

use security_domain::both::{Both, BothPublicKeys};
use security_domain::custodian::{Identity, Recipient};
use security_domain::kem::{
    EcdhDevice, EcdhP256, Kem, MlKem1024, MlKem1024P384, P256, PrivateKey, PublicKey, XWing,
};

use crate::Operation;
use crate::rng::SecretRng;
use crate::rsa::{KEYS, secret_key};
use crate::valgrind::{hidden, hide, reveal, revealed};

pub const OPERATIONS: &[Operation] = &[
    ("kem: wrap, P-256", wrap::<P256>),
    ("kem: wrap, X-Wing", wrap::<XWing>),
    ("kem: wrap, MLKEM1024-P384", wrap::<MlKem1024P384>),
    ("kem: wrap, ML-KEM-1024", wrap::<MlKem1024>),
    ("kem: unwrap, P-256", unwrap::<P256>),
    ("kem: unwrap, X-Wing", unwrap::<XWing>),
    ("kem: unwrap, MLKEM1024-P384", unwrap::<MlKem1024P384>),
    ("kem: unwrap, ML-KEM-1024", unwrap::<MlKem1024>),
    ("kem: unwrap, P-256 in a device", device),
    ("kem: draw, write, read a key", store::<XWing>),
    ("both: wrap, unwrap, RSA and X-Wing", both),
];

fn seed<K: Kem>() -> Vec<u8> {
    let seeds = [vec![3; 32], vec![3; 64]];
    { seeds.into_iter() }
        .find(|seed| PrivateKey::<K>::from_seed(seed).is_ok())
        .unwrap()
}

fn public<K: Kem>() -> PublicKey<K> {
    { PrivateKey::<K>::from_seed(&seed::<K>()).unwrap() }
        .public_key()
        .unwrap()
}

fn wrap<K: Kem>() {
    let public = public::<K>();
    let mut wrapped = vec![0; public.algorithm().wrapped_len(65)];
    public
        .wrap(&hidden([7; 65]), &[1; 32], &mut SecretRng(61), &mut wrapped)
        .unwrap();
}

fn unwrap<K: Kem>() {
    let public = public::<K>();
    let mut wrapped = vec![0; public.algorithm().wrapped_len(65)];
    public
        .wrap(&[7; 65], &[1; 32], &mut SecretRng(62), &mut wrapped)
        .unwrap();
    reveal(&mut wrapped);
    let mut seed = seed::<K>();
    hide(&mut seed);
    let mut key = PrivateKey::<K>::from_seed(&seed).unwrap();
    let mut out = [0; 65];
    let len = key.unwrap_key(&wrapped, &[1; 32], &mut SecretRng(63), &mut out);
    assert_eq!(len, Ok(65));
    assert_eq!(revealed(&out), [7; 65]);
    wrapped[1] ^= 1;
    assert!(
        key.unwrap_key(&wrapped, &[1; 32], &mut SecretRng(63), &mut out)
            .is_err()
    );
}

/// A device that has the private key 1, so that the answer is the point that it is given; secret.
struct Device;

impl EcdhDevice for Device {
    type Error = Infallible;

    fn agree(&mut self, theirs: &[u8; 65], x: &mut [u8; 32]) -> Result<(), Infallible> {
        x.copy_from_slice(&theirs[1..33]);
        hide(x);
        Ok(())
    }
}

fn device() {
    let mut one = [0; 32];
    one[31] = 1;
    let key = PrivateKey::<P256>::from_seed(&one).unwrap();
    let public = key.public_key().unwrap();
    let mut wrapped = vec![0; public.algorithm().wrapped_len(65)];
    public
        .wrap(&[7; 65], &[1; 32], &mut SecretRng(68), &mut wrapped)
        .unwrap();
    reveal(&mut wrapped);
    let mut identity = EcdhP256::new(public, Device);
    let mut out = [0; 65];
    let len = identity.unwrap_key(&wrapped, &[1; 32], &mut SecretRng(69), &mut out);
    assert_eq!(len, Ok(65));
    assert_eq!(revealed(&out), [7; 65]);
    wrapped[70] ^= 1;
    let len = identity.unwrap_key(&wrapped, &[1; 32], &mut SecretRng(69), &mut out);
    assert!(len.is_err());
}

fn store<K: Kem>() {
    let key = PrivateKey::<K>::generate(&mut SecretRng(64)).unwrap();
    let mut der = [0; 150];
    let len = key.to_pkcs8_der(&mut der).unwrap();
    let read = PrivateKey::<K>::from_pkcs8_der(&der[..len]).unwrap();
    let seed: &[u8; 32] = read.expose_seed().try_into().unwrap();
    assert_ne!(revealed(seed), [0; 32]);
}

/// Two keys that are both needed. The numbers of one and the seed of the other are secret, and so
/// is what is wrapped.
fn both() {
    let mut rsa = secret_key(KEYS[0]);
    let public = BothPublicKeys::new(rsa.public_key().clone(), public::<XWing>());
    let mut wrapped = vec![0; public.algorithm().wrapped_len(65)];
    public
        .wrap(&hidden([7; 65]), &[1; 32], &mut SecretRng(65), &mut wrapped)
        .unwrap();
    reveal(&mut wrapped);
    let mut seed = seed::<XWing>();
    hide(&mut seed);
    let mut kem = PrivateKey::<XWing>::from_seed(&seed).unwrap();
    let mut out = [0; 65];
    let len = Both::new(&public, &mut rsa, &mut kem).unwrap_key(
        &wrapped,
        &[1; 32],
        &mut SecretRng(66),
        &mut out,
    );
    assert_eq!(len, Ok(65));
    assert_eq!(revealed(&out), [7; 65]);
    for place in [1, 300] {
        let mut changed = wrapped.clone();
        changed[place] ^= 1;
        let mut both = Both::new(&public, &mut rsa, &mut kem);
        assert!({ both.unwrap_key(&changed, &[1; 32], &mut SecretRng(67), &mut out) }.is_err());
    }
}
