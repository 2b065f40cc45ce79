// SPDX-License-Identifier: MIT OR Apache-2.0
//! Custodians' keys that are not RSA keys: round trips, changed and foreign ciphertexts, malformed
//! keys, a generator that fails.
#![cfg(all(feature = "p256", feature = "pq"))]

use rand_core::{TryCryptoRng, TryRng};
use security_domain::custodian::{Identity, Recipient, UnwrapError, WrapError};
use security_domain::kem::{
    Kem, KeyError, MlKem1024, MlKem1024P384, P256, PrivateKey, PublicKey, XWing,
};
use security_domain::rng::{Watched, WithProgress};

#[path = "../sealed/mod.rs"]
mod sealed;

#[path = "../known_answer/mod.rs"]
mod known_answer;

mod both;
mod device;
mod domain;
mod interop;
mod keys;

use sealed::{FailsAt, rng};

const MESSAGE: [u8; 65] = [0xa5; 65];
const CONTEXT: [u8; 32] = [7; 32];

fn key<K: Kem>(number: u8) -> PrivateKey<K> {
    PrivateKey::generate(&mut rng(number)).unwrap()
}

fn wrapped<K: Kem>(to: &PublicKey<K>, message: &[u8], number: u8) -> Vec<u8> {
    let mut out = vec![0xee; to.algorithm().wrapped_len(message.len())];
    to.wrap(message, &CONTEXT, &mut rng(number), &mut out)
        .unwrap();
    out
}

fn unwrapped<K: Kem>(key: &mut PrivateKey<K>, wrapped: &[u8], context: &[u8]) -> Option<Vec<u8>> {
    let mut out = [0x5a; 70];
    match key.unwrap_key(wrapped, context, &mut rng(0), &mut out) {
        Ok(len) => Some(out[..len].to_vec()),
        Err(error) => {
            assert_eq!(error, UnwrapError::Opaque);
            assert_eq!(out, [0x5a; 70], "nothing was written");
            None
        }
    }
}

fn opens_what_it_wrapped<K: Kem>() {
    let mut key = key::<K>(1);
    let public = key.public_key().unwrap();
    for len in [1, 7, 8, 9, 32, 64, 65] {
        let wrapped = wrapped(&public, &MESSAGE[..len], 2);
        assert_eq!(
            unwrapped(&mut key, &wrapped, &CONTEXT).as_deref(),
            Some(&MESSAGE[..len])
        );
        let mut short = vec![0x5a; len - 1];
        let answer = key.unwrap_key(&wrapped, &CONTEXT, &mut rng(0), &mut short);
        assert_eq!(answer, Err(UnwrapError::Opaque));
        assert_eq!(short, vec![0x5a; len - 1]);
    }
    assert_ne!(wrapped(&public, &MESSAGE, 2), wrapped(&public, &MESSAGE, 3));
    for (message, out) in [(&[0; 66][..], 2_000), (&[], 2_000), (&MESSAGE, 10)] {
        let mut out = vec![0xee; out];
        let refused = public.wrap(message, &CONTEXT, &mut rng(2), &mut out);
        let wrong = [WrapError::MessageTooLong, WrapError::WrongLength];
        assert!(wrong.contains(&refused.unwrap_err()));
        assert!(out.iter().all(|byte| *byte == 0xee));
    }
}

/// Each byte of every part is changed; another key, another context, another length.
fn opens_nothing_else<K: Kem>(binds_context: bool) {
    let (mut mine, mut other) = (key::<K>(1), key::<K>(2));
    let good = wrapped(&mine.public_key().unwrap(), &MESSAGE, 3);
    assert_eq!(unwrapped(&mut other, &good, &CONTEXT), None);
    let other_context = unwrapped(&mut mine, &good, &[8; 32]);
    assert_eq!(other_context.is_none(), binds_context);
    // Every place of the last bytes and many before, so that each part is hit.
    let places = { 0..good.len() }.filter(|at| at % 53 == 0 || good.len() - at < 120);
    for at in places {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(unwrapped(&mut mine, &bad, &CONTEXT), None, "at {at}");
    }
    for len in (0..good.len()).step_by(31).chain([good.len() - 1]) {
        assert_eq!(unwrapped(&mut mine, &good[..len], &CONTEXT), None, "{len}");
    }
    for more in 1..9 {
        let longer = [&good[..], &vec![0; more]].concat();
        assert_eq!(unwrapped(&mut mine, &longer, &CONTEXT), None);
    }
}

/// The generator fails at each of its calls: nothing is wrapped, and no key comes out.
fn survives_a_generator_that_fails<K: Kem>() {
    let public = key::<K>(1).public_key().unwrap();
    let mut out = vec![0; public.algorithm().wrapped_len(MESSAGE.len())];
    let (mut calls, mut refused) = (0, 0);
    loop {
        out.fill(0xee);
        let mut fails = FailsAt(rng(2), calls);
        match public.wrap(&MESSAGE, &CONTEXT, &mut fails, &mut out) {
            Ok(()) => break,
            Err(error) => assert_eq!(error, WrapError::Rng),
        }
        assert!(out.iter().all(|byte| *byte == 0));
        (calls, refused) = (calls + 1, refused + 1);
    }
    assert!(refused > 0);
    assert!(PrivateKey::<K>::generate(&mut FailsAt(rng(2), 0)).is_err());
}

/// A watchdog is fed between the two computations of a wrap, behind them, and when it was
/// unwrapped.
fn tells_that_it_goes_on<K: Kem>() {
    let (mut key, mut calls) = (key::<K>(1), 0);
    let public = key.public_key().unwrap();
    let mut wrapped = vec![0; public.algorithm().wrapped_len(MESSAGE.len())];
    let watched: &mut dyn Watched = &mut WithProgress {
        rng: &mut rng(2),
        progress: &mut || calls += 1,
    };
    { public.wrap(&MESSAGE, &CONTEXT, watched, &mut wrapped) }.unwrap();
    assert_eq!(calls, 2);
    let watched: &mut dyn Watched = &mut WithProgress {
        rng: &mut rng(2),
        progress: &mut || calls += 1,
    };
    let mut out = [0; MESSAGE.len()];
    { key.unwrap_key(&wrapped, &CONTEXT, watched, &mut out) }.unwrap();
    assert_eq!(calls, 3);
}

macro_rules! for_each_kind {
    ($($test:ident $binds:literal: $kind:ty;)*) => {$(
        mod $test {
            use super::*;

            #[test]
            fn opens_what_it_wrapped() {
                super::opens_what_it_wrapped::<$kind>();
            }

            #[test]
            fn opens_nothing_else() {
                super::opens_nothing_else::<$kind>($binds);
            }

            #[test]
            fn survives_a_generator_that_fails() {
                super::survives_a_generator_that_fails::<$kind>();
            }

            #[test]
            fn tells_that_it_goes_on() {
                super::tells_that_it_goes_on::<$kind>();
            }
        }
    )*};
}

for_each_kind! {
    p256 true: P256;
    x_wing true: XWing;
    mlkem1024_p384 true: MlKem1024P384;
    mlkem1024 false: MlKem1024;
}

/// A generator of zeros has failed, and so has one that gives no valid scalar.
#[test]
fn a_generator_of_one_value_has_failed() {
    struct Same(u8);
    impl TryRng for Same {
        type Error = std::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(u32::from(self.0))
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(u64::from(self.0))
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            out.fill(self.0);
            Ok(())
        }
    }
    impl TryCryptoRng for Same {}
    assert!(PrivateKey::<XWing>::generate(&mut Same(0)).is_err());
    assert!(PrivateKey::<P256>::generate(&mut Same(0xff)).is_err());
    assert!(PrivateKey::<P256>::generate(&mut Same(1)).is_ok());
    assert_eq!(
        PrivateKey::<P256>::from_seed(&[0xff; 32]).unwrap_err(),
        KeyError::Invalid
    );
}
