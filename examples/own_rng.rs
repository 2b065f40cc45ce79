// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custom random number generator: a hardware source behind a health test, and what happens when
//! the source fails.
//!
//! The crate has no generator. It takes any type that implements `TryCryptoRng`. The generator may
//! fail at any call: then the operation returns an error and leaves no partial result.
//!
//! `cargo run --example own_rng`

use std::fmt;

use rand_core::{TryCryptoRng, TryRng};
use security_domain::rng::RngError;
use security_domain::secret::Secret;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The register of a hardware source; on a real device, a volatile read.
trait NoiseSource {
    fn read(&mut self) -> u8;
}

/// The entropy of each byte, as the manufacturer of the source specifies it.
const BITS_PER_BYTE: u32 = 4;

/// The cutoff of the repetition count test of NIST SP 800-90B section 4.4.1: a working source repeats a
/// byte so often with a probability of 2^-30.
const CUTOFF: u32 = 1 + 30_u32.div_ceil(BITS_PER_BYTE);

/// Noise for 32 bytes of output: 256 bits of entropy, and 64 more, as SP 800-90C requires for full
/// entropy.
const NOISE: usize = (256 + 64) / BITS_PER_BYTE as usize;

/// Tests the noise, and returns its digest. After a failed test, every later draw fails.
struct Tested<S> {
    source: S,
    last: u8,
    repeated: u32,
    dead: bool,
}

/// The noise source repeats itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stuck;

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the noise source is stuck")
    }
}

impl std::error::Error for Stuck {}

impl<S: NoiseSource> Tested<S> {
    fn new(source: S) -> Self {
        Self {
            source,
            last: 0,
            repeated: 0,
            dead: false,
        }
    }

    fn noise(&mut self, out: &mut [u8; NOISE]) -> Result<(), Stuck> {
        for byte in out {
            *byte = self.source.read();
            self.repeated = if *byte == self.last {
                self.repeated + 1
            } else {
                1
            };
            self.last = *byte;
            self.dead |= self.repeated >= CUTOFF;
        }
        if self.dead { Err(Stuck) } else { Ok(()) }
    }
}

impl<S: NoiseSource> TryRng for Tested<S> {
    type Error = Stuck;

    fn try_next_u32(&mut self) -> Result<u32, Stuck> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Stuck> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Stuck> {
        let mut noise = Zeroizing::new([0; NOISE]);
        for block in out.chunks_mut(32) {
            self.noise(&mut noise)?;
            block.copy_from_slice(&Sha256::digest(*noise)[..block.len()]);
        }
        Ok(())
    }
}

/// Declares that the output is unpredictable, which depends on the source.
impl<S: NoiseSource> TryCryptoRng for Tested<S> {}

/// Replaces the noise source by the operating system, and breaks after `left` bytes.
struct Breaking {
    left: usize,
}

impl NoiseSource for Breaking {
    fn read(&mut self) -> u8 {
        let mut byte = [0];
        if self.left == 0 || getrandom::fill(&mut byte).is_err() {
            return 0xff;
        }
        self.left -= 1;
        byte[0]
    }
}

fn main() {
    // Enough noise for three keys, and then a little.
    let mut rng = Tested::new(Breaking {
        left: 3 * NOISE + 20,
    });
    for number in 1..=3 {
        let key = Secret::<32>::random(&mut rng);
        assert!(key.is_ok());
        println!("key {number} was made");
    }
    // The source is stuck at the fourth key, and stays so.
    for number in 4..=5 {
        let key = Secret::<32>::random(&mut rng);
        assert!(matches!(key, Err(RngError)));
        println!("key {number} was not: {RngError}");
    }
}
