// SPDX-License-Identifier: MIT OR Apache-2.0
//! ECDH with a private key of P-256 in a token (`CKM_ECDH1_DERIVE`, OASIS PKCS#11 2.40 section
//! 2.3.8). The rest of HPKE is computed here.

use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use security_domain::custodian::{Identity, UnwrapError};
use security_domain::kem::{EcdhDevice, EcdhP256, P256, PublicKey};
use security_domain::rng::Generator;
use zeroize::Zeroizing;

use super::{Token, reason, removed};
use crate::key::DeviceError;
use crate::report::{Outcome, Refusal};

/// The object identifier of P-256, `secp256r1` (RFC 5480 section 2.1.1.1).
const CURVE: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
/// The head of an uncompressed point of P-256 in an `OCTET STRING`.
const POINT_HEAD: &[u8] = b"\x04\x41";

/// A private key of P-256 in a token whose user is logged in.
pub struct CurveKey {
    token: Token,
    object: ObjectHandle,
    public: PublicKey<P256>,
}

impl CurveKey {
    /// Takes the private key `object`, which must be on P-256.
    pub fn open(token: Token, object: ObjectHandle) -> Outcome<Self> {
        if let Some(Attribute::Derive(false)) = token.attribute(object, AttributeType::Derive) {
            return token.refuse("the key in the token may not derive (its CKA_DERIVE is false)");
        }
        let public = public_key(&token, object)?;
        Ok(Self {
            token,
            object,
            public,
        })
    }

    pub fn public(&self) -> &PublicKey<P256> {
        &self.public
    }

    /// Derives the shared x-coordinate as an object of the session, reads it, and destroys the
    /// object.
    fn derive(&self, theirs: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let session = &self.token.session;
        let parameters = Ecdh1DeriveParams::new(EcKdf::null(), theirs);
        let wanted = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::Token(false),
            Attribute::Sensitive(false),
            Attribute::Extractable(true),
            Attribute::ValueLen(32.into()),
        ];
        let mechanism = Mechanism::Ecdh1Derive(parameters);
        let secret = session.derive_key(&mechanism, self.object, &wanted)?;
        let value = session.get_attributes(secret, &[AttributeType::Value]);
        // The session ends soon, and the object with it.
        let _ = session.destroy_object(secret);
        Ok(match value?.pop() {
            Some(Attribute::Value(x)) => Zeroizing::new(x),
            _ => Zeroizing::default(),
        })
    }
}

/// Returns the public half, from the private key or the public key with the same id.
fn public_key(token: &Token, object: ObjectHandle) -> Outcome<PublicKey<P256>> {
    let objects = token.halves(object)?;
    let curve = token.public_part(&objects, AttributeType::EcParams);
    if curve.is_some_and(|curve| curve != CURVE) {
        return token.refuse("the key in the token is on another curve than P-256");
    }
    let point = token.public_part(&objects, AttributeType::EcPoint);
    let Some(point) = point else {
        return token.refuse("the token does not say the public half of its key");
    };
    // Some modules leave the OCTET STRING out.
    let inner = { point.strip_prefix(POINT_HEAD) }.filter(|inner| inner.len() == 65);
    PublicKey::from_bytes(inner.unwrap_or(&point))
        .map_err(|error| Refusal::file(&token.uri.name(), error))
}

impl Identity for CurveKey {
    type Error = DeviceError;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<DeviceError>> {
        let mechanisms = self.token.mechanisms().map_err(UnwrapError::Device)?;
        if !mechanisms.contains(&MechanismType::ECDH1_DERIVE) {
            let reason = "the token has no ECDH (CKM_ECDH1_DERIVE)";
            return Err(UnwrapError::Device(DeviceError::Token(reason.into())));
        }
        EcdhP256::new(self.public.clone(), Agrees(self)).unwrap_key(wrapped, context, rng, out)
    }
}

/// ECDH alone.
struct Agrees<'k>(&'k CurveKey);

impl EcdhDevice for Agrees<'_> {
    type Error = DeviceError;

    fn agree(&mut self, theirs: &[u8; 65], x: &mut [u8; 32]) -> Result<(), DeviceError> {
        let answer = self.0.derive(theirs).map_err(|error| of_token(&error))?;
        if answer.len() != x.len() {
            let reason = "the token does not give the 32 bytes of ECDH on P-256";
            return Err(DeviceError::Token(reason.into()));
        }
        x.copy_from_slice(&answer);
        Ok(())
    }
}

fn of_token(error: &Error) -> DeviceError {
    DeviceError::Token(match error {
        Error::Pkcs11(RvError::KeyFunctionNotPermitted, _) => {
            "the key in the token may not derive".into()
        }
        error => removed(error).unwrap_or_else(|| reason(error)),
    })
}
