// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian who signs what `respond` does not let him sign.

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::response::Front;
use super::*;
use crate::custodian::Recipient;
use crate::rng::NoGenerator;
use crate::rsa::PrivateKey;
use crate::sealed_domain::{ExpectedDomain, SealedDomain};

const FILE: &[u8] = include_bytes!("../../tests/vectors/sealed-domain/good.sealed");
const KEY: &[u8] = include_bytes!("../../tests/vectors/sealed-domain/keys/a.p8");

#[test]
fn a_signed_value_must_be_the_one_that_was_wrapped() {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let mut key = PrivateKey::from_pkcs8_der(KEY).unwrap();
    let (public, id) = (key.public_key().clone(), key.public_key().id());
    let sealed = SealedDomain::parse(FILE).unwrap();
    let share = sealed.unwrap_share(id, &mut key, &mut rng).unwrap();
    let mut room = [0; 1024];
    for asked in [&[public][..], &[]] {
        let challenge = Challenge::write(&sealed, asked, 0, &mut rng, &mut room).unwrap();
        let front = Front {
            challenge: challenge.digest(),
            index: share.index(),
            value: Some(&[7; 32]),
        };
        let statement = front.statement();
        let signature = statement.sign(&sealed, &share, &mut NoGenerator).unwrap();
        let mut out = [0; Response::MAX_LEN];
        let mut encoder = minicbor::Encoder::new(&mut out[..]);
        front.encode(&signature, &mut encoder).unwrap();
        let response = Response::parse(&out).unwrap();
        let refused = response.verify(&sealed, &ExpectedDomain::unpinned(), &challenge);
        assert_eq!(refused, Err(ResponseError::WrongValue(id)));
    }
}
