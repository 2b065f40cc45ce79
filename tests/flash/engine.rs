// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device for transfer keys that can fail, lie and forget.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use security_domain::custodian::{Identity, UnwrapError};
use security_domain::lifecycle::{TransferKey, TransferKeyError};
use security_domain::rsa::{ModulusSize, PrivateKey, PublicKey};

const KEY: &[u8] = include_bytes!("../vectors/rsa/keys/2048.pkcs8.der");
const LARGER: &[u8] = include_bytes!("../vectors/rsa/keys/3072.pkcs8.der");

/// What a device lies about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// It generates a key of another size.
    Size,
    /// It says that it generated a key, and holds none.
    Generated,
    /// It shows another public key than that of the key that it unwraps with.
    PublicKey,
    /// What it unwraps has a wrong bit.
    Unwrapped,
    /// It says that it unwrapped more than there is room for.
    Length,
    /// Its signature has a wrong bit.
    Signature,
    /// It says that it destroyed the key, and keeps it.
    Destroyed,
}

/// The device. Its key outlives a restart of the HSM.
pub struct RsaEngine {
    pub key: Option<PrivateKey>,
    pub lie: Option<Lie>,
    /// How many calls there were.
    pub calls: usize,
    /// The calls that fail, by number.
    pub fails: std::ops::Range<usize>,
    made: u8,
}

impl RsaEngine {
    pub fn new() -> Self {
        Self {
            key: None,
            lie: None,
            calls: 0,
            fails: 0..0,
            made: 0,
        }
    }

    /// Fails once, at the call with this number from now on, from 0.
    pub fn fail_once(&mut self, call: usize) {
        let call = self.calls + call;
        self.fails = call..call + 1;
    }

    fn call(&mut self) -> Result<(), TransferKeyError> {
        let call = self.calls;
        self.calls += 1;
        match self.fails.contains(&call) {
            true => Err(TransferKeyError::Failed),
            false => Ok(()),
        }
    }

    fn key(&mut self) -> Result<&mut PrivateKey, TransferKeyError> {
        self.key.as_mut().ok_or(TransferKeyError::Failed)
    }
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([0x77; 32])
}

impl TransferKey for RsaEngine {
    fn generate(&mut self, size: ModulusSize) -> Result<(), TransferKeyError> {
        self.call()?;
        self.key = None;
        self.made += 1;
        let first = (self.made == 1 && size == ModulusSize::Rsa2048).then_some(KEY);
        self.key = match (self.lie, first) {
            (Some(Lie::Generated), _) => None,
            (Some(Lie::Size), _) => PrivateKey::from_pkcs8_der(LARGER).ok(),
            (_, Some(der)) => PrivateKey::from_pkcs8_der(der).ok(),
            _ => PrivateKey::generate(size, &mut ChaCha20Rng::from_seed([self.made; 32])).ok(),
        };
        Ok(())
    }

    fn public_key(&mut self) -> Result<Option<PublicKey>, TransferKeyError> {
        self.call()?;
        let mut public = self.key.as_ref().map(|key| key.public_key().clone());
        if self.lie == Some(Lie::PublicKey) {
            let mut modulus = public.unwrap().modulus().to_vec();
            modulus[100] ^= 1;
            public = PublicKey::new(&modulus, &[1, 0, 1]).ok();
        }
        Ok(public)
    }

    fn unwrap_key(
        &mut self,
        wrapped: &[u8],
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<TransferKeyError>> {
        self.call().map_err(UnwrapError::Device)?;
        let lie = self.lie;
        let key = self.key().map_err(UnwrapError::Device)?;
        let len = key
            .unwrap_key(wrapped, &[], &mut rng(), out)
            .map_err(|error| match error {
                UnwrapError::Device(_) => UnwrapError::Device(TransferKeyError::Failed),
                _ => UnwrapError::Opaque,
            })?;
        match lie {
            Some(Lie::Unwrapped) => out[0] ^= 1,
            Some(Lie::Length) => return Ok(out.len() + 1),
            _ => {}
        }
        Ok(len)
    }

    fn sign(&mut self, message: &[u8], out: &mut [u8]) -> Result<(), TransferKeyError> {
        self.call()?;
        let lie = self.lie;
        let signed = self.key()?.sign_pkcs1v15_sha256(message, &mut rng(), out);
        if lie == Some(Lie::Signature) {
            out[0] ^= 1;
        }
        signed.map(drop).map_err(|_| TransferKeyError::Failed)
    }

    fn destroy(&mut self) -> Result<(), TransferKeyError> {
        self.call()?;
        if self.lie != Some(Lie::Destroyed) {
            self.key = None;
        }
        Ok(())
    }
}
