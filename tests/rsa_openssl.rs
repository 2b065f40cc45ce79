// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys, ciphertexts and signatures made by the openssl command (3.0), in every encoding and size.
#![cfg(feature = "sealed-domain")]

use getrandom::SysRng;
use security_domain::custodian::{Identity, UnwrapError};
use security_domain::rsa::{
    DecryptError, EncryptError, ExportError, ModulusSize, PrivateKey, PublicKey, SignatureError,
};

struct Fixture {
    size: ModulusSize,
    pkcs8: &'static [u8],
    pkcs1: &'static [u8],
    spki: &'static [u8],
    pkcs1_public: &'static [u8],
    oaep: &'static [u8],
    signature: &'static [u8],
}

macro_rules! fixture {
    ($size:ident, $bits:literal) => {
        Fixture {
            size: ModulusSize::$size,
            pkcs8: include_bytes!(concat!("vectors/rsa/keys/", $bits, ".pkcs8.der")),
            pkcs1: include_bytes!(concat!("vectors/rsa/keys/", $bits, ".pkcs1.der")),
            spki: include_bytes!(concat!("vectors/rsa/keys/", $bits, ".spki.der")),
            pkcs1_public: include_bytes!(concat!("vectors/rsa/keys/", $bits, ".pkcs1-public.der")),
            oaep: include_bytes!(concat!("vectors/rsa/keys/", $bits, ".oaep.bin")),
            signature: include_bytes!(concat!("vectors/rsa/keys/", $bits, ".signature.bin")),
        }
    };
}

const FIXTURES: [Fixture; 3] = [
    fixture!(Rsa2048, "2048"),
    fixture!(Rsa3072, "3072"),
    fixture!(Rsa4096, "4096"),
];

#[test]
fn a_private_key_is_the_same_in_both_encodings_and_is_written_as_it_was_read() {
    for fixture in FIXTURES {
        for key in [
            PrivateKey::from_pkcs8_der(fixture.pkcs8).unwrap(),
            PrivateKey::from_pkcs1_der(fixture.pkcs1).unwrap(),
        ] {
            let mut out = [0; PrivateKey::PKCS8_MAX_LEN];
            let len = key.to_pkcs8_der(&mut out).unwrap();
            assert_eq!(&out[..len], fixture.pkcs8);
            assert_eq!(key.public_key().size(), fixture.size);

            let mut short = vec![0xa5; len - 1];
            assert_eq!(
                key.to_pkcs8_der(&mut short),
                Err(ExportError::BufferTooSmall)
            );
            assert!(short.iter().all(|byte| *byte == 0));
        }
    }
}

#[test]
fn a_public_key_is_the_same_in_all_encodings_and_is_written_as_it_was_read() {
    for fixture in FIXTURES {
        let private = PrivateKey::from_pkcs8_der(fixture.pkcs8).unwrap();
        let key = PublicKey::from_spki_der(fixture.spki).unwrap();
        assert_eq!(&key, private.public_key());
        assert_eq!(
            key,
            PublicKey::from_pkcs1_der(fixture.pkcs1_public).unwrap()
        );
        assert_eq!(key, PublicKey::new(key.modulus(), key.exponent()).unwrap());
        assert_eq!(key.exponent(), [1, 0, 1]);
        assert_eq!(key.modulus().len(), fixture.size.bytes());

        let mut out = [0; PublicKey::SPKI_MAX_LEN];
        let len = key.to_spki_der(&mut out).unwrap();
        assert_eq!(&out[..len], fixture.spki);
        assert_eq!(
            key.to_spki_der(&mut out[..len - 1]),
            Err(ExportError::BufferTooSmall)
        );
    }
}

#[test]
fn what_openssl_wrapped_opens() {
    for fixture in FIXTURES {
        let mut key = PrivateKey::from_pkcs8_der(fixture.pkcs8).unwrap();
        let mut out = [0; 512];
        let len = key
            .unwrap_key(fixture.oaep, &[], &mut SysRng, &mut out)
            .unwrap();
        assert_eq!(&out[..len], b"a message that openssl wrapped");

        // One byte less of room, another label, a ciphertext cut, extended or changed.
        let mut out = [0xa5; 512];
        let opaque = Err(UnwrapError::Opaque);
        assert_eq!(
            key.unwrap_key(fixture.oaep, &[], &mut SysRng, &mut out[..len - 1]),
            opaque
        );
        assert_eq!(
            key.decrypt_oaep_sha256(b"label", fixture.oaep, &mut SysRng, &mut out),
            Err(DecryptError::Opaque)
        );
        let (_, cut) = fixture.oaep.split_last().unwrap();
        assert_eq!(key.unwrap_key(cut, &[], &mut SysRng, &mut out), opaque);
        let mut changed = fixture.oaep.to_vec();
        changed.insert(0, 0);
        assert_eq!(key.unwrap_key(&changed, &[], &mut SysRng, &mut out), opaque);
        changed.remove(0);
        changed[7] ^= 1;
        assert_eq!(key.unwrap_key(&changed, &[], &mut SysRng, &mut out), opaque);
        // The modulus itself, and the largest number of its length.
        let modulus = key.public_key().modulus().to_vec();
        assert_eq!(key.unwrap_key(&modulus, &[], &mut SysRng, &mut out), opaque);
        changed.fill(0xff);
        assert_eq!(key.unwrap_key(&changed, &[], &mut SysRng, &mut out), opaque);
        assert_eq!(out, [0xa5; 512], "a failure wrote to the output");
    }
}

#[test]
fn what_is_wrapped_opens_at_every_length() {
    for fixture in FIXTURES {
        let key = PrivateKey::from_pkcs8_der(fixture.pkcs8).unwrap();
        let public = PublicKey::from_spki_der(fixture.spki).unwrap();
        let max = fixture.size.bytes() - 66;
        let message: Vec<u8> = (0..=max).map(|i| i as u8).collect();
        let (mut wrapped, mut out) = ([0; 512], [0; 512]);
        for len in [0, 1, 31, 32, 33, 64, max - 1, max] {
            for label in [&b""[..], b"a label"] {
                let message = &message[..len];
                let n = public
                    .encrypt_oaep_sha256(label, message, &mut SysRng, &mut wrapped)
                    .unwrap();
                assert_eq!(n, fixture.size.bytes());
                let m = key
                    .decrypt_oaep_sha256(label, &wrapped[..n], &mut SysRng, &mut out)
                    .unwrap();
                assert_eq!(&out[..m], message);
            }
        }
        assert_eq!(
            public.encrypt_oaep_sha256(b"", &message, &mut SysRng, &mut wrapped),
            Err(EncryptError::MessageTooLong { max })
        );
        assert_eq!(
            public.encrypt_oaep_sha256(b"", b"", &mut SysRng, &mut wrapped[..max + 65]),
            Err(EncryptError::BufferTooSmall)
        );
    }
}

#[test]
fn signatures_are_those_of_openssl() {
    const MESSAGE: &[u8] = b"a message that openssl signed";
    for fixture in FIXTURES {
        let key = PrivateKey::from_pkcs8_der(fixture.pkcs8).unwrap();
        let public = PublicKey::from_spki_der(fixture.spki).unwrap();
        assert_eq!(
            public.verify_pkcs1v15_sha256(MESSAGE, fixture.signature),
            Ok(())
        );
        // The scheme is deterministic.
        let mut out = [0; 512];
        let len = key
            .sign_pkcs1v15_sha256(MESSAGE, &mut SysRng, &mut out)
            .unwrap();
        assert_eq!(&out[..len], fixture.signature);

        let refused = Err(SignatureError);
        assert_eq!(
            public.verify_pkcs1v15_sha256(b"another", fixture.signature),
            refused
        );
        assert_eq!(
            public.verify_pkcs1v15_sha256(MESSAGE, &out[..len - 1]),
            refused
        );
        assert_eq!(
            public.verify_pkcs1v15_sha256(MESSAGE, &out),
            if len == 512 { Ok(()) } else { refused }
        );
        assert_eq!(
            public.verify_pkcs1v15_sha256(MESSAGE, public.modulus()),
            refused
        );
        out[len - 1] ^= 1;
        assert_eq!(public.verify_pkcs1v15_sha256(MESSAGE, &out[..len]), refused);
    }
}
