// SPDX-License-Identifier: MIT OR Apache-2.0
//! Public field elements, with arithmetic by tables of logarithms.

/// A public element: a share's index, or a value computed from indices alone.
///
/// Its arithmetic indexes tables with the element, so no secret may ever become a `Public`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Public(u8);

/// The order of the multiplicative group: logarithms count modulo 255.
const ORDER: u32 = 255;

/// `EXP[i]` is 3^i, and 3 generates the group. It covers two periods, for the sum of two
/// logarithms, and is padded to a power of two.
static EXP: [u8; 512] = TABLES.0;

/// `LOG[3^i]` is i; the entry at 0 has no meaning.
static LOG: [u8; 256] = TABLES.1;

#[cfg_attr(
    not(test),
    expect(
        clippy::indexing_slicing,
        reason = "an index that is not there does not compile"
    )
)]
const TABLES: ([u8; 512], [u8; 256]) = {
    let mut exp = [0; 512];
    let mut log = [0; 256];
    let mut power = 1u8;
    let mut i = 0;
    while i < 255 {
        exp[i] = power;
        exp[i + 255] = power;
        log[power as usize] = i as u8;
        power ^= times_x(power);
        i += 1;
    }
    (exp, log)
};

/// `a * x`, the polynomial x.
const fn times_x(a: u8) -> u8 {
    (a << 1) ^ (0x1b * (a >> 7))
}

impl Public {
    /// The element 0.
    pub const ZERO: Self = Self(0);

    /// The element 1.
    pub const ONE: Self = Self(1);

    /// Makes the element whose coefficients are the bits of `byte`.
    pub const fn new(byte: u8) -> Self {
        Self(byte)
    }

    /// Returns the byte.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// `self + other`, which is `self - other` too.
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }

    /// `self * other`.
    #[inline]
    pub fn times(self, other: Self) -> Self {
        if self == Self::ZERO || other == Self::ZERO {
            return Self::ZERO;
        }
        Self::exp(self.log() + other.log())
    }

    /// Iterates over its powers from `exponent` on, without end. Empty for zero.
    #[inline]
    pub fn powers(self, exponent: u16) -> impl Iterator<Item = Self> {
        let step = self.log();
        let mut log = remainder(step as u32 * u32::from(exponent));
        core::iter::repeat_with(move || {
            let power = Self::exp(log);
            log += step;
            if log >= ORDER as usize {
                log -= ORDER as usize;
            }
            power
        })
        .take(if self == Self::ZERO { 0 } else { usize::MAX })
    }

    /// Returns `1 / self`, and 0 for 0.
    pub fn invert(self) -> Self {
        if self == Self::ZERO {
            return Self::ZERO;
        }
        Self::exp(ORDER as usize - self.log())
    }

    /// Returns 3 to the power of `log`, a sum of at most two logarithms. The mask changes nothing,
    /// and spares the bounds check.
    #[inline]
    #[cfg_attr(
        not(test),
        expect(clippy::indexing_slicing, reason = "masked to the length of the table")
    )]
    fn exp(log: usize) -> Self {
        Self(EXP[log & (EXP.len() - 1)])
    }

    /// Returns the power of 3 that equals the element, below 255.
    #[inline]
    #[cfg_attr(
        not(test),
        expect(clippy::indexing_slicing, reason = "an entry for each of 256 elements")
    )]
    fn log(self) -> usize {
        usize::from(LOG[usize::from(self.0)])
    }
}

/// Returns `sum` modulo 255, with 255 in place of 0. As 256 is 1 modulo 255, a number's upper bytes
/// may be added to its lowest, without a division.
#[inline]
fn remainder(mut sum: u32) -> usize {
    while sum > ORDER {
        sum = (sum & 0xff) + (sum >> 8);
    }
    sum as usize
}

/// A quotient of two products of elements, kept as the sums of their logarithms, so that
/// multiplication and inversion are done once at the end. It can hold thousands of factors; at most
/// 510 are used.
#[derive(Clone, Copy)]
pub struct Logarithm {
    above: u32,
    below: u32,
    zero: bool,
}

impl Logarithm {
    /// The empty product.
    pub const ONE: Self = Self {
        above: 0,
        below: 0,
        zero: false,
    };

    /// Multiplies by `factor`.
    #[inline]
    pub fn times(mut self, factor: Public) -> Self {
        self.zero |= factor == Public::ZERO;
        self.above += factor.log() as u32;
        self
    }

    /// Divides by `divisor`, which is not 0.
    #[inline]
    #[cfg_attr(
        not(test),
        expect(
            clippy::disallowed_macros,
            reason = "no caller divides by zero; in debug builds only"
        )
    )]
    pub fn over(mut self, divisor: Public) -> Self {
        debug_assert!(divisor != Public::ZERO);
        self.below += divisor.log() as u32;
        self
    }

    /// Returns the element.
    #[inline]
    pub fn exp(self) -> Public {
        if self.zero {
            return Public::ZERO;
        }
        // -b is 254 b modulo 255.
        Public::exp(remainder(self.above + 254 * self.below))
    }
}
