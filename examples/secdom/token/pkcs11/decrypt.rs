// SPDX-License-Identifier: MIT OR Apache-2.0
//! Decrypts with a private RSA key in a token: RSAES-OAEP on the token where it has SHA-256, or
//! else the private operation alone.

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use security_domain::custodian::{Identity, RawDevice, RawRsa, UnwrapError};
use security_domain::rng::Generator;
use security_domain::rsa::PublicKey;
use zeroize::Zeroizing;

use super::{Token, reason, removed};
use crate::key::DeviceError;
use crate::report::{Outcome, Refusal};

/// A private RSA key in a token whose user is logged in.
pub struct RsaKey {
    token: Token,
    object: ObjectHandle,
    public: PublicKey,
}

impl RsaKey {
    /// Takes the private key `object`, which must decrypt.
    pub fn open(token: Token, object: ObjectHandle) -> Outcome<Self> {
        if let Some(Attribute::Decrypt(false)) = token.attribute(object, AttributeType::Decrypt) {
            return token.refuse("the key in the token may not decrypt (its CKA_DECRYPT is false)");
        }
        let public = public_key(&token, object)?;
        Ok(Self {
            token,
            object,
            public,
        })
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    fn decrypt(
        &self,
        mechanism: &Mechanism<'_>,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let session = &self.token.session;
        session
            .decrypt(mechanism, self.object, wrapped)
            .map(Zeroizing::new)
    }

    /// Decrypts OAEP on the token; nothing if the token does not have it with SHA-256.
    fn oaep(&self, wrapped: &[u8]) -> Option<Result<Zeroizing<Vec<u8>>, UnwrapError<DeviceError>>> {
        let parameters = PkcsOaepParams::new(
            MechanismType::SHA256,
            PkcsMgfType::MGF1_SHA256,
            PkcsOaepSource::empty(),
        );
        let error = match self.decrypt(&Mechanism::RsaPkcsOaep(parameters), wrapped) {
            Ok(message) => return Some(Ok(message)),
            Err(error) => error,
        };
        match error {
            Error::Pkcs11(
                RvError::MechanismInvalid
                | RvError::MechanismParamInvalid
                | RvError::ArgumentsBad
                | RvError::FunctionNotSupported,
                Function::DecryptInit,
            ) => None,
            // What depends on the padding has one answer.
            Error::Pkcs11(
                RvError::EncryptedDataInvalid
                | RvError::EncryptedDataLenRange
                | RvError::DataInvalid
                | RvError::DataLenRange
                | RvError::ArgumentsBad
                | RvError::FunctionFailed
                | RvError::GeneralError,
                Function::Decrypt,
            ) => Some(Err(UnwrapError::Opaque)),
            error => Some(Err(UnwrapError::Device(of_token(&error)))),
        }
    }
}

/// Returns the public half, from the private key or the public key with the same id.
fn public_key(token: &Token, object: ObjectHandle) -> Outcome<PublicKey> {
    let objects = token.halves(object)?;
    let modulus = token.public_part(&objects, AttributeType::Modulus);
    let exponent = token.public_part(&objects, AttributeType::PublicExponent);
    let (Some(modulus), Some(exponent)) = (modulus, exponent) else {
        return token.refuse("the token does not say the public half of its key");
    };
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    PublicKey::new(&modulus[zeros..], &exponent)
        .map_err(|error| Refusal::file(&token.uri.name(), error))
}

impl Identity for RsaKey {
    type Error = DeviceError;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<DeviceError>> {
        let mechanisms = self.token.mechanisms().map_err(UnwrapError::Device)?;
        if mechanisms.contains(&MechanismType::RSA_PKCS_OAEP)
            && let Some(message) = self.oaep(wrapped)
        {
            let message = message?;
            let place = { out.get_mut(..message.len()) }.ok_or(UnwrapError::Opaque)?;
            place.copy_from_slice(&message);
            return Ok(message.len());
        }
        if !mechanisms.contains(&MechanismType::RSA_X_509) {
            let reason = "the token has neither RSA-OAEP with SHA-256 nor RSA without padding (CKM_RSA_X_509)";
            return Err(UnwrapError::Device(DeviceError::Token(reason.into())));
        }
        RawRsa::new(self.public.clone(), Raw(self)).unwrap_key(wrapped, context, rng, out)
    }
}

/// The private operation alone.
struct Raw<'k>(&'k RsaKey);

impl RawDevice for Raw<'_> {
    type Error = DeviceError;

    fn raw(&mut self, ciphertext: &[u8], block: &mut [u8]) -> Result<usize, DeviceError> {
        let answer = { self.0.decrypt(&Mechanism::RsaX509, ciphertext) }
            .map_err(|error| of_token(&error))?;
        // A longer answer is a fault, which its length shows.
        let copied = answer.len().min(block.len());
        block[..copied].copy_from_slice(&answer[..copied]);
        Ok(answer.len())
    }
}

fn of_token(error: &Error) -> DeviceError {
    DeviceError::Token(match error {
        Error::Pkcs11(RvError::KeyFunctionNotPermitted, _) => {
            "the key in the token may not decrypt".into()
        }
        error => removed(error).unwrap_or_else(|| reason(error)),
    })
}
