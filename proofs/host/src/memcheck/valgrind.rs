// SPDX-License-Identifier: MIT OR Apache-2.0
//! Client requests to Valgrind (its manual, section 3.1): a register pattern that a plain processor
//! runs as nothing, and Valgrind's as a call.

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("the request is written for x86-64 Linux");

const RUNNING_ON_VALGRIND: usize = 0x1001;
const COUNT_ERRORS: usize = 0x1201;
const MAKE_MEM_UNDEFINED: usize = 0x4d43_0001;
const MAKE_MEM_DEFINED: usize = 0x4d43_0002;

/// Sends a request and returns its answer, 0 without Valgrind.
fn request(code: usize, start: *const u8, len: usize) -> usize {
    let block = [code, start as usize, len, 0, 0, 0];
    let mut answer = 0usize;
    // SAFETY: four rotations by 128 bits in all give `rdi` back, and exchanging a register with itself
    // does nothing. Valgrind reads `block`, writes `rdx`, and changes what it believes of memory.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            in("rax") &raw const block, inout("rdx") answer, options(nostack),
        );
    }
    answer
}

/// Whether Valgrind runs this.
pub fn running() -> bool {
    request(RUNNING_ON_VALGRIND, core::ptr::null(), 0) != 0
}

/// How many uses of secrets in a branch or an address it has seen so far.
pub fn errors() -> usize {
    request(COUNT_ERRORS, core::ptr::null(), 0)
}

/// Marks bytes secret: from here on a branch on them, or an address made of them, is an error.
pub fn hide(bytes: &mut [u8]) {
    request(MAKE_MEM_UNDEFINED, bytes.as_mut_ptr(), bytes.len());
}

/// Marks bytes public, to look at a result.
pub fn reveal(bytes: &mut [u8]) {
    request(MAKE_MEM_DEFINED, bytes.as_mut_ptr(), bytes.len());
}

/// A secret copy of `bytes`.
pub fn hidden<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
    hide(&mut bytes);
    bytes
}

/// A public copy of `bytes`.
pub fn revealed<const N: usize>(bytes: &[u8; N]) -> [u8; N] {
    let mut copy = *bytes;
    reveal(&mut copy);
    copy
}
