// SPDX-License-Identifier: MIT OR Apache-2.0
//! An entry point from which `proofs/reach.py` looks for a way to the panic handler, and a planted
//! one that has a way.

/// Bytes of a length that the compiler does not know.
///
/// # Safety
///
/// `len` bytes are there.
pub unsafe fn bytes<'a>(start: *const u8, len: usize) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts(start, len) }
}

/// The same, to be written.
///
/// # Safety
///
/// `len` bytes are there, and nobody else's.
pub unsafe fn bytes_mut<'a>(start: *mut u8, len: usize) -> &'a mut [u8] {
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts_mut(start, len) }
}

/// A function of input and output whose lengths the compiler does not know.
macro_rules! entry {
    ($name:ident, |$in:ident, $out:ident| $body:expr) => {
        /// # Safety
        ///
        /// The bytes are there.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            input: *const u8,
            in_len: usize,
            output: *mut u8,
            out_len: usize,
        ) -> usize {
            // SAFETY: the caller's promise.
            let ($in, $out) = unsafe {
                (
                    $crate::entry::bytes(input, in_len),
                    $crate::entry::bytes_mut(output, out_len),
                )
            };
            $body
        }
    };
}

pub(crate) use entry;

entry!(reach_planted, |input, out| {
    out[input.len()] = 1;
    0
});
