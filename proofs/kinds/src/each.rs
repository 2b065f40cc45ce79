// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operations with a key of each kind. An answer of 1 says that one worked.

use core::hint::black_box;

use security_domain::custodian::{Identity, Recipient};
use security_domain::kem::{
    EcdhP256, Kem, MlKem1024, MlKem1024P384, P256, PrivateKey, PublicKey, XWing,
};
use security_domain::rng::{Watched, WithProgress};

use crate::device::Device;
use crate::pace::sign_of_life;
use crate::rng::Xorshift;
use crate::statics::Static;

/// What is wrapped: as long as a share with its context.
const MESSAGE: [u8; 65] = {
    let mut message = [0; 65];
    let mut place = 0;
    while place < message.len() {
        message[place] = 0xb0 ^ place as u8;
        place += 1;
    }
    message
};
const CONTEXT: [u8; 32] = [1; 32];
/// The longest of what is wrapped: a ciphertext of MLKEM1024-P384, the message and a tag.
const WRAPPED_MAX_LEN: usize = 1_800;

/// What is left of one operation for the next.
pub struct Made<K: Kem> {
    private: Option<PrivateKey<K>>,
    public: Option<PublicKey<K>>,
    wrapped: ([u8; WRAPPED_MAX_LEN], usize),
}

impl<K: Kem> Made<K> {
    pub const fn nothing() -> Self {
        Self {
            private: None,
            public: None,
            wrapped: ([0; WRAPPED_MAX_LEN], 0),
        }
    }

    /// Draws a private key.
    pub fn generate(&mut self) -> u32 {
        self.private = PrivateKey::generate(&mut Xorshift(21)).ok();
        u32::from(self.private.is_some())
    }

    /// Computes the public key.
    pub fn publish(&mut self) -> u32 {
        self.public = { self.private.as_ref() }.and_then(|key| key.public_key().ok());
        u32::from(self.public.is_some())
    }

    /// Wraps a message.
    pub fn wrap(&mut self) -> u32 {
        let Some(public) = &self.public else { return 0 };
        let (out, len) = &mut self.wrapped;
        *len = public.algorithm().wrapped_len(MESSAGE.len());
        let Some(out) = out.get_mut(..*len) else {
            return 0;
        };
        let rng: &mut dyn Watched = &mut WithProgress {
            rng: &mut Xorshift(22),
            progress: &mut || sign_of_life(),
        };
        u32::from(public.wrap(&MESSAGE, &CONTEXT, rng, out).is_ok())
    }

    /// Unwraps it.
    pub fn unwrap(&mut self) -> u32 {
        let Some(key) = &mut self.private else {
            return 0;
        };
        let (wrapped, len) = &self.wrapped;
        let Some(wrapped) = wrapped.get(..*len) else {
            return 0;
        };
        let mut out = [0; MESSAGE.len()];
        let rng: &mut dyn Watched = &mut WithProgress {
            rng: &mut Xorshift(23),
            progress: &mut || sign_of_life(),
        };
        let len = key.unwrap_key(wrapped, &CONTEXT, rng, &mut out);
        let right = len == Ok(MESSAGE.len()) && out == MESSAGE;
        out.fill(0);
        black_box(&out);
        u32::from(right)
    }
}

/// The functions of the image for a kind.
macro_rules! each {
    ($module:ident, $kind:ty) => {
        mod $module {
            use super::*;

            static MADE: Static<Made<$kind>> = Static::new(Made::nothing());

            each!($module, generate, publish, wrap, unwrap);
        }
    };
    ($module:ident, $($operation:ident),*) => {
        $(
            #[unsafe(export_name = concat!("stack_", stringify!($operation), "_", stringify!($module)))]
            extern "C" fn $operation() -> u32 {
                MADE.borrow_mut().$operation()
            }
        )*

        /// Leaves nothing of the seed and the message.
        #[unsafe(export_name = concat!("residue_", stringify!($module)))]
        extern "C" fn residue() -> u32 {
            generate() & publish() & wrap() & unwrap()
        }
    };
}

each!(p256, P256);
each!(x_wing, XWing);
each!(mlkem1024_p384, MlKem1024P384);
each!(mlkem1024, MlKem1024);

/// Leaves nothing of the message that a key in a device opens.
#[unsafe(no_mangle)]
extern "C" fn residue_p256_in_a_device() -> u32 {
    let mut out = [0; MESSAGE.len()];
    let right = in_a_device(&mut out) == Some(MESSAGE.len()) && out == MESSAGE;
    out.fill(0);
    black_box(&out);
    u32::from(right)
}

#[inline(never)]
fn in_a_device(out: &mut [u8]) -> Option<usize> {
    let mut one = [0; 32];
    *one.last_mut()? = 1;
    let key = PrivateKey::<P256>::from_seed(&one).ok()?;
    let public = key.public_key().ok()?;
    let mut wrapped = [0; 65 + MESSAGE.len() + 16];
    { public.wrap(&MESSAGE, &CONTEXT, &mut Xorshift(24), &mut wrapped) }.ok()?;
    let mut identity = EcdhP256::new(public, Device);
    { identity.unwrap_key(&wrapped, &CONTEXT, &mut Xorshift(25), out) }.ok()
}

/// What must be found: a copy that nobody wipes.
#[unsafe(no_mangle)]
extern "C" fn residue_planted() -> u32 {
    black_box(MESSAGE);
    1
}
