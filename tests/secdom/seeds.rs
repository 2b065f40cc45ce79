// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private keys of P-256 and ML-KEM-1024 as other programs write them.

use der::asn1::{AnyRef, BitStringRef, ContextSpecificRef, ObjectIdentifier, OctetStringRef};
use der::{Encode, Tag, TagMode, TagNumber};
#[expect(deprecated, reason = "others write it")]
use ml_kem::ExpandedKeyEncoding;
use ml_kem::ml_kem_1024::DecapsulationKey;

use crate::keygen::keygen;
use crate::odd_keys::{decode, pem};
use crate::{Folder, Run, arguments, secdom};

const ELLIPTIC: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const ML_KEM_1024: &str = "2.16.840.1.101.3.4.4.3";

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    let parts = parts.concat();
    AnyRef::new(Tag::Sequence, &parts)
        .unwrap()
        .to_der()
        .unwrap()
}

fn oid(text: &str) -> Vec<u8> {
    ObjectIdentifier::new(text).unwrap().to_der().unwrap()
}

fn octets(bytes: &[u8]) -> Vec<u8> {
    OctetStringRef::new(bytes).unwrap().to_der().unwrap()
}

fn tagged(number: u32, tag: Tag, value: &[u8]) -> Vec<u8> {
    let tagged = ContextSpecificRef {
        tag_number: TagNumber(number),
        tag_mode: TagMode::Explicit,
        value: &AnyRef::new(tag, value).unwrap(),
    };
    tagged.to_der().unwrap()
}

/// An `ECPrivateKey`, with its curve and its public key where they are given.
fn elliptic(scalar: &[u8], curve: Option<&str>, public: Option<&[u8]>) -> Vec<u8> {
    let curve = curve.map(|curve| {
        let oid = ObjectIdentifier::new(curve).unwrap();
        tagged(0, Tag::ObjectIdentifier, oid.as_bytes())
    });
    let public = public.map(|public| {
        let bits = BitStringRef::from_bytes(public).unwrap().to_der().unwrap();
        tagged(1, Tag::BitString, &bits[2..])
    });
    let (curve, public) = (curve.unwrap_or_default(), public.unwrap_or_default());
    sequence(&[&[2, 1, 1], &octets(scalar), &curve, &public])
}

fn pkcs8(algorithm: &[&str], key: &[u8]) -> Vec<u8> {
    let algorithm: Vec<_> = algorithm.iter().map(|text| oid(text)).collect();
    sequence(&[&[2, 1, 0], &sequence(&[&algorithm.concat()]), &octets(key)])
}

fn inspect(folder: &Folder, bytes: impl AsRef<[u8]>) -> Run {
    let file = folder.write("other.key", bytes);
    secdom(arguments!["inspect", file, "--json"])
}

fn id(report: &str) -> String {
    let report: serde_json::Value = serde_json::from_str(report).unwrap();
    report["keys"][0]["custodian_id"].as_str().unwrap().into()
}

#[test]
fn a_key_on_a_curve_is_the_same_in_every_form() {
    let folder = Folder::new();
    let [key, _] = keygen(&folder, "p256");
    let own = id(&secdom(arguments!["inspect", key, "--json"]).done());
    let der = decode(&key, false);
    let (scalar, point) = (&der[36..68], &der[der.len() - 65..]);
    let compressed = [&[2 | point[64] & 1], &point[1..33]].concat();
    for (curve, public) in [
        (Some(P256), None),
        (Some(P256), Some(point)),
        (Some(P256), Some(&compressed[..])),
    ] {
        let sec1 = elliptic(scalar, curve, public);
        for bytes in [pem("EC PRIVATE KEY", &sec1).into_bytes(), sec1] {
            assert_eq!(id(&inspect(&folder, bytes).done()), own);
        }
    }
    let with_parameters = format!(
        "{}{}",
        pem("EC PARAMETERS", &oid(P256)),
        pem("EC PRIVATE KEY", &elliptic(scalar, Some(P256), Some(point)))
    );
    assert_eq!(id(&inspect(&folder, with_parameters).done()), own);
    // As `openssl pkcs8 -topk8` and Java write it.
    for inner in [
        elliptic(scalar, None, None),
        elliptic(scalar, Some(P256), None),
    ] {
        let der = pkcs8(&[ELLIPTIC, P256], &inner);
        assert_eq!(id(&inspect(&folder, pem("PRIVATE KEY", &der)).done()), own);
    }

    let mut other = point.to_vec();
    other[40] ^= 1;
    let mut mirrored = compressed.clone();
    mirrored[0] ^= 1;
    for public in [&other[..], &mirrored, &point[..64], &[]] {
        let sec1 = elliptic(scalar, Some(P256), Some(public));
        inspect(&folder, sec1).refused(&["other.key", "public key beside", "another one"]);
    }
    inspect(&folder, elliptic(scalar, Some(P384), None)).refused(&[
        "other.key",
        "P-384",
        "only P-256",
    ]);
    inspect(
        &folder,
        pkcs8(&[ELLIPTIC, P384], &elliptic(scalar, None, None)),
    )
    .refused(&["other.key", "P-384"]);
    inspect(&folder, elliptic(scalar, None, None)).refused(&["other.key", "does not name"]);
    inspect(&folder, elliptic(&[0; 32], Some(P256), None)).refused(&["other.key", "not valid"]);
    inspect(&folder, elliptic(&scalar[1..], Some(P256), None)).refused(&["other.key", "not valid"]);
}

#[test]
fn a_lattice_key_may_have_its_expanded_key_beside_the_seed() {
    let folder = Folder::new();
    let [key, _] = keygen(&folder, "mlkem1024");
    let own = id(&secdom(arguments!["inspect", key, "--json"]).done());
    let der = decode(&key, false);
    let seed: [u8; 64] = der[der.len() - 64..].try_into().unwrap();
    #[expect(deprecated, reason = "others write it")]
    let expanded = DecapsulationKey::from_seed(seed.into()).to_expanded_bytes();
    let written = |seed: &[u8], expanded: &[u8]| {
        let both = sequence(&[&octets(seed), &octets(expanded)]);
        pkcs8(&[ML_KEM_1024], &both)
    };
    assert_eq!(id(&inspect(&folder, written(&seed, &expanded)).done()), own);

    // In the public key, and in `z`.
    for place in [1536, 3103, 3136, 3167] {
        let mut changed = expanded.to_vec();
        changed[place] ^= 1;
        inspect(&folder, written(&seed, &changed)).refused(&[
            "other.key",
            "expanded key beside the seed",
            "another one",
        ]);
    }
    inspect(&folder, written(&seed, &expanded[1..])).refused(&["other.key", "another one"]);
    inspect(&folder, written(&seed[1..], &expanded)).refused(&["other.key", "not valid"]);
    inspect(&folder, pkcs8(&[ML_KEM_1024], &octets(&expanded)))
        .refused(&["other.key", "without its seed"]);
    inspect(&folder, pkcs8(&["2.16.840.1.101.3.4.4.2"], &octets(&seed)))
        .refused(&["other.key", "ML-KEM-768"]);
}
