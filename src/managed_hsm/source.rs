// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes that are read in place, in runs that are contiguous in memory.

use core::ops::Range;

/// How far to look ahead at once.
pub const RUN: usize = 256;

/// Bytes that can be read again from a position: a clone keeps its position.
pub trait Source: Clone {
    /// Returns and consumes the next bytes that are contiguous in memory: at least one and at most
    /// `most`, or none at the end.
    fn run(&mut self, most: usize) -> &[u8];

    /// Returns and consumes the next byte.
    #[inline]
    fn byte(&mut self) -> Option<u8> {
        self.run(1).first().copied()
    }

    /// Returns how many `wanted` bytes the next run starts with, at most `most`. A run of that
    /// length holds only these.
    #[inline]
    fn span(&self, most: usize, wanted: impl Fn(u8) -> bool) -> usize {
        let mut ahead = self.clone();
        let run = ahead.run(most);
        let end = run.iter().position(|byte| !wanted(*byte));
        end.unwrap_or(run.len())
    }
}

/// Bytes in memory.
#[derive(Clone, Copy)]
pub struct Text<'a>(pub &'a [u8]);

impl Source for Text<'_> {
    #[inline]
    fn run(&mut self, most: usize) -> &[u8] {
        let (run, rest) = self.0.split_at_checked(most).unwrap_or((self.0, &[]));
        self.0 = rest;
        run
    }
}

/// The first bytes of a source.
#[derive(Clone)]
pub struct Front<S> {
    rest: S,
    length: usize,
}

impl<S: Source> Front<S> {
    /// Takes the first `length` bytes of `rest`.
    pub fn new(rest: S, length: usize) -> Self {
        Self { rest, length }
    }
}

impl<S: Source> Source for Front<S> {
    #[inline]
    fn run(&mut self, most: usize) -> &[u8] {
        let run = self.rest.run(most.min(self.length));
        self.length -= run.len();
        run
    }
}

/// A few decoded bytes, of which those in `pending` have not been returned yet.
#[derive(Clone)]
pub struct Decoded<const N: usize> {
    bytes: [u8; N],
    pending: Range<usize>,
}

impl<const N: usize> Decoded<N> {
    /// Makes an empty buffer.
    pub const fn new() -> Self {
        Self {
            bytes: [0; N],
            pending: 0..0,
        }
    }

    /// Returns whether all bytes have been returned.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Replaces the bytes by those that `decode` writes to the front of the array; it returns their
    /// number.
    pub fn fill(&mut self, decode: impl FnOnce(&mut [u8; N]) -> usize) {
        self.pending = 0..decode(&mut self.bytes);
    }
}

impl<const N: usize> Source for Decoded<N> {
    fn run(&mut self, most: usize) -> &[u8] {
        let start = self.pending.start;
        self.pending.start += most.min(self.pending.len());
        // A range beyond the array, which no decoder returns, ends the text; the reader refuses
        // that.
        self.bytes
            .get(start..self.pending.start)
            .unwrap_or_default()
    }
}
