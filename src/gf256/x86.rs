// SPDX-License-Identifier: MIT OR Apache-2.0
//! Kernels for x86-64.
//!
//! `GF2P8MULB` multiplies bytes in this very field (Intel SDM volume 2). Where it is absent,
//! `PSHUFB` looks up the product of each half of a byte in tables that are held in registers. Row
//! bytes go from memory to vector registers and back; none reaches a general register or the flags.

use core::arch::x86_64::*;
use core::sync::atomic::{AtomicU8, Ordering};

use super::nibbles::nibbles;
use super::term::{Store, Term, check_lengths};
use super::{Public, portable};
use crate::hardened::Fault;

/// A kernel that this CPU can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel(Isa);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Isa {
    Avx2 = 1,
    Gfni256 = 2,
    Avx512 = 3,
    Gfni512 = 4,
}

impl Isa {
    #[inline]
    fn from_choice(choice: u8) -> Option<Self> {
        match choice {
            1 => Some(Self::Avx2),
            2 => Some(Self::Gfni256),
            3 => Some(Self::Avx512),
            4 => Some(Self::Gfni512),
            _ => None,
        }
    }

    /// All instruction sets, the slowest first.
    const ALL: [Self; 4] = [Self::Avx2, Self::Gfni256, Self::Avx512, Self::Gfni512];
}

cpufeatures::new!(avx2, "avx2");
cpufeatures::new!(avx512, "avx512f", "avx512bw", "avx512vl");

/// The choice made, as an [`Isa`]; 0 means none, 255 not yet chosen.
static CHOICE: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = u8::MAX;

impl Kernel {
    /// Returns the fastest kernel that this CPU can run.
    #[inline]
    pub fn detect() -> Option<Self> {
        // One variable, written with the same value by every thread: no ordering needed.
        let mut choice = CHOICE.load(Ordering::Relaxed);
        if choice == UNKNOWN {
            choice = Self::available().last().map_or(0, |kernel| kernel.0 as u8);
            CHOICE.store(choice, Ordering::Relaxed);
        }
        Isa::from_choice(choice).map(Self)
    }

    /// Iterates over all kernels that this CPU can run, the slowest first.
    #[cold]
    pub fn available() -> impl Iterator<Item = Self> {
        let gfni = has_gfni();
        Isa::ALL
            .into_iter()
            .filter(move |isa| match isa {
                Isa::Avx2 => avx2::get(),
                Isa::Gfni256 => avx2::get() && gfni,
                Isa::Avx512 => avx512::get(),
                Isa::Gfni512 => avx512::get() && gfni,
            })
            .map(Self)
    }

    /// Returns the kernel's name.
    pub fn name(self) -> &'static str {
        match self.0 {
            Isa::Avx2 => "avx2",
            Isa::Gfni256 => "gfni-256",
            Isa::Avx512 => "avx512",
            Isa::Gfni512 => "gfni-512",
        }
    }

    /// Sets `out` to the sum of `terms`, whose rows are as long as `out`, or adds the sum to it.
    ///
    /// Secret: `out`, the rows. Public: the factors, the lengths, `store`. Leaks: nothing else.
    #[inline]
    pub fn run(self, out: &mut [u8], terms: &[Term<'_>], store: Store) -> Result<(), Fault> {
        check_lengths(out, terms)?;
        // SAFETY: a `Kernel` is made only by `available`, for what this CPU has, and every row is
        // as long as `out`.
        unsafe {
            match self.0 {
                Isa::Avx2 => sum_avx2(out, terms, store),
                Isa::Gfni256 => sum_gfni_256(out, terms, store),
                Isa::Avx512 => sum_avx512(out, terms, store),
                Isa::Gfni512 => sum_gfni_512(out, terms, store),
            }
        }
    }
}

/// Returns whether the CPU has GFNI. Detected here because `cpufeatures` requires AVX-512 with it,
/// which CPUs with 256-bit GFNI lack.
fn has_gfni() -> bool {
    if cfg!(target_feature = "gfni") {
        return true;
    }
    if !avx2::get() {
        return false;
    }
    // SAFETY: a CPU with AVX2 has CPUID and leaf 7.
    #[allow(unused_unsafe)]
    let leaf = unsafe { __cpuid_count(7, 0) };
    leaf.ecx & (1 << 8) != 0
}

/// A factor's tables of products with the low and the high half of a byte, in each 128-bit lane.
struct Nibbles256 {
    low: __m256i,
    high: __m256i,
}

impl Nibbles256 {
    #[target_feature(enable = "avx2")]
    #[inline]
    fn new(factor: Public) -> Self {
        let tables = tables(factor);
        Self {
            low: _mm256_broadcastsi128_si256(tables[0]),
            high: _mm256_broadcastsi128_si256(tables[1]),
        }
    }

    /// `sum + factor * row`.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn mul_add(&self, sum: __m256i, row: __m256i) -> __m256i {
        let nibble = _mm256_set1_epi8(0x0f);
        let low = _mm256_and_si256(row, nibble);
        let high = _mm256_and_si256(_mm256_srli_epi16::<4>(row), nibble);
        let low = _mm256_shuffle_epi8(self.low, low);
        let high = _mm256_shuffle_epi8(self.high, high);
        _mm256_xor_si256(sum, _mm256_xor_si256(low, high))
    }
}

/// The same in four lanes.
struct Nibbles512 {
    low: __m512i,
    high: __m512i,
}

impl Nibbles512 {
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    fn new(factor: Public) -> Self {
        let tables = tables(factor);
        Self {
            low: _mm512_broadcast_i32x4(tables[0]),
            high: _mm512_broadcast_i32x4(tables[1]),
        }
    }

    /// `sum + factor * row`.
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    fn mul_add(&self, sum: __m512i, row: __m512i) -> __m512i {
        const XOR_OF_THREE: i32 = 0x96;
        let nibble = _mm512_set1_epi8(0x0f);
        let low = _mm512_and_si512(row, nibble);
        let high = _mm512_and_si512(_mm512_srli_epi16::<4>(row), nibble);
        let low = _mm512_shuffle_epi8(self.low, low);
        let high = _mm512_shuffle_epi8(self.high, high);
        _mm512_ternarylogic_epi32::<XOR_OF_THREE>(sum, low, high)
    }
}

#[inline(always)]
fn tables(factor: Public) -> [__m128i; 2] {
    let [low, high] = nibbles(factor);
    // SAFETY: 16 readable bytes each, and SSE2 is part of x86-64.
    unsafe {
        [
            _mm_loadu_si128(low.as_ptr().cast()),
            _mm_loadu_si128(high.as_ptr().cast()),
        ]
    }
}

/// A factor in every byte, for the field's own multiplication.
struct Field256(__m256i);

impl Field256 {
    #[target_feature(enable = "gfni,avx2")]
    #[inline]
    fn new(factor: Public) -> Self {
        Self(_mm256_set1_epi8(factor.get() as i8))
    }

    /// `sum + factor * row`.
    #[target_feature(enable = "gfni,avx2")]
    #[inline]
    fn mul_add(&self, sum: __m256i, row: __m256i) -> __m256i {
        _mm256_xor_si256(sum, _mm256_gf2p8mul_epi8(row, self.0))
    }
}

/// The same in 64 bytes.
struct Field512(__m512i);

impl Field512 {
    #[target_feature(enable = "gfni,avx512f,avx512bw")]
    #[inline]
    fn new(factor: Public) -> Self {
        Self(_mm512_set1_epi8(factor.get() as i8))
    }

    /// `sum + factor * row`.
    #[target_feature(enable = "gfni,avx512f,avx512bw")]
    #[inline]
    fn mul_add(&self, sum: __m512i, row: __m512i) -> __m512i {
        _mm512_xor_si512(sum, _mm512_gf2p8mul_epi8(row, self.0))
    }
}

/// A vector at any address. The intrinsics that load and store one pass it through memory of their own in a
/// build with debug assertions, and would leave a secret there.
#[repr(C, packed)]
struct Unaligned<V>(V);

/// # Safety
///
/// There is a vector to be read.
#[inline(always)]
unsafe fn load<V: Copy>(from: *const V) -> V {
    // SAFETY: the caller says so, and it is read as unaligned.
    unsafe { (*from.cast::<Unaligned<V>>()).0 }
}

/// # Safety
///
/// There is room for a vector.
#[inline(always)]
unsafe fn store_at<V: Copy>(to: *mut V, vector: V) {
    // SAFETY: the caller says so, and it is written as unaligned.
    unsafe { (*to.cast::<Unaligned<V>>()).0 = vector }
}

/// Vectors processed at once: hides the latency of the shuffles, and shares each factor's set-up.
const UNROLL: usize = 4;

/// A kernel 32 bytes wide; the portable kernel handles the rest of a row, which is shorter.
macro_rules! kernel_256 {
    ($name:ident, $features:literal, $Factor:ident) => {
        /// # Safety
        ///
        /// The CPU has the features, and every row is at least as long as `out`.
        #[target_feature(enable = $features)]
        unsafe fn $name(out: &mut [u8], terms: &[Term<'_>], store: Store) -> Result<(), Fault> {
            #[target_feature(enable = $features)]
            #[inline]
            unsafe fn vectors<const V: usize>(
                out: *mut u8,
                at: usize,
                terms: &[Term<'_>],
                store: Store,
            ) {
                let mut sums = [_mm256_setzero_si256(); V];
                // SAFETY: the caller has V vectors in `out` and in every row from `at` on.
                unsafe {
                    let out: *mut __m256i = out.add(at).cast();
                    if store == Store::Add {
                        for (i, sum) in sums.iter_mut().enumerate() {
                            *sum = load(out.add(i));
                        }
                    }
                    for term in terms {
                        let factor = $Factor::new(term.by);
                        let row: *const __m256i = term.row.as_ptr().add(at).cast();
                        for (i, sum) in sums.iter_mut().enumerate() {
                            *sum = factor.mul_add(*sum, load(row.add(i)));
                        }
                    }
                    for (i, sum) in sums.iter().enumerate() {
                        store_at(out.add(i), *sum);
                    }
                }
            }

            let mut at = 0;
            // SAFETY: each call stays below `out.len()`, and rows are at least as long.
            unsafe {
                while out.len() - at >= 32 * UNROLL {
                    vectors::<UNROLL>(out.as_mut_ptr(), at, terms, store);
                    at += 32 * UNROLL;
                }
                while out.len() - at >= 32 {
                    vectors::<1>(out.as_mut_ptr(), at, terms, store);
                    at += 32;
                }
            }
            portable::run(out, terms, store, at)
        }
    };
}

/// A kernel 64 bytes wide; masked loads and stores leave no rest.
macro_rules! kernel_512 {
    ($name:ident, $features:literal, $Factor:ident, $Half:ident) => {
        /// # Safety
        ///
        /// The CPU has the features, and every row is at least as long as `out`.
        #[target_feature(enable = $features)]
        unsafe fn $name(out: &mut [u8], terms: &[Term<'_>], store: Store) -> Result<(), Fault> {
            let mut at = 0;
            while out.len() - at >= 64 * UNROLL {
                let mut sums = [_mm512_setzero_si512(); UNROLL];
                // SAFETY: `out` and every row have 64 * UNROLL bytes from `at` on.
                unsafe {
                    let out: *mut __m512i = out.as_mut_ptr().add(at).cast();
                    if store == Store::Add {
                        for (i, sum) in sums.iter_mut().enumerate() {
                            *sum = load(out.add(i));
                        }
                    }
                    for term in terms {
                        let factor = $Factor::new(term.by);
                        let row: *const __m512i = term.row.as_ptr().add(at).cast();
                        for (i, sum) in sums.iter_mut().enumerate() {
                            *sum = factor.mul_add(*sum, load(row.add(i)));
                        }
                    }
                    for (i, sum) in sums.iter().enumerate() {
                        store_at(out.add(i), *sum);
                    }
                }
                at += 64 * UNROLL;
            }
            while out.len() - at > 32 {
                let left = (out.len() - at).min(64);
                let mask = u64::MAX >> (64 - left);
                let mut sum = _mm512_setzero_si512();
                // SAFETY: the mask leaves only bytes that `out` and every row have; what is masked
                // off is neither read nor written.
                unsafe {
                    let out: *mut i8 = out.as_mut_ptr().add(at).cast();
                    if store == Store::Add {
                        sum = _mm512_maskz_loadu_epi8(mask, out);
                    }
                    for term in terms {
                        let row = term.row.as_ptr().add(at).cast();
                        let row = _mm512_maskz_loadu_epi8(mask, row);
                        sum = $Factor::new(term.by).mul_add(sum, row);
                    }
                    _mm512_mask_storeu_epi8(out, mask, sum);
                }
                at += left;
            }
            // The same for up to 32 bytes: a short secret lies in fewer cache lines this way.
            if at < out.len() {
                let mask = u32::MAX >> (32 - (out.len() - at));
                let mut sum = _mm256_setzero_si256();
                // SAFETY: as above.
                unsafe {
                    let out: *mut i8 = out.as_mut_ptr().add(at).cast();
                    if store == Store::Add {
                        sum = _mm256_maskz_loadu_epi8(mask, out);
                    }
                    for term in terms {
                        let row = term.row.as_ptr().add(at).cast();
                        let row = _mm256_maskz_loadu_epi8(mask, row);
                        sum = $Half::new(term.by).mul_add(sum, row);
                    }
                    _mm256_mask_storeu_epi8(out, mask, sum);
                }
            }
            Ok(())
        }
    };
}

kernel_256!(sum_avx2, "avx2", Nibbles256);
kernel_256!(sum_gfni_256, "gfni,avx2", Field256);
kernel_512!(
    sum_avx512,
    "avx512f,avx512bw,avx512vl",
    Nibbles512,
    Nibbles256
);
kernel_512!(
    sum_gfni_512,
    "gfni,avx512f,avx512bw,avx512vl",
    Field512,
    Field256
);
