// SPDX-License-Identifier: MIT OR Apache-2.0
//! Kernels with a leak in them, never run: `proofs/kernels.py` must find it in their machine code.

use core::arch::x86_64::*;

use security_domain::hazmat::gf256::Term;

type Kernel = unsafe fn(&mut [u8], &[Term<'_>]);

#[used]
static KEEP: [Kernel; 2] = [planted_kernel_jump, planted_kernel_index];

/// The first vector of each row is added, unless it is all zeros: a jump.
#[target_feature(enable = "avx2")]
#[inline(never)]
unsafe fn planted_kernel_jump(out: &mut [u8], terms: &[Term<'_>]) {
    let mut sum = _mm256_setzero_si256();
    for term in terms {
        // SAFETY: never run.
        let row = unsafe { _mm256_loadu_si256(term.row.as_ptr().cast()) };
        if _mm256_testz_si256(row, row) == 0 {
            sum = _mm256_xor_si256(_mm256_add_epi8(sum, sum), row);
            // SAFETY: never run.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), sum) };
        }
    }
}

/// A byte of each row is the place that is written to: an address.
#[target_feature(enable = "avx2")]
#[inline(never)]
unsafe fn planted_kernel_index(out: &mut [u8], terms: &[Term<'_>]) {
    for term in terms {
        // SAFETY: never run.
        unsafe {
            let place = out.as_mut_ptr().add(usize::from(*term.row.as_ptr()));
            _mm256_storeu_si256(place.cast(), _mm256_set1_epi8(term.by.get() as i8));
        }
    }
}
