// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be read in the source about secrets: nothing compares them with `==`, each function that
//! exposes one says so, and each of those is run by the checks that `docs/constant-time.md` names.

mod equality;
mod source;
mod table;

use source::Function;

/// Accessors, which hand on what they are asked for, and the self-tests, whose keys are known answers.
const SILENT: [(&str, &str); 5] = [
    ("secret", "expose"),
    ("secret", "expose_mut"),
    ("managed_hsm", "expose_master_key"),
    ("gf256::element", "expose"),
    ("shamir", "as_row"),
];

/// Whether this function exposes a secret to another module's eyes and does not say what is secret.
fn is_silent(function: &Function) -> bool {
    function.is_visible
        && function.body.contains(".expose()")
        && function.secrets().is_none()
        && function.name != "wipe"
        && !function.module.starts_with("self_test")
        && !SILENT.contains(&(&function.module, &function.name))
}

#[test]
fn a_function_that_exposes_a_secret_says_so() {
    let silent: Vec<String> = source::all()
        .iter()
        .filter(|function| is_silent(function))
        .map(Function::path)
        .collect();
    assert_eq!(
        silent, [""; 0],
        "what is secret, what is public, what leaks?"
    );
}

#[test]
fn a_planted_silent_function_is_seen() {
    let text = "/// Copies it.\npub(super) fn copy(key: &Secret<32>) -> [u8; 32] {\n    *key.expose()\n}\n";
    let functions = source::functions("kdf", text);
    assert!(matches!(&functions[..], [function] if is_silent(function)));
    let text = text.replace("Copies it.", "Secret: `key`. Leaks: nothing.");
    assert!(!is_silent(&source::functions("kdf", &text)[0]));
}
