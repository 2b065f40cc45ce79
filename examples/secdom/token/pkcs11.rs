// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds a token through its PKCS#11 module, logs in once, and finds the private key.

mod agree;
mod decrypt;
mod module;
mod pin;

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::slot::{Slot, TokenInfo};
use zeroize::Zeroizing;

use super::{TokenKey, Uri};
use crate::key::DeviceError;
use crate::report::{Outcome, Refusal};
use crate::show;
pub use agree::CurveKey;
pub use decrypt::RsaKey;

/// The most certificates of a token: they are compared with each other.
const MOST: usize = 256;

/// A token that was found. Nobody is logged in.
pub struct Token {
    uri: Uri,
    pkcs11: Pkcs11,
    slot: Slot,
    session: Session,
}

impl Token {
    /// Finds the one token that the URI names.
    pub fn find(uri: &Uri) -> Outcome<Self> {
        let refuse = |reason: String| Err(Refusal::file(&uri.name(), reason));
        let pkcs11 = module::load(uri)?;
        let slots = { pkcs11.get_slots_with_initialized_token() }
            .map_err(|error| failed(uri, "the tokens cannot be listed", &error))?;
        let tokens = slots.into_iter().filter_map(|slot| {
            let info = pkcs11.get_token_info(slot).ok()?;
            Some((slot, info))
        });
        let tokens: Vec<_> = tokens.collect();
        let matching = tokens.iter().filter(|(slot, info)| names(uri, *slot, info));
        let (slot, info) = match matching.collect::<Vec<_>>().as_slice() {
            [one] => *one,
            [] => {
                let present = tokens.iter().map(|(_, info)| show::text(info.label()));
                let present = present.collect::<Vec<_>>().join(", ");
                let present = match present.as_str() {
                    "" => "its module has none".into(),
                    present => format!("its module has {present}"),
                };
                return refuse(format!("no such token is present; {present}"));
            }
            several => {
                let serial = |(slot, info): &&(Slot, TokenInfo)| {
                    let serial = show::text(info.serial_number());
                    format!("slot-id {} with serial {serial}", slot.id())
                };
                let listed = several.iter().map(serial).collect::<Vec<_>>().join(", ");
                return refuse(format!(
                    "{} match: {listed}; add serial= or slot-id= to the URI",
                    show::count(several.len(), "token")
                ));
            }
        };
        if info.user_pin_locked() {
            return refuse(pin::LOCKED.into());
        }
        let session = { pkcs11.open_ro_session(*slot) }
            .map_err(|error| failed(uri, "the token does not open a session", &error))?;
        Ok(Self {
            uri: uri.clone(),
            slot: *slot,
            session,
            pkcs11,
        })
    }

    /// Returns the certificates in DER that can be read without a PIN: those with the key's id if
    /// the URI gives it, or else all.
    pub fn certificates(&self) -> Outcome<Vec<Zeroizing<Vec<u8>>>> {
        let mut wanted = vec![Attribute::Class(ObjectClass::CERTIFICATE)];
        wanted.extend(self.uri.id.clone().map(Attribute::Id));
        let mut found = Vec::new();
        for object in self.objects(&wanted)?.into_iter().take(MOST) {
            let value = self.attribute(object, AttributeType::Value);
            if let Some(Attribute::Value(der)) = value {
                found.push(Zeroizing::new(der));
            }
        }
        Ok(found)
    }

    /// Logs in with the PIN, `password` or as the URI or the terminal gives it, and finds the
    /// private key.
    pub fn open(self, password: Option<&[u8]>) -> Outcome<TokenKey> {
        pin::log_in(&self, password)?;
        let object = self.private_key()?;
        self.must_not_ask_again(object)?;
        Ok(match self.attribute(object, AttributeType::KeyType) {
            Some(Attribute::KeyType(KeyType::EC)) => {
                TokenKey::P256(Box::new(CurveKey::open(self, object)?))
            }
            None | Some(Attribute::KeyType(KeyType::RSA)) => {
                TokenKey::Rsa(Box::new(RsaKey::open(self, object)?))
            }
            Some(_) => {
                return self.refuse("the key in the token is neither an RSA key nor one of P-256");
            }
        })
    }

    /// Returns the one private key that the URI names.
    fn private_key(&self) -> Outcome<ObjectHandle> {
        let mut wanted = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
        let label = self.uri.object.as_ref();
        wanted.extend(label.map(|label| Attribute::Label(label.as_bytes().to_vec())));
        wanted.extend(self.uri.id.clone().map(Attribute::Id));
        match self.objects(&wanted)?.as_slice() {
            [one] => Ok(*one),
            [] => self.refuse("the token has no such private key"),
            several => {
                let id = |object: &ObjectHandle| match self.attribute(*object, AttributeType::Id) {
                    Some(Attribute::Id(id)) => escaped(&id),
                    _ => "none".into(),
                };
                let ids = several.iter().map(id).collect::<Vec<_>>().join(", ");
                self.refuse(format!(
                    "{} of the token match, with the ids {ids}; add id= to the URI",
                    show::count(several.len(), "private key")
                ))
            }
        }
    }

    /// Refuses a key that wants the PIN again.
    fn must_not_ask_again(&self, object: ObjectHandle) -> Outcome<()> {
        let always = self.attribute(object, AttributeType::AlwaysAuthenticate);
        if let Some(Attribute::AlwaysAuthenticate(true)) = always {
            let reason = "the key in the token asks for the PIN at each use (CKA_ALWAYS_AUTHENTICATE), which is not \
                          supported: take one that does not";
            return self.refuse(reason);
        }
        Ok(())
    }

    /// Returns the object of a private key, and those of public keys with the same id.
    fn halves(&self, object: ObjectHandle) -> Outcome<Vec<ObjectHandle>> {
        let mut objects = vec![object];
        if let Some(Attribute::Id(id)) = self.attribute(object, AttributeType::Id) {
            let class = Attribute::Class(ObjectClass::PUBLIC_KEY);
            objects.extend(self.objects(&[class, Attribute::Id(id)])?);
        }
        Ok(objects)
    }

    fn mechanisms(&self) -> Result<Vec<MechanismType>, DeviceError> {
        { self.pkcs11.get_mechanism_list(self.slot) }
            .map_err(|error| DeviceError::Token(reason(&error)))
    }

    fn objects(&self, wanted: &[Attribute]) -> Outcome<Vec<ObjectHandle>> {
        { self.session.find_objects(wanted) }
            .map_err(|error| failed(&self.uri, "the token does not list its objects", &error))
    }

    /// Returns an attribute, if the object has it.
    fn attribute(&self, object: ObjectHandle, which: AttributeType) -> Option<Attribute> {
        let mut found = self.session.get_attributes(object, &[which]).ok()?;
        found.pop()
    }

    /// Returns a part of a public key, from the first of these objects that has it.
    fn public_part(&self, objects: &[ObjectHandle], which: AttributeType) -> Option<Vec<u8>> {
        let part = |object: &ObjectHandle| match self.attribute(*object, which)? {
            Attribute::Modulus(bytes)
            | Attribute::PublicExponent(bytes)
            | Attribute::EcParams(bytes)
            | Attribute::EcPoint(bytes) => Some(bytes),
            _ => None,
        };
        { objects.iter().filter_map(part) }.find(|bytes| !bytes.is_empty())
    }

    fn refuse<T>(&self, reason: impl Into<Box<dyn std::error::Error>>) -> Outcome<T> {
        Err(Refusal::file(&self.uri.name(), reason))
    }
}

/// Returns whether the URI names a token.
fn names(uri: &Uri, slot: Slot, info: &TokenInfo) -> bool {
    let is = |wanted: &Option<String>, have: &str| wanted.as_ref().is_none_or(|want| want == have);
    is(&uri.token, info.label())
        && is(&uri.serial, info.serial_number())
        && is(&uri.manufacturer, info.manufacturer_id())
        && is(&uri.model, info.model())
        && uri.slot.is_none_or(|id| id == slot.id())
}

/// The refusal of what a module does not do.
fn failed(uri: &Uri, what: &str, error: &Error) -> Refusal {
    Refusal::file(&uri.name(), format!("{what}: {}", reason(error)))
}

/// Says why a module failed, in a few words.
fn reason(error: &Error) -> String {
    match error {
        // Their texts are sentences from the standard.
        Error::Pkcs11(code, function) => format!("{function} answers {code:?}"),
        other => other.to_string(),
    }
}

/// Says that the token is not there any more, if that is why a module failed.
fn removed(error: &Error) -> Option<String> {
    let Error::Pkcs11(RvError::DeviceRemoved | RvError::TokenNotPresent, _) = error else {
        return None;
    };
    Some("the token was removed".into())
}

/// Writes an id as a URI has it.
fn escaped(id: &[u8]) -> String {
    id.iter().map(|byte| format!("%{byte:02X}")).collect()
}
