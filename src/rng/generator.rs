// SPDX-License-Identifier: MIT OR Apache-2.0
//! A generator as long operations take it: it also learns that they go on.

use core::fmt;

use rand_core::{TryCryptoRng, TryRng};

use super::RngError;

/// A generator that is told, at public and evenly spaced points of long operations, that they go on.
///
/// An operation takes it as `&mut dyn Watched`; any other generator is told nothing. [`WithProgress`]
/// makes one of a generator and a function.
pub trait Watched: TryCryptoRng<Error = RngError> {
    /// Another piece of the work is done. It must not take long, and cannot fail.
    fn tick(&mut self);
}

/// What operations on keys take as their generator: any [`TryCryptoRng`], or `dyn` [`Watched`].
///
/// Generators of unknown type, such as `dyn TryCryptoRng`, serve by reference: `&mut &mut *rng`.
pub trait Generator: TryCryptoRng {
    /// Tells the generator, if it is [`Watched`], that another piece of the work is done.
    fn progress(&mut self);
}

/// Nobody watches.
impl<R: TryCryptoRng> Generator for R {
    fn progress(&mut self) {}
}

impl Generator for dyn Watched + '_ {
    fn progress(&mut self) {
        self.tick();
    }
}

/// A generator, and a function to call as an operation goes on, for example to feed a watchdog.
///
/// ```
/// use security_domain::rng::{Watched, WithProgress};
/// use security_domain::rsa::{ModulusSize, PrivateKey};
///
/// let mut ticks = 0;
/// let mut rng = WithProgress {
///     rng: &mut getrandom::SysRng,
///     progress: &mut || ticks += 1,
/// };
/// let watched: &mut dyn Watched = &mut rng;
/// let key = PrivateKey::generate(ModulusSize::Rsa2048, watched)?;
/// assert!(ticks > 1000);
/// # Ok::<(), security_domain::rsa::GenerateError>(())
/// ```
#[expect(clippy::exhaustive_structs, reason = "the caller makes it")]
pub struct WithProgress<'a, R: ?Sized> {
    /// The generator.
    pub rng: &'a mut R,
    /// Called for each piece of work that is done.
    pub progress: &'a mut dyn FnMut(),
}

impl<R: ?Sized> fmt::Debug for WithProgress<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WithProgress")
    }
}

impl<R: TryCryptoRng + ?Sized> TryRng for WithProgress<'_, R> {
    type Error = RngError;

    fn try_next_u32(&mut self) -> Result<u32, RngError> {
        Erased(&mut *self.rng).try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, RngError> {
        Erased(&mut *self.rng).try_next_u64()
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        Erased(&mut *self.rng).try_fill_bytes(out)
    }
}

impl<R: TryCryptoRng + ?Sized> TryCryptoRng for WithProgress<'_, R> {}

impl<R: TryCryptoRng + ?Sized> Watched for WithProgress<'_, R> {
    fn tick(&mut self) {
        (self.progress)();
    }
}

/// No generator, for operations that draw nothing: whoever asks it gets an error.
pub(crate) struct NoGenerator;

impl TryRng for NoGenerator {
    type Error = RngError;

    fn try_next_u32(&mut self) -> Result<u32, RngError> {
        Err(RngError)
    }

    fn try_next_u64(&mut self) -> Result<u64, RngError> {
        Err(RngError)
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), RngError> {
        Err(RngError)
    }
}

impl TryCryptoRng for NoGenerator {}

impl Watched for NoGenerator {
    fn tick(&mut self) {}
}

/// Makes a [`Watched`] generator of any generator, for code that shall be compiled once and not once for
/// each type.
pub(crate) struct Erased<'r, R: ?Sized>(pub(crate) &'r mut R);

impl<R: TryCryptoRng + ?Sized> TryRng for Erased<'_, R> {
    type Error = RngError;

    fn try_next_u32(&mut self) -> Result<u32, RngError> {
        self.0.try_next_u32().map_err(|_| RngError)
    }

    fn try_next_u64(&mut self) -> Result<u64, RngError> {
        self.0.try_next_u64().map_err(|_| RngError)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        self.0.try_fill_bytes(out).map_err(|_| RngError)
    }
}

impl<R: TryCryptoRng + ?Sized> TryCryptoRng for Erased<'_, R> {}

impl<R: Generator + ?Sized> Watched for Erased<'_, R> {
    fn tick(&mut self) {
        self.0.progress();
    }
}
