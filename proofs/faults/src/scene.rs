// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every scene begins and ends with.

use core::ptr;

/// How a scene ended. Any two words differ in at least 12 bits, so that no other fault gives one.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Outcome {
    /// The library refused.
    Refused = 0x6b1d_0f52,
    /// What should have been refused took effect.
    Accepted = 0x94e2_f0ad,
    /// The library answered `Ok`, and nothing took effect.
    Hollow = 0xa7c4_395b,
    /// The scene could not be set up.
    NotSetUp = 0x5938_c6e4,
}

impl Outcome {
    /// Accepted if `effect` holds.
    pub fn took_effect(effect: bool) -> Self {
        if effect { Self::Accepted } else { Self::Hollow }
    }

    /// For an act that ends something, and answered that it did: accepted if it is `still_there`.
    pub fn failed_to_end(still_there: bool) -> Self {
        if still_there {
            Self::Accepted
        } else {
            Self::Refused
        }
    }
}

static mut WINDOW: u32 = 0;

/// From here on instructions are skipped.
#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn window_opens() {
    // SAFETY: the image runs on one core, without interrupts.
    unsafe { ptr::write_volatile(&raw mut WINDOW, 1) };
}

/// No longer.
#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn window_closes() {
    // SAFETY: as above.
    unsafe { ptr::write_volatile(&raw mut WINDOW, 2) };
}

/// A scene: the body gives the outcome, or nothing if it could not be set up.
#[macro_export]
macro_rules! scene {
    ($(#[$doc:meta])* $name:ident, |$wrong:ident, $hsm:ident| $body:block) => {
        $(#[$doc])*
        #[unsafe(no_mangle)]
        extern "C" fn $name(wrong: u32) -> u32 {
            fn run(
                $wrong: bool,
                $hsm: &'static mut $crate::host::Hsm,
            ) -> Option<$crate::scene::Outcome> {
                $body
            }
            let wrong = core::hint::black_box(wrong) != 0;
            let outcome = run(wrong, $crate::host::hsm());
            outcome.unwrap_or($crate::scene::Outcome::NotSetUp) as u32
        }
    };
}

/// The act, with the window open around it.
#[macro_export]
macro_rules! window {
    ($act:expr) => {{
        $crate::scene::window_opens();
        let answer = $act;
        $crate::scene::window_closes();
        answer
    }};
}
