// SPDX-License-Identifier: MIT OR Apache-2.0
//! The name of a member that the format does not have, as far as an error can hold it.

use core::fmt;

/// How many bytes of a name are kept.
const KEPT: usize = 30;

/// The name of a member, cut after 30 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MemberName {
    /// Filled up with a byte that is in no UTF-8.
    bytes: [u8; KEPT],
    cut: bool,
}

impl MemberName {
    /// Keeps the front of a name, which is UTF-8.
    pub(super) fn new(mut name: impl Iterator<Item = u8>) -> Self {
        let mut bytes = [0xff; KEPT];
        for (to, from) in bytes.iter_mut().zip(name.by_ref()) {
            *to = from;
        }
        // `zip` looks at the array first, so it has taken no more than fits.
        let cut = name.next().is_some();
        Self { bytes, cut }
    }

    /// Returns the name as far as it is kept, up to the last whole character.
    pub fn as_str(&self) -> &str {
        let mut chunks = self.bytes.utf8_chunks();
        chunks.next().map_or("", |chunk| chunk.valid())
    }
}

/// Prints the name in quotation marks, escaped, and dots if it was cut.
impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dots = if self.cut { "..." } else { "" };
        write!(f, "\"{}{dots}\"", self.as_str().escape_debug())
    }
}

impl fmt::Debug for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
