// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ed25519 signatures (RFC 8032), strict on both sides: weak keys are refused, a key has one
//! encoding, and a signature is verified before it leaves.

use ed25519_dalek::{Signature, Signer, SigningKey as Dalek, VerifyingKey};

use crate::ct::{Mask, declassify_bytes};
use crate::hardened::Verdict;
use crate::rng::Watched;
use crate::secret::Secret;

/// The length of a signature in bytes.
pub const SIGNATURE_LEN: usize = 64;

/// A private key: its seed (RFC 8032 section 5.1.5), which is expanded where it is used. It is
/// filled in place, and wipes itself.
pub struct SigningKey(Secret<32>);

impl SigningKey {
    /// Makes a seed of zeros, to be filled through [`seed_mut`](Self::seed_mut).
    pub const fn zeroed() -> Self {
        Self(Secret::zeroed())
    }

    /// Returns the seed, to be filled in place.
    pub fn seed_mut(&mut self) -> &mut Secret<32> {
        &mut self.0
    }

    /// Returns the public half.
    ///
    /// Secret: the seed. Leaks: nothing.
    pub fn verify_key(&self) -> VerifyKey {
        VerifyKey(self.expanded().verifying_key().to_bytes())
    }

    /// Returns the public half, to be published.
    ///
    /// Secret: the seed. Public: the public half. Leaks: nothing else.
    pub fn published_key(&self) -> VerifyKey {
        let VerifyKey(mut bytes) = self.verify_key();
        declassify_bytes(&mut bytes);
        VerifyKey(bytes)
    }

    /// Signs, and verifies the signature: a wrong one, made under a fault, would reveal the key.
    ///
    /// Secret: the key. Public: the message, the signature. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`SignFault`] if the signature does not verify.
    pub fn sign(
        &self,
        message: &[u8],
        watched: &mut dyn Watched,
    ) -> Result<[u8; SIGNATURE_LEN], SignFault> {
        let expanded = self.expanded();
        let mut signature = expanded.sign(message).to_bytes();
        watched.tick();
        let mut key = VerifyKey(expanded.verifying_key().to_bytes());
        declassify_bytes(&mut signature);
        declassify_bytes(&mut key.0);
        Verdict::twice(|| {
            watched.tick();
            key.verifies(message, &signature)
        })
        .or(SignFault)?;
        Ok(signature)
    }

    fn expanded(&self) -> Dalek {
        Dalek::from_bytes(self.0.expose())
    }
}

/// A new signature did not verify: a hardware fault or a bug in this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignFault;

/// A public key: the one encoding of a point that is not of small order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyKey([u8; 32]);

impl VerifyKey {
    /// Returns `None` for bytes that are not a point, for a second encoding of a point, and for a
    /// point of small order, under which one signature fits many messages.
    ///
    /// Not inlined: the secret tracing skips, by this name, what receives public values only.
    #[inline(never)]
    pub fn new(bytes: &[u8; 32]) -> Option<Self> {
        let weak = VerifyingKey::from_bytes(bytes).ok()?.is_weak();
        (is_reduced(bytes) && !weak).then_some(Self(*bytes))
    }

    /// Returns the encoded point.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns whether `signature` is this key's for `message`, by the strict rules
    /// (`verify_strict`).
    pub fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Mask {
        let signature = Signature::from_bytes(signature);
        let verified = VerifyingKey::from_bytes(&self.0)
            .and_then(|key| key.verify_strict(message, &signature));
        Mask::public(verified.is_ok())
    }
}

/// Returns whether the y-coordinate, the low 255 bits, is below p = 2^255 - 19. The other second
/// encoding, a set sign bit at x = 0, belongs only to points of small order.
fn is_reduced(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    *low < 0xed || high & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::NoGenerator;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        core::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
    }

    fn key(seed: &str) -> SigningKey {
        let mut key = SigningKey::zeroed();
        *key.seed_mut().expose_mut() = hex(seed);
        key
    }

    /// S = k a and R the point of order 1: lenient verification accepts that, as the equation holds.
    #[test]
    fn a_signature_whose_r_is_of_small_order_is_refused() {
        let key = VerifyKey(hex(
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        ));
        let signature = hex(
            "0100000000000000000000000000000000000000000000000000000000000000520a2e25b0f11547a9ae2ad848ed7731c77f99f1a8712d363455d344db33ac04",
        );
        assert!(!key.verifies(b"message", &signature).declassify());
        // It is the strict rule alone that refuses it.
        use ed25519_dalek::Verifier;
        let lenient = VerifyingKey::from_bytes(key.as_bytes()).unwrap();
        let signature = Signature::from_bytes(&signature);
        assert!(lenient.verify(b"message", &signature).is_ok());
    }

    /// A key of small order fits any message with R = 0 and S = 0, even past the constructor.
    #[test]
    fn a_key_of_small_order_verifies_nothing() {
        let mut key = VerifyKey([0; 32]);
        key.0[0] = 1;
        let mut signature = [0; SIGNATURE_LEN];
        signature[0] = 1;
        assert!(!key.verifies(b"message", &signature).declassify());
        assert_eq!(VerifyKey::new(key.as_bytes()), None);
    }

    /// RFC 8032 section 7.1, TEST 1 and TEST 3.
    #[test]
    fn known_answers() {
        let empty = key("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        assert_eq!(
            empty.verify_key().as_bytes(),
            &hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        );
        assert_eq!(
            empty.sign(b"", &mut NoGenerator).unwrap(),
            hex(
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            )
        );
        let two = key("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
        let signature = two.sign(&[0xaf, 0x82], &mut NoGenerator).unwrap();
        assert_eq!(
            signature,
            hex(
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
            )
        );
        assert!(
            two.verify_key()
                .verifies(&[0xaf, 0x82], &signature)
                .declassify()
        );
        assert!(
            !two.verify_key()
                .verifies(&[0xaf, 0x83], &signature)
                .declassify()
        );
        assert!(
            !empty
                .verify_key()
                .verifies(&[0xaf, 0x82], &signature)
                .declassify()
        );
        for bit in 0..512 {
            let mut changed = signature;
            changed[bit >> 3] ^= 1 << (bit & 7);
            let verified = two.verify_key().verifies(&[0xaf, 0x82], &changed);
            assert!(!verified.declassify(), "bit {bit}");
        }
    }

    /// The points of order 1, 2, 4 and 8, and every second encoding: y + p for y below 19, and the
    /// sign bit at x = 0.
    #[test]
    fn weak_and_second_encodings_are_refused() {
        let small_order = [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "0100000000000000000000000000000000000000000000000000000000000080",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ];
        for point in small_order {
            assert_eq!(VerifyKey::new(&hex(point)), None, "{point}");
        }
        let (mut again, mut points) = (0, 0);
        for y in 0..19 {
            for sign in [0, 0x80] {
                let mut reduced = [0; 32];
                (reduced[0], reduced[31]) = (y, sign);
                let mut unreduced = [0xff; 32];
                (unreduced[0], unreduced[31]) = (0xed + y, 0x7f | sign);
                again += u8::from(VerifyKey::new(&unreduced).is_some());
                points += u8::from(VerifyKey::new(&reduced).is_some());
            }
        }
        assert_eq!(again, 0);
        assert!(points > 10, "{points} of the reduced encodings are points");
    }
}
