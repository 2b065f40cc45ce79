// SPDX-License-Identifier: MIT OR Apache-2.0
//! No comparison in variable time of secret bytes. `==` on 32 of them is a handful of instructions without a
//! branch on x86-64, which memcheck lets pass, and a call of `memcmp` on other targets, which stops at
//! the first byte that differs. What has to be equal goes through `ct::eq_bytes`.

use crate::source::{self, Function};

/// Comparisons that are let pass: the function and a part of the operand.
const PUBLIC: [(&str, &str); 1] = [
    // A length, which is public once the plaintext has opened.
    ("managed_hsm::key_transport::open", "length"),
];

/// Methods of slices and iterators that compare.
const METHODS: [&str; 9] = [
    "eq",
    "ne",
    "cmp",
    "partial_cmp",
    "starts_with",
    "ends_with",
    "contains",
    "strip_prefix",
    "strip_suffix",
];

/// Names that code may ask a secret for: how long it is says nothing of what it is.
const ASKED: [&str; 4] = ["len", "is_empty", "declassify", "declassify_bytes"];

#[test]
fn nothing_secret_is_compared_with_an_operator() {
    let mut found = Vec::new();
    for function in source::all() {
        let path = function.path();
        for operand in comparisons(&function) {
            let let_pass = |(of, part): &(&str, &str)| *of == path && operand.contains(part);
            if !PUBLIC.iter().any(let_pass) {
                found.push(format!("{path}: {operand}"));
            }
        }
    }
    assert_eq!(
        found, [""; 0],
        "compare with ct::eq_bytes, or say why it is public"
    );
}

/// The secret operands of the function's comparisons.
fn comparisons(function: &Function) -> Vec<String> {
    let body = function
        .body
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let secret = secret_names(function, &body);
    let mut found = Vec::new();
    for operator in ["==", "!="] {
        for (at, _) in body.match_indices(operator) {
            for operand in [left(&body[..at]), right(&body[at + 2..])] {
                if is_secret(operand, &secret) {
                    found.push(operand.trim().to_owned());
                }
            }
        }
    }
    for method in METHODS {
        for (at, _) in body.match_indices(&format!(".{method}(")) {
            let (receiver, arguments) = (left(&body[..at]), &body[at + method.len() + 2..]);
            for operand in [receiver, right(arguments)] {
                if is_secret(operand, &secret) {
                    found.push(format!("{}.{method}(..)", operand.trim()));
                }
            }
        }
    }
    found
}

/// The names that the documentation calls secret, and those that are bound to parts of them.
fn secret_names(function: &Function, body: &str) -> Vec<String> {
    let named = function
        .secrets()
        .unwrap_or_default()
        .split('`')
        .skip(1)
        .step_by(2);
    let mut names: Vec<String> = named
        .filter(|name| is_name(name))
        .map(str::to_owned)
        .collect();
    // A binding may precede none that it is made of, so that one pass is enough.
    for (at, _) in body.match_indices("let ").chain(body.match_indices("for ")) {
        let rest = &body[at + 4..];
        let (binding, value) = if body[at..].starts_with("for ") {
            rest.split_once(" in ").unwrap_or_default()
        } else {
            rest.split_once(" = ").unwrap_or_default()
        };
        let end = value.find([';', '{']).unwrap_or(value.len());
        let value = &value[..end];
        if binding.len() < 80 && is_part(value, &names) {
            names.extend(
                words(binding)
                    .filter(|word| is_binding(word))
                    .map(str::to_owned),
            );
        }
    }
    // What a closure is given of a secret that is iterated over.
    for (at, _) in body.match_indices("(|") {
        let (Some(arguments), before) = (body[at + 2..].split('|').next(), &body[..at]) else {
            continue;
        };
        let start = before.rfind([';', '{', '}']).map_or(0, |start| start + 1);
        if is_part(&before[start..], &names) {
            names.extend(
                words(arguments)
                    .filter(|word| is_binding(word))
                    .map(str::to_owned),
            );
        }
    }
    names
}

/// Whether `value` is a secret, or is made of one by taking it apart.
fn is_part(value: &str, names: &[String]) -> bool {
    let value = value
        .trim_start_matches(['*', '&', ' ', '('])
        .trim_start_matches("mut ");
    let first = words(value).next().unwrap_or_default();
    // A path is no value: its first word is a module or a type.
    let is_path = value
        .strip_prefix(first)
        .is_some_and(|rest| rest.starts_with("::"));
    let is_named = names.iter().any(|name| name == first) && !is_path;
    (is_named || value.contains(".expose()")) && !asks(&chain(value))
}

fn is_secret(operand: &str, names: &[String]) -> bool {
    let named = words(operand).any(|word| names.iter().any(|name| name == word));
    (named || operand.contains(".expose()")) && !asks(operand)
}

/// What is called on a value, without the arguments.
fn chain(value: &str) -> String {
    let mut depth = 0;
    let outside = value.chars().filter(|c| {
        depth += i32::from(*c == '(') - i32::from(*c == ')');
        depth == 0
    });
    outside.collect()
}

fn asks(operand: &str) -> bool {
    words(operand).any(|word| ASKED.contains(&word))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

fn is_name(text: &str) -> bool {
    words(text).eq([text]) && text.starts_with(|c: char| c.is_lowercase())
}

/// A name that a pattern binds: neither a keyword nor a type.
fn is_binding(word: &str) -> bool {
    is_name(word) && !["mut", "ref", "_", "else"].contains(&word)
}

/// The operand that ends here.
fn left(text: &str) -> &str {
    let mut depth = 0;
    let start = text.char_indices().rev().find(|(at, c)| {
        match c {
            ')' | ']' => depth += 1,
            '(' | '[' if depth == 0 => return true,
            '(' | '[' => depth -= 1,
            _ if depth > 0 => {}
            '{' | '}' | ';' | ',' | '|' => return true,
            '&' if text[..*at].ends_with('&') => return true,
            '=' if !text[..*at].ends_with(['=', '!', '<', '>']) => return true,
            '>' if text[..*at].ends_with('=') => return true,
            _ => {}
        }
        false
    });
    start.map_or(text, |(at, c)| &text[at + c.len_utf8()..])
}

/// The operand that begins here.
fn right(text: &str) -> &str {
    let mut depth = 0;
    let end = text.char_indices().find(|(at, c)| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' if depth == 0 => return true,
            ')' | ']' => depth -= 1,
            _ if depth > 0 => {}
            '{' | '}' | ';' | ',' | '|' => return true,
            '&' if text[at + 1..].starts_with('&') => return true,
            _ => {}
        }
        false
    });
    end.map_or(text, |(at, _)| &text[..at])
}

#[test]
fn planted_comparisons_are_seen() {
    let planted = [
        "if key.expose() == other {",
        "let equal = 3 != 4 && other == *key.expose();",
        "let [first, ..] = key.expose();\n    if *first == 0 {",
        "let (a, b) = key.expose().split_at(16);\n    a == b",
        "same(1, text == b\"root\")",
        "text.iter().zip(other).all(|(x, y)| x == y)",
        "for byte in text {\n        if *byte != 0 {",
        "let front = text.get(..4)?;\n    front == b\"root\"",
        "text.starts_with(b\"root\")",
        "other.eq(key.expose())",
        "other.iter().eq(text)",
        "let Some(([part @ .., last], rest)) = text.cut().filter(|(_, rest)| rest.len() == 4) else {\n        return\n    };\n    *part == [0; 4]",
    ];
    for line in planted {
        let found = comparisons(&function(line));
        assert_eq!(
            found.len(),
            1 + usize::from(line.contains("a == b") || line.contains("x == y")),
            "{line}"
        );
    }
}

#[test]
fn what_is_public_is_let_pass() {
    let harmless = [
        "key.expose().len() == 32",
        "text.len() != 32 || other == text.len()",
        "eq_bytes(key.expose(), other).declassify() == true",
        "text.is_empty() == other",
        "let len = text.len();\n    len == 4",
        "let equal = eq_bytes(text, other);\n    other == 3 && opened(key.expose())",
        "Mask::eq(text, other)",
    ];
    for line in harmless {
        assert_eq!(comparisons(&function(line)), [""; 0], "{line}");
    }
}

/// A function of one line on a secret `text` and a `key`.
#[cfg(test)]
fn function(line: &str) -> Function {
    let text = format!("/// Secret: `text`. Leaks: nothing.\nfn f() {{\n    {line}\n}}\n");
    source::functions("m", &text).remove(0)
}
