// SPDX-License-Identifier: MIT OR Apache-2.0
//! A generator for tests.

use rand_core::{TryCryptoRng, TryRng};

use crate::rng::RngError;

/// A generator for tests, which a seed determines and which fails when it is told to. It is **not
/// random**: whoever knows the seed knows all that it gives.
///
/// ```
/// use security_domain::hazmat::testing::TestRng;
/// use security_domain::rng::RngError;
/// use security_domain::secret::Secret;
///
/// let mut rng = TestRng::failing_at(7, 1);
/// assert!(Secret::<32>::random(&mut rng).is_ok());
/// assert_eq!(Secret::<32>::random(&mut rng).err(), Some(RngError));
/// assert!(Secret::<32>::random(&mut rng).is_ok());
/// assert_eq!(rng.calls(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct TestRng {
    state: u64,
    fails: Fails,
    /// How many bytes it gives before it repeats them; 0 for zeros, `None` for no repetition.
    period: Option<u8>,
    calls: usize,
}

#[derive(Clone, Copy, Debug)]
enum Fails {
    Never,
    At(usize),
    From(usize),
}

impl TestRng {
    /// Makes a generator that never fails.
    pub const fn seeded(seed: u64) -> Self {
        Self {
            state: seed,
            fails: Fails::Never,
            period: None,
            calls: 0,
        }
    }

    /// Makes a generator that fails at one call, counted from 0, after it has written half of what
    /// was asked for. A failure that is swallowed is not hidden by those of later calls.
    pub const fn failing_at(seed: u64, call: usize) -> Self {
        Self {
            fails: Fails::At(call),
            ..Self::seeded(seed)
        }
    }

    /// Makes a generator that fails at one call, counted from 0, and at every later one.
    pub const fn failing_from(seed: u64, call: usize) -> Self {
        Self {
            fails: Fails::From(call),
            ..Self::seeded(seed)
        }
    }

    /// Makes a generator that is stuck: it gives the same `period` bytes again and again, or zeros
    /// if `period` is 0.
    pub const fn stuck(period: u8) -> Self {
        Self {
            period: Some(period),
            ..Self::seeded(0)
        }
    }

    /// Returns how many calls were made, the failed ones included.
    pub const fn calls(&self) -> usize {
        self.calls
    }

    /// Returns the next byte.
    fn byte(&mut self) -> u8 {
        match self.period {
            None => {
                // SplitMix64 (Steele, Lea and Flood, 2014), one byte of each output.
                self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let z = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
                (z >> 56) as u8
            }
            Some(period) => {
                // 1, 2, .. period, and again.
                let last = self.state == u64::from(period);
                self.state = if last { 0 } else { self.state };
                self.state += u64::from(period != 0);
                self.state as u8
            }
        }
    }
}

impl TryRng for TestRng {
    type Error = RngError;

    fn try_next_u32(&mut self) -> Result<u32, RngError> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, RngError> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        let call = self.calls;
        self.calls = self.calls.saturating_add(1);
        let fails = match self.fails {
            Fails::Never => false,
            Fails::At(at) => call == at,
            Fails::From(first) => call >= first,
        };
        let filled = if fails { out.len() >> 1 } else { out.len() };
        for byte in out.iter_mut().take(filled) {
            *byte = self.byte();
        }
        if fails { Err(RngError) } else { Ok(()) }
    }
}

impl TryCryptoRng for TestRng {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stuck_generator_repeats_its_bytes() {
        let mut out = [9; 5];
        TestRng::stuck(0).try_fill_bytes(&mut out).unwrap();
        assert_eq!(out, [0; 5]);
        TestRng::stuck(2).try_fill_bytes(&mut out).unwrap();
        assert_eq!(out, [1, 2, 1, 2, 1]);
    }

    #[test]
    fn it_fails_once_or_for_ever() {
        let failed = |mut rng: TestRng| [0; 4].map(|_: u8| rng.try_next_u64().is_err());
        assert_eq!(failed(TestRng::seeded(1)), [false; 4]);
        assert_eq!(
            failed(TestRng::failing_at(1, 2)),
            [false, false, true, false]
        );
        assert_eq!(
            failed(TestRng::failing_from(1, 2)),
            [false, false, true, true]
        );
    }

    #[test]
    fn a_draw_that_fails_halfway_is_wiped() {
        let mut out = [9; 32];
        let drawn = crate::rng::fill(&mut TestRng::failing_at(1, 0), &mut out);
        assert_eq!(drawn, Err(RngError));
        assert_eq!(out, [0; 32]);
    }
}
