// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `proofs/measure.py` measures of the sealed domain: a file of the vectors is read, two of
//! its shares are unwrapped with RSA-2048, and it is opened.

use security_domain::custodian::Recipient;
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::{DomainShare, ExpectedDomain, Root, SealedDomain};

use crate::rng::Xorshift;
use crate::statics::Static;

static FILE: &[u8] = include_bytes!("../../../tests/vectors/sealed-domain/known-answer.sealed");
const KEYS: [&[u8]; 2] = [
    include_bytes!("../../../tests/vectors/sealed-domain/keys/a.p8"),
    include_bytes!("../../../tests/vectors/sealed-domain/keys/b.p8"),
];
/// The root and three artifacts.
const OPENED_LEN: usize = 32 + 32 + 48;
/// The first bytes of the root: the known answer.
const ROOT: [u8; 4] = [0x98, 0x19, 0x1f, 0x46];

static SEALED: Static<Option<SealedDomain<'static>>> = Static::new(None);
static SHARES: Static<[Option<DomainShare>; 2]> = Static::new([const { None }; 2]);
static OUT: Static<[u8; OPENED_LEN]> = Static::new([0; OPENED_LEN]);

/// Reads the file and checks its signature. Firmware keeps what was read where it has room.
#[unsafe(no_mangle)]
extern "C" fn stack_domain_parse(_: usize) -> u32 {
    let mut sealed = SEALED.borrow_mut();
    *sealed = SealedDomain::parse(FILE).ok();
    u32::from(sealed.is_some())
}

/// Imports a custodian's key, unwraps his share, and checks it.
#[unsafe(no_mangle)]
extern "C" fn stack_domain_unwrap(place: usize) -> u32 {
    let Some(mut key) = { KEYS.get(place) }.and_then(|der| PrivateKey::from_pkcs8_der(der).ok())
    else {
        return 0;
    };
    let id = key.public_key().id();
    let (sealed, mut shares) = (SEALED.borrow_mut(), SHARES.borrow_mut());
    let (Some(sealed), Some(slot)) = (&*sealed, shares.get_mut(place)) else {
        return 0;
    };
    *slot = sealed.unwrap_share(id, &mut key, &mut Xorshift(5)).ok();
    u32::from(slot.is_some())
}

/// Opens it with both shares.
#[unsafe(no_mangle)]
extern "C" fn stack_domain_open(_: usize) -> u32 {
    let (sealed, shares) = (SEALED.borrow_mut(), SHARES.borrow_mut());
    let (Some(sealed), [Some(a), Some(b)]) = (&*sealed, &*shares) else {
        return 0;
    };
    let mut out = OUT.borrow_mut();
    let opened = sealed.open(&ExpectedDomain::unpinned(), &[a, b], &mut *out);
    opened.map_or(0, |opened| {
        u32::from(is_known(opened.root()) && opened.artifacts().count() == 3)
    })
}

fn is_known(root: &Root) -> bool {
    root.secret().expose().starts_with(&ROOT)
}
