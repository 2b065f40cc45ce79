// SPDX-License-Identifier: MIT OR Apache-2.0
//! `EcdhP256`: devices that compute ECDH alone, and what they may answer.

use p256::{PublicKey as Point, SecretKey};
use security_domain::custodian::{Identity, UnwrapError};
use security_domain::kem::{EcdhDevice, EcdhP256, P256, PrivateKey};
use security_domain::rng::{Watched, WithProgress};

use super::{CONTEXT, MESSAGE, key, rng, wrapped};

#[derive(Debug, PartialEq)]
struct Absent;

/// A device in software, by an independent way to its answer.
struct Device {
    key: SecretKey,
    /// What is done to the answer.
    change: fn(&mut [u8; 32]),
    is_absent: bool,
    calls: usize,
}

impl Device {
    fn of(key: &PrivateKey<P256>) -> Self {
        Self {
            key: SecretKey::from_slice(key.expose_seed()).unwrap(),
            change: |_| (),
            is_absent: false,
            calls: 0,
        }
    }
}

impl EcdhDevice for Device {
    type Error = Absent;

    fn agree(&mut self, theirs: &[u8; 65], x: &mut [u8; 32]) -> Result<(), Absent> {
        self.calls += 1;
        if self.is_absent {
            return Err(Absent);
        }
        // A device that does not check would give its key away to points that are not on the curve.
        let theirs = Point::from_sec1_bytes(theirs).unwrap();
        x.copy_from_slice(self.key.diffie_hellman(&theirs).raw_secret_bytes());
        (self.change)(x);
        Ok(())
    }
}

fn identity(change: fn(&mut [u8; 32])) -> EcdhP256<Device> {
    let key = key::<P256>(1);
    let device = Device {
        change,
        ..Device::of(&key)
    };
    EcdhP256::new(key.public_key().unwrap(), device)
}

fn unwrap(
    identity: &mut EcdhP256<Device>,
    wrapped: &[u8],
    context: &[u8],
) -> Result<Vec<u8>, UnwrapError<Absent>> {
    let mut out = [0x5a; 70];
    match identity.unwrap_key(wrapped, context, &mut rng(0), &mut out) {
        Ok(len) => Ok(out[..len].to_vec()),
        Err(error) => {
            assert_eq!(out, [0x5a; 70], "nothing was written");
            Err(error)
        }
    }
}

#[test]
fn a_device_opens_what_the_key_in_memory_opens() {
    let mut identity = identity(|_| ());
    let public = identity.public_key().clone();
    for len in [1, 32, 64, 65] {
        let wrapped = wrapped(&public, &MESSAGE[..len], 2);
        let opened = unwrap(&mut identity, &wrapped, &CONTEXT);
        assert_eq!(opened.as_deref(), Ok(&MESSAGE[..len]));
    }
    assert_eq!(identity.into_device().calls, 4);
}

#[test]
fn nothing_else_opens_and_no_bad_point_reaches_the_device() {
    let mut identity = identity(|_| ());
    let good = wrapped(identity.public_key(), &MESSAGE, 2);
    let other = wrapped(&key::<P256>(2).public_key().unwrap(), &MESSAGE, 2);
    for (wrapped, context) in [(&good, [8; 32]), (&other, CONTEXT)] {
        assert_eq!(
            unwrap(&mut identity, wrapped, &context),
            Err(UnwrapError::Opaque)
        );
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(
            unwrap(&mut identity, &bad, &CONTEXT),
            Err(UnwrapError::Opaque),
            "at {at}"
        );
    }
    // The changed bytes of the point itself were not given to the device.
    let calls = 2 + good.len() - 65;
    for len in 0..65 {
        let cut = unwrap(&mut identity, &good[..len], &CONTEXT);
        assert_eq!(cut, Err(UnwrapError::Opaque));
    }
    let mut infinity = good.clone();
    infinity[..65].fill(0);
    assert_eq!(
        unwrap(&mut identity, &infinity, &CONTEXT),
        Err(UnwrapError::Opaque)
    );
    assert_eq!(identity.into_device().calls, calls);
}

#[test]
fn what_a_device_answers_wrongly_does_not_open() {
    let key = key::<P256>(1);
    let good = wrapped(&key.public_key().unwrap(), &MESSAGE, 2);
    let answer = |change| unwrap(&mut identity(change), &good, &CONTEXT);
    assert_eq!(answer(|x| x[31] ^= 1), Err(UnwrapError::Opaque));
    assert_eq!(answer(|x| x.reverse()), Err(UnwrapError::Opaque));
    assert_eq!(answer(|x| x.fill(0xff)), Err(UnwrapError::Opaque));
    assert_eq!(answer(|x| x.fill(0)), Err(UnwrapError::Fault));

    let mut absent = identity(|_| ());
    let public = absent.public_key().clone();
    absent = EcdhP256::new(
        public,
        Device {
            is_absent: true,
            ..absent.into_device()
        },
    );
    assert_eq!(
        unwrap(&mut absent, &good, &CONTEXT),
        Err(UnwrapError::Device(Absent))
    );
    // Another public half than the device's key has.
    let other = super::key::<P256>(3).public_key().unwrap();
    let mut joined = EcdhP256::new(other, Device::of(&key));
    assert_eq!(
        unwrap(&mut joined, &good, &CONTEXT),
        Err(UnwrapError::Opaque)
    );
}

#[test]
fn a_device_tells_that_it_goes_on() {
    let (mut identity, mut calls) = (identity(|_| ()), 0);
    let good = wrapped(identity.public_key(), &MESSAGE, 2);
    let watched: &mut dyn Watched = &mut WithProgress {
        rng: &mut rng(2),
        progress: &mut || calls += 1,
    };
    let mut out = [0; MESSAGE.len()];
    { identity.unwrap_key(&good, &CONTEXT, watched, &mut out) }.unwrap();
    assert_eq!(calls, 1);
}
