// SPDX-License-Identifier: MIT OR Apache-2.0
//! What wraps to keys of the other kinds and to two keys, and what they unwrap; and a key of P-256 in
//! a device.

use core::convert::Infallible;
use core::hint::black_box;

use security_domain::both::{Both, BothPublicKeys};
use security_domain::custodian::{Identity, Recipient, WrapError};
use security_domain::kem::{
    EcdhDevice, EcdhP256, Kem, MlKem1024, MlKem1024P384, P256, PrivateKey, PublicKey,
};
use security_domain::rsa;

use crate::act::TRANSFER;
use crate::host::Rng;
use crate::scene::Outcome;
use crate::{scene, window};

const MESSAGE: [u8; 65] = [0x6d; 65];
const CONTEXT: [u8; 32] = [7; 32];

fn pair<K: Kem>() -> Option<(PrivateKey<K>, PublicKey<K>)> {
    let seed = black_box(&[1; 64]);
    let longest = PrivateKey::from_seed(seed);
    let key = longest.or_else(|_| PrivateKey::from_seed(&seed[..32]));
    let key = key.ok()?;
    let public = key.public_key().ok()?;
    Some((key, public))
}

fn first() -> Option<rsa::PrivateKey> {
    rsa::PrivateKey::from_pkcs8_der(black_box(TRANSFER)).ok()
}

/// What is wrapped does not open. The right input stands for such an outcome.
fn wrapped_wrong<I: Identity, const N: usize>(
    wrong: bool,
    answer: Result<(), WrapError>,
    mut out: [u8; N],
    known: &[u8; N],
    keys: &mut I,
) -> Outcome {
    if answer.is_err() {
        return Outcome::Refused;
    }
    if !wrong {
        out[N - 1] ^= 1;
    }
    if out == *known {
        return Outcome::Refused;
    }
    let mut opened = [0; 65];
    let len = keys.unwrap_key(&out, &CONTEXT, &mut Rng::new(9), &mut opened);
    Outcome::failed_to_end(!matches!(len, Ok(65)) || opened != MESSAGE)
}

fn outcome(unwrapped: bool, out: &[u8; 65]) -> Outcome {
    match unwrapped {
        true => Outcome::took_effect(out.iter().any(|byte| *byte != 0)),
        false => Outcome::Refused,
    }
}

macro_rules! wraps {
    ($(#[$doc:meta])* $name:ident, $act:ident: $kind:ty, $len:expr) => {
        #[inline(never)]
        #[unsafe(no_mangle)]
        fn $act(to: &PublicKey<$kind>, rng: &mut Rng, out: &mut [u8]) -> Result<(), WrapError> {
            to.wrap(&MESSAGE, &CONTEXT, rng, out)
        }

        scene!($(#[$doc])* $name, |wrong, _hsm| {
            let (mut key, public) = pair::<$kind>()?;
            let (mut known, mut out) = ([0; $len], [0; $len]);
            public.wrap(&MESSAGE, &CONTEXT, &mut Rng::new(9), &mut known).ok()?;
            let mut rng = Rng::new(9);
            let answer = window!($act(&public, &mut rng, &mut out));
            Some(wrapped_wrong(wrong, answer, out, &known, &mut key))
        });
    };
}

wraps!(
    /// What is wrapped to a key of P-256.
    fault_p256_wrap, act_p256_wrap: P256, 65 + 65 + 16
);
wraps!(
    /// What is wrapped to a key of MLKEM1024-P384.
    fault_mlkem1024_p384_wrap, act_mlkem1024_p384_wrap: MlKem1024P384, 1568 + 97 + 65 + 16
);
wraps!(
    /// What is wrapped to a key of ML-KEM-1024.
    fault_mlkem1024_wrap, act_mlkem1024_wrap: MlKem1024, 1568 + 8 + 72
);

macro_rules! unwraps {
    ($(#[$doc:meta])* $name:ident, $act:ident: $kind:ty, $len:expr) => {
        #[inline(never)]
        #[unsafe(no_mangle)]
        fn $act(key: &mut PrivateKey<$kind>, wrapped: &[u8], out: &mut [u8]) -> bool {
            let unwrapped = key.unwrap_key(wrapped, &CONTEXT, &mut Rng::new(9), out);
            unwrapped.is_ok()
        }

        scene!($(#[$doc])* $name, |wrong, _hsm| {
            let (mut key, public) = pair::<$kind>()?;
            let (mut wrapped, mut out) = ([0; $len], [0; 65]);
            public.wrap(&MESSAGE, &CONTEXT, &mut Rng::new(9), &mut wrapped).ok()?;
            wrapped[$len - 1] ^= u8::from(wrong);
            let unwrapped = window!($act(&mut key, &wrapped, &mut out));
            Some(outcome(unwrapped, &out))
        });
    };
}

unwraps!(
    /// A changed message under a key of P-256.
    fault_p256_unwrap, act_p256_unwrap: P256, 65 + 65 + 16
);
unwraps!(
    /// A changed message under a key of MLKEM1024-P384.
    fault_mlkem1024_p384_unwrap, act_mlkem1024_p384_unwrap: MlKem1024P384, 1568 + 97 + 65 + 16
);

/// A device whose answer is known.
struct Device([u8; 32]);

impl EcdhDevice for Device {
    type Error = Infallible;

    fn agree(&mut self, _theirs: &[u8; 65], x: &mut [u8; 32]) -> Result<(), Infallible> {
        x.copy_from_slice(&self.0);
        Ok(())
    }
}

#[inline(never)]
#[unsafe(no_mangle)]
fn act_p256_in_a_device(key: &mut EcdhP256<Device>, wrapped: &[u8], out: &mut [u8]) -> bool {
    let unwrapped = key.unwrap_key(wrapped, &CONTEXT, &mut Rng::new(9), out);
    unwrapped.is_ok()
}

scene!(
    /// A changed message under a key of P-256 in a device.
    fault_p256_in_a_device,
    |wrong, _hsm| {
        // With the private key 1, the answer is the point that the device is given.
        let mut one = [0; 32];
        one[31] = 1;
        let key = PrivateKey::<P256>::from_seed(black_box(&one)).ok()?;
        let public = key.public_key().ok()?;
        let (mut wrapped, mut out) = ([0; 65 + 65 + 16], [0; 65]);
        public.wrap(&MESSAGE, &CONTEXT, &mut Rng::new(9), &mut wrapped).ok()?;
        let x = wrapped.get(1..33)?.try_into().ok()?;
        wrapped[145] ^= u8::from(wrong);
        let mut key = EcdhP256::new(public, Device(x));
        let unwrapped = window!(act_p256_in_a_device(&mut key, &wrapped, &mut out));
        Some(outcome(unwrapped, &out))
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_both_kwp_wrap(
    to: &BothPublicKeys<MlKem1024>,
    rng: &mut Rng,
    out: &mut [u8],
) -> Result<(), WrapError> {
    to.wrap(&MESSAGE, &CONTEXT, rng, out)
}

type TwoKeys<'k> = Both<'k, MlKem1024, rsa::PrivateKey, PrivateKey<MlKem1024>>;

#[inline(never)]
#[unsafe(no_mangle)]
fn act_both_kwp_unwrap(keys: &mut TwoKeys<'_>, wrapped: &[u8], out: &mut [u8]) -> bool {
    let unwrapped = keys.unwrap_key(wrapped, &CONTEXT, &mut Rng::new(9), out);
    unwrapped.is_ok()
}

/// What an RSA key of 2048 bits and one of ML-KEM-1024 wrap the message to.
const BOTH_LEN: usize = 256 + 1568 + 65 + 16;

scene!(
    /// What is wrapped to an RSA key and a key of ML-KEM-1024.
    fault_both_kwp_wrap,
    |wrong, _hsm| {
        let (mut first, (mut second, public)) = (first()?, pair::<MlKem1024>()?);
        let to = BothPublicKeys::new(first.public_key().clone(), public);
        let (mut known, mut out) = ([0; BOTH_LEN], [0; BOTH_LEN]);
        to.wrap(&MESSAGE, &CONTEXT, &mut Rng::new(9), &mut known).ok()?;
        let mut rng = Rng::new(9);
        let answer = window!(act_both_kwp_wrap(&to, &mut rng, &mut out));
        let mut keys = Both::new(&to, &mut first, &mut second);
        Some(wrapped_wrong(wrong, answer, out, &known, &mut keys))
    }
);

scene!(
    /// A changed message under an RSA key and a key of ML-KEM-1024.
    fault_both_kwp_unwrap,
    |wrong, _hsm| {
        let (mut first, (mut second, public)) = (first()?, pair::<MlKem1024>()?);
        let to = BothPublicKeys::new(first.public_key().clone(), public);
        let (mut wrapped, mut out) = ([0; BOTH_LEN], [0; 65]);
        to.wrap(&MESSAGE, &CONTEXT, &mut Rng::new(9), &mut wrapped).ok()?;
        wrapped[BOTH_LEN - 1] ^= u8::from(wrong);
        let mut keys = Both::new(&to, &mut first, &mut second);
        let unwrapped = window!(act_both_kwp_unwrap(&mut keys, &wrapped, &mut out));
        Some(outcome(unwrapped, &out))
    }
);
