// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which functions of the library draw.

use std::fs;

use crate::sources;

/// Every function whose signature takes a generator, or whose body asks the host for one, as
/// `file function`, sorted.
pub fn drawing() -> Vec<String> {
    let root = sources::root();
    let mut found = Vec::new();
    for file in sources::all()
        .iter()
        .filter(|file| !file.ends_with("tests.rs"))
    {
        let name = file.strip_prefix(&root).unwrap().with_extension("");
        let text = fs::read_to_string(file).unwrap();
        for function in in_text(&text) {
            found.push(format!("{} {function}", name.display()));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn in_text(text: &str) -> Vec<String> {
    let code = text.split("\nmod tests {").next().unwrap_or_default();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let functions = code.split("fn ").skip(1);
    functions
        .filter_map(|function| {
            let name = function.split(|c| !is_word(c)).next()?;
            let signature = function.split('{').next()?;
            let draws =
                { ["TryCryptoRng", "Generator<"].iter() }.any(|word| signature.contains(word));
            let draws = draws || function.contains(".rng()");
            (draws && !name.is_empty()).then(|| name.to_owned())
        })
        .collect()
}

#[test]
fn a_planted_function_is_found() {
    let text = "fn a() { host.rng() }\n/// fn b<R: TryCryptoRng>() {}\npub fn c<\n    R: TryCryptoRng,\n>(rng: &mut R) {\n}\n\
                fn d() {}\nfn f(rng: &mut Generator<'_>) {}\n#[cfg(test)]\nmod tests { fn e<R: TryCryptoRng>() {} }";
    assert_eq!(in_text(text), ["a", "c", "f"]);
}
