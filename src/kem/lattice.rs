// SPDX-License-Identifier: MIT OR Apache-2.0
//! ML-KEM-768 and ML-KEM-1024 (FIPS 203), from seeds and with given random bytes, by the crate
//! `ml-kem`.

/// One parameter set.
macro_rules! parameter_set {
    ($name:ident) => {
        pub mod $name {
            use ml_kem::kem::{Decapsulate, KeyExport};
            use ml_kem::$name::{DecapsulationKey, EncapsulationKey};
            use ml_kem::{B32, Seed};
            use zeroize::Zeroize;

            use crate::hardened::{Fault, copy};
            use crate::kem::mechanism::Shared;

            /// Returns whether the bytes pass the modulus check (FIPS 203 section 7.2).
            ///
            /// All is public.
            pub fn is_public(public: &[u8]) -> bool {
                match public.try_into() {
                    Ok(public) => EncapsulationKey::new(public).is_ok(),
                    Err(_) => false,
                }
            }

            /// `KeyGen_internal` (FIPS 203 section 6.1); `seed` is `d`, then `z`.
            ///
            /// Secret: `seed`. Public: `public`. Leaks: nothing else.
            pub fn public(seed: &[u8], public: &mut [u8]) -> Result<(), Fault> {
                let key = DecapsulationKey::from_seed(*cut(seed)?);
                copy(public, &key.encapsulation_key().to_bytes())
            }

            /// `Encaps_internal` (FIPS 203 section 6.2) with `m`.
            ///
            /// Secret: `m`, `shared`. Public: the rest. Leaks: nothing else.
            pub fn encapsulate(
                public: &[u8],
                m: &[u8],
                ciphertext: &mut [u8],
                shared: &mut Shared,
            ) -> Result<(), Fault> {
                let public = public.try_into().map_err(|_| Fault)?;
                let key = EncapsulationKey::new(public).map_err(|_| Fault)?;
                let m: &B32 = m.try_into().map_err(|_| Fault)?;
                let (made, mut secret) = key.encapsulate_deterministic(m);
                let copied = copy(shared.expose_mut(), &secret);
                secret.as_mut_slice().zeroize();
                copied.and(copy(ciphertext, &made))
            }

            /// `Decaps_internal` (FIPS 203 section 6.3). What does not belong to the key gives
            /// another secret.
            ///
            /// Secret: `seed`, `shared`. Public: `ciphertext`. Leaks: nothing else.
            pub fn decapsulate(
                seed: &[u8],
                ciphertext: &[u8],
                shared: &mut Shared,
            ) -> Result<(), Fault> {
                let ciphertext = ciphertext.try_into().map_err(|_| Fault)?;
                let key = DecapsulationKey::from_seed(*cut(seed)?);
                let mut secret = key.decapsulate(ciphertext);
                let copied = copy(shared.expose_mut(), &secret);
                secret.as_mut_slice().zeroize();
                copied
            }

            fn cut(seed: &[u8]) -> Result<&Seed, Fault> {
                seed.try_into().map_err(|_| Fault)
            }
        }
    };
}

parameter_set!(ml_kem_768);
parameter_set!(ml_kem_1024);
