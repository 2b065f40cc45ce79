// SPDX-License-Identifier: MIT OR Apache-2.0
//! The entry points from which `proofs/reach.py` looks for a way to the panic handler. One of them
//! is what a firmware links that opens a sealed domain with a key of X-Wing, for `proofs/size.py`.

use security_domain::both::{Both, BothPublicKeys, Second};
use security_domain::custodian::{Identity, Recipient};
use security_domain::kem::{
    EcdhP256, Kem, MlKem1024, MlKem1024P384, P256, PrivateKey, PublicKey, XWing,
};
use security_domain::rsa;
use security_domain::sealed_domain::{ExpectedDomain, SealedDomain};

use crate::device::Device;
use crate::entry::entry;
use crate::rng::Xorshift;

/// Reads, writes, wraps and unwraps.
fn all<K: Kem>(input: &[u8], out: &mut [u8]) -> usize {
    let rng = &mut Xorshift(1);
    let read = PrivateKey::<K>::from_pkcs8_der(input).or_else(|_| PrivateKey::from_seed(input));
    let Some(mut private) = read.ok().or_else(|| PrivateKey::generate(rng).ok()) else {
        return 0;
    };
    let public = PublicKey::<K>::from_spki_der(input).or_else(|_| PublicKey::from_bytes(input));
    let Some(public) = public.ok().or_else(|| private.public_key().ok()) else {
        return 0;
    };
    let written = private.to_pkcs8_der(out).unwrap_or(0) + public.to_spki_der(out).unwrap_or(0);
    let wrapped = usize::from(public.wrap(input, input, rng, out).is_ok());
    written + wrapped + private.unwrap_key(input, input, rng, out).unwrap_or(0)
}

entry!(reach_p256, |input, out| all::<P256>(input, out));
entry!(reach_x_wing, |input, out| all::<XWing>(input, out));
entry!(reach_mlkem1024_p384, |input, out| all::<MlKem1024P384>(
    input, out
));
entry!(reach_mlkem1024, |input, out| all::<MlKem1024>(input, out));

entry!(reach_p256_in_a_device, |input, out| {
    let Ok(public) = PublicKey::from_bytes(input) else {
        return 0;
    };
    let mut identity = EcdhP256::new(public, Device);
    { identity.unwrap_key(input, input, &mut Xorshift(1), out) }.unwrap_or(0)
});

/// Wraps and unwraps with an RSA key and another.
fn both<K: Second>(input: &[u8], out: &mut [u8]) -> usize {
    let rng = &mut Xorshift(1);
    let (Ok(mut first), Ok(mut second)) = (
        rsa::PrivateKey::from_pkcs8_der(input),
        PrivateKey::<K>::from_seed(input),
    ) else {
        return 0;
    };
    let Ok(public) = second.public_key() else {
        return 0;
    };
    let public = BothPublicKeys::new(first.public_key().clone(), public);
    let wrapped = usize::from(public.wrap(input, input, rng, out).is_ok());
    let mut both = Both::new(&public, &mut first, &mut second);
    wrapped + both.unwrap_key(input, input, rng, out).unwrap_or(0)
}

entry!(reach_rsa_and_x_wing, |input, out| both::<XWing>(input, out));
entry!(reach_rsa_and_mlkem1024_p384, |input, out| both::<
    MlKem1024P384,
>(input, out));
entry!(reach_rsa_and_mlkem1024, |input, out| both::<MlKem1024>(
    input, out
));

entry!(reach_open_with_x_wing, |input, out| {
    let (Ok(sealed), Ok(mut key)) = (
        SealedDomain::parse(input),
        PrivateKey::<XWing>::from_seed(input),
    ) else {
        return 0;
    };
    let Ok(public) = key.public_key() else {
        return 0;
    };
    let Ok(share) = sealed.unwrap_share(public.id(), &mut key, &mut Xorshift(1)) else {
        return 0;
    };
    sealed
        .open(&ExpectedDomain::unpinned(), &[&share], out)
        .map_or(0, |opened| opened.artifacts().count())
});
