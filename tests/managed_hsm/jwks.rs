// SPDX-License-Identifier: MIT OR Apache-2.0
//! Transfer keys and requests beyond the vectors: one member changed at a time.

use security_domain::managed_hsm::certificate_info::CertificateInfo;
use security_domain::managed_hsm::transfer_key::TransferKey;
use security_domain::managed_hsm::{Fault, MAX_CERTIFICATE_LEN};
use serde_json::{Value, json as value};
use sha2::{Digest, Sha256};

use super::fixtures::*;

fn transfer_key() -> Value {
    json("transfer/stransfer2048.rest.json")
}

/// What the reader says, of the JWK as an object and as a string alike.
fn read(document: &Value) -> Result<(), (String, Fault)> {
    let read = |text: &str| {
        let mut der = [0; MAX_CERTIFICATE_LEN];
        let read = TransferKey::parse(text.as_bytes(), &mut der);
        read.map(|_| ())
            .map_err(|error| (error.field.to_string(), error.fault))
    };
    let object = read(&document.to_string());
    let mut nested = document.clone();
    nested["transfer_key"] = Value::String(document["transfer_key"].to_string());
    assert_eq!(read(&nested.to_string()), object, "object and string");
    object
}

/// What the reader says when a member has another value, or none.
fn with(member: &str, new: Option<Value>) -> Result<(), (String, Fault)> {
    let mut document = transfer_key();
    let jwk = document["transfer_key"].as_object_mut().unwrap();
    match new {
        Some(new) => jwk.insert(member.to_owned(), new),
        None => jwk.remove(member),
    };
    read(&document)
}

#[test]
fn every_member_must_be_there() {
    assert_eq!(read(&transfer_key()), Ok(()));
    for member in [
        "kid", "x5c", "x5t", "x5t#S256", "key_ops", "kty", "alg", "n", "e",
    ] {
        let field = format!("transfer_key ({member})");
        assert_eq!(with(member, None), Err((field, Fault::Missing)), "{member}");
    }
}

#[test]
fn no_other_member_may_be_there() {
    assert_eq!(with("use", Some(value!("enc"))), Ok(()));
    let found = with("use", Some(value!("sig")));
    assert_eq!(found, Err(("transfer_key (use)".into(), Fault::Value)));
    for member in ["d", "ext", "x5u", ""] {
        let (field, fault) = with(member, Some(value!("AQAB"))).unwrap_err();
        assert_eq!(field, "transfer_key", "{member}");
        assert!(
            matches!(fault, Fault::UnknownMember(name) if name.as_str() == member),
            "{member}: {fault}"
        );
    }
}

#[test]
fn the_operations_wrap_keys_and_occur_once() {
    let at = |fault| Err(("transfer_key (key_ops)".to_owned(), fault));
    for (operations, expected) in [
        (value!(["encrypt"]), Ok(())),
        (value!(["wrapKey"]), Ok(())),
        (value!(["verify", "encrypt", "wrapKey"]), Ok(())),
        (value!([]), at(Fault::Value)),
        (value!(["verify"]), at(Fault::Value)),
        (value!(["encrypt", "Encrypt"]), at(Fault::Value)),
        (value!(["encrypt", "encrypt"]), at(Fault::Duplicate)),
        (value!("encrypt"), at(Fault::NotAnArray)),
        (value!([1]), at(Fault::NotAString)),
    ] {
        let shown = operations.to_string();
        assert_eq!(with("key_ops", Some(operations)), expected, "{shown}");
    }
}

#[test]
fn every_digest_and_number_is_the_certificates() {
    let key = &transfer_key()["transfer_key"];
    for member in ["x5t", "x5t#S256", "n", "e"] {
        let right = from_base64url(text(&key[member]));
        let mut flipped = right.clone();
        flipped[0] ^= 1;
        let zero_first = [&[0], &right[..]].concat();
        let long = [&right[..], &[0; 600]].concat();
        for wrong in [flipped, zero_first, right[1..].to_vec(), vec![], long] {
            let found = with(member, Some(value!(base64url(&wrong))));
            let field = format!("transfer_key ({member})");
            assert_eq!(found, Err((field, Fault::Mismatch)), "{member}");
        }
        let padded = format!("{}=", text(&key[member]));
        let found = with(member, Some(value!(padded)));
        let field = format!("transfer_key ({member})");
        assert_eq!(found, Err((field, Fault::Base64)), "{member}");
    }
}

#[test]
fn there_is_one_certificate_in_standard_base64() {
    let x5c = transfer_key()["transfer_key"]["x5c"][0].clone();
    let at = |fault| Err(("transfer_key (x5c)".to_owned(), fault));
    assert_eq!(with("x5c", Some(value!([x5c, x5c]))), at(Fault::Count));
    assert_eq!(with("x5c", Some(x5c.clone())), at(Fault::NotAnArray));
    let trimmed = text(&x5c).trim_end_matches('=').to_owned();
    assert!(trimmed.len() < text(&x5c).len());
    assert_eq!(with("x5c", Some(value!([trimmed]))), at(Fault::Base64));
    // Padding in the middle, at the end of a chunk of 256 characters.
    let mut middle = text(&x5c).to_owned();
    middle.replace_range(254..256, "==");
    assert_eq!(with("x5c", Some(value!([middle]))), at(Fault::Base64));
    let spaced = format!("{}\n", text(&x5c));
    assert_eq!(with("x5c", Some(value!([spaced]))), at(Fault::Base64));
}

#[test]
fn a_small_buffer_is_an_error() {
    let document = transfer_key().to_string();
    let error = TransferKey::parse(document.as_bytes(), &mut [0; 100]).unwrap_err();
    assert_eq!(error.fault, Fault::Length);
}

#[test]
fn a_string_holds_one_document() {
    let mut document = transfer_key();
    document["transfer_key"] = Value::String(format!("{} x", document["transfer_key"]));
    let mut der = [0; MAX_CERTIFICATE_LEN];
    let error = TransferKey::parse(document.to_string().as_bytes(), &mut der).unwrap_err();
    assert_eq!(
        (error.field.path, error.fault),
        ("transfer_key", Fault::Trailing)
    );
}

#[test]
fn a_request_of_terraform_has_the_certificates_alone() {
    let request = json("requests/certificate-info-2-of-3.json");
    let read = |change: &dyn Fn(&mut Value)| {
        let mut document = request.clone();
        for jwk in document["certificates"].as_array_mut().unwrap() {
            let x5c = jwk["x5c"].clone();
            let digest = Sha256::digest(text(&x5c[0]));
            *jwk = value!({
                "alg": "RSA-OAEP-256", "kty": "RSA", "key_ops": [""], "x5c": x5c,
                "x5t#S256": format!("{}=", base64url(&digest)),
            });
        }
        change(&mut document["certificates"][1]);
        let mut der = [0; MAX_CERTIFICATE_LEN];
        let read = CertificateInfo::parse(document.to_string().as_bytes(), &mut der).map(|info| {
            info.custodians()
                .map(|id| id.to_string())
                .collect::<Vec<_>>()
        });
        read.map_err(|error| (error.field.part, error.fault))
    };
    let mut der = [0; MAX_CERTIFICATE_LEN];
    let bytes = request.to_string();
    let usual = CertificateInfo::parse(bytes.as_bytes(), &mut der).unwrap();
    let usual: Vec<_> = usual.custodians().map(|id| id.to_string()).collect();
    assert_eq!(read(&|_| {}), Ok(usual.clone()));
    assert_eq!(
        read(&|jwk| jwk["kty"] = value!("RSA-HSM")),
        Ok(usual.clone())
    );
    for digest in [usual[0].clone(), format!("{}=", usual[1])] {
        let found = read(&|jwk| jwk["x5t#S256"] = value!(digest));
        assert_eq!(found, Err(("x5t", Fault::Missing)), "{digest}");
    }
    let found = read(&|jwk| jwk["key_ops"] = value!(["", "encrypt"]));
    assert_eq!(found, Err(("key_ops", Fault::Value)));
    let found = read(&|jwk| jwk["n"] = value!("AQAB"));
    assert_eq!(found, Err(("x5t", Fault::Missing)));

    let mut transfer = transfer_key();
    transfer["transfer_key"]["key_ops"] = value!([""]);
    let found = self::read(&transfer);
    assert_eq!(found, Err(("transfer_key (key_ops)".into(), Fault::Value)));
}

#[test]
fn a_request_has_three_to_ten_custodians_and_a_quorum() {
    let request = json("requests/certificate-info-10-of-10.json");
    let read = |count: usize, required: Value| {
        let certificates = request["certificates"].as_array().unwrap();
        let document = value!({"required": required, "certificates": certificates[..count]});
        let mut der = [0; MAX_CERTIFICATE_LEN];
        let document = document.to_string();
        let read = CertificateInfo::parse(document.as_bytes(), &mut der);
        read.map(|info| info.quorum().to_string())
            .map_err(|e| (e.field.path, e.fault))
    };
    assert_eq!(read(3, value!(2)), Ok("2 of 3".into()));
    assert_eq!(read(10, value!(10)), Ok("10 of 10".into()));
    assert_eq!(read(2, value!(2)), Err(("certificates", Fault::Count)));
    assert_eq!(read(0, value!(0)), Err(("certificates", Fault::Count)));
    for required in [0u64, 1, 4, 256, 258, 4_294_967_298] {
        assert_eq!(
            read(3, value!(required)),
            Err(("required", Fault::Required)),
            "{required}"
        );
    }
}
