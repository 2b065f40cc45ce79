// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pairs of halves, which are read from the text whenever they are needed.

use crate::managed_hsm::domain_file::DamagedShare;
use crate::managed_hsm::error::{Fault, Field, FileError, UnknownMember};
use crate::managed_hsm::json::{Member, Reader};
use crate::managed_hsm::key_transport::{EncKey, Entry, Place};
use crate::managed_hsm::shares::KEY;
use crate::managed_hsm::source::Text;
use crate::x509::Thumbprint;

/// The halves of a pair and their places.
pub struct Pair<'a>([(Place, Entry<'a>); 2]);

impl<'a> Pair<'a> {
    /// Iterates over the custodians who can be read.
    pub fn custodians(&self) -> impl Iterator<Item = Thumbprint> + '_ {
        self.0.iter().filter_map(|(_, half)| half.to().ok())
    }

    /// Iterates over the halves that cannot be opened.
    pub fn damaged(self) -> impl Iterator<Item = DamagedShare> {
        { self.0.into_iter() }.filter_map(|(_, half)| DamagedShare::of(&half))
    }

    /// Iterates over the halves of a custodian, each with its place.
    pub fn halves_of(
        &self,
        custodian: &Thumbprint,
    ) -> impl Iterator<Item = (Place, Result<EncKey<'a>, FileError>)> {
        { self.0.iter() }
            .filter(|(_, half)| half.to() == Ok(*custodian))
            .map(|(place, half)| (*place, half.enc_key()))
    }

    /// Returns the half of `custodian` if the pair is the one of these two, and both halves can be
    /// read.
    pub fn half_of(
        &self,
        custodian: &Thumbprint,
        partner: &Thumbprint,
    ) -> Result<Option<EncKey<'a>>, FileError> {
        let [(_, one), (_, two)] = &self.0;
        for (mine, other) in [(one, two), (two, one)] {
            if mine.to() == Ok(*custodian) && other.to() == Ok(*partner) {
                other.enc_key()?;
                return mine.enc_key().map(Some);
            }
        }
        Ok(None)
    }
}

/// Reads a pair. Fails only if it is not JSON, or has a member twice or one that is not in the
/// format.
pub fn read_pair<'a>(
    reader: &mut Reader<'_, Text<'a>>,
    index: usize,
) -> Result<Pair<'a>, FileError> {
    let places = places(index);
    let [(at, key1), (_, key2)] = places;
    if reader.peek() != Some(b'{') {
        reader.skip(at)?;
        let broken = Entry::broken(at.has(Fault::NotAnObject));
        return Ok(Pair([(key1, broken), (key2, broken)]));
    }
    let members = [
        Member::optional("key1", key1.object),
        Member::optional("key2", key2.object),
    ];
    let mut pair = [key1, key2].map(|key| (key, Entry::broken(key.object.has(Fault::Missing))));
    reader.object(at, &members, |reader, member| {
        if let Some((place, half)) = pair.get_mut(member) {
            *half = Entry::read(reader, *place, KEY)?;
        }
        Ok(())
    })?;
    let [(_, one), (place, two)] = &mut pair;
    if let Ok(to) = one.to()
        && two.to() == Ok(to)
    {
        // One custodian alone would open the file.
        let repeated = place.x5t_256.has(Fault::Repeated);
        (*one, *two) = (one.refused(repeated), two.refused(repeated));
    }
    Ok(Pair(pair))
}

/// Returns where a pair is in the file: itself, and its two halves.
fn places(index: usize) -> [(Field, Place); 2] {
    let pair = Field::element("SplitKeys.keys[]", index);
    let place = |object, enc_key, x5t_256| Place {
        object: pair.path(object),
        enc_key: pair.path(enc_key),
        x5t_256: pair.path(x5t_256),
    };
    [
        (
            pair,
            place(
                "SplitKeys.keys[].key1",
                "SplitKeys.keys[].key1.enc_key",
                "SplitKeys.keys[].key1.x5t_256",
            ),
        ),
        (
            pair,
            place(
                "SplitKeys.keys[].key2",
                "SplitKeys.keys[].key2.enc_key",
                "SplitKeys.keys[].key2.x5t_256",
            ),
        ),
    ]
}

/// The pairs of a file, which have been read before, so that reading them again does not fail.
#[derive(Clone)]
pub struct Pairs<'a> {
    rest: Text<'a>,
    index: usize,
    count: usize,
}

impl<'a> Pairs<'a> {
    /// Makes an empty list.
    pub const fn new() -> Self {
        Self::at(Text(&[]), 0)
    }

    /// Makes a list of the `count` pairs that begin at a position.
    pub const fn at(rest: Text<'a>, count: usize) -> Self {
        Self {
            rest,
            index: 0,
            count,
        }
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Pair<'a>> {
        if self.index == self.count {
            return None;
        }
        // What is not in the format was refused or reported before.
        let mut ignore = |_: UnknownMember| ();
        let mut reader = Reader::reporting(self.rest, Some(&mut ignore));
        let pair = read_pair(&mut reader, self.index).ok()?;
        reader.more(b']', Field::new("")).ok()?;
        self.rest = reader.position();
        self.index += 1;
        Some(pair)
    }
}
