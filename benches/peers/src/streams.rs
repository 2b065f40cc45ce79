// SPDX-License-Identifier: MIT OR Apache-2.0
//! One seeded generator for all: the same stream of bytes behind three generations of `rand_core`.

use core::convert::Infallible;

use aes::cipher::{KeyIvInit, StreamCipher};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// The same seed for every library, so that all of them draw the same bytes.
const SEED: [u8; 32] = [0x5d; 32];

/// Small draws are served from a block of this many bytes: asked for 4 bytes at a time, AES would
/// pay for a whole call each time, and a library that draws byte by byte would be measured by that.
const BLOCK: usize = 1024;

/// A generator that a library may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generator {
    ChaCha20,
    Aes256Ctr,
}

impl Generator {
    pub const ALL: [Self; 2] = [Self::ChaCha20, Self::Aes256Ctr];

    /// As the JSON output names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ChaCha20 => "chacha20",
            Self::Aes256Ctr => "aes256ctr",
        }
    }

    /// Starts the stream anew.
    pub fn stream(self) -> Stream {
        match self {
            Self::ChaCha20 => Stream::ChaCha20(ChaCha20Rng::from_seed(SEED)),
            Self::Aes256Ctr => Stream::Aes256Ctr(Box::new(AesStream {
                cipher: ctr::Ctr128BE::new(&SEED.into(), &[0; 16].into()),
                block: [0; BLOCK],
                used: BLOCK,
            })),
        }
    }
}

/// A running generator.
pub enum Stream {
    ChaCha20(ChaCha20Rng),
    Aes256Ctr(Box<AesStream>),
}

/// AES-256 in counter mode, the keystream itself.
pub struct AesStream {
    cipher: ctr::Ctr128BE<aes::Aes256>,
    block: [u8; BLOCK],
    used: usize,
}

impl AesStream {
    fn fill(&mut self, out: &mut [u8]) {
        if out.len() > BLOCK / 4 {
            return self.cipher.write_keystream(out);
        }
        if self.used + out.len() > BLOCK {
            self.cipher.write_keystream(&mut self.block);
            self.used = 0;
        }
        out.copy_from_slice(&self.block[self.used..][..out.len()]);
        self.used += out.len();
    }
}

impl Stream {
    pub fn fill(&mut self, out: &mut [u8]) {
        match self {
            Self::ChaCha20(rng) => rng.fill_bytes(out),
            Self::Aes256Ctr(rng) => rng.fill(out),
        }
    }

    fn u32(&mut self) -> u32 {
        match self {
            Self::ChaCha20(rng) => rng.next_u32(),
            Self::Aes256Ctr(rng) => {
                let mut bytes = [0; 4];
                rng.fill(&mut bytes);
                u32::from_le_bytes(bytes)
            }
        }
    }

    fn u64(&mut self) -> u64 {
        match self {
            Self::ChaCha20(rng) => rng.next_u64(),
            Self::Aes256Ctr(rng) => {
                let mut bytes = [0; 8];
                rng.fill(&mut bytes);
                u64::from_le_bytes(bytes)
            }
        }
    }
}

// rand_core 0.10: this crate, vsss-rs, blahaj.
impl rand_core::TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.u64())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.fill(out);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Stream {}

// rand_core 0.9: bc-shamir, through its own trait.
impl rand_core_09::RngCore for Stream {
    fn next_u32(&mut self) -> u32 {
        self.u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.u64()
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        self.fill(out);
    }
}

impl rand_core_09::CryptoRng for Stream {}

impl bc_rand::RandomNumberGenerator for Stream {}

// rand_core 0.6: sharks.
impl rand_core_06::RngCore for Stream {
    fn next_u32(&mut self) -> u32 {
        self.u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.u64()
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        self.fill(out);
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core_06::Error> {
        self.fill(out);
        Ok(())
    }
}

impl rand_core_06::CryptoRng for Stream {}
