// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads the integers of a private key without a branch on their bytes.

use der::asn1::AnyRef;
use der::{Decode, SliceReader, Tag, Tagged};

use crate::ct::Mask;

/// Returns the bytes of a non-negative integer in its canonical encoding (X.690 sections 8.3 and
/// 10), without the zero byte before a set top bit.
///
/// Secret: the number. Public: its length. Leaks: whether it is encoded so, and whether that zero byte
/// is there.
pub(super) fn unsigned<'a>(reader: &mut SliceReader<'a>) -> der::Result<&'a [u8]> {
    let integer = AnyRef::decode(reader)?;
    integer.tag().assert_eq(Tag::Integer)?;
    let bytes = integer.value();
    let refused = || Tag::Integer.value_error();
    let (first, rest) = bytes.split_first().ok_or_else(refused)?;
    // A single zero is 0; before another byte it must precede a set top bit.
    let second = rest.first().map_or(0x80, |second| *second);
    let [negative, needed] = [*first, second].map(|byte| Mask::from_bit(u32::from(byte >> 7)));
    let zero = Mask::is_zero(u32::from(*first));
    if (negative | (zero & !needed)).declassify() {
        return Err(refused().into());
    }
    Ok(if !rest.is_empty() && zero.declassify() {
        rest
    } else {
        bytes
    })
}

#[cfg(test)]
mod tests {
    use der::Reader;
    use der::asn1::UintRef;

    use super::*;

    /// Every integer of up to two bytes, and some of three, as the crate `der` reads them.
    #[test]
    fn it_reads_what_the_crate_reads() {
        for len in 0..=3u8 {
            for first in 0..=255 {
                for second in [0, 1, 0x7f, 0x80, 0xff] {
                    let all = [2, len, first, second, 5];
                    let bytes = &all[..2 + usize::from(len)];
                    let ours = SliceReader::new(bytes).and_then(|mut reader| unsigned(&mut reader));
                    let theirs = SliceReader::new(bytes).and_then(|mut reader| {
                        reader.decode::<UintRef<'_>>().map(|uint| uint.as_bytes())
                    });
                    assert_eq!(ours.ok(), theirs.ok(), "{bytes:?}");
                }
            }
        }
        let mut other = SliceReader::new(&[4, 1, 1]).unwrap();
        assert!(unsigned(&mut other).is_err());
    }
}
