// SPDX-License-Identifier: MIT OR Apache-2.0
//! What makes a secret public: wrapping with RSA, and sealing. Here nothing is refused: what counts is
//! whether something else leaves than what should.

use core::hint::black_box;

use security_domain::custodian::{Recipient, WrapError};
use security_domain::rsa::{PrivateKey, PublicKey};
use security_domain::sealed_domain::{ExpectedDomain, SealError, SealedDomain, Sealing};

use crate::act::{FastKey, KEYS, TRANSFER, artifacts, root, sealing, share};
use crate::host::{Rng, buffer};
use crate::scene::Outcome;
use crate::{scene, window};

const MESSAGE: [u8; 65] = [0x6d; 65];

#[inline(never)]
#[unsafe(no_mangle)]
fn act_wrap(key: &PublicKey, rng: &mut Rng, out: &mut [u8]) -> Result<(), WrapError> {
    key.wrap(&MESSAGE, &[], rng, out)
}

scene!(
    /// What an RSA-2048 key wraps does not open with it. The right input stands for such an outcome.
    fault_rsa_wrap,
    |wrong, _hsm| {
        let key = PrivateKey::from_pkcs8_der(black_box(TRANSFER)).ok()?;
        let (mut known, mut out) = ([0; 256], [0; 256]);
        key.public_key()
            .wrap(&MESSAGE, &[], &mut Rng::new(9), &mut known)
            .ok()?;
        let mut rng = Rng::new(9);
        let answer = window!(act_wrap(key.public_key(), &mut rng, &mut out));
        if answer.is_err() {
            return Some(Outcome::Refused);
        }
        if !wrong {
            out[255] ^= 1;
        }
        if out == known {
            return Some(Outcome::Refused);
        }
        let mut opened = [0; 66];
        let len = key.decrypt_oaep_sha256(b"", &out, &mut rng, &mut opened);
        let opens = len == Ok(65) && opened[..65] == MESSAGE;
        Some(Outcome::failed_to_end(!opens))
    }
);

#[inline(never)]
#[unsafe(no_mangle)]
fn act_seal<'o>(
    sealing: &Sealing<'_, FastKey>,
    rng: &mut Rng,
    scratch: &mut [u8],
    out: &'o mut [u8],
) -> Result<SealedDomain<'o>, SealError> {
    sealing.seal(rng, scratch, out)
}

scene!(
    /// What was sealed does not open again, or holds a secret in the clear. The right input stands for such
    /// an outcome.
    fault_sealing,
    |wrong, _hsm| {
        let (root, artifacts) = (root(1)?, artifacts()?);
        let sealing = sealing(&root, &artifacts, &KEYS)?;
        let out = buffer(0);
        let answer = window!(act_seal(&sealing, &mut Rng::new(9), buffer(2), out));
        let Ok(sealed) = answer else {
            return Some(Outcome::Refused);
        };
        if !wrong {
            return Some(Outcome::Accepted);
        }
        let clear = |secret: &[u8]| {
            let mut windows = sealed.as_bytes().windows(secret.len());
            windows.any(|window| window == secret)
        };
        let shares = [share(&sealed, 0)?, share(&sealed, 2)?];
        let [a, b] = &shares;
        let opens = sealed
            .open(&ExpectedDomain::unpinned(), &[a, b], buffer(1))
            .is_ok_and(|opened| opened.root().secret().expose() == root.secret().expose());
        Some(Outcome::failed_to_end(
            !opens || clear(root.secret().expose()) || clear(artifacts[0].1),
        ))
    }
);
