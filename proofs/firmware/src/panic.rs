// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code that can panic refers to the symbol `panic_is_reachable`, which nothing defines.

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        safe fn panic_is_reachable() -> !;
    }
    panic_is_reachable()
}
