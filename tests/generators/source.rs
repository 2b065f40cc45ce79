// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which functions of the library draw.

use std::fs;

use crate::sources;

/// Files that hand a generator on, or only tell it of steps, and tests.
const PASSING_ON: [&str; 5] = [
    "tests.rs",
    "rng/generator.rs",
    "lifecycle/host.rs",
    "custodian/raw_rsa.rs",
    "kem/ecdh.rs",
];

/// Every function whose signature takes a generator, or whose body asks the host for one, as
/// `file function`, sorted.
pub fn drawing() -> Vec<String> {
    let root = sources::root();
    let mut found = Vec::new();
    for file in sources::all()
        .iter()
        .filter(|file| !PASSING_ON.iter().any(|other| file.ends_with(other)))
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
            let words = ["TryCryptoRng", ": Generator", "rng: &mut dyn Watched"];
            let draws = words.iter().any(|word| signature.contains(word));
            let draws = draws || function.contains(".rng()") || function.contains("HostRng(");
            (draws && !name.is_empty()).then(|| name.to_owned())
        })
        .collect()
}

#[test]
fn a_planted_function_is_found() {
    let text = "fn a() { host.rng() }\nfn b() { HostRng(host) }\n/// fn b<R: TryCryptoRng>() {}\npub fn c<\n    R: TryCryptoRng,\n>(rng: &mut R) {\n}\n\
                fn d(watched: &mut dyn Watched) {}\nfn f(rng: &mut dyn Watched) {}\nfn g<R: Generator>(rng: &mut R) {}\n#[cfg(test)]\nmod tests { fn e<R: TryCryptoRng>() {} }";
    assert_eq!(in_text(text), ["a", "b", "c", "f", "g"]);
}
