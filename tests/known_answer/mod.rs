// SPDX-License-Identifier: MIT OR Apache-2.0
//! The known answers of the vectors: written anew when a maintainer asks for it, and never under CI.

/// Whether the known answers are to be written anew: `WRITE_KNOWN_ANSWER` is set.
///
/// A run that writes what it is then compared with checks nothing, so CI must not make one.
pub fn rewritten() -> bool {
    let set = |name| std::env::var_os(name).is_some();
    allowed(set("WRITE_KNOWN_ANSWER"), set("CI"))
}

fn allowed(asked: bool, ci: bool) -> bool {
    assert!(!(asked && ci), "known answers are not rewritten under CI");
    asked
}

#[test]
#[should_panic(expected = "not rewritten under CI")]
fn known_answers_are_not_rewritten_under_ci() {
    allowed(true, true);
}

#[test]
fn known_answers_are_rewritten_on_request_only() {
    assert!(allowed(true, false));
    assert!(!allowed(false, false) && !allowed(false, true));
}
