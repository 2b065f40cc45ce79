// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key generation and decryption in steps that the caller takes one by one, so that a cooperative
//! scheduler never waits long.

use core::task::Poll;
use core::{fmt, mem};

use crypto_bigint::Word;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::error::Failure;
use super::generate::Generation;
use super::operation::Operation;
use super::scratch::{self, Scratch, words_len};
use super::{DecryptError, GenerateError, ModulusSize, PrivateKey, oaep};
use crate::burn::{self, burning};
use crate::hardened::Fault;
use crate::rng::{Erased, Generator, NoGenerator};
use crate::secret::Secret;

/// The memory of an operation in steps. The caller provides it, for example in a `static`. It is wiped when
/// the operation ends or is dropped.
///
/// [`KeyGeneration::workspace_len`] and [`Decryption::workspace_len`] say how many words they need.
pub struct Workspace<const WORDS: usize>([Word; WORDS]);

impl<const WORDS: usize> Workspace<WORDS> {
    /// Makes a workspace of zeros.
    pub const fn new() -> Self {
        Self([0; WORDS])
    }
}

impl<const WORDS: usize> Default for Workspace<WORDS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const WORDS: usize> fmt::Debug for Workspace<WORDS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Workspace<{WORDS}>(..)")
    }
}

/// A workspace is smaller than an operation with a key of this size needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "it carries no data")]
pub struct WorkspaceTooSmall;

impl fmt::Display for WorkspaceTooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the workspace is smaller than a key of this size needs")
    }
}

impl core::error::Error for WorkspaceTooSmall {}

/// The generation of a key in steps. Does what [`PrivateKey::generate`] does.
///
/// A step takes at most 301,000 instructions on a Cortex-M4, besides what the generator needs
/// (`docs/footprint.md`). It calls the generator once or twice, or up to 128 times if that gives numbers
/// that are too large.
///
/// The value takes 3.1 KB. The key is made in it, so do not move it after the first step: a move leaves an
/// unwiped copy. What is dropped wipes itself, and its workspace.
///
/// ```
/// use getrandom::SysRng;
/// use security_domain::rsa::{KeyGeneration, ModulusSize, Workspace};
///
/// const SIZE: ModulusSize = ModulusSize::Rsa2048;
/// let mut workspace = Workspace::<{ KeyGeneration::workspace_len(SIZE) }>::new();
/// let mut generation = KeyGeneration::new(SIZE, &mut workspace)?;
/// while generation.step(&mut SysRng)?.is_pending() {
///     // Here other tasks get their turn.
/// }
/// let key = generation.key().expect("it is done");
/// # assert_eq!(key.public_key().size(), SIZE);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KeyGeneration<'w> {
    size: ModulusSize,
    key: PrivateKey,
    generation: Generation,
    words: &'w mut [Word],
    state: Result<Poll<()>, GenerateError>,
}

impl<'w> KeyGeneration<'w> {
    /// Returns the length in words of the workspace for a key of this size: 3.3, 5.0 or 6.7 KB.
    pub const fn workspace_len(size: ModulusSize) -> usize {
        (scratch::KEY * words_len(size)) >> 1
    }

    /// Begins to generate a key.
    ///
    /// # Errors
    ///
    /// [`WorkspaceTooSmall`] if the workspace has fewer words than
    /// [`workspace_len`](Self::workspace_len) says.
    pub fn new<const WORDS: usize>(
        size: ModulusSize,
        workspace: &'w mut Workspace<WORDS>,
    ) -> Result<Self, WorkspaceTooSmall> {
        let words = workspace.0.get_mut(..Self::workspace_len(size));
        Ok(Self {
            size,
            key: PrivateKey::zeroed(),
            generation: Generation::new(size),
            words: words.ok_or(WorkspaceTooSmall)?,
            state: Ok(Poll::Pending),
        })
    }

    /// Takes the next step. Once the key is there, or an error was returned, the answer stays the same: a
    /// generator that failed once ends the generation.
    ///
    /// Secret: the key, what `rng` draws. Public: its size, how many candidates fail and which of the checks.
    /// Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`GenerateError`]. Then nothing is left of the key.
    pub fn step<R: Generator + ?Sized>(&mut self, rng: &mut R) -> Result<Poll<()>, GenerateError> {
        if self.state == Ok(Poll::Pending) {
            self.state = burning::<{ burn::RSA_BLOCK }, _>(|| {
                let mut rng = Erased(rng);
                let scratch = Scratch::over(self.words, &mut rng);
                self.generation.step(&mut self.key, &mut |_| (), scratch)
            });
            if self.state != Ok(Poll::Pending) {
                self.words.zeroize();
                self.generation = Generation::new(self.size);
            }
            if self.state.is_err() {
                self.key.wipe();
            }
        }
        self.state
    }

    /// Returns the key, once it is there.
    pub fn key(&self) -> Option<&PrivateKey> {
        (self.state == Ok(Poll::Ready(()))).then_some(&self.key)
    }

    /// Returns the key, once it is there, and gives the workspace back. As with
    /// [`PrivateKey::generate`], the move may leave an unwiped copy of the key.
    ///
    /// Secret: the key. Leaks: nothing.
    pub fn into_key(mut self) -> Option<PrivateKey> {
        self.key()?;
        Some(burning::<{ burn::RSA_KEY }, _>(|| {
            mem::replace(&mut self.key, PrivateKey::zeroed())
        }))
    }
}

impl Drop for KeyGeneration<'_> {
    fn drop(&mut self) {
        self.words.zeroize();
    }
}

impl ZeroizeOnDrop for KeyGeneration<'_> {}

impl fmt::Debug for KeyGeneration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyGeneration({:?}, ..)", self.state)
    }
}

/// A decryption in steps. Does what [`PrivateKey::decrypt_oaep_sha256`] does.
///
/// A step is at most a window of the private exponent, or two products of the length of the modulus: at
/// most 301,000 instructions on a Cortex-M4, besides what the generator needs. Two steps draw. What is
/// dropped wipes its workspace.
///
/// ```
/// use getrandom::SysRng;
/// use security_domain::rsa::{Decryption, ModulusSize, PrivateKey, Workspace};
/// use core::task::Poll;
///
/// const SIZE: ModulusSize = ModulusSize::Rsa2048;
/// let key = PrivateKey::generate(SIZE, &mut SysRng)?;
/// let mut wrapped = [0; SIZE.bytes()];
/// key.public_key().encrypt_oaep_sha256(b"", b"a key", &mut SysRng, &mut wrapped)?;
///
/// let mut workspace = Workspace::<{ Decryption::workspace_len(SIZE) }>::new();
/// let mut decryption = Decryption::new(&key, b"", &wrapped, &mut workspace)?;
/// let mut out = [0; 32];
/// let len = loop {
///     match decryption.step(&mut SysRng, &mut out)? {
///         Poll::Pending => {} // Here other tasks get their turn.
///         Poll::Ready(len) => break len,
///     }
/// };
/// assert_eq!(&out[..len], b"a key");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Decryption<'a> {
    key: &'a PrivateKey,
    label: &'a [u8],
    /// None if it did not begin.
    operation: Option<Operation>,
    words: &'a mut [Word],
    state: Result<Poll<usize>, DecryptError>,
}

impl<'a> Decryption<'a> {
    /// Returns the length in words of the workspace for a key of this size: 4.7, 7.1 or 9.5 KB.
    pub const fn workspace_len(size: ModulusSize) -> usize {
        (scratch::PRIVATE * words_len(size)) >> 1
    }

    /// Begins to decrypt `ciphertext`, which is copied. The first [`step`](Self::step) refuses one that
    /// cannot be right.
    ///
    /// # Errors
    ///
    /// [`WorkspaceTooSmall`] if the workspace has fewer words than
    /// [`workspace_len`](Self::workspace_len) says.
    pub fn new<const WORDS: usize>(
        key: &'a PrivateKey,
        label: &'a [u8],
        ciphertext: &[u8],
        workspace: &'a mut Workspace<WORDS>,
    ) -> Result<Self, WorkspaceTooSmall> {
        let size = key.public.size();
        let words = workspace.0.get_mut(..Self::workspace_len(size));
        let words = words.ok_or(WorkspaceTooSmall)?;
        let begun = if ciphertext.len() == size.bytes() {
            Operation::begin(
                &key.public,
                ciphertext,
                Scratch::over(words, &mut NoGenerator),
            )
        } else {
            Err(Failure::TooLarge)
        };
        let (operation, state) = match begun {
            Ok(operation) => (Some(operation), Ok(Poll::Pending)),
            Err(failure) => (None, Err(failure.into())),
        };
        Ok(Self {
            key,
            label,
            operation,
            words,
            state,
        })
    }

    /// Takes the next step. The last writes the message to the front of `out` and returns its length; on
    /// failure `out` is unchanged. After the last step, or an error, the answer stays the same, and `out` is
    /// not written again. `rng` is for blinding.
    ///
    /// Secret: the key, the message. Public: the ciphertext, the label, the length of `out`. Leaks: whether it opened, and then the message's length.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`DecryptError`].
    pub fn step<R: Generator + ?Sized>(
        &mut self,
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<Poll<usize>, DecryptError> {
        if self.state == Ok(Poll::Pending) {
            self.state = burning::<{ burn::RSA_BLOCK }, _>(|| {
                let PrivateKey { public, secret } = self.key;
                let mut block = Secret::zeroed();
                let block = public.size().front(block.expose_mut())?;
                let mut rng = Erased(rng);
                let scratch = Scratch::over(self.words, &mut rng);
                let operation = self.operation.as_mut().ok_or(Fault)?;
                if operation.step(public, secret, block, scratch)?.is_pending() {
                    return Ok(Poll::Pending);
                }
                oaep::decode(block, self.label, out).map(Poll::Ready)
            });
            if self.state != Ok(Poll::Pending) {
                self.words.zeroize();
            }
        }
        self.state
    }
}

impl Drop for Decryption<'_> {
    fn drop(&mut self) {
        self.words.zeroize();
    }
}

impl ZeroizeOnDrop for Decryption<'_> {}

impl fmt::Debug for Decryption<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decryption({:?}, ..)", self.state)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use getrandom::SysRng;

    use super::*;

    const SIZE: ModulusSize = ModulusSize::Rsa2048;
    const KEY: &[u8] = include_bytes!("../../tests/vectors/rsa/keys/2048.pkcs8.der");
    const WRAPPED: &[u8] = include_bytes!("../../tests/vectors/rsa/keys/2048.oaep.bin");

    #[test]
    fn a_generation_leaves_nothing_in_its_workspace() {
        let mut workspace = Workspace::<{ KeyGeneration::workspace_len(SIZE) }>::new();
        // To the end, and dropped before it.
        for steps in [usize::MAX, 2500] {
            let mut generation = KeyGeneration::new(SIZE, &mut workspace).unwrap();
            let mut left = steps;
            while left > 0 && generation.step(&mut SysRng).unwrap().is_pending() {
                left -= 1;
            }
            assert_eq!(generation.words.iter().all(|word| *word == 0), left > 0);
            // To the end, and the sieve that led to the key is gone, too.
            if left > 0 {
                assert!(generation.generation.is_at_start());
            }
            drop(generation);
            assert!(workspace.0.iter().all(|word| *word == 0));
        }
    }

    #[test]
    fn a_decryption_leaves_nothing_in_its_workspace() {
        let key = PrivateKey::from_pkcs8_der(KEY).unwrap();
        let mut workspace = Workspace::<{ Decryption::workspace_len(SIZE) }>::new();
        let mut out = [0; 256];
        for steps in [usize::MAX, 300] {
            let mut decryption = Decryption::new(&key, &[], WRAPPED, &mut workspace).unwrap();
            let mut left = steps;
            while left > 0 && decryption.step(&mut SysRng, &mut out).unwrap().is_pending() {
                left -= 1;
            }
            assert_eq!(decryption.words.iter().all(|word| *word == 0), left > 0);
            drop(decryption);
            assert!(workspace.0.iter().all(|word| *word == 0));
        }
    }
}
