// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `proofs/measure.py` measures: each `stack_` function is one operation on what `prepare_`
//! made. An answer of 1 says that it worked.

use core::task::Poll;

use security_domain::quorum::{Quorum, ShareIndex};
use security_domain::rng::{Watched, WithProgress};
use security_domain::rsa::{Decryption, KeyGeneration, ModulusSize, PrivateKey, Workspace};
use security_domain::secret::Secret;
use security_domain::shamir::check::correct_rows;
use security_domain::shamir::{Share, ShareRow, combine, split_into};

use crate::pace::sign_of_life;
use crate::rng::Xorshift;
use crate::statics::Static;

static KEY: Static<Option<PrivateKey>> = Static::new(None);
static CIPHERTEXT: Static<[u8; 512]> = Static::new([0; 512]);
static EXPORTED: Static<[u8; PrivateKey::PKCS8_MAX_LEN]> =
    Static::new([0; PrivateKey::PKCS8_MAX_LEN]);
static WORKSPACE: Static<Workspace<{ Decryption::workspace_len(ModulusSize::Rsa4096) }>> =
    Static::new(Workspace::new());
static SHARES: Static<[Option<Share<32>>; 5]> = Static::new([const { None }; 5]);

const PKCS8: [&[u8]; 3] = [
    include_bytes!("../../../tests/vectors/rsa/keys/2048.pkcs8.der"),
    include_bytes!("../../../tests/vectors/rsa/keys/3072.pkcs8.der"),
    include_bytes!("../../../tests/vectors/rsa/keys/4096.pkcs8.der"),
];

const THREE_OF_FIVE: Quorum = Quorum::of::<3, 5>();

/// Imports the key of that number.
#[unsafe(no_mangle)]
extern "C" fn stack_rsa_import(size: usize) -> u32 {
    let key = PKCS8
        .get(size)
        .and_then(|der| PrivateKey::from_pkcs8_der(der).ok());
    let imported = key.is_some();
    *KEY.borrow_mut() = key;
    u32::from(imported)
}

/// Encrypts 64 bytes to that key.
#[unsafe(no_mangle)]
extern "C" fn stack_rsa_wrap(_: usize) -> u32 {
    let key = KEY.borrow_mut();
    let Some(key) = &*key else { return 0 };
    let mut out = CIPHERTEXT.borrow_mut();
    let message = [0x6d; 64];
    let rng: &mut dyn Watched = &mut WithProgress {
        rng: &mut Xorshift(1),
        progress: &mut || sign_of_life(),
    };
    let wrapped = key
        .public_key()
        .encrypt_oaep_sha256(b"", &message, rng, &mut *out);
    u32::from(wrapped.is_ok())
}

/// Opens what the former made: the private operation, blinded and checked, and OAEP.
#[unsafe(no_mangle)]
extern "C" fn stack_rsa_unwrap(_: usize) -> u32 {
    let key = KEY.borrow_mut();
    let Some(key) = &*key else { return 0 };
    let ciphertext = CIPHERTEXT.borrow_mut();
    let size = key.public_key().size().bytes();
    let mut out = [0; 64];
    let rng: &mut dyn Watched = &mut WithProgress {
        rng: &mut Xorshift(2),
        progress: &mut || sign_of_life(),
    };
    let opened = key.decrypt_oaep_sha256(b"", &ciphertext[..size], rng, &mut out);
    u32::from(opened == Ok(64) && out == [0x6d; 64])
}

/// Opens it in steps, between which it calls [`sign_of_life`].
#[unsafe(no_mangle)]
extern "C" fn stack_rsa_unwrap_in_steps(_: usize) -> u32 {
    let key = KEY.borrow_mut();
    let Some(key) = &*key else { return 0 };
    let ciphertext = CIPHERTEXT.borrow_mut();
    let size = key.public_key().size().bytes();
    let mut workspace = WORKSPACE.borrow_mut();
    let Ok(mut decryption) = Decryption::new(key, b"", &ciphertext[..size], &mut *workspace) else {
        return 0;
    };
    let (mut rng, mut out) = (Xorshift(2), [0; 64]);
    while decryption.step(&mut rng, &mut out) == Ok(Poll::Pending) {
        sign_of_life();
    }
    let opened = decryption.step(&mut rng, &mut out);
    u32::from(opened == Ok(Poll::Ready(64)) && out == [0x6d; 64])
}

/// Generates a key of 2048 bits in steps.
#[unsafe(no_mangle)]
extern "C" fn stack_rsa_generate_in_steps(seed: u32) -> u32 {
    let mut workspace = WORKSPACE.borrow_mut();
    let Ok(mut generation) = KeyGeneration::new(ModulusSize::Rsa2048, &mut *workspace) else {
        return 0;
    };
    let mut rng = Xorshift(seed);
    while generation.step(&mut rng) == Ok(Poll::Pending) {
        sign_of_life();
    }
    u32::from(generation.key().is_some())
}

/// Generates a key of 2048 bits.
#[unsafe(no_mangle)]
extern "C" fn stack_rsa_generate(seed: u32) -> u32 {
    let rng: &mut dyn Watched = &mut WithProgress {
        rng: &mut Xorshift(seed),
        progress: &mut || sign_of_life(),
    };
    u32::from(PrivateKey::generate(ModulusSize::Rsa2048, rng).is_ok())
}

/// Exports that key.
#[unsafe(no_mangle)]
extern "C" fn stack_rsa_export(_: usize) -> u32 {
    let key = KEY.borrow_mut();
    let Some(key) = &*key else { return 0 };
    let mut out = EXPORTED.borrow_mut();
    u32::from(key.to_pkcs8_der(&mut *out).is_ok())
}

/// Splits 32 bytes, 3 of 5.
#[unsafe(no_mangle)]
extern "C" fn stack_split_32(_: usize) -> u32 {
    let secret = Secret::from_bytes(&mut [0x5a; 32]);
    let mut shares = SHARES.borrow_mut();
    u32::from(split_into(&secret, THREE_OF_FIVE, &mut Xorshift(3), &mut *shares).is_ok())
}

/// Combines three of them.
#[unsafe(no_mangle)]
extern "C" fn stack_combine_32(_: usize) -> u32 {
    let shares = SHARES.borrow_mut();
    let [Some(a), _, Some(b), _, Some(c)] = &*shares else {
        return 0;
    };
    combine(THREE_OF_FIVE, &[c, a, b]).map_or(0, |secret| u32::from(*secret.expose() == [0x5a; 32]))
}

/// How many wrong shares are the most that can be mended: the quorum is 2 of 255.
const WRONG: u8 = 126;

/// All shares of 32 times 0x5a by the polynomial 0x5a + x, the first of them with an error.
static VALUES: [[u8; 32]; 255] = {
    let mut values = [[0; 32]; 255];
    let mut x = 1;
    while x <= 255 {
        let error = if x <= WRONG as usize { 0x33 } else { 0 };
        values[x - 1] = [0x5a ^ x as u8 ^ error; 32];
        x += 1;
    }
    values
};

/// The same as rows. Not on the stack: they are the caller's.
static ROWS: [ShareRow<'static>; 255] = {
    let Ok(index) = ShareIndex::new(1) else {
        panic!("1 is an index")
    };
    let mut rows = [ShareRow { index, value: &[] }; 255];
    let mut x = 1;
    while x <= 255 {
        if let Ok(index) = ShareIndex::new(x as u8) {
            rows[x - 1] = ShareRow {
                index,
                value: &VALUES[x - 1],
            };
        }
        x += 1;
    }
    rows
};

/// Corrects as many wrong shares as can be.
#[unsafe(no_mangle)]
extern "C" fn stack_correct(_: usize) -> u32 {
    let mut out = [0; 32];
    let wrong = correct_rows(Quorum::of::<2, 255>(), &ROWS, &mut Xorshift(4), &mut out);
    let named = wrong.is_ok_and(|wrong| wrong.iter().map(ShareIndex::get).eq(1..=WRONG));
    u32::from(named && out == [0x5a; 32])
}
