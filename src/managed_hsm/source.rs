// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes that are read where they stand, in runs that lie together in memory.

use core::ops::Range;

/// How far to look ahead at once.
pub const RUN: usize = 256;

/// Bytes that can be read again from a place: a clone stays where it is.
pub trait Source: Clone {
    /// Takes the next bytes that lie together in memory: at least one and at most `most`, or none at
    /// the end.
    fn run(&mut self, most: usize) -> &[u8];

    /// Takes the next byte.
    #[inline]
    fn byte(&mut self) -> Option<u8> {
        self.run(1).first().copied()
    }

    /// How many `wanted` bytes the next run, of at most `most`, starts with. A run of that many is
    /// theirs.
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
    /// The first `length` bytes of `rest`.
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

/// A few bytes that have been decoded, of which those in `pending` are still to come.
#[derive(Clone)]
pub struct Decoded<const N: usize> {
    bytes: [u8; N],
    pending: Range<usize>,
}

impl<const N: usize> Decoded<N> {
    /// None.
    pub const fn new() -> Self {
        Self {
            bytes: [0; N],
            pending: 0..0,
        }
    }

    /// Whether none is still to come.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Replaces them by what `decode` returns, which is in the front of the array.
    pub fn fill(&mut self, decode: impl FnOnce(&mut [u8; N]) -> usize) {
        self.pending = 0..decode(&mut self.bytes);
    }
}

impl<const N: usize> Source for Decoded<N> {
    fn run(&mut self, most: usize) -> &[u8] {
        let start = self.pending.start;
        self.pending.start += most.min(self.pending.len());
        // A range beyond the array, which no decoder gives, ends the text: what reads it refuses that.
        self.bytes
            .get(start..self.pending.start)
            .unwrap_or_default()
    }
}
